/* Where a record ends, whatever pieces the bytes come in. */
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/split.h"

#define TEXT(literal) literal, sizeof(literal) - 1

/* From a copy on the heap: a read beyond its end is found. */
static bool split(const char *bytes, size_t len, bool at_end, size_t max,
	struct split_record *r, char text[200])
{
	char *copy = malloc(len + (len == 0));
	bool found;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	found = split_next(SPLIT_LINES, copy, len, at_end, max, r);
	if (found) {
		assert_true(r->data >= copy);
		assert_true(r->data + r->data_len <= copy + len);
		memcpy(text, r->data, r->data_len);
	}
	free(copy);
	return found;
}

static void finds_the_record_at_the_start(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool at_end;
		size_t max;
		size_t size; /* 0: none is complete */
		const char *text;
		size_t text_len;
		size_t dropped;
	} cases[] = {
		{ TEXT("one\n"), false, 100, 4, TEXT("one"), 0 },
		{ TEXT("one\ntwo\n"), false, 100, 4, TEXT("one"), 0 },
		{ TEXT("\n"), false, 100, 1, TEXT(""), 0 },
		{ TEXT("\r\n"), false, 100, 2, TEXT(""), 0 },
		{ TEXT("one\r\n"), false, 100, 5, TEXT("one"), 0 },
		{ TEXT("one\r\r\n"), false, 100, 6, TEXT("one\r"), 0 },
		{ TEXT("one\rtwo\n"), false, 100, 8, TEXT("one\rtwo"), 0 },

		/* not complete */
		{ TEXT(""), false, 100, 0, TEXT(""), 0 },
		{ TEXT("one"), false, 100, 0, TEXT(""), 0 },
		{ TEXT("one\r"), false, 100, 0, TEXT(""), 0 },

		/* the end of a file to which nothing is added any more */
		{ TEXT(""), true, 100, 0, TEXT(""), 0 },
		{ TEXT("one"), true, 100, 3, TEXT("one"), 0 },
		{ TEXT("one\r"), true, 100, 4, TEXT("one\r"), 0 },
		{ TEXT("one\ntwo"), true, 100, 4, TEXT("one"), 0 },

		/* holes */
		{ TEXT("\0\0one\n"), false, 100, 6, TEXT("one"), 0 },
		{ TEXT("\0\0o\0e\0\n"), false, 100, 7, TEXT("o\0e\0"), 0 },
		{ TEXT("\0\0\n"), false, 100, 3, TEXT(""), 0 },
		{ TEXT("\0\0\r\n"), false, 100, 4, TEXT(""), 0 },
		{ TEXT("\0\0"), false, 100, 0, TEXT(""), 0 },

		/* too long */
		{ TEXT("12345\n"), false, 5, 6, TEXT("12345"), 0 },
		{ TEXT("12345\r\n"), false, 5, 7, TEXT("12345"), 0 },
		{ TEXT("\0\0\00012345\n"), false, 5, 9, TEXT("12345"), 0 },
		{ TEXT("123456\n"), false, 5, 7, TEXT("12345"), 1 },
		{ TEXT("123456\r\n"), false, 5, 8, TEXT("12345"), 1 },
		{ TEXT("1234567890\n"), false, 5, 11, TEXT("12345"), 5 },
		{ TEXT("1234567890"), true, 5, 10, TEXT("12345"), 5 },

		/* never inside a sequence */
		{ TEXT("123\xc3\xa4"
		       "6\n"),
			false, 4, 7, TEXT("123"), 3 },
		{ TEXT("123\xc3\xa4"
		       "6\n"),
			false, 5, 7, TEXT("123\xc3\xa4"), 1 },
		{ TEXT("12\xe2\x82\xac"
		       "6\n"),
			false, 4, 7, TEXT("12"), 4 },
		{ TEXT("12\xe2\x82\xac"
		       "6\n"),
			false, 3, 7, TEXT("12"), 4 },
		{ TEXT("1\xf0\x9f\x92\xa9"
		       "6\n"),
			false, 4, 7, TEXT("1"), 5 },
		{ TEXT("\xf0\x9f\x92\xa9"
		       "6\n"),
			false, 3, 6, TEXT(""), 5 },
		/* nor is more thrown away than one can be long */
		{ TEXT("\x80\x80\x80\x80\x80\x80\n"), false, 5, 7,
			TEXT("\x80\x80\x80\x80\x80"), 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct split_record r = { 0 };
		char text[200];
		bool found = split(cases[i].bytes, cases[i].len,
			cases[i].at_end, cases[i].max, &r, text);

		if (found != (cases[i].size > 0) ||
			(found && (r.size != cases[i].size ||
					  r.data_len != cases[i].text_len ||
					  r.dropped != cases[i].dropped ||
					  memcmp(text, cases[i].text,
						  r.data_len) != 0)))
			fail_msg("case %zu: found %d, size %zu, '%.*s', "
				 "dropped %zu",
				i, found, r.size, (int)r.data_len,
				found ? text : "", r.dropped);
	}
}

/* A record is found when its newline is there, not before, and it is the
 * same whatever follows. */
static void says_the_same_at_every_length(void **state)
{
	static const char *const inputs[] = {
		"one\ntwo\r\n\nthree",
		"\r\n\r\n\n\r",
		"caf\xc3\xa9 \xe2\x82\xac 12345678901234567890\nx\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++) {
		size_t len = strlen(inputs[i]);
		size_t first = strcspn(inputs[i], "\n") + 1;
		struct split_record whole, part;
		char text[200], again[200];

		assert_true(split(inputs[i], first, false, 12, &whole, text));
		assert_int_equal(whole.size, first);
		for (size_t n = 0; n <= len; n++) {
			bool found =
				split(inputs[i], n, false, 12, &part, again);

			assert_int_equal(found, n >= first);
			if (!found)
				continue;
			assert_int_equal(part.size, whole.size);
			assert_int_equal(part.data_len, whole.data_len);
			assert_int_equal(part.dropped, whole.dropped);
			assert_memory_equal(again, text, part.data_len);
		}
	}
}

static void cuts_well_formed_text_into_well_formed_text(void **state)
{
	static const char *const characters[] = { "a", "\xc3\xa4",
		"\xe2\x82\xac", "\xf0\x9f\x92\xa9" };
	char text[80];

	(void)state;
	for (int seed = 0; seed < 20000; seed++) {
		bool begins[80] = { false };
		size_t len = 0;
		unsigned x = (unsigned)seed;

		while (len < 24) {
			const char *c = characters[x % 4];

			x = x / 4 + 7919u * (x % 4) + 1;
			begins[len] = true;
			memcpy(text + len, c, strlen(c));
			len += strlen(c);
		}
		for (size_t max = 1; max < len; max++) {
			size_t cut = split_cut(text, max);

			assert_true(cut <= max);
			assert_true(max - cut < 4);
			assert_true(begins[cut]);
		}
	}
}

/* ---- blocks */

enum { ENDS_MAX = 32 };

/* Where the blocks end in a text, found one after the other. */
static size_t find_blocks(const char *text, size_t len, size_t ends[ENDS_MAX])
{
	size_t at = 0, count = 0;
	struct split_record r;

	while (split_next(
		SPLIT_BLOCKS, text + at, len - at, SPLIT_MORE, 100, &r)) {
		at += r.size;
		ends[count++] = at;
	}
	return count;
}

static void a_block_ends_with_the_first_byte_of_its_blank_line_that_tells(
	void **state)
{
	static const struct {
		const char *text;
		size_t ends[4];
	} cases[] = {
		{ "a", { 0 } },
		{ "a\n", { 0 } },
		{ "a\r", { 0 } },
		{ "a\r\n", { 0 } },
		{ "a\n\n", { 3 } },
		{ "a\r\r", { 3 } },
		{ "a\n\r", { 3 } },
		{ "a\r\n\n", { 4 } },
		{ "a\r\n\r", { 4 } },
		{ "a\r\n\rb\r\n\r", { 4, 8 } },
		/* An LF that follows is a blank line more. */
		{ "a\r\n\r\n", { 4 } },
		{ "a\r\n\r\nb\r\n\r\n", { 4, 9 } },
		{ "a\r\r\nb\n\n", { 3, 7 } },
		{ "\n\r\n\ra\n\nb\r\r", { 7, 10 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t ends[ENDS_MAX] = { 0 };

		find_blocks(cases[i].text, strlen(cases[i].text), ends);
		assert_memory_equal(ends, cases[i].ends, sizeof(cases[i].ends));
	}
}

/*
 * Whoever sees one byte after the other, or but the last ones before a place,
 * finds the ends that he finds who has all: for every text of a few bytes.
 */
static void nobody_disagrees_where_a_block_ends(void **state)
{
	enum { LENGTH = 9 };
	static const char letters[] = { 'a', '\n', '\r' };

	(void)state;
	for (unsigned number = 0; number < 19683; number++) {
		size_t ends[ENDS_MAX], found[ENDS_MAX], count;
		char text[LENGTH];
		unsigned rest = number;

		for (size_t i = 0; i < LENGTH; i++, rest /= 3)
			text[i] = letters[rest % 3];
		count = find_blocks(text, LENGTH, ends);
		for (size_t len = 0; len <= LENGTH; len++) {
			size_t n = find_blocks(text, len, found);
			size_t last = split_last(SPLIT_BLOCKS, text, len, 0);

			assert_true(n <= count);
			assert_memory_equal(found, ends, n * sizeof(*ends));
			assert_true(n == count || ends[n] > len);
			/* Blank lines may follow it. */
			assert_true(n == 0 || last >= found[n - 1]);
			for (size_t i = n ? found[n - 1] : 0; i < last; i++)
				assert_int_not_equal(text[i], 'a');
		}
		for (size_t i = 0; i < count; i++) {
			size_t seen = ends[i] < SPLIT_CONTEXT ? ends[i]
							      : SPLIT_CONTEXT;

			assert_true(split_ends(
				SPLIT_BLOCKS, text + ends[i] - seen, seen));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_record_at_the_start),
		cmocka_unit_test(says_the_same_at_every_length),
		cmocka_unit_test(cuts_well_formed_text_into_well_formed_text),
		cmocka_unit_test(
			a_block_ends_with_the_first_byte_of_its_blank_line_that_tells),
		cmocka_unit_test(nobody_disagrees_where_a_block_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
