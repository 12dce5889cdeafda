// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Bios and requests as flows. */
#include "analyze/block/bio_life.h"
#include "analyze/block/request_life.h"
#include "analyze/block/request_service.h"

#define HAS(id) (1 << KT_IO_STAGE_##id)
#define CARRIED (HAS(PLUG) | HAS(QUEUE) | HAS(DEVICE) | HAS(COMPLETE) | HAS(WORKER) | HAS(FLUSH))

static const struct kt_flow_word bio_words[] = {
	{"kind", "part", "part of a bio", "parts of bios", "apart"},
	{"via", "exact", "whose operation is known", "whose operation is known", NULL},
	{"via", "inferred", "whose operation is inferred", "whose operation is inferred", NULL},
	{0},
};

const struct kt_flow_kind kt_bio_kind = {
	.name = "bio",
	.letter = 'b',
	.one = "bio",
	.many = "bios",
	.object_tbl = "device",
	.object_word = "disk",
	.table = &kt_bio_table,
	.stages = kt_io_stages,
	.n_stages = KT_IO_N_STAGES,
	.has_stages = HAS(ALLOC) | CARRIED | HAS(ENDIO),
	.by_task = true,
	.words = bio_words,
	.select = "bio_id, +run_id, CASE WHEN parent_bio_id IS NOT NULL THEN 'part' END, +op, "
		  "+device_id, +utid, +ucgid, sector || '', +size_bytes, +start_ns, +dur_ns, "
		  "+state",
	.links = "SELECT 'bio', bio_id, 'request', +request_id, 'carried by' FROM bio WHERE "
		 "request_id IS NOT NULL\n"
		 "UNION ALL SELECT 'bio', bio_id, 'request', +request_id, 'carried by' FROM "
		 "bio_request_extra\n"
		 "UNION ALL SELECT 'bio', parent_bio_id, 'bio', +bio_id, 'split' FROM bio WHERE "
		 "parent_bio_id IS NOT NULL",
};

const struct kt_flow_kind kt_request_kind = {
	.name = "request",
	.letter = 'r',
	.one = "request",
	.many = "requests",
	.object_tbl = "device",
	.object_word = "disk",
	.table = &kt_rq_table,
	.stages = kt_io_stages,
	.n_stages = KT_IO_N_STAGES,
	.has_stages = CARRIED,
	.select = "request_id, +run_id, NULL, +op, +device_id, NULL, NULL, sector || '', "
		  "+size_bytes, +start_ns, +dur_ns, +state",
	.links = "SELECT 'request', parent_request_id, 'bio', +bio_id, 'stacked' FROM bio WHERE "
		 "parent_request_id IS NOT NULL",
};
