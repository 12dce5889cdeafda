/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Disks and partitions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/core.h"
#include "format/base/macros.h"

#define MINOR_BITS 20

struct device_row {
	int64_t device_id, run_id;
	const char *dev, *name;
	int64_t parent_id;
	const char *scheduler;
	int64_t rotational, size_bytes, hw_queues;
};

static const struct kt_col device_cols[] = {
	KT_COL(device_row, device_id, KT_COL_ID, "", "device"),
	KT_COL(device_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(device_row, dev, KT_COL_TEXT, "", "major:minor"),
	KT_COL(device_row, name, KT_COL_TEXT, "", "name in the kernel: vda, loop0p1"),
	KT_COL(device_row, parent_id, KT_COL_INT, "", "of a partition: its disk"),
	KT_COL(device_row, scheduler, KT_COL_TEXT, "", "I/O scheduler at the run's start"),
	KT_COL(device_row, rotational, KT_COL_INT, "", "1: the kernel takes it for a turning disk"),
	KT_COL(device_row, size_bytes, KT_COL_INT, "bytes", "size"),
	KT_COL(device_row, hw_queues, KT_COL_INT, "",
	       "hardware queues; 0 = takes bios, has no requests"),
};

const struct kt_table kt_device_table = {
	.name = "device",
	.doc = "disks and partitions that something was done on",
	.cols = device_cols,
	.n_cols = KT_ARRAY_SIZE(device_cols),
};

struct device {
	int64_t id; /* 0: nobody asked */
	uint32_t dev;
	bool known; /* from the context; else only dev is */
	bool has_parent;
	uint32_t parent;
	char *name, *scheduler;
	int64_t rotational, size_bytes, hw_queues;
};

static struct device *get(struct kt_core_run *r, uint32_t dev)
{
	struct device *d = kt_hash_get(&r->devices, dev);

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d || kt_hash_put(&r->devices, dev, d)) {
		free(d);
		return NULL;
	}
	d->dev = dev;
	return d;
}

int64_t kt_core_device(void *self, uint32_t run, uint32_t dev)
{
	struct kt_core *c = self;
	struct kt_core_run *r = dev ? kt_core_run(c, run) : NULL;
	struct device *d = r ? get(r, dev) : NULL;

	if (!d)
		return KT_NULL;
	if (!d->id)
		d->id = kt_next_id(c->e, &kt_device_table);
	return d->id;
}

int kt_core_is_partition(void *self, uint32_t run, uint32_t dev)
{
	struct kt_core_run *r = kt_core_run(self, run);
	const struct device *d = r ? kt_hash_get(&r->devices, dev) : NULL;

	return !d || !d->known ? -1 : d->has_parent;
}

static bool parse_dev(const char *s, uint32_t *ret)
{
	unsigned int major, minor;
	char rest;

	if (!s || sscanf(s, "%u:%u%c", &major, &minor, &rest) != 2)
		return false;
	*ret = major << MINOR_BITS | minor;
	return true;
}

/* What the start said stays; the end adds what came meanwhile. */
int kt_devices_context(struct kt_core_run *r, struct kt_tsv *t)
{
	while (kt_tsv_next(t)) {
		const char *name = kt_tsv_get(t, "name"), *scheduler = kt_tsv_get(t, "scheduler");
		struct device *d;
		uint32_t dev;

		if (!parse_dev(kt_tsv_get(t, "dev"), &dev))
			continue;
		d = get(r, dev);
		if (!d)
			return -ENOMEM;
		if (d->known)
			continue;
		d->known = true;
		d->has_parent = parse_dev(kt_tsv_get(t, "parent"), &d->parent);
		d->rotational = kt_tsv_int(t, "rotational");
		d->size_bytes = kt_tsv_int(t, "size_bytes");
		d->hw_queues = kt_tsv_int(t, "hw_queues");
		d->name = name ? strdup(name) : NULL;
		d->scheduler = scheduler ? strdup(scheduler) : NULL;
		if ((name && !d->name) || (scheduler && !d->scheduler))
			return -ENOMEM;
	}
	return 0;
}

static int write_device(struct kt_core *c, struct kt_core_run *r, const struct device *d)
{
	char dev[32];
	struct device_row row = {
		.device_id = d->id,
		.run_id = r->run + 1,
		.dev = dev,
		.name = d->name,
		.parent_id = d->has_parent ? kt_core_device(c, r->run, d->parent) : KT_NULL,
		.scheduler = d->scheduler,
		.rotational = d->known ? d->rotational : KT_NULL,
		.size_bytes = d->known ? d->size_bytes : KT_NULL,
		.hw_queues = d->known ? d->hw_queues : KT_NULL,
	};

	snprintf(dev, sizeof(dev), "%u:%u", d->dev >> MINOR_BITS,
		 d->dev & ((1u << MINOR_BITS) - 1));
	return kt_insert(c->e, &kt_device_table, &row);
}

int kt_devices_write(struct kt_core *c, struct kt_core_run *r)
{
	/* Parents first get their ids: asking for one may move the table. */
	KT_VEC(uint32_t) parents = {0};
	int err = 0;

	for (size_t i = 0; !err && r->devices.slots && i <= r->devices.mask; i++) {
		const struct device *d = r->devices.slots[i].value;

		if (d && d->id && d->has_parent)
			err = kt_vec_push(&parents, d->parent);
	}
	for (size_t i = 0; i < parents.n; i++)
		kt_core_device(c, r->run, parents.v[i]);
	kt_vec_finish(&parents);
	for (size_t i = 0; !err && r->devices.slots && i <= r->devices.mask; i++) {
		const struct device *d = r->devices.slots[i].value;

		if (d && d->id)
			err = write_device(c, r, d);
	}
	return err;
}

void kt_devices_finish(struct kt_core_run *r)
{
	for (size_t i = 0; r->devices.slots && i <= r->devices.mask; i++) {
		struct device *d = r->devices.slots[i].value;

		if (!d)
			continue;
		free(d->name);
		free(d->scheduler);
		free(d);
	}
	kt_hash_finish(&r->devices);
}
