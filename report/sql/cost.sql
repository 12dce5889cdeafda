-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
--: title Cost
--: about what the recording itself cost: CPU, memory, bytes
--: needs cost run

--: table runs The recording
--: column run id group optional
--: column dur_ns duration "measured for"
--: column events count
--: column bpf_share percent "BPF"
--: column user_share percent "user space"
--: column bpf_ns_event number wide "BPF ns/event"
--: column user_ns_event number wide "user ns/event"
--: column rss_bytes bytes "memory"
--: column file_bytes bytes "file"
--: column bytes_event number "bytes/event"
--: empty The recording holds no cost measurements.
SELECT shown_run(r.run_id) AS run,
       sum(c.dur_ns) AS dur_ns, sum(c.events) AS events,
       1.0 * sum(c.bpf_ns) / nullif(sum(CASE WHEN c.bpf_ns IS NOT NULL THEN c.dur_ns END), 0) AS bpf_share,
       1.0 * sum(c.user_ns) / nullif(sum(c.dur_ns), 0) AS user_share,
       1.0 * sum(c.bpf_ns) / nullif(sum(c.events), 0) AS bpf_ns_event,
       1.0 * sum(c.user_ns) / nullif(sum(c.events), 0) AS user_ns_event,
       max(c.rss_bytes) AS rss_bytes, r.file_bytes, 1.0 * r.file_bytes / nullif(r.events, 0) AS bytes_event
FROM run r JOIN cost c USING (run_id) GROUP BY r.run_id ORDER BY r.run_id;

--: table intervals Over time
--: column run id group optional
--: column start_ns time
--: column dur_ns duration "for"
--: column level text "detail shed"
--: column events count
--: column bytes bytes
--: column bpf_share percent "BPF"
--: column user_share percent "user space"
--: column rss_bytes bytes "memory"
WITH piece AS (
  -- at most --top pieces of equal length, so that an hour fits the screen as well
  SELECT c.*, CAST((c.start_ns - r.start_ns) / max(1.0, 1.0 * r.dur_ns / coalesce(:top, 20)) AS INTEGER) AS slot
  FROM cost c JOIN run r USING (run_id)
  WHERE (:since_ns IS NULL OR c.start_ns >= :since_ns) AND (:until_ns IS NULL OR c.start_ns < :until_ns))
SELECT shown_run(run_id) AS run,
       min(start_ns) AS start_ns, sum(dur_ns) AS dur_ns, max(level) AS level, sum(events) AS events,
       sum(bytes) AS bytes,
       1.0 * sum(bpf_ns) / nullif(sum(dur_ns), 0) AS bpf_share,
       1.0 * sum(user_ns) / nullif(sum(dur_ns), 0) AS user_share,
       max(rss_bytes) AS rss_bytes
FROM piece GROUP BY run_id, slot ORDER BY run_id, slot;

--: text
SELECT 'Shares are of one CPU. BPF time is estimated from sampled windows.' WHERE EXISTS (SELECT 1 FROM cost);
