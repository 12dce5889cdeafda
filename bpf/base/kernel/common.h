/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Lists, wait queues, and objects of sysfs. See bpf/base/kernel.h. */
#ifndef KT_BPF_BASE_KERNEL_COMMON_H
#define KT_BPF_BASE_KERNEL_COMMON_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct list_head {
	struct list_head *next, *prev;
};

struct callback_head {
	struct callback_head *next;
	void *func;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct kobject {
	const char *name;
	struct kernfs_node *sd;
};

struct device {
	struct kobject kobj;
};

struct wait_queue_head {
	struct list_head head;
};

struct wait_queue_entry {
	void *private; /* the task that waits */
	struct list_head entry;
};

struct swait_queue_head {
	struct list_head task_list;
};

struct swait_queue {
	struct task_struct *task;
	struct list_head task_list;
};

struct completion {
	struct swait_queue_head wait;
};

#pragma clang attribute pop

#endif
