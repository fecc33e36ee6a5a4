/*
 * The doctor from a terminal, at a real web server: what it prints, and what it
 * exits with.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/examine.h"
#include "tests/lib/kinds.h"
#include "tests/lib/server.h"

static const char *start(
	const struct server_kind *kind, const struct server_how *how)
{
	static char url[64];
	struct server s;

	server_start(&s, kind, how);
	snprintf(url, sizeof(url), "http://%s/events", s.address);
	return url;
}

static void nothing_is_wrong_with_our_fragment(void **state)
{
	struct process *p;

	(void)state;
	p = examine(
		start(&server_lighttpd,
			&(struct server_how){ .settings = "heartbeat = 1;" }),
		NULL, 0);
	examine_expect(p, "Nothing is wrong.\n\nMeasured: first byte after ");
	examine_expect(p, "7 of 7");
	examine_expect(p, "goes on");
	examine_expect(p, "http/1.1.\n");
	assert_string_equal(process_errors(p), "");
}

static void without_its_decisive_line_something_is(void **state)
{
	char url[128];
	struct process *p;

	(void)state;
	/* As it is copied from a browser that shows the page. */
	snprintf(url, sizeof(url), "%s/?doctor#",
		start(&server_lighttpd,
			&(struct server_how){ .without_decisive = true }));
	p = examine(url, NULL, 1);
	examine_expect(p, "Something is wrong.\n\nwhole-response: ");
	examine_expect(p, "For lighttpd, in the condition for ssetail:\n\n"
			  "    server.stream-response-body = 2\n");
}

/* ---- a web server that does as RFC 10036 says where it was told not to
 * stream: as lighttpd from 1.4.83 on */

static void refuse_what_asks_to_be_streamed(struct server *s)
{
	const char *program = disk_path(s->folder, "ssetail.cgi");
	const char *real = disk_path(s->folder, "real.cgi");

	disk_rename(program, real);
	disk_write(program,
		"#!/bin/sh\n"
		"if REQUEST_METHOD=HEAD '%s' | grep -q '^Incremental: ?1'\n"
		"then printf 'Status: 501 Not Implemented\\r\\n\\r\\n'\n"
		"else exec '%s'\n"
		"fi\n",
		real, real);
	disk_mode(program, 0755);
}

static void a_501_is_explained(void **state)
{
	struct process *p;

	(void)state;
	p = examine(
		start(&kinds[KIND_LIGHTTPD_CGI],
			&(struct server_how){
				.prepare = refuse_what_asks_to_be_streamed }),
		NULL, 1);
	examine_expect(p, "Something is wrong.\n\nincremental: ");
	examine_expect(p, "    server.stream-response-body = 2\n");
	examine_expect(p, "    incremental = false;\n");
}

static void and_cured_by_the_key(void **state)
{
	(void)state;
	examine(start(&kinds[KIND_LIGHTTPD_CGI],
			&(struct server_how){
				.prepare = refuse_what_asks_to_be_streamed,
				.settings = "heartbeat = 1; "
					    "incremental = false;" }),
		NULL, 0);
}

/* ---- what cannot be measured */

static void where_nobody_listens_it_says_so(void **state)
{
	struct process *p;
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/events",
		process_free_port());
	p = examine(url, NULL, 2);
	assert_string_equal(process_output(p), "");
	assert_non_null(strstr(process_errors(p), "curl: (7)"));
}

static void where_there_is_no_doctor_it_says_so(void **state)
{
	struct process *p;

	(void)state;
	p = examine(
		start(&server_lighttpd,
			&(struct server_how){ .settings = "doctor = false;" }),
		NULL, 2);
	assert_string_equal(process_output(p), "");
	assert_non_null(
		strstr(process_errors(p), "there is no doctor: status 404\n"));
}

static void without_curl_it_says_so(void **state)
{
	const char *argv[] = { process_program("ssetail.cgi"), "--doctor",
		"http://127.0.0.1/events", NULL };
	static const char *const env[] = { "PATH=/nowhere", NULL };
	struct process *p = process_start(&(struct process_how){
		.argv = argv, .env = env, .folder = "/" });

	(void)state;
	assert_int_equal(process_exit_code(p), 2);
	assert_string_equal(process_errors(p),
		"ssetail.cgi: curl: No such file or directory\n");
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(nothing_is_wrong_with_our_fragment),
		TEST(without_its_decisive_line_something_is),
		TEST(a_501_is_explained),
		TEST(and_cured_by_the_key),
		TEST(where_nobody_listens_it_says_so),
		TEST(where_there_is_no_doctor_it_says_so),
		TEST(without_curl_it_says_so),
	};

	return test_run("the doctor from a terminal", tests,
		sizeof(tests) / sizeof(*tests), 4);
}
