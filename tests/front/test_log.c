/* The log: nothing of a single client's, whatever it sends. */
#include "tests/lib/test.h"

#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

#define HOSTILE "x\r\nerror: forged\n\x1b[2J\xff"

static void nothing_that_a_client_sends_gets_into_it(void **state)
{
	static const char *const everywhere[] = { "PATH_INFO=/" HOSTILE,
		"QUERY_STRING=" HOSTILE, "SCRIPT_NAME=/" HOSTILE,
		"REMOTE_ADDR=" HOSTILE, "REMOTE_USER=" HOSTILE,
		"AUTH_TYPE=" HOSTILE, "HTTP_ACCEPT=" HOSTILE,
		"HTTP_ORIGIN=" HOSTILE, "HTTP_LAST_EVENT_ID=" HOSTILE,
		"REQUEST_METHOD=" HOSTILE, NULL };
	enum { VARIABLES = sizeof(everywhere) / sizeof(*everywhere) - 1 };
	struct responder r;
	const char *line;

	(void)state;
	responder_start(&r, &(struct responder_how){
				    .settings = "max_clients = 1;\n"
						"max_clients_per_address = 1;",
			    });
	disk_append(r.log, "one\n");
	for (int i = 0; i <= VARIABLES; i++) {
		/* One of them, and at last all. */
		const char *one[] = { everywhere[i], NULL };
		struct ask ask = { .variables =
					   i < VARIABLES ? one : everywhere };
		struct front_client *c = responder_open(&r, &ask);

		wait_for(c->reader.ended || c->reader.event_count > 0);
		/* The one that is served leaves no room for the next. */
		if (c->reader.ended)
			reader_close(&c->reader);
	}
	assert_int_equal(process_stop(r.process), 0);
	assert_null(strstr(process_errors(r.process), "forged"));
	line = process_errors(r.process);
	for (int lines = 0; *line; lines++, line = strchr(line, '\n') + 1)
		if (strncmp(line, "info: start: ", 13) != 0 &&
			strncmp(line, "warning: limit: ", 16) != 0 &&
			strncmp(line, "info: stop: ", 12) != 0)
			fail_msg("line %d of the log: %s", lines, line);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			nothing_that_a_client_sends_gets_into_it, test_cleanup),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
