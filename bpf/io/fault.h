/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Whether a task is in a page fault. */
#ifndef KT_BPF_IO_FAULT_H
#define KT_BPF_IO_FAULT_H

#include "bpf/io/syscalls.h"
#include "bpf/base/task.h"

/*
 * Is the current task in the page fault in user mode that k knows of? *ret_sure: false where the kernel keeps no note of it: it is
 * in no system call, nor did a fault in kernel mode come since; it may be on its way back already.
 */
static __always_inline bool kt_in_user_fault(struct task_struct *t, const struct kt_task *k,
					     bool *ret_sure)
{
	if (!k->fault_ns)
		return false;
	if (bpf_core_field_exists(t->in_user_fault))
		return BPF_CORE_READ_BITFIELD(t, in_user_fault);
	*ret_sure = false;
	return !k->kernel_fault_ns && kt_call_nr((void *)bpf_task_pt_regs(t)) == -1;
}

#endif
