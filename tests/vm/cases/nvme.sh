# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# nvme: several hardware queues; io_uring and plain system calls.
need fio
for s in none mq-deadline; do
	scheduler nvme0n1 $s
	record $s '
		fio --name=uring --filename=/dev/nvme0n1 --rw=randrw --bs=4k --direct=1 --ioengine=io_uring --iodepth=32 --size=16m --io_size=4m --fsync=64 --thread --output=/dev/null
		fio --name=psync --filename=/dev/nvme0n1 --rw=randread --bs=8k --direct=1 --ioengine=psync --numjobs=2 --size=4m --thread --output=/dev/null
		dd if=/dev/zero of=/dev/nvme0n1 bs=64k count=64 conv=fsync
		dd if=/dev/nvme0n1 of=/dev/null bs=1M count=16 iflag=direct
		blkdiscard -o 16M -l 8M /dev/nvme0n1
	'
done
