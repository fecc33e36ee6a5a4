/*
 * redis: a Redis of the test's own, on a socket in a folder, configured with
 * the file of conf/cluster that users copy: it keeps what it has answered for
 * over a kill, and asks for a password. Ended by test_cleanup.
 */
#ifndef SSETAIL_TESTS_REDIS_H
#define SSETAIL_TESTS_REDIS_H

#include "tests/lib/process.h"

struct machine;

struct redis {
	const char *folder;
	const char *address; /* the path of its socket */
	struct process *process;
};

/* Starts it and waits until it answers. */
void redis_start(struct redis *r);

/* The same in a machine, after machine_install: for all users there on
 * 127.0.0.1:6379 and /run/redis.sock, which is the socket here, too. */
void redis_start_in(struct redis *r, const struct machine *m);

/* The same with what is on the disk, when it has ended. */
void redis_start_again(struct redis *r);

/* SIGKILL, and waits. */
void redis_kill(struct redis *r);

/* Asks redis-cli, ends with NULL: what it printed, without the last end of a
 * line. An error fails the test. Valid until the next call. */
const char *redis_say(const struct redis *r, ...) __attribute__((sentinel));

/* The number of entries of a stream. */
size_t redis_length(const struct redis *r, const char *stream);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define redis_start(...)       TEST_HERE(redis_start(__VA_ARGS__))
#define redis_start_in(...)    TEST_HERE(redis_start_in(__VA_ARGS__))
#define redis_start_again(...) TEST_HERE(redis_start_again(__VA_ARGS__))
#define redis_kill(...)	       TEST_HERE(redis_kill(__VA_ARGS__))
#define redis_say(...)	       TEST_HERE(redis_say(__VA_ARGS__))
#define redis_length(...)      TEST_HERE(redis_length(__VA_ARGS__))
#endif

#endif
