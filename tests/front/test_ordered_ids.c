/*
 * Sources whose ids grow, from both programs: who comes with an id that this
 * file does not have yet waits for it, and misses nothing and gets nothing
 * twice.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"
#include "tests/lib/site.h"

#define KEYS   "format = \"sse\"; ids = \"ordered\"; history = 3; "
#define BEHIND "{\"source\": \"app\", \"reason\": \"behind\"}"
#define ABSENT "{\"source\": \"app\", \"reason\": \"absent\"}"
#define GAP    "{\"source\": \"app\", \"reason\": \"unknown-id\", \"bytes\": null}"

static void append_blocks(const char *log, int from, int to)
{
	struct bytes text = BYTES_INIT;

	for (int i = from; i < to; i++)
		bytes_add_format(&text, "id: 1700-%d\ndata: %d\n\n", i, i);
	disk_append_bytes(log, text.data, text.len);
	bytes_release(&text);
}

/* The events from *seen on are those from..to-1, with their ids. */
static void expect_blocks_(struct reader *r, size_t *seen, int from, int to)
{
	char id[16], data[16];

	for (int i = from; i < to; i++, (*seen)++) {
		snprintf(id, sizeof(id), "1700-%d", i);
		snprintf(data, sizeof(data), "%d", i);
		reader_expect_event(r, *seen, "message", data);
		assert_string_equal(reader_event(r, *seen)->id, id);
	}
}
#define expect_blocks(...) TEST_HERE(expect_blocks_(__VA_ARGS__))

static struct reader *resume(struct site *s, const char *id)
{
	return site_open(
		s, &(struct ask){ .path = "/app", .last_event_id = id });
}

static void an_id_that_is_here_leads_back(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);
	struct reader *r;
	size_t seen = 0;

	append_blocks(log, 0, 20);
	r = resume(s, "1700-9");
	expect_blocks(r, &seen, 10, 20);
	r = resume(s, "1700-19");
	reader_wait_head(r);
	append_blocks(log, 20, 22);
	seen = 0;
	expect_blocks(r, &seen, 20, 22);
}

static void one_that_is_not_here_yet_is_waited_for(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);
	struct reader *r, *fresh;
	size_t seen = 1, begun = 0;

	append_blocks(log, 0, 10);
	r = resume(s, "1700-14");
	reader_expect_event(r, 0, "waiting", BEHIND);
	/* What it had is what counts, and not what is here. */
	assert_string_equal(reader_event(r, 0)->id, "");
	assert_null(strstr(r->body.data, "id:"));
	fresh = site_open_path(s, "/app");
	expect_blocks(fresh, &begun, 7, 10);
	append_blocks(log, 10, 13);
	expect_blocks(fresh, &begun, 10, 13);
	append_blocks(log, 13, 15);
	expect_blocks(fresh, &begun, 13, 15);
	assert_int_equal(r->event_count, 1);
	append_blocks(log, 15, 18);
	expect_blocks(r, &seen, 15, 18);
	append_blocks(log, 18, 19);
	expect_blocks(r, &seen, 18, 19);
	expect_blocks(fresh, &begun, 15, 19);
	reader_check_bytewise(r);
}

static void and_found_in_the_middle_of_what_comes_at_once(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);
	struct reader *r;
	size_t seen = 1;

	append_blocks(log, 0, 10);
	r = resume(s, "1700-14");
	reader_expect_event(r, 0, "waiting", BEHIND);
	append_blocks(log, 10, 3000);
	expect_blocks(r, &seen, 15, 3000);
}

static void also_where_there_is_no_file_yet(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);
	char *filling = strdup(disk_path(s->folder, "app.log.filling"));
	struct reader *r = resume(s, "1700-14");
	size_t seen = 1;

	reader_expect_event(r, 0, "waiting", ABSENT);
	append_blocks(filling, 0, 20);
	disk_rename(filling, log);
	expect_blocks(r, &seen, 15, 20);
	append_blocks(log, 20, 21);
	expect_blocks(r, &seen, 20, 21);
	free(filling);
}

static void and_where_the_file_is_rotated_meanwhile(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);
	const char *old = disk_path(s->folder, "app.log.1");
	struct reader *r;
	size_t seen = 1;

	append_blocks(log, 0, 10);
	r = resume(s, "1700-14");
	reader_expect_event(r, 0, "waiting", BEHIND);
	append_blocks(log, 10, 16);
	disk_rename(log, old);
	append_blocks(log, 16, 18);
	expect_blocks(r, &seen, 15, 18);
}

static void where_it_never_comes_there_is_a_gap(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);
	struct reader *r;
	size_t seen = 2;

	append_blocks(log, 0, 10);
	r = resume(s, "1700-14");
	reader_expect_event(r, 0, "waiting", BEHIND);
	append_blocks(log, 10, 14);
	append_blocks(log, 20, 21);
	reader_expect_event(r, 1, "gap", GAP);
	expect_blocks(r, &seen, 12, 14);
	expect_blocks(r, &seen, 20, 21);
	append_blocks(log, 21, 22);
	expect_blocks(r, &seen, 21, 22);
}

static void what_is_no_later_id_is_a_gap_at_once(void **state)
{
	static const char *const ids[] = { "1699-99", "1700", "1700-7-1", "x",
		"1800-", "1800-x" };
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);

	append_blocks(log, 0, 10);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct reader *r = resume(s, ids[i]);
		size_t seen = 1;

		reader_expect_event(r, 0, "gap", GAP);
		expect_blocks(r, &seen, 7, 10);
	}
}

/* A writer that was killed cuts off its half block when it starts again. */
static void half_a_block_may_be_cut_off(void **state)
{
	static const off_t halves[] = { 1, 12, 300, 5000, 100000 };
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);
	struct reader *r, *back;
	size_t seen = 0;
	struct stat whole;
	int next = 3;

	append_blocks(log, 0, next);
	r = site_open_path(s, "/app");
	expect_blocks(r, &seen, 0, next);
	for (size_t i = 0; i < sizeof(halves) / sizeof(*halves); i++) {
		assert_int_equal(stat(log, &whole), 0);
		disk_append(log, "id: 1700-%d\ndata: %0*d", next,
			(int)halves[i], 0);
		/* It is seen. */
		back = resume(s, "1700-0");
		reader_wait_events(back, (uint64_t)next - 1);
		disk_truncate(log, whole.st_size);
		append_blocks(log, next, next + 2);
		next += 2;
		expect_blocks(r, &seen, next - 2, next);
	}
	assert_int_equal(r->event_count, next);
}

/* The clients of a node that died come to one that is a little behind. */
static void two_thousand_wait_at_once(void **state)
{
	enum { CLIENTS = 2000, IDS = 20 };
	static struct front_client *clients[CLIENTS];
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){ .source = KEYS });
	append_blocks(r.log, 0, 10);
	for (int i = 0; i < CLIENTS; i++) {
		char id[16];

		snprintf(id, sizeof(id), "1700-%d", 10 + i % IDS);
		clients[i] = responder_open(&r,
			&(struct ask){ .path = "/log", .last_event_id = id });
	}
	for (int i = 0; i < CLIENTS; i++)
		reader_wait_events(&clients[i]->reader, 1);
	for (int i = 10; i < 40; i += 5)
		append_blocks(r.log, i, i + 5);
	for (int i = 0; i < CLIENTS; i++) {
		size_t seen = 1;

		expect_blocks(&clients[i]->reader, &seen, 11 + i % IDS, 40);
		assert_int_equal(clients[i]->reader.event_count, seen);
	}
	assert_int_equal(process_stop(r.process), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TESTS(an_id_that_is_here_leads_back),
		SITE_TESTS(one_that_is_not_here_yet_is_waited_for),
		SITE_TESTS(and_found_in_the_middle_of_what_comes_at_once),
		SITE_TESTS(also_where_there_is_no_file_yet),
		SITE_TESTS(and_where_the_file_is_rotated_meanwhile),
		SITE_TESTS(where_it_never_comes_there_is_a_gap),
		SITE_TESTS(what_is_no_later_id_is_a_gap_at_once),
		SITE_TESTS(half_a_block_may_be_cut_off),
		cmocka_unit_test(two_thousand_wait_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
