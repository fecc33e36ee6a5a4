/*
 * What encode emits, read by the parser of tests/lib, is what went in.
 *
 * The first byte, a letter, picks what is written; the rest is the text. That
 * of a record is also written the plainest way there is, every line behind
 * "data: " and nothing replaced: what the parser, with a decoder of its own,
 * makes of the two must be the same, and only the first may have no fault.
 */
#include <stdbool.h>
#include <string.h>

#include "common/encode.h"
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/bytes.h"
#include "tests/lib/sse.h"

struct seen {
	unsigned events;
	struct bytes type, data, id; /* of the last event */
};

static void keep(void *context, const struct sse_event *event)
{
	struct seen *seen = context;

	seen->events++;
	bytes_clear(&seen->type);
	bytes_clear(&seen->data);
	bytes_clear(&seen->id);
	bytes_add(&seen->type, event->type, event->type_len);
	bytes_add(&seen->data, event->data, event->data_len);
	bytes_add(&seen->id, event->id, event->id_len);
}

static void release(struct seen *seen)
{
	bytes_release(&seen->type);
	bytes_release(&seen->data);
	bytes_release(&seen->id);
}

/* Reads a whole stream, which no browser would find anything amiss with. */
static void read_good(const struct buffer *b, struct seen *seen)
{
	struct sse parser;

	MUST(!b->failed);
	sse_init(&parser, keep, seen);
	sse_feed(&parser, b->data, b->len);
	sse_end(&parser);
	MUST(sse_fault(&parser) == NULL);
	MUST(!parser.unfinished);
	sse_release(&parser);
}

static void check_record(const char *text, size_t len, const char *event)
{
	struct seen ours = { 0 }, plain = { 0 };
	struct bytes plainly = BYTES_INIT;
	struct buffer b = BUFFER_INIT;
	struct sse parser;

	/* A line of its own, for the mark that is eaten at the start. */
	encode_comment(&b, "start");
	size_t before = b.len;

	encode_data(&b, text, len);
	MUST(b.len - before <= 6 * (len + 1));
	encode_tail(&b, event, "1");
	read_good(&b, &ours);

	sse_add_data(&plainly, text, len);
	bytes_add_text(&plainly, "id: 1\n\n");
	sse_init(&parser, keep, &plain);
	sse_feed(&parser, plainly.data, plainly.len);
	sse_end(&parser);
	MUST((utf8_valid_prefix(text, len) == len) ==
		(parser.invalid_utf8 == 0));
	sse_release(&parser);

	MUST(ours.events == 1 && plain.events == 1);
	MUST(ours.data.len == plain.data.len);
	MUST(memcmp(bytes_text(&ours.data), bytes_text(&plain.data),
		     ours.data.len) == 0);
	MUST(bytes_are(&ours.type, event ? event : "message"));
	MUST(bytes_are(&ours.id, "1"));
	buffer_release(&b);
	bytes_release(&plainly);
	release(&ours);
	release(&plain);
}

/* Our own events: with any reason, and any number of bytes. */
static void check_own(const uint8_t *text, size_t len)
{
	struct seen seen = { 0 };
	struct buffer b = BUFFER_INIT;
	unsigned reason = len > 0 ? text[0] % 8 : 0;
	int64_t bytes = -1;

	if (len >= 1 + sizeof(bytes))
		memcpy(&bytes, text + 1, sizeof(bytes));
	encode_gap_data(&b, "a.log", (enum gap_reason)reason, bytes);
	encode_tail(&b, "gap", "2");
	read_good(&b, &seen);
	MUST(seen.events == 1 && bytes_are(&seen.type, "gap"));
	MUST(bytes_find(&seen.data, 0, "{\"source\": \"a.log\", ") == 0);
	MUST(bytes_contain(&seen.data, "null") == (bytes < 0));

	encode_waiting_data(&b, "a.log", (enum waiting_reason)(reason % 4));
	encode_tail(&b, "waiting", "3");
	encode_busy(&b, encode_waiting_name((enum waiting_reason)(reason % 4)));
	encode_retry(&b, (unsigned)reason * 1000);
	encode_id_only(&b, "4");
	read_good(&b, &seen);
	MUST(seen.events == 4 && bytes_are(&seen.type, "busy"));
	MUST(bytes_are(&seen.id, "3"));
	buffer_release(&b);
	release(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'o':
		check_own(data + 1, size - 1);
		break;
	case 't':
		check_record((const char *)data + 1, size - 1, "a type");
		break;
	default:
		check_record((const char *)data + 1, size - 1, NULL);
	}
	return 0;
}
