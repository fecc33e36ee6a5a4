/* The log: nothing of a single client's, whatever it sends. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

/* All lines count: none about a kernel that has no Landlock. */
#define NO_NOTICE "sandbox = false; "

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
	responder_start(&r,
		&(struct responder_how){
			.settings = NO_NOTICE "max_clients = 1;\n"
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

/* What it has said since the last time: after the line that comes last. */
static const char *said_until(struct process *p, size_t *said, const char *last)
{
	const char *text;

	wait_for(strstr(process_errors(p) + *said, last));
	text = process_errors(p) + *said;
	*said += strlen(text);
	return text;
}

static void operators_read_what_happens_once(void **state)
{
	struct front_client *c, *half;
	struct responder r;
	char start[256];
	size_t said = 0;

	(void)state;
	responder_start(&r, &(struct responder_how){ .settings = NO_NOTICE,
				    .source = "history = 0;" });
	snprintf(start, sizeof(start),
		"info: start: version 0.1: pid %d: 1 sources: listens on %s\n",
		(int)r.process->pid, r.address);
	assert_string_equal(said_until(r.process, &said, "\n"), start);
	c = responder_follow(&r, NULL);
	for (int i = 0; i < 3; i++) {
		disk_append(r.log, "before %d\n", i);
		reader_wait_data(&c->reader, disk_path("", "before %d", i) + 1);
		disk_rename(r.log, disk_path(r.folder, "log.%d", 3 - i));
		disk_append(r.log, "after %d\n", i);
		assert_string_equal(said_until(r.process, &said, "rotated\n"),
			"info: log: rotated\n");
		reader_wait_data(&c->reader, disk_path("", "after %d", i) + 1);
	}
	/* As copytruncate does. */
	disk_copy(r.log, disk_path(r.folder, "log.0"));
	disk_truncate(r.log, 0);
	disk_append(r.log, "new\n");
	reader_wait_data(&c->reader, "new");
	disk_rename(r.log, disk_path(r.folder, "away"));
	assert_string_equal(said_until(r.process, &said, "absent\n"),
		disk_path("",
			"info: log: truncated: its copy is read on\n"
			"warning: log: %s: waiting: absent\n",
			r.log) +
			1);
	disk_append(r.log, "back\n");
	assert_string_equal(said_until(r.process, &said, "is there\n"),
		disk_path("",
			"info: log: rotated\n"
			"info: log: %s: is there\n",
			r.log) +
			1);
	reader_wait_data(&c->reader, "back");
	/* Who has not asked for anything yet has no stream. */
	half = front_connect(r.address);
	assert_non_null(half);
	reader_send(&half->reader, "\1", 1);
	wait_for(responder_has_read(&half->reader));
	assert_int_equal(process_stop(r.process), 0);
	assert_string_equal(said_until(r.process, &said, "ended\n"),
		"info: stop: SIGTERM: 1 streams ended\n");
}

static void clients_are_in_it_where_that_is_asked_for(void **state)
{
	static const char *const hostile[] = { "REMOTE_ADDR=192.0.2.7",
		"REMOTE_USER=" HOSTILE "\"", NULL };
	const struct ask ask = { .path = "/none", .variables = hostile };
	struct front_client *c;
	struct responder r;
	size_t said;
	int fd;

	(void)state;
	responder_start(&r, &(struct responder_how){ .settings = NO_NOTICE
						     "log_clients = true; "
						     "max_clients = 1;" });
	said = strlen(process_errors(r.process));
	c = responder_open(&r, &ask);
	reader_wait_end(&c->reader);
	reader_close(&c->reader);
	const char *text = said_until(r.process, &said, "\n");
	assert_int_equal(sscanf(text, "info: client %d:", &fd), 1);
	assert_string_equal(strchr(text, '"'),
		"\"192.0.2.7\", user \"x\\x0d\\x0aerror: forged\\x0a\\x1b[2J"
		"\\xff\\x22\", sources \"none\": 404 Not Found\n");
	c = responder_follow(&r, &(struct ask){ .path = "/log" });
	assert_string_equal(strchr(said_until(r.process, &said, "\n"), '"'),
		"\"127.0.0.1\", user \"\", sources \"log\": stream\n");
	reader_wait_end(&responder_open(&r, NULL)->reader);
	assert_string_equal(strchr(said_until(r.process, &said, "\n"), '"'),
		"\"127.0.0.1\", user \"\", sources \"\": busy\n");
	reader_hang_up(&c->reader);
	assert_non_null(strstr(said_until(r.process, &said, "\n"),
		": the stream has ended\n"));
}

static void a_source_that_comes_and_goes_does_not_fill_it(void **state)
{
	struct front_client *c;
	struct responder r;
	int lines = 0;

	(void)state;
	responder_start(&r, &(struct responder_how){ .settings = NO_NOTICE,
				    .source = "history = 0;" });
	c = responder_follow(&r, NULL);
	for (int i = 0; i < 100; i++) {
		disk_rename(r.log, disk_path(r.folder, "log.1"));
		disk_append(r.log, "line %d\n", i);
		reader_wait_data(&c->reader, disk_path("", "line %d", i) + 1);
	}
	process_wait_errors(
		r.process, "info: log: more lines are left out for a minute\n");
	for (const char *at = process_errors(r.process); *at; at++)
		lines += *at == '\n';
	/* That it started, 20, and that it says no more. */
	assert_int_equal(lines, 22);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			nothing_that_a_client_sends_gets_into_it, test_cleanup),
		cmocka_unit_test_teardown(
			clients_are_in_it_where_that_is_asked_for,
			test_cleanup),
		cmocka_unit_test_teardown(
			operators_read_what_happens_once, test_cleanup),
		cmocka_unit_test_teardown(
			a_source_that_comes_and_goes_does_not_fill_it,
			test_cleanup),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
