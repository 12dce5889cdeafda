// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Views over the statistics under the names and columns of storage; several rows of one key add up. */
#include "analyze/block/block.h"

static const char views[] =
	"CREATE VIEW latency_hist AS\n"
	"-- durations of stages and of whole flows, second by second; failed and empty ones are "
	"left out\n"
	"SELECT g.run_id, g.flow, CASE h.stage WHEN 0 THEN 'total' ELSE s.stage END AS stage, "
	"g.object_id AS device_id, g.op,\n"
	"  h.second, h.bucket, h.n, h.ns AS sum_ns, g.is_own\n"
	"FROM group_hist h CROSS JOIN flow_group g ON g.group_id = h.group_id\n"
	"  LEFT JOIN flow_stage s ON s.flow = g.flow AND s.ord = h.stage\n"
	"WHERE g.error IS NULL AND g.via IS NOT 'empty';\n"
	"CREATE VIEW stage_stats AS\n"
	"SELECT s.run_id, s.flow, s.stage, d.name AS device, s.op, s.n, s.mean_ns, s.p50_ns, "
	"s.p90_ns, s.p99_ns, s.p999_ns,\n"
	"  s.max_ns, s.sum_ns, s.object_id AS device_id\n"
	"FROM latency_stats s LEFT JOIN device d ON d.device_id = s.object_id;\n"
	"CREATE VIEW load AS\n"
	"-- flows second by second, by device\n"
	"SELECT g.run_id, l.second, g.flow, g.object_id AS device_id, g.part_id AS part_device_id, "
	"g.op, l.state,\n"
	"  g.flow = 'bio' AND g.kind IS 'part' AS is_split, l.n, l.size_bytes, l.dur_ns, "
	"l.served_ns AS device_ns, l.n_lower AS n_bios,\n"
	"  l.n_with_lower AS n_carrying, l.min_id, l.max_id, CASE g.flow WHEN 'bio' THEN g.via END "
	"AS link,\n"
	"  CASE WHEN g.error IS NULL THEN 0 ELSE l.n END AS n_errors\n"
	"FROM flow_load l CROSS JOIN flow_key k ON k.key_id = l.key_id CROSS JOIN flow_group g ON "
	"g.group_id = k.group_id;\n"
	"CREATE VIEW task_load AS\n"
	"-- whole bios that are not part of another, by submitter; the row with bucket 0 and n = 0 "
	"has the bytes\n"
	"SELECT g.run_id, h.second, g.object_id AS device_id, g.op, k.utid, k.ucgid, h.bucket, "
	"h.n, h.ns AS sum_ns, h.max_ns,\n"
	"  0 AS size_bytes\n"
	"FROM flow_hist h CROSS JOIN flow_key k ON k.key_id = h.key_id CROSS JOIN flow_group g ON "
	"g.group_id = k.group_id\n"
	"WHERE g.flow = 'bio' AND g.kind IS NULL AND k.utid IS NOT NULL\n"
	"UNION ALL\n"
	"SELECT g.run_id, l.second, g.object_id, g.op, k.utid, k.ucgid, 0, 0, 0, 0, l.size_bytes\n"
	"FROM flow_load l CROSS JOIN flow_key k ON k.key_id = l.key_id CROSS JOIN flow_group g ON "
	"g.group_id = k.group_id\n"
	"WHERE g.flow = 'bio' AND g.kind IS NULL AND k.utid IS NOT NULL AND l.state = 'whole';\n";

void kt_blk_stats_views(FILE *f)
{
	fputs(views, f);
}
