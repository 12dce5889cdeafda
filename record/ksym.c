// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "record/ksym.h"
#include "record/rodata.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct kt_rodata_var *)a)->name,
		      ((const struct kt_rodata_var *)b)->name);
}

int kt_ksym_set(struct bpf_object *obj, bool *ret_hidden)
{
	struct kt_rodata_var vars[KT_RODATA_MAX], *v;
	size_t n = kt_rodata_find(obj, "kt_sym_", sizeof(uint64_t), vars), size = 0;
	bool twice[KT_RODATA_MAX] = {false}, any = false;
	char *line = NULL;
	FILE *f = n ? fopen("/proc/kallsyms", "r") : NULL;

	qsort(vars, n, sizeof(vars[0]), by_name);
	/* `address type name`, followed by `\t[module]` for a module. */
	while (f && getline(&line, &size, f) > 0) {
		struct kt_rodata_var key;
		uint64_t address, *value;
		char *p;

		address = strtoull(line, &p, 16);
		any |= address;
		if (!address || p[0] != ' ' || !p[1] || p[2] != ' ')
			continue;
		key.name = p + 3;
		p[3 + strcspn(p + 3, "\t\n ")] = '\0';
		v = bsearch(&key, vars, n, sizeof(vars[0]), by_name);
		if (!v)
			continue;
		value = v->value;
		if (*value && *value != address)
			twice[v - vars] = true;
		*value = address;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t *value = vars[i].value;

		if (twice[i])
			*value = 0;
		kt_debug("symbol %s: %#" PRIx64 "%s", vars[i].name, *value,
			 twice[i] ? ", several have that name" : "");
	}
	free(line);
	if (f)
		fclose(f);
	*ret_hidden = n && !any;
	return 0;
}
