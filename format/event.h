/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The events in C: struct kt_<event>, enum kt_event_id, enum kt_hook, generated from
 * format/events/<family>.def by including them several times. Shared by the BPF programs and by user space.
 *
 * Every event starts with the same 12 bytes: u64 ts_ns (CLOCK_MONOTONIC), u16 id, u16 len (its total
 * size). Its size is fixed, a multiple of 8, and free of padding (asserted here). Little-endian.
 */
#ifndef KT_FORMAT_EVENT_H
#define KT_FORMAT_EVENT_H

#include <linux/types.h>

/* C types of the field types that a .def may use. */
#define KT_C_u8 __u8
#define KT_C_u16 __u16
#define KT_C_u32 __u32
#define KT_C_u64 __u64
#define KT_C_s32 __s32
#define KT_C_s64 __s64
#define KT_C_char char

/* The common part of all events. Events repeat its members instead of embedding it: it would be padded to 16. */
struct kt_event {
	__u64 ts_ns;
	__u16 id;
	__u16 len;
	__u32 first; /* first field of the specific event */
};
#define KT_EVENT_HDR 12

/* Why events were lost. */
enum kt_loss {
#define KT_LOSS(name, nr, text, summary, meaning) KT_LOSS_##name = nr,
#include "format/losses.def"
#undef KT_LOSS
};
#define KT_N_LOSS 8 /* those that may occur in a file */

enum kt_bio_flags {
	KT_BIO_BASED =
		1
		<< 0, /* the disk takes bios directly (zram, dm, md): no request will follow there */
	KT_BIO_SWAP = 1 << 1, /* to or from a swap area */
};

/* Of device. */
enum kt_device_flags {
	KT_DEVICE_ROTATIONAL = 1 << 0,
	KT_DEVICE_BIO_BASED = 1 << 1, /* the disk takes bios directly */
};

enum kt_rq_flags {
	KT_RQ_FINAL = 1 << 0,	  /* rq_complete: the request ends here */
	KT_RQ_FLUSH_SEQ = 1 << 1, /* it goes through PREFLUSH, data, POSTFLUSH */
	KT_RQ_IO_STAT = 1 << 2,	  /* the kernel counts it in /proc/diskstats */
	KT_RQ_TRUNCATED = 1 << 3, /* it has more bios than the walk may visit */
};

/* sched_switch: how the task left the CPU. */
enum kt_task_state {
	KT_TASK_RUNNABLE = 0, /* preempted, or it yielded */
	KT_TASK_SLEEP = 1,    /* interruptible */
	KT_TASK_DISK = 2,     /* uninterruptible */
	KT_TASK_OTHER = 3,    /* stopped, dead, idle, ... */
};

enum kt_switch_flags {
	KT_SWITCH_WOKEN = 1 << 0,      /* wait_ns counts from the wake-up of next */
	KT_SWITCH_PREEMPTED = 1 << 1,  /* wait_ns counts from when next left the CPU, runnable */
	KT_SWITCH_BY_IRQ = 1 << 2,     /* next was woken from a hard interrupt */
	KT_SWITCH_BY_SOFTIRQ = 1 << 3, /* next was woken from a soft interrupt */
	KT_SWITCH_MIGRATED = 1 << 4,   /* next last ran on another CPU */
	/* Filters: the task itself matches; all its switches are recorded, whatever it does. */
	KT_SWITCH_NEXT_FOLLOWED = 1 << 5,
	KT_SWITCH_PREV_FOLLOWED = 1 << 6,
};

/* task_comm: how the name came about. */
enum kt_comm_flags {
	KT_COMM_EXEC = 1 << 0, /* it runs another program */
	KT_COMM_SET = 1 << 1,  /* it, or another thread of its process, set it */
};

/* Kinds of operations. Also what caused a bio: io_kind of bio_queue. Numbers are never reused. */
enum kt_io_kind {
	KT_IO_KIND_NONE = 0,
	KT_IO_KIND_SYSCALL = 1,	  /* task and age */
	KT_IO_KIND_URING = 2,	  /* address of the io_kiocb */
	KT_IO_KIND_AIO = 3,	  /* address of the user's iocb, and its task */
	KT_IO_KIND_FAULT = 4,	  /* task and age: for a page of a file, or one from swap */
	KT_IO_KIND_LOOP = 5,	  /* address of the upper request */
	KT_IO_KIND_WRITEBACK = 6, /* task and age: a kernel thread's call */
	KT_IO_KIND_JOURNAL = 7,	  /* the same; for a log (xfs) also the address of its buffer */
	KT_IO_KIND_READAHEAD = 8,
	/* task and age: it reclaims memory by writing to swap, outside any of the others */
	KT_IO_KIND_SWAP = 9,
	/* task and age; `io` is an enum kt_io_op: on its way back from that call, or while it exits */
	KT_IO_KIND_AFTER = 10,
};

/* Of io_call and io_submit. */
enum kt_io_op {
#define KT_IO_OP(name, nr, text) KT_IO_OP_##name = (nr),
#include "format/ioops.def"
#undef KT_IO_OP
	KT_N_IO_OPS
};

enum kt_io_flags {
	KT_IO_FLAG_DIRECT = 1 << 0, /* O_DIRECT */
	KT_IO_FLAG_SYNC = 1 << 1,   /* O_SYNC, O_DSYNC, RWF_SYNC, RWF_DSYNC */
	KT_IO_FLAG_FIXED = 1 << 2,  /* io_uring: a registered buffer */
	KT_IO_FLAG_SQPOLL = 1 << 3, /* io_uring: submitted by the kernel's polling thread */
	KT_IO_FLAG_WORKER = 1 << 4, /* io_uring: carried out by a worker thread */
	/* a data call on a regular file or a block device: an io even without bios */
	KT_IO_FLAG_DATA = 1 << 5,
	/* O_APPEND, RWF_APPEND: a write at the end of the file, wherever that is by then */
	KT_IO_FLAG_APPEND = 1 << 6,
	/* it caused no bio and is recorded because it slept: perhaps for another's */
	KT_IO_FLAG_SLEPT = 1 << 7,
};

/* Of io_call and io_submit, size: the requested size could not be read. */
#define KT_IO_SIZE_UNKNOWN (~0ull)

/* What the path of io_file starts from. One of the first three is set. */
enum kt_name_flags {
	KT_NAME_ROOTED = 1 << 0,    /* from the root of the mount namespace */
	KT_NAME_UNMOUNTED = 1 << 1, /* from the root of a file system that is not mounted */
	KT_NAME_CUT = 1 << 2,	    /* too long: its beginning is missing */
	KT_NAME_DELETED = 1 << 3,   /* the file had been deleted */
};

/* How bio_queue knows its cause. */
enum kt_link_flags {
	KT_LINK_INFERRED = 1 << 0, /* not by an object that identifies it */
	KT_LINK_WAITED = 1 << 1,   /* its submitter waits for this bio */
};

/* Event ids. */
enum kt_event_id {
#define KT_FAMILY(name, base, presets, wants, doc)
#define KT_HOOK(family, name, tp, sig, event, doc)
#define KT_EVENT(name, id, doc) KT_EV_##name = id,
#define KT_FIELD(type, name, kind, doc)
#define KT_ARRAY(type, name, n, kind, doc)
#define KT_END(name)
#include "kt_families.def"
#undef KT_HOOK
#undef KT_EVENT
#undef KT_FIELD
#undef KT_ARRAY
#undef KT_END
};

/* Hooks: places in the kernel, each with one program <family>__<name>. */
enum kt_hook {
#define KT_HOOK(family, name, tp, sig, event, doc) KT_HOOK_##family##__##name,
#define KT_EVENT(name, id, doc)
#define KT_FIELD(type, name, kind, doc)
#define KT_ARRAY(type, name, n, kind, doc)
#define KT_END(name)
#include "kt_families.def"
#undef KT_HOOK
#undef KT_EVENT
#undef KT_FIELD
#undef KT_ARRAY
#undef KT_END
	KT_N_HOOKS
};

/* struct kt_<event> */
#define KT_HOOK(family, name, tp, sig, event, doc)
#define KT_EVENT(name, nr, doc) \
	struct kt_##name {      \
		__u64 ts_ns;    \
		__u16 id;       \
		__u16 len;
#define KT_FIELD(type, name, kind, doc) KT_C_##type name;
#define KT_ARRAY(type, name, n, kind, doc) KT_C_##type name[n];
#define KT_END(name) \
	}            \
	;
#include "kt_families.def"
#undef KT_EVENT
#undef KT_FIELD
#undef KT_ARRAY
#undef KT_END

/* No padding, and a size that rings do not round up. 12: KT_EVENT_HDR. */
#define KT_EVENT(name, id, doc) _Static_assert(sizeof(struct kt_##name) == KT_EVENT_HDR
#define KT_FIELD(type, name, kind, doc) +sizeof(KT_C_##type)
#define KT_ARRAY(type, name, n, kind, doc) +(n) * sizeof(KT_C_##type)
#define KT_END(name)                                                                                  \
	, "padding in " #name ": order its fields, and fill it up with one called reserved, so that " \
	  "each is aligned after the 12 bytes that come first, and the size is a multiple of 8");     \
	_Static_assert(sizeof(struct kt_##name) % 8 == 0,                                             \
		       "size of " #name ": not a multiple of 8; add a field called reserved");
#include "kt_families.def"
#undef KT_FAMILY
#undef KT_HOOK
#undef KT_EVENT
#undef KT_FIELD
#undef KT_ARRAY
#undef KT_END

#endif
