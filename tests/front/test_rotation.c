/*
 * Every kind of rotation, while nobody looks: the programs are held between
 * two looks, and what a client has in the end is compared with what was
 * written. Cases in which nothing may be lost; see rotation.h.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/rotation.h"

/* The descriptor of a writer that keeps a file. */
static int open_writer(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	return fd;
}

static void write_by(struct rotation *r, int fd, char letter, unsigned lines)
{
	rotation_write_at(r, fd, 0, letter, lines); /* O_APPEND: at the end */
}

/* ---- rename and create */

static void rename_and_create(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
}

static void rename_and_create_empty(struct rotation *r)
{
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	disk_touch(r->log);
}

static void rename_pause_create(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_look(r);
	rotation_write(r, rotation_path(r, "app.log.1"), 'a', 1);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 3);
}

static void rename_long_pause_create(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_look_by_timer(r);
	rotation_look_by_timer(r);
	rotation_write(r, r->log, 'b', 3);
}

static void rename_and_no_create(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_look(r);
}

/* What is written while nothing has the log's name. */
static void rename_and_back(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 1);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_look(r);
	rotation_write(r, rotation_path(r, "app.log.1"), 'a', 1);
	disk_rename(rotation_path(r, "app.log.1"), r->log);
	rotation_look(r);
	rotation_write(r, r->log, 'a', 1);
}

static void at_offset_0(struct rotation *r)
{
	disk_touch(r->log);
}

static void nothing_at_all(struct rotation *r)
{
	(void)r;
}

/* ---- several rotations between two looks */

static void numbered(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 1);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'c', 2);
	disk_rename(
		rotation_path(r, "app.log.2"), rotation_path(r, "app.log.3"));
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'd', 1);
}

static void numbered_past_ten(struct rotation *r)
{
	for (int i = 0; i < 12; i++) {
		rotation_write(r, r->log, (char)('a' + i), 1);
		for (int j = i; j > 0; j--)
			disk_rename(rotation_path(r, "app.log.%d", j),
				rotation_path(r, "app.log.%d", j + 1));
		disk_rename(r->log, rotation_path(r, "app.log.1"));
	}
	rotation_write(r, r->log, 'm', 1);
}

static void dated_with(
	struct rotation *r, const char *before, const char *behind)
{
	for (int i = 0; i < 3; i++) {
		rotation_write(r, r->log, (char)('a' + i), 2);
		disk_rename(r->log,
			rotation_path(r, "%s%d%s", before,
				20261130 + (i > 0 ? 70 + i : 0), behind));
	}
	rotation_write(r, r->log, 'd', 1);
}

/* Three days of a log that is rotated every hour. */
static void hourly(struct rotation *r)
{
	for (int hour = 0; hour < 72; hour++) {
		rotation_write(r, r->log, (char)('a' + hour / 3), 1);
		disk_rename(r->log, rotation_path(r, "app.log-202611%02d%02d",
					    20 + hour / 24, hour % 24));
	}
	rotation_write(r, r->log, 'y', 1);
}

static void dated(struct rotation *r)
{
	dated_with(r, "app.log-", "");
}

static void dated_inside(struct rotation *r)
{
	dated_with(r, "app-", ".log");
}

static void dated_by_pattern(struct rotation *r)
{
	dated_with(r, "old_", ".app");
}

/* dateformat -%Y-%m-%d-%s and such */
static void dated_to_the_second(struct rotation *r)
{
	static const char *const dates[] = { "2026-11-30-1796083199",
		"2026-12-01-1796083200", "2027-01-01-1798761600" };

	for (int i = 0; i < 3; i++) {
		rotation_write(r, r->log, (char)('a' + i), 2);
		disk_rename(r->log, rotation_path(r, "app.log-%s", dates[i]));
	}
	rotation_write(r, r->log, 'd', 1);
}

static void old_ones_are_there(struct rotation *r)
{
	disk_write(rotation_path(r, "app.log.1"), "never\n");
	disk_write(rotation_path(r, "app.log.2"), "ever\n");
	disk_write(rotation_path(r, "app.log.3.gz"), "not gzip\n");
	disk_write(rotation_path(r, "app.log.bak"), "no sibling\n");
	rotation_write(r, r->log, 'a', r->large ? 50 : 1000);
}

static void numbered_among_old_ones(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 1);
	disk_remove(rotation_path(r, "app.log.3.gz"));
	for (int i = 2; i > 0; i--)
		disk_rename(rotation_path(r, "app.log.%d", i),
			rotation_path(r, "app.log.%d", i + 1));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
}

/* ---- a rotation that is looked at in its middle */

static void shuffle(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 2);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 1);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	rotation_look(r);
	rotation_write(r, r->log, 'b', 1);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_look(r);
	rotation_write(r, r->log, 'c', 2);
}

/* The same, with two generations that nobody has seen yet. */
static void shuffle_of_the_unseen(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 2);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	disk_rename(
		rotation_path(r, "app.log.2"), rotation_path(r, "app.log.3"));
	rotation_look(r);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	rotation_look(r);
	rotation_write(r, r->log, 'c', 2);
}

/* A name twice: a hard link, then the old name goes. */
static void link_and_unlink(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	assert_int_equal(link(r->log, rotation_path(r, "app.log.1")), 0);
	rotation_look(r);
	rotation_write(r, r->log, 'a', 1);
	disk_remove(r->log);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 2);
}

/* ---- copytruncate */

static void copy_and_truncate(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 3);
}

static void copy_and_truncate_and_nothing(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
}

static void copy_seen_before_the_truncation(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	rotation_look(r);
	disk_truncate(r->log, 0);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 3);
}

static void copy_seen_long_before_the_truncation(struct rotation *r)
{
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	rotation_look_by_timer(r);
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 3);
}

static void half_of_the_copy_seen(struct rotation *r)
{
	struct bytes text = BYTES_INIT;

	rotation_write(r, r->log, 'a', 2);
	disk_read(&text, r->log);
	disk_append_bytes(
		rotation_path(r, "app.log.1"), text.data, text.len / 3);
	rotation_look(r);
	disk_append_bytes(rotation_path(r, "app.log.1"),
		text.data + text.len / 3, text.len - text.len / 3);
	rotation_look(r);
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 3);
	bytes_release(&text);
}

/* More is there afterwards than before. */
static void copy_and_truncate_and_much(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 20);
}

static void copy_and_truncate_to_the_same_size(struct rotation *r)
{
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 4);
}

static void copy_and_truncate_without_append(struct rotation *r)
{
	int fd = open(r->log, O_WRONLY | O_CLOEXEC);
	off_t at = lseek(fd, 0, SEEK_END);

	at = rotation_write_at(r, fd, at, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	at = rotation_write_at(r, fd, at, 'b', 2);
	rotation_look(r);
	at = rotation_write_at(r, fd, at, 'b', 1);
	disk_copy(r->log, rotation_path(r, "app.log.2"));
	disk_remove(rotation_path(r, "app.log.2"));
	rotation_write_at(r, fd, at, 'b', 1);
	close(fd);
}

static void holes_twice(struct rotation *r)
{
	int fd = open(r->log, O_WRONLY | O_CLOEXEC);
	off_t at = lseek(fd, 0, SEEK_END);

	at = rotation_write_at(r, fd, at, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	at = rotation_write_at(r, fd, at, 'b', 2);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write_at(r, fd, at, 'c', 2);
	close(fd);
}

static void copy_and_truncate_twice(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 3);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'c', 2);
}

static void copy_and_truncate_dated(struct rotation *r)
{
	for (int i = 0; i < 3; i++) {
		rotation_write(r, r->log, (char)('a' + i), 2);
		disk_copy(r->log, rotation_path(r, "app.log-2026112%d", i));
		disk_truncate(r->log, 0);
	}
	rotation_write(r, r->log, 'd', 1);
}

static void copy_and_truncate_then_rename(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 3);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'c', 2);
}

static void rename_then_copy_and_truncate(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'c', 2);
}

/* ---- links */

static void lead_by_a_link(struct rotation *r)
{
	rotation_write(r, rotation_path(r, "app-20261130.txt"), 'a', 4);
	disk_link("app-20261130.txt", r->log);
}

static void switch_link(struct rotation *r, const char *to)
{
	disk_link(to, rotation_path(r, "app.log.new"));
	disk_rename(rotation_path(r, "app.log.new"), r->log);
}

static void link_switched(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	rotation_write(r, rotation_path(r, "app-20261201.txt"), 'b', 3);
	switch_link(r, "app-20261201.txt");
}

static void link_switched_twice(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	rotation_write(r, rotation_path(r, "app-20261201.txt"), 'b', 3);
	switch_link(r, "app-20261201.txt");
	rotation_write(r, rotation_path(r, "app-20261202.txt"), 'c', 3);
	switch_link(r, "app-20261202.txt");
}

static void link_switched_and_late_lines(struct rotation *r)
{
	int old = open_writer(r->log);

	write_by(r, old, 'a', 2);
	rotation_write(r, rotation_path(r, "app-20261201.txt"), 'b', 3);
	rotation_look(r);
	switch_link(r, "app-20261201.txt");
	rotation_look(r);
	write_by(r, old, 'a', 2);
	rotation_write(r, r->log, 'b', 1);
	rotation_look(r);
	close(old);
}

/* ---- a writer that keeps the renamed file */

static void late_lines(struct rotation *r)
{
	int old = open_writer(r->log);

	write_by(r, old, 'a', 1);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 2);
	rotation_look(r);
	write_by(r, old, 'a', 2);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 2);
	write_by(r, old, 'a', 1);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 1);
	rotation_look(r);
	write_by(r, old, 'a', 1);
	close(old);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 1);
}

static void late_lines_of_two(struct rotation *r)
{
	int first = open_writer(r->log), second;

	write_by(r, first, 'a', 1);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	second = open_writer(r->log);
	write_by(r, second, 'b', 2);
	rotation_look(r);
	write_by(r, first, 'a', 1);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'c', 2);
	rotation_look(r);
	write_by(r, second, 'b', 1);
	write_by(r, first, 'a', 1);
	rotation_write(r, r->log, 'c', 1);
	rotation_look(r);
	close(first);
	rotation_write(r, r->log, 'c', 1);
	write_by(r, second, 'b', 1);
	rotation_look(r);
	write_by(r, second, 'b', 1);
	close(second);
	rotation_look(r);
}

/* Both rotations, and lines in all three files, between two looks. */
static void late_lines_of_two_at_once(struct rotation *r)
{
	int first = open_writer(r->log), second;

	write_by(r, first, 'a', 1);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	second = open_writer(r->log);
	write_by(r, second, 'b', 2);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'c', 2);
	write_by(r, first, 'a', 1);
	write_by(r, second, 'b', 2);
	rotation_look(r);
	write_by(r, first, 'a', 1);
	write_by(r, second, 'b', 2);
	close(first);
	close(second);
}

/* ---- unterminated */

static void unterminated_last_line(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 1);
	rotation_write_part(r, r->log, 'a');
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 2);
}

static void unterminated_until_its_writer_leaves(struct rotation *r)
{
	int old = open_writer(r->log);

	write_by(r, old, 'a', 1);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 2);
	rotation_look(r);
	rotation_write_part(r, rotation_path(r, "app.log.1"), 'a');
	rotation_look(r);
	assert_int_equal(write(old, "\n", 1), 1);
	rotation_write(r, r->log, 'b', 1);
	rotation_look(r);
	rotation_write_part(r, rotation_path(r, "app.log.1"), 'a');
	rotation_look(r);
	close(old);
}

static void unterminated_in_the_middle_of_two(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 1);
	rotation_write_part(r, r->log, 'a');
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 2);
	rotation_write_part(r, r->log, 'b');
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'c', 2);
}

static void unterminated_copy(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 1);
	rotation_write_part(r, r->log, 'a');
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 2);
}

/* ---- what comes late */

static void appears(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 3);
}

static void appears_empty(struct rotation *r)
{
	disk_touch(r->log);
	rotation_look(r);
	rotation_write(r, r->log, 'a', 3);
}

static void appears_and_is_rotated(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 3);
	rotation_look(r);
	rotation_write(r, r->log, 'a', 1);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
}

static void no_directory(struct rotation *r)
{
	disk_remove(r->folder);
}

static void directory_appears(struct rotation *r)
{
	assert_int_equal(mkdir(r->folder, 0755), 0);
	rotation_look_by_timer(r);
	rotation_write(r, r->log, 'a', 3);
}

static void old_ones_alone(struct rotation *r)
{
	disk_write(rotation_path(r, "app.log.2"), "never\n");
	disk_write(rotation_path(r, "app.log.1"), "ever\n");
}

static void rotated_with_old_ones(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 3);
	for (int i = 2; i > 0; i--)
		disk_rename(rotation_path(r, "app.log.%d", i),
			rotation_path(r, "app.log.%d", i + 1));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
}

/* ---- the directory */

static void directory_renamed_and_back(struct rotation *r)
{
	const char *away = disk_path(r->top, "away");

	rotation_write(r, r->log, 'a', 1);
	disk_rename(r->folder, away);
	rotation_look_by_timer(r);
	rotation_write(r, disk_path(away, "app.log"), 'a', 1);
	disk_rename(away, r->folder);
	rotation_look_by_timer(r);
	rotation_write(r, r->log, 'a', 1);
}

#define CASE(what, at_first, ...)                                              \
	{                                                                      \
		.name = (what), .before = (at_first), .during = __VA_ARGS__    \
	}

static const struct rotation_case cases[] = {
	CASE("nothing is done", NULL, nothing_at_all),
	CASE("nothing is done to an empty log", at_offset_0, nothing_at_all),
	CASE("renamed and created", NULL, rename_and_create),
	CASE("renamed and created, empty", NULL, rename_and_create_empty),
	CASE("renamed and created at offset 0", at_offset_0, rename_and_create),
	CASE("renamed, looked at, created", NULL, rename_pause_create),
	CASE("renamed, looked at, created at offset 0", at_offset_0,
		rename_pause_create),
	CASE("renamed, long absent, created", NULL, rename_long_pause_create),
	CASE("renamed and not created", NULL, rename_and_no_create),
	CASE("renamed and named back", NULL, rename_and_back),

	CASE("three rotations, numbered", NULL, numbered),
	CASE("three rotations from offset 0", at_offset_0, numbered),
	CASE("twelve rotations, numbered", NULL, numbered_past_ten),
	CASE("three rotations, dated", NULL, dated),
	CASE("three rotations, dated inside the name", NULL, dated_inside),
	CASE("three rotations, dated to the second", NULL, dated_to_the_second),
	CASE("three days of rotations, hourly", NULL, hourly),
	CASE("three rotations, named by a pattern", NULL, dated_by_pattern,
		.settings = "rotated = \"old_*.app\";"),
	CASE("a rotation among old files", old_ones_are_there,
		numbered_among_old_ones),

	CASE("a shuffle looked at in its middle", NULL, shuffle),
	CASE("a shuffle of unseen files looked at in its middle", NULL,
		shuffle_of_the_unseen),
	CASE("linked to the new name, then unlinked", NULL, link_and_unlink),

	CASE("copied and truncated", NULL, copy_and_truncate),
	CASE("copied and truncated, and nothing since", NULL,
		copy_and_truncate_and_nothing),
	CASE("copied, looked at, truncated", NULL,
		copy_seen_before_the_truncation),
	CASE("copied long before it is truncated", NULL,
		copy_seen_long_before_the_truncation),
	CASE("looked at while it is copied, then truncated", NULL,
		half_of_the_copy_seen),
	CASE("copied, truncated and regrown past the offset", NULL,
		copy_and_truncate_and_much),
	CASE("copied, truncated and regrown to the same size", NULL,
		copy_and_truncate_to_the_same_size),
	CASE("copied and truncated under a writer without O_APPEND", NULL,
		copy_and_truncate_without_append),
	CASE("copied and truncated twice under a writer without O_APPEND", NULL,
		holes_twice),
	CASE("copied and truncated twice", NULL, copy_and_truncate_twice),
	CASE("copied and truncated three times, dated", NULL,
		copy_and_truncate_dated),
	CASE("copied and truncated, then renamed", NULL,
		copy_and_truncate_then_rename),
	CASE("renamed, then copied and truncated", NULL,
		rename_then_copy_and_truncate),

	CASE("copied and truncated at offset 0", at_offset_0,
		copy_and_truncate),
	CASE("copied and truncated twice at offset 0", at_offset_0,
		copy_and_truncate_twice),
	CASE("copied, truncated and renamed at offset 0", at_offset_0,
		copy_and_truncate_then_rename),
	CASE("copied, looked at, truncated at offset 0", at_offset_0,
		copy_seen_before_the_truncation),

	CASE("a link switched", lead_by_a_link, link_switched),
	CASE("a link switched twice", lead_by_a_link, link_switched_twice),
	CASE("a link switched under a writer that stays", lead_by_a_link,
		link_switched_and_late_lines),

	CASE("a writer that keeps the renamed file", NULL, late_lines),
	CASE("two writers that keep the renamed files", NULL,
		late_lines_of_two),
	CASE("two writers that keep the renamed files, at once", NULL,
		late_lines_of_two_at_once),

	CASE("an unterminated last line", NULL, unterminated_last_line),
	CASE("an unterminated line while its writer is there", NULL,
		unterminated_until_its_writer_leaves),
	CASE("two unterminated last lines", NULL,
		unterminated_in_the_middle_of_two),
	CASE("an unterminated last line of a copy", NULL, unterminated_copy),

	CASE("a file that appears late", nothing_at_all, appears),
	CASE("a file that appears late and empty", nothing_at_all,
		appears_empty),
	CASE("a file that appears late and is rotated", nothing_at_all,
		appears_and_is_rotated),
	CASE("a file that appears late and is rotated at once", nothing_at_all,
		rename_and_create),
	CASE("a file that appears late and is rotated three times",
		nothing_at_all, numbered),
	CASE("a file that appears late beside an old one", old_ones_alone,
		rotated_with_old_ones),
	CASE("a directory that appears late", no_directory, directory_appears),
	CASE("a directory renamed and back", NULL, directory_renamed_and_back),
};

int main(void)
{
	return rotation_run("rotation", cases, sizeof(cases) / sizeof(*cases));
}
