#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Makes the C file that holds the page: embed_page.py PAGE.html PAGE.css PAGE.js OUT.c.

<!--@style--> and <!--@script--> become the files, <!--@policy--> a Content-Security-Policy that allows these two by their sums and
nothing else. Other marks stay, for report/page/page.c to fill."""
import base64
import hashlib
import sys

from embed import c_string


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def allow(text):
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def main():
    html, style, script = (read(path) for path in sys.argv[1:4])
    style, script = "\n" + style, "\n" + script
    policy = "default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'" % (allow(style), allow(script))
    for mark, text in (("policy", policy), ("style", style), ("script", script)):
        mark = "<!--@%s-->" % mark
        if html.count(mark) != 1:
            sys.exit("embed_page.py: %s is there %d times" % (mark, html.count(mark)))
        html = html.replace(mark, text)
    with open(sys.argv[4], "w", encoding="utf-8") as f:
        f.write('/* Made from report/page by embed_page.py. */\n#include "report/page/shell.h"\n\nconst char kt_page_shell[] =\n%s;\n' % c_string(html))


main()
