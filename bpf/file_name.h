/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a file is called: told when it is first used, and again when its number is another file's, or its name another. Both are looked
 * for at each use, so that costs a few comparisons as long as a task stays with one file, and a look into a map otherwise.
 */
#ifndef KT_BPF_FILE_NAME_H
#define KT_BPF_FILE_NAME_H

#include "bpf/file.h"

#define KT_NAME_BYTES 4096  /* PATH_MAX; a power of two */
#define KT_NAME_PART 256    /* NAME_MAX and a slash */
#define KT_NAME_DEPTH 512   /* directories and mounts above a file that are looked at */
#define KT_NAME_DIRS 64	    /* the same, to find a mount of a part of a file system */
#define KT_NAME_MOUNTS 1024 /* mounts of one file system that are looked at */
#define KT_NAME_ROOM sizeof(((struct kt_io_file *)0)->path)
#define KT_NAME_PARTS 18 /* io_file_part of one name */
#define KT_FILES 16384	 /* whose names have been told and are remembered */

_Static_assert(sizeof(((struct kt_io_file_part *)0)->text) == KT_NAME_ROOM, "parts are alike");
_Static_assert(KT_NAME_PARTS *KT_NAME_ROOM >= KT_NAME_BYTES, "the longest name has room");

struct kt_file_key {
	u64 ino;
	u32 dev, pad;
};

/* What was seen when the name was told. */
struct kt_file_seen {
	u64 dentry;
	u64 hash; /* of the whole path */
	u32 generation;
	u32 changes; /* kt_name_changes by then */
};

struct kt_files_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KT_FILES);
	__type(key, struct kt_file_key);
	__type(value, struct kt_file_seen);
};

/* Room to put a path together, from its end, and all else that is needed meanwhile: the stack of the callers is full. */
struct kt_name {
	u64 read; /* what was read last */
	struct kt_file_key key;
	struct kt_file_seen now;
	u64 root; /* of the file's file system */
	u64 at;	  /* of its mounts, the next; before 6.17 in a list, whose head is end */
	u64 end;
	u64 dentry, mount; /* how far it is; mount 0: not known */
	u64 since_ns;
	u32 from;	 /* where the text begins so far */
	u32 front, sent; /* of the text: what goes into parts, and has */
	u32 whole;
	u32 flags; /* enum kt_name_flags */
	u32 mnt_ns;
	char text[KT_NAME_BYTES + KT_NAME_PART];
};

struct kt_names_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kt_name);
};

/* Defined in core.bpf.c. */
extern struct kt_files_map kt_files SEC(".maps");
extern struct kt_names_map kt_names SEC(".maps");
extern const volatile __u32 kt_mnt_ns; /* the recorder's mount namespace */

static __always_inline struct kt_name *kt_name_room(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&kt_names, &zero);
}

/* A field of what lies at that address; BPF_CORE_READ() takes 8 bytes of stack for each. */
#define KT_NAME_READ(n, type, address, field)                                     \
	({                                                                        \
		struct type *kt_at_ = (void *)(address);                          \
		(n)->read = 0;                                                    \
		bpf_core_read(&(n)->read, sizeof(kt_at_->field), &kt_at_->field); \
		*(volatile u64 *)&(n)->read;                                      \
	})

/* ------------------------------------------------------------------ where it is mounted */

/* Is the file below that directory of its file system? */
static __always_inline bool kt_name_is_below(struct kt_name *n, u64 top)
{
	u64 at = n->now.dentry, parent;

	for (int depth = 0; depth < KT_NAME_DIRS; depth++) {
		if (at == top)
			return true;
		parent = KT_NAME_READ(n, dentry, at, d_parent);
		if (!parent || parent == at)
			break;
		at = parent;
	}
	return false;
}

static u32 kt_name_ns(struct kt_name *n, u64 mount)
{
	u64 ns = KT_NAME_READ(n, mount, mount, mnt_ns);

	return ns ? KT_NAME_READ(n, mnt_namespace, ns, ns.inum) : 0;
}

/* One mount of the file system. Returns whether it is over. */
static long kt_name_mount(u32 i, void *ctx)
{
	struct kt_name *n = kt_name_room();
	struct mount___616 *old = NULL;
	u64 mount, top;

	if (!n || !n->at || n->at == n->end)
		return 1;
	if (bpf_core_field_exists(old->mnt_instance)) {
		mount = n->at - bpf_core_field_offset(struct mount___616, mnt_instance);
		n->at = KT_NAME_READ(n, list_head, n->at, next);
	} else {
		mount = n->at;
		n->at = KT_NAME_READ(n, mount, mount, mnt_next_for_sb);
	}
	if (kt_name_ns(n, mount) != kt_mnt_ns)
		return 0;
	/* Best the whole file system, else any part of it with the file. */
	top = KT_NAME_READ(n, mount, mount, mnt.mnt_root);
	if (top == n->root) {
		n->mount = mount;
		return 1;
	}
	if (!n->mount && kt_name_is_below(n, top))
		n->mount = mount;
	return 0;
}

/* A mount in the recorder's namespace that shows the file: n->mount; 0 = there is none. */
static __always_inline void kt_name_find_mount(struct kt_name *n, u64 sb)
{
	struct mount___616 *old = NULL;

	n->mount = 0;
	n->root = KT_NAME_READ(n, super_block, sb, s_root);
	if (bpf_core_field_exists(old->mnt_instance)) {
		n->end = sb + bpf_core_field_offset(struct super_block___616, s_mounts);
		n->at = KT_NAME_READ(n, list_head, n->end, next);
	} else {
		n->end = 0;
		n->at = KT_NAME_READ(n, super_block, sb, s_mounts);
	}
	bpf_loop(KT_NAME_MOUNTS, kt_name_mount, NULL, 0);
}

/* ------------------------------------------------------------------ the path */

/* Puts a name and a slash before the text. False: no room. */
static __always_inline bool kt_name_put(struct kt_name *n, u64 dentry)
{
	u32 len = KT_NAME_READ(n, dentry, dentry, d_name.len), from = n->from;
	u64 hash = KT_NAME_READ(n, dentry, dentry, d_name.hash);
	u64 name = KT_NAME_READ(n, dentry, dentry, d_name.name);

	if (len > KT_NAME_PART - 1)
		len = KT_NAME_PART - 1;
	if (from < len + 1)
		return false;
	from -= len + 1;
	barrier_var(from);
	if (from >= KT_NAME_BYTES)
		return false;
	bpf_probe_read_kernel(&n->text[from + 1], len & (KT_NAME_PART - 1), (void *)name);
	n->text[from] = '/';
	n->from = from;
	/* The kernel's hash is of the directory's address, too. */
	n->now.hash = (n->now.hash ^ (hash | (u64)len << 32)) * 0x100000001b3ull;
	return true;
}

/* One more directory, or the border of a mount. Returns whether it is over. */
static long kt_name_step(u32 i, void *ctx)
{
	struct kt_name *n = kt_name_room();
	u64 dentry, parent;

	if (!n)
		return 1;
	dentry = n->dentry;
	if (n->mount && dentry == KT_NAME_READ(n, mount, n->mount, mnt.mnt_root)) {
		u64 up = KT_NAME_READ(n, mount, n->mount, mnt_parent);

		if (!up || up == n->mount) {
			n->whole = 1;
			return 1;
		}
		n->dentry = KT_NAME_READ(n, mount, n->mount, mnt_mountpoint);
		n->mount = up;
		return 0;
	}
	parent = KT_NAME_READ(n, dentry, dentry, d_parent);
	if (parent && parent != dentry) {
		n->dentry = parent;
		if (kt_name_put(n, dentry))
			return 0;
		return 1;
	}
	/* The way leads to no mount. What is in no directory may have a name all the same: memfd:x. */
	n->whole = 1;
	n->flags = (n->flags & ~KT_NAME_ROOTED) | KT_NAME_UNMOUNTED;
	if ((u32)KT_NAME_READ(n, dentry, dentry, d_name.len) > 1)
		kt_name_put(n, dentry);
	return 1;
}

/*
 * Puts the path of n->now.dentry into n, with what it is. vfsmount: through which the file was opened; 0 = not known. Out of line
 * and verified once, as what follows: it is called in several places, and rarely.
 */
__noinline __attribute__((weak)) int kt_name_build(u64 vfsmount, u64 sb)
{
	struct kt_name *n = kt_name_room();
	u64 own;
	u32 ns;

	if (!n)
		return 0;
	own = vfsmount ? vfsmount - bpf_core_field_offset(struct mount, mnt) : 0;
	ns = own ? kt_name_ns(n, own) : 0;
	n->mount = own;
	/* By what the recorder's namespace calls it, if it can be seen from there. */
	if (ns != kt_mnt_ns) {
		kt_name_find_mount(n, sb);
		if (n->mount)
			ns = kt_mnt_ns;
		else if (ns)
			n->mount = own;
	}
	n->flags = ns ? KT_NAME_ROOTED : KT_NAME_UNMOUNTED;
	n->mnt_ns = ns == kt_mnt_ns ? 0 : ns;
	n->dentry = n->now.dentry;
	n->now.hash = ns;
	n->from = KT_NAME_BYTES - 1;
	n->whole = 0;
	n->text[KT_NAME_BYTES - 1] = '\0';
	bpf_loop(KT_NAME_DEPTH, kt_name_step, NULL, 0);
	if (!n->whole) {
		n->flags |= KT_NAME_CUT;
	} else if (n->from == KT_NAME_BYTES - 1) {
		n->from = KT_NAME_BYTES - 2;
		n->text[KT_NAME_BYTES - 2] = '/';
	}
	if (!KT_NAME_READ(n, dentry, n->now.dentry, d_hash.pprev) &&
	    KT_NAME_READ(n, dentry, n->now.dentry, d_parent) != n->now.dentry)
		n->flags |= KT_NAME_DELETED;
	return 0;
}

/* ------------------------------------------------------------------ telling it */

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
	struct kt_run r;
	u32 len;

	if (!n || !kt_run_again(&r, KT_N_HOOKS))
		return 0;
	len = KT_NAME_BYTES - 1 - n->from;
	n->front = n->sent = 0;
	if (len > KT_NAME_ROOM - 1) {
		n->front = len - (KT_NAME_ROOM - 1);
		bpf_loop(KT_NAME_PARTS, kt_name_send_part, NULL, 0);
	}
	e = n->sent == n->front ? kt_ring_reserve(sizeof(*e)) : NULL;
	if (!e) {
		kt_lose(r.stat);
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
