/*
 * The first records of a first connect, and the seam between them and what
 * is written meanwhile, from both programs.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/process.h"
#include "tests/lib/site.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Appends "line FROM" to "line TO - 1" with one write. */
static void append_lines(const char *log, int from, int to)
{
	struct bytes text = BYTES_INIT;

	for (int i = from; i < to; i++)
		bytes_add_format(&text, "line %d\n", i);
	disk_append_bytes(log, bytes_text(&text), text.len);
	bytes_release(&text);
}

/* Waits for the events up to "line TO - 1" that begin with "line FROM", and
 * nothing else. */
static void expect_all_(struct reader *r, int from, int to)
{
	char line[32];

	for (int i = from; i < to; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		reader_wait_events(r, (uint64_t)(i - from + 1));
		assert_string_equal(r->events[i - from].type, "message");
		assert_string_equal(r->events[i - from].data, line);
	}
	assert_int_equal(r->event_count, to - from);
}
#define expect_all(...) TEST_HERE(expect_all_(__VA_ARGS__))

/* Opens with that query, has a line appended, and expects `history` lines
 * before it. There were `have`; one more afterwards. */
static void expect_history_(struct site *s, const char *log, const char *query,
	int have, int history)
{
	struct reader *r =
		site_open(s, &(struct ask){ .path = "/app", .query = query });

	reader_wait_comments(r, 1);
	append_lines(log, have, have + 1);
	expect_all_(r, have - history, have + 1);
	site_close(s, r);
}
#define expect_history(...) TEST_HERE(expect_history_(__VA_ARGS__))

static void a_first_connect_gets_the_configured_history(void **state)
{
	struct site *s = *state;
	static const struct {
		const char *keys;
		int history;
	} rows[] = {
		{ "", 10 },
		{ "history = 0;", 0 },
		{ "history = 1;", 1 },
		{ "history = 37;", 37 },
		{ "history = 1000;", 100 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *log = site_configure_log(s, rows[i].keys);

		disk_write(log, "%s", "");
		append_lines(log, 0, 100);
		expect_history(s, log, NULL, 100, rows[i].history);
		site_restart(s);
	}
}

static void tail_asks_for_as_many_as_there_may_be(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "history_max = 150;");
	static const struct {
		const char *query;
		int history;
	} rows[] = {
		{ "tail=0", 0 },
		{ "tail=1", 1 },
		{ "tail=2", 2 },
		{ "tail=10", 10 },
		{ "tail=99", 99 },
		{ "tail=150", 150 },
		{ "tail=151", 150 },
		{ "tail=4294967296", 150 },
		{ "tail=99999999999999999999999", 150 },
	};
	int have = 200;

	disk_touch(log);
	append_lines(log, 0, have);
	for (size_t i = 0; i < COUNT(rows); i++, have++)
		expect_history(s, log, rows[i].query, have, rows[i].history);
}

static void more_than_there_are_is_all_of_them(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");

	disk_touch(log);
	expect_history(s, log, "tail=5", 0, 0);
	expect_history(s, log, "tail=5", 1, 1);
	expect_history(s, log, NULL, 2, 2);
	expect_history(s, log, "tail=1000", 3, 3);
}

static void history_max_of_nothing_is_no_history(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "history_max = 0;");

	disk_touch(log);
	append_lines(log, 0, 20);
	expect_history(s, log, NULL, 20, 0);
	expect_history(s, log, "tail=7", 21, 0);
}

static void a_resume_point_is_stronger_than_tail(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	char *id;

	disk_touch(log);
	append_lines(log, 0, 20);
	struct reader *r = site_open_path(s, "/app");
	expect_all(r, 10, 20);
	id = strdup(reader_event(r, 3)->id);
	struct reader *again = site_open(s, &(struct ask){ .path = "/app",
						    .query = "tail=2",
						    .last_event_id = id });
	expect_all(again, 14, 20);
	append_lines(log, 20, 21);
	expect_all(again, 14, 21);
	free(id);
}

static void a_last_line_that_is_not_complete_is_no_history(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");

	disk_touch(log);
	append_lines(log, 0, 5);
	disk_append(log, "line 5");
	struct reader *r = site_open(
		s, &(struct ask){ .path = "/app", .query = "tail=3" });
	expect_all(r, 2, 5);
	disk_append(log, "\n");
	expect_all(r, 2, 6);
}

static void history_reaches_into_rotated_files(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	const char *one = disk_path(s->folder, "app.log.1");
	const char *two = disk_path(s->folder, "app.log.2");
	static const struct {
		const char *query;
		int history;
	} rows[] = {
		{ "tail=1", 1 },
		{ "tail=4", 4 },
		{ "tail=5", 5 },
		{ "tail=6", 6 },
		{ "tail=10", 10 },
		{ "tail=11", 11 },
		{ "tail=14", 14 },
		{ "tail=15", 15 },
		{ "tail=100", 15 },
	};
	int first = 0;

	for (size_t i = 0; i < COUNT(rows); i++) {
		disk_write(two, "%s", "");
		disk_write(one, "%s", "");
		disk_write(log, "%s", "");
		append_lines(two, first, first + 5);
		append_lines(one, first + 5, first + 10);
		append_lines(log, first + 10, first + 15);
		expect_history(
			s, log, rows[i].query, first + 15, rows[i].history);
		/* Of the next row nothing is known yet. */
		site_restart(s);
		first += 1000;
	}
}

static void history_reaches_over_an_empty_new_file(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");

	disk_touch(log);
	append_lines(log, 0, 20);
	disk_rename(log, disk_path(s->folder, "app.log.1"));
	disk_touch(log);
	expect_history(s, log, NULL, 20, 10);
}

static void history_of_several_sources_is_that_of_each(void **state)
{
	struct site *s = *state;
	struct reader *r;
	int next[2] = { 17, 17 };

	site_configure(s, "sources = ( { name = \"a\"; path = \"a\"; },\n"
			  "{ name = \"b\"; path = \"b\"; } );\n");
	append_lines(disk_path(s->folder, "a"), 0, 20);
	append_lines(disk_path(s->folder, "b"), 0, 20);
	r = site_open(s, &(struct ask){ .path = "/a,b", .query = "tail=3" });
	reader_wait_events(r, 6);
	for (size_t i = 0; i < 6; i++) {
		const struct reader_event *e = reader_event(r, i);
		char line[32];

		snprintf(line, sizeof(line), "line %d",
			next[strcmp(e->type, "b") == 0]++);
		assert_string_equal(e->data, line);
	}
	assert_int_equal(next[0], 20);
	assert_int_equal(next[1], 20);
}

/* ---- the seam */

/* A program that appends numbered lines without a pause, by one write(2)
 * each, until it is ended. */
static struct process *start_writer(const char *log)
{
	return process_run("/bin/sh", "-c",
		"i=0; while :; do echo \"line $i\"; i=$((i + 1)); done "
		">>\"$0\"",
		log, NULL);
}

static bool has_grown(const char *log, size_t bytes)
{
	struct bytes all = BYTES_INIT;
	bool grown;

	disk_read(&all, log);
	grown = all.len > bytes;
	bytes_release(&all);
	return grown;
}

static void expect_seamless(struct reader *r, size_t count)
{
	int first = -1;

	reader_wait_events(r, count);
	for (size_t i = 0; i < count; i++) {
		const struct reader_event *e = reader_event(r, i);
		int n;

		assert_string_equal(e->type, "message");
		assert_int_equal(sscanf(e->data, "line %d", &n), 1);
		if (first < 0)
			first = n;
		if (n != first + (int)i)
			fail_msg("event %zu is line %d, not %d", i, n,
				first + (int)i);
	}
}

static void nothing_is_missing_or_doubled_at_the_seam(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	static const char *const queries[] = { "tail=0", "tail=1", "tail=10",
		"tail=1000" };
	struct process *writer;

	disk_touch(log);
	writer = start_writer(log);
	wait_for(has_grown(log, 20000));
	for (size_t i = 0; i < 12; i++) {
		struct reader *r = site_open(
			s, &(struct ask){ .path = "/app",
				   .query = queries[i % COUNT(queries)] });

		expect_seamless(r, 1500);
		site_close(s, r);
	}
	process_kill(writer);
}

/* Those who come later find the source open, and much of it in memory. */
static void nothing_is_missing_at_the_seam_of_later_ones(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	struct reader *r[10];
	struct process *writer;

	disk_touch(log);
	writer = start_writer(log);
	wait_for(has_grown(log, 20000));
	for (size_t i = 0; i < COUNT(r); i++) {
		r[i] = site_open(s,
			&(struct ask){ .path = "/app", .query = "tail=100" });
		expect_seamless(r[i], 300);
	}
	for (size_t i = 0; i < COUNT(r); i++)
		expect_seamless(r[i], 3000);
	process_kill(writer);
}

/* Whoever comes and goes while the log is being rotated. */
static void nothing_is_missing_at_the_seam_between_files(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	int next = 100;

	disk_touch(log);
	append_lines(log, 0, next);
	for (int i = 0; i < 15; i++) {
		struct reader *r;

		if (i % 3 == 0) {
			disk_rename(log, disk_path(s->folder, "app.log.1"));
			disk_touch(log);
		}
		append_lines(log, next, next + 3);
		next += 3;
		r = site_open(
			s, &(struct ask){ .path = "/app", .query = "tail=20" });
		append_lines(log, next, next + 3);
		next += 3;
		/* It may have come before or after the last three lines. */
		wait_for(r->event_count >= 20 &&
			 atoi(r->events[r->event_count - 1].data + 5) ==
				 next - 1);
		expect_seamless(r, r->event_count);
		assert_true(r->event_count <= 23);
		site_close(s, r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(a_first_connect_gets_the_configured_history),
		SITE_TESTS(tail_asks_for_as_many_as_there_may_be),
		SITE_TESTS(more_than_there_are_is_all_of_them),
		SITE_TESTS(history_max_of_nothing_is_no_history),
		SITE_TESTS(a_resume_point_is_stronger_than_tail),
		SITE_TESTS(a_last_line_that_is_not_complete_is_no_history),
		SITE_TESTS(history_reaches_into_rotated_files),
		SITE_TESTS(history_reaches_over_an_empty_new_file),
		SITE_TESTS(history_of_several_sources_is_that_of_each),
		SITE_TESTS(nothing_is_missing_or_doubled_at_the_seam),
		SITE_TESTS(nothing_is_missing_at_the_seam_of_later_ones),
		SITE_TESTS(nothing_is_missing_at_the_seam_between_files),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
