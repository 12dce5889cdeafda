#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""A run in several files: no flow is lost at a seam, and the rows are those of the run in one file.

usage: engine_pieces.py TEXT-TO-KTR KTRACE-ANALYZE
Reads overlap every seam. The pieces are given in any order, one of them twice, cut short, or left out.
"""
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

READS, PIECES = 60, 3
DISKS = """@context 0 disks
dev	name	parent	scheduler	rotational	size_bytes	hw_queues	bio_based	nr_requests	max_sectors_kb
8:0	sda	-	none	0	1000000	1	0	64	512
"""


def events():
	out, t = [], 1000
	for i in range(READS):
		bio, rq, cpu = 0xb00 + i % 8, 0x700 + i % 8, i % 2
		t += 100
		out += [
			(t, cpu, f'bio_queue tid=7 tgid=7 bio={bio:#x} sector={8 * i} bytes=4096 dev=8:0 opf=read'),
			(t + 10, cpu, f'rq_get dev=8:0 bio={bio:#x}'),
			(t + 20, cpu, f'rq_issue part_dev=8:0 rq={rq:#x} sector={8 * i} bytes=4096 opf=read dev=8:0 flags=0x4'
			 f' bio={bio:#x} n_bios=1 segments=1'),
			(t + 520 + i % 37, 1 - cpu, f'rq_complete bytes=4096 rq={rq:#x} bio={bio:#x} flags=0x5 opf=read dev=8:0'),
		]
	return sorted(out, key=lambda e: e[:2])


def lines(some):
	return '\n'.join(f'{t} {cpu} {what}' for t, cpu, what in some)


class Bench:
	def __init__(self, tool, analyze, folder):
		self.tool, self.analyze, self.folder = tool, analyze, pathlib.Path(folder)

	def record(self, name, body, end, **env):
		case, ktr = self.folder / (name + '.golden'), self.folder / (name + '.ktr')
		case.write_text(DISKS + '@events\n' + body + f'\n@end {end}\n')
		subprocess.run([self.tool, str(case), str(ktr)], check=True, env=dict(os.environ, **env))
		return ktr

	def rows(self, *files):
		"""Everything that the analysis says, less the names of files."""
		db = self.folder / 'out.db'
		said = subprocess.run([self.analyze, *map(str, files), '-o', str(db)], check=True, text=True, stderr=subprocess.PIPE)
		con = sqlite3.connect(f'file:{db}?mode=ro', uri=True)
		tables = {}
		for name, in con.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"):
			cols = [c[1] for c in con.execute(f'PRAGMA table_info("{name}")') if c[1] not in ('file', 'file_bytes')]
			tables[name] = con.execute(f'SELECT {", ".join(cols)} FROM "{name}"').fetchall()
		con.close()
		return tables, said.stderr


def same(have, want, what):
	for name in want:
		if have[name] != want[name]:
			sys.exit(f'{what}: table {name}:\n{have[name]}\nnot\n{want[name]}')


def runs(b, body, end):
	"""Several runs: what overlaps is said; how far clocks are off is what both machines know of their own, or not known."""
	one = b.record('one', body, end, GOLDEN_WALL_ERROR='3000000')
	boot = b.record('boot', body, end, GOLDEN_UUID='2', GOLDEN_WALL_ERROR='3000000')
	other = b.record('other', body, end, GOLDEN_UUID='3', GOLDEN_BOOT='3', GOLDEN_WALL_ERROR='5000000')
	unknown = b.record('unknown', body, end, GOLDEN_UUID='4', GOLDEN_BOOT='4')
	for files, err, says in (((one, boot), 0, True), ((one, other), 8000000, False), ((one, unknown), None, False), ((unknown, other), None, False)):
		have, said = b.rows(*files)
		names = [f.name for f in files]
		errors = [r[7] for r in have['run']]
		if len(have['run']) != 2 or errors != [0, err] or len(have['request']) != 2 * READS:
			sys.exit(f'{names}: clock errors {errors}, not [0, {err}]: {have["run"]}')
		if ('overlap' in said and len(said.splitlines()) == 1 and all(n in said for n in names)) != says or (said and not says):
			sys.exit(f'{names}: said: {said}')


def main():
	all_events = events()
	end, step = all_events[-1][0] + 100, len(all_events) // PIECES
	cuts = [all_events[i * step:(i + 1) * step if i < PIECES - 1 else None] for i in range(PIECES)]
	with tempfile.TemporaryDirectory(prefix='pieces-') as folder:
		b = Bench(sys.argv[1], sys.argv[2], folder)
		whole = b.record('whole', '\n@cut\n'.join(lines(c) for c in cuts), end)
		pieces = [b.record(f'piece{i}', lines(c), end if i == PIECES - 1 else c[-1][0]) for i, c in enumerate(cuts)]
		want, _ = b.rows(whole)
		if len(want['request']) != READS or {r[-1] for r in want['request']} != {'whole'}:
			sys.exit(f'the whole run: {want["request"]}')

		for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
			have, said = b.rows(*(pieces[i] for i in order))
			same(have, want, f'pieces {order}')
			if said:
				sys.exit(f'pieces {order}: {said}')
		# Nothing counts twice: a file given twice, a piece given twice, a copy under another name, or one that was cut.
		again, cut = pathlib.Path(folder) / 'again.ktr', pathlib.Path(folder) / 'cut.ktr'
		again.write_bytes(whole.read_bytes())
		cut.write_bytes(whole.read_bytes()[:-3000])
		for files in ((*pieces, pieces[1]), (whole, whole), (again, whole), (cut, whole), (whole, cut), (whole, whole, whole)):
			have, said = b.rows(*files)
			same(have, want, f'{[f.name for f in files]}')
			if said.count('it is read once') != len(said.splitlines()) or len(said.splitlines()) != len(files) - (3 if len(files) == 4 else 1):
				sys.exit(f'{[f.name for f in files]}: not said: {said}')
		# cat a b > c: both are read, whatever the end of a.
		joined = pathlib.Path(folder) / 'joined.ktr'
		joined.write_bytes(b''.join(p.read_bytes() for p in pieces))
		have, said = b.rows(joined)
		same(have, want, 'cat of the pieces')
		if said:
			sys.exit(f'cat of the pieces: {said}')
		for keep in (None, -30, -1000, -3000):
			joined.write_bytes(pieces[0].read_bytes()[:keep] + pieces[1].read_bytes() + pieces[2].read_bytes())
			have, said = b.rows(joined)
			if len(have['run']) != 1 or (keep is None) != (not said) or len(have['request']) < READS * 2 // 3:
				sys.exit(f'cat of pieces, the first without its last {keep} bytes: {len(have["request"])} requests, {have["run"]}: {said}')
		runs(b, lines(all_events), end)
		# The middle one without its end: what is lost there ends where the next begins.
		data = pieces[1].read_bytes()
		torn = pathlib.Path(folder) / 'torn.ktr'
		torn.write_bytes(data[:-20])
		have, said = b.rows(pieces[0], torn, pieces[2])
		seam = min(t for t, cpu, _ in cuts[2] if cpu == 0) # its first block is CPU 0's
		ends = [r[2] + r[3] for r in have['lost_interval']]
		if len(have['run']) != 1 or not said or not ends or max(ends) > seam:
			sys.exit(f'torn: {have["run"]} {have["lost_interval"]} {said}')
		# A request is lossy if its bio is, which began 10 before.
		whole_after = [r for r in have['request'] if r[8] > seam + 10]
		if not whole_after or {r[-1] for r in whole_after} != {'whole'}:
			sys.exit(f'torn: after the seam: {whole_after}')
	print(f'{READS} reads over {PIECES - 1} seams')


main()
