#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""The page of --html in headless Chromium: page_browser.py KTRACE-REPORT KTRACE-ANALYZE.

It says nothing on the console, asks nobody for anything, filters and zooms, reads without its script, and the keyboard reaches all of it."""
import contextlib
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
import browser  # noqa: E402
import ktest  # noqa: E402
from ktest import TOP, check  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL, ANALYZE = (os.path.abspath(a) for a in sys.argv[1:3])
EVIL = "a' $(x) </script><img src=x onerror=alert(1)>"

# Of each table outside the waterfalls: its columns, and of each row whether it is seen and what it says.
TABLES = """[...document.querySelectorAll("main > section table[data-t]")].filter(t => !t.closest(".flow")).map(t => ({
    name: t.dataset.t, columns: [...t.tHead.rows[0].cells].map(c => c.dataset.c), grey: t.classList.contains("all"),
    rows: [...t.tBodies[0].rows].filter(r => !r.classList.contains("more")).map(r => ({
        seen: r.offsetParent !== null, texts: [...r.cells].map(c => c.textContent), start: [...r.cells].map(c => c.dataset.v)}))}))"""
CHOOSE = """(() => { const s = [...document.querySelectorAll(".filters label")].find(l => l.textContent.startsWith("%s ")).querySelector("select");
    s.value = %r; s.dispatchEvent(new Event("change")); return s.value; })()"""


def quiet(b, path, what):
    check(not b.messages(), "%s: console: %r" % (what, b.messages()[:2]))
    check(b.requests() == ["file://" + path], "%s: asked for %r" % (what, b.requests()))


def test_filters(b, path):
    b.open(path)
    check(all(r["seen"] for t in b.js(TABLES) for r in t["rows"]), "rows are hidden without a filter")
    check(b.js(CHOOSE % ("op", "fsync")) == "fsync", "no filter by op")
    tables = b.js(TABLES)
    n = 0
    for t in tables:
        has = "op" in t["columns"]
        check(t["grey"] == (not has), "fsync: table %s: %s" % (t["name"], t["grey"]))
        for r in t["rows"]:
            want = not has or r["texts"][t["columns"].index("op")].split(", ")[0] == "fsync"
            n += not want
            check(r["seen"] == want, "fsync: table %s: %r" % (t["name"], r["texts"]))
    check(n > 20, "fsync: only %d rows are hidden" % n)
    said = b.js("document.querySelector('.filters output').textContent")
    check("ktrace-report --op 'fsync' --html part.html run.db" in said, "fsync: %r" % said)
    b.js("(() => { const i = document.querySelectorAll('.filters input'); i[0].value = 3; i[1].value = 3.5; i[1].dispatchEvent(new Event('change')); })()")
    slow = [t for t in b.js(TABLES) if t["name"] == "slow" and "size_bytes" in t["columns"]][0]
    at, dur, op = (slow["columns"].index(c) for c in ("start_ns", "dur_ns", "op"))
    for r in slow["rows"]:
        start = int(r["start"][at]) / 1e9
        want = start < 3.5 and start + int(r["start"][dur]) / 1e9 >= 3 and r["texts"][op] == "fsync"
        check(r["seen"] == want, "3 s to 3.5 s: %r" % r["texts"])
    boxes = set(b.js("[...document.querySelectorAll('svg.heat')].map(s => s.getAttribute('viewBox'))"))
    check(boxes == {"70 0 13 10"}, "3 s to 3.5 s: heats show %r" % boxes)
    b.js("document.querySelector('.filters button').click()")
    check(all(r["seen"] and not t["grey"] for t in b.js(TABLES) for r in t["rows"]), "rows are hidden after all filters are off")
    check(b.js("document.querySelector('.filters output').textContent") == "", "without filters: a command is said")
    quiet(b, path, "filters")


def test_cgroups(b, tmp):
    """A cgroup is also what lies below it; of the slowest, it is only in the JSON."""
    db = os.path.join(tmp, "cgroups.db")
    shutil.copy(os.path.join(tmp, "s.db"), db)
    with contextlib.closing(sqlite3.connect(db)) as con:
        for ucgid, path in ((101, "/shop"), (102, "/shop/it's"), (103, "/shopping")):
            con.execute("INSERT INTO cgroup(ucgid, run_id, hierarchy, cgroup_id, path) SELECT ?, run_id, hierarchy, ?, ? FROM cgroup LIMIT 1", (
                ucgid, 9000 + ucgid, path))
        for n, (task,) in enumerate(con.execute("SELECT utid FROM io JOIN task USING (utid) GROUP BY utid ORDER BY count(*) DESC LIMIT 9").fetchall()):
            for table in ("io", "task", "flow_key"):
                con.execute("UPDATE %s SET ucgid = ? WHERE utid = ?" % table, (101 + n % 3, task))
        con.commit()
    path = os.path.join(tmp, "cgroups.html")
    ktest.run(TOOL, "--html", path, "--since", "1s", "--object", "vda", "--op", "write", db)
    b.open(path)
    for chosen, wanted in (("/shop", ("/shop", "/shop/it's")), ("/shop/it's", ("/shop/it's",))):
        check(b.js(CHOOSE % ("cgroup", chosen)) == chosen, "no filter by cgroup %s" % chosen)
        n = 0
        for t in b.js(TABLES):
            for r in t["rows"]:
                if "cgroup" in t["columns"]:
                    cgroup = r["texts"][t["columns"].index("cgroup")]
                    n += 1
                    check(r["seen"] == (cgroup in wanted), "%s: table %s: %r" % (chosen, t["name"], r["texts"]))
        check(n > 5, "%s: %d rows" % (chosen, n))
        listed = b.js("JSON.parse(document.querySelector('script[data-report=slow]').textContent).tables.slow.map(r => r.cgroup)")
        seen = [r["seen"] for t in b.js(TABLES) if t["name"] == "slow" and "size_bytes" in t["columns"] and "start_ns" in t["columns"] for r in t["rows"]]
        check(seen[:len(listed)] == [c in wanted for c in listed] and True in seen, "%s: the slowest: %r %r" % (chosen, listed, seen))
    said = b.js("document.querySelector('.filters output').textContent")
    want = "ktrace-report --since '1s' --object 'vda' --op 'write' --cgroup '/shop/it'\\''s' --html part.html run.db"
    check(want in said, "the page's own filters: %r" % said)
    quiet(b, path, "cgroups")


def test_drag(b, path):
    b.open(path)
    box = b.js("(() => { const s = document.querySelector('svg.heat'); s.scrollIntoView({block: 'center', behavior: 'instant'});"
               " const r = s.getBoundingClientRect(); return [r.left, r.top, r.width]; })()")
    for kind, x in (("mouseMoved", .505), ("mousePressed", .505), ("mouseMoved", .7), ("mouseReleased", .745)):
        b.call("Input.dispatchMouseEvent", type=kind, x=box[0] + box[2] * x, y=box[1] + 4, button="left", clickCount=1)
        if kind == "mouseMoved" and x < .6:
            said = b.js("document.querySelector('.cell').textContent")
            slot = b.js("JSON.parse(document.querySelector('script[data-report=heatmap]').textContent).tables.heatmap[0]")
            check(said.endswith(" s: %d" % slot["heat"][int(.505 * len(slot["heat"]))]), "the cell pointed at: %r" % said)
    values = [float(v) for v in b.js("[...document.querySelectorAll('.filters input')].map(i => i.value)")]
    check(2.1 < values[0] < 2.2 and 3.1 < values[1] < 3.25, "dragged: %r" % values)
    quiet(b, path, "drag")


def test_keyboard(b, path):
    """Every stop is seen to have the focus; Enter opens a waterfall."""
    b.open(path)
    wanted = b.js("[...document.querySelectorAll('a, select, input, button, summary, .scroll')].filter(e => e.checkVisibility()).length")
    seen, opened = 0, False
    for _ in range(wanted + 5):
        b.key("Tab")
        at = b.js("(() => { const e = document.activeElement; if (e === document.body || e.dataset.met) return null; e.dataset.met = 1;"
                  " const s = getComputedStyle(e); return [e.tagName, s.outlineStyle !== 'none' || e.className === 'skip']; })()")
        if at is None:
            break
        seen += 1
        check(at[1], "focus cannot be seen on %s" % at[0])
        if at[0] == "SUMMARY" and not opened:
            b.key("Enter")
            opened = b.js("document.activeElement.parentElement.open && document.activeElement.parentElement.querySelector('.flow').offsetHeight > 100")
            check(opened, "Enter does not open a waterfall")
            b.key("Enter")
    check(opened and seen == wanted, "the keyboard reaches %d of %d" % (seen, wanted))


def test_plain(b, path):
    """Without its script, on a phone, printed."""
    b.open(path, script=False)
    check(b.js("document.querySelector('.filters')") is None, "without script: there are filters that do nothing")
    check(b.js("document.querySelectorAll('svg.heat rect').length") > 20 and b.js("document.querySelectorAll('#slow details .span').length") > 20,
          "without script: nothing is drawn")
    quiet(b, path, "without script")
    for width in (320, 390, 768):
        b.open(path, width=width)
        check(b.js("document.documentElement.scrollWidth") <= width, "at %d the page is %s wide" % (width, b.js("document.documentElement.scrollWidth")))
    b.open(path, dark=True)
    check(b.js("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)", "dark is light")
    b.open(path, dark=True, media="print")
    check(b.js("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "paper is dark")
    check(b.js("getComputedStyle(document.querySelector('.filters')).display") == "none", "filters are printed")


def test_axe(b, name, path):
    """No fault of level A or AA, light, dark and on a phone, with all waterfalls open; nothing that axe-core leaves undecided."""
    folder = ktest.run(os.path.join(TOP, "tests/npm"), "where", "axe", check=False).stdout.strip()
    script = os.path.join(folder, "axe.min.js")
    if not os.path.exists(script):
        print("axe-core is not there: tests/setup all gets it where npm is; nothing has looked for faults of accessibility")
        return
    # Colours where the widest table has room: axe-core leaves undecided what is scrolled out, or covered by what sticks.
    for look in ({"width": 390}, {"width": 2600}, {"width": 2600, "dark": True}):
        colours = look["width"] > 2000
        b.open(path, **look)
        b.js(ktest.read(script) + "; document.querySelectorAll('details').forEach(d => { d.open = true; d.style.position = 'static'; });"
             " document.body.style.maxWidth = 'none'; true")
        found = b.js("""axe.run({runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
            rules: {"color-contrast": {enabled: %s}}}).then(r => {
                const said = what => what.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + ": " + n.html.slice(0, 150) + " " + n.failureSummary));
                return {rules: r.passes.length, seen: r.passes.filter(v => v.id === "color-contrast").flatMap(v => v.nodes).length,
                    bad: said(r.violations), open: said(r.incomplete)}; })""" % str(colours).lower())
        check(found["rules"] > 10 and (found["seen"] > 20) == colours, "%s %r: axe-core looked at %d, colours %d" % (
            name, look, found["rules"], found["seen"]))
        for kind in ("bad", "open"):
            check(not found[kind], "%s %r: %s: %d: %s" % (name, look, kind, len(found[kind]), "\n".join(found[kind][:4])))


def test_hostile(b, tmp):
    with contextlib.closing(sqlite3.connect(os.path.join(tmp, "s.db"))) as db:
        db.execute("UPDATE task SET comm = ? WHERE comm = 'orders'", (EVIL,))
        db.execute("UPDATE device SET name = ? || device_id", (EVIL,))
        db.commit()
    path = os.path.join(tmp, "evil.html")
    ktest.run(TOOL, "--html", path, "s.db", cwd=tmp)
    b.open(path)
    check(b.js(CHOOSE % ("task", EVIL)) == EVIL, "hostile: no such task")
    said = b.js("document.querySelector('.filters output').textContent")
    check("--task '%s' --html" % EVIL.replace("'", "'\\''") in said, "hostile: not one word to a shell: %r" % said)
    check(b.js("document.querySelectorAll('img').length") == 0, "hostile: an element came from a name")
    quiet(b, path, "hostile")


def main():
    if not browser.program():
        ktest.skip("chromium is not installed")
    tmp = ktest.tmpdir()
    ktest.run(ANALYZE, os.path.join(TOP, "examples/recordings/storage.ktr"), "-o", os.path.join(tmp, "s.db"))
    with contextlib.closing(sqlite3.connect(os.path.join(tmp, "f.db"))) as db:
        db.executescript("PRAGMA synchronous = OFF; BEGIN; " + ktest.read(os.path.join(HERE, "future.sql")) + "COMMIT;")
    paths = {}
    for name, args in (("s", ["s.db"]), ("f", ["f.db"]), ("diff", ["diff", "s.db", "s.db"]), ("show", ["show", "i12", "s.db"])):
        paths[name] = os.path.join(tmp, name + ".html")
        ktest.run(TOOL, "--html", paths[name], *args, cwd=tmp)
    with browser.Browser() as b:
        for name, path in paths.items():
            b.open(path)
            quiet(b, path, name)
            test_axe(b, name, path)
        test_filters(b, paths["s"])
        test_cgroups(b, tmp)
        test_drag(b, paths["s"])
        test_keyboard(b, paths["s"])
        test_plain(b, paths["s"])
        test_hostile(b, tmp)


ktest.main(main)
