/*
 * How streams end: by a signal, by their lifetime, by the web server, and
 * what keeps them from ending.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

static const struct responder_how from_here = { .source = "history = 0;" };

static void append_lines(const struct responder *r, int from, int to)
{
	for (int i = from; i < to; i++)
		disk_append(r->log, "line %d\n", i);
}

/* The events are the lines from 0, whole and in order. */
static void expect_lines_from_0(struct reader *r)
{
	for (size_t i = 0; i < r->event_count; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %zu", i);
		reader_expect_event(r, i, "message", line);
	}
}

/* Ended as FastCGI has it, on a whole event, with a time to come back at,
 * which is returned. */
static uint64_t expect_end(struct front_client *c)
{
	reader_wait_end(&c->reader);
	assert_true(c->stdout_closed);
	assert_true(c->has_end);
	assert_int_equal(c->protocol_status, FRONT_COMPLETE);
	assert_int_equal(c->app_status, 0);
	assert_false(c->reader.sse.unfinished);
	reader_wait_closed(&c->reader);
	return c->reader.sse.retry_ms;
}

/* Not all of them come back at the same moment. */
static void expect_spread(const uint64_t *retry, int count, uint64_t least)
{
	int others = 0;

	for (int i = 0; i < count; i++) {
		assert_in_range(retry[i], least, 2 * least);
		others += retry[i] != retry[0];
	}
	assert_in_range(others, 1, count);
}

/* ---- by a signal */

static void a_signal_ends_every_stream_on_a_whole_event(void **state)
{
	enum { CLIENTS = 50, LINES = 100 };
	struct front_client *clients[CLIENTS];
	uint64_t retry[CLIENTS];
	int sig = *(const int *)*state;
	struct responder r;

	responder_start(&r, &(struct responder_how){ .source = "history = 0;",
				    .settings = "retry = 3000;" });
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = responder_follow(&r, NULL);
	append_lines(&r, 0, LINES);
	reader_wait_events(&clients[0]->reader, LINES / 2);
	process_signal(r.process, sig);
	for (int i = 0; i < CLIENTS; i++) {
		retry[i] = expect_end(clients[i]);
		expect_lines_from_0(&clients[i]->reader);
	}
	expect_spread(retry, CLIENTS, 3000);
	assert_int_equal(process_exit_code(r.process), 0);
	/* The socket is not left behind. */
	assert_false(disk_exists(r.address));
}

static void it_ends_in_the_middle_of_everything(void **state)
{
	enum { PEERS = 30 };
	struct bytes request = BYTES_INIT;
	struct front_client *peers[PEERS];
	struct responder r;

	(void)state;
	responder_start(&r, &from_here);
	front_put_request(&request, 1, 0, NULL);
	for (int i = 0; i < PEERS; i++) {
		peers[i] = front_connect(r.address);
		assert_non_null(peers[i]);
		reader_send(&peers[i]->reader, request.data,
			(size_t)i * request.len / PEERS);
	}
	append_lines(&r, 0, 1000);
	assert_int_equal(process_stop(r.process), 0);
	for (int i = 0; i < PEERS; i++)
		reader_wait_closed(&peers[i]->reader);
	bytes_release(&request);
}

/* Before it knows of signals it has no socket. */
static void a_signal_during_the_start_leaves_no_socket_behind(void **state)
{
	struct responder r;
	int ended_politely = 0;

	(void)state;
	responder_prepare(&r, NULL);
	const char *argv[] = { process_program("ssetail.fcgi"), "-c", r.config,
		"-l", r.address, NULL };
	for (int i = 0; i < 100; i++) {
		struct process *p =
			process_start(&(struct process_how){ .argv = argv });

		usleep((useconds_t)(i * 50));
		process_signal(p, SIGTERM);
		int code = process_exit_code(p);
		assert_true(code == 0 || code == 128 + SIGTERM);
		assert_false(disk_exists(r.address));
		ended_politely += code == 0;
		process_free(p);
	}
	print_message("%d of 100 were up\n", ended_politely);
}

/* A hundred that do not read, their sockets full, as if they were stopped. */
static void nobody_is_waited_for(void **state)
{
	enum { STOPPED = 100, READING = 20, LINES = 20000 };
	struct front_client *stopped[STOPPED], *reading[READING];
	struct responder r;

	responder_start(&r, &(struct responder_how){ .source = "history = 0;",
				    .address = *state ? responder_tcp() : NULL,
				    .settings = "send_buffer = 4096;" });
	for (int i = 0; i < STOPPED; i++) {
		stopped[i] = responder_follow(&r, NULL);
		reader_set_reading(&stopped[i]->reader, false);
	}
	for (int i = 0; i < READING; i++)
		reading[i] = responder_follow(&r, NULL);
	append_lines(&r, 0, LINES);
	for (int i = 0; i < READING; i++)
		reader_wait_events(&reading[i]->reader, LINES);
	int64_t begin = test_now_ms();
	process_signal(r.process, SIGTERM);
	assert_int_equal(process_exit_code(r.process), 0);
	int64_t took = test_now_ms() - begin;
	print_message("ended after %lld ms\n", (long long)took);
	assert_in_range(took, 0, 5000);
	for (int i = 0; i < READING; i++) {
		expect_end(reading[i]);
		assert_int_equal(reading[i]->reader.event_count, LINES);
	}
	/* What the others find is whole as far as it goes. */
	for (int i = 0; i < STOPPED; i++) {
		reader_set_reading(&stopped[i]->reader, true);
		reader_wait_closed(&stopped[i]->reader);
		expect_lines_from_0(&stopped[i]->reader);
		assert_in_range(stopped[i]->reader.event_count, 0, LINES - 1);
		if (stopped[i]->has_end)
			assert_false(stopped[i]->reader.sse.unfinished);
	}
}

static void it_lives_through_storms_of_other_signals(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, &from_here);
	c = responder_follow(&r, NULL);
	for (int i = 0; i < 200; i++) {
		process_signal(r.process, i % 2 ? SIGHUP : SIGPIPE);
		append_lines(&r, i, i + 1);
	}
	reader_wait_events(&c->reader, 200);
	process_signal(r.process, SIGSTOP);
	append_lines(&r, 200, 300);
	process_signal(r.process, SIGCONT);
	reader_wait_events(&c->reader, 300);
	expect_lines_from_0(&c->reader);
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- by their lifetime */

static void a_lifetime_ends_a_stream_that_goes_on_afterwards(void **state)
{
	enum { CLIENTS = 20, LIFETIME_MS = 2000 };
	struct front_client *clients[CLIENTS];
	int64_t opened[CLIENTS];
	uint64_t retry[CLIENTS];
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .source = "history = 0;",
			    .settings = "lifetime = 2; retry = 1000;" });
	for (int i = 0; i < CLIENTS; i++) {
		opened[i] = test_now_ms();
		clients[i] = responder_follow(&r, NULL);
	}
	append_lines(&r, 0, 1);
	for (int i = 0; i < CLIENTS; i++) {
		retry[i] = expect_end(clients[i]);
		/* Up to a tenth less, so that not all end at once. */
		assert_true(test_now_ms() - opened[i] >= LIFETIME_MS * 9 / 10);
		expect_lines_from_0(&clients[i]->reader);
		assert_int_equal(clients[i]->reader.event_count, 1);
	}
	expect_spread(retry, CLIENTS, 1000);
	append_lines(&r, 1, 3);
	struct front_client *again = responder_open(&r,
		&(struct ask){
			.last_event_id = reader_last_id(&clients[0]->reader) });
	reader_expect_event(&again->reader, 0, "message", "line 1");
	reader_expect_event(&again->reader, 1, "message", "line 2");
}

static void a_finite_source_ends_its_stream(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){
				    .sources = ", { name = \"three\"; "
					       "type = \"clock\"; count = 3; "
					       "interval = 0.1; }" });
	c = responder_open(&r, &(struct ask){ .path = "/three" });
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.event_count, 3);
	assert_true(c->has_end);
	c = responder_open(
		&r, &(struct ask){ .path = "/three", .last_event_id = "3" });
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.status, 204);
}

/* ---- by the web server */

static void head_has_a_head_and_ends(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	append_lines(&r, 0, 3);
	size_t sockets = process_sockets(r.process->pid);
	c = responder_open(&r, &(struct ask){ .method = "HEAD" });
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.status, 200);
	assert_string_equal(
		reader_header(&c->reader, "Content-Type"), "text/event-stream");
	assert_int_equal(c->reader.body_bytes, 0);
	assert_true(c->has_end);
	reader_wait_closed(&c->reader);
	wait_for(process_sockets(r.process->pid) == sockets);
}

static void an_abort_is_answered_and_frees_the_client(void **state)
{
	enum { CLIENTS = 20 };
	struct front_client *clients[CLIENTS], *stays;
	struct responder r;

	(void)state;
	responder_start(&r, &from_here);
	stays = responder_follow(&r, NULL);
	size_t sockets = process_sockets(r.process->pid);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = responder_follow(&r, NULL);
	append_lines(&r, 0, 3);
	for (int i = 0; i < CLIENTS; i++) {
		reader_wait_events(&clients[i]->reader, 3);
		front_abort(clients[i]);
	}
	for (int i = 0; i < CLIENTS; i++) {
		reader_wait_end(&clients[i]->reader);
		assert_true(clients[i]->has_end);
		reader_wait_closed(&clients[i]->reader);
	}
	wait_for(process_sockets(r.process->pid) == sockets);
	append_lines(&r, 3, 4);
	reader_wait_events(&stays->reader, 4);
	expect_lines_from_0(&stays->reader);
}

static void an_abort_in_the_middle_of_a_frame_frees_the_client(void **state)
{
	struct front_client *c, *fast;
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){ .source = "history = 0;",
				    .settings = "send_buffer = 4096;" });
	fast = responder_follow(&r, NULL);
	size_t sockets = process_sockets(r.process->pid);
	c = responder_follow(&r, NULL);
	reader_set_reading(&c->reader, false);
	append_lines(&r, 0, 3000);
	reader_wait_events(&fast->reader, 3000);
	front_abort(c);
	wait_for(process_sockets(r.process->pid) == sockets);
	reader_set_reading(&c->reader, true);
	reader_wait_closed(&c->reader);
	expect_lines_from_0(&c->reader);
}

/*
 * As mod_proxy_fcgi does: the end of the input on its own, when the answer may
 * be there already. One that finds the connection closed throws the answer
 * away.
 */
static void an_answer_waits_for_the_end_of_the_input(void **state)
{
	const struct ask unknown = { .path = "/unknown" };
	struct bytes head = BYTES_INIT, pairs = BYTES_INIT, end = BYTES_INIT;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	size_t sockets = process_sockets(r.process->pid);
	front_put_begin(&head, 1, FRONT_RESPONDER, 0);
	front_put_pairs(&pairs, &unknown);
	front_put_record(&head, FRONT_PARAMS, 1, pairs.data, pairs.len);
	front_put_record(&head, FRONT_PARAMS, 1, NULL, 0);
	front_put_record(&end, FRONT_STDIN, 1, NULL, 0);

	struct front_client *c = front_connect(r.address);
	reader_set_reading(&c->reader, false);
	assert_true(reader_send(&c->reader, head.data, head.len));
	wait_for(reader_read(&c->reader, 1) == 1);
	/* Whoever comes now is served after it. */
	reader_close(&responder_follow(&r, NULL)->reader);
	assert_true(reader_send(&c->reader, end.data, end.len));
	reader_set_reading(&c->reader, true);
	reader_expect_status(&c->reader, 404);
	expect_end(c);
	wait_for(process_sockets(r.process->pid) == sockets);
	bytes_release(&head);
	bytes_release(&pairs);
	bytes_release(&end);
}

/* It is closed all the same. */
static void a_peer_that_does_not_close_is_closed(void **state)
{
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	size_t sockets = process_sockets(r.process->pid);
	struct front_client *c =
		responder_open(&r, &(struct ask){ .path = "/unknown" });
	reader_set_reading(&c->reader, false);
	wait_for(reader_read(&c->reader, 1) == 1);
	assert_int_equal(process_sockets(r.process->pid), sockets + 1);
	wait_for(process_sockets(r.process->pid) == sockets);
}

/* ---- by the network */

enum how_it_vanishes { HANGS_UP, RESETS, HANGS_UP_FULL, RESETS_FULL };

static void a_client_that_vanished_is_freed(void **state)
{
	static const char *const names[] = { "hangs up", "resets",
		"hangs up, its socket full", "resets, its socket full" };
	enum { CLIENTS = 20, LINES = 5000 };
	struct front_client *clients[CLIENTS], *stays;
	struct responder r;
	int count = 0;

	responder_start(&r, &(struct responder_how){ .source = "history = 0;",
				    .address = *state ? responder_tcp() : NULL,
				    .settings = "send_buffer = 4096;" });
	stays = responder_follow(&r, NULL);
	size_t sockets = process_sockets(r.process->pid);
	for (int how = HANGS_UP; how <= RESETS_FULL; how++) {
		print_message("%s\n", names[how]);
		for (int i = 0; i < CLIENTS; i++) {
			clients[i] = responder_follow(&r, NULL);
			if (how >= HANGS_UP_FULL)
				reader_set_reading(&clients[i]->reader, false);
		}
		if (how >= HANGS_UP_FULL) {
			append_lines(&r, count, count + LINES);
			count += LINES;
		}
		reader_wait_events(&stays->reader, (uint64_t)count);
		assert_int_equal(
			process_sockets(r.process->pid), sockets + CLIENTS);
		for (int i = 0; i < CLIENTS; i++) {
			if (how == RESETS || how == RESETS_FULL)
				reader_reset(&clients[i]->reader);
			else
				reader_hang_up(&clients[i]->reader);
		}
		wait_for(process_sockets(r.process->pid) == sockets);
	}
	append_lines(&r, count, count + 1);
	reader_wait_events(&stays->reader, (uint64_t)count + 1);
	expect_lines_from_0(&stays->reader);
}

/* ---- and what keeps a quiet one alive */

static void a_quiet_stream_has_heartbeats(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){ .source = "history = 0;",
				    .settings = "heartbeat = 1;" });
	c = responder_follow(&r, NULL);
	uint64_t comments = c->reader.sse.comments;
	int64_t begin = test_now_ms();
	reader_wait_comments(&c->reader, comments + 3);
	/* Not sooner than the seconds say, looked at once a second. */
	assert_true(test_now_ms() - begin >= 1900);
	assert_int_equal(c->reader.event_count, 0);
	append_lines(&r, 0, 1);
	reader_wait_events(&c->reader, 1);
	expect_lines_from_0(&c->reader);
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)
#define ON(name, function, state)                                              \
	{                                                                      \
#function " (" name ")", function, NULL, test_cleanup, state   \
	}

int main(void)
{
	static int term = SIGTERM, interrupt = SIGINT, usr1 = SIGUSR1;
	static char tcp[] = "TCP";
	const struct CMUnitTest tests[] = {
		ON("TERM", a_signal_ends_every_stream_on_a_whole_event, &term),
		ON("INT", a_signal_ends_every_stream_on_a_whole_event,
			&interrupt),
		ON("USR1", a_signal_ends_every_stream_on_a_whole_event, &usr1),
		TEST(it_ends_in_the_middle_of_everything),
		TEST(a_signal_during_the_start_leaves_no_socket_behind),
		ON("unix", nobody_is_waited_for, NULL),
		ON("TCP", nobody_is_waited_for, tcp),
		TEST(it_lives_through_storms_of_other_signals),
		TEST(a_lifetime_ends_a_stream_that_goes_on_afterwards),
		TEST(a_finite_source_ends_its_stream),
		TEST(head_has_a_head_and_ends),
		TEST(an_abort_is_answered_and_frees_the_client),
		TEST(an_abort_in_the_middle_of_a_frame_frees_the_client),
		TEST(an_answer_waits_for_the_end_of_the_input),
		TEST(a_peer_that_does_not_close_is_closed),
		ON("unix", a_client_that_vanished_is_freed, NULL),
		ON("TCP", a_client_that_vanished_is_freed, tcp),
		TEST(a_quiet_stream_has_heartbeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
