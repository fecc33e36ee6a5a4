/* What make says to a variable that makes no sense, and that it is no
 * success. */
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/process.h"

static void says_what_it_expects_of_a_variable(void **state)
{
	static const char *const rows[][3] = {
		{ "fuzz", "FUZZ=", "FUZZ picks nothing: expected some of " },
		{ "fuzz", "FUZZ=place id", "FUZZ: no id: expected some of " },
		{ "fuzz", "FUZZ_SECONDS=0", "FUZZ_SECONDS='0': expected a " },
		{ "fuzz", "FUZZ_SECONDS=-1", "FUZZ_SECONDS='-1': expected a " },
		{ "fuzz", "FUZZ_SECONDS=abc", "='abc': expected a whole " },
		{ "valgrind", "VALGRIND=", "VALGRIND picks nothing: " },
		{ "valgrind", "VALGRIND=Makefile", "VALGRIND: no Makefile: " },
		{ "soak", "SECONDS=-5", "SECONDS='-5': expected a whole " },
		{ "soak", "SECONDS=10000000000", "0': expected a whole " },
		{ "faults", "FAULTS_EVERY=", "FAULTS_EVERY='': expected a " },
		{ "faults", "FAULTS_EVERY=1.5", "='1.5': expected a whole " },
		{ "torture", "TORTURE_LINES=0", "TORTURE_LINES='0': expected" },
	};

	(void)state;
	unsetenv("MAKEFLAGS");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct process *p =
			process_run("make", rows[i][0], rows[i][1], NULL);

		if (process_exit_code(p) == 0)
			test_fail(
				"make %s %s ends well", rows[i][0], rows[i][1]);
		process_wait_errors(p, rows[i][2]);
		process_free(p);
	}
}

static void a_check_of_nothing_is_no_success(void **state)
{
	struct process *p = process_run(
		"tests/tools/check", "all", disk_folder(), "make", NULL);

	(void)state;
	assert_int_not_equal(process_exit_code(p), 0);
	assert_non_null(strstr(process_output(p), "check: nothing ran\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			says_what_it_expects_of_a_variable, test_cleanup),
		cmocka_unit_test_teardown(
			a_check_of_nothing_is_no_success, test_cleanup),
	};

	return cmocka_run_group_tests_name("make", tests, NULL, NULL);
}
