// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include "analyze/block/block.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format/base/hash.h"
#include "format/base/macros.h"

#define MAX_NAMES 1024 /* more operations than 256 numbers can mean on a few kernels */

static const char *intern(struct kt_blk_names *n, const char *text)
{
	char *copy;

	for (size_t i = 0; i < n->names.n; i++)
		if (!strcmp(n->names.v[i], text))
			return n->names.v[i];
	if (n->names.n >= MAX_NAMES)
		return "unknown";
	copy = strdup(text);
	if (copy && kt_vec_push(&n->names, copy)) {
		free(copy);
		return NULL;
	}
	return copy;
}

void kt_blk_names_finish(struct kt_blk_names *n)
{
	for (size_t i = 0; i < n->names.n; i++)
		free(n->names.v[i]);
	kt_vec_finish(&n->names);
}

int kt_blk_ops_init(struct kt_blk_ops *o, const struct kt_const_table *consts,
		    struct kt_blk_names *n)
{
	int bit = kt_const_get(consts, "req_flag", "PREFLUSH");

	*o = (struct kt_blk_ops){.consts = consts, .names = n};
	o->flush = kt_const_get(consts, "req_op", "FLUSH");
	o->discard = kt_const_get(consts, "req_op", "DISCARD");
	o->drv_in = kt_const_get(consts, "req_op", "DRV_IN");
	o->drv_out = kt_const_get(consts, "req_op", "DRV_OUT");
	o->preflush = bit >= 0 && bit < 32 ? 1u << bit : 0;
	o->flush_name = intern(n, "flush");
	return o->flush_name ? 0 : -ENOMEM;
}

void kt_blk_ops_finish(struct kt_blk_ops *o)
{
	for (size_t i = 0; i < KT_BLK_OPF_CACHE; i++)
		free(o->cache[i]);
	*o = (struct kt_blk_ops){0};
}

const struct kt_blk_opf *kt_blk_opf(struct kt_blk_ops *o, uint32_t opf)
{
	struct kt_blk_opf **slot = &o->cache[kt_hash_u64(opf) % KT_BLK_OPF_CACHE], *c = *slot;
	char op[32];

	if (kt_likely(c && c->opf == opf))
		return c;
	kt_opf_print(o->consts, opf, KT_OPF_OP, op, sizeof(op));
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			return NULL;
		*slot = c;
	}
	c->opf = opf;
	c->op = intern(o->names, op);
	kt_opf_print(o->consts, opf, KT_OPF_FLAGS, c->flags, sizeof(c->flags));
	if (c->op)
		return c;
	free(c);
	*slot = NULL;
	return NULL;
}

int kt_blk_errno(uint32_t status)
{
	static const uint8_t errnos[] = {
		[0] = 0,	 [1] = EOPNOTSUPP, [2] = ETIMEDOUT, [3] = ENOSPC, [4] = ENOLINK,
		[5] = EREMOTEIO, [6] = EBADE,	   [7] = ENODATA,   [8] = EILSEQ, [9] = ENOMEM,
		[10] = EIO,	 [11] = EIO,	   [12] = EAGAIN,
	};

	return status < KT_ARRAY_SIZE(errnos) ? -errnos[status] : -EIO;
}
