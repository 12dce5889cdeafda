// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Context: cgroups, of v2 and of the hierarchy that the io controller is on. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/context/context_parts.h"
#include "record/context/text.h"

#define DEPTH_MAX 64 /* levels of cgroups that are visited */

/* Is the word in a list separated by commas or blanks? */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t len = strcspn(list, ", \n");

		if (len == n && !memcmp(list, word, n))
			return true;
		list += len;
		list += strspn(list, ", \n");
	}
	return false;
}

/* A line of mountinfo: id parent dev root mountpoint options … - fstype source superoptions. */
void kt_cgroup_mount(const char *kind, char *buf, size_t size)
{
	bool v2 = !strcmp(kind, "v2");
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];

	*buf = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		char root[1024], point[1024], type[64], super[1024] = "";
		char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%*s %*s %*s %1023s %1023s", root, point) != 2 ||
		    sscanf(dash, " - %63s %*s %1023s", type, super) < 1)
			continue;
		if (v2 ? strcmp(type, "cgroup2") : strcmp(type, "cgroup") || !has_word(super, kind))
			continue;
		snprintf(buf, size, "%s", point);
		break;
	}
	if (f)
		fclose(f);
}

/* Closes dir. path: within the hierarchy; grows and shrinks on the way. */
static void walk_cgroups(FILE *f, const char *hierarchy, int dir_fd, char *path, size_t size,
			 int depth)
{
	DIR *dir = fdopendir(dir_fd);
	size_t len = strlen(path);
	struct dirent *e;
	struct stat st;

	if (!dir) {
		close(dir_fd);
		return;
	}
	if (!fstat(dir_fd, &st)) {
		fprintf(f, "%s\t%llu\t", hierarchy, (unsigned long long)st.st_ino);
		kt_text_value(f, len ? path : "/");
		fputc('\n', f);
	}
	while (depth < DEPTH_MAX && (e = readdir(dir))) {
		int fd;

		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    len + strlen(e->d_name) + 2 > size)
			continue;
		fd = openat(dir_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		snprintf(path + len, size - len, "/%s", e->d_name);
		walk_cgroups(f, hierarchy, fd, path, size, depth + 1);
		path[len] = '\0';
	}
	closedir(dir);
}

static void put_hierarchy(FILE *f, const char *name, const char *mount)
{
	char path[4096] = "";
	int fd = *mount ? open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0)
		walk_cgroups(f, name, fd, path, sizeof(path), 0);
}

int kt_context_cgroups(struct ktr_context *c)
{
	char v2[1024], blkio[1024], controllers[1024];
	bool io_on_v2;
	struct kt_text t;
	int err = kt_text_open(&t);

	if (err)
		return err;
	kt_cgroup_mount("v2", v2, sizeof(v2));
	kt_cgroup_mount("blkio", blkio, sizeof(blkio));
	io_on_v2 = has_word(
		kt_read_value(controllers, sizeof(controllers), "%s/cgroup.controllers", v2), "io");
	fputs("hierarchy\tid\tpath\n", t.f);
	put_hierarchy(t.f, "v2", v2);
	if (!io_on_v2)
		put_hierarchy(t.f, "v1:blkio", blkio);
	err = kt_text_add(&t, c, "cgroups");
	if (err)
		return err;
	/* Neither: this kernel lacks the controller; its ids are those of v2's root. */
	err = kt_text_open(&t);
	if (err)
		return err;
	fputs(io_on_v2 || !*blkio ? "v2\n" : "v1:blkio\n", t.f);
	return kt_text_add(&t, c, "io_cgroups");
}
