// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Names of files. A recording says what a path starts from: the root of the recorder's mount namespace, of another one, or of a file
 * system that is not mounted. Older recordings have paths within the file system: they are put below the point where it was
 * mounted at the start.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/io/io_internal.h"
#include "format/base/dev.h"
#include "format/base/macros.h"

#define MAX_FILES (1u << 20) /* per run, inode numbers with a known name; further ones have none */
#define MAX_NAMES 16	     /* per inode number, the newest */
#define MAX_MOUNTS 65536
#define MAX_PATH 4096

/* Decodes \040 and other escapes of mountinfo. In place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		unsigned int c;

		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1 && s[1] && s[2] && s[3]) {
			*to++ = (char)c;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* id parent major:minor root point options … */
static int add_mount(struct kt_io_run *r, char *line)
{
	unsigned int major, minor;
	char *word[5], *rest = line;
	struct kt_io_mount m;

	for (size_t i = 0; i < KT_ARRAY_SIZE(word); i++)
		word[i] = strsep(&rest, " ");
	if (!word[4] || sscanf(word[2], "%u:%u", &major, &minor) != 2)
		return 0;
	unescape(word[3]);
	unescape(word[4]);
	m = (struct kt_io_mount){kt_dev_of(major, minor), strdup(word[3]), strdup(word[4])};
	if (!m.root || !m.point || kt_vec_push(&r->mounts, m)) {
		free(m.root);
		free(m.point);
		return -ENOMEM;
	}
	return 0;
}

int kt_io_mounts(struct kt_io_run *r, const void *data, size_t len)
{
	const char *at = data, *end = at + len, *nl;
	int err = 0;

	for (; !err && at < end && r->mounts.n < MAX_MOUNTS; at = nl + 1) {
		char *line;

		nl = memchr(at, '\n', end - at);
		if (!nl)
			nl = end;
		line = strndup(at, nl - at);
		if (!line)
			return -ENOMEM;
		err = add_mount(r, line);
		free(line);
	}
	return err;
}

/* What follows root in path; NULL: path is not below root. */
static const char *below(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (!strcmp(root, "/"))
		return path;
	if (strncmp(path, root, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

static uint64_t number_of(uint32_t dev, uint64_t ino)
{
	return ino ^ (uint64_t)dev << 32;
}

/* ------------------------------------------------------------------ fronts of long names */

/* The front being received on that CPU; a new one if there is none. NULL: no memory. */
static struct kt_io_front *front_of(struct kt_io_run *r, uint32_t cpu)
{
	struct kt_io_front *f;

	for (size_t i = 0; i < r->fronts.n; i++)
		if (r->fronts.v[i]->cpu == cpu)
			return r->fronts.v[i];
	f = calloc(1, sizeof(*f) + MAX_PATH);
	if (!f || kt_vec_push(&r->fronts, f)) {
		free(f);
		return NULL;
	}
	f->cpu = cpu;
	return f;
}

int kt_io_name_part(struct kt_io_run *r, uint32_t cpu, const struct kt_io_file_part *d)
{
	struct kt_io_front *f = front_of(r, cpu);
	size_t n = KT_MIN(d->bytes, sizeof(d->text));

	if (!f)
		return -ENOMEM;
	if (!d->at) {
		f->dev = d->ino_dev;
		f->ino = d->ino;
		f->len = 0;
	}
	if (f->dev != d->ino_dev || f->ino != d->ino || f->len != d->at || f->len + n > MAX_PATH) {
		f->len = 0; /* one of them was lost */
		return 0;
	}
	memcpy(f->text + f->len, d->text, n);
	f->len += n;
	return 0;
}

/* ------------------------------------------------------------------ names */

/* Older recordings: below the first mount that contains it. A truncated name has no beginning to attach it to. */
static void put_below_mount(const struct kt_io_run *r, uint32_t dev, const char *path, char *ret,
			    size_t size)
{
	if (path[0] != '/') {
		snprintf(ret, size, "%s", path);
		return;
	}
	for (size_t i = 0; i < r->mounts.n; i++) {
		const struct kt_io_mount *m = &r->mounts.v[i];
		const char *rest = m->dev == dev ? below(path, m->root) : NULL;

		if (rest) {
			snprintf(ret, size, "%s%s", strcmp(m->point, "/") ? m->point : "", rest);
			return;
		}
	}
	snprintf(ret, size, "?%s", path);
}

/* The complete name as users see it. ret: MAX_NAME_TEXT bytes. */
static void put_name(struct kt_io_run *r, uint32_t cpu, const struct kt_io_file *d, char *ret,
		     size_t size)
{
	size_t n = strnlen(d->path, sizeof(d->path));
	const struct kt_io_front *f = d->front ? front_of(r, cpu) : NULL;
	const char *path = d->path, *front = "";
	bool cut = d->flags & KT_NAME_CUT;
	size_t n_front = 0;
	char begin[32] = "";

	if (!d->flags) {
		char raw[sizeof(d->path) + 1];

		memcpy(raw, path, n);
		raw[n] = '\0';
		put_below_mount(r, d->ino_dev, raw, ret, size);
		return;
	}
	if (f && f->dev == d->ino_dev && f->ino == d->ino && f->len == d->front) {
		front = f->text;
		n_front = f->len;
	} else if (d->front) {
		/* Its front was lost: start at the first complete component. */
		const char *slash = memchr(path, '/', n);

		cut = true;
		n -= slash ? (size_t)(slash - path) : 0;
		path = slash ? slash : path;
	}
	if (cut)
		snprintf(begin, sizeof(begin), "...");
	else if (d->flags & KT_NAME_UNMOUNTED)
		snprintf(begin, sizeof(begin), "?");
	else if (d->mnt_ns)
		snprintf(begin, sizeof(begin), "mnt:[%u]", d->mnt_ns);
	snprintf(ret, size, "%s%.*s%.*s%s", begin, (int)n_front, front, (int)n, path,
		 d->flags & KT_NAME_DELETED ? " (deleted)" : "");
}

static bool is_of(const struct kt_io_named *f, uint32_t dev, uint64_t ino)
{
	return f->dev == dev && f->ino == ino;
}

/* Names of one inode number are sorted by time, the newest first. */
static int keep_name(struct kt_io_run *r, struct kt_io_named *f)
{
	struct kt_io_named *first = kt_hash_get(&r->files, number_of(f->dev, f->ino)), **at;
	size_t n = 1;

	for (at = &first; *at; at = &(*at)->same)
		if (is_of(*at, f->dev, f->ino) && (*at)->since_ns <= f->since_ns)
			break;
	if (*at && !strcmp((*at)->path, f->path)) {
		free(f);
		return 0;
	}
	f->same = *at;
	*at = f;
	for (at = &f->same; *at;) {
		struct kt_io_named *old = *at;

		/* Older recordings do not say since when: only the last name is known. */
		if (!is_of(old, f->dev, f->ino) || (f->has_since && ++n <= MAX_NAMES)) {
			at = &old->same;
			continue;
		}
		*at = old->same;
		free(old);
	}
	return kt_hash_put(&r->files, number_of(f->dev, f->ino), first);
}

int kt_io_name(struct kt_io_run *r, const struct kt_ev *ev, const struct kt_io_file *d)
{
	char text[MAX_PATH + sizeof(d->path) + 64];
	struct kt_io_named *f;
	size_t size;

	if (r->files.n >= MAX_FILES && !kt_hash_get(&r->files, number_of(d->ino_dev, d->ino)))
		return 0;
	put_name(r, ev->cpu, d, text, sizeof(text));
	size = strlen(text) + 1;
	f = malloc(sizeof(*f) + size);
	if (!f)
		return -ENOMEM;
	f->dev = d->ino_dev;
	f->ino = d->ino;
	f->id = ++r->n_names;
	f->has_since = d->flags;
	f->since_ns = ev->t_ns - (int64_t)d->age_ns;
	memcpy(f->path, text, size);
	return keep_name(r, f);
}

const struct kt_io_named *kt_io_name_of(const struct kt_io_run *r, uint32_t dev, uint64_t ino,
					int64_t t_ns)
{
	const struct kt_io_named *f = ino ? kt_hash_get(&r->files, number_of(dev, ino)) : NULL;
	const struct kt_io_named *name = NULL;

	for (; f; f = f->same) {
		if (!is_of(f, dev, ino))
			continue;
		name = f;
		if (f->since_ns <= t_ns)
			break;
	}
	return name;
}
