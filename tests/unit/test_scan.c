/*
 * Records of real files, through windows of every size, against a simple
 * splitter that has the whole file in memory.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/place.h"
#include "common/scan.h"
#include "common/split.h"
#include "tests/lib/disk.h"

static struct file *open_file(const char *path, bool finished)
{
	struct file *f = NULL;

	assert_int_equal(file_open(AT_FDCWD, path, &f), FILE_OPEN);
	f->finished = finished;
	return f;
}

static uint64_t check_of(const char *bytes, size_t offset)
{
	size_t head = offset < PLACE_HEAD_BYTES ? offset : PLACE_HEAD_BYTES;
	size_t last = offset < PLACE_LAST_BYTES ? offset : PLACE_LAST_BYTES;

	return place_check(place_head_hash(bytes, head), bytes + offset - last,
		last, offset);
}

/* The next record of `len` bytes at *offset, as split.h defines it. */
static bool model_next(const char *bytes, size_t len, bool at_end, size_t max,
	size_t *offset, struct record *r)
{
	const char *start = bytes + *offset;
	const char *newline = memchr(start, '\n', len - *offset);
	size_t size = newline ? (size_t)(newline - start) : len - *offset;

	if (!newline && (!at_end || size == 0))
		return false;
	r->start = *offset;
	r->end = *offset + size + (newline != NULL);
	if (newline && size > 0 && start[size - 1] == '\r')
		size--;
	while (size > 0 && *start == '\0')
		start++, size--;
	r->data = newline || size > 0 ? start : NULL;
	r->data_len = size > max ? split_cut(start, max) : size;
	r->dropped = size - r->data_len;
	r->check = r->end ? check_of(bytes, r->end) : 0;
	*offset = r->end;
	return true;
}

static enum scan_outcome next(struct scan *s, struct record *r)
{
	enum scan_outcome outcome;

	do
		outcome = scan_next(s, r);
	while (outcome == SCAN_MORE);
	return outcome;
}

static void assert_record(const struct record *r, const struct record *m,
	size_t window, size_t max)
{
	if (!r->data != !m->data || r->start != m->start || r->end != m->end ||
		r->data_len != m->data_len || r->dropped != m->dropped ||
		r->check != m->check ||
		(r->data_len > 0 && memcmp(r->data, m->data, r->data_len) != 0))
		fail_msg("window %zu, limit %zu: record %llu to %llu, %zu "
			 "bytes, %llu dropped; expected %llu to %llu, %zu "
			 "bytes, %llu dropped",
			window, max, (unsigned long long)r->start,
			(unsigned long long)r->end, r->data_len,
			(unsigned long long)r->dropped,
			(unsigned long long)m->start,
			(unsigned long long)m->end, m->data_len,
			(unsigned long long)m->dropped);
}

/* Reads on from `offset`, a record's end, through windows of one size. */
static void compare_from(struct buffer *window, struct file *f,
	const struct bytes *content, size_t offset, size_t limit,
	size_t window_bytes, size_t max)
{
	bool at_end = f->finished && limit == f->size;
	struct record r, m;
	struct scan s;

	assert_int_equal(
		scan_begin(SPLIT_LINES, &s, window, window_bytes, f, offset,
			offset ? check_of(content->data, offset) : 0, limit,
			max),
		SCAN_RECORD);
	while (model_next(content->data, limit, at_end, max, &offset, &m)) {
		assert_int_equal(next(&s, &r), SCAN_RECORD);
		assert_record(&r, &m, window_bytes, max);
		assert_int_equal(s.offset, offset);
	}
	assert_int_equal(next(&s, &r), SCAN_NOTHING);
}

static void compare(
	const char *path, const size_t *windows, size_t count, size_t max)
{
	struct buffer window = BUFFER_INIT;
	struct bytes content = BYTES_INIT;

	disk_read(&content, path);
	for (int finished = 0; finished < 2; finished++) {
		for (size_t i = 0; i < count; i++) {
			struct file *f = open_file(path, finished);

			compare_from(&window, f, &content, 0, content.len,
				windows[i], max);
			file_close(f);
		}
	}
	buffer_release(&window);
	bytes_release(&content);
}

static const size_t windows[] = { 1, 2, 3, 64, 511, 512, 513, 4096, 20480,
	65536, 262144 };

#define WINDOWS windows, sizeof(windows) / sizeof(*windows)

static void add_line(struct bytes *out, size_t len, const char *end)
{
	for (size_t i = 0; i < len; i++)
		bytes_add_byte(out, 'a' + (int)((len + i) % 26));
	bytes_add_text(out, end);
}

static void write_out(const char *path, struct bytes *content)
{
	disk_write_bytes(path, content->len ? content->data : "", content->len);
	bytes_release(content);
}

static void reads_what_a_simple_splitter_reads(void **state)
{
	const char *path = disk_path(disk_folder(), "log");

	(void)state;
	srand(1);
	for (int round = 0; round < 30; round++) {
		struct bytes content = BYTES_INIT;

		for (int i = 0; i < 60; i++) {
			static const char *const ends[] = { "\n", "\r\n",
				"\n\n", "\r\r\n", "\xc3\xa4\n",
				"\xc3\xa4\r\n" };
			size_t len = (size_t)rand() % (i % 7 == 0 ? 3000 : 90);

			for (int nul = rand() % 40 - 30; nul > 0; nul--)
				bytes_add_byte(&content, 0);
			add_line(&content, len, ends[rand() % 6]);
		}
		if (round % 2)
			add_line(&content, (size_t)rand() % 1200, "");
		write_out(path, &content);
		compare(path, WINDOWS, 1024);
		compare(path, WINDOWS, 16777216);
	}
}

/* Lines about as long as the limit, and the ends of windows. */
static void reads_lines_of_every_length_about_a_limit(void **state)
{
	static const size_t about[] = { 0, 254, 510, 1024, 4096, 20480 };
	const char *path = disk_path(disk_folder(), "log");

	(void)state;
	for (size_t i = 0; i < sizeof(about) / sizeof(*about); i++) {
		struct bytes content = BYTES_INIT;

		for (size_t len = about[i]; len < about[i] + 6; len++) {
			add_line(&content, len, "\n");
			add_line(&content, len, "\r\n");
			add_line(&content, len, "\xe2\x82\xac\r\n");
			bytes_add_byte(&content, 0);
			add_line(&content, len, "\xe2\x82\xac\n");
		}
		add_line(&content, about[i] + 2, "\r");
		write_out(path, &content);
		compare(path, WINDOWS, 1024);
		compare(path, WINDOWS, 20482);
	}
}

/* Over the limit, and over everything that is looked at in one go. */
static void cuts_long_lines_the_same_in_every_window(void **state)
{
	static const size_t lengths[] = { 65535, 65536, 65537, 70000, 131072,
		262143, 262144, 262145, 300000, 600000 };
	const char *path = disk_path(disk_folder(), "log");

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct bytes content = BYTES_INIT;

		add_line(&content, 10, "\n");
		add_line(&content, lengths[i], "\r\n");
		for (int nul = 0; nul < 100; nul++)
			bytes_add_byte(&content, 0);
		add_line(&content, lengths[i], "\n");
		add_line(&content, 10, "\n");
		add_line(&content, lengths[i], "");
		write_out(path, &content);
		compare(path, WINDOWS, 1024);
		compare(path, WINDOWS, 1048576);
	}
}

/* What a writer leaves that goes on at its old offset after a truncation. */
static void passes_over_holes(void **state)
{
	static const size_t holes[] = { 1, 511, 65535, 65536, 65537, 65538,
		200000, 300001, 1000000 };
	const char *path = disk_path(disk_folder(), "log");

	(void)state;
	for (size_t i = 0; i < sizeof(holes) / sizeof(*holes); i++) {
		for (size_t before = 0; before < 2; before++) {
			struct bytes content = BYTES_INIT;

			if (before)
				add_line(&content, 30, "\n");
			for (size_t nul = 0; nul < holes[i]; nul++)
				bytes_add_byte(&content, 0);
			add_line(&content, 700, "\n");
			add_line(&content, 7, "\n");
			for (size_t nul = 0; nul < holes[i]; nul++)
				bytes_add_byte(&content, 0);
			add_line(&content, 2000, "\r\n");
			/* and one that never ends */
			for (size_t nul = 0; nul < holes[i] / 2; nul++)
				bytes_add_byte(&content, 0);
			write_out(path, &content);
			compare(path, WINDOWS, 1024);
		}
	}
}

/* The text behind a hole, at every place of what is looked at in one go. */
static void passes_over_holes_to_any_place(void **state)
{
	static const size_t small[] = { 1, 20, 600 };
	const char *path = disk_path(disk_folder(), "log");

	(void)state;
	for (size_t hole = 65000; hole < 68000; hole += 37) {
		struct bytes content = BYTES_INIT;

		add_line(&content, 3, "\n");
		for (size_t nul = 0; nul < hole; nul++)
			bytes_add_byte(&content, 0);
		add_line(&content, 7, "\n");
		add_line(&content, 9, "\n");
		for (size_t nul = 0; nul < hole; nul++)
			bytes_add_byte(&content, 0);
		write_out(path, &content);
		compare(path, small, 3, 1024);
	}
}

/* A real hole, of a size nobody could read. */
static void jumps_over_a_sparse_hole(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	uint64_t size = (uint64_t)1 << 40;
	struct buffer window = BUFFER_INIT;
	struct file *f;
	struct record r;
	struct scan s;

	(void)state;
	disk_write(path, "%s", "");
	disk_truncate(path, (off_t)size);
	disk_append(path, "behind\nagain\n");
	f = open_file(path, false);
	assert_int_equal(scan_begin(SPLIT_LINES, &s, &window, 4096, f, 0, 0,
				 f->size, 1024),
		SCAN_RECORD);
	assert_int_equal(next(&s, &r), SCAN_RECORD);
	assert_int_equal(r.data_len, 6);
	assert_memory_equal(r.data, "behind", 6);
	assert_int_equal(r.end, size + 7);
	assert_int_equal(next(&s, &r), SCAN_RECORD);
	assert_memory_equal(r.data, "again", 5);
	assert_int_equal(next(&s, &r), SCAN_NOTHING);
	file_close(f);
	buffer_release(&window);
}

/* From every record's end, and up to every offset. */
static void begins_and_stops_anywhere(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct buffer window = BUFFER_INIT;
	struct bytes content = BYTES_INIT;
	struct record m;
	size_t end = 0;
	struct file *f;

	(void)state;
	for (size_t i = 0; i < 60; i++)
		add_line(&content, i * 7 % 41, i % 3 ? "\n" : "\r\n");
	disk_write_bytes(path, content.data, content.len);
	f = open_file(path, false);
	do {
		size_t from = end;

		for (size_t limit = from; limit <= content.len; limit++)
			compare_from(
				&window, f, &content, from, limit, 64, 1024);
	} while (model_next(content.data, content.len, false, 1024, &end, &m));
	file_close(f);
	buffer_release(&window);
	bytes_release(&content);
}

static void sees_that_the_content_before_is_another(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct buffer window = BUFFER_INIT;
	struct bytes content = BYTES_INIT;
	struct file *f;
	struct scan s;

	(void)state;
	for (int i = 0; i < 40; i++)
		add_line(&content, 40, "\n");
	for (size_t offset = 41; offset <= content.len; offset += 41) {
		uint64_t check = check_of(content.data, offset);
		size_t changed = offset < 600 ? offset / 2 : offset - 300;

		content.data[changed] ^= 1;
		disk_write_bytes(path, content.data, content.len);
		content.data[changed] ^= 1;
		f = open_file(path, false);
		assert_int_equal(scan_begin(SPLIT_LINES, &s, &window, 4096, f,
					 offset, check, f->size, 1024),
			SCAN_CHANGED);
		file_close(f);
	}
	/* Beyond the end of what is there now. */
	disk_truncate(path, 82);
	f = open_file(path, false);
	assert_int_equal(scan_begin(SPLIT_LINES, &s, &window, 4096, f, 123,
				 check_of(content.data, 123), f->size, 1024),
		SCAN_CHANGED);
	file_close(f);
	buffer_release(&window);
	bytes_release(&content);
}

/* A file that is truncated while it is read. */
static void sees_that_the_rest_is_gone(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct buffer window = BUFFER_INIT;
	struct bytes content = BYTES_INIT;
	enum scan_outcome outcome;
	struct record r;
	struct file *f;
	struct scan s;

	(void)state;
	for (int i = 0; i < 1000; i++)
		add_line(&content, 40, "\n");
	write_out(path, &content);
	f = open_file(path, false);
	assert_int_equal(scan_begin(SPLIT_LINES, &s, &window, 4096, f, 0, 0,
				 f->size, 1024),
		SCAN_RECORD);
	assert_int_equal(next(&s, &r), SCAN_RECORD);
	disk_truncate(path, 0);
	do
		outcome = next(&s, &r);
	while (outcome == SCAN_RECORD);
	assert_int_equal(outcome, SCAN_CHANGED);
	file_close(f);
	buffer_release(&window);
}

/* The end of a very long line is searched for in turns, each further on. */
static void searches_long_lines_in_turns(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct buffer window = BUFFER_INIT;
	struct bytes content = BYTES_INIT;
	struct record r;
	struct file *f;
	int turns = 0;

	(void)state;
	add_line(&content, 40u << 20, "\n");
	write_out(path, &content);
	f = open_file(path, false);
	for (;;) {
		enum scan_outcome outcome;
		struct scan s;

		/* Each time anew, as a feed does. */
		assert_int_equal(scan_begin(SPLIT_LINES, &s, &window, 4096, f,
					 0, 0, f->size, 1024),
			SCAN_RECORD);
		outcome = scan_next(&s, &r);
		if (outcome == SCAN_RECORD)
			break;
		assert_int_equal(outcome, SCAN_MORE);
		assert_true(++turns < 40);
		assert_true(window.cap < 1u << 20);
	}
	assert_true(turns > 2);
	assert_int_equal(r.end, (40u << 20) + 1);
	assert_int_equal(r.data_len, 1024);
	assert_int_equal(r.dropped, (40u << 20) - 1024);
	file_close(f);
	buffer_release(&window);
}

/* ---- back */

/* Where the last `records` before `end` start, and how many are missing. */
static size_t model_back(const char *bytes, size_t end, uint32_t *records)
{
	size_t start = end;

	while (*records > 0 && start > 0) {
		start--;
		while (start > 0 && bytes[start - 1] != '\n')
			start--;
		(*records)--;
	}
	return start;
}

static void goes_back_by_records(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct buffer window = BUFFER_INIT;

	(void)state;
	srand(2);
	for (int round = 0; round < 40; round++) {
		struct bytes content = BYTES_INIT;
		struct file *f;

		for (int i = rand() % 200; i > 0; i--)
			add_line(&content,
				(size_t)rand() % (round % 4 ? 50 : 20000),
				"\n");
		if (round % 3 == 0)
			add_line(&content, 5, "");
		disk_write_bytes(path, bytes_text(&content), content.len);
		f = open_file(path, false);
		for (uint32_t n = 0; n < 220; n++) {
			uint32_t left = n, expected = n;
			uint64_t start = 1;

			assert_int_equal(
				scan_back(SPLIT_LINES, &window, f, content.len,
					content.len, &left, &start),
				SCAN_RECORD);
			assert_int_equal(
				start, model_back(content.data, content.len,
					       &expected));
			assert_int_equal(left, expected);
		}
		file_close(f);
		bytes_release(&content);
	}
	buffer_release(&window);
}

/* It never stops inside a record, and never looks further than it may. */
static void goes_back_no_further_than_it_may(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct buffer window = BUFFER_INIT;
	struct bytes content = BYTES_INIT;
	struct file *f;

	(void)state;
	for (size_t i = 0; i < 300; i++)
		add_line(&content, i % 29, "\n");
	disk_write_bytes(path, content.data, content.len);
	f = open_file(path, false);
	for (size_t reach = 0; reach < content.len; reach += 3) {
		uint32_t left = 1000;
		uint64_t start;

		assert_int_equal(scan_back(SPLIT_LINES, &window, f, content.len,
					 reach, &left, &start),
			SCAN_RECORD);
		assert_true(content.len - start <= reach);
		assert_true(start == 0 || content.data[start - 1] == '\n');
	}
	file_close(f);
	buffer_release(&window);
	bytes_release(&content);
}

/* ---- blocks */

struct expected {
	uint64_t end;
	const char *data; /* or NULL */
	uint64_t passed;
	uint64_t dropped;
};

static void expect_blocks(struct buffer *window, const char *path,
	size_t window_bytes, const struct expected *expected, size_t count)
{
	struct file *f = open_file(path, false);
	uint64_t start = 0;
	struct record r;
	struct scan s;

	assert_int_equal(scan_begin(SPLIT_BLOCKS, &s, window, window_bytes, f,
				 0, 0, f->size, 1024),
		SCAN_RECORD);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(next(&s, &r), SCAN_RECORD);
		assert_int_equal(r.start, start);
		assert_int_equal(r.end, expected[i].end);
		assert_int_equal(r.passed, expected[i].passed);
		assert_int_equal(r.dropped, expected[i].dropped);
		assert_int_equal(r.data != NULL, expected[i].data != NULL);
		if (r.data)
			assert_memory_equal(r.data, expected[i].data,
				strlen(expected[i].data));
		start = r.end;
	}
	assert_int_equal(next(&s, &r), SCAN_NOTHING);
	file_close(f);
}

/* What was passed over is what is missing: blank lines and the mark of the byte
 * order are not, and a hole is wherever it stands. */
static void of_blocks_only_holes_are_missing(void **state)
{
	enum { HOLE = 70000, LONG = 5000 };
	static const struct expected expected[] = {
		{ 12, "data: a", 0, 0 },
		{ 13, NULL, 0, 0 }, /* the LF */
		{ 13 + HOLE + 9, "data: b", HOLE, 0 },
		{ 13 + HOLE + 9 + 2 + LONG + 2, NULL, 0, LONG + 2 },
		{ 13 + HOLE + 9 + 2 + LONG + 2 + 9, "data: c", 0, 0 },
	};
	const char *path = disk_path(disk_folder(), "log");
	struct bytes content = BYTES_INIT;
	struct buffer window = BUFFER_INIT;

	(void)state;
	bytes_add_text(&content, "\xef\xbb\xbf"
				 "data: a\r\r\n");
	for (size_t i = 0; i < HOLE; i++)
		bytes_add_byte(&content, 0);
	bytes_add_text(&content, "data: b\n\n"
				 "\n\n");
	add_line(&content, LONG, "\n\n");
	bytes_add_text(&content, "data: c\n\n");
	disk_write_bytes(path, content.data, content.len);
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++)
		expect_blocks(&window, path, windows[i], expected,
			sizeof(expected) / sizeof(*expected));
	buffer_release(&window);
	bytes_release(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			reads_what_a_simple_splitter_reads, test_cleanup),
		cmocka_unit_test_teardown(
			reads_lines_of_every_length_about_a_limit,
			test_cleanup),
		cmocka_unit_test_teardown(
			cuts_long_lines_the_same_in_every_window, test_cleanup),
		cmocka_unit_test_teardown(passes_over_holes, test_cleanup),
		cmocka_unit_test_teardown(
			passes_over_holes_to_any_place, test_cleanup),
		cmocka_unit_test_teardown(
			jumps_over_a_sparse_hole, test_cleanup),
		cmocka_unit_test_teardown(
			begins_and_stops_anywhere, test_cleanup),
		cmocka_unit_test_teardown(
			sees_that_the_content_before_is_another, test_cleanup),
		cmocka_unit_test_teardown(
			sees_that_the_rest_is_gone, test_cleanup),
		cmocka_unit_test_teardown(
			searches_long_lines_in_turns, test_cleanup),
		cmocka_unit_test_teardown(goes_back_by_records, test_cleanup),
		cmocka_unit_test_teardown(
			goes_back_no_further_than_it_may, test_cleanup),
		cmocka_unit_test_teardown(
			of_blocks_only_holes_are_missing, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
