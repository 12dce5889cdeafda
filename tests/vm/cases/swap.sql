-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The disk is nothing but swap, and whoever moves something knows why.
CREATE TEMP VIEW swap AS SELECT b.* FROM bio b JOIN device d USING (device_id) WHERE d.name = 'vda' AND b.parent_bio_id IS NULL;
SELECT 'not told to be swap: ' || op || ' ' || count(*) FROM swap WHERE flags NOT LIKE '%swap%' GROUP BY op;
SELECT 'without an operation: ' || op || ' ' || count(*) || ' by ' || coalesce(t.comm, '?') FROM swap LEFT JOIN task t USING (utid)
  WHERE io_id IS NULL GROUP BY op, t.comm;
SELECT 'no swap-in by a fault of awk' WHERE NOT EXISTS (SELECT 1 FROM io JOIN task t USING (utid)
  WHERE t.comm = 'awk' AND kind = 'fault' AND op = 'swapin' AND dur_ns IS NOT NULL);
SELECT 'no read of a file in memory that reads from swap' WHERE NOT EXISTS (SELECT 1 FROM swap JOIN io i USING (io_id)
  WHERE swap.op = 'read' AND i.kind = 'syscall' AND i.op IN ('read', 'sendfile', 'splice', 'copy_file_range'));
SELECT 'inferred: ' || count(*) || ' reads' FROM swap JOIN io i USING (io_id) JOIN task t ON t.utid = i.utid
  WHERE swap.op = 'read' AND swap.link <> 'exact' AND t.comm = 'awk' HAVING count(*) > 0;
SELECT 'nothing that kswapd swapped out' WHERE NOT EXISTS (SELECT 1 FROM io JOIN task t USING (utid)
  WHERE t.comm LIKE 'kswapd%' AND kind = 'swap' AND op = 'swapout' AND dur_ns IS NOT NULL AND size_bytes > 0);
SELECT 'swapout of ' || size_bytes || ' bytes, its bios have ' || got FROM (SELECT i.*, (SELECT total(size_bytes) FROM swap s
  WHERE s.io_id = i.io_id) AS got FROM io i WHERE kind = 'swap' AND state = 'whole') WHERE got IS NOT size_bytes LIMIT 5;
