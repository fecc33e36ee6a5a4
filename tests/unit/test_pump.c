/*
 * The thread that reads pipes: what it makes of what is written, and who of
 * several does it. Two pumps of one process are as far from each other as
 * those of two: locks belong to what was opened, not to processes.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/pump.h"
#include "common/spool.h"
#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"

#define BYTES	131072
#define SEGMENT (BYTES / SPOOL_SEGMENTS)

static const char *folder;
static const char *state_dir;
static const char *path;
static struct source_config config;
static bool without_inotify;

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);

int __wrap_inotify_init1(int flags)
{
	if (!without_inotify)
		return __real_inotify_init1(flags);
	errno = EMFILE;
	return -1;
}

static int setup(void **state)
{
	(void)state;
	without_inotify = false;
	folder = disk_folder();
	state_dir = disk_subfolder(folder, "state");
	path = disk_path(folder, "pipe");
	config = (struct source_config){ .name = (char *)(uintptr_t) "app",
		.type = SOURCE_FIFO,
		.path = (char *)(uintptr_t)path,
		.spool_bytes = BYTES,
		.create = true,
		.mode = 0600 };
	return 0;
}

static struct pump *start_in(const char *dir, struct pump_source **source)
{
	struct pump *p = pump_new();
	struct pump_source *s;

	assert_non_null(p);
	s = pump_add(p, &config, dir);
	assert_non_null(s);
	assert_int_equal(pump_start(p), 0);
	if (source)
		*source = s;
	return p;
}

static struct pump *start(void)
{
	return start_in(state_dir, NULL);
}

/* All that came, oldest first: of names that are in order, "current" last. */
static void read_all(struct bytes *out, const char *dir)
{
	char name[64];
	unsigned long long base = 0;
	struct stat st;

	bytes_clear(out);
	for (;;) {
		snprintf(name, sizeof(name), "app/spool.%016llu", base);
		if (stat(disk_path(dir, "%s", name), &st) < 0)
			break;
		disk_read(out, disk_path(dir, "%s", name));
		assert_true(st.st_size >= (off_t)SPLIT_CONTEXT);
		assert_true(split_ends(config.format,
			out->data + out->len - SPLIT_CONTEXT, SPLIT_CONTEXT));
		base += (unsigned long long)st.st_size;
	}
	disk_read(out, disk_path(dir, "app/current"));
}

static bool holds(const char *dir, const char *text)
{
	struct bytes all = BYTES_INIT;
	bool same;

	read_all(&all, dir);
	same = strcmp(bytes_text(&all), text) == 0;
	bytes_release(&all);
	return same;
}

static void moves_what_is_written(void **state)
{
	struct pump *p = start();

	(void)state;
	pipe_write(path, "one\n");
	wait_for(holds(state_dir, "one\n"));
	pipe_write(path, "two\nthree\n");
	wait_for(holds(state_dir, "one\ntwo\nthree\n"));
	pump_free(p);
}

static void takes_what_is_there_before_it_ends(void **state)
{
	struct pump *p = start();
	int fd = pipe_open(path);

	(void)state;
	for (int i = 0; i < 1000; i++)
		pipe_put(fd, "line\n");
	close(fd);
	pump_free(p);
	struct bytes all = BYTES_INIT;

	read_all(&all, state_dir);
	assert_int_equal(all.len, 5000);
	bytes_release(&all);
}

static void half_a_record_is_ended_with_the_last_writer(void **state)
{
	struct pump *p = start();
	int a = pipe_open(path), b = pipe_open(path);

	(void)state;
	pipe_put(a, "half");
	close(a);
	pipe_put(b, " and half\nwhole");
	wait_for(holds(state_dir, "half and half\nwhole"));
	/* Whoever takes over does not end what may go on. */
	pump_free(p);
	p = start();
	pipe_put(b, "!");
	wait_for(holds(state_dir, "half and half\nwhole!"));
	close(b);
	wait_for(holds(state_dir, "half and half\nwhole!\n"));
	pump_free(p);
}

/* Small ones one after the other: none before the last one was taken. */
static void write_pieces(int fd, const struct bytes *text, size_t size)
{
	int waiting;

	for (size_t at = 0; at < text->len; at += size) {
		size_t len = text->len - at < size ? text->len - at : size;

		assert_int_equal(write(fd, text->data + at, len), len);
		if (size < PIPE_BUF)
			wait_for(ioctl(fd, FIONREAD, &waiting) == 0 &&
				 waiting == 0);
	}
}

/* A writer of blocks, large or small, which end anywhere: each segment ends
 * with a record all the same (read_all looks). */
static void write_blocks(size_t block)
{
	struct pump *p = start();
	struct bytes text = BYTES_INIT;
	int fd = pipe_open(path);

	for (int i = 0; text.len < 4 * SEGMENT; i++)
		bytes_add_format(&text, "%d %.*s\n", i, i % 200,
			"....................................................."
			"....................................................."
			"....................................................."
			"...................................................."
			".");
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	write_pieces(fd, &text, block);
	wait_for(holds(state_dir, bytes_text(&text)));
	assert_true(disk_entries(disk_path(state_dir, "app")) >= 3 + 3);
	close(fd);
	bytes_release(&text);
	pump_free(p);
}

static void segments_end_with_a_record(void **state)
{
	(void)state;
	write_blocks(SIZE_MAX);
	disk_remove(disk_path(state_dir, "app"));
	write_blocks(3001);
}

/* The same for blocks, with line ends of every kind. */
static void segments_end_with_a_block(void **state)
{
	static const char *const ends[] = { "\n\n", "\r\n\r\n", "\n\n\n",
		"\n: comment\n\n", "\ndata: more\n\n", "\r\n\r", "\r\r" };
	struct bytes text = BYTES_INIT;
	char name[64];
	struct pump *p;
	int fd;

	(void)state;
	config.format = SPLIT_BLOCKS;
	p = start();
	fd = pipe_open(path);
	for (int i = 0; text.len < 4 * SEGMENT; i++)
		bytes_add_format(
			&text, "data: %d%*s%s", i, i % 200, "", ends[i % 7]);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(write(fd, text.data, text.len), text.len);
	wait_for(holds(state_dir, bytes_text(&text)));
	assert_true(disk_entries(disk_path(state_dir, "app")) >= 3 + 3);
	for (unsigned long long base = 0;;) {
		struct bytes segment = BYTES_INIT;

		snprintf(name, sizeof(name), "app/spool.%016llu", base);
		if (!disk_exists(disk_path(state_dir, "%s", name)))
			break;
		disk_read(&segment, disk_path(state_dir, "%s", name));
		assert_true(segment.len > 4);
		assert_true(split_ends(
			SPLIT_BLOCKS, segment.data + segment.len - 4, 4));
		base += segment.len;
		bytes_release(&segment);
	}
	close(fd);
	bytes_release(&text);
	pump_free(p);
}

static void half_a_block_is_ended_with_the_last_writer(void **state)
{
	struct pump *p;

	(void)state;
	config.format = SPLIT_BLOCKS;
	p = start();
	pipe_write(path, "data: half");
	wait_for(holds(state_dir, "data: half\n\n"));
	pipe_write(path, "data: half\r\n");
	wait_for(holds(state_dir, "data: half\n\ndata: half\r\n\n"));
	pump_free(p);
}

/* A record of several lines is not spread over segments. */
static void segments_end_before_a_line_that_begins_one(void **state)
{
	struct bytes text = BYTES_INIT;
	char name[64];
	struct pump *p;
	int fd;

	(void)state;
	config.format = SPLIT_MULTILINE;
	p = start();
	fd = pipe_open(path);
	for (int i = 0; text.len < 4 * SEGMENT; i++)
		bytes_add_format(&text, "%d\n at %*d\n\tat\n", i, i % 200, i);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(write(fd, text.data, text.len), text.len);
	wait_for(holds(state_dir, bytes_text(&text)));
	assert_true(disk_entries(disk_path(state_dir, "app")) >= 3 + 3);
	for (unsigned long long base = 0; base < text.len;) {
		struct stat st;

		assert_false(split_goes_on(text.data[base]));
		snprintf(name, sizeof(name), "app/spool.%016llu", base);
		if (stat(disk_path(state_dir, "%s", name), &st) < 0)
			break;
		base += (unsigned long long)st.st_size;
	}
	close(fd);
	bytes_release(&text);
	pump_free(p);
}

/* What a record that is too long leaves in its segment is the start of it, and
 * it ends there: its rest is no record. */
static void expect_cut(const char *record, size_t len, const char *after)
{
	struct pump *p = start();
	struct bytes all = BYTES_INIT;
	size_t rest = strlen(after), cut;
	int fd = pipe_open(path);

	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(write(fd, "a\n\n", 3), 3);
	assert_int_equal(write(fd, record, len), len);
	assert_int_equal(write(fd, after, rest), rest);
	close(fd);
	pump_free(p);
	read_all(&all, state_dir);
	assert_true(all.len > 3 + config.max_line_bytes + rest);
	cut = all.len - rest - 3;
	assert_true(cut <= SEGMENT);
	assert_memory_equal(all.data + 3, record, config.max_line_bytes);
	assert_true(split_ends(config.format,
		all.data + 3 + cut - SPLIT_CONTEXT, SPLIT_CONTEXT));
	assert_string_equal(all.data + 3 + cut, after);
	assert_true(cut == len || memmem(all.data, all.len, "tail", 4) == NULL);
	bytes_release(&all);
	disk_remove(disk_path(state_dir, "app"));
}

static void of_a_record_that_is_too_long_there_is_no_second_part(void **state)
{
	static const char *const ends[] = { "\n\n", "\r\n\n", "\r\r",
		"\r\n\r" };
	char *record = malloc(5 * SEGMENT);

	(void)state;
	config.max_line_bytes = SEGMENT / 2;
	for (size_t len = SEGMENT - 20; len < SEGMENT + 20; len++) {
		memset(record, 'x', len);
		record[len - 1] = '\n';
		config.format = SPLIT_LINES;
		expect_cut(record, len, "after\n");
	}
	for (size_t i = 0; i < 4; i++) {
		size_t len = (i + 2) * SEGMENT, end = strlen(ends[i]);

		memset(record, 'x', len);
		memcpy(record + len - 100, "\ndata: tail\nevent: tail\r\n", 26);
		memcpy(record + len - end, ends[i], end);
		config.format = SPLIT_BLOCKS;
		expect_cut(record, len, "data: after\n\n");
	}
	free(record);
}

/* However slowly it comes. */
static void a_record_that_is_too_long_takes_no_more_than_its_segment(
	void **state)
{
	struct bytes head = BYTES_INIT, rest = BYTES_INIT, all = BYTES_INIT;
	struct pump *p;
	int fd;

	(void)state;
	config.max_line_bytes = SEGMENT / 2;
	config.format = SPLIT_BLOCKS;
	p = start();
	fd = pipe_open(path);
	bytes_add_format(&head, "data: %0*d", SEGMENT - 20, 1);
	bytes_add_format(&rest, "%0*d\ndata: tail\n\nafter\n\n", 200, 1);
	write_pieces(fd, &head, 3001);
	write_pieces(fd, &rest, 1);
	close(fd);
	pump_free(p);
	disk_read(&all, disk_path(state_dir, "app/spool.0000000000000000"));
	assert_in_range(all.len, SEGMENT - SPOOL_END_BYTES, SEGMENT);
	assert_memory_equal(all.data, head.data, config.max_line_bytes);
	bytes_clear(&all);
	disk_read(&all, disk_path(state_dir, "app/current"));
	assert_string_equal(bytes_text(&all), "after\n\n");
	bytes_release(&head);
	bytes_release(&rest);
	bytes_release(&all);
}

/* Wherever in a segment it begins. */
static void a_record_that_is_not_too_long_is_whole(void **state)
{
	enum { LONG = SEGMENT / 2 };

	(void)state;
	config.max_line_bytes = LONG;
	for (int before = 1; before < SEGMENT; before += 509) {
		struct pump *p = start();
		struct bytes text = BYTES_INIT;
		int fd = pipe_open(path);

		for (int len = before; len > LONG; len -= LONG)
			bytes_add_format(&text, "%*d\n", LONG, before);
		bytes_add_format(&text, "%*d\n", before % LONG, 1);
		for (int i = 0; i < 4; i++)
			bytes_add_format(&text, "%*d\n", LONG, i);
		assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
		write_pieces(fd, &text, 3001);
		close(fd);
		pump_free(p);
		assert_true(holds(state_dir, bytes_text(&text)));
		bytes_release(&text);
		disk_remove(disk_path(state_dir, "app"));
	}
}

static void another_goes_on_when_the_first_ends(void **state)
{
	struct pump *a = start(), *b = start(), *c = start();
	int fd = pipe_open(path);

	(void)state;
	pipe_put(fd, "1\n");
	wait_for(holds(state_dir, "1\n"));
	pump_free(a);
	pipe_put(fd, "2\n");
	wait_for(holds(state_dir, "1\n2\n"));
	pump_free(b);
	pipe_put(fd, "3\n");
	wait_for(holds(state_dir, "1\n2\n3\n"));
	close(fd);
	pump_free(c);
}

static void without_inotify_the_timer_does(void **state)
{
	struct pump *a, *b;

	(void)state;
	without_inotify = true;
	a = start();
	b = start();
	pipe_write(path, "1\n");
	wait_for(holds(state_dir, "1\n"));
	pump_free(a);
	pipe_write(path, "2\n");
	wait_for(holds(state_dir, "1\n2\n"));
	pump_free(b);
}

/* Who has another state directory gets nothing, and tears nothing apart. */
static void one_state_directory_has_all_of_a_pipe(void **state)
{
	const char *other = disk_subfolder(folder, "other");
	struct pump *a = start(), *b = start_in(other, NULL);

	(void)state;
	pipe_write(path, "1\n2\n3\n");
	wait_for(holds(state_dir, "1\n2\n3\n"));
	assert_true(holds(other, ""));
	pump_free(a);
	pipe_write(path, "4\n");
	wait_for(holds(other, "4\n"));
	pump_free(b);
}

static void says_how_the_path_is(void **state)
{
	struct pump_source *s;
	struct pump *p;

	(void)state;
	config.create = false;
	p = start_in(state_dir, &s);
	assert_int_equal(pump_state(s), FILE_ABSENT);
	disk_write(path, "x\n");
	wait_for(pump_state(s) == FILE_NOT_A_FILE);
	disk_remove(path);
	wait_for(pump_state(s) == FILE_ABSENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	wait_for(pump_state(s) == FILE_OPEN);
	pump_free(p);
}

/* Two pipes at one path, one after the other: no half of a record of one is
 * glued to one of the other. */
static void a_pipe_that_was_replaced_is_read_to_its_end(void **state)
{
	struct pump *p = start();
	int old = pipe_open(path), new;

	(void)state;
	pipe_put(old, "old\nha");
	wait_for(holds(state_dir, "old\nha"));
	assert_int_equal(unlink(path), 0);
	new = pipe_open(path);
	pipe_put(new, "new\n");
	wait_for(holds(state_dir, "old\nha\nnew\n"));
	pipe_put(old, "late\n");
	wait_for(holds(state_dir, "old\nha\nnew\nlate\n"));
	close(old);
	close(new);
	pump_free(p);
}

#define DESCRIPTORS_MAX 256

/* Which ones are open. */
static void list_descriptors(bool open[DESCRIPTORS_MAX])
{
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		open[fd] = fcntl(fd, F_GETFD) >= 0;
}

static void no_descriptor_is_left_or_inherited(void **state)
{
	bool before[DESCRIPTORS_MAX], during[DESCRIPTORS_MAX];
	size_t new = 0;
	struct pump *p;

	(void)state;
	list_descriptors(before);
	p = start();
	pipe_write(path, "x\n");
	wait_for(holds(state_dir, "x\n"));
	list_descriptors(during);
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
		if (before[fd] || !during[fd])
			continue;
		if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			fail_msg("descriptor %d is inherited", fd);
		new ++;
	}
	/* The pipe, the lock, the segment, the next one ... */
	assert_true(new > 8);
	pump_free(p);
	list_descriptors(during);
	assert_memory_equal(before, during, sizeof(before));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(moves_what_is_written),
		TEST(takes_what_is_there_before_it_ends),
		TEST(half_a_record_is_ended_with_the_last_writer),
		TEST(segments_end_with_a_record),
		TEST(segments_end_with_a_block),
		TEST(half_a_block_is_ended_with_the_last_writer),
		TEST(segments_end_before_a_line_that_begins_one),
		TEST(of_a_record_that_is_too_long_there_is_no_second_part),
		TEST(a_record_that_is_too_long_takes_no_more_than_its_segment),
		TEST(a_record_that_is_not_too_long_is_whole),
		TEST(another_goes_on_when_the_first_ends),
		TEST(without_inotify_the_timer_does),
		TEST(one_state_directory_has_all_of_a_pipe),
		TEST(says_how_the_path_is),
		TEST(a_pipe_that_was_replaced_is_read_to_its_end),
		TEST(no_descriptor_is_left_or_inherited),
	};

	return cmocka_run_group_tests_name("pump", tests, NULL, NULL);
}
