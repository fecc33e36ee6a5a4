/*
 * What is answered to which request, and that both programs give the same
 * bytes.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/site.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define STREAM_HEAD                                                            \
	"Content-Type: text/event-stream\r\n"                                  \
	"Cache-Control: no-cache, no-store, no-transform\r\n"                  \
	"X-Accel-Buffering: no\r\n"                                            \
	"X-Content-Type-Options: nosniff\r\n"

/* Two files and a clock that ends; "a" has three lines, "b" two. */
static void configure(struct site *s)
{
	site_configure(s,
		"sources = (\n"
		"{ name = \"a\"; path = \"a.log\"; },\n"
		"{ name = \"b.2_-\"; path = \"b.log\"; event = \"beta\"; },\n"
		"{ name = \"clock\"; type = \"clock\"; interval = 0.01;\n"
		"  count = 3; } );\n");
	disk_write(disk_path(s->folder, "a.log"), "a 1\na 2\na 3\n");
	disk_write(disk_path(s->folder, "b.log"), "b 1\nb 2\n");
}

/* ---- the head of a stream, and what follows it at once */

static void a_stream_has_exactly_these_header_fields(void **state)
{
	struct site *s = *state;

	configure(s);
	struct reader *r = site_open_path(s, "/a");
	reader_expect_status(r, 200);
	assert_string_equal(
		bytes_text(&r->head), STREAM_HEAD "Incremental: ?1\r\n\r\n");
	site_restart(s);
	site_configure(s, "incremental = false; sources = ( { name = \"a\"; "
			  "path = \"a.log\"; } );\n");
	r = site_open_path(s, "/a");
	reader_expect_status(r, 200);
	assert_string_equal(bytes_text(&r->head), STREAM_HEAD "\r\n");
}

static void a_stream_begins_with_a_long_comment_retry_and_an_id(void **state)
{
	struct site *s = *state;

	site_configure(s, "retry = 4321; sources = ( { name = \"a\"; "
			  "path = \"a.log\"; history = 0; } );\n");
	disk_write(disk_path(s->folder, "a.log"), "a 1\n");
	struct reader *r = site_open_path(s, "/a");
	wait_for(r->sse.checkpoints == 1);
	const char *body = bytes_text(&r->body);
	assert_memory_equal(body, ": ", 2);
	assert_true(strchr(body, '\n') - body >= 100);
	assert_int_equal(r->sse.retry_ms, 4321);
	assert_int_equal(r->event_count, 0);
	assert_true(strlen(reader_last_id(r)) > 10);
	assert_int_equal(r->sse.comments, 1);
	/* Head and all in one record: web servers flush by the record. */
	if (s->program == SITE_FCGI)
		assert_int_equal(front_of(r)->stdout_records, 1);
}

static void a_cut_before_the_first_event_loses_nothing(void **state)
{
	struct site *s = *state;
	const char *log = disk_path(s->folder, "a.log");

	site_configure(s, "sources = ( { name = \"a\"; path = \"a.log\"; "
			  "history = 0; } );\n");
	disk_write(log, "a 1\n");
	struct reader *r = site_open_path(s, "/a");
	wait_for(r->sse.checkpoints == 1);
	char *id = strdup(reader_last_id(r));
	site_close(s, r);
	disk_append(log, "a 2\n");
	r = site_open(s, &(struct ask){ .path = "/a", .last_event_id = id });
	reader_expect_event(r, 0, "message", "a 2");
	free(id);
}

/* ---- which source */

static void a_source_is_asked_for_in_many_ways(void **state)
{
	struct site *s = *state;
	static const char *const whole[] = { "SCRIPT_NAME=/cgi-bin/app/b.2_-",
		NULL };
	static const char *const without[] = { "SCRIPT_NAME", NULL };
	static const struct {
		int line;
		struct ask ask;
		const char *type;
		const char *data;
	} rows[] = {
		{ __LINE__, { .path = "/a" }, "message", "a 1" },
		{ __LINE__, { .path = "/a/" }, "message", "a 1" },
		{ __LINE__, { .path = "//a" }, "message", "a 1" },
		{ __LINE__, { .path = "/cgi-bin/stream/a" }, "message", "a 1" },
		{ __LINE__, { .path = "/b.2_-" }, "beta", "b 1" },
		{ __LINE__, { .query = "source=a" }, "message", "a 1" },
		{ __LINE__, { .path = "/", .query = "source=a" }, "message",
			"a 1" },
		{ __LINE__, { .query = "x=1&source=b.2_-&y" }, "beta", "b 1" },
		{ __LINE__, { .query = "source=b%2e2%5F-" }, "beta", "b 1" },
		{ __LINE__, { .path = "/a", .query = "source=clock" },
			"message", "a 1" },
		{ __LINE__, { .mount = "/stream/a" }, "message", "a 1" },
		{ __LINE__, { .variables = whole }, "beta", "b 1" },
		{ __LINE__, { .path = "/a", .variables = without }, "message",
			"a 1" },
		{ __LINE__, { .path = "/a,clock" }, "a", "a 1" },
		{ __LINE__, { .query = "source=a,clock" }, "a", "a 1" },
		{ __LINE__, { .query = "source=a%2Cclock" }, "a", "a 1" },
		{ __LINE__, { .mount = "/stream/a,clock" }, "a", "a 1" },
		{ __LINE__, { .path = "/a", .accept = "*/*" }, "message",
			"a 1" },
		{ __LINE__, { .path = "/a", .accept = "" }, "message", "a 1" },
	};

	configure(s);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reader *r = site_open(s, &rows[i].ask);

		reader_wait_head(r);
		if (r->status != 200)
			fail_msg("row of line %d: %d", rows[i].line, r->status);
		reader_wait_events(r, 1);
		if (reader_find_event(r, 0, rows[i].type, rows[i].data) != 0)
			fail_msg("row of line %d: %s %s", rows[i].line,
				r->events[0].type, r->events[0].data);
		site_close(s, r);
	}
}

static void the_bare_mount_is_the_only_source_or_the_default(void **state)
{
	struct site *s = *state;

	site_configure(s, "sources = ( { name = \"one\"; type = \"clock\"; "
			  "interval = 3600; event = \"one\"; } );\n");
	reader_expect_event(site_open(s, NULL), 0, "one", "1");
	reader_expect_event(site_open_path(s, "/"), 0, "one", "1");
	site_restart(s);
	site_configure(s,
		"sources = ( { name = \"one\"; type = \"clock\"; },\n"
		"{ name = \"default\"; type = \"clock\"; interval = 3600;\n"
		"  event = \"two\"; } );\n");
	reader_expect_event(site_open(s, NULL), 0, "two", "1");
	reader_expect_event(site_open_path(s, "/"), 0, "two", "1");
	/* The mount may be called like it. */
	reader_expect_event(site_open(s, &(struct ask){ .mount = "/default" }),
		0, "two", "1");
	site_restart(s);
	configure(s);
	struct reader *r = site_open(s, NULL);
	reader_expect_status(r, 404);
	reader_wait_end(r);
	assert_true(bytes_contain(&r->body, "MOUNT/NAME"));
	assert_true(bytes_contain(&r->body, "MOUNT?source=NAME"));
	reader_expect_status(site_open_path(s, "/"), 404);
}

/* ---- methods */

static void head_is_answered_with_the_head_alone(void **state)
{
	struct site *s = *state;

	configure(s);
	struct reader *get = site_open_path(s, "/a");
	reader_wait_head(get);
	struct reader *r =
		site_open(s, &(struct ask){ .path = "/a", .method = "HEAD" });
	reader_wait_end(r);
	assert_int_equal(r->body_bytes, 0);
	assert_string_equal(bytes_text(&r->head), bytes_text(&get->head));
	get = site_open_path(s, "/none");
	reader_wait_end(get);
	r = site_open(s, &(struct ask){ .path = "/none", .method = "HEAD" });
	reader_wait_end(r);
	assert_int_equal(r->body_bytes, 0);
	assert_string_equal(bytes_text(&r->head), bytes_text(&get->head));
	r = site_open(
		s, &(struct ask){
			   .path = "/a", .query = "tail=x", .method = "HEAD" });
	reader_expect_status(r, 400);
	reader_wait_end(r);
	assert_int_equal(r->body_bytes, 0);
}

static void options_answers_the_preflight(void **state)
{
	struct site *s = *state;
	static const char *const paths[] = { "/a", "/none", NULL };

	configure(s);
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct reader *r = site_open(s,
			&(struct ask){ .path = paths[i], .method = "OPTIONS" });

		reader_expect_status(r, 204);
		reader_wait_end(r);
		assert_string_equal(
			reader_header(r, "Allow"), "GET, HEAD, OPTIONS");
		assert_int_equal(r->body_bytes, 0);
	}
}

static void no_method_is_malformed(void **state)
{
	struct site *s = *state;
	struct reader *r;

	configure(s);
	r = site_open(s, &(struct ask){ .path = "/a", .method = "" });
	reader_expect_status(r, 400);
	reader_wait_text(r, "REQUEST_METHOD");
	reader_wait_end(r);
}

static void other_methods_are_answered_405(void **state)
{
	struct site *s = *state;
	static const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH",
		"TRACE", "get", "GETS", "GET ", "\xff" };
	static const char *const paths[] = { "/a", "/none", "/..\\", NULL };

	configure(s);
	for (size_t i = 0; i < COUNT(methods); i++) {
		for (size_t j = 0; j < COUNT(paths); j++) {
			struct reader *r =
				site_open(s, &(struct ask){ .path = paths[j],
						     .method = methods[i] });

			reader_expect_status(r, 405);
			reader_wait_end(r);
			assert_string_equal(reader_header(r, "Allow"),
				"GET, HEAD, OPTIONS");
			assert_string_equal(reader_header(r, "Content-Type"),
				"text/plain; charset=utf-8");
			site_close(s, r);
		}
	}
}

/* ---- what is refused */

static void expect_same_404(struct site *s, const struct reader *first,
	const struct ask *ask, const char *what)
{
	struct reader *r = site_open(s, ask);

	reader_wait_end(r);
	if (r->status != 404 || r->head.len != first->head.len ||
		r->body.len != first->body.len ||
		memcmp(r->head.data, first->head.data, r->head.len) != 0 ||
		memcmp(r->body.data, first->body.data, r->body.len) != 0)
		fail_msg("%s: %d %s", what, r->status, bytes_text(&r->body));
	site_close(s, r);
}

static void unknown_and_hostile_names_get_the_same_404(void **state)
{
	struct site *s = *state;
	static const char *const paths[] = { "/A", "/aa", "/a.log", "/a,none",
		"/none,a", "/a,", "/,a", "/,", "/a,,clock", "/../a", "/a/..",
		"/./a", "/..", "/.", "/../../etc/passwd", "//etc/passwd",
		"/%2e%2e/a", "/%2e%2e%2fa", "/a%00", "/a%0d%0aX: y", "/a\\b",
		"\\a", "/..\\a", "/a\x01", "/a\x7f", "/a\r\nX: y", "/a ", "/ a",
		"/a\xc0\xae", "/\xc0\xae\xc0\xae/a", "/\xff", "/\xc3\xa4",
		"/a;b", "/a?b", "/a#b", "/a&b", "/a'b", "/a\"b", "/<a>", "/*",
		"/~a", "/a:b", "/a=b", "/.htssetail.conf", "/ssetail.conf" };
	static const char *const names[] = { "none", "", "..", ".", "../a",
		"%2e%2e", "%2e%2e%2fa", "%00", "a%00", "a%0d%0a", "/a", "%2fa",
		"a%2f", "a+b", "%5ca", "%c0%ae", "%ff", "a,", "a,none" };
	char name[200];

	configure(s);
	struct reader *first = site_open_path(s, "/none");
	reader_expect_status(first, 404);
	reader_wait_end(first);
	assert_string_equal(reader_header(first, "Content-Type"),
		"text/plain; charset=utf-8");
	assert_string_equal(
		reader_header(first, "X-Content-Type-Options"), "nosniff");
	assert_string_equal(reader_header(first, "Cache-Control"), "no-store");
	for (size_t i = 0; i < COUNT(paths); i++)
		expect_same_404(
			s, first, &(struct ask){ .path = paths[i] }, paths[i]);
	for (size_t i = 0; i < COUNT(names); i++) {
		char query[64];

		snprintf(query, sizeof(query), "source=%s", names[i]);
		expect_same_404(
			s, first, &(struct ask){ .query = query }, query);
	}
	for (size_t len = 64; len <= 190; len += 63) {
		memset(name, 'a', sizeof(name));
		name[0] = '/';
		name[len + 1] = '\0';
		expect_same_404(s, first, &(struct ask){ .path = name }, name);
	}
}

static void what_is_malformed_is_answered_400(void **state)
{
	struct site *s = *state;
	static const struct {
		const char *path;
		const char *query;
	} rows[] = {
		{ "/a", "tail=" },
		{ "/a", "tail" },
		{ "/a", "tail=x" },
		{ "/a", "tail=-1" },
		{ "/a", "tail=+1" },
		{ "/a", "tail=%201" },
		{ "/a", "tail=1.0" },
		{ "/a", "tail=0x1" },
		{ "/a", "tail=1&tail=1" },
		{ "/a", "tail=1&t%61il=1" },
		{ "/a", "x=1&x=2" },
		{ "/a", "lastEventId=1&lastEventId=2" },
		{ NULL, "source=a&source=clock" },
		{ "/a", "x=%" },
		{ "/a", "x=%1" },
		{ "/a", "x=%zz" },
		{ "/a,a", NULL },
		{ NULL, "source=a,clock,a" },
		{ "/a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", NULL },
	};
	struct bytes many = BYTES_INIT;

	configure(s);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reader *r =
			site_open(s, &(struct ask){ .path = rows[i].path,
					     .query = rows[i].query });

		reader_wait_end(r);
		if (r->status != 400)
			fail_msg("%s?%s: %d", rows[i].path, rows[i].query,
				r->status);
		assert_string_equal(reader_header(r, "Content-Type"),
			"text/plain; charset=utf-8");
		site_close(s, r);
	}
	/* Too many parameters, and too long a query. */
	for (int i = 0; i < 65; i++)
		bytes_add_format(&many, "%sp%d=%d", i ? "&" : "", i, i);
	reader_expect_status(
		site_open(s, &(struct ask){ .path = "/a", .query = many.data }),
		400);
	bytes_clear(&many);
	bytes_add_text(&many, "x=");
	for (int i = 0; i < 2500; i++)
		bytes_add_text(&many, "01234567");
	reader_expect_status(
		site_open(s, &(struct ask){ .path = "/a", .query = many.data }),
		400);
	bytes_release(&many);
}

/* ---- the same from both */

struct same {
	int line;
	struct ask ask;
	int events; /* that are waited for; -1: the end */
};

static struct reader *open_at(
	struct site *s, enum site_program program, const struct ask *ask)
{
	s->program = program;
	return site_open(s, ask);
}

/* Waits until both are as far, and compares all that came. */
static void expect_equal_(
	struct reader *a, struct reader *b, int events, int line)
{
	if (events < 0) {
		reader_wait_end(a);
		reader_wait_end(b);
	} else {
		wait_for(a->event_count >= (size_t)events &&
			 b->event_count >= (size_t)events &&
			 a->sse.checkpoints + a->sse.events > 0 &&
			 b->sse.checkpoints + b->sse.events > 0);
	}
	if (a->status != b->status || a->head.len != b->head.len ||
		memcmp(a->head.data, b->head.data, a->head.len) != 0)
		fail_msg("line %d: heads:\n%s\n%s", line, bytes_text(&a->head),
			bytes_text(&b->head));
	if (a->body.len != b->body.len ||
		memcmp(bytes_text(&a->body), bytes_text(&b->body),
			a->body.len) != 0)
		fail_msg("line %d: bodies:\n%s\n----\n%s", line,
			bytes_text(&a->body), bytes_text(&b->body));
}
#define expect_equal(...) TEST_HERE(expect_equal_(__VA_ARGS__))

static void configure_for_both(struct site *s)
{
	struct bytes text = BYTES_INIT;

	site_configure(s,
		"sources = (\n"
		"{ name = \"a\"; path = \"a.log\"; max_line = 1024; },\n"
		"{ name = \"b\"; path = \"b.log\"; event = \"beta\"; },\n"
		"{ name = \"gap\"; path = \"c.log\"; },\n"
		"{ name = \"absent\"; path = \"none\"; },\n"
		"{ name = \"folder\"; path = \".\"; },\n"
		"{ name = \"count\"; type = \"clock\"; interval = 0.01;\n"
		"  count = 20; },\n"
		"{ name = \"slow\"; type = \"clock\"; interval = 3600; } "
		");\n");
	bytes_add_text(&text, "first\n\n\r\na\rb\nevent: x\n\xff\xfe\n");
	for (int i = 0; i < 3000; i++)
		bytes_add_byte(&text, 'x');
	bytes_add(&text, "\nnul \0 nul\nlast\n", 16);
	disk_write_bytes(disk_path(s->folder, "a.log"), text.data, text.len);
	bytes_clear(&text);
	for (int i = 0; i < 3000; i++)
		bytes_add_format(&text, "line %d of many of them\n", i);
	disk_write_bytes(disk_path(s->folder, "b.log"), text.data, text.len);
	disk_write(disk_path(s->folder, "c.log.2"), "1\n2\n3\n");
	disk_write(disk_path(s->folder, "c.log.1"), "4\n5\n6\n");
	disk_write(disk_path(s->folder, "c.log"), "7\n8\n9\n");
	bytes_release(&text);
}

static void the_same_requests_get_the_same_bytes(void **state)
{
	struct site *s = *state;
	static const struct same rows[] = {
		{ __LINE__, { .path = "/a" }, 10 },
		{ __LINE__, { .path = "/a", .query = "tail=0" }, 0 },
		{ __LINE__, { .path = "/a", .query = "tail=3" }, 3 },
		{ __LINE__, { .path = "/b", .query = "tail=1000" }, 1000 },
		{ __LINE__, { .path = "/gap", .query = "tail=9" }, 9 },
		{ __LINE__, { .path = "/a,b" }, 20 },
		{ __LINE__, { .path = "/b,a", .query = "tail=5" }, 11 },
		{ __LINE__, { .path = "/a,b,gap" }, 29 },
		{ __LINE__, { .path = "/absent" }, 1 },
		{ __LINE__, { .path = "/folder" }, 1 },
		{ __LINE__, { .path = "/folder,absent" }, 2 },
		{ __LINE__, { .path = "/a,absent,slow" }, 12 },
		{ __LINE__, { .path = "/count" }, -1 },
		{ __LINE__, { .path = "/count", .last_event_id = "7" }, -1 },
		{ __LINE__, { .path = "/count", .last_event_id = "20" }, -1 },
		{ __LINE__, { .path = "/slow" }, 1 },
		{ __LINE__, { .path = "/a", .last_event_id = "forged" }, 11 },
		{ __LINE__, { .path = "/a", .last_event_id = "<>" }, 11 },
		{ __LINE__,
			{ .path = "/a",
				.query = "tail=2",
				.last_event_id = "0123456789abcdef012345" },
			3 },
		{ __LINE__, { .path = "/a", .method = "HEAD" }, -1 },
		{ __LINE__, { .path = "/a", .method = "OPTIONS" }, -1 },
		{ __LINE__, { .path = "/a", .method = "POST" }, -1 },
		{ __LINE__, { .path = "/none", .method = "HEAD" }, -1 },
		{ __LINE__, { .path = "/none" }, -1 },
		{ __LINE__, { .path = "/../a" }, -1 },
		{ __LINE__, { .path = NULL }, -1 },
		{ __LINE__, { .path = "/a", .query = "tail=x" }, -1 },
		{ __LINE__, { .path = "/a,a" }, -1 },
	};

	configure_for_both(s);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reader *a = open_at(s, SITE_FCGI, &rows[i].ask);
		struct reader *b = open_at(s, SITE_CGI, &rows[i].ask);

		expect_equal(a, b, rows[i].events, rows[i].line);
		site_close(s, a);
		site_close(s, b);
	}
}

/* lighttpd can give a CGI program a socket to write to. */
static void a_pipe_and_a_socket_get_the_same_bytes(void **state)
{
	struct site *s = *state;
	static const struct ask ask = { .path = "/b", .query = "tail=1000" };

	configure_for_both(s);
	struct reader *a = open_at(s, SITE_CGI, &ask);
	s->socket = true;
	struct reader *b = open_at(s, SITE_CGI, &ask);
	expect_equal(a, b, 1000, __LINE__);
	disk_append(disk_path(s->folder, "b.log"), "live\n");
	expect_equal(a, b, 1001, __LINE__);
}

static void what_comes_live_is_the_same(void **state)
{
	struct site *s = *state;
	static const char *const pieces[] = { "one\n", "two\nthree\n", "\r\n",
		"a\rb\xff\r\n", "half", " and half\n", ": c\n\nid: 1\n" };
	static const int counts[] = { 1, 3, 4, 5, 5, 6, 9 };
	const char *log = disk_path(s->folder, "a.log");
	const struct ask alone = { .path = "/a", .query = "tail=0" };
	const struct ask two = { .path = "/a,b", .query = "tail=0" };

	configure_for_both(s);
	struct reader *a = open_at(s, SITE_FCGI, &alone);
	struct reader *b = open_at(s, SITE_CGI, &alone);
	struct reader *c = open_at(s, SITE_FCGI, &two);
	struct reader *d = open_at(s, SITE_CGI, &two);
	expect_equal(a, b, 0, __LINE__);
	expect_equal(c, d, 0, __LINE__);
	for (size_t i = 0; i < COUNT(pieces); i++) {
		disk_append(log, "%s", pieces[i]);
		expect_equal(a, b, counts[i], __LINE__);
		expect_equal(c, d, counts[i] + (int)i, __LINE__);
		disk_append(disk_path(s->folder, "b.log"), "b %zu\n", i);
		expect_equal(c, d, counts[i] + (int)i + 1, __LINE__);
	}
}

/* The last "retry:" is spread at random: what is before it is compared. */
static size_t before_farewell(const struct reader *r)
{
	const char *body = bytes_text(&r->body), *last = NULL;

	for (const char *at = body; (at = strstr(at, "\nretry: ")); at++)
		last = at;
	assert_non_null(last);
	return (size_t)(last - body);
}

static void a_stream_that_ends_by_itself_says_when_to_come_back(void **state)
{
	struct site *s = *state;
	const struct ask ask = { .path = "/slow" };

	site_configure(s, "lifetime = 1; retry = 1000; sources = ( "
			  "{ name = \"slow\"; type = \"clock\"; "
			  "interval = 3600; } );\n");
	struct reader *a = open_at(s, SITE_FCGI, &ask);
	struct reader *b = open_at(s, SITE_CGI, &ask);
	reader_wait_end(a);
	reader_wait_end(b);
	assert_int_equal(before_farewell(a), before_farewell(b));
	assert_memory_equal(a->body.data, b->body.data, before_farewell(a));
	assert_in_range(a->sse.retry_ms, 1000, 2000);
	assert_in_range(b->sse.retry_ms, 1000, 2000);
	assert_false(a->sse.unfinished);
	assert_false(b->sse.unfinished);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(a_stream_has_exactly_these_header_fields),
		SITE_TESTS(a_stream_begins_with_a_long_comment_retry_and_an_id),
		SITE_TESTS(a_cut_before_the_first_event_loses_nothing),
		SITE_TESTS(a_source_is_asked_for_in_many_ways),
		SITE_TESTS(the_bare_mount_is_the_only_source_or_the_default),
		SITE_TESTS(head_is_answered_with_the_head_alone),
		SITE_TESTS(options_answers_the_preflight),
		SITE_TESTS(no_method_is_malformed),
		SITE_TESTS(other_methods_are_answered_405),
		SITE_TESTS(unknown_and_hostile_names_get_the_same_404),
		SITE_TESTS(what_is_malformed_is_answered_400),
		SITE_TEST(the_same_requests_get_the_same_bytes),
		SITE_TEST(a_pipe_and_a_socket_get_the_same_bytes),
		SITE_TEST(what_comes_live_is_the_same),
		SITE_TEST(a_stream_that_ends_by_itself_says_when_to_come_back),
	};

	return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
