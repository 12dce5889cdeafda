/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Whose page cache a bio carries. */
#ifndef KT_BPF_IO_PAGES_H
#define KT_BPF_IO_PAGES_H

#include "bpf/io/inode.h"

#define KT_PAGE_SHIFT 12 /* what a folio's index counts */
#define KT_PAGE_BYTES (1ull << KT_PAGE_SHIFT)

/* *ret_loose, unless it is NULL: the folio, if it belongs to no mapping. */
static __always_inline u64 kt_pages_read(struct bio *bio, struct kt_bio_queue *e, u64 *ret_loose)
{
	const struct bio_vec *bvec = bio->bi_io_vec;
	u32 idx = bio->bi_iter.bi_idx, skip = bio->bi_iter.bi_bvec_done;
	struct address_space *mapping;
	struct super_block *sb;
	struct folio *first;
	struct inode *inode;
	u64 page, head, magic, m;

	if (!bvec)
		return 0;
	if (!idx) {
		page = kt_as_number(bvec->bv_page, &e->ino);
		skip += bvec->bv_offset;
	} else {
		/* A clone that begins in the middle of its parent's pages. */
		bvec = (void *)(kt_as_number(bvec, &e->ino) + idx * sizeof(u64) * 2);
		page = (u64)BPF_CORE_READ(bvec, bv_page);
		skip += BPF_CORE_READ(bvec, bv_offset);
	}
	if (!page)
		return 0;
	head = kt_as_number((void *)KT_LOAD(KT_PTR(page, page), compound_head), &e->ino);
	head = head & 1 ? head - 1 : page;
	first = KT_PTR(folio, head);
	m = kt_as_number(KT_LOAD(first, mapping), &e->ino);
	if (!m && ret_loose)
		*ret_loose = head;
	if (!m || (m & KT_PAGE_MAPPING_FLAGS))
		return 0;
	mapping = KT_PTR(address_space, m);
	inode = KT_LOAD(mapping, host);
	/* A slab page has something else in that word: only a real mapping leads back to itself. */
	if (!inode || kt_as_number(KT_LOAD(inode, i_mapping), &e->ino) != m)
		return 0;
	sb = KT_LOAD(inode, i_sb);
	magic = KT_LOAD(sb, s_magic);
	if (magic == KT_BDEVFS_MAGIC)
		return 0;
	e->offset = (KT_LOAD(first, index) << KT_PAGE_SHIFT) +
		    ((page - head) / bpf_core_type_size(struct page) << KT_PAGE_SHIFT) + skip;
	m = kt_as_number(inode, &e->ino);
	e->ino_dev = kt_inode_dev(m, sb, magic);
	e->ino = KT_LOAD(inode, i_ino);
	return m;
}

/*
 * Fills ino, ino_dev and offset by the first page, if it is of a file's page cache, and returns the inode's address; else
 * sets them to none and returns 0. Pages of direct I/O are anonymous and name none; a block device's own cache is no file
 * either.
 */
static __always_inline u64 kt_pages(struct bio *bio, struct kt_bio_queue *e, u64 *ret_loose)
{
	u64 inode = kt_pages_read(bio, e, ret_loose);

	if (!inode) {
		e->ino = 0;
		e->ino_dev = 0;
		e->offset = -1;
	}
	return inode;
}

#endif
