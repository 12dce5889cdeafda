-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- As tests/live/who-load.c makes them: 5 GiB and 32 KiB is the high offset. sync_file_range, fdatasync and fsync of a device move nothing.
WITH want(nr, op, offset_bytes, size_bytes, result) AS (VALUES
  (1, 'read', 0, 4096, 4096), (2, 'read', 5368741888, 4096, 4096), (3, 'write', 5368741888, 4096, 4096), (4, 'read', 4096, 8192, 8192),
  (5, 'read', 5368741888, 16384, 16384), (6, 'write', 5368741888, 12288, 12288), (7, 'sync_file_range', 5368741888, 5368741888, 0),
  (8, 'fdatasync', NULL, 0, 0), (9, 'fsync', NULL, 0, 0)),
have AS (
  SELECT row_number() OVER (ORDER BY i.start_ns) AS nr, i.op, offset_bytes, size_bytes, result
  FROM io i JOIN task t USING (utid) WHERE t.comm = 'who-load' AND i.flags LIKE '%direct%')
SELECT 'call ' || coalesce(w.nr, h.nr) || ': made ' || coalesce(w.op || ' ' || coalesce(w.offset_bytes, '-') || ' ' || w.size_bytes || ' ' || w.result, 'none')
       || ', recorded ' || coalesce(h.op || ' ' || coalesce(h.offset_bytes, '-') || ' ' || h.size_bytes || ' ' || h.result, 'none')
FROM want w FULL JOIN have h ON h.nr = w.nr
WHERE (w.op, w.offset_bytes, w.size_bytes, w.result) IS NOT (h.op, h.offset_bytes, h.size_bytes, h.result);
