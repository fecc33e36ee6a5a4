/*
 * node: one machine of several that carry the same streams, as conf/cluster
 * has it: lighttpd, ssetail.fcgi with one source "log", and a bridge that
 * fills its file from the stream "orders" of a Redis.
 */
#ifndef SSETAIL_TESTS_NODE_H
#define SSETAIL_TESTS_NODE_H

#include <stdbool.h>

#include "tests/lib/redis.h"
#include "tests/lib/server.h"

#define NODE_STREAM "orders"

struct node {
	struct server web; /* its log is the bridge's file */
	const struct redis *redis;
	const char *ready; /* the file that says so */
	const char *size;  /* bytes of a file; NULL: as the bridge has it */
	struct process *bridge;
};

/* Starts lighttpd and ssetail.fcgi; there is no file yet. */
void node_start(struct node *n, const struct redis *redis);

/* Starts the bridge, on what is there. */
void node_start_bridge(struct node *n);

/* Has its file all that the stream has? */
bool node_is_ready(const struct node *n);

/* A script of conf/cluster with its arguments, which end with NULL. */
struct process *node_run_script(const char *name, ...)
	__attribute__((sentinel));

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define node_start(...)	       TEST_HERE(node_start(__VA_ARGS__))
#define node_start_bridge(...) TEST_HERE(node_start_bridge(__VA_ARGS__))
#define node_run_script(...)   TEST_HERE(node_run_script(__VA_ARGS__))
#endif

#endif
