/* Sources of type clock, from both programs. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/disk.h"
#include "tests/lib/site.h"

/* One source, "clock", with these keys. */
static void configure(struct site *s, const char *keys)
{
	site_configure(s,
		"sources = ( { name = \"clock\"; type = \"clock\"; %s } );\n",
		keys);
}

static struct reader *resume(
	struct site *s, const char *path, const char *last_event_id)
{
	return site_open(s,
		&(struct ask){ .path = path, .last_event_id = last_event_id });
}

/* The numbers from `first` to `last`, each its own id. */
static void expect_numbers_(struct reader *r, int first, int last)
{
	for (int i = first; i <= last; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", i);
		reader_wait_events(r, (uint64_t)(i - first + 1));
		assert_string_equal(r->events[i - first].type, "message");
		assert_string_equal(r->events[i - first].data, number);
		assert_string_equal(r->events[i - first].id, number);
	}
}
#define expect_numbers(...) TEST_HERE(expect_numbers_(__VA_ARGS__))

static void counts_from_one(void **state)
{
	struct site *s = *state;

	configure(s, "interval = 0.01;");
	expect_numbers(site_open_path(s, "/clock"), 1, 50);
}

static void the_first_number_comes_at_once(void **state)
{
	struct site *s = *state;

	/* Nobody could wait for a second one. */
	configure(s, "interval = 86400;");
	struct reader *r = site_open_path(s, "/clock");
	reader_expect_event(r, 0, "message", "1");
	r = resume(s, "/clock", "41");
	reader_expect_event(r, 0, "message", "42");
}

static void each_connection_counts_for_itself(void **state)
{
	struct site *s = *state;
	struct reader *r[5];

	configure(s, "interval = 0.05;");
	for (int i = 0; i < 5; i++) {
		r[i] = site_open_path(s, "/clock");
		expect_numbers(r[i], 1, 2);
	}
	for (int i = 0; i < 5; i++)
		expect_numbers(r[i], 1, 10);
}

static void numbers_come_no_faster_than_the_interval(void **state)
{
	struct site *s = *state;
	int64_t begin = test_now_ms();

	configure(s, "interval = 0.1;");
	reader_wait_events(site_open_path(s, "/clock"), 6);
	assert_true(test_now_ms() - begin >= 500);
}

static void a_resume_goes_on_with_the_next_number(void **state)
{
	struct site *s = *state;
	struct reader *r;

	configure(s, "interval = 0.01;");
	r = site_open_path(s, "/clock");
	expect_numbers(r, 1, 3);
	site_close(s, r);
	r = resume(s, "/clock", "3");
	expect_numbers(r, 4, 8);
	r = site_open(s,
		&(struct ask){ .path = "/clock", .query = "lastEventId=1000" });
	expect_numbers(r, 1001, 1003);
	/* The header wins. */
	r = site_open(s, &(struct ask){ .path = "/clock",
				 .query = "lastEventId=1000",
				 .last_event_id = "7" });
	expect_numbers(r, 8, 9);
	/* A cut before the first event: the opening block names 0. */
	r = site_open_path(s, "/clock");
	reader_wait_comments(r, 1);
	r = resume(s, "/clock", "0");
	expect_numbers(r, 1, 2);
}

static void an_id_that_is_no_number_counts_from_one(void **state)
{
	struct site *s = *state;
	static const char *const ids[] = { "x", "-1", "1e3", "0x10", "3 ",
		"18446744073709551616", "5f6c15b50412f1275e1000" };

	configure(s, "interval = 3600;");
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct reader *r = resume(s, "/clock", ids[i]);

		expect_numbers(r, 1, 1);
		site_close(s, r);
	}
}

static void a_finite_clock_ends_after_its_last_number(void **state)
{
	struct site *s = *state;

	configure(s, "interval = 0.01; count = 5;");
	struct reader *r = site_open_path(s, "/clock");
	reader_wait_end(r);
	expect_numbers(r, 1, 5);
	assert_int_equal(r->event_count, 5);
	assert_false(r->sse.unfinished);
	r = resume(s, "/clock", "3");
	reader_wait_end(r);
	expect_numbers(r, 4, 5);
	assert_int_equal(r->event_count, 2);
}

static void its_last_id_is_answered_204(void **state)
{
	struct site *s = *state;
	static const char *const queries[] = { "lastEventId=5",
		"last_event_id=5", "evs_last_event_id=5" };

	configure(s, "interval = 0.01; count = 5;");
	static const char *const ids[] = { "5", "6", "1000000" };
	for (int i = 0; i < 6; i++) {
		struct reader *r = site_open(s,
			&(struct ask){ .path = "/clock",
				.query = i < 3 ? queries[i] : NULL,
				.last_event_id = i < 3 ? NULL : ids[i - 3] });

		reader_expect_status(r, 204);
		reader_wait_end(r);
		assert_int_equal(r->body_bytes, 0);
		assert_null(reader_header(r, "Content-Type"));
		site_close(s, r);
	}
}

static void an_event_can_have_a_type(void **state)
{
	struct site *s = *state;

	configure(s, "interval = 0.01; event = \"tick\";");
	struct reader *r = site_open_path(s, "/clock");
	reader_expect_event(r, 0, "tick", "1");
	reader_expect_event(r, 1, "tick", "2");
}

static void tells_the_time(void **state)
{
	struct site *s = *state;
	struct tm told = { 0 };
	time_t before = time(NULL);

	configure(s, "show = \"time\"; interval = 0.05;");
	struct reader *r = site_open_path(s, "/clock");
	reader_wait_events(r, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct reader_event *e = reader_event(r, i);
		const char *end = strptime(e->data, "%Y-%m-%d %H:%M:%S", &told);

		assert_non_null(end);
		assert_int_equal(*end, '\0');
		told.tm_isdst = -1;
		time_t at = mktime(&told);
		assert_true(at >= before && at <= time(NULL));
		before = at;
	}
	/* The number is the id all the same. */
	assert_string_equal(reader_event(r, 2)->id, "3");
}

static void tells_the_time_as_configured(void **state)
{
	struct site *s = *state;

	configure(s, "show = \"time\"; interval = 0.05; "
		     "time_format = \"%Y%nid: 77%n%ndata: \xc3\xbc %%\"; ");
	struct reader *r = site_open_path(s, "/clock");
	reader_wait_events(r, 2);
	assert_non_null(strstr(
		reader_event(r, 1)->data, "\nid: 77\n\ndata: \xc3\xbc %"));
	assert_string_equal(reader_event(r, 1)->id, "2");
}

static void shares_a_stream_with_others(void **state)
{
	struct site *s = *state;
	const char *log = disk_path(s->folder, "app.log");
	char *id;
	int a = 0, b = 0, lines = 0;

	site_configure(s,
		"sources = (\n"
		"{ name = \"a\"; type = \"clock\"; interval = 0.01; },\n"
		"{ name = \"b\"; type = \"clock\"; interval = 0.02;\n"
		"  count = 3; },\n"
		"{ name = \"app\"; path = \"app.log\"; } );\n");
	disk_write(log, "line 1\nline 2\n");
	struct reader *r = site_open_path(s, "/a,app,b");
	wait_for(reader_find_event(r, 0, "b", "3") >= 0);
	wait_for(reader_find_event(r, 0, "app", "line 2") >= 0);
	wait_for(reader_find_event(r, 0, "a", "9") >= 0);
	for (size_t i = 0; i < r->event_count; i++) {
		const struct reader_event *e = reader_event(r, i);

		if (strcmp(e->type, "a") == 0)
			assert_int_equal(atoi(e->data), ++a);
		else if (strcmp(e->type, "b") == 0)
			assert_int_equal(atoi(e->data), ++b);
		else
			assert_int_equal(atoi(e->data + 5), ++lines);
	}
	assert_int_equal(b, 3);
	assert_int_equal(lines, 2);
	/* The id has them all. */
	id = strdup(reader_last_id(r));
	assert_true(strlen(id) <= 128);
	site_close(s, r);
	disk_append(log, "line 3\n");
	r = resume(s, "/a,app,b", id);
	free(id);
	wait_for(reader_find_event(r, 0, "app", "line 3") >= 0);
	wait_for(reader_find_event(r, 0, "a", NULL) >= 0);
	size_t i = (size_t)reader_find_event(r, 0, "a", NULL);
	assert_int_equal(atoi(reader_event(r, i)->data), a + 1);
	i = (size_t)reader_find_event(r, 0, "app", NULL);
	assert_string_equal(reader_event(r, i)->data, "line 3");
	assert_true(reader_find_event(r, 0, "b", NULL) < 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(counts_from_one),
		SITE_TESTS(the_first_number_comes_at_once),
		SITE_TESTS(each_connection_counts_for_itself),
		SITE_TESTS(numbers_come_no_faster_than_the_interval),
		SITE_TESTS(a_resume_goes_on_with_the_next_number),
		SITE_TESTS(an_id_that_is_no_number_counts_from_one),
		SITE_TESTS(a_finite_clock_ends_after_its_last_number),
		SITE_TESTS(its_last_id_is_answered_204),
		SITE_TESTS(an_event_can_have_a_type),
		SITE_TESTS(tells_the_time),
		SITE_TESTS(tells_the_time_as_configured),
		SITE_TESTS(shares_a_stream_with_others),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
