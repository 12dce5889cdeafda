#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""The page of --html: page.py KTRACE-REPORT KTRACE-ANALYZE [DATABASE]. With a database, its page.

It is well-formed, refers to nothing outside, each figure on it is that of the same report's --json, and names from a recording stay names."""
import base64
import contextlib
import hashlib
import html.parser
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import ktest  # noqa: E402
from ktest import TOP, check  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
VOID = {"meta", "rect"}  # of those that HTML closes itself, and SVG's
ALLOWED = {"html", "head", "meta", "title", "style", "script", "body", "a", "header", "p", "h1", "h2", "h3", "h4", "div", "nav", "ul", "li", "main",
           "section", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "svg", "rect", "b", "i", "span", "details", "summary", "code",
           "form", "fieldset", "legend", "label", "select", "option", "input", "button", "output", "noscript", "template", "caption"}
ATTRIBUTES = {"src", "srcset", "action", "formaction", "data", "poster", "ping", "background", "xlink:href", "style", "srcdoc"}
EVIL = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\" onclick=\"alert(1)", "a\u2028b", "<!--@json-->", "]]>&lt;'", "\x1b[31mred"]


class Page(html.parser.HTMLParser):
    """Tables with their rows, paragraphs, JSON by (report, id or flow), ids and links; whatever is not well-formed is a failure."""

    def __init__(self, text, what):
        super().__init__(convert_charrefs=True)
        self.what, self.stack, self.ids, self.links = what, [], [], []
        self.tables, self.open_tables, self.lines, self.json, self.raw, self.headings, self.stack_figures = [], [], [], {}, {}, [], []
        self.capture, self.elements, self.scripts, self.policy = None, [], 0, None
        self.feed(text)
        self.close()
        check(not self.stack, "%s: not closed: %r" % (what, self.stack))
        check(len(set(self.ids)) == len(self.ids), "%s: an id twice" % what)
        check(all(link[:1] == "#" and link[1:] in self.ids for link in self.links), "%s: links to nowhere: %r" % (
            what, [link for link in self.links if link[1:] not in self.ids][:3]))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.elements.append(tag)
        check(tag in ALLOWED, "%s: element %r" % (self.what, tag))
        bad = [k for k, _ in attrs if k in ATTRIBUTES or k.startswith("on")]
        check(not bad, "%s: <%s> has %r" % (self.what, tag, bad))
        check(len(a) == len(attrs), "%s: <%s> has an attribute twice" % (self.what, tag))
        if "id" in a:
            self.ids.append(a["id"])
        if "href" in a:
            self.links.append(a["href"])
        if a.get("http-equiv") == "Content-Security-Policy":
            self.policy = a["content"]
        self.scripts += tag == "script" and "type" not in a
        if tag == "meta":
            return
        self.stack.append((tag, a))
        if tag == "table":
            self.open_tables.append({"name": a.get("data-t"), "columns": [], "rows": []})
            self.tables.append(self.open_tables[-1])
        elif tag == "tr" and self.open_tables:
            self.open_tables[-1]["row"] = []
        elif tag in ("td", "th", "p", "h2", "h3", "b", "style", "script"):
            self.capture = [] if tag in ("p", "h2", "h3", "b", "style", "script") else self.capture
            if tag in ("td", "th") and self.open_tables:
                self.open_tables[-1]["cell"] = [a, ""]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if not check(self.stack and self.stack[-1][0] == tag, "%s: </%s> closes %r" % (self.what, tag, self.stack[-1:])):
            return
        _, a = self.stack.pop()
        text = "".join(self.capture or [])
        table = self.open_tables[-1] if self.open_tables else None
        if tag == "p":
            check(not re.search(r"[0-9] (%|(?:[num]?s|[KMG]iB)\b)", text), "%s: a line may end before a unit: %s" % (self.what, text))
            self.lines.append(text.replace("\u00a0", " "))
        elif tag in ("h2", "h3"):
            self.headings.append(text)
        elif tag == "b" and "data-v" in a:
            self.stack_figures.append((a["data-v"], text))
        elif tag == "script" and a.get("type") == "application/json":
            self.json[a["data-report"], a.get("data-id") or a.get("data-flow")] = json.loads(text)
        elif tag in ("script", "style"):
            self.raw[tag] = text
        elif tag in ("td", "th") and table and "cell" in table:
            cell, shown = table.pop("cell")
            if tag == "th":
                table["columns"].append(cell.get("data-c"))
            else:
                table["row"].append((cell.get("data-v"), shown))
        elif tag == "tr" and table and table.get("row"):
            row = table.pop("row")
            if a.get("class") != "more" and self.stack[-1][0] == "tbody":
                table["rows"].append(row)
        elif tag == "table":
            self.open_tables.pop()
        if tag in ("p", "h2", "h3", "style", "script"):
            self.capture = None

    def handle_data(self, data):
        if self.capture is not None:
            self.capture.append(data)
        if self.open_tables and "cell" in self.open_tables[-1]:
            self.open_tables[-1]["cell"][1] += data


def run(*args, cwd, code=0, **kw):
    p = ktest.run(TOOL, *args, check=False, cwd=cwd, env=ktest.plain_env(COLUMNS="1000"), timeout=600, **kw)
    check(p.returncode == code, "%r: exit %d, %s" % (args, p.returncode, p.stderr))
    return p


def safe(text):
    """As kt_safe_text()."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda m: "".join("\\x%02x" % b for b in m[0].encode()), text)


def same_value(value, shown):
    """A cell beside what JSON has."""
    raw, text = shown
    if value is None:
        return raw is None and text == "-"
    if isinstance(value, str):
        return raw is None and text == safe(value)
    return raw is not None and float(raw) == value


def is_row(row, columns, cells):
    """What JSON does not have is drawn: a cell without text."""
    return all(not cell[1] if c not in row else isinstance(row[c], list) or same_value(row[c], cell) for c, cell in zip(columns, cells))


def equals(table, rows):
    return len(rows) == len(table["rows"]) and all(is_row(r, table["columns"], cells) for r, cells in zip(rows, table["rows"]))


def check_page(text, what, cwd, *args):
    """Form, and each figure beside what `ktrace-report REPORT --json ARGS` says; args end with the database."""
    check(text.startswith("<!DOCTYPE html>\n") and text.endswith("</html>\n"), "%s: not whole" % what)
    check(len(text) < 5e6, "%s: %d bytes" % (what, len(text)))
    page = Page(text, what)
    outside = re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.S)
    for word in ("http:", "https:", "url(", "@import", "import(", "fetch(", "XMLHttpRequest", "WebSocket", "eval(", "innerHTML"):
        check(word not in outside, "%s: %r in it" % (what, word))
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[tag].encode()).digest()).decode()
        check("%s-src 'sha256-%s'" % (tag, digest) in page.policy, "%s: the policy forbids its own %s: %s" % (what, tag, page.policy))
    check(page.policy.startswith("default-src 'none'; ") and "unsafe" not in page.policy, "%s: policy %r" % (what, page.policy))

    said = set(page.lines)
    texts = {}
    for (report, extra), doc in page.json.items():
        more = [] if extra is None else [extra] if report == "show" else ["--flow", extra]
        kept = [] if report == "show" else list(args[:-1])
        want = json.loads(run(report, *more, *kept, "--json", args[-1], cwd=cwd).stdout)
        check(doc == want, "%s: JSON of %s %s differs" % (what, report, extra))
        for line in doc["text"] + ["Note: " + w for w in doc["warnings"]]:
            check(safe(line) in said, "%s: %s %s: not on the page: %r" % (what, report, extra, line))
        for name, rows in doc["tables"].items():
            check(not rows or any(t["name"] == name and equals(t, rows) for t in page.tables),
                  "%s: table %s of %s %s is not on the page" % (what, name, report, extra))
        texts[report, extra] = run(report, *more, *kept, args[-1], cwd=cwd).stdout
    # Nothing on the page is from elsewhere, and each number is written as in text.
    for t in page.tables:
        found = [key for key, doc in page.json.items() if equals(t, doc["tables"].get(t["name"], []))]
        if not check(found, "%s: a table %s that no report has" % (what, t["name"])):
            continue
        plain = re.sub(r"\s+", " ", "".join(texts[key] for key in found))
        odd = [c for row in t["rows"] for c in row if c[0] is not None and c[1] not in plain]
        check(not odd, "%s: table %s shows %r" % (what, t["name"], odd[:3]))
    return page


def page_of(cwd, *args):
    return run(*args[:-1], "--html", "-", args[-1], cwd=cwd).stdout


def test_storage(tmp):
    page = check_page(page_of(tmp, "s.db"), "storage", tmp, "s.db")
    reports = {r for r, _ in page.json}
    check(reports >= {"summary", "heatmap", "stages", "slow", "show", "hist", "tasks", "disks", "files", "sched", "irq", "cost", "loss", "audit", "probes"},
          "storage: reports %r" % sorted(reports))
    slow = [r["id"] for r in page.json["slow", None]["tables"]["slow"]]
    check(len(slow) == 20 and all(("show", i) in page.json and "flow-" + i in page.ids for i in slow), "storage: not all of the slowest are explained")
    shares = [(r["stage"], r["share"]) for r in page.json["summary", None]["tables"]["stages"]]
    check([float(v) for v, _ in page.stack_figures] == [s for _, s in shares], "storage: the bar of all stages: %r" % page.stack_figures)
    check(page.lines[1] == page.json["summary", None]["text"][0], "storage: begins with %r" % page.lines[:2])
    check(page_of(tmp, "s.db") == page_of(tmp, "s.db"), "storage: twice the same is not the same")


def test_parts(tmp):
    """Filters reach all reports that have them; one report alone; two databases."""
    text = page_of(tmp, "--op", "fsync", "--top", "3", "s.db")
    page = Page(text, "filtered")
    for report in ("summary", "stages", "slow", "heatmap", "tasks"):
        want = json.loads(run(report, "--op", "fsync", "--top", "3", "--json", "s.db", cwd=tmp).stdout)
        check(page.json[report, None] == want, "filtered: %s" % report)
    check("--op does not apply to this." in page.lines, "filtered: what is not filtered does not say so")
    check_page(page_of(tmp, "stages", "--by", "program", "s.db"), "stages", tmp, "--by", "program", "s.db")
    page = Page(page_of(tmp, "diff", "s.db", "s.db"), "diff")
    check(page.json["diff", None] == json.loads(run("diff", "s.db", "s.db", "--json", cwd=tmp).stdout), "diff: JSON")
    page = Page(page_of(tmp, "show", "i303", "s.db"), "show")
    check(page.json["show", None] == json.loads(run("show", "i303", "--json", "s.db", cwd=tmp).stdout), "show: JSON")


def test_future(tmp):
    """Flows that no code knows, those below others as well."""
    page = check_page(page_of(tmp, "f.db"), "future", tmp, "f.db")
    check(("stages", "leg") in page.json and ("show", "c4") in page.json and ("show", "l1") in page.json, "future: %r" % sorted(map(str, page.json)))


def test_hostile(tmp):
    for db, sql in (("s.db", ("UPDATE task SET comm = ?||tid", "UPDATE device SET name = ?||device_id", "UPDATE io SET path = ?",
                              "UPDATE run SET host = ?, command = ?1", "UPDATE flow_stage SET words = ?||stage")),
                    ("f.db", ("UPDATE task SET comm = ?||tid", "UPDATE flow_kind SET many = ?||flow, waits_for = ?1, object_word = ?1",
                              "UPDATE flow_stage SET words = ?||ord"))):
        plain = Page(page_of(tmp, db), db)
        for i, evil in enumerate(EVIL):
            path = os.path.join(tmp, "evil.db")
            with contextlib.closing(sqlite3.connect(os.path.join(tmp, db))) as a, contextlib.closing(sqlite3.connect(path)) as b:
                a.backup(b)
                columns = {r[1] for r in b.execute("PRAGMA table_info(io)")}
                for s in sql:
                    if "io SET" not in s or "path" in columns:
                        b.execute(s, (evil,))
                b.commit()
            if i == 0:
                page = check_page(page_of(tmp, "evil.db"), "%s with %r" % (db, evil), tmp, "evil.db")
            else:
                page = Page(page_of(tmp, "evil.db"), "%s with %r" % (db, evil))
            check(page.scripts == plain.scripts == 1 and "img" not in page.elements, "%s with %r: elements" % (db, evil))
            check(page.raw["script"] == plain.raw["script"], "%s with %r: another script" % (db, evil))
            os.unlink(path)


def test_files(tmp):
    out = os.path.join(tmp, "out")
    os.mkdir(out)
    page = page_of(tmp, "s.db")

    def refused(args, want, code=1, **kw):
        p = run(*args, cwd=tmp, code=code, **kw)
        check(not p.stdout and len(p.stderr.splitlines()) == 1 and want in p.stderr, "%r: %r" % (args, p.stderr))

    run("--html", "out/a.html", "s.db", cwd=tmp)
    check(ktest.read(os.path.join(out, "a.html")) == page, "a file is not what - gives")
    ktest.write(os.path.join(out, "a.html"), page[:1000])
    os.symlink("a.html", os.path.join(out, "link.html"))
    run("--html", "out/link.html", "s.db", cwd=tmp)
    check(ktest.read(os.path.join(out, "a.html")) == page and os.path.islink(os.path.join(out, "link.html")), "an older page is not replaced")
    ktest.write(os.path.join(out, "other.html"), "<!DOCTYPE html>\n<html lang=\"en\">somebody's</html>\n")
    refused(["--html", "out/other.html", "s.db"], "other.html: there is a file of that name, and it is no page; name another")
    refused(["cost", "--op", "read", "--html", "out/b.html", "s.db"], "report 'cost' does not support --op", 64)
    ktest.write(os.path.join(out, "empty.html"), "")
    run("--html", "out/empty.html", "s.db", cwd=tmp)
    run("--html", "/dev/null", "s.db", cwd=tmp)
    names = sorted(os.listdir(out))

    before = ktest.run("cksum", os.path.join(tmp, "s.db")).stdout
    refused(["--html", "s.db", "s.db"], "s.db: there is a file of that name, and it is no page; name another")
    check(ktest.run("cksum", os.path.join(tmp, "s.db")).stdout == before, "the database was written to")
    refused(["--html", "out", "s.db"], "cannot write out: Is a directory")
    refused(["--html", "none/a.html", "s.db"], "cannot write none/a.html: No such file or directory")
    refused(["--html", "/dev/full", "s.db"], "cannot write /dev/full: No space left on device")
    refused(["--html", "out/b.html", "none.db"], "none.db: No such file or directory")
    refused(["--html", "out/b.html", "--task", "nobody", "s.db"], "no task 'nobody'")
    refused(["--html", "out/b.html", "nosuch", "s.db"], "no report 'nosuch'", 64)

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

    refused(["--html", "out/a.html", "s.db"], "cannot write out/a.html: File too large", preexec_fn=small)
    check(ktest.read(os.path.join(out, "a.html")) == page, "what could not be replaced is damaged")
    check(sorted(os.listdir(out)) == names, "left behind: %r" % sorted(set(os.listdir(out)) - set(names)))
    with open("/dev/full", "w", encoding="utf-8") as full:
        p = subprocess.run([TOOL, "--html", "-", "s.db"], cwd=tmp, stdout=full, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
    check(p.returncode == 1 and p.stderr == "ktrace-report: cannot write the page: No space left on device\n", "- to a full disk: %r" % p.stderr)
    for more in (["--json"], ["--csv"], ["--table", "ops"]):
        p = run("--html", "-", *more, "s.db", cwd=tmp, code=64)
        check(not p.stdout and "--html cannot be combined" in p.stderr, "%r: %r" % (more, p.stderr))


def main():
    tmp = ktest.tmpdir()
    if sys.argv[3:]:
        check_page(page_of(tmp, sys.argv[3]), "given", tmp, sys.argv[3])
        return
    ktest.run(ANALYZE, os.path.join(TOP, "examples/recordings/storage.ktr"), "-o", os.path.join(tmp, "s.db"))
    with contextlib.closing(sqlite3.connect(os.path.join(tmp, "f.db"))) as db:
        db.executescript("PRAGMA synchronous = OFF; BEGIN; " + ktest.read(os.path.join(HERE, "future.sql")) + "COMMIT;")
    for test in (test_storage, test_parts, test_future, test_hostile, test_files):
        test(tmp)


ktest.main(main)
