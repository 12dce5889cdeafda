/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Headers: host form to file form and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "format/base/macros.h"
#include "format/block.h"
#include "format/crc32c.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structs are written as they are");

#define TLV_MAX 0xffff

bool ktr_kind_has_events(enum ktr_kind kind)
{
	return kind == KTR_EVENTS || kind == KTR_CLOCK || kind == KTR_COST || kind == KTR_TRIGGER ||
	       kind == KTR_INDEX;
}

uint32_t ktr_comp_max(void)
{
	return ZSTD_COMPRESSBOUND(ktr_columns_bound(KTR_RAW_MAX));
}

/* The 8 bytes before and the checksum after the content of a header. */
static void seal(unsigned char *frame, uint32_t magic, uint32_t content)
{
	uint32_t size = content + KTR_CRC_BYTES, crc;

	memcpy(frame, &magic, 4);
	memcpy(frame + 4, &size, 4);
	crc = kt_crc32c(0, frame, KTR_FRAME_BYTES + content);
	memcpy(frame + KTR_FRAME_BYTES + content, &crc, 4);
}

/* Are frame and checksum valid, and is there room for a struct of min bytes? */
static bool sealed(const unsigned char *frame, size_t len, uint32_t magic, size_t min)
{
	uint32_t have_magic, size, crc;

	if (len < KTR_FRAME_BYTES + min + KTR_CRC_BYTES)
		return false;
	memcpy(&have_magic, frame, 4);
	memcpy(&size, frame + 4, 4);
	memcpy(&crc, frame + len - KTR_CRC_BYTES, 4);
	return have_magic == magic && size == len - KTR_FRAME_BYTES &&
	       ktr_crc_ok(kt_crc32c(0, frame, len - KTR_CRC_BYTES), crc);
}

/* ---------------------------------------------------------------- block header */

void ktr_block_put(const struct ktr_block_info *b, void *frame)
{
	struct ktr_disk_block d = {
		.hdr_len = sizeof(d),
		.kind = b->kind,
		.codec = b->codec,
		.schema_crc = b->schema_crc,
		.stream = b->stream,
		.file_seq = b->file_seq,
		.stream_seq = b->stream_seq,
		.ts_min_ns = b->ts_min_ns,
		.ts_max_ns = b->ts_max_ns,
		.watermark_ns = b->watermark_ns,
		.cut_ns = b->cut_ns,
		.n_events = b->n_events,
		.raw_len = b->raw_len,
		.comp_len = b->comp_len,
		.comp_crc = b->comp_crc,
		.emitted = b->emitted,
		.part = b->part,
		.last_part = b->last_part,
		.phase = b->phase,
	};

	memcpy(d.magic, KTR_BLOCK_MAGIC, sizeof(d.magic));
	memcpy(d.uuid, b->uuid, sizeof(d.uuid));
	memcpy(d.lost, b->lost, sizeof(b->lost));
	memcpy((unsigned char *)frame + KTR_FRAME_BYTES, &d, sizeof(d));
	seal(frame, KTR_FRAME_BLOCK, sizeof(d));
}

int ktr_block_get(const void *frame, size_t len, struct ktr_block_info *ret)
{
	struct ktr_disk_block d;

	if (!sealed(frame, len, KTR_FRAME_BLOCK, sizeof(d)))
		return -EBADMSG;
	memcpy(&d, (const unsigned char *)frame + KTR_FRAME_BYTES, sizeof(d));
	if (memcmp(d.magic, KTR_BLOCK_MAGIC, sizeof(d.magic)) || d.hdr_len < sizeof(d) ||
	    (size_t)d.hdr_len + KTR_FRAME_BYTES + KTR_CRC_BYTES != len)
		return -EBADMSG;
	/* No event is smaller than its header: this bounds what n_events may claim. */
	if (d.raw_len > KTR_RAW_MAX || d.comp_len > ktr_comp_max() ||
	    d.n_events > d.raw_len / sizeof(struct kt_event) || d.ts_min_ns > d.ts_max_ns)
		return -EBADMSG;
	*ret = (struct ktr_block_info){
		.kind = d.kind,
		.codec = d.codec,
		.schema_crc = d.schema_crc,
		.file_seq = d.file_seq,
		.stream = d.stream,
		.stream_seq = d.stream_seq,
		.ts_min_ns = d.ts_min_ns,
		.ts_max_ns = d.ts_max_ns,
		.watermark_ns = d.watermark_ns,
		.cut_ns = d.cut_ns,
		.n_events = d.n_events,
		.raw_len = d.raw_len,
		.comp_len = d.comp_len,
		.emitted = d.emitted,
		.part = d.part,
		.last_part = d.last_part,
		.phase = d.phase,
		.comp_crc = d.comp_crc,
	};
	memcpy(ret->uuid, d.uuid, sizeof(ret->uuid));
	memcpy(ret->lost, d.lost, sizeof(ret->lost));
	return 0;
}

/* ---------------------------------------------------------------- tail */

void ktr_tail_put(const struct ktr_tail_info *t, void *frame)
{
	struct ktr_disk_tail d = {
		.hdr_len = sizeof(d),
		.index_offset = t->index_offset,
		.n_blocks = t->n_blocks,
		.cut_ns = t->cut_ns,
	};

	memcpy(d.magic, KTR_TAIL_MAGIC, sizeof(d.magic));
	memcpy(d.uuid, t->uuid, sizeof(d.uuid));
	memcpy((unsigned char *)frame + KTR_FRAME_BYTES, &d, sizeof(d));
	seal(frame, KTR_FRAME_TAIL, sizeof(d));
}

int ktr_tail_get(const void *frame, size_t len, struct ktr_tail_info *ret)
{
	struct ktr_disk_tail d;

	if (!sealed(frame, len, KTR_FRAME_TAIL, sizeof(d)))
		return -EBADMSG;
	memcpy(&d, (const unsigned char *)frame + KTR_FRAME_BYTES, sizeof(d));
	if (memcmp(d.magic, KTR_TAIL_MAGIC, sizeof(d.magic)) || d.hdr_len < sizeof(d))
		return -EBADMSG;
	*ret = (struct ktr_tail_info){
		.index_offset = d.index_offset,
		.n_blocks = d.n_blocks,
		.cut_ns = d.cut_ns,
	};
	memcpy(ret->uuid, d.uuid, sizeof(ret->uuid));
	return 0;
}

/* ---------------------------------------------------------------- file header */

static size_t put_tlv(unsigned char *p, enum ktr_tlv type, const char *value, size_t len)
{
	struct ktr_disk_tlv tlv = {.type = type, .len = KT_MIN(len, TLV_MAX)};

	memcpy(p, &tlv, sizeof(tlv));
	memcpy(p + sizeof(tlv), value, tlv.len);
	return sizeof(tlv) + tlv.len;
}

int ktr_file_put(const struct ktr_run_info *info, void **ret_frame, size_t *ret_len)
{
	char wall_error[24];
	const struct {
		enum ktr_tlv type;
		const char *value;
	} tlvs[] = {
		{KTR_TLV_HOST, info->host},
		{KTR_TLV_TOOL_VERSION, info->tool_version},
		{KTR_TLV_KINDS, info->kinds},
		{KTR_TLV_FILTERS, info->filters},
		{KTR_TLV_COMMAND, info->command},
		{KTR_TLV_WALL_ERROR, info->wall_error_ns ? wall_error : NULL},
	};
	struct ktr_disk_file d = {
		.version = KTR_VERSION,
		.hdr_len = sizeof(d),
		.n_cpus = info->n_cpus,
		.n_streams = info->n_streams,
		.mono_ns = info->clocks.mono_ns,
		.realtime_ns = info->clocks.realtime_ns,
		.boottime_ns = info->clocks.boottime_ns,
		.tai_ns = info->clocks.tai_ns,
		.error_ns = info->clocks.error_ns,
	};
	size_t content = sizeof(d) + KT_ARRAY_SIZE(tlvs) * (sizeof(struct ktr_disk_tlv) + TLV_MAX);
	unsigned char *frame, *p;

	_Static_assert(sizeof(d) + KT_ARRAY_SIZE(tlvs) * (sizeof(struct ktr_disk_tlv) + TLV_MAX) +
				       KTR_CRC_BYTES <=
			       KTR_FILE_HDR_MAX,
		       "file header");
	frame = malloc(KTR_FRAME_BYTES + content + KTR_CRC_BYTES);
	if (!frame)
		return -ENOMEM;
	snprintf(wall_error, sizeof(wall_error), "%llu", (unsigned long long)info->wall_error_ns);
	memcpy(d.magic, KTR_MAGIC, sizeof(d.magic));
	memcpy(d.uuid, info->uuid, sizeof(d.uuid));
	memcpy(d.boot_id, info->boot_id, sizeof(d.boot_id));
	p = frame + KTR_FRAME_BYTES;
	memcpy(p, &d, sizeof(d));
	p += sizeof(d);
	for (size_t i = 0; i < KT_ARRAY_SIZE(tlvs); i++)
		if (tlvs[i].value)
			p += put_tlv(p, tlvs[i].type, tlvs[i].value, strlen(tlvs[i].value));
	content = p - frame - KTR_FRAME_BYTES;
	seal(frame, KTR_FRAME_FILE, content);
	*ret_frame = frame;
	*ret_len = KTR_FRAME_BYTES + content + KTR_CRC_BYTES;
	return 0;
}

static void copy_string(char *dst, size_t size, const unsigned char *src, size_t len)
{
	len = KT_MIN(len, size - 1);
	memcpy(dst, src, len);
	dst[len] = '\0';
}

static int get_tlv(struct ktr_run_info *info, const struct ktr_disk_tlv *tlv,
		   const unsigned char *value)
{
	const char **to = NULL;
	char number[24];
	char *s;

	switch (tlv->type) {
	case KTR_TLV_HOST:
		copy_string(info->host, sizeof(info->host), value, tlv->len);
		return 0;
	case KTR_TLV_TOOL_VERSION:
		copy_string(info->tool_version, sizeof(info->tool_version), value, tlv->len);
		return 0;
	case KTR_TLV_KINDS:
		to = &info->kinds;
		break;
	case KTR_TLV_FILTERS:
		to = &info->filters;
		break;
	case KTR_TLV_COMMAND:
		to = &info->command;
		break;
	case KTR_TLV_WALL_ERROR:
		copy_string(number, sizeof(number), value, tlv->len);
		info->wall_error_ns = strtoull(number, NULL, 10);
		return 0;
	default:
		return 0;
	}
	s = strndup((const char *)value, tlv->len);
	if (!s)
		return -ENOMEM;
	free((char *)*to);
	*to = s;
	return 0;
}

int ktr_file_get(const void *frame, size_t len, struct ktr_run_info *ret)
{
	const unsigned char *p = (const unsigned char *)frame + KTR_FRAME_BYTES;
	struct ktr_run_info info = {0};
	struct ktr_disk_file d;
	size_t left;
	int err;

	if (!sealed(frame, len, KTR_FRAME_FILE, sizeof(d)))
		return -EBADMSG;
	memcpy(&d, p, sizeof(d));
	left = len - KTR_FRAME_BYTES - KTR_CRC_BYTES;
	if (memcmp(d.magic, KTR_MAGIC, sizeof(d.magic)) || d.hdr_len < sizeof(d) ||
	    d.hdr_len > left)
		return -EBADMSG;
	if (d.incompat & ~KTR_INCOMPAT_KNOWN)
		return -EPROTONOSUPPORT;
	memcpy(info.uuid, d.uuid, sizeof(info.uuid));
	memcpy(info.boot_id, d.boot_id, sizeof(info.boot_id));
	info.boot_id[sizeof(info.boot_id) - 1] = '\0';
	info.clocks = (struct ktr_clocks){
		.mono_ns = d.mono_ns,
		.realtime_ns = d.realtime_ns,
		.boottime_ns = d.boottime_ns,
		.tai_ns = d.tai_ns,
		.error_ns = d.error_ns,
	};
	info.n_cpus = d.n_cpus;
	info.n_streams = d.n_streams;
	p += d.hdr_len;
	left -= d.hdr_len;
	while (left) {
		struct ktr_disk_tlv tlv;

		err = -EBADMSG;
		if (left < sizeof(tlv))
			goto out;
		memcpy(&tlv, p, sizeof(tlv));
		p += sizeof(tlv);
		left -= sizeof(tlv);
		if (tlv.len > left)
			goto out;
		err = get_tlv(&info, &tlv, p);
		if (err)
			goto out;
		p += tlv.len;
		left -= tlv.len;
	}
	*ret = info;
	return 0;
out:
	ktr_info_finish(&info);
	return err;
}

void ktr_info_finish(struct ktr_run_info *info)
{
	free((char *)info->kinds);
	free((char *)info->filters);
	free((char *)info->command);
	memset(info, 0, sizeof(*info));
}
