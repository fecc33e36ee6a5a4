/*
 * ask: what a browser asks for, in the forms in which it reaches a program:
 * CGI variables as a web server composes them (RFC 3875 section 4.1), for
 * FastCGI and plain CGI alike, and an HTTP request.
 *
 * One test body runs over all of them: only the call that opens differs.
 */
#ifndef SSETAIL_TESTS_ASK_H
#define SSETAIL_TESTS_ASK_H

#include "tests/lib/bytes.h"

/* All zero asks "GET /stream" as an EventSource does. NULL: not sent. */
struct ask {
	const char *method; /* NULL: GET */
	const char *mount;  /* SCRIPT_NAME; NULL: "/stream" */
	const char *path;   /* what follows it, PATH_INFO: "/access" */
	const char *query;  /* without the "?" */
	const char *accept; /* NULL: "text/event-stream" */
	const char *last_event_id;
	const char *remote_address; /* NULL: "127.0.0.1" */

	/* More headers as "Name: value"; the list ends with NULL. */
	const char *const *headers;

	/* CGI variables as "NAME=value", in place of what would be sent;
	 * "NAME" without "=" takes one away. The list ends with NULL. Not
	 * for HTTP. */
	const char *const *variables;
};

/* The CGI variables as strings "NAME=value", each ended by NUL, one after
 * the other in `out`; `ask` may be NULL for the usual. */
void ask_variables(struct bytes *out, const struct ask *ask);

/* The next string of such a list: give NULL first; NULL at the end. */
const char *ask_next(const struct bytes *list, const char *variable);

/* The HTTP/1.1 request, complete with its blank line. */
void ask_http(struct bytes *out, const struct ask *ask, const char *host);

#endif
