/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* attach OBJECT: loads and attaches all its programs, prints "attached", stays until terminated. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

int main(int argc, char **argv)
{
	struct bpf_program *prog;
	struct bpf_object *obj;

	if (argc != 2) {
		fprintf(stderr, "usage: attach OBJECT\n");
		return 2;
	}
	obj = bpf_object__open(argv[1]);
	if (!obj || bpf_object__load(obj)) {
		fprintf(stderr, "attach: %s: %m\n", argv[1]);
		return 1;
	}
	bpf_object__for_each_program(prog, obj)
	{
		if (!bpf_program__attach(prog)) {
			fprintf(stderr, "attach: %s: %m\n", bpf_program__name(prog));
			return 1;
		}
	}
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
