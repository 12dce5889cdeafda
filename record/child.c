// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format/base/log.h"
#include "record/child.h"

static int exec_status(int err)
{
	return err == ENOENT || err == ENOTDIR ? 127 : 126;
}

static void say_cannot_exec(const char *cmd, int err)
{
	if (err == ENOENT || err == ENOTDIR)
		kt_error("command not found: %s", cmd);
	else
		kt_error("cannot run the command %s: %s", cmd, strerror(err));
}

static int try_path(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return access(path, X_OK) ? errno : 0;
}

int kt_child_check(char *const argv[])
{
	const char *path = getenv("PATH"), *cmd = argv[0];
	int err = ENOENT;

	if (strchr(cmd, '/')) {
		err = try_path(cmd);
	} else if (*cmd) {
		if (!path)
			path = "/bin:/usr/bin";
		do {
			size_t n = strcspn(path, ":");
			char full[4096];
			int one;

			snprintf(full, sizeof(full), "%.*s/%s", n ? (int)n : 1, n ? path : ".",
				 cmd);
			one = try_path(full);
			if (one == EACCES || !one)
				err = one;
			path += n;
		} while (err && *path++);
	}
	if (!err)
		return 0;
	say_cannot_exec(cmd, err);
	return exec_status(err);
}

void kt_child_init(struct kt_child *c)
{
	struct sigaction was;

	*c = (struct kt_child){.go_fd = -1, .error_fd = -1};
	c->on_pipe = sigaction(SIGPIPE, NULL, &was) ? SIG_DFL : was.sa_handler;
	getrlimit(RLIMIT_NOFILE, &c->files);
	c->on_size = sigaction(SIGXFSZ, NULL, &was) ? SIG_DFL : was.sa_handler;
}

static void child_main(const struct kt_child *c, int go, int error, char *const argv[],
		       const struct kt_priority *p)
{
	sigset_t none;
	char byte;
	int err;

	/* Nothing read: the parent is gone, and so is the run. */
	if (read(go, &byte, 1) != 1)
		_exit(1);
	kt_priority_restore(p);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, c->on_pipe);
	signal(SIGXFSZ, c->on_size);
	setrlimit(RLIMIT_NOFILE, &c->files);
	execvp(argv[0], argv);
	err = errno;
	if (write(error, &err, sizeof(err)) < 0)
		_exit(exec_status(err));
	_exit(exec_status(err));
}

int kt_child_prepare(struct kt_child *c, char *const argv[], const struct kt_priority *p)
{
	int go[2], error[2];

	if (!argv)
		return 0;
	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(error, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return -errno;
	}
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0) {
		close(go[1]);
		close(error[0]);
		child_main(c, go[0], error[1], argv, p);
	}
	close(go[0]);
	close(error[1]);
	c->go_fd = go[1];
	c->error_fd = error[0];
	return c->pid < 0 ? -errno : 0;
}

void kt_child_start(struct kt_child *c, char *const argv[])
{
	int err = 0;

	if (!c->pid)
		return;
	if (write(c->go_fd, "", 1) != 1)
		err = errno;
	close(c->go_fd);
	c->go_fd = -1;
	/* Closed by a successful exec: this waits only that long. */
	if (read(c->error_fd, &err, sizeof(err)) == sizeof(err))
		say_cannot_exec(argv[0], err);
	close(c->error_fd);
	c->error_fd = -1;
}

static void note_end(struct kt_child *c, int status)
{
	c->pid = 0;
	c->ended = true;
	c->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool kt_child_poll(struct kt_child *c)
{
	int status;

	if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid)
		note_end(c, status);
	return c->ended;
}

void kt_child_stop(struct kt_child *c, int signal_fd)
{
	struct pollfd p = {.fd = signal_fd, .events = POLLIN};
	struct signalfd_siginfo si;

	if (c->go_fd >= 0)
		close(c->go_fd);
	if (c->error_fd >= 0)
		close(c->error_fd);
	c->go_fd = c->error_fd = -1;
	if (c->pid <= 0 || kt_child_poll(c))
		return;
	kill(c->pid, SIGTERM);
	while (!kt_child_poll(c)) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return;
		if (read(signal_fd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo != SIGCHLD) {
			c->status = 128 + SIGTERM;
			return;
		}
	}
}
