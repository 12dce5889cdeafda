// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <string.h>

#include "record/kenum.h"
#include "record/rodata.h"

int kt_kenum_set(struct bpf_object *obj, const struct btf *kernel)
{
	struct kt_rodata_var vars[KT_RODATA_MAX];
	size_t n = kt_rodata_find(obj, "kt_enum_", sizeof(int32_t), vars);

	for (uint32_t id = 1; n && id < btf__type_cnt(kernel); id++) {
		const struct btf_type *t = btf__type_by_id(kernel, id);
		const struct btf_enum *e;

		if (!btf_is_enum(t))
			continue;
		e = btf_enum(t);
		for (int i = 0; i < btf_vlen(t); i++, e++) {
			const char *name = btf__name_by_offset(kernel, e->name_off);

			for (size_t k = 0; k < n; k++)
				if (!strcmp(vars[k].name, name))
					memcpy(vars[k].value, &e->val, sizeof(e->val));
		}
	}
	n = kt_rodata_find(obj, "kt_func_", sizeof(int32_t), vars);
	for (size_t k = 0; k < n; k++) {
		int32_t has = btf__find_by_name_kind(kernel, vars[k].name, BTF_KIND_FUNC) > 0;

		memcpy(vars[k].value, &has, sizeof(has));
	}
	return 0;
}
