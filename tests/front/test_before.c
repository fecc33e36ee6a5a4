/*
 * What was before a place: so many records, and the end, from both programs.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"
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

/* Asks for what was before an id; `more` follows it in the query. */
static struct reader *open_before(struct site *s, const char *path,
	const char *id, const char *more, const char *last_event_id)
{
	char query[600];

	snprintf(query, sizeof(query), "before=%s%s", id, more);
	return site_open(s, &(struct ask){ .path = path,
				    .query = query,
				    .last_event_id = last_event_id });
}

/* Waits for the end: these lines came, whole, and nothing else. */
static void expect_lines_(struct reader *r, int from, int to)
{
	reader_wait_end(r);
	assert_int_equal(r->status, 200);
	assert_false(r->sse.unfinished);
	assert_int_equal(r->event_count, to - from);
	for (int i = from; i < to; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %d", i);
		assert_string_equal(r->events[i - from].type, "message");
		assert_string_equal(r->events[i - from].data, line);
	}
}
#define expect_lines(...) TEST_HERE(expect_lines_(__VA_ARGS__))

/* Waits for the end: a gap for that reason, and nothing else. */
static void expect_gap_(struct reader *r, const char *reason)
{
	char data[100];

	snprintf(data, sizeof(data),
		"{\"source\": \"app\", \"reason\": \"%s\", \"bytes\": null}",
		reason);
	reader_wait_end(r);
	assert_int_equal(r->status, 200);
	assert_int_equal(r->event_count, 1);
	assert_string_equal(r->events[0].type, "gap");
	assert_string_equal(r->events[0].data, data);
	assert_true(strlen(reader_last_id(r)) > 10);
}
#define expect_gap(...) TEST_HERE(expect_gap_(__VA_ARGS__))

/* The id of the place where a stream starts, which its first block names. */
static char *start_of(struct reader *r)
{
	const char *at;

	wait_for(r->sse.checkpoints > 0);
	at = strstr(bytes_text(&r->body), "\nid: ") + 5;
	return strndup(at, strcspn(at, "\n"));
}

/* The ids of so many first lines; to be freed. */
static char **ids_of(struct site *s, const char *path, int count)
{
	char **ids = calloc((size_t)count, sizeof(*ids));
	struct reader *r = site_open(
		s, &(struct ask){ .path = path, .query = "tail=1000" });

	reader_wait_events(r, (uint64_t)count);
	for (int i = 0; i < count; i++)
		ids[i] = strdup(r->events[i].id);
	site_close(s, r);
	return ids;
}

static void free_ids(char **ids, int count)
{
	for (int i = 0; i < count; i++)
		free(ids[i]);
	free(ids);
}

enum { LINES = 50 };

/* Fifty lines in four files, one of them with a single one. */
static const char *write_four_files(struct site *s, const char *keys)
{
	const char *log = site_configure_log(s, keys);

	append_lines(disk_path(s->folder, "app.log.3"), 0, 17);
	append_lines(disk_path(s->folder, "app.log.2"), 17, 18);
	append_lines(disk_path(s->folder, "app.log.1"), 18, 40);
	append_lines(log, 40, LINES);
	return log;
}

/* ---- how many, and which */

static void every_place_has_so_many_records_before_it(void **state)
{
	struct site *s = *state;
	static const int tails[] = { 0, 1, 2, 9, 30, 1000 };
	char **ids;

	write_four_files(s, "");
	ids = ids_of(s, "/app", LINES);
	for (int i = 0; i < LINES; i++) {
		int tail = tails[(size_t)i % COUNT(tails)];
		char more[32];
		struct reader *r;

		snprintf(more, sizeof(more), "&tail=%d", tail);
		r = open_before(s, "/app", ids[i], more, NULL);
		expect_lines(r, i + 1 > tail ? i + 1 - tail : 0, i + 1);
		/* The same places as in the stream itself. */
		for (size_t j = 0; j < r->event_count; j++)
			assert_string_equal(r->events[j].id,
				ids[i + 1 - (int)r->event_count + (int)j]);
		site_close(s, r);
	}
	free_ids(ids, LINES);
}

static void going_back_from_start_to_start_gives_each_record_once(void **state)
{
	struct site *s = *state;
	static const int steps[] = { 1, 7, 10, 49 };

	write_four_files(s, "");
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct reader *r = site_open(
			s, &(struct ask){ .path = "/app", .query = "tail=0" });
		char *id = start_of(r), more[32];
		int to = LINES;

		site_close(s, r);
		snprintf(more, sizeof(more), "&tail=%d", steps[i]);
		while (to > 0) {
			int from = to > steps[i] ? to - steps[i] : 0;

			r = open_before(s, "/app", id, more, NULL);
			expect_lines(r, from, to);
			free(id);
			id = start_of(r);
			to = from;
			site_close(s, r);
		}
		/* There is nothing older. */
		expect_lines(open_before(s, "/app", id, more, NULL), 0, 0);
		free(id);
	}
}

static void as_many_as_for_a_first_connect(void **state)
{
	struct site *s = *state;
	char **ids;

	write_four_files(s, "history = 3; history_max = 20;");
	ids = calloc(1, sizeof(*ids));
	struct reader *r = site_open_path(s, "/app");
	reader_wait_events(r, 3);
	ids[0] = strdup(r->events[2].id);
	expect_lines(open_before(s, "/app", ids[0], "", NULL), 47, 50);
	expect_lines(open_before(s, "/app", ids[0], "&tail=20", NULL), 30, 50);
	expect_lines(open_before(s, "/app", ids[0], "&tail=21", NULL), 30, 50);
	expect_lines(open_before(s, "/app", ids[0], "&tail=99999999999", NULL),
		30, 50);
	free_ids(ids, 1);
}

static void the_source_is_asked_for_in_every_way(void **state)
{
	struct site *s = *state;
	static const char *const mores[] = { "&source=app", "", "" };
	static const char *const paths[] = { NULL, NULL, "/" };
	char **ids;

	write_four_files(s, "");
	ids = ids_of(s, "/app", LINES);
	for (size_t i = 0; i < COUNT(paths); i++)
		expect_lines(open_before(s, paths[i], ids[44], mores[i], NULL),
			35, 45);
	free_ids(ids, LINES);
}

/* ---- while the log goes on */

static void what_is_written_meanwhile_is_not_before(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	char **ids;

	append_lines(log, 0, 20);
	ids = ids_of(s, "/app", 20);
	struct reader *live = site_open_path(s, "/app");
	reader_wait_events(live, 10);
	append_lines(log, 20, 30);
	disk_append(log, "half");
	expect_lines(open_before(s, "/app", ids[19], "&tail=5", NULL), 15, 20);
	disk_rename(log, disk_path(s->folder, "app.log.1"));
	append_lines(log, 30, 40);
	expect_lines(open_before(s, "/app", ids[19], "&tail=5", NULL), 15, 20);
	reader_wait_events(live, 30);
	expect_lines(
		open_before(s, "/app", reader_event(live, 19)->id, "", NULL),
		20, 30);
	free_ids(ids, 20);
}

static void rename_both(struct site *s, const char *log)
{
	disk_rename(disk_path(s->folder, "app.log.1"),
		disk_path(s->folder, "app.log.2"));
	disk_rename(log, disk_path(s->folder, "app.log.1"));
}

static void copy_and_truncate(struct site *s, const char *log)
{
	disk_rename(disk_path(s->folder, "app.log.1"),
		disk_path(s->folder, "app.log.2"));
	disk_copy(log, disk_path(s->folder, "app.log.1"));
	disk_truncate(log, 0);
}

/* As many as a socket does not take at once, while the files are rotated. */
static void read_slowly(
	struct site *s, void (*rotate)(struct site *s, const char *log))
{
	const char *log = site_configure_log(s, "history_max = 100000;");
	enum { MANY = 30000 };
	char *id;

	append_lines(disk_path(s->folder, "app.log.1"), 0, MANY / 2);
	append_lines(log, MANY / 2, MANY);
	struct reader *r = site_open_path(s, "/app");
	reader_wait_events(r, 10);
	id = strdup(reader_last_id(r));
	site_close(s, r);

	r = open_before(s, "/app", id, "&tail=100000", NULL);
	reader_set_reading(r, false);
	struct reader *other = site_open_path(s, "/app");
	reader_wait_events(other, 10);
	rotate(s, log);
	append_lines(log, MANY, MANY + 10);
	reader_wait_events(other, 20);
	reader_set_reading(r, true);
	expect_lines(r, 0, MANY);
	free(id);
}

static void a_slow_reader_gets_all_and_no_more(void **state)
{
	read_slowly(*state, rename_both);
}

static void a_slow_reader_goes_on_in_the_copy(void **state)
{
	read_slowly(*state, copy_and_truncate);
}

/* ---- what is not plain lines */

static void what_was_cut_is_said_again(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "max_line = 1024;");
	char text[2001];

	memset(text, 'x', 2000);
	text[2000] = '\0';
	disk_write(log, "line 0\n%s\nline 2\n", text);
	struct reader *first = site_open_path(s, "/app");
	reader_wait_events(first, 4);
	struct reader *r = open_before(
		s, "/app", reader_event(first, 3)->id, "&tail=2", NULL);
	reader_wait_end(r);
	assert_int_equal(r->event_count, 3);
	for (size_t i = 0; i < 3; i++)
		reader_expect_event(r, i, first->events[i + 1].type,
			first->events[i + 1].data);
	assert_string_equal(r->events[0].type, "gap");
}

static void blocks_and_records_of_several_lines_are_whole(void **state)
{
	struct site *s = *state;
	struct reader *first, *r;

	site_configure(s,
		"sources = (\n"
		"{ name = \"app\"; path = \"m\"; format = \"multiline\"; },\n"
		"{ name = \"sse\"; path = \"b\"; format = \"sse\"; } );\n");
	disk_write(disk_path(s->folder, "m"), "a\n b\nc\nd\n e\n f\ng\n");
	disk_write(disk_path(s->folder, "b"),
		"data: 1\n\nevent: x\ndata: 2\ndata: 3\n\n: c\n\ndata: 4\n\n");
	first = site_open_path(s, "/app");
	reader_wait_events(first, 4);
	r = open_before(s, "/app", reader_event(first, 2)->id, "&tail=2", NULL);
	reader_wait_end(r);
	assert_int_equal(r->event_count, 2);
	reader_expect_event(r, 0, "message", "c");
	reader_expect_event(r, 1, "message", "d\n e\n f");
	first = site_open_path(s, "/sse");
	reader_wait_events(first, 3);
	r = open_before(s, "/sse", reader_event(first, 2)->id, "&tail=2", NULL);
	reader_wait_end(r);
	assert_int_equal(r->event_count, 2);
	reader_expect_event(r, 0, "x", "2\n3");
	reader_expect_event(r, 1, "message", "4");
}

static void what_came_through_a_pipe_is_kept_too(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "");
	struct reader *r = site_open_path(s, "/app");
	char *id;

	wait_for(r->sse.checkpoints > 0);
	for (int i = 0; i < 40; i++) {
		pipe_write(pipe, "line %d\n", i);
	}
	reader_wait_events(r, 40);
	id = strdup(reader_event(r, 29)->id);
	expect_lines(open_before(s, "/app", id, "&tail=25", NULL), 5, 30);
	free(id);
}

/* ---- what is gone */

static void a_place_that_is_gone_is_a_gap_and_the_end(void **state)
{
	struct site *s = *state;
	char **ids, *start;
	struct reader *r;

	write_four_files(s, "");
	ids = ids_of(s, "/app", LINES);
	/* Nothing of it is remembered. */
	site_restart(s);
	disk_remove(disk_path(s->folder, "app.log.3"));
	disk_rename(disk_path(s->folder, "app.log.2"),
		disk_path(s->folder, "app.log.2.gz"));
	expect_gap(open_before(s, "/app", ids[5], "", NULL), "compressed");
	/* An id of a moment when that file was still followed names it. */
	r = open_before(s, "/app", ids[20], "&tail=20", NULL);
	reader_wait_end(r);
	assert_in_range(r->event_count, 3, 4);
	if (r->event_count == 4)
		assert_string_equal(r->events[0].type, "gap");
	assert_string_equal(r->events[r->event_count - 3].data, "line 18");
	assert_string_equal(r->events[r->event_count - 1].data, "line 20");
	expect_gap(open_before(s, "/app", "forged", "", NULL), "unknown-id");
	expect_gap(open_before(s, "/app", "%3Cb%3E", "", NULL), "unknown-id");
	/* The place of another source. */
	start = strdup(ids[5]);
	start[0] = start[0] == '0' ? '1' : '0';
	expect_gap(open_before(s, "/app", start, "", NULL), "unknown-id");
	free(start);
	free_ids(ids, LINES);
}

static void an_end_within_a_record_ends_the_stream(void **state)
{
	struct site *s = *state;
	char **ids, *id;

	write_four_files(s, "");
	ids = ids_of(s, "/app", LINES);
	id = strdup(ids[45]);
	id[strlen(id) - 1]--;
	reader_wait_end(open_before(s, "/app", id, "&tail=5", NULL));
	free(id);
	free_ids(ids, LINES);
}

/* ---- as an EventSource reads it */

static void a_reader_that_comes_back_goes_on_and_is_told_to_stop(void **state)
{
	struct site *s = *state;
	char **ids;
	struct reader *r;

	write_four_files(s, "");
	ids = ids_of(s, "/app", LINES);
	/* It was cut off after the third of ten, in an older file. */
	r = open_before(s, "/app", ids[44], "", ids[37]);
	expect_lines(r, 38, 45);
	/* The last of it, and what is after it, in a later file, too. */
	for (int i = 44; i < 46; i++) {
		r = open_before(s, "/app", ids[44], "", ids[i]);
		reader_wait_end(r);
		assert_int_equal(r->status, 204);
		assert_int_equal(r->body_bytes, 0);
	}
	r = open_before(s, "/app", ids[10], "", ids[45]);
	reader_wait_end(r);
	assert_int_equal(r->status, 204);
	/* Whatever it has last read, of anything. */
	for (size_t i = 0; i < 2; i++) {
		const char *end = i ? ids[16] : "forged";

		r = open_before(s, "/app", end, "&tail=3", NULL);
		reader_wait_end(r);
		struct reader *again = open_before(
			s, "/app", end, "&tail=3", reader_last_id(r));
		reader_wait_end(again);
		assert_int_equal(again->status, 204);
	}
	free_ids(ids, LINES);
}

/* ---- what is answered otherwise */

static void it_is_of_one_source_that_has_a_past(void **state)
{
	struct site *s = *state;
	static const struct {
		int line;
		struct ask ask;
		int status;
	} rows[] = {
		{ __LINE__, { .path = "/a,b", .query = "before=1" }, 400 },
		{ __LINE__, { .query = "source=a,b&before=1" }, 400 },
		{ __LINE__, { .mount = "/x/a,b", .query = "before=1" }, 400 },
		{ __LINE__, { .path = "/a,none", .query = "before=1" }, 400 },
		{ __LINE__, { .path = "/a", .query = "before=" }, 400 },
		{ __LINE__, { .path = "/a", .query = "before" }, 400 },
		{ __LINE__, { .path = "/a", .query = "before=1&before=2" },
			400 },
		{ __LINE__, { .path = "/a", .query = "before=1&tail=x" }, 400 },
		{ __LINE__, { .path = "/c", .query = "before=1" }, 204 },
		{ __LINE__, { .path = "/none", .query = "before=1" }, 404 },
		{ __LINE__, { .path = "/users", .query = "before=1" }, 404 },
		{ __LINE__, { .path = "/inside", .query = "before=1" }, 404 },
		{ __LINE__, { .query = "before=1" }, 404 },
		{ __LINE__,
			{ .path = "/a", .query = "before=1", .method = "HEAD" },
			200 },
		{ __LINE__, { .path = "/a", .query = "before=1" }, 200 },
	};

	site_configure(s,
		"sources = ( { name = \"a\"; path = \"a\"; },\n"
		"{ name = \"b\"; path = \"b\"; },\n"
		"{ name = \"users\"; path = \"a\"; require_user = true; },\n"
		"{ name = \"inside\"; path = \"a\"; "
		"allow = [ \"10.0.0.0/8\" ]; },\n"
		"{ name = \"c\"; type = \"clock\"; } );\n");
	disk_write(disk_path(s->folder, "a"), "1\n2\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reader *r = site_open(s, &rows[i].ask);

		reader_wait_end(r);
		if (r->status != rows[i].status)
			fail_msg("row of line %d: %d", rows[i].line, r->status);
		site_close(s, r);
	}
}

static void who_may_read_the_source_may_read_its_past(void **state)
{
	struct site *s = *state;
	static const char *const user[] = { "REMOTE_USER=alice",
		"AUTH_TYPE=Basic", NULL };
	static const char *const other[] = { "REMOTE_USER=bob",
		"AUTH_TYPE=Basic", NULL };
	char query[300];
	struct reader *r;
	const char *log = site_configure_log(s, "users = [ \"alice\" ];");

	append_lines(log, 0, 5);
	r = site_open(s, &(struct ask){ .path = "/app", .variables = user });
	reader_wait_events(r, 5);
	snprintf(query, sizeof(query), "before=%s", reader_last_id(r));
	expect_lines(site_open(s, &(struct ask){ .path = "/app",
					  .query = query,
					  .variables = user }),
		0, 5);
	reader_expect_status(site_open(s, &(struct ask){ .path = "/app",
						  .query = query,
						  .variables = other }),
		403);
	reader_expect_status(
		site_open(s, &(struct ask){ .path = "/app", .query = query }),
		404);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(every_place_has_so_many_records_before_it),
		SITE_TESTS(
			going_back_from_start_to_start_gives_each_record_once),
		SITE_TESTS(as_many_as_for_a_first_connect),
		SITE_TESTS(the_source_is_asked_for_in_every_way),
		SITE_TESTS(what_is_written_meanwhile_is_not_before),
		SITE_TESTS(a_slow_reader_gets_all_and_no_more),
		SITE_TESTS(a_slow_reader_goes_on_in_the_copy),
		SITE_TESTS(what_was_cut_is_said_again),
		SITE_TESTS(blocks_and_records_of_several_lines_are_whole),
		SITE_TESTS(what_came_through_a_pipe_is_kept_too),
		SITE_TESTS(a_place_that_is_gone_is_a_gap_and_the_end),
		SITE_TESTS(an_end_within_a_record_ends_the_stream),
		SITE_TESTS(
			a_reader_that_comes_back_goes_on_and_is_told_to_stop),
		SITE_TESTS(it_is_of_one_source_that_has_a_past),
		SITE_TESTS(who_may_read_the_source_may_read_its_past),
	};

	return cmocka_run_group_tests_name("before", tests, NULL, NULL);
}
