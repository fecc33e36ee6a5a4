/* What is in the way of a path. What rights do to it needs another user, and
 * is in tests/front/test_check.c. */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/obstacle.h"
#include "tests/lib/disk.h"

static const char *folder;

/*
 *	log		a file
 *	sub/log		another
 *	sub/up		-> ../log
 *	there		-> sub
 *	absolute	-> FOLDER/sub/log
 *	twice		-> there/up
 *	dangling	-> none/log
 *	a, b		lead to each other
 */
static int setup(void **state)
{
	(void)state;
	folder = disk_folder();
	const char *sub = disk_subfolder(folder, "sub");

	disk_write(disk_path(folder, "log"), "x\n");
	disk_write(disk_path(sub, "log"), "x\n");
	disk_link("../log", disk_path(sub, "up"));
	disk_link("sub", disk_path(folder, "there"));
	disk_link(disk_path(sub, "log"), disk_path(folder, "absolute"));
	disk_link("there/up", disk_path(folder, "twice"));
	disk_link("none/log", disk_path(folder, "dangling"));
	disk_link("b", disk_path(folder, "a"));
	disk_link("a", disk_path(folder, "b"));
	return 0;
}

struct path_case {
	const char *path;
	enum obstacle_kind kind;
	const char *at;	  /* of these three the folder is left out */
	const char *link; /* "": none */
	int error;
};

static const struct path_case cases[] = {
	{ "/log", OBSTACLE_NONE, "/log", "", 0 },
	{ "//sub/.//log", OBSTACLE_NONE, "/sub/log", "", 0 },
	{ "/sub/../log", OBSTACLE_NONE, "/log", "", 0 },
	{ "/there/log", OBSTACLE_NONE, "/sub/log", "/there", 0 },
	{ "/there/../log", OBSTACLE_NONE, "/log", "/there", 0 },
	{ "/absolute", OBSTACLE_NONE, "/sub/log", "/absolute", 0 },
	{ "/twice", OBSTACLE_NONE, "/log", "/sub/up", 0 },
	{ "/none", OBSTACLE_ABSENT, "/none", "", ENOENT },
	{ "/none/of/it", OBSTACLE_ABSENT, "/none", "", ENOENT },
	{ "/dangling", OBSTACLE_ABSENT, "/none", "/dangling", ENOENT },
	{ "/log/x", OBSTACLE_NOT_A_FOLDER, "/log", "", ENOTDIR },
	{ "/absolute/x", OBSTACLE_NOT_A_FOLDER, "/sub/log", "/absolute",
		ENOTDIR },
	{ "/sub", OBSTACLE_NOT_A_FILE, "/sub", "", 0 },
	{ "/there", OBSTACLE_NOT_A_FILE, "/sub", "/there", 0 },
};

static void expect_path(const char *path, const char *below)
{
	size_t len = strlen(folder);

	assert_memory_equal(path, folder, len);
	assert_string_equal(path + len, below);
}

static void finds_the_component(void **state)
{
	(void)state;
	static struct obstacle o;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct path_case *c = &cases[i];

		print_message("%s\n", c->path);
		obstacle_find(&o, disk_path(folder, "%s", c->path + 1));
		assert_int_equal(o.kind, c->kind);
		assert_int_equal(o.error, c->error);
		expect_path(o.path, c->at);
		if (c->link[0])
			expect_path(o.link, c->link);
		else
			assert_string_equal(o.link, "");
		/* What is not there has no mode. */
		assert_int_equal(o.st.st_mode != 0, c->kind != OBSTACLE_ABSENT);
	}
}

static void a_circle_ends(void **state)
{
	(void)state;
	static struct obstacle o;

	obstacle_find(&o, disk_path(folder, "a"));
	assert_int_equal(o.kind, OBSTACLE_OTHER);
	assert_int_equal(o.error, ELOOP);
}

static void names_that_are_too_long_are_said_to_be(void **state)
{
	(void)state;
	static struct obstacle o;
	char name[PATH_MAX + 8];

	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[NAME_MAX + 2] = '\0';
	obstacle_find(&o, name);
	assert_int_equal(o.kind, OBSTACLE_OTHER);
	assert_int_equal(o.error, ENAMETOOLONG);
	name[NAME_MAX + 2] = 'x';
	name[sizeof(name) - 1] = '\0';
	obstacle_find(&o, name);
	assert_int_equal(o.kind, OBSTACLE_OTHER);
	assert_int_equal(o.error, ENAMETOOLONG);
}

static void a_folder_is_listed(void **state)
{
	(void)state;
	static struct obstacle o;

	obstacle_find_listing(&o, disk_path(folder, "there"));
	assert_int_equal(o.kind, OBSTACLE_NONE);
	obstacle_find_listing(&o, "/");
	assert_int_equal(o.kind, OBSTACLE_NONE);
	obstacle_find_listing(&o, disk_path(folder, "log"));
	assert_int_equal(o.kind, OBSTACLE_NOT_A_FOLDER);
	obstacle_find_listing(&o, disk_path(folder, "none"));
	assert_int_equal(o.kind, OBSTACLE_ABSENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(finds_the_component),
		TEST(a_circle_ends),
		TEST(names_that_are_too_long_are_said_to_be),
		TEST(a_folder_is_listed),
	};

	return cmocka_run_group_tests_name("obstacle", tests, NULL, NULL);
}
