-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table shown: what the scheduler did with each task that --task and --cgroup leave; and the sentence that sums it up.

--: setup
CREATE TEMP TABLE kept AS
SELECT t.utid, t.tid, t.comm, c.path AS cgroup
FROM task t LEFT JOIN cgroup c ON c.ucgid = t.ucgid
WHERE (:task IS NULL OR t.comm = :task OR CAST(t.tid AS TEXT) = :task)
  AND (:cgroup IS NULL OR c.path = :cgroup OR :cgroup = '/' OR substr(c.path, 1, length(:cgroup) + 1) = :cgroup || '/');

-- CPU 0's idle task and its like are no tasks that wait.
--: setup
CREATE TEMP TABLE shown AS
SELECT s.*, k.tid, k.comm, k.cgroup FROM sched_task s JOIN kept k USING (utid) WHERE k.tid > 0;

--: text
SELECT 'Tasks that could run had no CPU for ' || fmt_ns(sum(runq_ns)) || ', ' || fmt_share(1.0 * sum(runq_ns) / nullif(sum(run_ns + runq_ns), 0))
       || ' of the time that they could run'
       || coalesce((SELECT '; ' || comm || ' [' || tid || '] waited longest, ' || fmt_ns(runq_ns)
                           || coalesce((SELECT ', most of it while ' || coalesce(b.comm, '?') || ' [' || coalesce(b.tid, '?') || '] ran'
                                        FROM sched_delay d JOIN task b ON b.utid = d.by_utid WHERE d.utid = w.utid AND d.run_id = w.run_id
                                        GROUP BY d.by_utid ORDER BY sum(d.runq_ns) DESC LIMIT 1), '')
                    FROM shown w WHERE runq_ns > 0 ORDER BY runq_ns DESC LIMIT 1), '') || '.'
FROM shown HAVING sum(runq_ns) IS NOT NULL;
