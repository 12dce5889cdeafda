-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- The stages of all flows: their order, and what they are called in sentences.
--: setup
CREATE TEMP TABLE stage_name(stage TEXT PRIMARY KEY, ord INTEGER, words TEXT);
--: setup
INSERT INTO stage_name VALUES
  ('submit', 1, 'getting from the call to the block layer'),
  ('throttle', 2, 'held back by a cgroup limit'),
  ('alloc', 3, 'waiting for a request'),
  ('plug', 4, 'held back before the queue'),
  ('queue', 5, 'waiting in the scheduler''s queue'),
  ('device', 6, 'the device'),
  ('complete', 7, 'completion work after the interrupt'),
  ('endio', 8, 'ending the I/O'),
  ('wakeup', 9, 'from being woken to running'),
  ('return', 10, 'returning to the program'),
  ('between', 11, 'between two bios'),
  ('cached', 12, 'the page cache'),
  ('blocked', 13, 'asleep for something else than the disk'),
  ('total', 99, 'all');
