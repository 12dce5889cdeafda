-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Probes
--: about which kernel hooks were attached, which are missing and why, how often each ran
--: needs probe

--: warn
SELECT fmt_count(count(*)) || ' of ' || (SELECT fmt_count(count(*)) FROM probe)
       || ' hooks were not attached: what they would have told is NULL in the results.'
FROM probe WHERE state <> 'attached'
HAVING count(*) > 0;

--: table probes
--: column run id optional
--: column family text group
--: column hook text
--: column variant text optional
--: column state text
--: column runs count
--: column reason text optional
--: empty The recording says nothing about its hooks.
SELECT CASE WHEN (SELECT count(*) FROM run) > 1 THEN run_id END AS run,
       family, hook, variant, state, runs, reason
FROM probe
ORDER BY run, state = 'attached', family, hook;
