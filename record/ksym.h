/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Addresses of the running kernel's functions, for the BPF programs: see KT_KERNEL_SYM in bpf/base/ktrace.bpf.h. */
#ifndef KT_RECORD_KSYM_H
#define KT_RECORD_KSYM_H

#include <bpf/libbpf.h>
#include <stdbool.h>

/*
 * Sets every `kt_sym_NAME` of the object's .rodata to the address of the function NAME, of the kernel or of a module that is
 * loaded now. It stays 0 where there is no such function, where several have that name, and where /proc/kallsyms does
 * not tell: what needs it is then off. *ret_hidden: it tells nothing at all. To be called before loading.
 */
int kt_ksym_set(struct bpf_object *obj, bool *ret_hidden);

#endif
