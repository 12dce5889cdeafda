-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table rows_from(keep_ns, words): a row if ktrace-analyze --keep stored rows (tables io, bio, request and what details
-- them) only of flows that long and of what they are linked to; words say so in a sentence. Statistics count all flows.
--: setup
CREATE TEMP TABLE IF NOT EXISTS rows_from AS
SELECT k.keep_ns,
       coalesce('of flows below ' || fmt_ns(k.keep_ns) || ' only one in ' || fmt_count(nullif(s.n, 0)) || ' was kept',
                'rows of flows below ' || fmt_ns(k.keep_ns) || ' were not kept') AS words
FROM (SELECT CAST(value AS INTEGER) AS keep_ns FROM main.meta WHERE key = 'keep_ns') k
LEFT JOIN (SELECT CAST(value AS INTEGER) AS n FROM main.meta WHERE key = 'keep_sample') s
WHERE k.keep_ns > 0;
