/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Constants of the running kernel, for the BPF programs: see KT_KERNEL_ENUM in bpf/base/ktrace.bpf.h. */
#ifndef KT_RECORD_KENUM_H
#define KT_RECORD_KENUM_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>

/*
 * Sets every `kt_enum_NAME` in the object's .rodata to the value of the enumerator NAME, of any enum. One that the
 * kernel does not have keeps its value. Sets every `kt_func_NAME` to 1 if the kernel has a function NAME. Call it before
 * loading.
 */
int kt_kenum_set(struct bpf_object *obj, const struct btf *kernel);

#endif
