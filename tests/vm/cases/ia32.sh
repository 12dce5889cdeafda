# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# 32-bit calls of a 64-bit program, with offsets that need two words; and a call by its x32 number, which is none.
need who-load
null_blk nr_devices=1 gb=8
families=io
who-load int80 /dev/nullb0 >"$OUT/calls" || skip "the kernel takes no 32-bit calls"
record ia32 '
	who-load int80 /dev/nullb0
	who-load x32 /dev/nullb0
'
filters="--disk nullb0 --op read,write,fsync,fdatasync,sync_file_range -c who-load"
record ia32-filters 'who-load int80 /dev/nullb0'
