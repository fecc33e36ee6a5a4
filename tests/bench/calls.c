#include "tests/bench/calls.h"

#include <dirent.h>
#include <stdbool.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define THREADS_MAX 16

struct calls {
	enum calls_kind kind;
	uint64_t count;
	size_t threads;
	pid_t tids[THREADS_MAX];
};

static bool seize(struct calls *c, pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD) < 0)
		return false;
	c->tids[c->threads++] = tid;
	return ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0;
}

struct calls *calls_begin(pid_t pid, enum calls_kind kind)
{
	struct calls *c = calloc(1, sizeof(*c));
	char path[64];
	struct dirent *entry;
	DIR *threads;
	bool all = true;

	if (c)
		c->kind = kind;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	while (c && threads && all && (entry = readdir(threads)))
		if (entry->d_name[0] != '.')
			all = c->threads < THREADS_MAX &&
			      seize(c, (pid_t)atoi(entry->d_name));
	if (threads)
		closedir(threads);
	if (c && c->threads && all)
		return c;
	calls_end(c);
	return NULL;
}

/* The first is the one that is looked at. */
static int request_for(const struct calls *c, size_t i)
{
	if (c->kind == CALLS_SYSTEM)
		return PTRACE_SYSCALL;
	return i == 0 ? PTRACE_SINGLESTEP : PTRACE_CONT;
}

static bool is_call(pid_t tid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* What the thread stopped for, and on it goes. */
static void go_on(struct calls *c, size_t i, int status)
{
	pid_t tid = c->tids[i];
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		c->count += is_call(tid);
		signal = 0;
	} else if (status >> 16) {
		signal = 0; /* our own PTRACE_INTERRUPT */
	} else if (signal == SIGTRAP) {
		c->count++; /* a step */
		signal = 0;
	}
	ptrace(request_for(c, i), tid, NULL, signal);
}

uint64_t calls_step(struct calls *c)
{
	for (size_t i = 0; i < c->threads; i++) {
		int status;

		if (waitpid(c->tids[i], &status, __WALL | WNOHANG) > 0 &&
			WIFSTOPPED(status))
			go_on(c, i, status);
	}
	return c->count;
}

/* A step that was made while the thread was told to stop is told behind that,
 * and would end a thread that nobody traces any more. */
static bool has_step_pending(pid_t tid)
{
	struct __ptrace_peeksiginfo_args args = { .nr = 1 };
	siginfo_t info;

	return ptrace(PTRACE_PEEKSIGINFO, tid, &args, &info) == 1 &&
	       info.si_signo == SIGTRAP;
}

static void let_go(pid_t tid)
{
	int status;

	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	while (waitpid(tid, &status, __WALL) > 0 && WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status) & 0x7f;

		if (status >> 16 && has_step_pending(tid)) {
			ptrace(PTRACE_CONT, tid, NULL, NULL);
			continue;
		}
		if (status >> 16 || signal == SIGTRAP)
			signal = 0;
		ptrace(PTRACE_DETACH, tid, NULL, signal);
		return;
	}
}

void calls_end(struct calls *c)
{
	for (size_t i = 0; c && i < c->threads; i++)
		let_go(c->tids[i]);
	free(c);
}
