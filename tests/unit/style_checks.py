#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Each check of tests/lib/style.py finds what it is meant to find, and nothing in correct files."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import ktest  # noqa: E402
import style  # noqa: E402

GOOD = {
    "tests/a.py": 'import os\n\nTEXT = """a\n\tb\n"""\n\n\ndef f(x):\n    if x:\n'
                  '        return os.path.join(x,\n                            TEXT)\n    return None\n',
    "tests/run": "#!/bin/bash\necho $((1 + 1))\n",
    "tests/setup": "#!/bin/sh\necho\n",
    "report/sql/a.sql": "SELECT 1\n" * 700,
    "analyze/engine/tracker.h": '#include "analyze/db/db.h"\n#include "format/event.h"\n',
    "analyze/db/db.h": "#include <stdint.h>\n",
    "analyze/io/io.c": '#include "analyze/io/io_internal.h"\n#include "analyze/engine/tracker.h"\n#include "analyze/block/bio_service.h"\n',
    "analyze/main.c": '#include "analyze/engine/tracker.h"\n#include "kt_families.h"\n',
    "report/output/text.c": '#include "report/query/report.h"\n',
    "report/main.c": '#include "report/query/run.h"\n#include "report/output/output.h"\n',
}
# check: [(file, its text, what is said of it)]
BAD = {
    style.python: [
        ("tests/b.py", "def f():\n\treturn 1\n", "b.py:2: not indented by four spaces"),
        ("tests/b.py", "def f():\n  return 1\n", "b.py:2: not indented by four spaces"),
        ("tests/b.py", "f(1,\n\t2)\n", "b.py:2: a tab"),
        ("tests/b.py", "X = '%s'\n" % ("x" * 160), "b.py:1: 166 columns"),
        ("tests/b.py", "def f(:\n", "b.py: "),
        ("tests/b.py", "import os\n", "b.py:1:1: 'os' imported but unused"),
        ("tests/b", "#!/usr/bin/env python3\nprint(x)\n", "b:2:7: undefined name 'x'"),
    ],
    style.shell: [
        ("tests/b", "#!/bin/sh\nif true; then\n", "b: "),
        ("tests/b", "#!/bin/bash\na=(1\n", "b: "),
        ("tests/b", "#!/bin/sh\na=(1 2)\n", "b: "),
    ],
    style.sql: [
        ("report/sql/b.sql", "SELECT %s;\n" % ("x" * 120), "b.sql:1: 128 columns"),
        ("examples/queries/b.sql", "SELECT %s;\n" % ("x" * 120), "b.sql:1: 128 columns"),
        ("report/sql/lib/b.sql", "SELECT 1\n" * 701, "b.sql: 701 lines"),
    ],
    style.layers: [
        ("analyze/io/b.c", '#include "analyze/block/bio_life.h"\n', "b.c:1: analyze/block/bio_life.h"),
        ("analyze/io/b.h", '\n# include "analyze/inputs.h"\n', "b.h:2: analyze/inputs.h"),
        ("analyze/io/b.c", '#include "report/output/term.h"\n', "b.c:1: report/output/term.h"),
        ("analyze/engine/b.c", '#include "analyze/io/io_internal.h"\n', "b.c:1: analyze/io/io_internal.h"),
        ("analyze/engine/b.c", '#include "analyze/block/bio_service.h"\n', "b.c:1: analyze/block/bio_service.h"),
        ("analyze/db/b.h", '#include "analyze/stats/hist.h"\n', "b.h:1: analyze/stats/hist.h"),
        ("analyze/base/b.h", '#include "analyze/db/db.h"\n', "b.h:1: analyze/db/db.h"),
        ("analyze/stats/b.c", '#include "analyze/sched/rows.h"\n', "b.c:1: analyze/sched/rows.h"),
        ("analyze/b.c", '#include "analyze/core/core.h"\n', "b.c:1: analyze/core/core.h"),
        ("report/output/b.c", '#include "report/query/func.h"\n', "b.c:1: report/query/func.h"),
        ("report/query/b.c", '#include "analyze/db/db.h"\n', "b.c:1: analyze/db/db.h"),
        ("report/export/b.c", '#include "analyze/block/bio_service.h"\n', "b.c:1: analyze/block/bio_service.h"),
        ("report/b.c", '#include "record/ring.h"\n', "b.c:1: record/ring.h"),
    ],
    style.circles: [
        ("analyze/db/db.h", '#include "analyze/engine/tracker.h"\n', "analyze/db/db.h -> analyze/engine/tracker.h -> analyze/db/db.h"),
        ("analyze/io/b.h", '#include "analyze/io/b.h"\n', "analyze/io/b.h: includes itself"),
    ],
    style.storage: [
        ("analyze/engine/b.c", "x = KT_IO_STAGE_PLUG;\n", "b.c:1: names a stage of storage: KT_IO_STAGE_PLUG"),
        ("analyze/sched/b.c", "\nx->wakeup_ns = 0;\n", "b.c:2: names a stage of storage: wakeup_ns"),
        ("report/output/b.c", '{"endio", 1},\n', 'b.c:1: names a stage of storage: "endio"'),
        ("report/sql/b.sql", "SELECT device_ns FROM request\n", "b.sql:1: names a stage of storage: device_ns"),
        ("report/sql/lib/b.sql", "WHERE stage = 'endio'\n", "b.sql:1: names a stage of storage: 'endio'"),
        ("format/b.def", "X(throttle_ns)\n", "b.def:1: names a stage of storage: throttle_ns"),
        ("analyze/sched/b.c", "x = KT_IO_OP_FSYNC;\n", "b.c:1: names an operation or a kind of flow of storage: KT_IO_OP_FSYNC"),
        ("record/b.c", "x = KT_IO_KIND_AIO;\n", "b.c:1: names an operation or a kind of flow of storage: KT_IO_KIND_AIO"),
        ("report/sql/flow/b.sql", "WHERE op = 'writeback'\n", "b.sql:1: names an operation or a kind of flow of storage: 'writeback'"),
        ("report/query/b.c", 'x = "request";\n', 'b.c:1: names an operation or a kind of flow of storage: "request"'),
    ],
}
# These may.
STORAGE = ("analyze/block/b.c", "bpf/io/b.h", "format/iostages.def", "format/events/bio.def", "report/sql/io/lib/b.sql", "tests/unit/b.c")


def said(check, files):
    folder = ktest.tmpdir()
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        ktest.write(path, text)
    return list(check(style.Tree(folder)))


def main():
    style.NO_LAYER.clear()
    ktest.check(set(BAD) == set(style.CHECKS), "a check is not tried")
    for check, cases in BAD.items():
        lines = said(check, GOOD)
        ktest.check(not lines, "%s: of what is good: %s" % (check.__name__, lines))
        for name, text, want in cases:
            lines = said(check, {**GOOD, name: text})
            ktest.check(len(lines) >= 1 and want in lines[0], "%s: of %s, %r: %s" % (check.__name__, name, text, lines))
    style.NO_LAYER.add(("analyze/db/b.h", "analyze/io/b.h"))
    ktest.check(not said(style.layers, {"analyze/db/b.h": '#include "analyze/io/b.h"\n'}), "layers: one that is listed")
    lines = said(style.layers, GOOD)
    ktest.check(len(lines) == 1 and "b.h: does not include analyze/io/b.h" in lines[0], "layers: one that is listed and does not: %s" % lines)
    for name in STORAGE:
        lines = said(style.storage, {name: "queue_ns KT_IO_STAGE_QUEUE 'endio' KT_IO_OP_FSYNC 'bio'\n"})
        ktest.check(not lines, "storage: of %s: %s" % (name, lines))
    # The tree in which this stands is checked by tests/style.


ktest.main(main)
