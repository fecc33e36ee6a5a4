/* The judge is judged: the examples of the standard, and its fine print. */
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/sse.h"

/*
 * What a stream came to, as text: an event as [type|data|id], in the end
 * the last event id. A table can hold that.
 */
static void write_event(void *context, const struct sse_event *event)
{
	struct bytes *out = context;

	bytes_add_byte(out, '[');
	bytes_add(out, event->type, event->type_len);
	bytes_add_byte(out, '|');
	bytes_add(out, event->data, event->data_len);
	bytes_add_byte(out, '|');
	bytes_add(out, event->id, event->id_len);
	bytes_add_byte(out, ']');
}

/* How a stream is cut in pieces. */
enum chunking { WHOLE, BYTEWISE, RANDOM };

static void feed(
	struct sse *s, const char *bytes, size_t len, enum chunking chunking)
{
	while (len) {
		size_t n = chunking == WHOLE	  ? len
			   : chunking == BYTEWISE ? 1
						  : (size_t)(rand() % 7);

		n = n > len ? len : n;
		char *piece = malloc(n + 1); /* ends where the piece ends */
		assert_non_null(piece);
		memcpy(piece, bytes, n);
		sse_feed(s, piece, n);
		free(piece);
		bytes += n;
		len -= n;
	}
}

struct row {
	int line;
	const char *input;
	size_t len;
	const char *expected;
	const char *last_event_id;
};

#define ROW(input, expected, id)                                               \
	{                                                                      \
		__LINE__, input, sizeof(input) - 1, expected, id               \
	}

static void check_row(const struct row *row, enum chunking chunking)
{
	struct bytes seen = BYTES_INIT;
	struct sse s;

	sse_init(&s, write_event, &seen);
	feed(&s, row->input, row->len, chunking);
	sse_end(&s);
	if (!bytes_are(&seen, row->expected) ||
		!bytes_are(&s.last_event_id, row->last_event_id)) {
		print_error("row of line %d, chunking %d: got %s id '%s'\n",
			row->line, (int)chunking, bytes_text(&seen),
			bytes_text(&s.last_event_id));
		fail();
	}
	assert_int_equal(s.bytes, row->len);
	sse_release(&s);
	bytes_release(&seen);
}

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_row(&rows[i], WHOLE);
		check_row(&rows[i], BYTEWISE);
		for (int n = 0; n < 50; n++)
			check_row(&rows[i], RANDOM);
	}
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

static void reads_the_examples_of_the_standard(void **state)
{
	(void)state;
	static const struct row rows[] = {
		ROW("data: This is the first message.\n\n"
		    "data: This is the second message, it\n"
		    "data: has two lines.\n\n"
		    "data: This is the third message.\n\n",
			"[message|This is the first message.|]"
			"[message|This is the second message, it\n"
			"has two lines.|]"
			"[message|This is the third message.|]",
			""),
		ROW("event: add\ndata: 73857293\n\n"
		    "event: remove\ndata: 2153\n\n"
		    "event: add\ndata: 113411\n\n",
			"[add|73857293|][remove|2153|][add|113411|]", ""),
		ROW("data: YHOO\ndata: +2\ndata: 10\n\n",
			"[message|YHOO\n+2\n10|]", ""),
		ROW(": test stream\n\ndata: first event\nid: 1\n\n"
		    "data:second event\nid\n\ndata:  third event\n\n",
			"[message|first event|1][message|second event|]"
			"[message| third event|]",
			""),
		/* "The last block is discarded". */
		ROW("data\n\ndata\ndata\n\ndata:", "[message||][message|\n|]",
			""),
		ROW("data:test\n\ndata: test\n\n",
			"[message|test|][message|test|]", ""),
	};
	CHECK(rows);
}

static void ends_lines_with_cr_lf_and_both(void **state)
{
	(void)state;
	static const struct row rows[] = {
		ROW("data: a\r\ndata: b\r\n\r\n", "[message|a\nb|]", ""),
		ROW("data: a\rdata: b\r\r", "[message|a\nb|]", ""),
		ROW("data: a\r\rdata: b\n\r", "[message|a|][message|b|]", ""),
		ROW("data: a\r\n\ndata: b\n\r\n", "[message|a|][message|b|]",
			""),
		ROW("data: a\n\r\n\rdata: b\r\n\r", "[message|a|][message|b|]",
			""),
		ROW("\r\n\r\ndata: a\n\n", "[message|a|]", ""),
		/* U+2028, U+0085, VT and FF end nothing. */
		ROW("data: a\xe2\x80\xa8\xc2\x85\v\f\n\n",
			"[message|a\xe2\x80\xa8\xc2\x85\v\f|]", ""),
	};
	CHECK(rows);
}

static void splits_fields_at_the_first_colon(void **state)
{
	(void)state;
	static const struct row rows[] = {
		ROW("data:a:b: c\n\n", "[message|a:b: c|]", ""),
		ROW("data: : x\n\n", "[message|: x|]", ""),
		ROW("data:\tx\n\n", "[message|\tx|]", ""),
		ROW(" data: x\n\n", "", ""),
		ROW("data : x\n\n", "", ""),
		ROW("Data: x\nDATA: y\ndatax: z\ndat: w\n\n", "", ""),
		ROW("event\ndata: x\n\n", "[message|x|]", ""),
		ROW("event: a\nevent: b\ndata: x\n\n", "[b|x|]", ""),
		ROW("event: a\nevent:\ndata: x\n\n", "[message|x|]", ""),
		ROW("event: a\n\ndata: x\n\n", "[message|x|]", ""),
		ROW(":x\n:\n::\n: data: y\n\n", "", ""),
		ROW("data: a\n: between\ndata: b\n\n", "[message|a\nb|]", ""),
	};
	CHECK(rows);
}

static void remembers_the_id_when_the_block_ends(void **state)
{
	(void)state;
	static const struct row rows[] = {
		ROW("id: 7\n\ndata: x\n\n", "[message|x|7]", "7"),
		ROW("id: 7\n\n", "", "7"),
		ROW("id: 7\n", "", ""),
		ROW("id: 7\n\nid: 8\ndata: x\n", "", "7"),
		ROW("data: a\nid: 1\n\ndata: b\n\n",
			"[message|a|1][message|b|1]", "1"),
		ROW("id: 1\n\nid\n\ndata: x\n\n", "[message|x|]", ""),
		ROW("id: 1\n\nid: a\0b\ndata: x\n\n", "[message|x|1]", "1"),
		ROW("id:  two blanks\n\n", "", " two blanks"),
	};
	CHECK(rows);
}

static void decodes_as_the_encoding_standard_says(void **state)
{
	(void)state;
#define FFFD "\xef\xbf\xbd"
	static const struct row rows[] = {
		ROW("\xef\xbb\xbf"
		    "data: x\n\n",
			"[message|x|]", ""),
		/* Only one is eaten, and only in front. */
		ROW("\xef\xbb\xbf\xef\xbb\xbf"
		    "data: x\n\n",
			"", ""),
		ROW(":\n\xef\xbb\xbf"
		    "data: x\n\n",
			"", ""),
		ROW("data: \xef\xbb\xbf\n\n", "[message|\xef\xbb\xbf|]", ""),
		ROW("\xef\xbb\ndata: x\n\n", "[message|x|]", ""),
		ROW("data: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n\n",
			"[message|\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80|]", ""),
		/* One for each maximal subpart (Unicode, table 3-8). */
		ROW("data: \xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41\n\n",
			"[message|" FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD
			"A|]",
			""),
		ROW("data: \xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41\n\n",
			"[message|" FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD
			"A|]",
			""),
		ROW("data: \xf4\x91\x92\x93\xff\x41\x80\xbf\x42\n\n",
			"[message|" FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD
			"B|]",
			""),
		ROW("data: \xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41\n\n",
			"[message|" FFFD FFFD FFFD FFFD "A|]", ""),
		ROW("data: \xe2\x82\n\ndata: \xf0\r\r",
			"[message|" FFFD "|][message|" FFFD "|]", ""),
	};
	CHECK(rows);

	/* NUL is a character like others, though not in a table of text. */
	struct bytes seen = BYTES_INIT;
	struct sse s;
	sse_init(&s, write_event, &seen);
	sse_feed(&s, "data: a\0b\n\n", 11);
	assert_int_equal(seen.len, 14);
	assert_memory_equal(seen.data, "[message|a\0b|]", 14);
	sse_release(&s);
	bytes_release(&seen);
}

static void counts_what_a_good_sender_does_not_send(void **state)
{
	(void)state;
	static const struct {
		int line;
		const char *input;
		const char *fault; /* a word of it */
	} rows[] = {
		{ __LINE__, ":\nretry: 5\nevent: e\nid: 1\ndata: x\n\n", NULL },
		{ __LINE__, "data: \xff\n\n", "UTF-8" },
		{ __LINE__, "data: \xe2\x82", "UTF-8" },
		{ __LINE__, "foo: x\n", "nobody" },
		{ __LINE__, "retry: -1\n", "retry" },
		{ __LINE__, "retry: 1.5\n", "retry" },
		{ __LINE__, "retry: 0x10\n", "retry" },
		{ __LINE__, "retry:  7\n", "retry" },
		{ __LINE__, "retry:\n", "retry" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sse s;

		sse_init(&s, NULL, NULL);
		sse_feed(&s, rows[i].input, strlen(rows[i].input));
		sse_end(&s);
		const char *fault = sse_fault(&s);
		if (!fault != !rows[i].fault ||
			(fault && !strstr(fault, rows[i].fault)))
			fail_msg("row of line %d: %s", rows[i].line,
				fault ? fault : "no fault");
		sse_release(&s);
	}

	struct sse s;
	sse_init(&s, NULL, NULL);
	sse_feed(&s, "id: \0\n", 6);
	assert_int_equal(s.ignored_ids, 1);
	assert_non_null(sse_fault(&s));
	sse_release(&s);
}

static void keeps_the_counts(void **state)
{
	(void)state;
	struct sse s;

	sse_init(&s, NULL, NULL);
	static const char stream[] =
		": c\n\nretry: 2000\n\nid: 1\n\nid: 2\ndata: x\n\n:\n";
	sse_feed(&s, stream, sizeof(stream) - 1);
	assert_int_equal(s.comments, 2);
	assert_int_equal(s.checkpoints, 1);
	assert_int_equal(s.events, 1);
	assert_true(s.has_retry);
	assert_int_equal(s.retry_ms, 2000);
	assert_false(s.bom);
	sse_feed(&s, "retry: 99999999999999999999999\nretry: x\n", 40);
	assert_true(s.retry_ms == UINT64_MAX);
	assert_int_equal(s.ignored_retries, 1);
	sse_release(&s);
}

static void says_when_a_block_was_thrown_away(void **state)
{
	(void)state;
	static const struct {
		const char *input;
		bool unfinished;
	} rows[] = {
		{ "", false },
		{ "data: x\n\n", false },
		{ "data: x\n\n: c\n", false },
		{ "data: x\n\n: c", true },
		{ "data: x\n", true },
		{ "data: x", true },
		{ "id: 1\n", true },
		{ "data: x\r\r", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sse s;

		sse_init(&s, NULL, NULL);
		sse_feed(&s, rows[i].input, strlen(rows[i].input));
		sse_end(&s);
		assert_int_equal(s.unfinished, rows[i].unfinished);
		sse_release(&s);
	}
}

static void takes_a_megabyte_in_one_line(void **state)
{
	(void)state;
	struct bytes seen = BYTES_INIT;
	struct bytes line = BYTES_INIT;
	struct sse s;

	bytes_add_text(&line, "data: ");
	for (int i = 0; i < 1 << 20; i++)
		bytes_add_byte(&line, 'a' + i % 26);
	bytes_add_text(&line, "\n\n");
	sse_init(&s, write_event, &seen);
	sse_feed(&s, line.data, line.len);
	assert_int_equal(s.events, 1);
	assert_int_equal(seen.len, (1 << 20) + 11);
	sse_release(&s);
	bytes_release(&line);
	bytes_release(&seen);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_examples_of_the_standard),
		cmocka_unit_test(ends_lines_with_cr_lf_and_both),
		cmocka_unit_test(splits_fields_at_the_first_colon),
		cmocka_unit_test(remembers_the_id_when_the_block_ends),
		cmocka_unit_test(decodes_as_the_encoding_standard_says),
		cmocka_unit_test(counts_what_a_good_sender_does_not_send),
		cmocka_unit_test(keeps_the_counts),
		cmocka_unit_test(says_when_a_block_was_thrown_away),
		cmocka_unit_test(takes_a_megabyte_in_one_line),
	};

	return cmocka_run_group_tests_name("lib_sse", tests, NULL, NULL);
}
