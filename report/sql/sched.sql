-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Scheduling
--: about per task: time running, waiting for a CPU and behind whom, switches; and how busy the CPUs were
--: needs sched_task sched_delay sched_cpu task run

--: use sched

--: table tasks Tasks
--: column run id group optional
--: column task text
--: column tid id
--: column cgroup text wide
--: column run_ns duration "ran"
--: column cpu_share percent "of one CPU"
--: column runq_ns duration "waited"
--: column wait_share percent "waiting"
--: column max_runq_ns duration "longest"
--: column max_by text optional wide "behind"
--: column max_runq_at_ns time wide "until"
--: column irq_ns duration wide "irq"
--: column softirq_ns duration wide "softirq"
--: column n_switches count "switches"
--: column n_preempted count wide "preempted"
--: column n_wakeups count wide "woken"
--: column n_migrated count wide "migrated"
--: column bar bar "running, waiting"
--: empty No task matches, or family sched was not recorded.
SELECT shown_run(s.run_id) AS run, s.comm AS task, s.tid, s.cgroup, s.run_ns,
       1.0 * s.run_ns / nullif(r.dur_ns, 0) AS cpu_share, s.runq_ns,
       1.0 * s.runq_ns / nullif(s.run_ns + s.runq_ns, 0) AS wait_share,
       s.max_runq_ns, b.comm AS max_by, s.max_runq_at_ns, s.irq_ns, s.softirq_ns, s.n_switches, s.n_preempted,
       s.n_wakeups, s.n_migrated,
       1.0 * (s.run_ns + coalesce(s.runq_ns, 0)) / nullif(max(s.run_ns + coalesce(s.runq_ns, 0)) OVER (), 0) AS bar
FROM shown s JOIN run r ON r.run_id = s.run_id LEFT JOIN task b ON b.utid = s.max_runq_by_utid
ORDER BY run, coalesce(s.run_ns, 0) + coalesce(s.runq_ns, 0) DESC, s.tid LIMIT coalesce(:top, 20);

--: table delays Who ran instead
--: column run id group optional
--: column task text group "waiting"
--: column tid id group
--: column by text "behind"
--: column by_tid id optional "tid"
--: column n count "waits"
--: column runq_ns duration "total"
--: column max_runq_ns duration "longest"
--: column share percent "share"
--: column bar bar ""
WITH d AS (
  SELECT d.run_id, d.utid, d.by_utid, sum(d.n) AS n, sum(d.runq_ns) AS runq_ns, max(d.max_runq_ns) AS max_runq_ns
  FROM sched_delay d WHERE (d.run_id, d.utid) IN (SELECT run_id, utid FROM shown) GROUP BY 1, 2, 3),
p AS (
  SELECT *, sum(runq_ns) OVER (PARTITION BY run_id, utid) AS all_ns, row_number() OVER (PARTITION BY run_id, utid
      ORDER BY runq_ns DESC) AS place FROM d)
SELECT shown_run(p.run_id) AS run, t.comm AS task, t.tid,
       CASE WHEN p.by_utid IS NULL OR b.tid = 0 THEN 'unknown or idle' ELSE b.comm END AS by,
       nullif(b.tid, 0) AS by_tid, p.n, p.runq_ns, p.max_runq_ns,
       1.0 * p.runq_ns / nullif(p.all_ns, 0) AS share, (1.0 * p.runq_ns / nullif(p.all_ns, 0)) || ' runq' AS bar
FROM p LEFT JOIN task t ON t.utid = p.utid LEFT JOIN task b ON b.utid = p.by_utid
WHERE p.place <= 3 AND p.runq_ns > 0
ORDER BY run, p.all_ns DESC, t.tid, p.runq_ns DESC, by LIMIT coalesce(:top, 20);

--: table cpus CPUs
--: column run id group optional
--: column cpu id "CPU"
--: column busy_share percent "busy"
--: column run_ns duration "ran"
--: column switches_s number "switches/s"
--: column n_waits count "waits"
--: column runq_ns duration "run-queue delay"
--: column max_runq_ns duration "longest"
--: column bar bar ""
SELECT shown_run(c.run_id) AS run, c.cpu, min(1.0, 1.0 * sum(c.run_ns) / nullif(r.dur_ns, 0)) AS busy_share,
       sum(c.run_ns) AS run_ns, sum(c.n_switches) * 1e9 / nullif(r.dur_ns, 0) AS switches_s, sum(c.n_waits) AS n_waits,
       sum(c.runq_ns) AS runq_ns,
       max(c.max_runq_ns) AS max_runq_ns, min(1.0, 1.0 * sum(c.run_ns) / nullif(r.dur_ns, 0)) AS bar
FROM sched_cpu c JOIN run r ON r.run_id = c.run_id
WHERE coalesce(:task, :cgroup) IS NULL
GROUP BY c.run_id, c.cpu ORDER BY run, c.cpu;

--: text
SELECT 'waited: run-queue delay: it was runnable, but another task held the CPU or its wake-up was not finished; '
       || 'longest: a single wait; waiting: share of the '
       || 'time that it was running or runnable. Interrupt time is not included.' WHERE EXISTS (SELECT 1 FROM shown);
--: text
SELECT 'The recording''s filter kept only the time within matching operations of ' || plural(count(*), 'task')
       || ': how long '
       || CASE count(*) WHEN 1 THEN 'it' ELSE 'they' END || ' ran is unknown, and the waits are lower bounds.'
FROM shown WHERE run_ns IS NULL HAVING count(*) > 0;
