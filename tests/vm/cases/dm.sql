-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The kernel does not tell which bio a remapped one came from: device and sector do, and the row says so.
SELECT 'no bio was remapped' WHERE NOT EXISTS (SELECT 1 FROM bio WHERE parent_bio_id IS NOT NULL);
SELECT count(*) || ' data bios on ' || d.name || ' have no parent' FROM bio b JOIN device d USING (device_id)
  WHERE d.name IN ('vda', 'nvme0n1') AND b.parent_bio_id IS NULL AND b.size_bytes > 0 GROUP BY d.name;
SELECT count(*) || ' links from ' || pd.name || ' to ' || d.name || ' are ' || coalesce(b.link, 'NULL') || ', not inferred'
  FROM bio b JOIN bio p ON p.bio_id = b.parent_bio_id
  JOIN device d ON d.device_id = b.device_id JOIN device pd ON pd.device_id = p.device_id
  WHERE d.device_id <> pd.device_id AND b.link IS NOT 'inferred' GROUP BY pd.name, d.name, b.link;
-- A bio below lives within the one above.
SELECT count(*) || ' bios outlive their parent' FROM bio b JOIN bio p ON p.bio_id = b.parent_bio_id
  WHERE b.start_ns < p.start_ns OR b.start_ns + b.dur_ns > p.start_ns + p.dur_ns HAVING count(*) > 0;
-- dm-delay holds every bio back for 20 ms, in ticks of 4 ms, which a busy emulator delivers late and in bursts.
SELECT 'bios took ' || avg(dur_ns) || ' ns on average through a delay of 20 ms' FROM bio
  JOIN device d USING (device_id) WHERE d.name = 'dm-1' HAVING avg(dur_ns) < 15000000;
SELECT 'no bio went through dm-delay' WHERE NOT EXISTS
  (SELECT 1 FROM bio JOIN device d USING (device_id) WHERE d.name = 'dm-1');
