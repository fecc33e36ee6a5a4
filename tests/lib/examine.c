#define TESTS_LIB_INSIDE
#include "tests/lib/examine.h"

#include <string.h>

#include "tests/lib/test.h"

#define STREAMS 12

static bool has_ended(void *context)
{
	struct process *doctor = context;

	return !process_runs(doctor);
}

struct process *examine(const char *url, const char *option, int code)
{
	const char *argv[] = { process_program("ssetail.cgi"), "--doctor", url,
		option ? "--" : NULL, option, NULL };
	static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	struct process *doctor = process_start(&(struct process_how){
		.argv = argv, .env = env, .folder = "/" });

	if (!wait_until(has_ended, doctor, STREAMS * test_limit_ms()))
		test_fail("the examination does not end");
	if (process_exit_code(doctor) != code)
		test_fail("it exits with %d, not with %d:\n%s%s",
			process_exit_code(doctor), code, process_output(doctor),
			process_errors(doctor));
	return doctor;
}

void examine_expect(struct process *doctor, const char *text)
{
	if (!strstr(process_output(doctor), text))
		test_fail(
			"\"%s\" is not in:\n%s", text, process_output(doctor));
}
