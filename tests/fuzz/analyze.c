// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Hostile but well-formed recordings through the whole analysis: fuzz-analyze DIR SECONDS [SEED]
 *
 * Each round writes recordings through the public writer into DIR and analyses them: births without deaths
 * and the reverse, reused addresses, clocks that step back and wrap, absurd lengths, counts, devices and streams,
 * wrong watermarks, several pieces of one run. The database must be intact, and the stages of its whole flows must add up.
 * Every few hundred rounds one is long and always has new addresses, devices and tasks: memory must not grow with them.
 * With SEED only that round is run. Meant for a build with sanitizers: see tests/fuzz/analyze.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "analyze/engine/engine.h"

#define FILES_MAX 3
#define STREAMS_MAX 6
#define STREAMS_SAID 5000 /* a block may name any of them */
#define POOL_MAX 64
#define ROUND_EVENTS 1500
#define LONG_EVENTS 600000
#define LONG_EVERY 400
#define RSS_MAX_MIB 1500 /* of the build with sanitizers, which takes about three times as much */
#define BASE_NS 1000000000000ull

volatile sig_atomic_t kt_stop;

static uint64_t state;
static uint64_t round_seed;
static const char *dir;

struct shape {
	bool wide; /* always new addresses, devices, tasks */
	bool back; /* clocks step back, or jump */
	bool wild; /* fields may be anything */
	bool lies; /* watermarks, counters and stream numbers too */
	unsigned int n_events, n_streams, n_addr, n_dev;
	uint64_t step_ns;
};

static void __attribute__((noreturn)) kt_printf_like(1, 2) fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "fuzz-analyze: round %" PRIu64 ": ", round_seed);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nto see it again: fuzz-analyze %s 1 %" PRIu64 "\n", dir, round_seed);
	exit(1);
}

/* xorshift64* */
static uint64_t rnd(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static uint64_t below(uint64_t n)
{
	return rnd() % n;
}

static bool one_in(unsigned int n)
{
	return !below(n);
}

/* ---------------------------------------------------------------- events */

/* The events that trackers use, the likely ones several times. */
static const uint16_t ids[] = {
	KT_EV_bio_queue,    KT_EV_bio_queue,	KT_EV_bio_queue,    KT_EV_bio_split,
	KT_EV_bio_remap,    KT_EV_bio_merge,	KT_EV_bio_merge,    KT_EV_bio_complete,
	KT_EV_rq_get,	    KT_EV_rq_get,	KT_EV_rq_insert,    KT_EV_rq_insert,
	KT_EV_rq_issue,	    KT_EV_rq_issue,	KT_EV_rq_issue,	    KT_EV_rq_bios,
	KT_EV_rq_requeue,   KT_EV_rq_merge,	KT_EV_rq_complete,  KT_EV_rq_complete,
	KT_EV_rq_complete,  KT_EV_task_new,	KT_EV_task_comm,    KT_EV_task_exit,
	KT_EV_io_call,	    KT_EV_io_call,	KT_EV_io_submit,    KT_EV_io_end,
	KT_EV_io_file,	    KT_EV_irq_span,	KT_EV_irq_sum,	    KT_EV_io_call_begin,
	KT_EV_sched_switch, KT_EV_sched_switch, KT_EV_sched_switch, KT_EV_page_dirty,
	KT_EV_cgroup_new,   KT_EV_lost,		KT_EV_clock,	    KT_EV_cost,
};

static uint64_t number(const struct shape *s, enum kt_kind kind, uint64_t ts_ns)
{
	static const uint64_t sizes[] = {0, 512, 4096, 8192, 65536, 4294967295u, 511};

	if (s->wild && one_in(16))
		return one_in(2) ? rnd() : -below(3);
	switch (kind) {
	case KT_KIND_PTR:
		if (one_in(24))
			return 0;
		return 0xffff888000000000ull + 256 * below(s->wide ? 1ull << 34 : s->n_addr);
	case KT_KIND_DEV:
		return s->wide && one_in(4) ? rnd() : 7 << 20 | below(s->n_dev);
	case KT_KIND_TID:
		return s->wide ? rnd() : below(8);
	case KT_KIND_CGROUP:
		return s->wide ? rnd() : below(4);
	case KT_KIND_SECTOR:
		return 8 * below(64);
	case KT_KIND_BYTES:
		return sizes[below(s->wild ? KT_ARRAY_SIZE(sizes) : 5)];
	case KT_KIND_OPF:
		return below(6) | (one_in(2) ? 0 : rnd() & 0xffffff00);
	case KT_KIND_STATUS:
		return one_in(8) ? below(20) : 0;
	case KT_KIND_LOSS:
		return below(KT_N_LOSS + 1);
	case KT_KIND_NS:
		return below(one_in(2) ? 40 : 8 * s->step_ns + 1);
	case KT_KIND_TIME:
		return ts_ns + below(10000);
	default:
		return below(one_in(4) ? 40 : 3);
	}
}

static size_t make_event(const struct shape *s, uint64_t ts_ns, void *buf)
{
	const struct kt_event_desc *d = kt_schema_event(
		kt_schema_compiled(), ids[below(KT_ARRAY_SIZE(ids) - (s->wide ? 3 : 0))]);
	struct kt_event head = {.ts_ns = ts_ns, .id = d->id, .len = d->len};

	memset(buf, 0, d->len);
	memcpy(buf, &head, KT_EVENT_HDR);
	for (size_t i = 0; i < d->n_fields; i++) {
		const struct kt_field *f = &d->fields[i];
		unsigned int n = one_in(3) ? f->count : below(f->count + 1);

		for (unsigned int j = 0; j < (f->count == 1 ? 1 : n); j++) {
			uint64_t v = f->kind == KT_KIND_STR ? (one_in(16) ? rnd() : 'a' + below(26))
							    : number(s, f->kind, ts_ns);

			/* Requested sizes: gigabytes in each call would only cost time. */
			if (f->kind == KT_KIND_BYTES && f->size == 8)
				v &= 0xffff;

			memcpy((char *)buf + f->offset + j * f->size, &v, f->size);
		}
	}
	return d->len;
}

/* ---------------------------------------------------------------- a recording */

struct stream {
	uint64_t ts_ns, emitted, lost[KT_N_LOSS];
};

static void check(int err, const char *what)
{
	if (err < 0)
		fail("%s: %s", what, strerror(-err));
}

static void write_block(const struct shape *s, struct ktr_writer *w, struct stream *st,
			uint32_t number_of, unsigned int n, const struct stream *all)
{
	static uint64_t raw[KTR_RAW_MAX / 8];
	struct ktr_block_info b = {.kind = KTR_EVENTS, .codec = one_in(4) ? KTR_RAW : KTR_COLUMNS};

	if (s->back && one_in(4))
		st->ts_ns +=
			one_in(2) ? -below(1000 * s->step_ns) : below(1ull << (20 + below(40)));
	b.ts_min_ns = st->ts_ns;
	for (unsigned int i = 0; i < n && b.raw_len + KT_EVENT_MAX < KTR_RAW_MAX; i++) {
		uint64_t next = st->ts_ns + (i ? below(s->step_ns + 1) : 0);

		if (next < st->ts_ns) /* events in a block are sorted: end it here */
			break;
		st->ts_ns = next;
		b.raw_len += make_event(s, st->ts_ns, (char *)raw + b.raw_len);
		b.n_events++;
	}
	b.ts_max_ns = b.cut_ns = st->ts_ns;
	b.stream = s->lies && one_in(64) ? below(STREAMS_SAID) : number_of;
	b.watermark_ns = UINT64_MAX;
	for (unsigned int i = 0; i < s->n_streams; i++)
		b.watermark_ns = KT_MIN(b.watermark_ns, all[i].ts_ns);
	if (s->lies && one_in(8))
		b.watermark_ns = rnd() >> below(64);
	st->emitted += b.n_events;
	if (one_in(16))
		st->lost[below(KT_N_LOSS)] += below(100);
	b.emitted = s->lies && one_in(8) ? rnd() : st->emitted;
	memcpy(b.lost, st->lost, sizeof(b.lost));
	check(ktr_writer_block(w, &b, raw), "block");
}

static void write_context(struct ktr_writer *w, uint32_t phase)
{
	static const char *const names[] = {"disks",  "cgroups", "tasks",
					    "probes", "uname",	 "recorder",
					    "cpus",   "mounts",	 "counters/diskstats"};
	static const char *const words[] = {
		"dev\tname\tparent\tscheduler\trotational\n",
		"7:0\tloop0\t-\tnone\t0\n",
		"7:1\t-\t7:0\n",
		"tid\ttgid\tstart_ticks\tcgroup\tcomm\tcmdline\n",
		"1\t1\t5\t/\tx\ty\n",
		"hierarchy\tid\tpath\n",
		"v2\t1\t/a\n",
		"family\thook\tvariant\tstate\treason\truns\n",
		"bio\tblock_bio_queue\t-\tattached\t-\t99999999999999999999\n",
		"7 0 loop0 1 2 3 4 5 6\n",
		"\t\t\t\n",
		"\\",
		"pid\t7\n",
		"release\t6.1\n"};
	struct ktr_context *c;
	const void *tar;
	size_t len;

	check(ktr_context_create(&c), "context");
	for (size_t i = 0; i < KT_ARRAY_SIZE(names); i++) {
		char text[2048] = "";

		for (unsigned int n = below(12); n; n--)
			strcat(text, words[below(KT_ARRAY_SIZE(words))]);
		check(ktr_context_add(c, names[i], text, strlen(text)), "context");
	}
	check(ktr_context_finish(c, &tar, &len), "context");
	check(ktr_writer_context(w, phase, tar, len), "context");
	ktr_context_destroy(c);
}

static void write_file(const struct shape *s, const char *path, bool same_run)
{
	struct ktr_run_info info = {
		.uuid = "fuzz-analyze  0",
		.boot_id = "00000000-0000-0000-0000-000000000001",
		.host = "fuzz",
		.clocks = {BASE_NS, 1700000000000000000ll, BASE_NS, 0, 0},
		.n_cpus = s->n_streams,
		.n_streams = STREAMS_SAID,
		.kinds = "core,bio,request",
		.filters = "",
		.command = "",
	};
	struct stream streams[STREAMS_MAX] = {0};
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct ktr_writer *w;

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	if (!same_run)
		info.uuid[14] = rnd();
	if (s->lies && one_in(4))
		info.clocks.mono_ns = rnd();
	for (unsigned int i = 0; i < s->n_streams; i++)
		streams[i].ts_ns = BASE_NS;
	check(ktr_writer_create(fd, &info, NULL, &w), "writer");
	if (!one_in(4))
		check(ktr_writer_clock(w, 0, &info.clocks), "clock");
	if (one_in(2))
		write_context(w, 0);
	for (unsigned int left = s->n_events; left;) {
		unsigned int i = below(s->n_streams), n = 1 + below(s->wide ? 20000 : 200);

		n = KT_MIN(n, left);
		write_block(s, w, &streams[i], i, n, streams);
		left -= n;
	}
	if (one_in(2))
		check(ktr_writer_clock(w, 2, &info.clocks), "clock");
	if (one_in(2))
		write_context(w, 2);
	check(ktr_writer_close(w), "closing");
	close(fd);
}

/* ---------------------------------------------------------------- the analysis, and what must hold */

static void analyze(char paths[][256], unsigned int n, const char *target, bool raw)
{
	struct kt_engine_options opts = {.threads = 1, .raw = raw, .keep = raw, .keep_ns = 1000};
	struct ktr_reader *readers[FILES_MAX];
	struct kt_engine *e;
	int err = kt_engine_create(&opts, &e);

	check(err, "engine");
	for (unsigned int i = 0; i < n; i++) {
		struct kt_input *in;

		check(ktr_reader_open(paths[i], &readers[i]), "reader");
		check(kt_input_create(paths[i], readers[i], NULL, 1, &in), "input");
		check(kt_engine_add(e, in, paths[i]), "input");
	}
	err = kt_engine_run(e, target);
	if (err)
		fail("analysis: %s: %s", strerror(-err), kt_engine_error(e));
	kt_engine_destroy(e);
	for (unsigned int i = 0; i < n; i++)
		ktr_reader_close(readers[i]);
}

/* Fails if the query returns a row. */
static void none(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (!rc)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		fail("%s: %s", sql, sqlite3_column_text(st, 0));
	if (rc != SQLITE_DONE)
		fail("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_finalize(st);
}

static void check_database(const char *path, bool orderly)
{
	sqlite3 *db;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL))
		fail("%s: %s", path, sqlite3_errmsg(db));
	none(db, "SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'");
	none(db, "SELECT state || ' is no state' FROM (SELECT state FROM io UNION SELECT state "
		 "FROM bio UNION SELECT state "
		 "FROM request)"
		 " WHERE state IS NULL OR state NOT IN ('whole', 'open_at_start', 'open_at_end', "
		 "'lossy', 'evicted', 'duplicate')");
	/* The stages of an operation follow each other, whatever the events were. */
	none(db, "SELECT 'io ' || io_id FROM io WHERE dur_ns <> ifnull(submit_ns, 0) + "
		 "ifnull(throttle_ns, 0) + ifnull(alloc_ns, 0) + ifnull(plug_ns, 0) + "
		 "ifnull(queue_ns, 0) + ifnull(device_ns, 0) + ifnull(complete_ns, 0) + "
		 "ifnull(endio_ns, 0) + ifnull(wakeup_ns, 0) + ifnull(return_ns, 0) + "
		 "ifnull(between_ns, 0) + ifnull(cached_ns, 0)");
	none(db, "SELECT flow || ' ' || flow_id || ' ' || name FROM stage WHERE flow = 'io' AND "
		 "(dur_ns < 0 OR ifnull(runq_ns, 0) + ifnull(irq_ns, 0) + ifnull(softirq_ns, 0) "
		 "> dur_ns)");
	none(db, "SELECT 'io ' || io_id FROM io i JOIN (SELECT flow_id, SUM(dur_ns) AS d FROM "
		 "stage WHERE flow = 'io' GROUP BY flow_id) ON flow_id = io_id WHERE d <> dur_ns");
	/* Where time goes backwards a flow may end before its stages did. */
	if (orderly) {
		none(db, "SELECT 'request ' || request_id FROM request WHERE state = 'whole' AND "
			 "(start_ns IS NULL OR dur_ns IS NULL OR ifnull(plug_ns, 0) + "
			 "ifnull(queue_ns, 0) + "
			 "ifnull(device_ns, 0) + ifnull(complete_ns, 0) <> dur_ns)");
		none(db,
		     "SELECT flow || ' ' || flow_id FROM stage s JOIN bio b ON s.flow = 'bio' AND "
		     "b.bio_id = s.flow_id WHERE "
		     "b.state = 'whole' GROUP BY flow_id HAVING SUM(s.dur_ns) <> b.dur_ns");
		none(db,
		     "SELECT flow || ' ' || flow_id || ' ' || name FROM stage WHERE dur_ns < 0");
	}
	none(db, "SELECT 'stage_stats' FROM stage_stats WHERE n < 1 OR p50_ns > max_ns");
	none(db, "SELECT 'bio ' || bio_id FROM bio WHERE state = 'whole' AND request_id IS NOT "
		 "NULL AND request_id NOT IN (SELECT request_id FROM request)");
	sqlite3_close(db);
}

static long peak_mib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss >> 10;
}

static void run_round(uint64_t seed)
{
	char paths[FILES_MAX][256], target[256];
	unsigned int n_files;
	struct shape s;

	round_seed = seed;
	state = seed * 0x9e3779b97f4a7c15ull + 1;
	s = (struct shape){
		.wide = seed % LONG_EVERY == LONG_EVERY - 1,
		.back = one_in(3),
		.wild = one_in(2),
		.lies = one_in(3),
		.n_streams = 1 + below(STREAMS_MAX),
		.n_addr = 1 + below(POOL_MAX),
		.n_dev = 1 + below(4),
		.step_ns = 1ull << below(one_in(8) ? 40 : 20),
	};
	s.n_events = s.wide ? LONG_EVENTS : 1 + below(ROUND_EVENTS);
	n_files = s.wide ? 1 : 1 + below(FILES_MAX);
	snprintf(target, sizeof(target), "%s/out.db", dir);
	for (unsigned int i = 0; i < n_files; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%u.ktr", dir, i);
		write_file(&s, paths[i], one_in(2));
	}
	analyze(paths, n_files, target, !s.wide && one_in(8));
	check_database(target, !s.back && !s.lies);
	if (peak_mib() > RSS_MAX_MIB)
		fail("memory: %ld MiB", peak_mib());
}

int main(int argc, char **argv)
{
	time_t end;
	uint64_t n;

	if (argc != 3 && argc != 4) {
		fputs("usage: fuzz-analyze DIR SECONDS [SEED]\n", stderr);
		return 2;
	}
	dir = argv[1];
	if (argc == 4) {
		run_round(strtoull(argv[3], NULL, 10));
		printf("nothing found; %ld MiB at most\n", peak_mib());
		return 0;
	}
	end = time(NULL) + atoi(argv[2]);
	/* A long one comes early, so that a short run has one too. */
	for (n = 0; time(NULL) < end; n++)
		run_round(n + LONG_EVERY - 20);
	printf("%" PRIu64 " rounds, nothing found, %ld MiB at most\n", n, peak_mib());
	return 0;
}
