/*
 * The doctor from a terminal: what it is told, what it prints, and what it
 * exits with.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/examine.h"
#include "tests/lib/server.h"

/* Examines our lighttpd, and expects that exit status. */
static struct process *examine_ours(
	const struct server_how *how, const char *behind, int code)
{
	struct process *doctor;
	struct server s;
	char url[64];

	server_start(&s, &server_lighttpd, how);
	snprintf(url, sizeof(url), "http://%s/events%s", s.address, behind);
	doctor = examine(url, NULL);
	assert_int_equal(process_exit_code(doctor), code);
	return doctor;
}

static void it_prints_what_it_has_measured(void **state)
{
	static const char *const parts[] = {
		"Nothing is wrong.\n\nMeasured: first byte after ", "7 of 7",
		"goes on", "two heartbeats", "not compressed", "http/1.1.\n"
	};
	struct process *doctor;

	(void)state;
	doctor = examine_ours(
		&(struct server_how){ .settings = "heartbeat = 1;" }, "/", 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		assert_non_null(strstr(process_output(doctor), parts[i]));
	assert_string_equal(process_errors(doctor), "");
}

/* As it is copied from a browser that shows the page. */
static void it_takes_the_address_of_the_page(void **state)
{
	struct process *doctor;

	(void)state;
	doctor = examine_ours(&(struct server_how){ .without_decisive = true },
		"/?doctor#", 1);
	assert_non_null(strstr(process_output(doctor),
		"Something is wrong.\n\nwhole-response: "));
	assert_non_null(strstr(process_output(doctor),
		"For lighttpd, in the condition for ssetail:\n\n"
		"    server.stream-response-body = 2\n"));
}

/* ---- what cannot be measured */

static void where_nobody_listens_it_says_so(void **state)
{
	struct process *doctor;
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/events",
		process_free_port());
	doctor = examine(url, NULL);
	assert_int_equal(process_exit_code(doctor), 2);
	assert_string_equal(process_output(doctor), "");
	assert_non_null(strstr(process_errors(doctor), "curl: (7)"));
}

static void where_there_is_no_doctor_it_says_so(void **state)
{
	struct process *doctor;

	(void)state;
	doctor = examine_ours(
		&(struct server_how){ .settings = "doctor = false;" }, "", 2);
	assert_string_equal(process_output(doctor), "");
	assert_non_null(strstr(
		process_errors(doctor), "there is no doctor: status 404\n"));
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
		TEST(it_prints_what_it_has_measured),
		TEST(it_takes_the_address_of_the_page),
		TEST(where_nobody_listens_it_says_so),
		TEST(where_there_is_no_doctor_it_says_so),
		TEST(without_curl_it_says_so),
	};

	return test_run("the doctor from a terminal", tests,
		sizeof(tests) / sizeof(*tests), 4);
}
