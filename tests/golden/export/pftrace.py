# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""Reads a Perfetto trace as far as ktrace-report writes one, and minds what trace_processor lets pass: an event that nothing interned names, an end
without a beginning, a beginning without an end, a slice that is not within the one below it, a file that stops within a packet. From Perfetto's
.proto files alone; the exporter's source is not its model."""
import collections
import struct

Slice = collections.namedtuple("Slice", "track ts dur name category args flows depth parent")
Track = collections.namedtuple("Track", "uuid name parent rank counter description")


class Mistake(Exception):
    pass


def varint(b, i, end):
    v = shift = 0
    while True:
        if i >= end or shift > 63:
            raise Mistake("a number is cut")
        v |= (b[i] & 0x7f) << shift
        shift += 7
        i += 1
        if b[i - 1] < 0x80:
            return v & (1 << 64) - 1, i


def fields(b, i=0, end=None):
    """(number, value): an int, or (begin, end) of what has a length."""
    end = len(b) if end is None else end
    while i < end:
        tag, i = varint(b, i, end)
        wire = tag & 7
        if wire == 0:
            v, i = varint(b, i, end)
        elif wire == 1:
            if i + 8 > end:
                raise Mistake("a number is cut")
            v, i = struct.unpack_from("<Q", b, i)[0], i + 8
        elif wire == 2:
            n, i = varint(b, i, end)
            if i + n > end:
                raise Mistake("the file is cut")
            v, i = (i, i + n), i + n
        else:
            raise Mistake("wire type %d" % wire)
        yield tag >> 3, v


def message(b, span):
    """{number: [values]}; texts stay spans."""
    found = {}
    for nr, v in fields(b, *span):
        found.setdefault(nr, []).append(v)
    return found


def signed(v):
    return v - (1 << 64) if v >> 63 else v


class Trace:
    """slices, instants: Slice; counters: {track: [(ts, value)]}; tracks: {uuid: Track}; clock: ts of the snapshot's CLOCK_REALTIME, None without one."""

    def __init__(self, data):
        self.b = data
        self.tracks, self.slices, self.instants, self.counters = {}, [], [], collections.defaultdict(list)
        self.clock = None
        self.interned = {nr: {} for nr in (1, 2, 3, 29)}
        self.n_packets = 0
        events = []
        cleared = False
        for nr, span in fields(data):
            if nr != 1:
                raise Mistake("field %d is no packet" % nr)
            p = message(data, span)
            self.n_packets += 1
            if p.get(13) == [1]:
                self.clock_id, cleared = message(data, p[59][0])[58][0], True
            elif p.get(13) != [2] or not cleared or p.get(10) != [1]:
                raise Mistake("a packet of no sequence")
            for at in p.get(12, ()):
                self.intern(at)
            if 6 in p:
                snapshot = message(data, p[6][0])
                clock = message(data, snapshot[1][0])
                if snapshot[2] != [1] or clock[1] != [1]:
                    raise Mistake("the clock is not the real time")
                self.clock = clock[2][0]
            if 60 in p:
                self.track(message(data, p[60][0]))
            if 11 in p:
                events.append((p[8][0], len(events), self.event(message(data, p[11][0]))))
        # As trace_processor does: by time, and what is at one time in the order of the file.
        self.play(sorted(events, key=lambda e: e[:2]))

    def text(self, span):
        return self.b[span[0]:span[1]].decode("utf-8")

    def intern(self, span):
        for nr, at in fields(self.b, *span):
            m = message(self.b, at)
            if m[1][0] in self.interned[nr]:
                raise Mistake("%d is interned twice" % m[1][0])
            self.interned[nr][m[1][0]] = self.text(m[2][0])

    def name_of(self, nr, iid):
        if iid not in self.interned[nr]:
            raise Mistake("no interned name %d" % iid)
        return self.interned[nr][iid]

    def named(self, m, nr, by_iid, by_text):
        return self.name_of(nr, m[by_iid][0]) if by_iid in m else self.text(m[by_text][0])

    def track(self, m):
        parent = m.get(5, [None])[0]
        if parent is not None and parent not in self.tracks:
            raise Mistake("a track below none")
        counter = message(self.b, m[8][0])[3][0] if 8 in m else None
        self.tracks[m[1][0]] = Track(m[1][0], self.text(m[2][0]), parent, m[12][0], counter, self.text(m[14][0]) if 14 in m else None)

    def event(self, m):
        track = self.tracks.get(m[11][0])
        if not track:
            raise Mistake("an event on no track")
        kind = m[9][0]
        if kind == 4:
            return kind, track, signed(m[30][0])
        if kind == 2:
            return kind, track
        args = {}
        for span in m.get(4, ()):
            a = message(self.b, span)
            key = self.named(a, 3, 1, 10)
            args[key] = signed(a[4][0]) if 4 in a else self.named(a, 29, 17, 6)
        return kind, track, self.named(m, 2, 10, 23), self.named(m, 1, 3, 22), args, tuple(m.get(47, ()))

    def play(self, events):
        opened = collections.defaultdict(list)
        for ts, _, (kind, track, *more) in events:
            if kind == 4:
                self.counters[track].append((ts, more[0]))
                continue
            stack = opened[track.uuid]
            if kind == 2:
                if not stack:
                    raise Mistake("an end of nothing on track %s" % track.name)
                at, begun = stack.pop()
                self.slices[at] = begun._replace(dur=ts - begun.ts)
                continue
            name, category, args, flows = more
            s = Slice(track, ts, None, name, category, args, flows, len(stack), stack[-1][0] if stack else None)
            if kind == 3:
                self.instants.append(s)
            else:
                stack.append((len(self.slices), s))
                self.slices.append(s)

    def path(self, track):
        names = []
        while track:
            names.append(track.name)
            track = self.tracks.get(track.parent)
        return tuple(reversed(names))

    def arrows(self):
        """{id: [slices or instants that have it]}"""
        ends = collections.defaultdict(list)
        for s in self.slices + self.instants:
            for f in s.flows:
                ends[f].append(s)
        return ends
