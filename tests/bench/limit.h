/*
 * limit: what nobody can beat: a process that has the bytes ready, headers
 * included, and sends them to all its clients from one thread, each by one
 * plain send() to a unix socket.
 */
#ifndef SSETAIL_BENCH_LIMIT_H
#define SSETAIL_BENCH_LIMIT_H

#include <stddef.h>
#include <sys/types.h>

#include "tests/lib/bytes.h"

struct limit {
	pid_t pid;
	int control;
};

/*
 * Starts it: it listens at `path` when this returns, takes `count` clients,
 * each with a SO_SNDBUF of `send_buffer`, and then sends what it is given.
 */
struct limit limit_open(const char *path, size_t count, int send_buffer);
void limit_close(struct limit *l);

/* Has it send those bytes to every client. Does not wait. */
void limit_send(const struct limit *l, const struct bytes *bytes);

#endif
