/*
 * Sources of format multiline, from both programs: which lines are one event,
 * when it comes, and that nobody gets a part of it twice or never.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/site.h"

/* A pause that a test does not live to see the end of, and one it does. */
#define LONG_QUIET  "format = \"multiline\"; quiet = 60000; "
#define SHORT_QUIET "format = \"multiline\"; quiet = 50; "

#define TRACE "Exception: x\n\tat a\n  at b\n"

static struct reader *open_app(struct site *s)
{
	struct reader *r = site_open_path(s, "/app");

	reader_wait_head(r);
	reader_wait_text(r, "id: ");
	return r;
}

static void lines_that_begin_with_a_blank_belong_to_the_one_before(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, LONG_QUIET);
	struct reader *r;

	disk_write(log, "%s", "");
	r = open_app(s);
	disk_append(log, TRACE "two\r\n three\r\n\r\n\nfour");
	reader_wait_events(r, 4);
	reader_expect_event(r, 0, "message", "Exception: x\n\tat a\n  at b");
	reader_expect_event(r, 1, "message", "two\n three");
	reader_expect_event(r, 2, "message", "");
	/* The empty line before "four" is one, as "four" has begun. */
	reader_expect_event(r, 3, "message", "");
	disk_append(log, "\n five\n");
	wait_quietly(100);
	assert_int_equal(r->event_count, 4);
	disk_append(log, "six");
	reader_expect_event(r, 4, "message", "four\n five");
	assert_int_equal(r->event_count, 5);
	reader_check_bytewise(r);
}

static void a_pause_ends_a_record(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SHORT_QUIET);
	struct reader *r;

	disk_write(log, "%s", "");
	r = open_app(s);
	disk_append(log, TRACE);
	reader_expect_event(r, 0, "message", "Exception: x\n\tat a\n  at b");
	/* Too late for that one. */
	disk_append(log, "  at c\n  at d\n");
	reader_expect_event(r, 1, "message", "  at c\n  at d");
	/* A line that has not ended does not hold back those that have. */
	disk_append(log, "two\n  half");
	reader_expect_event(r, 2, "message", "two");
	disk_append(log, " a line\n");
	reader_expect_event(r, 3, "message", "  half a line");
}

/* All that came, event by event. */
static const char *texts(const struct reader *r, struct bytes *out)
{
	bytes_clear(out);
	for (size_t i = 0; i < r->event_count; i++)
		bytes_add_format(out, "%s\n", r->events[i].data);
	return bytes_text(out);
}

/* Whatever ended them, from each id on comes what comes after it. A process
 * that saw no pause there has fewer and longer records. */
static void a_resume_cuts_and_repeats_nothing(void **state)
{
	enum { EVENTS = 5 };
	static const char *const data[EVENTS] = { "one\n 1", " 2\n 3", "two",
		"three\n 4", " 5" };
	struct site *s = *state;
	const char *log = site_configure_log(s, SHORT_QUIET);
	struct bytes got = BYTES_INIT, want = BYTES_INIT;
	struct reader *r, *readers[EVENTS];
	char ids[EVENTS][160];

	disk_write(log, "%s", "");
	r = open_app(s);
	for (size_t i = 0; i < EVENTS; i++) {
		disk_append(log, "%s\n", data[i]);
		reader_expect_event(r, i, "message", data[i]);
		snprintf(ids[i], sizeof(ids[i]), "%s", reader_event(r, i)->id);
	}
	for (int restart = 0; restart < 2; restart++) {
		for (size_t i = 0; i < EVENTS; i++)
			readers[i] =
				site_open(s, &(struct ask){ .path = "/app",
						     .last_event_id = ids[i] });
		for (size_t i = 0; i < EVENTS; i++) {
			bytes_clear(&want);
			for (size_t n = i + 1; n < EVENTS; n++)
				bytes_add_format(&want, "%s\n", data[n]);
			wait_for(strcmp(texts(readers[i], &got),
					 bytes_text(&want)) == 0);
		}
		site_restart(s);
	}
	bytes_release(&got);
	bytes_release(&want);
}

/* A place that another process has found quiet, while here the record is still
 * waited for: it ends here, too, and who stands there gets the rest. */
static void a_place_of_a_quicker_process_is_one_here(void **state)
{
	struct site *s = *state;
	const char *log = disk_path(s->folder, "app.log");
	struct reader *slow, *quick, *resumed;
	char id[160];

	site_configure_log(s, SHORT_QUIET);
	disk_write(log, "%s", "zero\n");
	quick = open_app(s);
	reader_wait_events(quick, 1);
	disk_append(log, "one\n 1\n");
	reader_expect_event(quick, 1, "message", "one\n 1");
	snprintf(id, sizeof(id), "%s", reader_event(quick, 1)->id);
	site_restart(s);

	site_configure_log(s, LONG_QUIET);
	slow = open_app(s);
	reader_expect_event(slow, 0, "message", "zero");
	disk_append(log, " 2\n");
	wait_quietly(50);
	assert_int_equal(slow->event_count, 1);
	resumed = site_open(
		s, &(struct ask){ .path = "/app", .last_event_id = id });
	reader_wait_head(resumed);
	reader_wait_text(resumed, "id: ");
	disk_append(log, " 3\nthree");
	reader_expect_event(resumed, 0, "message", " 2\n 3");
	/* Under ssetail.cgi the other is a process of its own. */
	if (s->program == SITE_FCGI) {
		reader_expect_event(slow, 1, "message", "one\n 1");
		reader_expect_event(slow, 2, "message", " 2\n 3");
	} else {
		reader_expect_event(slow, 1, "message", "one\n 1\n 2\n 3");
	}
}

static void the_history_is_records(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SHORT_QUIET);
	struct reader *r;
	char data[32];

	for (int i = 0; i < 50; i++)
		disk_append(log, "%d\n 1\n\t2\n", i);
	r = site_open(s, &(struct ask){ .path = "/app", .query = "tail=3" });
	wait_for(r->event_count > 0 &&
		 strncmp(r->events[r->event_count - 1].data, "49", 2) == 0);
	snprintf(data, sizeof(data), "%d\n 1\n\t2", (int)(50 - r->event_count));
	reader_expect_event(r, 0, "message", data);
	/* The last one may have been waited for, beside the three. */
	assert_in_range(r->event_count, 3, 4);
}

static void a_record_that_is_too_long_is_cut(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, LONG_QUIET "max_line = 1024; ");
	char text[1025];
	struct reader *r;

	memset(text, 'x', 1024);
	text[1024] = '\0';
	disk_write(log, "%s", "");
	r = open_app(s);
	disk_append(log, "%s\n at\n at\nshort\nnext\n", text);
	reader_expect_event(r, 0, "gap",
		"{\"source\": \"app\", \"reason\": \"overlong\", "
		"\"bytes\": 8}");
	reader_expect_event(r, 1, "message", text);
	reader_expect_event(r, 2, "message", "short");
}

static void a_finished_file_ends_its_last_record(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, LONG_QUIET);
	struct reader *r;

	disk_write(log, "%s", "");
	r = open_app(s);
	disk_append(log, TRACE);
	disk_rename(log, disk_path(s->folder, "app.log.1"));
	disk_write(log, "new\n");
	disk_append(log, "newer");
	reader_wait_events(r, 2);
	assert_true(reader_find_event(r, 0, "message",
			    "Exception: x\n\tat a\n  at b") >= 0);
	assert_true(reader_find_event(r, 0, "message", "new") >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TESTS(
			lines_that_begin_with_a_blank_belong_to_the_one_before),
		SITE_TESTS(a_pause_ends_a_record),
		SITE_TESTS(a_resume_cuts_and_repeats_nothing),
		SITE_TESTS(a_place_of_a_quicker_process_is_one_here),
		SITE_TESTS(the_history_is_records),
		SITE_TESTS(a_record_that_is_too_long_is_cut),
		SITE_TESTS(a_finished_file_ends_its_last_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
