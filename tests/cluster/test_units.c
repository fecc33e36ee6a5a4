/*
 * The units of conf/cluster as `make install` and README.md have them, under a
 * real systemd, with a Redis beside them: the way of a line to a browser, what
 * they may write to, and what a restart and a kill -9 lose and repeat: nothing.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/machine.h"
#include "tests/lib/pipe.h"
#include "tests/lib/recipe.h"
#include "tests/lib/redis.h"
#include "tests/lib/responder.h"

/* The name of a source, and of a stream if nothing else is said. */
#define BRIDGE(name)  "ssetail-bridge@" name ".service"
#define PUBLISH(name) "ssetail-publish@" name ".service"

static struct machine m;
static struct redis redis;
static struct responder service; /* ssetail.service */
static const char *pipe_path;	 /* of the source "jobs" */

/* ---- the machine */

/* One of several that publishes, too: the source of what comes has another
 * name than that of what goes. One of the publishers finds Redis by a path. */
static void configure(void)
{
	struct bytes orders = recipe_read("README.md", "cluster-source");

	disk_write(disk_path(m.root, "etc/ssetail/ssetail.conf"),
		"sources = ( %s,\n"
		"{ name = \"orders-log\"; path = \"/var/log/app/app.log\"; },\n"
		"{ name = \"jobs\"; type = \"fifo\"; create = true;\n"
		"  path = \"/run/ssetail/in/jobs\"; } );\n",
		orders.data);
	bytes_release(&orders);
	machine_add_to_unit(&m,
		"/etc/systemd/system/" PUBLISH("orders-log") ".d/override.conf",
		"Environment=STREAM=orders\n");
	machine_add_to_unit(&m,
		"/etc/systemd/system/" PUBLISH("jobs") ".d/override.conf",
		"EnvironmentFile=\nEnvironment=REDIS=/run/redis.sock "
		"REDISCLI_AUTH=something-long-and-random\n");
}

/* What README.md has for each machine, but for its web server. */
static void set_up(void)
{
	struct bytes commands = recipe_read("README.md", "cluster-machine");

	recipe_replace(&commands, "192.0.2.10", "127.0.0.1");
	recipe_replace(&commands,
		"cp conf/cluster/lighttpd.conf "
		"/etc/lighttpd/conf-available/16-ssetail-cluster.conf\n"
		"lighty-enable-mod ssetail-cluster && "
		"service lighttpd force-reload\n",
		"");
	machine_do(&m, commands.data);
	bytes_release(&commands);
}

static int boot(void **state)
{
	(void)state;
	machine_boot(&m, NULL);
	machine_install(&m);
	redis_start_in(&redis, &m);
	configure();
	service.address = disk_path(m.root, "run/ssetail/ssetail.sock");
	service.log = disk_path(m.root, "var/log/app/app.log");
	pipe_path = disk_path(m.root, "run/ssetail/in/jobs");
	set_up();
	return 0;
}

static int end(void **state)
{
	if (m.boot)
		machine_end(&m);
	return test_cleanup(state);
}

/* Of a test: goes with it. */
#define DROP_INS "/run/systemd/system/ssetail*.d"

/* Nothing runs, and nothing is left of what did; the log's folder as Debian
 * has them. */
static void prepare(void)
{
	machine_do(&m, "systemctl stop 'ssetail*'; systemctl reset-failed; "
		       "rm -rf /var/log/app /var/lib/ssetail* /run/ssetail* "
		       "/tmp/* " DROP_INS "; systemctl daemon-reload; "
		       "install -d -m 750 -g adm /var/log/app; "
		       "install -m 640 -g adm /dev/null /var/log/app/app.log");
	redis_say(&redis, "FLUSHALL", NULL);
}

static void start(const char *units)
{
	char command[200];

	snprintf(command, sizeof(command), "systemctl start %s", units);
	machine_do(&m, command);
}

/* ---- the streams */

static bool is_ready(const char *stream)
{
	return disk_exists(
		disk_path(m.root, "run/ssetail-bridge/%s/ready", stream));
}

/* Entries whose ids and data are numbers. */
static void add_entries(const char *stream, size_t from, size_t to)
{
	char first[24], last[24];

	snprintf(first, sizeof(first), "%zu", from);
	snprintf(last, sizeof(last), "%zu", to);
	redis_say(&redis, "EVAL",
		"for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do "
		"redis.call('XADD', KEYS[1], '7-' .. i, 'data', i) end",
		"1", stream, first, last, NULL);
}

/* What the bridge of "orders" has to make of these, from 1. */
static bool file_has(size_t last)
{
	const char *path =
		disk_path(m.root, "var/lib/ssetail-bridge/orders.sse");
	struct bytes is = BYTES_INIT, expected = BYTES_INIT;
	bool has;

	for (size_t i = 1; i <= last; i++)
		bytes_add_format(&expected, "id: 7-%zu\ndata: %zu\n\n", i, i);
	if (disk_exists(path))
		disk_read(&is, path);
	has = bytes_are(&is, bytes_text(&expected));
	bytes_release(&is);
	bytes_release(&expected);
	return has;
}

/* Waits until a stream has as many entries; they are the numbers from 1. */
static void expect_numbers_(const char *stream, size_t last)
{
	struct test_wait wait = test_wait_here("a line to become an entry");
	const char *line;

	while (redis_length(&redis, stream) < last)
		test_wait_step(&wait);
	line = redis_say(&redis, "XRANGE", stream, "-", "+", NULL);
	for (size_t i = 1; i <= last; i++) {
		char expected[32];

		snprintf(expected, sizeof(expected), "data\n%zu", i);
		line = strchr(line, '\n') + 1; /* behind its id */
		if (strncmp(line, expected, strlen(expected)) != 0)
			test_fail("entry %zu is: %.40s", i, line);
		line += strlen(expected);
		line += *line == '\n';
	}
	assert_int_equal(*line, '\0');
}
#define expect_numbers(...) TEST_HERE(expect_numbers_(__VA_ARGS__))

/* ---- the tests */

/* A log that nobody but root and adm may read. */
static void a_line_reaches_a_browser_by_way_of_redis(void **state)
{
	struct reader *r;

	(void)state;
	prepare();
	machine_do(&m, "systemctl start ssetail.socket");
	set_up();
	start(PUBLISH("orders-log"));
	r = &responder_open(&service, &(struct ask){ .path = "/orders" })
		     ->reader;
	disk_append(service.log, "one\n");
	reader_expect_event(r, reader_wait_data(r, "one"), "message", "one");
	assert_non_null(
		strstr(redis_say(&redis, "XRANGE", "orders", "-", "+", NULL),
			reader_last_id(r)));
	assert_true(is_ready("orders"));
	machine_do(&m, "setpriv --reuid=www-data --regid=www-data "
		       "--clear-groups cat /run/ssetail-bridge/orders/ready");
}

/* Each beside all the others, whose folders have the same owner. */
static void each_may_write_in_its_own_folders_alone(void **state)
{
	static const char publisher_has[] = "/run/ssetail/in\n/tmp\n"
					    "/var/lib/ssetail\n/var/tmp\n";

	(void)state;
	prepare();
	disk_append(service.log, "1\n");
	start("ssetail.service " BRIDGE("orders") " " BRIDGE(
		"more") " " PUBLISH("orders-log") " " PUBLISH("jobs"));
	pipe_write(pipe_path, "1\n");
	/* All of them are at work then. */
	expect_numbers("orders", 1);
	expect_numbers("jobs", 1);
	wait_for(is_ready("orders") && is_ready("more"));
	disk_touch(disk_path(m.root, "tmp/of-others"));
	machine_do_as(&m, BRIDGE("orders"), "test ! -e /tmp/of-others");
	machine_do_as(&m, PUBLISH("jobs"), "test ! -e /tmp/of-others");
	assert_string_equal(machine_writable(&m, BRIDGE("orders")),
		"/run/ssetail-bridge/orders\n/tmp\n"
		"/var/lib/ssetail-bridge\n/var/tmp\n");
	assert_string_equal(
		machine_writable(&m, PUBLISH("orders-log")), publisher_has);
	assert_string_equal(
		machine_writable(&m, PUBLISH("jobs")), publisher_has);
}

/* Whichever way it ends, and no folder but its own. */
static void a_bridge_that_ends_is_not_ready(void **state)
{
	(void)state;
	prepare();
	machine_add_to_unit(&m,
		"/run/systemd/system/" BRIDGE("orders") ".d/test.conf",
		"Restart=no\n");
	start(BRIDGE("orders") " " BRIDGE("more"));
	wait_for(is_ready("orders") && is_ready("more"));
	machine_do(&m, "systemctl kill -s KILL " BRIDGE("orders"));
	wait_for(strcmp(machine_property(&m, BRIDGE("orders"), "ActiveState"),
			 "failed\n") == 0);
	assert_false(
		disk_exists(disk_path(m.root, "run/ssetail-bridge/orders")));
	assert_true(is_ready("more"));
	machine_do(&m, "systemctl stop " BRIDGE("more"));
	assert_false(disk_exists(disk_path(m.root, "run/ssetail-bridge/more")));
}

/* The pipe is made whether ssetail.service has ever run or not, and is there
 * for it afterwards. */
static void the_pipe_of_a_publisher_stays(void **state)
{
	(void)state;
	prepare();
	start(PUBLISH("jobs"));
	pipe_write(pipe_path, "1\n");
	expect_numbers("jobs", 1);
	machine_do(&m, "systemctl stop " PUBLISH("jobs"));
	assert_string_equal(machine_do(&m, "stat -c '%U %G %a' /run/ssetail/in "
					   "/run/ssetail/in/jobs"),
		"ssetail ssetail 755\nssetail ssetail 620\n");
}

/* ---- restart, kill -9 */

/* A unit, and what goes on around it, in numbers from 1. */
struct life {
	const char *unit;
	void (*go_on)(struct life *l, size_t count); /* adds so many */
	void (*expect)(const struct life *l);	     /* all of them, once */
	const char *stream;
	int log; /* or pipe: descriptor */
	size_t last;
};

static void tell(const struct life *l, const char *command)
{
	char line[100];

	snprintf(line, sizeof(line), "systemctl %s %s", command, l->unit);
	machine_do(&m, line);
}

static void live_through_kills_and_restarts(struct life *l)
{
	for (int i = 1; i <= 3; i++) {
		l->go_on(l, 20);
		tell(l, "kill -s KILL");
		l->go_on(l, 20);
		wait_for(atoi(machine_property(&m, l->unit, "NRestarts")) == i);
		l->go_on(l, 20);
		l->expect(l);
	}
	for (int i = 0; i < 3; i++) {
		l->go_on(l, 20);
		tell(l, "restart");
		l->go_on(l, 20);
		l->expect(l);
	}
	/* Nothing comes any more. */
	tell(l, "stop");
	l->expect(l);
}

static void go_on_adding(struct life *l, size_t count)
{
	add_entries(l->stream, l->last + 1, l->last + count);
	l->last += count;
}

static void expect_file(const struct life *l)
{
	wait_for(file_has(l->last));
}

static void a_bridge_loses_and_repeats_nothing(void **state)
{
	struct life l = { BRIDGE("orders"), go_on_adding, expect_file,
		.stream = "orders" };

	(void)state;
	prepare();
	tell(&l, "start");
	live_through_kills_and_restarts(&l);
}

static void go_on_writing(struct life *l, size_t count)
{
	while (count--)
		pipe_put(l->log, "%zu\n", ++l->last);
}

static void expect_entries(const struct life *l)
{
	expect_numbers(l->stream, l->last);
}

/* Writes to it as who must not lose a line while nobody reads it. */
static void publish_all(const char *unit, const char *stream, const char *path)
{
	struct life l = { unit, go_on_writing, expect_entries,
		.stream = stream };

	prepare();
	tell(&l, "start");
	wait_for((l.log = open(path,
			  O_RDWR | O_APPEND | O_NONBLOCK | O_CLOEXEC)) >= 0);
	/* Where it is for the first time, it begins with no more than that. */
	go_on_writing(&l, 5);
	expect_entries(&l);
	live_through_kills_and_restarts(&l);
	close(l.log);
}

static void a_publisher_of_a_log_loses_and_repeats_nothing(void **state)
{
	(void)state;
	publish_all(PUBLISH("orders-log"), "orders", service.log);
}

static void a_publisher_of_a_pipe_loses_and_repeats_nothing(void **state)
{
	(void)state;
	publish_all(PUBLISH("jobs"), "jobs", pipe_path);
}

/* ---- whoever runs the tests */

static void systemd_understands_them(void **state)
{
	const char *folder = disk_folder();

	(void)state;
	for (const char *const *name =
			(const char *const[]){ "bridge", "publish", NULL };
		*name; name++) {
		char command[1024];
		struct process *p;

		snprintf(command, sizeof(command),
			"cp conf/cluster/* %s && cd %s && "
			"sed \"s|/usr/local/lib/ssetail|$PWD|\" "
			"'ssetail-%s@.service' >ssetail-%s@orders.service && "
			"systemd-analyze verify --man=no "
			"ssetail-%s@orders.service >said 2>&1; "
			"grep ssetail- said && exit 1; "
			"systemd-analyze security --no-pager --offline=true "
			"--threshold=20 ssetail-%s@orders.service",
			folder, folder, *name, *name, *name, *name);
		p = process_run("sh", "-c", command, NULL);
		if (process_exit_code(p) != 0)
			fail_msg("%s%s", process_output(p), process_errors(p));
		process_free(p);
	}
}

/* Who finds a fault in a program says so in the journal. */
static int leave(void **state)
{
	(void)state;
	reader_close_all();
	machine_do(&m, "journalctl --sync; "
		       "! journalctl --quiet | grep -A 20 Sanitizer");
	return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, leave)

int main(void)
{
	static const struct CMUnitTest outside[] = {
		cmocka_unit_test_teardown(
			systemd_understands_them, test_cleanup),
	};
	static const struct CMUnitTest booted[] = {
		TEST(a_line_reaches_a_browser_by_way_of_redis),
		TEST(each_may_write_in_its_own_folders_alone),
		TEST(a_bridge_that_ends_is_not_ready),
		TEST(the_pipe_of_a_publisher_stays),
		TEST(a_bridge_loses_and_repeats_nothing),
		TEST(a_publisher_of_a_log_loses_and_repeats_nothing),
		TEST(a_publisher_of_a_pipe_loses_and_repeats_nothing),
	};
	int failed = cmocka_run_group_tests_name("units", outside, NULL, NULL);

	return failed + cmocka_run_group_tests_name(
				"units of a system", booted, boot, end);
}
