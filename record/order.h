/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Sorts events by time stamp. */
#ifndef KT_RECORD_ORDER_H
#define KT_RECORD_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* Scratch memory for regions of up to cap bytes, reserved at once, touched as needed. */
struct kt_order {
	struct kt_order_entry *index;
	uint8_t *copy;
	size_t cap;
};

int kt_order_init(struct kt_order *o, size_t cap);
void kt_order_finish(struct kt_order *o);

/*
 * Sorts the events in len bytes at buf by ts_ns, losses before other events of the same time, otherwise stable. Meant for nearly
 * sorted input: the time is linear in the number of events and the distance they move.
 */
void kt_order_sort(struct kt_order *o, uint8_t *buf, size_t len);

#endif
