# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""What was sent as OpenTelemetry, from the official messages, and what SQL says of the database: where these are not the same."""
import collections
import errno
import json
import math

import ktest
import otlp_receiver as rx
from ktest import check

MASK = (1 << 44) - 1


# ---------------------------------------------------------------- what was sent


def any_value(v):
    return getattr(v, v.WhichOneof("value"))


def attributes(of):
    found = {a.key: any_value(a.value) for a in of}
    if len(found) != len(of):
        check(False, "an attribute twice: %r" % [a.key for a in of])
    return found


Span = collections.namedtuple("Span", "trace id parent name start end kind attrs events links failed resource")


def spans_of(requests):
    """Of requests in whichever encoding."""
    for request in requests:
        for rs in request.resource_spans:
            res = attributes(rs.resource.attributes)
            for ss in rs.scope_spans:
                check(ss.spans and ss.scope.name == "ktrace", "an empty envelope, or no scope: %r" % ss.scope)
                for s in ss.spans:
                    yield Span(s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.name, s.start_time_unix_nano, s.end_time_unix_nano, s.kind,
                               attributes(s.attributes), [(e.time_unix_nano, e.name, attributes(e.attributes)) for e in s.events],
                               [(x.trace_id.hex(), x.span_id.hex(), attributes(x.attributes)) for x in s.links], s.status.code == 2, res)


def points_of(requests):
    for request in requests:
        for rm in request.resource_metrics:
            for sm in rm.scope_metrics:
                check(sm.metrics, "an empty envelope")
                for m in sm.metrics:
                    check((m.name, m.unit) == ("ktrace.flow.duration", "s") and m.exponential_histogram.data_points, "metric %r" % m.name)
                    for p in m.exponential_histogram.data_points:
                        yield attributes(rm.resource.attributes), m.exponential_histogram.aggregation_temporality, p


def file_requests(defs, data):
    """(traces, metrics) of JSON lines, each of which is a whole message and no larger than a batch."""
    found = {"resourceSpans": [], "resourceMetrics": []}
    for line in data.splitlines():
        key, = json.loads(line)
        check(len(line) <= rx.LIMIT, "a line of %d bytes" % len(line))
        found[key].append(rx.decode(defs, "/v1/traces" if key == "resourceSpans" else "/v1/metrics", "application/json", line))
    return found["resourceSpans"], found["resourceMetrics"]



# ---------------------------------------------------------------- what had to be


class Database:
    def __init__(self, path):
        con = self.con = ktest.open_db(path)
        self.epoch = con.execute("SELECT value FROM meta WHERE key = 'epoch_realtime_ns'").fetchone()[0]
        self.kinds = {r[0]: r for r in con.execute("SELECT flow, coalesce(letter, flow || ' '), coalesce(one, flow), waits_for IS NOT NULL, tbl, id_col,"
                                                   " object_tbl, coalesce(object_word, 'object') FROM flow_kind")}
        self.runs = {r[0]: r for r in con.execute("SELECT run_id, uuid, host, kernel, boot_id, command, start_ns, dur_ns, lost FROM run")}
        self.tasks = {r[0]: r for r in con.execute("SELECT utid, tid, tgid, comm, program, is_recorder FROM task")}
        self.cgroups = dict(con.execute("SELECT ucgid, path FROM cgroup"))
        self.objects = {(t, i): (n or d, d) for t, i, n, d in con.execute("SELECT tbl, object_id, name, dev FROM flow_object")}
        self.flows = {r[:2]: r for r in con.execute("SELECT flow, flow_id, run_id, kind, op, object_id, utid, ucgid, what, size_bytes, start_ns, dur_ns,"
                                                    " state FROM flow")}
        self.lower = collections.defaultdict(list)
        self.below = set()
        for a, i, b, j, word in con.execute("SELECT flow, flow_id, lower, lower_id, link FROM flow_link"):
            if (a, i) != (b, j):
                self.lower[a, i].append(((b, j), word))
                self.below.add((b, j))
        self.classes = {(f, s): c for f, s, c in con.execute("SELECT flow, stage, class FROM flow_stage")}
        self.stages = collections.defaultdict(list)
        for row in con.execute("SELECT flow, flow_id, seq, name, start_ns, dur_ns, runq_ns, irq_ns, softirq_ns FROM stage ORDER BY seq"):
            self.stages[row[:2]].append(row[2:])
        self.disturbances = collections.defaultdict(list)
        if con.execute("SELECT count(*) FROM sqlite_master WHERE name = 'disturbance'").fetchone()[0]:
            for row in con.execute("SELECT flow, flow_id, seq, cause, start_ns, dur_ns, by_utid, by_irq FROM disturbance"):
                self.disturbances[row[:2]].append(row[2:])
        self.errors = {}
        for k in self.kinds.values():
            if con.execute("SELECT count(*) FROM pragma_table_info(?) WHERE name = 'error'", (k[4],)).fetchone()[0]:
                for i, e in con.execute('SELECT "%s", error FROM "%s" WHERE error < 0' % (k[5], k[4])):
                    self.errors[k[0], i] = e

    def half(self, run_id):
        r = self.runs[run_id]
        return r[1].lower().replace("-", "")[:16] if r[1] else "%016x" % (self.epoch + r[6])

    def id(self, key, seq=0):
        letter = self.kinds[key[0]][1]
        return "%02x%03x%011x" % (ord(letter[0]) & 255, seq & 4095, key[1] & MASK)

    def roots(self, where=None):
        own = {u for u, t in self.tasks.items() if t[5]}
        if where:
            keys = set(self.con.execute("SELECT flow, flow_id FROM flow WHERE " + where))
        else:
            keys = {k for k in self.flows if self.kinds[k[0]][3] or k not in self.below}
        return {k for k in keys if self.flows[k][6] not in own and self.flows[k][10] is not None}

    def closure(self, root):
        seen, todo = {root}, [root]
        while todo:
            for k, _ in self.lower[todo.pop()]:
                if k not in seen and k in self.flows:
                    seen.add(k)
                    todo.append(k)
        return seen

    def end(self, key):
        r = self.flows[key]
        if r[11] is not None:
            return r[10] + r[11], None
        last = max([r[10]] + [s[2] + s[3] for s in self.stages[key]])
        run = self.runs[r[2]]
        if r[12] == "open_at_end" and run[6] + run[7] >= last:
            return run[6] + run[7], "open when the recording ended"
        return last, "not known"

    def attributes(self, key):
        """Without ktrace.link, which depends on where it hangs."""
        _, _, _, kind, op, obj, utid, ucgid, what, size, _, _, state = self.flows[key]
        k = self.kinds[key[0]]
        found = {"ktrace.flow": key[0], "ktrace.id": "%s%d" % (k[1], key[1]), "ktrace.kind": kind, "ktrace.op": op, "ktrace.what": what,
                 "ktrace.size_bytes": size, "ktrace.state": None if state == "whole" else state, "ktrace.end": self.end(key)[1]}
        found.update(self.object(k, obj))
        if utid in self.tasks:
            _, tid, tgid, comm, program, _ = self.tasks[utid]
            found.update({"thread.id": tid, "process.pid": tgid, "thread.name": comm, "process.executable.name": program})
        found["process.linux.cgroup"] = self.cgroups.get(ucgid)
        if key in self.errors:
            found["error.type"] = errno_name(self.errors[key])
        return {a: v for a, v in found.items() if v is not None}

    def object(self, k, object_id):
        if object_id is None:
            return {}
        name, dev = self.objects.get((k[6], object_id), (None, None))
        return {"ktrace.object": name or "%s %d" % (k[7], object_id), **({"system.device": name} if name and dev else {})}

    def events(self, key):
        names = {s[0]: s[1] for s in self.stages[key]}
        found = []
        for seq, cause, start, dur, by, irq in self.disturbances[key]:
            task = self.tasks.get(by)
            attrs = {"ktrace.dur_ns": dur, "ktrace.stage": names.get(seq), "ktrace.by": task and "%s [%d]" % (task[3], task[1]), "ktrace.by_irq": irq}
            found.append((self.epoch + start, cause, {a: v for a, v in attrs.items() if v is not None}))
        return sorted(found, key=repr)

    def name(self, key):
        k, op = self.kinds[key[0]], self.flows[key][4]
        return (op or k[2]) if k[3] else k[2] + (" " + op if op else "")

    def resource(self, run_id):
        _, uuid, host, kernel, boot_id, command, _, _, lost = self.runs[run_id]
        found = {"service.name": "ktrace", "service.instance.id": uuid, "host.name": host, "os.type": "linux",
                 "os.description": kernel and "Linux " + kernel, "ktrace.run.kernel": kernel, "ktrace.run.uuid": uuid, "ktrace.run.boot_id": boot_id,
                 "ktrace.run.command": command, "ktrace.run.lost_events": lost}
        return {a: v for a, v in found.items() if v is not None}


def errno_name(e):
    return errno.errorcode.get(-e, str(e))


def differences(db, spans, roots):
    """What is not as the database has it."""
    found, traces = [], collections.defaultdict(dict)

    def same(what, got, want):
        if got != want:
            found.append("%s: %r, not %r" % (what, got, want))

    for s in spans:
        if s.id in traces[s.trace]:
            found.append("span %s is twice in trace %s" % (s.id, s.trace))
        traces[s.trace][s.id] = s
    same("traces", set(traces), {db.half(db.flows[r][2]) + db.id(r) for r in roots})
    for root in roots:
        trace = traces.get(db.half(db.flows[root][2]) + db.id(root), {})
        members = {k for k in db.closure(root) if db.flows[k][10] is not None}
        by_id = {db.id(k): k for k in members}
        want = set(by_id) | {db.id(k, s[0]) for k in members for s in db.stages[k]}
        same("spans of %s" % (root,), set(trace), want)
        if set(trace) != want:
            continue
        links = set()
        for span_id, key in by_id.items():
            s, flow = trace[span_id], db.flows[key]
            same("%s" % (key,), (s.name, s.start, s.end, s.kind, s.failed),
                 (db.name(key), db.epoch + flow[10], db.epoch + db.end(key)[0], 1, key in db.errors))
            attrs = dict(s.attrs)
            word = attrs.pop("ktrace.link", None)
            same("attributes of %s" % (key,), attrs, db.attributes(key))
            same("disturbances of %s" % (key,), sorted(s.events, key=repr), db.events(key))
            res = dict(s.resource)
            same("the version is there", bool(res.pop("service.version", None)), True)
            same("resource of %s" % (key,), res, db.resource(flow[2]))
            if key == root:
                same("the root's parent", (s.parent, word), ("", None))
            elif s.parent not in by_id:
                found.append("%s: its parent %s is not in the trace" % (key, s.parent))
            else:
                links.add((by_id[s.parent], key, word))
            for trace_id, other, a in s.links:
                same("a link's trace", trace_id, s.trace)
                links.add((key, by_id[other], a["ktrace.link"]))
            for seq, name, start, dur, *rest in db.stages[key]:
                g = trace[db.id(key, seq)]
                same("stage %s of %s" % (name, key), (g.name, g.start, g.end, g.parent, g.kind), (name, db.epoch + start, db.epoch + start + dur, span_id, 1))
                want = {"ktrace.stage": name, "ktrace.class": db.classes.get((key[0], name)),
                        **dict(zip(("ktrace.runq_ns", "ktrace.irq_ns", "ktrace.softirq_ns"), rest))}
                same("attributes of stage %s of %s" % (name, key), g.attrs, {a: v for a, v in want.items() if v is not None})
        # One whose beginning is not known has no span: what is below hangs one up, and its link is nobody's.
        if len(members) == len(db.closure(root)):
            same("links in the trace of %s" % (root,), links, {(k, l, w) for k in members for l, w in db.lower[k] if l in members})
        # What a flow's stages sum up to is what SQL says; of a shared flow the same in each trace.
    return found


def histograms(db):
    """{(run, attributes): [(bucket, n, ns, max)]} of whole flows, without ktrace-record's own."""
    own = {u for u, t in db.tasks.items() if t[5]}
    counts = {(f, v): c for f, v, c in db.con.execute("SELECT flow, value, counts FROM flow_word WHERE col = 'via'")}
    groups = {r[0]: r[1:] for r in db.con.execute("SELECT group_id, run_id, flow, kind, op, object_id, via, error FROM flow_group")}
    keys = collections.defaultdict(list)
    for key, group, utid in db.con.execute("SELECT key_id, group_id, utid FROM flow_key"):
        keys[group].append((key, utid))
    found = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0, 0]))
    for group, (run_id, flow, kind, op, obj, via, error) in groups.items():
        if counts.get((flow, via)) == "not" and error is None:
            continue
        if any(u in own for _, u in keys[group]):
            rows = [r for k, u in keys[group] if u not in own
                    for r in db.con.execute("SELECT bucket, n, ns, max_ns FROM flow_hist_sum WHERE key_id = ?", (k,))]
        else:
            rows = db.con.execute("SELECT bucket, n, ns, max_ns FROM group_hist_sum WHERE group_id = ? AND stage = 0", (group,))
        attrs = {"ktrace.flow": flow, "ktrace.kind": kind, "ktrace.op": op, "ktrace.via": via if counts.get((flow, via)) == "apart" else None,
                 "error.type": errno_name(error) if error else None, **db.object(db.kinds[flow], obj)}
        point = found[run_id, frozenset((a, v) for a, v in attrs.items() if v is not None)]
        for bucket, n, ns, most in rows:
            b = point[bucket]
            b[0], b[1], b[2] = b[0] + n, b[1] + ns, max(b[2], most)
    return {k: v for k, v in found.items() if v}


def metric_differences(db, points, spans, temporality=2):
    found, got = [], {}
    runs = {r[1]: r[0] for r in db.runs.values()}
    sent = {(s.trace, s.id): s for s in spans}
    for res, temp, p in points:
        run_id = runs[res.get("ktrace.run.uuid")]
        got[run_id, frozenset(attributes(p.attributes).items())] = p
        run = db.runs[run_id]
        if (temp, p.start_time_unix_nano, p.time_unix_nano) != (temporality, db.epoch + run[6], db.epoch + run[6] + run[7]):
            found.append("times or temporality: %r" % p)
    want = histograms(db)
    if set(got) != set(want):
        found.append("points: only sent %r, only in the database %r" % (list(set(got) - set(want))[:2], list(set(want) - set(got))[:2]))
    for key in set(got) & set(want):
        p, rows = got[key], want[key]
        n = sum(r[0] for r in rows.values())
        means = collections.Counter()
        for c, ns, _ in rows.values():
            if ns:
                means[math.ceil(math.log2(ns / c / 1e9) * 2.0**p.scale) - 1] += c
        counts = {p.positive.offset + i: c for i, c in enumerate(p.positive.bucket_counts) if c}
        if (p.count, counts, p.zero_count) != (n, dict(means), n - sum(means.values())) or len(p.positive.bucket_counts) > 160:
            found.append("%s: %r, not %r" % (set(key[1]), counts, means))
        if not math.isclose(p.sum, sum(r[1] for r in rows.values()) / 1e9, rel_tol=1e-12) or p.max != max(r[2] for r in rows.values()) / 1e9:
            found.append("%s: sum %r, max %r" % (set(key[1]), p.sum, p.max))
        # The best scale that has room.
        if p.scale < 6 and max(means) - min(means) + 1 < 80:
            found.append("%s: scale %d for %d buckets" % (set(key[1]), p.scale, len(p.positive.bucket_counts)))
        for e in p.exemplars:
            s = sent.get((e.trace_id.hex(), e.span_id.hex()))
            if not s or s.parent or e.as_double != (s.end - s.start) / 1e9 or e.time_unix_nano != s.end or \
                    attributes(e.filtered_attributes) != {"ktrace.id": s.attrs["ktrace.id"]}:
                found.append("exemplar %r of %r" % (e, s))
    return found
