/*
 * Sources of format sse, files and pipes, from both programs: a writer's blocks
 * become events of ours, whole and in order, whatever the writer does.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"
#include "tests/lib/site.h"

#define TEXT(literal) literal, sizeof(literal) - 1
#define SSE	      "format = \"sse\"; "
#define MARK	      "data: mark\n\n"

/* The next events from *seen on; each is TYPE and DATA. */
static void expect_(struct reader *r, size_t *seen, const char *const *events)
{
	for (; *events; events += 2)
		reader_expect_event(r, (*seen)++, events[0], events[1]);
}
#define expect(r, seen, ...)                                                   \
	TEST_HERE(expect_(r, seen, (const char *const[]){ __VA_ARGS__, NULL }))

static void a_block_is_an_event_when_it_has_ended(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SSE);
	struct reader *r;
	size_t seen = 0;

	disk_write(log, "%s", "");
	r = site_open_path(s, "/app");
	reader_wait_head(r);
	reader_wait_text(r, "id: ");
	disk_append(log, "event: price\ndata: 1.5\n");
	disk_append(log, "id: 7\ndata: 1.6\n");
	wait_quietly(100);
	assert_int_equal(r->event_count, 0);
	disk_append(log, "\n");
	expect(r, &seen, "price", "1.5\n1.6");
	disk_append(log, "data: a\r\n\r\ndata: b\r\rdata: c\n\n");
	expect(r, &seen, "message", "a", "message", "b", "message", "c");
	/* The writer's id is not ours. */
	assert_null(strstr(bytes_text(&r->body), "id: 7"));
	reader_check_bytewise(r);
}

static const char every_end[] = "data: a\r\n\r\ndata: b\r\rdata: c\n\n"
				"\r\n\n\rdata: d\rdata: e\r\n\n"
				"data: f\r\n\rdata: g\n\rdata: h\r\n\r";

/* CR and LF of a blank line in two writes are not one line more; and after
 * the CR nothing is waited for. */
static void every_line_end_ends_a_line(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SSE);
	struct reader *r;
	size_t seen = 0;

	disk_write(log, "%s", "");
	r = site_open_path(s, "/app");
	reader_wait_text(r, "id: ");
	for (size_t i = 0; every_end[i]; i++)
		disk_append_bytes(log, every_end + i, 1);
	expect(r, &seen, "message", "a", "message", "b", "message", "c",
		"message", "d\ne", "message", "f", "message", "g", "message",
		"h");
	disk_append(log, "\n" MARK);
	expect(r, &seen, "message", "mark");
	assert_int_equal(r->event_count, seen);
}

/* From every id of theirs, in a process that knows nothing, what came after
 * it and no gap. */
static void resume_at_every_end(struct site *s, struct reader *r,
	void (*append)(const char *path, const char *text), const char *path)
{
	enum { EVENTS = 7 };
	static const char *const data[] = { "a", "b", "c", "d\ne", "f", "g",
		"h" };
	struct reader *readers[EVENTS];
	char ids[EVENTS][160];

	for (size_t i = 0; i < EVENTS; i++) {
		reader_expect_event(r, i, "message", data[i]);
		snprintf(ids[i], sizeof(ids[i]), "%s", reader_event(r, i)->id);
	}
	site_restart(s);
	for (size_t i = 0; i < EVENTS; i++)
		readers[i] = site_open(s, &(struct ask){ .path = "/app",
						  .last_event_id = ids[i] });
	for (size_t i = 0; i < EVENTS; i++)
		reader_wait_text(readers[i], "id: ");
	append(path, "\n" MARK);
	for (size_t i = 0; i < EVENTS; i++) {
		size_t seen = 0;

		for (size_t next = i + 1; next < EVENTS; next++)
			expect(readers[i], &seen, "message", data[next]);
		expect(readers[i], &seen, "message", "mark");
		assert_int_equal(readers[i]->event_count, seen);
	}
}

static void append_to_file(const char *path, const char *text)
{
	disk_append(path, "%s", text);
}

static void append_to_pipe(const char *path, const char *text)
{
	pipe_write(path, "%s", text);
}

static void every_end_is_a_place(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SSE);

	disk_write(log, "%s", every_end);
	resume_at_every_end(s, site_open_path(s, "/app"), append_to_file, log);
}

static void every_end_is_a_place_in_a_pipe(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, SSE);
	struct reader *r = site_open_path(s, "/app");
	int fd;

	reader_wait_text(r, "id: ");
	fd = pipe_open(pipe);
	for (size_t i = 0; every_end[i]; i++)
		pipe_put_bytes(fd, every_end + i, 1);
	close(fd);
	resume_at_every_end(s, r, append_to_pipe, pipe);
}

static void nobody_forges_what_is_ours(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SSE);
	struct reader *r;
	size_t seen = 0;

	disk_write(log, "%s",
		"event: gap\ndata: {}\n\n"
		"event: waiting\ndata\n\n"
		"event: busy\ndata\n\n"
		"id: 0\nretry: nonsense\ndata: \xff\n\n"
		": comment\n\n"
		"event: none\n\n" MARK);
	r = site_open_path(s, "/app");
	expect(r, &seen, "x-gap", "{}", "x-waiting", "", "x-busy", "",
		"message", "\xef\xbf\xbd", "message", "mark");
	assert_int_equal(r->event_count, seen);
	assert_int_equal(r->sse.retry_ms, 2000);
	/* What is passed on, is. */
	disk_append(log, "retry: 12345\n\n" MARK);
	expect(r, &seen, "message", "mark");
	assert_int_equal(r->sse.retry_ms, 12345);
}

static void the_history_is_events(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SSE);
	struct reader *r;
	size_t seen = 0;

	for (int i = 0; i < 100; i++)
		disk_append(log, "data: %d\n\n: hb\n\n\n\n", i);
	r = site_open_path(s, "/app");
	for (int i = 90; i < 100; i++) {
		char data[8];

		snprintf(data, sizeof(data), "%d", i);
		expect(r, &seen, "message", data);
	}
	r = site_open(s, &(struct ask){ .path = "/app", .query = "tail=2" });
	seen = 0;
	expect(r, &seen, "message", "98", "message", "99");
	disk_append(log, MARK);
	expect(r, &seen, "message", "mark");
}

/* From every id, in a process that knows nothing, exactly what comes after
 * it. */
static void a_resume_goes_on_behind_the_block(void **state)
{
	enum { BLOCKS = 6 };
	struct site *s = *state;
	const char *log = site_configure_log(s, SSE "history = 20; ");
	struct reader *r, *readers[BLOCKS];
	char ids[BLOCKS][160], data[8];

	disk_write(log, "%s", "\xef\xbb\xbf");
	for (int i = 0; i < BLOCKS; i++)
		disk_append(log, "data: %d\r\ndata\r\n\r\n%s", i,
			i % 2 ? ": hb\r\n\r\n" : "\r\r");
	r = site_open_path(s, "/app");
	for (size_t i = 0; i < BLOCKS; i++) {
		reader_wait_events(r, i + 1);
		snprintf(ids[i], sizeof(ids[i]), "%s", reader_event(r, i)->id);
	}
	site_restart(s);
	for (size_t i = 0; i < BLOCKS; i++)
		readers[i] = site_open(s, &(struct ask){ .path = "/app",
						  .last_event_id = ids[i] });
	for (size_t i = 0; i < BLOCKS; i++) {
		reader_wait_head(readers[i]);
		reader_wait_text(readers[i], "id: ");
	}
	disk_append(log, MARK);
	for (size_t i = 0; i < BLOCKS; i++) {
		size_t seen = 0;

		for (size_t next = i + 1; next < BLOCKS; next++) {
			snprintf(data, sizeof(data), "%zu\n", next);
			expect(readers[i], &seen, "message", data);
		}
		expect(readers[i], &seen, "message", "mark");
	}
}

static void a_block_that_is_too_long_is_a_gap(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SSE "max_line = 1024; ");
	char data[1025], large[200001];
	struct reader *r;
	size_t seen = 0;

	memset(data, 'x', 1016);
	data[1016] = '\0';
	memset(large, 'y', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	disk_write(log, "%s", "");
	r = site_open_path(s, "/app");
	reader_wait_text(r, "id: ");
	disk_append(log, "data: %s\n\n", data);
	expect(r, &seen, "message", data);
	disk_append(log, "data: %sx\n\n" MARK, data);
	expect(r, &seen, "gap",
		"{\"source\": \"app\", \"reason\": \"overlong\", "
		"\"bytes\": 1025}",
		"message", "mark");
	disk_append(log, "event: gap\ndata: %s\r\n\r\n" MARK, large);
	expect(r, &seen, "gap",
		"{\"source\": \"app\", \"reason\": \"overlong\", "
		"\"bytes\": 200020}",
		"message", "mark");
	/* The same for one who reads the file. */
	r = site_open(s, &(struct ask){ .path = "/app", .query = "tail=3" });
	seen = 0;
	expect(r, &seen, "message", "mark", "gap", NULL, "message", "mark");
}

/* What is behind the place where it was cut is no event. */
static void a_block_that_no_spool_holds_is_a_gap(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, SSE "spool_size = 131072; ");
	struct reader *r = site_open_path(s, "/app");
	size_t seen = 0;
	int fd;

	reader_wait_text(r, "id: ");
	fd = pipe_open(pipe);
	for (int i = 0; i < 3; i++) {
		for (int line = 0; line < 5000; line++)
			pipe_put(fd, "data: line %d of 5000%s", line,
				i == 1 ? "\r\n" : "\n");
		pipe_put(fd, "%s" MARK, i == 1 ? "\r\n" : "\n");
		expect(r, &seen, "gap",
			"{\"source\": \"app\", \"reason\": \"overlong\", "
			"\"bytes\": null}",
			"message", "mark");
	}
	close(fd);
}

static void several_sources_keep_their_types(void **state)
{
	struct site *s = *state;
	const char *prices, *log;
	struct reader *r;
	size_t seen = 0;

	site_configure(s, "sources = ("
			  "{ name = \"prices\"; path = \"prices\"; " SSE "},"
			  "{ name = \"log\"; path = \"log\"; } );\n");
	prices = disk_path(s->folder, "prices");
	log = disk_path(s->folder, "log");
	disk_write(prices, "%s", "");
	disk_write(log, "%s", "");
	r = site_open_path(s, "/prices,log");
	reader_wait_text(r, "id: ");
	disk_append(prices, "event: EUR\ndata: 1.08\n\n");
	expect(r, &seen, "EUR", "1.08");
	disk_append(prices, "data: 2\n\n");
	expect(r, &seen, "prices", "2");
	disk_append(log, "event: EUR\n");
	expect(r, &seen, "log", "event: EUR");
	/* From the file, too. */
	r = site_open(s, &(struct ask){ .path = "/prices,log" });
	seen = 0;
	expect(r, &seen, "EUR", "1.08", "prices", "2", "log", "event: EUR");
}

static void an_unfinished_block_is_dropped_with_its_file(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, SSE);
	const char *old = disk_path(s->folder, "app.log.1");
	struct reader *r;
	size_t seen = 0;

	disk_write(log, "%s", MARK);
	r = site_open_path(s, "/app");
	expect(r, &seen, "message", "mark");
	disk_append(log, "data: half\n");
	disk_rename(log, old);
	disk_write(log, "%s", "data: new\n\n");
	expect(r, &seen, "message", "new", "gap",
		"{\"source\": \"app\", \"reason\": \"rotated\", "
		"\"bytes\": 11}");
}

/* Over segments, too; a block that its writer did not end is ended. */
enum { PIPE_BLOCKS = 400 };

static void write_blocks(const char *pipe)
{
	int fd = pipe_open(pipe);
	char block[300];

	for (int i = 0; i < PIPE_BLOCKS; i++) {
		snprintf(block, sizeof(block),
			"data: %d %*d\r\nevent: e\r\n\r%s%s", i, 200, i,
			i % 2 ? "" : "\n", i % 3 ? "" : "\r\n\n");
		pipe_put_bytes(fd, block, strlen(block));
	}
	close(fd);
}

static void expect_blocks(struct reader *r, size_t *seen)
{
	char data[256];

	for (int i = 0; i < PIPE_BLOCKS; i++) {
		snprintf(data, sizeof(data), "%d %*d", i, 200, i);
		expect(r, seen, "e", data);
	}
}

static void a_pipe_takes_blocks(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, SSE "spool_size = 262144; ");
	struct reader *r = site_open_path(s, "/app"), *resumed;
	char id[160];
	size_t seen = 0;

	reader_wait_head(r);
	reader_wait_text(r, "id: ");
	pipe_write(pipe, "event: price\ndata: 1\n\n");
	expect(r, &seen, "price", "1");
	pipe_write(pipe, "data: half\n");
	expect(r, &seen, "message", "half");
	snprintf(id, sizeof(id), "%s", reader_event(r, 1)->id);
	write_blocks(pipe);
	expect_blocks(r, &seen);
	/* Out of the segments, blank lines at their ends included. */
	resumed = site_open(
		s, &(struct ask){ .path = "/app", .last_event_id = id });
	seen = 0;
	expect_blocks(resumed, &seen);
	pipe_write(pipe, MARK);
	expect(resumed, &seen, "message", "mark");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TESTS(a_block_is_an_event_when_it_has_ended),
		SITE_TESTS(every_line_end_ends_a_line),
		SITE_TESTS(every_end_is_a_place),
		SITE_TESTS(every_end_is_a_place_in_a_pipe),
		SITE_TESTS(nobody_forges_what_is_ours),
		SITE_TESTS(the_history_is_events),
		SITE_TESTS(a_resume_goes_on_behind_the_block),
		SITE_TESTS(a_block_that_is_too_long_is_a_gap),
		SITE_TESTS(a_block_that_no_spool_holds_is_a_gap),
		SITE_TESTS(several_sources_keep_their_types),
		SITE_TESTS(a_pipe_takes_blocks),
		SITE_TESTS(an_unfinished_block_is_dropped_with_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
