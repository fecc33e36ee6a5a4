/*
 * conf/systemd as `make install` and README.md have it, under a real systemd:
 * the socket, the hardening of the unit with the sandbox inside it, and what an
 * administrator does, and a crash, while browsers follow.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox.h"
#include "tests/lib/disk.h"
#include "tests/lib/machine.h"
#include "tests/lib/pipe.h"
#include "tests/lib/responder.h"

#define SERVICE	   "ssetail.service"
#define BOTH_UNITS "ssetail.socket ssetail.service"

static struct machine m;
static struct responder service; /* it has no process of ours */

/* ---- the machine */

/* Of a test: goes with it. */
#define DROP_IN "/run/systemd/system/" SERVICE ".d/test.conf"

/* What there is of it, and what it may leave behind. */
static const char *traces(void)
{
	return machine_do(&m,
		"cat /proc/self/mounts; find /tmp /var/tmp; "
		"find /sys/fs/cgroup -name 'ssetail*'; "
		"grep -o '[^ ]*ssetail.*' /proc/net/unix; pgrep -l ssetail; "
		"true");
}

static int boot(void **state)
{
	(void)state;
	machine_boot(&m, SERVICE);
	machine_install(&m);
	service.address = disk_path(m.root, "run/ssetail/ssetail.sock");
	service.config = disk_path(m.root, "etc/ssetail/ssetail.conf");
	service.log = disk_path(m.root, "var/log/app/app.log");
	return 0;
}

static int end(void **state)
{
	if (m.boot)
		machine_end(&m);
	return test_cleanup(state);
}

/* All that the service has said since it was started the last time. */
static const char *journal(void)
{
	return machine_do(&m,
		"journalctl --sync; journalctl --quiet --output=cat "
		"_SYSTEMD_INVOCATION_ID=$(systemctl show -P "
		"InvocationID " SERVICE ")");
}

static const char *property(const char *name)
{
	return machine_property(&m, SERVICE, name);
}

static void configure(const char *more)
{
	disk_write(service.config,
		"sources = ( { name = \"log\"; "
		"path = \"/var/log/app/app.log\"; }%s );\n",
		more);
}

/* A new life of the service, with these sources beside its log; the log's
 * folder as Debian has them. */
static void prepare(const char *sources)
{
	machine_do(&m, "systemctl stop " BOTH_UNITS "; systemctl reset-failed; "
		       "rm -rf /var/log/app /var/lib/ssetail /run/ssetail "
		       "/srv/* " DROP_IN "; systemctl daemon-reload; "
		       "install -d -m 750 -g adm /var/log/app; "
		       "install -m 640 -g adm /dev/null /var/log/app/app.log; "
		       "systemctl start ssetail.socket");
	configure(sources);
}

/* ---- a browser */

/* Follows the log, whose lines are numbers from 1, and has had each of them
 * once so far. */
struct browser {
	struct front_client *client;
	char id[200];
	size_t events; /* of this client that were looked at */
	size_t seen;   /* numbers */
};

static size_t written;

static void write_lines(size_t count)
{
	while (count--)
		disk_append(service.log, "%zu\n", ++written);
}

static void connect_to_log(struct browser *b)
{
	b->client = responder_open(
		&service, &(struct ask){ .path = "/log",
				  .last_event_id = *b->id ? b->id : NULL });
	b->events = 0;
}

static void take_events(struct browser *b)
{
	const struct reader *r = &b->client->reader;

	for (; b->events < r->event_count; b->events++) {
		const struct reader_event *e = &r->events[b->events];

		assert_string_equal(e->type, "message");
		assert_int_equal(strtoul(e->data, NULL, 10), ++b->seen);
	}
}

static void catch_up(struct browser *b)
{
	wait_for((take_events(b), b->seen == written));
}

static void open_browser(struct browser *b)
{
	*b = (struct browser){ 0 };
	written = 0;
	connect_to_log(b);
	write_lines(5);
	catch_up(b);
}

static void connect_again(struct browser *b)
{
	take_events(b);
	snprintf(
		b->id, sizeof(b->id), "%s", reader_last_id(&b->client->reader));
	reader_close(&b->client->reader);
	connect_to_log(b);
}

/* The service is told to stop, and says so. */
static void expect_end(struct browser *b)
{
	reader_wait_end(&b->client->reader);
	assert_false(b->client->reader.sse.unfinished);
	take_events(b);
}

static struct reader *open_source(const char *path)
{
	return &responder_open(&service, &(struct ask){ .path = path })->reader;
}

/* ---- the tests */

static void it_streams_with_the_rights_that_the_unit_leaves(void **state)
{
	struct browser b;
	const char *status;

	(void)state;
	prepare("");
	assert_string_equal(property("ActiveState"), "inactive\n");
	open_browser(&b);
	assert_string_equal(property("ActiveState"), "active\n");
	assert_string_equal(machine_do(&m, "stat -c '%U %G %a' "
					   "/run/ssetail/ssetail.sock"),
		"root www-data 660\n");
	status = machine_do(&m,
		"pid=$(systemctl show -P MainPID " SERVICE "); "
		"ps -o user=,group=,supgrp= -p $pid | tr -s ' '; "
		"cat /proc/$pid/status");
	assert_non_null(strstr(status, "ssetail ssetail adm,ssetail\n"));
	assert_non_null(strstr(status, "\nCapBnd:\t0000000000000000\n"));
	assert_non_null(strstr(status, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(status, "\nSeccomp:\t2\n"));
}

/* As the unit has it, whatever the sandbox does. */
static void it_may_write_in_its_own_folders_alone(void **state)
{
	struct browser b;

	(void)state;
	prepare("");
	open_browser(&b);
	disk_touch(disk_path(m.root, "tmp/of-others"));
	machine_do_as(&m, SERVICE, "test ! -e /tmp/of-others");
	assert_string_equal(machine_writable(&m, SERVICE),
		"/run/ssetail/in\n/tmp\n/var/lib/ssetail\n/var/tmp\n");
}

/* ---- the sandbox within */

static void lead(const char *target)
{
	const char *next = disk_path(m.root, "var/log/app/next");

	disk_link(target, next);
	disk_rename(next, disk_path(m.root, "var/log/app/link"));
}

/* A source whose link leads to the log, and a file beyond what is granted that
 * everybody may read. */
static struct reader *follow_link(const char *unit_lines)
{
	struct reader *r;

	prepare(", { name = \"linked\"; path = \"/var/log/app/link\"; }");
	machine_add_to_unit(&m, DROP_IN, unit_lines);
	disk_write(disk_path(m.root, "srv/secret"), "secret\n");
	disk_append(service.log, "inside\n");
	lead("app.log");
	r = open_source("/linked");
	reader_wait_data(r, "inside");
	lead("/srv/secret");
	return r;
}

#define NOTICE "warning: sandbox: " SANDBOX_NO_LANDLOCK "\n"

static void expect_not_fenced(struct reader *r)
{
	reader_wait_data(r, "secret");
	assert_non_null(strstr(journal(), NOTICE));
	/* That it is no more than this line. */
	assert_null(strstr(strstr(journal(), NOTICE) + 1, "warning: "));
}

static void what_was_not_granted_cannot_be_read(void **state)
{
	struct reader *r = follow_link("");

	(void)state;
	if (sandbox_version() <= 0) {
		expect_not_fenced(r);
		return;
	}
	reader_wait_data(
		r, "{\"source\": \"linked\", \"reason\": \"permission\"}");
	lead("app.log");
	disk_append(service.log, "inside again\n");
	reader_wait_data(r, "inside again");
	assert_int_equal(reader_find_event(r, 0, NULL, "secret"), -1);
	assert_non_null(strstr(journal(), "info: start: "));
	assert_null(strstr(journal(), "sandbox: "));
	/* With the next start it is granted: the fence alone has kept it. */
	lead("/srv/secret");
	machine_do(&m, "systemctl restart " SERVICE);
	reader_wait_data(open_source("/linked"), "secret");
}

/* As on a kernel that has none. */
static void a_unit_that_forbids_the_sandbox_is_a_line_in_the_journal(
	void **state)
{
	(void)state;
	expect_not_fenced(
		follow_link("SystemCallFilter=~landlock_create_ruleset\n"));
}

/* ---- logs and pipes */

static void a_rotation_loses_and_repeats_nothing(void **state)
{
	struct browser b;

	(void)state;
	prepare("");
	open_browser(&b);
	for (int i = 0; i < 3; i++) {
		write_lines(50);
		machine_do(&m, "cd /var/log/app; mv app.log app.log.1; "
			       "install -m 640 -g adm /dev/null app.log");
		write_lines(50);
		catch_up(&b);
	}
	assert_int_equal(b.seen, 305);
}

/* What came through it outlives the service. */
static void a_named_pipe_is_kept_in_the_state_directory(void **state)
{
	const char *pipe = disk_path(m.root, "run/ssetail/in/jobs");
	struct reader *r;

	(void)state;
	prepare(", { name = \"jobs\"; type = \"fifo\"; create = true; "
		"path = \"/run/ssetail/in/jobs\"; }");
	r = open_source("/jobs");
	pipe_write(pipe, "one\n");
	reader_wait_data(r, "one");
	assert_string_equal(
		machine_do(&m, "stat -c '%U %G %a' /var/lib/ssetail; "
			       "stat -c '%U %F' /var/lib/ssetail/jobs "
			       "/run/ssetail/in/jobs"),
		"ssetail ssetail 750\nssetail directory\nssetail fifo\n");
	machine_do(&m, "systemctl restart " SERVICE);
	pipe_write(pipe, "two\n");
	r = open_source("/jobs");
	reader_wait_data(r, "one");
	reader_wait_data(r, "two");
}

/* ---- what an administrator does */

/* What the service says of it. */
static const char *reload(void)
{
	size_t said = strlen(process_errors(m.journal));

	machine_do(&m, "systemctl reload " SERVICE);
	wait_for(strstr(process_errors(m.journal) + said,
			 "reload: nothing has changed\n") ||
		 strstr(process_errors(m.journal) + said, " removed\n"));
	return process_errors(m.journal) + said;
}

static void a_reload_adds_what_was_granted(void **state)
{
	struct browser b;

	(void)state;
	prepare("");
	open_browser(&b);
	machine_do(&m, "install -m 640 -g adm /dev/null /var/log/app/more.log; "
		       "echo more >>/var/log/app/more.log");
	configure(", { name = \"more\"; path = \"/var/log/app/more.log\"; }");
	assert_non_null(strstr(reload(), "1 added"));
	reader_wait_data(open_source("/more"), "more");
	/* Who was there goes on. */
	write_lines(5);
	catch_up(&b);
	assert_false(b.client->reader.ended);
}

/* From now on it is not started before somebody has opened this pipe for
 * writing, and closed it. */
static const char *put_gate(void)
{
	machine_do(&m, "mkfifo /srv/gate");
	machine_add_to_unit(&m, DROP_IN, "ExecStartPre=/bin/cat /srv/gate\n");
	return disk_path(m.root, "srv/gate");
}

static void clients_wait_in_the_socket_through_a_restart(void **state)
{
	struct browser b;
	struct process *restart;
	struct reader *r;
	int gate;

	(void)state;
	prepare("");
	open_browser(&b);
	disk_write(disk_path(m.root, "srv/other.log"), "other\n");
	configure(", { name = \"other\"; path = \"/srv/other.log\"; }");
	if (sandbox_version() > 0) {
		const char *said = reload();

		assert_non_null(strstr(said, "expected a restart"));
		assert_non_null(strstr(said, "nothing has changed\n"));
		reader_expect_status(open_source("/other"), 404);
	}
	const char *path = put_gate();
	restart = machine_run(&m, "systemctl restart " SERVICE);
	gate = pipe_open(path);
	/* The old one has ended, the new one does not run yet. */
	expect_end(&b);
	write_lines(5);
	connect_again(&b);
	r = open_source("/other");
	assert_int_equal(process_descendants(m.pid, "ssetail.fcgi"), 0);
	assert_true(process_runs(restart));
	close(gate);
	assert_int_equal(process_exit_code(restart), 0);
	reader_wait_data(r, "other");
	catch_up(&b);
}

static void a_crash_is_mended_and_browsers_resume(void **state)
{
	struct browser b;

	(void)state;
	prepare("");
	open_browser(&b);
	for (int i = 1; i <= 3; i++) {
		write_lines(20);
		machine_do(&m, "systemctl kill -s KILL " SERVICE);
		write_lines(20);
		reader_wait_closed(&b.client->reader);
		connect_again(&b);
		write_lines(20);
		catch_up(&b);
		assert_int_equal(atoi(property("NRestarts")), i);
	}
	assert_int_equal(b.seen, 185);
}

static void stopped_it_ends_on_a_whole_event_and_leaves_nothing(void **state)
{
	struct bytes before = BYTES_INIT;
	struct browser b;

	(void)state;
	prepare("");
	machine_do(&m, "systemctl stop " BOTH_UNITS);
	/* Its own /tmp systemd removes a moment later. */
	wait_for(!strstr(traces(), "ssetail"));
	bytes_add_text(&before, traces());
	machine_do(&m, "systemctl start ssetail.socket");
	open_browser(&b);
	assert_string_not_equal(traces(), before.data);
	write_lines(100); /* no more than its socket takes */
	machine_do(&m, "systemctl stop " BOTH_UNITS);
	expect_end(&b);
	assert_string_equal(property("Result"), "success\n");
	assert_false(disk_exists(service.address));
	wait_for(bytes_are(&before, traces()));
	bytes_release(&before);
}

/* ---- the machine */

static void all_of_it_dies_with_who_has_booted_it(void **state)
{
	process_kill(m.boot);
	wait_for(process_descendants(getpid(), NULL) == 0);
	/* This clears away what is left. */
	boot(state);
}

static void its_end_leaves_nothing_here(void **state)
{
	struct bytes mounts = BYTES_INIT;

	(void)state;
	machine_end(&m);
	assert_int_equal(process_descendants(getpid(), NULL), 0);
	disk_read(&mounts, "/proc/self/mounts");
	assert_false(bytes_contain(&mounts, "ssetail-test"));
	bytes_release(&mounts);
}

static int leave(void **state)
{
	(void)state;
	reader_close_all();
	return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, leave)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(all_of_it_dies_with_who_has_booted_it),
		TEST(it_streams_with_the_rights_that_the_unit_leaves),
		TEST(it_may_write_in_its_own_folders_alone),
		TEST(what_was_not_granted_cannot_be_read),
		TEST(a_unit_that_forbids_the_sandbox_is_a_line_in_the_journal),
		TEST(a_rotation_loses_and_repeats_nothing),
		TEST(a_named_pipe_is_kept_in_the_state_directory),
		TEST(a_reload_adds_what_was_granted),
		TEST(clients_wait_in_the_socket_through_a_restart),
		TEST(a_crash_is_mended_and_browsers_resume),
		TEST(stopped_it_ends_on_a_whole_event_and_leaves_nothing),
		TEST(its_end_leaves_nothing_here),
	};

	return cmocka_run_group_tests_name("systemd", tests, boot, end);
}
