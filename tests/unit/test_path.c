/*
 * Walking a path: where it is at each step, on real links.
 */
#include "tests/lib/test.h"

#include <string.h>

#include "common/path.h"
#include "tests/lib/disk.h"

/* Where the path ends; NULL: too far. */
static const char *resolve(const char *path)
{
	static struct path_walk w;

	assert_true(path_walk_begin(&w, path));
	while (path_walk_step(&w))
		if (path_walk_follow(&w) < 0)
			return NULL;
	return w.at;
}

static void comes_out_where_the_kernel_does(void **state)
{
	(void)state;
	const char *folder = disk_folder();
	const char *file = disk_path(disk_subfolder(folder, "a"), "file");

	disk_touch(file);
	disk_subfolder(folder, "b");
	disk_link("../a", disk_path(folder, "b/up"));
	disk_link(disk_path(folder, "b"), disk_path(folder, "far"));
	disk_link("up/file", disk_path(folder, "b/file"));
	disk_link("//./", disk_path(folder, "root"));
	static const char *const same[] = { "a/file", "a/./file", "a//file/",
		"b/../a/file", "b/up/file", "far/up/file", "far/file",
		"far/../a/file", "../../../../../../..@/far/file",
		"root/@/a/file" };
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		const char *at = strchr(same[i], '@');
		const char *path =
			at ? disk_path(folder, "%.*s%s%s", (int)(at - same[i]),
				     same[i], folder, at + 1)
			   : disk_path(folder, "%s", same[i]);

		assert_string_equal(resolve(path), file);
	}
	assert_string_equal(resolve("/"), "");
	assert_string_equal(resolve("/../.."), "");
}

static void what_is_not_there_is_walked_by_its_name(void **state)
{
	(void)state;
	const char *folder = disk_folder();

	disk_link("nowhere/at/all", disk_path(folder, "link"));
	assert_string_equal(resolve(disk_path(folder, "link/x")),
		disk_path(folder, "nowhere/at/all/x"));
}

static void gives_up_on_a_circle_and_on_what_is_too_long(void **state)
{
	(void)state;
	const char *folder = disk_folder();
	const char *path = disk_path(folder, "circle");
	static char longer[PATH_MAX + 1];
	struct path_walk w;

	disk_link("circle", path);
	assert_null(resolve(path));
	memset(longer, '/', PATH_MAX);
	assert_false(path_walk_begin(&w, longer));
	longer[PATH_MAX - 1] = '\0';
	assert_string_equal(resolve(longer), "");
}

static void ascends_to_the_root_and_no_further(void **state)
{
	(void)state;
	char path[] = "/a/b";

	path_ascend(path);
	assert_string_equal(path, "/a");
	path_ascend(path);
	assert_string_equal(path, "/");
	path_ascend(path);
	assert_string_equal(path, "/");
}

#define TEST(name) cmocka_unit_test_teardown(name, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(comes_out_where_the_kernel_does),
		TEST(what_is_not_there_is_walked_by_its_name),
		TEST(gives_up_on_a_circle_and_on_what_is_too_long),
		TEST(ascends_to_the_root_and_no_further),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
