/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a file is called: told when it is first used, and again when its number is another file's, or its name another. Both are looked
 * for at each use, so that costs a few comparisons as long as a task stays with one file, and a look into a map otherwise.
 */
#ifndef KT_BPF_IO_FILE_NAME_H
#define KT_BPF_IO_FILE_NAME_H

#include "bpf/io/file_path.h"

#define KT_NAME_ROOM sizeof(((struct kt_io_file *)0)->path)
#define KT_NAME_PARTS 18 /* io_file_part of one name */
#define KT_FILES 16384	 /* whose names have been told and are remembered */

_Static_assert(sizeof(((struct kt_io_file_part *)0)->text) == KT_NAME_ROOM, "parts are alike");
_Static_assert(KT_NAME_PARTS *KT_NAME_ROOM >= KT_NAME_BYTES, "the longest name has room");

struct kt_files_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KT_FILES);
	__type(key, struct kt_file_key);
	__type(value, struct kt_file_seen);
};

/* Defined in core.bpf.c. */
extern struct kt_files_map kt_files SEC(".maps");

static long kt_name_send_part(u32 i, void *ctx)
{
	struct kt_name *n = kt_name_room();
	struct kt_io_file_part *e;
	u32 len, from;

	if (!n || n->sent >= n->front)
		return 1;
	e = kt_ring_reserve(sizeof(*e));
	if (!e)
		return 1;
	e->ts_ns = bpf_ktime_get_ns();
	e->id = KT_EV_io_file_part;
	e->len = sizeof(*e);
	len = n->front - n->sent;
	if (len > KT_NAME_ROOM)
		len = KT_NAME_ROOM;
	from = n->from + n->sent;
	e->ino_dev = n->key.dev;
	e->ino = n->key.ino;
	e->at = n->sent;
	e->bytes = len;
	n->sent += len;
	__builtin_memset(e->text, 0, sizeof(e->text));
	barrier_var(len);
	if (len <= KT_NAME_ROOM)
		bpf_probe_read_kernel(e->text, len, &n->text[from & (KT_NAME_BYTES - 1)]);
	KT_SUBMIT(e);
	return 0;
}

/* The path that is in n. 0: there was no room for all of it. */
__noinline __attribute__((weak)) int kt_name_tell(u32 generation)
{
	struct kt_name *n = kt_name_room();
	struct kt_io_file *e;
	struct kt_hit hit;
	u32 len;

	if (!n || !kt_hit_again(&hit, KT_N_HOOKS))
		return 0;
	len = KT_NAME_BYTES - 1 - n->from;
	n->front = n->sent = 0;
	if (len > KT_NAME_ROOM - 1) {
		n->front = len - (KT_NAME_ROOM - 1);
		bpf_loop(KT_NAME_PARTS, kt_name_send_part, NULL, 0);
	}
	e = n->sent == n->front ? kt_ring_reserve(sizeof(*e)) : NULL;
	if (!e) {
		kt_lose(hit.stat, KT_LOSS_RING_FULL);
		return 0;
	}
	e->ts_ns = bpf_ktime_get_ns();
	e->id = KT_EV_io_file;
	e->len = sizeof(*e);
	e->ino_dev = n->key.dev;
	e->ino = n->key.ino;
	e->age_ns = n->since_ns && n->since_ns < e->ts_ns ? e->ts_ns - n->since_ns : 0;
	e->generation = generation;
	e->mnt_ns = n->mnt_ns;
	e->flags = n->flags;
	e->front = n->front;
	e->reserved = 0;
	__builtin_memset(e->path, 0, sizeof(e->path));
	bpf_probe_read_kernel_str(e->path, sizeof(e->path),
				  &n->text[(n->from + n->front) & (KT_NAME_BYTES - 1)]);
	KT_SUBMIT(e);
	return 1;
}

/*
 * Tells the name of a file unless the one that was told last still holds. file 0: only its inode is known. inode 0: the file's. since_ns: when
 * the operation began. Returns whether it has been told.
 */
__noinline __attribute__((weak)) int kt_name_check(u64 file, u64 inode, u64 since_ns)
{
	struct kt_name *n = kt_name_room();
	struct kt_file_seen *seen;
	u32 type, counted;
	u64 sb, magic, more = 0;

	if (!n)
		return 0;
	if (!inode)
		inode = KT_NAME_READ(n, file, file, f_inode);
	type = KT_NAME_READ(n, inode, inode, i_mode) & KT_S_IFMT;
	sb = KT_NAME_READ(n, inode, inode, i_sb);
	magic = KT_NAME_READ(n, super_block, sb, s_magic);
	if ((type != KT_S_IFREG && type != KT_S_IFBLK && type != KT_S_IFDIR) ||
	    kt_is_made_up(magic))
		return 0;
	n->key.ino = KT_NAME_READ(n, inode, inode, i_ino);
	n->key.dev = magic == KT_BTRFS_MAGIC ? kt_btrfs_dev(inode) : 0;
	if (!n->key.dev)
		n->key.dev = KT_NAME_READ(n, super_block, sb, s_dev);
	n->key.pad = 0;
	n->since_ns = since_ns;
	n->now.changes = kt_name_changes;
	if (file) {
		n->now.dentry = KT_NAME_READ(n, file, file, f_path.dentry);
	} else {
		u64 alias = KT_NAME_READ(n, inode, inode, i_dentry.first);

		if (!alias)
			return 0;
		n->now.dentry = alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
		more = KT_NAME_READ(n, hlist_node, alias, next);
	}
	counted = KT_NAME_READ(n, inode, inode, i_generation);
	n->now.generation = counted ? counted : KT_NAME_READ(n, dentry, n->now.dentry, d_name.hash);
	seen = bpf_map_lookup_elem(&kt_files, &n->key);
	if (seen && seen->generation == n->now.generation) {
		/* Of a file with several names it is the one by which it was used. */
		if ((seen->changes == n->now.changes || more) &&
		    (seen->dentry == n->now.dentry || !file))
			return 1;
	}
	kt_name_build(file ? KT_NAME_READ(n, file, file, f_path.mnt) : 0, sb);
	if (seen && seen->generation == n->now.generation && seen->hash == n->now.hash) {
		seen->dentry = n->now.dentry;
		seen->changes = n->now.changes;
		return 1;
	}
	/* What is not told now the next one who uses it tells. */
	if (!kt_name_tell(counted))
		return 0;
	bpf_map_update_elem(&kt_files, &n->key, &n->now, BPF_ANY);
	return 1;
}

/* Of a file that is used. k: of the current task; NULL = none. */
static __always_inline void kt_file_name(struct kt_task *k, const struct kt_file *f, u64 since_ns)
{
	u32 zero = 0;
	struct kt_head *head = bpf_map_lookup_elem(&kt_heads, &zero);

	if (!k || !head) {
		kt_name_check(f->file, f->inode, since_ns);
		return;
	}
	if (k->named_dentry == head->dentry && k->named_ino == f->ino &&
	    k->named_dev == f->ino_dev && k->named_generation == head->generation &&
	    k->named_changes == kt_name_changes)
		return;
	k->named_changes = kt_name_changes;
	k->named_ino = f->ino;
	k->named_dev = f->ino_dev;
	k->named_generation = head->generation;
	k->named_dentry = kt_name_check(f->file, f->inode, since_ns) ? head->dentry : 0;
}

/* A call that may give files another name. It has returned. */
static __always_inline void kt_name_changed(u16 op, s64 result)
{
	if (!result && (op == KT_IO_OP_RENAME || op == KT_IO_OP_LINK || op == KT_IO_OP_MOUNT ||
			op == KT_IO_OP_UMOUNT))
		__sync_fetch_and_add(&kt_name_changes, 1);
}

#endif
