/* Heads and answers, to the byte: web servers are particular about them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "common/head.h"
#include "tests/lib/bytes.h"
#include "tests/lib/sse.h"

static void assert_content(const struct buffer *b, const char *expected)
{
	assert_false(b->failed);
	if (b->len != strlen(expected) ||
		memcmp(b->data, expected, b->len) != 0)
		fail_msg("got '%.*s', expected '%s'", (int)b->len, b->data,
			expected);
}

static void a_stream_has_a_bare_type_and_no_status(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	head_add_stream(&b, false, NULL);
	assert_content(&b, "Content-Type: text/event-stream\r\n"
			   "Cache-Control: no-cache, no-store, no-transform\r\n"
			   "X-Accel-Buffering: no\r\n"
			   "X-Content-Type-Options: nosniff\r\n"
			   "\r\n");
	buffer_release(&b);
}

static void incremental_is_asked_for_when_wanted(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	head_add_stream(&b, true, NULL);
	assert_content(&b, "Content-Type: text/event-stream\r\n"
			   "Cache-Control: no-cache, no-store, no-transform\r\n"
			   "X-Accel-Buffering: no\r\n"
			   "X-Content-Type-Options: nosniff\r\n"
			   "Incremental: ?1\r\n"
			   "\r\n");
	buffer_release(&b);
}

static void metrics_have_the_type_that_prometheus_knows(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	head_add_metrics(&b);
	assert_content(&b,
		"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"Cache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"\r\n");
	buffer_release(&b);
}

static void the_opening_is_a_long_comment_and_retry(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct sse s;

	(void)state;
	head_add_opening(&b, 2345);
	assert_false(b.failed);
	assert_int_equal(b.data[0], ':');
	const char *end = memchr(b.data, '\n', b.len);
	assert_non_null(end);
	assert_true(end - b.data >= 100);

	sse_init(&s, NULL, NULL);
	sse_feed(&s, b.data, b.len);
	sse_end(&s);
	assert_null(sse_fault(&s));
	assert_false(s.unfinished);
	assert_int_equal(s.comments, 1);
	assert_int_equal(s.events, 0);
	assert_true(s.has_retry);
	assert_int_equal(s.retry_ms, 2345);
	sse_release(&s);
	buffer_release(&b);
}

#define PLAIN                                                                  \
	"Content-Type: text/plain; charset=utf-8\r\n"                          \
	"Cache-Control: no-store\r\n"                                          \
	"X-Content-Type-Options: nosniff\r\n"

static const struct {
	int status;
	const char *head;
	const char *body; /* what must be in the standing one */
} answers[] = {
	{ 204,
		"Status: 204 No Content\r\n"
		"Cache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\n\r\n",
		NULL },
	{ 400, "Status: 400 Bad Request\r\n" PLAIN "\r\n", "malformed" },
	{ 403, "Status: 403 Forbidden\r\n" PLAIN "\r\n", "logged in" },
	{ 404, "Status: 404 Not Found\r\n" PLAIN "\r\n",
		"MOUNT/NAME or MOUNT?source=NAME" },
	{ 405,
		"Status: 405 Method Not Allowed\r\n" PLAIN
		"Allow: GET, HEAD, OPTIONS\r\n\r\n",
		"GET, HEAD and OPTIONS" },
	{ 500, "Status: 500 Internal Server Error\r\n" PLAIN "\r\n", "log" },
};
#define ANSWERS (sizeof(answers) / sizeof(*answers))

static void an_answer_is_its_head_and_a_standing_sentence(void **state)
{
	struct bytes b = BYTES_INIT;

	(void)state;
	for (size_t i = 0; i < ANSWERS; i++) {
		struct buffer made = BUFFER_INIT;
		size_t head = strlen(answers[i].head);

		head_add_answer(&made, answers[i].status, NULL, true, NULL);
		assert_false(made.failed);
		assert_true(made.len >= head);
		assert_memory_equal(made.data, answers[i].head, head);
		bytes_clear(&b);
		bytes_add(&b, made.data + head, made.len - head);
		if (answers[i].body == NULL) {
			assert_int_equal(b.len, 0);
		} else {
			assert_true(bytes_contain(&b, answers[i].body));
			assert_int_equal(b.data[b.len - 1], '\n');
		}
		buffer_release(&made);
	}
	bytes_release(&b);
}

static void an_answer_takes_the_body_it_is_given(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	head_add_answer(&b, 400, "before: no such place\n", true, NULL);
	assert_content(&b, "Status: 400 Bad Request\r\n" PLAIN
			   "\r\nbefore: no such place\n");
	buffer_clear(&b);
	head_add_answer(&b, 204, "never sent", true, NULL);
	assert_content(&b, answers[0].head);
	buffer_release(&b);
}

static void an_answer_to_head_is_the_head_alone(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	for (size_t i = 0; i < ANSWERS; i++) {
		buffer_clear(&b);
		head_add_answer(&b, answers[i].status, "body", false, NULL);
		assert_content(&b, answers[i].head);
	}
	buffer_release(&b);
}

static void a_status_it_does_not_know_becomes_500(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	head_add_answer(&b, 418, NULL, false, NULL);
	assert_content(&b, answers[ANSWERS - 1].head);
	buffer_release(&b);
}

static void options_are_answered_with_what_is_allowed(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	head_add_options(&b, false, NULL);
	assert_content(&b, "Status: 204 No Content\r\n"
			   "Allow: GET, HEAD, OPTIONS\r\n"
			   "Cache-Control: no-store\r\n"
			   "X-Content-Type-Options: nosniff\r\n"
			   "\r\n");
	buffer_release(&b);
}

/* ---- other origins */

static char origin[] = "https://a.example";

static void what_is_granted_stands_in_every_head(void **state)
{
	const struct cors_grant any = { .origin = "*" };
	const struct cors_grant one = { origin, false, true };
	const struct cors_grant who = { origin, true, true };
	const struct cors_grant none = { .varies = true };
	static const struct cors_grant off;
	const struct {
		const struct cors_grant *cors;
		const char *fields;
	} rows[] = {
		{ &any, "Access-Control-Allow-Origin: *\r\n" },
		{ &one, "Access-Control-Allow-Origin: https://a.example\r\n"
			"Vary: Origin\r\n" },
		{ &who, "Access-Control-Allow-Origin: https://a.example\r\n"
			"Access-Control-Allow-Credentials: true\r\n"
			"Vary: Origin\r\n" },
		{ &none, "Vary: Origin\r\n" },
		{ &off, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buffer plain = BUFFER_INIT, b = BUFFER_INIT;
		struct bytes expected = BYTES_INIT;

		/* In front of the blank line. */
		head_add_stream(&plain, true, NULL);
		bytes_add(&expected, plain.data, plain.len - 2);
		bytes_add_format(&expected, "%s\r\n", rows[i].fields);
		head_add_stream(&b, true, rows[i].cors);
		assert_content(&b, bytes_text(&expected));

		buffer_clear(&plain);
		buffer_clear(&b);
		bytes_clear(&expected);
		head_add_answer(&plain, 404, NULL, false, NULL);
		bytes_add(&expected, plain.data, plain.len - 2);
		bytes_add_format(&expected, "%s\r\n", rows[i].fields);
		head_add_answer(&b, 404, NULL, false, rows[i].cors);
		assert_content(&b, bytes_text(&expected));
		bytes_release(&expected);
		buffer_release(&plain);
		buffer_release(&b);
	}
}

#define OPTIONS                                                                \
	"Status: 204 No Content\r\n"                                           \
	"Allow: GET, HEAD, OPTIONS\r\n"                                        \
	"Cache-Control: no-store\r\n"                                          \
	"X-Content-Type-Options: nosniff\r\n"

static void a_preflight_is_told_what_may_be_asked(void **state)
{
	const struct cors_grant granted = { origin, true, true };
	const struct cors_grant refused = { .varies = true };
	struct buffer b = BUFFER_INIT;

	(void)state;
	head_add_options(&b, true, &granted);
	assert_content(&b,
		OPTIONS "Access-Control-Allow-Origin: https://a.example\r\n"
			"Access-Control-Allow-Credentials: true\r\n"
			"Vary: Origin\r\n"
			"Access-Control-Allow-Methods: GET, HEAD\r\n"
			"Access-Control-Allow-Headers: Last-Event-ID\r\n"
			"Access-Control-Max-Age: 7200\r\n"
			"\r\n");
	buffer_clear(&b);
	head_add_options(&b, true, &refused);
	assert_content(&b, OPTIONS "Vary: Origin\r\n\r\n");
	buffer_clear(&b);
	head_add_options(&b, true, NULL);
	assert_content(&b, OPTIONS "\r\n");
	/* OPTIONS that is no preflight */
	buffer_clear(&b);
	head_add_options(&b, false, &granted);
	assert_content(&b,
		OPTIONS "Access-Control-Allow-Origin: https://a.example\r\n"
			"Access-Control-Allow-Credentials: true\r\n"
			"Vary: Origin\r\n\r\n");
	buffer_release(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_has_a_bare_type_and_no_status),
		cmocka_unit_test(incremental_is_asked_for_when_wanted),
		cmocka_unit_test(metrics_have_the_type_that_prometheus_knows),
		cmocka_unit_test(the_opening_is_a_long_comment_and_retry),
		cmocka_unit_test(an_answer_is_its_head_and_a_standing_sentence),
		cmocka_unit_test(an_answer_takes_the_body_it_is_given),
		cmocka_unit_test(an_answer_to_head_is_the_head_alone),
		cmocka_unit_test(a_status_it_does_not_know_becomes_500),
		cmocka_unit_test(options_are_answered_with_what_is_allowed),
		cmocka_unit_test(what_is_granted_stands_in_every_head),
		cmocka_unit_test(a_preflight_is_told_what_may_be_asked),
	};

	return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
