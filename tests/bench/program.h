/*
 * program: programs that the benchmark starts, with all that they start, and
 * what the kernel says about a process and its descendants together.
 *
 * Each leads a process group of its own, and whatever of a group is left when
 * the benchmark ends is killed. They inherit our CPUs (sched_setaffinity). What
 * they say is shown only if the benchmark dies.
 */
#ifndef SSETAIL_BENCH_PROGRAM_H
#define SSETAIL_BENCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The list ends with NULL; argv[0] is looked for as an administrator's shell
 * does it. */
pid_t program_start(const char *const *argv);

/* SIGTERM, and SIGKILL for what is left of its group when it has ended. */
void program_stop(pid_t pid);

/* Waits until somebody accepts at that path or "127.0.0.1:PORT". */
void program_wait_accepts(pid_t pid, const char *address);

struct tree {
	pid_t *pids;
	size_t count;
};

enum tree_part { TREE_WHOLE, TREE_ROOT, TREE_DESCENDANTS };

/* The processes that there are now; release what it returns. */
struct tree tree_find(pid_t root, enum tree_part part);
void tree_release(struct tree *t);

/* Sums of cpu_ns and pss_bytes. */
double tree_cpu_ns(const struct tree *t);
size_t tree_pss_bytes(const struct tree *t);

#endif
