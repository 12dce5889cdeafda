-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Says that --since or --until leave nothing of the recording.
--: warn
SELECT 'Nothing to show after --since: the recording ends ' || fmt_ns(max(start_ns + dur_ns))
       || ' after its start.'
FROM run WHERE :since_ns IS NOT NULL HAVING max(start_ns + dur_ns) <= :since_ns;
--: warn
SELECT 'Nothing to show before --until: the recording starts later and is '
       || fmt_ns(max(start_ns + dur_ns)) || ' long.'
FROM run WHERE :until_ns IS NOT NULL HAVING min(start_ns) >= :until_ns;
--: warn
SELECT 'Nothing to show: --until is not after --since.' WHERE :until_ns <= :since_ns;
