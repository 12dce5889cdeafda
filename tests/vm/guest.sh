#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# The payload's /payload/run: every case named in /payload/cases, each in a shell and a directory of
# its own, its results sent as soon as it ends. A case is a script sourced with these functions:
#   skip REASON...          ends the case as skipped
#   need PROGRAM...         or skips
#   scheduler DISK NAME     or skips
#   null_blk PARAMETER...   null disks of just these parameters, whatever an earlier case made
#   record NAME SCRIPT      records what SCRIPT does into NAME.ktr, with /proc/diskstats around it; families=... of others than block, filters=... of the recorder
[ "$1" ] || {
	while read -r name limit; do
		mkdir -p "/out/$name"
		timeout -s KILL "$limit" sh "$0" "$name" >"/out/$name/log" 2>&1
		rc=$?
		echo $rc >"/out/$name/status"
		# timeout ends the case's shell only, and what it started must not disturb the next.
		[ $rc = 137 ] && killall -q -9 ktrace-record fio dd
		dmesg -c >"/out/$name/dmesg" 2>&1
		send "$name"
	done </payload/cases
	exit 0
}

OUT=/out/$1
export OUT

skip() {
	echo "$*" >"$OUT/skip"
	exit 77
}

need() {
	for p in "$@"; do
		command -v "$p" >/dev/null || skip "$p is not installed"
	done
}

scheduler() {
	modprobe "$2" 2>/dev/null || modprobe "$2-iosched" 2>/dev/null || :
	echo "$2" >"/sys/block/$1/queue/scheduler" && grep -qF "[$2]" "/sys/block/$1/queue/scheduler" ||
		skip "$1 has no scheduler $2"
}

null_blk() {
	modprobe -r null_blk 2>/dev/null || :
	modprobe null_blk "$@"
	for p in "$@"; do
		[ "$(cat "/sys/module/null_blk/parameters/${p%=*}")" = "${p#*=}" ] || {
			echo "null_blk was not loaded with $p"
			exit 1
		}
	done
}

record() {
	cat /proc/diskstats >"$OUT/$1.before"
	ktrace-record -e "${families:-block}" $filters -o "$OUT/$1.ktr" -- sh -ec "$2" 2>"$OUT/$1.err"
	rc=$?
	cat /proc/diskstats >"$OUT/$1.after"
	cat "$OUT/$1.err"
	[ $rc = 0 ] && [ -s "$OUT/$1.ktr" ] || {
		echo "$1: ktrace-record ended with $rc"
		exit 1
	}
}

# Hooks of file systems are there once those are loaded.
for m in xfs btrfs; do
	modprobe $m || echo "the kernel has no module $m"
done
set -e
. "/payload/$1.sh"
