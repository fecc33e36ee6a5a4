/*
 * Sources of type file, format lines, from both programs: what becomes an
 * event, when, and what does not.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"
#include "tests/lib/site.h"

#define COUNT(array)  (sizeof(array) / sizeof(*(array)))
#define REPLACED      "\xef\xbf\xbd"
#define LINES_MAX     64
#define GAP_TRUNCATED "{\"source\": \"app\", \"reason\": \"truncated\", "
#define WAITING(what) "{\"source\": \"app\", \"reason\": \"" what "\"}"

/* Has that many events of any type but `waiting` arrived? A file that is
 * being renamed may be missed for a moment on a slow machine. */
static size_t count_told(const struct reader *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->event_count; i++)
		n += strcmp(r->events[i].type, "waiting") != 0;
	return n;
}

/* The i-th of them. */
static const struct reader_event *told(const struct reader *r, size_t i)
{
	for (size_t j = 0; j < r->event_count; j++)
		if (strcmp(r->events[j].type, "waiting") != 0 && i-- == 0)
			return &r->events[j];
	test_fail("there is no event %zu", i);
}

/* Waits for lines behind the first *seen events; a line "gap REASON" stands
 * for such an event. The list ends with NULL. */
static void expect_lines_(struct reader *r, size_t *seen, ...)
{
	const char *line;
	va_list args;

	va_start(args, seen);
	while ((line = va_arg(args, const char *))) {
		const struct reader_event *e;
		char reason[64];

		wait_for(count_told(r) > *seen);
		e = told(r, (*seen)++);
		if (strncmp(line, "gap ", 4) != 0) {
			assert_string_equal(e->type, "message");
			assert_string_equal(e->data, line);
			continue;
		}
		snprintf(
			reason, sizeof(reason), "\"reason\": \"%s\"", line + 4);
		assert_string_equal(e->type, "gap");
		assert_non_null(strstr(e->data, reason));
	}
	va_end(args);
	assert_int_equal(count_told(r), *seen);
}
#define expect_lines(...) TEST_HERE(expect_lines_(__VA_ARGS__, NULL))

/* ---- complete lines */

static void a_line_is_an_event_when_it_is_complete_and_not_before(void **state)
{
	struct site *s = *state;
	const char *a = disk_path(s->folder, "a.log");
	const char *b = disk_path(s->folder, "b.log");

	site_configure(s, "sources = ( { name = \"a\"; path = \"a.log\"; },\n"
			  "{ name = \"b\"; path = \"b.log\"; } );\n");
	disk_touch(a);
	disk_touch(b);
	struct reader *r = site_open_path(s, "/a,b");
	reader_wait_comments(r, 1);
	for (size_t i = 0; i < 40; i += 2) {
		char tick[32], whole[64];

		snprintf(tick, sizeof(tick), "tick %zu", i);
		snprintf(whole, sizeof(whole), "one half %zu, the other", i);
		disk_append(a, "one half %zu", i);
		/* What comes after the half line is seen before it. */
		disk_append(b, "%s\n", tick);
		reader_expect_event(r, i, "b", tick);
		disk_append(a, ", the other\n");
		reader_expect_event(r, i + 1, "a", whole);
	}
	assert_int_equal(r->event_count, 40);
}

static void a_line_written_byte_by_byte_is_one_event(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	static const char line[] = "the quick brown fox\r\n";
	size_t seen = 0;

	disk_touch(log);
	struct reader *r = site_open_path(s, "/app");
	reader_wait_comments(r, 1);
	for (int i = 0; i < 10; i++) {
		for (const char *c = line; *c; c++)
			disk_append_bytes(log, c, 1);
		expect_lines(r, &seen, "the quick brown fox");
	}
}

static void a_write_of_6400_bytes_is_one_event(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	char text[6401] = "";

	disk_touch(log);
	struct reader *r = site_open_path(s, "/app");
	reader_wait_comments(r, 1);
	for (size_t i = 0; i < 100; i++) {
		memset(text, 'a' + (int)(i % 26), 6400);
		text[6399] = '\n';
		disk_append(log, "%s", text);
		text[6399] = '\0';
		reader_expect_event(r, i, "message", text);
	}
	assert_int_equal(r->event_count, 100);
}

static void several_sources_share_a_stream(void **state)
{
	struct site *s = *state;
	const char *paths[3];

	site_configure(s,
		"sources = ( { name = \"one\"; path = \"0.log\"; },\n"
		"{ name = \"two\"; path = \"1.log\"; event = \"second\"; },\n"
		"{ name = \"error\"; path = \"2.log\"; } );\n");
	for (int i = 0; i < 3; i++) {
		paths[i] = disk_path(s->folder, "%d.log", i);
		disk_write(paths[i], "old %d\n", i);
	}
	struct reader *r = site_open_path(s, "/one,two,error");
	reader_wait_events(r, 3);
	assert_true(reader_find_event(r, 0, "one", "old 0") >= 0);
	assert_true(reader_find_event(r, 0, "second", "old 1") >= 0);
	/* "error" is a browser's own event. */
	assert_true(reader_find_event(r, 0, "x-error", "old 2") >= 0);
	for (int i = 0; i < 300; i++)
		disk_append(paths[i % 3], "line %d\n", i);
	reader_wait_events(r, 303);
	/* Order holds within a source. */
	int next[3] = { 0, 1, 2 };
	static const char *const types[] = { "one", "second", "x-error" };
	for (size_t i = 3; i < 303; i++) {
		const struct reader_event *e = reader_event(r, i);
		char expected[32];
		int which = 0;

		while (which < 2 && strcmp(e->type, types[which]) != 0)
			which++;
		assert_string_equal(e->type, types[which]);
		snprintf(expected, sizeof(expected), "line %d", next[which]);
		assert_string_equal(e->data, expected);
		assert_true(strlen(e->id) <= 128);
		next[which] += 3;
	}
}

static void many_readers_get_the_same_lines(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	struct reader *r[12];

	disk_touch(log);
	for (size_t i = 0; i < COUNT(r); i++) {
		r[i] = site_open_path(s, "/app");
		reader_wait_comments(r[i], 1);
	}
	for (int i = 0; i < 200; i++)
		disk_append(log, "line %d\n", i);
	for (size_t i = 0; i < COUNT(r); i++) {
		reader_wait_events(r[i], 200);
		assert_int_equal(r[i]->body.len, r[0]->body.len);
		assert_memory_equal(
			r[i]->body.data, r[0]->body.data, r[0]->body.len);
	}
	reader_check_bytewise(r[0]);
}

/* ---- files that cannot be read yet */

static void a_file_that_is_not_there_is_waited_for(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	const char *other = disk_path(s->folder, "other");

	struct reader *r = site_open_path(s, "/app");
	reader_expect_event(r, 0, "waiting", WAITING("absent"));
	/* It comes by a rename, with all it holds. */
	disk_write(other, "first\nsecond\n");
	disk_rename(other, log);
	disk_append(log, "third\n");
	size_t seen = 0;
	expect_lines(r, &seen, "first", "second", "third");
	/* Whoever comes while it is gone is told, too. */
	disk_remove(log);
	wait_for(reader_find_event(r, 1, "waiting", WAITING("absent")) > 0);
	struct reader *late = site_open(
		s, &(struct ask){ .path = "/app", .query = "tail=0" });
	reader_expect_event(late, 0, "waiting", WAITING("absent"));
	disk_append(log, "fourth\n");
	expect_lines(r, &seen, "fourth");
	seen = 0;
	expect_lines(late, &seen, "fourth");
}

static void a_folder_that_is_not_there_is_waited_for(void **state)
{
	struct site *s = *state;
	size_t seen = 0;

	site_configure(s, "sources = ( { name = \"app\"; "
			  "path = \"a/b/app.log\"; } );\n");
	struct reader *r = site_open_path(s, "/app");
	reader_expect_event(r, 0, "waiting", WAITING("absent"));
	const char *a = disk_subfolder(s->folder, "a");
	const char *log = disk_path(disk_subfolder(a, "b"), "app.log");
	disk_append(log, "there\n");
	expect_lines(r, &seen, "there");
	/* The folder is replaced as a whole. */
	disk_rename(a, disk_path(s->folder, "old"));
	disk_subfolder(s->folder, "a");
	disk_subfolder(a, "b");
	disk_append(log, "again\n");
	expect_lines(r, &seen, "again");
}

static void make_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
}

static void every_change_of_the_reason_is_told(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	size_t seen = 0;

	disk_subfolder(s->folder, "app.log");
	struct reader *r = site_open_path(s, "/app");
	reader_expect_event(r, 0, "waiting", WAITING("not-a-file"));
	disk_remove(log);
	reader_expect_event(r, 1, "waiting", WAITING("absent"));
	disk_link("app.log", log);
	reader_expect_event(r, 2, "waiting", WAITING("unreadable"));
	disk_remove(log);
	reader_expect_event(r, 3, "waiting", WAITING("absent"));
	/* Nobody writes to it: opening it for reading would block. */
	assert_int_equal(mkfifo(log, 0600), 0);
	reader_expect_event(r, 4, "waiting", WAITING("not-a-file"));
	disk_remove(log);
	reader_expect_event(r, 5, "waiting", WAITING("absent"));
	make_socket(log);
	reader_expect_event(r, 6, "waiting", WAITING("not-a-file"));
	disk_remove(log);
	reader_expect_event(r, 7, "waiting", WAITING("absent"));
	disk_link("/dev/zero", log);
	reader_expect_event(r, 8, "waiting", WAITING("not-a-file"));
	disk_remove(log);
	disk_append(log, "a line\n");
	expect_lines(r, &seen, "a line");
}

static void a_file_that_may_not_be_read_is_waited_for(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	size_t seen = 0;

	s->unprivileged = true;
	disk_write(log, "first\n");
	disk_mode(log, 0);
	struct reader *r = site_open_path(s, "/app");
	reader_expect_event(r, 0, "waiting", WAITING("permission"));
	disk_mode(log, 0644);
	expect_lines(r, &seen, "first");
	disk_append(log, "second\n");
	expect_lines(r, &seen, "second");
	/* The next generation may not be read. */
	disk_rename(log, disk_path(s->folder, "app.log.1"));
	disk_write(disk_path(s->folder, "new"), "third\n");
	disk_mode(disk_path(s->folder, "new"), 0);
	disk_rename(disk_path(s->folder, "new"), log);
	wait_for(reader_find_event(r, 1, "waiting", WAITING("permission")) > 0);
	disk_mode(log, 0644);
	expect_lines(r, &seen, "third");
}

static void a_folder_that_may_not_be_searched_is_waited_for(void **state)
{
	struct site *s = *state;
	size_t seen = 0;

	s->unprivileged = true;
	const char *outer = disk_subfolder(s->folder, "outer");
	const char *log = disk_path(disk_subfolder(outer, "inner"), "app.log");
	site_configure(s, "sources = ( { name = \"app\"; "
			  "path = \"outer/inner/app.log\"; } );\n");
	disk_write(log, "first\n");
	int writer = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(writer >= 0);
	/* By its owner neither, who may be the programs' user. */
	disk_mode(outer, 0600);
	struct reader *r = site_open_path(s, "/app");
	reader_expect_event(r, 0, "waiting", WAITING("permission"));
	/* It goes on by itself. */
	disk_mode(outer, 0711);
	expect_lines(r, &seen, "first");
	/* What is open stays open. */
	disk_mode(outer, 0600);
	assert_int_equal(write(writer, "second\n", 7), 7);
	expect_lines(r, &seen, "second");
	close(writer);
}

/* ---- files that change */

static void a_renamed_file_is_followed_by_the_new_one(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	const char *old = disk_path(s->folder, "app.log.1");
	size_t seen = 0;

	disk_write(log, "1\n");
	struct reader *r = site_open_path(s, "/app");
	expect_lines(r, &seen, "1");
	for (int i = 0; i < 5; i++) {
		/* Daemons keep it open, and write on for a while. */
		int fd = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);

		assert_true(fd >= 0);
		disk_rename(log, old);
		assert_int_equal(write(fd, "late\n", 5), 5);
		expect_lines(r, &seen, "late");
		disk_append(log, "new\n");
		expect_lines(r, &seen, "new");
		assert_int_equal(write(fd, "later\n", 6), 6);
		expect_lines(r, &seen, "later");
		disk_append(log, "newer\n");
		expect_lines(r, &seen, "newer");
		close(fd);
	}
}

static void two_rotations_between_two_looks_lose_nothing(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	size_t seen = 0;

	disk_write(log, "1\n");
	struct reader *r = site_open_path(s, "/app");
	expect_lines(r, &seen, "1");
	kill(site_pid(s, r), SIGSTOP);
	disk_append(log, "2\n");
	disk_rename(log, disk_path(s->folder, "app.log.2"));
	disk_append(log, "3\n");
	disk_rename(log, disk_path(s->folder, "app.log.1"));
	disk_append(log, "4\n");
	kill(site_pid(s, r), SIGCONT);
	expect_lines(r, &seen, "2", "3", "4");
}

static void a_recreated_file_is_read_from_its_start(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	size_t seen = 0;

	disk_write(log, "1\n2\n");
	struct reader *r = site_open_path(s, "/app");
	expect_lines(r, &seen, "1", "2");
	for (int i = 0; i < 20; i++) {
		disk_remove(log);
		disk_append(log, "a new first line, longer than before\n");
		expect_lines(r, &seen, "a new first line, longer than before");
	}
}

static void a_truncated_file_is_a_gap_and_read_from_its_start(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	size_t seen = 0;

	disk_write(log, "1\n2\n3\n");
	struct reader *r = site_open_path(s, "/app");
	expect_lines(r, &seen, "1", "2", "3");
	disk_write(log, "new\n");
	expect_lines(r, &seen, "gap truncated", "new");
	/* Past the old offset before anybody looks. */
	kill(site_pid(s, r), SIGSTOP);
	disk_write(log, "this is another\nand longer\n");
	kill(site_pid(s, r), SIGCONT);
	expect_lines(
		r, &seen, "gap truncated", "this is another", "and longer");
	/* To the very size that it had. */
	kill(site_pid(s, r), SIGSTOP);
	disk_write(log, "THIS IS ANOTHER\nAND LONGER\n");
	kill(site_pid(s, r), SIGCONT);
	expect_lines(
		r, &seen, "gap truncated", "THIS IS ANOTHER", "AND LONGER");
}

static void a_copied_and_truncated_file_is_no_gap(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	size_t seen = 0;

	disk_write(log, "1\n2\n3\n");
	struct reader *r = site_open_path(s, "/app");
	expect_lines(r, &seen, "1", "2", "3");
	kill(site_pid(s, r), SIGSTOP);
	disk_append(log, "4\n");
	disk_copy(log, disk_path(s->folder, "app.log.1"));
	disk_truncate(log, 0);
	disk_append(log, "5\n");
	kill(site_pid(s, r), SIGCONT);
	expect_lines(r, &seen, "4", "5");
}

/* A writer without O_APPEND goes on where it was, behind a hole. */
static void the_hole_after_a_truncation_is_skipped(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	static const off_t sizes[] = { 100, 4096, 100000, 9 << 20 };
	size_t seen = 0;

	disk_write(log, "1\n");
	struct reader *r = site_open_path(s, "/app");
	expect_lines(r, &seen, "1");
	for (size_t i = 0; i < COUNT(sizes); i++) {
		int fd = open(log, O_WRONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		kill(site_pid(s, r), SIGSTOP);
		disk_truncate(log, 0);
		assert_int_equal(pwrite(fd, "after\n", 6, sizes[i]), 6);
		kill(site_pid(s, r), SIGCONT);
		expect_lines(r, &seen, "gap truncated", "after");
		/* The hole is there while somebody follows. */
		assert_int_equal(pwrite(fd, "more\n", 5, 2 * sizes[i] + 6), 5);
		expect_lines(r, &seen, "more");
		close(fd);
	}
}

/* ---- what is in a line */

struct odd {
	int line;
	size_t len, data_len;
	const char *bytes, *data;
};

#define ODD(bytes, data)                                                       \
	{                                                                      \
		__LINE__, sizeof(bytes) - 1, sizeof(data) - 1, bytes, data     \
	}

/* Lines without their newline, and the data of their events. */
static const struct odd odd_lines[] = {
	ODD("", ""),
	ODD("\r", ""),
	ODD("\r\r", "\n"),
	ODD(" leading, trailing ", " leading, trailing "),
	ODD("  ", "  "),
	ODD("\t", "\t"),
	ODD("cr lf\r", "cr lf"),
	ODD("10 %\r20 %\r30 %", "10 %\n20 %\n30 %"),
	ODD("\rfirst", "\nfirst"),
	ODD("a\0b", "a\0b"),
	ODD("\0\0\0after a hole", "after a hole"),
	ODD("\0\0\0", ""),
	ODD("nul\0", "nul\0"),
	ODD("\xff", REPLACED),
	ODD("a\xff\xfe"
	    "b",
		"a" REPLACED REPLACED "b"),
	ODD("cut \xe2\x82", "cut " REPLACED),
	ODD("cut \xe2\x82 on", "cut " REPLACED " on"),
	ODD("\xed\xa0\x80", REPLACED REPLACED REPLACED),
	ODD("\xc0\xaf", REPLACED REPLACED),
	ODD("\xf0\x80\x80"
	    "A",
		REPLACED REPLACED REPLACED "A"),
	ODD("\xf4\x90\x80\x80", REPLACED REPLACED REPLACED REPLACED),
	ODD("\xe2\x82\rx", REPLACED "\nx"),
	ODD("\xef\xbb\xbf"
	    "bom",
		"\xef\xbb\xbf"
		"bom"),
	ODD("\xe2\x82\xac \xf0\x9f\x8e\x89", "\xe2\x82\xac \xf0\x9f\x8e\x89"),
	ODD("\xe2\x80\xa8 separator", "\xe2\x80\xa8 separator"),
	ODD("\xc2\x85 next line", "\xc2\x85 next line"),
	ODD("\x1b[31mred\x07\x7f\x0b\x0c", "\x1b[31mred\x07\x7f\x0b\x0c"),
	ODD("event: x", "event: x"),
	ODD("id: y", "id: y"),
	ODD("id:", "id:"),
	ODD("retry: 1", "retry: 1"),
	ODD("data: z", "data: z"),
	ODD("data", "data"),
	ODD(":", ":"),
	ODD(": c", ": c"),
	ODD("\revent: x", "\nevent: x"),
	ODD("a\rid: y\rretry: 1\r\rdata: forged\r\r",
		"a\nid: y\nretry: 1\n\ndata: forged\n"),
	ODD("\r\revent: gap\rdata: {}\r\r", "\n\nevent: gap\ndata: {}\n"),
	ODD("\xef\xbb\xbf", "\xef\xbb\xbf"),
	ODD("{\"json\": \"\\r\\n\"}", "{\"json\": \"\\r\\n\"}"),
};

static void expect_odd(struct reader *r, size_t from)
{
	for (size_t i = 0; i < COUNT(odd_lines); i++) {
		const struct odd *row = &odd_lines[i];
		const struct reader_event *e;

		reader_wait_events(r, from + i + 1);
		e = reader_event(r, from + i);
		if (strcmp(e->type, "message") != 0 ||
			e->data_len != row->data_len ||
			memcmp(e->data, row->data, row->data_len) != 0)
			fail_msg("row of line %d: %s: '%s' of %zu bytes",
				row->line, e->type, e->data, e->data_len);
		assert_true(strlen(e->id) > 3);
	}
	assert_int_equal(r->sse.retry_ms, 2000);
}

static void whatever_a_line_holds_stays_its_data(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	struct bytes all = BYTES_INIT;
	char query[32];
	size_t n = COUNT(odd_lines);

	for (size_t i = 0; i < n; i++) {
		bytes_add(&all, odd_lines[i].bytes, odd_lines[i].len);
		bytes_add_byte(&all, '\n');
	}
	disk_write_bytes(log, all.data, all.len);
	snprintf(query, sizeof(query), "tail=%zu", n);
	struct reader *r =
		site_open(s, &(struct ask){ .path = "/app", .query = query });
	expect_odd(r, 0);
	disk_append_bytes(log, all.data, all.len);
	expect_odd(r, n);
	for (size_t i = 0; i < all.len; i++)
		disk_append_bytes(log, all.data + i, 1);
	expect_odd(r, 2 * n);
	assert_int_equal(r->event_count, 3 * n);
	reader_check_bytewise(r);
	bytes_release(&all);
}

static void a_line_over_the_limit_is_cut_and_a_gap_says_so(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "max_line = 1024;");
	static const size_t sizes[] = { 1023, 1024, 1025, 1500, 5000, 100000,
		300000, 3000000 };
	struct reader *r = NULL;
	size_t n = 0;

	disk_touch(log);
	/* Live first, then as history. */
	for (int live = 1; live >= 0; live--) {
		n = 0;
		r = live ? site_open_path(s, "/app")
			 : site_open(s, &(struct ask){ .path = "/app",
						.query = "tail=100" });
		reader_wait_comments(r, 1);
		for (size_t i = 0; i < COUNT(sizes); i++) {
			char *text = malloc(sizes[i] + 2);
			char gap[128];

			assert_non_null(text);
			memset(text, 'a' + (int)i, sizes[i]);
			strcpy(text + sizes[i], "\n");
			if (live)
				disk_append(log, "%s", text);
			if (sizes[i] > 1024) {
				snprintf(gap, sizeof(gap),
					"{\"source\": \"app\", \"reason\": "
					"\"overlong\", \"bytes\": %zu}",
					sizes[i] - 1024);
				reader_expect_event(r, n++, "gap", gap);
				text[1024] = '\0';
			} else {
				text[sizes[i]] = '\0';
			}
			reader_expect_event(r, n++, "message", text);
			free(text);
		}
		assert_int_equal(r->event_count, n);
	}
	/* Never inside a character; a CR before the newline is no text. */
	char text[1100];
	memset(text, 'x', 1022);
	strcpy(text + 1022, "\xe2\x82\xac\r\n");
	disk_append(log, "%s", text);
	reader_expect_event(r, n++, "gap",
		"{\"source\": \"app\", \"reason\": \"overlong\", "
		"\"bytes\": 3}");
	text[1022] = '\0';
	reader_expect_event(r, n++, "message", text);
	memset(text, 'y', 1024);
	strcpy(text + 1024, "\r\n");
	disk_append(log, "%s", text);
	text[1024] = '\0';
	reader_expect_event(r, n++, "message", text);
	assert_int_equal(r->event_count, n);
}

/* ---- size */

#define PSS_MAX ((size_t)16 << 20)

static size_t peak;

static bool has_event(const struct site *s, struct reader *r, size_t n)
{
	size_t pss = process_pss_bytes(site_pid(s, r));

	peak = pss > peak ? pss : peak;
	return r->event_count > n;
}

static void a_line_of_100_mb_costs_bounded_memory(void **state)
{
	struct site *s = *state;
	const char *a = disk_path(s->folder, "a.log");
	const char *b = disk_path(s->folder, "b.log");
	enum { MB = 1 << 20 };
	char *text = malloc(MB);

	site_configure(s, "sources = ( { name = \"a\"; path = \"a.log\"; },\n"
			  "{ name = \"b\"; path = \"b.log\"; } );\n");
	disk_touch(a);
	disk_touch(b);
	struct reader *r = site_open_path(s, "/a,b");
	reader_wait_comments(r, 1);
	assert_non_null(text);
	memset(text, 'x', MB);
	peak = 0;
	for (size_t i = 0; i < 10; i++) {
		for (int j = 0; j < 10; j++)
			disk_append_bytes(a, text, MB);
		/* The others do not wait for its end. */
		disk_append(b, "tick\n");
		wait_for(has_event(s, r, i));
		reader_expect_event(r, i, "b", "tick");
	}
	disk_append(a, "\nnext\n");
	wait_for(has_event(s, r, 12));
	reader_expect_event(r, 10, "gap",
		"{\"source\": \"a\", \"reason\": \"overlong\", "
		"\"bytes\": 103809024}");
	reader_expect_event(r, 11, "a", NULL);
	assert_int_equal(reader_event(r, 11)->data_len, MB);
	assert_memory_equal(reader_event(r, 11)->data, text, MB);
	reader_expect_event(r, 12, "a", "next");
	if (responder_memory_is_real() && peak > PSS_MAX)
		fail_msg("%zu bytes of memory", peak);
	free(text);
}

static void a_sparse_file_of_a_terabyte_is_followed(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	const off_t terabyte = (off_t)1 << 40;
	size_t seen = 0;

	disk_write(log, "first\n");
	struct reader *r = site_open_path(s, "/app");
	expect_lines(r, &seen, "first");
	peak = 0;
	disk_truncate(log, terabyte);
	disk_append(log, "last\n");
	wait_for(has_event(s, r, 1));
	expect_lines(r, &seen, "last");
	disk_append(log, "one more\n");
	expect_lines(r, &seen, "one more");
	if (responder_memory_is_real() && peak > PSS_MAX)
		fail_msg("%zu bytes of memory", peak);
	/* And by somebody who comes to it as it is. */
	struct reader *late = site_open(
		s, &(struct ask){ .path = "/app", .query = "tail=1" });
	seen = 0;
	expect_lines(late, &seen, "one more");
	disk_append(log, "and one\n");
	expect_lines(late, &seen, "and one");
}

static void offsets_past_four_gigabytes_are_offsets(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "");
	size_t seen = 0;
	char *id;

	disk_touch(log);
	disk_truncate(log, ((off_t)1 << 32) - 10);
	disk_append(log, "\n1\n2\n3\n4\n5\n6\n7\n");
	struct reader *r = site_open(
		s, &(struct ask){ .path = "/app", .query = "tail=7" });
	expect_lines(r, &seen, "1", "2", "3", "4", "5", "6", "7");
	for (size_t i = 0; i < 7; i++) {
		id = strdup(reader_event(r, i)->id);
		struct reader *again = site_open(s,
			&(struct ask){ .path = "/app", .last_event_id = id });
		size_t from = 0;

		for (size_t j = i + 1; j < 7; j++) {
			char line[2] = { (char)('1' + j), '\0' };

			wait_for(count_told(again) > from);
			assert_string_equal(told(again, from++)->data, line);
		}
		disk_append(log, "live\n");
		wait_for(count_told(again) > from);
		/* Those that were appended in the rounds before come first. */
		assert_string_equal(told(again, from)->data, "live");
		site_close(s, again);
		free(id);
	}
}

/* ---- real logs */

/* A line as an event should have it: by hand, from the words of the
 * standard, and with nothing of the programs. These logs are ASCII. */
static void add_expected(struct bytes *out, const char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\r')
		len--;
	for (size_t i = 0; i < len; i++) {
		assert_true((unsigned char)line[i] < 0x80 && line[i] != '\0');
		if (line[i] == '\r' && i + 1 < len && line[i + 1] == '\n')
			continue;
		bytes_add_byte(out, line[i] == '\r' ? '\n' : line[i]);
	}
}

static size_t expect_file(
	struct reader *r, size_t from, const struct bytes *content)
{
	const char *line = content->data;
	const char *end = line + content->len;
	struct bytes expected = BYTES_INIT;
	const char *newline;

	for (; line < end &&
		(newline = memchr(line, '\n', (size_t)(end - line)));
		line = newline + 1, from++) {
		const struct reader_event *e;

		bytes_clear(&expected);
		add_expected(&expected, line, (size_t)(newline - line));
		reader_wait_events(r, from + 1);
		e = reader_event(r, from);
		assert_string_equal(e->type, "message");
		assert_string_equal(e->data, bytes_text(&expected));
	}
	bytes_release(&expected);
	return from;
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

/* 2,000 lines with what real logs have: CR LF, tabs, lone CRs, empty
 * lines. */
static void generate(struct bytes *out, unsigned seed)
{
	for (int i = 0; i < 2000; i++) {
		unsigned kind = next_random(&seed) % 16;

		bytes_add_format(out, "[%08d] host app[%u]:\t", i * 7,
			next_random(&seed) % 10000);
		for (unsigned n = next_random(&seed) % 40; n > 0; n--)
			bytes_add_format(out, "%x ", next_random(&seed));
		bytes_add_text(out, kind == 0	? "50 %\r100 %\n"
				    : kind == 1 ? "\n\n"
				    : kind < 8	? "\r\n"
						: "\n");
	}
}

static void stream_content(
	struct site *s, const struct bytes *content, unsigned seed)
{
	const char *log =
		site_configure_log(s, "history = 0; history_max = 100000;");
	size_t n, half = 0;

	/* The first half is there, the second comes in pieces. */
	while (half < content->len / 2 || content->data[half - 1] != '\n')
		half++;
	struct bytes first = { content->data, half, 0 };
	struct bytes second = { content->data + half, content->len - half, 0 };
	disk_write_bytes(log, first.data, first.len);
	struct reader *r = site_open(
		s, &(struct ask){ .path = "/app", .query = "tail=100000" });
	n = expect_file(r, 0, &first);
	for (size_t at = 0; at < second.len;) {
		size_t len = next_random(&seed) % 3000 + 1;

		if (len > second.len - at)
			len = second.len - at;
		disk_append_bytes(log, second.data + at, len);
		at += len;
	}
	n = expect_file(r, n, &second);
	assert_int_equal(r->event_count, n);
	reader_check_bytewise(r);
	site_restart(s);
}

static void real_logs_come_out_as_they_are(void **state)
{
	struct site *s = *state;
	static const char *const names[] = { "Apache_2k.log", "Linux_2k.log",
		"OpenSSH_2k.log" };

	for (unsigned i = 0; i < COUNT(names); i++) {
		const char *path = disk_path("../shared/logs", "%s", names[i]);
		struct bytes content = BYTES_INIT;

		if (disk_exists(path))
			disk_read(&content, path);
		else
			generate(&content, i);
		stream_content(s, &content, i);
		bytes_clear(&content);
		generate(&content, i + 10);
		stream_content(s, &content, i);
		bytes_release(&content);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(
			a_line_is_an_event_when_it_is_complete_and_not_before),
		SITE_TESTS(a_line_written_byte_by_byte_is_one_event),
		SITE_TESTS(a_write_of_6400_bytes_is_one_event),
		SITE_TESTS(several_sources_share_a_stream),
		SITE_TESTS(many_readers_get_the_same_lines),
		SITE_TESTS(a_file_that_is_not_there_is_waited_for),
		SITE_TESTS(a_folder_that_is_not_there_is_waited_for),
		SITE_TESTS(every_change_of_the_reason_is_told),
		SITE_TESTS(a_file_that_may_not_be_read_is_waited_for),
		SITE_TESTS(a_folder_that_may_not_be_searched_is_waited_for),
		SITE_TESTS(a_renamed_file_is_followed_by_the_new_one),
		SITE_TESTS(two_rotations_between_two_looks_lose_nothing),
		SITE_TESTS(a_recreated_file_is_read_from_its_start),
		SITE_TESTS(a_truncated_file_is_a_gap_and_read_from_its_start),
		SITE_TESTS(a_copied_and_truncated_file_is_no_gap),
		SITE_TESTS(the_hole_after_a_truncation_is_skipped),
		SITE_TESTS(whatever_a_line_holds_stays_its_data),
		SITE_TESTS(a_line_over_the_limit_is_cut_and_a_gap_says_so),
		SITE_TESTS(a_line_of_100_mb_costs_bounded_memory),
		SITE_TESTS(a_sparse_file_of_a_terabyte_is_followed),
		SITE_TESTS(offsets_past_four_gigabytes_are_offsets),
		SITE_TESTS(real_logs_come_out_as_they_are),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
