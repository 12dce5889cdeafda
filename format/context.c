/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The tar of a run: created in memory, read, unpacked. Those that are read are hostile. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/array.h"
#include "format/base/macros.h"
#include "format/ktr.h"

/* ---------------------------------------------------------------- names */

/* Relative, no "..", no empty components: cannot lead out of the directory that it is unpacked to. */
static bool name_ok(const char *name)
{
	if (!name || !*name || *name == '/')
		return false;
	for (const char *p = name; *p;) {
		size_t n = strcspn(p, "/");

		if (!n || n > NAME_MAX || (n == 2 && !memcmp(p, "..", 2)))
			return false;
		p += n;
		if (*p)
			p++;
	}
	return true;
}

/* ---------------------------------------------------------------- making one */

struct ktr_context {
	struct archive *archive; /* NULL once finished */
	KT_VEC(unsigned char) tar;
};

static la_ssize_t append(struct archive *a, void *arg, const void *data, size_t len)
{
	struct ktr_context *c = arg;

	if (kt_vec_reserve(&c->tar, c->tar.n + len)) {
		archive_set_error(a, ENOMEM, "out of memory");
		return -1;
	}
	memcpy(c->tar.v + c->tar.n, data, len);
	c->tar.n += len;
	return len;
}

int ktr_context_create(struct ktr_context **ret)
{
	struct ktr_context *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->archive = archive_write_new();
	/* Blocks of one record: the usual padding to 10 KiB is a waste. */
	if (!c->archive || archive_write_set_format_pax_restricted(c->archive) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(c->archive, 512) != ARCHIVE_OK ||
	    archive_write_open(c->archive, c, NULL, append, NULL) != ARCHIVE_OK) {
		ktr_context_destroy(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

int ktr_context_add(struct ktr_context *c, const char *name, const void *data, size_t len)
{
	struct archive_entry *entry;
	int err = 0;

	if (!c->archive || !name_ok(name))
		return -EINVAL;
	entry = archive_entry_new();
	if (!entry)
		return -ENOMEM;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, len);
	if (archive_write_header(c->archive, entry) != ARCHIVE_OK ||
	    (len && archive_write_data(c->archive, data, len) != (la_ssize_t)len))
		err = archive_errno(c->archive) == ENOMEM ? -ENOMEM : -EINVAL;
	archive_entry_free(entry);
	return err;
}

int ktr_context_finish(struct ktr_context *c, const void **ret_tar, size_t *ret_len)
{
	int err = 0;

	if (c->archive) {
		if (archive_write_close(c->archive) != ARCHIVE_OK)
			err = -ENOMEM; /* everything is in memory */
		archive_write_free(c->archive);
		c->archive = NULL;
	}
	if (err)
		return err;
	*ret_tar = c->tar.v;
	*ret_len = c->tar.n;
	return 0;
}

void ktr_context_destroy(struct ktr_context *c)
{
	if (!c)
		return;
	if (c->archive)
		archive_write_free(c->archive);
	kt_vec_finish(&c->tar);
	free(c);
}

/* ---------------------------------------------------------------- reading one */

typedef int (*entry_cb)(void *arg, struct archive_entry *entry, const char *name, const void *data,
			size_t len);

/*
 * Any entry; data for regular files. A sparse entry may claim far more bytes than the tar has, so anything larger than
 * the tar itself is refused.
 */
static int each_entry(const void *tar, size_t len, entry_cb fn, void *arg)
{
	struct archive *a = archive_read_new();
	KT_VEC(unsigned char) data = {0};
	struct archive_entry *entry;
	int err = -ENOMEM, ok;

	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK)
		goto out;
	err = -EBADMSG;
	if (archive_read_open_memory(a, tar, len) != ARCHIVE_OK)
		goto out;
	while ((ok = archive_read_next_header(a, &entry)) == ARCHIVE_OK || ok == ARCHIVE_WARN) {
		la_int64_t size =
			archive_entry_filetype(entry) == AE_IFREG ? archive_entry_size(entry) : 0;

		err = -EBADMSG;
		if (size < 0 || (uint64_t)size > len)
			goto out;
		err = kt_vec_reserve(&data, (size_t)size + 1);
		if (err)
			goto out;
		if (size && archive_read_data(a, data.v, size) != size) {
			err = -EBADMSG;
			goto out;
		}
		data.v[size] = '\0'; /* texts can be used as strings */
		err = fn(arg, entry, archive_entry_pathname(entry), data.v, size);
		if (err)
			goto out;
	}
	err = ok == ARCHIVE_EOF ? 0 : -EBADMSG;
out:
	if (a)
		archive_read_free(a);
	kt_vec_finish(&data);
	return err;
}

struct each {
	ktr_context_cb fn;
	void *arg;
};

static bool is_plain_file(struct archive_entry *entry)
{
	return archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry) &&
	       !archive_entry_symlink(entry);
}

static int each_file(void *arg, struct archive_entry *entry, const char *name, const void *data,
		     size_t len)
{
	struct each *e = arg;

	return is_plain_file(entry) && name_ok(name) ? e->fn(e->arg, name, data, len) : 0;
}

int ktr_context_each(const void *tar, size_t len, ktr_context_cb fn, void *arg)
{
	struct each e = {fn, arg};

	return each_entry(tar, len, each_file, &e);
}

/* ---------------------------------------------------------------- unpacking one */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* The directory of name, created if absent; *ret_last: the part after it. Never follows a link. */
static int open_parent(int dir, const char *name, int *ret_fd, const char **ret_last)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *slash;

	for (; fd >= 0 && (slash = strchr(name, '/')) && slash[1]; name = slash + 1) {
		char part[NAME_MAX + 1];
		int up = fd;

		memcpy(part, name, slash - name);
		part[slash - name] = '\0';
		if (mkdirat(up, part, 0777) < 0 && errno != EEXIST)
			fd = -1;
		else
			fd = openat(up, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			int err = -errno;

			close(up);
			return err;
		}
		close(up);
	}
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	*ret_last = name;
	return 0;
}

static int write_file(int dir, const char *name, const unsigned char *data, size_t len)
{
	kt_cleanup(close_fd) int fd = -1;

	/* Always a new file: never writes to one that an earlier entry or somebody else created. */
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		data += n;
		len -= n;
	}
	return 0;
}

static int extract_entry(void *arg, struct archive_entry *entry, const char *name, const void *data,
			 size_t len)
{
	bool is_dir = archive_entry_filetype(entry) == AE_IFDIR;
	kt_cleanup(close_fd) int parent = -1;
	char part[NAME_MAX + 1];
	const char *last = name;
	size_t n;
	int err;

	if (!name_ok(name) || (!is_dir && !is_plain_file(entry)))
		return -EBADMSG;
	err = open_parent(*(int *)arg, name, &parent, &last);
	if (err)
		return err;
	n = strcspn(last, "/");
	memcpy(part, last, n);
	part[n] = '\0';
	if (!is_dir)
		return write_file(parent, part, data, len);
	return mkdirat(parent, part, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

int ktr_context_extract(const void *tar, size_t len, const char *dir)
{
	kt_cleanup(close_fd) int fd = -1;

	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return each_entry(tar, len, extract_entry, &fd);
}
