/*
 * When the viewer leads to the doctor: where something holds its stream back,
 * or cuts it, and nowhere else.
 */
#include "tests/lib/test.h"

#include "tests/lib/disk.h"
#include "tests/lib/kinds.h"
#include "tests/lib/server.h"
#include "tests/lib/webdriver.h"

#define OFFER "document.getElementById('why')"

static void view(struct server *s, const struct server_kind *kind,
	const struct server_how *how)
{
	server_start(s, kind, how);
	webdriver_open();
	webdriver_go("http://%s/events/", s->address);
	webdriver_wait("document.readyState === 'complete'");
}

static void it_is_offered_where_no_byte_comes(void **state)
{
	struct server s;

	(void)state;
	view(&s, &server_lighttpd,
		&(struct server_how){ .without_decisive = true });
	webdriver_wait("!" OFFER ".hidden");
	webdriver_value(OFFER ".click()");
	webdriver_wait("document.getElementById('verdict') !== null");
}

static void it_is_not_offered_where_lines_come(void **state)
{
	struct server s;

	(void)state;
	view(&s, &server_lighttpd, NULL);
	disk_append(s.log, "a line\n");
	webdriver_wait("document.getElementById('rows').textContent"
		       ".includes('a line')");
	assert_string_equal(webdriver_value(OFFER ".hidden"), "true");
}

static void it_is_not_offered_where_there_is_none(void **state)
{
	struct server s;

	(void)state;
	view(&s, &server_lighttpd,
		&(struct server_how){ .without_decisive = true,
			.settings = "doctor = false;" });
	assert_string_equal(
		webdriver_value(OFFER ".hasAttribute('href')"), "false");
}

/* What stands between program and server, in the shell. */
static void put_between(struct server *s, const char *script)
{
	const char *program = disk_path(s->folder, "ssetail.cgi");
	const char *real = disk_path(s->folder, "real.cgi");

	disk_rename(program, real);
	disk_write(program,
		"#!/bin/sh\n"
		"run() { exec '%s'; }\n"
		"case $QUERY_STRING in\n"
		"source=*) %s;;\n"
		"*) run;;\n"
		"esac\n",
		real, script);
	disk_mode(program, 0755);
}

/* It passes the head on, and then nothing for a while. */
static void collect(struct server *s)
{
	put_between(s, "run | { dd bs=1 count=300 2>&-; sleep 5; cat; }");
}

static void it_is_offered_where_heartbeats_come_at_once(void **state)
{
	struct server s;

	(void)state;
	view(&s, &kinds[KIND_LIGHTTPD_CGI],
		&(struct server_how){
			.settings = "heartbeat = 1;", .prepare = collect });
	webdriver_wait("!" OFFER ".hidden");
	assert_string_equal(
		webdriver_value("document.getElementById('state').className"),
		"live");
}

static void cut(struct server *s)
{
	put_between(s, "(run) & sleep 1; kill -KILL $!");
}

static void it_is_offered_where_streams_are_cut_again_and_again(void **state)
{
	struct server s;

	(void)state;
	view(&s, &kinds[KIND_LIGHTTPD_CGI],
		&(struct server_how){
			.settings = "retry = 100;", .prepare = cut });
	webdriver_wait("!" OFFER ".hidden");
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(it_is_offered_where_no_byte_comes),
		TEST(it_is_not_offered_where_lines_come),
		TEST(it_is_not_offered_where_there_is_none),
		TEST(it_is_offered_where_heartbeats_come_at_once),
		TEST(it_is_offered_where_streams_are_cut_again_and_again),
	};

	return test_run("offer", tests, sizeof(tests) / sizeof(*tests), 2);
}
