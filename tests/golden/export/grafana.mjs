// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
// Grafana's own types and a YAML parser: grafana.mjs FOLDER types|yaml, FOLDER is that of `tests/npm where grafana`.
// types: a dashboard as JSON on stdin; what TypeScript says against npm's @grafana/schema, a line each. yaml: a file on stdin; the same as JSON.
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [folder, what] = process.argv.slice(2);
const need = createRequire(folder + "/");
const text = readFileSync(0, "utf8");

if (what === "yaml") {
  const doc = need("yaml").parseDocument(text, { uniqueKeys: true, strict: true });
  if (doc.errors.length) {
    console.error(doc.errors.map((e) => e.message.split("\n")[0]).join("\n"));
    process.exit(1);
  }
  console.log(JSON.stringify(doc.toJS()));
} else {
  const ts = need("typescript");
  const dir = mkdtempSync(join(tmpdir(), "ktrace-types."));
  try {
    symlinkSync(join(folder, "node_modules"), join(dir, "node_modules"));
    const file = join(dir, "dashboard.ts");
    writeFileSync(file, source(JSON.parse(text)));
    const program = ts.createProgram([file], {
      strict: true, noEmit: true, skipLibCheck: true, types: [], moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022, lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    });
    for (const d of ts.getPreEmitDiagnostics(program))
      console.log(ts.flattenDiagnosticMessageText(d.messageText, " ") + (d.file ? `: ${d.file.text.slice(d.start, d.start + d.length).slice(0, 80)}` : ""));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

// An override's properties (id: "custom.width") as the field config that they make.
function overridden(properties) {
  const config = {};
  for (const { id, value } of properties) {
    const [first, rest] = id.split(/\.(.*)/s);
    if (first === "custom") (config.custom ??= {})[rest] = value;
    else config[id] = value;
  }
  return config;
}

// TypeScript with each part of the dashboard as a constant of its type; what is open in one type (options of a panel) is of its own.
function source(dashboard) {
  const panels = dashboard.panels.flatMap((p) => (p.type === "row" ? p.panels : [p]));
  const types = { heatmap: "Heatmap", table: "Table", timeseries: "TimeSeries", barchart: "BarChart", bargauge: "BarGauge", stat: "Stat" };
  const out = ['import type * as schema from "@grafana/schema";'];
  for (const [type, name] of Object.entries(types))
    out.push(`import type * as ${type} from "@grafana/schema/dist/esm/raw/composable/${type}/panelcfg/x/${name}PanelCfg_types.gen";`);
  // In JSON an enum is its value.
  out.push(`type Json<T> = T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
type Known<T> = { [K in keyof T as string extends K ? never : K]: T[K] };
interface Link { title: string; url: string; targetBlank?: boolean }
interface Config<C> extends Omit<Json<Known<schema.FieldConfig>>, "custom" | "links"> { custom?: C; links?: Link[] }
interface Sqlite { refId: string; datasource: { type: "frser-sqlite-datasource"; uid: string }; queryType: "table" | "time series"; rawQueryText: string;
  queryText: string; timeColumns: string[] }
interface Prometheus { refId: string; datasource: { type: "prometheus"; uid: string }; expr: string; legendFormat?: string; range?: boolean;
  instant?: boolean; exemplar?: boolean }`);
  const add = (name, type, value) => out.push(`const ${name}: ${type} = ${JSON.stringify(value)};`);
  add("dashboard", "Json<schema.Dashboard>", dashboard);
  panels.forEach((p, i) => {
    if (!types[p.type]) {
      out.push(`const panel${i}: never = ${JSON.stringify("a panel of type " + p.type)};`);
      return;
    }
    add(`options${i}`, `Json<${p.type}.Options>`, p.options);
    add(`config${i}`, `Config<Json<${p.type}.FieldConfig>>`, p.fieldConfig.defaults);
    p.fieldConfig.overrides.forEach((o, j) => add(`override${i}_${j}`, `Config<Partial<Json<${p.type}.FieldConfig>>>`, overridden(o.properties)));
    p.targets.forEach((t, j) => add(`target${i}_${j}`, t.datasource.type === "prometheus" ? "Prometheus" : "Sqlite", t));
  });
  return out.join("\n") + "\n";
}
