/*
 * ssetail.cgi --init: what it prints and writes, and what it does not. That
 * Apache takes it is in servers/test_shared_host.c.
 */
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "tests/lib/disk.h"
#include "tests/lib/process.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define CONFIG	     ".htssetail.conf"
#define HTACCESS     ".htaccess"

static const char *folder;

static int setup(void **state)
{
	(void)state;
	folder = disk_folder();
	return 0;
}

static struct process *init(const char *name, const char *path,
	const char *host, const char *option, const char *directory)
{
	return process_run(process_program("ssetail.cgi"), "--init", name, path,
		host, option, directory, NULL);
}

static void expect_end_(struct process *p, int code, const char *errors)
{
	int ended = process_exit_code(p);

	if (ended != code || !strstr(process_errors(p), errors))
		test_fail("exit code %d: %s", ended, process_errors(p));
}
#define expect_end(...) TEST_HERE(expect_end_(__VA_ARGS__))

static void expect_file_(const char *path, const char *content)
{
	struct bytes text = BYTES_INIT;

	disk_read(&text, path);
	if (!bytes_are(&text, content))
		test_fail("%s: not what was expected: %s", path,
			bytes_text(&text));
	bytes_release(&text);
}
#define expect_file(...) TEST_HERE(expect_file_(__VA_ARGS__))

/* With the values of the examples it gives the examples. */
static void writes_the_files_that_others_copy(void **state)
{
	static const char *const files[][2] = {
		{ CONFIG, "conf/apache/htssetail.conf" },
		{ HTACCESS, "conf/apache/htaccess" },
	};

	(void)state;
	expect_end(init("error", "../error_log", "/home/me/public_html/log",
			   "-o", folder),
		0, "");
	for (size_t i = 0; i < COUNT(files); i++) {
		struct bytes text = BYTES_INIT;

		disk_read(&text, files[i][1]);
		expect_file(disk_path(folder, "%s", files[i][0]), text.data);
		bytes_release(&text);
	}
}

static void prints_what_it_writes(void **state)
{
	struct bytes expected = BYTES_INIT;

	(void)state;
	expect_end(init("a-1", "/var/log/x y.log", "/srv/a b", "-o", folder), 0,
		"");
	bytes_add_text(&expected, "# ======== " CONFIG " ========\n");
	disk_read(&expected, disk_path(folder, CONFIG));
	bytes_add_text(&expected, "# ======== " HTACCESS " ========\n");
	disk_read(&expected, disk_path(folder, HTACCESS));
	assert_true(bytes_contain(&expected, "path = \"/var/log/x y.log\";"));
	assert_true(bytes_contain(&expected, "\"/srv/a b/.htpasswd\""));
	struct process *p =
		init("a-1", "/var/log/x y.log", "/srv/a b", NULL, NULL);
	assert_int_equal(process_exit_code(p), 0);
	assert_string_equal(process_output(p), expected.data);
	bytes_release(&expected);
}

static void any_path_makes_a_configuration_that_names_it(void **state)
{
	static const char path[] = "a \"quoted\" \\ path";
	const char *log = disk_path(folder, path);

	(void)state;
	disk_write(log, "one\n");
	expect_end(init("a", path, "/x", "-o", folder), 0, "");
	struct process *p = process_run(process_program("ssetail.cgi"), "-c",
		disk_path(folder, CONFIG), "-t", NULL);
	expect_end(p, 0, "");
}

static void the_folder_is_the_programs_own_if_none_is_given(void **state)
{
	const char *program = disk_path(folder, "ssetail.cgi");

	(void)state;
	process_copy_program("ssetail.cgi", program);
	struct process *p = process_run(program, "--init", "a", "b", NULL);
	expect_end(p, 0, "");
	assert_non_null(
		strstr(process_output(p), disk_path(folder, ".htpasswd\"\n")));
}

static void writes_over_nothing(void **state)
{
	static const char *const names[] = { CONFIG, HTACCESS };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *path = disk_path(folder, "%s", names[i]);

		disk_write(path, "mine");
		expect_end(init("a", "b", "/x", "-o", folder), EX_CANTCREAT,
			names[i]);
		expect_file(path, "mine");
		assert_int_equal(disk_entries(folder), 1);
		disk_remove(path);
	}
	expect_end(init("a", "b", "/x", "-o", "/none/at/all"), EX_CANTCREAT,
		"the folder: No such file");
}

static void refuses_what_would_not_work(void **state)
{
	static const char *const values[][3] = {
		{ "a/b", "x", "/x" },
		{ "..", "x", "/x" },
		{ "", "x", "/x" },
		{ "a", "", "/x" },
		{ "a", "x\ny", "/x" },
		{ "a", "x", "relative" },
		{ "a", "x", "/x\"" },
		{ "a", "x", "/${x}" },
		{ "a", "x", "/x\\" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct process *p = init(
			values[i][0], values[i][1], values[i][2], NULL, NULL);

		expect_end(p, EX_USAGE, " ha");
		assert_string_equal(process_output(p), "");
	}
	expect_end(init("a", NULL, NULL, NULL, NULL), EX_USAGE, "usage: ");
	expect_end(init("a", "b", "/c", "d", NULL), EX_USAGE, "usage: ");
	expect_end(process_run(process_program("ssetail.cgi"), "-o", folder,
			   "a", NULL),
		EX_USAGE, "usage: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_the_files_that_others_copy),
		TEST(prints_what_it_writes),
		TEST(any_path_makes_a_configuration_that_names_it),
		TEST(the_folder_is_the_programs_own_if_none_is_given),
		TEST(writes_over_nothing),
		TEST(refuses_what_would_not_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
