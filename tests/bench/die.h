/*
 * die: the end of a benchmark that cannot go on. There are no figures then.
 */
#ifndef SSETAIL_BENCH_DIE_H
#define SSETAIL_BENCH_DIE_H

/* Says why and exits with 1. What was started is ended by the kernel
 * (PR_SET_PDEATHSIG). */
_Noreturn void die(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* The same, followed by what errno means. */
_Noreturn void die_errno(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* From now on both print the end of that file, too: what others have said. */
void die_show(const char *path);

#endif
