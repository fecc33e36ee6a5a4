/*
 * browser: an EventSource that follows "log" of a server: whenever its stream
 * ends it connects again, with the id of the last event. The lines of the log
 * are numbers from 1, and whatever happens it must be given each of them
 * once, in order, by streams that end on a whole event; else the test fails.
 * So it does at a status other than 200, which ends an EventSource for good.
 */
#ifndef SSETAIL_TESTS_BROWSER_H
#define SSETAIL_TESTS_BROWSER_H

#include <stddef.h>

#include "tests/lib/http.h"
#include "tests/lib/server.h"

struct browser {
	size_t written; /* lines of the log */
	size_t seen;	/* of them; so the last one was this number */
	size_t ends;	/* streams that are over */

	/* Inside. */
	const struct server *server;
	struct http_client *client; /* NULL: not connected */
	size_t events;		    /* of this client that were looked at */
	char *last_id;		    /* of the clients before it; or NULL */
};

/* Connects to a server whose log is empty. Release it at the end. */
void browser_open(struct browser *b, const struct server *server);
void browser_release(struct browser *b);

/* Takes what has come, and connects again where that is due. Never waits. */
void browser_look(struct browser *b);

/* Appends the next lines to the log. */
void browser_write(struct browser *b, size_t count);

/*
 * Waits until the browser has all there is; then appends the next `count`
 * lines, each when it has the one before, so that nothing behind pushes it
 * out.
 */
void browser_follow(struct browser *b, size_t count);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define browser_open(...)   TEST_HERE(browser_open(__VA_ARGS__))
#define browser_look(...)   TEST_HERE(browser_look(__VA_ARGS__))
#define browser_follow(...) TEST_HERE(browser_follow(__VA_ARGS__))
#endif

#endif
