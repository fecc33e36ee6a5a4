/*
 * Reads that must not wait: with a disk that is as slow, as unwilling or as
 * broken as a test says. The helper thread, once started, is there for all
 * the tests that follow.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cold.h"
#include "tests/lib/disk.h"

ssize_t __real_preadv2(
	int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(
	int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __real_pread(int fd, void *out, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *out, size_t len, off_t offset);
int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);

enum { PATIENCE_MS = 10000, SLOTS = 32 };

static struct {
	int event;	  /* of cold_start */
	int refusal;	  /* errno of every preadv2, or 0 */
	long file_system; /* its type, or 0: as it is */
	int error;	  /* of the helper's reads */
	bool is_slow;	  /* they wait for the semaphore */
	sem_t goes_on;
} disk;

ssize_t __wrap_preadv2(
	int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	if (disk.refusal) {
		errno = disk.refusal;
		return -1;
	}
	/* As from memory, which is where a file is that was just written. */
	(void)flags;
	return __real_preadv2(fd, iov, count, offset, 0);
}

ssize_t __wrap_pread(int fd, void *out, size_t len, off_t offset)
{
	if (disk.is_slow)
		sem_wait(&disk.goes_on);
	if (disk.error) {
		errno = disk.error;
		return -1;
	}
	return __real_pread(fd, out, len, offset);
}

int __wrap_fstatfs(int fd, struct statfs *fs)
{
	int result = __real_fstatfs(fd, fs);

	if (disk.file_system)
		fs->f_type = disk.file_system;
	return result;
}

static int prepare(void **state)
{
	(void)state;
	if (disk.event == 0) {
		disk.event = cold_start();
		assert_true(disk.event > 0);
	}
	disk.refusal = disk.error = 0;
	disk.file_system = 0;
	disk.is_slow = false;
	return 0;
}

static void wait_for_answer(void)
{
	struct pollfd fd = { disk.event, POLLIN, 0 };

	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	cold_drain();
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void expect_now(int fd, off_t offset, const char *expected)
{
	char out[64] = "";

	assert_int_equal(
		cold_read(fd, out, strlen(expected), offset), strlen(expected));
	assert_memory_equal(out, expected, strlen(expected));
}

static void expect_later(int fd, off_t offset)
{
	char out[4];

	assert_int_equal(cold_read(fd, out, sizeof(out), offset), -1);
	assert_int_equal(errno, EAGAIN);
}

/* The first test: nothing is started yet. */
static void a_read_just_waits_before_the_start(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	int fd;

	(void)state;
	disk.refusal = EAGAIN;
	disk_write(path, "0123456789");
	fd = open_file(path);
	expect_now(fd, 3, "3456");
	cold_forget(fd);
	close(fd);
	disk.refusal = 0;
}

static void what_is_in_memory_is_read_at_once(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	char out[64];
	int fd;

	(void)state;
	disk_write(path, "0123456789");
	fd = open_file(path);
	expect_now(fd, 3, "3456");
	assert_int_equal(cold_read(fd, out, sizeof(out), 10), 0);
	close(fd);
}

static void what_is_not_is_brought_in(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	int fd;

	(void)state;
	disk_write(path, "0123456789");
	fd = open_file(path);
	disk.refusal = EAGAIN;
	expect_later(fd, 3);
	wait_for_answer();
	assert_int_equal(
		poll(&(struct pollfd){ disk.event, POLLIN, 0 }, 1, 0), 0);
	disk.refusal = 0;
	expect_now(fd, 3, "3456");
	cold_forget(fd);
	close(fd);
}

/* Out of memory again before anybody came for it. */
static void what_was_brought_in_is_kept_for_a_moment(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	int fd;

	(void)state;
	disk_write(path, "0123456789");
	fd = open_file(path);
	disk.refusal = EAGAIN;
	expect_later(fd, 3);
	wait_for_answer();
	expect_now(fd, 3, "3456");
	expect_now(fd, 5, "56789");
	expect_later(fd, 0);
	wait_for_answer();
	expect_now(fd, 0, "0123");
	cold_forget(fd);
	close(fd);
}

static void a_file_system_that_cannot_tell_is_read(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	int fd;

	(void)state;
	disk_write(path, "0123456789");
	fd = open_file(path);
	disk.refusal = EOPNOTSUPP;
	expect_now(fd, 3, "3456");
	cold_forget(fd);
	close(fd);
}

static void a_file_system_that_may_hang_is_left_to_the_helper(void **state)
{
	static const long types[] = { NFS_SUPER_MAGIC, 0x65735546, 0xff534d42,
		0xfe534d42, V9FS_MAGIC };
	const char *path = disk_path(disk_folder(), "log");

	(void)state;
	disk_write(path, "0123456789");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		int fd = open_file(path);

		disk.refusal = EOPNOTSUPP;
		disk.file_system = types[i];
		expect_later(fd, 3);
		wait_for_answer();
		expect_now(fd, 3, "3456");
		cold_forget(fd);
		close(fd);
	}
}

/* The end must be seen there, too: a file may have been truncated. */
static void the_end_of_a_file_is_no_reason_to_wait(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	char out[4];
	int fd, tries = 0;

	(void)state;
	disk_write(path, "0123456789");
	fd = open_file(path);
	disk.refusal = EOPNOTSUPP;
	disk.file_system = NFS_SUPER_MAGIC;
	expect_later(fd, 8);
	wait_for_answer();
	expect_now(fd, 8, "89");
	while (cold_read(fd, out, sizeof(out), 10) < 0) {
		assert_int_equal(errno, EAGAIN);
		assert_true(++tries < 5);
		wait_for_answer();
	}
	/* What is there the next time is seen then. */
	disk_append(path, "abcd");
	tries = 0;
	while (cold_read(fd, out, sizeof(out), 10) != 4) {
		assert_true(++tries < 5);
		wait_for_answer();
	}
	assert_memory_equal(out, "abcd", 4);
	cold_forget(fd);
	close(fd);
}

static void an_error_is_passed_on_and_tried_again(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	char out[4];
	int fd;

	(void)state;
	disk_write(path, "0123456789");
	fd = open_file(path);
	disk.refusal = EAGAIN;
	disk.error = EIO;
	expect_later(fd, 3);
	wait_for_answer();
	assert_int_equal(cold_read(fd, out, sizeof(out), 3), -1);
	assert_int_equal(errno, EIO);
	disk.error = 0;
	expect_later(fd, 3);
	wait_for_answer();
	expect_now(fd, 3, "3456");
	cold_forget(fd);
	close(fd);
	/* One of preadv2 itself. */
	fd = open_file(path);
	disk.refusal = EIO;
	assert_int_equal(cold_read(fd, out, sizeof(out), 3), -1);
	assert_int_equal(errno, EIO);
	close(fd);
}

/* A descriptor's number is given to another file at once. */
static void a_number_that_is_used_again_gets_nothing_of_before(void **state)
{
	const char *folder = disk_folder();
	const char *one = disk_path(folder, "one");
	const char *two = disk_path(folder, "two");
	int fd;

	(void)state;
	disk_write(one, "one one one");
	disk_write(two, "two two two");
	disk.refusal = EAGAIN;
	for (int asked = 0; asked < 3; asked++) {
		int again;

		disk.is_slow = asked > 0; /* queued, or being read */
		fd = open_file(one);
		expect_later(fd, 0);
		if (asked == 0)
			wait_for_answer();
		if (asked == 2)
			wait_quietly(20);
		cold_forget(fd);
		close(fd);
		again = open_file(two);
		assert_int_equal(again, fd);
		expect_later(again, 0);
		if (disk.is_slow) {
			disk.is_slow = false;
			sem_post(&disk.goes_on);
		}
		for (int tries = 0;; tries++) {
			char out[7];

			assert_true(tries < 5);
			wait_for_answer();
			if (cold_read(again, out, sizeof(out), 0) < 0)
				continue;
			assert_memory_equal(out, "two two", 7);
			break;
		}
		cold_forget(again);
		close(again);
		/* A token that nobody waited for. */
		while (sem_trywait(&disk.goes_on) == 0)
			;
		cold_drain();
	}
}

/* While the disk hangs nobody waits, and then everybody gets his own. */
static void more_than_can_be_asked_for_is_asked_for_later(void **state)
{
	enum { FILES = SLOTS * 2 };
	const char *folder = disk_folder();
	int fds[FILES], left = FILES;
	bool done[FILES] = { false };

	(void)state;
	disk.refusal = EAGAIN;
	disk.is_slow = true;
	for (int i = 0; i < FILES; i++) {
		const char *path = disk_path(folder, "%02d", i);

		disk_write(path, "%02d", i);
		fds[i] = open_file(path);
		expect_later(fds[i], 0);
	}
	disk.is_slow = false;
	for (int i = 0; i < FILES; i++)
		sem_post(&disk.goes_on);
	while (left > 0) {
		wait_for_answer();
		for (int i = 0; i < FILES; i++) {
			char out[3], expected[16];

			if (done[i] || cold_read(fds[i], out, 2, 0) < 0)
				continue;
			out[2] = '\0';
			snprintf(expected, sizeof(expected), "%02d", i);
			assert_string_equal(out, expected);
			done[i] = true;
			left--;
			cold_forget(fds[i]);
		}
	}
	for (int i = 0; i < FILES; i++)
		close(fds[i]);
	while (sem_trywait(&disk.goes_on) == 0)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			a_read_just_waits_before_the_start, test_cleanup),
		cmocka_unit_test_setup_teardown(
			what_is_in_memory_is_read_at_once, prepare,
			test_cleanup),
		cmocka_unit_test_setup_teardown(
			what_is_not_is_brought_in, prepare, test_cleanup),
		cmocka_unit_test_setup_teardown(
			what_was_brought_in_is_kept_for_a_moment, prepare,
			test_cleanup),
		cmocka_unit_test_setup_teardown(
			a_file_system_that_cannot_tell_is_read, prepare,
			test_cleanup),
		cmocka_unit_test_setup_teardown(
			a_file_system_that_may_hang_is_left_to_the_helper,
			prepare, test_cleanup),
		cmocka_unit_test_setup_teardown(
			the_end_of_a_file_is_no_reason_to_wait, prepare,
			test_cleanup),
		cmocka_unit_test_setup_teardown(
			an_error_is_passed_on_and_tried_again, prepare,
			test_cleanup),
		cmocka_unit_test_setup_teardown(
			a_number_that_is_used_again_gets_nothing_of_before,
			prepare, test_cleanup),
		cmocka_unit_test_setup_teardown(
			more_than_can_be_asked_for_is_asked_for_later, prepare,
			test_cleanup),
	};

	sem_init(&disk.goes_on, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
