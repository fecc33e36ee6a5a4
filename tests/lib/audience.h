/*
 * audience: many EventSources that follow one stream through whatever happens
 * to the machines that carry it. Each connects again when its stream ends,
 * with the id of its last event, after the time that the stream has told.
 *
 * The events are numbers from 1. Whoever has had one must be given the next,
 * once, with the id that everybody else gets with it; else the test fails, as
 * it does at a gap, and at a status other than 200, which ends an EventSource
 * for good.
 */
#ifndef SSETAIL_TESTS_AUDIENCE_H
#define SSETAIL_TESTS_AUDIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/http.h"

struct listener {
	size_t seen; /* the last number; 0: none yet */

	/* Inside. */
	struct http_client *client; /* NULL: not connected */
	size_t events;		    /* of this client that were looked at */
	char *last_id;
	int64_t due_ms; /* when it connects again */
	int64_t heard_ms;
};

struct audience {
	struct listener *list;
	size_t count;

	/* What it has been through. */
	uint64_t deliveries;
	size_t ends;	    /* streams that are over */
	size_t waits;	    /* events of type waiting */
	int64_t silence_ms; /* the longest between two events of one */

	/* Inside. */
	const char *address;
	const char *path;
	char **ids; /* by number */
	size_t numbers;
};

/* Connects `count` of them. The texts stay the caller's. */
void audience_open(struct audience *a, const char *address, const char *path,
	size_t count);
void audience_release(struct audience *a);

/* Takes what has come, and connects again where that is due. Never waits. */
void audience_look(struct audience *a);

/* Has everybody seen that number? */
bool audience_has(const struct audience *a, size_t number);

#endif
