// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The floor of an event: the two hooks of a bio on zram, each puts 40 bytes with a time stamp into a ring that nobody reads and
 * that holds a whole run of zram-cost.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 28);
} ring SEC(".maps");

struct event {
	__u64 ts_ns;
	__u64 rest[4];
};

static __always_inline int emit(void)
{
	struct event *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);

	if (!e)
		return 0;
	e->ts_ns = bpf_ktime_get_ns();
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/block_bio_queue")
int ring_queue(void *ctx)
{
	return emit();
}

SEC("tp_btf/block_bio_complete")
int ring_complete(void *ctx)
{
	return emit();
}
