# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# null_blk: the fastest disk, completing in softirq; every scheduler the kernel has.
need fio
null_blk nr_devices=2 gb=1
for s in none mq-deadline kyber bfq; do
	scheduler nullb0 $s
	record $s '
		fio --name=rand --filename=/dev/nullb0 --rw=randrw --bs=4k --direct=1 --ioengine=libaio --iodepth=32 --size=64m --io_size=8m --thread --output=/dev/null
		fio --name=seq --filename=/dev/nullb0 --rw=write --bs=4k --direct=1 --ioengine=io_uring --iodepth=64 --iodepth_batch=32 --size=4m --thread --output=/dev/null
	'
done
