/*
 * Many clients: at once, one after the other, and more than there are
 * descriptors for.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

static void set_limit(rlim_t soft, rlim_t hard)
{
	const struct rlimit limit = { soft, hard };

	setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- at once */

static void start_with_soft_256(void *unused)
{
	struct rlimit limit;

	(void)unused;
	getrlimit(RLIMIT_NOFILE, &limit);
	set_limit(256, limit.rlim_max);
}

static void two_thousand_clients_of_one_process_get_every_line(void **state)
{
	enum { CLIENTS = 2000, LINES = 50 };
	static struct front_client *clients[CLIENTS];
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){
				    .source = "history = 0;",
				    .in_child = start_with_soft_256,
			    });
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = responder_open(&r, NULL);
	for (int i = 0; i < CLIENTS; i++)
		wait_for(clients[i]->reader.sse.checkpoints > 0);
	assert_in_range(process_descriptors(r.process->pid), CLIENTS, 20000);
	for (int i = 0; i < LINES; i++) {
		disk_append(r.log, "line %d\n", i);
		/* Some one by one, some as they come. */
		if (i % 5 == 0)
			reader_wait_events(
				&clients[i]->reader, (uint64_t)i + 1);
	}
	for (int i = 0; i < CLIENTS; i++)
		reader_wait_events(&clients[i]->reader, LINES);
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(clients[i]->reader.event_count, LINES);
		for (size_t j = 0; j < LINES; j++)
			assert_int_equal(
				atoi(reader_event(&clients[i]->reader, j)
						->data +
					5),
				j);
	}
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- too few descriptors */

static void start_with_hard_100(void *unused)
{
	(void)unused;
	set_limit(100, 100);
}

static void a_hard_limit_that_is_too_low_is_said_at_the_start(void **state)
{
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .in_child = start_with_hard_100 });
	process_wait_errors(r.process,
		"warning: start: the hard limit of descriptors is 100");
}

static void start_with_hard_128(void *unused)
{
	(void)unused;
	set_limit(128, 128);
}

static int streaming(struct front_client **clients, int from, int to)
{
	int n = 0;

	for (int i = from; i < to; i++)
		n += clients[i]->reader.sse.checkpoints > 0;
	return n;
}

/* Fails unless the responder is quiet: up to a tenth of a core, where a loop
 * that spins takes all of it. */
static void expect_quiet(const struct process *p, const char *when)
{
	enum { MEASURED_MS = 2500 };
	uint64_t before = process_cpu_ns(p->pid);
	int64_t begin = test_now_ms();

	wait_quietly(MEASURED_MS);
	uint64_t spent = process_cpu_ns(p->pid) - before;
	int64_t took = test_now_ms() - begin;
	print_message("%s: %llu us of CPU in %lld ms\n", when,
		(unsigned long long)spent / 1000, (long long)took);
	assert_in_range(spent, 0, (uint64_t)took * 1000000 / 10);
}

enum { TOO_MANY = 100, ROOM = 64, AWAY = 60 };

/* Those that were told to come back, and have gone. */
static int turned_away(struct front_client **clients, int from, int to)
{
	int n = 0;

	for (int i = from; i < to; i++) {
		struct reader *r = &clients[i]->reader;

		if (reader_find_event(r, 0, "busy", NULL) < 0)
			continue;
		if (r->ended)
			reader_hang_up(r);
		n++;
	}
	return n;
}

/* Sixty of them go, and the others have their turn. */
static void expect_others_after(
	const struct responder *r, struct front_client **clients)
{
	for (int i = 0; i < AWAY; i++)
		reader_hang_up(&clients[i]->reader);
	wait_for(streaming(clients, AWAY, TOO_MANY) == TOO_MANY - AWAY);
	disk_append(r->log, "afterwards\n");
	for (int i = AWAY; i < TOO_MANY; i++)
		reader_wait_data(&clients[i]->reader, "afterwards");
}

static void for_want_of_descriptors_others_are_told_to_come_back(void **state)
{
	struct front_client *clients[TOO_MANY];
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){
				    .source = "history = 0;",
				    .in_child = start_with_hard_128,
			    });
	for (int i = 0; i < TOO_MANY; i++)
		clients[i] = responder_open(&r, NULL);
	wait_for(turned_away(clients, 0, TOO_MANY) == TOO_MANY - ROOM);
	assert_int_equal(streaming(clients, 0, TOO_MANY), ROOM);
	process_wait_errors(
		r.process, "limit: clients (ulimit -Hn) = 64 is reached");
	expect_quiet(r.process, "full");
	/* The last descriptors are not theirs. */
	disk_rename(r.log, disk_path(r.folder, "log.1"));
	disk_append(r.log, "rotated\n");
	for (int i = 0; i < ROOM; i++)
		reader_wait_data(&clients[i]->reader, "rotated");
	/* Who comes back when others have gone has its turn. */
	reader_hang_up(&clients[0]->reader);
	wait_for(process_sockets(r.process->pid) == ROOM);
	responder_follow(&r, NULL);
}

static void limit_of(const struct process *p, rlim_t soft)
{
	struct rlimit limit;

	assert_int_equal(prlimit(p->pid, RLIMIT_NOFILE, NULL, &limit), 0);
	limit.rlim_cur = soft ? soft : limit.rlim_max;
	assert_int_equal(prlimit(p->pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

static void out_of_descriptors_it_waits_for_some_without_spinning(void **state)
{
	enum { LIMIT = 50 };
	struct front_client *clients[TOO_MANY];
	struct responder r;
	int served;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .source = "history = 0;" });
	for (int i = 0; i < LIMIT; i++)
		clients[i] = responder_follow(&r, NULL);
	/* The first line of a file is read after its siblings were listed,
	 * which takes a descriptor. */
	disk_append(r.log, "before\n");
	for (int i = 0; i < LIMIT; i++)
		reader_wait_data(&clients[i]->reader, "before");
	/* While it runs, so that it cannot know. */
	limit_of(r.process, LIMIT);
	for (int i = LIMIT; i < TOO_MANY; i++)
		clients[i] = responder_open(&r, NULL);
	process_wait_errors(r.process, "accept: Too many open files");
	served = streaming(clients, 0, TOO_MANY);
	assert_int_equal(served, LIMIT);
	/* Those who are there are served meanwhile. */
	disk_append(r.log, "meanwhile\n");
	for (int i = 0; i < LIMIT; i++)
		reader_wait_data(&clients[i]->reader, "meanwhile");
	expect_quiet(r.process, "without descriptors");
	limit_of(r.process, 0);
	expect_others_after(&r, clients);
}

/* ---- one after the other */

/* Comes and goes: without a word, with half a request, with a whole one, and
 * after the answer. */
static void come_and_go(
	const struct responder *r, int i, const struct bytes *request)
{
	int fd = reader_connect(r->address);
	char answer[64];

	if (fd < 0)
		fail_msg("client %d cannot connect", i);
	if (i % 4 == 1)
		assert_true(write(fd, request->data, request->len / 2) > 0);
	if (i % 4 >= 2)
		assert_true(write(fd, request->data, request->len) > 0);
	if (i % 4 == 3)
		assert_true(read(fd, answer, sizeof(answer)) > 0);
	close(fd);
}

static void ten_thousand_come_and_go_and_leave_nothing_behind(void **state)
{
	enum { ROUNDS = 3, CLIENTS = 10000 };
	struct bytes request = BYTES_INIT;
	size_t heap[ROUNDS] = { 0 };
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .env = responder_heap_env() });
	disk_append(r.log, "one\n");
	struct front_client *stays = responder_follow(&r, NULL);
	reader_expect_event(&stays->reader, 0, "message", "one");
	size_t sockets = process_sockets(r.process->pid);
	front_put_request(&request, 1, 0, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CLIENTS; i++)
			come_and_go(&r, i, &request);
		wait_for(process_sockets(r.process->pid) == sockets);
		/* Whoever was closed last is freed by now, too. */
		disk_append(r.log, "round %d\n", round);
		reader_wait_events(&stays->reader, (uint64_t)round + 2);
		if (responder_memory_is_real()) {
			heap[round] = responder_heap_bytes(&r);
			print_message("round %d: %zu bytes of heap\n",
				round + 1, heap[round]);
		}
	}
	assert_int_equal(heap[1], heap[2]);
	/* A sanitizer looks for leaks here. */
	assert_int_equal(process_stop(r.process), 0);
	bytes_release(&request);
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_thousand_clients_of_one_process_get_every_line),
		TEST(a_hard_limit_that_is_too_low_is_said_at_the_start),
		TEST(for_want_of_descriptors_others_are_told_to_come_back),
		TEST(out_of_descriptors_it_waits_for_some_without_spinning),
		TEST(ten_thousand_come_and_go_and_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
