/*
 * What the disk has no room for, over the end of a file: for who reads in this
 * process there is one file.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/overlay.h"
#include "tests/lib/disk.h"

#define BYTES 4096

static const char *path;
static int fd; /* of the file, for writing */
static int ends[2];
static struct file *file;

static int setup(void **state)
{
	(void)state;
	path = disk_path(disk_folder(), "current");
	disk_write(path, "on the disk\nha");
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 || pipe(ends) < 0 ||
	       file_open(AT_FDCWD, path, &file) != FILE_OPEN;
}

static int teardown(void **state)
{
	file_close(file);
	close(ends[0]);
	close(ends[1]);
	close(fd);
	return test_cleanup(state);
}

static void put(struct overlay *o, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(write(ends[1], text, len), len);
	assert_int_equal(overlay_move(o, ends[0], len), len);
}

static uint64_t size(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_int_equal(file_refresh(file, &now), 0);
	return file->size;
}

/* All of the file as this process sees it. */
static void expect_seen(const char *text)
{
	char *seen = calloc(1, strlen(text) + 1);

	assert_int_equal(size(), strlen(text));
	assert_int_equal(file_read_whole(file, seen, strlen(text), 0), 0);
	assert_string_equal(seen, text);
	free(seen);
}

static void expect_on_disk(const char *text)
{
	struct bytes content = BYTES_INIT;

	disk_read(&content, path);
	assert_string_equal(bytes_text(&content), text);
	bytes_release(&content);
}

static void lies_behind_what_is_on_the_disk(void **state)
{
	struct overlay *o = overlay_new(fd, BYTES, SPLIT_LINES);
	struct file *other;

	(void)state;
	put(o, "lf\nin memory\n");
	assert_int_equal(overlay_end_record(o), 0);
	expect_seen("on the disk\nhalf\nin memory\n\n");
	expect_on_disk("on the disk\nha");
	/* Who opens it now sees the same. */
	assert_int_equal(file_open(AT_FDCWD, path, &other), FILE_OPEN);
	assert_int_equal(other->size, 28);
	file_close(other);
	overlay_free(o);
	assert_int_equal(size(), 14);
}

static void is_of_that_file_alone(void **state)
{
	struct overlay *o = overlay_new(fd, BYTES, SPLIT_LINES);
	const char *elsewhere = disk_path(disk_folder(), "other");
	struct file *other;

	(void)state;
	put(o, "lf\n");
	disk_write(elsewhere, "other\n");
	assert_int_equal(file_open(AT_FDCWD, elsewhere, &other), FILE_OPEN);
	assert_int_equal(other->size, 6);
	file_close(other);
	overlay_free(o);
}

static void is_saved_where_it_belongs(void **state)
{
	struct overlay *o = overlay_new(fd, BYTES, SPLIT_LINES);

	(void)state;
	put(o, "lf\nin memory\n");
	assert_int_equal(overlay_save(o), 0);
	assert_int_equal(overlay_lost(o), 0);
	overlay_free(o);
	expect_on_disk("on the disk\nhalf\nin memory\n");
	expect_seen("on the disk\nhalf\nin memory\n");
}

/* What is let go are whole records, from the first one that is all in memory,
 * and they are a hole, here and on the disk. */
static void too_much_becomes_a_hole_between_records(void **state)
{
	struct overlay *o = overlay_new(fd, BYTES, SPLIT_LINES);
	struct bytes content = BYTES_INIT;
	uint64_t lost, end;

	(void)state;
	put(o, "lf\n");
	for (int i = 0; i < 2000; i++)
		put(o, "01234567\n");
	lost = overlay_lost(o);
	end = overlay_end(o);
	assert_int_equal(end, 17 + 2000 * 9);
	assert_int_equal(lost % 9, 0);
	assert_in_range(end - lost, BYTES, BYTES + BYTES / 2 + 32);
	assert_int_equal(size(), end);
	assert_int_equal(overlay_save(o), 0);
	overlay_free(o);
	disk_read(&content, path);
	assert_int_equal(content.len, end);
	assert_memory_equal(content.data, "on the disk\nhalf\n", 17);
	for (uint64_t i = 0; i < lost; i++)
		assert_int_equal(content.data[17 + i], 0);
	for (uint64_t i = 17 + lost; i < end; i += 9)
		assert_memory_equal(content.data + i, "01234567\n", 9);
	bytes_release(&content);
}

/* A hole at the very end of what is on the disk is not the end of the file. */
static void data_is_found_behind_the_end_of_the_disk(void **state)
{
	struct overlay *o;

	(void)state;
	disk_truncate(path, 1 << 20);
	o = overlay_new(fd, BYTES, SPLIT_LINES);
	assert_int_equal(file_next_data(file, 1 << 20), UINT64_MAX);
	put(o, "more\n");
	assert_int_equal(file_next_data(file, 1 << 20), 1 << 20);
	assert_int_equal(file_next_data(file, (1 << 20) + 5), UINT64_MAX);
	overlay_free(o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lies_behind_what_is_on_the_disk),
		TEST(is_of_that_file_alone),
		TEST(is_saved_where_it_belongs),
		TEST(too_much_becomes_a_hole_between_records),
		TEST(data_is_found_behind_the_end_of_the_disk),
	};

	return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
