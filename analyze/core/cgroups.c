/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Cgroups. Ids of different hierarchies collide: each hierarchy has its own table. */
#include <errno.h>
#include <string.h>

#include "analyze/core/core.h"
#include "format/base/macros.h"

struct cgroup_row {
	int64_t ucgid, run_id;
	const char *hierarchy;
	int64_t cgroup_id;
	const char *path;
};

static const struct kt_col cgroup_cols[] = {
	KT_COL(cgroup_row, ucgid, KT_COL_ID, "", "cgroup"),
	KT_COL(cgroup_row, run_id, KT_COL_INT, "", "the run"),
	KT_COL(cgroup_row, hierarchy, KT_COL_TEXT, "",
	       "v2, v1:blkio, ...; NULL: that of the io controller, which was not recorded"),
	KT_COL(cgroup_row, cgroup_id, KT_COL_INT, "",
	       "the kernel's id: inode number of its directory"),
	KT_COL(cgroup_row, path, KT_COL_TEXT, "", "path within the hierarchy"),
};

const struct kt_table kt_cgroup_table = {
	.name = "cgroup",
	.doc = "cgroups that the rows of other tables refer to",
	.cols = cgroup_cols,
	.n_cols = KT_ARRAY_SIZE(cgroup_cols),
};

struct cgroup {
	int64_t ucgid; /* 0: nobody asked */
	uint64_t id;
	char *path;
};

struct kt_hierarchy {
	char *name;		/* "": that of the io controller, whichever it is */
	struct kt_hash cgroups; /* by id */
};

static struct kt_hierarchy *get_hierarchy(struct kt_core_run *r, const char *name)
{
	struct kt_hierarchy *h;

	for (size_t i = 0; i < r->hierarchies.n; i++)
		if (!strcmp(r->hierarchies.v[i]->name, name))
			return r->hierarchies.v[i];
	h = calloc(1, sizeof(*h));
	if (h)
		h->name = strdup(name);
	if (!h || !h->name || kt_vec_push(&r->hierarchies, h)) {
		if (h)
			free(h->name);
		free(h);
		return NULL;
	}
	return h;
}

static struct cgroup *get_cgroup(struct kt_hierarchy *h, uint64_t id)
{
	struct cgroup *g = kt_hash_get(&h->cgroups, id);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g || kt_hash_put(&h->cgroups, id, g)) {
		free(g);
		return NULL;
	}
	g->id = id;
	return g;
}

int64_t kt_core_ucgid(void *self, uint32_t run, enum kt_cgroup_hierarchy which, uint64_t id)
{
	struct kt_core *c = self;
	struct kt_core_run *r;
	struct kt_hierarchy *h;
	struct cgroup *g;

	if (!id)
		return KT_NULL;
	r = kt_core_run(c, run);
	if (!r)
		return KT_NULL;
	h = get_hierarchy(r, which == KT_CGROUP_V2 ? "v2" : r->io_hierarchy ? r->io_hierarchy : "");
	g = h ? get_cgroup(h, id) : NULL;
	if (!g)
		return KT_NULL;
	if (!g->ucgid)
		g->ucgid = kt_next_id(c->e, &kt_cgroup_table);
	return g->ucgid;
}

int kt_cgroup_named(struct kt_core_run *r, const char *hierarchy, uint64_t id, const char *path)
{
	struct kt_hierarchy *h = get_hierarchy(r, hierarchy);
	struct cgroup *g = h ? get_cgroup(h, id) : NULL;
	char *copy = g ? strdup(path) : NULL;

	if (!copy)
		return -ENOMEM;
	free(g->path);
	g->path = copy;
	return 0;
}

int kt_cgroups_io(struct kt_core_run *r, struct kt_tsv *t)
{
	const char *word = kt_tsv_next(t) ? kt_tsv_at(t, 0) : NULL;

	if (!word || r->io_hierarchy)
		return 0;
	r->io_hierarchy = strdup(word);
	return r->io_hierarchy ? 0 : -ENOMEM;
}

int kt_cgroups_context(struct kt_core_run *r, struct kt_tsv *t)
{
	while (kt_tsv_next(t)) {
		const char *hierarchy = kt_tsv_get(t, "hierarchy"), *id = kt_tsv_get(t, "id"),
			   *path = kt_tsv_get(t, "path");
		int err;

		if (!hierarchy || !id || !path)
			continue;
		err = kt_cgroup_named(r, hierarchy, strtoull(id, NULL, 10), path);
		if (err)
			return err;
	}
	return 0;
}

int kt_cgroups_write(struct kt_core *c, struct kt_core_run *r)
{
	for (size_t i = 0; i < r->hierarchies.n; i++) {
		const struct kt_hierarchy *h = r->hierarchies.v[i];

		for (size_t j = 0; h->cgroups.slots && j <= h->cgroups.mask; j++) {
			const struct cgroup *g = h->cgroups.slots[j].value;
			struct cgroup_row row;
			int err;

			if (!g || !g->ucgid)
				continue;
			row = (struct cgroup_row){g->ucgid, r->run + 1, h->name[0] ? h->name : NULL,
						  g->id, g->path};
			err = kt_insert(c->e, &kt_cgroup_table, &row);
			if (err)
				return err;
		}
	}
	return 0;
}

void kt_cgroups_finish(struct kt_core_run *r)
{
	for (size_t i = 0; i < r->hierarchies.n; i++) {
		struct kt_hierarchy *h = r->hierarchies.v[i];

		for (size_t j = 0; h->cgroups.slots && j <= h->cgroups.mask; j++) {
			struct cgroup *g = h->cgroups.slots[j].value;

			if (g)
				free(g->path);
			free(g);
		}
		kt_hash_finish(&h->cgroups);
		free(h->name);
		free(h);
	}
	kt_vec_finish(&r->hierarchies);
	free(r->io_hierarchy);
}
