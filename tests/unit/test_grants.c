/*
 * What the sandbox grants, for configurations on real folders: what is
 * needed, what may be needed when folders are replaced and links switched, and
 * nothing that is none of ours.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/grants.h"
#include "tests/lib/disk.h"

static const char *folder;
static struct config config;
static struct grants grants;

static int setup(void **state)
{
	(void)state;
	folder = disk_folder();
	config = (struct config){
		.file = (char *)disk_path(folder, "etc/ssetail.conf"),
		.state_dir = (char *)disk_path(folder, "state"),
	};
	disk_subfolder(folder, "etc");
	return 0;
}

static int teardown(void **state)
{
	grants_release(&grants);
	return test_cleanup(state);
}

static struct source_config source(const char *path)
{
	return (struct source_config){ .type = SOURCE_FILE,
		.path = (char *)path };
}

/* Below the test's folder; "" is the folder. */
static const char *in(const char *name)
{
	return *name ? disk_path(folder, "%s", name) : folder;
}

static void make(const char *name)
{
	disk_subfolder(folder, name);
}

/* These, all of them and no other. Ends with NULL. */
struct expected {
	const char *path;
	unsigned rights;
};

static void expect_(const struct expected *expected)
{
	size_t count = 0;

	assert_false(grants.failed);
	for (; expected[count].path; count++) {
		const struct expected *e = &expected[count];

		if (count >= grants.count ||
			strcmp(grants.list[count].path, e->path) != 0 ||
			grants.list[count].rights != e->rights)
			fail_msg("%s (%u) is not in its place, but %s (%u)",
				e->path, e->rights,
				count < grants.count ? grants.list[count].path
						     : "nothing",
				count < grants.count ? grants.list[count].rights
						     : 0);
	}
	assert_int_equal(grants.count, count);
	grants_release(&grants);
}
#define expect(...) expect_((const struct expected[]){ __VA_ARGS__, { 0 } })

static void add(const char *path)
{
	struct source_config s = source(path);

	grants_add_source(&grants, &config, &s);
}

static void add_now(const char *path)
{
	struct source_config s = source(path);

	grants_add_source_now(&grants, &config, &s);
}

static void a_source_gets_the_folder_above_its_own(void **state)
{
	(void)state;
	make("log");
	make("log/app");
	disk_touch(in("log/app/x"));
	add(in("log/app/x"));
	expect({ in("log"), GRANT_READ });
	/* What is not there yet is expected there. */
	add(in("log/app/y"));
	expect({ in("log"), GRANT_READ });
	add_now(in("log/app/y"));
	expect({ in("log/app"), GRANT_READ });
	add(in("log/app/../app/./x"));
	expect({ in("log"), GRANT_READ });
}

static void nothing_high_is_granted_for_the_sake_of_a_folder(void **state)
{
	(void)state;
	/* /tmp/ssetail-test-x is right below /tmp, which is none of ours. */
	const char *in_tmp = strrchr(folder, '/');

	disk_touch(in("x"));
	add(in("x"));
	if (in_tmp - folder == (ptrdiff_t)strlen("/tmp"))
		expect({ folder, GRANT_READ });
	else
		assert_int_equal(grants.count, 1);
	grants_release(&grants);
	add("/tmp/x");
	expect({ "/tmp", GRANT_READ });
}

static bool has_given_root(const char *path)
{
	struct source_config s = source(path);

	return grants_give_root(&grants, &config, &s);
}

static void whoever_has_a_log_in_the_root_reads_the_root(void **state)
{
	(void)state;
	make("log");
	add(in("log/x"));
	assert_false(has_given_root("/no-such-file-here"));
	add("/no-such-file-here");
	assert_true(has_given_root("/no-such-file-here"));
	assert_true(has_given_root("/tmp"));
	assert_false(has_given_root(in("log/x")));
	expect({ folder, GRANT_READ }, { "/", GRANT_READ });
	/* By a link, too. */
	disk_link("/no-such-file-here", in("log/link"));
	add(in("log/link"));
	assert_true(has_given_root(in("log/link")));
	expect({ folder, GRANT_READ }, { "/", GRANT_READ });
}

static void a_folder_that_is_not_there_gets_the_nearest_that_is(void **state)
{
	(void)state;
	make("log");
	add(in("log/a/b/c/x"));
	expect({ in("log"), GRANT_READ });
	add_now(in("log/a/b/c/x"));
	expect({ in("log"), GRANT_READ });
	/* Never the root: it is named, with nothing. */
	add("/no-such-folder-here/b/x");
	expect({ "/no-such-folder-here/b", 0 });
	/* A file is no folder. */
	disk_touch(in("log/file"));
	add(in("log/file/a/x"));
	expect({ in("log"), GRANT_READ });
}

static void links_grant_what_they_may_lead_to_next(void **state)
{
	(void)state;
	make("app");
	make("app/releases");
	make("app/releases/7");
	make("app/releases/7/log");
	disk_link("releases/7", in("app/now"));
	add(in("app/now/log/x"));
	expect({ in("app/releases/7"), GRANT_READ },
		{ in("app/releases"), GRANT_READ });
	/* As things are: the one folder. */
	add_now(in("app/now/log/x"));
	expect({ in("app/releases/7/log"), GRANT_READ });
	/* The last component may be one, too. */
	make("log");
	make("log/today");
	disk_touch(in("log/today/7"));
	make("links");
	make("links/app");
	disk_link("../../log/today/7", in("links/app/current"));
	add(in("links/app/current"));
	expect({ in("links"), GRANT_READ }, { in("log/today"), GRANT_READ },
		{ in("log"), GRANT_READ });
	/* One that leads nowhere is waited for where it leads. */
	disk_link("../../log/never/x", in("links/app/dangling"));
	add(in("links/app/dangling"));
	expect({ in("links"), GRANT_READ }, { in("log"), GRANT_READ });
	disk_link("circle", in("links/app/circle"));
	add(in("links/app/circle"));
	expect({ in("links"), GRANT_READ });
}

static void a_pipe_gets_its_spool_and_where_it_is_made(void **state)
{
	(void)state;
	struct source_config s = source(in("run/in/jobs"));

	make("run");
	make("run/in");
	make("state");
	s.type = SOURCE_FIFO;
	grants_add_source(&grants, &config, &s);
	expect({ in("run"), GRANT_READ },
		{ in("state"), GRANT_READ | GRANT_WRITE });
	s.create = true;
	s.group = (char *)"daemon";
	grants_add_source(&grants, &config, &s);
	expect({ in("run"), GRANT_READ }, { in("run/in"), GRANT_PIPE },
		{ "/etc/group", GRANT_READ },
		{ in("state"), GRANT_READ | GRANT_WRITE });
	grants_add_source_now(&grants, &config, &s);
	expect({ in("run/in"), GRANT_READ | GRANT_PIPE },
		{ "/etc/group", GRANT_READ },
		{ in("state"), GRANT_READ | GRANT_WRITE });
}

static void a_clock_gets_nothing(void **state)
{
	(void)state;
	struct source_config s = { .type = SOURCE_CLOCK };

	grants_add_source(&grants, &config, &s);
	assert_int_equal(grants.count, 0);
}

static void the_program_gets_its_configuration_and_what_is_listed(void **state)
{
	(void)state;
	char *paths[] = { (char *)in("one"), (char *)in("two") };

	disk_touch(in("etc/ssetail.conf"));
	grants_add_responder(&grants, &config, NULL);
	expect({ in("etc"), GRANT_READ }, { "/proc", GRANT_READ });
	/* The configuration may be a link, and the socket has to go again. */
	make("conf");
	make("state");
	make("run");
	make("one");
	disk_rename(in("etc/ssetail.conf"), in("conf/mine"));
	disk_link("../conf/mine", in("etc/ssetail.conf"));
	config.sandbox_paths.list = paths;
	config.sandbox_paths.count = 2;
	grants_add_responder(&grants, &config, in("run/socket"));
	grants_add_paths(&grants, &config);
	expect({ in("etc"), GRANT_READ }, { in("conf"), GRANT_READ },
		{ in("state"), GRANT_READ | GRANT_WRITE },
		{ in("run"), GRANT_REMOVE }, { "/proc", GRANT_READ },
		{ in("one"), GRANT_READ }, { in("two"), 0 });
}

/* ---- within */

static const char *missing(const char *path)
{
	struct source_config s = source(path);
	static struct grants needed;
	const struct grant *first;

	grants_release(&needed);
	grants_add_source_now(&needed, &config, &s);
	first = grants_find_missing(&grants, &needed);
	path = first ? disk_path(first->path, "%s", "") : NULL;
	grants_release(&needed);
	return path;
}

static void what_is_below_a_grant_is_within(void **state)
{
	(void)state;
	make("log");
	make("log/app");
	make("log/app/deep");
	make("logs");
	add(in("log/app/x"));
	assert_null(missing(in("log/app/y")));
	assert_null(missing(in("log/y")));
	assert_null(missing(in("log/app/deep/y")));
	assert_null(missing(in("log/app/not/yet/y")));
	assert_string_equal(missing(in("logs/y")), in("logs/"));
	assert_non_null(missing(in("y")));
	assert_non_null(missing("/no-such-folder-here/y"));
}

static void what_took_a_granted_folders_place_is_not(void **state)
{
	(void)state;
	make("log");
	make("log/app");
	add(in("log/app/x"));
	disk_rename(in("log/app"), in("log/old"));
	make("log/app");
	assert_null(missing(in("log/app/y")));
	disk_rename(in("log"), in("old"));
	make("log");
	assert_non_null(missing(in("log/y")));
	assert_null(missing(in("old/app/y")));
}

static void reading_is_not_making(void **state)
{
	(void)state;
	struct source_config s = source(in("run/jobs"));
	struct grants needed = { 0 };

	make("run");
	make("state");
	add(in("run/x"));
	s.type = SOURCE_FIFO;
	grants_add_source_now(&needed, &config, &s);
	assert_string_equal(
		grants_find_missing(&grants, &needed)->path, in("state"));
	grants_release(&grants);
	grants_add_source(&grants, &config, &s);
	assert_null(grants_find_missing(&grants, &needed));
	s.create = true;
	grants_release(&needed);
	grants_add_source_now(&needed, &config, &s);
	assert_string_equal(
		grants_find_missing(&grants, &needed)->path, in("run"));
	grants_release(&needed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_source_gets_the_folder_above_its_own),
		TEST(nothing_high_is_granted_for_the_sake_of_a_folder),
		TEST(whoever_has_a_log_in_the_root_reads_the_root),
		TEST(a_folder_that_is_not_there_gets_the_nearest_that_is),
		TEST(links_grant_what_they_may_lead_to_next),
		TEST(a_pipe_gets_its_spool_and_where_it_is_made),
		TEST(a_clock_gets_nothing),
		TEST(the_program_gets_its_configuration_and_what_is_listed),
		TEST(what_is_below_a_grant_is_within),
		TEST(what_took_a_granted_folders_place_is_not),
		TEST(reading_is_not_making),
	};

	return cmocka_run_group_tests_name("grants", tests, NULL, NULL);
}
