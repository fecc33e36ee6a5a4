/* Rotated files, by their names, and in the order in which they were the log.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/siblings.h"
#include "tests/lib/disk.h"

static void knows_a_sibling_by_its_name(void **state)
{
	static const struct {
		const char *name, *base, *pattern;
		bool linked, is;
	} cases[] = {
		/* numbered */
		{ "access.log.1", "access.log", NULL, false, true },
		{ "access.log.12", "access.log", NULL, false, true },
		{ "access.log.1.gz", "access.log", NULL, false, true },
		{ "access.log.2.xz", "access.log", NULL, false, true },
		{ "access.log.3.bz2", "access.log", NULL, false, true },
		{ "access.log.4.zst", "access.log", NULL, false, true },
		{ "access.log.old", "access.log", NULL, false, true },
		{ "access.log.old.gz", "access.log", NULL, false, true },
		{ "access.log-1", "access.log", NULL, false, true },
		{ "access.log_1", "access.log", NULL, false, true },

		/* dated */
		{ "access.log-20261120", "access.log", NULL, false, true },
		{ "access.log-20261120.gz", "access.log", NULL, false, true },
		{ "access.log-2026112011", "access.log", NULL, false, true },
		{ "access.log-2026-11-20", "access.log", NULL, false, true },
		{ "access.log.2026-11-20_03", "access.log", NULL, false, true },
		{ "access.log.2026-11-20T03", "access.log", NULL, false, true },
		{ "access.log-20261120-1795132800", "access.log", NULL, false,
			true },
		{ "access.log-179513280012345678", "access.log", NULL, false,
			true },

		/* dated inside the name */
		{ "access-20261120.log", "access.log", NULL, false, true },
		{ "access-20261120.log.gz", "access.log", NULL, false, true },
		{ "access.2026-11-20.log", "access.log", NULL, false, true },
		{ "access.1.log", "access.log", NULL, false, true },

		/* something else */
		{ "access.log", "access.log", NULL, false, false },
		{ "access.log.", "access.log", NULL, false, false },
		{ "access.log.gz", "access.log", NULL, false, false },
		{ "access.log.bak", "access.log", NULL, false, false },
		{ "access.log.1~", "access.log", NULL, false, false },
		{ "access.log.1.tmp", "access.log", NULL, false, false },
		{ "access.log.1.gz.tmp", "access.log", NULL, false, false },
		{ "access.log.swp", "access.log", NULL, false, false },
		{ "access.log1", "access.log", NULL, false, false },
		{ "access.log.-", "access.log", NULL, false, false },
		{ "access.log--1", "access.log", NULL, false, false },
		{ "access2.log", "access.log", NULL, false, false },
		{ "access-error.log", "access.log", NULL, false, false },
		{ "other-access.log.1", "access.log", NULL, false, false },
		{ "error.log.1", "access.log", NULL, false, false },
		{ "access_ssl.log", "access.log", NULL, false, false },
		{ "access.log.1", "access.log.1", NULL, false, false },
		{ "", "access.log", NULL, false, false },

		/* without an ending */
		{ "messages.1", "messages", NULL, false, true },
		{ "messages-20261120", "messages", NULL, false, true },
		{ "messages2", "messages", NULL, false, false },
		{ ".hidden.1", ".hidden", NULL, false, true },
		{ "x.1", "x", NULL, false, true },

		/* what a link leads to */
		{ "app-20261120.txt", "app-20261121.txt", NULL, true, true },
		{ "app-20261120.txt.gz", "app-20261121.txt", NULL, true, true },
		{ "app-9.txt", "app-10.txt", NULL, true, true },
		{ "app-20261120.txt", "app-20261121.txt", NULL, false, false },
		{ "app-20261121.txt", "app-20261121.txt", NULL, true, false },
		{ "app-x.txt", "app-20261121.txt", NULL, true, false },
		{ "apq-20261120.txt", "app-20261121.txt", NULL, true, false },
		{ "app-20261120.txt2", "app-20261121.txt", NULL, true, false },
		{ "app.log2", "app.log", NULL, true, false },

		/* as the configuration says, and nothing else */
		{ "old-7", "access.log", "old-[0-9]*", false, true },
		{ "access.log.1", "access.log", "old-[0-9]*", false, false },
		{ "access.log", "access.log", "access*", false, false },
		{ "access.1", "access.log", "access*", false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (siblings_match(cases[i].name, cases[i].base,
			    cases[i].pattern, cases[i].linked) != cases[i].is)
			fail_msg("%s of %s: not %d", cases[i].name,
				cases[i].base, cases[i].is);
}

/* Oldest first, each older than all that follow it. */
static void puts_them_in_order(void **state)
{
	static const struct {
		const char *base;
		const char *names[12];
	} cases[] = {
		{ "app.log",
			{ "app.log.12", "app.log.11.gz", "app.log.10",
				"app.log.9", "app.log.2.gz", "app.log.1" } },
		{ "app.log", { "app.log.2", "app.log.old" } },
		{ "app.log",
			{ "app.log-20251231.gz", "app.log-20261119.gz",
				"app.log-20261120", "app.log-2026112011" } },
		{ "app.log", { "app.log-2025-12-31", "app.log-2026-11-09",
				     "app.log-2026-11-20_03",
				     "app.log-2026-11-20_11" } },
		{ "app.log", { "app-20251231.log.gz", "app-20261119.log",
				     "app-20261120.log" } },
		{ "app.log", { "app.log-179513280012345677",
				     "app.log-179513280012345678",
				     "app.log-1795132800123456780" } },
		/* dates are older than counts: the scheme was changed */
		{ "app.log", { "app.log-20251231", "app.log-20261120",
				     "app.log.2", "app.log.1" } },
		/* a number of six digits and more is a date */
		{ "app.log", { "app.log.20261119", "app.log.20261120",
				     "app.log.99999", "app.log.1" } },
		{ "app-3.txt", { "app-1.txt", "app-2.txt", "app-10.txt" } },
		{ "app.log", { "old_9", "old_10", "old_11.gz" } },
		{ "app.log", { "app.log.007", "app.log.6", "app.log.05" } },
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		const char *const *names = cases[c].names;

		for (size_t i = 0; names[i]; i++)
			for (size_t j = 0; names[j]; j++) {
				int order = siblings_compare(
					names[i], names[j], cases[c].base);
				int expected = i < j ? -1 : i > j;

				if (order != expected)
					fail_msg("%s and %s: %d", names[i],
						names[j], order);
			}
	}
}

static void a_name_and_its_compressed_form_are_one(void **state)
{
	(void)state;
	assert_int_equal(siblings_compare("a.1", "a.1.gz", "a"), 0);
	assert_int_equal(siblings_compare("a.1.xz", "a.1", "a"), 0);
	assert_int_equal(
		siblings_compare("a-20261120.zst", "a-20261120", "a"), 0);
}

/* ---- listing */

/* "name name name", oldest first; compressed ones with a "*". */
static void expect_list(const char *folder, const char *base,
	const char *pattern, bool linked, const char *expected)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bytes names = BYTES_INIT;
	struct siblings list;

	assert_true(dir >= 0);
	assert_int_equal(siblings_list(dir, base, pattern, linked, &list), 0);
	for (size_t i = 0; i < list.count; i++) {
		const struct sibling *s = &list.list[i];
		struct stat st;

		assert_int_equal(fstatat(dir, s->name, &st, 0), 0);
		assert_int_equal(s->ino, st.st_ino);
		assert_int_equal(s->dev, st.st_dev);
		assert_int_equal(s->size, st.st_size);
		assert_true(s->tag != 0);
		bytes_add_format(&names, "%s%s%s", i ? " " : "", s->name,
			s->compressed ? "*" : "");
	}
	assert_string_equal(bytes_text(&names), expected);
	bytes_release(&names);
	siblings_release(&list);
	close(dir);
}

static void touch_all(const char *folder, const char *names)
{
	char *copy = strdup(names), *save;

	for (char *name = strtok_r(copy, " ", &save); name;
		name = strtok_r(NULL, " ", &save))
		disk_write(disk_path(folder, "%s", name), "%s", name);
	free(copy);
}

static void lists_what_is_there(void **state)
{
	const char *folder = disk_folder();

	(void)state;
	expect_list(folder, "app.log", NULL, false, "");
	touch_all(folder, "app.log app.log.1 app.log.2.gz app.log.10.xz "
			  "other.log app.log.swp app.log.3");
	expect_list(folder, "app.log", NULL, false,
		"app.log.10.xz* app.log.3 app.log.2.gz* app.log.1");
	expect_list(folder, "app.log", "*.log", false, "other.log");
	expect_list(folder, "other.log", NULL, false, "");
}

/* X.gz is still being written while X is there. */
static void leaves_out_what_is_being_compressed(void **state)
{
	const char *folder = disk_folder();

	(void)state;
	touch_all(folder, "app.log.1 app.log.1.gz app.log.2.gz "
			  "app.log-20261120 app.log-20261120.zst");
	expect_list(folder, "app.log", NULL, false,
		"app.log-20261120 app.log.2.gz* app.log.1");
}

static void leaves_out_what_is_no_file(void **state)
{
	const char *folder = disk_folder();

	(void)state;
	disk_subfolder(folder, "app.log.1");
	assert_int_equal(mkfifo(disk_path(folder, "app.log.2"), 0644), 0);
	disk_link("app.log.4", disk_path(folder, "app.log.3"));
	disk_link("nowhere", disk_path(folder, "app.log.5"));
	touch_all(folder, "app.log.4");
	expect_list(folder, "app.log", NULL, false, "app.log.4");
}

static void takes_hundreds_and_long_names(void **state)
{
	const char *folder = disk_folder();
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct siblings list;
	char name[256];

	(void)state;
	for (int i = 1; i <= 300; i++)
		disk_touch(disk_path(folder, "app.log.%d", i));
	memset(name, '1', 255);
	memcpy(name, "app.log-", 8);
	name[255] = '\0';
	disk_touch(disk_path(folder, "%s", name));
	assert_int_equal(siblings_list(dir, "app.log", NULL, false, &list), 0);
	assert_int_equal(list.count, 301);
	assert_string_equal(list.list[0].name, name);
	for (int i = 1; i <= 300; i++) {
		char expected[20];

		snprintf(expected, sizeof(expected), "app.log.%d", 301 - i);
		assert_string_equal(list.list[i].name, expected);
	}
	siblings_release(&list);
	close(dir);
}

static void a_file_keeps_its_tag_and_a_new_one_has_its_own(void **state)
{
	const char *folder = disk_folder();
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct siblings before, after;

	(void)state;
	touch_all(folder, "app.log.1");
	assert_int_equal(
		siblings_list(dir, "app.log", NULL, false, &before), 0);
	disk_rename(
		disk_path(folder, "app.log.1"), disk_path(folder, "app.log.2"));
	disk_append(disk_path(folder, "app.log.2"), "more");
	touch_all(folder, "app.log.1");
	assert_int_equal(siblings_list(dir, "app.log", NULL, false, &after), 0);
	assert_int_equal(after.count, 2);
	assert_int_equal(after.list[0].tag, before.list[0].tag);
	assert_int_not_equal(after.list[1].tag, before.list[0].tag);
	siblings_release(&before);
	siblings_release(&after);
	close(dir);
}

/*
 * While names move as fast as they can, every list that is given out is one
 * that could be seen when nothing moves: of three files that are renamed in
 * a circle none is missing, and none is there twice.
 */
static void gives_no_list_of_a_rotation_in_its_middle(void **state)
{
	const char *folder = disk_folder();
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t mover;
	size_t lists = 0;

	(void)state;
	touch_all(folder, "app.log.1 app.log.2 app.log.3");
	mover = fork();
	if (mover == 0) {
		for (;;) {
			renameat(dir, "app.log.3", dir, "app.log.4");
			renameat(dir, "app.log.2", dir, "app.log.3");
			renameat(dir, "app.log.1", dir, "app.log.2");
			renameat(dir, "app.log.4", dir, "app.log.1");
			usleep(200);
		}
	}
	assert_true(mover > 0);
	for (int i = 0; i < 3000; i++) {
		struct siblings list;

		if (siblings_list(dir, "app.log", NULL, false, &list) < 0) {
			assert_int_equal(errno, EAGAIN);
			siblings_release(&list);
			continue;
		}
		lists++;
		for (size_t j = 0; j < list.count; j++)
			for (size_t k = 0; k < j; k++)
				assert_int_not_equal(
					list.list[j].ino, list.list[k].ino);
		assert_int_equal(list.count, 3);
		siblings_release(&list);
	}
	kill(mover, SIGKILL);
	waitpid(mover, NULL, 0);
	assert_true(lists > 0);
	close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_a_sibling_by_its_name),
		cmocka_unit_test(puts_them_in_order),
		cmocka_unit_test(a_name_and_its_compressed_form_are_one),
		cmocka_unit_test_teardown(lists_what_is_there, test_cleanup),
		cmocka_unit_test_teardown(
			leaves_out_what_is_being_compressed, test_cleanup),
		cmocka_unit_test_teardown(
			leaves_out_what_is_no_file, test_cleanup),
		cmocka_unit_test_teardown(
			takes_hundreds_and_long_names, test_cleanup),
		cmocka_unit_test_teardown(
			a_file_keeps_its_tag_and_a_new_one_has_its_own,
			test_cleanup),
		cmocka_unit_test_teardown(
			gives_no_list_of_a_rotation_in_its_middle,
			test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
