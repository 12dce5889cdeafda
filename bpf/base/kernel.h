/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The few kernel structures that the programs read, and of those only the fields they read. CO-RE moves
 * the offsets to the running kernel's at load time, so no vmlinux.h and no BTF is needed to build. Where a kernel
 * names or nests a field differently it gets a flavour (struct name___NN) here, and the choice is made with
 * bpf_core_field_exists() where it is read. One header a subsystem of the kernel.
 */
#ifndef KT_BPF_BASE_KERNEL_H
#define KT_BPF_BASE_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#include "bpf/base/kernel/block.h"
#include "bpf/base/kernel/common.h"
#include "bpf/base/kernel/fs.h"
#include "bpf/base/kernel/mm.h"
#include "bpf/base/kernel/sched.h"
#include "bpf/base/kernel/uring.h"

#endif
