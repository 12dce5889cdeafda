/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The calls of 32-bit programs on x86_64, and of `int $0x80` in any: bpf/io/syscalls.h once more, with the numbers of the i386 table (no
 * header has both). A 64-bit value is in two words, the low one first; where, says the line.
 */
#ifndef KT_BPF_IO_SYSCALLS_IA32_H
#define KT_BPF_IO_SYSCALLS_IA32_H

#define CALL(nr, op_, shape_) [nr] = {KT_IO_OP_##op_, KT_CALL_##shape_, 0, KT_WORDS_NONE}
#define DATA_CALL(nr, op_, shape_, words_) \
	[nr] = {KT_IO_OP_##op_, KT_CALL_##shape_, 1, KT_WORDS_##words_}

static const volatile struct kt_call_desc kt_calls_ia32[KT_N_CALLS] = {
	DATA_CALL(3, READ, RW, NONE),
	DATA_CALL(180, READ, RW_AT, 3),
	DATA_CALL(145, READ, VEC, NONE),
	DATA_CALL(333, READ, VEC_AT, 3),
	DATA_CALL(378, READ, VEC_RWF, 3),
	DATA_CALL(4, WRITE, RW, NONE),
	DATA_CALL(181, WRITE, RW_AT, 3),
	DATA_CALL(146, WRITE, VEC, NONE),
	DATA_CALL(334, WRITE, VEC_AT, 3),
	DATA_CALL(379, WRITE, VEC_RWF, 3),
	DATA_CALL(118, FSYNC, FD, NONE),
	DATA_CALL(148, FDATASYNC, FD, NONE),
	DATA_CALL(314, SYNC_FILE_RANGE, RANGE, 1_3),
	DATA_CALL(344, SYNCFS, FD, NONE),
	DATA_CALL(36, SYNC, PATH, NONE),
	DATA_CALL(144, MSYNC, PATH, NONE),
	DATA_CALL(187, SENDFILE, SENDFILE, AT_2), /* sendfile */
	DATA_CALL(239, SENDFILE, SENDFILE, NONE), /* sendfile64 */
	DATA_CALL(313, SPLICE, SPLICE, NONE),
	DATA_CALL(377, COPY_FILE_RANGE, COPY, NONE),
	DATA_CALL(324, FALLOCATE, MODE_RANGE, 2_4),
	CALL(93, TRUNCATE, FD),					    /* ftruncate */
	CALL(194, TRUNCATE, FD),				    /* ftruncate64 */
	CALL(92, TRUNCATE, PATH),				    /* truncate */
	CALL(193, TRUNCATE, PATH),				    /* truncate64 */
	CALL(5, OPEN, PATH),					    /* open */
	CALL(8, OPEN, PATH),					    /* creat */
	CALL(295, OPEN, PATH),					    /* openat */
	CALL(437, OPEN, PATH),					    /* openat2 */
	CALL(297, OPEN, PATH),					    /* mknodat */
	CALL(6, CLOSE, PATH),					    /* close */
	CALL(63, CLOSE, PATH),					    /* dup2 */
	CALL(330, CLOSE, PATH),					    /* dup3 */
	CALL(436, CLOSE, PATH),					    /* close_range */
	CALL(10, UNLINK, PATH),					    /* unlink */
	CALL(301, UNLINK, PATH),				    /* unlinkat */
	CALL(38, RENAME, PATH),					    /* rename */
	CALL(302, RENAME, PATH),				    /* renameat */
	CALL(353, RENAME, PATH),				    /* renameat2 */
	CALL(39, MKDIR, PATH),					    /* mkdir */
	CALL(296, MKDIR, PATH),					    /* mkdirat */
	CALL(40, RMDIR, PATH),					    /* rmdir */
	CALL(9, LINK, PATH),					    /* link */
	CALL(303, LINK, PATH),					    /* linkat */
	CALL(83, SYMLINK, PATH),				    /* symlink */
	CALL(304, SYMLINK, PATH),				    /* symlinkat */
	CALL(11, EXECVE, PATH),					    /* execve */
	CALL(358, EXECVE, PATH),				    /* execveat */
	CALL(85, STAT, PATH),					    /* readlink */
	CALL(305, STAT, PATH),					    /* readlinkat */
	CALL(383, STAT, PATH),					    /* statx */
	CALL(106, STAT, PATH),					    /* stat */
	CALL(107, STAT, PATH),					    /* lstat */
	CALL(108, STAT, PATH),					    /* fstat */
	CALL(195, STAT, PATH),					    /* stat64 */
	CALL(196, STAT, PATH),					    /* lstat64 */
	CALL(197, STAT, PATH),					    /* fstat64 */
	CALL(300, STAT, PATH),					    /* fstatat64 */
	CALL(99, STAT, PATH),					    /* statfs */
	CALL(100, STAT, PATH),					    /* fstatfs */
	CALL(268, STAT, PATH),					    /* statfs64 */
	CALL(269, STAT, PATH),					    /* fstatfs64 */
	CALL(33, STAT, PATH),					    /* access */
	CALL(307, STAT, PATH),					    /* faccessat */
	CALL(439, STAT, PATH),					    /* faccessat2 */
	CALL(12, STAT, PATH),					    /* chdir */
	CALL(141, GETDENTS, FD),				    /* getdents */
	CALL(220, GETDENTS, FD),				    /* getdents64 */
	CALL(90, MMAP, PATH),					    /* mmap */
	CALL(192, MMAP, PATH),					    /* mmap2 */
	CALL(150, MMAP, PATH),					    /* mlock */
	CALL(376, MMAP, PATH),					    /* mlock2 */
	CALL(152, MMAP, PATH),					    /* mlockall */
	CALL(163, MMAP, PATH),					    /* mremap */
	CALL(91, MUNMAP, PATH),					    /* munmap */
	CALL(219, MADVISE, PATH),				    /* madvise */
	CALL(440, MADVISE, PATH),				    /* process_madvise */
	[250] = {KT_IO_OP_FADVISE, KT_CALL_RANGE, 0, KT_WORDS_1},   /* fadvise64 */
	[272] = {KT_IO_OP_FADVISE, KT_CALL_RANGE, 0, KT_WORDS_1_3}, /* fadvise64_64 */
	[225] = {KT_IO_OP_READAHEAD, KT_CALL_RANGE, 0, KT_WORDS_1}, /* readahead */
	CALL(54, IOCTL, FD),					    /* ioctl */
	CALL(21, MOUNT, PATH),					    /* mount */
	CALL(429, MOUNT, PATH),					    /* move_mount */
	CALL(431, MOUNT, PATH),					    /* fsconfig */
	CALL(432, MOUNT, PATH),					    /* fsmount */
	CALL(22, UMOUNT, PATH),					    /* umount */
	CALL(52, UMOUNT, PATH),					    /* umount2 */
	CALL(87, OTHER, PATH),					    /* swapon */
	CALL(115, OTHER, PATH),					    /* swapoff */
	CALL(131, OTHER, PATH),					    /* quotactl */
	CALL(248, IO_SUBMIT, AIO),				    /* io_submit */
	CALL(426, IO_URING_ENTER, PATH),			    /* io_uring_enter */
	CALL(226, XATTR, PATH),					    /* setxattr */
	CALL(227, XATTR, PATH),					    /* lsetxattr */
	CALL(228, XATTR, FD),					    /* fsetxattr */
	CALL(229, XATTR, PATH),					    /* getxattr */
	CALL(230, XATTR, PATH),					    /* lgetxattr */
	CALL(231, XATTR, FD),					    /* fgetxattr */
	CALL(232, XATTR, PATH),					    /* listxattr */
	CALL(233, XATTR, PATH),					    /* llistxattr */
	CALL(234, XATTR, FD),					    /* flistxattr */
	CALL(235, XATTR, PATH),					    /* removexattr */
	CALL(236, XATTR, PATH),					    /* lremovexattr */
	CALL(237, XATTR, FD),					    /* fremovexattr */
	CALL(15, CHMOD, PATH),					    /* chmod */
	CALL(94, CHMOD, FD),					    /* fchmod */
	CALL(306, CHMOD, PATH),					    /* fchmodat */
	CALL(320, CHMOD, PATH),					    /* utimensat */
	CALL(412, CHMOD, PATH),					    /* utimensat_time64 */
	CALL(16, CHOWN, PATH),					    /* lchown */
	CALL(95, CHOWN, FD),					    /* fchown */
	CALL(182, CHOWN, PATH),					    /* chown */
	CALL(198, CHOWN, PATH),					    /* lchown32 */
	CALL(207, CHOWN, FD),					    /* fchown32 */
	CALL(212, CHOWN, PATH),					    /* chown32 */
	CALL(298, CHOWN, PATH),					    /* fchownat */
};

#undef CALL
#undef DATA_CALL

static __always_inline void kt_args_read_ia32(struct pt_regs *regs, struct kt_args *ret)
{
	struct pt_regs___x86 *r = (void *)regs;

	ret->a[0] = (u32)r->bx;
	ret->a[1] = (u32)r->cx;
	ret->a[2] = (u32)r->dx;
	ret->a[3] = (u32)r->si;
	ret->a[4] = (u32)r->di;
	ret->a[5] = (u32)r->bp;
}

#endif
