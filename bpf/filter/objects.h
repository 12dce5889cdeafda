/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The objects that match filters: bios, requests, io_uring requests, tasks in an fsync. They are known by their addresses. */
#ifndef KT_BPF_FILTER_OBJECTS_H
#define KT_BPF_FILTER_OBJECTS_H

#include <asm-generic/errno-base.h>

#include "bpf/filter/filter.h"

/* What filters keep of objects that match: key = the object's address + enum kt_filter_object. */
enum kt_filter_object {
	KT_OBJECT_BIO = 1,
	KT_OBJECT_REQUEST = 2,
	KT_OBJECT_URING = 3, /* an io_uring request */
	KT_OBJECT_SYNC = 4,  /* a task in an fsync */
};

struct kt_filter_objects_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, u64); /* of KT_OBJECT_SYNC the inode's address, + 1 for fdatasync */
};

/* Defined in core.bpf.c. */
extern struct kt_filter_objects_map kt_filter_objects SEC(".maps");

/* How many tracked objects share a slot: most objects are told from it not to be, without a look into the map. */
#define KT_FILTER_SLOT_BITS 13
#define KT_FILTER_SLOTS (1u << KT_FILTER_SLOT_BITS)

extern volatile __u32 kt_filter_slots[KT_FILTER_SLOTS];

static __always_inline u64 kt_object_key(struct kt_hit *hit, const void *object, u64 kind)
{
	return kt_as_number(object, &hit->stat->hook[hit->hook].scratch) + kind;
}

static __always_inline volatile __u32 *kt_filter_slot(u64 key)
{
	return &kt_filter_slots[key * 0x9e3779b97f4a7c15ull >> (64 - KT_FILTER_SLOT_BITS)];
}

/* Its value; NULL: it is not tracked. address: a number, that is not what the verifier knows for a pointer. */
static __always_inline u64 *kt_tracked_at(u64 address, enum kt_filter_object kind)
{
	u64 key = address + kind;

	return *kt_filter_slot(key) ? bpf_map_lookup_elem(&kt_filter_objects, &key) : NULL;
}

static __always_inline bool kt_is_tracked_at(u64 address, enum kt_filter_object kind)
{
	return kt_tracked_at(address, kind);
}

static __always_inline bool kt_is_tracked(struct kt_hit *hit, const void *object,
					  enum kt_filter_object kind)
{
	return kt_is_tracked_at(kt_object_key(hit, object, 0), kind);
}

/* False: no room, which is counted. */
static __always_inline bool kt_try_track_with(struct kt_hit *hit, const void *object,
					      enum kt_filter_object kind, u64 value)
{
	u64 key = kt_object_key(hit, object, kind);
	long err = bpf_map_update_elem(&kt_filter_objects, &key, &value, BPF_NOEXIST);

	if (!err)
		__sync_fetch_and_add(kt_filter_slot(key), 1);
	if (!err || err == -EEXIST)
		return true;
	kt_no_room();
	return false;
}

static __always_inline bool kt_try_track(struct kt_hit *hit, const void *object,
					 enum kt_filter_object kind)
{
	return kt_try_track_with(hit, object, kind, 1);
}

/* The same of what the run's event is about: it is lost then. */
static __always_inline bool kt_track(struct kt_hit *hit, const void *object,
				     enum kt_filter_object kind)
{
	if (kt_try_track(hit, object, kind))
		return true;
	hit->stat->hook[hit->hook].lost++;
	return false;
}

/* Was it tracked? */
static __always_inline bool kt_untrack(struct kt_hit *hit, const void *object,
				       enum kt_filter_object kind)
{
	u64 key = kt_object_key(hit, object, kind);

	if (!*kt_filter_slot(key) || bpf_map_delete_elem(&kt_filter_objects, &key))
		return false;
	__sync_fetch_and_sub(kt_filter_slot(key), 1);
	return true;
}

#endif
