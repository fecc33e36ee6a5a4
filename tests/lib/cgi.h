/*
 * cgi: a web server that runs a CGI program, RFC 3875: a clean environment
 * of CGI variables, standard input empty, the response on standard output.
 *
 * `reader.ended` means the end of the output.
 */
#ifndef SSETAIL_TESTS_CGI_H
#define SSETAIL_TESTS_CGI_H

#include <stdbool.h>

#include "tests/lib/ask.h"
#include "tests/lib/process.h"
#include "tests/lib/reader.h"

struct cgi_how {
	const char *program; /* NULL: ssetail.cgi as it was built */
	const char *config;  /* SSETAIL_CONF in the environment, if not NULL */
	const char *folder;  /* the current one of the program, if not NULL */
	bool socket;	     /* output is a socket, as lighttpd can; else a
			      * pipe */
	const char *const *argv;	 /* more arguments; ends with NULL */
	void (*in_child)(void *context); /* see process.h */
	void *context;
};

struct cgi_client {
	struct reader reader; /* the first member: cgi_of */
	struct process *process;
};

/* The client of a reader that cgi_open made. */
struct cgi_client *cgi_of(struct reader *r);

/*
 * Starts the program; fails the test if it cannot. reader_close also ends
 * the process, with SIGKILL if it is still there; reader_hang_up leaves it,
 * for a test that it ends by itself (process_exit_code).
 */
struct cgi_client *cgi_open(const struct cgi_how *how, const struct ask *ask);

#ifndef TESTS_LIB_INSIDE
#define cgi_open(...) TEST_HERE(cgi_open(__VA_ARGS__))
#endif

#endif
