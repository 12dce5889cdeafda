# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# Three jobs on two disks: what examples/recordings/randrw.ktr was made of (tests/vm/run --keep DIR --case randrw).
need fio mkfs.ext4
scheduler vda mq-deadline
scheduler nvme0n1 none
# Nothing may be written but by the jobs: counters are read before the recording and after it. So no inode tables that are
# initialised later, and nothing left that the journal commits some seconds after.
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 /dev/vda
mkdir -p /mnt
mount -t ext4 /dev/vda /mnt
cat >/tmp/randrw.fio <<'END'
[global]
thread
runtime=2
time_based
direct=1
[database]
filename=/mnt/table
size=16m
rw=randrw
bs=4k
ioengine=libaio
iodepth=8
rate_iops=400
[log]
filename=/mnt/log
size=8m
rw=write
bs=16k
ioengine=psync
fdatasync=4
rate_iops=150
[backup]
filename=/dev/nvme0n1
size=64m
rw=read
bs=256k
ioengine=psync
rate_iops=150
END
fio --output=/dev/null --create_only=1 /tmp/randrw.fio
sync
record randrw 'fio --output=/dev/null /tmp/randrw.fio; sync'
umount /mnt
