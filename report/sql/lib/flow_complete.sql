-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Of each kind of flow how many were recorded completely, and what became of the others. After part `flow`.
--: setup
CREATE TEMP TABLE flow_complete AS
SELECT k.ord, k.flow,
       CASE WHEN s.whole = s.n AND s.n = 1 THEN 'the one ' || k.one || ' was'
            WHEN s.whole = s.n THEN 'all ' || plural(s.n, k.one, k.many) || ' were'
            ELSE fmt_count(s.whole) || ' of ' || plural(s.n, k.one, k.many) || ' ('
                 || fmt_share(1.0 * s.whole / s.n) || CASE s.whole WHEN 1 THEN ') was' ELSE ') were' END END
       || ' recorded completely'
       || coalesce('; excluded: ' || (SELECT group_concat(fmt_count(n) || ' '
            || coalesce(replace(replace(state, '_', ' '), 'open at end', 'still open at the end'),
                        'of unknown state'), ', ')
            FROM (SELECT state, n FROM kind_state x WHERE x.flow = k.flow AND x.state IS NOT 'whole' AND n > 0
                  ORDER BY n DESC, state)), '') AS words
FROM (SELECT flow, sum(CASE state WHEN 'whole' THEN n ELSE 0 END) AS whole, sum(n) AS n FROM kind_state
      GROUP BY flow HAVING sum(n) > 0) s JOIN shown_kind k ON k.flow = s.flow;
