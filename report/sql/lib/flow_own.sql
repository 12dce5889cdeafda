-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Says what of ktrace-record itself is left out.
--: use flow

--: text
SELECT 'Excluded: ' || plural(sum(s.n), k.one, k.many) || ' of ktrace-record itself (--recorder shows them).'
FROM cell_sum s JOIN cell c ON c.cell_id = s.cell_id JOIN shown_kind k ON k.flow = c.flow
WHERE :recorder IS NULL AND c.is_own GROUP BY k.flow ORDER BY k.ord, k.flow;
