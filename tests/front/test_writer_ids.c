/*
 * Sources whose events have their writer's ids, files and pipes, from both
 * programs: the ids reach the client, and lead back to where it was.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"
#include "tests/lib/responder.h"
#include "tests/lib/site.h"

#define KEYS "format = \"sse\"; ids = \"writer\"; "
#define MARK "data: mark\n\n"

/* The next events from *seen on; each is ID (NULL: whatever) and DATA. */
static void expect_(struct reader *r, size_t *seen, const char *const *events)
{
	for (; events[1]; events += 2) {
		reader_wait_events(r, *seen + 1);
		if (events[0])
			assert_string_equal(
				reader_event(r, *seen)->id, events[0]);
		reader_expect_event(r, (*seen)++, "message", events[1]);
	}
}
#define expect(r, seen, ...)                                                   \
	TEST_HERE(expect_(                                                     \
		r, seen, (const char *const[]){ __VA_ARGS__, NULL, NULL }))

static struct reader *resume(struct site *s, const char *id)
{
	return site_open(
		s, &(struct ask){ .path = "/app", .last_event_id = id });
}

static void the_writers_ids_reach_the_client(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS);
	struct reader *r;
	size_t seen = 0;

	disk_write(log, "%s",
		"data: 1\n\nid: a\ndata: 2\n\n: nothing\n\ndata: 3\n\n"
		"id: lost\nid: b c\ndata: 4\n\nid: \xc3\xbc\n\ndata: 5\n\n"
		"id: \xff\ndata: 6\n\n");
	r = site_open_path(s, "/app");
	expect(r, &seen, "", "1", "a", "2", "a", "3", "b c", "4", "\xc3\xbc",
		"5", "\xc3\xbc", "6");
	disk_append(log, "id: 7\r\ndata: 7\r\n\r\nid\ndata: 8\n\n");
	expect(r, &seen, "7", "7", "", "8");
	assert_int_equal(r->event_count, seen);
	reader_check_bytewise(r);
}

static void expect_rest(struct site *s, const char *log, int from, int to)
{
	static int marks;
	char id[16], data[16];
	struct reader *r;
	size_t seen = 0;

	snprintf(id, sizeof(id), "id %d", from);
	r = resume(s, id);
	for (int i = from + 1; i < to; i++) {
		snprintf(id, sizeof(id), "id %d", i);
		snprintf(data, sizeof(data), "%d", i);
		expect(r, &seen, id, data);
	}
	snprintf(data, sizeof(data), "mark %d", marks++);
	disk_append(log, "id: id %d\ndata: %s\n\n", from, data);
	snprintf(id, sizeof(id), "id %d", from);
	reader_wait_events(r, seen + 1);
	site_close(s, r);
}

static void append_blocks(const char *log, int from, int to)
{
	for (int i = from; i < to; i++)
		disk_append(log, "id: id %d\ndata: %d\n\n", i, i);
}

/* Of an id that was written twice, the newer place counts. */
static void an_id_leads_back(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS "history = 0; ");
	struct reader *r;
	size_t seen = 0;

	append_blocks(log, 0, 20);
	r = site_open_path(s, "/app");
	reader_wait_head(r);
	append_blocks(log, 20, 40);
	reader_wait_events(r, 20);
	expect_rest(s, log, 3, 40);
	/* The process knows what came since it was asked first; another finds
	 * out. */
	r = resume(s, "id 3");
	disk_append(log, MARK);
	expect(r, &seen, NULL, "mark");
	site_restart(s);
	r = resume(s, "id 3");
	seen = 0;
	expect(r, &seen, "", "mark");
	s->program = s->program == SITE_CGI ? SITE_FCGI : SITE_CGI;
	r = resume(s, "id 38");
	seen = 0;
	expect(r, &seen, "id 39", "39");
	reader_wait_events(r, 3);
}

static void an_id_leads_into_a_rotated_file(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS "history = 0; ");
	char *old = strdup(disk_path(s->folder, "app.log.1"));
	char *older = strdup(disk_path(s->folder, "app.log.2"));
	struct reader *live, *r;
	size_t seen = 0;

	append_blocks(log, 0, 3);
	live = site_open_path(s, "/app");
	reader_wait_head(live);
	assert_int_equal(rename(log, older), 0);
	append_blocks(log, 3, 6);
	reader_wait_events(live, 3);
	assert_int_equal(rename(log, old), 0);
	append_blocks(log, 6, 9);
	reader_wait_events(live, 6);
	r = resume(s, "id 1");
	expect(r, &seen, "id 2", "2", "id 3", "3", "id 4", "4", "id 5", "5",
		"id 6", "6", "id 7", "7", "id 8", "8");
	site_restart(s);
	r = resume(s, "id 4");
	seen = 0;
	expect(r, &seen, "id 5", "5", "id 6", "6", "id 7", "7", "id 8", "8");
	append_blocks(log, 9, 10);
	expect(r, &seen, "id 9", "9");
	free(old);
	free(older);
}

/* Events "id N" and N, from `from` on to the one before `to`. */
static void expect_blocks(struct reader *r, int from, int to)
{
	char id[16], data[16];
	size_t seen = 0;

	for (int i = from; i < to; i++) {
		snprintf(id, sizeof(id), "id %d", i);
		snprintf(data, sizeof(data), "%d", i);
		expect(r, &seen, id, data);
	}
}

/* By a process that had the index before, and by one that makes it. */
static void an_id_leads_into_a_copy(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS "history = 0; ");
	const char *copy = disk_path(s->folder, "app.log.1");
	struct reader *live;

	append_blocks(log, 0, 6);
	live = resume(s, "id 0");
	expect_blocks(live, 1, 6);
	disk_copy(log, copy);
	disk_truncate(log, 0);
	append_blocks(log, 6, 9);
	expect_blocks(live, 1, 9);
	expect_blocks(resume(s, "id 2"), 3, 9);
	expect_blocks(resume(s, "id 7"), 8, 9);
	site_restart(s);
	expect_blocks(resume(s, "id 5"), 6, 9);
	expect_blocks(resume(s, "id 6"), 7, 9);
}

/* What a truncation has taken, or a deletion, is missing: that is said, to who
 * was there before it and who was not. */
static void an_id_whose_block_is_gone_is_a_gap(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS "history = 1; ");
	struct reader *live, *r;

	append_blocks(log, 0, 6);
	live = resume(s, "id 4");
	expect_blocks(live, 5, 6);
	disk_truncate(log, 0);
	reader_expect_event(live, 1, "gap",
		"{\"source\": \"app\", \"reason\": \"truncated\", "
		"\"bytes\": null}");
	append_blocks(log, 6, 8);
	r = resume(s, "id 2");
	reader_expect_event(r, 0, "gap", NULL);
	reader_expect_event(r, 1, "message", "7");
	site_restart(s);
	r = resume(s, "id 2");
	reader_expect_event(r, 0, "gap",
		"{\"source\": \"app\", \"reason\": \"unknown-id\", "
		"\"bytes\": null}");
	reader_expect_event(r, 1, "message", "7");
	assert_string_equal(reader_event(r, 1)->id, "id 7");
}

/* More than are opened in one go. */
static void an_id_leads_through_all_that_is_retained(void **state)
{
	enum { FILES = 12, BLOCKS = 3 * FILES };
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS "history = 0; ");

	for (int i = 0; i < FILES; i++) {
		if (i > 0)
			disk_rename(log,
				disk_path(s->folder, "app.log.%d", FILES - i));
		append_blocks(log, 3 * i, 3 * i + 3);
	}
	expect_blocks(resume(s, "id 0"), 1, BLOCKS);
	expect_blocks(resume(s, "id 16"), 17, BLOCKS);
	site_restart(s);
	expect_blocks(resume(s, "id 11"), 12, BLOCKS);
	/* What is compressed cannot be read. */
	disk_rename(disk_path(s->folder, "app.log.5"),
		disk_path(s->folder, "app.log.5.gz"));
	site_restart(s);
	reader_expect_event(resume(s, "id 0"), 0, "gap", NULL);
	expect_blocks(resume(s, "id 21"), 22, BLOCKS);
}

static void an_id_that_nobody_wrote_is_a_gap(void **state)
{
	static const char *const ids[] = { "x", "ID 1", "id", "id 10" };
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS "history = 2; ");

	append_blocks(log, 0, 10);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct reader *r = resume(s, ids[i]);

		reader_expect_event(r, 0, "gap",
			"{\"source\": \"app\", \"reason\": \"unknown-id\", "
			"\"bytes\": null}");
		assert_string_equal(reader_event(r, 0)->id, "");
		reader_expect_event(r, 1, "message", "8");
		reader_expect_event(r, 2, "message", "9");
		assert_string_equal(reader_event(r, 2)->id, "id 9");
	}
}

static void it_stands_alone_on_its_connection(void **state)
{
	struct site *s = *state;

	site_configure(s, "sources = ("
			  "{ name = \"a\"; path = \"a.log\"; " KEYS "},"
			  "{ name = \"b\"; path = \"b.log\"; },"
			  "{ name = \"c\"; type = \"clock\"; });\n");
	reader_expect_status(site_open_path(s, "/a,b"), 400);
	reader_expect_status(site_open_path(s, "/c,a"), 400);
	reader_expect_status(site_open_path(s, "/a"), 200);
	reader_expect_status(site_open_path(s, "/b,c"), 200);
}

static void a_pipe_has_its_writers_ids(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, KEYS);
	struct reader *r = site_open_path(s, "/app"), *back;
	size_t seen = 0;

	reader_wait_head(r);
	pipe_write(pipe, "id: a\ndata: 1\n\nid: b\ndata: 2\n\ndata: 3\n\n");
	expect(r, &seen, "a", "1", "b", "2", "b", "3");
	back = resume(s, "a");
	seen = 0;
	expect(back, &seen, "b", "2", "b", "3");
	site_restart(s);
	back = resume(s, "b");
	seen = 0;
	expect(back, &seen, "", "3");
}

/* Whoever connects when nothing comes has a place to come back to. */
static void the_opening_names_the_last_id(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, KEYS "history = 0; ");
	struct reader *r, *second;
	size_t seen = 0;

	s->program = SITE_FCGI;
	disk_write(log, "%s", "");
	r = site_open_path(s, "/app");
	reader_wait_head(r);
	disk_append(log, "id: last\ndata: 1\n\n");
	expect(r, &seen, "last", "1");
	second = site_open_path(s, "/app");
	reader_wait_text(second, "id: last\n\n");
	disk_append(log, MARK);
	seen = 0;
	expect(second, &seen, "last", "mark");
}

static void append_large_blocks(const char *log, int from, int to)
{
	struct bytes text = BYTES_INIT;

	for (int i = from; i < to; i++)
		bytes_add_format(
			&text, ":%*d\nid: id %d\ndata: %d\n\n", 4000, i, i, i);
	disk_append_bytes(log, text.data, text.len);
	bytes_release(&text);
}

/* While what is retained is read, in many turns; every second id is none. */
static void five_thousand_come_back_at_once(void **state)
{
	enum { CLIENTS = 5000, BLOCKS = 5000 };
	static struct front_client *clients[CLIENTS];
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .source = KEYS "history = 0;" });
	append_large_blocks(r.log, 0, BLOCKS);
	for (int i = 0; i < CLIENTS; i++) {
		char id[16];

		snprintf(id, sizeof(id), i % 2 ? "no %d" : "id %d",
			BLOCKS - 2 - i % 20);
		clients[i] = responder_open(&r,
			&(struct ask){ .path = "/log", .last_event_id = id });
	}
	for (int i = 0; i < CLIENTS; i++) {
		struct reader *one = &clients[i]->reader;
		int first = BLOCKS - 1 - i % 20;

		if (i % 2)
			reader_expect_event(one, 0, "gap", NULL);
		else
			expect_blocks(one, first, BLOCKS);
		assert_int_equal(one->event_count, i % 2 ? 1 : BLOCKS - first);
	}
	assert_int_equal(process_stop(r.process), 0);
}

/* Who reads nothing is overtaken, and goes on in the file: each id is the one
 * of its event there as well. */
static void a_laggard_has_the_same_ids(void **state)
{
	enum { BLOCKS = 3000 };
	struct front_client *slow, *fast;
	struct bytes text = BYTES_INIT;
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){
			    .settings = "ring = 65536; send_buffer = 4096;",
			    .source = KEYS "history = 0;" });
	slow = responder_open(&r, &(struct ask){ .path = "/log" });
	fast = responder_open(&r, &(struct ask){ .path = "/log" });
	reader_wait_head(&slow->reader);
	reader_wait_head(&fast->reader);
	reader_set_reading(&slow->reader, false);
	for (int i = 0; i < BLOCKS; i++)
		bytes_add_format(&text, "id: id %d\ndata: %d\ndata: %*d\n\n", i,
			i, 300, i);
	disk_append_bytes(r.log, text.data, text.len);
	bytes_release(&text);
	reader_wait_events(&fast->reader, BLOCKS);
	reader_set_reading(&slow->reader, true);
	reader_wait_events(&slow->reader, BLOCKS);
	for (size_t i = 0; i < BLOCKS; i++) {
		const struct reader_event *a = reader_event(&fast->reader, i);
		const struct reader_event *b = reader_event(&slow->reader, i);
		char id[16];

		snprintf(id, sizeof(id), "id %zu", i);
		assert_string_equal(a->id, id);
		assert_string_equal(b->id, id);
		assert_string_equal(a->data, b->data);
	}
	assert_int_equal(process_stop(r.process), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TESTS(the_writers_ids_reach_the_client),
		SITE_TESTS(an_id_leads_back),
		SITE_TESTS(an_id_leads_into_a_rotated_file),
		SITE_TESTS(an_id_leads_into_a_copy),
		SITE_TESTS(an_id_whose_block_is_gone_is_a_gap),
		SITE_TESTS(an_id_leads_through_all_that_is_retained),
		SITE_TESTS(an_id_that_nobody_wrote_is_a_gap),
		SITE_TESTS(it_stands_alone_on_its_connection),
		SITE_TESTS(a_pipe_has_its_writers_ids),
		SITE_TEST(the_opening_names_the_last_id),
		cmocka_unit_test(five_thousand_come_back_at_once),
		cmocka_unit_test(a_laggard_has_the_same_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
