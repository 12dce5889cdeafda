-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table who_is: each task with its program and process. A program is what a user knows by name: all tasks whose process
-- has a first thread of that name. is_command: it descends from the command that ktrace-record started.

--: setup
CREATE TEMP TABLE who_is(utid INTEGER PRIMARY KEY, run_id, tid, tgid, comm, program, is_command, is_recorder);
-- A database of an older ktrace-analyze lacks the columns: then a name without a table is that of the join's second
-- side.
--: setup
INSERT INTO who_is
SELECT t.utid, t.run_id, t.tid, t.tgid, t.comm,
       coalesce((SELECT program FROM task x WHERE x.utid = t.utid),
                (SELECT l.comm FROM task l WHERE l.run_id = t.run_id AND l.tid = t.tgid AND l.tgid = t.tgid
                  ORDER BY l.utid DESC LIMIT 1), t.comm),
       (SELECT is_command FROM task x WHERE x.utid = t.utid), t.is_recorder
FROM task t CROSS JOIN (SELECT NULL AS program, NULL AS is_command);
-- The command may be of a name that others have as well: python3, sh, postgres. Those are not what it did.
--: setup
UPDATE who_is SET program = program || ' (others)'
WHERE is_command IS NOT 1 AND (run_id, program) IN (SELECT run_id, program FROM who_is WHERE is_command);
