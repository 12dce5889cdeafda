// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "record/kenum.h"

#define PREFIX "kt_enum_"

struct var {
	const char *name; /* of the enumerator */
	int32_t *value;
};

#define VARS_MAX 64

static size_t find_vars(struct bpf_object *obj, struct var vars[VARS_MAX])
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -1;
	const struct btf_type *sec;
	const struct btf_var_secinfo *v;
	struct bpf_map *map = NULL, *m;
	size_t n = 0, size = 0;
	char *data;

	/* The map's own name begins with the object's. */
	bpf_object__for_each_map(m, obj) if (strstr(bpf_map__name(m), ".rodata")) map = m;
	/* Writable until it is loaded; const in some versions of libbpf. */
	data = map ? (char *)bpf_map__initial_value(map, &size) : NULL;
	if (id < 0 || !data)
		return 0;
	sec = btf__type_by_id(btf, id);
	v = btf_var_secinfos(sec);
	for (int i = 0; i < btf_vlen(sec) && n < VARS_MAX; i++, v++) {
		const char *name =
			btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);

		if (!strncmp(name, PREFIX, strlen(PREFIX)) && v->size == sizeof(int32_t) &&
		    v->offset + sizeof(int32_t) <= size)
			vars[n++] =
				(struct var){name + strlen(PREFIX), (int32_t *)(data + v->offset)};
	}
	return n;
}

int kt_kenum_set(struct bpf_object *obj, const struct btf *kernel)
{
	struct var vars[VARS_MAX];
	size_t n = find_vars(obj, vars);

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
					*vars[k].value = e->val;
		}
	}
	return 0;
}
