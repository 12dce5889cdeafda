#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""man_events.py OUTPUT FAMILY.def…: the events of these families, as a part of ktr(5) in scdoc's language."""
import re
import sys

SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "s32": 4, "s64": 8, "char": 1}
HEADER = 12  # ts_ns, id, len
MACRO = re.compile(r'\b(KT_FAMILY|KT_HOOK|KT_EVENT|KT_FIELD|KT_ARRAY|KT_END)\(((?:[^()"]|"(?:[^"\\]|\\.)*")*)\)', re.S)
ARGUMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"]+)+', re.S)


def value(text):
    """One argument: a word, or strings that C would join."""
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    return re.sub(r"\\(.)", r"\1", "".join(strings)) if strings else text.strip()


def escape(text):
    return re.sub(r"([\\*_|#`~\[\]])", r"\\\1", text)


def calls(path):
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    for name, args in MACRO.findall(text):
        yield name, [value(a) for a in ARGUMENT.findall(args)]


def family(path):
    out, event, fields, offset = [], None, [], HEADER
    for name, args in calls(path):
        if name == "KT_FAMILY":
            out += ["## %s" % args[0], "", escape(args[4][0].upper() + args[4][1:]) + ".", ""]
        elif name == "KT_EVENT":
            event, fields, offset = args, [], HEADER
        elif name in ("KT_FIELD", "KT_ARRAY"):
            if name == "KT_ARRAY":
                ctype, field, count, kind, doc = args
            else:
                (ctype, field, kind, doc), count = args, 1
            many = "[%s]" % count if name == "KT_ARRAY" else ""
            fields.append("%d *%s* %s%s %s: %s" % (offset, escape(field), ctype, escape(many), kind, escape(doc)))
            offset += SIZES[ctype] * int(count)
        elif name == "KT_END":
            if args[0] != event[0] or not fields:
                sys.exit("%s: KT_END(%s) does not end an event" % (path, args[0]))
            out += ["*%s* (%s, %d bytes)" % (escape(event[0]), event[1], offset), "\t%s" % escape(event[2]), "",
                    "\t" + "++\n\t".join(fields), ""]
    return out


def main():
    target, *paths = sys.argv[1:]
    lines = [line for p in paths for line in family(p)]
    with open(target, "w", encoding="utf-8") as f:
        f.write("\n".join(lines).rstrip("\n") + "\n")


if __name__ == "__main__":
    main()
