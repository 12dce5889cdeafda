# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""What must hold for every recording: check(db, before, after) returns what is wrong, one line each.

before, after: /proc/diskstats around the recording, on disks that were idle at both moments, so that
counts must be equal to the last one. The accounting is the kernel's (block/blk-mq.c, blk_account_io_done and
blk_account_io_completion): an absorbed request counts as merge, not as I/O; the flush request that
carries no bio counts as flush; an empty flush that a bio asked for counts as write of no sectors.
"""
import sqlite3

# Columns of /proc/diskstats after major, minor, name (Documentation/admin-guide/iostats.rst).
DISKSTATS = {"read": (0, 2), "write": (4, 6), "discard": (11, 13), "flush": (15, None)}

GROUP = """CASE WHEN {t}.op = 'discard' THEN 'discard'
  WHEN {t}.op = 'flush' THEN CASE WHEN {bios} THEN 'write' ELSE 'flush' END
  WHEN {t}.op IN ('write', 'write_zeroes', 'secure_erase', 'zone_append') THEN 'write' ELSE {t}.op END"""

HAS_BIOS = "EXISTS (SELECT 1 FROM bio_request x WHERE x.request_id = r.request_id)"

REQUESTS = f"""
SELECT d.name, {GROUP.format(t='r', bios=HAS_BIOS)} AS grp, count(*), sum(r.size_bytes) / 512
FROM request r JOIN device d USING (device_id)
WHERE r.op NOT IN ('drv_in', 'drv_out') GROUP BY 1, 2"""

# Disks without requests: what was sent to them, not what it was split into. dm counts every piece that
# it sends on to one device as an I/O.
BIOS = f"""
SELECT d.name, {GROUP.format(t='b', bios='0')} AS grp, sum(max(1,
    (SELECT count(*) FROM bio c WHERE c.parent_bio_id = b.bio_id AND c.device_id <> b.device_id))),
  sum(b.size_bytes) / 512
FROM bio b JOIN device d USING (device_id) LEFT JOIN bio p ON p.bio_id = b.parent_bio_id
WHERE d.hw_queues = 0 AND p.device_id IS NOT b.device_id GROUP BY 1, 2"""

# Each returns a count that must be 0 and says what it counted.
ZERO = [
    ("events were lost", "SELECT coalesce(sum(lost), 0) FROM run"),
    ("lost intervals", "SELECT count(*) FROM lost_interval"),
    ("unknown events", "SELECT coalesce(sum(unknown_events), 0) FROM run"),
    ("times ran backwards", "SELECT coalesce(sum(backward_clock), 0) FROM run"),
    ("hooks of the families recorded are not attached",
     "SELECT count(*) FROM probe p JOIN run r USING (run_id) WHERE p.state <> 'attached' AND (p.state <> 'off' "
     "OR instr(',' || r.kinds || ',', ',' || p.family || ',')) AND ifnull(p.reason, '') NOT LIKE 'this kernel has the form%'"),
    ("requests on idle disks are not whole", "SELECT count(*) FROM request WHERE state <> 'whole'"),
    ("bios on idle disks are not whole", "SELECT count(*) FROM bio WHERE state <> 'whole'"),
    ("data requests have no bios",
     "SELECT count(*) FROM request r WHERE size_bytes > 0 AND op NOT IN ('drv_in', 'drv_out') "
     "AND NOT EXISTS (SELECT 1 FROM bio_request b WHERE b.request_id = r.request_id)"),
    ("requests do not add up to their bios",
     "SELECT count(*) FROM request r WHERE n_bios IS NOT (SELECT count(*) FROM bio_request b "
     "WHERE b.request_id = r.request_id) AND op NOT IN ('drv_in', 'drv_out')"),
    ("stages are negative", "SELECT count(*) FROM stage WHERE dur_ns < 0"),
    ("requests are not the sum of their stages",
     "SELECT count(*) FROM request r WHERE dur_ns IS NOT "
     "(SELECT sum(dur_ns) FROM stage s WHERE s.flow = 'request' AND s.flow_id = r.request_id)"),
    ("bios are not the sum of their stages",
     "SELECT count(*) FROM bio b WHERE dur_ns IS NOT "
     "(SELECT sum(dur_ns) FROM stage s WHERE s.flow = 'bio' AND s.flow_id = b.bio_id)"),
    # The kernel's counters count what filters leave out.
    ("audits without a word", "SELECT NOT EXISTS (SELECT 1 FROM audit WHERE verdict = 'ok') AND NOT EXISTS (SELECT 1 FROM run WHERE filters IS NOT NULL)"),
    ("lines of the audit are off", "SELECT count(*) FROM audit WHERE verdict = 'off'"),
]


def read_diskstats(path):
    with open(path) as f:
        return {w[2]: [int(x) for x in w[3:]] for w in (line.split() for line in f)}


def check_disks(c, before, after):
    traced = {}
    for query in (REQUESTS, BIOS):
        for disk, grp, n, sectors in c.execute(query):
            traced[disk, grp] = (n, sectors)
    wrong, total = [], 0
    for disk, end in after.items():
        start = before.get(disk, [0] * len(end))
        for grp, columns in DISKSTATS.items():
            kernel = tuple(end[i] - start[i] for i in columns if i is not None)
            got = traced.pop((disk, grp), (0, 0))[: len(kernel)]
            total += kernel[0]
            if kernel != got:
                wrong.append(f"{disk} {grp}: the kernel counted {kernel}, the trace holds {got} "
                             "(I/Os, sectors)")
    wrong += [f"{disk} {grp}: {n} in the trace, none in diskstats"
              for (disk, grp), (n, _) in traced.items()]
    if not total:
        wrong.append("no disk did any I/O")
    return wrong, total


def check(db, before, after, more_sql=""):
    """Returns what is wrong, and how many I/Os were compared. more_sql: statements that do likewise."""
    c = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    # For the NOT EXISTS above; the file itself stays as it is.
    c.execute("CREATE TEMP TABLE bio_request AS SELECT bio_id, request_id FROM main.bio_request")
    c.execute("CREATE INDEX temp.bio_request_ix ON bio_request(request_id)")
    c.execute("CREATE TEMP TABLE bio AS SELECT * FROM main.bio")
    c.execute("CREATE INDEX temp.bio_parent_ix ON bio(parent_bio_id)")
    c.execute("CREATE INDEX temp.bio_id_ix ON bio(bio_id)")
    c.execute("CREATE TEMP TABLE stage AS SELECT flow, flow_id, dur_ns FROM main.stage")
    c.execute("CREATE INDEX temp.stage_ix ON stage(flow, flow_id)")
    wrong, total = check_disks(c, read_diskstats(before), read_diskstats(after))
    for what, query in ZERO:
        n = c.execute(query).fetchone()[0]
        if n:
            wrong.append(f"{n} {what}")
    statement = ""
    for line in more_sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            wrong += [str(row[0]) for row in c.execute(statement)]
            statement = ""
    c.close()
    return wrong, total
