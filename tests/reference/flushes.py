# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""What requests in a flush sequence waited for, by the rules in README.md in this folder: see reconstruct.py."""


class Disk:
    partial = False  # a filter leaves others' flushes out

    def __init__(self):
        self.lives = {}  # address of a flush request -> [(first issue, last issue, irq, end, cpu)]
        self.doubt = -1  # something was missed up to then
        self.data = []  # (flush request or None, from, until): data of sequences at the device

    def at_device(self, flush, since):
        """Until when data that was at the device at `since` stayed there."""
        until, moved = since, True
        while moved:
            ends = [b for f, a, b in self.data if f == flush and a <= until < b]
            moved = bool(ends)
            until = max(ends, default=until)
        return until

    def held(self, since, until, cpu=None):
        """[(stage, begin, end)] of a hold, to the end of the flush that served it, and that flush request; or None."""
        fit = {}
        for flush, lives in self.lives.items():
            over = [n for n, life in enumerate(lives) if life[3] <= until]
            if over and lives[over[-1]][0] >= since:
                fit[flush] = over[-1]
        if len(fit) > 1:
            fit = {f: n for f, n in fit.items() if self.lives[f][n][4] == cpu}
        if since <= self.doubt or len(fit) != 1:
            return None
        (flush, n), = fit.items()
        lives = self.lives[flush]
        if self.partial:
            first, issued, irq, end, _ = lives[n]
            queue = [('queue', first, issued)] if issued > first else []
            return [('plug', since, first)] + queue + on_device(issued, irq, end), flush
        earlier = [life for life in lives[:n] if life[3] > since]
        if len(earlier) > 1:
            return None
        parts, now = [], since
        for first, _, _, end, _ in earlier:
            if first > now:
                parts.append(('worker', now, first))
            parts.append(('flush', max(now, first), end))
            now = end
        first, issued, irq, end, _ = lives[n]
        free = self.at_device(flush, now)
        if free > first or any(f is None and a < first and b > now for f, a, b in self.data):
            return None
        if free > now:
            parts.append(('flush', now, free))
        parts.append(('worker', free, first))
        if issued > first:
            parts.append(('queue', first, issued))
        return parts + on_device(issued, irq, end), flush


def on_device(issued, irq, end):
    if irq is not None and irq > issued:
        return [('device', issued, irq), ('complete', irq, end)]
    return [('device', issued, end)]


class Sequence:
    """The sequence of a request with data."""

    def __init__(self, disk, r, t, preflush):
        self.disk, self.r, self.left, self.preflush = disk, r, r.opened if r.opened is not None else t, preflush
        self.data = self.irq = self.before = self.flush = None
        if preflush and r.start is not None:
            self.before, self.flush = disk.held(r.start, self.left) or (None, None)

    def data_done(self, t, age):
        if self.data is not None:
            return
        self.data, self.irq = t, t - age if age else None
        flush, since = self.flush, self.before[-1][2] if self.before else self.r.start
        if not self.preflush and len(self.disk.lives) == 1:
            flush, = self.disk.lives
        self.disk.data.append((flush, since, t))

    def parts(self, end, cpu):
        r = self.r
        if self.data is None or not r.on_device:
            return None
        if self.before:
            parts = list(self.before)
            if self.left > parts[-1][2]:
                parts.append(('worker', parts[-1][2], self.left))
        else:
            parts = [('plug', r.start, self.left)] if r.got or self.left > r.start else []
        if r.opened is not None:
            parts.append(('queue', self.left, r.issued))
        parts += on_device(r.issued, self.irq, self.data)
        after = None if self.disk.partial else self.disk.held(self.data, end, cpu)
        if not self.before and not after:
            return None
        return up_to(parts + (after[0] if after else []), end)


def up_to(parts, end):
    stage, begin, _ = parts[-1]
    return parts[:-1] + [(stage, begin, end)]


def sum_of(parts, stage):
    """None: it is not among them."""
    found = [b - a for s, a, b in parts or () if s == stage]
    return sum(found) if found else None
