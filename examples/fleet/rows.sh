# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# For load-clickhouse and load-parquet. rows NAME DATABASE: what NAME.sql says of it is in $tmp/NAME.json, a row a line.
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Whatever ~/.sqliterc says.
query() {
	sqlite3 -init /dev/null -readonly -batch -list -noheader "$@"
}

rows() {
	query "$2" <"$here/$1.sql" >"$tmp/$1.json" 2>"$tmp/err" ||
		die "$2: not a database that this version of ktrace-analyze made: $(head -n 1 "$tmp/err")"
}
