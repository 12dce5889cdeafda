# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# Stacked disks: dm-linear over two pieces of virtio-blk, dm-delay on top of nvme.
need fio dmsetup
modprobe dm_mod
modprobe dm_delay || skip "the kernel has no dm-delay"
scheduler vda none
scheduler nvme0n1 none
dmsetup --noudevsync --noudevrules create linear <<END
0 32768 linear /dev/vda 65536
32768 32768 linear /dev/vda 8192
END
dmsetup --noudevsync --noudevrules create delay --table "0 65536 delay /dev/nvme0n1 2048 20"
linear=/dev/$(basename "$(readlink -f /sys/dev/block/"$(dmsetup info -c --noheadings -o major,minor linear)")")
delay=/dev/$(basename "$(readlink -f /sys/dev/block/"$(dmsetup info -c --noheadings -o major,minor delay)")")
record dm "
	fio --name=linear --filename=$linear --rw=randrw --bs=4k --direct=1 --ioengine=libaio --iodepth=8 --size=32m --io_size=4m --thread --output=/dev/null
	dd if=$linear of=/dev/null bs=1M count=32 iflag=direct
	dd if=$linear of=/dev/null bs=512k count=1 skip=31 iflag=direct
	dd if=$linear of=/dev/null bs=1M count=1 skip=16252928 iflag=direct,skip_bytes
	fio --name=delay --filename=$delay --rw=randrw --bs=4k --direct=1 --ioengine=libaio --iodepth=8 --size=16m --io_size=1m --thread --output=/dev/null
"
dmsetup --noudevsync --noudevrules remove linear
dmsetup --noudevsync --noudevrules remove delay
