/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* libaio. The kernel has no tracepoints for it: io_submit() tells of its iocbs. Owns a map: for calls.bpf.c alone. */
#ifndef KT_BPF_IO_AIO_H
#define KT_BPF_IO_AIO_H

#include "bpf/io/submit.h"

#include <linux/aio_abi.h>

/* Off the stack. */
struct aio_scratch {
	struct iocb iocb;
	u64 addresses; /* of the call: where those of its iocbs are */
	u64 since_ns;  /* when it began */
	u64 named;     /* the file whose name was asked for last in it; an address */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct aio_scratch);
} kt_iocbs SEC(".maps");

/* Set by the recorder: more iocbs than a context may hold. */
const volatile __u64 kt_aio_max = 1;

/* One iocb in the caller's memory. Its file, if it was told. Out of line and verified once: it is called in a loop. */
__noinline __attribute__((weak)) u64 kt_aio_one(u64 address)
{
	u32 zero = 0;
	struct aio_scratch *scratch = bpf_map_lookup_elem(&kt_iocbs, &zero);
	struct io_where w = {.flags = KT_IO_FLAG_DATA};
	struct task_struct *t = bpf_get_current_task_btf();
	struct kt_file f = {};
	struct iocb *iocb;
	struct kt_hit hit;
	u16 op;

	if (!scratch || !kt_hit_again(&hit, KT_HOOK_io__sys_enter))
		return 0;
	iocb = &scratch->iocb;
	if (bpf_probe_read_user(iocb, sizeof(*iocb), (void *)address))
		return 0;
	kt_file_read(kt_fd_file(t, iocb->aio_fildes), true, &f);
	if (!f.inode)
		return 0;
	w.offset = iocb->aio_offset;
	w.size = iocb->aio_nbytes;
	switch (iocb->aio_lio_opcode) {
	case IOCB_CMD_PREADV:
		w.size = kt_vec_sum(kt_call_is_32(t), iocb->aio_buf, iocb->aio_nbytes);
		op = KT_IO_OP_READ;
		break;
	case IOCB_CMD_PREAD:
		op = KT_IO_OP_READ;
		break;
	case IOCB_CMD_PWRITEV:
		w.size = kt_vec_sum(kt_call_is_32(t), iocb->aio_buf, iocb->aio_nbytes);
		op = KT_IO_OP_WRITE;
		break;
	case IOCB_CMD_PWRITE:
		op = KT_IO_OP_WRITE;
		break;
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC:
		op = iocb->aio_lio_opcode == IOCB_CMD_FSYNC ? KT_IO_OP_FSYNC : KT_IO_OP_FDATASYNC;
		w.offset = -1;
		w.size = 0;
		break;
	default:
		return 0;
	}
	w.flags |= kt_file_io_flags(&f, op, iocb->aio_rw_flags);
	return tell_submit(&hit, t, &f, &w, address, iocb->aio_data, op, KT_IO_KIND_AIO) ? f.file
											 : 0;
}

/* The iocb of that number. Returns whether it is over: the kernel, too, stops at what it cannot read. */
static long aio_next(u32 i, void *unused)
{
	u32 zero = 0;
	struct aio_scratch *scratch = bpf_map_lookup_elem(&kt_iocbs, &zero);
	u64 address = 0, file, size;

	if (!scratch)
		return 1;
	size = kt_call_is_32(bpf_get_current_task_btf()) ? sizeof(u32) : sizeof(u64);
	if (bpf_probe_read_user(&address, size, (void *)(scratch->addresses + i * size)))
		return 1;
	file = kt_aio_one(address);
	if (file && file != scratch->named) {
		kt_name_check(file, 0, scratch->since_ns);
		scratch->named = file;
	}
	return 0;
}

/* struct aio_ring, which a context's number is the address of: the kernel takes no more than it has room for. */
#define AIO_RING_NR 4

static __always_inline void aio_submit(u64 context, s64 n, u64 addresses, u64 since_ns)
{
	u32 zero = 0, room;
	struct aio_scratch *scratch = bpf_map_lookup_elem(&kt_iocbs, &zero);

	if (!scratch || n <= 0)
		return;
	/* Not there before the program has looked at it; and it may have written there. */
	if (!bpf_probe_read_user(&room, sizeof(room), (void *)(context + AIO_RING_NR)) && n > room)
		n = room;
	if ((u64)n > kt_aio_max)
		n = kt_aio_max;
	scratch->addresses = addresses;
	scratch->since_ns = since_ns;
	scratch->named = 0;
	bpf_loop(n, aio_next, NULL, 0);
}

#endif
