/* Ids that grow, and which of two is the greater. */
#include "tests/lib/test.h"

#include "common/order.h"

static void an_id_is_numbers_joined_by_hyphens(void **state)
{
	static const char *const good[] = { "0", "7", "007", "1-0",
		"1526919030474-55", "1-2-3", "99999999999999999999999999" };
	static const char *const bad[] = { "", "-", "-1", "1-", "1--2", " 1",
		"1 ", "a", "1a", "1-a", "0x1", "1.5", "+1" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!order_has(good[i]))
			fail_msg("\"%s\" is one", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (order_has(bad[i]))
			fail_msg("\"%s\" is none", bad[i]);
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void the_first_number_that_differs_decides(void **state)
{
	/* In their order. */
	static const char *const ids[] = { "0", "0-0", "0-1", "1", "1-0-5",
		"1-1", "2", "9-99", "10-0", "10-9", "10-10", "11",
		"1526919030474-55", "1526919030475-0",
		"18446744073709551615-18446744073709551615",
		"18446744073709551616", "99999999999999999999999999" };
	size_t count = sizeof(ids) / sizeof(*ids);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			if (sign(order_compare(ids[i], ids[j])) !=
				(i > j) - (i < j))
				fail_msg("\"%s\" and \"%s\"", ids[i], ids[j]);
	assert_int_equal(order_compare("007-01", "7-1"), 0);
	assert_int_equal(order_compare("000-0", "0-00"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_numbers_joined_by_hyphens),
		cmocka_unit_test(the_first_number_that_differs_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
