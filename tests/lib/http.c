#define TESTS_LIB_INSIDE
#include "tests/lib/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/lib/test.h"

/* Of a chunked body (RFC 9112 section 7.1):
 *   SIZE ... LF  bytes  CR LF  SIZE ...  0 ... LF  (trailer LF)*  LF */
enum state { CHUNK_SIZE, CHUNK_BYTES, CHUNK_END, TRAILER };

#define LINE_MAX_BYTES 4096

struct http_client *http_of(struct reader *r)
{
	return (struct http_client *)r;
}

static void begin_body(struct http_client *c)
{
	struct reader *r = &c->reader;
	const char *coding = reader_header(r, "Transfer-Encoding");
	const char *length = reader_header(r, "Content-Length");

	c->framing = HTTP_CLOSE;
	if (c->asked_head || r->status == 204 || r->status == 304) {
		c->framing = HTTP_NO_BODY;
	} else if (coding && strcasecmp(coding, "chunked") == 0) {
		c->framing = HTTP_CHUNKED;
	} else if (length) {
		c->framing = HTTP_LENGTH;
		c->left = strtoull(length, NULL, 10);
	}
	if (c->framing == HTTP_NO_BODY ||
		(c->framing == HTTP_LENGTH && c->left == 0))
		reader_take_end(r);
}

/* Collects a line; true when it is complete, without its end, in c->line. */
static bool take_line_byte(struct http_client *c, unsigned char byte)
{
	if (byte != '\n') {
		if (c->line.len < LINE_MAX_BYTES)
			bytes_add_byte(&c->line, byte);
		return false;
	}
	if (c->line.len && c->line.data[c->line.len - 1] == '\r')
		c->line.data[--c->line.len] = '\0';
	return true;
}

static void take_chunk_line(struct http_client *c)
{
	char *end;
	const char *line = bytes_text(&c->line);

	switch ((enum state)c->state) {
	case CHUNK_SIZE:
		c->left = strtoull(line, &end, 16);
		if (end == line)
			reader_note_fault(&c->reader, "a chunk without size");
		c->state = c->left ? CHUNK_BYTES : TRAILER;
		c->chunks += c->left > 0;
		break;
	case CHUNK_END:
		if (c->line.len)
			reader_note_fault(&c->reader, "a chunk that goes on");
		c->state = CHUNK_SIZE;
		break;
	case TRAILER:
		if (c->line.len == 0)
			reader_take_end(&c->reader);
		break;
	case CHUNK_BYTES:
		break;
	}
	bytes_clear(&c->line);
}

static size_t take_left(
	struct http_client *c, const unsigned char *bytes, size_t len)
{
	size_t n = len < c->left ? len : (size_t)c->left;

	reader_take_body(&c->reader, bytes, n);
	c->left -= n;
	return n;
}

static size_t take_chunked(
	struct http_client *c, const unsigned char *bytes, size_t len)
{
	if (c->state != CHUNK_BYTES) {
		if (take_line_byte(c, *bytes))
			take_chunk_line(c);
		return 1;
	}
	size_t n = take_left(c, bytes, len);
	if (c->left == 0)
		c->state = CHUNK_END;
	return n;
}

/* Returns how many bytes were taken, at least one. */
static size_t take_some(
	struct http_client *c, const unsigned char *bytes, size_t len)
{
	struct reader *r = &c->reader;
	size_t n = len;

	if (!r->has_head) {
		n = reader_take_head(r, bytes, len, true);
		if (r->has_head)
			begin_body(c);
	} else if (r->ended) {
		reader_note_fault(r, "bytes after the end of the body");
	} else if (c->framing == HTTP_CHUNKED) {
		n = take_chunked(c, bytes, len);
	} else if (c->framing == HTTP_LENGTH) {
		n = take_left(c, bytes, len);
		if (c->left == 0)
			reader_take_end(r);
	} else {
		reader_take_body(r, bytes, len);
	}
	return n;
}

static void take(struct reader *r, const unsigned char *bytes, size_t len)
{
	while (len) {
		size_t n = take_some(http_of(r), bytes, len);

		bytes += n;
		len -= n;
	}
}

static void take_close(struct reader *r)
{
	if (r->has_head && !r->ended && !r->error &&
		http_of(r)->framing == HTTP_CLOSE)
		reader_take_end(r);
}

static void release(struct reader *r)
{
	struct http_client *c = http_of(r);

	bytes_release(&c->line);
	free(c);
}

struct http_client *http_connect(
	const char *address, const void *request, size_t len)
{
	static const struct reader_kind kind = { take, take_close, release };
	int fd = reader_connect(address);

	if (fd < 0)
		return NULL;
	struct http_client *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->asked_head = len > 5 && memcmp(request, "HEAD ", 5) == 0;
	reader_init(&c->reader, &kind, fd);
	reader_send(&c->reader, request, len);
	return c;
}

struct http_client *http_open(const char *address, const struct ask *ask)
{
	struct bytes request = BYTES_INIT;

	ask_http(&request, ask, address);
	struct http_client *c =
		http_connect(address, request.data, request.len);
	bytes_release(&request);
	if (!c)
		test_fail("cannot connect to %s: %s", address, strerror(errno));
	return c;
}
