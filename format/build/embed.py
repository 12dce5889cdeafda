#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Makes the C file that holds the reports: embed.py DIR OUT.c [DEPFILE]. Every *.sql in DIR and in its folders is taken."""
import os
import sys


def folders(top):
    return [""] + sorted(e.name for e in os.scandir(top) if e.is_dir())


def files(top):
    for sub in folders(top):
        d = os.path.join(top, sub)
        for name in sorted(os.listdir(d)):
            if name.endswith(".sql"):
                yield os.path.join(sub, name[:-4]), os.path.join(d, name)


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
    found = list(files(top))
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
            deps = [os.path.join(top, sub) if sub else top for sub in folders(top)] + [p for _, p in found]
            f.write("%s: %s\n" % (out, " ".join(d.replace(" ", "\\ ") for d in deps)))


main()
