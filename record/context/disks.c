// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Context: disks and partitions. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/context/context_parts.h"
#include "record/context/text.h"

#define BLOCK "/sys/class/block"

static int count_queues(const char *name)
{
	char path[512];
	struct dirent *e;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), BLOCK "/%s/mq", name);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* "none [mq-deadline] kyber" -> mq-deadline; disks without requests say just "none" or nothing. */
static void put_scheduler(FILE *f, char *list)
{
	char *open = strchr(list, '['), *close = open ? strchr(open, ']') : NULL;

	if (close) {
		*close = '\0';
		list = open + 1;
	}
	kt_text_value(f, list);
}

/* As in bpf/block/disk.h: the inode number of its directory, and the sequence number of its disk. */
static void put_identity(FILE *f, const char *name, bool partition)
{
	char v[64], path[512];
	struct stat st;

	snprintf(path, sizeof(path), BLOCK "/%s", name);
	if (stat(path, &st))
		fputs("-\t", f);
	else
		fprintf(f, "%llu\t", (unsigned long long)st.st_ino);
	kt_text_value(f, kt_read_value(v, sizeof(v), BLOCK "/%s/%sdiskseq", name,
				       partition ? "../" : ""));
}

/* SCSI pads it with spaces. */
static void put_model(FILE *f, const char *name)
{
	char v[256];
	size_t len = strlen(kt_read_value(v, sizeof(v), BLOCK "/%s/device/model", name));

	while (len && v[len - 1] == ' ')
		v[--len] = '\0';
	kt_text_value(f, v);
}

static void put_disk(FILE *f, const char *name)
{
	char v[256], path[512];
	bool partition;
	int queues = count_queues(name);

	if (!*kt_read_value(v, sizeof(v), BLOCK "/%s/dev", name))
		return;
	fprintf(f, "%s\t", v);
	kt_text_value(f, name);
	fputc('\t', f);
	snprintf(path, sizeof(path), BLOCK "/%s/partition", name);
	partition = !access(path, F_OK);
	/* The link points to the partition's directory, which is within that of its disk. */
	kt_text_value(f, partition ? kt_read_value(v, sizeof(v), BLOCK "/%s/../dev", name) : NULL);
	fputc('\t', f);
	put_scheduler(f, kt_read_value(v, sizeof(v), BLOCK "/%s/queue/scheduler", name));
	fputc('\t', f);
	kt_text_value(f, kt_read_value(v, sizeof(v), BLOCK "/%s/queue/rotational", name));
	if (*kt_read_value(v, sizeof(v), BLOCK "/%s/size", name))
		fprintf(f, "\t%llu", strtoull(v, NULL, 10) * 512);
	else
		fputs("\t-", f);
	if (partition)
		fputs("\t-\t-\t", f);
	else
		fprintf(f, "\t%d\t%d\t", queues, !queues);
	kt_text_value(f, kt_read_value(v, sizeof(v), BLOCK "/%s/queue/nr_requests", name));
	fputc('\t', f);
	kt_text_value(f, kt_read_value(v, sizeof(v), BLOCK "/%s/queue/max_sectors_kb", name));
	fputc('\t', f);
	put_identity(f, name, partition);
	fputc('\t', f);
	put_model(f, name);
	fputc('\n', f);
}

int kt_context_disks(struct ktr_context *c)
{
	struct dirent **names;
	struct kt_text t;
	int err = kt_text_open(&t), n;

	if (err)
		return err;
	fputs("dev\tname\tparent\tscheduler\trotational\tsize_bytes\thw_queues\tbio_based\t"
	      "nr_requests\tmax_sectors_kb\tnode\tdiskseq\tmodel\n",
	      t.f);
	n = scandir(BLOCK, &names, NULL, versionsort);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.')
			put_disk(t.f, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return kt_text_add(&t, c, "disks");
}
