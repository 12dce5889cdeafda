/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * --keep: which flows get rows. The statistics count all flows (analyze/stats/flows.h); rows are written only for
 * flows of some length and, with --sample, for one in so many of the others.
 *
 * Linked flows (an operation, its bios, the requests that carry them) are one group, whose rows wait in memory until it is
 * known whether one of its flows is long: then all are written. When all have ended and none was long, they are dropped. If an ended flow
 * may yet turn out to be what another waited for, the tracker that remembers it holds its group.
 *
 * Trackers use flow.h, which calls these. All return 0 or -errno.
 */
#ifndef KT_ANALYZE_ENGINE_KEEP_H
#define KT_ANALYZE_ENGINE_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/engine/flow.h"

struct kt_db;
struct kt_keep;

/* sample: 0 = none of the others. db outlives it. */
int kt_keep_create(struct kt_db *db, int64_t keep_ns, uint64_t sample, struct kt_keep **ret);
void kt_keep_destroy(struct kt_keep *s); /* NULL is fine */
/* Before the first flow of that kind, in the order of flow_kind. */
int kt_keep_add_kind(struct kt_keep *s, const struct kt_flow_kind *k);

/* As those of flow.h. */
int kt_keep_begin(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id, int64_t start_ns,
		  bool until_told);
int kt_keep_insert(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id,
		   const struct kt_table *t, const void *row);
int kt_keep_link(struct kt_keep *s, const struct kt_flow_kind *a, int64_t a_id,
		 const struct kt_flow_kind *b, int64_t b_id);
int kt_keep_needs(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id,
		  const struct kt_flow_kind *of, int64_t of_id);
void kt_keep_hold(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id, bool hold);
void kt_keep_watch(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id, bool watch);
void kt_keep_forget(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id);
/* It ended; further rows and links may follow until the next tick. */
int kt_keep_ended(struct kt_keep *s, const struct kt_flow_kind *k, int64_t id, int64_t dur_ns);

/* Before each event, with its time: decides what can be decided. */
int kt_keep_tick(struct kt_keep *s, int64_t now_ns);
/* All flows have ended: decides the rest. */
int kt_keep_finish(struct kt_keep *s);

/* Flows of that kind, and those of them that have rows. */
void kt_keep_counts(const struct kt_keep *s, const struct kt_flow_kind *k, uint64_t *ret_all,
		    uint64_t *ret_stored);
/* How often a flow was named that was no longer known: anything but 0 is a bug, here or in a tracker. */
uint64_t kt_keep_missed(const struct kt_keep *s);

#endif
