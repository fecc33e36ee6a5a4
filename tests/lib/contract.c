#include "tests/lib/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/browser.h"
#include "tests/lib/disk.h"
#include "tests/lib/http.h"
#include "tests/lib/server.h"

enum { STEPS = 50, STEP_MS = 5000, CLIENTS = 10 };

/* What a browser sends that is sent to a page. */
#define BROWSER                                                                \
	"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

/* The tests mostly wait: for what does not come, for servers that end. */
#define WORKERS 4

/* A client that goes away is found when something is sent to it. */
#define SOON "heartbeat = 1;"

static void start(struct server *s, void **state)
{
	server_start(s, *state, &(struct server_how){ .settings = SOON });
}

/* Starts a server whose one client has its first event. */
static struct http_client *serve_one(struct server *s, void **state)
{
	struct http_client *client;

	start(s, state);
	disk_append(s->log, "one\n");
	client = server_open(s, NULL);
	reader_expect_event(&client->reader, 0, "message", "one");
	return client;
}

/* ---- event by event */

struct step {
	struct http_client *client[CLIENTS];
	size_t clients;
	size_t count; /* events to have arrived */
};

static bool has_arrived(void *context)
{
	const struct step *step = context;

	for (size_t i = 0; i < step->clients; i++)
		if (step->client[i]->reader.event_count < step->count)
			return false;
	return true;
}

/*
 * A writer that appends a line only when all clients have the one before it,
 * so that nothing behind pushes it out. How many of them arrive?
 */
static size_t steps_taken(const struct server *s, size_t clients)
{
	const int limit_ms = test_is_memcheck() ? 20 * STEP_MS : STEP_MS;
	struct step step = { .clients = clients };
	char line[21];

	for (size_t i = 0; i < clients; i++)
		step.client[i] = server_open(s, NULL);
	while (step.count < STEPS) {
		step.count++;
		snprintf(line, sizeof(line), "%-10s%09zu", "event", step.count);
		disk_append(s->log, "%s\n", line); /* 20 bytes */
		if (!wait_until(has_arrived, &step, limit_ms))
			return step.count - 1;
		for (size_t i = 0; i < clients; i++)
			reader_expect_event(&step.client[i]->reader,
				step.count - 1, "message", line);
	}
	return STEPS;
}

static void delivers_event_by_event(void **state)
{
	struct server s;

	server_start(&s, *state, NULL);
	assert_int_equal(steps_taken(&s, 1), STEPS);
}

static void delivers_event_by_event_to_ten_at_a_time(void **state)
{
	struct server s;

	server_start(&s, *state, NULL);
	assert_int_equal(steps_taken(&s, CLIENTS), STEPS);
}

static void delivers_nothing_without_its_decisive_line(void **state)
{
	struct server s;

	server_start(
		&s, *state, &(struct server_how){ .without_decisive = true });
	assert_int_equal(steps_taken(&s, 1), 0);
}

/* ---- what has to get through the server */

static void resumes_after_the_last_event(void **state)
{
	struct server s;
	struct http_client *first = serve_one(&s, state);

	disk_append(s.log, "two\n");
	reader_expect_event(&first->reader, 1, "message", "two");
	reader_hang_up(&first->reader);
	disk_append(s.log, "three\n");
	struct http_client *second =
		server_open(&s, reader_last_id(&first->reader));
	reader_expect_event(&second->reader, 0, "message", "three");
}

/* Sends the request and waits for the end of a body that is a 200. */
static struct reader *fetch(const struct server *s, struct ask ask)
{
	struct http_client *client;

	ask = server_ask(s, ask);
	client = http_open(s->address, &ask);
	reader_expect_status(&client->reader, 200);
	reader_wait_end(&client->reader);
	return &client->reader;
}

static void expect_the_viewer(const struct server *s)
{
	struct reader *page = fetch(s, (struct ask){ .accept = BROWSER });
	struct reader *worker =
		fetch(s, (struct ask){ .query = "worker", .accept = "*/*" });
	const char *policy = reader_header(page, "Content-Security-Policy");

	assert_string_equal(reader_header(page, "Content-Type"),
		"text/html; charset=utf-8");
	assert_non_null(policy);
	assert_non_null(strstr(policy, "script-src 'nonce-"));
	assert_true(bytes_contain(&page->body, "\"name\":\"log\""));
	assert_string_equal(
		bytes_text(&page->body) + page->body.len - strlen("</html>\n"),
		"</html>\n");
	assert_string_equal(reader_header(worker, "Content-Type"),
		"text/javascript; charset=utf-8");
	assert_true(worker->body.len > 0);
}

static void expect_the_past(const struct server *s)
{
	struct http_client *client;
	struct reader *past;
	char query[200];

	disk_append(s->log, "one\ntwo\nthree\n");
	client = server_open(s, NULL);
	reader_expect_event(&client->reader, 2, "message", "three");
	snprintf(query, sizeof(query), "before=%s&tail=2",
		reader_event(&client->reader, 1)->id);
	past = fetch(s, (struct ask){ .path = "/log", .query = query });
	assert_int_equal(past->event_count, 2);
	reader_expect_event(past, 0, "message", "one");
	reader_expect_event(past, 1, "message", "two");
	reader_hang_up(&client->reader);
	disk_append(s->log, "four\n");
}

static void answers_what_is_no_stream(void **state)
{
	static const struct {
		struct ask ask;
		int status;
	} cases[] = {
		{ { .method = "HEAD", .path = "/log" }, 200 },
		{ { .path = "/unknown" }, 404 },
		{ { .method = "PUT", .path = "/log" }, 405 },
		{ { .query = "source=log&tail=1", .method = "HEAD" }, 200 },
	};
	struct server s;

	start(&s, state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ask ask = server_ask(&s, cases[i].ask);
		struct http_client *client = http_open(s.address, &ask);
		reader_expect_status(&client->reader, cases[i].status);
		reader_wait_end(&client->reader);
	}
	expect_the_viewer(&s);
	expect_the_past(&s);
	wait_for(server_clients(&s) == 0);
}

/* ---- somebody goes away */

static void clients_that_went_away_are_freed(void **state)
{
	struct http_client *client[CLIENTS];
	struct server s;

	serve_one(&s, state);
	for (int i = 0; i < CLIENTS; i++)
		client[i] = server_open(&s, NULL);
	for (int i = 0; i < CLIENTS; i++)
		reader_expect_event(&client[i]->reader, 0, "message", "one");
	assert_int_equal(server_clients(&s), 1 + CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		reader_hang_up(&client[i]->reader);
	wait_for(server_clients(&s) == 1);
}

static void a_reload_loses_and_repeats_nothing(void **state)
{
	struct server s;
	struct browser b;
	char line[24];

	start(&s, state);
	browser_open(&b, &s);
	browser_follow(&b, 5);
	server_reload(&s);
	if (s.kind->reload_ends) {
		struct test_wait wait = test_wait_begin(
			__FILE__, __LINE__, "the end", test_limit_ms());

		for (; b.ends == 0; test_wait_step(&wait))
			browser_follow(&b, 1);
		/* It has found the new one by then. */
		browser_follow(&b, 1);
	}
	/* Whoever comes now is served by the new generation. */
	struct http_client *late = server_open(&s, NULL);
	browser_follow(&b, STEPS);
	snprintf(line, sizeof(line), "%zu", b.written);
	reader_wait_data(&late->reader, line);
	assert_int_equal(b.ends, s.kind->reload_ends);
	browser_release(&b);
}

static int status_of_head(const struct server *s)
{
	struct ask ask =
		server_ask(s, (struct ask){ .method = "HEAD", .path = "/log" });
	struct http_client *client = http_open(s->address, &ask);
	int status;

	reader_wait_end(&client->reader);
	status = client->reader.status;
	reader_close(&client->reader);
	return status;
}

/*
 * A program that is not the server's child is restarted, and somebody asked
 * in between. 502 and 503 are final for a browser, so that the server must not
 * remember for long that nobody listened: lighttpd does, for less than the time
 * after which browsers come back.
 */
static void a_responder_may_be_restarted(void **state)
{
	struct server s;
	struct browser b;

	start(&s, state);
	assert_non_null(s.responder);
	browser_open(&b, &s);
	browser_follow(&b, 5);
	process_stop(s.responder);
	assert_in_range(status_of_head(&s), 502, 503);
	browser_write(&b, 5);
	server_start_responder(&s);
	wait_for(status_of_head(&s) == 200);
	browser_follow(&b, 5);
	assert_int_equal(b.ends, 1);
	browser_release(&b);
}

/* What was started beside the server lives on, without clients. */
static bool nothing_is_left(const struct server *s)
{
	return server_clients(s) == 0 &&
	       process_descendants(getpid(), NULL) == (s->responder ? 1 : 0);
}

static void a_stop_and_a_start_lose_and_repeat_nothing(void **state)
{
	struct server s;
	struct browser b;

	start(&s, state);
	browser_open(&b, &s);
	browser_follow(&b, 5);
	server_stop(&s);
	wait_for((browser_look(&b), b.ends == 1));
	wait_for(nothing_is_left(&s));
	browser_write(&b, 5);
	server_start_again(&s);
	browser_follow(&b, STEPS);
	assert_int_equal(b.ends, 1);
	browser_release(&b);
}

/* mod_fcgid forgets sockets of its own, in its own folder. */
static void a_server_that_stops_leaves_no_socket_behind(void **state)
{
	struct server s;

	serve_one(&s, state)->reader.tolerant = true; /* of a cut body */
	server_stop(&s);
	wait_for(nothing_is_left(&s));
	if (s.responder)
		assert_int_equal(process_stop(s.responder), 0);
	assert_int_equal(disk_sockets(s.folder), 0);
}

static void a_server_that_is_killed_leaves_no_client_behind(void **state)
{
	struct server s;

	serve_one(&s, state)->reader.tolerant = true;
	assert_int_equal(server_clients(&s), 1);
	server_kill(&s);
	wait_for(server_clients(&s) == 0);
}

/* ---- all of it with each of them */

#define TEST(function)                                                         \
	{                                                                      \
#function, function, NULL, test_cleanup, NULL                  \
	}

static const struct CMUnitTest terms[] = {
	TEST(delivers_event_by_event),
	TEST(delivers_event_by_event_to_ten_at_a_time),
	TEST(delivers_nothing_without_its_decisive_line),
	TEST(resumes_after_the_last_event),
	TEST(answers_what_is_no_stream),
	TEST(clients_that_went_away_are_freed),
	TEST(a_reload_loses_and_repeats_nothing),
	TEST(a_stop_and_a_start_lose_and_repeat_nothing),
	TEST(a_server_that_stops_leaves_no_socket_behind),
	TEST(a_server_that_is_killed_leaves_no_client_behind),
	TEST(a_responder_may_be_restarted),
};
enum { TERMS = sizeof(terms) / sizeof(*terms) };

static bool concerns(
	const struct CMUnitTest *term, const struct server_kind *kind)
{
	if (term->test_func == a_responder_may_be_restarted)
		return !server_starts_ssetail(kind);
	if (term->test_func == delivers_nothing_without_its_decisive_line)
		return kind->decisive != NULL;
	return true;
}

/* The name is the caller's to free. */
static struct CMUnitTest test_of(
	const struct CMUnitTest *term, const struct server_kind *kind)
{
	struct CMUnitTest test = *term;
	struct bytes name = BYTES_INIT;

	bytes_add_format(&name, "%s: %s", kind->name, term->name);
	test.name = strdup(bytes_text(&name));
	test.initial_state = (void *)(uintptr_t)kind;
	bytes_release(&name);
	return test;
}

int contract_run(const struct server_kind *kinds, size_t count,
	const struct CMUnitTest *others, size_t others_count)
{
	struct CMUnitTest *tests =
		calloc(count * TERMS + others_count, sizeof(struct CMUnitTest));
	size_t own = 0;
	int failed;

	if (!tests)
		abort();
	for (size_t k = 0; k < count; k++)
		for (size_t t = 0; t < TERMS; t++)
			if (concerns(&terms[t], &kinds[k]))
				tests[own++] = test_of(&terms[t], &kinds[k]);
	for (size_t i = 0; i < others_count; i++)
		tests[own + i] = others[i];
	failed = test_run("contract", tests, own + others_count, WORKERS);
	for (size_t i = 0; i < own; i++)
		free((void *)(uintptr_t)tests[i].name);
	free(tests);
	return failed;
}
