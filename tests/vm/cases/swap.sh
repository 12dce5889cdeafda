# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# Swap: a program in a cgroup that is too small for it, then more files in memory than the machine has room for. What lies there the longest
# goes to swap: the programs. Without swap at the end, since whatever ran after the recording would read from it.
[ -e /proc/swaps ] || skip "the kernel has no swap"
mkdir -p /cg /t
mount -t cgroup2 none /cg && echo +memory >/cg/cgroup.subtree_control || skip "no memory controller"
mkswap /dev/vda
swapon /dev/vda
mkdir /cg/small
echo 8M >/cg/small/memory.max
mount -t tmpfs -o size=100% none /t
free=$(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) / 1024))
dd if=/dev/zero of=/t/most bs=1M count=$((free - 90))
families=storage record swap '
	sh -c "echo \$\$ >/cg/small/cgroup.procs
		exec awk \"BEGIN { for (i = 0; i < 120000; i++) a[i] = i \\\" as a text that takes room\\\"
			for (i = 0; i < 120000; i += 10) n += length(a[i]); print n }\""
	dd if=/dev/zero of=/t/more bs=1M count=110
	cat /proc/swaps
	rm /t/more
	find / -xdev -type f -exec cat {} + >/dev/null
	rm /t/most
	swapoff /dev/vda
'
umount /t
rmdir /cg/small
