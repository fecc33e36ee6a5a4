/*
 * http: a small HTTP/1.1 client for the loopback, which streams. Bodies are
 * chunked, of a known length, or up to the end of the connection.
 *
 * `reader.ended` means the last chunk, the last byte, or the close where
 * only that ends a body.
 */
#ifndef SSETAIL_TESTS_HTTP_H
#define SSETAIL_TESTS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/ask.h"
#include "tests/lib/reader.h"

enum http_framing { HTTP_NO_BODY, HTTP_CHUNKED, HTTP_LENGTH, HTTP_CLOSE };

struct http_client {
	struct reader reader;	   /* the first member: http_of */
	enum http_framing framing; /* valid once reader.has_head */
	unsigned chunks;	   /* that arrived, without the last one */

	/* Inside. */
	bool asked_head;
	int state;
	uint64_t left; /* bytes of the chunk or of the body */
	struct bytes line;
};

/* The client of a reader that http_open made. */
struct http_client *http_of(struct reader *r);

/* Connects to "ADDRESS:PORT" and sends the request; fails the test if it
 * cannot. */
struct http_client *http_open(const char *address, const struct ask *ask);

/* Sends these bytes instead. NULL with errno if nobody listens. */
struct http_client *http_connect(
	const char *address, const void *request, size_t len);

#ifndef TESTS_LIB_INSIDE
#define http_open(...) TEST_HERE(http_open(__VA_ARGS__))
#endif

#endif
