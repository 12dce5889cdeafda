/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Headers as they lie in the file, shared by the writer and the reader. Internal to format/.
 *
 * Each header is the content of a zstd skippable frame:
 *
 *	u32 magic, u32 size			the frame's own 8 bytes
 *	struct, hdr_len bytes			later versions append fields; readers take those they know
 *	(file header only) TLVs
 *	u32 crc32c				of everything before it, including the frame's 8 bytes
 */
#ifndef KTR_BLOCK_H
#define KTR_BLOCK_H

#include "format/ktr.h"

#define KTR_FRAME_BYTES 8
#define KTR_CRC_BYTES 4

/* File header. compat: unknown bits may be ignored; incompat: unknown bits need a newer reader. */
struct ktr_disk_file {
	uint8_t magic[8];
	uint16_t version;
	uint16_t hdr_len;
	uint32_t compat;
	uint32_t incompat;
	uint32_t n_cpus;
	uint32_t n_streams;
	uint32_t reserved;
	uint8_t uuid[16];
	char boot_id[40];
	int64_t mono_ns, realtime_ns, boottime_ns, tai_ns, error_ns;
};
_Static_assert(sizeof(struct ktr_disk_file) == 128, "file header");

#define KTR_INCOMPAT_KNOWN 0u

/* TLVs after it, each followed by its len bytes, without padding; unknown types are skipped. */
struct ktr_disk_tlv {
	uint16_t type;
	uint16_t len;
};
_Static_assert(sizeof(struct ktr_disk_tlv) == 4, "TLV");

enum ktr_tlv {
	KTR_TLV_HOST = 1,
	KTR_TLV_TOOL_VERSION = 2,
	KTR_TLV_KINDS = 3,
	KTR_TLV_FILTERS = 4,
	KTR_TLV_COMMAND = 5,
	KTR_TLV_WALL_ERROR = 6, /* decimal ns */
};

/* Room for loss causes in a block header: more than KT_N_LOSS, so that a new cause does not change it. */
#define KTR_DISK_LOSS 8

struct ktr_disk_block {
	uint8_t magic[4];
	uint16_t hdr_len;
	uint8_t kind;
	uint8_t codec;
	uint8_t uuid[16];
	uint32_t schema_crc;
	uint32_t stream;
	uint64_t file_seq;
	uint64_t stream_seq;
	uint64_t ts_min_ns, ts_max_ns;
	uint64_t watermark_ns;
	uint64_t cut_ns;
	uint32_t n_events;
	uint32_t raw_len;
	uint32_t comp_len;
	uint32_t comp_crc;
	uint64_t emitted;
	uint64_t lost[KTR_DISK_LOSS];
	uint32_t part, last_part;
	uint32_t phase;
	uint32_t reserved;
};
_Static_assert(sizeof(struct ktr_disk_block) == 184, "block header");
_Static_assert(KT_N_LOSS <= KTR_DISK_LOSS, "loss causes");

struct ktr_disk_tail {
	uint8_t magic[8];
	uint16_t hdr_len;
	uint16_t reserved[3];
	uint8_t uuid[16];
	uint64_t
		index_offset; /* of the header of the last index block; its first entry is the previous index block */
	uint64_t n_blocks; /* in the whole file */
	uint64_t cut_ns;   /* no event of the file is later */
};
_Static_assert(sizeof(struct ktr_disk_tail) == 56, "tail");

/* Tail in host form. */
struct ktr_tail_info {
	uint8_t uuid[16];
	uint64_t index_offset, n_blocks, cut_ns;
};
#define KTR_TAIL_MAGIC "KTRTAIL\n"

/* Sizes of complete frames, for headers of this version. */
#define KTR_BLOCK_FRAME (KTR_FRAME_BYTES + sizeof(struct ktr_disk_block) + KTR_CRC_BYTES)
#define KTR_TAIL_FRAME (KTR_FRAME_BYTES + sizeof(struct ktr_disk_tail) + KTR_CRC_BYTES)

/* Limits on what a file may claim. */
#define KTR_HDR_MAX 1024u	      /* content of a block's or tail's header frame */
#define KTR_FILE_HDR_MAX (512u << 10) /* of the file header's */
uint32_t ktr_comp_max(void);	      /* comp_len */

/* Into frame (KTR_BLOCK_FRAME, KTR_TAIL_FRAME bytes). */
void ktr_block_put(const struct ktr_block_info *b, void *frame);
void ktr_tail_put(const struct ktr_tail_info *t, void *frame);

/* A malloc'ed frame. */
int ktr_file_put(const struct ktr_run_info *info, void **ret_frame, size_t *ret_len);

/*
 * From a complete frame of len bytes (8 + size); checks checksum and bounds. -EBADMSG: not one.
 * ktr_file_get: the strings of *ret are malloc'ed: ktr_info_finish(). -EPROTONOSUPPORT: needs a newer version.
 */
int ktr_block_get(const void *frame, size_t len, struct ktr_block_info *ret);
int ktr_tail_get(const void *frame, size_t len, struct ktr_tail_info *ret);
int ktr_file_get(const void *frame, size_t len, struct ktr_run_info *ret);
void ktr_info_finish(struct ktr_run_info *info);

/* Do blocks of this kind hold events? */
bool ktr_kind_has_events(enum ktr_kind kind);

/*
 * Is it the correct checksum? Fuzzing builds accept any except 0: otherwise they would never get past a checksum, and 0
 * makes them try the paths for a wrong one as well.
 */
static inline bool ktr_crc_ok(uint32_t have, uint32_t want)
{
#ifdef KT_FUZZ
	return have == want || want;
#else
	return have == want;
#endif
}

/* ktr_columns_encode() that reuses memory between calls; zero is empty. */
struct ktr_scratch {
	void *mem;
	size_t size;
};
int64_t ktr_columns_encode_with(struct ktr_scratch *scratch, const struct kt_schema *s,
				const void *raw, size_t len, void *dst, size_t cap);
void ktr_scratch_finish(struct ktr_scratch *scratch);

#endif
