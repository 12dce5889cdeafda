-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Whose requests are is told by rows alone: for reports that show requests.
--: use filter

--: refuse
SELECT words || ': requests by ' || CASE WHEN :task IS NULL THEN 'cgroup' ELSE 'task' END
       || ' need them; use --over ' || fmt_ns(keep_ns) || ' or more, or run ktrace-analyze again without --keep'
FROM rows_from, filter WHERE coalesce(:task, :cgroup) IS NOT NULL AND NOT enough;
