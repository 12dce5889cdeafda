#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Bad input and bad output locations: one clear line, the right exit status, nothing left behind, nothing readable lost."""

import os
import subprocess

import kt


def lines(text):
    return [l for l in text.splitlines() if l.strip()]


def expect(name, cmd, status, *words, **kw):
    p = kt.run(*cmd, check=False, **kw)
    said = lines(p.stderr)
    kt.check(p.returncode == status, "%s: exit %d, not %d: %s" % (name, p.returncode, status, p.stderr))
    kt.check(len(said) == 1, "%s: not one line but %d: %s" % (name, len(said), p.stderr))
    for w in words:
        kt.check(w in p.stderr, "%s: '%s' is not in: %s" % (name, w, p.stderr))
    print("%-22s %s" % (name, p.stderr.strip()))
    return p


def unreadable_for_others(d):
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]


def test():
    d = kt.tmpdir()
    out = os.path.join(d, "x.ktr")
    nobody = unreadable_for_others(d)
    # A copy that others may run: the build directory may be closed to them.
    os.chmod(d, 0o755)
    recorder = os.path.join(d, "ktrace-record")
    kt.shutil.copy(kt.RECORD, recorder)
    expect("not root", nobody + [recorder, "-o", "/tmp/ktrace-test-nobody.ktr"], 1, "root")
    kt.check(not os.path.exists("/tmp/ktrace-test-nobody.ktr"), "not root: a file was left behind")
    expect("no BTF", ["unshare", "-m", "sh", "-c",
                      "mount -t tmpfs none /sys/kernel/btf && exec \"$@\"", "sh", kt.RECORD, "-o", out, "-d", "1"], 1, "BTF")
    kt.check(not os.path.exists(out), "no BTF: a file was left behind")
    expect("unknown family", [kt.RECORD, "-o", out, "-e", "nosuch"], 64, "nosuch", "bio")
    expect("bad buffer", [kt.RECORD, "-o", out, "--buffer", "12parsecs"], 64, "12parsecs")
    for name, *args in (("bad pid", "-p", "abc"), ("bad tid", "-t", "0"), ("bad operation", "--op", "nosuch"),
                        ("bad name", "-c", "longer than any task's")):
        expect(name, [kt.RECORD, "-o", out, *args], 64, args[1])
    expect("no such pid", [kt.RECORD, "-o", out, "-p", "2147483647"], 1, "2147483647")
    expect("no room", [kt.RECORD, "-o", out, "--filter-room", "0"], 64, "--filter-room")
    expect("no such disk", [kt.RECORD, "-o", out, "--disk", "nosuch"], 1, "nosuch")
    expect("a directory", [kt.RECORD, "-o", out, "--file", d], 1, "--dir")
    kt.write(out, "precious")
    expect("output exists", [kt.RECORD, "-o", out, "-d", "1"], 1, "-f")
    kt.check(kt.read(out) == "precious", "output exists: it was touched")
    os.unlink(out)
    expect("no such directory", [kt.RECORD, "-o", "/nonexistent/x.ktr", "-d", "1"], 1, "/nonexistent/x.ktr")
    p = kt.run(kt.RECORD, "-o", out, "--", "/nonexistent/command", check=False)
    kt.check(p.returncode == 127 and "/nonexistent/command" in p.stderr, "no command: exit %d: %s" % (p.returncode, p.stderr))
    p = kt.run(kt.RECORD, "-f", "-o", out, "--", "sh", "-c", "exit 7", check=False)
    kt.check(p.returncode == 7, "exit status of the command: %d, not 7" % p.returncode)
    kt.check(kt.run(kt.ANALYZE, out).returncode == 0, "a short run is not readable")

    # Disk full: what was written is a whole file.
    small = os.path.join(d, "small")
    os.mkdir(small)
    kt.run("mount", "-t", "tmpfs", "-o", "size=1m", "none", small)
    kt.stack.callback(kt.run, "umount", small, check=False)
    disk = kt.loop_disk(size_mib=128)
    load = kt.fio(filename=disk, rw="randread", ioengine="io_uring", iodepth=16, runtime=5, time_based=None)
    full = os.path.join(small, "x.ktr")
    p = kt.run(kt.RECORD, "-o", full, "--", *load, check=False)
    kt.check(p.returncode == 1 and "No space left" in p.stderr, "disk full: exit %d: %s" % (p.returncode, p.stderr))
    a = kt.run(kt.ANALYZE, full, "-o", os.path.join(d, "full.db"), check=False)
    kt.check(a.returncode == 0, "disk full: not readable: %s" % a.stderr)
    n = kt.Db(os.path.join(d, "full.db")).one("SELECT count(*) FROM request WHERE state = 'whole'")
    kt.check(n > 1000, "disk full: only %d requests in what was written" % n)
    # The database, too, may find no room; it appears whole or not at all.
    a = kt.run(kt.ANALYZE, full, "-o", os.path.join(small, "x.db"), check=False)
    kt.check(a.returncode == 1 and len(lines(a.stderr)) <= 2, "database on a full disk: exit %d: %s" % (a.returncode, a.stderr))
    kt.check(os.listdir(small) == ["x.ktr"], "database on a full disk: left behind %s" % os.listdir(small))

    # A pipe that closes: said, exit 1.
    p = subprocess.run(["bash", "-c", '"$0" -o - -- "${@}" | head -c 200000 > %s/head.ktr; exit ${PIPESTATUS[0]}' % d,
                        kt.RECORD] + load, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    kt.check(p.returncode == 1 and "has gone" in p.stderr, "closed pipe: exit %d: %s" % (p.returncode, p.stderr))
    a = kt.run(kt.ANALYZE, os.path.join(d, "head.ktr"), check=False)
    kt.check(a.returncode == 0, "the head of a pipe is not readable: %s" % a.stderr)
    # A pipe all the way.
    p = subprocess.run(["bash", "-c", 'set -o pipefail; "$0" -o - -d 1 | zstd -tq', kt.RECORD], stderr=subprocess.PIPE,
                       text=True)
    kt.check(p.returncode == 0, "zstd -t of a piped recording: %s" % p.stderr)

    text = os.path.join(d, "text.ktr")
    kt.write(text, "this is no recording\n" * 100)
    expect("not a .ktr", [kt.ANALYZE, text], 1, "text.ktr")
    expect("no such file", [kt.ANALYZE, os.path.join(d, "nosuch.ktr")], 1, "nosuch.ktr")
    expect("empty file", [kt.ANALYZE, "/dev/null", "-o", os.path.join(d, "null.db")], 1, "/dev/null")
    expect("not a database", [kt.REPORT, text], 1, "text.ktr")
    expect("no database", [kt.REPORT, os.path.join(d, "nosuch.db")], 1, "nosuch.db")
    kt.check(not os.path.exists(os.path.join(d, "nosuch.db")), "no database: it was made")
    # Damage: what is readable is read, one warning.
    data = bytearray(open(out, "rb").read())
    data[len(data) // 2] ^= 0xff
    bad = os.path.join(d, "bad.ktr")
    open(bad, "wb").write(data)
    expect("a byte is wrong", [kt.ANALYZE, bad], 0)


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
