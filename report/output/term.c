/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

#include "report/output/term.h"

#define MIN_WIDTH 40

static unsigned int find_width(bool tty)
{
	const char *env = getenv("COLUMNS");
	struct winsize ws;
	long n = env ? strtol(env, NULL, 10) : 0;

	if (n <= 0 && tty && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
		n = ws.ws_col;
	if (n <= 0)
		return tty ? 80 : 0;
	return n < MIN_WIDTH ? MIN_WIDTH : n > 10000 ? 10000 : (unsigned int)n;
}

/* The pager gets its input through a pipe that replaces our stdout. Without it the report is simply printed. */
static int start_pager(void)
{
	const char *cmd = getenv("PAGER");
	int fds[2];
	pid_t pid;

	if (!cmd)
		cmd = "less";
	if (!*cmd || !strcmp(cmd, "cat") || pipe(fds))
		return 0;
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return 0;
	}
	if (!pid) {
		dup2(fds[0], STDIN_FILENO);
		close(fds[0]);
		close(fds[1]);
		/* Short output stays on the screen, colours work: what git does. */
		setenv("LESS", "FRX", 0);
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	dup2(fds[1], STDOUT_FILENO);
	close(fds[0]);
	close(fds[1]);
	/* Leaving the pager early is no error, and Ctrl-C is for the pager. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	return pid;
}

bool kt_term_locale(void)
{
	/* Only characters: numbers keep their dot. */
	setlocale(LC_CTYPE, "");
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void kt_term_init(struct kt_term *t, bool pager)
{
	bool tty = isatty(STDOUT_FILENO);
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	t->utf8 = kt_term_locale();
	t->width = find_width(tty);
	t->color = tty && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
	t->pager = tty && pager ? start_pager() : 0;
}

void kt_term_finish(struct kt_term *t)
{
	if (!t->pager)
		return;
	fclose(stdout);
	while (waitpid(t->pager, NULL, 0) < 0 && errno == EINTR)
		;
	t->pager = 0;
}

/* Columns of the character at s, and its bytes. */
static unsigned int char_columns(const char *s, size_t *ret_bytes)
{
	mbstate_t st = {0};
	wchar_t wc;
	size_t n = mbrtowc(&wc, s, strlen(s), &st);
	int w;

	if (n == 0 || n > strlen(s)) {
		*ret_bytes = 1;
		return 1;
	}
	*ret_bytes = n;
	w = wcwidth(wc);
	return w < 0 ? 1 : (unsigned int)w;
}

unsigned int kt_term_columns(const char *s)
{
	unsigned int w = 0;
	size_t n;

	for (; *s; s += n)
		w += char_columns(s, &n);
	return w;
}

void kt_term_cut(char *s, size_t size, unsigned int columns, bool utf8)
{
	const char *dots = utf8 ? "…" : "~";
	unsigned int w = 0;
	char *p = s;
	size_t n;

	if (kt_term_columns(s) <= columns)
		return;
	while (*p) {
		unsigned int c = char_columns(p, &n);

		if (w + c + 1 > columns)
			break;
		w += c;
		p += n;
	}
	if ((size_t)(p - s) + strlen(dots) < size)
		strcpy(p, dots);
	else
		*p = '\0';
}

void kt_term_cut_middle(char *s, size_t size, unsigned int columns, bool utf8)
{
	const char *dots = utf8 ? "…" : "~";
	unsigned int total = kt_term_columns(s), w = 0, head, tail;
	char *p = s, *end;
	size_t n;

	if (total <= columns)
		return;
	/* Of names without room for both ends the begin says more. */
	if (columns < 8) {
		kt_term_cut(s, size, columns, utf8);
		return;
	}
	head = (columns - 1) / 3;
	tail = columns - 1 - head;
	while (*p) {
		unsigned int c = char_columns(p, &n);

		if (w + c > head)
			break;
		w += c;
		p += n;
	}
	for (end = p; *end && total - w > tail; end += n)
		w += char_columns(end, &n);
	if ((size_t)(p - s) + strlen(dots) + strlen(end) >= size) {
		*p = '\0';
		return;
	}
	memmove(p + strlen(dots), end, strlen(end) + 1);
	memcpy(p, dots, strlen(dots));
}
