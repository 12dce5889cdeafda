# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
# The whole storage path on one disk, with somebody in the way: what examples/recordings/storage.ktr was made of
# (tests/vm/run --keep DIR --case storage).
need fio mkfs.ext4
scheduler vda mq-deadline
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 /dev/vda
mkdir -p /mnt
mount -t ext4 /dev/vda /mnt
# table: read past the page cache, on the CPU that hog works on; orders: buffered, with fsync; index: read again and again.
# Each is a fio of its own name: that is what reports call them.
for f in table orders index hog; do cp "$(command -v fio)" /tmp/$f; done
cat >/tmp/jobs <<'END'
job() {
	n=$1
	shift
	/tmp/$n --name=$n --thread --output=/dev/null "$@"
}
disk() {
	job "$@" --directory=/mnt --ioengine=psync
}
table="table --size=8m --rw=randread --bs=16k --direct=1"
orders="orders --size=2m --rw=randwrite --bs=4k --fsync=8"
index="index --size=256k --rw=randread --bs=4k --invalidate=0"
END
. /tmp/jobs
for j in "$table" "$orders" "$index"; do disk $j --create_only=1; done
cat /mnt/index.0.0 >/dev/null
sync
cat >/tmp/load <<'END'
. /tmp/jobs
for j in "$table --rate_iops=60 --cpus_allowed=1" "$orders --rate_iops=80" "$index --rate_iops=150"; do
	disk $j --time_based --runtime=2 &
done
job hog --ioengine=cpuio --cpuload=50 --cpuchunks=20000 --cpus_allowed=1 --runtime=2 --time_based &
wait
sync
END
families=storage record storage 'sh -e /tmp/load'
umount /mnt
