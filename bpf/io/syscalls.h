/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * System calls: which of them may do I/O, what they do (format/ioops.def), and where their arguments are. Numbers are those of
 * the machine that it is built for; a call that the machine does not have is left out. To add one: a line in the table.
 */
#ifndef KT_BPF_IO_SYSCALLS_H
#define KT_BPF_IO_SYSCALLS_H

#include <asm/unistd.h>

#include "bpf/filter/filter.h"

/* Where the arguments are. */
enum kt_call_shape {
	KT_CALL_NONE = 0,   /* not looked at */
	KT_CALL_PATH,	    /* no descriptor that names the file */
	KT_CALL_FD,	    /* (fd) */
	KT_CALL_RW,	    /* (fd, buffer, size), at the file's position */
	KT_CALL_RW_AT,	    /* (fd, buffer, size, offset) */
	KT_CALL_VEC,	    /* (fd, iovec, n), at the file's position */
	KT_CALL_VEC_AT,	    /* (fd, iovec, n, offset low, high) */
	KT_CALL_VEC_RWF,    /* the same, and RWF_* flags; offset -1: the file's position */
	KT_CALL_RANGE,	    /* (fd, offset, size) */
	KT_CALL_MODE_RANGE, /* (fd, mode, offset, size) */
	KT_CALL_SENDFILE,   /* (out, fd, *offset, size) */
	KT_CALL_SPLICE,	    /* (fd, *offset, fd, *offset, size): whichever is a file */
	KT_CALL_COPY,	    /* the same, both are files: the first */
	KT_CALL_AIO,	    /* (context, n, **iocb) */
};

/* Which arguments of a 32-bit call are in two words: what follows them comes one argument later. */
enum kt_call_words {
	KT_WORDS_NONE = 0,
	KT_WORDS_3,    /* argument 3 */
	KT_WORDS_1,    /* 1 */
	KT_WORDS_1_3,  /* 1, and what comes after it */
	KT_WORDS_2_4,  /* 2, and what comes after it */
	KT_WORDS_AT_2, /* none; what argument 2 points to is one word */
};

struct kt_call_desc {
	u8 op; /* enum kt_io_op */
	u8 shape;
	u8 data;  /* on a regular file or a block device it is an io even if it causes no bio */
	u8 words; /* enum kt_call_words */
};

#define KT_N_CALLS 512
#define CALL(call, op_, shape_) [__NR_##call] = {KT_IO_OP_##op_, KT_CALL_##shape_, 0, 0}
#define DATA_CALL(call, op_, shape_) [__NR_##call] = {KT_IO_OP_##op_, KT_CALL_##shape_, 1, 0}

static const volatile struct kt_call_desc kt_calls[KT_N_CALLS] = {
	DATA_CALL(read, READ, RW),
	DATA_CALL(pread64, READ, RW_AT),
	DATA_CALL(readv, READ, VEC),
	DATA_CALL(preadv, READ, VEC_AT),
	DATA_CALL(preadv2, READ, VEC_RWF),
	DATA_CALL(write, WRITE, RW),
	DATA_CALL(pwrite64, WRITE, RW_AT),
	DATA_CALL(writev, WRITE, VEC),
	DATA_CALL(pwritev, WRITE, VEC_AT),
	DATA_CALL(pwritev2, WRITE, VEC_RWF),
	DATA_CALL(fsync, FSYNC, FD),
	DATA_CALL(fdatasync, FDATASYNC, FD),
	DATA_CALL(sync_file_range, SYNC_FILE_RANGE, RANGE),
	DATA_CALL(syncfs, SYNCFS, FD),
	DATA_CALL(sync, SYNC, PATH),
	DATA_CALL(msync, MSYNC, PATH),
	DATA_CALL(sendfile, SENDFILE, SENDFILE),
	DATA_CALL(splice, SPLICE, SPLICE),
	DATA_CALL(copy_file_range, COPY_FILE_RANGE, COPY),
	DATA_CALL(fallocate, FALLOCATE, MODE_RANGE),
	CALL(ftruncate, TRUNCATE, FD),
	CALL(truncate, TRUNCATE, PATH),
	CALL(openat, OPEN, PATH),
	CALL(openat2, OPEN, PATH),
	CALL(close, CLOSE, PATH),
	CALL(dup3, CLOSE, PATH),
	CALL(close_range, CLOSE, PATH),
	CALL(unlinkat, UNLINK, PATH),
	CALL(renameat2, RENAME, PATH),
	CALL(mkdirat, MKDIR, PATH),
	CALL(mknodat, OPEN, PATH),
	CALL(linkat, LINK, PATH),
	CALL(symlinkat, SYMLINK, PATH),
	CALL(readlinkat, STAT, PATH),
	CALL(execve, EXECVE, PATH),
	CALL(execveat, EXECVE, PATH),
	CALL(statx, STAT, PATH),
	CALL(fstat, STAT, PATH),
	CALL(statfs, STAT, PATH),
	CALL(fstatfs, STAT, PATH),
	CALL(faccessat, STAT, PATH),
	CALL(faccessat2, STAT, PATH),
	CALL(chdir, STAT, PATH),
	CALL(getdents64, GETDENTS, FD),
	CALL(mmap, MMAP, PATH),
	CALL(munmap, MUNMAP, PATH),
	CALL(madvise, MADVISE, PATH),
	CALL(process_madvise, MADVISE, PATH),
	CALL(mlock, MMAP, PATH),
	CALL(mlock2, MMAP, PATH),
	CALL(mlockall, MMAP, PATH),
	CALL(mremap, MMAP, PATH),
	CALL(fadvise64, FADVISE, RANGE),
	CALL(readahead, READAHEAD, RANGE),
	CALL(ioctl, IOCTL, FD),
	CALL(mount, MOUNT, PATH),
	CALL(move_mount, MOUNT, PATH),
	CALL(fsconfig, MOUNT, PATH),
	CALL(fsmount, MOUNT, PATH),
	CALL(umount2, UMOUNT, PATH),
	CALL(swapon, OTHER, PATH),
	CALL(swapoff, OTHER, PATH),
	CALL(io_submit, IO_SUBMIT, AIO),
	CALL(io_uring_enter, IO_URING_ENTER, PATH),
	CALL(setxattr, XATTR, PATH),
	CALL(lsetxattr, XATTR, PATH),
	CALL(fsetxattr, XATTR, FD),
	CALL(getxattr, XATTR, PATH),
	CALL(lgetxattr, XATTR, PATH),
	CALL(fgetxattr, XATTR, FD),
	CALL(listxattr, XATTR, PATH),
	CALL(llistxattr, XATTR, PATH),
	CALL(flistxattr, XATTR, FD),
	CALL(removexattr, XATTR, PATH),
	CALL(lremovexattr, XATTR, PATH),
	CALL(fremovexattr, XATTR, FD),
	CALL(fchmod, CHMOD, FD),
	CALL(fchmodat, CHMOD, PATH),
	CALL(fchown, CHOWN, FD),
	CALL(fchownat, CHOWN, PATH),
	CALL(utimensat, CHMOD, PATH),
	CALL(quotactl, OTHER, PATH),
#ifdef __NR_open /* what newer machines do without */
	CALL(open, OPEN, PATH),
	CALL(creat, OPEN, PATH),
	CALL(dup2, CLOSE, PATH),
	CALL(unlink, UNLINK, PATH),
	CALL(rename, RENAME, PATH),
	CALL(mkdir, MKDIR, PATH),
	CALL(rmdir, RMDIR, PATH),
	CALL(link, LINK, PATH),
	CALL(symlink, SYMLINK, PATH),
	CALL(readlink, STAT, PATH),
	CALL(stat, STAT, PATH),
	CALL(lstat, STAT, PATH),
	CALL(access, STAT, PATH),
	CALL(getdents, GETDENTS, FD),
	CALL(chmod, CHMOD, PATH),
	CALL(chown, CHOWN, PATH),
	CALL(lchown, CHOWN, PATH),
#endif
#ifdef __NR_newfstatat
	CALL(newfstatat, STAT, PATH),
#endif
#ifdef __NR_renameat
	CALL(renameat, RENAME, PATH),
#endif
};

#undef CALL
#undef DATA_CALL

/* The arguments of the call that regs belong to. */
struct kt_args {
	u64 a[6];
};

/* Puts together what is in two words. Out of line, so that the verifier goes through what follows once, not once for each way. */
__noinline __attribute__((weak)) int kt_args_join(u32 words, struct kt_args *a)
{
	if (!a)
		return 0;
	switch (words) {
	case KT_WORDS_3:
		a->a[3] |= a->a[4] << 32;
		break;
	case KT_WORDS_1:
		a->a[1] |= a->a[2] << 32;
		a->a[2] = a->a[3];
		break;
	case KT_WORDS_1_3:
		a->a[1] |= a->a[2] << 32;
		a->a[2] = a->a[3] | a->a[4] << 32;
		break;
	case KT_WORDS_2_4:
		a->a[2] |= a->a[3] << 32;
		a->a[3] = a->a[4] | a->a[5] << 32;
		break;
	}
	return 0;
}

/* kt_call_find(): what is known of the call of that number by task t, which runs. NULL: nothing, it is none of ours. */
#if defined(__TARGET_ARCH_x86)
#include "bpf/io/syscalls_ia32.h"

/* A 32-bit program's calls have numbers of their own; so has any program's `int $0x80`. Those of x32 are above all tables. */
static __always_inline bool kt_call_is_32(struct task_struct *t)
{
	return t->thread_info.status & KT_TS_COMPAT;
}

static __always_inline const volatile struct kt_call_desc *kt_call_find(struct task_struct *t,
									u64 nr)
{
	if (nr >= KT_N_CALLS)
		return NULL;
	barrier_var(nr); /* else the masks go, and 6.1 does not know a bound once nr was spilled */
	return kt_call_is_32(t) ? &kt_calls_ia32[nr & (KT_N_CALLS - 1)]
				: &kt_calls[nr & (KT_N_CALLS - 1)];
}

static __always_inline void kt_args_read(struct task_struct *t, struct pt_regs *regs, u8 words,
					 struct kt_args *ret)
{
	struct pt_regs___x86 *r = (void *)regs;

	if (kt_call_is_32(t)) {
		kt_args_read_ia32(regs, ret);
		kt_args_join(words, ret);
		return;
	}
	ret->a[0] = r->di;
	ret->a[1] = r->si;
	ret->a[2] = r->dx;
	ret->a[3] = r->r10;
	ret->a[4] = r->r8;
	ret->a[5] = r->r9;
}

/* -1: in none */
static __always_inline s64 kt_call_nr(struct pt_regs *regs)
{
	return ((struct pt_regs___x86 *)regs)->orig_ax;
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline bool kt_call_is_32(struct task_struct *t)
{
	return t->thread_info.flags & KT_TIF_32BIT;
}

/* A 32-bit program's calls have numbers of their own. */
static __always_inline const volatile struct kt_call_desc *kt_call_find(struct task_struct *t,
									u64 nr)
{
	return nr < KT_N_CALLS && !kt_call_is_32(t) ? &kt_calls[nr & (KT_N_CALLS - 1)] : NULL;
}

static __always_inline void kt_args_read(struct task_struct *t, struct pt_regs *regs, u8 words,
					 struct kt_args *ret)
{
	struct pt_regs___arm64 *r = (void *)regs;

	for (int i = 0; i < 6; i++)
		ret->a[i] = r->regs[i];
}

static __always_inline s64 kt_call_nr(struct pt_regs *regs)
{
	return ((struct pt_regs___arm64 *)regs)->syscallno;
}
#else
#error "say where this machine keeps the arguments of a system call"
#endif

#endif
