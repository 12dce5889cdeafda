# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# Swap: a program in a cgroup that is too small for it, then a file in memory for which all of the machine has no room.
[ -e /proc/swaps ] || skip "the kernel has no swap"
mkdir -p /cg /t
mount -t cgroup2 none /cg && echo +memory >/cg/cgroup.subtree_control || skip "no memory controller"
mkswap /dev/vda
swapon /dev/vda
mkdir /cg/small
echo 8M >/cg/small/memory.max
mount -t tmpfs -o size=100% none /t
# So that the rest and some more goes to swap.
free=$(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) / 1024))
dd if=/dev/zero of=/t/most bs=1M count=$((free - 90))
families=storage record swap '
	sh -c "echo \$\$ >/cg/small/cgroup.procs
		exec awk \"BEGIN { for (i = 0; i < 120000; i++) a[i] = i \\\" as a text that takes room\\\"
			for (i = 0; i < 120000; i += 10) n += length(a[i]); print n }\""
	dd if=/dev/zero of=/t/more bs=1M count=110
	cat /t/most | tail -c 1
'
cat /proc/swaps
rm /t/*
swapoff /dev/vda
umount /t
rmdir /cg/small
