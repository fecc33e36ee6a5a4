/*
 * Who may read: what a web server says about a visitor, and what both
 * programs make of it. What one may not read is answered with the very bytes
 * that a name gets which nobody ever gave.
 */
#include "tests/lib/test.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/site.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* One source for each rule; "ann" and "both" have logs that exist. */
static void configure(struct site *s, const char *settings)
{
	site_configure(s,
		"%s\nsources = (\n"
		"{ name = \"open\"; path = \"a.log\"; },\n"
		"{ name = \"public\"; path = \"a.log\"; public = true; },\n"
		"{ name = \"user\"; path = \"a.log\"; require_user = true; },\n"
		"{ name = \"ann\"; path = \"a.log\"; users = [ \"ann\" ]; },\n"
		"{ name = \"near\"; path = \"a.log\";\n"
		"  allow = [ \"10.0.0.0/8\", \"2001:db8::/32\" ]; },\n"
		"{ name = \"both\"; path = \"a.log\"; users = [ \"ann\" ];\n"
		"  allow = [ \"10.0.0.0/8\" ]; } );\n",
		settings);
	disk_write(disk_path(s->folder, "a.log"), "one\n");
}

/* What servers say of somebody who has logged in, and of who just claims. */
static const char *const ann[] = { "REMOTE_USER=ann", "AUTH_TYPE=Basic", NULL };
static const char *const zoe[] = { "REMOTE_USER=zoe", "AUTH_TYPE=Digest",
	NULL };
static const char *const claims_ann[] = { "REMOTE_USER=ann", NULL };

static void expect_answer(
	struct site *s, const struct ask *ask, int status, int line)
{
	struct reader *r = site_open(s, ask);

	reader_wait_head(r);
	if (r->status != status)
		fail_msg("line %d: %d, not %d", line, r->status, status);
	if (status == 200)
		reader_expect_event(r, 0, NULL, "one");
	else
		reader_wait_end(r);
	site_close(s, r);
}

static void expect_path(struct site *s, const char *path,
	const char *const *variables, int status, int line)
{
	expect_answer(s, &(struct ask){ .path = path, .variables = variables },
		status, line);
}

/* ---- names */

static void a_name_counts_only_where_the_server_authenticated_it(void **state)
{
	struct site *s = *state;
	/* What a client can send is all below HTTP_ (RFC 3875, 4.1.18). */
	static const char *const headers[] = {
		"Authorization: Basic YW5uOnNlY3JldA==", "Auth-Type: Basic",
		"Remote-User: ann", "X-Remote-User: ann", "Auth_Type: Basic",
		NULL
	};
	static const char *const empty_type[] = { "REMOTE_USER=ann",
		"AUTH_TYPE=", NULL };
	static const char *const no_name[] = {
		"REMOTE_USER=", "AUTH_TYPE=Basic", NULL
	};
	static const char *const type_alone[] = { "AUTH_TYPE=Basic", NULL };
	static const char *const *const strangers[] = { NULL, claims_ann,
		empty_type, no_name, type_alone };

	configure(s, "");
	for (size_t i = 0; i < COUNT(strangers); i++) {
		struct ask ask = { .path = "/ann",
			.variables = strangers[i],
			.headers = headers };

		expect_answer(s, &ask, 404, __LINE__);
		ask.path = "/user";
		expect_answer(s, &ask, 404, __LINE__);
	}
	expect_path(s, "/ann", ann, 200, __LINE__);
	expect_path(s, "/user", ann, 200, __LINE__);
	expect_path(s, "/user", zoe, 200, __LINE__);
	expect_path(s, "/ann", zoe, 403, __LINE__);
}

static void a_server_that_is_trusted_needs_no_kind(void **state)
{
	struct site *s = *state;
	static const char *const claims_zoe[] = { "REMOTE_USER=zoe", NULL };

	configure(s, "trust_remote_user = true;");
	expect_path(s, "/ann", claims_ann, 200, __LINE__);
	expect_path(s, "/ann", claims_zoe, 403, __LINE__);
	expect_path(s, "/user", claims_zoe, 200, __LINE__);
	expect_path(s, "/user", NULL, 404, __LINE__);
}

/* Cut to what fits, it would be the name of somebody else. */
static void a_name_that_is_too_long_is_none(void **state)
{
	struct site *s = *state;
	struct bytes user = BYTES_INIT;
	char listed[256];

	memset(listed, 'a', 255);
	listed[255] = '\0';
	site_configure(s,
		"sources = ( { name = \"ann\"; path = \"a.log\";\n"
		"users = [ \"%s\" ]; } );\n",
		listed);
	disk_write(disk_path(s->folder, "a.log"), "one\n");
	bytes_add_format(&user, "REMOTE_USER=%s", listed);
	const char *variables[] = { user.data, "AUTH_TYPE=Basic", NULL };
	expect_path(s, "/ann", variables, 200, __LINE__);
	bytes_add_text(&user, "a");
	variables[0] = user.data;
	expect_path(s, "/ann", variables, 404, __LINE__);
	bytes_release(&user);
}

/* ---- addresses */

static void an_address_must_be_in_one_of_the_blocks(void **state)
{
	struct site *s = *state;
	static const struct {
		const char *address; /* "": not sent */
		int status;
	} rows[] = {
		{ "10.0.0.0", 200 },
		{ "10.255.255.255", 200 },
		{ "::ffff:10.1.2.3", 200 },
		{ "2001:db8:ffff::1", 200 },
		{ "11.0.0.0", 404 },
		{ "9.255.255.255", 404 },
		{ "::ffff:11.0.0.0", 404 },
		{ "2001:db9::", 404 },
		{ "::10.0.0.1", 404 },
		{ "", 404 },
		{ "10.0.0.1, 11.0.0.1", 404 },
		{ "10.0.0.1:80", 404 },
		{ "10.0.0", 404 },
		{ "unix:", 404 },
	};
	static const char *const none[] = { "REMOTE_ADDR", NULL };
	static const char *const forwarded[] = { "X-Forwarded-For: 10.0.0.1",
		"X-Real-IP: 10.0.0.1", "Forwarded: for=10.0.0.1",
		"Remote-Addr: 10.0.0.1", NULL };

	configure(s, "");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ask ask = { .path = "/near",
			.remote_address = rows[i].address };

		if (!rows[i].address[0])
			ask.variables = none;
		expect_answer(s, &ask, rows[i].status, (int)i);
	}
	expect_answer(s, &(struct ask){ .path = "/near", .headers = forwarded },
		404, __LINE__);
}

static void address_and_name_must_both_be_right(void **state)
{
	struct site *s = *state;
	static const struct {
		int line;
		const char *address;
		const char *const *variables;
		int status;
	} rows[] = {
		{ __LINE__, "10.0.0.1", ann, 200 },
		{ __LINE__, "10.0.0.1", zoe, 403 },
		{ __LINE__, "10.0.0.1", claims_ann, 404 },
		{ __LINE__, "10.0.0.1", NULL, 404 },
		{ __LINE__, "11.0.0.1", ann, 404 },
		{ __LINE__, "11.0.0.1", zoe, 404 },
	};

	configure(s, "");
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_answer(s,
			&(struct ask){ .path = "/both",
				.remote_address = rows[i].address,
				.variables = rows[i].variables },
			rows[i].status, rows[i].line);
}

/* ---- what is not there */

static void expect_same(
	struct site *s, const struct ask *a, const struct ask *b, int line)
{
	struct reader *one = site_open(s, a), *two = site_open(s, b);

	reader_wait_end(one);
	reader_wait_end(two);
	if (one->head.len != two->head.len || one->body.len != two->body.len ||
		memcmp(one->head.data, two->head.data, one->head.len) != 0 ||
		memcmp(bytes_text(&one->body), bytes_text(&two->body),
			one->body.len) != 0)
		fail_msg("line %d:\n%s%s----\n%s%s", line,
			bytes_text(&one->head), bytes_text(&one->body),
			bytes_text(&two->head), bytes_text(&two->body));
	site_close(s, one);
	site_close(s, two);
}

static void what_is_hidden_looks_like_what_is_not_there(void **state)
{
	struct site *s = *state;
	static const char *const methods[] = { "GET", "HEAD", "OPTIONS",
		"POST" };
	/* With the hidden name, and with one that nobody gave. */
	static const struct {
		int line;
		struct ask hidden, unknown;
	} rows[] = {
#define PATHS(a, b) { .path = a }, { .path = b }
#define QUERIES(a, b)                                                          \
	{ .query = a },                                                        \
	{                                                                      \
		.query = b                                                     \
	}
#define BOTH(a, b, q)                                                          \
	{ .path = a, .query = q },                                             \
	{                                                                      \
		.path = b, .query = q                                          \
	}
		{ __LINE__, PATHS("/user", "/none") },
		{ __LINE__, PATHS("/user/", "/none/") },
		{ __LINE__, PATHS("/open,user", "/open,none") },
		{ __LINE__, PATHS("/user,open", "/none,open") },
		{ __LINE__, PATHS("/user,ann", "/none,ann") },
		{ __LINE__, PATHS("/user,user", "/none,none") },
		{ __LINE__, QUERIES("source=user", "source=none") },
		{ __LINE__, QUERIES("source=open,user", "source=open,none") },
		{ __LINE__, BOTH("/user", "/none", "tail=5") },
		{ __LINE__, BOTH("/user", "/none", "tail=x") },
		{ __LINE__, BOTH("/user", "/none", "lastEventId=1") },
		{ __LINE__, { .mount = "/events/user" },
			{ .mount = "/events/none" } },
		{ __LINE__, { .mount = "/events/open,user" },
			{ .mount = "/events/open,none" } },
	};

	configure(s, "");
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t j = 0; j < COUNT(methods); j++) {
			struct ask hidden = rows[i].hidden;
			struct ask unknown = rows[i].unknown;

			hidden.method = unknown.method = methods[j];
			expect_same(s, &hidden, &unknown, rows[i].line);
			hidden.variables = unknown.variables = claims_ann;
			expect_same(s, &hidden, &unknown, rows[i].line);
		}
}

static bool was_opened(int inotify)
{
	struct pollfd fd = { inotify, POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

/* The disk is asked nothing: how long it takes would tell. */
static void nothing_of_a_hidden_source_is_opened(void **state)
{
	struct site *s = *state;
	int inotify = inotify_init1(IN_CLOEXEC);

	configure(s, "");
	assert_true(inotify_add_watch(inotify, disk_path(s->folder, "a.log"),
			    IN_OPEN) >= 0);
	expect_path(s, "/user", NULL, 404, __LINE__);
	expect_path(s, "/open,user", NULL, 404, __LINE__);
	expect_path(s, "/ann", zoe, 403, __LINE__);
	assert_false(was_opened(inotify));
	expect_path(s, "/user", zoe, 200, __LINE__);
	assert_true(was_opened(inotify));
	close(inotify);
}

static void the_bare_mount_passes_over_what_is_hidden(void **state)
{
	struct site *s = *state;
	const struct ask bare = { .path = "/" }, unknown = { .path = "/none" };

	/* The only one, which nobody but ann may read. */
	site_configure(s, "sources = ( { name = \"only\"; path = \"a.log\"; "
			  "users = [ \"ann\" ]; } );\n");
	disk_write(disk_path(s->folder, "a.log"), "one\n");
	expect_same(s, &bare, &unknown, __LINE__);
	expect_path(s, "/", NULL, 404, __LINE__);
	expect_path(s, "/", claims_ann, 404, __LINE__);
	expect_path(s, "/", zoe, 403, __LINE__);
	expect_path(s, "/", ann, 200, __LINE__);
	expect_path(s, NULL, ann, 200, __LINE__);
	site_restart(s);

	/* A default that is hidden, and the only one that is not. */
	site_configure(s, "sources = ( { name = \"default\"; path = \"a.log\"; "
			  "users = [ \"ann\" ]; },\n"
			  "{ name = \"b\"; path = \"b.log\"; } );\n");
	disk_write(disk_path(s->folder, "b.log"), "two\n");
	reader_expect_event(site_open(s, &bare), 0, NULL, "two");
	expect_path(s, "/", ann, 200, __LINE__);
	expect_path(s, "/", zoe, 403, __LINE__);
}

static void who_is_logged_in_and_not_listed_is_told(void **state)
{
	struct site *s = *state;

	configure(s, "");
	struct reader *get =
		site_open(s, &(struct ask){ .path = "/ann", .variables = zoe });
	reader_expect_status(get, 403);
	reader_wait_end(get);
	assert_string_equal(reader_header(get, "Content-Type"),
		"text/plain; charset=utf-8");
	assert_string_equal(reader_header(get, "Cache-Control"), "no-store");
	/* Logging in is the web server's. */
	assert_null(reader_header(get, "WWW-Authenticate"));
	assert_false(bytes_contain(&get->body, "ann"));
	struct reader *head = site_open(s,
		&(struct ask){
			.path = "/ann", .method = "HEAD", .variables = zoe });
	reader_wait_end(head);
	assert_string_equal(bytes_text(&head->head), bytes_text(&get->head));
	assert_int_equal(head->body_bytes, 0);
	expect_path(s, "/open,ann", zoe, 403, __LINE__);
	expect_path(s, "/ann,none", zoe, 404, __LINE__);
	expect_path(s, "/ann,near", zoe, 404, __LINE__);
	expect_path(s, "/ann,user", ann, 200, __LINE__);
}

/* ---- by hand */

static void by_hand_no_rule_applies(void **state)
{
	struct site *s = *state;

	configure(s, "");
	struct process *p = process_run(process_program("ssetail.cgi"), "-c",
		s->config, "user,both,near", NULL);
	wait_for(strstr(process_output(p), "event: both\n") != NULL &&
		 strstr(process_output(p), "event: near\n") != NULL);
	assert_int_equal(process_stop(p), 0);
}

/* A server that does not say all it has to is no terminal. */
static void a_request_is_never_taken_for_a_hand(void **state)
{
	struct site *s = *state;
	static const char *const silent[] = { "GATEWAY_INTERFACE", NULL };

	s->program = SITE_CGI;
	site_configure(s, "sources = ( { name = \"only\"; path = \"a.log\"; "
			  "require_user = true; } );\n");
	disk_write(disk_path(s->folder, "a.log"), "one\n");
	expect_path(s, NULL, silent, 404, __LINE__);
	expect_path(s, "/only", silent, 404, __LINE__);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(
			a_name_counts_only_where_the_server_authenticated_it),
		SITE_TESTS(a_server_that_is_trusted_needs_no_kind),
		SITE_TESTS(a_name_that_is_too_long_is_none),
		SITE_TESTS(an_address_must_be_in_one_of_the_blocks),
		SITE_TESTS(address_and_name_must_both_be_right),
		SITE_TESTS(what_is_hidden_looks_like_what_is_not_there),
		SITE_TESTS(nothing_of_a_hidden_source_is_opened),
		SITE_TESTS(the_bare_mount_passes_over_what_is_hidden),
		SITE_TESTS(who_is_logged_in_and_not_listed_is_told),
		SITE_TEST(by_hand_no_rule_applies),
		SITE_TEST(a_request_is_never_taken_for_a_hand),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
