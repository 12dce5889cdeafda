/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The path of a file: from the root of the recorder's mount namespace, where a mount in it shows the file. */
#ifndef KT_BPF_IO_FILE_PATH_H
#define KT_BPF_IO_FILE_PATH_H

#include "bpf/io/file.h"

#define KT_NAME_BYTES 4096  /* PATH_MAX; a power of two */
#define KT_NAME_PART 256    /* NAME_MAX and a slash */
#define KT_NAME_DEPTH 512   /* directories and mounts above a file that are looked at */
#define KT_NAME_DIRS 64	    /* the same, to find a mount of a part of a file system */
#define KT_NAME_MOUNTS 1024 /* mounts of one file system that are looked at */

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

#endif
