/* Streams by address. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "fcgi/tally.h"

static struct access_address address(const char *text)
{
	struct access_address a;

	access_read_address(&a, text);
	return a;
}

static struct tally_entry *take(struct tally *t, const char *text, unsigned max)
{
	struct access_address a = address(text);

	errno = 0;
	return tally_take(t, &a, max);
}

static void an_address_has_no_more_than_its_share(void **state)
{
	struct tally *t = tally_new(100);
	struct tally_entry *one, *two, *other;

	(void)state;
	one = take(t, "192.0.2.1", 2);
	two = take(t, "192.0.2.1", 2);
	assert_non_null(one);
	assert_non_null(two);
	assert_null(take(t, "192.0.2.1", 2));
	assert_int_equal(errno, EDQUOT);
	other = take(t, "192.0.2.2", 2);
	assert_non_null(other);
	assert_int_equal(tally_count(t), 2);

	tally_give_back(t, one);
	assert_int_equal(tally_count(t), 2);
	one = take(t, "192.0.2.1", 2);
	assert_non_null(one);
	assert_null(take(t, "192.0.2.1", 2));
	tally_give_back(t, one);
	tally_give_back(t, two);
	tally_give_back(t, other);
	assert_int_equal(tally_count(t), 0);
	tally_free(t);
}

static void knows_what_is_one_address(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "192.0.2.1", "::192.0.2.1", false },
		{ "2001:db8::1", "2001:db8::2", true },
		{ "2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "::1", "0.0.0.0", false },
		{ "", "unix:", true },
		{ "", "192.0.2.1, 192.0.2.2", true },
		{ "", "0.0.0.0", false },
		{ "", "::", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct tally *t = tally_new(1);
		struct tally_entry *a = take(t, rows[i].a, 1);
		struct tally_entry *b = take(t, rows[i].b, 1);

		assert_non_null(a);
		if ((b == NULL) != rows[i].same)
			fail_msg("'%s' and '%s'", rows[i].a, rows[i].b);
		tally_give_back(t, a);
		if (b)
			tally_give_back(t, b);
		tally_free(t);
	}
}

/* In far fewer chains, in and out in another order. */
static void keeps_many_apart(void **state)
{
	enum { MANY = 2000 };
	static struct tally_entry *entries[MANY];
	struct tally *t = tally_new(20);
	char text[32];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 250, i % 250);
		entries[i] = take(t, text, 1);
		assert_non_null(entries[i]);
		assert_null(take(t, text, 1));
	}
	assert_int_equal(tally_count(t), MANY);
	for (unsigned i = 0; i < MANY; i += 2)
		tally_give_back(t, entries[i]);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 250, i % 250);
		if (i % 2)
			assert_null(take(t, text, 1));
		else
			entries[i] = take(t, text, 1);
		assert_non_null(entries[i]);
	}
	for (unsigned i = MANY; i-- > 0;)
		tally_give_back(t, entries[i]);
	assert_int_equal(tally_count(t), 0);
	tally_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_no_more_than_its_share),
		cmocka_unit_test(knows_what_is_one_address),
		cmocka_unit_test(keeps_many_apart),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
