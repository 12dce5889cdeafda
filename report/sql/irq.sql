-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Interrupts
--: about how often each interrupt came, how long it took, the longest, and its share of the CPUs
--: needs run

-- Seconds that lie within --since and --until.
--: setup
CREATE TEMP TABLE irq_window AS
SELECT :since_ns / 1000000000 - (:since_ns % 1000000000 < 0) AS from_s,
       :until_ns / 1000000000 + (:until_ns % 1000000000 > 0) AS to_s;
--: setup
CREATE TEMP TABLE shown(run_id, cpu, kind, nr, name, n, time_ns, max_ns);
--: if irq_load
--: setup
INSERT INTO shown
SELECT run_id, cpu, kind, nr, name, sum(n), sum(time_ns), max(max_ns)
FROM irq_window w CROSS JOIN irq_load
WHERE (w.from_s IS NULL OR second >= w.from_s) AND (w.to_s IS NULL OR second < w.to_s)
GROUP BY run_id, cpu, kind, nr, name;

--: setup
CREATE TEMP TABLE whole AS
SELECT r.run_id, max(1, min(r.start_ns + r.dur_ns, coalesce(w.to_s * 1000000000, r.start_ns + r.dur_ns))
    - max(r.start_ns, coalesce(w.from_s * 1000000000, r.start_ns))) AS dur_ns,
       (SELECT count(DISTINCT cpu) FROM shown s WHERE s.run_id = r.run_id) AS cpus
FROM run r CROSS JOIN irq_window w;

--: text
SELECT 'Times are rounded to whole seconds: showing interrupts from ' || coalesce(from_s || ' s', 'the start') || ' to '
       || coalesce(to_s || ' s', 'the end') || '.'
FROM irq_window WHERE coalesce(:since_ns, 0) % 1000000000 <> 0 OR coalesce(:until_ns, 0) % 1000000000 <> 0;
--: text
SELECT 'Interrupts took ' || fmt_ns(sum(s.time_ns)) || ', '
       || fmt_share(1.0 * sum(s.time_ns) / (SELECT sum(dur_ns * cpus) FROM whole)) || ' of '
       || (SELECT CASE max(cpus) WHEN 1 THEN '1 CPU' ELSE max(cpus) || ' CPUs' END FROM whole)
       || '; largest share: ' || (SELECT CASE kind WHEN 'soft' THEN 'soft interrupt ' ELSE '' END || coalesce(name, nr)
         || ' (' || fmt_ns(sum(time_ns)) || ')'
                              FROM shown GROUP BY kind, nr, name ORDER BY sum(time_ns) DESC LIMIT 1)
       || '. Longest single interrupt: ' || (SELECT coalesce(name, nr) || ', ' || fmt_ns(max_ns) FROM shown
         ORDER BY max_ns DESC LIMIT 1) || '.'
FROM shown s HAVING sum(s.time_ns) > 0;

--: table interrupts
--: column run id group optional
--: column kind text group
--: column name text "interrupt"
--: column nr id wide "number"
--: column n count
--: column per_s number "per s"
--: column time_ns duration "total"
--: column mean_ns duration
--: column max_ns duration "longest"
--: column share percent "CPU share"
--: column cpus text wide "mostly on"
--: column bar bar ""
--: empty No interrupt matches, or family irq was not recorded.
WITH i AS (
  SELECT run_id, kind, nr, name, sum(n) AS n, sum(time_ns) AS time_ns, max(max_ns) AS max_ns FROM shown
  GROUP BY 1, 2, 3, 4)
SELECT shown_run(i.run_id) AS run, i.kind, coalesce(i.name, CAST(i.nr AS TEXT)) AS name, i.nr, i.n,
       i.n * 1e9 / w.dur_ns AS per_s, i.time_ns, CAST(round(1.0 * i.time_ns / nullif(i.n, 0)) AS INTEGER) AS mean_ns,
       i.max_ns,
       1.0 * i.time_ns / (w.dur_ns * w.cpus) AS share,
       (SELECT 'CPU ' || x.cpu || CASE WHEN x.n < i.n THEN ' (' || fmt_share(1.0 * x.n / i.n) || ')' ELSE '' END
         FROM shown x
        WHERE x.run_id = i.run_id AND x.kind = i.kind AND x.nr = i.nr AND x.name IS i.name ORDER BY x.n DESC
        LIMIT 1) AS cpus,
       1.0 * i.time_ns / nullif(max(i.time_ns) OVER (), 0) AS bar
FROM i JOIN whole w ON w.run_id = i.run_id
ORDER BY run, i.kind, i.time_ns DESC, name LIMIT coalesce(:top, 30);

--: table cpus By CPU
--: column run id group optional
--: column cpu id "CPU"
--: column hard count "hard"
--: column hard_ns duration "hard time"
--: column soft count "soft"
--: column soft_ns duration "soft time"
--: column share percent "CPU share"
--: column bar bar ""
SELECT shown_run(s.run_id) AS run, s.cpu, sum(CASE kind WHEN 'hard' THEN n ELSE 0 END) AS hard,
       sum(CASE kind WHEN 'hard' THEN time_ns ELSE 0 END) AS hard_ns,
       sum(CASE kind WHEN 'soft' THEN n ELSE 0 END) AS soft,
       sum(CASE kind WHEN 'soft' THEN time_ns ELSE 0 END) AS soft_ns, 1.0 * sum(time_ns) / w.dur_ns AS share,
       1.0 * sum(time_ns) / w.dur_ns AS bar
FROM shown s JOIN whole w ON w.run_id = s.run_id GROUP BY s.run_id, s.cpu ORDER BY run, s.cpu;

--: text
SELECT 'Times exclude nested interrupts. The timer and others without a numbered line in /proc/interrupts are not '
       || 'recorded.'
WHERE EXISTS (SELECT 1 FROM shown);
