#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""ktrace-report --otlp and --otlp-file: otlp.py KTRACE-REPORT KTRACE-ANALYZE [--of TEXT-TO-KTR EVENTS].

What is sent, as JSON and as protobuf, is decoded by the official definitions, and compared with what SQL says of the database: traces, spans, their
parents, stages, disturbances, attributes, resources, histograms. With EVENTS only of that recording. The receiver is strict, and misbehaves in every way
that the specification speaks of (otlp_receiver.py); at last somebody else's is asked what it got.
"""
import base64
import collections
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dbs  # noqa: E402
import ktest  # noqa: E402
import otlp_receiver as rx  # noqa: E402
from ktest import check  # noqa: E402
from otlp_spans import Database, differences, file_requests, histograms, metric_differences, points_of, spans_of  # noqa: E402

TOOL = os.path.abspath(sys.argv[1])
MS = 10**6
FOLDER = ktest.run(os.path.join(ktest.TOP, "tests/npm"), "where", "otlp", check=False).stdout.strip()
PLAIN = {k: v for k, v in ktest.plain_env().items() if not k.startswith("OTEL_") and not k.lower().endswith("_proxy")}


def report(*args, env=None, **kw):
    return ktest.run(TOOL, *args, check=False, env={**PLAIN, **(env or {})}, timeout=120, **kw)


def to_file(defs, db, *args, ok=True):
    p = report("--otlp-file", "-", *args, db, text=False)
    check((p.returncode == 0) == ok, "%s %r: exit %d: %s" % (db, args, p.returncode, p.stderr))
    traces, metrics = file_requests(defs, p.stdout)
    return list(spans_of(traces)), list(points_of(metrics)), p.stderr.decode(), p.stdout


def requests_at(receiver, path):
    return [r[3] for r in receiver.requests if r[1] == path]


# ---------------------------------------------------------------- the tests


def is_split(requests):
    """Traces that are in several requests."""
    seen = collections.Counter(t for r in requests for t in {s.trace_id for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans})
    return sum(n > 1 for n in seen.values())


def test_whole(defs, made):
    for name, path in made.items():
        db = Database(path)
        spans, points, err, data = to_file(defs, path)
        bad = differences(db, spans, db.roots()) + metric_differences(db, points, spans)
        check(spans and points and not bad, "%s: %s" % (name, "; ".join(bad)[:2000]))
        check(("Not every flow has a trace: rows of flows below 5.00 ms were not kept" in err) == (name == "kept") and "left out" not in err,
              "%s: %s" % (name, err))
        check(any(p.exemplars for _, _, p in points), "%s: no exemplar" % name)
        check(data == report("--otlp-file", "-", path, text=False).stdout, "%s: a second time something else" % name)
        for protocol in ("http/protobuf", "http/json") if name in ("storage", "future", "of") else ():
            with rx.Receiver(defs) as r:
                p = report("--otlp", r.url + "/", path, env={"OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
            check(p.returncode == 0 and not p.stdout and not r.mistakes and p.stderr == err, "%s %s: %r %r" % (name, protocol, p.stderr, r.mistakes))
            again = list(spans_of(requests_at(r, "/v1/traces")))
            # Of a large trace the batches of one encoding end elsewhere.
            check(sorted(again, key=repr) == sorted(spans, key=repr), "%s %s: other spans than in the file" % (name, protocol))
            check([str(x) for x in points_of(requests_at(r, "/v1/metrics"))] == [str(x) for x in points], "%s %s: other points" % (name, protocol))
            check(not is_split(requests_at(r, "/v1/traces")), "%s %s: a trace in two requests" % (name, protocol))
            check(all(q[2].get("Content-Encoding") == "gzip" and q[2]["User-Agent"].startswith("ktrace-report/") for q in r.requests), "headers")


def test_finds_faults(made, defs):
    """The comparison itself: what is changed on purpose has to be found."""
    db = Database(made["storage"])
    spans, points, _, _ = to_file(defs, made["storage"])
    roots = db.roots()
    at = next(i for i, s in enumerate(spans) if s.events and s.parent == "")
    inner = next(i for i, s in enumerate(spans) if s.parent)
    for what, i, change in (("start", at, {"start": spans[at].start + 1}), ("end", inner, {"end": spans[inner].end + 1}), ("no event", at, {"events": []}),
                            ("parent", inner, {"parent": spans[inner].id}), ("attribute", at, {"attrs": {**spans[at].attrs, "ktrace.op": "x"}}),
                            ("trace", at, {"trace": "0" * 32}), ("id", inner, {"id": "0" * 16}), ("resource", at, {"resource": {}})):
        changed = spans[:i] + [spans[i]._replace(**change)] + spans[i + 1:]
        check(differences(db, changed, roots), "%s: not found" % what)
    check(differences(db, spans[:inner] + spans[inner + 1:], roots), "a span that is missing: not found")
    check(differences(db, spans + spans[:1], roots), "a span twice: not found")
    points[0][2].positive.bucket_counts[0] += 1
    check(metric_differences(db, points, spans), "a count: not found")


def fmt_ns(db, ns):
    """As the reports write it."""
    path = os.path.join(os.path.dirname(db), "fmt.sql")
    ktest.write(path, "--: table fmt\nSELECT fmt_ns(%d) AS x;" % ns)
    return report(path, "--csv", db).stdout.splitlines()[1]


def test_bounds(defs, made, tmp):
    for name, args, where in (
            ("storage", ("--over", "10ms"), "flow = 'io' AND dur_ns >= 10000000"), ("storage", ("--flow", "request"), "flow = 'request'"),
            ("storage", ("--op", "fsync"), "flow = 'io' AND op = 'fsync'"), ("storage", ("--disk", "vda", "--over", "5ms"),
                                                                             "flow = 'io' AND dur_ns >= 5000000 AND object_id = 1"),
            ("storage", ("--task", "orders"), "flow = 'io' AND utid IN (SELECT utid FROM task WHERE comm = 'orders')"),
            ("storage", ("--flow", "io", "--since", "1.5s", "--until", "2.25s"),
             "flow = 'io' AND start_ns + dur_ns >= 1500000000 AND start_ns + dur_ns < 2250000000"),
            ("randrw", ("--over", "10ms"), "dur_ns >= 10000000 AND (flow, flow_id) NOT IN (SELECT lower, lower_id FROM flow_link)"),
            # One that is open has lasted until the end of the recording.
            ("future", ("--over", "50ms"), "flow = 'crossing' AND flow_id IN (2, 4, 7)"),
            ("future", ("--object", "South"), "flow = 'crossing' AND object_id = 2"),
            ("future", ("--top", "1"), "flow = 'crossing' AND flow_id = 4"), ("kept", ("--over", "5ms"), "flow = 'io' AND dur_ns >= 5000000")):
        db = Database(made[name])
        spans, points, err, _ = to_file(defs, made[name], *args)
        bad = differences(db, spans, db.roots(where))
        check(spans and not bad and not err, "%s %r: %s %s" % (name, args, "; ".join(bad)[:1000], err))
        # Histograms are of the whole recording, or there are none.
        timed = "--task" in args or "--since" in args
        check(bool(points) != timed, "%s %r: %d points" % (name, args, len(points)))
    db = Database(made["storage"])
    spans, _, err, _ = to_file(defs, made["storage"], "--limit", "500")
    roots = [s for s in spans if not s.parent]
    bad = differences(db, spans, {("io", s.attrs["ktrace.id"][1:]) and (s.attrs["ktrace.flow"], int(s.attrs["ktrace.id"][1:])) for s in roots})
    order = [s.end - s.start for s in roots]
    slowest = sorted((db.flows[k][11] for k in db.roots()), reverse=True)
    check(not bad and order == slowest[:len(order)] and 500 <= len(spans) < 700, "--limit: %d spans, %s" % (len(spans), bad))
    check("only the slowest have a trace, down to %s: --limit is 500 spans; --over, --task and others choose\n" % fmt_ns(made["storage"], order[-1]) in err,
          "--limit: %s" % err)
    for args in (("--limit", "3"), ("--limit", "1", "--flow", "request")):
        spans, _, err, _ = to_file(defs, made["storage"], *args)
        check("only the slowest have a trace, down to" in err and sum(not s.parent for s in spans) == 1, "%r: %s" % (args, err))
    check(not to_file(defs, made["storage"], "--top", "1")[2], "--top is what was asked for")
    # Where nobody's operations were recorded, the roots are bios, among as many requests that are none.
    rand = Database(made["randrw"])
    slowest = sorted((rand.flows[k][11] for k in rand.roots()), reverse=True)
    for n in (1, 20, 400, 1200):
        spans, _, err, _ = to_file(defs, made["randrw"], "--limit", str(n))
        order = [s.end - s.start for s in spans if not s.parent]
        check(order == slowest[:len(order)] and (len(spans) >= n) and err.endswith("others choose\n"), "randrw --limit %d: %d, %s" % (n, len(spans), err))
    spans, _, err, _ = to_file(defs, made["storage"], "--sample", "8")
    got = {s.attrs["ktrace.id"] for s in spans if not s.parent}
    want = {"%s%d" % (db.kinds[f][1], i) for f, i in db.roots() if ((i & 0x7fffffff) * 2654435761 % 2**32 >> 8) % 8 == 0}
    check(got == want and 60 < len(got) < 180 and not err, "--sample: %d of %d" % (len(got), len(db.roots())))
    for args, why in ((("--limit", "0"), "--limit 0: expected a number of at least 1"), (("--sample", "x"), "--sample x: expected a number of at least 1"),
                      (("--by", "task"), "--otlp-file does not support --by"), (("--otlp-header", "a=b"), "--otlp-header goes with --otlp")):
        p = report("--otlp-file", "-", *args, made["future"])
        check(p.returncode == 64 and why in p.stderr and not p.stdout, "%r: %d %s" % (args, p.returncode, p.stderr))
    for args, why in ((("--limit", "3", "--perfetto", "-"), "--limit"), (("--sample", "3", "--html", "-"), "--sample")):
        p = report(*args, made["future"])
        check(p.returncode == 64 and "%s goes with --otlp or --otlp-file" % why in p.stderr and not p.stdout, p.stderr)
    p = report("--otlp-file", "-", "--over", "1ms", made["kept"])
    check(p.returncode == 1 and "--over 1.00 ms needs them" in p.stderr and not p.stdout, "--keep: %r" % p.stderr)


def test_changed(defs, made, tmp):
    """Times and runs that are not known, names of any kind, containers, two recordings, traces larger than a batch."""
    container = "0123456789abcdef" * 4
    db = dbs.change(os.path.join(tmp, "odd.db"), "UPDATE crossing SET start_ns = NULL, dur_ns = NULL, state = 'open_at_start' WHERE crossing_id = 1",
                    "UPDATE crossing SET dur_ns = NULL, leaving_ns = NULL, state = 'lossy' WHERE crossing_id IN (2, 3)",
                    "UPDATE crossing SET plate = 'a\"b\\' || char(10) || char(27) || '[31m' || CAST(x'ff' AS TEXT) WHERE crossing_id = 4",
                    "UPDATE cgroup SET path = '/docker-%s.scope' WHERE ucgid = 9002" % container, "UPDATE run SET uuid = 'not one'")
    spans, _, err, _ = to_file(defs, db)
    by = {s.attrs.get("ktrace.id"): s for s in spans}
    check("1 flow has no trace: when they began is not known." in err and "c1" not in by, "start not known: %s" % err)
    check(by["c2"].attrs["ktrace.end"] == "not known" and by["c2"].attrs["ktrace.state"] == "lossy" and by["c2"].end - by["c2"].start == 55 * MS,
          "end not known: %r" % (by["c2"],))
    check(by["c7"].attrs["ktrace.end"] == "open when the recording ended" and by["c7"].end - by["c7"].start == 100 * MS, "open: %r" % (by["c7"],))
    check(by["c4"].attrs["ktrace.what"] == "a\"b\\\\x0a\\x1b[31m\\xff" and by["c4"].attrs["container.id"] == container, "names: %r" % by["c4"].attrs)
    check(by["c4"].trace == "%016x" % 1780000000000000000 + by["c4"].id, "a run without a uuid: %s" % by["c4"].trace)
    check("l1" not in by and "l2" not in by and by["l3"].parent == by["c4"].id, "legs")
    db = dbs.change(os.path.join(tmp, "loop.db"), "CREATE TABLE more(a, i, b, j, w)", "INSERT INTO more VALUES ('crossing', 1, 'crossing', 2, 'met'),"
                    " ('crossing', 2, 'crossing', 1, 'met'), ('crossing', 2, 'leg', 1, 'saw'), ('crossing', 3, 'crossing', 3, 'itself')",
                    "CREATE TABLE link_was AS SELECT * FROM flow_link", "DROP VIEW flow_link",
                    "CREATE VIEW flow_link(flow, flow_id, lower, lower_id, link) AS SELECT * FROM link_was UNION ALL SELECT * FROM more")
    spans = to_file(defs, db)[0]
    bad = differences(Database(db), spans, Database(db).roots())
    check(not bad and any(s.links for s in spans), "a loop: %s" % "; ".join(bad)[:1000])
    db = dbs.change(os.path.join(tmp, "nowhen.db"), "DELETE FROM meta WHERE key = 'epoch_realtime_ns'")
    p = report("--otlp-file", "-", db)
    check(p.returncode == 1 and "the time of day is not known, and OpenTelemetry knows no other" in p.stderr and not p.stdout, p.stderr)
    db = dbs.change(os.path.join(tmp, "empty.db"), "DELETE FROM crossing", "DELETE FROM leg", "DELETE FROM group_hist_sum", "DELETE FROM flow_hist_sum")
    p = report("--otlp-file", "-", db)
    check(p.returncode == 0 and not p.stdout and not p.stderr, "nothing to send: %r %r" % (p.stdout, p.stderr))
    # One that takes more than a batch is in several; others are not.
    large = dbs.change(os.path.join(tmp, "large.db"), "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 15000) "
                    "INSERT INTO leg SELECT i, 4, 1, 2020000000 + i, 1000 FROM n",
                    "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                    "INSERT INTO crossing(crossing_id, kind, op, bridge_id, utid, ucgid, start_ns, dur_ns, span_ns, plate, state) "
                    "SELECT i, 'pass', 'cart', 1, 9001, 9001, 1000 * i, 1000, 1000, 'a plate that is not short', 'whole' FROM n")
    for protocol in ("http/protobuf", "http/json"):
        with rx.Receiver(defs) as r:
            p = report("--otlp", r.url, large, env={"OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
        sizes = [q[4] for q in r.requests if q[1] == "/v1/traces"]
        spans = list(spans_of(requests_at(r, "/v1/traces")))
        bad = differences(Database(large), spans, Database(large).roots())
        check(p.returncode == 0 and not r.mistakes and not bad and len(sizes) > 2 and min(sizes[1:-1]) > rx.LIMIT - 20000 and
              is_split(requests_at(r, "/v1/traces")) == 1, "large %s: %s %s %r %d" % (protocol, p.stderr, "; ".join(bad)[:500], sizes, len(spans)))
    # A guest's flows that lead to its host's, which is another recording: of a large trace each batch has what it needs of both.
    db = os.path.join(tmp, "guest.db")
    dbs.change(db, "INSERT INTO run(run_id, uuid, host, kernel, start_ns, dur_ns, kinds) VALUES (2, '01234567-89ab-4cde-8f01-23456789abcd', 'host', '9.2',"
               " 0, 4000000000, 'core')", "DROP VIEW flow",
               "CREATE VIEW flow AS SELECT 'crossing' AS flow, crossing_id AS flow_id, 1 AS run_id, kind, op, bridge_id AS object_id, utid, ucgid,"
               " plate AS what, size_bytes, start_ns, dur_ns, state FROM crossing UNION ALL SELECT 'leg', leg_id, 1 + (leg_id % 100 < 30), NULL, 'ride',"
               " road_id, NULL, NULL, NULL, NULL, start_ns, dur_ns, 'whole' FROM leg", of=large)
    for args in ((), ("--over", "50ms")):
        with rx.Receiver(defs) as r:
            p = report("--otlp", r.url, *args, db)
        spans, db_ = list(spans_of(requests_at(r, "/v1/traces"))), Database(db)
        bad = differences(db_, spans, db_.roots("flow = 'crossing' AND flow_id IN (2, 4, 7)" if args else None))
        check(p.returncode == 0 and not r.mistakes and not bad and len({s.resource["host.name"] for s in spans}) == 2 and len(requests_at(r, "/v1/traces")) > 1,
              "a guest and its host: %s %r %s" % (p.stderr, r.mistakes, "; ".join(bad)[:1000]))
    db = os.path.join(tmp, "two.db")
    ktest.run(sys.argv[2], *(os.path.join(ktest.TOP, "examples/recordings", n + ".ktr") for n in ("storage", "randrw")), "-o", db)
    spans, points, err, _ = to_file(defs, db)
    bad = differences(Database(db), spans, Database(db).roots()) + metric_differences(Database(db), points, spans)
    check(not bad, "two recordings: %s" % "; ".join(bad)[:1000])


def test_environment(defs, made):
    db = made["future"]
    with rx.Receiver(defs) as r, rx.Receiver(defs) as other:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": r.url + "/", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b%3D, x-Tenant = one ,x-both=all",
               "OTEL_EXPORTER_OTLP_COMPRESSION": "none", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
        p = report("--otlp", "env", "--otlp-header", "X-Tenant=two=2", "--otlp-header", "x-empty=", db, env=env)
        check(p.returncode == 0 and len(r.requests) == 2, "env: %s" % p.stderr)
        for _, _, h, _, _ in r.requests:
            h = {k.lower(): v for k, v in h.items()}
            check((h["api-key"], h["x-tenant"], h["x-empty"], h["x-both"], h.get("content-encoding")) == ("a b=", "two=2", "", "all", None), "headers: %r" % h)
        spans = list(spans_of(requests_at(r, "/v1/traces")))
        check(not metric_differences(Database(db), list(points_of(requests_at(r, "/v1/metrics"))), spans, temporality=1), "delta")
        # One signal's own comes before that of all, and as it is.
        r.requests.clear()
        p = report("--otlp", "env", db, env={**env, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": other.url + "/v1/metrics",
                                             "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-both=metrics", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json"})
        check(p.returncode == 0 and [q[1] for q in r.requests] == ["/v1/traces"] and [q[1] for q in other.requests] == ["/v1/metrics"], p.stderr)
        check(other.requests[0][2]["x-both"] == "metrics" and "api-key" not in other.requests[0][2] and
              other.requests[0][2]["Content-Type"] == "application/json" and r.requests[0][2]["x-both"] == "all", "of one signal: %r" % other.requests[0][2])
        # The command line comes before the environment.
        r.requests.clear()
        p = report("--otlp", other.url, db, env=env)
        check(p.returncode == 0 and not r.requests and len(other.requests) == 3, "--otlp URL: %s" % p.stderr)
    for args, env, why in (
            (("--otlp", "localhost:4318"), {}, "--otlp localhost:4318: expected http://HOST:4318"),
            (("--otlp", "env"), {"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://x"}, "OTEL_EXPORTER_OTLP_ENDPOINT ftp://x: expected http://"),
            (("--otlp", "env"), {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
             "OTEL_EXPORTER_OTLP_PROTOCOL grpc: expected http/protobuf or http/json: gRPC is not spoken"),
            (("--otlp", "env"), {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "10s"}, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT 10s: expected milliseconds"),
            (("--otlp", "env"), {"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "OTEL_EXPORTER_OTLP_COMPRESSION zstd: expected gzip or none"),
            (("--otlp", "env"), {"OTEL_EXPORTER_OTLP_HEADERS": "a=1,b"}, "OTEL_EXPORTER_OTLP_HEADERS: expected NAME=VALUE"),
            (("--otlp", "env"), {"OTEL_EXPORTER_OTLP_HEADERS": "a=1%0d%0ab: 2"}, "the value of 'a' has a control character"),
            (("--otlp", "env", "--otlp-header", "a b=1"), {}, "'a b' is no name of a header"),
            (("--otlp", "env", "--otlp-header", "ab"), {}, "expected NAME=VALUE")):
        p = report(*args, db, env=env)
        check(p.returncode == 64 and why in p.stderr and len(p.stderr.splitlines()) <= 3, "%r %r: %d %s" % (args, env, p.returncode, p.stderr))


def sent(defs, db, *faults, env=None, cert=None, args=(), url=None):
    """(exit status, stderr, the receiver, s)"""
    with rx.Receiver(defs, *faults, cert=cert) as r:
        start = time.monotonic()
        p = report("--otlp", url(r) if url else r.url, *args, db, env=env)
        took = time.monotonic() - start
    check(not r.mistakes and not p.stdout, "%r: %r" % (faults, r.mistakes))
    return p.returncode, p.stderr, r, took


def test_faults(defs, made, tmp):
    db = made["future"]
    whole = sorted(spans_of(requests_at(sent(defs, db)[2], "/v1/traces")), key=repr)

    def recovers(what, n, faults, at_least=0.0, **kw):
        """After these faults all arrives; each request is a repetition of the first."""
        code, err, r, took = sent(defs, db, *faults, **kw)
        got = requests_at(r, "/v1/traces")
        check(code == 0 and not err and len(r.requests) == n, "%s: exit %d, %d requests: %s" % (what, code, len(r.requests), err))
        check(all(sorted(spans_of([g]), key=repr) == whole for g in got) and took >= at_least, "%s: %d, %.2f s" % (what, len(got), took))
        return [b[0] - a[0] for a, b in zip(r.requests, r.requests[1:])]

    recovers("429", 3, [rx.status(429, "slow down", Retry_After="1")], 1)
    gaps = recovers("503", 5, [rx.status(503)] * 3)
    check(0.1 < gaps[0] < 0.6 and 0.2 < gaps[1] < 1 and 0.45 < gaps[2] < 1.6, "pauses that grow: %r" % gaps)
    recovers("502, 504", 4, [rx.status(502), rx.status(504)])
    recovers("a dropped connection", 3, [rx.drop])
    recovers("a truncated response", 3, [rx.truncate])
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2))
    recovers("Retry-After as a date", 3, [rx.status(503, Retry_After=date)], 1)

    def fails(what, n, faults, *why, env=None, **kw):
        code, err, r, took = sent(defs, db, *faults, env=env, **kw)
        lines = err.splitlines()
        check(code == 1 and len(lines) == 1 and lines[0].startswith("ktrace-report: ") and all(w in lines[0] for w in why) and len(r.requests) == n,
              "%s: exit %d, %d requests: %s" % (what, code, len(r.requests), err))
        return took

    for code in (400, 401, 403, 404, 413, 500, 501):
        fails(code, 1, [rx.status(code, "no such tenant\n2")], "/v1/traces: HTTP %d: no such tenant" % code)
    fails("400 as JSON", 1, [rx.status(400, "bad \x1b[31mdata")], "HTTP 400: bad \\x1b[31mdata", env={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
    fails("a page", 1, [rx.page], "/v1/traces: HTTP 404")
    fails("metrics alone", 2, [rx.ok, rx.status(404)], "/v1/metrics: HTTP 404")
    fails("a redirect", 1, [rx.status(307, Location="https://elsewhere.example/v1/traces")],
          "HTTP 307: the receiver is at https://elsewhere.example/v1/traces; name that")
    short = {"OTEL_EXPORTER_OTLP_TIMEOUT": "900"}
    took = fails("Retry-After too late", 1, [rx.status(429, "later", Retry_After="3600")],
                 "HTTP 429: later; given up after 1 try and 900 ms (OTEL_EXPORTER_OTLP_TIMEOUT)", env=short)
    check(took < 0.8, "Retry-After too late: waited %.1f s for nothing" % took)
    code, err, r, took = sent(defs, db, *[rx.status(503, "busy")] * 20, env=short)
    check(code == 1 and "HTTP 503: busy; given up after %d tries and 900 ms" % len(r.requests) in err and 2 <= len(r.requests) <= 5 and took < 2,
          "503 for ever: %s %d, %.1f s" % (err, len(r.requests), took))
    took = fails("no answer", 1, [rx.silence], "no answer within 900 ms (OTEL_EXPORTER_OTLP_TIMEOUT)", env=short)
    check(0.8 < took < 3, "no answer: %.1f s" % took)
    p = report("--otlp", "http://127.0.0.1:1", db)
    check(p.returncode == 1 and "http://127.0.0.1:1/v1/traces: " in p.stderr and "onnect" in p.stderr and len(p.stderr.splitlines()) == 1,
          "nobody there: %s" % p.stderr)

    # Taken in part: said once, never repeated.
    code, err, r, _ = sent(defs, db, rx.partial(3, "too old"), rx.partial(2, "no exemplars"))
    lines = [line.split("/v1/")[1] for line in err.splitlines()]
    n_points = len(list(points_of(requests_at(r, "/v1/metrics"))))
    check(code == 1 and len(r.requests) == 2 and lines == ["traces: 3 of %d spans were rejected: too old" % len(whole),
                                                           "metrics: 2 of %d data points were rejected: no exemplars" % n_points],
          "partial success: exit %d, %d requests: %s" % (code, len(r.requests), err))
    code, err, r, _ = sent(defs, db, rx.partial(0, "use the other endpoint"), env={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
    check(code == 0 and len(r.requests) == 2 and err.endswith("/v1/traces: use the other endpoint\n"), "a warning: exit %d: %s" % (code, err))
    code, err, r, _ = sent(defs, made["storage"], rx.partial(1, "a"), rx.partial(2, "b"), env={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
    check(code == 1 and len(r.requests) > 2 and "3 of 9,8" in err and err.endswith("spans were rejected: a\n"), "two in part: exit %d: %s" % (code, err))

    for body, content_type in ((b"\x0a\xff\xff\xff\xff\x0f", "application/x-protobuf"), (b"\x0a\x06" * 9000, "application/x-protobuf"),
                               (b"\x0a\x02\x08", "application/x-protobuf"), (b"[" * 70000, "application/json"), (b'{"partialSuccess": 7}', "application/json"),
                               (b"thanks", "text/plain"), (b"\xff" * 100000, "application/x-protobuf")):
        code, err, r, _ = sent(defs, db, rx.raw(body, content_type))
        check(code == 0 and len(r.requests) == 2 and len(err) < 400, "an answer that is none, %r: exit %d: %s" % (body[:20], code, err))

    # A receiver that is restarted is waited for.
    first = rx.Receiver(defs, rx.ok, *[rx.drop] * 9)
    port = first.server.server_address[1]
    tool = subprocess.Popen([TOOL, "--otlp", first.url, made["storage"]], env={**PLAIN, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, stderr=subprocess.PIPE,
                            text=True)
    while not first.requests and tool.poll() is None:
        time.sleep(0.01)
    first.close()
    time.sleep(0.5)
    with rx.Receiver(defs, port=port) as second:
        _, err = tool.communicate(timeout=60)
    spans = list(spans_of([first.requests[0][3]] + requests_at(second, "/v1/traces")))
    check(len(spans) == len(to_file(defs, made["storage"])[0]), "a restart: %d spans" % len(spans))
    check(tool.returncode == 0 and not err, "a restart: exit %r: %s" % (tool.returncode, err))

    # A batch after others: what had been sent is said.
    code, err, r, _ = sent(defs, made["storage"], rx.ok, rx.status(400, "no"), env={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
    check(code == 1 and "HTTP 400: no (%s had been sent)" % "{:,}".format(len(list(spans_of([r.requests[0][3]])))) in err, "half: %s" % err)


def test_tls(defs, made, tmp):
    db, cert, key, other = made["future"], os.path.join(tmp, "cert.pem"), os.path.join(tmp, "key.pem"), os.path.join(tmp, "other.pem")
    for path, name in ((other, "localhost"), (cert, "localhost")):
        ktest.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", key, "-out", path,
                  "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name)
    code, err, r, _ = sent(defs, db, cert=(cert, key), env={"OTEL_EXPORTER_OTLP_CERTIFICATE": cert})
    check(code == 0 and not err and len(r.requests) == 2, "TLS: %s" % err)
    for what, env, url in (("an authority that is not known", {}, None), ("a wrong certificate", {"OTEL_EXPORTER_OTLP_CERTIFICATE": other}, None),
                           ("a wrong name", {"OTEL_EXPORTER_OTLP_CERTIFICATE": cert}, lambda r: r.url.replace("localhost", "127.0.0.1"))):
        code, err, r, _ = sent(defs, db, cert=(cert, key), env=env, url=url)
        check(code == 1 and not r.requests and len(err.splitlines()) == 1 and "OTEL_EXPORTER_OTLP_CERTIFICATE" in err and "certificate" in err,
              "%s: %s" % (what, err))
    code, err, r, _ = sent(defs, db, cert=(cert, key), env={"OTEL_EXPORTER_OTLP_CERTIFICATE": key})
    check(code == 1 and "OTEL_EXPORTER_OTLP_CERTIFICATE: no certificates in %s" % key in err, "no certificates: %s" % err)
    code, err, r, _ = sent(defs, db, env={}, url=lambda r: r.url.replace("http:", "https:"))
    check(code == 1 and not r.requests and len(err.splitlines()) == 1, "TLS to a server without: %s" % err)


def test_files(made, tmp):
    db, out = made["future"], os.path.join(tmp, "out.jsonl")
    check(report("--otlp-file", out, db).returncode == 0 and ktest.read(out) == report("--otlp-file", "-", db).stdout, "a file")
    check(report("--otlp-file", out, db).returncode == 0, "it is replaced")
    p = report("--otlp-file", db, db)
    check(p.returncode == 1 and "there is a file of that name, and it is no OTLP as JSON lines; name another" in p.stderr, p.stderr)
    p = report("--otlp-file", "/dev/full", db)
    check(p.returncode == 1 and "No space left" in p.stderr, p.stderr)


def as_hex(i):
    """It shows an id as it came."""
    return i if len(i) in (16, 32) else base64.b64decode(i).hex()


def test_server(made):
    """Somebody else's receiver. It does not take gzip."""
    server = subprocess.Popen(["node", os.path.join(dbs.HERE, "otlp_server.mjs"), FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        for name in ("storage", "future"):
            for protocol in ("http/protobuf", "http/json"):
                p = report("--otlp", url, made[name], env={"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"})
                check(p.returncode == 0 and not p.stderr, "a server: %s" % p.stderr)
                db, got, points = Database(made[name]), {}, 0
                while not points:
                    line = json.loads(server.stdout.readline())
                    for rs in line.get("trace", {}).get("resourceSpans", []):
                        for s in (s for ss in rs["scopeSpans"] for s in ss["spans"]):
                            got[as_hex(s["traceId"]), as_hex(s["spanId"])] = s["name"]
                    points = sum(len(m["exponentialHistogram"]["dataPoints"]) for rm in line.get("metrics", {}).get("resourceMetrics", [])
                                 for sm in rm["scopeMetrics"] for m in sm["metrics"])
                want = {}
                for root in db.roots():
                    trace = db.half(db.flows[root][2]) + db.id(root)
                    for k in db.closure(root):
                        want[trace, db.id(k)] = db.name(k)
                        want.update({(trace, db.id(k, s[0])): s[1] for s in db.stages[k]})
                check(got == want and points == len(histograms(db)), "a server, %s %s: %d spans of %d, %d points of %d: %r" % (
                    name, protocol, len(got), len(want), points, len(histograms(db)), sorted(got.items() - want.items())[:2]))
    finally:
        server.stdin.close()
        server.wait(20)


def main():
    if not os.path.isdir(FOLDER) or not shutil.which("protoc"):
        ktest.skip("the official definitions are not there: tests/setup all gets them where npm is")
    tmp = ktest.tmpdir()
    defs = rx.definitions(FOLDER, tmp, ktest.run)
    if "--of" in sys.argv:
        ktr, db = os.path.join(tmp, "of.ktr"), os.path.join(tmp, "of.db")
        ktest.run(sys.argv[4], sys.argv[5], ktr)
        ktest.run(sys.argv[2], ktr, "-o", db)
        test_whole(defs, {"of": db})
        return
    made = dbs.made(os.path.abspath(sys.argv[2]), tmp)
    test_whole(defs, made)
    test_finds_faults(made, defs)
    test_bounds(defs, made, tmp)
    test_changed(defs, made, tmp)
    test_environment(defs, made)
    test_faults(defs, made, tmp)
    test_tls(defs, made, tmp)
    test_files(made, tmp)
    test_server(made)


ktest.main(main)
