# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# ext4 on virtio-blk: journal, PREFLUSH and FUA, writeback. Mounted inside the run, so that nothing is left over.
need fio mkfs.ext4
scheduler vda none
mkfs.ext4 -q -F /dev/vda
mkdir -p /mnt
record ext4 '
	mount -t ext4 /dev/vda /mnt
	fio --name=sync --directory=/mnt --rw=randwrite --bs=4k --ioengine=psync --size=4m --io_size=1m --fsync=8 --thread --output=/dev/null
	dd if=/dev/zero of=/mnt/big bs=64k count=128 conv=fsync
	echo 3 >/proc/sys/vm/drop_caches
	dd if=/mnt/big of=/dev/null bs=64k
	rm /mnt/big
	umount /mnt
'
