#include "tests/bench/frame.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/bench/die.h"

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Passes on what is left of the piece, as far as it is there. */
static size_t take_content(
	struct frame *f, struct sequence *s, const char *bytes, size_t len)
{
	size_t n = smaller(len, f->left);

	sequence_take(s, bytes, n);
	f->left -= n;
	return n;
}

/* ---- FastCGI: a header of 8 bytes, content, padding */

enum { HEADER, CONTENT, PADDING };
enum { HEADER_BYTES = 8, STDOUT = 6 };

static size_t take_header(struct frame *f, const struct sequence *s,
	const char *bytes, size_t len)
{
	const unsigned char *header = (const unsigned char *)f->bytes;
	size_t n = smaller(len, HEADER_BYTES - f->have);

	memcpy(f->bytes + f->have, bytes, n);
	f->have += n;
	if (f->have < HEADER_BYTES)
		return n;
	if (header[0] != 1 || header[1] != STDOUT)
		die("client %zu got a record of type %u", s->client, header[1]);
	f->have = 0;
	f->left = (size_t)header[4] << 8 | header[5];
	f->padding = header[6];
	f->state = CONTENT;
	return n;
}

static size_t take_padding(struct frame *f, size_t len)
{
	size_t n = smaller(len, f->padding);

	f->padding -= n;
	if (f->padding == 0)
		f->state = HEADER;
	return n;
}

static size_t take_record(
	struct frame *f, struct sequence *s, const char *bytes, size_t len)
{
	size_t n = 0;

	switch (f->state) {
	case HEADER:
		return take_header(f, s, bytes, len);
	case CONTENT:
		n = take_content(f, s, bytes, len);
		if (f->left == 0)
			f->state = f->padding ? PADDING : HEADER;
		return n;
	default:
		return take_padding(f, len);
	}
}

/* ---- HTTP: lines of a head, then (RFC 9112 section 7.1)
 *   SIZE ... CR LF  bytes  CR LF  SIZE ... */

enum { STATUS, FIELDS, CHUNK_SIZE, CHUNK_BYTES, CHUNK_END, UNTIL_CLOSE };

static void take_chunk_size(struct frame *f, const struct sequence *s)
{
	f->left = strtoul(f->bytes, NULL, 16);
	if (f->left == 0)
		die("client %zu: the stream has ended", s->client);
	f->state = CHUNK_BYTES;
}

static void take_field(struct frame *f)
{
	if (f->have == 0)
		f->state = f->chunked ? CHUNK_SIZE : UNTIL_CLOSE;
	else if (strcasecmp(f->bytes, "Transfer-Encoding: chunked") == 0)
		f->chunked = true;
}

static void take_line(struct frame *f, const struct sequence *s)
{
	switch (f->state) {
	case STATUS:
		if (strncmp(f->bytes, "HTTP/1.1 200", 12) != 0)
			die("client %zu was told %s", s->client, f->bytes);
		f->state = FIELDS;
		break;
	case FIELDS:
		take_field(f);
		break;
	case CHUNK_SIZE:
		take_chunk_size(f, s);
		break;
	default: /* CHUNK_END, an empty line */
		f->state = CHUNK_SIZE;
	}
}

/* Keeps how the line begins, as text without its end. */
static size_t take_line_bytes(struct frame *f, const struct sequence *s,
	const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);
	size_t part = end ? (size_t)(end - bytes) : len;
	size_t n = smaller(part, sizeof(f->bytes) - 1 - f->have);

	memcpy(f->bytes + f->have, bytes, n);
	f->have += n;
	if (!end)
		return part;
	if (f->have && f->bytes[f->have - 1] == '\r')
		f->have--;
	f->bytes[f->have] = '\0';
	take_line(f, s);
	f->have = 0;
	return part + 1;
}

static size_t take_response(
	struct frame *f, struct sequence *s, const char *bytes, size_t len)
{
	size_t n = len;

	switch (f->state) {
	case CHUNK_BYTES:
		n = take_content(f, s, bytes, len);
		if (f->left == 0)
			f->state = CHUNK_END;
		return n;
	case UNTIL_CLOSE:
		sequence_take(s, bytes, len);
		return len;
	default:
		return take_line_bytes(f, s, bytes, len);
	}
}

void frame_take(
	struct frame *f, struct sequence *s, const char *bytes, size_t len)
{
	while (len) {
		size_t n = f->kind == FRAME_HTTP
				   ? take_response(f, s, bytes, len)
				   : take_record(f, s, bytes, len);

		bytes += n;
		len -= n;
	}
}
