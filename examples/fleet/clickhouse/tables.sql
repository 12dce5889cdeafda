-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- ClickHouse, 18.16 or later. NULL: not known.
CREATE TABLE IF NOT EXISTS ktrace_run (
  host Nullable(String), run String, started Nullable(DateTime), dur_ns Nullable(Int64), kernel Nullable(String),
  events Nullable(Int64), lost Nullable(Int64), n_flows Nullable(Int64), n_whole Nullable(Int64)
) ENGINE = MergeTree ORDER BY run;
CREATE TABLE IF NOT EXISTS ktrace_flow (
  host Nullable(String), run String, started Nullable(DateTime), kernel Nullable(String), flow String,
  kind Nullable(String), op Nullable(String), via Nullable(String), object Nullable(String), model Nullable(String),
  is_apart UInt8, stage String, dur_ns Nullable(UInt64), n Nullable(UInt64), ns UInt64, max_ns Nullable(UInt64)
) ENGINE = MergeTree ORDER BY (flow, run, stage);
