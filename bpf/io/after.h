/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What tells of a call that returns: whether it waited for others, and whether it left something to do. */
#ifndef KT_BPF_IO_AFTER_H
#define KT_BPF_IO_AFTER_H

#include "bpf/io/call.h"

/* Calls that may wait for others' bios. The others sleep for other things: io_uring_enter for its requests, which are told themselves. */
#define MAY_WAIT(op) (1ull << KT_IO_OP_##op)
static const u64 waiters = MAY_WAIT(OPEN) | MAY_WAIT(CLOSE) | MAY_WAIT(UNLINK) | MAY_WAIT(RENAME) |
			   MAY_WAIT(MKDIR) | MAY_WAIT(RMDIR) | MAY_WAIT(LINK) | MAY_WAIT(SYMLINK) |
			   MAY_WAIT(TRUNCATE) | MAY_WAIT(FALLOCATE) | MAY_WAIT(XATTR) |
			   MAY_WAIT(CHMOD) | MAY_WAIT(CHOWN) | MAY_WAIT(STAT) | MAY_WAIT(GETDENTS) |
			   MAY_WAIT(EXECVE) | MAY_WAIT(MOUNT) | MAY_WAIT(UMOUNT) |
			   MAY_WAIT(FADVISE) | MAY_WAIT(READAHEAD) | MAY_WAIT(MUNMAP);
_Static_assert(KT_N_IO_OPS <= 64, "a set of operations is one u64");

static __always_inline bool may_have_waited(const struct kt_task *k, struct task_struct *t)
{
	return t->nvcsw != k->call_nvcsw && (waiters >> (k->call_op & 63) & 1);
}

/* The last file of a descriptor is closed, and a file system unmounted, when the call has returned: before user mode. */
#define WORKS 4 /* that are looked at */
KT_KERNEL_SYM(____fput);
KT_KERNEL_SYM(__cleanup_mnt);

static __always_inline bool leaves_work(struct task_struct *t)
{
	struct callback_head *w = t->task_works;

	for (int i = 0; i < WORKS && w; i++) {
		u64 func = (u64)BPF_CORE_READ(w, func);

		if ((kt_sym_____fput && func == kt_sym_____fput) ||
		    (kt_sym___cleanup_mnt && func == kt_sym___cleanup_mnt))
			return true;
		w = BPF_CORE_READ(w, next);
	}
	return false;
}

#endif
