-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: use kept_who

-- Table shown: scheduling of each task that --task and --cgroup select; and a sentence that sums it up.

--: setup
CREATE TEMP TABLE kept AS
SELECT t.utid, t.tid, t.comm, c.path AS cgroup
FROM task t LEFT JOIN cgroup c ON c.ucgid = t.ucgid
WHERE (:task IS NULL OR t.utid IN kept_task) AND (:cgroup IS NULL OR t.ucgid IN kept_cgroup);

-- Idle tasks do not wait. Rows of one task add up; what is not known of one is not known of all. The columns of the
-- longest wait are those of the row that holds it: SQLite takes them from there.
--: setup
CREATE TEMP TABLE shown AS
SELECT s.run_id, s.utid, CASE WHEN count(s.run_ns) = count(*) THEN sum(s.run_ns) END AS run_ns,
       sum(s.runq_ns) AS runq_ns, sum(s.irq_ns) AS irq_ns, sum(s.softirq_ns) AS softirq_ns,
       sum(s.sleep_ns) AS sleep_ns, sum(s.n_switches) AS n_switches, sum(s.n_preempted) AS n_preempted,
       sum(s.n_wakeups) AS n_wakeups, sum(s.n_migrated) AS n_migrated, max(s.max_runq_ns) AS max_runq_ns,
       s.max_runq_at_ns, s.max_runq_by_utid, k.tid, k.comm, k.cgroup
FROM sched_task s JOIN kept k USING (utid) WHERE k.tid > 0 GROUP BY s.run_id, s.utid;

--: text
SELECT 'Runnable tasks waited for a CPU for ' || CASE WHEN count(run_ns) < count(*) THEN 'at least ' ELSE '' END
       || fmt_ns(sum(runq_ns))
       || coalesce(', ' || fmt_share(1.0 * sum(CASE WHEN run_ns IS NOT NULL THEN runq_ns END) /
           nullif(sum(run_ns + runq_ns), 0)) || ' of the time that they were running or runnable', '')
       || coalesce((SELECT '; ' || comm || ' [' || tid || '] waited longest, ' || fmt_ns(runq_ns)
                           || coalesce((SELECT ', mostly behind ' || coalesce(b.comm, '?') || ' ['
                                        || coalesce(b.tid, '?') || ']'
                                        FROM sched_delay d JOIN task b ON b.utid = d.by_utid
                                        WHERE d.utid = w.utid AND d.run_id = w.run_id
                                        GROUP BY d.by_utid ORDER BY sum(d.runq_ns) DESC LIMIT 1), '')
                    FROM (SELECT * FROM shown WHERE runq_ns > 0 ORDER BY runq_ns DESC LIMIT 1) w), '') || '.'
FROM shown HAVING sum(runq_ns) IS NOT NULL;
