/*
 * brand: what differs between the web servers: the site that is written around
 * a fragment, as Debian has it where it matters; how the program is started;
 * how it is told to reload, and says that it has. For server.c.
 */
#ifndef SSETAIL_TESTS_BRAND_H
#define SSETAIL_TESTS_BRAND_H

#include "tests/lib/server.h"

struct brand {
	const char *program;  /* "apache2"; its workers are called the same */
	const char *fragment; /* the name that a copy of a fragment gets */
	const char *group;    /* whom the socket is for, run by root */

	/* Writes s->config, which includes the fragment and has these lines in
	 * it, in that part of it where a site is described. */
	void (*write_site)(struct server *s, const char *more);

	/* The socket as the server has to call it; NULL: by its path. */
	const char *(*socket)(const struct server *s);

	/* Starts it, in the foreground and saying all to us. */
	struct process *(*run)(const struct server *s);

	/* Is there, once it accepts, something else to wait for? NULL: no. */
	bool (*is_ready)(const struct server *s);

	/* Removes what a kill would leave outside of its folder, and what no
	 * part of it looks for by name any more; NULL: nothing. */
	void (*tidy)(struct server *s);

	/* Sends it a signal, or has a program tell it. */
	void (*reload)(struct server *s);
	const char *reloaded; /* what it says when that has begun to count */

	/* Stops it, and waits for its end; NULL: by SIGTERM. */
	void (*stop)(struct server *s);
};

/* Fails the test if there is none of that program. */
const struct brand *brand_of(const char *program);

/* The file with the fragment in a server's folder. */
const char *brand_fragment(const struct server *s);

#endif
