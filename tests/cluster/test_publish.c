/*
 * publish: every record of a source, or line of standard input, becomes one
 * entry of a Redis stream, whatever is killed; and what systemd and a bare
 * Debian make of the scripts.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/node.h"

static struct redis redis;
static const char *folder, *config, *program;

static void start(const char *keys)
{
	redis_start(&redis);
	folder = disk_folder();
	config = disk_path(folder, "ssetail.conf");
	program = disk_path(folder, "ssetail.cgi");
	process_copy_program("ssetail.cgi", program);
	disk_write(config,
		"state_dir = \"%s\";\n"
		"sources = ( { name = \"app\"; %s } );\n",
		folder, keys);
}

static struct process *publish(void)
{
	return node_run_script("publish", "-r", redis.address, "-p", program,
		"-c", config, NODE_STREAM, "app", NULL);
}

/* What a shell command prints, with $1 the address of Redis. */
static const char *shell(const char *command)
{
	static char *printed;
	struct process *p = process_run(
		"/bin/sh", "-c", command, "sh", redis.address, NULL);

	if (process_exit_code(p) != 0)
		fail_msg("%s: %s", command, process_errors(p));
	free(printed);
	printed = strdup(process_output(p));
	process_free(p);
	return printed;
}

/* The data of all entries that have nothing else, a line each. */
static const char *all_data(void)
{
	return shell("redis-cli -s \"$1\" --raw XRANGE " NODE_STREAM " - + | "
		     "sed -n 'n;n;p'");
}

static bool has_data(const char *expected)
{
	return strcmp(all_data(), expected) == 0;
}

/* ---- a source */

static void records_become_entries_with_their_type(void **state)
{
	const char *log;

	(void)state;
	start("path = \"app.log\"; format = \"sse\"; max_line = 1024;");
	log = disk_path(folder, "app.log");
	disk_write(log, "data: one\n\nevent: e\ndata: two\ndata: lines\n\n"
			"data\n\n");
	publish();
	wait_for(redis_length(&redis, NODE_STREAM) == 3);
	disk_append(log, "data: %02000d\n\ndata: last\n\n", 0);
	wait_for(redis_length(&redis, NODE_STREAM) == 5);
	assert_string_equal(
		shell("redis-cli -s \"$1\" --raw XRANGE " NODE_STREAM
		      " - + | grep -v '^[0-9]*-[0-9]*$'"),
		"data\none\nevent\ne\ndata\ntwo\nlines\ndata\n\n"
		"event\ngap\ndata\n{\"source\": \"app\", \"reason\": "
		"\"overlong\", \"bytes\": 2008}\ndata\nlast\n");
}

/* The numbers from 1 to `last`, a line each. */
static const char *numbers(unsigned last)
{
	char command[32];

	snprintf(command, sizeof(command), "seq %u", last);
	return shell(command);
}

static bool has_numbers(unsigned last)
{
	char *data = strdup(all_data());
	bool has = strcmp(data, numbers(last)) == 0;

	free(data);
	return has;
}

static unsigned write_numbers(const char *path, unsigned from, unsigned count)
{
	struct bytes text = BYTES_INIT;

	for (unsigned end = from + count; from < end; from++)
		bytes_add_format(&text, "%u\n", from);
	disk_append_bytes(path, text.data, text.len);
	bytes_release(&text);
	return from;
}

/* log to log.1, log.1 to log.2 ... */
static void rotate(const char *log)
{
	int last = 1;

	while (disk_exists(disk_path(folder, "app.log.%d", last)))
		last++;
	for (; last > 1; last--)
		disk_rename(disk_path(folder, "app.log.%d", last - 1),
			disk_path(folder, "app.log.%d", last));
	disk_rename(log, disk_path(folder, "app.log.1"));
	disk_write(log, "%s", "");
}

#define ALL "history = 100000; history_max = 100000; "

/* Its place is found again in Redis, and nowhere else. */
static void killed_at_any_moment_it_loses_and_repeats_nothing(void **state)
{
	enum { KILLS = 30, EACH = 500 };
	struct process *p;
	const char *log;
	unsigned next = 1;

	(void)state;
	start("path = \"app.log\"; " ALL);
	log = disk_path(folder, "app.log");
	next = write_numbers(log, next, EACH);
	for (int i = 0; i < KILLS; i++) {
		p = publish();
		next = write_numbers(log, next, EACH);
		if (i % 5 == 4)
			rotate(log);
		/* It is anywhere between its start and its end. */
		wait_quietly(i * 3);
		next = write_numbers(log, next, EACH);
		process_kill(p);
		process_free(p);
	}
	p = publish();
	wait_for(redis_length(&redis, NODE_STREAM) >= next - 1);
	assert_true(has_numbers(next - 1));
}

static void so_it_does_when_redis_is_killed(void **state)
{
	enum { KILLS = 5, EACH = 500 };
	const char *log;
	struct process *p;
	unsigned next = 1;

	(void)state;
	start("path = \"app.log\"; " ALL);
	log = disk_path(folder, "app.log");
	p = publish();
	for (int i = 0; i < KILLS; i++) {
		next = write_numbers(log, next, EACH);
		wait_quietly(i * 10);
		redis_kill(&redis);
		next = write_numbers(log, next, EACH);
		redis_start_again(&redis);
		wait_for(redis_length(&redis, NODE_STREAM) >= next - 1);
		assert_true(has_numbers(next - 1));
	}
	process_wait_errors(p, "goes on");
	assert_true(process_runs(p));
}

/* One that finds another at work ends, and is started again by systemd. */
static void two_on_the_same_source_publish_nothing_twice(void **state)
{
	enum { ROUNDS = 40, EACH = 50 };
	struct process *both[2];
	const char *log;
	unsigned next = 1;

	(void)state;
	start("path = \"app.log\"; " ALL);
	log = disk_path(folder, "app.log");
	both[0] = publish();
	both[1] = publish();
	for (int i = 0; i < ROUNDS; i++) {
		next = write_numbers(log, next, EACH);
		for (int j = 0; j < 2; j++) {
			if (process_runs(both[j]))
				continue;
			assert_non_null(strstr(process_errors(both[j]),
				"another one is at it"));
			process_free(both[j]);
			both[j] = publish();
		}
		wait_quietly(20);
	}
	wait_for(redis_length(&redis, NODE_STREAM) >= next - 1);
	assert_true(has_numbers(next - 1));
}

/* ---- standard input */

static void lines_of_standard_input_become_entries(void **state)
{
	(void)state;
	start("path = \"app.log\";");
	shell("printf 'one\\ntwo\\r\\n\\n a  b \\n\\377\\nno end' | "
	      "conf/cluster/publish -r \"$1\" " NODE_STREAM);
	assert_true(has_data("one\ntwo\n\n a  b \n\377\nno end\n"));
	/* Nothing else is left in Redis. */
	assert_string_equal(redis_say(&redis, "KEYS", "*", NULL), NODE_STREAM);
	shell("seq 20000 | conf/cluster/publish -n 1000 -r \"$1\" many");
	assert_in_range(redis_length(&redis, "many"), 1000, 1200);
}

/* When the connection breaks it may have been before, or behind an answer. */
static void they_come_once_when_redis_is_killed(void **state)
{
	enum { LAST = 200000 };
	struct process *p;

	(void)state;
	start("path = \"app.log\";");
	p = process_run("/bin/sh", "-c",
		"seq 200000 | conf/cluster/publish -n 1000000 -r "
		"\"$1\" " NODE_STREAM,
		"sh", redis.address, NULL);
	for (int i = 0; i < 3; i++) {
		size_t before = redis_length(&redis, NODE_STREAM);

		wait_for(redis_length(&redis, NODE_STREAM) != before);
		redis_kill(&redis);
		redis_start_again(&redis);
	}
	assert_int_equal(process_exit_code(p), 0);
	assert_true(has_numbers(LAST));
}

/* ---- on a bare Debian */

/* perl-base is on every Debian, and has not all of Perl. */
static void the_scripts_need_nothing_but_perl_base(void **state)
{
	static const char *const scripts[] = { "bridge", "publish" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct process *p = process_run("/usr/bin/perl", "-e",
			"@INC = grep { m{/perl-base$} } @INC; $0 = shift; "
			"do $0; print STDERR $@",
			disk_path("./conf/cluster", "%s", scripts[i]), NULL);

		process_exit_code(p);
		assert_ptr_equal(strstr(process_errors(p), "usage: "),
			process_errors(p));
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_become_entries_with_their_type),
		TEST(killed_at_any_moment_it_loses_and_repeats_nothing),
		TEST(so_it_does_when_redis_is_killed),
		TEST(two_on_the_same_source_publish_nothing_twice),
		TEST(lines_of_standard_input_become_entries),
		TEST(they_come_once_when_redis_is_killed),
		TEST(the_scripts_need_nothing_but_perl_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
