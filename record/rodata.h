/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Constants of the BPF programs, set before loading: the verifier knows them and drops dead code. */
#ifndef KT_RECORD_RODATA_H
#define KT_RECORD_RODATA_H

#include <bpf/libbpf.h>
#include <stddef.h>

#define KT_RODATA_MAX 96

struct kt_rodata_var {
	const char *name; /* without the prefix; the object's */
	void *value;	  /* of the requested size */
};

/* The variables of .rodata whose names begin with prefix and that have that size. Returns how many. */
size_t kt_rodata_find(struct bpf_object *obj, const char *prefix, size_t size,
		      struct kt_rodata_var vars[KT_RODATA_MAX]);

#endif
