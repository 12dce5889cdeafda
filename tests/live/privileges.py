#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Restricted privileges, and namespaces: what is not known is said once, and no row claims it; what is missing is named."""

import os
import shutil

import kt

ODD = os.path.join(kt.BUILD, "tests", "live", "odd-io")
PARANOID = "/proc/sys/kernel/perf_event_paranoid"
RESTRICT = "/proc/sys/kernel/kptr_restrict"


def with_caps(*caps):
    """The command prefix that leaves a user with these capabilities."""
    plus = "".join(",+" + c for c in caps)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all" + plus, "--inh-caps=-all" + plus,
            "--ambient-caps=-all" + plus]


def sysctl(path, value):
    old = kt.read(path).strip()
    kt.write(path, value)
    kt.stack.callback(kt.write, path, old)


def refused(name, cmd, *words, never=("--buffer",)):
    p = kt.run(*cmd, check=False)
    said = [l for l in p.stderr.splitlines() if l.strip()]
    kt.check(p.returncode == 1 and len(said) == 1, "%s: exit %d: %s" % (name, p.returncode, p.stderr))
    for w in words:
        kt.check(w in p.stderr, "%s: '%s' is not in: %s" % (name, w, p.stderr))
    for w in never:
        kt.check(w not in p.stderr, "%s: '%s' is in: %s" % (name, w, p.stderr))
    print("%-20s %s" % (name, p.stderr.strip()), flush=True)


def warnings(p):
    return [l for l in p.stderr.splitlines() if "warning" in l]


def test():
    d = kt.tmpdir()
    os.chmod(d, 0o777)
    recorder, load = (shutil.copy(path, d) for path in (kt.RECORD, ODD))
    disk = kt.loop_disk(size_mib=64)
    kt.stack.callback(os.chmod, disk, os.stat(disk).st_mode & 0o777)  # the node stays when the disk is gone
    os.chmod(disk, 0o666)
    kt.run("dd", "if=/dev/urandom", "of=" + disk, "bs=1M", "count=8", "oflag=direct")
    whats = ["aio:300", "uringv:65", "preadv:65"]
    number = iter(range(100))

    def record(prefix):
        ktr = os.path.join(d, "%d.ktr" % next(number))
        p = kt.run(*prefix, recorder, "-o", ktr, "--", load, disk, *whats)
        return p, kt.analyze(ktr)

    def rows(db):
        return db.rows("SELECT i.kind, i.op, i.state, i.n_bios > 0, count(*) FROM io i JOIN task t USING (utid) WHERE t.comm = 'odd-io' "
                       "AND (i.flags LIKE '%direct%' OR i.op LIKE 'io\\_%' ESCAPE '\\') GROUP BY 1, 2, 3, 4 ORDER BY 1")

    # The kernel's addresses.
    def known():
        p, db = record(with_caps("bpf", "perfmon", "syslog"))
        kt.seen_all(db)
        kt.check(not warnings(p), "with CAP_SYSLOG: %s" % p.stderr)
        want = [("aio", "read", "whole", 1, 300), ("io_uring", "read", "whole", 1, 1), ("syscall", "read", "whole", 1, 1)]
        kt.check(rows(db) == want, "with CAP_SYSLOG: %s" % rows(db))

    def hidden():
        p, db = record(with_caps("bpf", "perfmon"))
        kt.seen_all(db)
        said = warnings(p)
        kt.check(len(said) == 1 and "CAP_SYSLOG" in said[0] and "kptr_restrict" in said[0], "hidden: %s" % p.stderr)
        want = [("aio", "read", "lossy", 0, 300), ("io_uring", "read", "lossy", 0, 1), ("syscall", "read", "whole", 1, 1)]
        kt.check(rows(db) == want, "hidden: %s" % rows(db))
        kt.check(not db.one("SELECT count(*) FROM bio WHERE link = 'exact'"), "hidden: links that are exact: %s"
                 % db.rows("SELECT i.kind, i.op, count(*) FROM bio b JOIN io i USING (io_id) WHERE link = 'exact' GROUP BY 1, 2"))
        probe = db.rows("SELECT family, state, reason FROM probe WHERE hook = 'kernel symbols'")
        kt.check(len(probe) == 1 and probe[0][:2] == ("io", "missing") and "CAP_SYSLOG" in probe[0][2], "hidden: probes: %s" % probe)

    sysctl(PARANOID, "2")
    sysctl(RESTRICT, "0")
    kt.attempts("symbols", known)
    kt.attempts("no symbols", hidden)
    sysctl(RESTRICT, "2")
    p, _ = record([])
    kt.check(len(warnings(p)) == 1 and "kptr_restrict=1" in p.stderr and "CAP_SYSLOG" not in p.stderr, "kptr_restrict=2: %s" % p.stderr)
    sysctl(RESTRICT, "0")

    # What is missing is named.
    never = os.path.join(d, "never.ktr")
    for caps, words in (((), ["root", "CAP_BPF", "CAP_PERFMON"]), (("bpf",), ["CAP_PERFMON"]), (("perfmon",), ["missing capability CAP_BPF"]),
                        (("syslog", "dac_read_search"), ["CAP_BPF and CAP_PERFMON"])):
        refused("+".join(caps) or "none", with_caps(*caps) + [recorder, "-o", never, "-d", "0.1"], *words)
    refused("root without perfmon", ["setpriv", "--bounding-set=-perfmon,-sys_admin", "--inh-caps=-all", recorder, "-o", never], "capability CAP_PERFMON")
    refused("user namespace", ["unshare", "-Ur", recorder, "-o", never, "-d", "0.1"], "user namespace")
    kt.check(not os.path.exists(never), "a file was left behind")

    # Task numbers.
    refused("-p in a PID namespace", ["unshare", "-pf", "--mount-proc", recorder, "-p", "1", "-o", never, "-d", "0.1"], "PID namespace", "--cgroup")
    p, db = record(["unshare", "-pf", "--mount-proc"])
    kt.check(len(warnings(p)) == 1 and "PID namespace" in p.stderr, "PID namespace: %s" % p.stderr)
    own = db.rows("SELECT DISTINCT tgid FROM task WHERE is_recorder")
    here = db.rows("SELECT tid, comm FROM task WHERE comm IS NOT NULL")
    kt.check(len(own) == 1 and own[0][0] > 10, "PID namespace: the recorder is %s" % own)
    kt.check("odd-io" in [c for _, c in here] and (1, "ktrace-record") not in here, "PID namespace: %s" % here)
    n = db.one("SELECT count(*) FROM bio b JOIN task t USING (utid) WHERE t.comm = 'odd-io'")
    kt.check(n >= 302, "PID namespace: %d bios by the load" % n)
    # With the host's /proc the numbers are the kernel's.
    p, _ = record(["unshare", "-pf"])
    kt.check(not warnings(p), "PID namespace with the host's /proc: %s" % p.stderr)


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
