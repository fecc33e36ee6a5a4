/*
 * site: one configuration, served by both programs. A test body that opens
 * streams by site_open runs once under each of them:
 *
 *	static void tells_the_time(void **state)
 *	{
 *		struct site *s = *state;
 *
 *		site_configure(s, "sources = ({ name = \"a\"; ... });\n");
 *		struct reader *r = site_open(s, &(struct ask){ .path = "/a" });
 *		...
 *	}
 *	...
 *	{ SITE_TESTS(tells_the_time) }
 *
 * At the end of a test all is ended as a web server does, and must end well:
 * under a sanitizer, what the programs leaked is found that way.
 */
#ifndef SSETAIL_TESTS_SITE_H
#define SSETAIL_TESTS_SITE_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/lib/ask.h"
#include "tests/lib/process.h"
#include "tests/lib/reader.h"

#define SITE_READERS_MAX 64

enum site_program { SITE_FCGI, SITE_CGI };

struct site {
	/* For whatever is opened next; a test may change it. */
	enum site_program program;
	bool socket;	    /* output of ssetail.cgi: see cgi.h */
	bool unprivileged;  /* run as a user who may do nothing, also when the
			     * tests are run by root; before the first open */
	mode_t umask;	    /* of the programs; 0: as it is here */
	const char *folder; /* a new one */
	const char *config; /* path of the configuration in it */
	struct process *responder; /* from the first request on */

	/* Inside. */
	const char *address;
	struct reader *readers[SITE_READERS_MAX];
	bool is_cgi[SITE_READERS_MAX];
	size_t count;
};

/* The fixtures: *state is a struct site in between. */
int site_setup_fcgi(void **state);
int site_setup_cgi(void **state);
int site_teardown(void **state);

/* The two tests that a body makes, for a table of struct CMUnitTest. */
#define SITE_TESTS(name)                                                       \
	{ #name " (fcgi)", name, site_setup_fcgi, site_teardown, NULL },       \
	{                                                                      \
#name " (cgi)", name, site_setup_cgi, site_teardown, NULL      \
	}

/* And for a body that changes `program` by itself. */
#define SITE_TEST(name)                                                        \
	{                                                                      \
#name, name, site_setup_fcgi, site_teardown, NULL              \
	}

/* Writes the configuration: this text, printf(3), behind a heartbeat of an
 * hour. Before the first site_open. */
void site_configure(struct site *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same with one source, "app", of folder/app.log and with these keys
 * (""). Returns the log's path; it is not created. */
const char *site_configure_log(struct site *s, const char *keys);

/* Sends a request (NULL: the usual). At the end of the test, or by
 * site_close, the client hangs up. */
struct reader *site_open(struct site *s, const struct ask *ask);

/* The same for a PATH_INFO alone. */
struct reader *site_open_path(struct site *s, const char *path);

/* Hangs up and frees. A CGI program must end by that, with 0. */
void site_close(struct site *s, struct reader *r);

/* Closes all, and ends the responder: the next open starts another, with the
 * configuration as it is then. */
void site_restart(struct site *s);

/* The process that serves this reader. */
pid_t site_pid(const struct site *s, const struct reader *r);

#ifndef TESTS_LIB_INSIDE
#define site_configure(...)	TEST_HERE(site_configure(__VA_ARGS__))
#define site_configure_log(...) TEST_HERE(site_configure_log(__VA_ARGS__))
#define site_open(...)		TEST_HERE(site_open(__VA_ARGS__))
#define site_open_path(...)	TEST_HERE(site_open_path(__VA_ARGS__))
#define site_close(...)		TEST_HERE(site_close(__VA_ARGS__))
#define site_restart(...)	TEST_HERE(site_restart(__VA_ARGS__))
#endif

#endif
