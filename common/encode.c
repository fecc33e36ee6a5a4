#include "common/encode.h"

#include <stdbool.h>
#include <string.h>

#include "common/utf8.h"

#define LENGTH(literal)	 (sizeof(literal) - 1)
#define ADD(b, literal)	 buffer_add(b, literal, LENGTH(literal))
#define PUT(to, literal) mempcpy(to, literal, LENGTH(literal))

static const char *find(const char *from, const char *end, char c)
{
	const char *found = memchr(from, c, (size_t)(end - from));

	return found ? found : end;
}

static void add_replaced(struct buffer *b, const char *bytes, size_t len)
{
	for (;;) {
		size_t valid = utf8_valid_prefix(bytes, len);

		buffer_add(b, bytes, valid);
		if (valid == len)
			return;
		ADD(b, UTF8_REPLACEMENT);
		valid += utf8_bad_length(bytes + valid, len - valid);
		bytes += valid;
		len -= valid;
	}
}

static void add_line(struct buffer *b, const char *text, size_t len, bool valid)
{
	if (len == 0) {
		ADD(b, "data:\n");
		return;
	}
	if (!valid) {
		ADD(b, "data: ");
		add_replaced(b, text, len);
		buffer_add_byte(b, '\n');
		return;
	}

	char *to = buffer_reserve(b, LENGTH("data: \n") + len);

	if (to == NULL)
		return;
	to = PUT(to, "data: ");
	to = mempcpy(to, text, len);
	*to = '\n';
	b->len += LENGTH("data: \n") + len;
}

void encode_data(struct buffer *b, const char *bytes, size_t len)
{
	const char *end = bytes + len;
	/* CR and LF are no part of a sequence, not even of a broken one: what
	 * holds for the whole holds for each of its lines. */
	bool valid = utf8_valid_prefix(bytes, len) == len;
	/* Each is looked for again only once it was passed: or else a record
	 * with many of the one and none of the other takes quadratic time. */
	const char *cr = find(bytes, end, '\r');
	const char *lf = find(bytes, end, '\n');

	for (;;) {
		const char *stop = cr < lf ? cr : lf;

		add_line(b, bytes, (size_t)(stop - bytes), valid);
		if (stop == end)
			return;
		bytes = stop + 1;
		if (stop == cr && bytes == lf && lf < end)
			bytes++;
		if (cr < bytes)
			cr = find(bytes, end, '\r');
		if (lf < bytes)
			lf = find(bytes, end, '\n');
	}
}

void encode_type(
	struct buffer *b, const char *prefix, const char *type, size_t len)
{
	ADD(b, "event: ");
	buffer_add_string(b, prefix);
	add_replaced(b, type, len);
	buffer_add_byte(b, '\n');
}

/* In one piece: with several sources a client has a tail of its own for each
 * record. */
void encode_tail(struct buffer *b, const char *event, const char *id)
{
	size_t event_len = event ? strlen(event) : 0;
	size_t id_len = id ? strlen(id) : 0;
	char *start = buffer_reserve(
		b, LENGTH("event: \nid: \n\n") + event_len + id_len);
	char *to = start;

	if (to == NULL)
		return;
	if (event) {
		to = PUT(to, "event: ");
		to = mempcpy(to, event, event_len);
		*to++ = '\n';
	}
	if (id) {
		to = PUT(to, "id: ");
		to = mempcpy(to, id, id_len);
		*to++ = '\n';
	}
	*to++ = '\n';
	b->len += (size_t)(to - start);
}

void encode_id_only(struct buffer *b, const char *id)
{
	encode_tail(b, NULL, id);
}

void encode_comment(struct buffer *b, const char *text)
{
	ADD(b, ": ");
	buffer_add_string(b, text);
	ADD(b, "\n\n");
}

void encode_retry(struct buffer *b, unsigned retry_ms)
{
	ADD(b, "retry: ");
	buffer_add_number(b, retry_ms);
	ADD(b, "\n\n");
}

static const char *const gap_reasons[] = {
	[GAP_ROTATED] = "rotated",
	[GAP_TRUNCATED] = "truncated",
	[GAP_DELETED] = "deleted",
	[GAP_LATE] = "late",
	[GAP_COMPRESSED] = "compressed",
	[GAP_OVERLONG] = "overlong",
	[GAP_UNKNOWN_ID] = "unknown-id",
	[GAP_SPOOL] = "spool",
};

const char *encode_gap_name(enum gap_reason reason)
{
	return gap_reasons[reason];
}

void encode_gap_data(struct buffer *b, const char *source,
	enum gap_reason reason, int64_t bytes)
{
	buffer_add_format(b,
		"data: {\"source\": \"%s\", \"reason\": \"%s\", \"bytes\": ",
		source, gap_reasons[reason]);
	if (bytes < 0)
		ADD(b, "null");
	else
		buffer_add_number(b, (uint64_t)bytes);
	ADD(b, "}\n");
}

static const char *const waiting_reasons[] = {
	[WAITING_ABSENT] = "absent",
	[WAITING_PERMISSION] = "permission",
	[WAITING_NOT_A_FILE] = "not-a-file",
	[WAITING_UNREADABLE] = "unreadable",
	[WAITING_BEHIND] = "behind",
};

const char *encode_waiting_name(enum waiting_reason reason)
{
	return waiting_reasons[reason];
}

void encode_waiting_data(
	struct buffer *b, const char *source, enum waiting_reason reason)
{
	buffer_add_format(b, "data: {\"source\": \"%s\", \"reason\": \"%s\"}\n",
		source, waiting_reasons[reason]);
}

void encode_busy(struct buffer *b, const char *reason)
{
	buffer_add_format(b, "data: {\"reason\": \"%s\"}\n", reason);
	encode_tail(b, "busy", NULL);
}
