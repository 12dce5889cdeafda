// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * odd-io FILE WHAT…: I/O of kinds and sizes that benchmarks do not use, each WHAT once, in the given order:
 *
 *	aio:N		one io_submit() of N iocbs, each of 512 bytes, one after the other
 *	preadv:N aiov:N uringv:N	one read of N pieces of 4 KiB: by a system call, libaio, io_uring
 *	fallocate:N	N bytes
 *	uring-fallocate:N	the same through io_uring
 *	discard:N	the first N bytes of a block device, through io_uring
 *
 * FILE is opened O_DIRECT. Prints `WHAT RESULT` for each: bytes, iocbs that were done, or a negative errno.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECE 4096
#define MAX_PIECES 1024
#define AIO_BYTES 512
#define CMD_DISCARD _IO(0x12, 0) /* BLOCK_URING_CMD_DISCARD, which the headers may lack */

static char *memory;
static struct iovec vec[MAX_PIECES];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long outcome(long result)
{
	return result < 0 ? -errno : result;
}

/* Returns when all of them have ended. */
static long aio(struct iocb *iocbs, long n)
{
	struct iocb **list = calloc(n, sizeof(*list));
	struct io_event *events = calloc(n, sizeof(*events));
	aio_context_t ctx = 0;
	long sent, done = 0;

	if (!list || !events || syscall(SYS_io_setup, n, &ctx))
		die("io_setup");
	for (long i = 0; i < n; i++)
		list[i] = &iocbs[i];
	sent = outcome(syscall(SYS_io_submit, ctx, n, list));
	while (done < sent) {
		long some = syscall(SYS_io_getevents, ctx, 1, n, events, NULL);

		if (some <= 0)
			die("io_getevents");
		for (long i = 0; i < some; i++)
			if (n == 1)
				sent = events[i].res;
		done += some;
		if (n == 1)
			break;
	}
	syscall(SYS_io_destroy, ctx);
	free(list);
	free(events);
	return sent;
}

static long aio_many(int fd, long n)
{
	struct iocb *iocbs = calloc(n, sizeof(*iocbs));
	long sent;

	if (!iocbs)
		die("calloc");
	for (long i = 0; i < n; i++)
		iocbs[i] = (struct iocb){
			.aio_fildes = fd,
			.aio_lio_opcode = IOCB_CMD_PREAD,
			.aio_buf = (uintptr_t)memory,
			.aio_nbytes = AIO_BYTES,
			.aio_offset = i * AIO_BYTES,
		};
	sent = aio(iocbs, n);
	free(iocbs);
	return sent;
}

static long aio_vec(int fd, long n)
{
	struct iocb iocb = {
		.aio_fildes = fd,
		.aio_lio_opcode = IOCB_CMD_PREADV,
		.aio_buf = (uintptr_t)vec,
		.aio_nbytes = n,
	};

	return aio(&iocb, 1);
}

/* One request in its own ring, and its result. */
static long uring(const struct io_uring_sqe *request)
{
	struct io_uring_params p = {0};
	int fd = syscall(SYS_io_uring_setup, 1, &p);
	char *sq, *cq;
	struct io_uring_sqe *sqes;
	long result;

	if (fd < 0)
		die("io_uring_setup");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(uint32_t), PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		  PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		die("mmap");
	sqes[0] = *request;
	((uint32_t *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((uint32_t *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		die("io_uring_enter");
	result = ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
	close(fd);
	return result;
}

static long uring_vec(int fd, long n)
{
	return uring(&(struct io_uring_sqe){
		.opcode = IORING_OP_READV, .fd = fd, .addr = (uintptr_t)vec, .len = n});
}

static long uring_fallocate(int fd, long n)
{
	return uring(&(struct io_uring_sqe){.opcode = IORING_OP_FALLOCATE, .fd = fd, .addr = n});
}

static long uring_discard(int fd, long n)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_URING_CMD, .fd = fd};
	uint64_t length = n;

	/* cmd_op is the lower half of off, the length is addr3. */
	sqe.off = CMD_DISCARD;
	memcpy((char *)&sqe + 48, &length, sizeof(length));
	return uring(&sqe);
}

static long preadv_many(int fd, long n)
{
	return outcome(preadv(fd, vec, n, 0));
}

static long fallocate_some(int fd, long n)
{
	return outcome(fallocate(fd, 0, 0, n));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		long (*run)(int fd, long n);
	} whats[] = {
		{"aio", aio_many},
		{"preadv", preadv_many},
		{"aiov", aio_vec},
		{"uringv", uring_vec},
		{"fallocate", fallocate_some},
		{"uring-fallocate", uring_fallocate},
		{"discard", uring_discard},
	};
	int fd = argc > 2 ? open(argv[1], O_RDWR | O_DIRECT) : -1;

	if (fd < 0)
		die("odd-io FILE WHAT:N…");
	memory = mmap(NULL, MAX_PIECES * PIECE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < MAX_PIECES; i++)
		vec[i] = (struct iovec){memory + i * PIECE, PIECE};
	for (int i = 2; i < argc; i++) {
		const char *colon = strchr(argv[i], ':');
		size_t k = 0;

		while (k < sizeof(whats) / sizeof(whats[0]) && colon &&
		       (strlen(whats[k].name) != (size_t)(colon - argv[i]) ||
			memcmp(whats[k].name, argv[i], colon - argv[i])))
			k++;
		if (!colon || k == sizeof(whats) / sizeof(whats[0])) {
			fprintf(stderr, "odd-io: %s is unknown\n", argv[i]);
			return 1;
		}
		printf("%s %ld\n", argv[i], whats[k].run(fd, atol(colon + 1)));
	}
	return 0;
}
