/*
 * Under a service manager: the socket that it hands over, and what it is
 * told, sd_listen_fds(3) and sd_notify(3). The manager is this program.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

enum { HANDED_OVER = 3 };

/* The manager's end. An abstract name begins with "@". */
static int bind_socket(const char *name, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	size_t len = strlen(name);

	assert_true(fd >= 0);
	assert_true(len < sizeof(address.sun_path));
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				    len)),
		0);
	return fd;
}

/* What was said since the last time, each with a blank behind it. */
static const char *take_said(int fd)
{
	static char all[256];
	char one[64];
	ssize_t n;

	all[0] = '\0';
	while ((n = recv(fd, one, sizeof(one) - 1, 0)) > 0) {
		one[n] = '\0';
		assert_true(strlen(all) + (size_t)n + 2 < sizeof(all));
		strcat(strcat(all, one), " ");
	}
	return all;
}

static void hand_over(void *context)
{
	int listener = *(int *)context;

	if (listener == HANDED_OVER)
		fcntl(listener, F_SETFD, 0);
	else
		dup2(listener, HANDED_OVER);
}

/* Starts the responder with the socket as descriptor 3. Only the process
 * itself knows its number, hence a shell. */
static struct process *start_activated(
	const struct responder *r, int listener, const char *notify)
{
	return process_start(&(struct process_how){
		.argv = (const char *[]){ "/bin/sh", "-c",
			"export NOTIFY_SOCKET=\"$1\" LISTEN_FDS=1 "
			"LISTEN_PID=$$; exec \"$2\" -c \"$3\"",
			"sh", notify, process_program("ssetail.fcgi"),
			r->config, NULL },
		.in_child = hand_over,
		.context = &listener });
}

static void tells_when_it_serves_and_when_it_stops(void **state)
{
	(void)state;
	struct responder r;

	responder_prepare(&r, NULL);
	const char *names[] = { disk_path(r.folder, "notify"),
		disk_path("@ssetail", "%d", (int)getpid()) };
	for (int i = 0; i < 2; i++) {
		int notify = bind_socket(names[i], SOCK_DGRAM);
		int listener = bind_socket(
			disk_path(r.folder, "socket%d", i), SOCK_STREAM);

		assert_int_equal(listen(listener, 16), 0);
		struct process *p = start_activated(&r, listener, names[i]);
		wait_for(strcmp(take_said(notify), "READY=1 ") == 0);
		process_signal(p, SIGTERM);
		assert_int_equal(process_exit_code(p), 0);
		assert_string_equal(take_said(notify), "STOPPING=1 ");
		close(notify);
		close(listener);
	}
}

/* sd_notify(3), RELOADING=1. */
static void tells_when_it_reads_its_configuration_again(void **state)
{
	(void)state;
	struct responder r;
	struct bytes text = BYTES_INIT;
	char rest[64];
	long long usec;

	responder_prepare(&r, NULL);
	int notify = bind_socket(disk_path(r.folder, "notify"), SOCK_DGRAM);
	int listener = bind_socket(r.address, SOCK_STREAM);

	assert_int_equal(listen(listener, 16), 0);
	struct process *p =
		start_activated(&r, listener, disk_path(r.folder, "notify"));
	wait_for(strcmp(take_said(notify), "READY=1 ") == 0);
	/* Also when it is faulty: what was there goes on. */
	for (int i = 0; i < 2; i++) {
		process_signal(p, SIGHUP);
		process_wait_errors(p,
			i ? "reload: nothing has changed\n" : "info: reload: ");
		bytes_clear(&text);
		wait_for((bytes_add_text(&text, take_said(notify)),
			strstr(text.data, "READY=1")));
		assert_int_equal(
			sscanf(text.data,
				"RELOADING=1\nMONOTONIC_USEC=%lld %60[^\n]",
				&usec, rest),
			2);
		assert_in_range(usec / 1000, 1, test_now_ms());
		assert_string_equal(rest, "READY=1 ");
		disk_write(r.config, "x");
	}
	assert_int_equal(process_stop(p), 0);
	bytes_release(&text);
	close(notify);
	close(listener);
}

static void is_not_ready_with_a_faulty_configuration(void **state)
{
	(void)state;
	struct responder r;
	int notify, listener;

	responder_prepare(&r, &(struct responder_how){ .settings = "x = 1;" });
	notify = bind_socket(disk_path(r.folder, "notify"), SOCK_DGRAM);
	listener = bind_socket(r.address, SOCK_STREAM);
	assert_int_equal(listen(listener, 16), 0);
	assert_int_not_equal(process_exit_code(start_activated(&r, listener,
				     disk_path(r.folder, "notify"))),
		0);
	assert_string_equal(take_said(notify), "");
	close(notify);
	close(listener);
}

/* Whoever connected while nothing ran is served by what is started then, and
 * the socket outlives it. */
static void serves_who_waited_in_the_socket(void **state)
{
	(void)state;
	struct responder r;

	responder_prepare(&r, NULL);
	disk_append(r.log, "one\n");
	int listener = bind_socket(r.address, SOCK_STREAM);
	assert_int_equal(listen(listener, 16), 0);
	for (int i = 0; i < 2; i++) {
		struct front_client *c = responder_open(&r, NULL);
		struct process *p = start_activated(&r, listener, "");

		reader_expect_event(&c->reader, 0, "message", "one");
		reader_close(&c->reader);
		assert_int_equal(process_stop(p), 0);
		assert_true(disk_exists(r.address));
	}
	close(listener);
}

static void a_manager_that_is_gone_changes_nothing(void **state)
{
	(void)state;
	struct responder r;
	static const char *const names[] = { "/none/at/all", "@none at all",
		"relative" };

	responder_prepare(&r, NULL);
	disk_append(r.log, "one\n");
	int listener = bind_socket(r.address, SOCK_STREAM);
	assert_int_equal(listen(listener, 16), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct process *p = start_activated(&r, listener, names[i]);
		struct front_client *c = responder_open(&r, NULL);

		reader_expect_event(&c->reader, 0, "message", "one");
		reader_close(&c->reader);
		process_wait_errors(p, "service manager: READY=1: not told");
		assert_int_equal(process_stop(p), 0);
	}
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			tells_when_it_serves_and_when_it_stops, test_cleanup),
		cmocka_unit_test_teardown(
			tells_when_it_reads_its_configuration_again,
			test_cleanup),
		cmocka_unit_test_teardown(
			is_not_ready_with_a_faulty_configuration, test_cleanup),
		cmocka_unit_test_teardown(
			serves_who_waited_in_the_socket, test_cleanup),
		cmocka_unit_test_teardown(
			a_manager_that_is_gone_changes_nothing, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
