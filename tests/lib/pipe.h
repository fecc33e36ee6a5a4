/*
 * pipe: a writer of named pipes. It never hangs: where a script would, for
 * want of a reader or of room, all readers of the test are pumped and the test
 * fails after the limit; and so it does where a script would get SIGPIPE.
 */
#ifndef SSETAIL_TESTS_PIPE_H
#define SSETAIL_TESTS_PIPE_H

#include <stddef.h>
#include <sys/types.h>

#include "tests/lib/site.h"

/* Opens it for writing as soon as it is there and somebody reads. Returns a
 * descriptor that does not block, for the caller to close. */
int pipe_open(const char *path);

/* Writes all of it, at most PIPE_BUF bytes at a time in one piece. */
void pipe_put_bytes(int fd, const void *bytes, size_t len);
void pipe_put(int fd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Opens, writes, closes, as echo in a shell. */
void pipe_write(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Configures a site with one source, "app", of the pipe folder/pipe, which is
 * made by the programs, with a state directory and these keys (""). Returns
 * the pipe's path. */
const char *pipe_configure(struct site *s, const char *keys);

/* The process that reads a pipe, by the lock of its spool: the pipe NAME of a
 * state directory. As the kernel lists it; 0: nobody does. */
pid_t pipe_pump(const char *state_dir, const char *name);

#ifndef TESTS_LIB_INSIDE
#define pipe_open(...)	    TEST_HERE(pipe_open(__VA_ARGS__))
#define pipe_put_bytes(...) TEST_HERE(pipe_put_bytes(__VA_ARGS__))
#define pipe_put(...)	    TEST_HERE(pipe_put(__VA_ARGS__))
#define pipe_write(...)	    TEST_HERE(pipe_write(__VA_ARGS__))
#define pipe_configure(...) TEST_HERE(pipe_configure(__VA_ARGS__))
#endif

#endif
