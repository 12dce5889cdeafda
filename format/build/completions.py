#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""completions.py TOOL OUT.bash OUT.zsh OUT.fish FAMILY.def…: completions of a tool, from its own --help.

So no option can be missing. What a value may be is told by its name in --help: see VALUES. TOOL is run.
"""
import os
import re
import subprocess
import sys

from man_events import calls

# Name of a value -> what it completes to; the option comes first, where the name is not enough.
VALUES = {
    "--disk": "disk", "--events": "events", "--pid": "pid", "--tid": "pid", "--cgroup": "dir", "--dir": "dir",
    "--op": "op", "--trigger": "none",
    "FILE": "file", "F": "file", "PATH": "file", "DIR": "dir", "PID": "pid", "TID": "pid",
}
OPS = "read write fsync fdatasync flush discard secure_erase write_zeroes zone_append zone_reset"
DISKS = "command ls /sys/class/block 2>/dev/null"
PIDS = "command ps -eo pid= 2>/dev/null"


class Option:
    def __init__(self, short, long, value, doc):
        self.short, self.long, self.value = short, long, value
        self.doc = re.split(r"[:;(]| - ", doc)[0].strip().rstrip(".,")
        self.kind = VALUES.get(long) or VALUES.get(value, "none") if value else None

    def names(self):
        return [n for n in (self.short, self.long) if n]


def ask(tool, arg):
    # One line an option, however long. Leaks at exit are not our business here (builds with sanitizers).
    env = dict(os.environ, LC_ALL="C", ARGP_HELP_FMT="rmargin=1000,opt-doc-col=60", ASAN_OPTIONS="detect_leaks=0")
    return subprocess.run([tool, arg], env=env, text=True, stdout=subprocess.PIPE, check=True).stdout


def options(text):
    line = re.compile(r"^\s+(?:(-\S)(?:, |$| ))?\s*(?:(--[\w-]+)(?:\[?=(\S+?)\]?)?)?\s{2,}(\S.*)$")
    found = [Option(*m.groups()) for m in map(line.match, text.split("\n")) if m and (m[1] or m[2])]
    if not any(o.long == "--help" for o in found):
        sys.exit("no options found in --help")
    return found


def bash(name, opts, words):
    fn = "_" + name.replace("-", "_")
    cases = {}
    for o in opts:
        if o.value:
            cases.setdefault(o.kind, []).extend(o.names())
    reply = {
        "file": 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")',
        "dir": 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur")',
        "disk": 'mapfile -t COMPREPLY < <(compgen -W "$(%s)" -- "$cur")' % DISKS,
        "pid": 'mapfile -t COMPREPLY < <(compgen -W "$(%s)" -- "$cur")' % PIDS,
        # After a comma only the last word is completed; what stands before it is kept.
        "events": 'list=${cur%%"${cur##*,}"}\n\t\tmapfile -t COMPREPLY < <(compgen -P "$list" -W "%s" -- "${cur##*,}")'
                  % words["events"],
        "op": 'mapfile -t COMPREPLY < <(compgen -W "%s" -- "$cur")' % OPS,
        "none": ":",
    }
    out = ["# bash completion for %s" % name, fn + "()", "{",
           "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i list",
           "\tCOMPREPLY=()",
           "\t# --option=value comes as three words.",
           "\tif [ \"$cur\" = = ]; then", "\t\tcur=",
           "\telif [ \"$prev\" = = ]; then", "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}", "\tfi"]
    if words["positional"] == "command":
        takes = "|".join(n for o in opts if o.value for n in o.names())
        out += ["\t# The command has completions of its own.", "\tfor ((i = 1; i < COMP_CWORD; i++)); do",
                "\t\tcase ${COMP_WORDS[i]} in",
                "\t\t%s) [ \"${COMP_WORDS[i + 1]-}\" != = ] || ((i++)); ((i++)) ;;" % takes,
                "\t\t--) ((i++)); break ;;", "\t\t-*) ;;", "\t\t*) break ;;", "\t\tesac", "\tdone",
                "\tif ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then",
                "\t\t_command_offset \"$i\"", "\t\treturn", "\tfi"]
    out += ["\tcase $prev in"]
    for kind, names in sorted(cases.items()):
        out += ["\t%s)" % " | ".join(names), "\t\t" + reply[kind], "\t\treturn", "\t\t;;"]
    out += ["\tesac", '\tif [[ $cur == -* ]]; then',
            '\t\tmapfile -t COMPREPLY < <(compgen -W "%s" -- "$cur")' % " ".join(n for o in opts for n in o.names()),
            "\t\treturn", "\tfi"]
    if words["positional"] == "command":
        out += ['\tmapfile -t COMPREPLY < <(compgen -c -- "$cur")']
    else:
        out += ["\tcompopt -o filenames 2>/dev/null",
                '\tmapfile -t COMPREPLY < <(compgen -f -- "$cur"%s)'
                % ('; compgen -W "%s" -- "$cur"' % " ".join(words["reports"]) if words["reports"] else "")]
    return "\n".join(out + ["}", "complete -F %s %s" % (fn, name), ""])


def zsh(name, opts, words):
    def quote(text):
        return text.replace("'", "'\\''")

    def doc(text):
        return quote(re.sub(r"([\[\]:\\])", r"\\\1", text))

    action = {
        "file": "_files", "dir": "_files -/", "disk": "($(%s))" % DISKS, "pid": "($(%s))" % PIDS,
        "events": "_sequence compadd - %s" % words["events"], "op": "(%s)" % OPS, "none": " ",
    }
    out = ["#compdef %s" % name, "_arguments -s -S \\"]
    for o in opts:
        value = ":%s:%s" % (o.value.replace(":", "\\:"), action[o.kind]) if o.value else ""
        only = "'(%s)'" % " ".join(o.names()) if len(o.names()) > 1 else ""
        forms = [n + (("+" if n == o.short else "=") if o.value else "") for n in o.names()]
        form = "{%s}" % ",".join("'%s'" % f for f in forms) if len(forms) > 1 else "'%s'" % forms[0]
        out.append("\t%s%s'[%s]%s' \\" % (only, form, doc(o.doc), quote(value)))
    if words["positional"] == "command":
        out += ["\t'(-)1:command: _command_names -e' '*::arguments: _normal'"]
    elif words["reports"]:
        out += ["\t'1:report or database:{_alternative \"reports:report:((%s))\" \"files:database:_files\"}' '*:file:_files'"
                % " ".join("%s\\:%s" % (r, re.sub(r"[^\w ,]", "", d).replace(" ", "\\ "))
                           for r, d in words["reports"].items())]
    else:
        out += ["\t'*:recording:_files'"]
    return "\n".join(out + [""])


def fish(name, opts, words):
    def quote(text):
        return "'%s'" % text.replace("\\", "\\\\").replace("'", "\\'")

    action = {
        "file": "-r -F", "dir": "-x -a '(__fish_complete_directories)'", "disk": "-x -a '(%s)'" % DISKS,
        "pid": "-x -a '(__fish_complete_pids)'",
        "events": "-x -a '(__fish_append , %s)'" % words["events"],
        "op": "-x -a '%s'" % OPS, "none": "-x", None: "",
    }
    out = ["# fish completion for %s" % name]
    for o in opts:
        names = " ".join(filter(None, ["-s " + quote(o.short[1:]) if o.short else "",
                                       "-l " + o.long[2:] if o.long else ""]))
        out.append(" ".join(filter(None, ["complete -c %s" % name, names, action[o.kind], "-d " + quote(o.doc)])))
    if words["positional"] == "command":
        out.append("complete -c %s -x -a '(__fish_complete_subcommand)'" % name)
    for r, d in words["reports"].items():
        out.append("complete -c %s -n 'test (count (commandline -opc)) -eq 1' -a %s -d %s" % (name, r, quote(d)))
    return "\n".join(out + [""])


def main():
    tool, *targets = sys.argv[1:5]
    name = os.path.basename(tool)
    text = ask(tool, "--help")
    events = []
    for path in sys.argv[5:]:
        for macro, args in calls(path):
            if macro == "KT_FAMILY":
                events += [args[0]] + args[2].split()
    words = {
        "events": " ".join(dict.fromkeys(events)),
        "positional": "command" if "COMMAND" in text.split("\n")[0] else "file",
        "reports": {},
    }
    if "--list " in text and "REPORT" in text:
        for line in ask(tool, "--list").split("\n"):
            report, _, doc = line.partition(" ")
            if report:
                words["reports"][report] = doc.strip().split("(")[0].strip()
    opts = options(text)
    for make, target in zip((bash, zsh, fish), targets):
        with open(target, "w", encoding="utf-8") as f:
            f.write(make(name, opts, words))


if __name__ == "__main__":
    main()
