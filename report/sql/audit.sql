-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Audit
--: about does the trace agree with the counters that the kernel keeps itself
--: needs audit

--: text
SELECT CASE WHEN sum(verdict = 'off') > 0
         THEN fmt_count(sum(verdict = 'off')) || ' of ' || fmt_count(sum(verdict <> 'n/a')) || ' counters do not agree with the trace.'
         ELSE 'All ' || fmt_count(sum(verdict <> 'n/a')) || ' counters agree with the trace.' END
FROM audit HAVING sum(verdict <> 'n/a') > 0;

--: table audit
--: column run id group optional
--: column counter text
--: column kernel count
--: column traced count
--: column difference count
--: column tolerance count
--: column verdict text
--: empty The recording holds no counters to compare with.
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN run_id END AS run,
       counter, kernel, traced, difference, tolerance, verdict
FROM audit ORDER BY run, CASE verdict WHEN 'off' THEN 0 WHEN 'ok' THEN 1 ELSE 2 END, rowid;

--: text
SELECT 'tolerance: how far the two may differ for a reason that is known, such as I/O that completes while the counter is read; '
       || 'n/a: the kernel keeps no such counter, or filters left out what it counts.'
WHERE EXISTS (SELECT 1 FROM audit);
