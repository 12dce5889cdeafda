# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# The whole storage path on one disk, with somebody in the way: what examples/recordings/storage.ktr was made of
# (tests/vm/run --keep DIR --case storage).
need fio mkfs.ext4
scheduler vda mq-deadline
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 /dev/vda
mkdir -p /mnt
mount -t ext4 /dev/vda /mnt
# table: read past the page cache, on the CPU that hog works on; orders: buffered, with fsync; index: read again and again.
cat >/tmp/storage.fio <<'END'
[global]
directory=/mnt
ioengine=psync
runtime=2
time_based
[table]
filename=table
size=8m
rw=randread
bs=16k
direct=1
rate_iops=60
cpus_allowed=1
[orders]
filename=orders
size=2m
rw=randwrite
bs=4k
fsync=8
rate_iops=80
[index]
filename=index
invalidate=0
size=256k
rw=randread
bs=4k
rate_iops=150
[hog]
ioengine=cpuio
cpuload=50
cpuchunks=20000
cpus_allowed=1
runtime=2
END
fio --output=/dev/null --create_only=1 /tmp/storage.fio
cat /mnt/index >/dev/null
sync
families=storage record storage 'fio --output=/dev/null /tmp/storage.fio; sync'
umount /mnt
