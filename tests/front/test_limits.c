/*
 * Limits: who finds no room is told so in a way that an EventSource survives,
 * and nobody else notices.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"
#include "tests/lib/site.h"

static void start(struct responder *r, const char *settings)
{
	responder_start(r, &(struct responder_how){ .settings = settings,
				   .source = "history = 0;" });
}

static const struct ask *from(const char *address)
{
	static struct ask ask;

	ask = (struct ask){ .remote_address = address };
	return &ask;
}

/* Has its answer: true, if that was "busy". */
static bool is_turned_away(struct reader *r)
{
	wait_for(r->event_count > 0 || r->sse.checkpoints > 0);
	return r->event_count > 0 && strcmp(r->events[0].type, "busy") == 0;
}

static void expect_busy(struct front_client *c, const char *data)
{
	reader_expect_status(&c->reader, 200);
	reader_expect_event(&c->reader, 0, "busy", data);
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.event_count, 1);
	assert_int_equal(c->app_status, 0);
	reader_close(&c->reader);
}

#define NO_CLIENTS "{\"reason\": \"clients\"}"
#define NO_ADDRESS "{\"reason\": \"address\"}"

/* Somebody has just left, which the responder may not know yet. */
static struct front_client *open_until_served(
	const struct responder *r, const struct ask *ask)
{
	struct test_wait wait = test_wait_here("room for one more");
	struct front_client *c;

	while (is_turned_away(&(c = responder_open(r, ask))->reader)) {
		reader_close(&c->reader);
		test_wait_step(&wait);
	}
	return c;
}

/* ---- all clients */

static void who_finds_no_room_is_told_to_come_back(void **state)
{
	struct front_client *clients[3], *other;
	static const char *const origin[] = { "Origin: http://a.example",
		NULL };
	struct responder r;

	(void)state;
	start(&r, "max_clients = 3; retry = 1000;\n"
		  "cors_origins = [ \"http://a.example\" ];");
	for (int i = 0; i < 3; i++)
		clients[i] = responder_follow(&r, NULL);
	other = responder_open(
		&r, &(struct ask){ .last_event_id = "5", .headers = origin });
	reader_wait_end(&other->reader);
	assert_int_equal(other->reader.status, 200);
	assert_string_equal(reader_header(&other->reader, "Content-Type"),
		"text/event-stream");
	/* Its page is to see it. */
	assert_string_equal(
		reader_header(&other->reader, "Access-Control-Allow-Origin"),
		"http://a.example");
	/* An id would be where it goes on next time. */
	assert_false(bytes_contain(&other->reader.body, "id:"));
	assert_in_range(other->reader.sse.retry_ms, 5000, 10000);
	expect_busy(other, NO_CLIENTS);

	reader_close(&clients[1]->reader);
	clients[1] = open_until_served(&r, NULL);
	expect_busy(responder_open(&r, NULL), NO_CLIENTS);
	disk_append(r.log, "one\n");
	for (int i = 0; i < 3; i++) {
		reader_expect_event(&clients[i]->reader, 0, "message", "one");
		assert_int_equal(clients[i]->reader.event_count, 1);
	}
	assert_int_equal(process_stop(r.process), 0);
}

static void what_opens_no_stream_needs_no_room(void **state)
{
	struct responder r;

	(void)state;
	start(&r, "max_clients = 1;");
	responder_follow(&r, NULL);
	expect_busy(responder_open(&r, NULL), NO_CLIENTS);
	static const struct {
		struct ask ask;
		int status;
	} rows[] = {
		{ { .method = "HEAD" }, 200 },
		{ { .method = "OPTIONS" }, 204 },
		{ { .method = "POST" }, 405 },
		{ { .path = "/unknown" }, 404 },
		{ { .query = "tail=x" }, 400 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct front_client *c = responder_open(&r, &rows[i].ask);

		reader_expect_status(&c->reader, rows[i].status);
		reader_wait_end(&c->reader);
		assert_int_equal(c->reader.event_count, 0);
	}
}

static void they_come_back_one_by_one(void **state)
{
	enum { CLIENTS = 40 };
	unsigned long least = 10000, most = 0;
	struct responder r;

	(void)state;
	start(&r, "max_clients = 1; retry = 1000;");
	responder_follow(&r, NULL);
	for (int i = 0; i < CLIENTS; i++) {
		struct front_client *c = responder_open(&r, NULL);

		reader_wait_end(&c->reader);
		if (c->reader.sse.retry_ms < least)
			least = c->reader.sse.retry_ms;
		if (c->reader.sse.retry_ms > most)
			most = c->reader.sse.retry_ms;
		expect_busy(c, NO_CLIENTS);
	}
	/* All within half of 5 seconds: once in 2^40 by chance. */
	assert_in_range(least, 5000, 7500);
	assert_in_range(most, 7500, 10000);
}

static void the_log_says_it_once(void **state)
{
	struct responder r;
	const char *first;

	(void)state;
	start(&r, "max_clients = 1;");
	responder_follow(&r, NULL);
	for (int i = 0; i < 20; i++)
		expect_busy(responder_open(&r, NULL), NO_CLIENTS);
	process_wait_errors(r.process,
		"warning: limit: max_clients = 1 is reached: "
		"others are told to come back\n");
	first = strstr(process_errors(r.process), "limit: max_clients");
	assert_null(strstr(first + 1, "limit: "));
}

/* ---- one address */

static void no_address_takes_more_than_its_share(void **state)
{
	/* The first of two is served twice, and the second is the same. */
	static const char *const same[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.2", "::ffff:192.0.2.2" },
		{ "2001:db8:1:2::1", "2001:db8:1:2:ffff::1" },
		{ "unix:", "" },
	};
	enum { ADDRESSES = sizeof(same) / sizeof(*same) };
	struct front_client *clients[ADDRESSES][2];
	struct responder r;

	(void)state;
	start(&r, "max_clients_per_address = 2;");
	for (int i = 0; i < ADDRESSES; i++) {
		clients[i][0] = responder_follow(&r, from(same[i][0]));
		clients[i][1] = responder_follow(&r, from(same[i][0]));
		expect_busy(responder_open(&r, from(same[i][1])), NO_ADDRESS);
	}
	responder_follow(&r, from("192.0.2.3"));
	responder_follow(&r, from("2001:db8:1:3::1"));
	for (int i = 0; i < ADDRESSES; i++) {
		reader_close(&clients[i][0]->reader);
		clients[i][0] = open_until_served(&r, from(same[i][1]));
		expect_busy(responder_open(&r, from(same[i][0])), NO_ADDRESS);
	}
	disk_append(r.log, "one\n");
	for (int i = 0; i < ADDRESSES; i++)
		for (int j = 0; j < 2; j++)
			reader_expect_event(
				&clients[i][j]->reader, 0, "message", "one");
	assert_int_equal(process_stop(r.process), 0);
}

static void a_refused_address_takes_no_room_of_others(void **state)
{
	struct responder r;

	(void)state;
	start(&r, "max_clients = 2; max_clients_per_address = 1;");
	responder_follow(&r, from("192.0.2.1"));
	for (int i = 0; i < 5; i++)
		expect_busy(responder_open(&r, from("192.0.2.1")), NO_ADDRESS);
	responder_follow(&r, from("192.0.2.2"));
	expect_busy(responder_open(&r, from("192.0.2.3")), NO_CLIENTS);
}

/* ---- other limits by a reload */

static void reload(
	const struct responder *r, const char *before, const char *after)
{
	const char *next = disk_path(r->folder, "next.conf");
	const char *const changes[][2] = { { before, after }, { NULL, NULL } };
	size_t said = strlen(process_errors(r->process));

	disk_copy_changed(r->config, next, changes);
	disk_rename(next, r->config);
	process_signal(r->process, SIGHUP);
	wait_for(strstr(
		process_errors(r->process) + said, "info: reload: 1 sources"));
}

/* Who is there stays, and those who come next are counted with them; by
 * address only those who came when that was asked for. */
static void another_limit_is_for_those_who_come(void **state)
{
	struct front_client *first, *second;
	struct responder r;

	(void)state;
	start(&r, "max_clients = 1;");
	first = responder_follow(&r, NULL);
	expect_busy(responder_open(&r, NULL), NO_CLIENTS);
	reload(&r, "max_clients = 1;",
		"max_clients = 3; max_clients_per_address = 1;");
	second = responder_follow(&r, NULL);
	expect_busy(responder_open(&r, NULL), NO_ADDRESS);
	reload(&r, "max_clients = 3; max_clients_per_address = 1;",
		"max_clients = 1;");
	expect_busy(responder_open(&r, NULL), NO_CLIENTS);
	disk_append(r.log, "one\n");
	reader_expect_event(&first->reader, 0, "message", "one");
	reader_expect_event(&second->reader, 0, "message", "one");
	reader_close(&first->reader);
	reader_close(&second->reader);
	open_until_served(&r, NULL);
	expect_busy(responder_open(&r, NULL), NO_CLIENTS);
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- for a long time */

/* Every second one for its address, the others for want of room. */
static void refuse_many(const struct responder *r, int clients)
{
	for (int i = 0; i < clients; i++) {
		struct front_client *c = responder_open(
			r, from(i % 2 ? "192.0.2.1" : "192.0.2.9"));

		reader_wait_end(&c->reader);
		reader_close(&c->reader);
	}
}

static void thousands_that_are_refused_leave_nothing_behind(void **state)
{
	enum { ROUNDS = 3, CLIENTS = 2000 };
	struct front_client *stays[2];
	size_t heap[ROUNDS] = { 0 };
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .env = responder_heap_env(),
			    .source = "history = 0;",
			    .settings = "max_clients = 2;\n"
					"max_clients_per_address = 1;" });
	stays[0] = responder_follow(&r, from("192.0.2.1"));
	stays[1] = responder_follow(&r, from("2001:db8::1"));
	size_t sockets = process_sockets(r.process->pid);
	for (int round = 0; round < ROUNDS; round++) {
		refuse_many(&r, CLIENTS);
		wait_for(process_sockets(r.process->pid) == sockets);
		disk_append(r.log, "round %d\n", round);
		for (int i = 0; i < 2; i++)
			reader_wait_events(
				&stays[i]->reader, (uint64_t)round + 1);
		if (responder_memory_is_real())
			heap[round] = responder_heap_bytes(&r);
	}
	assert_int_equal(heap[1], heap[2]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(stays[i]->reader.event_count, ROUNDS);
	/* A sanitizer looks for leaks here. */
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- CGI, where each process knows of one client */

static void a_cgi_process_does_not_count_the_others(void **state)
{
	struct site *s = *state;

	s->program = SITE_CGI;
	site_configure(s, "max_clients = 1; max_clients_per_address = 1;\n"
			  "sources = ( { name = \"a\"; path = \"a.log\"; } );");
	disk_write(disk_path(s->folder, "a.log"), "one\n");
	for (int i = 0; i < 2; i++)
		reader_expect_event(
			site_open_path(s, "/a"), 0, "message", "one");
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(who_finds_no_room_is_told_to_come_back),
		TEST(what_opens_no_stream_needs_no_room),
		TEST(they_come_back_one_by_one),
		TEST(the_log_says_it_once),
		TEST(no_address_takes_more_than_its_share),
		TEST(a_refused_address_takes_no_room_of_others),
		TEST(another_limit_is_for_those_who_come),
		TEST(thousands_that_are_refused_leave_nothing_behind),
		SITE_TEST(a_cgi_process_does_not_count_the_others),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
