/*
 * What a process that has given up the rest can still do. On a kernel without
 * Landlock: what has no need of it, and that the others are told apart.
 */
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sandbox.h"
#include "tests/lib/disk.h"

static const char *folder, *granted, *writable, *other;

static int setup(void **state)
{
	(void)state;
	folder = disk_folder();
	granted = disk_subfolder(folder, "granted");
	writable = disk_subfolder(folder, "writable");
	other = disk_subfolder(folder, "other");
	disk_touch(disk_path(granted, "file"));
	disk_touch(disk_path(writable, "file"));
	disk_touch(disk_path(other, "file"));
	disk_link(disk_path(other, "file"), disk_path(granted, "out"));
	return 0;
}

/* The errno with which the act fails inside; 0: it does not fail. */
static int inside(int (*act)(const char *path), const char *path)
{
	struct grant list[] = {
		{ .path = (char *)granted, .rights = GRANT_READ },
		{ .path = (char *)writable, .rights = GRANT_READ | GRANT_WRITE }
	};
	const struct grants g = { .list = list, .count = 2 };
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter(&g) < 0)
			_exit(255);
		_exit(act(path) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

/* What is fenced where there is a Landlock of that version. */
static void expect_fenced(
	int since, int (*act)(const char *path), const char *path)
{
	int error = inside(act, path);

	if (sandbox_version() < since)
		assert_int_not_equal(error, EACCES);
	else
		assert_int_equal(error, EACCES);
}

static int read_file(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int list_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int write_file(const char *path)
{
	return open(path, O_WRONLY | O_CLOEXEC);
}

static int empty_file(const char *path)
{
	return truncate(path, 0);
}

static int make_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int make_folder(const char *path)
{
	return mkdir(path, 0700);
}

static int run(const char *path)
{
	return execl(path, path, (char *)NULL);
}

static int connect_out(const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static int signal_parent(const char *unused)
{
	(void)unused;
	return kill(getppid(), 0);
}

static void what_is_granted_can_be_read(void **state)
{
	(void)state;
	assert_int_equal(inside(read_file, disk_path(granted, "file")), 0);
	assert_int_equal(inside(list_folder, granted), 0);
}

static void what_is_not_cannot_by_any_name(void **state)
{
	(void)state;
	expect_fenced(1, read_file, disk_path(other, "file"));
	expect_fenced(1, read_file, disk_path(granted, "../other/file"));
	expect_fenced(1, read_file, disk_path(granted, "out"));
	expect_fenced(1, list_folder, other);
	expect_fenced(1, list_folder, "/etc");
	expect_fenced(1, read_file, "/etc/passwd");
}

static void nothing_is_written_but_where_it_may(void **state)
{
	(void)state;
	assert_int_equal(inside(write_file, disk_path(writable, "file")), 0);
	assert_int_equal(inside(make_file, disk_path(writable, "new")), 0);
	assert_int_equal(inside(unlink, disk_path(writable, "new")), 0);
	assert_int_equal(inside(make_folder, disk_path(writable, "sub")), 0);
	expect_fenced(1, write_file, disk_path(granted, "file"));
	expect_fenced(3, empty_file, disk_path(granted, "file"));
	expect_fenced(1, make_file, disk_path(granted, "new"));
	expect_fenced(1, make_folder, disk_path(granted, "sub"));
	expect_fenced(1, rmdir, disk_path(writable, "sub"));
	expect_fenced(1, unlink, disk_path(granted, "file"));
}

static void nothing_is_run(void **state)
{
	(void)state;
	expect_fenced(1, run, "/bin/true");
}

static void nobody_is_connected_to(void **state)
{
	(void)state;
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char port[8];

	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	snprintf(port, sizeof(port), "%d", ntohs(at.sin_port));
	expect_fenced(4, connect_out, port);
	close(fd);
}

static void nobody_is_signalled(void **state)
{
	(void)state;
	int error = inside(signal_parent, NULL);

	assert_int_equal(error, sandbox_version() < 6 ? 0 : EPERM);
}

/* ---- with any kernel */

static int new_privileges(const char *unused)
{
	(void)unused;
	errno = 1;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1;
}

static int raise_core_limit(const char *unused)
{
	struct rlimit limit;

	(void)unused;
	/* More than any core file has, and what stops a program that takes
	 * them: see sandbox.c. */
	errno = 1;
	return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur <= 1 &&
			       limit.rlim_max <= 1
		       ? 0
		       : -1;
}

static int is_not_dumpable(const char *unused)
{
	(void)unused;
	errno = 1;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -1;
}

static void privileges_and_core_dumps_are_given_up(void **state)
{
	(void)state;
	assert_int_equal(inside(new_privileges, NULL), 0);
	assert_int_equal(inside(is_not_dumpable, NULL), 0);
	assert_int_equal(inside(raise_core_limit, NULL), 0);
}

static void *try_in_thread(void *context)
{
	static int error;

	error = read_file(context) < 0 ? errno : 0;
	return &error;
}

static int read_in_thread(const char *path)
{
	pthread_t thread;
	void *error;

	pthread_create(&thread, NULL, try_in_thread, (void *)path);
	pthread_join(thread, &error);
	errno = *(int *)error;
	return errno ? -1 : 0;
}

static void threads_that_come_later_are_inside(void **state)
{
	(void)state;
	expect_fenced(1, read_in_thread, disk_path(other, "file"));
	assert_int_equal(inside(read_in_thread, disk_path(granted, "file")), 0);
}

/* ---- by version, whatever this kernel has */

static void each_version_is_asked_for_what_it_knows(void **state)
{
	/* As many rights as the kernel's header names, from the lowest bit. */
	static const struct {
		int version;
		unsigned bits;
	} rows[] = { { 1, 13 }, { 2, 14 }, { 3, 15 }, { 4, 15 }, { 5, 16 },
		{ 6, 16 }, { 7, 16 }, { 99, 16 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(sandbox_handled(rows[i].version),
			(1ULL << rows[i].bits) - 1);
	/* What is granted is within what is handled: else it is an error. */
	for (int version = 1; version < 9; version++)
		for (unsigned rights = 0; rights < 16; rights++)
			assert_int_equal(sandbox_rights(rights, true, version) &
						 ~sandbox_handled(version),
				0);
}

static void a_single_file_has_no_rights_of_folders(void **state)
{
	(void)state;
	assert_int_equal(sandbox_rights(GRANT_READ, false, 7),
		LANDLOCK_ACCESS_FS_READ_FILE);
	assert_int_equal(sandbox_rights(GRANT_READ, true, 7),
		LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
	assert_int_equal(sandbox_rights(GRANT_REMOVE, false, 7), 0);
	assert_int_equal(sandbox_rights(GRANT_PIPE, true, 1),
		LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_REMOVE_FILE);
	/* Truncating is a right of its own since version 3. */
	assert_int_equal(sandbox_rights(GRANT_WRITE, false, 2),
		LANDLOCK_ACCESS_FS_WRITE_FILE);
	assert_int_equal(sandbox_rights(GRANT_WRITE, false, 3),
		LANDLOCK_ACCESS_FS_WRITE_FILE | 1ULL << 14);
}

static void without_memory_nothing_is_entered(void **state)
{
	(void)state;
	const struct grants g = { .failed = true };

	assert_int_equal(sandbox_enter(&g), -1);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_granted_can_be_read),
		TEST(what_is_not_cannot_by_any_name),
		TEST(nothing_is_written_but_where_it_may),
		TEST(nothing_is_run),
		TEST(nobody_is_connected_to),
		TEST(nobody_is_signalled),
		TEST(privileges_and_core_dumps_are_given_up),
		TEST(threads_that_come_later_are_inside),
		TEST(each_version_is_asked_for_what_it_knows),
		TEST(a_single_file_has_no_rights_of_folders),
		TEST(without_memory_nothing_is_entered),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
