/*
 * responder: ssetail.fcgi with one source, "log", in a temporary folder; and
 * ssetail.cgi on the same configuration.
 *
 * Several of them can run on one configuration, one after the other or
 * together: responder_prepare once, responder_run for each.
 */
#ifndef SSETAIL_TESTS_RESPONDER_H
#define SSETAIL_TESTS_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/lib/cgi.h"
#include "tests/lib/front.h"
#include "tests/lib/process.h"

struct responder_how {
	const char *settings; /* "heartbeat = 1;", if not NULL */
	const char *source;   /* the same inside the source */
	const char *sources;  /* more sources: ", { ... }" */
	const char *address;  /* NULL: a socket in the folder */

	/* As in struct process_how. */
	const char *const *env;
	const char *folder;
	int stdin_fd;
	void (*in_child)(void *context);
	void *context;
};

struct responder {
	const char *folder;
	const char *log; /* the file that is the source; empty at first */
	const char *config;
	const char *address; /* where it listens */
	struct process *process;
};

/* The folder, the log and the configuration. `how` may be NULL. All paths
 * are valid until test_cleanup. */
void responder_prepare(struct responder *r, const struct responder_how *how);

/* Starts ssetail.fcgi on r->address and waits until it listens. */
void responder_run(struct responder *r, const struct responder_how *how);

/* Without -l: it listens where the configuration says, or on what it
 * inherits. Does not wait. */
struct process *responder_run_bare(
	const struct responder *r, const struct responder_how *how);

/* Both. */
void responder_start(struct responder *r, const struct responder_how *how);

/* An address on a free port of 127.0.0.1. */
const char *responder_tcp(void);

/* Clients, NULL as ever: the usual. */
struct front_client *responder_open(
	const struct responder *r, const struct ask *ask);
struct cgi_client *responder_open_cgi(
	const struct responder *r, const struct ask *ask);

/* A client that has the head and what comes with it. */
struct front_client *responder_follow(
	const struct responder *r, const struct ask *ask);

/* True when the responder has read all that was sent to it on a unix socket
 * by this reader. */
bool responder_has_read(const struct reader *r);

/* False where a sanitizer, or memcheck (tests/tools/valgrind), has an allocator
 * of its own: figures mean nothing there. */
bool responder_memory_is_real(void);

/* Bytes in use of its heap, and how often it has allocated memory so far, when
 * it was started with this environment; without real memory all of them are of
 * no use. */
size_t responder_heap_bytes(const struct responder *r);
size_t responder_allocations(const struct responder *r);
const char *const *responder_heap_env(void);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define responder_prepare(...)	TEST_HERE(responder_prepare(__VA_ARGS__))
#define responder_run(...)	TEST_HERE(responder_run(__VA_ARGS__))
#define responder_run_bare(...) TEST_HERE(responder_run_bare(__VA_ARGS__))
#define responder_start(...)	TEST_HERE(responder_start(__VA_ARGS__))
#define responder_open(...)	TEST_HERE(responder_open(__VA_ARGS__))
#define responder_open_cgi(...) TEST_HERE(responder_open_cgi(__VA_ARGS__))
#define responder_follow(...)	TEST_HERE(responder_follow(__VA_ARGS__))
#endif

#endif
