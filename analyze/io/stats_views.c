// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Views over the statistics of operations, under the names and columns of storage; several rows of one key add up. */
#include "analyze/io/io_internal.h"

#define STATS                                               \
	" l CROSS JOIN flow_key k ON k.key_id = l.key_id\n" \
	"  CROSS JOIN flow_group g ON g.group_id = k.group_id AND g.flow = 'io'"
#define KEY "g.run_id, l.second, g.kind, g.op, g.object_id AS device_id, k.utid, k.ucgid"

static void hist(FILE *f, const char *name, const char *table)
{
	fprintf(f,
		"CREATE VIEW %s AS\n"
		"SELECT " KEY
		", g.via = 'cache' AS is_cached, l.bucket, l.n, l.ns AS sum_ns, l.max_ns, g.via\n"
		"FROM %s" STATS "\n"
		"WHERE g.via NOT IN ('failed', 'empty');\n",
		name, table);
}

void kt_io_stats_views(FILE *f)
{
	fputs("CREATE VIEW io_load AS\n"
	      "-- operations second by second, by task\n"
	      "SELECT " KEY ", g.via = 'cache' AS is_cached, l.state, l.n, l.size_bytes, l.n_lower "
	      "AS n_bios, l.dur_ns, l.max_ns",
	      f);
	for (int i = 0; i < KT_IO_N_STAGES; i++)
		fprintf(f, ",\n  l.s%d_ns AS %s_ns", i + 1, kt_io_stage_name(i));
	fputs(",\n  l.runq_ns, l.irq_ns, l.softirq_ns, l.slept_ns, l.min_id, l.max_id, g.via, "
	      "g.error, l.n_runq\n"
	      "FROM flow_load" STATS ";\n",
	      f);
	hist(f, "io_hist", "flow_hist");
	hist(f, "io_hist_all", "flow_hist_sum");
	fputs("CREATE VIEW io_disturbed AS\n"
	      "-- who kept whole operations waiting\n"
	      "SELECT " KEY ", l.cause, l.by_utid, l.by_irq, l.n_flows AS n, l.ns AS dur_ns\n"
	      "FROM disturb_load" STATS ";\n",
	      f);
}
