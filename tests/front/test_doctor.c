/*
 * The doctor: its streams, its page and its answers, from both programs.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/responder.h"
#include "tests/lib/site.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define EVENTS 48 /* of ?doctor=pace */

/* A source that nobody who asks here may read: the doctor needs none. */
static void configure(struct site *s, const char *settings)
{
	site_configure(s,
		"%s sources = ( { name = \"secret\"; path = \"a\"; "
		"users = [ \"alice\" ]; } );\n",
		settings);
}

static struct reader *ask_for(struct site *s, const char *query)
{
	return site_open(s, &(struct ask){ .query = query, .accept = "*/*" });
}

static const char *text_of(struct site *s, const char *query)
{
	struct reader *r = ask_for(s, query);

	reader_expect_status(r, 200);
	reader_wait_end(r);
	return bytes_text(&r->body);
}

/* ---- streams */

/* The number and the time of an event, and how long it is. */
static void expect_beat(
	struct reader *r, size_t i, unsigned *sent_ms, size_t *len)
{
	const struct reader_event *e = reader_event(r, i);
	unsigned number;
	int text = 0;

	assert_int_equal(
		sscanf(e->data, "%u %u %n", &number, sent_ms, &text), 2);
	assert_int_equal(number, i + 1);
	assert_int_equal(atoi(e->id), i + 1);
	*len = e->data_len;
	assert_int_equal(strspn(e->data + text, "."), *len - (size_t)text);
}

static void the_pace_has_more_and_more_bytes(void **state)
{
	struct site *s = *state;
	unsigned first = 0, last = 0;
	size_t shortest = 0, longest = 0;

	configure(s, "");
	struct reader *r = ask_for(s, "doctor=pace");
	reader_expect_status(r, 200);
	reader_wait_end(r);
	assert_int_equal(r->event_count, EVENTS);
	expect_beat(r, 0, &first, &shortest);
	expect_beat(r, EVENTS - 1, &last, &longest);
	assert_true(shortest < 20);
	assert_in_range(longest, 40000, 43000);
	assert_in_range(r->body_bytes, 262144, 266000);
	/* A machine may be slow; none is too fast. */
	assert_true(last - first >= (EVENTS - 1) * 60);
}

static void its_streams_resume_and_end(void **state)
{
	static const char *const over[] = { "pace", "hold", "quiet" };
	static const char *const last[] = { "48", "4", "2" };
	struct site *s = *state;
	struct reader *r;

	configure(s, "");
	r = site_open(s,
		&(struct ask){ .query = "doctor=hold", .last_event_id = "3" });
	reader_wait_end(r);
	assert_int_equal(r->event_count, 1);
	assert_string_equal(reader_last_id(r), "4");
	for (size_t i = 0; i < COUNT(over); i++) {
		char query[32];

		snprintf(query, sizeof(query), "doctor=%s", over[i]);
		r = site_open(s, &(struct ask){ .query = query,
					 .last_event_id = last[i] });
		reader_expect_status(r, 204);
	}
}

static void the_quiet_one_says_nothing_but_heartbeats(void **state)
{
	struct site *s = *state;

	configure(s, "");
	disk_write(s->config, "heartbeat = 1; sources = ( { name = \"a\"; path "
			      "= \"a\"; } );\n");
	struct reader *r = ask_for(s, "doctor=quiet");
	reader_wait_events(r, 1);
	reader_wait_comments(r, 3); /* the opening, and two heartbeats */
	assert_int_equal(r->event_count, 1);
	reader_wait_end(r);
	assert_int_equal(r->event_count, 2);
}

/* An answer is judged by the head of this one. */
static void their_head_is_that_of_any_stream(void **state)
{
	static const char head[] =
		"Content-Type: text/event-stream\r\n"
		"Cache-Control: no-cache, no-store, no-transform\r\n"
		"X-Accel-Buffering: no\r\n"
		"X-Content-Type-Options: nosniff\r\n";
	static const char asking[] = "Incremental: ?1\r\n\r\n";
	struct site *s = *state;
	struct reader *r;

	configure(s, "");
	r = ask_for(s, "doctor=hold");
	reader_expect_status(r, 200);
	assert_memory_equal(bytes_text(&r->head), head, strlen(head));
	assert_string_equal(bytes_text(&r->head) + strlen(head), asking);
	r = ask_for(s, "doctor=hold&plain");
	reader_expect_status(r, 200);
	assert_string_equal(bytes_text(&r->head) + strlen(head), "\r\n");
	r = site_open(
		s, &(struct ask){ .query = "doctor=pace", .method = "HEAD" });
	reader_wait_end(r);
	assert_int_equal(r->body_bytes, 0);
	assert_string_equal(bytes_text(&r->head) + strlen(head), asking);
	site_restart(s);
	configure(s, "incremental = false;");
	r = ask_for(s, "doctor=hold");
	reader_expect_status(r, 200);
	assert_string_equal(bytes_text(&r->head) + strlen(head), "\r\n");
}

static void its_streams_count_like_any_other(void **state)
{
	struct responder r;
	struct front_client *first, *second;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .settings = "max_clients = 1;" });
	first = responder_open(&r, &(struct ask){ .query = "doctor=hold" });
	reader_wait_events(&first->reader, 1);
	second = responder_open(&r, &(struct ask){ .query = "doctor=hold" });
	reader_expect_event(&second->reader, 0, "busy", NULL);
	reader_wait_end(&first->reader);
	assert_int_equal(first->reader.event_count, 4);
}

/* The rest of an event is made again, and has to be the rest of the same. */
static void what_a_socket_takes_in_parts_arrives_whole(void **state)
{
	struct responder r;
	struct front_client *c;

	(void)state;
	responder_start(&r,
		&(struct responder_how){ .settings = "send_buffer = 4096;" });
	c = responder_open(&r, &(struct ask){ .query = "doctor=pace" });
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.event_count, EVENTS);
	for (size_t i = 0; i < EVENTS; i++) {
		unsigned sent_ms;
		size_t len;

		expect_beat(&c->reader, i, &sent_ms, &len);
	}
}

/* ---- the page */

static void the_page_is_for_everybody(void **state)
{
	struct site *s = *state;
	static const struct ask asks[] = {
		{ .query = "doctor", .accept = "text/html" },
		{ .query = "doctor", .accept = "*/*" },
		{ .query = "doctor=" },
		{ .query = "doctor", .path = "/" },
		{ .query = "doctor", .path = "/secret" },
		{ .query = "doctor", .mount = "/stream/secret" },
		{ .query = "doctor", .method = "HEAD" },
	};

	configure(s, "");
	for (size_t i = 0; i < COUNT(asks); i++) {
		struct reader *r = site_open(s, &asks[i]);
		const char *policy;

		reader_expect_status(r, 200);
		reader_wait_end(r);
		assert_string_equal(reader_header(r, "Content-Type"),
			"text/html; charset=utf-8");
		policy = reader_header(r, "Content-Security-Policy");
		assert_memory_equal(policy, "default-src 'none'; ", 20);
		assert_null(strstr(policy, "unsafe"));
		if (asks[i].method)
			assert_int_equal(r->body_bytes, 0);
		else
			assert_non_null(strstr(bytes_text(&r->body),
				" data-heartbeat=\"3600\""));
		assert_false(bytes_contain(&r->body, "secret"));
		assert_false(bytes_contain(&r->body, "@NONCE@"));
		assert_false(bytes_contain(&r->body, "@STYLE@"));
		assert_false(bytes_contain(&r->body, "@SCRIPT@"));
		assert_false(bytes_contain(&r->body, "@HEARTBEAT@"));
		site_close(s, r);
	}
}

static void other_methods_are_answered_as_ever(void **state)
{
	struct site *s = *state;
	static const char *const queries[] = { "doctor", "doctor=pace",
		"doctor=judge&status=200" };

	configure(s, "");
	for (size_t i = 0; i < COUNT(queries); i++) {
		struct ask ask = { .query = queries[i], .method = "POST" };

		reader_expect_status(site_open(s, &ask), 405);
		ask.method = "OPTIONS";
		reader_expect_status(site_open(s, &ask), 204);
	}
}

static void it_can_be_switched_off(void **state)
{
	struct site *s = *state;
	static const char *const queries[] = { "doctor", "doctor=pace",
		"doctor=hold", "doctor=quiet", "doctor=judge&status=200" };

	configure(s, "doctor = false;");
	for (size_t i = 0; i < COUNT(queries); i++) {
		struct reader *r = ask_for(s, queries[i]);
		struct reader *none = ask_for(s, "source=none");

		reader_expect_status(r, 404);
		reader_expect_status(none, 404);
		reader_wait_end(r);
		reader_wait_end(none);
		assert_string_equal(
			bytes_text(&r->head), bytes_text(&none->head));
		assert_string_equal(
			bytes_text(&r->body), bytes_text(&none->body));
	}
}

/* ---- the judge */

#define HEALTHY                                                                \
	"doctor=judge&status=200&type=text/event-stream&cache=no-store&"       \
	"first=7&protocol=h2&pace1="                                           \
	"0:0,60:60,120:120,180:181,240:240,300:300,360:360,420:420,480:480,"   \
	"540:540,600:600,660:660,720:720,780:781,840:840,900:900"
#define BUFFERED                                                               \
	"doctor=judge&status=200&type=text/"                                   \
	"event-stream&cache=no-store&pace1=" HELD "&pace2=" HELD               \
	"&pace3=" HELD
#define HELD                                                                   \
	"0:0,60:0,120:0,180:0,240:0,300:0,360:0,420:0,480:0,540:0,600:0,"      \
	"660:0,720:0,780:0,840:0,900:0,960:0,1020:0,1080:0,1140:0,1200:0,"     \
	"1260:0,1320:0,1380:0,1440:60,1500:120,1560:180"

static void the_judge_finds_nothing_where_nothing_is(void **state)
{
	struct site *s = *state;

	configure(s, "");
	assert_string_equal(text_of(s, HEALTHY),
		"Nothing is wrong.\n\n"
		"Measured: first byte after 7 ms; events 0 ms late; not "
		"compressed; no proxy\nthat says so; h2.\n");
}

static void the_judge_names_the_cause_and_the_directive(void **state)
{
	static const char *const nginx[] = { "SERVER_SOFTWARE=nginx/1.22.1",
		NULL };
	struct site *s = *state;
	struct reader *r;

	configure(s, "");
	r = site_open(
		s, &(struct ask){ .query = BUFFERED, .variables = nginx });
	reader_expect_status(r, 200);
	reader_wait_end(r);
	assert_string_equal(
		reader_header(r, "Content-Type"), "text/plain; charset=utf-8");
	assert_string_equal(reader_header(r, "Cache-Control"), "no-store");
	assert_true(bytes_contain(&r->body,
		"Something is wrong.\n\n"
		"buffer: The first event arrived when about 4 KiB had been "
		"sent: a buffer of\nthat size is filled before anything is "
		"passed on.\n\n"
		"For nginx, in the location:\n\n"
		"    fastcgi_buffering off;\n\n"));
	/* CGI behind nginx is fcgiwrap, which has a buffer, too. */
	assert_int_equal(bytes_contain(&r->body, "NO_BUFFERING"),
		s->program == SITE_CGI);
	assert_false(bytes_contain(&r->body, "lighttpd"));
	assert_false(bytes_contain(&r->body, "1.22"));
	/* Without a name, those of all. */
	r = ask_for(s, BUFFERED);
	reader_wait_end(r);
	assert_true(bytes_contain(&r->body, "fastcgi_buffering off;"));
	assert_true(bytes_contain(&r->body, "stream-response-body = 2"));
}

static void a_proxy_is_told_by_what_it_says_of_itself(void **state)
{
	static const char *const rows[][3] = {
		{ "HTTP_VIA=1.1 cache", NULL },
		{ "HTTP_FORWARDED=for=192.0.2.1", NULL },
		{ "HTTP_X_FORWARDED_FOR=192.0.2.1", NULL },
		/* Which puts that into each request. */
		{ "HTTP_X_FORWARDED_FOR=192.0.2.1",
			"SERVER_SOFTWARE=Caddy/v2.6.2", NULL },
	};
	struct site *s = *state;

	configure(s, "");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reader *r = site_open(s, &(struct ask){ .query = HEALTHY,
							.variables = rows[i] });

		reader_wait_end(r);
		assert_int_equal(bytes_contain(&r->body, "by a proxy"), i < 3);
		assert_true(bytes_contain(&r->body, "Nothing is wrong."));
	}
	/* Another server answers than runs the program. */
	struct reader *r = site_open(
		s, &(struct ask){ .query = HEALTHY "&server=nginx",
			   .variables = (const char *const[]){
				   "SERVER_SOFTWARE=Apache/2.4", NULL } });
	reader_wait_end(r);
	assert_true(bytes_contain(&r->body, "by a proxy"));
}

static void the_judge_explains_a_501(void **state)
{
	struct site *s = *state;
	const char *text;

	configure(s, "");
	text = text_of(s, "doctor=judge&status=501&plain=200");
	assert_memory_equal(text, "Something is wrong.\n\nincremental: ", 34);
	assert_non_null(strstr(text, "\"Incremental: ?1\" (RFC 10036)"));
	assert_non_null(strstr(text, "    incremental = false;\n"));
	text = text_of(s, "doctor=judge&status=501&plain=501");
	assert_memory_equal(text, "Something is wrong.\n\nrefused: ", 30);
	assert_string_equal(text_of(s, "doctor=judge&status=0"),
		"Nothing could be measured.\n");
}

static void what_is_no_measurement_is_malformed(void **state)
{
	static const char *const queries[] = { "doctor=x", "doctor=page",
		"doctor=Pace", "doctor=pace%00", "doctor&doctor",
		"doctor=judge", "doctor=judge&status=-1",
		"doctor=judge&status=200&pace1=1",
		"doctor=judge&status=200&type=%0a",
		"doctor=judge&status=200&status=200" };
	struct site *s = *state;

	configure(s, "");
	for (size_t i = 0; i < COUNT(queries); i++) {
		struct reader *r = ask_for(s, queries[i]);

		reader_wait_head(r);
		if (r->status != 400)
			fail_msg("%s: %d", queries[i], r->status);
	}
	/* Told to no judge it is a query like any other. */
	reader_expect_status(ask_for(s, "doctor=hold&pace1=x"), 200);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(the_pace_has_more_and_more_bytes),
		SITE_TESTS(its_streams_resume_and_end),
		SITE_TESTS(the_quiet_one_says_nothing_but_heartbeats),
		SITE_TESTS(their_head_is_that_of_any_stream),
		cmocka_unit_test_teardown(
			its_streams_count_like_any_other, test_cleanup),
		cmocka_unit_test_teardown(
			what_a_socket_takes_in_parts_arrives_whole,
			test_cleanup),
		SITE_TESTS(the_page_is_for_everybody),
		SITE_TESTS(other_methods_are_answered_as_ever),
		SITE_TESTS(it_can_be_switched_off),
		SITE_TESTS(the_judge_finds_nothing_where_nothing_is),
		SITE_TESTS(the_judge_names_the_cause_and_the_directive),
		SITE_TESTS(a_proxy_is_told_by_what_it_says_of_itself),
		SITE_TESTS(the_judge_explains_a_501),
		SITE_TESTS(what_is_no_measurement_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
