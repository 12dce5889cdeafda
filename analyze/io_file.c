// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Names of files: as the kernel told them, below the place where their file system is mounted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/io_flow.h"
#include "format/base/macros.h"

#define MAX_FILES (1u << 17) /* names known, a run; further ones are not */
#define MAX_MOUNTS 4096

/* \040 and the like, as mountinfo writes spaces. In place. */
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

/* Lines: id parent major:minor root point options … */
int kt_io_mounts(struct kt_io_run *r, const void *data, size_t len)
{
	const char *at = data, *end = at + len, *nl;

	for (; at < end && r->mounts.n < MAX_MOUNTS; at = nl + 1) {
		char line[1024], root[512], point[512];
		unsigned int major, minor;
		struct kt_io_mount m;

		nl = memchr(at, '\n', end - at);
		if (!nl)
			nl = end;
		if ((size_t)(nl - at) >= sizeof(line))
			continue;
		memcpy(line, at, nl - at);
		line[nl - at] = '\0';
		if (sscanf(line, "%*d %*d %u:%u %511s %511s", &major, &minor, root, point) != 4)
			continue;
		unescape(root);
		unescape(point);
		m = (struct kt_io_mount){major << 20 | minor, strdup(root), strdup(point)};
		if (!m.root || !m.point || kt_vec_push(&r->mounts, m)) {
			free(m.root);
			free(m.point);
			return -ENOMEM;
		}
	}
	return 0;
}

/* What follows root in path; NULL: it does not lie below. */
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

int kt_io_name(struct kt_io_run *r, uint32_t dev, uint64_t ino, const char *path, size_t max)
{
	const char *point = "", *rest;
	struct kt_io_named *f, *old, **at;
	char raw[256];
	size_t size;

	if (r->files.n >= MAX_FILES)
		return 0;
	max = KT_MIN(strnlen(path, max), sizeof(raw) - 1);
	memcpy(raw, path, max);
	raw[max] = '\0';
	rest = raw;
	/* The first mount that shows it; a name that was cut has no beginning to put it before. */
	for (size_t i = 0; raw[0] == '/' && i < r->mounts.n; i++) {
		const struct kt_io_mount *m = &r->mounts.v[i];
		const char *b = m->dev == dev ? below(raw, m->root) : NULL;

		if (!b)
			continue;
		point = strcmp(m->point, "/") ? m->point : "";
		rest = b;
		break;
	}
	size = strlen(point) + strlen(rest) + 1;
	f = malloc(sizeof(*f) + size);
	if (!f)
		return -ENOMEM;
	f->dev = dev;
	f->ino = ino;
	snprintf(f->path, size, "%s%s", point, rest);
	old = kt_hash_get(&r->files, number_of(dev, ino));
	f->same = old;
	if (kt_hash_put(&r->files, number_of(dev, ino), f)) {
		free(f);
		return -ENOMEM;
	}
	/* An inode number that was used again has the newer name. */
	for (at = &f->same; *at; at = &(*at)->same) {
		old = *at;
		if (old->dev != dev || old->ino != ino)
			continue;
		*at = old->same;
		free(old);
		break;
	}
	return 0;
}

const char *kt_io_path_of(const struct kt_io_run *r, uint32_t dev, uint64_t ino)
{
	const struct kt_io_named *f = ino ? kt_hash_get(&r->files, number_of(dev, ino)) : NULL;

	while (f && (f->dev != dev || f->ino != ino))
		f = f->same;
	return f ? f->path : NULL;
}
