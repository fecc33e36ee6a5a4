/*
 * Plain CGI is a process for each client, and a user has 128 instances of
 * inotify: 200 of them on one file all get every line, those without by the
 * timer.
 */
#include "tests/lib/test.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"
#include "tests/lib/process.h"

enum { CLIENTS = 200, WITH_INOTIFY = 100, LINES = 40 };

/* Instances are counted by user: one of our own disturbs no other test. */
static uid_t own_user;

static void become_own_user(void *unused)
{
	(void)unused;
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) < 0 || setgid(own_user) < 0 ||
		setuid(own_user) < 0)
		_exit(126);
}

/* Whatever the limit is: some are left, and no more. They are held as long
 * as the program that is executed with them runs. */
static void take_most_instances(void *context)
{
	int fds[WITH_INOTIFY], count = 0, fd;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	become_own_user(context);
	while ((fd = inotify_init1(0)) >= 0)
		fds[count++ % WITH_INOTIFY] = fd;
	for (int i = 0; i < WITH_INOTIFY && i < count; i++)
		close(fds[i]);
}

static struct process *hold_instances(void)
{
	static const char *const argv[] = { "sleep", "1000", NULL };

	return process_start(&(struct process_how){
		.argv = argv,
		.in_child = take_most_instances,
	});
}

static struct cgi_client *clients[CLIENTS];

static void start_clients(const char *folder, const char *config)
{
	const char *program = disk_path(folder, "ssetail.cgi");

	/* Another user may not reach the folder of the build. */
	process_copy_program("ssetail.cgi", program);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = cgi_open(&(struct cgi_how){ .program = program,
					      .config = config,
					      .socket = i % 2,
					      .in_child = become_own_user },
			&(struct ask){ .path = "/log" });
	for (int i = 0; i < CLIENTS; i++)
		wait_for(clients[i]->reader.sse.checkpoints > 0);
}

static bool has_inotify(const struct cgi_client *c)
{
	return !strstr(process_errors(c->process), "inotify: not to be had");
}

/* All have so many lines; those that are told by an event, before. */
static void expect_lines(int count)
{
	int64_t begin = test_now_ms(), told = 0, looked = 0;

	for (int with = 1; with >= 0; with--) {
		for (int i = 0; i < CLIENTS; i++)
			if (has_inotify(clients[i]) == (with == 1))
				reader_wait_events(
					&clients[i]->reader, (uint64_t)count);
		*(with ? &told : &looked) = test_now_ms() - begin;
	}
	print_message("%d lines: after %lld ms, without inotify %lld ms\n",
		count, (long long)told, (long long)looked);
}

static void two_hundred_get_every_line_with_inotify_or_without(void **state)
{
	const char *folder = disk_folder();
	const char *log = disk_path(folder, "log");
	const char *config = disk_path(folder, "ssetail.conf");
	struct process *holder;
	size_t pss = 0;
	int with = 0;

	(void)state;
	own_user = (uid_t)(40000 + getpid() % 20000);
	disk_touch(log);
	disk_write(config, "sources = ( { name = \"log\"; path = \"log\"; "
			   "history = 0; } );\n");
	holder = hold_instances();
	start_clients(folder, config);
	for (int i = 0; i < CLIENTS; i++) {
		with += has_inotify(clients[i]);
		pss += process_pss_bytes(clients[i]->process->pid);
	}
	print_message("%d of %d have inotify; %zu KB of memory each\n", with,
		CLIENTS, pss / CLIENTS / 1024);
	assert_in_range(with, 1, WITH_INOTIFY);

	for (int i = 0; i < LINES; i++) {
		disk_append(log, "line %d\n", i);
		if (i % 20 == 0)
			expect_lines(i + 1);
		/* By the timer, too. */
		if (i == LINES / 2) {
			disk_rename(log, disk_path(folder, "log.1"));
			disk_touch(log);
		}
	}
	expect_lines(LINES);
	for (int i = 0; i < CLIENTS; i++) {
		struct reader *r = &clients[i]->reader;

		assert_int_equal(r->event_count, LINES);
		for (int j = 0; j < LINES; j++) {
			char line[20];

			snprintf(line, sizeof(line), "line %d", j);
			reader_expect_event(r, (size_t)j, "message", line);
		}
	}
	/* None outlives its client. */
	for (int i = 0; i < CLIENTS; i++)
		reader_hang_up(&clients[i]->reader);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(process_exit_code(clients[i]->process), 0);
	assert_true(process_runs(holder));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			two_hundred_get_every_line_with_inotify_or_without,
			test_cleanup),
	};

	return cmocka_run_group_tests_name("many as CGI", tests, NULL, NULL);
}
