/*
 * Pages of other origins: what both programs tell a browser about who may
 * read an answer. tests/browser asks a real one.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/site.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define ALLOW_ORIGIN "Access-Control-Allow-Origin"
#define CREDENTIALS  "Access-Control-Allow-Credentials"

static void configure(struct site *s, const char *settings)
{
	site_configure(s,
		"%s\nsources = (\n"
		"{ name = \"a\"; path = \"a.log\"; },\n"
		"{ name = \"b\"; path = \"a.log\";\n"
		"  cors_origins = [ \"http://b.example\" ]; },\n"
		"{ name = \"both\"; path = \"a.log\"; cors_origins =\n"
		"  [ \"http://a.example\", \"http://b.example\" ]; },\n"
		"{ name = \"none\"; path = \"a.log\"; cors_origins = [ ]; },\n"
		"{ name = \"user\"; path = \"a.log\"; users = [ \"ann\" ];\n"
		"  cors_origins = [ \"http://c.example\" ]; },\n"
		"{ name = \"ends\"; type = \"clock\"; count = 2; } );\n",
		settings);
	disk_write(disk_path(s->folder, "a.log"), "one\n");
}

#define FROM_A "cors_origins = [ \"http://a.example\" ];"

static const char *const origin_a[] = { "Origin: http://a.example", NULL };
static const char *const origin_b[] = { "Origin: http://b.example", NULL };
static const char *const origin_c[] = { "Origin: http://c.example", NULL };
static const char *const origin_null[] = { "Origin: null", NULL };
static const char *const zoe[] = { "REMOTE_USER=zoe", "AUTH_TYPE=Basic", NULL };

/* A stream goes on; everything else has its end. */
static struct reader *ask(struct site *s, const struct ask *ask)
{
	struct reader *r = site_open(s, ask);

	reader_wait_head(r);
	if (r->status != 200)
		reader_wait_end(r);
	return r;
}

static bool is(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* NULL: there is no such field. */
static void expect_fields(struct site *s, struct ask question, int status,
	const char *origin, const char *vary, int line)
{
	struct reader *r = ask(s, &question);

	if (r->status != status ||
		!is(reader_header(r, ALLOW_ORIGIN), origin) ||
		!is(reader_header(r, "Vary"), vary) ||
		reader_header(r, CREDENTIALS))
		fail_msg("line %d:\n%s", line, bytes_text(&r->head));
	site_close(s, r);
}

static void nothing_is_said_unless_configured(void **state)
{
	struct site *s = *state;
	static const char *const methods[] = { "GET", "HEAD", "POST",
		"OPTIONS" };
	static const char *const paths[] = { "/a", "/none", "/unknown", "/user",
		"/a,none", "/a,b" };
	static const char *const fields[] = { ALLOW_ORIGIN, CREDENTIALS, "Vary",
		"Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
		"Access-Control-Max-Age", "Access-Control-Expose-Headers" };

	configure(s, "");
	for (size_t i = 0; i < COUNT(methods); i++)
		for (size_t j = 0; j < COUNT(paths); j++) {
			struct reader *r =
				ask(s, &(struct ask){ .path = paths[j],
					       .method = methods[i],
					       .headers = origin_a });

			for (size_t k = 0; k < COUNT(fields); k++)
				if (reader_header(r, fields[k]))
					fail_msg("%s %s:\n%s", methods[i],
						paths[j], bytes_text(&r->head));
			site_close(s, r);
		}
}

static void an_allowed_origin_is_named(void **state)
{
	struct site *s = *state;
	static const char a[] = "http://a.example", b[] = "http://b.example";
	static const char *const capital[] = { "Origin: http://A.example",
		NULL };
	static const char *const other_port[] = {
		"Origin: http://a.example:8080", NULL
	};
	static const char *const other_scheme[] = { "Origin: https://a.example",
		NULL };
	static const char *const list[] = {
		"Origin: http://a.example http://b.example", NULL
	};
	static const char *const longer[] = {
		"Origin: http://a.example.evil.example", NULL
	};
	static const struct {
		int line;
		struct ask ask;
		int status;
		const char *origin;
	} rows[] = {
		{ __LINE__, { .path = "/a", .headers = origin_a }, 200, a },
		{ __LINE__, { .path = "/a" }, 200, NULL },
		{ __LINE__, { .path = "/a", .headers = origin_b }, 200, NULL },
		{ __LINE__, { .path = "/a", .headers = origin_null }, 200,
			NULL },
		{ __LINE__, { .path = "/a", .headers = capital }, 200, NULL },
		{ __LINE__, { .path = "/a", .headers = other_port }, 200,
			NULL },
		{ __LINE__, { .path = "/a", .headers = other_scheme }, 200,
			NULL },
		{ __LINE__, { .path = "/a", .headers = list }, 200, NULL },
		{ __LINE__, { .path = "/a", .headers = longer }, 200, NULL },
		{ __LINE__, { .path = "/b", .headers = origin_a }, 200, NULL },
		{ __LINE__, { .path = "/b", .headers = origin_b }, 200, b },
		{ __LINE__, { .path = "/a,both", .headers = origin_a }, 200,
			a },
		{ __LINE__, { .path = "/both,b", .headers = origin_b }, 200,
			b },
		{ __LINE__, { .path = "/a,b", .headers = origin_a }, 200,
			NULL },
		{ __LINE__, { .path = "/a,b", .headers = origin_b }, 200,
			NULL },
		{ __LINE__,
			{ .path = "/a", .method = "HEAD", .headers = origin_a },
			200, a },
		{ __LINE__,
			{ .path = "/ends",
				.last_event_id = "2",
				.headers = origin_a },
			204, a },
		/* what is final may be read, too */
		{ __LINE__, { .path = "/unknown", .headers = origin_a }, 404,
			a },
		{ __LINE__, { .path = "/unknown", .headers = origin_b }, 404,
			NULL },
		{ __LINE__,
			{ .path = "/a",
				.query = "tail=x",
				.headers = origin_a },
			400, a },
		{ __LINE__,
			{ .path = "/a", .method = "POST", .headers = origin_a },
			405, a },
		{ __LINE__,
			{ .path = "/user",
				.headers = origin_c,
				.variables = zoe },
			403, "http://c.example" },
	};

	configure(s, FROM_A);
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_fields(s, rows[i].ask, rows[i].status, rows[i].origin,
			"Origin", rows[i].line);
	/* Nobody, whoever asks. */
	expect_fields(s, (struct ask){ .path = "/none", .headers = origin_a },
		200, NULL, NULL, __LINE__);
	expect_fields(s, (struct ask){ .path = "/a,none", .headers = origin_a },
		200, NULL, NULL, __LINE__);
}

static void any_origin_is_told_so_without_being_named(void **state)
{
	struct site *s = *state;
	static const char *const *const origins[] = { NULL, origin_a,
		origin_null };

	configure(s, "cors_origins = [ \"*\" ];");
	for (size_t i = 0; i < COUNT(origins); i++) {
		expect_fields(s,
			(struct ask){ .path = "/a", .headers = origins[i] },
			200, "*", NULL, __LINE__);
		expect_fields(s,
			(struct ask){
				.path = "/unknown", .headers = origins[i] },
			404, "*", NULL, __LINE__);
	}
	expect_fields(s, (struct ask){ .path = "/a,b", .headers = origin_b },
		200, "http://b.example", "Origin", __LINE__);
}

static void credentials_are_for_an_origin_that_is_named(void **state)
{
	struct site *s = *state;

	configure(s, FROM_A "cors_credentials = true;");
	struct reader *r =
		ask(s, &(struct ask){ .path = "/a", .headers = origin_a });
	assert_string_equal(reader_header(r, ALLOW_ORIGIN), "http://a.example");
	assert_string_equal(reader_header(r, CREDENTIALS), "true");
	assert_string_equal(reader_header(r, "Vary"), "Origin");
	reader_expect_event(r, 0, "message", "one");
	site_close(s, r);
	expect_fields(s, (struct ask){ .path = "/a", .headers = origin_b }, 200,
		NULL, "Origin", __LINE__);
}

/* ---- the preflight */

static void a_preflight_is_answered_without_looking_for_the_source(void **state)
{
	struct site *s = *state;
	static const char *const paths[] = { "/a", "/b", "/user", "/none",
		"/unknown", "/..", "/a,user", NULL };
	static const char *const headers[] = { "Origin: http://a.example",
		"Access-Control-Request-Method: GET",
		"Access-Control-Request-Headers: last-event-id", NULL };
	static const char *const refused[] = { "Origin: http://d.example",
		"Access-Control-Request-Method: GET", NULL };

	configure(s, FROM_A "cors_credentials = true;");
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct ask question = { .path = paths[i],
			.method = "OPTIONS",
			.headers = headers };
		struct reader *r = ask(s, &question);

		assert_string_equal(bytes_text(&r->head),
			"Status: 204 No Content\r\n"
			"Allow: GET, HEAD, OPTIONS\r\n"
			"Cache-Control: no-store\r\n"
			"X-Content-Type-Options: nosniff\r\n"
			"Access-Control-Allow-Origin: http://a.example\r\n"
			"Access-Control-Allow-Credentials: true\r\n"
			"Vary: Origin\r\n"
			"Access-Control-Allow-Methods: GET, HEAD\r\n"
			"Access-Control-Allow-Headers: Last-Event-ID\r\n"
			"Access-Control-Max-Age: 7200\r\n\r\n");
		site_close(s, r);
		question.headers = refused;
		r = ask(s, &question);
		assert_string_equal(bytes_text(&r->head),
			"Status: 204 No Content\r\n"
			"Allow: GET, HEAD, OPTIONS\r\n"
			"Cache-Control: no-store\r\n"
			"X-Content-Type-Options: nosniff\r\n"
			"Vary: Origin\r\n\r\n");
		site_close(s, r);
	}
}

/* ---- what is not there */

static void expect_same(
	struct site *s, const struct ask *a, const struct ask *b)
{
	struct reader *one = ask(s, a), *two = ask(s, b);

	assert_string_equal(bytes_text(&one->head), bytes_text(&two->head));
	assert_string_equal(bytes_text(&one->body), bytes_text(&two->body));
	site_close(s, one);
	site_close(s, two);
}

/* Its own rules name an origin that no other has. */
static void no_field_tells_of_a_source_that_is_hidden(void **state)
{
	struct site *s = *state;
	static const char *const methods[] = { "GET", "HEAD", "OPTIONS",
		"POST" };
	static const char *const preflight[] = { "Origin: http://c.example",
		"Access-Control-Request-Method: GET", NULL };
	static const char *const *const headers[] = { NULL, origin_a, origin_c,
		preflight };
	static const char *const settings[] = { "", FROM_A,
		"cors_origins = [ \"*\" ];" };

	for (size_t i = 0; i < COUNT(settings); i++) {
		configure(s, settings[i]);
		for (size_t j = 0; j < COUNT(methods); j++)
			for (size_t k = 0; k < COUNT(headers); k++) {
				struct ask hidden = { .path = "/user",
					.method = methods[j],
					.headers = headers[k] };
				struct ask unknown = hidden;

				unknown.path = "/unknown";
				expect_same(s, &hidden, &unknown);
				hidden.path = "/a,user";
				unknown.path = "/a,unknown";
				expect_same(s, &hidden, &unknown);
			}
		site_restart(s);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(nothing_is_said_unless_configured),
		SITE_TESTS(an_allowed_origin_is_named),
		SITE_TESTS(any_origin_is_told_so_without_being_named),
		SITE_TESTS(credentials_are_for_an_origin_that_is_named),
		SITE_TESTS(
			a_preflight_is_answered_without_looking_for_the_source),
		SITE_TESTS(no_field_tells_of_a_source_that_is_hidden),
	};

	return cmocka_run_group_tests_name("cors", tests, NULL, NULL);
}
