// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * who-load WHAT FILE: I/O whose owner is not obvious. FILE is opened O_DIRECT.
 *
 *	int80		32-bit calls of a 64-bit program; prints `OP OFFSET SIZE RESULT` of each, in order
 *	x32		a read by its x32 number, which hardly any kernel accepts; prints its result
 *	names		a thread reads 3 times as kt-one, 5 times as kt-two
 *	exec		a second thread reads 3 times and calls exec; what it runs reads 5 times
 *	read N		reads N times: what exec runs
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECE 4096
#define PIECES 4
#define HIGH ((5ull << 30) + 8 * PIECE) /* needs both words of an offset */
#define X32_BIT 0x40000000

static const char *self, *path;
static char *memory; /* below 4 GiB: 32-bit calls must reach it */
static int fd;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void prepare(void)
{
	fd = open(path, O_RDWR | O_DIRECT);
	if (fd < 0)
		die(path);
	memory = mmap(NULL, (PIECES + 1) * PIECE, PROT_READ | PROT_WRITE,
#ifdef __x86_64__
		      MAP_32BIT |
#endif
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		      -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
}

static void read_some(int n)
{
	for (int i = 0; i < n; i++)
		if (pread(fd, memory, PIECE, i * PIECE) != PIECE)
			die("pread");
}

#ifdef __x86_64__
/* A call of the i386 table: at most six 32-bit arguments. The last is in ebp, which the compiler reserves. */
static long int80(long nr, long a, long b, long c, long d, long e, long f)
{
	long args[] = {nr, a, b, c, d, e, f}, ret;

	/* The compiler may keep data below the stack pointer. */
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "push %%rbp\n\t"
			 "mov 48(%%rax), %%rbp\n\t"
			 "mov 40(%%rax), %%rdi\n\t"
			 "mov 32(%%rax), %%rsi\n\t"
			 "mov 24(%%rax), %%rdx\n\t"
			 "mov 16(%%rax), %%rcx\n\t"
			 "mov 8(%%rax), %%rbx\n\t"
			 "mov (%%rax), %%rax\n\t"
			 "int $0x80\n\t"
			 "pop %%rbp\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : "=a"(ret)
			 : "a"(args)
			 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory",
			   "cc");
	return (int32_t)ret;
}

static void told(const char *op, long long offset, long long size, long result)
{
	printf("%s %lld %lld %ld\n", op, offset, size, result);
}

static int calls_32(void)
{
	const long low = (uint32_t)HIGH, high = HIGH >> 32, at = (long)memory;
	uint32_t *v = (uint32_t *)(memory + PIECES * PIECE);

	for (int i = 0; i < PIECES; i++) {
		v[2 * i] = at + i * PIECE;
		v[2 * i + 1] = PIECE;
	}
	told("read", 0, PIECE, int80(3, fd, at, PIECE, 0, 0, 0));
	told("read", HIGH, PIECE, int80(180, fd, at, PIECE, low, high, 0));
	told("write", HIGH, PIECE, int80(181, fd, at, PIECE, low, high, 0));
	told("read", PIECE, 2 * PIECE, int80(145, fd, (long)v, 2, 0, 0, 0));
	told("read", HIGH, PIECES * PIECE, int80(333, fd, (long)v, PIECES, low, high, 0));
	told("write", HIGH, 3 * PIECE, int80(379, fd, (long)v, 3, low, high, 0));
	told("sync_file_range", HIGH, HIGH, int80(314, fd, low, high, low, high, 2));
	told("fdatasync", -1, 0, int80(148, fd, 0, 0, 0, 0, 0));
	told("fsync", -1, 0, int80(118, fd, 0, 0, 0, 0, 0));
	return 0;
}

static int call_x32(void)
{
	long ret = syscall(SYS_pread64 | X32_BIT, fd, memory, PIECE, 0);

	printf("%ld\n", ret < 0 ? -errno : ret);
	return 0;
}
#else
static int calls_32(void)
{
	return 77;
}

static int call_x32(void)
{
	return 77;
}
#endif

static void *renamed(void *arg)
{
	prctl(PR_SET_NAME, "kt-one");
	read_some(3);
	prctl(PR_SET_NAME, "kt-two");
	read_some(5);
	return arg;
}

static void *executes(void *arg)
{
	read_some(3);
	printf("%ld\n", syscall(SYS_gettid));
	fflush(stdout);
	execl(self, self, "read", path, "5", (char *)NULL);
	die("exec");
	return arg;
}

static int in_a_thread(void *(*fn)(void *arg))
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, NULL) || pthread_join(t, NULL))
		die("pthread_create");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	self = argv[0];
	path = argv[2];
	if (argc > 2)
		prepare();
	if (!strcmp(what, "int80"))
		return calls_32();
	if (!strcmp(what, "x32"))
		return call_x32();
	if (!strcmp(what, "names"))
		return in_a_thread(renamed);
	if (!strcmp(what, "exec"))
		return in_a_thread(executes);
	if (!strcmp(what, "read") && argc > 3) {
		read_some(atoi(argv[3]));
		return 0;
	}
	fprintf(stderr, "usage: who-load int80|x32|names|exec|read FILE [N]\n");
	return 1;
}
