/* One generation of a log, under whatever name. */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/place.h"
#include "tests/lib/disk.h"

static struct timespec now_plus(time_t seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	now.tv_sec += seconds;
	return now;
}

static struct file *open_file(const char *path)
{
	struct file *f = NULL;

	assert_int_equal(file_open(AT_FDCWD, path, &f), FILE_OPEN);
	return f;
}

/* ---- opening */

static void expect_state(const char *path, enum file_state expected)
{
	int64_t begin = test_now_ms();
	struct file *f = NULL;
	enum file_state state = file_open(AT_FDCWD, path, &f);

	if (state != expected)
		fail_msg("%s: %d, not %d", path, (int)state, (int)expected);
	assert_true(test_now_ms() - begin < 5000);
	if (f)
		file_close(f);
}

static void opens_nothing_but_files(void **state)
{
	const char *folder = disk_folder();
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	disk_write(disk_path(folder, "file"), "x\n");
	disk_link("file", disk_path(folder, "link"));
	disk_link("loop", disk_path(folder, "loop"));
	disk_link("nowhere", disk_path(folder, "dangling"));
	assert_int_equal(mkfifo(disk_path(folder, "fifo"), 0644), 0);
	strcpy(address.sun_path, disk_path(folder, "socket"));
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);

	expect_state(disk_path(folder, "file"), FILE_OPEN);
	expect_state(disk_path(folder, "link"), FILE_OPEN);
	expect_state(disk_path(folder, "none"), FILE_ABSENT);
	expect_state(disk_path(folder, "dangling"), FILE_ABSENT);
	expect_state(disk_path(folder, "no/folder"), FILE_ABSENT);
	expect_state(disk_path(folder, "file/below"), FILE_ABSENT);
	expect_state(folder, FILE_NOT_A_FILE);
	expect_state(disk_path(folder, "fifo"), FILE_NOT_A_FILE);
	expect_state(disk_path(folder, "socket"), FILE_NOT_A_FILE);
	expect_state("/dev/null", FILE_NOT_A_FILE);
	expect_state(disk_path(folder, "loop"), FILE_UNREADABLE);
}

static void says_that_it_may_not(void **state)
{
	const char *folder = disk_folder();
	const char *path = disk_path(folder, "file");
	bool root = geteuid() == 0;

	(void)state;
	disk_write(path, "x\n");
	disk_mode(path, 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	expect_state(path, FILE_PERMISSION);
	if (root)
		assert_int_equal(seteuid(0), 0);
	disk_mode(path, 0644);
	disk_mode(folder, 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	expect_state(path, FILE_PERMISSION);
	if (root)
		assert_int_equal(seteuid(0), 0);
	disk_mode(folder, 0755);
}

static void refreshes_what_is_known_of_it(void **state)
{
	const char *folder = disk_folder();
	const char *path = disk_path(folder, "log");
	struct timespec now = now_plus(5);
	struct file *f;

	(void)state;
	disk_write(path, "one\n");
	f = open_file(path);
	assert_int_equal(f->size, 4);
	assert_false(f->unlinked);
	disk_append(path, "two\n");
	assert_int_equal(file_refresh(f, &now), 0);
	assert_int_equal(f->size, 8);
	assert_int_equal(f->quiet_since.tv_sec, now.tv_sec);
	disk_rename(path, disk_path(folder, "log.1"));
	assert_int_equal(file_refresh(f, &now), 0);
	assert_false(f->unlinked);
	disk_remove(disk_path(folder, "log.1"));
	assert_int_equal(file_refresh(f, &now), 0);
	assert_true(f->unlinked);
	file_close(f);
	file_close(NULL);
}

/* ---- identity */

static void keeps_its_tag_under_another_name(void **state)
{
	const char *folder = disk_folder();
	const char *path = disk_path(folder, "log");
	struct file *f;
	uint32_t tag;

	(void)state;
	disk_write(path, "one\n");
	f = open_file(path);
	tag = f->tag;
	assert_int_equal(file_identity(AT_FDCWD, path, f->ino), tag);
	assert_int_equal(file_identity(f->fd, "", f->ino), tag);
	file_close(f);
	disk_append(path, "two\n");
	disk_rename(path, disk_path(folder, "log.1"));
	f = open_file(disk_path(folder, "log.1"));
	assert_int_equal(f->tag, tag);
	file_close(f);
}

/* Where the file system tells generations apart, a number that is given again
 * is another file. */
static void the_same_number_again_has_another_tag(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct file *f;
	uint32_t tag;
	ino_t ino;

	(void)state;
	disk_write(path, "one\n");
	f = open_file(path);
	tag = f->tag;
	ino = f->ino;
	file_close(f);
	for (int i = 0; i < 1000; i++) {
		disk_remove(path);
		disk_write(path, "one\n");
		f = open_file(path);
		bool again = f->ino == ino;

		if (again)
			assert_int_not_equal(f->tag, tag);
		file_close(f);
		if (again)
			return;
	}
	print_message("the number was not given again\n");
}

/* ---- places */

static void finds_the_ends_of_records_and_nothing_else(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct bytes content = BYTES_INIT;
	struct file *f;

	(void)state;
	for (int i = 0; i < 100; i++)
		bytes_add_format(&content, "line %d of one hundred\n", i * i);
	bytes_add_text(&content, "unfinished");
	disk_write_bytes(path, content.data, content.len);
	f = open_file(path);
	for (size_t offset = 1; offset <= content.len; offset++) {
		enum file_place expected = FILE_NO_PLACE;
		uint64_t check, head;
		size_t first = offset < 256 ? offset : 256;
		size_t last = offset < 512 ? offset : 512;

		assert_int_equal(file_check(f, offset, &check), 0);
		head = place_head_hash(content.data, first);
		assert_int_equal(
			check, place_check(head, content.data + offset - last,
				       last, offset));
		if (content.data[offset - 1] == '\n')
			expected = FILE_PLACE;
		else if (offset == content.len)
			expected = FILE_PLACE_AT_END;
		assert_int_equal(file_has_place(f, offset, check), expected);
		assert_int_equal(
			file_has_place(f, offset, check ^ 1), FILE_NO_PLACE);
	}
	assert_int_equal(file_has_place(f, 0, 12345), FILE_PLACE);
	assert_int_equal(
		file_has_place(f, content.len + 1, 12345), FILE_NO_PLACE);
	assert_int_equal(file_has_place(f, INT64_MAX, 12345), FILE_NO_PLACE);
	file_close(f);
	bytes_release(&content);
}

/* Blank lines of blocks end with a CR, too; a line that was left unfinished
 * with one is not ended by it. */
static void a_carriage_return_may_end_a_record(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		enum file_place place;
	} cases[] = {
		{ "a\r\n\rb", 4, FILE_PLACE },
		{ "a\r\rb", 3, FILE_PLACE },
		{ "a\n\r", 3, FILE_PLACE },
		{ "a\r\r", 3, FILE_PLACE },
		{ "a\r", 2, FILE_PLACE_AT_END },
		{ "\r", 1, FILE_PLACE_AT_END },
	};
	const char *path = disk_path(disk_folder(), "log");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct file *f;
		uint64_t check;

		disk_write(path, "%s", cases[i].text);
		f = open_file(path);
		assert_int_equal(file_check(f, cases[i].offset, &check), 0);
		assert_int_equal(file_has_place(f, cases[i].offset, check),
			cases[i].place);
		file_close(f);
	}
}

static void reads_all_or_says_that_it_is_shorter(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	char out[16] = "";
	uint64_t check, hash;
	struct file *f;

	(void)state;
	disk_write(path, "0123456789");
	f = open_file(path);
	assert_int_equal(file_read(f, out, sizeof(out), 4), 6);
	assert_memory_equal(out, "456789", 6);
	assert_int_equal(file_read_whole(f, out, 6, 4), 0);
	assert_int_equal(file_read_whole(f, out, 7, 4), -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(file_check(f, 11, &check), -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(file_head_hash(f, &hash), -1);
	assert_int_equal(errno, ENODATA);
	file_close(f);
}

static void remembers_the_hash_of_its_head(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	char content[PLACE_HEAD_BYTES + 1];
	uint64_t hash, again;
	struct file *f;

	(void)state;
	memset(content, 'a', sizeof(content));
	disk_write_bytes(path, content, sizeof(content));
	f = open_file(path);
	assert_int_equal(file_head_hash(f, &hash), 0);
	assert_int_equal(hash, place_head_hash(content, PLACE_HEAD_BYTES));
	memset(content, 'b', sizeof(content));
	disk_write_bytes(path, content, sizeof(content));
	assert_int_equal(file_head_hash(f, &again), 0);
	assert_int_equal(again, hash);
	file_forget(f);
	assert_int_equal(file_head_hash(f, &again), 0);
	assert_int_not_equal(again, hash);
	file_close(f);
}

/* ---- the end */

static void is_finished_when_nobody_can_write(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct timespec soon = now_plus(0), later = now_plus(FILE_GRACE_S + 1);
	struct file *f;
	int writer;

	(void)state;
	disk_write(path, "one\n");
	writer = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	f = open_file(path);
	assert_false(file_is_finished(f, &later, false));
	assert_false(file_is_finished(f, &later, true));
	close(writer);
	/* Somebody may yet open it by its new name. */
	assert_false(file_is_finished(f, &soon, false));
	assert_true(file_is_finished(f, &later, false));
	assert_true(f->finished);
	/* It stays so. */
	assert_true(file_is_finished(f, &soon, false));
	file_forget(f);
	assert_false(f->finished);
	assert_true(file_is_finished(f, &soon, true));
	file_close(f);
}

static void a_half_line_is_finished_at_once(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct timespec soon = now_plus(0);
	struct file *f;

	(void)state;
	disk_write(path, "one\ntwo");
	f = open_file(path);
	assert_true(file_is_finished(f, &soon, false));
	file_close(f);
}

static void what_came_last_is_read_before_it_is_finished(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct timespec later = now_plus(FILE_GRACE_S + 1);
	struct file *f;

	(void)state;
	disk_write(path, "one\n");
	f = open_file(path);
	disk_append(path, "two\n");
	assert_false(file_is_finished(f, &later, true));
	assert_int_equal(f->size, 8);
	assert_true(file_is_finished(f, &later, true));
	file_close(f);
}

/* Where we may not ask, a long time of silence has to do. */
static void is_finished_when_it_was_quiet_for_long(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct timespec minute = now_plus(FILE_QUIET_S - 2);
	struct timespec more = now_plus(FILE_QUIET_S + 2);
	struct file *f;
	int writer;

	(void)state;
	disk_write(path, "one\n");
	writer = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	f = open_file(path);
	assert_false(file_is_finished(f, &minute, false));
	assert_true(file_is_finished(f, &more, false));
	file_close(f);
	close(writer);
}

/* What happened to it before it was opened counts. */
static void an_old_file_was_quiet_for_long(void **state)
{
	const char *path = disk_path(disk_folder(), "log");
	struct timespec times[2] = { { 1700000000, 0 }, { 1700000000, 0 } };
	struct timespec soon = now_plus(0);
	struct file *f;
	int writer;

	(void)state;
	disk_write(path, "one\n");
	writer = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	f = open_file(path);
	assert_true(file_is_finished(f, &soon, false));
	file_close(f);
	close(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			opens_nothing_but_files, test_cleanup),
		cmocka_unit_test_teardown(says_that_it_may_not, test_cleanup),
		cmocka_unit_test_teardown(
			refreshes_what_is_known_of_it, test_cleanup),
		cmocka_unit_test_teardown(
			keeps_its_tag_under_another_name, test_cleanup),
		cmocka_unit_test_teardown(
			the_same_number_again_has_another_tag, test_cleanup),
		cmocka_unit_test_teardown(
			finds_the_ends_of_records_and_nothing_else,
			test_cleanup),
		cmocka_unit_test_teardown(
			a_carriage_return_may_end_a_record, test_cleanup),
		cmocka_unit_test_teardown(
			reads_all_or_says_that_it_is_shorter, test_cleanup),
		cmocka_unit_test_teardown(
			remembers_the_hash_of_its_head, test_cleanup),
		cmocka_unit_test_teardown(
			is_finished_when_nobody_can_write, test_cleanup),
		cmocka_unit_test_teardown(
			a_half_line_is_finished_at_once, test_cleanup),
		cmocka_unit_test_teardown(
			what_came_last_is_read_before_it_is_finished,
			test_cleanup),
		cmocka_unit_test_teardown(
			is_finished_when_it_was_quiet_for_long, test_cleanup),
		cmocka_unit_test_teardown(
			an_old_file_was_quiet_for_long, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
