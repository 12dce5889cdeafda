// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * io-load FILE GRAIN SPEC…: I/O that the program itself reports. Each SPEC is one thread: ENGINE,OP,BYTES,COUNT,DEPTH
 * with ENGINE psync vec aio uring async sqpoll link fixed mmap and OP read or write; a 'b' before the engine: through the page cache.
 * FILE may contain %d: each thread then has its own.
 *
 * All threads use the same few places. Thread i begins each I/O at a multiple of 8 GRAINs plus i GRAINs: the offset shows
 * which thread it belongs to. Prints `tid thread engine op label offset size result start_ns end_ns` for each I/O.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define N_PLACES 24
#define MAX_DEPTH 64
#define MAX_THREADS 8

struct op {
	uint64_t offset, start_ns, end_ns;
	int64_t result;
};

struct thread {
	pthread_t id;
	char engine[16], op[16], path[256];
	unsigned int index, count, depth, seed;
	uint64_t bytes, stride;
	bool buffered, write;
	int fd, tid;
	struct op *ops;
	char *buffer; /* one piece per I/O in flight */
};

static uint64_t grain;
static pthread_barrier_t go;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void begin(struct thread *t, unsigned int i)
{
	t->ops[i].offset = rand_r(&t->seed) % N_PLACES * t->stride + t->index * grain;
	t->ops[i].start_ns = now_ns();
}

static void end(struct thread *t, unsigned int i, int64_t result)
{
	t->ops[i].end_ns = now_ns();
	t->ops[i].result = result;
}

static void run_sync(struct thread *t)
{
	bool vec = !strcmp(t->engine, "vec");

	for (unsigned int i = 0; i < t->count; i++) {
		struct op *o = &t->ops[i];
		struct iovec v[2] = {{t->buffer, 4096}, {t->buffer + 4096, t->bytes - 4096}};
		int n = t->bytes > 4096 ? 2 : 1;

		if (n == 1)
			v[0].iov_len = t->bytes;
		begin(t, i);
		if (vec)
			end(t, i,
			    t->write ? pwritev(t->fd, v, n, o->offset)
				     : preadv(t->fd, v, n, o->offset));
		else
			end(t, i,
			    t->write ? pwrite(t->fd, t->buffer, t->bytes, o->offset)
				     : pread(t->fd, t->buffer, t->bytes, o->offset));
	}
}

static void run_mmap(struct thread *t)
{
	struct stat st;
	volatile char *p;

	fstat(t->fd, &st);
	p = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, t->fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	for (unsigned int i = 0; i < t->count; i++) {
		begin(t, i);
		end(t, i, p[t->ops[i].offset] ? 0 : 0);
	}
}

static void run_aio(struct thread *t)
{
	struct iocb iocbs[MAX_DEPTH], *list[MAX_DEPTH];
	struct io_event events[MAX_DEPTH];
	unsigned int next = 0, done = 0, slots[MAX_DEPTH], n_free = t->depth;
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, MAX_DEPTH, &ctx))
		die("io_setup");
	for (unsigned int i = 0; i < t->depth; i++)
		slots[i] = i;
	while (done < t->count) {
		int batch = 0, n;

		while (n_free && next < t->count) {
			unsigned int s = slots[--n_free];

			begin(t, next);
			iocbs[s] = (struct iocb){
				.aio_data = (uint64_t)next << 8 | s,
				.aio_lio_opcode = t->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
				.aio_fildes = t->fd,
				.aio_buf = (uint64_t)(t->buffer + s * t->bytes),
				.aio_nbytes = t->bytes,
				.aio_offset = t->ops[next].offset,
			};
			list[batch++] = &iocbs[s];
			next++;
		}
		for (int sent = 0; sent < batch;) {
			n = syscall(SYS_io_submit, ctx, batch - sent, list + sent);
			if (n < 0 && errno != EAGAIN)
				die("io_submit");
			sent += n > 0 ? n : 0;
		}
		n = syscall(SYS_io_getevents, ctx, 1, MAX_DEPTH, events, NULL);
		for (int i = 0; i < n; i++) {
			end(t, events[i].data >> 8, events[i].res);
			slots[n_free++] = events[i].data & 0xff;
			done++;
		}
	}
	syscall(SYS_io_destroy, ctx);
}

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *sq_flags, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static void ring_open(struct ring *r, unsigned int flags)
{
	struct io_uring_params p = {.flags = flags, .sq_thread_idle = 50};
	char *sq, *cq;

	r->fd = syscall(SYS_io_uring_setup, 2 * MAX_DEPTH, &p);
	if (r->fd < 0)
		die("io_uring_setup");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*r->cqes), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || r->sqes == MAP_FAILED)
		die("mmap");
	r->sq_tail = (void *)(sq + p.sq_off.tail);
	r->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	r->sq_array = (void *)(sq + p.sq_off.array);
	r->sq_flags = (void *)(sq + p.sq_off.flags);
	r->cq_head = (void *)(cq + p.cq_off.head);
	r->cq_tail = (void *)(cq + p.cq_off.tail);
	r->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	r->cqes = (void *)(cq + p.cq_off.cqes);
}

static void run_uring(struct thread *t)
{
	bool sqpoll = !strcmp(t->engine, "sqpoll"), fixed = !strcmp(t->engine, "fixed");
	bool link = !strcmp(t->engine, "link"), async = !strcmp(t->engine, "async");
	unsigned int next = 0, done = 0, slots[MAX_DEPTH], n_free = t->depth;
	struct ring r;

	ring_open(&r, sqpoll ? IORING_SETUP_SQPOLL : 0);
	if (fixed) {
		struct iovec v = {t->buffer, t->depth * t->bytes};

		if (syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_BUFFERS, &v, 1) ||
		    syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, &t->fd, 1))
			die("io_uring_register");
	}
	for (unsigned int i = 0; i < t->depth; i++)
		slots[i] = i;
	while (done < t->count) {
		unsigned int tail = *r.sq_tail, batch = 0, flags = IORING_ENTER_GETEVENTS, head;

		while (n_free && next < t->count) {
			unsigned int s = slots[--n_free], at = tail & *r.sq_mask;
			struct io_uring_sqe *q = &r.sqes[at];

			begin(t, next);
			memset(q, 0, sizeof(*q));
			if (fixed)
				q->opcode = t->write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
			else
				q->opcode = t->write ? IORING_OP_WRITE : IORING_OP_READ;
			q->flags = (fixed ? IOSQE_FIXED_FILE : 0) | (async ? IOSQE_ASYNC : 0);
			if (link && batch % 4 != 3 && n_free && next + 1 < t->count)
				q->flags |= IOSQE_IO_LINK;
			q->fd = fixed ? 0 : t->fd;
			q->off = t->ops[next].offset;
			q->addr = (uint64_t)(t->buffer + s * t->bytes);
			q->len = t->bytes;
			q->user_data = (uint64_t)next << 8 | s;
			r.sq_array[at] = at;
			tail++;
			batch++;
			next++;
		}
		__atomic_store_n(r.sq_tail, tail, __ATOMIC_SEQ_CST);
		if (sqpoll &&
		    (__atomic_load_n(r.sq_flags, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP))
			flags |= IORING_ENTER_SQ_WAKEUP;
		if (syscall(SYS_io_uring_enter, r.fd, batch, 1, flags, NULL, 0) < 0 &&
		    errno != EINTR)
			die("io_uring_enter");
		for (head = *r.cq_head; head != __atomic_load_n(r.cq_tail, __ATOMIC_ACQUIRE);
		     head++) {
			struct io_uring_cqe *c = &r.cqes[head & *r.cq_mask];

			end(t, c->user_data >> 8, c->res);
			slots[n_free++] = c->user_data & 0xff;
			done++;
		}
		__atomic_store_n(r.cq_head, head, __ATOMIC_RELEASE);
	}
	close(r.fd);
}

static void *run(void *arg)
{
	struct thread *t = arg;

	t->tid = syscall(SYS_gettid);
	pthread_barrier_wait(&go);
	if (!strcmp(t->engine, "psync") || !strcmp(t->engine, "vec"))
		run_sync(t);
	else if (!strcmp(t->engine, "mmap"))
		run_mmap(t);
	else if (!strcmp(t->engine, "aio"))
		run_aio(t);
	else
		run_uring(t);
	return NULL;
}

static void parse(struct thread *t, const char *spec, const char *file)
{
	const char *s = spec + (*spec == 'b');

	t->buffered = s != spec;
	if (sscanf(s, "%15[^,],%15[^,],%lu,%u,%u", t->engine, t->op, &t->bytes, &t->count,
		   &t->depth) != 5 ||
	    !t->depth || t->depth > MAX_DEPTH) {
		fprintf(stderr, "what is %s?\n", spec);
		exit(2);
	}
	t->write = !strcmp(t->op, "write");
	snprintf(t->path, sizeof(t->path), file, t->index);
	t->fd = open(t->path, O_RDWR | (t->buffered ? 0 : O_DIRECT));
	if (t->fd < 0)
		die(t->path);
	t->seed = t->index + 1;
	t->ops = calloc(t->count, sizeof(*t->ops));
	t->buffer = mmap(NULL, t->depth * t->bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (!t->ops || t->buffer == MAP_FAILED)
		die("memory");
}

int main(int argc, char **argv)
{
	struct thread threads[MAX_THREADS] = {0};
	int n = argc - 3;
	uint64_t stride = 0;

	if (n < 1 || n > MAX_THREADS) {
		fprintf(stderr, "usage: io-load FILE GRAIN SPEC...\n");
		return 2;
	}
	grain = strtoull(argv[2], NULL, 0);
	for (int i = 0; i < n; i++) {
		threads[i].index = i;
		parse(&threads[i], argv[i + 3], argv[1]);
		if (threads[i].bytes > stride)
			stride = threads[i].bytes;
	}
	/* Places overlap by half a large I/O and are the same for all threads. */
	stride = (stride / 2 + 8 * grain - 1) / (8 * grain) * (8 * grain);
	pthread_barrier_init(&go, NULL, n);
	for (int i = 0; i < n; i++) {
		threads[i].stride = stride;
		pthread_create(&threads[i].id, NULL, run, &threads[i]);
	}
	for (int i = 0; i < n; i++)
		pthread_join(threads[i].id, NULL);
	for (int i = 0; i < n; i++)
		for (unsigned int k = 0; k < threads[i].count; k++) {
			struct thread *t = &threads[i];
			struct op *o = &t->ops[k];

			printf("%d %u %s%s %s %u %lu %lu %ld %lu %lu\n", t->tid, t->index,
			       t->buffered ? "b" : "", t->engine, t->op, k, o->offset, t->bytes,
			       o->result, o->start_ns, o->end_ns);
		}
	return 0;
}
