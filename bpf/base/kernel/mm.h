/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Pages and mappings. See bpf/base/kernel.h. */
#ifndef KT_BPF_BASE_KERNEL_MM_H
#define KT_BPF_BASE_KERNEL_MM_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct page {
	struct address_space *mapping;
	unsigned long compound_head;
};

/* Before 6.18 the flags are a number. */
struct kt_memdesc_flags {
	unsigned long f;
};

struct folio {
	unsigned long flags;
	struct address_space *mapping;
	unsigned long index;
	unsigned int _nr_pages;
};

struct folio___618 {
	struct kt_memdesc_flags flags;
};

/* Up to 6.11 */
struct folio___611 {
	unsigned int _folio_nr_pages;
};

struct vm_area_struct {
	struct file *vm_file;
};

#pragma clang attribute pop

#define KT_PAGE_MAPPING_FLAGS 3ul /* low bits of page->mapping: anonymous, movable */

#endif
