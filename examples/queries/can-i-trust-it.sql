-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Can I trust it
--: about what the recording does not show: losses, flows left out, counters that disagree
--
-- Question: how far can the numbers be trusted? Statistics cover whole flows only. Look here before quoting them.
--: empty Nothing was lost, nothing left out, no counter disagrees.
SELECT 'lost events' AS what, cause AS detail, sum(n) AS n FROM lost_interval WHERE cause <> 'blind' GROUP BY cause
UNION ALL
SELECT 'intervals in which a CPU was not seen', cause, count(*) FROM lost_interval WHERE cause = 'blind'
HAVING count(*) > 0
UNION ALL
SELECT 'flows left out', flow || ' ' || state, sum(n) FROM load WHERE state <> 'whole' GROUP BY flow, state
UNION ALL
SELECT 'hooks not attached', hook || coalesce(': ' || reason, ''), NULL FROM probe WHERE state IN ('missing', 'refused')
UNION ALL
SELECT 'counters that disagree', counter, difference FROM audit WHERE verdict = 'off';
