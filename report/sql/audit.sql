-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Audit
--: about whether the recording agrees with the kernel's own counters
--: needs audit

--: text
SELECT CASE WHEN sum(verdict = 'off') > 0
         THEN fmt_count(sum(verdict = 'off')) || ' of ' || plural(sum(verdict <> 'n/a'), 'kernel counter')
              || CASE sum(verdict = 'off') WHEN 1 THEN ' disagrees' ELSE ' disagree' END || ' with the recording.'
         WHEN sum(verdict <> 'n/a') = 1 THEN 'The one kernel counter agrees with the recording.'
         ELSE 'All ' || fmt_count(sum(verdict <> 'n/a')) || ' kernel counters agree with the recording.' END
FROM audit HAVING sum(verdict <> 'n/a') > 0;

--: table audit
--: column run id group optional
--: column counter text
--: column kernel count
--: column traced count
--: column difference count
--: column tolerance count
--: column verdict text
--: empty The recording holds no counters to compare.
SELECT shown_run(run_id) AS run,
       counter, kernel, traced, difference, tolerance, verdict
FROM audit ORDER BY run, CASE verdict WHEN 'off' THEN 0 WHEN 'ok' THEN 1 ELSE 2 END, rowid;

--: text
SELECT 'tolerance: how far the two may differ for a known reason, such as I/O that completes while the counter is '
       || 'read; n/a: the kernel has no such counter, or filters exclude what it counts.'
WHERE EXISTS (SELECT 1 FROM audit);
