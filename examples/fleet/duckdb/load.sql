-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- run.json and flow.json as Parquet, a folder for each recording: for load-parquet.
COPY (
  SELECT * REPLACE (to_timestamp(started) AT TIME ZONE 'UTC' AS started)
  FROM read_json('run.json', format = 'newline_delimited', columns = {
    host: 'VARCHAR', run: 'VARCHAR', started: 'BIGINT', dur_ns: 'BIGINT', kernel: 'VARCHAR', events: 'BIGINT',
    lost: 'BIGINT', n_flows: 'BIGINT', n_whole: 'BIGINT'})
) TO 'run' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (run), WRITE_PARTITION_COLUMNS true);
COPY (
  SELECT * REPLACE (to_timestamp(started) AT TIME ZONE 'UTC' AS started, is_apart <> 0 AS is_apart)
  FROM read_json('flow.json', format = 'newline_delimited', columns = {
    host: 'VARCHAR', run: 'VARCHAR', started: 'BIGINT', kernel: 'VARCHAR', flow: 'VARCHAR', kind: 'VARCHAR',
    op: 'VARCHAR', via: 'VARCHAR', object: 'VARCHAR', model: 'VARCHAR', is_apart: 'BIGINT', stage: 'VARCHAR',
    dur_ns: 'BIGINT', n: 'BIGINT', ns: 'BIGINT', max_ns: 'BIGINT'})
  ORDER BY flow, stage, dur_ns
) TO 'flow' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (run), WRITE_PARTITION_COLUMNS true);
