/*
 * Three machines that carry the same stream, as conf/cluster has it: bridge,
 * ssetail.fcgi and lighttpd each, behind one HAProxy, beside one Redis and one
 * publisher. Whatever is killed, every browser gets every entry once, in
 * order, with the same id, and never a status that ends it.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/audience.h"
#include "tests/lib/disk.h"
#include "tests/lib/fragment.h"
#include "tests/lib/node.h"

enum { NODES = 3, LISTENERS = 100, SOME = 20 };

struct cluster {
	struct redis redis;
	struct node nodes[NODES];
	struct process *publisher, *balancer;
	struct audience audience;
	const char *folder, *config, *log;
	char address[32]; /* of the balancer */
	size_t written;	  /* lines of the log, numbers from 1 */
	int64_t next_ms;
};

/* ---- the parts */

static void start_publisher(struct cluster *c)
{
	char *program = strdup(process_program("ssetail.cgi"));

	c->publisher = node_run_script("publish", "-r", c->redis.address, "-p",
		program, "-c", c->config, NODE_STREAM, "app", NULL);
	free(program);
}

static void start_balancer(struct cluster *c)
{
	const char *fragment = disk_path(c->folder, "ssetail.cfg");
	const char *site = disk_path(c->folder, "haproxy.cfg");
	const struct fragment_value values[] = {
		{ "ssetail_a", c->nodes[0].web.address },
		{ "ssetail_b", c->nodes[1].web.address },
		{ "ssetail_c", c->nodes[2].web.address },
		{ NULL, NULL },
	};
	char why[512];
	int fd;

	if (fragment_copy("conf/cluster/haproxy.cfg", fragment, values, NULL,
		    why, sizeof(why)))
		fail_msg("%s", why);
	snprintf(c->address, sizeof(c->address), "127.0.0.1:%d",
		process_free_port());
	disk_write(site,
		"defaults\n\tmode http\n\ttimeout connect 5s\n"
		"\ttimeout client 50s\n\ttimeout server 50s\n"
		"frontend site\n\tbind %s\n"
		"\tuse_backend ssetail_cluster if { path /events } || "
		"{ path_beg /events/ }\n",
		c->address);
	c->balancer =
		process_run("haproxy", "-db", "-f", site, "-f", fragment, NULL);
	wait_for((fd = reader_connect(c->address)) >= 0);
	close(fd);
}

static void write_lines(struct cluster *c, size_t count)
{
	struct bytes text = BYTES_INIT;

	while (count--)
		bytes_add_format(&text, "%zu\n", ++c->written);
	disk_append_bytes(c->log, text.data, text.len);
	bytes_release(&text);
}

/* Redis, the publisher with `lines` entries before anybody connects, and the
 * machines, of which the first `bridges` have their bridges running. */
static void start(struct cluster *c, size_t lines, size_t bridges)
{
	*c = (struct cluster){ .written = 0 };
	redis_start(&c->redis);
	c->folder = disk_folder();
	c->config = disk_path(c->folder, "ssetail.conf");
	c->log = disk_path(c->folder, "app.log");
	disk_write(c->config,
		"sources = ( { name = \"app\"; path = \"app.log\"; "
		"history = 100000; history_max = 100000; } );\n");
	write_lines(c, lines);
	start_publisher(c);
	wait_for(redis_length(&c->redis, NODE_STREAM) == lines);
	for (size_t i = 0; i < NODES; i++)
		node_start(&c->nodes[i], &c->redis);
	for (size_t i = 0; i < bridges; i++)
		node_start_bridge(&c->nodes[i]);
	for (size_t i = 0; i < bridges; i++)
		wait_for(node_is_ready(&c->nodes[i]));
	start_balancer(c);
}

/* ---- time goes by */

/* A line now and then. */
static void write_on(struct cluster *c)
{
	int64_t now_ms = test_now_ms();

	if (now_ms < c->next_ms)
		return;
	c->next_ms = now_ms + 20;
	write_lines(c, 1);
}

/* Until so many lines more are written. */
static void go_on(struct cluster *c, size_t lines)
{
	size_t goal = c->written + lines;
	struct test_wait wait = test_wait_here("some lines to be written");

	while (c->written < goal) {
		write_on(c);
		audience_look(&c->audience);
		test_wait_step(&wait);
	}
}

/* Until everybody has seen that number. */
static void all_see_(struct cluster *c, size_t number)
{
	struct test_wait wait = test_wait_here("everybody to see a number");

	while (!audience_has(&c->audience, number)) {
		audience_look(&c->audience);
		test_wait_step(&wait);
	}
}
#define all_see(...) TEST_HERE(all_see_(__VA_ARGS__))

/* ---- what is killed */

static void kill_responder(struct node *n)
{
	process_kill(n->web.responder);
	process_free(n->web.responder);
}

static void kill_bridge(struct node *n)
{
	process_kill(n->bridge);
	process_free(n->bridge);
}

static void kill_web(struct node *n)
{
	process_kill(n->web.process);
	process_free(n->web.process);
}

static void start_responder(struct node *n)
{
	server_start_responder(&n->web);
}

static void start_web(struct node *n)
{
	server_start_again(&n->web);
}

/* What the browsers go through without waiting for its return. */
struct part {
	const char *name;
	void (*kill)(struct node *n);
	void (*start)(struct node *n);
	bool others_take_over;
};

static const struct part parts[] = {
	{ "ssetail.fcgi", kill_responder, start_responder, true },
	{ "the web server", kill_web, start_web, true },
	{ "the bridge", kill_bridge, node_start_bridge, false },
};
enum { PARTS = sizeof(parts) / sizeof(*parts) };

static void kill_and_start(
	struct cluster *c, struct node *n, const struct part *part)
{
	size_t before = c->written, ends = c->audience.ends;

	part->kill(n);
	go_on(c, SOME);
	if (part->others_take_over) {
		all_see(c, before + SOME);
		assert_true(c->audience.ends > ends);
	}
	part->start(n);
	go_on(c, SOME);
	all_see(c, c->written);
}

/* All of a machine at once, as when its power fails. */
static void kill_and_start_all(struct cluster *c, struct node *n)
{
	for (size_t i = 0; i < PARTS; i++)
		parts[i].kill(n);
	go_on(c, SOME);
	all_see(c, c->written);
	for (size_t i = 0; i < PARTS; i++)
		parts[i].start(n);
	go_on(c, SOME);
	all_see(c, c->written);
}

static void print_figures(const struct cluster *c, int64_t took_ms)
{
	const struct audience *a = &c->audience;

	print_message("%zu entries, %zu browsers: %llu deliveries, each once "
		      "and in order; %zu streams ended, %zu times one was "
		      "ahead of where it came to; nobody was without news for "
		      "longer than %.1f s; %.0f s in all\n",
		c->written, a->count, (unsigned long long)a->deliveries,
		a->ends, a->waits, (double)a->silence_ms / 1000,
		(double)took_ms / 1000);
}

static void expect_equal_files(const struct cluster *c)
{
	struct bytes first = BYTES_INIT;

	disk_read(&first, c->nodes[0].web.log);
	for (size_t i = 1; i < NODES; i++) {
		struct bytes other = BYTES_INIT;

		disk_read(&other, c->nodes[i].web.log);
		assert_int_equal(other.len, first.len);
		assert_memory_equal(other.data, first.data, first.len);
		bytes_release(&other);
	}
	bytes_release(&first);
}

static void every_entry_once_whatever_is_killed(void **state)
{
	int64_t begin_ms = test_now_ms();
	struct cluster c;

	(void)state;
	start(&c, 5, NODES);
	audience_open(&c.audience, c.address, "/log", LISTENERS);
	all_see(&c, c.written);
	/* Whose streams have ended goes to the others, and none is left on a
	 * machine that has just been restarted: one after the other. */
	for (size_t i = 0; i < PARTS; i++)
		for (size_t j = 0; j < NODES; j++)
			kill_and_start(&c, &c.nodes[j], &parts[i]);
	for (size_t i = 0; i < NODES; i++)
		kill_and_start_all(&c, &c.nodes[i]);
	redis_kill(&c.redis);
	go_on(&c, SOME);
	redis_start_again(&c.redis);
	go_on(&c, SOME);
	process_kill(c.publisher);
	go_on(&c, SOME);
	start_publisher(&c);
	go_on(&c, SOME);
	all_see(&c, c.written);
	assert_int_equal(redis_length(&c.redis, NODE_STREAM), c.written);
	assert_int_equal(c.audience.deliveries, c.written * LISTENERS);
	for (size_t i = 0; i < NODES; i++)
		wait_for(node_is_ready(&c.nodes[i]));
	expect_equal_files(&c);
	print_figures(&c, test_now_ms() - begin_ms);
	audience_release(&c.audience);
}

/* ---- a machine that joins, or is behind */

static struct reader *open_at(const struct node *n, const char *id)
{
	struct ask ask = server_ask(
		&n->web, (struct ask){ .path = "/log", .last_event_id = id });

	return &http_open(n->web.address, &ask)->reader;
}

/* Events from index `i` on are the numbers from `from` to `to`. */
static void expect_numbers_(struct reader *r, size_t i, size_t from, size_t to)
{
	char number[24];

	for (; from <= to; i++, from++) {
		snprintf(number, sizeof(number), "%zu", from);
		reader_expect_event(r, i, "message", number);
	}
}
#define expect_numbers(...) TEST_HERE(expect_numbers_(__VA_ARGS__))

/* Who comes too early waits, with a word: one who is new for the whole past,
 * one with an id for what comes behind it. The balancer sends nobody. */
static void a_machine_that_joins_fills_its_file_first(void **state)
{
	enum { PAST = 5000 };
	struct node *joining;
	struct reader *new, *back;
	struct cluster c;
	size_t idle;

	(void)state;
	start(&c, PAST, NODES - 1);
	joining = &c.nodes[NODES - 1];
	idle = process_sockets(joining->web.responder->pid);
	audience_open(&c.audience, c.address, "/log", LISTENERS);
	all_see(&c, PAST);
	assert_int_equal(process_sockets(joining->web.responder->pid), idle);
	new = open_at(joining, NULL);
	back = open_at(joining, c.audience.ids[PAST]);
	reader_expect_event(new, 0, "waiting",
		"{\"source\": \"log\", \"reason\": \"absent\"}");
	reader_expect_event(back, 0, "waiting",
		"{\"source\": \"log\", \"reason\": \"absent\"}");
	node_start_bridge(joining);
	wait_for(node_is_ready(joining));
	expect_numbers(new, 1, 1, PAST);
	go_on(&c, SOME);
	all_see(&c, c.written);
	expect_numbers(new, PAST + 1, PAST + 1, c.written);
	expect_numbers(back, 1, PAST + 1, c.written);
	/* The others go, and their browsers come to it. */
	for (size_t i = 0; i < NODES - 1; i++)
		kill_web(&c.nodes[i]);
	go_on(&c, SOME);
	all_see(&c, c.written);
	assert_int_equal(c.audience.deliveries,
		(c.written - PAST + 10) * LISTENERS); /* history: 10 */
	audience_release(&c.audience);
}

static bool everybody_waits(void *context)
{
	struct cluster *c = context;

	audience_look(&c->audience);
	return c->audience.waits >= LISTENERS;
}

/* All browsers come from machines that were quicker to one that was not. */
static void a_machine_that_is_behind_repeats_nothing(void **state)
{
	struct node *slow;
	struct cluster c;
	size_t had;

	(void)state;
	start(&c, 5, NODES);
	slow = &c.nodes[NODES - 1];
	audience_open(&c.audience, c.address, "/log", LISTENERS);
	all_see(&c, c.written);
	/* Nobody is on the slow one when it stops. */
	kill_web(slow);
	go_on(&c, SOME);
	all_see(&c, c.written);
	process_signal(slow->bridge, SIGSTOP);
	start_web(slow);
	go_on(&c, SOME);
	all_see(&c, c.written);
	had = c.written;
	for (size_t i = 0; i < NODES - 1; i++)
		kill_web(&c.nodes[i]);
	if (!wait_until(everybody_waits, &c, test_limit_ms()))
		fail_msg("%zu of %d wait", c.audience.waits, LISTENERS);
	assert_int_equal(c.audience.deliveries, had * LISTENERS);
	process_signal(slow->bridge, SIGCONT);
	go_on(&c, SOME);
	all_see(&c, c.written);
	assert_int_equal(c.audience.deliveries, c.written * LISTENERS);
	audience_release(&c.audience);
}

static bool nobody_is_ready(void *context)
{
	struct cluster *c = context;

	audience_look(&c->audience);
	for (size_t i = 0; i < NODES; i++)
		if (node_is_ready(&c->nodes[i]))
			return false;
	return c->audience.ends >= LISTENERS;
}

/* No machine is ready then, and all of them serve nevertheless. */
static void where_redis_is_away_for_long_they_wait(void **state)
{
	struct cluster c;

	(void)state;
	start(&c, 5, NODES);
	audience_open(&c.audience, c.address, "/log", LISTENERS);
	all_see(&c, c.written);
	redis_kill(&c.redis);
	if (!wait_until(nobody_is_ready, &c, 2 * test_limit_ms()))
		fail_msg("%zu of %d have gone", c.audience.ends, LISTENERS);
	go_on(&c, SOME);
	redis_start_again(&c.redis);
	go_on(&c, SOME);
	all_see(&c, c.written);
	assert_int_equal(c.audience.deliveries, c.written * LISTENERS);
	audience_release(&c.audience);
}

/* Any other status would end a browser's EventSource for good. */
static void where_nobody_answers_the_balancer_has_them_come_back(void **state)
{
	struct cluster c;
	struct reader *r;

	(void)state;
	start(&c, 5, NODES);
	for (size_t i = 0; i < NODES; i++)
		kill_web(&c.nodes[i]);
	for (int i = 0; i < 3; i++) {
		r = &http_open(c.address,
			&(struct ask){ .mount = "/events", .path = "/log" })
			     ->reader;
		reader_wait_end(r);
		reader_expect_status(r, 200);
		assert_string_equal(
			reader_header(r, "content-type"), "text/event-stream");
		assert_int_equal(r->sse.retry_ms, 5000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			every_entry_once_whatever_is_killed, test_cleanup),
		cmocka_unit_test_teardown(
			a_machine_that_joins_fills_its_file_first,
			test_cleanup),
		cmocka_unit_test_teardown(
			a_machine_that_is_behind_repeats_nothing, test_cleanup),
		cmocka_unit_test_teardown(
			where_redis_is_away_for_long_they_wait, test_cleanup),
		cmocka_unit_test_teardown(
			where_nobody_answers_the_balancer_has_them_come_back,
			test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
