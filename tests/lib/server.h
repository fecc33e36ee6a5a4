/*
 * server: a real web server with ssetail in it, in a temporary folder on a
 * free port of the loopback, configured with the very file of conf/ that
 * users copy (fragment.h). Run by root, its workers are whoever Debian has them
 * be, but for lighttpd and Caddy.
 *
 * It streams one source, "log", at /events/log, unless the kind has another
 * mount. Ended, with all it started, by test_cleanup.
 */
#ifndef SSETAIL_TESTS_SERVER_H
#define SSETAIL_TESTS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/lib/ask.h"
#include "tests/lib/http.h"
#include "tests/lib/process.h"

struct server;

/* A fragment of conf/, and what it is about. */
struct server_kind {
	const char *name;     /* for people: "Apache mod_cgid" */
	const char *program;  /* "lighttpd": brand.h has them all */
	const char *fragment; /* "conf/lighttpd/cgi.conf" */
	const char *ssetail;  /* what answers: "ssetail.cgi" */
	const char *decisive; /* a text in its decisive line, and in no other
			       * that is no comment; NULL: without that line
			       * events come all the same, but later */
	const char *instead;  /* more for the site when that line is left out:
			       * it takes away what would do the same */
	const char *sets;     /* which of ssetail_program, ssetail_config and
			       * ssetail_socket the lines at its top set: "config
			       * program". Without a program ssetail.fcgi is
			       * started beside the server, on the socket */
	const char *modules;  /* what a2enmod is told, Apache only: "mpm_event
			       * cgid" */
	bool reload_ends;     /* a graceful reload ends streams */

	/* Called when all files are written: it may change and move them, and
	 * set s->config and s->log. May be NULL. */
	void (*prepare)(struct server *s);
	const char *mount;  /* NULL: "/events" */
	const char *header; /* of each request, "Name: value", or NULL */
};

/* The kind for tests that are not about servers. */
extern const struct server_kind server_lighttpd;

struct server_how {
	bool without_decisive; /* leave that line out */
	const char *settings;  /* more for the program's configuration */
	const char *source;    /* more for its source */
	const char *site;      /* more for the server's */

	void (*prepare)(struct server *s); /* as that of the kind, after it */
};

struct server {
	const struct server_kind *kind;
	const char *folder;
	const char *log;  /* the file that is the source; empty at the start */
	char address[32]; /* "127.0.0.1:PORT" */
	const char *config;	   /* of the server */
	struct process *process;   /* of the server */
	struct process *responder; /* started beside it; NULL if it is not */
	const char *headers[2];	   /* of each request */
};

/* False: ssetail.fcgi is started by somebody else. */
bool server_starts_ssetail(const struct server_kind *kind);

/*
 * Starts the server and waits until it accepts connections; fails the test
 * if it does not. `how` may be NULL. The paths in `s` are valid until
 * test_cleanup.
 */
void server_start(struct server *s, const struct server_kind *kind,
	const struct server_how *how);

/* The same with the files as they are, when it has ended. */
void server_start_again(struct server *s);

/* The program that a fragment leaves to somebody else, as server_start starts
 * it: for when it has ended. */
void server_start_responder(struct server *s);

/* A graceful reload as Debian's services do it. Waits until the server says
 * that it has begun to count. */
void server_reload(struct server *s);

/* A stop as Debian's services do it. Waits for the end. */
void server_stop(struct server *s);

/* Kills every process of the server, its workers too, with SIGKILL; what it
 * started lives on. */
void server_kill(struct server *s);

/* The same question, asked where ssetail is. Valid as long as `s`. */
struct ask server_ask(const struct server *s, struct ask ask);

/* Opens a stream of "log", from after that id if it is not NULL. */
struct http_client *server_open(const struct server *s, const char *last_id);

/* Clients that ssetail has now, in all its processes. */
size_t server_clients(const struct server *s);

/* How many of its processes have clients. */
size_t server_busy(const struct server *s);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define server_start(...)	TEST_HERE(server_start(__VA_ARGS__))
#define server_start_again(...) TEST_HERE(server_start_again(__VA_ARGS__))
#define server_start_responder(...)                                            \
	TEST_HERE(server_start_responder(__VA_ARGS__))
#define server_reload(...) TEST_HERE(server_reload(__VA_ARGS__))
#define server_stop(...)   TEST_HERE(server_stop(__VA_ARGS__))
#define server_open(...)   TEST_HERE(server_open(__VA_ARGS__))
#endif

#endif
