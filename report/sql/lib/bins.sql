-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Table bin(from_ns, to_ns): steps of 1, 2, 5, 10 ... from 1 ns to 1000 s, and what is above.
--: setup
CREATE TEMP TABLE bin AS
WITH RECURSIVE d(x) AS (VALUES (1) UNION ALL SELECT x * 10 FROM d WHERE x < 100000000000),
s(from_ns) AS (VALUES (0) UNION ALL SELECT x * k FROM d, (SELECT 1 AS k UNION ALL VALUES (2), (5)) UNION ALL
  VALUES (1000000000000))
SELECT from_ns, coalesce(lead(from_ns) OVER (ORDER BY from_ns), 9223372036854775807) AS to_ns FROM s ORDER BY from_ns;
