/* What is made of a block that somebody else wrote. */
#include "tests/lib/test.h"

#include <string.h>

#include "common/block.h"
#include "tests/lib/bytes.h"

#define TEXT(literal) literal, sizeof(literal) - 1
#define REPLACED      "\xef\xbf\xbd"

#define ID51  "123456789012345678901234567890123456789012345678901"
#define ID255 ID51 ID51 ID51 ID51 ID51

static void writes_each_block_anew(void **state)
{
	static const struct {
		int at;
		const char *block;
		size_t len;
		const char *expected;
		size_t expected_len;
		bool is_event, has_type;
	} cases[] = {
#define ROW(block, expected, ...)                                              \
	{ __LINE__, TEXT(block), TEXT(expected), __VA_ARGS__ }
		ROW("data: a\n\n", "data: a\n", true, false),
		ROW("data: a\r\n\r\n", "data: a\n", true, false),
		ROW("data: a\rdata: b\r\r", "data: a\ndata: b\n", true, false),
		ROW("data:a\ndata:  b\n\n", "data: a\ndata:  b\n", true, false),
		ROW("data\n\n", "data:\n", true, false),
		ROW("data:\n\n", "data:\n", true, false),
		ROW("data: a:b\n\n", "data: a:b\n", true, false),
		ROW("data: a", "data: a\n", true, false),

		/* types; the last one counts */
		ROW("event: x\ndata: a\n\n", "data: a\nevent: x\n", true, true),
		ROW("data: a\nevent:x\n\n", "data: a\nevent: x\n", true, true),
		ROW("data\nevent: x\nevent: y\n\n", "data:\nevent: y\n", true,
			true),
		ROW("event: x\nevent:\ndata\n\n", "data:\n", true, false),
		ROW("event: x\n\n", "", false, false),
		ROW("event: \xff\ndata\n\n", "data:\nevent: " REPLACED "\n",
			true, true),

		/* ours */
		ROW("event: gap\ndata\n\n", "data:\nevent: x-gap\n", true,
			true),
		ROW("event: waiting\ndata\n\n", "data:\nevent: x-waiting\n",
			true, true),
		ROW("event:busy\ndata\n\n", "data:\nevent: x-busy\n", true,
			true),
		ROW("event: gaps\ndata\n\n", "data:\nevent: gaps\n", true,
			true),
		ROW("event:  gap\ndata\n\n", "data:\nevent:  gap\n", true,
			true),
		ROW("event: error\ndata\n\n", "data:\nevent: error\n", true,
			true),

		/* times to come back */
		ROW("retry: 100\n\n", "retry: 100\n", false, false),
		ROW("retry: 1\nretry: 2\ndata\n\n", "data:\nretry: 2\n", true,
			false),
		ROW("retry: 1x\n\n", "", false, false),
		ROW("retry: -1\n\n", "", false, false),
		ROW("retry:  1\n\n", "", false, false),
		ROW("retry:\nretry\n\n", "", false, false),
		ROW("retry: 5\nretry: 1234567890\n\n", "retry: 5\n", false,
			false),
		ROW("retry: 123456789\n\n", "retry: 123456789\n", false, false),

		/* what is left out */
		ROW(": comment\n\n", "", false, false),
		ROW(":\ndata: a\n:data: b\n\n", "data: a\n", true, false),
		ROW("id: 7\ndata: a\n\n", "data: a\n", true, false),
		ROW("unknown: a\n data: a\nDATA: a\ndatas: a\n\n", "", false,
			false),
		ROW("data \ndata : a\n\n", "", false, false),
		ROW("", "", false, false),

		/* bytes that are not text */
		ROW("data: \xc3\xa4\xff\n\n", "data: \xc3\xa4" REPLACED "\n",
			true, false),
		ROW("data: a\0b\n\n", "data: a\0b\n", true, false),
		ROW("\xef\xbb\xbf"
		    "data: a\n\n",
			"", false, false),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer out = BUFFER_INIT;
		struct block block;

		block_encode(&out, cases[i].block, cases[i].len, &block);
		if (out.len != cases[i].expected_len ||
			(out.len > 0 && memcmp(out.data, cases[i].expected,
						out.len) != 0) ||
			block.is_event != cases[i].is_event ||
			block.has_type != cases[i].has_type)
			fail_msg("line %d: '%.*s', event %d, type %d",
				cases[i].at, (int)out.len, out.data,
				block.is_event, block.has_type);
		buffer_release(&out);
	}
}

static void finds_the_writers_id(void **state)
{
#define ROW(block, id)                                                         \
	{                                                                      \
		__LINE__, block, sizeof(block) - 1, id                         \
	}
	static const struct {
		int at;
		const char *block;
		size_t len;
		const char *id;
	} cases[] = {
		ROW("data: a\n\n", NULL),
		ROW("id: 1\ndata: a\n\n", "1"),
		ROW("data: a\r\nid:1\r\n\r\n", "1"),
		ROW("id: 1\rid:  2 \r\r", " 2 "),
		ROW("id\n\n", ""),
		ROW("id: 1\nid\n\n", ""),
		ROW("id: 1\nid: 2\0\n\n", "1"),
		ROW("id: \xff\n\n", NULL),
		ROW("id: \xc3\xbc\n\n", "\xc3\xbc"),
		ROW("Id: 1\nid : 2\n:id: 3\n\n", NULL),
		ROW("id: " ID255 "\n\n", ID255),
		ROW("id: " ID255 "5\n\n", NULL),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *id, *expected = cases[i].id;
		size_t len = block_id(cases[i].block, cases[i].len, &id);

		if (!expected != !id || len != (id ? strlen(expected) : 0) ||
			(id && memcmp(id, expected, len) != 0))
			fail_msg("line %d: '%.*s'", cases[i].at, (int)len,
				id ? id : "NULL");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_each_block_anew),
		cmocka_unit_test(finds_the_writers_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
