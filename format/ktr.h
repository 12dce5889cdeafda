/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The .ktr file: public API.
 *
 * A .ktr file is a valid zstd stream: our headers are zstd skippable frames, our payloads ordinary zstd
 * frames with content checksum. All integers little-endian. It is append-only and never seeks, so that it can
 * be a pipe. struct ktr_writer writes one, struct ktr_reader reads one; both are opaque, neither prints.
 *
 *	FILE HEADER   skippable 0x184D2A50   struct ktr_file_hdr, TLVs, crc32c
 *	BLOCK         skippable 0x184D2A51   struct ktr_block_hdr, crc32c; then one zstd frame
 *	TAIL          skippable 0x184D2A5F   struct ktr_tail: where the index block is; absent if the recorder died
 *
 * Functions return 0 or a negative errno. Nothing here is thread-safe on one handle; ktr_block_decode() and
 * ktr_encode() may run in several threads on different blocks.
 */
#ifndef KTR_H
#define KTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/schema.h"

#define KTR_VERSION 1
#define KTR_MAGIC "\x89KTR\r\n\x1a\n" /* 8 bytes */
#define KTR_BLOCK_MAGIC "KTB1"	      /* 4 bytes */
#define KTR_FRAME_FILE 0x184D2A50u
#define KTR_FRAME_BLOCK 0x184D2A51u
#define KTR_FRAME_TAIL 0x184D2A5Fu
#define KTR_RAW_MAX (4u << 20) /* raw bytes of one block at most */
#define KTR_REPEAT_BYTES \
	(64u << 20) /* schema, clock and first context are repeated after that many bytes */
#define KTR_NO_STREAM 0xffffffffu /* stream of blocks that do not belong to a ring */

/* Payload of a block. */
enum ktr_kind {
	KTR_SCHEMA = 1, /* text, see schema.h */
	KTR_EVENTS = 2, /* events of one stream, sorted by ts_ns */
	KTR_CONTEXT =
		3, /* part of a tar: the state of the machine at the start, or at the end, of the run */
	KTR_CLOCK = 4,	 /* `clock` events */
	KTR_COST = 5,	 /* `cost` events */
	KTR_TRIGGER = 6, /* events about triggers */
	KTR_INDEX = 7,	 /* `block_index` events */
};

enum ktr_codec {
	KTR_RAW = 0,	 /* the payload unchanged, then zstd */
	KTR_COLUMNS = 2, /* columns per event type, see codec.c, then zstd */
};

struct ktr_clocks {
	int64_t mono_ns, realtime_ns, boottime_ns, tai_ns;
	int64_t error_ns; /* half the time that reading them took */
	/* How far CLOCK_REALTIME may be off, as NTP told the kernel; -1: it told nothing; 0: not asked. Not in the file header. */
	int64_t wall_error_ns;
};

/* What the file header says about a run. */
struct ktr_run_info {
	uint8_t uuid[16];	  /* identifies this run; every block repeats it */
	char boot_id[40];	  /* /proc/sys/kernel/random/boot_id, NUL-terminated */
	char host[65];		  /* nodename */
	struct ktr_clocks clocks; /* at the run's official start */
	uint32_t n_cpus;	  /* possible CPUs */
	uint32_t n_streams;	  /* rings; stream i is CPU i */
	char tool_version[32];
	const char
		*kinds; /* families recorded, comma-separated; owned by the caller / the reader */
	const char *filters; /* as given, "" = none */
	const char *command; /* "" = none */
	/* How far its CLOCK_REALTIME may have been off the true time, as NTP told the kernel; 0: not known. */
	uint64_t wall_error_ns;
};

/* Block header in host form. */
struct ktr_block_info {
	enum ktr_kind kind;
	enum ktr_codec codec;
	uint8_t uuid[16];
	uint32_t schema_crc; /* the schema of its events; 0 if it holds none */
	uint64_t file_seq;   /* number of the block in the file, from 0: a gap means loss */
	uint32_t stream;
	uint64_t stream_seq;	       /* number of the events block in its stream */
	uint64_t ts_min_ns, ts_max_ns; /* of its events; 0, 0 if it holds none */
	uint64_t watermark_ns;	       /* no later block of any stream holds an earlier event */
	uint64_t cut_ns; /* CLOCK_MONOTONIC when it was cut: no event in it is later */
	uint32_t n_events;
	uint32_t raw_len;
	uint32_t comp_len;
	uint64_t emitted;	  /* by this stream since the start, this block included */
	uint64_t lost[KT_N_LOSS]; /* by this stream since the start, by enum kt_loss; [0] unused */
	uint32_t part; /* context: part number, and whether it is the last; phase as in `clock` */
	uint32_t last_part;
	uint32_t phase;
	uint32_t comp_crc; /* crc32c of the zstd frame */
};

/* ------------------------------------------------------------------ writing */

struct ktr_writer;

struct ktr_writer_options {
	enum ktr_codec codec; /* of event blocks */
	int level;	      /* zstd; 0 = 1 */
};

/*
 * Starts a file on fd (kept by the caller; may be a pipe): writes the file header and the schema block.
 * opts NULL = columns, level 1.
 */
int ktr_writer_create(int fd, const struct ktr_run_info *info,
		      const struct ktr_writer_options *opts, struct ktr_writer **ret);

/*
 * One block: raw payload of b->raw_len bytes. The caller fills kind, stream, ts_*, watermark_ns, cut_ns, n_events,
 * emitted, lost; the writer fills the rest, and repeats schema, clock and first context when due.
 * Event payloads that the columns cannot hold (unknown id, wrong len) are written raw.
 * -ENOSPC, -EPIPE, -EIO …: as write(2). Blocks written completely stay valid; a partial last block is cut off
 * if fd is a regular file. After an error, only ktr_writer_close() may follow.
 */
int ktr_writer_block(struct ktr_writer *w, const struct ktr_block_info *b, const void *raw);

/* A complete tar as context blocks (split into parts). phase 0 is kept and repeated, phase 2 is the end of the run. */
int ktr_writer_context(struct ktr_writer *w, uint32_t phase, const void *tar, size_t len);

/* Clock readings; also kept for repeating. */
int ktr_writer_clock(struct ktr_writer *w, uint32_t phase, const struct ktr_clocks *c);

/* fdatasync if fd is a file. */
int ktr_writer_sync(struct ktr_writer *w);

/* While on, blocks are written uncompressed: several times as fast, and as large. */
void ktr_writer_set_fast(struct ktr_writer *w, bool fast);

/* Bytes written so far. Any thread. */
uint64_t ktr_writer_bytes(const struct ktr_writer *w);

/* Ends the file: repeats, index, tail. Frees w in every case. w may be NULL. */
int ktr_writer_close(struct ktr_writer *w);

/* ------------------------------------------------------------------ reading */

struct ktr_reader;

/*
 * What the reader lost, in terms of time. The interval is conservative: it contains every lost event. start_ns equal to
 * end_ns and n 0: unusable bytes, but no block is missing.
 */
struct ktr_damage {
	enum kt_loss cause; /* KT_LOSS_DAMAGED_BLOCK or KT_LOSS_TRUNCATED */
	uint32_t stream;    /* KTR_NO_STREAM: not known */
	uint64_t start_ns,
		end_ns;	      /* CLOCK_MONOTONIC; end UINT64_MAX: not known (the file ends here) */
	uint64_t n;	      /* events, where known; 0 = not known */
	uint64_t offset, len; /* bytes of the file that could not be used */
	char what[96];	      /* for humans: "checksum of the payload is wrong" */
};

struct ktr_block {
	struct ktr_block_info info;
	uint64_t offset;  /* of its header in the file */
	const void *comp; /* info.comp_len bytes, lives until the next ktr_reader_next() */
};

/*
 * Opens a .ktr: path, "-" = stdin. -ENOENT, -EACCES …; -EBADMSG: not a .ktr (no file header and no block found).
 * -EPROTONOSUPPORT: it needs a newer version of this library.
 */
int ktr_reader_open(const char *path, struct ktr_reader **ret);

/* The same with a read function: >0 bytes, 0 end, -errno. seek may be NULL (a pipe). */
typedef int64_t (*ktr_read_cb)(void *arg, void *buf, size_t len);
typedef int (*ktr_seek_cb)(void *arg, uint64_t offset);
int ktr_reader_open_cb(ktr_read_cb read, ktr_seek_cb seek, void *arg, struct ktr_reader **ret);

void ktr_reader_close(struct ktr_reader *r);

/* From the file header; if that is damaged, from the blocks (uuid; the rest empty or 0). Owned by the reader. */
const struct ktr_run_info *ktr_reader_info(const struct ktr_reader *r);

/*
 * The next block in file order: 1, and *ret is set; 0 at the end; -errno on a read error. Damage found on the way is
 * kept: see ktr_reader_damage(). Repeats of schema, clock and context are returned like any block (decode them by
 * kind); payload checksums are verified here, so a returned block is intact.
 */
int ktr_reader_next(struct ktr_reader *r, struct ktr_block *ret);

/* Damage found since the last call to this function: 1 and *ret is set, 0 if there is no more. */
int ktr_reader_damage(struct ktr_reader *r, struct ktr_damage *ret);

/* True once the tail was seen: the recorder finished the file. */
bool ktr_reader_complete(const struct ktr_reader *r);

uint64_t ktr_reader_offset(const struct ktr_reader *r); /* bytes consumed */

/*
 * The schema of a block's events: found in the file (for a seekable file: anywhere in it) or, if it has the crc of
 * the compiled one, that. NULL: not available. Owned by the reader.
 */
const struct kt_schema *ktr_reader_schema(struct ktr_reader *r, uint32_t schema_crc);

/*
 * Decompress and decode: info.raw_len bytes into raw (caller's, at least that size, 8-byte aligned). For event kinds
 * the result is a sequence of events in the file's layout, each with a len (multiple of 8, at least 16) that leads to
 * the next, sorted by ts_ns within [ts_min, ts_max] (an index block: in file order). Ids that the schema
 * lacks and lens that differ from the schema are possible: kt_map_event() does not know them. -EBADMSG otherwise,
 * -EPROTONOSUPPORT: a codec of a newer version. Does not touch the reader: may run in any thread.
 */
int ktr_block_decode(const struct ktr_block_info *info, const void *comp, const struct kt_schema *s,
		     void *raw);

/* ------------------------------------------------------------------ context */

/*
 * The tar of a run. create: an empty tar, to be filled file by file.
 * Names are relative, without "..".
 */
struct ktr_context;
int ktr_context_create(struct ktr_context **ret);
int ktr_context_add(struct ktr_context *c, const char *name, const void *data, size_t len);
/* Ends the tar. The buffer is owned by c. */
int ktr_context_finish(struct ktr_context *c, const void **ret_tar, size_t *ret_len);
void ktr_context_destroy(struct ktr_context *c);

/* Calls fn for every regular file of a tar in memory; stops at the first non-zero result and returns that. */
typedef int (*ktr_context_cb)(void *arg, const char *name, const void *data, size_t len);
int ktr_context_each(const void *tar, size_t len, ktr_context_cb fn, void *arg);

/*
 * Unpacks below dir (created if absent). Absolute paths, "..", links and devices are refused: -EBADMSG, nothing
 * of that entry is written.
 */
int ktr_context_extract(const void *tar, size_t len, const char *dir);

/* ------------------------------------------------------------------ bundles */

/*
 * Every .ktr in a file that may be an archive (tar, tar.gz, tar.zst, zip …: whatever libarchive opens) or a .ktr
 * itself, or several of them one after another: fn is called with each, opened. name: "bundle.tar.zst:dir/run.ktr", the
 * path, or "both.ktr, recording 2". Stops at the first non-zero result and returns that. -EBADMSG: neither a .ktr nor an
 * archive that contains one.
 */
typedef int (*ktr_bundle_cb)(void *arg, const char *name, struct ktr_reader *r);
int ktr_bundle_each(const char *path, ktr_bundle_cb fn, void *arg);

/* ------------------------------------------------------------------ parts for tests and benchmarks */

/* Codec 2 without zstd. dst at least ktr_columns_bound(len). Returns the encoded size, or -errno. */
size_t ktr_columns_bound(size_t len);
int64_t ktr_columns_encode(const struct kt_schema *s, const void *raw, size_t len, void *dst,
			   size_t cap);
int ktr_columns_decode(const struct kt_schema *s, const void *src, size_t src_len, void *raw,
		       size_t raw_len);

#endif
