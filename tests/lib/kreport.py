# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""ktrace-report as a user runs it, on databases of one folder: what it prints, and its tables as JSON, which its schema and CSV agree with."""
import csv
import json
import os

import jsonschema

import ktest
from ktest import check

SCHEMA = jsonschema.Draft7Validator(json.loads(ktest.read(os.path.join(ktest.TOP, "report/ktrace-report.schema.json"))))


class Reports:
    def __init__(self, tool, db, cwd):
        self.tool, self.db, self.cwd = os.path.abspath(tool), db, cwd

    def run(self, *args, db=None, width="100"):
        """Exit status, output, errors."""
        p = ktest.run(self.tool, *args, db or self.db, check=False, text=False, cwd=self.cwd, env=ktest.plain_env(COLUMNS=width), timeout=60)
        return p.returncode, p.stdout.decode("utf-8", "surrogateescape"), p.stderr.decode("utf-8", "replace")

    def tables(self, *args):
        """{table: [row]} of a report; the name of the report comes first."""
        code, out, err = self.run(*args, "--json")
        check(code == 0 and not err, "%r: exit %d, %s" % (args, code, err))
        doc = json.loads(out)
        check(doc["report"] == args[0], "%r: report %r" % (args, doc["report"]))
        mistakes = ["%s: %s" % ("/".join(map(str, e.path)), e.message) for e in SCHEMA.iter_errors(doc)]
        check(not mistakes, "%r against the schema: %r" % (args, mistakes[:3]))
        for table, rows in doc["tables"].items():
            code, out, err = self.run(*args, "--csv", "--table", table)
            lines = list(csv.reader(out.splitlines()))
            check(code == 0 and len(lines) == len(rows) + 1 and (not rows or lines[0] == list(rows[0])), "%r: CSV of %s: %s" % (args, table, err))
        return doc["tables"]

    def same_texts(self, texts, folder, update):
        """texts: {name: arguments}. Each is what folder/name.txt says at 100 columns, and fits into 80 and 200."""
        for name, args in texts.items():
            code, out, err = self.run(*args)
            if not check(code == 0 and not err, "%s: exit %d, %s" % (name, code, err)):
                continue
            ktest.same_text(os.path.join(folder, name + ".txt"), out, update)
            for width in ("80", "200"):
                out = self.run(*args, width=width)[1]
                check(max(map(len, out.splitlines())) <= int(width), "%s: wider than %s" % (name, width))

    def same_flows(self, args, durations):
        """Every report, given these arguments, is about these flows: {id: ns}."""
        total = sum(durations.values())
        rows = self.tables("slow", *args)["slow"]
        check({r["id"]: r["dur_ns"] for r in rows} == durations, "slow %r: %r" % (args, rows))
        for report, table in (("stages", "groups"), ("tasks", "tasks"), ("cgroups", "cgroups")):
            rows = self.tables(report, *args)[table]
            check(sum(r["n"] for r in rows) == len(durations) and sum(r["total_ns"] for r in rows) == total, "%s %r: %r" % (report, args, rows))
        check(sum(r["n"] for r in self.tables("hist", *args)["hist"]) == len(durations), "hist %r" % (args,))
        rows = self.tables("heatmap", *args)["heatmap"]
        check(sum(sum(r["heat"]) for r in rows) == len(durations) == sum(r["n"] for r in rows), "heatmap %r: %r" % (args, rows))
        check(sum(r["n"] for r in self.tables("summary", *args)["ops"]) == len(durations), "summary %r" % (args,))
