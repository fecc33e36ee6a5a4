/*
 * span: a part of a text that lives elsewhere. It may hold NUL, and none ends
 * it.
 */
#ifndef SSETAIL_SPAN_H
#define SSETAIL_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *at; /* NULL: there is none */
	size_t len;
};

/* Is it that text? */
bool span_is(struct span s, const char *text);

/* Takes what is before the first `separator`, or all, from *rest. Returns
 * false when nothing more is there: rest->at is NULL then. */
bool span_next(struct span *rest, char separator, struct span *piece);

#endif
