/* inotify as a hint: who is told, and for how long. */
#include "tests/lib/test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/watch.h"
#include "tests/lib/disk.h"

struct told {
	int wds[64];
	int count;
	bool lost;
};

static void take(void *context, int wd)
{
	struct told *t = context;

	if (wd < 0)
		t->lost = true;
	for (int i = 0; i < t->count; i++)
		if (t->wds[i] == wd)
			return;
	if (wd >= 0 && t->count < 64)
		t->wds[t->count++] = wd;
}

static bool is_told(struct watch *w, int wd)
{
	struct told told = { { 0 }, 0, false };

	watch_drain(w, take, &told);
	for (int i = 0; i < told.count; i++)
		if (told.wds[i] == wd)
			return true;
	return false;
}

static void tells_of_what_happens_to_a_file(void **state)
{
	const char *folder = disk_folder();
	const char *path = disk_path(folder, "log");
	struct watch *w = watch_new();
	struct pollfd fd;
	int wd;

	(void)state;
	assert_non_null(w);
	disk_touch(path);
	wd = watch_add(w, path, WATCH_FILE);
	assert_true(wd >= 0);
	fd = (struct pollfd){ watch_descriptor(w), POLLIN, 0 };
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_false(is_told(w, wd));
	disk_append(path, "x\n");
	assert_int_equal(poll(&fd, 1, 0), 1);
	assert_true(is_told(w, wd));
	/* Once it was read, there is nothing more. */
	assert_int_equal(poll(&fd, 1, 0), 0);
	disk_truncate(path, 0);
	assert_true(is_told(w, wd));
	disk_rename(path, disk_path(folder, "log.1"));
	assert_true(is_told(w, wd));
	disk_append(disk_path(folder, "log.1"), "x\n");
	assert_true(is_told(w, wd));
	disk_remove(disk_path(folder, "log.1"));
	assert_true(is_told(w, wd));
	watch_remove(w, wd);
	watch_free(w);
}

static void tells_of_names_that_come_and_go(void **state)
{
	const char *folder = disk_folder();
	const char *other = disk_folder();
	struct watch *w = watch_new();
	int wd = watch_add(w, folder, WATCH_DIRECTORY);

	(void)state;
	disk_touch(disk_path(folder, "log"));
	assert_true(is_told(w, wd));
	disk_append(disk_path(folder, "log"), "x\n");
	assert_false(is_told(w, wd));
	disk_rename(disk_path(folder, "log"), disk_path(other, "log"));
	assert_true(is_told(w, wd));
	disk_rename(disk_path(other, "log"), disk_path(folder, "log"));
	assert_true(is_told(w, wd));
	disk_remove(disk_path(folder, "log"));
	assert_true(is_told(w, wd));
	disk_rename(folder, disk_path(other, "away"));
	assert_true(is_told(w, wd));
	watch_free(w);
}

/* Two sources in one folder share a watch; one of them goes. */
static void what_is_watched_twice_is_watched_until_both_are_gone(void **state)
{
	const char *folder = disk_folder();
	struct watch *w = watch_new();
	int wd = watch_add(w, folder, WATCH_DIRECTORY);

	(void)state;
	assert_int_equal(watch_add(w, folder, WATCH_DIRECTORY), wd);
	watch_remove(w, wd);
	disk_touch(disk_path(folder, "one"));
	assert_true(is_told(w, wd));
	watch_remove(w, wd);
	is_told(w, wd); /* of its own end */
	disk_touch(disk_path(folder, "two"));
	assert_false(is_told(w, wd));
	watch_remove(w, wd);
	watch_remove(w, -1);
	watch_free(w);
}

/* A folder that is a source's, and a file as well: both masks count. */
static void masks_add_up(void **state)
{
	const char *folder = disk_folder();
	struct watch *w = watch_new();
	int wd = watch_add(w, folder, IN_CREATE);

	(void)state;
	assert_int_equal(watch_add(w, folder, IN_DELETE), wd);
	disk_touch(disk_path(folder, "one"));
	assert_true(is_told(w, wd));
	disk_remove(disk_path(folder, "one"));
	assert_true(is_told(w, wd));
	watch_free(w);
}

static void says_what_it_cannot_watch(void **state)
{
	struct watch *w = watch_new();

	(void)state;
	assert_int_equal(
		watch_add(w, disk_path(disk_folder(), "none"), WATCH_FILE), -1);
	assert_int_equal(errno, ENOENT);
	watch_free(w);
	watch_free(NULL);
}

static void many_events_are_taken_in_one_go(void **state)
{
	const char *folder = disk_folder();
	struct watch *w = watch_new();
	struct told told = { { 0 }, 0, false };
	int wds[40];

	(void)state;
	for (int i = 0; i < 40; i++) {
		const char *path =
			disk_path(folder, "a long name of file %d", i);

		disk_touch(path);
		wds[i] = watch_add(w, path, WATCH_FILE);
	}
	for (int round = 0; round < 50; round++)
		for (int i = 0; i < 40; i++)
			disk_append(
				disk_path(folder, "a long name of file %d", i),
				"x\n");
	watch_drain(w, take, &told);
	assert_int_equal(told.count, 40);
	assert_false(is_told(w, wds[0]));
	watch_free(w);
}

/* More than the queue holds: everybody is told to look. */
static void lost_events_concern_everybody(void **state)
{
	const char *folder = disk_folder();
	const char *one = disk_path(folder, "one");
	const char *two = disk_path(folder, "two");
	struct watch *w = watch_new();
	struct told told = { { 0 }, 0, false };
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	int most = 0;

	(void)state;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &most), 1);
	fclose(f);
	if (most > 1000000)
		fail_msg("a queue of %d events cannot be filled", most);
	disk_touch(one);
	watch_add(w, folder, WATCH_DIRECTORY);
	/* Alternating names, so that no event is merged with the one before. */
	for (int i = 0; i <= most; i += 2) {
		assert_int_equal(rename(one, two), 0);
		assert_int_equal(rename(two, one), 0);
	}
	watch_drain(w, take, &told);
	assert_true(told.lost);
	watch_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			tells_of_what_happens_to_a_file, test_cleanup),
		cmocka_unit_test_teardown(
			tells_of_names_that_come_and_go, test_cleanup),
		cmocka_unit_test_teardown(
			what_is_watched_twice_is_watched_until_both_are_gone,
			test_cleanup),
		cmocka_unit_test_teardown(masks_add_up, test_cleanup),
		cmocka_unit_test_teardown(
			says_what_it_cannot_watch, test_cleanup),
		cmocka_unit_test_teardown(
			many_events_are_taken_in_one_go, test_cleanup),
		cmocka_unit_test_teardown(
			lost_events_concern_everybody, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
