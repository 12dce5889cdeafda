// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/schema.h"
#include "record/choose.h"
#include "record/probes.h"

#define BTF_DIR "/sys/kernel/btf"

static const char *const state_names[] = {
	[KT_PROBE_OFF] = "off",		  [KT_PROBE_MISSING] = "missing",
	[KT_PROBE_REFUSED] = "refused",	  [KT_PROBE_READY] = "ready",
	[KT_PROBE_ATTACHED] = "attached",
};

static const struct btf_type *strip_qualifiers(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_typedef(t) || btf_is_mod(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* The kind of an argument as kt_hooks[].sig words it. */
static const char *arg_kind(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = strip_qualifiers(btf, id);

	if (!t)
		return "void";
	if (btf_is_int(t) || btf_is_any_enum(t))
		return "int";
	if (!btf_is_ptr(t))
		return "other";
	t = strip_qualifiers(btf, t->type);
	if (!t || btf_is_void(t))
		return "void";
	if (btf_is_int(t) && t->size == 1)
		return "char";
	if (btf_is_struct(t) || btf_is_union(t) || btf_is_fwd(t))
		return btf__name_by_offset(btf, t->name_off);
	return "other";
}

/* Is the text in the file? Types of modules are some 100 KiB each: cheaper to search than to parse. */
static bool file_has(const char *path, const char *text)
{
	size_t cap = 1 << 16, n = 0, got;
	char *data = malloc(cap);
	FILE *f = fopen(path, "re");
	bool has = false;

	while (f && data && (got = fread(data + n, 1, cap - n, f)) > 0) {
		n += got;
		if (n == cap) {
			char *more = realloc(data, cap * 2);

			if (!more)
				break;
			data = more;
			cap *= 2;
		}
	}
	if (data)
		has = memmem(data, n, text, strlen(text) + 1);
	if (f)
		fclose(f);
	free(data);
	return has;
}

/* The types of the loaded module that has this tracepoint; NULL = none. The caller frees them. */
static struct btf *module_of(const struct btf *kernel, const char *typedef_name)
{
	struct btf *btf = NULL;
	DIR *dir = opendir(BTF_DIR);
	struct dirent *d;

	while (dir && !btf && (d = readdir(dir))) {
		char path[300];

		if (*d->d_name == '.' || !strcmp(d->d_name, "vmlinux"))
			continue;
		snprintf(path, sizeof(path), BTF_DIR "/%s", d->d_name);
		if (file_has(path, typedef_name))
			btf = btf__parse_split(path, (struct btf *)kernel);
	}
	if (dir)
		closedir(dir);
	return btf;
}

/*
 * btf_trace_<tp> is the kernel's type of a tracepoint's probe: typedef void (*)(void *, args …). Arguments are
 * compared first: a program with the wrong signature would load anyway and read the wrong memory.
 */
static bool check_args(const struct btf *btf, int id, const struct kt_hook_desc *h, char *why,
		       size_t size)
{
	const struct btf_type *t;
	const struct btf_param *args;
	const char *colon = strchr(h->sig, ':'), *sig = colon ? colon + 1 : h->sig;

	t = strip_qualifiers(btf, id);
	if (t && btf_is_ptr(t))
		t = strip_qualifiers(btf, t->type);
	if (!t || !btf_is_func_proto(t)) {
		snprintf(why, size, "tracepoint %s has no argument types", h->tracepoint);
		return false;
	}
	args = btf_params(t);
	for (int i = 1; *sig; i++) {
		size_t len = strcspn(sig, ",");
		const char *has = i < btf_vlen(t) ? arg_kind(btf, args[i].type) : "nothing";

		if (strlen(has) != len || memcmp(has, sig, len)) {
			snprintf(why, size, "tracepoint %s: argument %d is %s here, not %.*s",
				 h->tracepoint, i, has, (int)len, sig);
			return false;
		}
		sig += len;
		sig += *sig == ',';
	}
	return true;
}

/* Is a module loaded, or a file system built in? */
static bool is_there(const char *name)
{
	char line[128], path[96];
	bool found;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	found = !access(path, F_OK);
	f = fopen("/proc/filesystems", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		const char *tab = strchr(line, '\t');

		line[strcspn(line, "\n")] = '\0';
		found = tab && !strcmp(tab + 1, name);
	}
	if (f)
		fclose(f);
	return found;
}

/* If its module is not loaded, there is nothing to record. */
static bool is_unloaded(const struct kt_hook_desc *h, char *why, size_t size)
{
	const char *colon = strchr(h->sig, ':');
	char name[64];

	if (!colon)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(colon - h->sig), h->sig);
	if (is_there(name))
		return false;
	snprintf(why, size, "%s is not loaded: nothing to record", name);
	return true;
}

/* That of a file system may be in a module: known once that is loaded. */
static enum kt_probe_state check_one(const struct btf *btf, const struct kt_hook_desc *h, char *why,
				     size_t size)
{
	struct btf *module = NULL;
	char name[96];
	bool ok;
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", h->tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0) {
		module = module_of(btf, name);
		id = module ? btf__find_by_name_kind(module, name, BTF_KIND_TYPEDEF) : -1;
	}
	ok = id >= 0;
	if (!ok && is_unloaded(h, why, size))
		return KT_PROBE_OFF;
	if (ok)
		ok = check_args(module ? module : btf, id, h, why, size);
	else
		snprintf(why, size, "neither this kernel nor a loaded module has tracepoint %s",
			 h->tracepoint);
	btf__free(module);
	return ok ? KT_PROBE_READY : KT_PROBE_MISSING;
}

/* Length of a hook's name without its variant: NAME___61 is NAME on older kernels. */
static size_t base_length(const char *name)
{
	const char *flavour = strstr(name, "___");

	return flavour ? (size_t)(flavour - name) : strlen(name);
}

static bool is_other_form(const struct kt_hook_desc *a, const struct kt_hook_desc *b)
{
	size_t n = base_length(a->name);

	return a != b && !strcmp(a->family, b->family) && n == base_length(b->name) &&
	       !memcmp(a->name, b->name, n);
}

/* A kernel has only one of the variants of a hook: the others are not missing. */
static void drop_other_forms(struct kt_probe probes[KT_N_HOOKS])
{
	for (int i = 0; i < KT_N_HOOKS; i++)
		for (int k = 0; k < KT_N_HOOKS && probes[i].state == KT_PROBE_MISSING; k++) {
			if (probes[k].state != KT_PROBE_READY ||
			    !is_other_form(&kt_hooks[i], &kt_hooks[k]))
				continue;
			probes[i].state = KT_PROBE_OFF;
			snprintf(probes[i].reason, sizeof(probes[i].reason),
				 "this kernel has the form %s", kt_hooks[k].name);
		}
}

void kt_probes_check(struct kt_probe probes[KT_N_HOOKS], uint64_t families, const struct btf *btf)
{
	for (int i = 0; i < KT_N_HOOKS; i++) {
		struct kt_probe *p = &probes[i];

		*p = (struct kt_probe){.state = KT_PROBE_OFF};
		if (kt_chosen(families, kt_hooks[i].family))
			p->state = check_one(btf, &kt_hooks[i], p->reason, sizeof(p->reason));
	}
	drop_other_forms(probes);
}

unsigned int kt_probes_warn(const struct kt_probe probes[KT_N_HOOKS])
{
	unsigned int attached = 0, absent = 0;
	char names[512] = "";
	size_t len = 0;

	for (int i = 0; i < KT_N_HOOKS; i++) {
		attached += probes[i].state == KT_PROBE_ATTACHED;
		if (probes[i].state != KT_PROBE_MISSING && probes[i].state != KT_PROBE_REFUSED)
			continue;
		if (len < sizeof(names))
			len += snprintf(names + len, sizeof(names) - len, "%s%s %s",
					absent ? ", " : "", kt_hooks[i].name,
					state_names[probes[i].state]);
		absent++;
	}
	if (absent)
		kt_warn("%u requested probe%s not available on this kernel: %s (--list says why)",
			absent, absent == 1 ? " is" : "s are", names);
	return attached;
}

int kt_probes_write(FILE *f, const struct kt_probe probes[KT_N_HOOKS], bool counted)
{
	fputs("family\thook\tvariant\tstate\treason\truns\tlost\tfiltered\n", f);
	for (int i = 0; i < KT_N_HOOKS; i++) {
		const struct kt_probe *p = &probes[i];

		fprintf(f, "%s\t%s\ttp_btf\t%s\t%s\t", kt_hooks[i].family, kt_hooks[i].name,
			state_names[p->state], *p->reason ? p->reason : "-");
		if (counted && p->state == KT_PROBE_ATTACHED)
			fprintf(f, "%llu\t%llu\t%llu\n", (unsigned long long)p->runs,
				(unsigned long long)p->lost, (unsigned long long)p->filtered);
		else
			fputs("-\t-\t-\n", f);
	}
	return 0;
}

void kt_probes_write_unknown(FILE *f, const char *family, const char *what, const char *why)
{
	fprintf(f, "%s\t%s\t-\tmissing\t%s\t-\t-\t-\n", family, what, why);
}

void kt_probes_print(FILE *f, const struct kt_probe probes[KT_N_HOOKS])
{
	fprintf(f, "%-10s %-24s %-8s %-9s %s\n", "FAMILY", "HOOK", "VARIANT", "STATE",
		"WHAT IT SEES");
	for (int i = 0; i < KT_N_HOOKS; i++)
		fprintf(f, "%-10s %-24s %-8s %-9s %s\n", kt_hooks[i].family, kt_hooks[i].name,
			"tp_btf", state_names[probes[i].state],
			*probes[i].reason ? probes[i].reason : kt_hooks[i].doc);
}
