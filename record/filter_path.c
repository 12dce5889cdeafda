// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "format/base/dev.h"
#include "format/base/log.h"
#include "format/base/macros.h"
#include "record/context/text.h"
#include "record/filter.h"

#define CGROUP2_MAGIC 0x63677270
#define BTRFS_MAGIC 0x9123683e

/* Calls fn for each mount in /proc/self/mountinfo until it returns true. Returns whether it did. */
static bool each_mount(bool (*fn)(void *self, unsigned int id, uint32_t dev, const char *point,
				  const char *type),
		       void *self)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0) {
		char point[PATH_MAX], type[64];
		unsigned int id, major, minor;
		char *rest = strstr(line, " - ");

		if (rest &&
		    sscanf(line, "%u %*u %u:%u %*s %4095s", &id, &major, &minor, point) == 4 &&
		    sscanf(rest, " - %63s", type) == 1)
			found = fn(self, id, kt_dev_of(major, minor), point, type);
	}
	if (f)
		fclose(f);
	free(line);
	return found;
}

static bool is_cgroup2(void *self, unsigned int id, uint32_t dev, const char *point,
		       const char *type)
{
	(void)id;
	(void)dev;
	if (strcmp(type, "cgroup2"))
		return false;
	snprintf(self, PATH_MAX, "%s", point);
	return true;
}

bool kt_filter_io_on_v2(void)
{
	char mount[PATH_MAX], controllers[256], *word, *rest;

	if (!each_mount(is_cgroup2, mount))
		return false;
	kt_read_value(controllers, sizeof(controllers), "%s/cgroup.controllers", mount);
	for (word = strtok_r(controllers, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (!strcmp(word, "io"))
			return true;
	return false;
}

/* Its id is the inode number of its directory. */
static int cgroup_id(const char *path, uint64_t *ret_id)
{
	struct statfs fs;
	struct stat st;

	if (stat(path, &st) || statfs(path, &fs))
		return -errno;
	if (fs.f_type != CGROUP2_MAGIC || !S_ISDIR(st.st_mode))
		return -ENOENT;
	*ret_id = st.st_ino;
	return 0;
}

int kt_filter_find_cgroup(const char *path, uint64_t *ret_id)
{
	char mount[PATH_MAX], *full;
	int err = cgroup_id(path, ret_id);

	if (!err)
		return 0;
	if (!each_mount(is_cgroup2, mount)) {
		kt_error("no such cgroup: %s: no cgroup v2 tree is mounted", path);
		return -ENOENT;
	}
	if (asprintf(&full, "%s/%s", mount, path) < 0)
		return -ENOMEM;
	err = cgroup_id(full, ret_id);
	free(full);
	if (err)
		kt_error("no such cgroup: %s: use the path of a v2 cgroup, as found below %s", path,
			 mount);
	return err;
}

/* "sda1", "/dev/sda1", "8:1": known to the kernel under that name or number. */
int kt_filter_find_disk(const char *name, uint32_t *ret_dev)
{
	const char *base = !strncmp(name, "/dev/", 5) ? name + 5 : name;
	unsigned int major, minor;
	char dev[64], path[64], tail;
	struct stat st;

	if (sscanf(name, "%u:%u%c", &major, &minor, &tail) == 2) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major, minor);
		if (!stat(path, &st)) {
			*ret_dev = kt_dev_of(major, minor);
			return 0;
		}
	} else if (*base && strlen(base) < 40) {
		/* A name with a slash, such as cciss/c0d0, has ! instead. */
		char sys[64];

		snprintf(sys, sizeof(sys), "%s", base);
		for (char *p = sys; *p; p++)
			if (*p == '/')
				*p = '!';
		kt_read_value(dev, sizeof(dev), "/sys/class/block/%s/dev", sys);
		if (sscanf(dev, "%u:%u", &major, &minor) == 2) {
			*ret_dev = kt_dev_of(major, minor);
			return 0;
		}
	}
	/* An alias: a link below /dev/disk or /dev/mapper. */
	if (*name == '/' && !stat(name, &st) && S_ISBLK(st.st_mode)) {
		*ret_dev = kt_dev_of(major(st.st_rdev), minor(st.st_rdev));
		return 0;
	}
	kt_error("no such disk: %s: it must exist when recording begins; use a name or number as "
		 "lsblk shows it",
		 name);
	return -ENODEV;
}

struct find_dev {
	unsigned int mount;
	uint32_t dev;
};

static bool is_mount(void *self, unsigned int id, uint32_t dev, const char *point, const char *type)
{
	struct find_dev *f = self;

	(void)point;
	(void)type;
	if (id != f->mount)
		return false;
	f->dev = dev;
	return true;
}

/* 0: the file system does not show one. */
static uint32_t generation_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	long generation = 0; /* some write an int although the ioctl number says long */

	if (fd < 0)
		return 0;
	if (ioctl(fd, FS_IOC_GETVERSION, &generation))
		generation = 0;
	close(fd);
	return (uint32_t)generation;
}

/* What statx() shows need not be the file system's own number, s_dev, which its mount shows. Of btrfs it is the subvolume's: bpf/io/inode.h. */
int kt_filter_find_file(const char *path, bool dir, struct kt_filter_file *ret)
{
	struct find_dev f = {0};
	struct statfs fs;
	struct statx st;

	if (statx(AT_FDCWD, path, 0, STATX_TYPE | STATX_INO | STATX_MNT_ID, &st)) {
		int err = -errno;

		kt_error("no such %s: %s: %s", dir ? "directory" : "file", path, strerror(-err));
		return err;
	}
	if (dir && !S_ISDIR(st.stx_mode)) {
		kt_error("%s is not a directory: use --file for a file", path);
		return -ENOTDIR;
	}
	if (!dir && !S_ISREG(st.stx_mode)) {
		kt_error("%s is not a regular file: use %s", path,
			 S_ISDIR(st.stx_mode) ? "--dir for a directory" : "--disk for a disk");
		return -ENOTSUP;
	}
	f.mount = st.stx_mnt_id;
	ret->dev = kt_dev_of(st.stx_dev_major, st.stx_dev_minor);
	if ((statfs(path, &fs) || fs.f_type != BTRFS_MAGIC) && (st.stx_mask & STATX_MNT_ID) &&
	    each_mount(is_mount, &f))
		ret->dev = f.dev;
	ret->ino = st.stx_ino;
	ret->generation = dir ? 0 : generation_of(path);
	return 0;
}
