#define TESTS_LIB_INSIDE
#include "tests/lib/churn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/chance.h"
#include "tests/lib/disk.h"
#include "tests/lib/process.h"
#include "tests/lib/test.h"

/* An id names files that were rotated away seconds ago, which is many
 * generations here. */
#define SIBLINGS_KEPT 90

#define BEFORE                                                                 \
	"2026-11-20T12:00:00+00:00 host.example.org app[4711]: request from "  \
	"client number "
#define AFTER                                                                  \
	" answered with status 200 and 5120 bytes, as nearly all of them "     \
	"are, "                                                                \
	"by a worker whose name is the same in every line"

const char *const churn_names[CHURN_ROTATIONS] = { "rename",
	"rename, create later", "copytruncate", "copytruncate with a hole",
	"late writer", "burst", "unterminated", "logrotate",
	"logrotate copytruncate" };

/* ---- writing */

static void put(int fd, const char *bytes, size_t len)
{
	if (write(fd, bytes, len) != (ssize_t)len)
		test_fail("write: %s", strerror(errno));
}

static void write_line(struct churn *c, int fd, uint32_t generation, bool whole)
{
	char line[512];
	uint32_t n = ++c->written;
	int len =
		snprintf(line, sizeof(line), BEFORE "%08" PRIu32 AFTER "\n", n);
	int half = (int)chance_below((uint32_t)len);

	c->generation_of[n] = generation;
	if (!whole) {
		put(fd, line, (size_t)len - 1);
	} else if (chance_below(50) == 0) {
		put(fd, line, (size_t)half);
		wait_quietly(1);
		put(fd, line + half, (size_t)(len - half));
	} else {
		put(fd, line, (size_t)len);
	}
}

static void write_lines(struct churn *c, uint32_t count)
{
	while (count-- > 0 && c->written < c->lines)
		write_line(c, c->fd, c->generation, true);
}

void churn_write(struct churn *c, uint32_t count)
{
	write_lines(c, count);
	if (c->late_fd >= 0 && c->written < c->lines)
		write_line(c, c->late_fd, c->late_generation, true);
}

uint32_t churn_number(const struct churn *c, const struct reader_event *e)
{
	const size_t before = strlen(BEFORE);
	char *end;
	unsigned long n;

	if (e->data_len != before + 8 + strlen(AFTER) ||
		memcmp(e->data, BEFORE, before) != 0 ||
		strcmp(e->data + before + 8, AFTER) != 0)
		test_fail("not a line that was written: %s", e->data);
	n = strtoul(e->data + before, &end, 10);
	if (n == 0 || n > c->written)
		test_fail("line %lu was never written", n);
	return (uint32_t)n;
}

/* ---- the file */

static void open_log(struct churn *c)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC;

	c->fd = open(c->log, flags | (c->no_append ? 0 : O_APPEND), 0644);
	if (c->fd < 0)
		test_fail("%s: %s", c->log, strerror(errno));
	if (c->no_append)
		lseek(c->fd, 0, SEEK_END);
}

static void reopen(struct churn *c, bool no_append)
{
	close(c->fd);
	c->no_append = no_append;
	open_log(c);
}

static const char *write_logrotate(
	const struct churn *c, const char *name, const char *how)
{
	const char *path = disk_path(c->folder, "%s", name);

	disk_write(path,
		"%s {\n\trotate %d\n\tmissingok\n\tnocompress\n\t%s\n}\n",
		c->log, SIBLINGS_KEPT, how);
	return path;
}

void churn_open(struct churn *c, const char *folder, uint32_t lines)
{
	*c = (struct churn){
		.folder = folder,
		.log = disk_path(folder, "app.log"),
		.lines = lines,
		.generations = lines / 4 + 100,
		.generation_of = calloc(lines + 1, sizeof(uint32_t)),
		.state = disk_path(folder, "logrotate.state"),
		.late_fd = -1,
	};
	if (!c->generation_of)
		abort();
	c->logrotate[0] = write_logrotate(c, "logrotate.conf", "create");
	c->logrotate[1] =
		write_logrotate(c, "copytruncate.conf", "copytruncate");
	open_log(c);
}

void churn_settle(struct churn *c)
{
	if (c->late_fd >= 0)
		close(c->late_fd);
	c->late_fd = -1;
}

void churn_release(struct churn *c)
{
	churn_settle(c);
	close(c->fd);
	free(c->generation_of);
	c->generation_of = NULL;
}

/* ---- rotating */

static void next_generation(struct churn *c)
{
	c->generation++;
	if (c->generation >= c->generations)
		test_fail("more generations than there is room for");
}

/* On a slow disk a rotation takes its time, too. */
static void shift_siblings(const struct churn *c)
{
	const struct timespec slow = { 0, (long)c->slow * 100000 };
	char from[512], to[512];

	for (int i = SIBLINGS_KEPT; i > 0; i--) {
		snprintf(from, sizeof(from), "%s.%d", c->log, i);
		snprintf(to, sizeof(to), "%s.%d", c->log, i + 1);
		if (i == SIBLINGS_KEPT)
			unlink(from);
		else
			rename(from, to);
		if (slow.tv_nsec && disk_exists(to))
			nanosleep(&slow, NULL);
	}
}

static void rename_away(const struct churn *c)
{
	shift_siblings(c);
	disk_rename(c->log, disk_path(c->folder, "app.log.1"));
}

static void copy_and_truncate(struct churn *c)
{
	shift_siblings(c);
	disk_copy(c->log, disk_path(c->folder, "app.log.1"));
	if (chance_below(2))
		wait_quietly((int)chance_below(4));
	if (ftruncate(c->fd, 0) < 0)
		test_fail("ftruncate: %s", strerror(errno));
	next_generation(c);
}

static void run_logrotate(const struct churn *c, bool copy)
{
	struct process *p = process_run("/usr/sbin/logrotate", "-f", "-s",
		c->state, c->logrotate[copy], NULL);

	if (process_exit_code(p) != 0)
		test_fail("logrotate: %s", process_errors(p));
	process_free(p);
}

static void rotate_in_a_burst(struct churn *c)
{
	for (uint32_t i = 2 + chance_below(8); i > 0; i--) {
		if (c->between)
			c->between();
		rename_away(c);
		next_generation(c);
		reopen(c, false);
		write_lines(c, 1 + chance_below(3));
	}
}

void churn_rotate(struct churn *c, enum churn_rotation kind)
{
	c->rotations[kind]++;
	churn_settle(c);
	switch (kind) {
	case CHURN_RENAME:
		rename_away(c);
		next_generation(c);
		reopen(c, false);
		break;
	case CHURN_RENAME_LATER:
		rename_away(c);
		close(c->fd);
		wait_quietly((int)chance_below(5));
		next_generation(c);
		c->no_append = false;
		open_log(c);
		break;
	case CHURN_COPY_TRUNCATE:
		reopen(c, false);
		copy_and_truncate(c);
		break;
	case CHURN_COPY_HOLE:
		reopen(c, true);
		copy_and_truncate(c);
		break;
	case CHURN_LATE_WRITER:
		rename_away(c);
		c->late_fd = c->fd;
		c->late_generation = c->generation;
		next_generation(c);
		c->no_append = false;
		open_log(c);
		break;
	case CHURN_BURST:
		rotate_in_a_burst(c);
		break;
	case CHURN_UNTERMINATED:
		if (c->written < c->lines)
			write_line(c, c->fd, c->generation, false);
		rename_away(c);
		next_generation(c);
		reopen(c, false);
		break;
	case CHURN_LOGROTATE:
	case CHURN_LOGROTATE_COPY:
		reopen(c, false);
		run_logrotate(c, kind == CHURN_LOGROTATE_COPY);
		next_generation(c);
		if (kind == CHURN_LOGROTATE)
			reopen(c, false);
		break;
	default:
		break;
	}
}

enum churn_rotation churn_next(struct churn *c)
{
	if (c->order_left == 0) {
		for (int i = 0; i < CHURN_ROTATIONS; i++)
			c->order[i] = (enum churn_rotation)i;
		c->order_left = CHURN_ROTATIONS;
	}
	int at = (int)chance_below((uint32_t)c->order_left);
	enum churn_rotation kind = c->order[at];

	c->order[at] = c->order[--c->order_left];
	return kind;
}
