// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "format/base/macros.h"
#include "record/clocks.h"
#include "record/loop.h"
#include "record/summary.h"

#define BUSY_NS 10000000ull  /* between two drains, at least */
#define IDLE_NS 100000000ull /* at most */
#define AGAIN_NS 500000ull   /* when a ring is half full: only let others run */
/* What programs can write into one ring: 1 M events/s. */
#define WORST_BYTES_PER_SECOND (80ull << 20)
#define CLOCKS_NS 10000000000ull /* between two readings of all clocks */
#define FLUSH_NS 1000000000ull
#define PROGRESS_NS 500000000ull

int kt_loop_signals(void)
{
	struct sigaction was;
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	/* Even if a shell made background jobs ignore it: `kill -INT` is how to end those. */
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGXCPU);
	sigaddset(&set, SIGCHLD);
	if (sigaction(SIGHUP, NULL, &was) || was.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	if (sigaction(SIGQUIT, NULL, &was) || was.sa_handler != SIG_IGN)
		sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void kt_loop_let_kill(bool on)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	if (on)
		signal(SIGINT, SIG_DFL); /* it may be ignored, see above */
	sigprocmask(on ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

bool kt_loop_wait(int signal_fd, uint64_t ns)
{
	struct pollfd p = {.fd = signal_fd, .events = POLLIN};
	uint64_t now = kt_now_ns(), end = now + ns;
	struct signalfd_siginfo si;

	do {
		struct timespec t = {(end - now) / 1000000000, (end - now) % 1000000000};

		ppoll(&p, 1, &t, NULL);
		while (read(signal_fd, &si, sizeof(si)) == sizeof(si)) {
			if (si.ssi_signo != SIGCHLD)
				return true;
			end = 0; /* the command may have ended: check */
		}
		now = kt_now_ns();
	} while (now < end);
	return false;
}

/*
 * How long to sleep, by how full the fullest ring was, in 1/1024: until it would be an eighth full at the rate of the last
 * pause, but no longer than the worst burst takes to fill it. Waking up costs more than leaving events waiting.
 */
static uint64_t next_pause(uint64_t pause, unsigned int fill, size_t ring_bytes)
{
	uint64_t most = ring_bytes * 1000000000ull / WORST_BYTES_PER_SECOND;

	if (fill >= 512)
		return AGAIN_NS;
	most = KT_MAX(BUSY_NS, KT_MIN(most, IDLE_NS));
	pause = KT_MIN(KT_MAX(pause, BUSY_NS) * 128 / KT_MAX(fill, 1u), pause + pause / 4);
	return KT_MIN(KT_MAX(pause, BUSY_NS), most);
}

/* Clocks drift apart: with a reading now and then, long runs can be placed exactly. */
static void put_clocks(struct kt_loop *l)
{
	struct ktr_clocks c;
	struct kt_block_out it = {.info = {.kind = KTR_CLOCK, .stream = KTR_NO_STREAM, .phase = 1}};
	struct kt_clock ev;

	kt_clocks_read(&c);
	ev = (struct kt_clock){
		.ts_ns = c.mono_ns,
		.id = KT_EV_clock,
		.len = sizeof(ev),
		.phase = 1,
		.realtime_ns = c.realtime_ns,
		.boottime_ns = c.boottime_ns,
		.tai_ns = c.tai_ns,
		.error_ns = c.error_ns,
		.wall_error_ns = c.wall_error_ns,
	};
	it.info.ts_min_ns = it.info.ts_max_ns = ev.ts_ns;
	it.info.watermark_ns = kt_drain_watermark(l->drain);
	it.info.cut_ns = kt_now_ns();
	it.info.n_events = 1;
	it.info.raw_len = sizeof(ev);
	_Static_assert(sizeof(ev) <= sizeof(it.small), "a clock event is a small block");
	memcpy(it.small, &ev, sizeof(ev));
	kt_compress_put(l->compress, &it);
}

void kt_loop_run(struct kt_loop *l)
{
	uint64_t pause = BUSY_NS, clocks_ns = l->start_ns + CLOCKS_NS, progress_ns = l->start_ns;
	uint64_t next_flush = l->start_ns + FLUSH_NS;
	struct kt_status_line progress;

	kt_status_line_init(&progress, l->start_ns);
	for (;;) {
		uint64_t now = kt_now_ns(), until;

		if (now >= next_flush) {
			kt_session_flush(l->session);
			next_flush = KT_MAX(next_flush, now - FLUSH_NS) + FLUSH_NS;
		}
		pause = next_pause(pause, kt_drain_cycle(l->drain), l->session->ring_bytes);
		now = kt_now_ns();
		kt_meter_tick(l->meter, now, l->drain, l->compress);
		if (now >= clocks_ns && kt_compress_room(l->compress)) {
			put_clocks(l);
			clocks_ns += CLOCKS_NS;
		}
		if (progress.on && now >= progress_ns) {
			kt_status_line_show(&progress, now, kt_drain_stats(l->drain),
					    kt_compress_bytes(l->compress));
			progress_ns = now + PROGRESS_NS;
		}
		if (now >= l->end_ns || kt_compress_error(l->compress) || kt_child_poll(l->child))
			break;
		until = KT_MIN(now + pause, KT_MIN(kt_meter_due(l->meter), next_flush));
		until = KT_MIN(until, l->end_ns);
		if (until > now && kt_loop_wait(l->signal_fd, until - now))
			break;
	}
	kt_status_line_end(&progress);
}
