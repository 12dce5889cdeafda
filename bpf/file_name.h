/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a file is called. Owns maps: for io.bpf.c alone. */
#ifndef KT_BPF_FILE_NAME_H
#define KT_BPF_FILE_NAME_H

#include "bpf/file.h"

#define KT_NAME_BYTES sizeof(((struct kt_io_file *)0)->path)
#define KT_NAME_PART 64	 /* a longer name of one directory is cut */
#define KT_NAME_DEPTH 24 /* directories; of a deeper path the first are left out */
#define KT_FILES 16384	 /* whose names have been told and are remembered */

struct kt_file_key {
	u64 ino;
	u32 dev, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KT_FILES);
	__type(key, struct kt_file_key);
	__type(value, u32);
} kt_files SEC(".maps");

/* Room to put a path together, from its end. */
struct kt_name {
	char text[KT_NAME_BYTES + KT_NAME_PART];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_name);
} kt_names SEC(".maps");

struct kt_name_walk {
	struct kt_name *n;
	u64 dentry;
	u32 at; /* where the text begins so far */
	bool whole;
};

/* Puts the name of one more directory before the text. Returns whether it is over. */
static long kt_name_part(u32 depth, struct kt_name_walk *w)
{
	struct dentry *d = (void *)w->dentry, *parent = BPF_CORE_READ(d, d_parent);
	u32 len, at = w->at;

	if (parent == d || !parent) {
		w->whole = true;
		return 1;
	}
	len = BPF_CORE_READ(d, d_name.len);
	if (len > KT_NAME_PART - 1)
		len = KT_NAME_PART - 1;
	/* Room for "..." stays. */
	if (at < len + 1 + 3)
		return 1;
	at -= len + 1;
	barrier_var(at);
	if (at >= KT_NAME_BYTES)
		return 1;
	bpf_probe_read_kernel(&w->n->text[at + 1], len & (KT_NAME_PART - 1),
			      BPF_CORE_READ(d, d_name.name));
	w->n->text[at] = '/';
	w->at = at;
	w->dentry = (u64)parent;
	return 0;
}

/*
 * Writes the path of a dentry within its file system to the end of n->text before KT_NAME_BYTES. Returns where it begins. Out of
 * line and verified once: it is called in several places, and rarely.
 */
__noinline __attribute__((weak)) int kt_name_build(u64 address)
{
	struct kt_name_walk w = {.dentry = address, .at = KT_NAME_BYTES - 1};
	u32 zero = 0, at;

	w.n = bpf_map_lookup_elem(&kt_names, &zero);
	if (!w.n)
		return -1;
	w.n->text[KT_NAME_BYTES - 1] = '\0';
	bpf_loop(KT_NAME_DEPTH, kt_name_part, &w, 0);
	at = w.at;
	if (w.whole && at == KT_NAME_BYTES - 1) {
		at = KT_NAME_BYTES - 2;
		w.n->text[KT_NAME_BYTES - 2] = '/';
	}
	if (!w.whole) {
		char *dots;

		at -= 3;
		barrier_var(at);
		if (at >= KT_NAME_BYTES)
			return -1;
		dots = &w.n->text[at];
		dots[0] = dots[1] = dots[2] = '.';
	}
	return at;
}

/* Tells the name of a file that is used, the first time. k: of the current task; NULL = none. */
static __always_inline void kt_file_name(struct kt_run *r, struct kt_task *k,
					 const struct kt_file *f)
{
	struct kt_file_key key = {.ino = f->ino, .dev = f->ino_dev};
	struct file *file = (void *)f->file;
	u32 zero = 0, one = 1;
	struct kt_io_file *e;
	struct kt_name *n;
	int at;

	if (k) {
		if (k->named_ino == f->ino && k->named_dev == f->ino_dev)
			return;
		k->named_ino = f->ino;
		k->named_dev = f->ino_dev;
	}
	if (bpf_map_lookup_elem(&kt_files, &key))
		return;
	at = kt_name_build((u64)BPF_CORE_READ(file, f_path.dentry));
	n = bpf_map_lookup_elem(&kt_names, &zero);
	if (!n || at < 0 || at >= (int)KT_NAME_BYTES)
		return;
	e = KT_RESERVE_MORE(r, io_file);
	if (!e) { /* the next one who uses it tells */
		if (k)
			k->named_ino = 0;
		return;
	}
	bpf_map_update_elem(&kt_files, &key, &one, BPF_ANY);
	e->ino_dev = f->ino_dev;
	e->ino = f->ino;
	__builtin_memset(e->path, 0, sizeof(e->path));
	/* Ends at the text's own end: never past KT_NAME_BYTES. */
	bpf_probe_read_kernel_str(e->path, sizeof(e->path), &n->text[at]);
	KT_SUBMIT(e);
}

#endif
