-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Tables kept_task(utid) and kept_cgroup(ucgid): those that --task and --cgroup name; all without.
--: use had_name

--: setup
CREATE TEMP TABLE kept_task AS
SELECT utid FROM task WHERE :task IS NULL OR comm = :task OR CAST(tid AS TEXT) = :task OR utid IN had_name;

--: setup
CREATE TEMP TABLE kept_cgroup AS
SELECT ucgid FROM cgroup
WHERE :cgroup IS NULL OR path = :cgroup OR :cgroup = '/' OR substr(path, 1, length(:cgroup) + 1) = :cgroup || '/';
