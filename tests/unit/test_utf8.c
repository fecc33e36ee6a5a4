/* What is UTF-8 and what is not, against a decoder written word by word from
 * the WHATWG Encoding Standard, section 8.1.1. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

#define TEXT_MAX 64

/* Bytes at which a decision changes: all of RFC 3629's table, each side. */
static const unsigned char edges[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
	0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
	0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
#define EDGES sizeof(edges)

struct text {
	size_t len;
	char bytes[3 * TEXT_MAX];
};

static void add(struct text *t, const void *bytes, size_t len)
{
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

/* The standard's decoder; U+FFFD for each of its errors. */
static void decode_by_the_book(
	struct text *out, const unsigned char *s, size_t len)
{
	size_t needed = 0, seen = 0, first = 0;
	unsigned lower = 0x80, upper = 0xbf;

	for (size_t i = 0; i < len; i++) {
		unsigned byte = s[i];

		if (needed == 0) {
			first = i;
			if (byte <= 0x7f) {
				add(out, s + i, 1);
			} else if (byte >= 0xc2 && byte <= 0xdf) {
				needed = 1;
			} else if (byte >= 0xe0 && byte <= 0xef) {
				if (byte == 0xe0)
					lower = 0xa0;
				if (byte == 0xed)
					upper = 0x9f;
				needed = 2;
			} else if (byte >= 0xf0 && byte <= 0xf4) {
				if (byte == 0xf0)
					lower = 0x90;
				if (byte == 0xf4)
					upper = 0x8f;
				needed = 3;
			} else {
				add(out, UTF8_REPLACEMENT, 3);
			}
			continue;
		}
		if (byte < lower || byte > upper) {
			needed = seen = 0;
			lower = 0x80;
			upper = 0xbf;
			add(out, UTF8_REPLACEMENT, 3);
			i--; /* "restore byte to ioQueue" */
			continue;
		}
		lower = 0x80;
		upper = 0xbf;
		if (++seen == needed) {
			add(out, s + first, needed + 1);
			needed = seen = 0;
		}
	}
	if (needed != 0)
		add(out, UTF8_REPLACEMENT, 3);
}

static void replace(struct text *out, const char *s, size_t len)
{
	while (len > 0) {
		size_t n = utf8_valid_prefix(s, len);

		assert_true(n <= len);
		add(out, s, n);
		if (n < len) {
			size_t bad = utf8_bad_length(s + n, len - n);

			assert_in_range(bad, 1, 3);
			assert_true(bad <= len - n);
			add(out, UTF8_REPLACEMENT, 3);
			n += bad;
		}
		s += n;
		len -= n;
	}
}

/* On the heap and of the exact size: a read beyond it is found. */
static void check(const void *bytes, size_t len)
{
	struct text expected = { 0 }, got = { 0 };
	char *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	decode_by_the_book(&expected, bytes, len);
	replace(&got, copy, len);
	if (got.len != expected.len ||
		memcmp(got.bytes, expected.bytes, got.len) != 0) {
		for (size_t i = 0; i < len; i++)
			print_error("%02x ", (unsigned char)copy[i]);
		fail_msg("differs from the standard");
	}
	free(copy);
}

static void finds_the_first_byte_that_is_wrong(void **state)
{
	static const struct {
		const char *text;
		size_t valid;
		size_t bad; /* 0: nothing is */
	} cases[] = {
		{ "", 0, 0 },
		{ "plain", 5, 0 },
		{ "gr\xc3\xbc\xc3\x9f", 6, 0 },
		{ "\xe2\x82\xac", 3, 0 },
		{ "\xf0\x9f\x92\xa9", 4, 0 },
		{ "\xed\x9f\xbf\xee\x80\x80", 6, 0 },
		{ "\xf4\x8f\xbf\xbf", 4, 0 },
		{ "caf\xe9", 3, 1 },	      /* Latin-1 at the end */
		{ "caf\xe9 noir", 3, 1 },     /* and in the middle */
		{ "\x80", 0, 1 },	      /* a continuation alone */
		{ "\xc0\xaf", 0, 1 },	      /* an overlong slash */
		{ "\xe0\x80\xaf", 0, 1 },     /* of three */
		{ "\xf0\x80\x80\xaf", 0, 1 }, /* of four */
		{ "\xed\xa0\x80", 0, 1 },     /* a surrogate */
		{ "\xf4\x90\x80\x80", 0, 1 }, /* over U+10FFFF */
		{ "\xf5\x80\x80\x80", 0, 1 },
		{ "\xff", 0, 1 },
		{ "a\xe2\x82", 1, 2 }, /* cut short by the end */
		{ "a\xf0\x9f\x92", 1, 3 },
		{ "a\xf0\x9f\x92z", 1, 3 }, /* and by another byte */
		{ "a\xf0\x9f\xe2\x82\xac", 1, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *text = cases[i].text;
		size_t len = strlen(text);

		assert_int_equal(utf8_valid_prefix(text, len), cases[i].valid);
		if (cases[i].bad == 0)
			assert_int_equal(len, cases[i].valid);
		else
			assert_int_equal(utf8_bad_length(text + cases[i].valid,
						 len - cases[i].valid),
				cases[i].bad);
	}
}

static void agrees_with_the_standard_on_every_byte_and_pair(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		unsigned char s[2] = { (unsigned char)a, 0 };

		check(s, 1);
		for (unsigned b = 0; b < 256; b++) {
			s[1] = (unsigned char)b;
			check(s, 2);
		}
	}
}

static void agrees_with_the_standard_on_longer_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDGES * EDGES * EDGES * EDGES; i++) {
		unsigned char s[4] = {
			edges[i % EDGES],
			edges[i / EDGES % EDGES],
			edges[i / EDGES / EDGES % EDGES],
			edges[i / EDGES / EDGES / EDGES],
		};

		check(s, 3);
		check(s, 4);
	}
}

static void no_step_of_16_bytes_hides_one(void **state)
{
	static const char *const pieces[] = { "\x80", "\xc3\xbc", "\xe2\x82",
		"\xf0\x9f\x92\xa9", "\xff\xff", "\xed\xa0\x80" };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		for (size_t at = 0; at < 40; at++)
			for (size_t after = 0; after < 20; after++) {
				char s[TEXT_MAX];
				size_t len = strlen(pieces[i]);

				memset(s, 'x', sizeof(s));
				memcpy(s + at, pieces[i], len);
				check(s, at + len + after);
			}
}

static void agrees_with_the_standard_on_what_comes(void **state)
{
	(void)state;
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned char s[TEXT_MAX];
		size_t len = (size_t)rand() % (sizeof(s) + 1);

		for (size_t k = 0; k < len; k++)
			s[k] = rand() % 2 ? edges[(size_t)rand() % EDGES]
					  : (unsigned char)rand();
		check(s, len);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_first_byte_that_is_wrong),
		cmocka_unit_test(
			agrees_with_the_standard_on_every_byte_and_pair),
		cmocka_unit_test(agrees_with_the_standard_on_longer_ones),
		cmocka_unit_test(no_step_of_16_bytes_hides_one),
		cmocka_unit_test(agrees_with_the_standard_on_what_comes),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
