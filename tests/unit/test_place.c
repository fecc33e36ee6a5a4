/* Event ids: what is written is read again, and nothing else is read. */
#include "tests/lib/test.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/place.h"

enum { PLACES_MAX = 4 };

#define PLACE                                                                  \
	"[0-9a-f]{4}"                                                          \
	"([0-9a-f]{17}(0|[1-9a-f][0-9a-f]{0,15})|[.](0|[1-9][0-9]{0,17}))"

/* Deterministic, and other numbers than those of rand(3). */
static uint64_t next_random(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static struct place random_place(void)
{
	struct place p = { .source = (uint16_t)next_random(),
		.is_number = next_random() % 4 == 0 };

	if (p.is_number) {
		p.offset = next_random() % 1000000000000000000u;
	} else {
		p.file = (uint32_t)(next_random() & 0xfffff);
		p.check = next_random() >> 16;
		p.offset = next_random() >> (1 + next_random() % 63);
	}
	return p;
}

static size_t write_id(char *out, const struct place *places, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			out[len++] = '-';
		len += place_format(out + len, &places[i]);
	}
	out[len] = '\0';
	return len;
}

static void assert_same(const struct place *a, const struct place *b)
{
	assert_int_equal(a->source, b->source);
	assert_int_equal(a->is_number, b->is_number);
	assert_int_equal(a->file, b->file);
	assert_int_equal(a->check, b->check);
	assert_int_equal(a->offset, b->offset);
}

static void writes_a_place_as_its_grammar_says(void **state)
{
	static const struct {
		struct place place;
		const char *text;
	} cases[] = {
		{ { 0x3f9a, false, 0x1c04e, 0x8d21f06b77aa, 0x4c2f },
			"3f9a1c04e8d21f06b77aa4c2f" },
		{ { 0, false, 0, 0, 0 }, "0000000000000000000000" },
		{ { 1, false, 1, 1, 1 }, "0001000010000000000011" },
		{ { 0xffff, false, 0xfffff, 0xffffffffffff, INT64_MAX },
			"fffffffffffffffffffff7fffffffffffffff" },
		{ { 0x3f9a, true, 0, 0, 0 }, "3f9a.0" },
		{ { 0x3f9a, true, 0, 0, 999999999999999999 },
			"3f9a.999999999999999999" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[PLACE_TEXT_MAX + 1];
		struct place back;

		write_id(text, &cases[i].place, 1);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(place_parse(text, &back, 1), 1);
		assert_same(&back, &cases[i].place);
	}
}

static void reads_what_it_wrote(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		size_t count = 1 + next_random() % PLACES_MAX;
		char text[PLACES_MAX * (PLACE_TEXT_MAX + 1)];
		struct place places[PLACES_MAX], back[PLACES_MAX];

		for (size_t j = 0; j < count; j++)
			places[j] = random_place();
		write_id(text, places, count);
		assert_int_equal(
			place_parse(text, back, PLACES_MAX), (int)count);
		for (size_t j = 0; j < count; j++)
			assert_same(&back[j], &places[j]);
		/* No room for the last one: no id. */
		assert_int_equal(place_parse(text, back, count - 1), -1);
	}
}

static void four_places_under_a_tebibyte_cross_origins(void **state)
{
	struct place places[4];
	char text[4 * (PLACE_TEXT_MAX + 1)];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		places[i] = (struct place){ 0xffff, false, 0xfffff,
			0xffffffffffff, ((uint64_t)1 << 40) - 1 };
	assert_true(write_id(text, places, 4) < PLACE_ID_BYTES);
}

/* ---- what is no id */

struct grammar {
	regex_t id;
};

static bool is_id(const struct grammar *g, const char *text)
{
	regmatch_t whole;

	if (regexec(&g->id, text, 1, &whole, 0) != 0)
		return false;
	/* Sixteen digits hold more than an offset may be. */
	for (const char *s = text; s; s = strchr(s, '-')) {
		s += *s == '-';
		if (s[4] != '.' && strcspn(s, "-") == PLACE_TEXT_MAX &&
			s[21] >= '8')
			return false;
	}
	return true;
}

/* As the grammar says, and with one spelling only. */
static void check_text(const struct grammar *g, const char *text)
{
	struct place places[PLACES_MAX];
	char back[PLACES_MAX * (PLACE_TEXT_MAX + 1)];
	int count = place_parse(text, places, PLACES_MAX);

	if (is_id(g, text) != (count > 0))
		fail_msg("'%s' gives %d", text, count);
	if (count > 0) {
		write_id(back, places, (size_t)count);
		assert_string_equal(back, text);
	}
}

static void takes_nothing_but_its_grammar(void **state)
{
	static const char *const seeds[] = {
		"3f9a1c04e8d21f06b77aa4c2f",
		"3f9a.42",
		"3f9a1c04e8d21f06b77aa0",
		"3f9a1c04e8d21f06b77aa7fffffffffffffff",
		"3f9a1c04e8d21f06b77aa4c2f-3f9a1c04e8d21f06b77aa1",
		"3f9a.999999999999999999-00001c04e8d21f06b77aaff",
		"0001000010000000000011-0002.0-0001000010000000000012-"
		"ffff.7",
	};
	struct grammar g;

	(void)state;
	assert_int_equal(
		regcomp(&g.id, "^" PLACE "(-" PLACE "){0,3}$", REG_EXTENDED),
		0);
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		size_t len = strlen(seeds[i]);
		char text[200];

		assert_true(is_id(&g, seeds[i]));
		for (size_t at = 0; at <= len; at++) {
			/* every truncation, from both ends */
			memcpy(text, seeds[i], at);
			text[at] = '\0';
			check_text(&g, text);
			check_text(&g, seeds[i] + at);
			/* one byte left out */
			strcpy(text + at, seeds[i] + at + (at < len));
			check_text(&g, text);
			for (int byte = 1; byte < 256; byte++) {
				/* one byte more */
				text[at] = (char)byte;
				strcpy(text + at + 1, seeds[i] + at);
				check_text(&g, text);
				/* another byte */
				if (at == len)
					continue;
				strcpy(text + at + 1, seeds[i] + at + 1);
				check_text(&g, text);
			}
		}
	}
	regfree(&g.id);
}

static void is_not_led_astray(void **state)
{
	static const char *const forged[] = {
		"",
		"-",
		"0",
		"42",
		"../../etc/passwd",
		"3f9a1c04e8d21f06b77aa4c2f-",
		"-3f9a1c04e8d21f06b77aa4c2f",
		"3f9a1c04e8d21f06b77aa8000000000000000",
		"3f9a1c04e8d21f06b77aaffffffffffffffff",
		"3f9a1c04e8d21f06b77aa10000000000000000",
		"3f9a1c04e8d21f06b77aa04c2f",
		"3F9A1C04E8D21F06B77AA4C2F",
		"3f9a1c04e8d21f06b77aa+1",
		"3f9a1c04e8d21f06b77aa 1",
		"3f9a1c04e8d21f06b77aa0x1",
		"3f9a.1000000000000000000",
		"3f9a.-1",
		"3f9a.",
		"3f9a.042",
	};
	struct place places[PLACES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(forged) / sizeof(*forged); i++)
		if (place_parse(forged[i], places, PLACES_MAX) != -1)
			fail_msg("'%s' is taken", forged[i]);
}

static void does_not_read_beyond_a_long_id(void **state)
{
	struct place places[PLACES_MAX];
	size_t len = 10000;
	char *text = malloc(len + 1);

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 4; i++) {
		memset(text, "0-.f"[i], len);
		text[len] = '\0';
		assert_int_equal(place_parse(text, places, PLACES_MAX), -1);
	}
	free(text);
}

/* ---- hashes */

/* An id must lead to the same place after an upgrade: these values are for
 * ever. */
static void hashes_are_what_they_were(void **state)
{
	(void)state;
	assert_int_equal(place_source_tag("access"), 0x7230);
	assert_int_equal(place_file_tag("12345678", 8), 0x62e29);
	assert_int_equal(place_check(place_head_hash("one\ntwo\n", 8),
				 "one\ntwo\n", 8, 8),
		0xa635ac1c1702);
}

static void a_file_tag_is_never_that_of_no_file(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 3000000; i++) {
		uint32_t tag = place_file_tag(&i, sizeof(i));

		if (tag == 0 || tag > 0xfffff)
			fail_msg("%llu has %x", (unsigned long long)i, tag);
	}
}

static void the_check_covers_every_byte(void **state)
{
	char head[PLACE_HEAD_BYTES], last[PLACE_LAST_BYTES];
	uint64_t offset = 123456, right;

	(void)state;
	memset(head, 'h', sizeof(head));
	memset(last, 'l', sizeof(last));
	right = place_check(place_head_hash(head, sizeof(head)), last,
		sizeof(last), offset);
	assert_true(right >> 48 == 0);
	for (size_t i = 0; i < sizeof(head); i++) {
		head[i] ^= 1;
		assert_true(place_check(place_head_hash(head, sizeof(head)),
				    last, sizeof(last), offset) != right);
		head[i] ^= 1;
	}
	for (size_t i = 0; i < sizeof(last); i++) {
		last[i] ^= 1;
		assert_true(place_check(place_head_hash(head, sizeof(head)),
				    last, sizeof(last), offset) != right);
		last[i] ^= 1;
	}
	assert_true(place_check(place_head_hash(head, sizeof(head)), last,
			    sizeof(last), offset + 1) != right);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_a_place_as_its_grammar_says),
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(four_places_under_a_tebibyte_cross_origins),
		cmocka_unit_test(takes_nothing_but_its_grammar),
		cmocka_unit_test(is_not_led_astray),
		cmocka_unit_test(does_not_read_beyond_a_long_id),
		cmocka_unit_test(hashes_are_what_they_were),
		cmocka_unit_test(a_file_tag_is_never_that_of_no_file),
		cmocka_unit_test(the_check_covers_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
