/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyze/dump.h"

#define BUFFER (1 << 20)

struct dump {
	const struct kt_engine *e;
	const struct kt_run *run; /* of the last line */
};

static int output_failed(struct kt_engine *e)
{
	int err = errno ? -errno : -EIO;

	return kt_engine_fail(e, err, "standard output: %s", strerror(-err));
}

static int print_event(void *arg, const struct kt_run *r, const struct kt_item *item,
		       const struct kt_event *ev, uint32_t stream)
{
	struct dump *d = arg;
	int err;

	if (d->run != r && d->e->runs.n > 1)
		printf("# run %u: %s\n", r->index + 1, r->in->name);
	d->run = r;
	err = kt_text_print(stdout, item->schema, r->consts, ev, stream, r->in->clocks.mono_ns);
	if (!err && putchar('\n') == EOF)
		err = -EIO;
	return err;
}

int kt_dump(struct kt_engine *e)
{
	struct dump d = {.e = e};
	int err;

	setvbuf(stdout, NULL, _IOFBF, BUFFER);
	errno = 0;
	err = kt_engine_each(e, print_event, &d);
	if (ferror(stdout) || (!err && fflush(stdout)))
		return output_failed(e);
	return err;
}
