/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* What other families may ask of irq. */
#ifndef KT_ANALYZE_IRQ_IRQ_SERVICE_H
#define KT_ANALYZE_IRQ_IRQ_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

struct kt_svc_irq {
	/* "virtio1-req.0", "BLOCK": static or owned by irq; never NULL. soft: nr is a vector. */
	const char *(*name)(void *self, uint32_t run, bool soft, uint32_t nr);
};

struct kt_irqs {
	const struct kt_svc_irq *ops;
	void *self;
};

#endif
