#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Makes the C file that holds the reports: embed.py DIR OUT.c [DEPFILE [FOLDER...]]. Every *.sql in and below DIR is taken,
but for what is in DIR/FOLDER.

A name is used once, but for a report of flow/, which a family may have its own of; and for a part (in a folder lib), what an
exporter chooses (export) and a report."""
import os
import sys


def folders(top, without):
    return sorted(d for d, _, _ in os.walk(top) if os.path.relpath(d, top).split(os.sep)[0] not in without)


def files(top, without):
    """(name, path) by the last part of the name, as reports are listed."""
    found = [(os.path.relpath(os.path.join(d, f), top)[:-4], os.path.join(d, f))
             for d in folders(top, without) for f in os.listdir(d) if f.endswith(".sql")]
    return sorted(found, key=lambda f: (os.path.basename(f[0]), f[0]))


def twice(names):
    """A name that two files have where one is looked for."""
    seen = {}
    for name in names:
        folder, base = os.path.split(name)
        key = os.path.basename(folder) if os.path.basename(folder) in ("lib", "flow", "export") else "", base
        if key in seen:
            return "%s and %s: the same name" % (seen[key], name)
        seen[key] = name
    return None


def c_string(text):
    lines = []
    for line in text.splitlines():
        # '?' too: a trigraph must not arise.
        esc = "".join(c if " " <= c <= "~" and c not in '"\\?' else "".join("\\%03o" % b for b in c.encode())
                      for c in line)
        lines.append('\t  "%s\\n"' % esc)
    return "\n".join(lines)


def main():
    top, out = sys.argv[1:3]
    without = sys.argv[4:]
    found = files(top, without)
    wrong = twice(name for name, _ in found)
    if wrong:
        sys.exit("embed.py: " + wrong)
    text = "/* Made from report/sql by embed.py. */\n#include \"report/query/report.h\"\n\n"
    text += "const struct kt_sql_file kt_sql_files[] = {\n"
    for name, path in found:
        with open(path, encoding="utf-8") as f:
            text += '\t{ "%s",\n%s },\n' % (name, c_string(f.read()))
    text += "};\nconst size_t kt_n_sql_files = %d;\n" % len(found)
    with open(out, "w", encoding="utf-8") as f:
        f.write(text)
    if len(sys.argv) > 3:
        with open(sys.argv[3], "w", encoding="utf-8") as f:
            # The directories too: a new file there changes the list.
            deps = folders(top, without) + [p for _, p in found]
            f.write("%s: %s\n" % (out, " ".join(d.replace(" ", "\\ ") for d in deps)))


if __name__ == "__main__":
    main()
