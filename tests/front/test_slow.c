/*
 * Clients that are slower than the log: they read on from the file, cost
 * nothing, and slow nobody.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

/* As little memory as can be configured: everybody is overtaken soon. */
#define SMALL "ring = 65536; send_buffer = 4096;"

/* "name number aaa...", of about `len` bytes. */
static void append_to(const char *path, const char *name, int number, int len)
{
	struct bytes line = BYTES_INIT;

	bytes_add_format(&line, "%s %d ", name, number);
	while (line.len < (size_t)len)
		bytes_add_byte(&line, 'a' + number % 26);
	bytes_add_byte(&line, '\n');
	disk_append_bytes(path, line.data, line.len);
	bytes_release(&line);
}

static void append_lines(const struct responder *r, int from, int to, int len)
{
	for (int i = from; i < to; i++)
		append_to(r->log, "line", i, len);
}

/* Event `i` is that line of that length, whole. */
static void expect_line(
	struct reader *r, size_t i, const char *name, int number, int len)
{
	const struct reader_event *e = reader_event(r, i);
	char start[40];

	snprintf(start, sizeof(start), "%s %d ", name, number);
	if (strncmp(e->data, start, strlen(start)) != 0)
		fail_msg("event %zu is '%.40s', not %s", i, e->data, start);
	assert_int_equal(e->data_len, len);
	assert_int_equal(e->data[len - 1], 'a' + number % 26);
}

static void expect_lines(struct reader *r, int count, int len)
{
	reader_wait_events(r, (uint64_t)count);
	assert_int_equal(r->event_count, count);
	for (int i = 0; i < count; i++)
		expect_line(r, (size_t)i, "line", i, len);
}

/* Where the responder listens: a unix socket, or TCP. */
static bool on_tcp(void **state)
{
	return *state != NULL;
}

static void start(struct responder *r, void **state, const char *settings,
	const char *more)
{
	responder_start(
		r, &(struct responder_how){
			   .settings = settings,
			   .source = "history = 0;",
			   .sources = more,
			   .address = on_tcp(state) ? responder_tcp() : NULL,
		   });
}

static struct front_client *open_stopped(const struct responder *r)
{
	struct front_client *c = responder_follow(r, NULL);

	reader_set_reading(&c->reader, false);
	return c;
}

/* ---- they get it all, later */

static void who_stops_reading_gets_every_line_from_the_file(void **state)
{
	enum { LINES = 4000, LEN = 1000, STOPPED = 20 };
	struct front_client *stopped[STOPPED], *fast;
	struct responder r;

	start(&r, state, SMALL, NULL);
	for (int i = 0; i < STOPPED; i++)
		stopped[i] = open_stopped(&r);
	fast = responder_follow(&r, NULL);
	append_lines(&r, 0, LINES, LEN);
	expect_lines(&fast->reader, LINES, LEN);
	assert_in_range(fast->longest_record, 1, 16384);
	for (int i = 0; i < STOPPED; i++) {
		assert_int_equal(stopped[i]->reader.event_count, 0);
		reader_set_reading(&stopped[i]->reader, true);
	}
	for (int i = 0; i < STOPPED; i++) {
		expect_lines(&stopped[i]->reader, LINES, LEN);
		assert_in_range(stopped[i]->longest_record, 1, 16384);
	}
	/* And they are where the others are. */
	append_lines(&r, LINES, LINES + 1, LEN);
	for (int i = 0; i < STOPPED; i++)
		expect_lines(&stopped[i]->reader, LINES + 1, LEN);
	assert_int_equal(process_stop(r.process), 0);
	for (int i = 0; i < STOPPED; i++)
		reader_wait_end(&stopped[i]->reader);
}

static void who_reads_byte_by_byte_gets_every_line_and_slows_nobody(
	void **state)
{
	enum { LINES = 800, LEN = 500, STEP = 10 };
	struct front_client *slow, *fast;
	struct responder r;

	start(&r, state, SMALL, NULL);
	slow = open_stopped(&r);
	fast = responder_follow(&r, NULL);
	/* For every few lines that the others get at once it reads a bit. */
	for (int i = 0; i < LINES; i += STEP) {
		append_lines(&r, i, i + STEP, LEN);
		reader_wait_events(&fast->reader, (uint64_t)(i + STEP));
		for (int n = 0; n < 1000; n++)
			reader_read(&slow->reader, 1);
	}
	expect_lines(&fast->reader, LINES, LEN);
	assert_in_range(slow->reader.event_count, 0, LINES / 2);
	struct test_wait wait = test_wait_begin(
		__FILE__, __LINE__, "all of it", test_limit_ms());
	while (slow->reader.event_count < LINES && !slow->reader.closed)
		if (reader_read(&slow->reader, 1) == 0)
			test_wait_step(&wait);
	expect_lines(&slow->reader, LINES, LEN);
}

static void a_record_of_a_mebibyte_reaches_a_slow_reader(void **state)
{
	enum { LEN = 1000000 };
	struct front_client *slow, *fast;
	struct responder r;

	start(&r, state, SMALL, NULL);
	slow = open_stopped(&r);
	fast = responder_follow(&r, NULL);
	append_lines(&r, 0, 1, LEN);
	append_lines(&r, 1, 2, LEN);
	expect_lines(&fast->reader, 2, LEN);
	while (slow->reader.event_count < 2 && !slow->reader.closed)
		if (reader_read(&slow->reader, 1500) == 0)
			wait_quietly(1);
	expect_lines(&slow->reader, 2, LEN);
}

static void a_slow_reader_of_two_sources_gets_every_line_of_both(void **state)
{
	enum { LINES = 1000, LEN = 400 };
	const struct ask both = { .path = "/log,other" };
	struct front_client *slow, *fast;
	struct responder r;
	int next[2] = { 0, 0 };

	start(&r, state, SMALL,
		", { name = \"other\"; path = \"other\"; history = 0; }");
	const char *other = disk_path(r.folder, "other");
	disk_touch(other);
	slow = responder_follow(&r, &both);
	reader_set_reading(&slow->reader, false);
	fast = responder_follow(&r, &both);
	for (int i = 0; i < LINES; i++) {
		append_to(r.log, "line", i, LEN);
		append_to(other, "other", i, LEN);
	}
	reader_wait_events(&fast->reader, 2 * LINES);
	reader_set_reading(&slow->reader, true);
	reader_wait_events(&slow->reader, 2 * LINES);
	assert_int_equal(slow->reader.event_count, 2 * LINES);
	for (size_t i = 0; i < 2 * LINES; i++) {
		bool is_other = reader_event(&slow->reader, i)->type[0] == 'o';

		expect_line(&slow->reader, i, is_other ? "other" : "line",
			next[is_other]++, LEN);
	}
	assert_int_equal(next[0], LINES);
	assert_int_equal(next[1], LINES);
}

/* ---- the file changes under a frame that was accepted in part */

enum { PART_LINES = 2000, PART_LEN = 200 };

/* A client whose socket took a part of a frame: there is much at once, of
 * which a unix socket takes less than one. */
static struct front_client *open_in_the_middle(
	struct responder *r, void **state)
{
	struct front_client *slow, *fast;

	start(r, state, SMALL, NULL);
	slow = open_stopped(r);
	fast = responder_follow(r, NULL);
	process_signal(r->process, SIGSTOP);
	append_lines(r, 0, PART_LINES, PART_LEN);
	process_signal(r->process, SIGCONT);
	reader_wait_events(&fast->reader, PART_LINES);
	reader_close(&fast->reader);
	return slow;
}

static void a_frame_is_finished_from_the_rotated_file(void **state)
{
	struct responder r;
	struct front_client *slow = open_in_the_middle(&r, state);

	disk_rename(r.log, disk_path(r.folder, "log.1"));
	append_lines(&r, PART_LINES, 2 * PART_LINES, PART_LEN);
	reader_set_reading(&slow->reader, true);
	expect_lines(&slow->reader, 2 * PART_LINES, PART_LEN);
}

static bool is_closed_or_through(const struct reader *r, const char *last)
{
	if (r->closed || r->event_count == 0)
		return r->closed;
	return strncmp(r->events[r->event_count - 1].data, last,
		       strlen(last)) == 0;
}

/*
 * What it had begun to get is nowhere any more. On TCP, where a frame may
 * just have fitted, it goes on after a gap instead.
 */
static void a_frame_that_cannot_be_finished_is_broken_off(void **state)
{
	enum { NEW = 1000 };
	struct responder r;
	struct front_client *slow = open_in_the_middle(&r, state);
	size_t i = 0;

	disk_truncate(r.log, 0);
	for (int n = 0; n < NEW; n++)
		append_to(r.log, "new", n, PART_LEN);
	reader_set_reading(&slow->reader, true);
	wait_for(is_closed_or_through(&slow->reader, "new 999 "));
	assert_false(slow->has_end);
	while (i < slow->reader.event_count &&
		reader_event(&slow->reader, i)->data[0] == 'l') {
		expect_line(&slow->reader, i, "line", (int)i, PART_LEN);
		i++;
	}
	if (slow->reader.closed) {
		assert_int_equal(i, slow->reader.event_count);
	} else {
		assert_true(on_tcp(state));
		reader_expect_event(&slow->reader, i++, "gap", NULL);
		assert_int_equal(slow->reader.event_count, i + NEW);
	}

	/* It comes back with the last line that it had whole, and is told. */
	struct front_client *again = responder_open(
		&r, &(struct ask){ .last_event_id = reader_event(&slow->reader,
					   slow->reader.closed ? i - 1 : 0)
							    ->id });
	reader_expect_event(&again->reader, 0, "gap", NULL);
}

/* ---- what they cost */

static int unread_bytes(const struct front_client *c)
{
	int n = 0;

	assert_int_equal(ioctl(c->reader.fd, FIONREAD, &n), 0);
	return n;
}

static void the_kernel_keeps_no_more_than_send_buffer_for_a_client(void **state)
{
	static const struct {
		const char *settings;
		int bytes;
	} cases[] = {
		{ "send_buffer = 4096;", 4096 },
		{ "", 32768 },
		{ "send_buffer = 131072;", 131072 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct front_client *slow, *fast;
		struct responder r;

		start(&r, state, cases[i].settings, NULL);
		slow = open_stopped(&r);
		fast = responder_follow(&r, NULL);
		append_lines(&r, 0, 2000, 1000);
		reader_wait_events(&fast->reader, 2000);
		print_message("%d: %d bytes unread\n", cases[i].bytes,
			unread_bytes(slow));
		/* The kernel looks at what it has before it takes a message,
		 * which is half as much at most. */
		assert_in_range(unread_bytes(slow), 1, cases[i].bytes * 3 / 2);
	}
}

static void five_hundred_laggards_cost_less_than_a_kilobyte_each(void **state)
{
	enum { CLIENTS = 500, LINES = 200, MORE = 2000, LEN = 1000 };
	static struct front_client *clients[CLIENTS];
	struct front_client *fast;
	struct responder r;

	start(&r, state, SMALL, NULL);
	fast = responder_follow(&r, NULL);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = responder_follow(&r, NULL);
	/* What all share is there once they have had some. */
	append_lines(&r, 0, LINES, LEN);
	reader_wait_events(&fast->reader, LINES);
	for (int i = 0; i < CLIENTS; i++) {
		reader_wait_events(&clients[i]->reader, LINES);
		reader_set_reading(&clients[i]->reader, false);
	}
	size_t idle = process_own_bytes(r.process->pid);
	append_lines(&r, LINES, LINES + MORE, LEN);
	reader_wait_events(&fast->reader, LINES + MORE);
	size_t lagging = process_own_bytes(r.process->pid);
	print_message("%d clients: %zu KB idle, %zu KB lagging\n", CLIENTS,
		idle / 1024, lagging / 1024);
	if (responder_memory_is_real() && lagging > idle)
		assert_in_range(lagging - idle, 0, CLIENTS * 1024);
	/* And on their way. */
	for (int i = 0; i < CLIENTS; i++)
		while (clients[i]->reader.event_count < LINES + MORE / 20)
			if (reader_read(&clients[i]->reader, 65536) == 0)
				wait_quietly(0);
	lagging = process_own_bytes(r.process->pid);
	print_message("%zu KB while they catch up\n", lagging / 1024);
	if (responder_memory_is_real() && lagging > idle)
		assert_in_range(lagging - idle, 0, CLIENTS * 1024);
}

/* ---- who accepts nothing at all */

static void only_who_accepts_nothing_at_all_is_closed(void **state)
{
	enum { LINES = 3000, LEN = 1000 };
	struct front_client *dead, *slow, *fast;
	struct responder r;

	/* Longer than a busy machine lets anybody wait for its turn. */
	start(&r, state, SMALL "stall = 4;", NULL);
	dead = open_stopped(&r);
	slow = open_stopped(&r);
	fast = responder_follow(&r, NULL);
	size_t sockets = process_sockets(r.process->pid);
	append_lines(&r, 0, LINES, LEN);
	/* Reads a little, often; the fast one soon has no more to get. */
	int64_t end = test_now_ms() + test_limit_ms();
	int64_t fed = 0;
	while (test_now_ms() < end &&
		(process_sockets(r.process->pid) == sockets || fed < 60)) {
		fed += reader_read(&slow->reader, 8192) > 0;
		wait_quietly(50);
	}
	assert_int_equal(process_sockets(r.process->pid), sockets - 1);
	reader_wait_events(&fast->reader, LINES);
	reader_set_reading(&dead->reader, true);
	reader_wait_closed(&dead->reader);
	assert_false(dead->has_end);
	for (size_t i = 0; i < dead->reader.event_count; i++)
		expect_line(&dead->reader, i, "line", (int)i, LEN);
	reader_set_reading(&slow->reader, true);
	expect_lines(&slow->reader, LINES, LEN);
	append_lines(&r, LINES, LINES + 1, LEN);
	expect_lines(&slow->reader, LINES + 1, LEN);
	expect_lines(&fast->reader, LINES + 1, LEN);
}

#define ON(name, function, state)                                              \
	{                                                                      \
#function " (" name ")", function, NULL, test_cleanup, state   \
	}
#define BOTH(function)                                                         \
	ON("unix", function, NULL), ON("TCP", function, (void *)"TCP")

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(who_stops_reading_gets_every_line_from_the_file),
		BOTH(who_reads_byte_by_byte_gets_every_line_and_slows_nobody),
		BOTH(a_record_of_a_mebibyte_reaches_a_slow_reader),
		BOTH(a_slow_reader_of_two_sources_gets_every_line_of_both),
		BOTH(a_frame_is_finished_from_the_rotated_file),
		BOTH(a_frame_that_cannot_be_finished_is_broken_off),
		ON("unix",
			the_kernel_keeps_no_more_than_send_buffer_for_a_client,
			NULL),
		ON("unix", five_hundred_laggards_cost_less_than_a_kilobyte_each,
			NULL),
		BOTH(only_who_accepts_nothing_at_all_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
