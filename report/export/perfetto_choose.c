/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Which flows a trace has, beyond those that sql/export/perfetto.sql chose, and which arrows. */
#include "report/export/perfetto.h"

static int step_depth(struct kt_pf *p, sqlite3_stmt *st, int depth)
{
	int err;

	sqlite3_bind_int(st, 1, depth);
	err = kt_src_done(p->run, sqlite3_step(st));
	sqlite3_reset(st);
	return err;
}

/* What lies below what was chosen, and below that, until nothing is new. Each flow is followed once: a circle ends. */
static int add_lower(struct kt_pf *p)
{
	sqlite3_stmt *below = NULL, *draw = NULL;
	int err = 0;

	if (!p->filtered)
		return 0;
	err = kt_src_exec(p->run,
			  "CREATE TEMP TABLE lower(flow TEXT, flow_id INTEGER, depth INTEGER, "
			  "PRIMARY KEY(flow, flow_id)) WITHOUT ROWID;"
			  "CREATE INDEX temp.lower_depth ON lower(depth);"
			  "INSERT INTO temp.lower SELECT flow, flow_id, 0 FROM temp.drawn");
	err = err ? err
		  : kt_src_prepare(
			    p->run, &below,
			    "INSERT OR IGNORE INTO temp.lower SELECT l.lower, l.lower_id, ?1 "
			    "FROM (SELECT flow, flow_id FROM temp.lower WHERE depth = ?1 - 1) d "
			    "CROSS JOIN flow_link l WHERE l.flow = +d.flow AND l.flow_id = "
			    "d.flow_id AND l.lower IS NOT NULL AND l.lower_id IS NOT NULL");
	err = err ? err
		  : kt_src_prepare(
			    p->run, &draw,
			    "INSERT OR IGNORE INTO temp.drawn SELECT w.flow, w.flow_id, ?1, "
			    "w.run_id, w.kind, w.op, w.object_id, w.utid, w.ucgid, w.what, "
			    "w.size_bytes, w.start_ns, w.dur_ns, w.state "
			    "FROM (SELECT flow, flow_id FROM temp.lower WHERE depth = ?1) l "
			    "CROSS JOIN flow w WHERE w.flow = +l.flow AND w.flow_id = l.flow_id");
	for (int depth = 1, more = 1; !err && more; depth++) {
		err = step_depth(p, below, depth);
		more = sqlite3_changes(p->db) > 0;
		err = err ? err : step_depth(p, draw, depth);
	}
	sqlite3_finalize(below);
	sqlite3_finalize(draw);
	return err;
}

/* Because of which flow's end a waiter was woken: a column of table wake that is called as the id of a kind. */
static int add_wakings(struct kt_pf *p)
{
	sqlite3_stmt *st = NULL;
	int err, rc = SQLITE_DONE;

	err = kt_src_prepare(p->run, &st,
			     "SELECT k.flow, k.id_col FROM temp.shown_kind k "
			     "JOIN pragma_table_info('wake') c ON c.name = k.id_col "
			     "WHERE c.name NOT IN ('flow', 'flow_id', 'seq')");
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		char *sql = sqlite3_mprintf(
			"INSERT INTO temp.link(flow, flow_id, lower, lower_id, seq) "
			"SELECT c.flow, c.flow_id, w.flow, w.flow_id, w.seq FROM wake w "
			"CROSS JOIN temp.drawn d ON d.flow = w.flow AND d.flow_id = w.flow_id "
			"CROSS JOIN temp.drawn c ON c.flow = %Q AND c.flow_id = w.\"%w\" "
			"WHERE w.seq > 0 AND d.start_ns IS NOT NULL AND c.start_ns IS NOT NULL",
			sqlite3_column_text(st, 0), sqlite3_column_text(st, 1));

		err = sql ? kt_src_exec(p->run, sql) : kt_src_no_memory(p->run);
		sqlite3_free(sql);
	}
	sqlite3_finalize(st);
	return err ? err : kt_src_done(p->run, rc);
}

/* Which task ended a wait, where it was one. After all of temp.link: an arrow's id is one of both. */
static int add_wakers(struct kt_pf *p)
{
	int err = kt_src_exec(
		p->run,
		"CREATE TEMP TABLE waking(flow TEXT, flow_id INTEGER, seq, waking_id, utid, "
		"PRIMARY KEY(flow, flow_id, seq, waking_id)) WITHOUT ROWID");

	if (err || !kt_database_has(p->db, "wake", true))
		return err;
	return kt_src_exec(
		p->run,
		"INSERT OR IGNORE INTO temp.waking SELECT w.flow, w.flow_id, w.seq, "
		"(SELECT ifnull(max(link_id), 0) FROM temp.link) + w.rowid, w.waker_utid "
		"FROM wake w CROSS JOIN temp.drawn d ON d.flow = w.flow AND d.flow_id = w.flow_id "
		"WHERE w.seq > 0 AND w.waker_utid > 0 AND d.start_ns IS NOT NULL");
}

/* Arrows, where both flows are drawn. An end is of a flow (seq 0) or of one of its stages. */
static int add_links(struct kt_pf *p)
{
	int err = kt_src_exec(
		p->run,
		"CREATE TEMP TABLE link(link_id INTEGER PRIMARY KEY, flow, flow_id, lower, "
		"lower_id, "
		"seq DEFAULT 0);"
		"CREATE TEMP TABLE link_end(flow TEXT, flow_id INTEGER, seq, link_id, "
		"PRIMARY KEY(flow, flow_id, seq, link_id)) WITHOUT ROWID;"
		"INSERT INTO temp.link(flow, flow_id, lower, lower_id) "
		"SELECT d.flow, d.flow_id, l.lower, l.lower_id FROM temp.drawn d CROSS JOIN "
		"flow_link l "
		"WHERE l.flow = +d.flow AND l.flow_id = d.flow_id AND d.start_ns IS NOT NULL "
		"AND (l.lower IS NOT d.flow OR l.lower_id IS NOT d.flow_id) "
		"AND EXISTS (SELECT 1 FROM temp.drawn e WHERE e.flow = l.lower "
		"AND e.flow_id = l.lower_id AND e.start_ns IS NOT NULL)");

	if (!err && kt_database_has(p->db, "wake", true))
		err = add_wakings(p);
	err = err ? err : add_wakers(p);
	return err ? err
		   : kt_src_exec(p->run,
				 "INSERT INTO temp.link_end SELECT flow, flow_id, 0, link_id FROM "
				 "temp.link UNION ALL "
				 "SELECT lower, lower_id, seq, link_id FROM temp.link");
}

int kt_pf_choose(struct kt_pf *p)
{
	int err = add_lower(p);

	return err ? err : add_links(p);
}
