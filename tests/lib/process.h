/*
 * process: programs that a test runs, and what the kernel says about them.
 *
 * Nothing outlives the test: a child is killed when it is freed, by
 * test_cleanup, and by the kernel if the test program dies. It leads a
 * process group of its own, and its descendants, orphans included, become
 * ours and are killed as well. (A program that changes its user loses the
 * kernel's promise: PR_SET_PDEATHSIG, prctl(2).)
 *
 * Output goes to files without names; when a test fails, the end of what
 * every running program said is printed.
 */
#ifndef SSETAIL_TESTS_PROCESS_H
#define SSETAIL_TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/lib/bytes.h"

struct process_how {
	const char *const *argv; /* ends with NULL; [0] is a path, or a name
				  * that is looked for in PATH */
	const char *const *env;	 /* all of it, ends with NULL; NULL: ours */
	const char *folder;	 /* the current one, if not NULL */
	int stdin_fd;		 /* 0: /dev/null. Remains the caller's */
	int stdout_fd;		 /* 0: process_output has it */
	/* Called in the child, last before exec: limits, descriptors, umask.
	 * Only what is async-signal-safe. Descriptors from 3 on are inherited
	 * only if it duplicates them (dup2 clears close-on-exec). */
	void (*in_child)(void *context);
	void *context;
};

struct process {
	pid_t pid;
	bool ended;
	int wait_status; /* of waitpid(2), once ended */

	/* Inside. */
	char *name;
	int stdout_fd;
	int stderr_fd;
	struct bytes output;
	struct bytes errors;
	struct process *next;
};

/* Starts a program; fails the test if it cannot. If we are not root, our own
 * environment lets us look into it: LD_PRELOAD, see tests/tools/lookin.c. */
struct process *process_start(const struct process_how *how);

/* The same, all usual: process_run("/bin/true", "-x", NULL). */
struct process *process_run(const char *program, ...) __attribute__((sentinel));

/* True until it has ended. Never waits. */
bool process_runs(struct process *p);

/* Waits for its end and returns its exit code, or 128 + the signal's number;
 * fails the test after the limit. */
int process_exit_code(struct process *p);

/* Sends a signal, to it alone; nothing if it has ended. */
void process_signal(struct process *p, int signal);

/* SIGTERM, and waits: the exit code. */
int process_stop(struct process *p);

/* SIGKILL to it alone (its children live on), and waits. */
void process_kill(struct process *p);

/* Kills what is left of its group, and frees it. NULL is fine. */
void process_free(struct process *p);
void process_free_all(void);

/* All that it wrote so far, as text. Valid until the next call for it. */
const char *process_errors(struct process *p);
const char *process_output(struct process *p);

/* Waits until it has written that text to standard error; fails the test
 * after the limit, or when it ends without. */
void process_wait_errors(struct process *p, const char *text);

/*
 * Path of a program as it was built, "ssetail.fcgi": in TEST_BUILD if that
 * is set, else in the folder above this test program that has it. Fails the
 * test if there is none. Valid until the next call.
 */
const char *process_program(const char *name);

/* Copies it to where a test wants it, for all to run; with what it runs
 * instead in memcheck (tests/tools/valgrind). */
void process_copy_program(const char *name, const char *to);

/*
 * A TCP port of 127.0.0.1 that is free, and that the kernel gives to nobody
 * else who asks for any until test_cleanup. It stays bound here without
 * listening: who listens on it has to set SO_REUSEADDR, as servers do.
 */
int process_free_port(void);

/* ---- what the kernel says. Each fails the test if the process is gone. */

size_t process_descriptors(pid_t pid);
size_t process_pss_bytes(pid_t pid);
/* What it alone has written to; of others' coming and going PSS tells, too. */
size_t process_own_bytes(pid_t pid);
uint64_t process_cpu_ns(pid_t pid); /* all its threads, also in the kernel */
size_t process_threads(pid_t pid);

/* How often its first thread began to wait, which is how often it was woken. */
uint64_t process_waits(pid_t pid);

/* How many live descendants it has (zombies left out) whose program file is
 * called `name` (NULL: any). Of orphans, too, if `pid` is getpid(). */
size_t process_descendants(pid_t pid, const char *name);

/* The pid of one of them, or -1. */
pid_t process_descendant(pid_t pid, const char *name);

/* Calls a function for each of them. */
void process_each_descendant(pid_t pid, const char *name,
	void (*call)(void *context, pid_t pid), void *context);

/* Descriptors that are sockets; 0 if the process is gone. */
size_t process_sockets(pid_t pid);

/* Is a descriptor that file? False if the process is gone. */
bool process_has_open(pid_t pid, const char *path);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define process_start(...)	 TEST_HERE(process_start(__VA_ARGS__))
#define process_run(...)	 TEST_HERE(process_run(__VA_ARGS__))
#define process_exit_code(...)	 TEST_HERE(process_exit_code(__VA_ARGS__))
#define process_stop(...)	 TEST_HERE(process_stop(__VA_ARGS__))
#define process_kill(...)	 TEST_HERE(process_kill(__VA_ARGS__))
#define process_wait_errors(...) TEST_HERE(process_wait_errors(__VA_ARGS__))
#define process_program(...)	 TEST_HERE(process_program(__VA_ARGS__))
#define process_descriptors(...) TEST_HERE(process_descriptors(__VA_ARGS__))
#define process_pss_bytes(...)	 TEST_HERE(process_pss_bytes(__VA_ARGS__))
#define process_own_bytes(...)	 TEST_HERE(process_own_bytes(__VA_ARGS__))
#define process_cpu_ns(...)	 TEST_HERE(process_cpu_ns(__VA_ARGS__))
#define process_threads(...)	 TEST_HERE(process_threads(__VA_ARGS__))
#define process_waits(...)	 TEST_HERE(process_waits(__VA_ARGS__))
#endif

#endif
