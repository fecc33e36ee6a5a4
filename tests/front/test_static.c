/*
 * The program of `make static` where there is nothing but itself, its
 * configuration and a log: no library, no /proc, no /dev, no /etc.
 */
#include "tests/lib/test.h"

#include <grp.h>
#include <sched.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"

#define NOBODY 65534

/* The root folder of a program, and the folder in it that it starts in. */
struct root {
	const char *path;
	const char *start; /* NULL: the root itself */
	bool bare;	   /* without the descriptors 0 and 2 */
};

/* Who is not root becomes it in a namespace of its own. */
static void enter(void *context)
{
	const struct root *root = context;

	bool is_root = geteuid() == 0;

	if (!is_root && unshare(CLONE_NEWUSER) < 0)
		_exit(126);
	if (chroot(root->path) < 0 ||
		chdir(root->start ? root->start : "/") < 0)
		_exit(126);
	if (is_root && (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 ||
			       setuid(NOBODY) < 0))
		_exit(126);
	if (root->bare) {
		close(0);
		close(2);
	}
}

/* What is uploaded into the folder. Returns the log's path. */
static const char *fill(const char *folder, const char *log)
{
	const char *program = disk_path(folder, "ssetail.cgi");

	process_copy_program("static/ssetail.cgi", program);
	disk_write(disk_path(folder, ".htssetail.conf"),
		"sources = ( { name = \"app\"; path = \"%s\"; } );\n", log);
	disk_write(disk_path(folder, "%s", log), "one\n");
	return disk_path(folder, "%s", log);
}

static struct reader *open_stream(struct root *root, const char *program)
{
	return &cgi_open(&(struct cgi_how){ .program = program,
				 .in_child = enter,
				 .context = root },
		&(struct ask){ .path = "/app" })
			->reader;
}

static void streams_from_an_empty_root(void **state)
{
	(void)state;
	struct root root = { .path = disk_folder() };
	const char *log = fill(root.path, "app.log");
	struct reader *r;

	assert_int_equal(disk_entries(root.path), 3);
	r = open_stream(&root, "/ssetail.cgi");
	reader_expect_event(r, 0, "message", "one");
	disk_append(log, "two\n");
	reader_expect_event(r, 1, "message", "two");
	disk_rename(log, disk_path(root.path, "app.log.1"));
	disk_write(log, "three\n");
	reader_expect_event(r, 2, "message", "three");
	reader_hang_up(r);
	assert_int_equal(process_exit_code(cgi_of(r)->process), 0);
}

/* Web servers start a program in its own folder, and some by its bare name. */
static void finds_its_place_by_the_name_it_was_started_with(void **state)
{
	(void)state;
	static const char *const names[] = { "./ssetail.cgi",
		"../site/ssetail.cgi", "/site/ssetail.cgi" };
	struct root root = { .path = disk_folder(), .start = "/site" };

	fill(disk_subfolder(root.path, "site"), "../app.log");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		reader_expect_event(
			open_stream(&root, names[i]), 0, "message", "one");
}

static void missing_descriptors_need_no_dev_null(void **state)
{
	(void)state;
	struct root root = { .path = disk_folder(), .bare = true };
	const char *log = fill(root.path, "app.log");
	struct reader *r = open_stream(&root, "/ssetail.cgi");

	reader_expect_event(r, 0, "message", "one");
	disk_append(log, "two\n");
	reader_expect_event(r, 1, "message", "two");
}

static void says_what_is_missing_beside_it(void **state)
{
	(void)state;
	struct root root = { .path = disk_folder() };
	struct reader *r;

	fill(root.path, "app.log");
	disk_remove(disk_path(root.path, ".htssetail.conf"));
	r = open_stream(&root, "/ssetail.cgi");
	reader_expect_status(r, 500);
	reader_wait_end(r);
	assert_true(bytes_contain(&r->body, "put .htssetail.conf beside"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			streams_from_an_empty_root, test_cleanup),
		cmocka_unit_test_teardown(
			finds_its_place_by_the_name_it_was_started_with,
			test_cleanup),
		cmocka_unit_test_teardown(
			missing_descriptors_need_no_dev_null, test_cleanup),
		cmocka_unit_test_teardown(
			says_what_is_missing_beside_it, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
