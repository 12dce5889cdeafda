-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- DuckDB, in the folder that load-parquet wrote. NULL: not known.
CREATE VIEW ktrace_run AS SELECT * FROM read_parquet('run/*/*.parquet', hive_partitioning = false);
CREATE VIEW ktrace_flow AS SELECT * FROM read_parquet('flow/*/*.parquet', hive_partitioning = false);
