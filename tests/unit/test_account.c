/* Names of users and groups, without NSS. */
#include "tests/lib/test.h"

#include <limits.h>
#include <unistd.h>

#include "common/account.h"

static void names_are_found(void **state)
{
	(void)state;
	char name[ACCOUNT_NAME_MAX];

	assert_true(account_user(0, name));
	assert_string_equal(name, "root");
	assert_true(account_user(33, name));
	assert_string_equal(name, "www-data");
	assert_true(account_group(0, name));
	assert_string_equal(name, "root");
	assert_true(account_group(4, name));
	assert_string_equal(name, "adm");
}

static void who_has_no_name_has_a_number(void **state)
{
	(void)state;
	char name[ACCOUNT_NAME_MAX];

	assert_false(account_user(4000000000, name));
	assert_string_equal(name, "4000000000");
	assert_false(account_group(4000000000, name));
	assert_string_equal(name, "4000000000");
}

static void knows_its_groups(void **state)
{
	(void)state;
	gid_t groups[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX, groups);

	assert_true(account_is_in(getegid()));
	for (int i = 0; i < count; i++)
		assert_true(account_is_in(groups[i]));
	assert_false(account_is_in(4000000000));
}

static void knows_users_of_web_servers(void **state)
{
	(void)state;
	assert_true(account_is_web_server("www-data"));
	assert_true(account_is_web_server("http"));
	assert_true(account_is_web_server("nobody"));
	assert_false(account_is_web_server("ssetail"));
	assert_false(account_is_web_server(""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(who_has_no_name_has_a_number),
		cmocka_unit_test(knows_its_groups),
		cmocka_unit_test(knows_users_of_web_servers),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
