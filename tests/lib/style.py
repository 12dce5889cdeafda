#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Style checks that no formatter does: style.py [ROOT]. Part of tests/style; tests/unit/style_checks.py shows that each check can fail.

Prints one line per problem, and ends with 1 if there are any."""
import io
import os
import re
import subprocess
import sys
import tokenize

PYTHON_COLUMNS, SQL_COLUMNS, SQL_LINES = 160, 120, 700

# Whose headers a folder of analyze/ and report/ may include, besides its own and those of format/.
LAYERS = {
    "analyze/base": r"",
    "analyze/db": r"analyze/base/",
    "analyze/stats": r"analyze/(base|db|engine)/",
    "analyze/engine": r"analyze/(base|db|stats)/|analyze/progress\.h$",
    "analyze": r"analyze/(base|db|stats|engine)/",
    # output/ shows rows, whatever was asked: of query/ it knows what a report is.
    "report/output": r"report/query/report\.h$",
    "report/query": r"report/output/|report/options\.h$",
    "report/page": r"report/(output|query)/|report/options\.h$",
    "report/export": r"report/(output|query)/",
    "report": r"report/(export|output|query|page)/",
}
# Any other folder of analyze/ is a family. Families meet through services only: a header NAME_service.h.
FAMILY = r"analyze/(base|db|stats|engine)/|analyze/(\w+)/\w+_service\.h$"
# What does so all the same. This list only becomes shorter.
NO_LAYER = set()

# What storage calls its stages, operations and kinds is storage's: nothing else names one, so that another family can have its own.
STAGES = "submit throttle alloc plug queue device complete endio wakeup return between cached blocked worker flush".split()
# Those that are no words of anything else: of format/ioops.def, of io.kind, and of flow_kind.flow.
OPS = """fsync fdatasync sync_file_range syncfs sendfile copy_file_range fallocate msync madvise fadvise readahead io_submit io_uring_enter
writeback swapin swapout io_uring aio bio request""".split()
# By its constant, as a column, or as a text; device and flush are texts of a table and an operation as well, queue of a class.
STAGE = re.compile(r"\bKT_IO_STAGE_(?:%s)\b|\b(?:%s)_ns\b|([\"'])(?:%s)\1" % (
    "|".join(STAGES).upper(), "|".join(STAGES), "|".join(s for s in STAGES if s not in ("device", "flush", "queue"))))
OP = re.compile(r"\bKT_IO_(?:OP|KIND)_\w+|([\"'])(?:%s)\1" % "|".join(OPS))
STORAGE = r"analyze/(block|io|page)/|report/sql/(block|io)/|examples/queries/|tests/"
# What is named, who may, and what it is.
NAMED = ((STAGE, re.compile(STORAGE + r"|bpf/(block|io|page)/|format/(iostages|events/(bio|io|page|request))\.def$"), "a stage"),
         (OP, re.compile(STORAGE + r"|bpf/|format/"), "an operation or a kind of flow"))


class Tree:
    """The files of a tree: those in git, or all of them outside a checkout."""

    def __init__(self, root):
        self.root = root
        p = subprocess.run(["git", "-C", root, "ls-files", "-z"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        names = p.stdout.split("\0") if p.stdout else (os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs)
        self.text = {}
        for name in sorted(n for n in names if n):
            path = os.path.join(root, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as f:
                    data = f.read()
                if b"\0" not in data:
                    self.text[name] = data.decode("utf-8", "replace")

    def ending(self, *ends):
        return [n for n in self.text if n.endswith(ends)]

    def scripts(self, interpreter):
        """Files whose first line names the interpreter; .py is Python without it."""
        first = re.compile(r"#!\S*(?:/env )?\S*\b%s\d*\b" % interpreter)
        return [n for n, t in self.text.items() if first.match(t) or interpreter == "python" and n.endswith(".py")]


def too_long(name, text, columns):
    for nr, line in enumerate(text.split("\n"), 1):
        if len(line) > columns:
            yield "%s:%d: %d columns, at most %d" % (name, nr, len(line), columns)


def python(tree):
    names = tree.scripts("python")
    for name in names:
        text = tree.text[name]
        yield from too_long(name, text, PYTHON_COLUMNS)
        try:
            compile(text, name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as e:
            yield "%s: %s" % (name, e)
            continue
        # A step of indentation is four spaces; lines that go on and texts are as they are, but without tabs.
        steps = [""]
        for t in tokenize.generate_tokens(io.StringIO(text).readline):
            if t.type == tokenize.INDENT:
                if t.string != steps[-1] + "    ":
                    yield "%s:%d: not indented by four spaces" % (name, t.start[0])
                steps.append(t.string)
            elif t.type == tokenize.DEDENT:
                steps.pop()
            elif t.type not in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER) and "\t" in t.line[:t.start[1]] \
                    and not t.line[:t.start[1]].strip():
                yield "%s:%d: a tab" % (name, t.start[0])
    # Debian's: the python3 of a version manager does not have it.
    if names:
        p = subprocess.run(["/usr/bin/python3", "-m", "pyflakes", *names], cwd=tree.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
        yield from p.stdout.splitlines()


def shell(tree):
    for interpreter in ("bash", "sh"):
        for name in tree.scripts(interpreter):
            p = subprocess.run([interpreter, "-n", name], cwd=tree.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if p.returncode or p.stdout:
                yield p.stdout.strip() or "%s: %s -n: exit %d" % (name, interpreter, p.returncode)


def sql(tree):
    for name in tree.ending(".sql"):
        if name.startswith(("report/sql/", "examples/")):
            yield from too_long(name, tree.text[name], SQL_COLUMNS)
            n = tree.text[name].count("\n")
            if n > SQL_LINES:
                yield "%s: %d lines, at most %d; does it do one thing?" % (name, n, SQL_LINES)


def includes(text):
    for nr, line in enumerate(text.split("\n"), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m:
            yield nr, m[1]


def layers(tree):
    used = set()
    for name in tree.ending(".c", ".h"):
        folder = os.path.dirname(name)
        if not name.startswith(("analyze/", "report/")):
            continue
        rule = LAYERS.get(folder, FAMILY if name.startswith("analyze/") else "")
        allowed = re.compile(r"%s/[^/]+$|format/|[^/]+$|%s" % (folder, rule or "$"))
        for nr, header in includes(tree.text[name]):
            if (name, header) in NO_LAYER:
                used.add((name, header))
            elif not allowed.match(header):
                yield "%s:%d: %s: a file of %s/ may not include it (LAYERS in tests/lib/style.py)" % (name, nr, header, folder)
    for pair in sorted(NO_LAYER - used):
        yield "%s: does not include %s any more: take it out of NO_LAYER in tests/lib/style.py" % pair


def circles(tree):
    """Headers that include each other, directly or not."""
    done, way = set(), []

    def follow(name):
        if name in way:
            yield "%s: includes itself: %s" % (name, " -> ".join(way[way.index(name):] + [name]))
        if name in done or name in way or name not in tree.text:
            return
        way.append(name)
        for _, header in includes(tree.text[name]):
            yield from follow(header)
        way.pop()
        done.add(name)

    for name in tree.ending(".h"):
        yield from follow(name)


def storage(tree):
    for name in tree.ending(".c", ".h", ".def", ".sql"):
        named = [(what, words) for what, may, words in NAMED if not may.match(name)]
        for nr, line in enumerate(tree.text[name].split("\n") if named else (), 1):
            for what, words in named:
                m = what.search(line)
                if m:
                    yield "%s:%d: names %s of storage: %s" % (name, nr, words, m[0])


CHECKS = (python, shell, sql, layers, circles, storage)


def main():
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    wrong = [line for check in CHECKS for line in check(tree)]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
