// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/block/block.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/engine/tsv.h"
#include "format/base/dev.h"
#include "format/base/hash.h"
#include "format/base/macros.h"

#define WINDOW_NS 100000000ll /* for measuring the rate of a busy disk */
#define MAX_DISKS 16384
#define MAX_IN_FLIGHT (1u << 20) /* of one disk: a larger figure is not a count */

/*
 * /proc/diskstats: fields after major, minor and name, by group;
 * Documentation/admin-guide/iostats.rst.
 */
enum { FIELD_IN_FLIGHT = 8, N_FIELDS = 17, MIN_FIELDS = 11 };
static const struct {
	const char *ios, *sectors; /* counter names; NULL = not counted */
	int8_t ios_field, sectors_field;
} groups[KT_BLK_N_GROUPS] = {
	[KT_BLK_READ] = {"reads", "read_sectors", 0, 2},
	[KT_BLK_WRITE] = {"writes", "write_sectors", 4, 6},
	[KT_BLK_DISCARD] = {"discards", "discard_sectors", 11, 13},
	[KT_BLK_FLUSH] = {"flushes", NULL, 15, -1},
};

void kt_blk_stats_finish(struct kt_blk_stats *s)
{
	for (size_t i = 0; i < s->disks.n; i++)
		free(s->disks.v[i]);
	kt_vec_finish(&s->disks);
	*s = (struct kt_blk_stats){0};
}

struct kt_blk_disk *kt_blk_stats_disk(struct kt_blk_stats *s, uint32_t dev)
{
	struct kt_blk_disk **recent = &s->recent[kt_hash_u64(dev) % KT_ARRAY_SIZE(s->recent)];
	struct kt_blk_disk *d = *recent;

	if (kt_likely(d && d->dev == dev))
		return d;
	d = NULL;
	for (size_t i = 0; i < s->disks.n && !d; i++)
		if (s->disks.v[i]->dev == dev && !s->disks.v[i]->gone)
			d = s->disks.v[i];
	if (!d) {
		if (!dev || s->disks.n >= MAX_DISKS)
			return NULL;
		d = calloc(1, sizeof(*d));
		if (!d)
			return NULL;
		if (kt_vec_push(&s->disks, d)) {
			free(d);
			return NULL;
		}
		d->dev = dev;
		d->bio_based = -1;
	}
	*recent = d;
	return d;
}

uint32_t kt_blk_stats_whole(struct kt_blk_stats *s, uint32_t dev)
{
	const struct kt_blk_disk *d = kt_blk_stats_disk(s, dev);

	return d && d->parent ? d->parent : dev;
}

static void count(struct kt_blk_disk *d, enum kt_blk_group g, int64_t ios, int64_t sectors,
		  int64_t t_ns)
{
	if (t_ns / WINDOW_NS != d->window) {
		d->window = t_ns / WINDOW_NS;
		d->n_window = 0;
	}
	d->n_window += ios;
	d->most_window = KT_MAX(d->most_window, d->n_window);
	d->ios[g] += ios;
	d->sectors[g] += sectors;
	d->max_sectors = KT_MAX(d->max_sectors, sectors);
}

void kt_blk_stats_count(struct kt_blk_stats *s, uint32_t dev, enum kt_blk_group g, int64_t ios,
			uint64_t bytes, int64_t t_ns)
{
	struct kt_blk_disk *d = kt_blk_stats_disk(s, dev);

	if (!d)
		return;
	count(d, g, ios, bytes >> 9, t_ns);
	if (!d->parent || d->parent == dev)
		return;
	d = kt_blk_stats_disk(s, d->parent);
	if (d)
		count(d, g, ios, bytes >> 9, t_ns);
}

/* "7:0" → (major << 20) | minor; 0 = not that. */
static uint32_t parse_dev(const char *text)
{
	unsigned int major, minor;
	int used = 0;

	if (!text || sscanf(text, "%u:%u%n", &major, &minor, &used) != 2 || text[used] ||
	    major > KT_DEV_MAX_MAJOR || minor > KT_DEV_MAX_MINOR)
		return 0;
	return kt_dev_of(major, minor);
}

/* From now on the number belongs to that device. Counters of the end, if already read, are those of the last device with it. */
static struct kt_blk_disk *take_over(struct kt_blk_stats *s, struct kt_blk_disk *old, uint64_t node)
{
	struct kt_blk_disk *d = NULL;

	for (size_t i = 0; i < s->disks.n && !d; i++)
		if (s->disks.v[i]->dev == old->dev && s->disks.v[i]->node == node)
			d = s->disks.v[i]; /* it is still open */
	old->gone = true;
	s->recent[kt_hash_u64(old->dev) % KT_ARRAY_SIZE(s->recent)] = NULL;
	if (d)
		d->gone = false;
	else
		d = kt_blk_stats_disk(s, old->dev);
	if (!d)
		return NULL;
	d->node = node;
	d->seen[1] = old->seen[1];
	memcpy(d->kernel_ios[1], old->kernel_ios[1], sizeof(d->kernel_ios[1]));
	memcpy(d->kernel_sectors[1], old->kernel_sectors[1], sizeof(d->kernel_sectors[1]));
	d->kernel_in_flight[1] = old->kernel_in_flight[1];
	old->seen[1] = false;
	old->kernel_in_flight[1] = 0;
	return d;
}

/* The device that has the number now. NULL: no memory, or too many. */
static struct kt_blk_disk *meet(struct kt_blk_stats *s, uint32_t dev, uint64_t node)
{
	struct kt_blk_disk *d = kt_blk_stats_disk(s, dev);

	if (d && node && d->node && d->node != node)
		return take_over(s, d, node);
	if (d && node)
		d->node = node;
	return d;
}

static void set_name(struct kt_blk_disk *d, const char *name, size_t size)
{
	if (*name)
		snprintf(d->name, sizeof(d->name), "%.*s", (int)size, name);
}

int kt_blk_stats_device(struct kt_blk_stats *s, const struct kt_device *ev)
{
	bool based = ev->flags & KT_DEVICE_BIO_BASED, is_disk = !ev->disk || ev->disk == ev->dev;
	struct kt_blk_disk *d;

	if (!ev->dev || kt_dev_major(ev->dev) > KT_DEV_MAX_MAJOR)
		return 0;
	d = meet(s, ev->dev, ev->node);
	if (!d)
		return s->disks.n >= MAX_DISKS ? 0 : -ENOMEM;
	set_name(d, ev->name, sizeof(ev->name));
	if (is_disk) {
		d->bio_based = based;
		return 0;
	}
	d->parent = ev->disk;
	d = meet(s, ev->disk, ev->disk_node);
	if (!d)
		return s->disks.n >= MAX_DISKS ? 0 : -ENOMEM;
	d->bio_based = based;
	set_name(d, ev->disk_name, sizeof(ev->disk_name));
	return 0;
}

static int read_disks(struct kt_blk_stats *s, const void *data, size_t len)
{
	struct kt_tsv t;
	int err = kt_tsv_init(&t, data, len);

	if (err)
		return err;
	while (kt_tsv_next(&t)) {
		uint32_t dev = parse_dev(kt_tsv_get(&t, "dev"));
		const char *name = kt_tsv_get(&t, "name");
		int64_t based = kt_tsv_int(&t, "bio_based"), node = kt_tsv_int(&t, "node");
		struct kt_blk_disk *d = dev ? meet(s, dev, node == KT_NULL ? 0 : node) : NULL;

		if (!d)
			continue;
		d->parent = parse_dev(kt_tsv_get(&t, "parent"));
		d->bio_based = based == KT_NULL ? -1 : !!based;
		if (name)
			snprintf(d->name, sizeof(d->name), "%s", name);
	}
	kt_tsv_finish(&t);
	return 0;
}

static void read_line(struct kt_blk_stats *s, int end, const char *line)
{
	uint64_t v[N_FIELDS] = {0};
	unsigned int major, minor;
	struct kt_blk_disk *d;
	char name[40];
	int used = 0, n = 0;

	if (sscanf(line, "%u %u %39s%n", &major, &minor, name, &used) != 3 ||
	    major > KT_DEV_MAX_MAJOR || minor > KT_DEV_MAX_MINOR)
		return;
	for (line += used; n < N_FIELDS; n++, line += used)
		if (sscanf(line, "%" SCNu64 "%n", &v[n], &used) != 1)
			break;
	if (n < MIN_FIELDS)
		return;
	d = kt_blk_stats_disk(s, kt_dev_of(major, minor));
	if (!d)
		return;
	memcpy(d->name, name, sizeof(d->name));
	d->seen[end] = true;
	d->kernel_in_flight[end] = KT_MIN(v[FIELD_IN_FLIGHT], MAX_IN_FLIGHT);
	for (int g = 0; g < KT_BLK_N_GROUPS; g++) {
		d->kernel_ios[end][g] = v[groups[g].ios_field] & INT64_MAX;
		if (groups[g].sectors)
			d->kernel_sectors[end][g] = v[groups[g].sectors_field] & INT64_MAX;
	}
}

static void read_diskstats(struct kt_blk_stats *s, int end, const char *text, size_t len)
{
	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len;
		char line[512];

		if (n < sizeof(line)) {
			memcpy(line, text, n);
			line[n] = 0;
			read_line(s, end, line);
		}
		n += !!nl;
		text += n;
		len -= n;
	}
	s->have[end] = true;
}

int kt_blk_stats_context(struct kt_blk_stats *s, uint32_t phase, const char *name, const void *data,
			 size_t len)
{
	if (!strcmp(name, "disks"))
		return read_disks(s, data, len);
	if (!strcmp(name, "counters/diskstats") && (phase == 0 || phase == 2))
		read_diskstats(s, phase == 2, data, len);
	return 0;
}

/*
 * A disk that appeared during the run counts from 0. KT_NULL: no counters, or they belong to another
 * disk with that number.
 */
static int64_t change(const struct kt_blk_stats *s, const struct kt_blk_disk *d,
		      const int64_t start[], const int64_t end[], enum kt_blk_group g)
{
	if (!s->have[0] || !s->have[1] || !d->seen[1])
		return KT_NULL;
	if (!d->seen[0])
		return end[g];
	return end[g] >= start[g] ? end[g] - start[g] : KT_NULL;
}

static bool active(const struct kt_blk_stats *s, const struct kt_blk_disk *d)
{
	for (int g = 0; g < KT_BLK_N_GROUPS; g++) {
		int64_t ios = change(s, d, d->kernel_ios[0], d->kernel_ios[1], g);

		if (d->ios[g] || d->sectors[g] || (ios && ios != KT_NULL))
			return true;
	}
	return false;
}

static int audit_disk(const struct kt_blk_stats *s, const struct kt_blk_disk *d,
		      struct kt_engine *e, uint32_t run, bool bio_based)
{
	int64_t tolerance = KT_MAX(d->kernel_in_flight[0], d->open_start) +
			    KT_MAX(d->kernel_in_flight[1], d->open_end);
	int64_t hidden = kt_audit_hidden(e, run, (double)d->most_window / WINDOW_NS);
	bool seen = bio_based ? kt_run_hooked(e, run, "bio", "block_bio_complete")
			      : kt_run_hooked(e, run, "request", "block_rq_complete");
	char name[48], counter[96];
	int err = 0;

	if (d->name[0])
		snprintf(name, sizeof(name), "%s", d->name);
	else
		snprintf(name, sizeof(name), "%u:%u", kt_dev_major(d->dev), kt_dev_minor(d->dev));
	for (int g = 0; g < KT_BLK_N_GROUPS && !err; g++) {
		if (bio_based && g >= KT_BLK_DISCARD)
			continue;
		if (g == KT_BLK_FLUSH && d->parent)
			continue;
		snprintf(counter, sizeof(counter), "diskstats %s %s", name, groups[g].ios);
		err = kt_audit(e, run, counter, change(s, d, d->kernel_ios[0], d->kernel_ios[1], g),
			       seen ? d->ios[g] : KT_NULL, tolerance, hidden);
		if (err || !groups[g].sectors)
			continue;
		snprintf(counter, sizeof(counter), "diskstats %s %s", name, groups[g].sectors);
		err = kt_audit(e, run, counter,
			       change(s, d, d->kernel_sectors[0], d->kernel_sectors[1], g),
			       seen ? d->sectors[g] : KT_NULL, tolerance * d->max_sectors,
			       d->ios[g] ? hidden * (d->sectors[g] / d->ios[g] + 1) : hidden);
	}
	return err;
}

static int by_dev(const void *a, const void *b)
{
	const struct kt_blk_disk *x = *(struct kt_blk_disk *const *)a,
				 *y = *(struct kt_blk_disk *const *)b;

	if (x->dev != y->dev)
		return (x->dev > y->dev) - (x->dev < y->dev);
	return (x->node > y->node) - (x->node < y->node);
}

int kt_blk_stats_audit(struct kt_blk_stats *s, struct kt_engine *e, uint32_t run, bool bio_based)
{
	int err = 0;

	if (s->disks.n)
		qsort(s->disks.v, s->disks.n, sizeof(s->disks.v[0]), by_dev);
	for (size_t i = 0; i < s->disks.n && !err; i++) {
		const struct kt_blk_disk *d = s->disks.v[i];
		const struct kt_blk_disk *whole =
			d->parent ? kt_blk_stats_disk(s, d->parent) : NULL;
		/*
		 * A partition may lack a line of its own. Without the table, use any device that
		 * counted something.
		 */
		int based = whole && whole->bio_based >= 0 ? whole->bio_based : d->bio_based;

		if (based < 0 ? false : based != bio_based)
			continue;
		if (based < 0 && !d->ios[0] && !d->ios[1] && !d->ios[2] && !d->ios[3])
			continue;
		if (active(s, d))
			err = audit_disk(s, d, e, run, bio_based);
	}
	return err;
}
