// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The floor: the two hooks of a bio on zram, with programs that do nothing. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/block_bio_queue")
int empty_queue(void *ctx)
{
	return 0;
}

SEC("tp_btf/block_bio_complete")
int empty_complete(void *ctx)
{
	return 0;
}
