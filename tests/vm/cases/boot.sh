# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# The guest is in user space, its disks are there and take I/O.
null_blk nr_devices=2 gb=1
grep . /sys/block/*/queue/scheduler
for d in vda nvme0n1 nullb0 nullb1; do
	dd if="/dev/$d" of=/dev/null bs=64k count=16 iflag=direct
done
uname -r >"$OUT/release"
[ -r /sys/kernel/btf/vmlinux ]
