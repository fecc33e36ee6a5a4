/*
 * server: a real web server with ssetail in it, in a temporary folder on a
 * free port of the loopback, configured with the very file of conf/ that
 * users copy (fragment.h). Run by root, Apache's workers are www-data.
 *
 * It streams one source, "log", at /events/log. Ended, with all it started,
 * by test_cleanup.
 */
#ifndef SSETAIL_TESTS_SERVER_H
#define SSETAIL_TESTS_SERVER_H

#include <stdbool.h>

#include "tests/lib/process.h"

/* A fragment of conf/, and what it is about. */
struct server_kind {
	const char *program;  /* "lighttpd" or "apache2" */
	const char *fragment; /* "conf/lighttpd/cgi.conf" */
	const char *ssetail;  /* what it starts: "ssetail.cgi" */
	const char *decisive; /* a text in its decisive line, and in no other
			       * that is no comment */
};

struct server_how {
	bool without_decisive; /* leave that line out */
	const char *settings;  /* more for the program's configuration */
};

struct server {
	const struct server_kind *kind;
	const char *folder;
	const char *log;  /* the file that is the source; empty at the start */
	char address[32]; /* "127.0.0.1:PORT" */
	struct process *process;
};

/*
 * Starts the server and waits until it accepts connections; fails the test
 * if it does not. `how` may be NULL. The paths in `s` are valid until
 * test_cleanup.
 */
void server_start(struct server *s, const struct server_kind *kind,
	const struct server_how *how);

/* Kills every process of the server, its workers too, with SIGKILL; what it
 * started lives on. */
void server_kill(struct server *s);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define server_start(...) TEST_HERE(server_start(__VA_ARGS__))
#endif

#endif
