/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/engine/input.h"
#include "format/base/macros.h"

/* How many blocks to search for clocks and context before the first event is handed out. */
#define PREPARE_BLOCKS 256
#define PREPARE_BYTES (128u << 20)

#define TAR_PARTS_MAX 1024
#define TAR_MAX (256u << 20)

/* ---------------------------------------------------------------- context */

static void tar_finish(struct kt_tar *t)
{
	for (size_t i = 0; i < t->parts.n; i++)
		free(t->parts.v[i].data);
	kt_vec_finish(&t->parts);
	free(t->data);
	t->data = NULL;
}

static int tar_join(struct kt_tar *t)
{
	size_t len = 0;
	char *data;

	if (!t->n_parts || t->parts.n < t->n_parts)
		return 0;
	for (size_t i = 0; i < t->n_parts; i++) {
		if (!t->parts.v[i].data)
			return 0;
		len += t->parts.v[i].len;
	}
	data = malloc(len + 1);
	if (!data)
		return -ENOMEM;
	t->len = 0;
	for (size_t i = 0; i < t->n_parts; i++) {
		memcpy(data + t->len, t->parts.v[i].data, t->parts.v[i].len);
		t->len += t->parts.v[i].len;
	}
	tar_finish(t);
	t->data = data;
	return 0;
}

/* A decoded context block; takes ownership of raw. Copies of a part are equal: the first one is used. */
static int tar_add(struct kt_tar *t, const struct ktr_block_info *info, void *raw)
{
	size_t total = info->raw_len;

	for (size_t i = 0; i < t->parts.n; i++)
		total += t->parts.v[i].len;
	if (t->data || t->used || info->part >= TAR_PARTS_MAX || total > TAR_MAX ||
	    (info->part < t->parts.n && t->parts.v[info->part].data)) {
		free(raw);
		return 0;
	}
	while (t->parts.n <= info->part) {
		if (kt_vec_push(&t->parts, (struct kt_tar_part){0})) {
			free(raw);
			return -ENOMEM;
		}
	}
	t->parts.v[info->part] = (struct kt_tar_part){raw, info->raw_len};
	if (info->last_part)
		t->n_parts = info->part + 1;
	return tar_join(t);
}

/* ---------------------------------------------------------------- clocks */

/* Only a step moves the wall clock against the monotonic one, and shows that it had been off by that much. */
static int64_t step_ns(const struct ktr_clocks *a, const struct ktr_clocks *b)
{
	uint64_t apart = ((uint64_t)b->realtime_ns - (uint64_t)b->mono_ns) -
			 ((uint64_t)a->realtime_ns - (uint64_t)a->mono_ns);
	int64_t ns = apart > INT64_MAX ? -apart : apart;

	return ns >= 0 && ns <= a->error_ns + b->error_ns ? 0 : ns;
}

static void note_wall_error(struct kt_input *in, const struct ktr_clocks *c)
{
	int64_t step = step_ns(&in->clocks, c);

	if (c->wall_error_ns < 0 || c->wall_error_ns > KT_WALL_ERROR_MAX || step < 0 ||
	    step > KT_WALL_ERROR_MAX)
		in->wall_error_ns = KT_WALL_UNKNOWN;
	else
		in->wall_error_ns = KT_MAX(in->wall_error_ns, c->wall_error_ns + step);
}

static void note_clock(struct kt_input *in, const struct kt_clock *c)
{
	struct ktr_clocks clocks = {
		.mono_ns = c->ts_ns,
		.realtime_ns = c->realtime_ns,
		.boottime_ns = c->boottime_ns,
		.tai_ns = c->tai_ns,
		.error_ns = c->error_ns,
		.wall_error_ns = c->wall_error_ns,
	};

	if (c->phase == 0 && !in->have_clocks) {
		in->clocks = clocks;
		in->have_clocks = true;
	} else if (c->phase == 2) {
		in->end_clocks = clocks;
		in->have_end = true;
	}
	if (in->have_clocks)
		note_wall_error(in, &clocks);
}

static void note_clocks(struct kt_input *in, struct kt_map *map, const void *raw, size_t len)
{
	for (size_t at = 0; at < len;) {
		const struct kt_event *ev = (const void *)((const char *)raw + at);
		const struct kt_event *ours = kt_map_event(map, ev);

		if (ours && ours->id == KT_EV_clock)
			note_clock(in, (const struct kt_clock *)ours);
		at += ev->len;
	}
}

/* ---------------------------------------------------------------- blocks */

static bool holds_events(enum ktr_kind kind)
{
	return kind == KTR_EVENTS || kind == KTR_CLOCK || kind == KTR_COST || kind == KTR_TRIGGER;
}

static int find_schema(struct kt_input *in, uint32_t crc, const struct kt_schema **ret,
		       struct kt_map **ret_map)
{
	struct kt_input_schema s = {.crc = crc};
	int err;

	for (size_t i = 0; i < in->schemas.n; i++) {
		if (in->schemas.v[i].crc == crc) {
			*ret = in->schemas.v[i].schema;
			*ret_map = in->schemas.v[i].map;
			return 0;
		}
	}
	s.schema = ktr_reader_schema(in->reader, crc);
	if (!s.schema) /* a copy may follow: ask again next time */
		return -EBADMSG;
	err = kt_map_create(s.schema, &s.map);
	if (err)
		return err;
	if (kt_vec_push(&in->schemas, s)) {
		kt_map_destroy(s.map);
		return -ENOMEM;
	}
	*ret = s.schema;
	*ret_map = s.map;
	return 0;
}

static void decode(struct kt_job *job)
{
	struct kt_item *item = (struct kt_item *)((char *)job - offsetof(struct kt_item, job));

	item->raw = malloc(item->info.raw_len + 1);
	if (item->raw)
		item->err = ktr_block_decode(&item->info, item->comp, item->schema, item->raw);
	else
		item->err = -ENOMEM;
	if (item->err) {
		free(item->raw);
		item->raw = NULL;
	}
	free(item->comp);
	item->comp = NULL;
}

static void append(struct kt_input *in, struct kt_item *item)
{
	*in->tail = item;
	in->tail = &item->next;
	in->n_ahead++;
	in->ahead_bytes += item->info.raw_len;
}

static int append_damage(struct kt_input *in, const struct ktr_damage *d)
{
	struct kt_item *item = calloc(1, sizeof(*item));

	if (!item)
		return -ENOMEM;
	item->is_damage = true;
	item->damage = *d;
	append(in, item);
	return 0;
}

static int take_damage(struct kt_input *in)
{
	struct ktr_damage d;

	while (ktr_reader_damage(in->reader, &d) == 1) {
		int err = append_damage(in, &d);

		if (err)
			return err;
	}
	return 0;
}

/* A block that passed its checksum but cannot be used. */
static void make_damage(const struct kt_item *item, const char *what, struct ktr_damage *ret)
{
	*ret = (struct ktr_damage){
		.cause = KT_LOSS_DAMAGED_BLOCK,
		.stream = item->info.stream,
		.start_ns = item->info.ts_min_ns,
		.end_ns = item->info.ts_max_ns,
		.n = item->info.n_events,
		.offset = item->offset,
		.len = item->info.comp_len,
	};
	snprintf(ret->what, sizeof(ret->what), "%s", what);
}

/* Decodes clocks and context at once: they are needed before events. Frees item unless it is passed on. */
static int use_block(struct kt_input *in, struct kt_item *item)
{
	struct ktr_damage d;
	int err = 0;

	if (item->info.kind == KTR_CONTEXT) {
		uint32_t phase = item->info.phase;
		struct kt_tar *tar = phase == 0	  ? &in->context[0]
				     : phase == 2 ? &in->context[1]
						  : NULL;

		if (tar && !tar->data && !tar->used) {
			decode(&item->job);
			err = item->err == -ENOMEM ? -ENOMEM : 0;
			if (item->raw) {
				in->n_good++;
				err = tar_add(tar, &item->info, item->raw);
				item->raw = NULL;
			}
		}
		kt_item_destroy(item);
		return err;
	}
	if (!holds_events(item->info.kind) || in->context_only) {
		kt_item_destroy(item);
		return 0;
	}
	err = find_schema(in, item->info.schema_crc, &item->schema, &item->map);
	if (err == -EBADMSG) {
		make_damage(item, "no description of its events is left in the file", &d);
		kt_item_destroy(item);
		return append_damage(in, &d);
	}
	if (err) {
		kt_item_destroy(item);
		return err;
	}
	append(in, item);
	if (item->info.kind != KTR_CLOCK) {
		kt_pool_submit(in->pool, &item->job);
		return 0;
	}
	kt_pool_submit(NULL, &item->job);
	if (item->raw)
		note_clocks(in, item->map, item->raw, item->info.raw_len);
	return 0;
}

static struct kt_item *copy_block(const struct ktr_block *b)
{
	struct kt_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->info = b->info;
	item->offset = b->offset;
	item->job.fn = decode;
	item->comp = malloc(b->info.comp_len + 1);
	if (!item->comp) {
		free(item);
		return NULL;
	}
	memcpy(item->comp, b->comp, b->info.comp_len);
	return item;
}

/* Reads one more block into the queue. */
static int read_block(struct kt_input *in)
{
	struct kt_item *item;
	struct ktr_block b;
	int ret = ktr_reader_next(in->reader, &b);
	int err = take_damage(in);

	if (err)
		return err;
	if (ret == 0) {
		in->eof = true;
		return 0;
	}
	if (ret == -ENOMEM)
		return ret;
	if (ret < 0) { /* keep what was read, as if the file had been cut there */
		struct ktr_damage d = {
			.cause = KT_LOSS_TRUNCATED,
			.stream = KTR_NO_STREAM,
			.start_ns = in->watermark_ns,
			.end_ns = UINT64_MAX,
			.offset = ktr_reader_offset(in->reader),
		};

		snprintf(d.what, sizeof(d.what), "%s", strerror(-ret));
		in->eof = true;
		return append_damage(in, &d);
	}
	in->watermark_ns = KT_MAX(in->watermark_ns, b.info.watermark_ns);
	item = copy_block(&b);
	return item ? use_block(in, item) : -ENOMEM;
}

/* ---------------------------------------------------------------- preparing */

/* Searches the file a second time, for copies of what was damaged at its beginning. */
static int search(struct kt_input *in, const char *path)
{
	struct ktr_reader *r;
	struct ktr_block b;
	int err = 0;

	if (ktr_reader_open(path, &r))
		return 0;
	while (!err && (!in->have_clocks || !in->context[0].data) && ktr_reader_next(r, &b) == 1) {
		struct kt_item *item;

		if (!(b.info.kind == KTR_CLOCK && !in->have_clocks) &&
		    !(b.info.kind == KTR_CONTEXT && !in->context[0].data && b.info.phase == 0))
			continue;
		item = copy_block(&b);
		if (!item) {
			err = -ENOMEM;
			break;
		}
		if (b.info.kind == KTR_CONTEXT) {
			err = use_block(in, item);
			continue;
		}
		if (!find_schema(in, b.info.schema_crc, &item->schema, &item->map)) {
			decode(&item->job);
			if (item->raw)
				note_clocks(in, item->map, item->raw, item->info.raw_len);
		}
		kt_item_destroy(item);
	}
	ktr_reader_close(r);
	return err;
}

int kt_input_prepare(struct kt_input *in, const char *path)
{
	int err;

	while (!in->eof && in->n_ahead < PREPARE_BLOCKS && in->ahead_bytes < PREPARE_BYTES &&
	       (!in->have_clocks || !in->context[0].data ||
		(!in->schemas.n && !in->context_only))) {
		err = read_block(in);
		if (err)
			return err;
	}
	/* At the end of the file there is nothing more to find. */
	if (path && !in->eof && !in->context_only && (!in->have_clocks || !in->context[0].data))
		return search(in, path);
	return 0;
}

int kt_input_first_ns(struct kt_input *in, uint64_t *ret_ns)
{
	const struct kt_item *item = in->head;

	for (;;) {
		for (; item; item = item->next) {
			if (!item->is_damage && item->info.kind == KTR_EVENTS &&
			    item->info.n_events) {
				*ret_ns = item->info.ts_min_ns;
				return 0;
			}
		}
		if (in->eof || in->n_ahead >= PREPARE_BLOCKS || in->ahead_bytes >= PREPARE_BYTES)
			break;
		/* Few blocks come before the first event: looking at those again costs nothing. */
		int err = read_block(in);

		if (err)
			return err;
		item = in->head;
	}
	*ret_ns = UINT64_MAX;
	return 0;
}

int kt_input_create(const char *name, struct ktr_reader *r, struct kt_pool *pool,
		    unsigned int n_threads, struct kt_input **ret)
{
	struct kt_input *in = calloc(1, sizeof(*in));

	if (!in)
		return -ENOMEM;
	in->tail = &in->head;
	in->reader = r;
	in->info = ktr_reader_info(r);
	in->pool = pool;
	in->max_ahead = pool ? 2 * n_threads + 2 : 1;
	in->clocks = in->info->clocks;
	in->have_clocks = in->clocks.mono_ns != 0; /* 0: the header is damaged */
	in->wall_error_ns = in->info->wall_error_ns && in->info->wall_error_ns <= KT_WALL_ERROR_MAX
				    ? (int64_t)in->info->wall_error_ns
				    : KT_WALL_UNKNOWN;
	in->name = strdup(name);
	if (!in->name) {
		free(in);
		return -ENOMEM;
	}
	*ret = in;
	return 0;
}

void kt_item_destroy(struct kt_item *item)
{
	if (!item)
		return;
	free(item->comp);
	free(item->raw);
	free(item);
}

void kt_input_destroy(struct kt_input *in)
{
	if (!in)
		return;
	while (in->head) {
		struct kt_item *item = in->head;

		in->head = item->next;
		if (!item->is_damage)
			kt_pool_wait(in->pool, &item->job);
		kt_item_destroy(item);
	}
	for (size_t i = 0; i < in->schemas.n; i++)
		kt_map_destroy(in->schemas.v[i].map);
	kt_vec_finish(&in->schemas);
	tar_finish(&in->context[0]);
	tar_finish(&in->context[1]);
	free(in->name);
	free(in);
}

int kt_input_next(struct kt_input *in, struct kt_item **ret)
{
	struct kt_item *item;

	while (!in->eof && in->n_ahead < in->max_ahead) {
		int err = read_block(in);

		if (err)
			return err;
	}
	item = in->head;
	if (!item)
		return 0;
	if (!item->is_damage)
		kt_pool_wait(in->pool, &item->job);
	if (item->err == -ENOMEM)
		return -ENOMEM;
	in->head = item->next;
	if (!in->head)
		in->tail = &in->head;
	in->n_ahead--;
	in->ahead_bytes -= item->info.raw_len;
	item->next = NULL;
	if (item->err) {
		make_damage(item, "its content does not follow its description", &item->damage);
		item->is_damage = true;
	}
	in->n_good += !item->is_damage;
	*ret = item;
	return 1;
}
