/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Disks and partitions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/core/core.h"
#include "format/base/dev.h"
#include "format/base/macros.h"

#define MAX_BEFORE 256 /* earlier devices with one number that are searched, the newest first */

struct device_row {
	int64_t device_id, run_id;
	const char *dev, *name;
	int64_t parent_id;
	const char *scheduler;
	int64_t rotational, size_bytes, hw_queues, since_ns;
	const char *model;
};

static const struct kt_col device_cols[] = {
	KT_COL(device_row, device_id, KT_COL_ID, "", "device"),
	KT_COL(device_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(device_row, dev, KT_COL_TEXT, "", "major:minor"),
	KT_COL(device_row, name, KT_COL_TEXT, "", "the kernel's name: vda, loop0p1"),
	KT_COL(device_row, parent_id, KT_COL_INT, "", "of a partition, its disk"),
	KT_COL(device_row, scheduler, KT_COL_TEXT, "",
	       "I/O scheduler at the start of the run, or at the first use of the device"),
	KT_COL(device_row, rotational, KT_COL_INT, "",
	       "1: the kernel considers it a rotating disk"),
	KT_COL(device_row, size_bytes, KT_COL_INT, "bytes", "size"),
	KT_COL(device_row, hw_queues, KT_COL_INT, "",
	       "hardware queues; 0: takes bios directly, has no requests"),
	KT_COL(device_row, since_ns, KT_COL_INT, "ns",
	       "first use, if the device appeared during the run or its number came to mean "
	       "another device: two devices with one number are two rows; NULL: it was there when "
	       "the run began, or that is not known"),
	KT_COL(device_row, model, KT_COL_TEXT, "",
	       "model as the disk tells it; of a partition, its disk's; NULL: it tells none "
	       "(virtio, loop, dm), it came and went during the run, or the recording is older"),
};

const struct kt_table kt_device_table = {
	.name = "device",
	.doc = "disks and partitions that the rows of other tables refer to",
	.cols = device_cols,
	.n_cols = KT_ARRAY_SIZE(device_cols),
};

/* What a number stood for during part of the run. */
struct device {
	struct device *before; /* the device that had the number before, in this run */
	int64_t id;	       /* 0: nobody asked */
	uint32_t dev;
	uint64_t node,
		diskseq; /* which device with that number it is: bpf/block/disk.h; 0 = not known */
	bool known;	 /* from the context or an event; else only dev is known */
	struct device *parent; /* of a partition, its disk */
	char *name, *scheduler, *model;
	int64_t rotational, size_bytes, hw_queues, since_ns;
};

static struct device *add(struct kt_core_run *r, uint32_t dev, struct device *before)
{
	struct device *d = calloc(1, sizeof(*d));

	if (!d || kt_hash_put(&r->devices, dev, d)) {
		free(d);
		return NULL;
	}
	d->dev = dev;
	d->before = before;
	d->since_ns = KT_NULL;
	return d;
}

/* What the number stands for now. */
static struct device *get(struct kt_core_run *r, uint32_t dev)
{
	struct device *d = kt_hash_get(&r->devices, dev);

	return d ? d : add(r, dev, NULL);
}

static bool may_be(const struct device *d, uint64_t node, uint64_t diskseq)
{
	return (!d->node || !node || d->node == node) &&
	       (!d->diskseq || !diskseq || d->diskseq == diskseq);
}

/* From now on the number stands for this device. */
static struct device *meet(struct kt_core_run *r, uint32_t dev, uint64_t node, uint64_t diskseq)
{
	struct device *d = get(r, dev), *newer = NULL, *first = d;

	for (int i = 0; d && !may_be(d, node, diskseq); i++) {
		newer = d;
		d = i < MAX_BEFORE ? d->before : NULL;
	}
	if (!d) {
		d = first ? add(r, dev, first) : NULL;
	} else if (newer) { /* the old one is still open */
		newer->before = d->before;
		d->before = first;
		if (kt_hash_put(&r->devices, dev, d))
			return NULL;
	}
	if (d && node)
		d->node = node;
	if (d && diskseq)
		d->diskseq = diskseq;
	return d;
}

static int64_t id_of(struct kt_core *c, struct device *d)
{
	if (!d->id && !kt_vec_push(&c->devices, d))
		d->id = kt_next_id(c->e, &kt_device_table);
	return d->id ? d->id : KT_NULL;
}

int64_t kt_core_device(void *self, uint32_t run, uint32_t dev)
{
	struct kt_core *c = self;
	struct kt_core_run *r = dev ? kt_core_run(c, run) : NULL;
	struct device *d = r ? get(r, dev) : NULL;

	return d ? id_of(c, d) : KT_NULL;
}

int64_t kt_core_disk(void *self, int64_t device_id)
{
	struct kt_core *c = self;
	struct device *d;

	if (device_id <= 0 || (size_t)device_id > c->devices.n)
		return device_id;
	d = c->devices.v[device_id - 1];
	return d->parent ? id_of(c, d->parent) : device_id;
}

int kt_core_is_partition(void *self, uint32_t run, uint32_t dev)
{
	struct kt_core_run *r = kt_core_run(self, run);
	const struct device *d = r ? kt_hash_get(&r->devices, dev) : NULL;

	return !d || !d->known ? -1 : !!d->parent;
}

static bool parse_dev(const char *s, uint32_t *ret)
{
	unsigned int major, minor;
	char rest;

	if (!s || sscanf(s, "%u:%u%c", &major, &minor, &rest) != 2)
		return false;
	*ret = kt_dev_of(major, minor);
	return true;
}

static int set_text(char **text, const char *value)
{
	*text = value && *value ? strdup(value) : NULL;
	return value && *value && !*text ? -ENOMEM : 0;
}

static int set_names(struct device *d, const char *name, const char *scheduler)
{
	int err = set_text(&d->name, name);

	return err ? err : set_text(&d->scheduler, scheduler);
}

/* What was first known of a device stays; the end adds those that appeared meanwhile without an event. */
int kt_devices_context(struct kt_core_run *r, struct kt_tsv *t)
{
	r->devices_read = true;
	while (kt_tsv_next(t)) {
		int64_t node = kt_tsv_int(t, "node"), diskseq = kt_tsv_int(t, "diskseq");
		uint32_t dev, parent;
		struct device *d;
		int err;

		if (!parse_dev(kt_tsv_get(t, "dev"), &dev))
			continue;
		d = meet(r, dev, node == KT_NULL ? 0 : node, diskseq == KT_NULL ? 0 : diskseq);
		if (!d)
			return -ENOMEM;
		/* Events do not tell the model. */
		err = d->model ? 0 : set_text(&d->model, kt_tsv_get(t, "model"));
		if (err)
			return err;
		if (d->known)
			continue;
		d->known = true;
		if (parse_dev(kt_tsv_get(t, "parent"), &parent) && parent != dev) {
			d->parent = get(r, parent);
			if (!d->parent)
				return -ENOMEM;
		}
		d->rotational = kt_tsv_int(t, "rotational");
		d->size_bytes = kt_tsv_int(t, "size_bytes");
		d->hw_queues = kt_tsv_int(t, "hw_queues");
		err = set_names(d, kt_tsv_get(t, "name"), kt_tsv_get(t, "scheduler"));
		if (err)
			return err;
	}
	return 0;
}

/* since_ns KT_NULL: it is not known which devices there were when the run began. */
static int fill(struct device *d, const struct kt_device *ev, bool disk, int64_t since_ns)
{
	const char *from = disk ? ev->disk_name : ev->name;
	char name[sizeof(ev->name) + 1] = "", scheduler[sizeof(ev->scheduler) + 1] = "";

	if (d->known)
		return 0;
	d->known = true;
	d->since_ns = since_ns;
	d->size_bytes = disk ? ev->disk_size : ev->size;
	d->rotational = d->hw_queues = KT_NULL;
	memcpy(name, from, sizeof(ev->name));
	if (disk) {
		d->rotational = !!(ev->flags & KT_DEVICE_ROTATIONAL);
		d->hw_queues = ev->hw_queues;
		memcpy(scheduler, ev->scheduler, sizeof(ev->scheduler));
		if (!*scheduler && !(ev->flags & KT_DEVICE_BIO_BASED))
			strcpy(scheduler, "none");
	}
	return set_names(d, name, scheduler);
}

int kt_device_told(struct kt_core_run *r, const struct kt_device *ev, int64_t t_ns)
{
	bool is_disk = !ev->disk || ev->disk == ev->dev;
	struct device *d, *disk;
	int64_t since_ns = r->devices_read ? t_ns : KT_NULL;
	int err;

	if (!ev->dev)
		return 0;
	d = meet(r, ev->dev, ev->node, ev->diskseq);
	if (!d)
		return -ENOMEM;
	if (is_disk)
		return fill(d, ev, true, since_ns);
	disk = meet(r, ev->disk, ev->disk_node, ev->diskseq);
	if (!disk)
		return -ENOMEM;
	if (!d->known)
		d->parent = disk;
	err = fill(disk, ev, true, since_ns);
	return err ? err : fill(d, ev, false, since_ns);
}

static int write_device(struct kt_core *c, struct kt_core_run *r, const struct device *d)
{
	char dev[32];
	struct device_row row = {
		.device_id = d->id,
		.run_id = r->run + 1,
		.dev = dev,
		.name = d->name,
		.parent_id = d->parent ? id_of(c, d->parent) : KT_NULL,
		.scheduler = d->scheduler,
		.rotational = d->known ? d->rotational : KT_NULL,
		.size_bytes = d->known ? d->size_bytes : KT_NULL,
		.hw_queues = d->known ? d->hw_queues : KT_NULL,
		.since_ns = d->since_ns,
		.model = d->parent ? d->parent->model : d->model,
	};

	snprintf(dev, sizeof(dev), "%u:%u", kt_dev_major(d->dev), kt_dev_minor(d->dev));
	return kt_insert(c->e, &kt_device_table, &row);
}

int kt_devices_write(struct kt_core *c, struct kt_core_run *r)
{
	int err = 0;

	/* Parents get their ids first: the loop below may already have passed them. */
	for (size_t i = 0; r->devices.slots && i <= r->devices.mask; i++)
		for (struct device *d = r->devices.slots[i].value; d; d = d->before)
			if (d->id && d->parent)
				id_of(c, d->parent);
	for (size_t i = 0; !err && r->devices.slots && i <= r->devices.mask; i++)
		for (struct device *d = r->devices.slots[i].value; d && !err; d = d->before)
			if (d->id)
				err = write_device(c, r, d);
	return err;
}

void kt_devices_finish(struct kt_core_run *r)
{
	for (size_t i = 0; r->devices.slots && i <= r->devices.mask; i++) {
		struct device *d = r->devices.slots[i].value, *before;

		for (; d; d = before) {
			before = d->before;
			free(d->name);
			free(d->scheduler);
			free(d->model);
			free(d);
		}
	}
	kt_hash_finish(&r->devices);
}
