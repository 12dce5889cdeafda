# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# The verifier takes the programs with each kind of filter, and with as many values of all as there may be. (What filters let in is
# judged by tests/live/filters.py.)
echo x >/tmp/file
sleep 1000 &
other=$!
# Not the shell's own number: of a subshell it would be that of its parent.
all="-p $other -t $other -c sh --disk vda --file /tmp/file --dir /tmp"
for f in "-p $other" "-t $other" "-c sh" "--disk vda" "--file /tmp/file" "--dir /tmp" "--op read" \
	"--op read,write,fsync,flush $all $all $all $all $all $all $all $all $all $all $all $all $all $all $all $all"; do
	ktrace-record --list $f >/tmp/list 2>&1 || {
		cat /tmp/list
		exit 1
	}
	if grep refused /tmp/list; then
		echo "with $f"
		exit 1
	fi
done
kill $other
