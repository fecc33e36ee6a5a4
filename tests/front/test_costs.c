/*
 * What can be counted of what clients cost, on however slow a machine: system
 * calls, allocations, wake-ups.
 */
#include "tests/lib/test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

/* As strace writes the end of a comment that says nothing. */
#define BEAT "\\0:\\n\\n\""

enum { CLIENTS = 10, EVENTS = 20 };

/* ---- every system call, by strace */

/* `fds` are those of the clients in the order in which they came. */
struct traced {
	struct responder responder;
	const char *trace;
	struct bytes text;
	int fds[2 * CLIENTS];
};

static void start_traced(struct traced *t, const struct responder_how *how)
{
	struct responder *r = &t->responder;

	responder_prepare(r, how);
	t->trace = disk_path(r->folder, "trace");
	r->process = process_run("strace", "-f", "-qq", "-s", "64", "-o",
		t->trace, process_program("ssetail.fcgi"), "-c", r->config,
		"-l", r->address, NULL);
	process_wait_errors(r->process, "start: ");
}

static struct front_client *follow(struct traced *t, const char *path)
{
	struct front_client *c = responder_follow(&t->responder,
		&(struct ask){ .path = path, .query = "tail=0" });

	c->reader.counts_only = true;
	return c;
}

/* Times that a text is in a part of the trace. */
static size_t times_in(const char *from, const char *to, const char *text)
{
	size_t times = 0;

	while ((from = strstr(from, text)) && from < to) {
		times++;
		from++;
	}
	return times;
}

/* The whole trace, as soon as it has that text as often; what a client has
 * received, strace may not have written yet. */
static bool has_traced(struct traced *t, const char *text, size_t times)
{
	const char *all;

	bytes_clear(&t->text);
	disk_read(&t->text, t->trace);
	all = bytes_text(&t->text);
	return times_in(all, all + t->text.len, text) >= times;
}

static const char *line_after(const char *at)
{
	const char *end = strchr(at, '\n');

	return end ? end + 1 : at + strlen(at);
}

static const char *line_of(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

static const char *last_in(const char *text, const char *what)
{
	const char *last = NULL;

	while ((text = strstr(text, what)))
		last = text++;
	assert_non_null(last);
	return last;
}

static void find_clients(struct traced *t)
{
	const char *at = bytes_text(&t->text);
	int found = 0;

	while (found < 2 * CLIENTS && (at = strstr(at, "accept4("))) {
		int fd = -1;

		at = strstr(at, ") = ");
		assert_non_null(at);
		if (sscanf(at, ") = %d", &fd) == 1 && fd >= 0)
			t->fds[found++] = fd;
	}
	assert_int_equal(found, 2 * CLIENTS);
}

/* Calls with that descriptor: "PID NAME(FD, ...". */
static size_t calls_on(const char *from, const char *to, int fd)
{
	size_t calls = 0;

	for (; from < to; from = line_after(from)) {
		const char *open = strpbrk(from, "(\n");

		calls += open && *open == '(' && isdigit(open[1]) &&
			 atoi(open + 1) == fd;
	}
	return calls;
}

static void put_event(struct traced *t, struct front_client *const *clients,
	const char *data, uint64_t number)
{
	disk_append(t->responder.log, "%s\n", data);
	for (int i = 0; i < CLIENTS; i++)
		reader_wait_events(&clients[i]->reader, number);
}

/*
 * Between the last send of the event "before" and the first of "after" there
 * are EVENTS, one a pass: each costs a client one call, a send, and those who
 * follow another source nothing.
 */
static void a_delivery_is_one_call_and_no_news_are_none(void **state)
{
	struct front_client *clients[CLIENTS];
	struct traced t = { 0 };
	uint64_t number = 0;
	const char *from, *to;

	(void)state;
	start_traced(
		&t, &(struct responder_how){ .settings = "heartbeat = 3600;",
			    .sources = ", { name = \"other\"; "
				       "path = \"other.log\"; }" });
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = follow(&t, "/log");
	for (int i = 0; i < CLIENTS; i++)
		follow(&t, "/other");
	put_event(&t, clients, "before", ++number);
	for (int i = 0; i < EVENTS; i++)
		put_event(&t, clients, "meanwhile", ++number);
	put_event(&t, clients, "after", ++number);
	wait_for(has_traced(&t, "data: after", CLIENTS));
	find_clients(&t);
	from = line_after(last_in(bytes_text(&t.text), "data: before"));
	to = line_of(from, strstr(from, "data: after"));
	assert_int_equal(
		times_in(from, to, "data: meanwhile"), CLIENTS * EVENTS);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(calls_on(from, to, t.fds[i]), EVENTS);
	for (int i = CLIENTS; i < 2 * CLIENTS; i++)
		assert_int_equal(calls_on(from, to, t.fds[i]), 0);
	bytes_release(&t.text);
}

/* The line of the trace with the n-th send of a heartbeat to that client. */
static const char *find_beat(const struct traced *t, int fd, size_t n)
{
	char call[64];
	const char *at = bytes_text(&t->text);

	snprintf(call, sizeof(call), " sendto(%d, ", fd);
	while ((at = strstr(at, call))) {
		const char *end = line_after(at);

		if (times_in(at, end, BEAT) > 0 && n-- == 0)
			return line_of(bytes_text(&t->text), at);
		at = end;
	}
	fail();
	return NULL;
}

/*
 * From a heartbeat to the third one after it every client is sent three, and
 * nothing else is done for it. The process wakes up for them and for its look
 * at the file, once a second: a heartbeat is due at every second look, or at
 * the one after that.
 */
static void who_is_idle_wakes_up_for_a_look_and_a_heartbeat(void **state)
{
	enum { BEATS = 3, WAKE_UPS_MAX = 3 * BEATS };
	struct front_client *clients[2 * CLIENTS];
	struct traced t = { 0 };
	const char *from, *to;

	(void)state;
	start_traced(
		&t, &(struct responder_how){ .settings = "heartbeat = 2;" });
	for (int i = 0; i < 2 * CLIENTS; i++)
		clients[i] = follow(&t, "/log");
	/* Another comment comes with the head. */
	for (int i = 0; i < 2 * CLIENTS; i++)
		reader_wait_comments(&clients[i]->reader, BEATS + 3);
	wait_for(has_traced(&t, BEAT, (BEATS + 2) * 2 * CLIENTS));
	find_clients(&t);
	for (int i = 0; i < 2 * CLIENTS; i++) {
		from = find_beat(&t, t.fds[i], 1);
		to = find_beat(&t, t.fds[i], 1 + BEATS);
		assert_int_equal(calls_on(from, to, t.fds[i]), BEATS);
		assert_in_range(times_in(from, to, " epoll_pwait("), BEATS,
			WAKE_UPS_MAX);
	}
	bytes_release(&t.text);
}

/* Without clients it has nothing to look at, and waits for the first one. */
static void without_clients_nothing_wakes_it(void **state)
{
	enum { QUIET_MS = 3000 };
	struct responder r;
	uint64_t waits;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .settings = "heartbeat = 1;" });
	reader_close(&responder_follow(&r, NULL)->reader);
	/* The log is closed after the last one has gone. */
	wait_for(!process_has_open(r.process->pid, r.log));
	wait_quietly(QUIET_MS / 10);
	waits = process_waits(r.process->pid);
	wait_quietly(QUIET_MS);
	assert_int_equal(process_waits(r.process->pid), waits);
}

/* ---- allocations */

static void put_numbers(const struct responder *r,
	struct front_client *const *clients, uint64_t *number, int events)
{
	while (events-- > 0) {
		disk_append(r->log, "%0300ju\n", (uintmax_t)(*number)++);
		for (int i = 0; i < CLIENTS; i++)
			reader_wait_events(&clients[i]->reader, *number);
	}
}

/*
 * A read that would have to wait for the disk is handed to a thread, and that
 * allocates: on a busy machine some do. So one of several rounds of events has
 * to pass without; would an event allocate, none could.
 */
static void an_event_allocates_nothing(void **state)
{
	enum { WARM = 500, ROUNDS = 20 };
	struct front_client *clients[CLIENTS];
	struct responder r;
	uint64_t number = 0;
	bool found = false;

	(void)state;
	if (!responder_memory_is_real())
		return;
	responder_start(
		&r, &(struct responder_how){ .env = responder_heap_env(),
			    .settings = "ring = 65536;" });
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = responder_follow(
			&r, &(struct ask){ .path = "/log", .query = "tail=0" });
		clients[i]->reader.counts_only = true;
	}
	/* Then buffers have their size, and the ring has been round. */
	put_numbers(&r, clients, &number, WARM);
	for (int i = 0; i < ROUNDS && !found; i++) {
		size_t before = responder_allocations(&r);

		assert_true(before > 0);
		put_numbers(&r, clients, &number, EVENTS);
		found = responder_allocations(&r) == before;
	}
	assert_true(found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			a_delivery_is_one_call_and_no_news_are_none,
			test_cleanup),
		cmocka_unit_test_teardown(
			who_is_idle_wakes_up_for_a_look_and_a_heartbeat,
			test_cleanup),
		cmocka_unit_test_teardown(
			without_clients_nothing_wakes_it, test_cleanup),
		cmocka_unit_test_teardown(
			an_event_allocates_nothing, test_cleanup),
	};

	if (getenv("TEST_FILTER"))
		cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests_name("costs", tests, NULL, NULL);
}
