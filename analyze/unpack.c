/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "analyze/engine/input.h"
#include "analyze/unpack.h"
#include "format/base/log.h"
#include "format/base/macros.h"

static int make_dir(const char *dir)
{
	if (mkdir(dir, 0777) && errno != EEXIST) {
		int err = -errno;

		kt_error("%s: cannot be created: %s", dir, strerror(-err));
		return err;
	}
	return 0;
}

/* Files with these names may belong to somebody: none is replaced unless asked. */
static int check_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int err = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			err = -EEXIST;
	closedir(d);
	return err;
}

static int unpack_tar(const struct kt_tar *tar, const char *dir, const char *phase,
		      const char *name, bool force)
{
	kt_auto_free char *to = NULL;
	int err;

	if (!tar->data)
		return 0;
	if (asprintf(&to, "%s/%s", dir, phase) < 0) {
		to = NULL;
		return -ENOMEM;
	}
	err = force ? 0 : check_empty(to);
	if (err == -EEXIST) {
		kt_error("%s: already exists; name another directory, or use -f to unpack over it",
			 to);
		return err;
	}
	if (!err)
		err = ktr_context_extract(tar->data, tar->len, to);
	if (err == -EBADMSG)
		kt_error("%s: its context contains absolute paths, .. or links, which are refused; "
			 "unpacking stopped in %s",
			 name, to);
	else if (err)
		kt_error("%s: %s", to, strerror(-err));
	return err;
}

static int unpack_one(const char *dir, const struct kt_opened *opened, bool force)
{
	struct kt_input *in;
	struct kt_item *item;
	int ret = kt_input_create(opened->name, opened->reader, NULL, 1, &in);

	if (ret)
		return ret;
	in->context_only = true;
	ret = kt_input_prepare(in, opened->path);
	while (!ret && (ret = kt_input_next(in, &item)) == 1) {
		kt_item_destroy(item);
		ret = 0;
	}
	if (!ret && !in->context[0].data && !in->context[1].data) {
		kt_error("%s: holds no context", opened->name);
		ret = -ENODATA;
	}
	if (!ret)
		ret = make_dir(dir);
	if (!ret)
		ret = unpack_tar(&in->context[0], dir, "start", opened->name, force);
	if (!ret)
		ret = unpack_tar(&in->context[1], dir, "end", opened->name, force);
	kt_input_destroy(in);
	return ret;
}

int kt_unpack(const char *dir, const struct kt_opened *opened, size_t n, bool force)
{
	int err = 0;

	if (n == 1)
		return unpack_one(dir, opened, force);
	err = make_dir(dir);
	for (size_t i = 0; !err && i < n; i++) {
		kt_auto_free char *sub = NULL;

		if (asprintf(&sub, "%s/%zu", dir, i + 1) < 0) {
			sub = NULL;
			return -ENOMEM;
		}
		err = unpack_one(sub, &opened[i], force);
	}
	return err;
}
