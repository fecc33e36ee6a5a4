/*
 * The viewer: who gets the page, and what is in it for whom, from both
 * programs.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/site.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define CHROMIUM                                                               \
	"text/html,application/xhtml+xml,application/xml;q=0.9,"               \
	"image/avif,image/webp,image/apng,*/*;q=0.8,"                          \
	"application/signed-exchange;v=b3;q=0.7"
#define FIREFOX                                                                \
	"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

static void configure(struct site *s)
{
	site_configure(s,
		"sources = (\n"
		"{ name = \"open\"; path = \"a\"; history = 3;\n"
		"  history_max = 7; },\n"
		"{ name = \"users\"; path = \"a\"; require_user = true; },\n"
		"{ name = \"alice\"; path = \"a\"; users = [ \"alice\" ]; },\n"
		"{ name = \"inside\"; path = \"a\";\n"
		"  allow = [ \"10.0.0.0/8\" ]; },\n"
		"{ name = \"clock\"; type = \"clock\"; } );\n");
	disk_write(disk_path(s->folder, "a"), "line\n");
}

static struct reader *get_page(struct site *s, struct ask ask)
{
	struct reader *r;

	if (!ask.accept)
		ask.accept = CHROMIUM;
	r = site_open(s, &ask);
	reader_wait_end(r);
	return r;
}

/* What the page has between the tags of its list. */
static void expect_list_(struct reader *r, const char *list)
{
	static const char tag[] = "id=\"sources\">\n";
	const char *at;

	reader_expect_status(r, 200);
	at = strstr(bytes_text(&r->body), tag);
	assert_non_null(at);
	at += strlen(tag);
	if (strncmp(at, list, strlen(list)) != 0 || at[strlen(list)] != '\n')
		fail_msg("%.*s", (int)strcspn(at, "\n"), at);
}
#define expect_list(...) TEST_HERE(expect_list_(__VA_ARGS__))

#define OPEN                                                                   \
	"{\"name\":\"open\",\"tag\":\"c9bc\",\"type\":\"file\","               \
	"\"history\":3,\"history_max\":7}"
#define USERS                                                                  \
	"{\"name\":\"users\",\"tag\":\"4ce8\",\"type\":\"file\","              \
	"\"history\":10,\"history_max\":1000}"
#define ALICE                                                                  \
	"{\"name\":\"alice\",\"tag\":\"4da1\",\"type\":\"file\","              \
	"\"history\":10,\"history_max\":1000}"
#define INSIDE                                                                 \
	"{\"name\":\"inside\",\"tag\":\"dfc8\",\"type\":\"file\","             \
	"\"history\":10,\"history_max\":1000}"
#define CLOCK                                                                  \
	"{\"name\":\"clock\",\"tag\":\"0a53\",\"type\":\"clock\","             \
	"\"history\":0,\"history_max\":0}"

static void it_has_the_sources_that_the_visitor_may_read(void **state)
{
	struct site *s = *state;
	static const char *const alice[] = { "REMOTE_USER=alice",
		"AUTH_TYPE=Basic", NULL };
	static const char *const bob[] = { "REMOTE_USER=bob", "AUTH_TYPE=Basic",
		NULL };

	configure(s);
	expect_list(get_page(s, (struct ask){ 0 }), "[" OPEN "," CLOCK "]");
	expect_list(get_page(s, (struct ask){ .path = "/" }),
		"[" OPEN "," CLOCK "]");
	expect_list(get_page(s, (struct ask){ .remote_address = "10.1.2.3" }),
		"[" OPEN "," INSIDE "," CLOCK "]");
	expect_list(get_page(s, (struct ask){ .variables = bob }),
		"[" OPEN "," USERS "," CLOCK "]");
	expect_list(get_page(s, (struct ask){ .variables = alice }),
		"[" OPEN "," USERS "," ALICE "," CLOCK "]");
}

/* Whether there is nothing or nothing for them. */
static void who_may_read_nothing_learns_nothing(void **state)
{
	struct site *s = *state;

	site_configure(s, "sources = ( { name = \"default\"; path = \"a\"; "
			  "users = [ \"alice\" ]; } );\n");
	expect_list(get_page(s, (struct ask){ 0 }), "[]");
	struct reader *r = get_page(s, (struct ask){ 0 });
	assert_false(bytes_contain(&r->body, "alice"));
	/* As a stream it is not there. */
	reader_expect_status(site_open(s, NULL), 404);
}

static void its_head_lets_nothing_else_run(void **state)
{
	struct site *s = *state;
	static const char names[][30] = { "Content-Type", "Cache-Control",
		"X-Content-Type-Options", "Referrer-Policy", "Vary" };
	static const char values[][30] = { "text/html; charset=utf-8",
		"no-store", "nosniff", "no-referrer", "Accept" };
	const char *policy, *nonce;
	char element[100];

	configure(s);
	struct reader *r = get_page(s, (struct ask){ 0 });
	for (size_t i = 0; i < COUNT(names); i++)
		assert_string_equal(reader_header(r, names[i]), values[i]);
	assert_int_equal(r->header_count, COUNT(names) + 1);
	policy = reader_header(r, "Content-Security-Policy");
	assert_non_null(policy);
	assert_memory_equal(policy, "default-src 'none'; ", 20);
	assert_null(strstr(policy, "unsafe"));
	assert_null(strstr(policy, "http"));
	assert_null(strchr(policy, '*'));
	/* The nonce of the head is that of the elements, and of no other. */
	nonce = strstr(policy, "script-src 'nonce-");
	assert_non_null(nonce);
	snprintf(element, sizeof(element), "nonce=\"%.32s\"", nonce + 18);
	assert_true(bytes_contain(&r->body, element));
	struct reader *again = get_page(s, (struct ask){ 0 });
	assert_false(bytes_contain(&again->body, element));
	assert_string_equal(
		bytes_text(&r->body) + r->body.len - 8, "</html>\n");
	assert_int_equal(again->body.len, r->body.len);
}

static void head_is_answered_with_its_head(void **state)
{
	struct site *s = *state;

	configure(s);
	struct reader *get = get_page(s, (struct ask){ 0 });
	struct reader *r = get_page(s, (struct ask){ .method = "HEAD" });
	assert_int_equal(r->status, 200);
	assert_int_equal(r->body_bytes, 0);
	assert_int_equal(r->header_count, get->header_count);
	assert_int_equal(r->head.len, get->head.len);
	assert_int_equal(
		get_page(s, (struct ask){ .method = "POST" })->status, 405);
	assert_int_equal(
		get_page(s, (struct ask){ .method = "OPTIONS" })->status, 204);
}

static void a_page_is_for_who_asks_for_one(void **state)
{
	struct site *s = *state;
	static const struct {
		int line;
		struct ask ask;
		const char *type;
	} rows[] = {
		{ __LINE__, { .accept = CHROMIUM },
			"text/html; charset=utf-8" },
		{ __LINE__, { .accept = FIREFOX }, "text/html; charset=utf-8" },
		{ __LINE__, { .accept = "text/html" },
			"text/html; charset=utf-8" },
		{ __LINE__, { .accept = CHROMIUM, .query = "lang=de" },
			"text/html; charset=utf-8" },
		/* What curl, an EventSource and fetch() send. */
		{ __LINE__, { .accept = "*/*" }, "text/event-stream" },
		{ __LINE__, { .accept = "text/event-stream" },
			"text/event-stream" },
		{ __LINE__, { .accept = "" }, "text/event-stream" },
		{ __LINE__, { .accept = "text/html, text/event-stream" },
			"text/event-stream" },
		/* Who names a source wants that. */
		{ __LINE__, { .accept = CHROMIUM, .path = "/a" },
			"text/event-stream" },
		{ __LINE__, { .accept = CHROMIUM, .query = "source=a" },
			"text/event-stream" },
		{ __LINE__, { .accept = CHROMIUM, .mount = "/cgi-bin/x/a" },
			"text/event-stream" },
		{ __LINE__, { .accept = CHROMIUM, .mount = "/a", .path = "/" },
			"text/html; charset=utf-8" },
		{ __LINE__, { .accept = CHROMIUM, .path = "/none" },
			"text/plain; charset=utf-8" },
		{ __LINE__, { .accept = CHROMIUM, .query = "x=%" },
			"text/plain; charset=utf-8" },
		/* The worker, whatever is accepted. */
		{ __LINE__, { .accept = "*/*", .query = "worker" },
			"text/javascript; charset=utf-8" },
		{ __LINE__, { .accept = CHROMIUM, .query = "worker=2" },
			"text/javascript; charset=utf-8" },
		{ __LINE__, { .query = "worker", .mount = "/a" },
			"text/javascript; charset=utf-8" },
		{ __LINE__, { .query = "worker", .path = "/" },
			"text/javascript; charset=utf-8" },
		{ __LINE__, { .query = "worker", .path = "/a" },
			"text/event-stream" },
		{ __LINE__, { .query = "worker&source=a" },
			"text/event-stream" },
	};

	site_configure(s, "sources = ( { name = \"a\"; path = \"a\"; } );\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct reader *r = site_open(s, &rows[i].ask);
		const char *type;

		reader_wait_head(r);
		type = reader_header(r, "Content-Type");
		if (!type || strcmp(type, rows[i].type) != 0)
			fail_msg("row of line %d: %s", rows[i].line, type);
		site_close(s, r);
	}
}

static void the_worker_is_the_same_for_everybody(void **state)
{
	struct site *s = *state;
	struct reader *r, *head;

	configure(s);
	r = get_page(s, (struct ask){ .query = "worker" });
	head = get_page(s, (struct ask){ .query = "worker", .method = "HEAD" });
	reader_expect_status(r, 200);
	assert_string_equal(reader_header(r, "Cache-Control"), "no-cache");
	assert_string_equal(
		reader_header(r, "X-Content-Type-Options"), "nosniff");
	assert_string_equal(reader_header(r, "Content-Security-Policy"),
		"default-src 'none'; connect-src 'self'");
	assert_string_equal(bytes_text(&head->head), bytes_text(&r->head));
	assert_int_equal(head->body_bytes, 0);
	assert_true(r->body_bytes > 0);
}

/* The page is larger than what a socket takes at once. */
static void who_reads_slowly_gets_it_whole(void **state)
{
	struct site *s = *state;
	struct reader *r, *other;
	size_t len;

	site_configure(s, "send_buffer = 4096;\n"
			  "sources = ( { name = \"a\"; path = \"a\"; } );\n");
	len = get_page(s, (struct ask){ 0 })->body.len;
	r = site_open(s, &(struct ask){ .accept = CHROMIUM });
	reader_set_reading(r, false);
	other = site_open_path(s, "/a");
	reader_wait_comments(other, 1);
	while (!r->ended && reader_read(r, 100) > 0)
		;
	reader_set_reading(r, true);
	reader_wait_end(r);
	assert_int_equal(r->body.len, len);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(it_has_the_sources_that_the_visitor_may_read),
		SITE_TESTS(who_may_read_nothing_learns_nothing),
		SITE_TESTS(its_head_lets_nothing_else_run),
		SITE_TESTS(head_is_answered_with_its_head),
		SITE_TESTS(a_page_is_for_who_asks_for_one),
		SITE_TESTS(the_worker_is_the_same_for_everybody),
		SITE_TESTS(who_reads_slowly_gets_it_whole),
	};

	return cmocka_run_group_tests_name("viewer", tests, NULL, NULL);
}
