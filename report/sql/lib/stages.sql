-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The stages of all flows: their order, and the words for them after a share ("77 % at the device").
--: setup
CREATE TEMP TABLE stage_name(stage TEXT PRIMARY KEY, ord INTEGER, words TEXT);
--: setup
INSERT INTO stage_name VALUES
  ('submit', 1, 'getting from the call to the block layer'),
  ('throttle', 2, 'throttled by a cgroup limit'),
  ('alloc', 3, 'waiting for a request'),
  ('plug', 4, 'held in the plug list'),
  ('flush', 5, 'waiting for another flush'),
  ('worker', 6, 'waiting for a kernel worker to issue the flush'),
  ('queue', 7, 'in the I/O scheduler''s queue'),
  ('device', 8, 'at the device'),
  ('complete', 9, 'in completion work after the interrupt'),
  ('endio', 10, 'ending the bio'),
  ('wakeup', 11, 'between wake-up and running'),
  ('return', 12, 'returning to the program'),
  ('between', 13, 'between bios'),
  ('cached', 14, 'in the page cache'),
  ('blocked', 15, 'asleep for reasons other than the disk'),
  ('total', 99, 'all');
