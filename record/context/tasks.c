// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Context: tasks that already exist. Later ones are in events. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/context/context_parts.h"
#include "record/context/text.h"

#define PF_WQ_WORKER 0x20 /* of the kernel's task_struct.flags, which /proc/PID/stat shows */

struct walk {
	FILE *f;
	bool no_cmdline;
	char v2[1024]; /* where cgroup v2 is mounted; "" = nowhere */
};

/* Id of the v2 cgroup of a process; 0 = not known. */
static unsigned long long cgroup_of(const struct walk *w, const char *pid)
{
	char text[4096], path[5200], *p;
	struct stat st;

	if (!*w->v2 || !*kt_read_value(text, sizeof(text), "/proc/%s/cgroup", pid))
		return 0;
	p = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
	if (!p)
		return 0;
	p = strstr(p, "0::") + 3;
	p[strcspn(p, "\n")] = '\0';
	snprintf(path, sizeof(path), "%s%s", w->v2, p);
	return stat(path, &st) ? 0 : st.st_ino;
}

static void put_cmdline(FILE *f, const char *pid)
{
	char path[300], text[4096];
	int len;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	len = kt_read_file(path, text, sizeof(text));
	while (len > 0 && !text[len - 1])
		len--;
	for (int i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
	kt_text_value(f, len > 0 ? text : NULL);
}

/* Field 9 of what follows the name: " state ppid pgrp session tty_nr tpgid flags". */
static unsigned long flags_of(const char *rest)
{
	unsigned long flags = 0;

	return sscanf(rest, " %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 ? flags : 0;
}

/* pid (comm) state … ; the name may contain anything, so the last bracket ends it. start_ticks is field 22. */
static void put_task(const struct walk *w, const char *pid, const char *tid,
		     unsigned long long cgroup)
{
	char stat[2048], *comm, *end, *p;
	unsigned long long ppid;

	if (!*kt_read_value(stat, sizeof(stat), "/proc/%s/task/%s/stat", pid, tid))
		return;
	comm = strchr(stat, '(');
	end = strrchr(stat, ')');
	if (!comm || !end)
		return;
	comm++;
	*end = '\0';
	p = strchr(end + 1 + strspn(end + 1, " "), ' ');
	ppid = p ? strtoull(p, NULL, 10) : 0;
	p = end + 1;
	for (int field = 3; field < 22 && p; field++)
		p = strchr(p + 1, ' ');
	/* Kernel workers append their current work to the name: that is removed. Other tasks may really have such a name. */
	if (!strncmp(comm, "kworker/", 8) && flags_of(end + 1) & PF_WQ_WORKER)
		comm[strcspn(comm, "+-")] = '\0';
	fprintf(w->f, "%s\t%s\t%llu\t", tid, pid, p ? strtoull(p, NULL, 10) : 0);
	if (cgroup)
		fprintf(w->f, "%llu\t", cgroup);
	else
		fputs("-\t", w->f);
	kt_text_value(w->f, comm);
	fputc('\t', w->f);
	if (w->no_cmdline || strcmp(pid, tid))
		fputc('-', w->f);
	else
		put_cmdline(w->f, pid);
	if (ppid)
		fprintf(w->f, "\t%llu", ppid);
	else
		fputs("\t-", w->f);
	fputc('\n', w->f);
}

static void put_process(const struct walk *w, const char *pid)
{
	unsigned long long cgroup = cgroup_of(w, pid);
	char path[300];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]))
			put_task(w, pid, e->d_name, cgroup);
	closedir(dir);
}

int kt_context_tasks(struct ktr_context *c, bool no_cmdline)
{
	struct walk w = {.no_cmdline = no_cmdline};
	struct kt_text t;
	struct dirent *e;
	DIR *dir;
	int err = kt_text_open(&t);

	if (err)
		return err;
	w.f = t.f;
	kt_cgroup_mount("v2", w.v2, sizeof(w.v2));
	fputs("tid\ttgid\tstart_ticks\tcgroup\tcomm\tcmdline\tppid\n", t.f);
	dir = opendir("/proc");
	while (dir && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]))
			put_process(&w, e->d_name);
	if (dir)
		closedir(dir);
	return kt_text_add(&t, c, "tasks");
}
