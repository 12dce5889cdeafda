/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * System calls: which of them may do I/O, what they do (format/ioops.def), and where their arguments are. Numbers are those of
 * the machine that it is built for; a call that the machine does not have is left out. To add one: a line in the table.
 */
#ifndef KT_BPF_SYSCALLS_H
#define KT_BPF_SYSCALLS_H

#include <asm/unistd.h>

#include "bpf/ktrace.bpf.h"

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

struct kt_call_desc {
	u8 op; /* enum kt_io_op */
	u8 shape;
	u8 data; /* on a regular file or a block device it is an io even if it causes no bio */
};

#define KT_N_CALLS 512
#define C(call, op_, shape_) [__NR_##call] = {KT_IO_OP_##op_, KT_CALL_##shape_, 0}
#define D(call, op_, shape_) [__NR_##call] = {KT_IO_OP_##op_, KT_CALL_##shape_, 1}

static const volatile struct kt_call_desc kt_calls[KT_N_CALLS] = {
	D(read, READ, RW),
	D(pread64, READ, RW_AT),
	D(readv, READ, VEC),
	D(preadv, READ, VEC_AT),
	D(preadv2, READ, VEC_RWF),
	D(write, WRITE, RW),
	D(pwrite64, WRITE, RW_AT),
	D(writev, WRITE, VEC),
	D(pwritev, WRITE, VEC_AT),
	D(pwritev2, WRITE, VEC_RWF),
	D(fsync, FSYNC, FD),
	D(fdatasync, FDATASYNC, FD),
	D(sync_file_range, SYNC_FILE_RANGE, RANGE),
	D(syncfs, SYNCFS, FD),
	D(sync, SYNC, PATH),
	D(msync, MSYNC, PATH),
	D(sendfile, SENDFILE, SENDFILE),
	D(splice, SPLICE, SPLICE),
	D(copy_file_range, COPY_FILE_RANGE, COPY),
	D(fallocate, FALLOCATE, MODE_RANGE),
	C(ftruncate, TRUNCATE, FD),
	C(truncate, TRUNCATE, PATH),
	C(openat, OPEN, PATH),
	C(openat2, OPEN, PATH),
	C(close, CLOSE, PATH),
	C(dup3, CLOSE, PATH),
	C(close_range, CLOSE, PATH),
	C(unlinkat, UNLINK, PATH),
	C(renameat2, RENAME, PATH),
	C(mkdirat, MKDIR, PATH),
	C(mknodat, OPEN, PATH),
	C(linkat, LINK, PATH),
	C(symlinkat, SYMLINK, PATH),
	C(readlinkat, STAT, PATH),
	C(execve, EXECVE, PATH),
	C(execveat, EXECVE, PATH),
	C(statx, STAT, PATH),
	C(fstat, STAT, PATH),
	C(statfs, STAT, PATH),
	C(fstatfs, STAT, PATH),
	C(faccessat, STAT, PATH),
	C(faccessat2, STAT, PATH),
	C(chdir, STAT, PATH),
	C(getdents64, GETDENTS, FD),
	C(mmap, MMAP, PATH),
	C(munmap, MUNMAP, PATH),
	C(madvise, MADVISE, PATH),
	C(process_madvise, MADVISE, PATH),
	C(mlock, MMAP, PATH),
	C(mlock2, MMAP, PATH),
	C(mlockall, MMAP, PATH),
	C(mremap, MMAP, PATH),
	C(fadvise64, FADVISE, RANGE),
	C(readahead, READAHEAD, RANGE),
	C(ioctl, IOCTL, FD),
	C(mount, MOUNT, PATH),
	C(move_mount, MOUNT, PATH),
	C(fsconfig, MOUNT, PATH),
	C(fsmount, MOUNT, PATH),
	C(umount2, UMOUNT, PATH),
	C(swapon, OTHER, PATH),
	C(swapoff, OTHER, PATH),
	C(io_submit, IO_SUBMIT, AIO),
	C(io_uring_enter, IO_URING_ENTER, PATH),
	C(setxattr, XATTR, PATH),
	C(lsetxattr, XATTR, PATH),
	C(fsetxattr, XATTR, FD),
	C(getxattr, XATTR, PATH),
	C(lgetxattr, XATTR, PATH),
	C(fgetxattr, XATTR, FD),
	C(listxattr, XATTR, PATH),
	C(llistxattr, XATTR, PATH),
	C(flistxattr, XATTR, FD),
	C(removexattr, XATTR, PATH),
	C(lremovexattr, XATTR, PATH),
	C(fremovexattr, XATTR, FD),
	C(fchmod, CHMOD, FD),
	C(fchmodat, CHMOD, PATH),
	C(fchown, CHOWN, FD),
	C(fchownat, CHOWN, PATH),
	C(utimensat, CHMOD, PATH),
	C(quotactl, OTHER, PATH),
#ifdef __NR_open /* what newer machines do without */
	C(open, OPEN, PATH),
	C(creat, OPEN, PATH),
	C(dup2, CLOSE, PATH),
	C(unlink, UNLINK, PATH),
	C(rename, RENAME, PATH),
	C(mkdir, MKDIR, PATH),
	C(rmdir, RMDIR, PATH),
	C(link, LINK, PATH),
	C(symlink, SYMLINK, PATH),
	C(readlink, STAT, PATH),
	C(stat, STAT, PATH),
	C(lstat, STAT, PATH),
	C(access, STAT, PATH),
	C(getdents, GETDENTS, FD),
	C(chmod, CHMOD, PATH),
	C(chown, CHOWN, PATH),
	C(lchown, CHOWN, PATH),
#endif
#ifdef __NR_newfstatat
	C(newfstatat, STAT, PATH),
#endif
#ifdef __NR_renameat
	C(renameat, RENAME, PATH),
#endif
};

#undef C
#undef D

/* The arguments of the call that regs belong to. */
struct kt_args {
	u64 a[6];
};

#if defined(__TARGET_ARCH_x86)
static __always_inline void kt_args_read(struct pt_regs *regs, struct kt_args *ret)
{
	struct pt_regs___x86 *r = (void *)regs;

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

/* A 32-bit program's calls have numbers of their own. */
static __always_inline bool kt_call_foreign(struct task_struct *t)
{
	return t->thread_info.status & KT_TS_COMPAT;
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline void kt_args_read(struct pt_regs *regs, struct kt_args *ret)
{
	struct pt_regs___arm64 *r = (void *)regs;

	for (int i = 0; i < 6; i++)
		ret->a[i] = r->regs[i];
}

static __always_inline s64 kt_call_nr(struct pt_regs *regs)
{
	return ((struct pt_regs___arm64 *)regs)->syscallno;
}

static __always_inline bool kt_call_foreign(struct task_struct *t)
{
	return false;
}
#else
#error "say where this machine keeps the arguments of a system call"
#endif

#endif
