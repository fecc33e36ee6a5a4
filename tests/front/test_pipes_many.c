/*
 * Many processes of both programs on one pipe: one of them reads it, all of
 * them stream it, and whoever reads may be killed at any moment.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/inject.h"
#include "tests/lib/pipe.h"
#include "tests/lib/site.h"

#define WORKERS 4

static struct site *site;
static const char *pipe_path;

/* ---- responders that listen on sockets of their own */

struct worker {
	const char *address;
	struct process *process;
};

static struct worker workers[WORKERS];

static void start_worker(struct worker *w)
{
	w->process = process_run(process_program("ssetail.fcgi"), "-c",
		site->config, "-l", w->address, NULL);
	process_wait_errors(w->process, "info: start:");
}

static void start_workers(void)
{
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i].address = disk_path(site->folder, "worker.%zu", i);
		start_worker(&workers[i]);
	}
}

static struct reader *follow_worker(const struct worker *w, const char *id)
{
	struct ask ask = { .path = "/app", .last_event_id = id };
	struct reader *r = &front_open(w->address, &ask)->reader;

	if (!id)
		wait_for(r->sse.checkpoints > 0);
	return r;
}

static pid_t pump_pid(void)
{
	return pipe_pump(disk_path(site->folder, "state"), "app");
}

/* ---- a writer that goes on on its own */

/* Numbered lines, in pieces of some, until it is told to stop; then it tells
 * how many there were. A write that fails is an exit code. */
struct writer {
	pid_t pid;
	int stop;
	int result;
};

static void write_until_stopped(int fd, int stop, int result)
{
	/* What is written while all are slow has room in a reader. */
	const useconds_t pause_us = test_is_memcheck() ? 50000 : 500;
	unsigned long next = 0;
	char unused;

	while (read(stop, &unused, 1) < 0) {
		char text[4096];
		int len = 0;

		while (len < 1000)
			len += sprintf(text + len, "%lu\n", next++);
		if (write(fd, text, (size_t)len) != len)
			_exit(1);
		usleep(pause_us);
	}
	if (write(result, &next, sizeof(next)) != sizeof(next))
		_exit(2);
	_exit(0);
}

static void start_writer(struct writer *w)
{
	int stop[2], result[2], fd = pipe_open(pipe_path);

	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(fcntl(stop[0], F_SETFL, O_NONBLOCK), 0);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (w->pid == 0) {
		close(stop[1]);
		write_until_stopped(fd, stop[0], result[1]);
	}
	close(fd);
	close(stop[0]);
	close(result[1]);
	w->stop = stop[1];
	w->result = result[0];
}

/* How many lines it has written: none of its writes failed. */
static unsigned long stop_writer(struct writer *w)
{
	unsigned long lines = 0;
	int status;

	close(w->stop);
	assert_int_equal(read(w->result, &lines, sizeof(lines)), sizeof(lines));
	close(w->result);
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_int_equal(status, 0);
	return lines;
}

/* Numbers from *next on, without a gap or a repetition. */
static void take_numbers(struct reader *r, unsigned long *next, size_t *taken)
{
	for (; *taken < r->event_count; (*taken)++) {
		const char *data = reader_event(r, *taken)->data;
		char expected[32];

		snprintf(expected, sizeof(expected), "%lu", *next);
		if (strcmp(data, expected) != 0)
			fail_msg("%s, not %s", data, expected);
		(*next)++;
	}
}

static void expect_numbers(struct reader *r, unsigned long count)
{
	unsigned long next = 0;
	size_t taken = 0;

	reader_wait_events(r, count);
	take_numbers(r, &next, &taken);
	assert_int_equal(next, count);
}

/* ---- the tests */

static void every_client_of_every_process_gets_all(void **state)
{
	struct reader *readers[WORKERS + 4];
	struct writer writer;
	unsigned long lines;

	site = *state;
	pipe_path = pipe_configure(site, "");
	start_workers();
	for (size_t i = 0; i < WORKERS; i++)
		readers[i] = follow_worker(&workers[i], NULL);
	site->program = SITE_CGI;
	for (size_t i = WORKERS; i < WORKERS + 4; i++) {
		readers[i] = site_open_path(site, "/app");
		wait_for(readers[i]->sse.checkpoints > 0);
	}
	start_writer(&writer);
	reader_wait_events(readers[0], 20000);
	lines = stop_writer(&writer);
	for (size_t i = 0; i < WORKERS + 4; i++)
		expect_numbers(readers[i], lines);
}

static struct worker *worker_of(pid_t pid)
{
	for (size_t i = 0; i < WORKERS; i++)
		if (workers[i].process->pid == pid)
			return &workers[i];
	return NULL;
}

static void a_hundred_kills_lose_and_repeat_nothing(void **state)
{
	unsigned long next = 0, lines;
	size_t taken = 0, resumes = 0;
	struct writer writer;
	struct reader *r;
	char id[256];

	site = *state;
	pipe_path = pipe_configure(site, "");
	start_workers();
	r = follow_worker(&workers[0], NULL);
	start_writer(&writer);
	srand(1);
	for (int kill = 0; kill < 100; kill++) {
		struct worker *victim;
		bool mine;

		wait_quietly(rand() % 20);
		wait_for((victim = worker_of(pump_pid())) != NULL);
		process_kill(victim->process);
		mine = victim == &workers[0];
		start_worker(victim);
		if (mine) {
			reader_wait_closed(r);
			take_numbers(r, &next, &taken);
			snprintf(id, sizeof(id), "%s", reader_last_id(r));
			reader_close(r);
			r = follow_worker(victim, id);
			taken = 0;
			resumes++;
		}
		take_numbers(r, &next, &taken);
	}
	lines = stop_writer(&writer);
	reader_wait_events(r, taken + (lines - next));
	take_numbers(r, &next, &taken);
	assert_int_equal(next, lines);
	assert_true(lines > 1000);
	print_message("%lu lines, %zu resumes\n", lines, resumes);
}

/* ---- killed at every system call */

/* What the pump asks of the kernel while it moves and rotates. */
static const char *const calls[] = { "epoll_wait,?epoll_pwait",
	"fstat,?newfstatat", "ioctl", "splice", "pread64", "tee", "linkat",
	"?renameat,?renameat2", "ftruncate", "close", "openat", "getdents64",
	"unlinkat", "fchmod", "fallocate", "flock", "inotify_add_watch", "read",
	"pwrite64" };

/* And while it takes the rest of a line out of the pipe that is too long. */
static const char *const calls_that_cut[] = { "tee", "read", "pread64",
	"pwrite64", "splice", "ioctl" };

#define TIMES_MAX   6
#define EQUAL_LINE  "all lines are the same\n"
#define EQUAL_LINES 4000 /* 92,000 bytes: some segments */
#define LONG_LINES  12
#define LONG	    100000
#define MAX_LINE    16384

/* A program that reads the pipe and is killed when a thread of it makes one
 * of these calls for the n-th time. */
static struct process *start_victim(const char *which, unsigned n)
{
	struct inject_command command;

	inject_compose(&command,
		&(struct inject){
			.calls = which, .action = "signal=KILL", .when = n },
		(const char *[]){ process_program("ssetail.cgi"), "-c",
			site->config, "app", NULL });
	return process_start(&(struct process_how){ .argv = command.argv });
}

static bool has_begun_or_ended(struct process *p)
{
	return !process_runs(p) || strstr(process_output(p), "retry: ") != NULL;
}

struct writing {
	void (*put)(int fd);
	void (*expect)(struct reader *r);
};

static void put_equal_lines(int fd)
{
	for (int i = 0; i < EQUAL_LINES; i++)
		pipe_put(fd, EQUAL_LINE);
}

static void expect_equal_lines(struct reader *r)
{
	reader_wait_events(r, EQUAL_LINES);
	for (size_t i = 0; i < EQUAL_LINES; i++)
		reader_expect_event(r, i, "message", "all lines are the same");
	assert_int_equal(r->event_count, EQUAL_LINES);
}

static void put_long_lines(int fd)
{
	for (int i = 0; i < LONG_LINES; i++)
		pipe_put(fd, "%0*d\n%d\n", LONG, i, i);
}

/* Of each its start and a gap, and the short one behind it. */
static void expect_long_lines(struct reader *r)
{
	char start[MAX_LINE + 1], text[8];

	memset(start, '0', MAX_LINE);
	start[MAX_LINE] = '\0';
	reader_wait_events(r, 3 * LONG_LINES);
	for (size_t i = 0; i < LONG_LINES; i++) {
		snprintf(text, sizeof(text), "%zu", i);
		reader_expect_event(r, 3 * i, "gap", NULL);
		reader_expect_event(r, 3 * i + 1, "message", start);
		reader_expect_event(r, 3 * i + 2, "message", text);
	}
	assert_int_equal(r->event_count, 3 * LONG_LINES);
}

/* True if it was killed. */
static bool survives_a_kill(const struct writing *writing, const char *which,
	unsigned n, char id[256])
{
	struct process *victim = start_victim(which, n);
	struct reader *r;
	bool killed;
	int fd;

	wait_for(has_begun_or_ended(victim));
	r = site_open(site, &(struct ask){ .path = "/app",
				    .last_event_id = id[0] ? id : NULL });
	reader_wait_head(r);
	wait_for(pump_pid() != 0);
	fd = pipe_open(pipe_path);
	writing->put(fd);
	writing->expect(r);
	close(fd);
	snprintf(id, 256, "%s", reader_last_id(r));
	/* Who reads now says whether it was; that it ended takes a moment. */
	killed = pump_pid() == site->responder->pid;
	if (killed)
		wait_for(!process_runs(victim));
	process_free(victim);
	site_restart(site);
	return killed;
}

/* Returns how many times somebody was. */
static unsigned kill_at(
	const struct writing *writing, const char *const *which, size_t count)
{
	char id[256] = "";
	unsigned kills = 0;

	pipe_path = pipe_configure(site, "spool_size = 262144; history = 0;");
	site->program = SITE_FCGI;
	for (size_t i = 0; i < count; i++) {
		unsigned n = 1;

		while (n <= TIMES_MAX &&
			survives_a_kill(writing, which[i], n, id))
			n++;
		if (n == 1)
			print_message("%s: nobody was killed\n", which[i]);
		kills += n - 1;
	}
	print_message("%u kills\n", kills);
	return kills;
}

static void a_kill_at_any_call_loses_and_repeats_nothing(void **state)
{
	site = *state;
	assert_true(kill_at(&(struct writing){ put_equal_lines,
				    expect_equal_lines },
			    calls, sizeof(calls) / sizeof(*calls)) > 50);
}

static void a_kill_while_a_line_is_cut_leaves_no_part_of_it(void **state)
{
	site = *state;
	assert_true(
		kill_at(&(struct writing){ put_long_lines, expect_long_lines },
			calls_that_cut,
			sizeof(calls_that_cut) / sizeof(*calls_that_cut)) > 20);
}

/* Whoever waits sleeps: it asks for no lock until there is one to be had. */
static void who_waits_does_not_ask_again_and_again(void **state)
{
	const char *trace;
	struct bytes text = BYTES_INIT;
	struct process *waiter;
	struct reader *r;
	size_t asked = 0;
	int fd;

	site = *state;
	pipe_path = pipe_configure(site, "");
	trace = disk_path(site->folder, "trace");
	site->program = SITE_FCGI;
	r = site_open_path(site, "/app");
	wait_for(r->sse.checkpoints > 0);
	waiter = process_run("strace", "-f", "-qq", "-o", trace, "-e",
		"trace=flock,splice", process_program("ssetail.cgi"), "-c",
		site->config, "app", NULL);
	wait_for(strstr(process_output(waiter), "retry: ") != NULL);
	for (unsigned i = 0; i < 200; i++) {
		fd = pipe_open(pipe_path);
		pipe_put(fd, "%u\n", i);
		close(fd);
		reader_wait_events(r, i + 1);
	}
	wait_quietly(2500);
	disk_read(&text, trace);
	assert_null(strstr(bytes_text(&text), "splice("));
	for (const char *at = bytes_text(&text); (at = strstr(at, "flock("));
		at++)
		asked++;
	assert_in_range(asked, 1, 4);
	/* But then it reads. */
	process_kill(site->responder);
	process_free(site->responder);
	site->responder = NULL;
	pipe_write(pipe_path, "taken over\n");
	wait_for(strstr(process_output(waiter), "data: taken over\n") != NULL);
	reader_close_all();
	site->count = 0;
	bytes_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TEST(every_client_of_every_process_gets_all),
		SITE_TEST(a_hundred_kills_lose_and_repeat_nothing),
		SITE_TEST(a_kill_at_any_call_loses_and_repeats_nothing),
		SITE_TEST(a_kill_while_a_line_is_cut_leaves_no_part_of_it),
		SITE_TEST(who_waits_does_not_ask_again_and_again),
	};

	return cmocka_run_group_tests_name("pipes_many", tests, NULL, NULL);
}
