-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table had_name(utid): the tasks that had the name, or number, of --task before the one that they had last. Whoever
-- runs a program had the name of its creator until then: that does not count.

--: setup
CREATE TEMP TABLE had_name(utid INTEGER PRIMARY KEY);
--: if task_name
--: setup
INSERT OR IGNORE INTO had_name
SELECT utid FROM task_name WHERE (comm = :task OR CAST(tid AS TEXT) = :task) AND is_inherited = 0;
