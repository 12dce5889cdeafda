/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Addresses of the running kernel's functions, for the BPF programs: see KT_KERNEL_SYM in bpf/base/ktrace.bpf.h. */
#ifndef KT_RECORD_KSYM_H
#define KT_RECORD_KSYM_H

#include <bpf/libbpf.h>
#include <stdbool.h>

/*
 * Sets every `kt_sym_NAME` in the object's .rodata to the address of the function NAME, of the kernel or of a loaded
 * module. It stays 0 if there is no such function, if several have that name, or if /proc/kallsyms does
 * not show it: what needs it is then off. *ret_hidden: it shows no addresses at all. Call it before loading.
 */
int kt_ksym_set(struct bpf_object *obj, bool *ret_hidden);

#endif
