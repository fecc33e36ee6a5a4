/*
 * Real web servers, each with the very fragment of conf/ that users copy.
 * What every one of them must do with a stream is said once, and run with
 * each.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/http.h"
#include "tests/lib/server.h"

enum { STEPS = 50, STEP_MS = 5000 };

static const struct server_kind kinds[] = {
	{ "lighttpd", "conf/lighttpd/fastcgi.conf", "ssetail.fcgi",
		"stream-response-body" },
	{ "lighttpd", "conf/lighttpd/cgi.conf", "ssetail.cgi",
		"stream-response-body" },
	/* Takes nothing but to be told of the program. */
	{ "apache2", "conf/apache/cgid.conf", "ssetail.cgi", "ScriptAlias" },
};

static struct http_client *open_log(const struct server *s)
{
	return http_open(s->address,
		&(struct ask){ .mount = "/events", .path = "/log" });
}

/* What clients cost: a process each, or a descriptor in the only one. */
struct cost {
	size_t processes;
	size_t descriptors;
};

static struct cost cost_of(const struct server *s)
{
	const char *name = s->kind->ssetail;
	struct cost cost = { process_descendants(getpid(), name), 0 };

	if (cost.processes && strcmp(name, "ssetail.fcgi") == 0)
		cost.descriptors =
			process_descriptors(process_descendant(getpid(), name));
	return cost;
}

static bool costs(const struct server *s, struct cost c)
{
	struct cost now = cost_of(s);

	return now.processes == c.processes && now.descriptors == c.descriptors;
}

/* Starts a server whose one client has its first event. */
static struct http_client *serve_one(struct server *s, void **state)
{
	struct http_client *client;

	server_start(s, *state,
		&(struct server_how){ .settings = "heartbeat = 1;" });
	disk_append(s->log, "one\n");
	client = open_log(s);
	reader_expect_event(&client->reader, 0, "message", "one");
	return client;
}

/* ---- event by event */

struct step {
	struct http_client *client;
	size_t count; /* events to have arrived */
};

static bool has_arrived(void *context)
{
	const struct step *step = context;

	return step->client->reader.event_count >= step->count;
}

/*
 * A writer that appends a line only when the client has the one before it,
 * so that nothing behind pushes it out. How many of them arrive?
 */
static size_t steps_taken(const struct server *s)
{
	struct step step = { open_log(s), 0 };
	char line[21];

	while (step.count < STEPS) {
		step.count++;
		snprintf(line, sizeof(line), "%-10s%09zu", "event", step.count);
		disk_append(s->log, "%s\n", line); /* 20 bytes */
		if (!wait_until(has_arrived, &step, STEP_MS))
			return step.count - 1;
		reader_expect_event(
			&step.client->reader, step.count - 1, "message", line);
	}
	return STEPS;
}

static void delivers_event_by_event(void **state)
{
	struct server s;

	server_start(&s, *state, NULL);
	assert_int_equal(steps_taken(&s), STEPS);
}

static void delivers_nothing_without_its_decisive_line(void **state)
{
	struct server s;

	server_start(
		&s, *state, &(struct server_how){ .without_decisive = true });
	assert_int_equal(steps_taken(&s), 0);
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
	struct http_client *second = http_open(s.address,
		&(struct ask){ .mount = "/events",
			.path = "/log",
			.last_event_id = reader_last_id(&first->reader) });
	reader_expect_event(&second->reader, 0, "message", "three");
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

	server_start(&s, *state, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ask ask = cases[i].ask;

		ask.mount = "/events";
		struct http_client *client = http_open(s.address, &ask);
		reader_expect_status(&client->reader, cases[i].status);
		reader_wait_end(&client->reader);
	}
	if (strcmp(s.kind->ssetail, "ssetail.cgi") == 0)
		wait_for(cost_of(&s).processes == 0);
}

/* ---- somebody goes away */

static void clients_that_went_away_are_freed(void **state)
{
	enum { CLIENTS = 10 };
	struct http_client *client[CLIENTS];
	struct server s;

	serve_one(&s, state);
	struct cost one = cost_of(&s);
	for (int i = 0; i < CLIENTS; i++)
		client[i] = open_log(&s);
	for (int i = 0; i < CLIENTS; i++)
		reader_expect_event(&client[i]->reader, 0, "message", "one");
	assert_false(costs(&s, one));
	for (int i = 0; i < CLIENTS; i++)
		reader_hang_up(&client[i]->reader);
	wait_for(costs(&s, one));
}

static void a_server_that_stops_leaves_no_process_behind(void **state)
{
	struct server s;
	struct http_client *client = serve_one(&s, state);

	client->reader.tolerant = true; /* of a body that is cut */
	process_stop(s.process);
	wait_for(cost_of(&s).processes == 0);
}

static void a_server_that_is_killed_leaves_no_client_behind(void **state)
{
	struct server s;
	struct http_client *client = serve_one(&s, state);
	struct cost one = cost_of(&s);

	client->reader.tolerant = true;
	server_kill(&s);
	if (one.descriptors)
		wait_for(cost_of(&s).descriptors < one.descriptors);
	else
		wait_for(cost_of(&s).processes == 0);
}

/* ---- all of it with each of them */

#define TEST(kind, function)                                                   \
	{                                                                      \
		kind ": " #function, function, NULL, test_cleanup, NULL        \
	}
#define TESTS(kind)                                                            \
	TEST(kind, delivers_event_by_event),                                   \
		TEST(kind, resumes_after_the_last_event),                      \
		TEST(kind, answers_what_is_no_stream),                         \
		TEST(kind, delivers_nothing_without_its_decisive_line),        \
		TEST(kind, clients_that_went_away_are_freed),                  \
		TEST(kind, a_server_that_stops_leaves_no_process_behind),      \
		TEST(kind, a_server_that_is_killed_leaves_no_client_behind)

int main(void)
{
	struct CMUnitTest tests[] = {
		TESTS("lighttpd mod_fastcgi"),
		TESTS("lighttpd mod_cgi"),
		TESTS("Apache mod_cgid"),
	};
	enum { ALL = sizeof(tests) / sizeof(*tests) };
	enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

	for (size_t i = 0; i < ALL; i++)
		tests[i].initial_state =
			(void *)(uintptr_t)&kinds[i / (ALL / KINDS)];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
