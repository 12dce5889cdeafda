#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""man.py SCDOC INPUT.scd OUTPUT [NAME=FILE…]: a man page from scdoc's source, so that mandoc -Tlint has nothing to say.

A line @NAME@ in the source becomes the contents of FILE: the parts that are generated from the code.
"""
import re
import subprocess
import sys

MACRO = re.compile(r"^[.']")


def tidy(page):
    """What scdoc leaves: empty paragraphs, titles in lower case, lines that mandoc finds too long."""
    out, literal, paragraph = [], False, False
    for line in page.split("\n"):
        if literal:
            out.append(line)
            literal = line != ".fi"
        elif line == ".P":
            paragraph = True
        elif line == ".RE":  # the space belongs after what ends here
            out.append(line)
        elif line.startswith((".SH", ".SS", ".RS")):
            out.append(line)
            paragraph = False
        elif line.startswith(".TH"):
            out.append(re.sub(r'^\.TH "([^"]*)"', lambda m: '.TH "%s"' % m[1].upper(), line))
        else:
            # After a heading there is space already.
            if paragraph and not out[-1].startswith((".SH", ".SS")):
                out.append(".P")
            paragraph = False
            literal = line == ".nf"
            # As man reads it in any locale, and as wide as it counts it.
            line = re.sub(r"[^\x00-\x7f]", lambda c: "\\[u%04X]" % ord(c[0]), line.strip())
            out.extend([line] if MACRO.match(line) else wrap(line))
    return "\n".join(out)


def wrap(line, width=80):
    """Breaks at spaces; a line must not begin with what would make it a macro."""
    while len(line) > width:
        at = line.rfind(" ", 1, width)
        while at > 0 and line[at + 1:at + 2] in ".'":
            at = line.rfind(" ", 1, at)
        if at <= 0:
            break
        yield line[:at].rstrip()
        line = line[at:].lstrip()
    yield line


def main():
    scdoc, source, target, *inserts = sys.argv[1:]
    with open(source, encoding="utf-8") as f:
        text = f.read()
    for arg in inserts:
        name, _, path = arg.partition("=")
        with open(path, encoding="utf-8") as f:
            text = text.replace("@%s@\n" % name, f.read())
    left = re.search(r"^@[A-Z]+@$", text, re.M)
    if left:
        sys.exit("%s: nothing given for %s" % (source, left[0]))
    # An SPDX line is for the source only: scdoc's own comments must come after the title.
    page = subprocess.run([scdoc], input=text, text=True, encoding="utf-8", stdout=subprocess.PIPE, check=True).stdout
    with open(target, "w", encoding="utf-8") as f:
        f.write(tidy(page))


if __name__ == "__main__":
    main()
