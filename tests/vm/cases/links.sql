-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Operations of io-load (direct): 460 a run, each with its own bios, which add up to its size, all exactly linked.
CREATE TEMP VIEW ours AS SELECT i.* FROM io i JOIN task t USING (utid) JOIN task p ON p.tid = t.tgid
  WHERE p.comm = 'io-load' AND i.op IN ('read', 'write') AND (i.path LIKE '%nvme0n1' OR i.path = '/mnt/file');
SELECT 'operations of io-load: ' || count(*) FROM ours HAVING count(*) <> 920;
SELECT 'operation ' || io_id || ' ' || kind || ' ' || op || ' ' || size_bytes || ': bios of ' || coalesce(got, 0) FROM
  (SELECT o.*, (SELECT sum(size_bytes) FROM bio b WHERE b.io_id = o.io_id AND b.parent_bio_id IS NULL AND coalesce(b.error, 0) = 0) AS got
   FROM ours o) WHERE got IS NOT size_bytes LIMIT 5;
SELECT 'inferred: bio ' || bio_id FROM bio JOIN ours USING (io_id) WHERE link <> 'exact' LIMIT 5;
SELECT 'kinds: ' || group_concat(kind) FROM (SELECT DISTINCT kind FROM ours) HAVING count(*) <> 3;
