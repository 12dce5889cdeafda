# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# virtio-blk: queue depth, merges, flushes, discards.
need fio
for s in none mq-deadline; do
	scheduler vda $s
	record $s '
		fio --name=mixed --filename=/dev/vda --rw=randrw --bs=4k --direct=1 --ioengine=libaio --iodepth=16 --size=16m --io_size=4m --fsync=64 --thread --output=/dev/null
		fio --name=seq --filename=/dev/vda --rw=write --bs=4k --direct=1 --ioengine=libaio --iodepth=32 --iodepth_batch=16 --size=4m --thread --output=/dev/null
		dd if=/dev/zero of=/dev/vda bs=64k count=64 conv=fsync
		dd if=/dev/vda of=/dev/null bs=8M count=2 iflag=direct
		blkdiscard -o 16M -l 8M /dev/vda
	'
done
