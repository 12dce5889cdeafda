-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Probes
--: about which kernel hooks were attached, which are missing and why, how often each ran
--: needs probe

--: warn
SELECT fmt_count(count(*)) || ' of ' || (SELECT plural(count(*), 'hook') FROM probe)
       || CASE count(*) WHEN 1 THEN ' was' ELSE ' were' END
       || ' not attached; columns that depend on ' || CASE count(*) WHEN 1 THEN 'it' ELSE 'them' END || ' are NULL.'
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
--: empty The recording has no information about its hooks.
SELECT shown_run(run_id) AS run,
       family, hook, variant, state, runs, reason
FROM probe
ORDER BY run, state = 'attached', family, hook;
