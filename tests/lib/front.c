#define TESTS_LIB_INSIDE
#include "tests/lib/front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/test.h"

#define CONTENT_MAX 65535

struct front_client *front_of(struct reader *r)
{
	return (struct front_client *)r;
}

/* ---- decoding */

static unsigned header_type(const struct front_client *c)
{
	return c->header[1];
}

static unsigned header_id(const struct front_client *c)
{
	return (unsigned)c->header[2] << 8 | c->header[3];
}

static void take_end(struct front_client *c)
{
	const unsigned char *body = (const unsigned char *)c->content.data;

	c->has_end = true;
	c->app_status = (uint32_t)body[0] << 24 | (uint32_t)body[1] << 16 |
			(uint32_t)body[2] << 8 | body[3];
	c->protocol_status = body[4];
	reader_take_end(&c->reader);
}

/* What is wrong with a header, or NULL. */
static const char *header_fault(const struct front_client *c, size_t len)
{
	if (c->header[0] != 1)
		return "a record of another version";
	if (c->has_end)
		return "a record after FCGI_END_REQUEST";
	if (header_id(c) == 0)
		return header_type(c) == FRONT_GET_VALUES_RESULT ||
				       header_type(c) == FRONT_UNKNOWN_TYPE
			       ? NULL
			       : "a record with id 0 that is not for "
				 "management";
	if (header_id(c) != c->id)
		return "a record of another request";
	switch (header_type(c)) {
	case FRONT_STDOUT:
		return c->stdout_closed ? "FCGI_STDOUT after its end" : NULL;
	case FRONT_STDERR:
		return NULL;
	case FRONT_END:
		return len == 8 ? NULL : "FCGI_END_REQUEST not of 8 bytes";
	default:
		return "a record that a responder must not send";
	}
}

static void begin_record(struct front_client *c)
{
	size_t len = (size_t)c->header[4] << 8 | c->header[5];
	const char *fault = header_fault(c, len);

	c->content_left = len;
	c->padding_left = c->header[6];
	bytes_clear(&c->content);
	if (header_id(c) == 0)
		bytes_add(&c->management, c->header, sizeof(c->header));
	if (header_type(c) == FRONT_STDOUT && len > 0) {
		c->stdout_records++;
		if (len > c->longest_record)
			c->longest_record = len;
	}
	if (fault)
		reader_note_fault(&c->reader, "%s (type %u, id %u, %zu bytes)",
			fault, header_type(c), header_id(c), len);
	c->broken = fault;
}

static void take_content(
	struct front_client *c, const unsigned char *bytes, size_t len)
{
	if (header_id(c) == 0)
		bytes_add(&c->management, bytes, len);
	else if (header_type(c) == FRONT_STDOUT)
		reader_take(&c->reader, bytes, len);
	else if (header_type(c) == FRONT_STDERR)
		bytes_add(&c->errors, bytes, len);
	else
		bytes_add(&c->content, bytes, len);
}

static void end_record(struct front_client *c)
{
	bool empty = c->header[4] == 0 && c->header[5] == 0;

	c->header_have = 0;
	if (header_id(c) == 0)
		return;
	if (header_type(c) == FRONT_STDOUT && empty)
		c->stdout_closed = true;
	if (header_type(c) == FRONT_END)
		take_end(c);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void take(struct reader *r, const unsigned char *bytes, size_t len)
{
	struct front_client *c = front_of(r);

	while (len && !c->broken) {
		size_t n;

		if (c->header_have < sizeof(c->header)) {
			c->header[c->header_have++] = *bytes;
			n = 1;
			if (c->header_have == sizeof(c->header))
				begin_record(c);
		} else if (c->content_left) {
			n = smaller(len, c->content_left);
			c->content_left -= n;
			take_content(c, bytes, n);
		} else {
			n = smaller(len, c->padding_left);
			c->padding_left -= n;
		}
		bytes += n;
		len -= n;
		if (c->header_have == sizeof(c->header) && !c->broken &&
			c->content_left == 0 && c->padding_left == 0)
			end_record(c);
	}
}

/* A connection that breaks is an ordinary outcome: reader.closed says it. */
static void take_close(struct reader *r)
{
	(void)r;
}

static void release(struct reader *r)
{
	struct front_client *c = front_of(r);

	bytes_release(&c->errors);
	bytes_release(&c->management);
	bytes_release(&c->content);
	free(c);
}

bool front_was_cut(const struct front_client *c)
{
	return c->reader.closed && c->header_have > 0;
}

/* ---- opening */

struct front_client *front_connect(const char *address)
{
	static const struct reader_kind kind = { take, take_close, release };
	int fd = reader_connect(address);

	if (fd < 0)
		return NULL;
	struct front_client *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->id = 1;
	reader_init(&c->reader, &kind, fd);
	return c;
}

struct front_client *front_open(const char *address, const struct ask *ask)
{
	struct bytes request = BYTES_INIT;
	struct front_client *c = front_connect(address);

	if (!c)
		test_fail("cannot connect to %s: %s", address, strerror(errno));
	front_put_request(&request, c->id, 0, ask);
	reader_send(&c->reader, request.data, request.len);
	bytes_release(&request);
	return c;
}

void front_abort(struct front_client *c)
{
	struct bytes record = BYTES_INIT;

	front_put_header(&record, 1, FRONT_ABORT, c->id, 0, 0);
	reader_send(&c->reader, record.data, record.len);
	bytes_release(&record);
}

/* ---- encoding */

void front_put_header(struct bytes *out, unsigned version, unsigned type,
	unsigned id, size_t content_len, unsigned padding_len)
{
	const unsigned char header[8] = {
		(unsigned char)version,
		(unsigned char)type,
		(unsigned char)(id >> 8),
		(unsigned char)id,
		(unsigned char)(content_len >> 8),
		(unsigned char)content_len,
		(unsigned char)padding_len,
		0,
	};

	bytes_add(out, header, sizeof(header));
}

void front_put_record(struct bytes *out, unsigned type, unsigned id,
	const void *content, size_t len)
{
	const char *rest = content ? content : "";

	do {
		size_t n = smaller(len, CONTENT_MAX);

		front_put_header(out, 1, type, id, n, 0);
		bytes_add(out, rest, n);
		rest += n;
		len -= n;
	} while (len);
}

void front_put_begin(
	struct bytes *out, unsigned id, unsigned role, unsigned flags)
{
	const unsigned char body[8] = {
		(unsigned char)(role >> 8),
		(unsigned char)role,
		(unsigned char)flags,
	};

	front_put_record(out, FRONT_BEGIN, id, body, sizeof(body));
}

void front_put_length(struct bytes *out, uint32_t len)
{
	if (len > 127) {
		bytes_add_byte(out, (int)(len >> 24 | 0x80));
		bytes_add_byte(out, (int)(len >> 16 & 0xff));
		bytes_add_byte(out, (int)(len >> 8 & 0xff));
	}
	bytes_add_byte(out, (int)(len & 0xff));
}

static void put_pair(struct bytes *out, const char *name, size_t name_len,
	const char *value, size_t value_len)
{
	front_put_length(out, (uint32_t)name_len);
	front_put_length(out, (uint32_t)value_len);
	bytes_add(out, name, name_len);
	bytes_add(out, value, value_len);
}

void front_put_pair(struct bytes *out, const char *name, const char *value)
{
	put_pair(out, name, strlen(name), value, strlen(value));
}

void front_put_pairs(struct bytes *out, const struct ask *ask)
{
	struct bytes variables = BYTES_INIT;
	const char *variable = NULL;

	ask_variables(&variables, ask);
	while ((variable = ask_next(&variables, variable))) {
		const char *value = strchr(variable, '=') + 1;

		put_pair(out, variable, (size_t)(value - 1 - variable), value,
			strlen(value));
	}
	bytes_release(&variables);
}

void front_put_request(
	struct bytes *out, unsigned id, unsigned flags, const struct ask *ask)
{
	struct bytes pairs = BYTES_INIT;

	front_put_begin(out, id, FRONT_RESPONDER, flags);
	front_put_pairs(&pairs, ask);
	front_put_record(out, FRONT_PARAMS, id, pairs.data, pairs.len);
	front_put_record(out, FRONT_PARAMS, id, NULL, 0);
	front_put_record(out, FRONT_STDIN, id, NULL, 0);
	bytes_release(&pairs);
}
