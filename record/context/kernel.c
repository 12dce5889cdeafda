// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Context: the kernel and the CPUs. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "format/base/macros.h"
#include "record/context/context_parts.h"
#include "record/context/text.h"

int kt_context_uname(struct ktr_context *c)
{
	struct utsname u;
	struct kt_text t;
	int err;

	if (uname(&u))
		return -errno;
	err = kt_text_open(&t);
	if (err)
		return err;
	fprintf(t.f, "sysname\t%s\nnodename\t%s\nrelease\t%s\nversion\t%s\nmachine\t%s\n",
		u.sysname, u.nodename, u.release, u.version, u.machine);
	return kt_text_add(&t, c, "uname");
}

/* REQ_OP_READ of group req_op, __REQ_SYNC of req_flag: which constant of kconst.def is this? NULL = none. */
static const struct kt_const *find_const(const char *name)
{
	const char *group;

	if (!strncmp(name, "REQ_OP_", 7)) {
		group = "req_op";
		name += 7;
	} else if (!strncmp(name, "__REQ_", 6)) {
		group = "req_flag";
		name += 6;
	} else {
		return NULL;
	}
	for (size_t i = 0; i < kt_n_consts; i++)
		if (!strcmp(kt_consts[i].group, group) && !strcmp(kt_consts[i].name, name))
			return &kt_consts[i];
	return NULL;
}

int kt_context_constants(struct ktr_context *c, const struct btf *btf)
{
	struct kt_text t;
	int err = kt_text_open(&t);

	if (err)
		return err;
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const struct btf_enum *e;

		if (!btf_is_enum(type))
			continue;
		e = btf_enum(type);
		for (int i = 0; i < btf_vlen(type); i++, e++) {
			const struct kt_const *k =
				find_const(btf__name_by_offset(btf, e->name_off));

			if (k)
				fprintf(t.f, "%s %s %u\n", k->group, k->name, (uint32_t)e->val);
		}
	}
	return kt_text_add(&t, c, "kernel/constants");
}

static bool is_cpu(const char *name)
{
	return !strncmp(name, "cpu", 3) && name[3] >= '0' && name[3] <= '9';
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The node is the entry nodeN in the CPU's directory. */
static int node_of(int cpu)
{
	char path[64];
	struct dirent *e;
	int node = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d", cpu);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (sscanf(e->d_name, "node%d", &node) == 1)
			break;
	if (dir)
		closedir(dir);
	return node;
}

int kt_context_cpus(struct ktr_context *c)
{
	static const char base[] = "/sys/devices/system/cpu";
	struct kt_text t;
	struct dirent *e;
	int cpus[4096], n = 0, err = kt_text_open(&t);
	DIR *dir;

	if (err)
		return err;
	dir = opendir(base);
	while (dir && n < (int)KT_ARRAY_SIZE(cpus) && (e = readdir(dir)))
		if (is_cpu(e->d_name))
			cpus[n++] = atoi(e->d_name + 3);
	if (dir)
		closedir(dir);
	qsort(cpus, n, sizeof(cpus[0]), by_number);
	fputs("cpu\tonline\tcore\tpackage\tnode\n", t.f);
	for (int i = 0; i < n; i++) {
		int cpu = cpus[i], node = node_of(cpu);
		char v[32];

		fprintf(t.f, "%d\t", cpu);
		/* A CPU that cannot be taken offline has no such file. */
		kt_text_value(t.f,
			      *kt_read_value(v, sizeof(v), "%s/cpu%d/online", base, cpu) ? v : "1");
		fputc('\t', t.f);
		kt_text_value(t.f,
			      kt_read_value(v, sizeof(v), "%s/cpu%d/topology/core_id", base, cpu));
		fputc('\t', t.f);
		kt_text_value(t.f,
			      kt_read_value(v, sizeof(v), "%s/cpu%d/topology/physical_package_id",
					    base, cpu));
		if (node >= 0)
			fprintf(t.f, "\t%d\n", node);
		else
			fputs("\t-\n", t.f);
	}
	return kt_text_add(&t, c, "cpus");
}
