// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <bpf/btf.h>
#include <string.h>

#include "record/rodata.h"

size_t kt_rodata_find(struct bpf_object *obj, const char *prefix, size_t size,
		      struct kt_rodata_var vars[KT_RODATA_MAX])
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -1;
	const struct btf_type *sec;
	const struct btf_var_secinfo *v;
	struct bpf_map *map = NULL, *m;
	size_t n = 0, len = strlen(prefix), data_size = 0;
	char *data;

	/* The name of the map begins with that of the object. */
	bpf_object__for_each_map(m, obj) if (strstr(bpf_map__name(m), ".rodata")) map = m;
	/* Writable until loaded; const in some versions of libbpf. */
	data = map ? (char *)bpf_map__initial_value(map, &data_size) : NULL;
	if (id < 0 || !data)
		return 0;
	sec = btf__type_by_id(btf, id);
	v = btf_var_secinfos(sec);
	for (int i = 0; i < btf_vlen(sec) && n < KT_RODATA_MAX; i++, v++) {
		const char *name =
			btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);

		if (!strncmp(name, prefix, len) && v->size == size && v->offset + size <= data_size)
			vars[n++] = (struct kt_rodata_var){name + len, data + v->offset};
	}
	return n;
}
