/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* The inside of struct ktr_reader: reader.c on top of reader_find.c. */
#ifndef KTR_READER_INTERNAL_H
#define KTR_READER_INTERNAL_H

#include "format/base/array.h"
#include "format/block.h"

struct ktr_reader {
	ktr_read_cb read;
	ktr_seek_cb seek;
	void *arg;
	int fd; /* closed by the reader; -1 = none */

	/* The window: buf[pos..len) is the file from base + pos. */
	unsigned char *buf;
	size_t pos, len, cap;
	uint64_t base;
	bool eof;
	size_t skip; /* bytes of the last returned block */

	bool have_uuid;
	bool ended, complete;
	uint8_t uuid[16];
	struct ktr_run_info info;

	/* From the last readable block header. */
	uint64_t next_seq; /* file_seq that should follow */
	uint64_t watermark_ns, cut_ns;

	KT_VEC(struct ktr_damage) damage;
	size_t damage_at;
	KT_VEC(struct kt_schema *) schemas;
	bool searched; /* the whole file was searched for schemas */
};

enum ktr_frame_kind { KTR_AT_NONE, KTR_AT_BLOCK, KTR_AT_TAIL };

struct ktr_frame {
	enum ktr_frame_kind kind;
	size_t len; /* of the header's frame */
	struct ktr_block_info block;
	struct ktr_tail_info tail;
};

static inline uint64_t ktr_reader_at(const struct ktr_reader *r)
{
	return r->base + r->pos;
}

/* Are there need bytes from pos on? 1; 0: the file ends before that; -errno. Callers limit need. */
int ktr_reader_fill(struct ktr_reader *r, size_t need);

/* Which header starts at pos? KTR_AT_NONE: none, or it is damaged. 0 or -errno. */
int ktr_reader_look(struct ktr_reader *r, struct ktr_frame *ret);

/* Moves pos to the next header after it, at most max bytes away. ret->kind KTR_AT_NONE: there is none. */
int ktr_reader_find_header(struct ktr_reader *r, uint64_t max, struct ktr_frame *ret);

/* Damage to be reported: see struct ktr_damage. */
int ktr_reader_add_damage(struct ktr_reader *r, struct ktr_damage d, const char *what);
/* Bytes from `from` to pos are not blocks; the header after them says that n blocks are missing, and has its cut. */
int ktr_reader_add_gap(struct ktr_reader *r, uint64_t from, uint64_t n, uint64_t cut_ns);
int ktr_reader_add_bad_block(struct ktr_reader *r, const struct ktr_block_info *b, uint64_t from,
			     size_t len, const char *what);
/* The file ends without its tail; from: where the unusable bytes begin. */
int ktr_reader_add_truncated(struct ktr_reader *r, uint64_t from);

#endif
