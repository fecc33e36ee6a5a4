/*
 * frame: takes an event stream out of what its transport wraps around it, cut
 * anywhere: FastCGI records, as a responder sends them to a web server, or an
 * HTTP/1.1 response with chunks, as that sends them on to browsers.
 *
 * An answer other than 200, a record of another kind, the end of the body:
 * die().
 */
#ifndef SSETAIL_BENCH_FRAME_H
#define SSETAIL_BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/bench/sequence.h"

enum frame_kind { FRAME_FASTCGI, FRAME_HTTP };

/* All zero, but for the kind, is the start. */
struct frame {
	enum frame_kind kind;

	/* Inside. */
	int state;
	size_t left;	/* of what carries the stream */
	size_t padding; /* FastCGI: bytes to pass over behind it */
	bool chunked;	/* HTTP: it is */
	size_t have;	/* bytes of a header, or of a line */
	char bytes[64];
};

/* What belongs to the stream goes into `s`. */
void frame_take(
	struct frame *f, struct sequence *s, const char *bytes, size_t len);

#endif
