/*
 * limit: what nobody can beat: a process that has the bytes ready, headers
 * included, and sends them to all its clients from one thread, each by one
 * plain send() to a unix socket.
 */
#ifndef SSETAIL_BENCH_LIMIT_H
#define SSETAIL_BENCH_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/lib/bytes.h"

struct limit {
	pid_t pid;
	int control; /* or the pipe's end to write to */
	bool reads_pipe;
	char *bytes; /* that both of us see */
};

/* Starts it: it listens at `path` when this returns, takes that many clients,
 * each with a SO_SNDBUF of `send_buffer`, and then sends what it is given. */
struct limit limit_open(const char *path, size_t clients, int send_buffer);

/* The same, but it reads from a pipe what it sends. */
struct limit limit_open_pipe(const char *path, size_t clients, int send_buffer);

void limit_close(struct limit *l);

/* Has it send those bytes to every client. Waits until it has all clients, and
 * has sent what it was given before, not longer. */
void limit_send(const struct limit *l, const struct bytes *bytes);

/* The same, at most `step` bytes to each at once, in turns. */
void limit_send_steps(
	const struct limit *l, const struct bytes *bytes, size_t step);

#endif
