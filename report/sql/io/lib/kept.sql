-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- Fills the tables kept_bio and kept_request of part filter. Of millions of rows that takes seconds: a report that
-- shows operations alone leaves it out (`use kept unless io_main`, before the parts that need it).
--: use filter

--: setup
INSERT INTO kept_bio
SELECT b.bio_id
FROM id_range g CROSS JOIN bio b ON b.bio_id BETWEEN g.min_id AND g.max_id
WHERE g.flow = 'bio'
  AND (:disk IS NULL OR b.device_id IN kept_device)
  AND (:op IS NULL OR b.op = :op)
  AND (:since_ns IS NULL OR b.start_ns + ifnull(b.dur_ns, 0) >= :since_ns)
  AND (:until_ns IS NULL OR b.start_ns + ifnull(b.dur_ns, 0) < :until_ns)
  AND (:over_ns IS NULL OR b.dur_ns >= :over_ns)
  AND (:task IS NULL OR b.utid IN kept_task)
  AND (:cgroup IS NULL OR b.ucgid IN kept_cgroup);

--: setup
INSERT INTO kept_request
SELECT r.request_id
FROM filter f CROSS JOIN id_range g CROSS JOIN request r ON r.request_id BETWEEN g.min_id AND g.max_id
WHERE f.by_row AND g.flow = 'request'
  AND (:disk IS NULL
       OR r.device_id IN (SELECT device_id FROM device WHERE :disk IN (name, dev))
       OR r.part_device_id IN (SELECT device_id FROM device WHERE :disk IN (name, dev)))
  AND (:op IS NULL OR r.op = :op)
  AND (:since_ns IS NULL OR r.start_ns + ifnull(r.dur_ns, 0) >= :since_ns)
  AND (:until_ns IS NULL OR r.start_ns + ifnull(r.dur_ns, 0) < :until_ns)
  AND (:over_ns IS NULL OR r.dur_ns >= :over_ns)
  AND (coalesce(:task, :cgroup) IS NULL OR r.request_id IN (
       SELECT br.request_id FROM bio_request br JOIN bio b USING (bio_id)
       WHERE (:task IS NULL OR b.utid IN kept_task) AND (:cgroup IS NULL OR b.ucgid IN kept_cgroup)));

-- As in part filter.
--: setup
ANALYZE temp;
