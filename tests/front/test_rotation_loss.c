/*
 * Rotations after which something can be gone: what the program still holds
 * is delivered, and what cannot be had any more is a gap with its reason,
 * once. See rotation.h.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/rotation.h"

/* As logrotate does: the compressed file is complete before the other one
 * goes, and has its times. */
static void compress(const char *path)
{
	struct process *gzip = process_run("gzip", path, NULL);

	assert_int_equal(process_exit_code(gzip), 0);
}

/* A compressed file of a kind that does not tell its former size. */
static void compress_otherwise(struct rotation *r, const char *name)
{
	const char *path = rotation_path(r, "%s", name);
	const char *to = rotation_path(r, "%s.xz", name);
	struct timespec times[2];
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	disk_write(to, "whatever xz makes of it");
	assert_int_equal(utimensat(AT_FDCWD, to, times, 0), 0);
	disk_remove(path);
}

/* What was not yet read of "a" is still held by a live program only. */
static void expect_gone(
	struct rotation *r, char letter, unsigned lines, const char *reason)
{
	if (rotation_is_held(r))
		return;
	rotation_lose(r, letter, lines);
	rotation_expect_gap(r, reason, -1);
}

/* ---- deleted */

static void delete_and_create(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_remove(r->log);
	rotation_write(r, r->log, 'b', 3);
	expect_gone(r, 'a', 2, "rotated");
}

static void delete_and_create_when_all_is_read(struct rotation *r)
{
	disk_remove(r->log);
	rotation_write(r, r->log, 'b', 3);
	expect_gone(r, 'a', 0, "rotated");
}

static void delete_pause_create(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_remove(r->log);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 3);
	expect_gone(r, 'a', 2, "rotated");
}

static void delete_with_an_unterminated_line(struct rotation *r)
{
	rotation_write_part(r, r->log, 'a');
	if (!rotation_is_held(r)) {
		/* One line, not many. */
		r->lost['a' - 'a'][r->written['a' - 'a'] - 1] = true;
		r->expected--;
		rotation_expect_gap(r, "rotated", -1);
	}
	disk_remove(r->log);
	rotation_write(r, r->log, 'b', 3);
}

static void deleted_while_written_to(struct rotation *r)
{
	int fd = open(r->log, O_WRONLY | O_CLOEXEC);

	disk_remove(r->log);
	rotation_write(r, r->log, 'b', 3);
	rotation_look(r);
	rotation_write_at(r, fd, lseek(fd, 0, SEEK_END), 'a', 2);
	rotation_look(r);
	close(fd);
	expect_gone(r, 'a', 2, "rotated");
}

static void replaced_by_another(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 1);
	rotation_write(r, rotation_path(r, "new"), 'b', 3);
	disk_rename(rotation_path(r, "new"), r->log);
	expect_gone(r, 'a', 1, "rotated");
}

static void sibling_deleted(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
	disk_remove(rotation_path(r, "app.log.1"));
	expect_gone(r, 'a', 2, "rotated");
}

static void two_rotations_and_the_oldest_deleted(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'c', 2);
	disk_remove(rotation_path(r, "app.log.2"));
	expect_gone(r, 'a', 2, "rotated");
}

static void directory_replaced(struct rotation *r)
{
	const char *away = disk_path(r->top, "away");

	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->folder, away);
	assert_int_equal(mkdir(r->folder, 0755), 0);
	rotation_write(r, r->log, 'b', 3);
	rotation_look_by_timer(r);
	rotation_write(r, r->log, 'b', 1);
	expect_gone(r, 'a', 2, "rotated");
}

static void directory_deleted_and_made_again(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_remove(r->folder);
	rotation_look_by_timer(r);
	assert_int_equal(mkdir(r->folder, 0755), 0);
	rotation_look_by_timer(r);
	rotation_write(r, r->log, 'b', 3);
	rotation_look_by_timer(r);
	rotation_write(r, r->log, 'b', 1);
	expect_gone(r, 'a', 2, "rotated");
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* A new file under the number of the old one: what is held by a descriptor
 * keeps its number, so a live program never meets it. */
static void same_inode_again(struct rotation *r)
{
	ino_t inode = inode_of(r->log);

	rotation_write(r, r->log, 'a', 1);
	for (int i = 0; i < 1000; i++) {
		disk_remove(r->log);
		disk_touch(r->log);
		if (inode_of(r->log) == inode)
			break;
	}
	rotation_write(r, r->log, 'b', 8);
	expect_gone(r, 'a', 1, "rotated");
}

/* ---- truncated */

static void truncate_to(struct rotation *r, unsigned lines)
{
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', lines);
	rotation_expect_gap(r, "truncated", -1);
}

static void truncated(struct rotation *r)
{
	truncate_to(r, 1);
}

static void truncated_and_regrown_past_the_offset(struct rotation *r)
{
	truncate_to(r, 9);
}

static void truncated_and_regrown_to_the_same_size(struct rotation *r)
{
	truncate_to(r, 4);
}

static void truncated_with_unread_lines(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	rotation_lose(r, 'a', 2);
	truncate_to(r, 9);
}

static void truncated_looked_at_and_regrown(struct rotation *r)
{
	disk_truncate(r->log, 0);
	rotation_look(r);
	rotation_write(r, r->log, 'b', 9);
	rotation_expect_gap(r, "truncated", -1);
}

static void truncated_twice(struct rotation *r)
{
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 2);
	rotation_lose(r, 'b', 2);
	truncate_to(r, 0);
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'c', 9);
}

static void truncated_then_renamed(struct rotation *r)
{
	truncate_to(r, 9);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'c', 2);
}

/* ---- compressed */

static void compressed_when_rotated(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
	compress(rotation_path(r, "app.log.1"));
	expect_gone(r, 'a', 2, "compressed");
}

static void compressed_otherwise_when_rotated(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
	compress_otherwise(r, "app.log.1");
	expect_gone(r, 'a', 2, "compressed");
}

static void compressed_after_a_look(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
	rotation_look(r);
	compress(rotation_path(r, "app.log.1"));
	rotation_look(r);
	rotation_write(r, r->log, 'b', 1);
	expect_gone(r, 'a', 2, "compressed");
}

static void two_rotations_and_the_older_compressed(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	rotation_write(r, r->log, 'b', 3);
	disk_rename(
		rotation_path(r, "app.log.1"), rotation_path(r, "app.log.2"));
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	compress(rotation_path(r, "app.log.2"));
	rotation_write(r, r->log, 'c', 2);
	expect_gone(r, 'a', 2, "compressed");
}

/* Nobody ever held what is compressed here: a gap, whoever comes. */
static void compressed_in_the_middle(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_rename(r->log, rotation_path(r, "app.log.2"));
	rotation_write(r, r->log, 'b', 3);
	disk_rename(r->log, rotation_path(r, "app.log.1"));
	compress(rotation_path(r, "app.log.1"));
	rotation_lose(r, 'b', 3);
	rotation_expect_gap(r, "compressed", -1);
	rotation_write(r, r->log, 'c', 2);
}

static void copied_truncated_and_compressed(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	disk_copy(r->log, rotation_path(r, "app.log.1"));
	disk_truncate(r->log, 0);
	rotation_write(r, r->log, 'b', 9);
	compress(rotation_path(r, "app.log.1"));
	rotation_lose(r, 'a', 2);
	rotation_expect_gap(r, "compressed", -1);
}

static void link_switched_and_target_deleted(struct rotation *r)
{
	rotation_write(r, r->log, 'a', 2);
	rotation_write(r, rotation_path(r, "app-20261201.txt"), 'b', 3);
	disk_link("app-20261201.txt", rotation_path(r, "app.log.new"));
	disk_rename(rotation_path(r, "app.log.new"), r->log);
	disk_remove(rotation_path(r, "app-20261130.txt"));
	expect_gone(r, 'a', 2, "rotated");
}

static void lead_by_a_link(struct rotation *r)
{
	rotation_write(r, rotation_path(r, "app-20261130.txt"), 'a', 4);
	disk_link("app-20261130.txt", r->log);
}

/* Old compressed files have nothing to do with what is lost now. */
static void among_old_compressed_ones(struct rotation *r)
{
	disk_write(rotation_path(r, "app.log.1"), "old\n");
	compress(rotation_path(r, "app.log.1"));
	disk_rename(rotation_path(r, "app.log.1.gz"),
		rotation_path(r, "app.log.2.gz"));
	rotation_write(r, r->log, 'a', 4);
}

#define CASE(what, at_first, ...)                                              \
	{                                                                      \
		.name = (what), .before = (at_first), .during = __VA_ARGS__,   \
		.not_beside = true                                             \
	}

/* The old file's ids lead nowhere in the end. */
#define GONE(what, at_first, ...)                                              \
	CASE(what, at_first, __VA_ARGS__, .forgets = true)

static const struct rotation_case cases[] = {
	GONE("deleted and created", NULL, delete_and_create),
	GONE("deleted and created when all is read", NULL,
		delete_and_create_when_all_is_read),
	GONE("deleted, looked at, created", NULL, delete_pause_create),
	GONE("deleted with an unterminated line", NULL,
		delete_with_an_unterminated_line),
	GONE("deleted while it is written to", NULL, deleted_while_written_to),
	GONE("replaced by another file", NULL, replaced_by_another),
	GONE("renamed, created, and the sibling deleted", NULL,
		sibling_deleted),
	GONE("two rotations, and the oldest deleted", NULL,
		two_rotations_and_the_oldest_deleted),
	GONE("a directory replaced", NULL, directory_replaced),
	GONE("a directory deleted and made again", NULL,
		directory_deleted_and_made_again),
	GONE("the same inode again", NULL, same_inode_again),
	GONE("a link switched, and its target deleted", lead_by_a_link,
		link_switched_and_target_deleted),

	CASE("truncated", NULL, truncated),
	CASE("truncated and regrown past the offset", NULL,
		truncated_and_regrown_past_the_offset),
	CASE("truncated and regrown to the same size", NULL,
		truncated_and_regrown_to_the_same_size),
	CASE("truncated with unread lines", NULL, truncated_with_unread_lines),
	CASE("truncated, looked at and regrown", NULL,
		truncated_looked_at_and_regrown),
	CASE("truncated twice", NULL, truncated_twice),
	CASE("truncated, then renamed", NULL, truncated_then_renamed),
	CASE("truncated beside old compressed files", among_old_compressed_ones,
		truncated_and_regrown_past_the_offset),

	GONE("compressed when rotated", NULL, compressed_when_rotated),
	GONE("compressed by another program when rotated", NULL,
		compressed_otherwise_when_rotated),
	GONE("compressed after it was read", NULL, compressed_after_a_look),
	GONE("two rotations, and the older compressed", NULL,
		two_rotations_and_the_older_compressed),
	CASE("compressed in the middle, never seen", NULL,
		compressed_in_the_middle),
	GONE("copied, truncated, and the copy compressed", NULL,
		copied_truncated_and_compressed),
};

int main(void)
{
	return rotation_run(
		"rotation_loss", cases, sizeof(cases) / sizeof(*cases));
}
