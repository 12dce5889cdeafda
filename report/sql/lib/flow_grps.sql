-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- grp_of(cell_id, grp): by run, kind, object and operation; those of ktrace-record itself only with --recorder.
--: use flow

--: setup
CREATE TEMP TABLE grp_of(cell_id INTEGER PRIMARY KEY, grp INTEGER);
--: setup
INSERT INTO grp_of
SELECT c.cell_id, dense_rank() OVER (ORDER BY c.run_id, c.flow, c.object, c.object_id, c.op)
FROM cell_sum s CROSS JOIN cell c ON c.cell_id = s.cell_id WHERE c.says AND (:recorder OR NOT c.is_own);
