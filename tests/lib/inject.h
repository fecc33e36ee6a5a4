/*
 * inject: a program whose n-th system call of a kind fails, or is the end of
 * it, by strace(1); and what it calls.
 *
 * strace counts for each thread by itself, from the start of the program. It
 * ends as the program does: process_exit_code is the program's.
 */
#ifndef SSETAIL_TESTS_INJECT_H
#define SSETAIL_TESTS_INJECT_H

#include <stddef.h>
#include <sys/types.h>

#include "tests/lib/process.h"

struct inject {
	const char *calls; /* "openat", "epoll_wait,?epoll_pwait"; NULL: none */
	const char *action; /* "error=EIO", "signal=KILL" */
	unsigned when;	    /* the n-th of them, from 1; 0: each */
	unsigned last;	    /* up to this one; 0: that one alone */
	const char *trace;  /* a file for all that is called; NULL: none */
	const char *env[3]; /* "NAME=value", for the program; ends with NULL */
};

#define INJECT_ARGV_MAX 32

/* A command line: the one of strace and behind it the program's. */
struct inject_command {
	const char *argv[INJECT_ARGV_MAX]; /* ends with NULL */
	char inject[128];
};

/* `program` ends with NULL. What is given must outlive the command. */
void inject_compose(struct inject_command *c, const struct inject *what,
	const char *const *program);

/* The program that a process of strace runs, or -1 when it has ended. */
pid_t inject_program(const struct process *strace);

/* A call that was made: the numbers that `when` can have for it. */
struct inject_call {
	char name[32];
	unsigned first; /* behind those of the loader of libraries */
	unsigned last;	/* of the thread that made the most of them */
};

struct inject_calls {
	size_t count;
	struct inject_call list[128];
};

/* Reads a trace of a program that has ended. */
void inject_read(struct inject_calls *calls, const char *trace);

/* Lines of a trace so far: of that call, or all (NULL). */
size_t inject_count(const char *trace, const char *call);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define inject_compose(...) TEST_HERE(inject_compose(__VA_ARGS__))
#define inject_read(...)    TEST_HERE(inject_read(__VA_ARGS__))
#endif

#endif
