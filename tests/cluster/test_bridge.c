/*
 * The bridge between a Redis stream and the file that ssetail streams: what
 * an entry becomes, and what is lost or repeated when anything ends or is
 * taken away: nothing, or it is said.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/node.h"

static struct redis redis;
static struct node node;

static void start(void)
{
	redis_start(&redis);
	node_start(&node, &redis);
}

static void stop_bridge(void)
{
	process_kill(node.bridge);
	process_free(node.bridge);
}

/* Starts the bridge on what is there; it is ready when it has all. */
static void start_bridge_and_wait(void)
{
	unlink(node.ready);
	node_start_bridge(&node);
	wait_for(node_is_ready(&node));
}

/* The id of an entry that is added, 7-NUMBER, and its only field. */
static void add(unsigned number, const char *data)
{
	char id[24];

	snprintf(id, sizeof(id), "7-%u", number);
	redis_say(&redis, "XADD", NODE_STREAM, id, "data", data, NULL);
}

static struct reader *open_log(void)
{
	struct reader *r = &server_open(&node.web, NULL)->reader;

	reader_wait_head(r);
	return r;
}

static void expect_file(const char *path, const char *text)
{
	struct bytes is = BYTES_INIT;

	disk_read(&is, path);
	assert_string_equal(bytes_text(&is), text);
	bytes_release(&is);
}

static bool file_is(const char *path, const char *text)
{
	struct bytes is = BYTES_INIT;
	bool same;

	disk_read(&is, path);
	same = strcmp(bytes_text(&is), text) == 0;
	bytes_release(&is);
	return same;
}

/* ---- what an entry becomes */

struct entry {
	const char *fields[8];	 /* as XADD takes them */
	const char *type, *data; /* of the event */
};

static const struct entry entries[] = {
	{ { "data", "plain" }, "message", "plain" },
	{ { "data", "one\ntwo\rthree\r\nfour" }, "message",
		"one\ntwo\nthree\nfour" },
	{ { "data", "\n\nid: 9-9\n\n" }, "message", "\n\nid: 9-9\n\n" },
	{ { "data", "" }, "message", "" },
	{ { "data", "event: x" }, "message", "event: x" },
	{ { "data", "a \xff b" }, "message", "a \xef\xbf\xbd b" },
	{ { "event", "trade", "data", "1" }, "trade", "1" },
	{ { "data", "2", "event", "trade" }, "trade", "2" },
	{ { "event", "", "data", "3" }, "message", "3" },
	{ { "event", "a\ndata: b\r", "data", "4" }, "a data: b ", "4" },
	{ { "event", "gap", "data", "5" }, "x-gap", "5" },
	{ { "data", "6", "more", "7" }, "message", "6" },
	{ { "data", "8", "data", "9" }, "message", "9" },
	{ { "a", "1", "b", "" }, "message", "{\"a\": \"1\", \"b\": \"\"}" },
	{ { "a\"", "\\ \n \x01" }, "message",
		"{\"a\\\"\": \"\\\\ \\u000a \\u0001\"}" },
	{ { "event", "e", "a", "1" }, "e", "{\"a\": \"1\"}" },
};
enum { ENTRIES = sizeof(entries) / sizeof(*entries) };

static void an_entry_becomes_an_event(void **state)
{
	struct reader *r;

	(void)state;
	start();
	start_bridge_and_wait();
	r = open_log();
	for (unsigned i = 0; i < ENTRIES; i++) {
		const char *const *f = entries[i].fields;
		char id[24];

		snprintf(id, sizeof(id), "7-%u", i + 1);
		redis_say(&redis, "XADD", NODE_STREAM, id, f[0], f[1], f[2],
			f[3], f[4], f[5], NULL);
		reader_expect_event(r, i, entries[i].type, entries[i].data);
		assert_string_equal(reader_event(r, i)->id, id);
	}
	reader_check_bytewise(r);
}

/* ---- where it goes on */

/* Up to any byte, of three one. */
static void half_a_block_is_cut_off_at_the_start(void **state)
{
	static const char whole[] = "id: 7-1\ndata: one\n\n"
				    "id: 7-2\ndata: two\ndata: \n\n";
	static const char more[] = "id: 7-1\ndata: one\n\n"
				   "id: 7-2\ndata: two\ndata: \n\n"
				   "id: 7-3\nevent: e\ndata: 3\n\n";
	const char *file;

	(void)state;
	start();
	file = node.web.log;
	add(1, "one");
	add(2, "two\n");
	redis_say(&redis, "XADD", NODE_STREAM, "7-3", "data", "3", "event", "e",
		NULL);
	for (size_t len = 0; len < sizeof(more); len += 3) {
		disk_write_bytes(file, more, len);
		start_bridge_and_wait();
		expect_file(file, more);
		stop_bridge();
	}
	/* As after a crash of the machine. */
	disk_write_bytes(file, whole, sizeof(whole) - 1);
	disk_append_bytes(file, "\0\0\0\0", 4);
	start_bridge_and_wait();
	expect_file(file, more);
	/* Blocks of any size. */
	stop_bridge();
	disk_append(file, "id: 7-4\ndata: %0300000d", 0);
	start_bridge_and_wait();
	expect_file(file, more);
}

/* Data that begins with its number; some are long. */
static void add_many(unsigned from, unsigned to)
{
	char command[512];
	struct process *p;

	snprintf(command, sizeof(command),
		"seq %u %u | awk '{ s = $1 %% 10 ? 10 : 50000; "
		"printf \"%%d %%*d\\n\", $1, s, 0 }' | "
		"conf/cluster/publish -r %s " NODE_STREAM,
		from, to, redis.address);
	p = process_run("/bin/sh", "-c", command, NULL);
	assert_int_equal(process_exit_code(p), 0);
	process_free(p);
}

static void killed_at_any_moment_it_loses_and_repeats_nothing(void **state)
{
	enum { KILLS = 40, EACH = 100 };
	struct reader *r;

	(void)state;
	start();
	node.size = "8000000";
	add_many(1, 1);
	start_bridge_and_wait();
	r = open_log();
	reader_wait_events(r, 1);
	for (unsigned i = 0; i < KILLS; i++) {
		stop_bridge();
		add_many(2 + i * EACH, 1 + (i + 1) * EACH);
		node_start_bridge(&node);
		/* It is anywhere between its start and its end. */
		wait_quietly((int)(i * 2));
	}
	reader_wait_events(r, 1 + KILLS * EACH);
	assert_int_equal(r->event_count, 1 + KILLS * EACH);
	for (size_t i = 0; i < r->event_count; i++)
		assert_int_equal(
			strtoul(reader_event(r, i)->data, NULL, 10), i + 1);
	assert_true(disk_exists(disk_path(node.web.folder, "log.1")));
}

/* logrotate, say; and one that ended between the two steps of its own. */
static void a_file_that_was_rotated_is_gone_on_from(void **state)
{
	char *old, *file;

	(void)state;
	start();
	file = strdup(node.web.log);
	old = strdup(disk_path(node.web.folder, "log.1"));
	add(1, "one");
	start_bridge_and_wait();
	disk_rename(file, old);
	add(2, "two");
	wait_for(disk_exists(file) && file_is(file, "id: 7-2\ndata: two\n\n"));
	expect_file(old, "id: 7-1\ndata: one\n\n");
	stop_bridge();
	disk_rename(file, old);
	add(3, "three");
	start_bridge_and_wait();
	expect_file(file, "id: 7-3\ndata: three\n\n");
	free(file);
	free(old);
}

static void a_second_one_waits_for_the_first(void **state)
{
	struct process *first;

	(void)state;
	start();
	add(1, "one");
	start_bridge_and_wait();
	first = node.bridge;
	node_start_bridge(&node);
	add(2, "two");
	wait_for(file_is(
		node.web.log, "id: 7-1\ndata: one\n\nid: 7-2\ndata: two\n\n"));
	process_kill(first);
	add(3, "three");
	wait_for(file_is(node.web.log,
		"id: 7-1\ndata: one\n\nid: 7-2\ndata: two\n\n"
		"id: 7-3\ndata: three\n\n"));
}

/* ---- what is gone */

static void what_was_trimmed_meanwhile_is_told(void **state)
{
	struct reader *r;

	(void)state;
	start();
	add(1, "one");
	add(2, "two");
	start_bridge_and_wait();
	r = open_log();
	reader_expect_event(r, 1, "message", "two");
	stop_bridge();
	for (unsigned i = 3; i < 9; i++)
		add(i, "more");
	redis_say(&redis, "XTRIM", NODE_STREAM, "MAXLEN", "2", NULL);
	start_bridge_and_wait();
	reader_expect_event(r, 2, "x-gap",
		"{\"reason\": \"trimmed\", \"after\": \"7-2\", "
		"\"before\": \"7-7\"}");
	/* Elsewhere there may be more. */
	assert_string_equal(reader_event(r, 2)->id, "7-2");
	reader_wait_events(r, 5);
	assert_string_equal(reader_event(r, 3)->id, "7-7");
	assert_string_equal(reader_event(r, 4)->id, "7-8");
	stop_bridge();
	/* The last one that is here is still there: nothing is missing. */
	add(9, "nine");
	redis_say(&redis, "XTRIM", NODE_STREAM, "MAXLEN", "2", NULL);
	start_bridge_and_wait();
	reader_expect_event(r, 5, "message", "nine");
}

/* What it becomes when Redis is away for longer: test_cluster.c. */
static void it_says_when_redis_is_away_and_back(void **state)
{
	(void)state;
	start();
	add(1, "one");
	start_bridge_and_wait();
	redis_kill(&redis);
	process_wait_errors(node.bridge, "bridge: " NODE_STREAM ": ");
	redis_start_again(&redis);
	process_wait_errors(node.bridge, "goes on");
	assert_true(node_is_ready(&node));
	process_signal(node.bridge, SIGTERM);
	assert_int_equal(process_exit_code(node.bridge), 0);
	assert_false(node_is_ready(&node));
}

#define TEST(name) cmocka_unit_test_teardown(name, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entry_becomes_an_event),
		TEST(half_a_block_is_cut_off_at_the_start),
		TEST(killed_at_any_moment_it_loses_and_repeats_nothing),
		TEST(a_file_that_was_rotated_is_gone_on_from),
		TEST(a_second_one_waits_for_the_first),
		TEST(what_was_trimmed_meanwhile_is_told),
		TEST(it_says_when_redis_is_away_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
