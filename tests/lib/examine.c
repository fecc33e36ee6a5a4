#define TESTS_LIB_INSIDE
#include "tests/lib/examine.h"

#include <stddef.h>

#include "tests/lib/test.h"

#define STREAMS	    12
#define OPTIONS_MAX 4

static bool has_ended(void *context)
{
	struct process *doctor = context;

	return !process_runs(doctor);
}

struct process *examine(const char *url, const char *const *options)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	const char *argv[OPTIONS_MAX + 5] = { process_program("ssetail.cgi"),
		"--doctor", url, options ? "--" : NULL };
	struct process *doctor;

	for (size_t i = 0; options && options[i] && i < OPTIONS_MAX; i++)
		argv[4 + i] = options[i];
	doctor = process_start(&(struct process_how){
		.argv = argv, .env = env, .folder = "/" });
	if (!wait_until(has_ended, doctor, STREAMS * test_limit_ms()))
		test_fail("the examination does not end");
	return doctor;
}
