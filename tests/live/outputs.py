#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""What ends a recording, and where it may go: inherited signals, limits, FIFOs, odd files. Each leaves a complete file, or none
and one line that says why."""

import os
import resource
import signal
import subprocess
import time

import kt


def start(*args, before=None, **kw):
    def child():
        for s in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(s, signal.SIG_DFL)
        if before:
            before()

    p = subprocess.Popen([kt.RECORD, *map(str, args)], text=True, preexec_fn=child,
                         **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **kw})
    kt.stack.callback(lambda: p.poll() is None and p.kill())
    return p


def until(p, word):
    for line in p.stderr:
        if word in line:
            return
    raise RuntimeError("never said: " + word)


def said(p, seconds=30):
    try:
        return p.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        return None


def refused(what, word, status, *args, **kw):
    """One line, which has the word."""
    p = start(*args, **kw)
    text = said(p)
    kt.check(text is not None, "%s: hangs" % what)
    lines = [] if text is None else text.strip().splitlines()
    kt.check(len(lines) == 1 and word in lines[0] and p.returncode == status,
             "%s: exit %s, %s; expected %d and one line with '%s'" % (what, p.returncode, lines, status, word))


def whole(ktr):
    a = kt.run(kt.ANALYZE, ktr, "-o", ktr + ".db", check=False)
    return kt.check(a.returncode == 0 and not a.stderr, "%s is not whole: exit %d, %s" % (ktr, a.returncode, a.stderr))


def odd_outputs(d, disk):
    path = lambda name: os.path.join(d, name)
    for name in ("network", "memory", "nonsense", "io,nonsense", ""):
        refused("-e " + name, "presets: storage", 64, "-e", name, "-o", path("e"), "-d", 1)
    refused("standard output closed", "standard output is closed", 1, "-o", "-", "-d", 1, before=lambda: os.close(1))
    os.symlink("/nonexistent/x", path("dangling"))
    refused("a dangling link", "which does not exist", 1, "-o", path("dangling"), "-d", 1)
    refused("no directory", "there is no directory", 1, "-o", path("none/x"), "-d", 1)
    refused("a directory", "is a directory", 1, "-f", "-o", d, "-d", 1)
    with open(disk, "rb") as f:
        first = f.read(4096)
    refused("a disk", "is a disk", 1, "-f", "-o", disk, "-d", 1)
    with open(disk, "rb") as f:
        kt.check(f.read(4096) == first, "the disk was written to")
    refused("/dev/full", "nothing was recorded", 1, "-o", "/dev/full", "-d", 1)
    kt.check(set(os.listdir(d)) == {"dangling"}, "left behind: %s" % os.listdir(d))
    # What would have had the number of a standard file does not get what is written there.
    p = start("-o", path("closed.ktr"), "-d", 0.2, before=lambda: os.close(2), stderr=None)
    p.wait(30)
    kt.check(p.returncode == 0 and whole(path("closed.ktr")), "standard error closed: exit %d" % p.returncode)


def limits(d, disk):
    # More files than there are probes: the limit is raised, and the command gets the one that was.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    ktr = os.path.join(d, "files.ktr")
    p = start("-o", ktr, "--", "sh", "-c", "test $(ulimit -n) = 30",
              before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (30, hard)))
    text = said(p)
    kt.check(p.returncode == 0 and "warning" not in text, "RLIMIT_NOFILE: exit %s: %s" % (p.returncode, text))
    whole(ktr)
    ktr = os.path.join(d, "limit.ktr")
    limit = 200 << 10
    p = start("-o", ktr, "--", *kt.fio(filename=disk, rw="randrw", runtime=3, time_based=None),
              before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    text = said(p) or "hangs"
    kt.check(p.returncode == 1 and "ulimit -f" in text, "RLIMIT_FSIZE: exit %d: %s" % (p.returncode, text))
    if whole(ktr):
        db = kt.Db(ktr + ".db")
        kt.check(os.path.getsize(ktr) <= limit, "%d bytes in spite of the limit" % os.path.getsize(ktr))
        kt.check(db.one("SELECT sum(n) FROM lost_interval WHERE cause = 'truncated'"), "what did not fit is not counted")


def fifos(d):
    fifo = os.path.join(d, "fifo")
    os.mkfifo(fifo)
    p = start("-o", fifo, "-d", 1)
    until(p, "no reader")
    p.send_signal(signal.SIGTERM)
    text = said(p, 5)
    kt.check(text is not None and "nobody reads" in text and p.returncode == 1, "a FIFO without a reader: %s" % text)
    # Opened, but never read: once a signal ends the recording, a second one ends the waiting.
    p = start("-o", fifo)
    fd = os.open(fifo, os.O_RDONLY)
    until(p, "recording")
    # More than the pipe holds: reads at random places, each some bytes of trace.
    kt.run(*kt.fio(filename=os.path.join(d, "read"), rw="randread", size="64m", direct=0, number_ios=40000))
    time.sleep(1)
    p.send_signal(signal.SIGINT)
    time.sleep(1)
    p.send_signal(signal.SIGINT)
    text = said(p, 5)
    os.close(fd)
    kt.check(text is not None and p.returncode, "a FIFO that is not read: exit %s: %s" % (p.returncode, text))
    # One that is.
    p = start("-o", fifo, "-d", 0.3)
    ktr = os.path.join(d, "fifo.ktr")
    with open(fifo, "rb") as f, open(ktr, "wb") as out:
        out.write(f.read())
    kt.check(said(p) is not None and p.returncode == 0, "a FIFO with a reader: exit %s" % p.returncode)
    whole(ktr)


def signals(d):
    for sig, ignored, ends in ((signal.SIGHUP, True, False), (signal.SIGHUP, False, True), (signal.SIGQUIT, False, True),
                               (signal.SIGINT, True, True)):
        what = "%s%s" % (sig.name, ", ignored when inherited" if ignored else "")
        ktr = os.path.join(d, "%s%d.ktr" % (sig.name, ignored))
        p = start("-o", ktr, "-d", 10 if ends else 1.5,
                  before=lambda: signal.signal(sig, signal.SIG_IGN if ignored else signal.SIG_DFL))
        until(p, "recording")
        time.sleep(0.3)
        p.send_signal(sig)
        text = said(p)
        kt.check(p.returncode == 0, "%s: exit %s: %s" % (what, p.returncode, text))
        if whole(ktr):
            ran = kt.Db(ktr + ".db").one("SELECT dur_ns FROM run") / 1e9
            kt.check(ran < 8 if ends else ran >= 1.5, "%s: the run lasted %.3f s: %s" % (what, ran, text))


def test():
    disk = kt.loop_disk(size_mib=64)
    odd_outputs(kt.tmpdir(), disk)
    limits(kt.tmpdir(), disk)
    fifos(kt.tmpdir())
    signals(kt.tmpdir())


if __name__ == "__main__":
    kt.need_root_and_bpf()
    kt.main(test)
