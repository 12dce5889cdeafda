-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- A database from the future: its flows are of kinds that no code of this ktrace knows. Crossings of bridges, which
-- programs wait for, and legs of road below them. Tables are made only where there are none, so that the same rows can
-- come beside those of a recording (future.py: mixed).
--
-- Four seconds, two bridges, three tasks; times in ms:
--	ID  kind    op    bridge  task    start  total  queueing  toll  span  leaving  bytes  state
--	c1  pass    cart  North   alice     100     40        10     5    20        5   4096  whole, ended in second 0
--	c2  pass    cart  North   alice    1200     60        32     5    18        5   4096  whole, second 1
--	c3  pass    foot  South   bob      1500     20         -     2    16        2      -  whole, second 1
--	c4  pass    foot  North   bob      2000     80        20     -    55        5      -  whole, second 2
--	c5  patrol  foot  South   bob      2500     10         -     -     8        2      -  whole, second 2: told apart
--	c6  pass    cart  South   alice    3000      1         -     -     -        -      -  turned back, EACCES: no figure has it
--	c7  pass    cart  North   alice    3900      -         -     -     -        -      -  open at the end
--	c8  pass    foot  North   ktrace-record 500  4         -     -     4        -      -  whole, second 0: excluded
-- What programs waited for is c1 to c4: 200 ms; queueing 62 (31 %), toll 12 (6 %), span 109 (54.5 %), leaving 17 (8.5 %).
-- Carts on North: 100 ms, half of it; of that 42 % queueing, 38 % span. Foot on North 80, foot on South 20 and the patrol's 10:
-- in tables, with what is told apart, 210 ms: 47.6 %, 38.1 %, 14.3 %.
-- alice 100 ms in 2, bob 110 ms in 3 (with the patrol).
--	ID  on     start  total
--	l1  A1       115     12   of c1
--	l2  A1       127      8   of c1
--	l3  A1      2020     50   of c4

CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('schema_version', 2), ('epoch_realtime_ns', 1780000000000000000);
CREATE TABLE IF NOT EXISTS run(run_id INTEGER PRIMARY KEY, file TEXT, uuid TEXT, host TEXT, boot_id TEXT, kernel TEXT,
  start_ns INTEGER, dur_ns INTEGER, clock_err_ns INTEGER, command TEXT, kinds TEXT, filters TEXT, events INTEGER,
  lost INTEGER, unknown_events INTEGER, backward_clock INTEGER, file_bytes INTEGER);
INSERT OR IGNORE INTO run(run_id, host, kernel, start_ns, dur_ns, kinds) VALUES (1, 'future', '9.1', 0, 4000000000, 'core,crossing');
CREATE TABLE IF NOT EXISTS lost_interval(run_id INTEGER, cpu INTEGER, start_ns INTEGER, dur_ns INTEGER, cause TEXT, n INTEGER);
CREATE TABLE IF NOT EXISTS cgroup(ucgid INTEGER PRIMARY KEY, run_id INTEGER, hierarchy TEXT, cgroup_id INTEGER, path TEXT);
INSERT INTO cgroup(ucgid, run_id, hierarchy, cgroup_id, path) VALUES (9001, 1, 'v2', 71, '/town'), (9002, 1, 'v2', 72, '/town/gate');
CREATE TABLE IF NOT EXISTS task(utid INTEGER PRIMARY KEY, run_id INTEGER, tid INTEGER, tgid INTEGER, comm TEXT, cmdline TEXT,
  ucgid INTEGER, is_recorder INTEGER, program TEXT, is_command INTEGER);
INSERT INTO task(utid, run_id, tid, tgid, comm, ucgid, is_recorder, program, is_command) VALUES
  (9001, 1, 101, 101, 'alice', 9001, 0, 'alice', 0), (9002, 1, 102, 102, 'bob', 9002, 0, 'bob', 0),
  (9003, 1, 103, 103, 'ktrace-record', 9001, 1, 'ktrace-record', 0);

CREATE TABLE bridge(bridge_id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO bridge VALUES (1, 'North'), (2, 'South');
CREATE TABLE crossing(crossing_id INTEGER PRIMARY KEY, kind TEXT, op TEXT, bridge_id INTEGER, utid INTEGER, ucgid INTEGER,
  start_ns INTEGER, dur_ns INTEGER, queueing_ns INTEGER, toll_ns INTEGER, span_ns INTEGER, leaving_ns INTEGER, size_bytes INTEGER,
  plate TEXT, state TEXT);
INSERT INTO crossing VALUES
  (1, 'pass', 'cart', 1, 9001, 9001, 100000000, 40000000, 10000000, 5000000, 20000000, 5000000, 4096, 'hay', 'whole'),
  (2, 'pass', 'cart', 1, 9001, 9001, 1200000000, 60000000, 32000000, 5000000, 18000000, 5000000, 4096, 'salt', 'whole'),
  (3, 'pass', 'foot', 2, 9002, 9002, 1500000000, 20000000, NULL, 2000000, 16000000, 2000000, NULL, NULL, 'whole'),
  (4, 'pass', 'foot', 1, 9002, 9002, 2000000000, 80000000, 20000000, NULL, 55000000, 5000000, NULL, NULL, 'whole'),
  (5, 'patrol', 'foot', 2, 9002, 9002, 2500000000, 10000000, NULL, NULL, 8000000, 2000000, NULL, NULL, 'whole'),
  (6, 'pass', 'cart', 2, 9001, 9001, 3000000000, 1000000, NULL, NULL, NULL, NULL, NULL, NULL, 'whole'),
  (7, 'pass', 'cart', 1, 9001, 9001, 3900000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'open_at_end'),
  (8, 'pass', 'foot', 1, 9003, 9001, 500000000, 4000000, NULL, NULL, 4000000, NULL, NULL, NULL, 'whole');
CREATE TABLE road(road_id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO road VALUES (1, 'A1');
CREATE TABLE leg(leg_id INTEGER PRIMARY KEY, crossing_id INTEGER, road_id INTEGER, start_ns INTEGER, dur_ns INTEGER);
INSERT INTO leg VALUES (1, 1, 1, 115000000, 12000000), (2, 1, 1, 127000000, 8000000), (3, 4, 1, 2020000000, 50000000);

CREATE TABLE IF NOT EXISTS flow_kind(flow TEXT PRIMARY KEY, letter TEXT, one TEXT, many TEXT, waits_for TEXT, tbl TEXT, id_col TEXT,
  object_tbl TEXT, object_word TEXT, ord INTEGER);
INSERT INTO flow_kind(flow, letter, one, many, waits_for, tbl, id_col, object_tbl, object_word, ord) VALUES
  ('crossing', 'c', 'crossing', 'crossings', 'bridges', 'crossing', 'crossing_id', 'bridge', 'bridge', 901),
  ('leg', 'l', 'leg', 'legs', NULL, 'leg', 'leg_id', 'road', 'road', 902);
CREATE TABLE IF NOT EXISTS flow_stage(flow TEXT, ord INTEGER, stage TEXT, class TEXT, words TEXT, must_run INTEGER,
  PRIMARY KEY(flow, ord));
INSERT INTO flow_stage(flow, ord, stage, class, words, must_run) VALUES
  ('crossing', 1, 'queueing', 'queue', 'waiting in line', 0), ('crossing', 2, 'toll', 'wait', 'paying the toll', 0),
  ('crossing', 3, 'span', 'device', 'on the bridge', 0), ('crossing', 4, 'leaving', 'work', 'leaving', 1),
  ('leg', 1, 'ride', 'device', 'on the road', 0);
CREATE TABLE IF NOT EXISTS flow_word(flow TEXT, col TEXT, value TEXT, one TEXT, many TEXT, counts TEXT, PRIMARY KEY(flow, col, value));
INSERT INTO flow_word(flow, col, value, one, many, counts) VALUES
  ('crossing', 'kind', 'pass', 'passage', 'passages', 'waits'), ('crossing', 'kind', 'patrol', 'patrol', 'patrols', 'apart'),
  ('crossing', 'op', 'cart', 'cart', 'carts', NULL), ('crossing', 'op', 'foot', 'walker', 'walkers', NULL),
  ('crossing', 'via', 'open', 'that got through', 'that got through', NULL),
  ('crossing', 'via', 'turned', 'that was turned back', 'that were turned back', 'not');

CREATE TABLE IF NOT EXISTS flow_group(group_id INTEGER PRIMARY KEY, run_id INTEGER, flow TEXT, kind TEXT, op TEXT, object_id INTEGER,
  part_id INTEGER, via TEXT, error INTEGER, is_own INTEGER);
INSERT INTO flow_group(group_id, run_id, flow, kind, op, object_id, via, error, is_own) VALUES
  (9001, 1, 'crossing', 'pass', 'cart', 1, 'open', NULL, 0), (9002, 1, 'crossing', 'pass', 'foot', 2, 'open', NULL, 0),
  (9003, 1, 'crossing', 'pass', 'foot', 1, 'open', NULL, 0), (9004, 1, 'crossing', 'patrol', 'foot', 2, 'open', NULL, 0),
  (9005, 1, 'crossing', 'pass', 'cart', 2, 'turned', -13, 0), (9006, 1, 'leg', NULL, 'ride', 1, NULL, NULL, NULL),
  (9007, 1, 'crossing', 'pass', 'foot', 1, 'open', NULL, 1);
CREATE TABLE IF NOT EXISTS flow_key(key_id INTEGER PRIMARY KEY, group_id INTEGER, utid INTEGER, ucgid INTEGER);
INSERT INTO flow_key(key_id, group_id, utid, ucgid) VALUES
  (9001, 9001, 9001, 9001), (9002, 9002, 9002, 9002), (9003, 9003, 9002, 9002), (9004, 9004, 9002, 9002), (9005, 9005, 9001, 9001),
  (9006, 9007, 9003, 9001), (9007, 9006, NULL, NULL);
CREATE TABLE IF NOT EXISTS flow_load(key_id INTEGER, second INTEGER, state TEXT, n INTEGER, size_bytes INTEGER, dur_ns INTEGER,
  max_ns INTEGER, n_lower INTEGER, n_with_lower INTEGER, served_ns INTEGER, runq_ns INTEGER, irq_ns INTEGER, softirq_ns INTEGER,
  slept_ns INTEGER, n_runq INTEGER, min_id INTEGER, max_id INTEGER,
  s1_ns INTEGER, s2_ns INTEGER, s3_ns INTEGER, s4_ns INTEGER, s5_ns INTEGER, s6_ns INTEGER, s7_ns INTEGER, s8_ns INTEGER,
  s9_ns INTEGER, s10_ns INTEGER, s11_ns INTEGER, s12_ns INTEGER, s13_ns INTEGER, s14_ns INTEGER, s15_ns INTEGER, s16_ns INTEGER);
CREATE TABLE IF NOT EXISTS flow_sum(key_id INTEGER, second INTEGER, state TEXT, n INTEGER, size_bytes INTEGER, dur_ns INTEGER,
  max_ns INTEGER, n_lower INTEGER, n_with_lower INTEGER, served_ns INTEGER, runq_ns INTEGER, irq_ns INTEGER, softirq_ns INTEGER,
  slept_ns INTEGER, n_runq INTEGER, min_id INTEGER, max_id INTEGER,
  s1_ns INTEGER, s2_ns INTEGER, s3_ns INTEGER, s4_ns INTEGER, s5_ns INTEGER, s6_ns INTEGER, s7_ns INTEGER, s8_ns INTEGER,
  s9_ns INTEGER, s10_ns INTEGER, s11_ns INTEGER, s12_ns INTEGER, s13_ns INTEGER, s14_ns INTEGER, s15_ns INTEGER, s16_ns INTEGER);
INSERT INTO flow_load(key_id, second, state, n, size_bytes, dur_ns, max_ns, min_id, max_id, s1_ns, s2_ns, s3_ns, s4_ns) VALUES
  (9001, 0, 'whole', 1, 4096, 40000000, 40000000, 1, 1, 10000000, 5000000, 20000000, 5000000),
  (9001, 1, 'whole', 1, 4096, 60000000, 60000000, 2, 2, 32000000, 5000000, 18000000, 5000000),
  (9001, 4, 'open_at_end', 1, 0, 0, 0, 7, 7, NULL, NULL, NULL, NULL),
  (9002, 1, 'whole', 1, 0, 20000000, 20000000, 3, 3, NULL, 2000000, 16000000, 2000000),
  (9003, 2, 'whole', 1, 0, 80000000, 80000000, 4, 4, 20000000, NULL, 55000000, 5000000),
  (9004, 2, 'whole', 1, 0, 10000000, 10000000, 5, 5, NULL, NULL, 8000000, 2000000),
  (9005, 3, 'whole', 1, 0, 1000000, 1000000, 6, 6, NULL, NULL, NULL, NULL),
  (9006, 0, 'whole', 1, 0, 4000000, 4000000, 8, 8, NULL, NULL, 4000000, NULL),
  (9007, 0, 'whole', 2, 0, 20000000, 12000000, 1, 2, 20000000, NULL, NULL, NULL),
  (9007, 2, 'whole', 1, 0, 50000000, 50000000, 3, 3, 50000000, NULL, NULL, NULL);
INSERT INTO flow_sum(key_id, state, n, size_bytes, dur_ns, max_ns, min_id, max_id, s1_ns, s2_ns, s3_ns, s4_ns)
SELECT key_id, state, sum(n), sum(size_bytes), sum(dur_ns), max(max_ns), min(min_id), max(max_id), sum(s1_ns), sum(s2_ns), sum(s3_ns),
       sum(s4_ns)
FROM flow_load WHERE key_id > 9000 GROUP BY key_id, state;

-- Buckets as group_hist describes them: (e - 6) * 128 + (ns >> (e - 7)) - 128 with e = floor(log2 ns).
--	ms      2     4     5     8    10    12    16    18    20    32    40    50    55    60    80
--	bucket  1908  2036  2072  2164 2200  2231  2292  2313  2328  2420  2456  2494  2513  2532  2584
CREATE TABLE IF NOT EXISTS flow_hist(key_id INTEGER, second INTEGER, bucket INTEGER, n INTEGER, ns INTEGER, max_ns INTEGER);
CREATE TABLE IF NOT EXISTS flow_hist_sum(key_id INTEGER, second INTEGER, bucket INTEGER, n INTEGER, ns INTEGER, max_ns INTEGER);
INSERT INTO flow_hist(key_id, second, bucket, n, ns, max_ns) VALUES
  (9001, 0, 2456, 1, 40000000, 40000000), (9001, 1, 2532, 1, 60000000, 60000000), (9002, 1, 2328, 1, 20000000, 20000000),
  (9003, 2, 2584, 1, 80000000, 80000000), (9004, 2, 2200, 1, 10000000, 10000000), (9006, 0, 2036, 1, 4000000, 4000000);
INSERT INTO flow_hist_sum(key_id, bucket, n, ns, max_ns) SELECT key_id, bucket, n, ns, max_ns FROM flow_hist WHERE key_id > 9000;
CREATE TABLE IF NOT EXISTS group_hist(group_id INTEGER, second INTEGER, stage INTEGER, bucket INTEGER, n INTEGER, ns INTEGER,
  max_ns INTEGER);
CREATE TABLE IF NOT EXISTS group_hist_sum(group_id INTEGER, second INTEGER, stage INTEGER, bucket INTEGER, n INTEGER, ns INTEGER,
  max_ns INTEGER);
INSERT INTO group_hist(group_id, second, stage, bucket, n, ns, max_ns) VALUES
  (9001, 0, 0, 2456, 1, 40000000, 40000000), (9001, 1, 0, 2532, 1, 60000000, 60000000), (9002, 1, 0, 2328, 1, 20000000, 20000000),
  (9003, 2, 0, 2584, 1, 80000000, 80000000), (9007, 0, 0, 2036, 1, 4000000, 4000000), (9004, 2, 0, 2200, 1, 10000000, 10000000),
  (9001, 0, 1, 2200, 1, 10000000, 10000000), (9001, 1, 1, 2420, 1, 32000000, 32000000), (9001, 0, 2, 2072, 1, 5000000, 5000000),
  (9001, 1, 2, 2072, 1, 5000000, 5000000), (9001, 0, 3, 2328, 1, 20000000, 20000000), (9001, 1, 3, 2313, 1, 18000000, 18000000),
  (9001, 0, 4, 2072, 1, 5000000, 5000000), (9001, 1, 4, 2072, 1, 5000000, 5000000), (9002, 1, 2, 1908, 1, 2000000, 2000000),
  (9002, 1, 3, 2292, 1, 16000000, 16000000), (9002, 1, 4, 1908, 1, 2000000, 2000000), (9003, 2, 1, 2328, 1, 20000000, 20000000),
  (9003, 2, 3, 2513, 1, 55000000, 55000000), (9003, 2, 4, 2072, 1, 5000000, 5000000), (9007, 0, 3, 2036, 1, 4000000, 4000000),
  (9004, 2, 3, 2164, 1, 8000000, 8000000), (9004, 2, 4, 1908, 1, 2000000, 2000000),
  (9006, 0, 0, 2231, 1, 12000000, 12000000), (9006, 0, 0, 2164, 1, 8000000, 8000000), (9006, 2, 0, 2494, 1, 50000000, 50000000),
  (9006, 0, 1, 2231, 1, 12000000, 12000000), (9006, 0, 1, 2164, 1, 8000000, 8000000), (9006, 2, 1, 2494, 1, 50000000, 50000000);
INSERT INTO group_hist_sum(group_id, stage, bucket, n, ns, max_ns)
SELECT group_id, stage, bucket, sum(n), sum(ns), max(max_ns) FROM group_hist WHERE group_id > 9000 GROUP BY group_id, stage, bucket;

DROP VIEW IF EXISTS flow;
CREATE VIEW flow(flow, flow_id, run_id, kind, op, object_id, utid, ucgid, what, size_bytes, start_ns, dur_ns, state) AS
SELECT 'crossing', crossing_id, 1, +kind, +op, +bridge_id, +utid, +ucgid, +plate, +size_bytes, +start_ns, +dur_ns, +state FROM crossing
UNION ALL SELECT 'leg', leg_id, 1, NULL, 'ride', +road_id, NULL, NULL, NULL, NULL, +start_ns, +dur_ns, 'whole' FROM leg;
DROP VIEW IF EXISTS flow_link;
CREATE VIEW flow_link(flow, flow_id, lower, lower_id, link) AS SELECT 'crossing', crossing_id, 'leg', +leg_id, 'leads over' FROM leg;
DROP VIEW IF EXISTS flow_object;
CREATE VIEW flow_object(tbl, object_id, run_id, name, parent_id, dev) AS
SELECT 'bridge', bridge_id, 1, +name, NULL, NULL FROM bridge UNION ALL SELECT 'road', road_id, 1, +name, NULL, NULL FROM road;
CREATE VIEW IF NOT EXISTS stage(flow, flow_id, seq, name, start_ns, dur_ns, runq_ns, irq_ns, softirq_ns) AS
SELECT 'crossing', crossing_id, 1, 'queueing', +start_ns, +queueing_ns, NULL, NULL, NULL FROM crossing WHERE queueing_ns IS NOT NULL
UNION ALL SELECT 'crossing', crossing_id, 2, 'toll', start_ns + ifnull(queueing_ns, 0), +toll_ns, NULL, NULL, NULL FROM crossing
  WHERE toll_ns IS NOT NULL
UNION ALL SELECT 'crossing', crossing_id, 3, 'span', start_ns + ifnull(queueing_ns, 0) + ifnull(toll_ns, 0), +span_ns, NULL, NULL, NULL
  FROM crossing WHERE span_ns IS NOT NULL
UNION ALL SELECT 'crossing', crossing_id, 4, 'leaving', start_ns + dur_ns - leaving_ns, +leaving_ns, NULL, NULL, NULL FROM crossing
  WHERE leaving_ns IS NOT NULL
UNION ALL SELECT 'leg', leg_id, 1, 'ride', +start_ns, +dur_ns, NULL, NULL, NULL FROM leg;
