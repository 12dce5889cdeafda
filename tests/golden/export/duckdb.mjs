// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
// What DuckDB's command line does with SQL on stdin, by its engine in npm's @duckdb/node-api: duckdb.mjs FOLDER, where FOLDER is that of
// `tests/npm where duckdb`. Prints the rows of the last statement as JSON; whole numbers are texts.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { DuckDBInstance } = createRequire(process.argv[2] + "/")("@duckdb/node-api");
const db = await (await DuckDBInstance.create(":memory:")).connect();
try {
  const rows = await db.runAndReadAll(readFileSync(0, "utf8"));
  console.log(JSON.stringify(rows.getRowObjectsJson()));
} catch (e) {
  console.error(e.message);
  process.exit(1);
}
