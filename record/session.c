// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "bpf/base/shared.h"
#include "format/base/log.h"
#include "format/base/macros.h"
#include "format/base/units.h"
#include "format/schema.h"
#include "ktrace.skel.h"
#include "record/choose.h"
#include "record/context/text.h"
#include "record/kenum.h"
#include "record/ksym.h"
#include "record/ring.h"
#include "record/rodata.h"
#include "record/session.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"
#define KEEP_BYTES (64 << 20)		 /* freed memory to keep while starting */
#define RING_DEFAULT (8ull << 20)	 /* per CPU, if memory allows */
#define RINGS_DEFAULT_MAX (256ull << 20) /* for all CPUs, unless requested */
#define RING_MAX (1ull << 28)		 /* the verifier allows offsets up to twice that */
#define AIO_MAX_DEFAULT 65536		 /* fs.aio-max-nr */
#define LOOPS_MAX (1ull << 23)		 /* BPF_MAX_LOOPS: the limit of bpf_loop() */
#define FILTER_ROOM (1u << 16)		 /* see --filter-room */
#define FILTER_PIDS (1u << 22)		 /* PID_MAX_LIMIT: no process has a greater number */

/* libbpf's last messages, to name the program that the kernel refused. */
static char libbpf_said[512];

static int on_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	kt_debug("%s", line);
	/* The first message about a program names it; the log and consequences follow. */
	if (!*libbpf_said && strstr(line, "prog '"))
		snprintf(libbpf_said, sizeof(libbpf_said), "%s", line);
	return 0;
}

/* Is this a user namespace other than the initial one, which maps all users to themselves? */
static bool in_user_namespace(void)
{
	unsigned long inside = 0, outside = 0, n = UINT32_MAX;
	char text[256];

	if (*kt_read_value(text, sizeof(text), "/proc/self/uid_map") &&
	    sscanf(text, "%lu %lu %lu", &inside, &outside, &n) != 3)
		n = 0;
	return inside || outside || n != UINT32_MAX;
}

static int check_privileges(void)
{
	unsigned long long caps = 0;
	bool bpf, perfmon;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	bpf = caps >> CAP_BPF & 1;
	perfmon = caps >> CAP_PERFMON & 1;
	if (in_user_namespace())
		kt_error(
			"BPF programs cannot be loaded in a user namespace (a rootless container): "
			"record outside of it, as root");
	else if ((caps >> CAP_SYS_ADMIN & 1) || (bpf && perfmon))
		return 0;
	else if (!geteuid())
		kt_error("missing capability %s: run it where root has it (not in this container)",
			 !bpf && !perfmon ? "CAP_BPF and CAP_PERFMON"
			 : bpf		  ? "CAP_PERFMON"
					  : "CAP_BPF");
	else if (bpf || perfmon)
		kt_error("missing capability %s: recording needs CAP_BPF and CAP_PERFMON, or root",
			 bpf ? "CAP_PERFMON" : "CAP_BPF");
	else
		kt_error("recording needs root (or the capabilities CAP_BPF and CAP_PERFMON): try "
			 "sudo");
	return -EPERM;
}

/* Bytes per CPU's ring: a power of two, at least a page. */
static int ring_size(const struct kt_options *o, uint32_t n_cpus, size_t *ret)
{
	uint64_t page = sysconf(_SC_PAGESIZE), size = page, want;
	struct sysinfo si;

	if (o->buffer_bytes) {
		want = o->buffer_bytes / n_cpus;
	} else {
		want = KT_MIN(RING_DEFAULT, RINGS_DEFAULT_MAX / n_cpus);
		if (!sysinfo(&si))
			want = KT_MIN(want, (uint64_t)si.totalram * si.mem_unit / 32 / n_cpus);
	}
	if (want > RING_MAX) {
		kt_error("--buffer is too large: at most 256 MiB per CPU, here %u CPUs", n_cpus);
		return -EINVAL;
	}
	while (size * 2 <= want)
		size *= 2;
	*ret = size;
	return 0;
}

/* A program and a link per hook, and maps: raises the limit to as many files as may be needed, if possible. */
static int allow_files(void)
{
	const rlim_t want = 2 * KT_N_HOOKS + 128;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= want)
		return 0;
	l.rlim_cur = want;
	l.rlim_max = KT_MAX(l.rlim_max, want);
	if (!setrlimit(RLIMIT_NOFILE, &l))
		return 0;
	kt_error("recording needs %llu open files: raise their limit (ulimit -n)",
		 (unsigned long long)want);
	return -EMFILE;
}

static int read_btf(struct kt_session *s)
{
	int err;

	s->btf = btf__parse_raw(KERNEL_BTF);
	if (s->btf)
		return 0;
	err = -errno;
	if (err == -ENOENT)
		kt_error("this kernel has no BTF (%s): it needs CONFIG_DEBUG_INFO_BTF", KERNEL_BTF);
	else
		kt_error("cannot read the kernel's BTF, %s: %s", KERNEL_BTF, strerror(-err));
	return err;
}

int kt_session_init(struct kt_session *s, const struct kt_options *o)
{
	int err, n;

	*s = (struct kt_session){0};
	err = kt_choose(o->events, &s->families);
	if (err)
		return err;
	n = libbpf_num_possible_cpus();
	if (n <= 0) {
		kt_error("cannot determine the number of CPUs: is /sys mounted?");
		return n && n != -EINVAL ? n : -EIO;
	}
	s->n_cpus = n;
	err = ring_size(o, s->n_cpus, &s->ring_bytes);
	if (err)
		return err;
	err = check_privileges();
	if (err)
		return err;
	err = allow_files();
	if (err)
		return err;
	libbpf_set_print(on_libbpf);
	/*
	 * The kernel's types are some MiB, and libbpf reads them again when it loads: memory returned to
	 * the kernel in between would have to be faulted in again, which takes longer than everything else.
	 */
	mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
	err = read_btf(s);
	if (err)
		return err;
	err = kt_filters_resolve(o, s->btf, &s->filters);
	if (err)
		return err;
	kt_probes_check(s->probes, s->families, s->btf);
	return 0;
}

/* The hook whose program is <family>__<name>; -1 = none. */
static int hook_of(const char *prog)
{
	for (int i = 0; i < KT_N_HOOKS; i++) {
		size_t n = strlen(kt_hooks[i].family);

		if (!strncmp(prog, kt_hooks[i].family, n) && !strncmp(prog + n, "__", 2) &&
		    !strcmp(prog + n + 2, kt_hooks[i].name))
			return i;
	}
	return -1;
}

/* The family whose program to flush is <family>__flush; -1 = none. */
static int flush_of(const char *prog)
{
	for (size_t i = 0; i < kt_n_families; i++) {
		size_t n = strlen(kt_families[i].name);

		if (!strncmp(prog, kt_families[i].name, n) && !strcmp(prog + n, "__flush"))
			return i;
	}
	return -1;
}

/* KT_WITH(family) of bpf/base/ktrace.bpf.h. */
static void set_with(struct kt_session *s)
{
	struct kt_rodata_var vars[KT_RODATA_MAX];
	size_t n = kt_rodata_find(s->skel->obj, "kt_with_", sizeof(uint32_t), vars);

	for (size_t i = 0; i < n; i++)
		*(uint32_t *)vars[i].value = kt_chosen(s->families, vars[i].name);
}

/* The programs treat nothing else as constant. */
static void set_filters(struct kt_session *s)
{
	memcpy((void *)&s->skel->rodata->kt_filter, &s->filters.f, sizeof(s->filters.f));
}

/*
 * More iocbs than a context can hold. The kernel makes a context twice the size that it counts against fs.aio-max-nr, and rounds up to
 * whole pages.
 */
static uint64_t aio_max(void)
{
	char text[32];
	uint64_t max =
		strtoull(kt_read_value(text, sizeof(text), "/proc/sys/fs/aio-max-nr"), NULL, 10);

	if (!max)
		max = AIO_MAX_DEFAULT;
	return KT_MIN(2 * KT_MIN(max, LOOPS_MAX) + sysconf(_SC_PAGESIZE), LOOPS_MAX);
}

/* Without filters, what they keep per object costs no memory. */
static int size_filters(struct kt_session *s)
{
	bool pids = s->filters.f.kinds & KT_FILTER_PID;
	uint32_t room = !s->filters.f.kinds ? 1 : s->filters.room ? s->filters.room : FILTER_ROOM;
	int err;

	s->skel->rodata->kt_filter_room = room;
	err = bpf_map__set_max_entries(s->skel->maps.kt_filter_pids, pids ? FILTER_PIDS / 64 : 1);
	if (!err)
		err = bpf_map__set_max_entries(s->skel->maps.kt_filter_objects, room);
	if (!err)
		err = bpf_map__set_max_entries(s->skel->maps.kt_filter_inodes, room);
	if (!err)
		err = bpf_map__set_max_entries(s->skel->maps.kt_filter_iocbs, room);
	return err;
}

/* What hides the kernel's addresses, and what would show them: see the kernel's kallsyms_show_value(). */
static int set_symbols(struct kt_session *s)
{
	bool hidden;
	char text[32];
	int err = kt_ksym_set(s->skel->obj, &hidden);

	if (err || !hidden)
		return err;
	s->skel->rodata->kt_syms_hidden = 1;
	kt_read_value(text, sizeof(text), "/proc/sys/kernel/kptr_restrict");
	snprintf(s->no_symbols, sizeof(s->no_symbols),
		 "the kernel hides its addresses: links from bios to operations are inferred or "
		 "missing; to get them, use %s",
		 atoi(text) >= 2 ? "kernel.kptr_restrict=1 (or 0)"
				 : "CAP_SYSLOG, or kernel.kptr_restrict=0 and "
				   "kernel.perf_event_paranoid=1");
	return 0;
}

static int open_skeleton(struct kt_session *s)
{
	struct bpf_program *prog;
	struct stat ns;
	int err;

	s->skel = ktrace_bpf__open();
	if (!s->skel)
		return -errno;
	bpf_object__for_each_program(prog, s->skel->obj)
	{
		int hook = hook_of(bpf_program__name(prog));
		int flush = flush_of(bpf_program__name(prog));
		bool wanted = hook >= 0 && s->probes[hook].state == KT_PROBE_READY;

		if (hook >= 0)
			s->progs[hook] = wanted ? prog : NULL;
		if (flush >= 0) {
			wanted = (s->families & ~s->flush_refused) >> flush & 1;
			s->flushes[flush] = wanted ? prog : NULL;
		}
		bpf_program__set_autoload(prog, wanted);
	}
	bpf_program__set_autoload(s->skel->progs.kt_tell_self, true);
	if (!s->btf) { /* a second try */
		err = read_btf(s);
		if (err)
			return err;
	}
	set_filters(s);
	err = kt_kenum_set(s->skel->obj, s->btf);
	btf__free(s->btf);
	s->btf = NULL;
	set_with(s);
	if (!stat("/proc/self/ns/mnt", &ns))
		s->skel->rodata->kt_mnt_ns = ns.st_ino;
	s->skel->rodata->kt_ring_bytes = s->ring_bytes;
	s->skel->rodata->kt_ring_mask = (s->ring_bytes - 1) & ~7ull;
	s->skel->rodata->kt_aio_max = aio_max();
	/* Only bio-to-operation linking needs symbol addresses, and reading them takes a tenth of a second. */
	if (!err && kt_chosen(s->families, "io"))
		err = set_symbols(s);
	if (!err)
		err = bpf_map__reuse_fd(s->skel->maps.kt_rings, s->rings_fd);
	if (!err)
		err = bpf_map__set_max_entries(s->skel->maps.kt_stats, s->n_cpus);
	if (!err)
		err = size_filters(s);
	return err;
}

/* Loading is all or nothing: find the program that libbpf complained about and mark it. */
static bool mark_refused(struct kt_session *s)
{
	const char *p = strstr(libbpf_said, "prog '");
	char name[96];
	int hook, flush;

	if (!p || sscanf(p, "prog '%95[^']'", name) != 1)
		return false;
	flush = flush_of(name);
	if (flush >= 0 && !(s->flush_refused >> flush & 1)) {
		s->flush_refused |= 1ull << flush;
		kt_warn("what %s gathers is not available on this kernel: %s",
			kt_families[flush].name, libbpf_said);
		return true;
	}
	hook = hook_of(name);
	if (hook < 0 || s->probes[hook].state != KT_PROBE_READY)
		return false;
	s->probes[hook].state = KT_PROBE_REFUSED;
	p = strstr(p, "': ");
	snprintf(s->probes[hook].reason, sizeof(s->probes[hook].reason), "%s",
		 p ? p + 3 : "not loaded");
	return true;
}

static int load_programs(struct kt_session *s)
{
	int err;

	for (;;) {
		*libbpf_said = '\0';
		err = open_skeleton(s);
		if (!err)
			err = ktrace_bpf__load(s->skel);
		if (!err || !mark_refused(s))
			break;
		ktrace_bpf__destroy(s->skel);
		s->skel = NULL;
	}
	if (err)
		kt_error("the kernel rejected the BPF programs: %s%s%s", strerror(-err),
			 *libbpf_said ? ": " : "", libbpf_said);
	return err;
}

/* The values of a map, shared with the programs: n of that size. */
static int map_values(int fd, size_t n, size_t size, void **ret)
{
	void *p = mmap(NULL, KT_ALIGN_UP(n * size, sysconf(_SC_PAGESIZE)), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

static void unmap_values(void *p, size_t n, size_t size)
{
	if (p)
		munmap(p, KT_ALIGN_UP(n * size, sysconf(_SC_PAGESIZE)));
}

struct kt_ring *kt_session_ring(const struct kt_session *s, uint32_t cpu)
{
	return (void *)((uint8_t *)s->rings + cpu * kt_ring_memory(s->ring_bytes));
}

/* Created before the programs are loaded: they treat its size as constant. */
static int make_rings(struct kt_session *s)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_MMAPABLE);
	size_t size = kt_ring_memory(s->ring_bytes);
	int err;

	s->rings_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "kt_rings", sizeof(uint32_t), size,
				     s->n_cpus, &o);
	if (s->rings_fd < 0) {
		s->rings_fd = 0;
		return -errno;
	}
	err = map_values(s->rings_fd, s->n_cpus, size, &s->rings);
	for (uint32_t i = 0; !err && i < s->n_cpus; i++)
		err = kt_ring_init(kt_session_ring(s, i));
	return err;
}

/*
 * In a PID namespace the task numbers in /proc are not the kernel's own, which events carry. (In a container with
 * the host's /proc they are.)
 */
static int find_self(struct kt_session *s)
{
	const uint32_t of_tasks = KT_FILTER_PID | KT_FILTER_TID;
	LIBBPF_OPTS(bpf_test_run_opts, o);
	char self[32] = "";

	if (bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.kt_tell_self), &o)) {
		kt_error("cannot run a BPF program: %s", strerror(errno));
		return -errno;
	}
	s->self = s->skel->bss->kt_self >> 32;
	if (readlink("/proc/self", self, sizeof(self) - 1) > 0 &&
	    strtoul(self, NULL, 10) == s->self)
		return 0;
	if (s->filters.f.kinds & of_tasks) {
		kt_error("task numbers in a PID namespace are not the kernel's: use -c or "
			 "--cgroup instead of %s, or record outside of it",
			 s->filters.f.kinds & KT_FILTER_PID ? "-p" : "-t");
		return -EINVAL;
	}
	snprintf(s->no_tasks, sizeof(s->no_tasks),
		 "in a PID namespace: names of tasks already running are unknown; to get them, "
		 "record outside of it");
	kt_warn("%s", s->no_tasks);
	return 0;
}

int kt_session_load(struct kt_session *s)
{
	char size[32];
	int err;

	err = make_rings(s);
	if (err) {
		kt_error("cannot make %u rings of %s: %s; %s", s->n_cpus,
			 kt_format_bytes(s->ring_bytes, size, sizeof(size)), strerror(-err),
			 err == -EPERM
				 ? "something forbids BPF here (a container's seccomp filter?)"
				 : "try a smaller --buffer");
		return err;
	}
	err = load_programs(s);
	if (!err)
		err = find_self(s);
	if (err)
		return err;
	if (*s->no_symbols)
		kt_warn("%s", s->no_symbols);
	err = map_values(bpf_map__fd(s->skel->maps.kt_stats), s->n_cpus, sizeof(*s->stats),
			 (void **)&s->stats);
	if (err)
		kt_error("cannot map the programs' counters: %s", strerror(-err));
	malloc_trim(0);
	return err;
}

int kt_session_attach(struct kt_session *s)
{
	for (int i = 0; i < KT_N_HOOKS; i++) {
		struct kt_probe *p = &s->probes[i];

		if (p->state != KT_PROBE_READY)
			continue;
		if (!s->progs[i]) {
			p->state = KT_PROBE_MISSING;
			snprintf(p->reason, sizeof(p->reason), "not built into this program");
			continue;
		}
		s->links[i] = bpf_program__attach(s->progs[i]);
		if (s->links[i]) {
			p->state = KT_PROBE_ATTACHED;
		} else {
			p->state = KT_PROBE_REFUSED;
			snprintf(p->reason, sizeof(p->reason), "not attached: %s", strerror(errno));
		}
	}
	if (kt_probes_warn(s->probes))
		return 0;
	kt_error("no probe could be attached: nothing can be recorded on this kernel");
	return -ENOENT;
}

void kt_session_set_on(struct kt_session *s, bool on)
{
	__atomic_store_n((uint32_t *)&s->skel->bss->kt_on, on, __ATOMIC_SEQ_CST);
}

void kt_session_flush(struct kt_session *s)
{
	for (size_t i = 0; i < kt_n_families; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, o, .flags = BPF_F_TEST_RUN_ON_CPU);

		/* An offline CPU has nothing, and refuses. */
		for (o.cpu = 0; s->flushes[i] && o.cpu < s->n_cpus; o.cpu++)
			bpf_prog_test_run_opts(bpf_program__fd(s->flushes[i]), &o);
	}
}

void kt_session_detach(struct kt_session *s)
{
	for (int i = 0; i < KT_N_HOOKS; i++) {
		bpf_link__destroy(s->links[i]);
		s->links[i] = NULL;
	}
	/* Programs that run with interrupts or preemption off: once every CPU has scheduled, they have ended. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static uint64_t runs_of(const struct kt_session *s, int hook)
{
	uint64_t n = 0;

	for (uint32_t cpu = 0; cpu < s->n_cpus; cpu++)
		n += ((const volatile struct kt_cpu_stat *)&s->stats[cpu])->hook[hook].runs;
	return n;
}

void kt_session_take_refused(struct kt_session *s, uint64_t now_ns)
{
	uint64_t since = s->refused_ns ? s->refused_ns : now_ns;

	for (int i = 0; i < KT_N_HOOKS; i++) {
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);
		uint64_t runs;
		__u64 first;

		/* Asking costs a system call: only programs that ran can have been refused. */
		if (!s->links[i] || (runs = runs_of(s, i)) == s->refused[i].runs)
			continue;
		s->refused[i].runs = runs;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(s->progs[i]), &info, &len) ||
		    info.recursion_misses <= s->refused[i].misses)
			continue;
		__atomic_fetch_add(&s->stats[0].pending_n[KT_LOSS_RECURSION],
				   info.recursion_misses - s->refused[i].misses, __ATOMIC_SEQ_CST);
		/* Another loss may have begun since then, but not before this one. */
		first = __atomic_load_n(&s->stats[0].first_ns, __ATOMIC_SEQ_CST);
		while ((!first || first > since) &&
		       !__atomic_compare_exchange_n(&s->stats[0].first_ns, &first, since, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			;
		s->refused[i].misses = info.recursion_misses;
	}
	s->refused_ns = now_ns;
}

void kt_session_measure(struct kt_session *s, bool on)
{
	/* A run that began in an earlier window and ended after it is not measured. */
	for (uint32_t cpu = 0; on && cpu < s->n_cpus; cpu++)
		for (int i = 0; i < KT_N_HOOKS; i++)
			((volatile struct kt_cpu_stat *)&s->stats[cpu])->hook[i].begun_ns = 0;
	__atomic_store_n((uint32_t *)&s->skel->bss->kt_measure, on, __ATOMIC_SEQ_CST);
}

void kt_session_measured(const struct kt_session *s, int hook, uint64_t *ret_ns, uint64_t *ret_runs)
{
	*ret_ns = *ret_runs = 0;
	for (uint32_t cpu = 0; cpu < s->n_cpus; cpu++) {
		const volatile struct kt_cpu_stat *st = &s->stats[cpu];

		*ret_ns += st->hook[hook].measured_ns;
		*ret_runs += st->hook[hook].measured;
	}
}

void kt_session_count(struct kt_session *s)
{
	for (int i = 0; i < KT_N_HOOKS; i++) {
		struct kt_probe *p = &s->probes[i];

		p->runs = runs_of(s, i);
		p->lost = p->filtered = 0;
		for (uint32_t cpu = 0; cpu < s->n_cpus; cpu++) {
			const volatile struct kt_cpu_stat *st = &s->stats[cpu];

			p->lost += st->hook[i].lost;
			p->filtered += st->hook[i].filtered;
		}
	}
}

void kt_session_finish(struct kt_session *s)
{
	kt_session_detach(s);
	unmap_values(s->stats, s->n_cpus, sizeof(*s->stats));
	unmap_values(s->rings, s->n_cpus, kt_ring_memory(s->ring_bytes));
	if (s->rings_fd)
		close(s->rings_fd);
	ktrace_bpf__destroy(s->skel);
	kt_filters_finish(&s->filters);
	btf__free(s->btf);
	*s = (struct kt_session){0};
}
