/* Events as bytes, and what an independent reader makes of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/utf8.h"
#include "tests/lib/bytes.h"
#include "tests/lib/sse.h"

/* A text that may hold NUL. */
struct text {
	const char *bytes;
	size_t len;
};

#define TEXT(literal)                                                          \
	{                                                                      \
		literal, sizeof(literal) - 1                                   \
	}

static void assert_content(const struct buffer *b, struct text expected)
{
	assert_false(b->failed);
	if (b->len != expected.len ||
		memcmp(b->data, expected.bytes, b->len) != 0)
		fail_msg("got '%.*s', expected '%.*s'", (int)b->len, b->data,
			(int)expected.len, expected.bytes);
}

/* Encodes from a copy on the heap: a read beyond its end is found. */
static void encode(struct buffer *b, const char *bytes, size_t len)
{
	char *copy = malloc(len + (len == 0));
	size_t before = b->len;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	encode_data(b, copy, len);
	assert_false(b->failed);
	assert_true(b->len - before <= 6 * (len + 1));
	free(copy);
}

static void makes_data_lines_of_a_record(void **state)
{
	static const struct {
		struct text record;
		struct text expected;
	} cases[] = {
		{ TEXT("plain"), TEXT("data: plain\n") },
		{ TEXT(""), TEXT("data:\n") },
		{ TEXT(" "), TEXT("data:  \n") },
		{ TEXT("  indented"), TEXT("data:   indented\n") },
		{ TEXT("\ttab"), TEXT("data: \ttab\n") },

		/* CR, LF, CRLF, and all of them in a row */
		{ TEXT("a\nb"), TEXT("data: a\ndata: b\n") },
		{ TEXT("a\rb"), TEXT("data: a\ndata: b\n") },
		{ TEXT("a\r\nb"), TEXT("data: a\ndata: b\n") },
		{ TEXT("a\n\rb"), TEXT("data: a\ndata:\ndata: b\n") },
		{ TEXT("a\r\r\nb"), TEXT("data: a\ndata:\ndata: b\n") },
		{ TEXT("a\n\nb"), TEXT("data: a\ndata:\ndata: b\n") },
		{ TEXT("\n"), TEXT("data:\ndata:\n") },
		{ TEXT("\r"), TEXT("data:\ndata:\n") },
		{ TEXT("\r\n"), TEXT("data:\ndata:\n") },
		{ TEXT("\r\n\r\n"), TEXT("data:\ndata:\ndata:\n") },
		{ TEXT("a\r"), TEXT("data: a\ndata:\n") },
		{ TEXT(" 10%\r 20%\r100%"),
			TEXT("data:  10%\ndata:  20%\ndata: 100%\n") },

		/* a line that would like to be something else */
		{ TEXT("event: x"), TEXT("data: event: x\n") },
		{ TEXT("id: y"), TEXT("data: id: y\n") },
		{ TEXT("retry: 1"), TEXT("data: retry: 1\n") },
		{ TEXT(": c"), TEXT("data: : c\n") },
		{ TEXT("data: x"), TEXT("data: data: x\n") },
		{ TEXT("a\n\ndata: b\nid: 7\n\n"),
			TEXT("data: a\ndata:\ndata: data: b\ndata: id: 7\n"
			     "data:\ndata:\n") },
		{ TEXT("a\r\revent: b\rretry: 1"),
			TEXT("data: a\ndata:\ndata: event: b\n"
			     "data: retry: 1\n") },

		/* what passes */
		{ TEXT("a\0b"), TEXT("data: a\0b\n") },
		{ TEXT("\x1b[31mred\x1b[0m\x07\x7f"),
			TEXT("data: \x1b[31mred\x1b[0m\x07\x7f\n") },
		{ TEXT("\v\f\xc2\x85\xe2\x80\xa8\xe2\x80\xa9"),
			TEXT("data: \v\f\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\n") },
		{ TEXT("\xef\xbb\xbf"
		       "bom"),
			TEXT("data: \xef\xbb\xbf"
			     "bom\n") },
		{ TEXT("\xf0\x9f\x92\xa9"), TEXT("data: \xf0\x9f\x92\xa9\n") },

		/* what is not UTF-8 */
		{ TEXT("caf\xe9"), TEXT("data: caf\xef\xbf\xbd\n") },
		{ TEXT("\xff"), TEXT("data: \xef\xbf\xbd\n") },
		{ TEXT("\xff\xff"), TEXT("data: \xef\xbf\xbd\xef\xbf\xbd\n") },
		{ TEXT("a\xe2\x82"), TEXT("data: a\xef\xbf\xbd\n") },
		{ TEXT("a\xe2\x82\nb"),
			TEXT("data: a\xef\xbf\xbd\ndata: b\n") },
		{ TEXT("a\xe2\x82\r\n\x80"),
			TEXT("data: a\xef\xbf\xbd\ndata: \xef\xbf\xbd\n") },
		{ TEXT("\xc0\x8aid: 1"),
			TEXT("data: \xef\xbf\xbd\xef\xbf\xbdid: 1\n") },
		{ TEXT("\xff\n\nc\xc3\xbc"),
			TEXT("data: \xef\xbf\xbd\ndata:\ndata: c\xc3\xbc\n") },
	};
	struct buffer b = BUFFER_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buffer_clear(&b);
		encode(&b, cases[i].record.bytes, cases[i].record.len);
		assert_content(&b, cases[i].expected);
	}
	buffer_release(&b);
}

static void appends_behind_what_is_there(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	encode_data(&b, "one", 3);
	encode_data(&b, "tw\xff", 3);
	encode_tail(&b, NULL, "1");
	assert_content(
		&b, (struct text)TEXT(
			    "data: one\ndata: tw\xef\xbf\xbd\nid: 1\n\n"));
	buffer_release(&b);
}

/* What a reader has to find: LF for each end of a line, U+FFFD for what is
 * no UTF-8. One step at a time and slow. */
static void expect(struct bytes *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = 1;

		while (n < 4 && i + n <= len &&
			utf8_valid_prefix(s + i, n) != n)
			n++;
		if (s[i] == '\r') {
			bytes_add_byte(out, '\n');
			i += i + 1 < len && s[i + 1] == '\n' ? 2 : 1;
		} else if (i + n <= len && utf8_valid_prefix(s + i, n) == n) {
			bytes_add(out, s + i, n);
			i += n;
		} else {
			bytes_add_text(out, UTF8_REPLACEMENT);
			i += utf8_bad_length(s + i, len - i);
		}
	}
}

struct seen {
	unsigned events;
	struct bytes data;
	struct bytes type;
	struct bytes id;
};

static void on_event(void *context, const struct sse_event *event)
{
	struct seen *seen = context;

	seen->events++;
	bytes_clear(&seen->data);
	bytes_add(&seen->data, event->data, event->data_len);
	bytes_clear(&seen->type);
	bytes_add(&seen->type, event->type, event->type_len);
	bytes_clear(&seen->id);
	bytes_add(&seen->id, event->id, event->id_len);
}

static void release(struct seen *seen)
{
	bytes_release(&seen->data);
	bytes_release(&seen->type);
	bytes_release(&seen->id);
}

/* A reader gets exactly one event with that text from the record. */
static void check_round(const char *record, size_t len)
{
	struct buffer b = BUFFER_INIT;
	struct bytes expected = BYTES_INIT;
	struct seen seen = { 0 };
	struct sse s;

	encode(&b, record, len);
	encode_tail(&b, "access", "42");
	assert_int_equal(utf8_valid_prefix(b.data, b.len), b.len);
	expect(&expected, record, len);

	sse_init(&s, on_event, &seen);
	sse_feed(&s, b.data, b.len);
	sse_end(&s);
	assert_null(sse_fault(&s));
	assert_int_equal(seen.events, 1);
	assert_int_equal(s.comments, 0);
	assert_false(s.has_retry);
	assert_true(bytes_are(&seen.type, "access"));
	assert_true(bytes_are(&seen.id, "42"));
	if (seen.data.len != expected.len ||
		(expected.len != 0 && memcmp(seen.data.data, expected.data,
					      expected.len) != 0))
		fail_msg("a reader gets '%s', not '%s'", bytes_text(&seen.data),
			bytes_text(&expected));
	sse_release(&s);
	release(&seen);
	bytes_release(&expected);
	buffer_release(&b);
}

static void a_reader_gets_every_byte_and_pair_as_it_was_written(void **state)
{
	(void)state;
	check_round("", 0);
	for (unsigned a = 0; a < 256; a++) {
		char s[2] = { (char)a, 0 };

		check_round(s, 1);
		for (unsigned b = 0; b < 256; b++) {
			s[1] = (char)b;
			check_round(s, 2);
		}
	}
}

static void a_reader_gets_hostile_lines_as_they_were_written(void **state)
{
	static const char *const pieces[] = { "\r", "\n", "\r\n", "\n\n", ":",
		" ", "data", "data: ", "event: x", "id: ", "id:\n", "retry: 1",
		"[DONE]", "\xef\xbb\xbf", "\xe2\x80\xa8", "\xc2\x85",
		"\xe2\x82", "\xff", "\xc0\x8a", "\xe0\x80\x8d", "\x1b[2K", "\v",
		"an ordinary piece of a line, longer than sixteen bytes" };
	char line[1024];

	(void)state;
	srand(2);
	for (unsigned round = 0; round < 20000; round++) {
		size_t len = 0;

		for (int n = rand() % 12; n > 0; n--) {
			const char *piece =
				pieces[(size_t)rand() %
					(sizeof(pieces) / sizeof(*pieces))];

			memcpy(line + len, piece, strlen(piece));
			len += strlen(piece);
			if (rand() % 16 == 0)
				line[len++] = '\0';
		}
		check_round(line, len);
	}
}

static void never_grows_beyond_its_bound(void **state)
{
	static const struct text repeated[] = { TEXT("\n"), TEXT("\r"),
		TEXT("\xff"), TEXT("\xff\n"), TEXT("x\n"), TEXT("\r\n"),
		TEXT("x") };
	struct buffer b = BUFFER_INIT;
	char record[300];

	(void)state;
	for (size_t i = 0; i < sizeof(repeated) / sizeof(*repeated); i++) {
		for (size_t k = 0; k < sizeof(record); k++)
			record[k] = repeated[i].bytes[k % repeated[i].len];
		for (size_t len = 0; len <= sizeof(record); len++) {
			buffer_clear(&b);
			encode(&b, record, len);
		}
	}
	buffer_clear(&b);
	encode(&b, "\n\n\n\n", 4);
	assert_int_equal(b.len, 6 * (4 + 1));
	buffer_release(&b);
}

/* With a search to the end for each line this would take minutes. */
static void many_lines_of_one_record_take_linear_time(void **state)
{
	static const char ends[] = { '\r', '\n' };
	const size_t len = 8u << 20;
	struct buffer b = BUFFER_INIT;
	char *record = malloc(len);

	(void)state;
	assert_non_null(record);
	for (size_t i = 0; i < sizeof(ends); i++) {
		memset(record, ends[i], len);
		buffer_clear(&b);
		encode_data(&b, record, len);
		assert_int_equal(b.len, 6 * (len + 1));
	}
	free(record);
	buffer_release(&b);
}

static void a_tail_has_what_is_given(void **state)
{
	static const struct {
		const char *event, *id;
		struct text expected;
	} cases[] = {
		{ NULL, NULL, TEXT("\n") },
		{ "access", NULL, TEXT("event: access\n\n") },
		{ NULL, "3f9a", TEXT("id: 3f9a\n\n") },
		{ "access", "3f9a", TEXT("event: access\nid: 3f9a\n\n") },
	};
	struct buffer b = BUFFER_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buffer_clear(&b);
		encode_tail(&b, cases[i].event, cases[i].id);
		assert_content(&b, cases[i].expected);
	}
	buffer_release(&b);
}

static void writes_ids_comments_and_retry_as_blocks(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	encode_comment(&b, "hello");
	encode_retry(&b, 2000);
	encode_retry(&b, 0);
	encode_id_only(&b, "3f9a.7");
	assert_content(
		&b, (struct text)TEXT(": hello\n\nretry: 2000\n\nretry: 0\n\n"
				      "id: 3f9a.7\n\n"));
	buffer_release(&b);
}

static void a_checkpoint_moves_the_resume_point_and_says_nothing(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct seen seen = { 0 };
	struct sse s;

	(void)state;
	encode_comment(&b, "hello");
	encode_retry(&b, 2345);
	encode_id_only(&b, "3f9a.7");
	sse_init(&s, on_event, &seen);
	sse_feed(&s, b.data, b.len);
	sse_end(&s);
	assert_null(sse_fault(&s));
	assert_int_equal(seen.events, 0);
	assert_int_equal(s.checkpoints, 1);
	assert_int_equal(s.retry_ms, 2345);
	assert_true(bytes_are(&s.last_event_id, "3f9a.7"));
	sse_release(&s);
	release(&seen);
	buffer_release(&b);
}

static void says_every_gap_with_its_reason(void **state)
{
	static const struct {
		enum gap_reason reason;
		int64_t bytes;
		const char *expected;
	} cases[] = {
		{ GAP_ROTATED, -1, "\"rotated\", \"bytes\": null" },
		{ GAP_TRUNCATED, 0, "\"truncated\", \"bytes\": 0" },
		{ GAP_DELETED, 17, "\"deleted\", \"bytes\": 17" },
		{ GAP_LATE, 4294967296, "\"late\", \"bytes\": 4294967296" },
		{ GAP_COMPRESSED, -1, "\"compressed\", \"bytes\": null" },
		{ GAP_OVERLONG, INT64_MAX,
			"\"overlong\", \"bytes\": 9223372036854775807" },
		{ GAP_UNKNOWN_ID, -1, "\"unknown-id\", \"bytes\": null" },
		{ GAP_SPOOL, 1, "\"spool\", \"bytes\": 1" },
	};
	struct buffer b = BUFFER_INIT;
	struct buffer expected = BUFFER_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buffer_clear(&b);
		encode_gap_data(
			&b, "access.log", cases[i].reason, cases[i].bytes);
		buffer_clear(&expected);
		buffer_add_format(&expected,
			"data: {\"source\": \"access.log\", \"reason\": %s}\n",
			cases[i].expected);
		assert_content(
			&b, (struct text){ expected.data, expected.len });
	}
	buffer_release(&expected);
	buffer_release(&b);
}

static void says_what_a_source_waits_for(void **state)
{
	static const struct {
		enum waiting_reason reason;
		struct text expected;
	} cases[] = {
#define WAITING(reason)                                                        \
	TEXT("data: {\"source\": \"a\", \"reason\": \"" reason "\"}\n")
		{ WAITING_ABSENT, WAITING("absent") },
		{ WAITING_PERMISSION, WAITING("permission") },
		{ WAITING_NOT_A_FILE, WAITING("not-a-file") },
		{ WAITING_UNREADABLE, WAITING("unreadable") },
		{ WAITING_BEHIND, WAITING("behind") },
	};
	struct buffer b = BUFFER_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buffer_clear(&b);
		encode_waiting_data(&b, "a", cases[i].reason);
		assert_content(&b, cases[i].expected);
		assert_non_null(strstr(cases[i].expected.bytes,
			encode_waiting_name(cases[i].reason)));
	}
	buffer_release(&b);
}

static void says_busy_without_an_id(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	encode_busy(&b, "clients");
	assert_content(&b,
		(struct text)TEXT(
			"data: {\"reason\": \"clients\"}\nevent: busy\n\n"));
	buffer_release(&b);
}

static void a_failed_buffer_stays_failed(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	encode_comment(&b, "before");
	size_t len = b.len;
	assert_null(buffer_reserve(&b, SIZE_MAX)); /* the sum overflows */
	assert_int_equal(errno, ENOMEM);
	encode_data(&b, "a\r\xff\n", 4);
	encode_tail(&b, "access", "1");
	encode_gap_data(&b, "a", GAP_LATE, 1);
	encode_waiting_data(&b, "a", WAITING_ABSENT);
	encode_comment(&b, "after");
	assert_true(b.failed);
	assert_int_equal(b.len, len);
	buffer_release(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_data_lines_of_a_record),
		cmocka_unit_test(appends_behind_what_is_there),
		cmocka_unit_test(
			a_reader_gets_every_byte_and_pair_as_it_was_written),
		cmocka_unit_test(
			a_reader_gets_hostile_lines_as_they_were_written),
		cmocka_unit_test(never_grows_beyond_its_bound),
		cmocka_unit_test(many_lines_of_one_record_take_linear_time),
		cmocka_unit_test(a_tail_has_what_is_given),
		cmocka_unit_test(writes_ids_comments_and_retry_as_blocks),
		cmocka_unit_test(
			a_checkpoint_moves_the_resume_point_and_says_nothing),
		cmocka_unit_test(says_every_gap_with_its_reason),
		cmocka_unit_test(says_what_a_source_waits_for),
		cmocka_unit_test(says_busy_without_an_id),
		cmocka_unit_test(a_failed_buffer_stays_failed),
	};

	return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
