/*
 * The spool of a pipe on the disk: what is in its folder at any moment, and
 * that the next process can take up whatever it finds there.
 */
#include "tests/lib/test.h"

#include <dirent.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/spool.h"
#include "tests/lib/disk.h"

#define BYTES	131072
#define SEGMENT (BYTES / SPOOL_SEGMENTS)

static const struct spool_records lines = { SPLIT_LINES, BYTES / 16 };

static const char *state_dir;
static const char *folder; /* of the source */

static int setup(void **state)
{
	(void)state;
	state_dir = disk_folder();
	folder = disk_path(state_dir, "app");
	return 0;
}

static void take(struct spool *s)
{
	assert_int_equal(spool_open(s, state_dir, "app", BYTES, lines), 0);
	assert_int_equal(spool_take(s), 1);
}

/* Through a pipe, the only way there is. */
static void put(struct spool *s, const char *text)
{
	size_t len = strlen(text);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, len), len);
	assert_int_equal(spool_move(s, ends[0], len), len);
	close(ends[0]);
	close(ends[1]);
}

static void fill(struct spool *s)
{
	static const char line[] = "0123456789abcdef0123456789abcdef0123456789"
				   "abcdef0123456789abcdef0123456789abcdef\n";

	while (!spool_is_full(s))
		put(s, line);
}

static const char *in_folder(const char *name)
{
	return disk_path(folder, "%s", name);
}

static uint64_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_folder(name), &st), 0);
	return (uint64_t)st.st_size;
}

static void expect_content(const char *name, const char *text)
{
	struct bytes content = BYTES_INIT;

	disk_read(&content, in_folder(name));
	assert_string_equal(bytes_text(&content), text);
	bytes_release(&content);
}

/* In the full ones. */
static uint64_t bytes_kept(void)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	uint64_t bytes = 0;

	assert_non_null(d);
	while ((entry = readdir(d)))
		if (fnmatch(SPOOL_PATTERN, entry->d_name, 0) == 0)
			bytes += size_of(entry->d_name);
	closedir(d);
	return bytes;
}

/* ---- the tests */

static void begins_empty_and_allocated(void **state)
{
	struct spool s;
	struct stat st;

	(void)state;
	take(&s);
	assert_int_equal(size_of("current"), 0);
	assert_int_equal(stat(in_folder("next"), &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_true(st.st_blocks * 512 >= SEGMENT);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(spool_room(&s), SEGMENT - SPOOL_END_BYTES);
	assert_int_equal(spool_ends_record(&s), 1);
	spool_close(&s);
}

static void appends_what_comes_and_ends_a_record(void **state)
{
	struct spool s;

	(void)state;
	take(&s);
	put(&s, "one\n");
	assert_int_equal(spool_ends_record(&s), 1);
	put(&s, "tw");
	assert_int_equal(spool_ends_record(&s), 0);
	assert_int_equal(spool_end_record(&s), 0);
	assert_int_equal(spool_ends_record(&s), 1);
	expect_content("current", "one\ntw\n");
	spool_close(&s);
}

/* Its last bytes are on the disk and in memory. */
static void a_record_that_ends_in_memory_is_ended_once(void **state)
{
	struct spool s;
	uint64_t lost;

	(void)state;
	take(&s);
	put(&s, "half");
	assert_int_equal(spool_begin_memory(&s), 0);
	assert_int_equal(spool_ends_record(&s), 0);
	assert_int_equal(spool_end_record(&s), 0);
	assert_int_equal(spool_ends_record(&s), 1);
	assert_int_equal(spool_end_memory(&s, &lost), 1);
	assert_int_equal(lost, 0);
	expect_content("current", "half\n");
	spool_close(&s);
}

static void one_process_at_a_time_writes(void **state)
{
	struct spool a, b;

	(void)state;
	take(&a);
	assert_int_equal(spool_open(&b, state_dir, "app", BYTES, lines), 0);
	assert_int_equal(spool_take(&b), 0);
	assert_int_equal(spool_take(&b), 0);
	put(&a, "of a\n");
	spool_give_up(&a);
	assert_int_equal(spool_take(&b), 1);
	put(&b, "of b\n");
	expect_content("current", "of a\nof b\n");
	spool_close(&a);
	spool_close(&b);
}

static void segments_are_named_after_where_they_begin(void **state)
{
	uint64_t first, second;
	struct spool s;

	(void)state;
	take(&s);
	fill(&s);
	first = s.size;
	assert_int_equal(spool_rotate(&s), 0);
	assert_int_equal(s.base, first);
	assert_int_equal(size_of("spool.0000000000000000"), first);
	fill(&s);
	second = s.size;
	assert_int_equal(spool_rotate(&s), 0);
	assert_true(disk_exists(
		disk_path(folder, "spool.%016llu", (unsigned long long)first)));
	put(&s, "here\n");
	spool_close(&s);
	/* Whoever comes next knows where it is. */
	take(&s);
	assert_int_equal(s.base, first + second);
	assert_int_equal(s.size, 5);
	spool_close(&s);
}

static void keeps_to_its_cap(void **state)
{
	struct spool s;

	(void)state;
	take(&s);
	for (int i = 0; i < 30; i++) {
		fill(&s);
		assert_int_equal(spool_rotate(&s), 0);
		assert_true(bytes_kept() + 2 * SEGMENT <= BYTES);
	}
	assert_true(bytes_kept() > BYTES / 2);
	spool_close(&s);
	/* Also when less is allowed than before. */
	assert_int_equal(spool_open(&s, state_dir, "app", BYTES / 4, lines), 0);
	assert_int_equal(spool_take(&s), 1);
	assert_true(bytes_kept() <= BYTES / 4);
	spool_close(&s);
}

/* What a rotation leaves at each of its steps, for whoever comes next. */
static void a_rotation_that_was_cut_off_is_finished(void **state)
{
	struct spool s;
	uint64_t size;

	(void)state;
	take(&s);
	fill(&s);
	size = s.size;
	spool_close(&s);
	/* `next` is there or not, and not to be trusted. */
	disk_write(in_folder("next"), "rubbish\n");
	take(&s);
	assert_int_equal(s.size, size);
	assert_int_equal(size_of("next"), 0);
	spool_close(&s);
	/* The second name was given. */
	assert_int_equal(
		link(in_folder("current"), in_folder("spool.0000000000000000")),
		0);
	take(&s);
	assert_int_equal(s.base, size);
	assert_int_equal(s.size, 0);
	assert_int_equal(size_of("spool.0000000000000000"), size);
	assert_int_equal(size_of("current"), 0);
	spool_close(&s);
	/* Without links there is a moment without `current`. */
	assert_int_equal(unlink(in_folder("current")), 0);
	take(&s);
	assert_int_equal(s.base, size);
	assert_int_equal(s.size, 0);
	spool_close(&s);
}

static void what_is_done_by_hand_is_noticed(void **state)
{
	struct spool s;

	(void)state;
	take(&s);
	put(&s, "one\ntwo\n");
	disk_truncate(in_folder("current"), 4);
	assert_int_equal(spool_check(&s), 0);
	put(&s, "three\n");
	expect_content("current", "one\nthree\n");
	disk_remove(in_folder("current"));
	assert_int_equal(spool_check(&s), 0);
	put(&s, "four\n");
	expect_content("current", "four\n");
	spool_close(&s);
}

static void links_in_its_folder_are_not_followed(void **state)
{
	static const char *const names[] = { "lock", "current" };
	struct spool s;

	(void)state;
	disk_write(disk_path(state_dir, "victim"), "precious\n");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
			spool_open(&s, state_dir, "app", BYTES, lines), 0);
		disk_link("../victim", in_folder(names[i]));
		assert_int_equal(spool_take(&s), -1);
		assert_int_equal(unlink(in_folder(names[i])), 0);
		spool_close(&s);
	}
	/* `next` is deleted, not followed. */
	disk_link("../victim", in_folder("next"));
	take(&s);
	put(&s, "x\n");
	spool_close(&s);
	assert_int_equal(disk_entries(folder), 4);
	struct bytes text = BYTES_INIT;

	disk_read(&text, disk_path(state_dir, "victim"));
	assert_string_equal(bytes_text(&text), "precious\n");
	bytes_release(&text);
}

static void other_files_in_its_folder_are_left_alone(void **state)
{
	static const char *const names[] = { "spool.1",
		"spool.000000000000000x", "spool.00000000000000000", "README" };
	struct spool s;

	(void)state;
	disk_subfolder(state_dir, "app");
	for (size_t i = 0; i < 4; i++)
		disk_write(in_folder(names[i]), "mine\n");
	take(&s);
	for (int i = 0; i < 20; i++) {
		fill(&s);
		assert_int_equal(spool_rotate(&s), 0);
	}
	for (size_t i = 0; i < 4; i++)
		expect_content(names[i], "mine\n");
	spool_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(begins_empty_and_allocated),
		TEST(appends_what_comes_and_ends_a_record),
		TEST(a_record_that_ends_in_memory_is_ended_once),
		TEST(one_process_at_a_time_writes),
		TEST(segments_are_named_after_where_they_begin),
		TEST(keeps_to_its_cap),
		TEST(a_rotation_that_was_cut_off_is_finished),
		TEST(what_is_done_by_hand_is_noticed),
		TEST(links_in_its_folder_are_not_followed),
		TEST(other_files_in_its_folder_are_left_alone),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
