/*
 * The socket it listens on, inherited or its own, and the odd surroundings
 * it may be started in.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

#define STARTED "info: start: "

/* A socket that listens, as a web server makes it before it starts us. */
static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1024), 0);
	return fd;
}

static void expect_line(const struct responder *r, const char *line)
{
	struct front_client *c = responder_open(r, NULL);

	reader_expect_event(&c->reader, 0, "message", line);
	reader_close(&c->reader);
}

/* ---- inherited */

static void descriptor_0_is_listened_on(void **state)
{
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	disk_append(r.log, "one\n");
	int fd = listen_on(r.address);
	r.process = responder_run_bare(
		&r, &(struct responder_how){ .stdin_fd = fd });
	close(fd);
	expect_line(&r, "one");
	assert_int_equal(process_stop(r.process), 0);
	/* It is the web server's to remove. */
	assert_true(disk_exists(r.address));
}

/* An inherited socket wins over a configured one. */
static void descriptor_0_wins_over_the_configuration(void **state)
{
	struct bytes settings = BYTES_INIT;
	struct responder r;

	(void)state;
	bytes_add_text(&settings, "listen = \"configured\";");
	responder_prepare(
		&r, &(struct responder_how){ .settings = settings.data });
	disk_append(r.log, "one\n");
	int fd = listen_on(r.address);
	r.process = responder_run_bare(
		&r, &(struct responder_how){ .stdin_fd = fd });
	close(fd);
	expect_line(&r, "one");
	assert_false(disk_exists(disk_path(r.folder, "configured")));
	bytes_release(&settings);
}

static char state_of(const struct process *p)
{
	char path[64], text[300] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return strrchr(text, ')')[2];
}

/* While the others are stopped, it answers alone. */
static void expect_answer_of(const struct responder *r,
	struct process **processes, int count, int one)
{
	struct front_client *c;

	for (int i = 0; i < count; i++)
		if (i != one)
			process_signal(processes[i], SIGSTOP);
	for (int i = 0; i < count; i++)
		if (i != one)
			wait_for(state_of(processes[i]) == 'T');
	size_t before = process_sockets(processes[one]->pid);
	c = responder_follow(r, NULL);
	assert_true(process_sockets(processes[one]->pid) > before);
	for (int i = 0; i < count; i++)
		process_signal(processes[i], SIGCONT);
	reader_close(&c->reader);
}

/* spawn-fcgi -F 4, lighttpd's max-procs: all of them answer, and those that
 * are left when others are killed. */
static void four_processes_share_one_socket(void **state)
{
	enum { PROCESSES = 4, CLIENTS = 200 };
	static struct front_client *clients[CLIENTS];
	struct process *processes[PROCESSES];
	struct responder r;

	(void)state;
	responder_prepare(
		&r, &(struct responder_how){ .source = "history = 0;" });
	int fd = listen_on(r.address);
	for (int i = 0; i < PROCESSES; i++) {
		processes[i] = responder_run_bare(
			&r, &(struct responder_how){ .stdin_fd = fd });
		process_wait_errors(processes[i], STARTED);
	}
	close(fd);
	for (int i = 0; i < PROCESSES; i++)
		expect_answer_of(&r, processes, PROCESSES, i);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = responder_open(&r, NULL);
	for (int i = 0; i < CLIENTS; i++)
		wait_for(clients[i]->reader.sse.checkpoints > 0);
	disk_append(r.log, "to all\n");
	for (int i = 0; i < CLIENTS; i++)
		reader_wait_data(&clients[i]->reader, "to all");

	/* Its clients come back elsewhere. */
	process_kill(processes[0]);
	process_kill(processes[1]);
	disk_append(r.log, "meanwhile\n");
	for (int i = 0; i < CLIENTS; i++) {
		struct front_client *c = clients[i];

		wait_for(c->reader.closed || c->reader.event_count == 2);
		if (!c->reader.closed)
			continue;
		assert_false(c->has_end);
		c = responder_open(&r,
			&(struct ask){
				.last_event_id = reader_last_id(&c->reader) });
		reader_expect_event(&c->reader, 0, "message", "meanwhile");
	}
}

static void terminate(void *context, pid_t pid)
{
	(void)context;
	kill(pid, SIGTERM);
}

/* With the line that the manual has. */
static void spawn_fcgi_starts_four(void **state)
{
	enum { PROCESSES = 4 };
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	disk_append(r.log, "one\n");
	struct process *spawn =
		process_run("spawn-fcgi", "-s", r.address, "-F", "4", "--",
			process_program("ssetail.fcgi"), "-c", r.config, NULL);
	assert_int_equal(process_exit_code(spawn), 0);
	wait_for(process_descendants(getpid(), "ssetail.fcgi") == PROCESSES);
	for (int i = 0; i < 2 * PROCESSES; i++)
		expect_line(&r, "one");
	process_each_descendant(getpid(), "ssetail.fcgi", terminate, NULL);
	wait_for(process_descendants(getpid(), "ssetail.fcgi") == 0);
}

/* Left to itself the kernel wakes the same one again and again. */
static void clients_that_come_one_by_one_are_shared_out(void **state)
{
	enum { PROCESSES = 4, CLIENTS = 80 };
	struct process *processes[PROCESSES];
	size_t before[PROCESSES];
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	int fd = listen_on(r.address);
	for (int i = 0; i < PROCESSES; i++) {
		processes[i] = responder_run_bare(
			&r, &(struct responder_how){ .stdin_fd = fd });
		process_wait_errors(processes[i], STARTED);
		before[i] = process_sockets(processes[i]->pid);
	}
	close(fd);
	for (int i = 0; i < CLIENTS; i++)
		responder_follow(&r, NULL);
	for (int i = 0; i < PROCESSES; i++)
		assert_true(process_sockets(processes[i]->pid) >=
			    before[i] + CLIENTS / PROCESSES / 2);
}

/*
 * One is woken to take the connection and, mostly, again for the request. Were
 * all of them woken for the first, as many would go back to sleep at once: it
 * is the kernel that counts these.
 */
static void a_client_wakes_one_of_four(void **state)
{
	enum { PROCESSES = 4, CLIENTS = 400 };
	struct process *processes[PROCESSES];
	struct responder r;
	uint64_t waits = 0;

	(void)state;
	responder_prepare(&r, NULL);
	int fd = listen_on(r.address);
	for (int i = 0; i < PROCESSES; i++) {
		processes[i] = responder_run_bare(
			&r, &(struct responder_how){ .stdin_fd = fd });
		process_wait_errors(processes[i], STARTED);
	}
	close(fd);
	for (int i = 0; i < PROCESSES; i++)
		waits -= process_waits(processes[i]->pid);
	for (int i = 0; i < CLIENTS; i++)
		responder_follow(&r, NULL);
	for (int i = 0; i < PROCESSES; i++)
		waits += process_waits(processes[i]->pid);
	assert_true(waits <= 5 * CLIENTS / 2);
}

struct activation {
	char listen_pid[32]; /* of the environment; filled in by the child */
	int fd;
};

static void activate(void *context)
{
	struct activation *a = context;

	snprintf(a->listen_pid, sizeof(a->listen_pid), "LISTEN_PID=%d",
		(int)getpid());
	if (a->fd == 3)
		fcntl(3, F_SETFD, 0); /* dup2 would leave it as it is */
	else
		dup2(a->fd, 3);
}

static void listen_fds_are_taken(void **state)
{
	struct activation a = { .listen_pid = "" };
	const char *const env[] = { "LISTEN_FDS=1", a.listen_pid, NULL };
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	disk_append(r.log, "one\n");
	a.fd = listen_on(r.address);
	r.process = responder_run_bare(
		&r, &(struct responder_how){
			    .env = env, .in_child = activate, .context = &a });
	close(a.fd);
	expect_line(&r, "one");
	assert_int_equal(process_stop(r.process), 0);
	assert_true(disk_exists(r.address));
}

/* ---- its own */

static gid_t any_group(void)
{
	/* Root may give it to anybody, others to their own groups. */
	return geteuid() == 0 ? 12345 : getegid();
}

static void its_own_socket_has_the_mode_and_group_it_was_given(void **state)
{
	static const mode_t masks[] = { 0, 0777, 022 };
	struct stat st;

	for (size_t i = 0; i < 3; i++) {
		struct bytes settings = BYTES_INIT;
		struct responder r;

		bytes_add_format(&settings,
			"listen = \"socket\"; listen_mode = \"0620\"; "
			"listen_group = \"%u\";",
			(unsigned)any_group());
		responder_prepare(&r,
			&(struct responder_how){ .settings = settings.data });
		disk_append(r.log, "one\n");
		mode_t before = umask(masks[i]);
		r.process = responder_run_bare(&r, NULL);
		umask(before);
		process_wait_errors(r.process, STARTED);
		assert_int_equal(stat(r.address, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0620);
		assert_int_equal(st.st_gid, any_group());
		expect_line(&r, "one");
		assert_int_equal(process_stop(r.process), 0);
		assert_false(disk_exists(r.address));
		bytes_release(&settings);
		test_cleanup(state);
	}
}

static void it_listens_on_ipv4_and_ipv6(void **state)
{
	const char *const addresses[] = {
		responder_tcp(),
		disk_path("", "[::1]:%d", process_free_port()) + 1,
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bytes settings = BYTES_INIT;
		struct responder r;

		bytes_add_format(&settings, "listen = \"%s\";", addresses[i]);
		responder_prepare(
			&r, &(struct responder_how){ .settings = settings.data,
				    .address = addresses[i] });
		disk_append(r.log, "one\n");
		r.process = responder_run_bare(&r, NULL);
		process_wait_errors(r.process, STARTED);
		expect_line(&r, "one");
		bytes_release(&settings);
	}
}

static void a_stale_socket_is_replaced(void **state)
{
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	disk_append(r.log, "one\n");
	close(listen_on(r.address));
	assert_true(disk_exists(r.address));
	responder_run(&r, NULL);
	expect_line(&r, "one");
	/* As it leaves one behind itself, when it is killed. */
	process_kill(r.process);
	assert_true(disk_exists(r.address));
	responder_run(&r, NULL);
	expect_line(&r, "one");
}

static void a_live_socket_is_refused_and_lives_on(void **state)
{
	struct responder r, second;

	(void)state;
	responder_start(&r, NULL);
	disk_append(r.log, "one\n");
	second = r;
	const char *argv[] = { process_program("ssetail.fcgi"), "-c", r.config,
		"-l", r.address, NULL };
	second.process = process_start(&(struct process_how){ .argv = argv });
	assert_int_equal(process_exit_code(second.process), 69);
	assert_non_null(strstr(process_errors(second.process), "error: "));
	assert_non_null(strstr(process_errors(second.process), r.address));
	expect_line(&r, "one");
	assert_int_equal(process_stop(r.process), 0);
}

static void what_is_no_socket_is_never_touched(void **state)
{
	static const char *const names[] = { "file", "folder", "link",
		"dangling", "pipe" };
	struct bytes content = BYTES_INIT;
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	disk_write(disk_path(r.folder, "file"), "precious\n");
	disk_subfolder(r.folder, "folder");
	disk_link("file", disk_path(r.folder, "link"));
	disk_link("nowhere", disk_path(r.folder, "dangling"));
	assert_int_equal(mkfifo(disk_path(r.folder, "pipe"), 0600), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *path = disk_path(r.folder, "%s", names[i]);
		const char *argv[] = { process_program("ssetail.fcgi"), "-c",
			r.config, "-l", path, NULL };
		struct stat before, after;

		assert_int_equal(lstat(path, &before), 0);
		struct process *p =
			process_start(&(struct process_how){ .argv = argv });
		assert_int_equal(process_exit_code(p), 69);
		assert_non_null(strstr(process_errors(p), path));
		assert_int_equal(lstat(path, &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_int_equal(before.st_mode, after.st_mode);
	}
	disk_read(&content, disk_path(r.folder, "file"));
	assert_true(bytes_are(&content, "precious\n"));
	bytes_release(&content);
}

/* ---- odd surroundings */

static void close_some(void *context)
{
	const char *which = context;

	for (int fd = 0; fd <= 2; fd++)
		if (strchr(which, '0' + fd))
			close(fd);
}

/* The path is there before anybody listens. */
static bool listens(const char *address)
{
	int fd = reader_connect(address);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void descriptors_0_to_2_may_be_closed(void **state)
{
	static char all[][4] = { "0", "1", "2", "01", "12", "02", "012" };
	struct responder r;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		responder_prepare(&r,
			&(struct responder_how){ .settings = "listen = "
							     "\"socket\";" });
		disk_append(r.log, "one\n");
		r.process = responder_run_bare(
			&r, &(struct responder_how){ .in_child = close_some,
				    .context = all[i] });
		/* It may have nowhere to say so. */
		wait_for(listens(r.address));
		expect_line(&r, "one");
		/* Nothing of it got one of these numbers: of memcheck's log
		 * alone it cannot be said. */
		for (int fd = 0; fd <= 2; fd++) {
			char path[64], target[200];

			snprintf(path, sizeof(path), "/proc/%d/fd/%d",
				(int)r.process->pid, fd);
			ssize_t n = readlink(path, target, sizeof(target) - 1);
			assert_true(n > 0);
			target[n] = '\0';
			if (strchr(all[i], '0' + fd) && !test_is_memcheck())
				assert_string_equal(target, "/dev/null");
		}
		assert_int_equal(process_stop(r.process), 0);
	}
}

static void leave_the_folder(void *context)
{
	rmdir(context);
}

static void its_working_directory_may_be_deleted(void **state)
{
	struct responder r;
	char gone[300];

	(void)state;
	responder_prepare(&r, NULL);
	disk_append(r.log, "one\n");
	snprintf(gone, sizeof(gone), "%s", disk_subfolder(r.folder, "gone"));
	responder_run(&r, &(struct responder_how){ .folder = gone,
				  .in_child = leave_the_folder,
				  .context = gone });
	assert_false(disk_exists(gone));
	expect_line(&r, "one");
	disk_append(r.log, "two\n");
	struct front_client *c = responder_open(&r, NULL);
	reader_expect_event(&c->reader, 1, "message", "two");
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- started the wrong way */

static void started_as_cgi_the_responder_says_so_to_both_sides(void **state)
{
	const char *const env[] = { "GATEWAY_INTERFACE=CGI/1.1",
		"REQUEST_METHOD=GET", NULL };
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	struct process *p =
		responder_run_bare(&r, &(struct responder_how){ .env = env });
	process_exit_code(p);
	assert_non_null(strstr(process_output(p), "Status: 500"));
	assert_non_null(strstr(process_output(p), "ssetail.cgi"));
	assert_non_null(strstr(process_errors(p), "ssetail.cgi"));
	assert_null(strstr(process_output(p), r.folder));
}

static void started_as_fastcgi_the_cgi_program_says_so(void **state)
{
	const char *argv[] = { process_program("ssetail.cgi"), NULL };
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	int fd = listen_on(r.address);
	struct process *p = process_start(
		&(struct process_how){ .argv = argv, .stdin_fd = fd });
	close(fd);
	assert_int_equal(process_exit_code(p), 64);
	assert_non_null(strstr(process_errors(p), "ssetail.fcgi"));
}

static void without_a_web_server_and_an_address_it_says_what_to_do(void **state)
{
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	struct process *p = responder_run_bare(&r, NULL);
	assert_int_equal(process_exit_code(p), 69);
	assert_non_null(strstr(process_errors(p), "-l"));
	assert_non_null(strstr(process_errors(p), "listen"));
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(descriptor_0_is_listened_on),
		TEST(descriptor_0_wins_over_the_configuration),
		TEST(four_processes_share_one_socket),
		TEST(spawn_fcgi_starts_four),
		TEST(clients_that_come_one_by_one_are_shared_out),
		TEST(a_client_wakes_one_of_four),
		TEST(listen_fds_are_taken),
		TEST(its_own_socket_has_the_mode_and_group_it_was_given),
		TEST(it_listens_on_ipv4_and_ipv6),
		TEST(a_stale_socket_is_replaced),
		TEST(a_live_socket_is_refused_and_lives_on),
		TEST(what_is_no_socket_is_never_touched),
		TEST(descriptors_0_to_2_may_be_closed),
		TEST(its_working_directory_may_be_deleted),
		TEST(started_as_cgi_the_responder_says_so_to_both_sides),
		TEST(started_as_fastcgi_the_cgi_program_says_so),
		TEST(without_a_web_server_and_an_address_it_says_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
