/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Common to all programs: KT_PROG() defines one, kt_hit_begin() counts its run, KT_RESERVE() reserves room for one event of
 * the named type, KT_SUBMIT() publishes it. core.bpf.c defines the maps.
 *
 *	KT_PROG(bio, block_bio_queue, block_bio_queue, struct bio *bio)
 *	{
 *		struct kt_hit hit;
 *		struct kt_bio_queue *e;
 *
 *		if (!kt_hit_begin(&hit, KT_HOOK_bio__block_bio_queue))
 *			return 0;
 *		e = KT_RESERVE(&hit, bio_queue);
 *		if (!e)
 *			return 0;
 *		e->bio = (u64)bio;
 *		…
 *		KT_SUBMIT(e);
 *		return 0;
 *	}
 */
#ifndef KT_BPF_BASE_KTRACE_BPF_H
#define KT_BPF_BASE_KTRACE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "bpf/base/kernel.h"
#include "bpf/base/ring_layout.h"
#include "bpf/base/shared.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

struct kt_stats_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_cpu_stat);
};

/*
 * A constant that differs between kernels: an enumerator's value, also one of an anonymous enum, which CO-RE cannot
 * name. Before loading, the recorder looks up every `kt_enum_NAME` of .rodata in the kernel's BTF; if the
 * kernel has no such enumerator, the value given here stays.
 */
#define KT_KERNEL_ENUM(name, otherwise) const volatile __u32 kt_enum_##name = (otherwise)

/* A function's address; 0 = this kernel has no such function, or not yet (modules): see record/ksym.h. */
#define KT_KERNEL_SYM(name) const volatile __u64 kt_sym_##name = 0

/* 1 if BPF programs can call that function of the kernel (a kfunc), else 0. */
#define KT_KERNEL_FUNC(name) const volatile __u32 kt_func_##name = 0

/*
 * Reads kernel memory through a bare address. Where the kernel has bpf_rdonly_cast (6.2), a read is a plain load, which yields
 * 0 if nothing is mapped there; elsewhere each is a helper call. KT_PTR() makes a pointer for KT_LOAD() and nothing else, and so
 * does KT_LOAD() of a pointer. KT_LOAD() takes a variable, or KT_PTR() of one.
 *
 * bpftool (7.1) cannot link two objects that both name the section of a kfunc: only core.bpf.c does.
 */
#ifdef KT_NAMES_KSYMS
extern void *bpf_rdonly_cast(const void *p, __u32 type) __ksym __weak;
#else
extern void *bpf_rdonly_cast(const void *p, __u32 type) __weak;
#endif
extern const volatile __u32 kt_func_bpf_rdonly_cast;

#define KT_IS_DIRECT kt_func_bpf_rdonly_cast
#define KT_PTR(type, address)                                                                \
	(KT_IS_DIRECT ? (struct type *)bpf_rdonly_cast((const void *)(address),              \
						       bpf_core_type_id_kernel(struct type)) \
		      : (struct type *)(address))
#define KT_LOAD(p, field) (KT_IS_DIRECT ? (p)->field : BPF_CORE_READ(p, field))

/* A pointer that lies at an address. */
static __always_inline void *kt_pointer_at(u64 address)
{
	return KT_LOAD(KT_PTR(hlist_head, address), first);
}

/*
 * A pointer as a number. The verifier forbids arithmetic on pointers that it knows; what is read back from a map's memory
 * is a number to it.
 */
static __always_inline u64 kt_as_number(const void *p, u64 *scratch)
{
	*(volatile u64 *)scratch = (u64)p;
	return *(volatile u64 *)scratch;
}

/*
 * The first bytes of a structure, read at once: cheaper than field by field, where each read is a helper call. KT_HEAD_READ()
 * reads them, KT_HEAD_FIELD() is a field of what KT_PTR() made; one that lies beyond them in this kernel is read by itself.
 */
#define KT_HEAD_BYTES 80

struct kt_head {
	union {
		u8 bytes[KT_HEAD_BYTES];
		u64 scratch;
	};
	/* Of the file that was read last on this CPU (bpf/io/file.h): the name it was opened by, and kt_generation(). */
	u64 dentry;
	u32 generation, pad;
};

/* Scratch memory for immediate use: the stack of all functions together is 512 bytes. */
struct kt_heads_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_head);
};

#define KT_HEAD_READ(head, p) (KT_IS_DIRECT ? 0 : bpf_probe_read_kernel(head, KT_HEAD_BYTES, p))
#define KT_HEAD_FIELD(head, p, field)                                                            \
	({                                                                                       \
		typeof((p)->field) kt_field_;                                                    \
		if (KT_IS_DIRECT)                                                                \
			kt_field_ = (p)->field;                                                  \
		else if (bpf_core_field_offset((p)->field) + sizeof(kt_field_) <= KT_HEAD_BYTES) \
			kt_field_ = *(typeof(kt_field_) *)((head)->bytes +                       \
							   bpf_core_field_offset((p)->field));   \
		else                                                                             \
			kt_field_ = BPF_CORE_READ(p, field);                                     \
		kt_field_;                                                                       \
	})

/* 1 if that family is recorded, else 0: a constant to the verifier, which drops the code that depends on it. */
#define KT_WITH(family) const volatile __u32 kt_with_##family = 0

/*
 * What is known about a task while it is traced, in task storage, created when a family first needs it. Each part is written by
 * the programs of one family and read by all.
 */
struct kt_task {
	/*
	 * What most programs read: up to call_ino it lies in the cache line that every look-up touches.
	 *
	 * io: the operation that is open. page opens one for a kernel thread's writeback or commit.
	 */
	u64 call_ns; /* when it began; 0 = none is open */
	/* sched: since when it is runnable and does not run; 0 = it runs or sleeps */
	u64 wait_ns;
	u64 uring_req; /* the io_uring request that runs inline; 0 = none */
	u32 waker_tid;
	u16 wake_cpu;
	u16 last_cpu;  /* on which it ran last, + 1; 0 = not known */
	u8 wait_flags; /* enum kt_switch_flags */
	u8 tracked;    /* filters: the open operation matches */
	u8 asked; /* filters: of a kernel thread: a task at work on what matches woke it last, or waits for its next commit */
	u8 call_kind;  /* enum kt_io_kind */
	u16 call_op;   /* enum kt_io_op */
	u8 call_flags; /* enum kt_io_flags */
	u8 after;      /* io: it does what a call left to do: see after_ns */
	u32 call_bios; /* it caused so far */
	u32 call_dev;  /* of a block device: the device; else 0 */

	u64 call_inode; /* struct inode of its file; 0 = none */
	u64 call_ino;	/* its number, where call_inode is not 0; of a block device: of its node */
	s64 call_offset;
	u64 call_size;
	u32 call_ino_dev;
	/* the file whose name was asked for last */
	u32 named_generation;
	u64 named_dentry; /* 0 = none */
	u64 named_ino;
	u32 named_dev;
	u32 named_changes; /* kt_name_changes by then */
	u64 fault_ns; /* of the last page fault in user mode since the last system call; 0 = none */
	u64 fault_address;
	u64 call_nvcsw; /* the task's voluntary switches when it began */
	/* What a call left to be done before its task is back in user mode, or what a task does as it exits. */
	u64 after_ns; /* since when */
	s32 after_nr; /* number of that call; while the task's registers still tell it, the task is not back */
	u16 after_op;	    /* enum kt_io_op */
	u8 fault_made_room; /* the fault wrote to swap since it began to make room */
	u8 followed;	    /* filters: it matched by itself; see kt_is_followed() */
	u64 kernel_fault_ns; /* of the last one in kernel mode, where no operation was open; 0 = one in user mode came later */
	/* filters: the file that was looked at last, and whether it is below a directory of --dir */
	u64 dir_dentry;
	u32 dir_generation;
	u32 dir_changes; /* kt_name_changes by then */
	u16 dir_below;
	u8 call_late; /* filters: the open operation matched by a bio, and not when it began */
	u8 pad;
	u32 call_has; /* filters: the kinds that the open operation satisfies */
	u64 followed_cgroup;
	u32 exec_tid; /* io: its number when it last called exec, which may change it; 0 = it has a new one since */
	u32 pad2;
};

_Static_assert(__builtin_offsetof(struct kt_task, call_ino) <= 56,
	       "in one line with the head of the storage");

struct kt_tasks_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kt_task);
};

/* The last few interrupts of a CPU, each without those nested in it: they do not overlap. */
#define KT_CPU_SPANS 256 /* a power of two */

struct kt_cpu_span {
	u64 start_ns, end_ns;
	u16 nr;
	u8 soft;
	u8 pad[5];
};

/*
 * What is known about a CPU: written by the programs of irq that run on it; sched_switch clears an interrupt whose end was not
 * seen. All 0 if irq is not recorded.
 */
struct kt_cpu {
	u64 hard_ns;  /* the hard interrupt that runs now began; 0 = none runs */
	u64 soft_ns;  /* the soft one, or its part since the last hard one within it */
	u64 cause_ns; /* the hard interrupt began that raised the soft one that runs; known of BLOCK_SOFTIRQ only; 0 = none */
	u64 raise_ns; /* the hard interrupt began that raised BLOCK_SOFTIRQ, which has not run yet; 0 = none */
	u32 hard_nr, soft_nr, cause_nr, raise_nr;
	u32 n_spans; /* so far: the last is spans[(n_spans - 1) % KT_CPU_SPANS] */
	u32 pad;
	struct kt_cpu_span spans[KT_CPU_SPANS];
};

struct kt_cpus_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_cpu);
};

/* Defined in core.bpf.c. */
extern struct kt_tasks_map kt_tasks SEC(".maps");
extern struct kt_cpus_map kt_cpus SEC(".maps");
extern struct kt_heads_map kt_heads SEC(".maps");
extern struct kt_stats_map kt_stats SEC(".maps");
extern volatile __u32 kt_on;
extern volatile __u32 kt_measure;
extern volatile __u32 kt_name_changes; /* renames, links and mounts so far: names may be others */

/* This CPU's. */
static __always_inline struct kt_cpu_stat *kt_stat_here(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&kt_stats, &cpu);
}

/* Times a run, in windows that the recorder opens (record/cost.h). Out of line, to cost nothing while no window is open. */
__noinline __attribute__((weak)) int kt_measure_begin(u32 hook)
{
	struct kt_cpu_stat *stat = kt_stat_here();

	if (stat && hook < KT_N_HOOKS)
		stat->hook[hook].begun_ns = bpf_ktime_get_ns();
	return 0;
}

__noinline __attribute__((weak)) int kt_measure_end(u32 hook)
{
	u64 now = bpf_ktime_get_ns();
	struct kt_cpu_stat *stat = kt_stat_here();
	struct kt_hook_stat *h;

	if (!stat || hook >= KT_N_HOOKS)
		return 0;
	h = &stat->hook[hook];
	if (h->begun_ns) {
		h->measured_ns += now - h->begun_ns;
		h->measured++;
		h->begun_ns = 0;
	}
	return 0;
}

/* clang-format off */
#define KT_PROG(family, name, tp, args...)                                                      \
	static __always_inline int kt_prog_##family##__##name(unsigned long long *ctx, ##args); \
	SEC("tp_btf/" #tp)                                                                      \
	int family##__##name(unsigned long long *ctx)                                           \
	{                                                                                       \
		if (kt_measure)                                                                 \
			kt_measure_begin(KT_HOOK_##family##__##name);                           \
		_Pragma("GCC diagnostic push")                                                  \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"") /* as BPF_PROG() does */ \
		kt_prog_##family##__##name(___bpf_ctx_cast(args));                              \
		_Pragma("GCC diagnostic pop")                                                   \
		if (kt_measure)                                                                 \
			kt_measure_end(KT_HOOK_##family##__##name);                             \
		return 0;                                                                       \
	}                                                                                       \
	static __always_inline int kt_prog_##family##__##name(unsigned long long *ctx, ##args)
/* clang-format on */

/*
 * Hands over what a family gathered on this CPU instead of emitting it at once. The recorder runs it on each CPU about every
 * second, and at the run's end, when kt_on is cleared already:
 *
 *	KT_FLUSH(irq)
 *	{
 *		struct kt_hit hit;
 *
 *		if (!kt_flush_begin(&hit))
 *			return 0;
 *		… KT_RESERVE_MORE(&hit, irq_sum) … KT_SUBMIT(e) …
 *		return 0;
 *	}
 *
 * It runs in an inter-processor interrupt: never within a program that runs with interrupts off (hard interrupts, switches),
 * but it may come in the middle of one of this CPU that runs with them on (system calls, bios, soft interrupts). What
 * such a program shares with it is taken by atomic exchange.
 */
#define KT_FLUSH(family) \
	SEC("raw_tp")    \
	int family##__flush(void *ctx)

/* A hook was hit: one run of its program. */
struct kt_hit {
	struct kt_cpu_stat *stat;
	u32 hook;
};

/* For a function that a program calls, out of line: the run is counted already. */
static __always_inline bool kt_hit_again(struct kt_hit *hit, u32 hook)
{
	hit->hook = hook;
	hit->stat = kt_stat_here();
	return hit->stat;
}

/* Counts the run. False: nothing is being recorded. */
static __always_inline bool kt_hit_begin(struct kt_hit *hit, u32 hook)
{
	if (!kt_on || !kt_hit_again(hit, hook))
		return false;
	hit->stat->hook[hook].runs++;
	return true;
}

/* The same for KT_FLUSH, which belongs to no hook: no run is counted. */
static __always_inline bool kt_flush_begin(struct kt_hit *hit)
{
	return kt_hit_again(hit, KT_N_HOOKS);
}

/* This run emits nothing, on purpose. */
static __always_inline void kt_hit_filtered(struct kt_hit *hit)
{
	hit->stat->hook[hit->hook].filtered++;
}

/*
 * Rare, so out of line: an event was lost. Interrupts may come in between: add atomically.
 */
static __noinline __attribute__((unused)) int kt_lose(struct kt_cpu_stat *stat, enum kt_loss why)
{
	u64 now = bpf_ktime_get_ns(), first;

	if (!stat || why >= KT_N_LOSS)
		return 0;
	/* An interrupt may have come in between, and lost something later than this: the first is the earliest. */
	first = stat->first_ns;
	if (!first || now < first)
		stat->first_ns = now;
	stat->last_ns = now;
	/* Last, so that whoever takes the count over finds the time. */
	__sync_fetch_and_add(&stat->pending_n[why], 1);
	return 0;
}

/* An object cannot be followed: a map is full, or there is no memory. */
static __noinline __attribute__((unused)) int kt_no_room(void)
{
	return kt_lose(kt_stat_here(), KT_LOSS_NO_ROOM);
}

/*
 * The time stamp is read after the record is reserved: whoever reads the ring's position at a time t has seen every record whose
 * time stamp is before t. The recorder's watermark rests on this.
 */
#define KT_RESERVE_MORE(hit, event)                                         \
	({                                                                  \
		struct kt_##event *kt_e_ = kt_ring_reserve(sizeof(*kt_e_)); \
		if (kt_e_) {                                                \
			kt_e_->ts_ns = bpf_ktime_get_ns();                  \
			kt_e_->id = KT_EV_##event;                          \
			kt_e_->len = sizeof(*kt_e_);                        \
		} else {                                                    \
			kt_lose((hit)->stat, KT_LOSS_RING_FULL);            \
		}                                                           \
		kt_e_;                                                      \
	})

/* The hook's own event: its failure is what the hook's `lost` counts. */
#define KT_RESERVE(hit, event)                                              \
	({                                                                  \
		struct kt_##event *kt_event_ = KT_RESERVE_MORE(hit, event); \
		if (!kt_event_)                                             \
			(hit)->stat->hook[(hit)->hook].lost++;              \
		kt_event_;                                                  \
	})

#define KT_SUBMIT(e) kt_ring_submit(e)

#endif
