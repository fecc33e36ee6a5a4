/*
 * front: the web server's side of FastCGI 1.0, small, and as honest or
 * hostile as a test wants it. It shares nothing with the responder.
 *
 * A client is one connection with one request. What it receives is in its
 * `reader`: reader_wait_events(&c->reader, 3), reader_close(&c->reader).
 * Records are decoded as they arrive, and a fault of the reader is: another
 * version, a request id that is not ours, a type that is not for us, a
 * length that its type cannot have, anything after FCGI_END_REQUEST.
 * `reader.ended` means FCGI_END_REQUEST.
 */
#ifndef SSETAIL_TESTS_FRONT_H
#define SSETAIL_TESTS_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/ask.h"
#include "tests/lib/bytes.h"
#include "tests/lib/reader.h"

enum front_type {
	FRONT_BEGIN = 1,
	FRONT_ABORT = 2,
	FRONT_END = 3,
	FRONT_PARAMS = 4,
	FRONT_STDIN = 5,
	FRONT_STDOUT = 6,
	FRONT_STDERR = 7,
	FRONT_DATA = 8,
	FRONT_GET_VALUES = 9,
	FRONT_GET_VALUES_RESULT = 10,
	FRONT_UNKNOWN_TYPE = 11
};

enum front_role { FRONT_RESPONDER = 1, FRONT_AUTHORIZER, FRONT_FILTER };
enum front_flag { FRONT_KEEP_CONNECTION = 1 };
enum front_protocol_status {
	FRONT_COMPLETE,
	FRONT_CANNOT_MULTIPLEX,
	FRONT_OVERLOADED,
	FRONT_UNKNOWN_ROLE
};

struct front_client {
	struct reader reader; /* the first member: front_of */
	unsigned id;	      /* of the request; 1 */

	/* What was received. */
	unsigned stdout_records; /* not counting the empty one */
	size_t longest_record;	 /* bytes of content */
	bool stdout_closed;	 /* the empty FCGI_STDOUT came */
	struct bytes errors;	 /* FCGI_STDERR */
	struct bytes management; /* records of id 0, headers included */
	bool has_end;
	uint32_t app_status;
	unsigned protocol_status; /* enum front_protocol_status */

	/* Inside. */
	bool broken; /* a record was malformed: nothing more is decoded */
	unsigned char header[8];
	unsigned header_have;
	size_t content_left;
	size_t padding_left;
	struct bytes content; /* of records that are kept until complete */
};

/* The client of a reader that front_open or front_connect made. */
struct front_client *front_of(struct reader *r);

/*
 * Connects and sends a complete request, as a web server does; see ask.h
 * (NULL: the usual). Fails the test if it cannot connect. Give
 * &client->reader to reader_close, or leave it to test_cleanup.
 */
struct front_client *front_open(const char *address, const struct ask *ask);

/* Connects and sends nothing. NULL with errno if nobody listens. */
struct front_client *front_connect(const char *address);

/* Sends FCGI_ABORT_REQUEST. No server is known to do so. */
void front_abort(struct front_client *c);

/* True if the peer closed in the middle of a record. */
bool front_was_cut(const struct front_client *c);

/* ---- composing bytes, for reader_send. Lengths are sent as they are given,
 * true or not. */

/* A record; content over 65,535 bytes becomes several. */
void front_put_record(struct bytes *out, unsigned type, unsigned id,
	const void *content, size_t len);

/* A header alone, with any values. */
void front_put_header(struct bytes *out, unsigned version, unsigned type,
	unsigned id, size_t content_len, unsigned padding_len);

void front_put_begin(
	struct bytes *out, unsigned id, unsigned role, unsigned flags);

/* A length of a name or value: one byte up to 127, else four. */
void front_put_length(struct bytes *out, uint32_t len);
void front_put_pair(struct bytes *out, const char *name, const char *value);

/* The pairs of a request: the content of FCGI_PARAMS. */
void front_put_pairs(struct bytes *out, const struct ask *ask);

/* FCGI_BEGIN_REQUEST, FCGI_PARAMS, its end, FCGI_STDIN's end. */
void front_put_request(
	struct bytes *out, unsigned id, unsigned flags, const struct ask *ask);

#ifndef TESTS_LIB_INSIDE
#define front_open(...) TEST_HERE(front_open(__VA_ARGS__))
#endif

#endif
