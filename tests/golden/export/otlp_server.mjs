// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
// otlp_server.mjs FOLDER: a receiver of OTLP that somebody else wrote, @elastic/mockotlpserver in FOLDER/node_modules, at a free port. First line of stdout:
// its URL; then for each request a line of JSON: what it has decoded. Ends with its stdin.
import { createRequire } from "node:module";
import path from "node:path";

const { MockOtlpServer } = createRequire(path.join(process.argv[2], "package.json"))("@elastic/mockotlpserver");
const line = (kind) => (value) =>
  process.stdout.write(JSON.stringify({ [kind]: value }, (k, v) => (Buffer.isBuffer(v) || v?.type === "Buffer" ? Buffer.from(v.data ?? v).toString("hex") : v)) + "\n");
const server = new MockOtlpServer({
  logLevel: "fatal", services: ["http"], httpHostname: "127.0.0.1", httpPort: 0, onTrace: line("trace"), onMetrics: line("metrics"),
});
await server.start();
process.stdout.write(server.httpUrl.href + "\n");
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
