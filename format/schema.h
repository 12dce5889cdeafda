/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Descriptions of events: the compiled ones (from the .def files) and those in a file.
 *
 * A file's schema is text, one fact per line, so that `zstd -dc` shows it:
 *
 *	ktrace-schema 1
 *	event 0x0101 bio_queue 80 bio "a bio enters the block layer: its birth"
 *	field u32 tid 12 1 TID "the submitting task"
 *	field u64 bio 16 1 PTR "address"
 *
 * event: id, name, size, family, text. field: type, name, offset, elements, kind, text. ts_ns, id and len
 * are in every event and not listed. Lines that start with another word are skipped.
 */
#ifndef KT_FORMAT_SCHEMA_H
#define KT_FORMAT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "format/event.h"

enum kt_type { KT_u8, KT_u16, KT_u32, KT_u64, KT_s32, KT_s64, KT_char, KT_N_TYPES };

/* What a field means: how it is printed and encoded. */
enum kt_kind {
	KT_KIND_COUNT,	/* plain number */
	KT_KIND_HEX,	/* flags */
	KT_KIND_PTR,	/* kernel address */
	KT_KIND_TIME,	/* CLOCK_MONOTONIC, ns */
	KT_KIND_NS,	/* duration or foreign clock, ns */
	KT_KIND_SECTOR, /* 512-byte sector */
	KT_KIND_BYTES,
	KT_KIND_DEV, /* (major << 20) | minor */
	KT_KIND_OPF, /* REQ_OP_* and REQ_* flags: kconst.def */
	KT_KIND_TID,
	KT_KIND_CGROUP,
	KT_KIND_INO,
	KT_KIND_STATUS, /* blk_status_t */
	KT_KIND_LOSS,	/* enum kt_loss */
	KT_KIND_STR,	/* char[], NUL-terminated unless full */
	KT_N_KINDS
};

struct kt_field {
	const char *name;
	const char *doc;
	uint16_t offset; /* bytes from the start of the event */
	uint16_t count;	 /* elements; 1 unless an array */
	uint8_t type;	 /* enum kt_type */
	uint8_t kind;	 /* enum kt_kind; unknown words in a file read as KT_KIND_COUNT */
	uint8_t size;	 /* bytes of one element */
};

struct kt_event_desc {
	const char *name;
	const char *family;
	const char *doc;
	uint16_t id;
	uint16_t len;
	uint16_t n_fields;
	const struct kt_field *fields;
};

struct kt_hook_desc {
	const char *family;
	const char *name; /* the program is <family>__<name> */
	const char *tracepoint;
	/*
	 * Kinds of the arguments it uses, in order: a struct's name (pointer), char (string), int. Before them, where it may be in
	 * a module, that one's name and a colon.
	 */
	const char *sig;
	const char *event; /* the event it emits once per run, unless lost or filtered */
	const char *doc;
};

struct kt_family_desc {
	const char *name;
	uint16_t base;
	const char *presets; /* space-separated */
	const char *wants;   /* other families it needs, space-separated */
	const char *doc;
};

/* In the manifest in addition to the hooks: the addresses of kernel functions. */
#define KT_PROBE_SYMBOLS "kernel symbols"

/* What this program was compiled with. All static. Events are in order of id. */
extern const struct kt_family_desc kt_families[];
extern const size_t kt_n_families;
extern const struct kt_hook_desc kt_hooks[KT_N_HOOKS];
extern const struct kt_event_desc kt_events[];
extern const size_t kt_n_events;

/* A set of events: a file's schema, or the compiled one. Opaque and immutable. */
struct kt_schema;

/* The compiled schema: static, never destroyed. */
const struct kt_schema *kt_schema_compiled(void);

/* Parse a file's schema text (not NUL-terminated). -EBADMSG: malformed; -ENOMEM. The text is hostile. */
int kt_schema_parse(const char *text, size_t len, struct kt_schema **ret);
void kt_schema_destroy(struct kt_schema *s);

/* The text form and its crc32c, which every block header carries. Owned by the schema. */
const char *kt_schema_text(const struct kt_schema *s, size_t *ret_len);
uint32_t kt_schema_crc(const struct kt_schema *s);

/* NULL: no such event. O(1). */
const struct kt_event_desc *kt_schema_event(const struct kt_schema *s, uint16_t id);
const struct kt_event_desc *kt_schema_event_by_name(const struct kt_schema *s, const char *name);
const struct kt_field *kt_event_field(const struct kt_event_desc *d, const char *name);

/*
 * Converts a file's events to the compiled layout, matched by event *name* and field *name*. If both
 * layouts are equal, the event is used in place.
 */
struct kt_map;
int kt_map_create(const struct kt_schema *file, struct kt_map **ret);
void kt_map_destroy(struct kt_map *m);

/*
 * ev: an event in the file's layout. Returns it in the compiled layout: either ev itself or a copy that
 * lives in the map until the next call; fields the file lacks are 0 (ask kt_map_has()). NULL: an event this
 * program does not know, or one whose len differs from the schema.
 */
const struct kt_event *kt_map_event(struct kt_map *m, const struct kt_event *ev);

/* Does the file have this event, and in it this field (NULL: any)? */
bool kt_map_has(const struct kt_map *m, uint16_t compiled_id, const char *field);

/* Value of a scalar field, sign-extended for s32, s64; element i of an array. No checks: caller's offsets. */
uint64_t kt_field_value(const struct kt_field *f, const void *ev, unsigned int i);

/*
 * One event as one line of text, without newline (format/text.c):
 *
 *	<ts_ns> <stream> <event> <field>=<value> ...
 *
 * ts_ns and TIME fields: decimal ns, minus epoch_ns. Other values by kind: COUNT, NS, SECTOR, BYTES, TID, CGROUP, INO decimal;
 * HEX, PTR 0x…; DEV major:minor; OPF op|flag|flag in lower case (`write|sync|fua`), unknown bits as 0x…;
 * STATUS a number; LOSS ring_full nmi damaged_block truncated missed recursion no_room; STR in double quotes, \xNN escapes;
 * arrays a,b,c with trailing zeros left out. All fields are printed, in the schema's order.
 */
struct kt_const_table;
int kt_text_print(FILE *out, const struct kt_schema *s, const struct kt_const_table *c,
		  const struct kt_event *ev, uint32_t stream, uint64_t epoch_ns);

/*
 * The reverse, for tests: fields may be in any order, missing ones are 0. Writes the event in the
 * compiled layout into buf (at least KT_EVENT_MAX bytes). A line that is blank or starts with # gives 0
 * bytes. Returns the event's size, or -EBADMSG with the reason in err (may be NULL).
 */
#define KT_EVENT_MAX 4096
int kt_text_parse(const char *line, uint64_t epoch_ns, void *buf, uint32_t *ret_stream, char *err,
		  size_t err_size);

/* Kernel constants by group and name, see kconst.def. */
struct kt_const {
	const char *group; /* req_op, req_flag */
	const char *name;  /* upper case, as in the kernel without its prefix */
	uint32_t value;
};
extern const struct kt_const kt_consts[];
extern const size_t kt_n_consts;

/* The constants of the recorded kernel. As an argument, NULL means those of kconst.def. */
/* text: lines `group NAME value` (context file kernel/constants); names it lacks do not exist there. */
int kt_const_table_parse(const char *text, size_t len, struct kt_const_table **ret);
void kt_const_table_destroy(struct kt_const_table *t);
/* -1: does not exist on that kernel. */
int kt_const_get(const struct kt_const_table *t, const char *group, const char *name);
/* "write|sync|fua" into buf; always NUL-terminated. op alone with KT_OPF_OP, flags alone with KT_OPF_FLAGS. */
enum kt_opf_part { KT_OPF_OP = 1, KT_OPF_FLAGS = 2, KT_OPF_ALL = 3 };
void kt_opf_print(const struct kt_const_table *t, uint32_t opf, enum kt_opf_part part, char *buf,
		  size_t size);

#endif
