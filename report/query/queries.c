/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "report/query/queries.h"

#define SUFFIX ".sql"

static bool is_dir(const char *path)
{
	struct stat st;

	return path && !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* malloc'ed: $KTRACE_QUERIES, or where they were installed: a tree that was moved as a whole is found by the program's place. */
static char *find_dir(void)
{
	const char *env = getenv("KTRACE_QUERIES");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *dir = NULL, *slash;

	if (env && *env)
		return strdup(env);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash &&
		    asprintf(&dir, "%.*s/../" KT_QUERIES_REL, (int)(slash - self), self) < 0)
			dir = NULL;
	}
	if (is_dir(dir))
		return dir;
	free(dir);
	return strdup(KT_QUERIES_DIR);
}

/* One file name, and no hidden one. */
static bool is_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

char *kt_query_path(const char *name)
{
	char *dir kt_auto_free = is_name(name) ? find_dir() : NULL;
	char *path;

	if (!dir || asprintf(&path, "%s/%s" SUFFIX, dir, name) < 0)
		return NULL;
	if (!access(path, F_OK))
		return path;
	free(path);
	return NULL;
}

static int is_query(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return is_name(e->d_name) && len > strlen(SUFFIX) &&
	       !strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX);
}

int kt_query_names(char ***ret_names)
{
	char *dir kt_auto_free = find_dir();
	struct dirent **entries = NULL;
	int n = dir ? scandir(dir, &entries, is_query, alphasort) : 0, k = 0;
	char **names = n > 0 ? calloc(n, sizeof(*names)) : NULL;

	for (int i = 0; i < n; i++) {
		size_t len = strlen(entries[i]->d_name) - strlen(SUFFIX);

		if (names && (names[k] = strndup(entries[i]->d_name, len)))
			k++;
		free(entries[i]);
	}
	free(entries);
	*ret_names = names;
	return k;
}
