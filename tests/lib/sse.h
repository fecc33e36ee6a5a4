/*
 * sse: a parser of event streams, the judge of what the programs send.
 *
 * Written from the WHATWG HTML Living Standard, sections 9.2.5 "Parsing an
 * event stream" and 9.2.6 "Interpreting an event stream", and from the UTF-8
 * decoder of the Encoding Standard; from nothing of this project, so that
 * an error is not made twice. What the standard says to ignore is counted:
 * to a browser it does not matter, to a test it does.
 *
 * Bytes are fed as they arrive, in any pieces. It reads nothing and knows no
 * time.
 */
#ifndef SSETAIL_TESTS_SSE_H
#define SSETAIL_TESTS_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/bytes.h"

#define SSE_LIMIT_BYTES (256u << 20) /* of one line, of one event's data */

/* Texts are followed by a NUL; only `data` and `type` may also hold some.
 * Valid during the call. */
struct sse_event {
	const char *type; /* "message" if none was given */
	size_t type_len;
	const char *data;
	size_t data_len;
	const char *id; /* last event id when it was dispatched */
	size_t id_len;
};

typedef void sse_on_event(void *context, const struct sse_event *event);

struct sse {
	/* What was seen, to be read at any time. */
	uint64_t bytes;
	uint64_t events;	    /* dispatched */
	uint64_t comments;	    /* lines that begin with a colon */
	uint64_t checkpoints;	    /* blocks with an id and without data */
	struct bytes last_event_id; /* of the last block that ended */
	bool has_retry;
	uint64_t retry_ms; /* of the last valid retry; saturates */
	bool bom;	   /* the stream began with one */
	bool unfinished;   /* sse_end threw an incomplete line or block away */

	/* What a good sender does not send. */
	uint64_t invalid_utf8;	  /* times U+FFFD was put in for bytes */
	uint64_t unknown_fields;  /* lines that name no field */
	uint64_t ignored_ids;	  /* with NUL in them */
	uint64_t ignored_retries; /* other than digits */
	bool too_long;		  /* passed SSE_LIMIT_BYTES; was cut */

	/* Inside. */
	sse_on_event *on_event;
	void *context;
	unsigned char sequence[4]; /* of the UTF-8 decoder */
	unsigned have;
	unsigned needed;
	unsigned lower;
	unsigned upper;
	bool started;  /* a first character was decoded */
	bool after_cr; /* an LF now belongs to the line that has ended */
	bool block_began;
	bool block_has_id;
	struct bytes line;
	struct bytes type; /* the three buffers of 9.2.6 */
	struct bytes data;
	struct bytes id;
};

/* `on_event` may be NULL. Give the parser to sse_release afterwards. */
void sse_init(struct sse *s, sse_on_event *on_event, void *context);
void sse_release(struct sse *s);

void sse_feed(struct sse *s, const void *bytes, size_t len);

/* The stream has ended: what was not complete is thrown away. */
void sse_end(struct sse *s);

/* Writes a text as data of an event, in the plainest way there is: a field for
 * each of its lines, and nothing replaced. */
void sse_add_data(struct bytes *stream, const char *text, size_t len);

/* What is wrong with the stream so far, of what a good sender does not send;
 * NULL if nothing. */
const char *sse_fault(const struct sse *s);

#endif
