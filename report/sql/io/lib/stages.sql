-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table stage_name: the stages of storage's flows in the order in which they follow each other, the words for them
-- after a share ("77 % at the device"), and how a piece of a line looks: the class, and a letter where there are no
-- shades.
--: setup
CREATE TEMP TABLE stage_name(stage TEXT PRIMARY KEY, ord INTEGER, words TEXT, look TEXT);
--: refuse
SELECT 'made by an older ktrace-analyze; make it again with the one next to this program'
WHERE NOT EXISTS (SELECT 1 FROM main.sqlite_master WHERE name = 'flow_stage');
--: if flow_stage
--: setup
INSERT OR IGNORE INTO stage_name
SELECT s.stage,
       -- these two came later: their columns are the last, their place is between plug and queue
       CASE s.stage WHEN 'flush' THEN 10 * p.ord + 1 WHEN 'worker' THEN 10 * p.ord + 2 ELSE 10 * s.ord END, s.words,
       CASE s.stage WHEN 'worker' THEN 'behind'
         ELSE s.class || CASE s.stage WHEN 'submit' THEN '/s' WHEN 'throttle' THEN '/t' WHEN 'alloc' THEN '/a'
              WHEN 'plug' THEN '/p' WHEN 'flush' THEN '/f' WHEN 'complete' THEN '/c' WHEN 'endio' THEN '/e'
              WHEN 'return' THEN '/r' WHEN 'between' THEN '/b' WHEN 'cached' THEN '/m' WHEN 'blocked' THEN '/z'
              ELSE '' END END
FROM flow_stage s LEFT JOIN flow_stage p ON p.flow = s.flow AND p.stage = 'plug'
WHERE s.flow IN ('io', 'request', 'bio') ORDER BY s.flow = 'io' DESC;
--: setup
INSERT OR IGNORE INTO stage_name VALUES ('total', 999, 'all', NULL);
