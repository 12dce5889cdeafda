/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which disk or partition a number stands for: told when it is first used, and again when the number is another's. Numbers and names are
 * used again, at once; what the kernel never uses again is the number of a device's directory in sysfs. A disk that stays and gets
 * other content (loop, a changed medium) has another sequence number.
 */
#ifndef KT_BPF_BLOCK_DISK_H
#define KT_BPF_BLOCK_DISK_H

#include "bpf/base/ktrace.bpf.h"

#define KT_DISKS 1024 /* that have been told and are remembered */
#define KT_DISK_SLOT_BITS 8
#define KT_DISK_SLOTS (1u << KT_DISK_SLOT_BITS)

struct kt_disks_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KT_DISKS);
	__type(key, u32);   /* number */
	__type(value, u64); /* kt_disk_identity() */
};

/* Defined in core.bpf.c. */
extern struct kt_disks_map kt_disks SEC(".maps");
/* The identity told last of the numbers that share a slot: nearly always all that is looked at. */
extern volatile __u64 kt_disk_slots[KT_DISK_SLOTS];

static __always_inline volatile __u64 *kt_disk_slot(u32 dev)
{
	return &kt_disk_slots[dev * 0x9e3779b1u >> (32 - KT_DISK_SLOT_BITS)];
}

/* 0: it has gone already. */
static __always_inline u64 kt_disk_identity(struct block_device *bdev)
{
	struct kernfs_node *dir = bdev->bd_device.kobj.sd;
	struct gendisk *disk = bdev->bd_disk;
	u64 node = dir ? dir->id : 0;

	if (node && bpf_core_field_exists(disk->diskseq))
		node += disk->diskseq * 0x9e3779b97f4a7c15ull;
	return node;
}

/* A field of what lies at that address, by way of memory of the event: the callers' stack is full. */
#define KT_DISK_READ(e, type, address, field)                                     \
	({                                                                        \
		struct type *kt_at_ = (void *)(address);                          \
		(e)->size = 0;                                                    \
		bpf_core_read(&(e)->size, sizeof(kt_at_->field), &kt_at_->field); \
		*(volatile u64 *)&(e)->size;                                      \
	})

/* Macros of the kernel. */
#define KT_FEAT_ROTATIONAL 2   /* bit of features, since 6.11 */
#define KT_QUEUE_FLAG_NONROT 6 /* bit of queue_flags, before */

static __always_inline void kt_disk_fill(struct kt_device *e, u64 bdev)
{
	u64 queue = KT_DISK_READ(e, block_device, bdev, bd_queue);
	u64 disk = KT_DISK_READ(e, block_device, bdev, bd_disk), whole, name, elevator;

	whole = KT_DISK_READ(e, gendisk, disk, part0);
	e->dev = KT_DISK_READ(e, block_device, bdev, bd_dev);
	e->disk = KT_DISK_READ(e, block_device, whole, bd_dev);
	e->node = KT_DISK_READ(e, kernfs_node,
			       KT_DISK_READ(e, block_device, bdev, bd_device.kobj.sd), id);
	e->disk_node = KT_DISK_READ(e, kernfs_node,
				    KT_DISK_READ(e, block_device, whole, bd_device.kobj.sd), id);
	e->diskseq = 0;
	if (bpf_core_field_exists(((struct gendisk *)0)->diskseq))
		e->diskseq = KT_DISK_READ(e, gendisk, disk, diskseq);
	e->flags = e->reserved = e->hw_queues = 0;
	if (bpf_core_field_exists(((struct queue_limits *)0)->features)) {
		if (KT_DISK_READ(e, request_queue, queue, limits.features) &
		    (1u << KT_FEAT_ROTATIONAL))
			e->flags = KT_DEVICE_ROTATIONAL;
	} else if (!(KT_DISK_READ(e, request_queue, queue, queue_flags) &
		     (1u << KT_QUEUE_FLAG_NONROT))) {
		e->flags = KT_DEVICE_ROTATIONAL;
	}
	if (KT_DISK_READ(e, request_queue, queue, mq_ops))
		e->hw_queues = KT_DISK_READ(e, request_queue, queue, nr_hw_queues);
	else
		e->flags |= KT_DEVICE_BIO_BASED;
	__builtin_memset(e->scheduler, 0, sizeof(e->scheduler));
	elevator = KT_DISK_READ(e, request_queue, queue, elevator);
	if (elevator) {
		name = KT_DISK_READ(e, elevator_queue, elevator, type);
		name = KT_DISK_READ(e, elevator_type, name, elevator_name);
		bpf_probe_read_kernel_str(e->scheduler, sizeof(e->scheduler), (void *)name);
	}
	__builtin_memset(e->name, 0, sizeof(e->name));
	name = KT_DISK_READ(e, block_device, bdev, bd_device.kobj.name);
	bpf_probe_read_kernel_str(e->name, sizeof(e->name), (void *)name);
	__builtin_memset(e->disk_name, 0, sizeof(e->disk_name));
	name = KT_DISK_READ(e, block_device, whole, bd_device.kobj.name);
	bpf_probe_read_kernel_str(e->disk_name, sizeof(e->disk_name), (void *)name);
	e->disk_size = KT_DISK_READ(e, block_device, whole, bd_nr_sectors) << 9;
	e->size = KT_DISK_READ(e, block_device, bdev, bd_nr_sectors) << 9;
}

/* Rare, so out of line. The telling comes before whatever else is told of the device. */
__noinline __attribute__((weak)) int kt_disk_tell(u64 bdev, u32 dev, u64 identity)
{
	u64 *told = bpf_map_lookup_elem(&kt_disks, &dev);
	struct kt_device *e;
	struct kt_hit hit;

	if (told && *told == identity)
		goto out;
	if (!kt_hit_again(&hit, KT_N_HOOKS))
		return 0;
	e = KT_RESERVE_MORE(&hit, device);
	if (!e) /* the next one that uses it tells */
		return 0;
	kt_disk_fill(e, bdev);
	KT_SUBMIT(e);
	bpf_map_update_elem(&kt_disks, &dev, &identity, BPF_ANY);
out:
	*kt_disk_slot(dev) = identity;
	return 0;
}

/* Something is done on it. */
static __always_inline void kt_disk_used(struct kt_hit *hit, struct block_device *bdev)
{
	u64 identity = kt_disk_identity(bdev);
	u32 dev = bdev->bd_dev;

	if (identity && *kt_disk_slot(dev) != identity)
		kt_disk_tell(kt_as_number(bdev, &hit->stat->hook[hit->hook].scratch), dev,
			     identity);
}

#endif
