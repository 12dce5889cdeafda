# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# Which I/O caused a bio, by the objects of this kernel: seven engines at once, a disk and a file on ext4.
need io-load mkfs.ext4
scheduler vda none
scheduler nvme0n1 none
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 /dev/vda
mkdir -p /mnt
mount -t ext4 /dev/vda /mnt
dd if=/dev/zero of=/mnt/file bs=1M count=8 conv=fsync
sync
families=storage record links '
	io-load /dev/nvme0n1 512 psync,read,4096,60,1 aio,write,8192,60,8 uring,read,4096,60,16 async,write,16384,60,8 \
		sqpoll,read,4096,60,8 link,read,12288,60,8 fixed,read,4096,60,8 vec,write,65536,40,1 >/tmp/log
	io-load /mnt/file 4096 psync,read,4096,60,1 aio,read,8192,60,8 uring,read,4096,60,16 async,write,16384,60,8 \
		sqpoll,read,4096,60,8 link,read,12288,60,8 fixed,read,4096,60,8 vec,write,65536,40,1 >/tmp/log
	sync
'
umount /mnt
