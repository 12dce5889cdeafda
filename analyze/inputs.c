/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * A .ktr inside an archive can be read only while the library is positioned at it. To have several open at once, each
 * is opened inside the callback of the previous one, with the archive opened again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyze/inputs.h"
#include "analyze/spool.h"
#include "format/base/array.h"
#include "format/base/log.h"

#define RUNS_MAX 1024 /* each takes open files and stack frames */

#define STOP 1 /* from ktr_bundle_each(): nothing more is wanted */

struct opening {
	char *const *files;
	size_t n_files;
	size_t *n_entries;	 /* .ktr files in each file */
	struct kt_spool *spools; /* of each file */
	KT_VEC(struct kt_opened) opened;
	kt_inputs_cb fn;
	void *arg;
	int result; /* of fn */
};

/* One entry of one file. */
struct place {
	struct opening *o;
	size_t file, entry;
	size_t skip; /* entries still to skip */
};

static int say(const char *path, int err)
{
	if (err == -EBADMSG)
		kt_error("%s: is neither a .ktr file nor an archive containing one", path);
	else if (err == -EPROTONOSUPPORT || err == -ENOTSUP)
		kt_error("%s: was written by a newer ktrace; read it with that version", path);
	else
		kt_error("%s: %s", path, strerror(-err));
	return err;
}

/* What is opened for a file on the command line: the file itself, or its spooled copy. */
static const char *real_path(const struct opening *o, size_t file)
{
	return o->spools[file].fd < 0 ? o->files[file] : o->spools[file].path;
}

static int open_next(struct opening *o, size_t file, size_t entry);

static int add(struct opening *o, const char *name, const char *path, struct ktr_reader *r)
{
	struct kt_opened x = {name, path, r};

	if (o->opened.n == RUNS_MAX) {
		kt_error("too many recordings: at most %d", RUNS_MAX);
		return -E2BIG;
	}
	return kt_vec_push(&o->opened, x);
}

static int entry_opened(void *arg, const char *name, struct ktr_reader *r)
{
	struct place *p = arg;
	const char *path = real_path(p->o, p->file), *file = p->o->files[p->file];
	char *shown kt_auto_free = NULL;
	int err;

	if (p->skip) {
		p->skip--;
		return 0;
	}
	/* It begins with the path. */
	if (asprintf(&shown, "%s%s", file, name + strlen(path)) < 0) {
		shown = NULL;
		return -ENOMEM;
	}
	err = add(p->o, shown, strcmp(name, path) ? NULL : path, r);
	if (!err)
		err = open_next(p->o, p->file, p->entry + 1);
	return err ? err : STOP;
}

static int open_next(struct opening *o, size_t file, size_t entry)
{
	struct place p = {o, file, entry, entry};
	int err;

	while (file < o->n_files && entry >= o->n_entries[file]) {
		file++;
		entry = 0;
		p = (struct place){o, file, 0, 0};
	}
	if (file == o->n_files) {
		o->result = o->fn(o->arg, o->opened.v, o->opened.n);
		return 0;
	}
	err = ktr_bundle_each(real_path(o, file), entry_opened, &p);
	if (err == STOP)
		return 0;
	/* 0: the entry that was there before is gone. */
	return err ? err : say(o->files[file], -ESTALE);
}

static int count_entry(void *arg, const char *name, struct ktr_reader *r)
{
	++*(size_t *)arg;
	return 0;
}

static int count_entries(struct opening *o, size_t file)
{
	const char *path = o->files[file];
	struct stat st;
	int err;

	if (kt_spool_wanted(path)) {
		err = kt_spool_init(&o->spools[file], path);
		if (err)
			return err;
	}
	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		kt_error("%s: is a directory; name the .ktr files in it", path);
		return -EISDIR;
	}
	err = ktr_bundle_each(real_path(o, file), count_entry, &o->n_entries[file]);
	if (err && o->n_entries[file]) { /* a truncated archive: use the complete entries */
		kt_warn("%s: damaged archive: recordings after the first %zu are lost", path,
			o->n_entries[file]);
		return 0;
	}
	return err ? say(path, err) : 0;
}

int kt_inputs_open(char *const *files, size_t n_files, kt_inputs_cb fn, void *arg)
{
	struct opening o = {.files = files, .n_files = n_files, .fn = fn, .arg = arg};
	int err = 0;

	o.n_entries = calloc(n_files, sizeof(*o.n_entries));
	o.spools = calloc(n_files, sizeof(*o.spools));
	if (!o.n_entries || !o.spools)
		err = say(files[0], -ENOMEM);
	for (size_t i = 0; i < n_files && o.spools; i++)
		o.spools[i].fd = -1;
	for (size_t i = 0; i < n_files && !err; i++)
		err = count_entries(&o, i);
	if (!err)
		err = open_next(&o, 0, 0);
	kt_vec_finish(&o.opened);
	for (size_t i = 0; i < n_files && o.spools; i++)
		kt_spool_finish(&o.spools[i]);
	free(o.spools);
	free(o.n_entries);
	return err ? err : o.result;
}
