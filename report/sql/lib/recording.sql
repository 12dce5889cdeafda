-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- When and where it was recorded, and what.
--: text The recording
SELECT coalesce(fmt_ns(r.dur_ns), 'Unknown duration')
       || coalesce(' from ' || datetime(m.value / 1000000000 + r.start_ns / 1000000000, 'unixepoch') || ' UTC', '')
       || coalesce(' on ' || r.host, '') || coalesce(' (Linux ' || r.kernel || ')', '')
       || coalesce('; families ' || nullif(r.kinds, ''), '') || coalesce('; filters ' || nullif(r.filters, ''), '')
       || coalesce('; command: ' || nullif(r.command, ''), '') || '.'
FROM run r LEFT JOIN meta m ON m.key = 'epoch_realtime_ns' ORDER BY r.run_id;
