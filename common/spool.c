#include "common/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/overlay.h"

#define SEGMENT_MODE 0600
#define FOLDER_MODE  0700

#define SEGMENT_PREFIX "spool."
#define SEGMENT_DIGITS 16
#define BASE_DIGITS    20

/* A segment is rotated at the end of a record: in its last quarter, and before
 * one may have no room to its end. */
#define FULL_FRACTION 4

/* What a record takes besides: its end, and that spool_replace_last is about
 * none of what is kept. */
#define RECORD_MARGIN (2 + SPLIT_CONTEXT)

char *spool_path(const char *state_dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s/current", state_dir, name) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return path;
}

uint64_t spool_read_base(const char *current)
{
	const char *slash = strrchr(current, '/');
	char text[BASE_DIGITS + 1] = "", *path;
	int fd = -1;

	if (slash && asprintf(&path, "%.*s/base", (int)(slash - current),
			     current) >= 0) {
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		free(path);
	}
	if (fd < 0)
		return 0;
	if (read(fd, text, BASE_DIGITS) != BASE_DIGITS)
		text[0] = '\0';
	close(fd);
	return strtoull(text, NULL, 10);
}

/* ---- the folder, and who else could do something in it */

static const char *why_not_state_dir(int dir)
{
	struct stat st;

	if (dir < 0 && errno == ENOENT)
		return "the state directory is not there";
	if (dir < 0 && (errno == ELOOP || errno == ENOTDIR))
		return "the state directory is a link, or no folder";
	if (dir < 0 || fstat(dir, &st) < 0)
		return strerror(errno);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return "the state directory belongs to another user";
	if (st.st_mode & S_IWOTH)
		return "the state directory can be written to by anybody";
	return NULL;
}

static const char *why_not_folder(int folder)
{
	struct stat st;

	if (folder < 0 && (errno == ELOOP || errno == ENOTDIR))
		return "a link, or no folder, has its place in the state "
		       "directory";
	if (folder < 0 || fstat(folder, &st) < 0)
		return strerror(errno);
	if (st.st_uid != geteuid())
		return "its folder in the state directory belongs to another "
		       "user";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return "its folder in the state directory can be written to "
		       "by others";
	return NULL;
}

static int open_folder(int dir, const char *name)
{
	return openat(
		dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool may_write(int dir, const char *name)
{
	return faccessat(dir, name, W_OK | X_OK, AT_EACCESS) == 0;
}

const char *spool_obstacle(const char *state_dir, const char *name)
{
	int dir = open_folder(AT_FDCWD, state_dir), folder;
	const char *why = why_not_state_dir(dir);

	if (why)
		goto done;
	folder = open_folder(dir, name);
	if (folder >= 0 || errno != ENOENT) {
		why = why_not_folder(folder);
		if (!why && !may_write(dir, name))
			why = strerror(errno);
	} else if (!may_write(AT_FDCWD, state_dir)) {
		why = strerror(errno);
	}
	if (folder >= 0)
		close(folder);
done:
	if (dir >= 0)
		close(dir);
	return why;
}

/* Whatever the umask. NULL, or why not. */
static const char *make_folder(int dir, const char *name)
{
	if (mkdirat(dir, name, FOLDER_MODE) < 0)
		return errno == EEXIST ? NULL : strerror(errno);
	if (fchmodat(dir, name, FOLDER_MODE, AT_SYMLINK_NOFOLLOW) < 0)
		return strerror(errno);
	return NULL;
}

int spool_open(struct spool *s, const char *state_dir, const char *name,
	size_t bytes, struct spool_records records)
{
	int dir = open_folder(AT_FDCWD, state_dir);
	const char *why = why_not_state_dir(dir);

	*s = (struct spool){
		.dir = -1,
		.lock = -1,
		.fd = -1,
		.next = -1,
		.format = records.format,
		.segment_bytes = bytes / SPOOL_SEGMENTS,
		.record_bytes = records.max_bytes,
	};
	if (!why)
		why = make_folder(dir, name);
	if (!why) {
		s->dir = open_folder(dir, name);
		why = why_not_folder(s->dir);
	}
	if (!why && !may_write(s->dir, "."))
		why = strerror(errno);
	if (dir >= 0)
		close(dir);
	if (!why)
		return 0;
	log_error("%s: %s: %s", name, state_dir, why);
	spool_close(s);
	return -1;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void spool_close(struct spool *s)
{
	spool_give_up(s);
	close_one(&s->dir);
}

void spool_give_up(struct spool *s)
{
	overlay_free(s->memory);
	s->memory = NULL;
	close_one(&s->fd);
	close_one(&s->next);
	/* Last: who waits for it finds all as it is to stay. */
	close_one(&s->lock);
}

/* ---- segments */

/* A regular file of ours; what else has its name is no accident. */
static int open_own(int dir, const char *name, int flags)
{
	int fd = openat(dir, name,
		flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		SEGMENT_MODE);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_uid == geteuid() &&
		((flags & O_CREAT) == 0 || fchmod(fd, SEGMENT_MODE) == 0))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/* Takes the bytes that a segment may need. Where the file system cannot say
 * beforehand, it is found out by writing. */
static int allocate(const struct spool *s, int fd)
{
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)s->segment_bytes) ==
			0 ||
		errno == EOPNOTSUPP || errno == ENOSYS)
		return 0;
	return -1;
}

static int make_next(struct spool *s, bool allocated)
{
	int fd;

	if (unlinkat(s->dir, "next", 0) < 0 && errno != ENOENT)
		return -1;
	fd = open_own(s->dir, "next", O_RDWR | O_CREAT | O_EXCL);
	if (fd >= 0 && allocated && allocate(s, fd) < 0) {
		int error = errno;

		close(fd);
		unlinkat(s->dir, "next", 0);
		fd = -1;
		errno = error;
	}
	s->next = fd;
	return fd < 0 ? -1 : 0;
}

static void name_segment(char name[32], uint64_t base)
{
	snprintf(name, 32, SEGMENT_PREFIX "%0*llu", SEGMENT_DIGITS,
		(unsigned long long)base);
}

static bool is_segment(const char *name, uint64_t *base)
{
	size_t prefix = strlen(SEGMENT_PREFIX);

	if (strncmp(name, SEGMENT_PREFIX, prefix) != 0 ||
		strlen(name) != prefix + SEGMENT_DIGITS ||
		name[prefix + strspn(name + prefix, "0123456789")] != '\0')
		return false;
	*base = strtoull(name + prefix, NULL, 10);
	return true;
}

/* The full ones. */
struct census {
	size_t count;
	uint64_t bytes;
	uint64_t oldest; /* the place where it begins; */
	uint64_t newest; /* likewise */
	struct stat st;	 /* of the newest */
};

static void count_segment(
	struct census *c, uint64_t base, const struct stat *st)
{
	if (c->count == 0 || base < c->oldest)
		c->oldest = base;
	if (c->count == 0 || base > c->newest) {
		c->newest = base;
		c->st = *st;
	}
	c->bytes += (uint64_t)st->st_size;
	c->count++;
}

static int count_segments(const struct spool *s, struct census *c)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	*c = (struct census){ 0 };
	if (!d) {
		close_one(&fd);
		return -1;
	}
	while ((entry = readdir(d))) {
		uint64_t base;
		struct stat st;

		if (is_segment(entry->d_name, &base) &&
			fstatat(s->dir, entry->d_name, &st,
				AT_SYMLINK_NOFOLLOW) == 0)
			count_segment(c, base, &st);
	}
	closedir(d);
	return 0;
}

int spool_full_bytes(const struct spool *s, uint64_t *bytes)
{
	struct census c;
	int result = count_segments(s, &c);

	*bytes = c.bytes;
	return result;
}

/* Deletes the oldest full one: 1; 0: only the newest is left; or -1. */
static int drop_oldest(const struct spool *s)
{
	struct census c;
	char name[32];

	if (count_segments(s, &c) < 0)
		return -1;
	if (c.count < 2)
		return 0;
	name_segment(name, c.oldest);
	return unlinkat(s->dir, name, 0) < 0 && errno != ENOENT ? -1 : 1;
}

/* Deletes old ones until `segments` more are within the cap. */
static int keep_to_cap(const struct spool *s, size_t segments)
{
	uint64_t others = (SPOOL_SEGMENTS - segments) * s->segment_bytes;
	struct census c;
	int dropped = 1;

	do {
		if (count_segments(s, &c) < 0)
			return -1;
		if (c.bytes > others)
			dropped = drop_oldest(s);
	} while (c.bytes > others && dropped > 0);
	return dropped < 0 ? -1 : 0;
}

/* Makes `next`, whatever has to go for it. */
static int make_next_in_any_case(struct spool *s)
{
	while (make_next(s, true) < 0) {
		int error = errno;

		if ((error != ENOSPC && error != EDQUOT) ||
			drop_oldest(s) <= 0) {
			errno = error;
			return -1;
		}
	}
	return 0;
}

/* Where the disk has no room for it there is the newest full one to go by. */
static void write_base(struct spool *s, uint64_t base)
{
	char text[BASE_DIGITS + 2];
	int fd = open_own(s->dir, "base", O_WRONLY | O_CREAT);

	snprintf(text, sizeof(text), "%0*llu\n", BASE_DIGITS,
		(unsigned long long)base);
	if ((fd < 0 || pwrite(fd, text, sizeof(text) - 1, 0) < 0) &&
		log_spend(&s->log, "spool"))
		log_warning("spool: base: %s", strerror(errno));
	close_one(&fd);
}

static uint64_t read_base(const struct spool *s, const struct census *c)
{
	char text[BASE_DIGITS + 1] = "";
	int fd = open_own(s->dir, "base", O_RDONLY);
	uint64_t base = 0;

	if (fd >= 0 && pread(fd, text, BASE_DIGITS, 0) == BASE_DIGITS)
		base = strtoull(text, NULL, 10);
	close_one(&fd);
	if (c->count > 0 && base <= c->newest)
		base = c->newest + (uint64_t)c->st.st_size;
	return base;
}

/* `next` becomes `current`, whatever was that. */
static int begin_next(struct spool *s, uint64_t base)
{
	write_base(s, base);
	if (renameat(s->dir, "next", s->dir, "current") < 0)
		return -1;
	/* What was allocated and not used. */
	if (s->fd >= 0 && ftruncate(s->fd, (off_t)s->size) < 0 &&
		log_spend(&s->log, "spool"))
		log_warning("spool: %s", strerror(errno));
	close_one(&s->fd);
	s->fd = s->next;
	s->next = -1;
	s->size = 0;
	s->base = base;
	return 0;
}

/* Gives `current` the name of a full one. */
static int name_current(const struct spool *s)
{
	char name[32];

	name_segment(name, s->base);
	if (linkat(s->dir, "current", s->dir, name, 0) == 0)
		return 0;
	if (errno != EPERM && errno != EOPNOTSUPP)
		return -1;
	/* Without links there is none of that name for a moment. */
	return renameat(s->dir, "current", s->dir, name);
}

int spool_rotate(struct spool *s)
{
	if (s->next < 0 &&
		(keep_to_cap(s, 2) < 0 || make_next_in_any_case(s) < 0))
		return -1;
	if (name_current(s) < 0 || begin_next(s, s->base + s->size) < 0)
		return -1;
	/* That there is none is no fault before it is needed. */
	if (keep_to_cap(s, 2) == 0)
		make_next(s, true);
	return 0;
}

/* Was a rotation not finished: is the newest full one still `current`? */
static bool is_current(const struct spool *s, const struct census *c)
{
	struct stat st;

	return c->count > 0 && s->fd >= 0 && fstat(s->fd, &st) == 0 &&
	       st.st_dev == c->st.st_dev && st.st_ino == c->st.st_ino;
}

/* Takes up what is there, wherever the one before was when it ended. */
static int recover(struct spool *s)
{
	struct census c;
	struct stat st;

	if (count_segments(s, &c) < 0)
		return -1;
	s->base = read_base(s, &c);
	s->fd = open_own(s->dir, "current", O_RDWR);
	if (s->fd < 0 && errno != ENOENT)
		return -1;
	s->size = is_current(s, &c) ? (uint64_t)c.st.st_size : 0;
	if ((s->fd < 0 || is_current(s, &c)) &&
		(keep_to_cap(s, 1) < 0 ||
			(make_next_in_any_case(s) < 0 &&
				make_next(s, false) < 0) ||
			begin_next(s, s->base) < 0))
		return -1;
	if (fstat(s->fd, &st) < 0)
		return -1;
	s->size = (uint64_t)st.st_size;
	if (s->size < s->segment_bytes)
		allocate(s, s->fd);
	if (keep_to_cap(s, 2) == 0)
		make_next(s, true);
	return 0;
}

int spool_take(struct spool *s)
{
	int error;

	if (s->lock < 0)
		s->lock = open_own(s->dir, "lock", O_RDONLY | O_CREAT);
	if (s->lock < 0)
		return -1;
	if (flock(s->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : -1;
	if (recover(s) == 0)
		return 1;
	error = errno;
	spool_give_up(s);
	errno = error;
	return -1;
}

ssize_t spool_move(struct spool *s, int pipe, size_t len)
{
	loff_t at = (loff_t)s->size;
	ssize_t n;

	if (s->memory)
		n = overlay_move(s->memory, pipe, len);
	else
		n = splice(pipe, NULL, s->fd, &at, len,
			SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n > 0)
		s->size += (uint64_t)n;
	return n;
}

size_t spool_room(const struct spool *s)
{
	if (s->memory)
		return SIZE_MAX / 2;
	return s->size + SPOOL_END_BYTES < s->segment_bytes
		       ? s->segment_bytes - SPOOL_END_BYTES - (size_t)s->size
		       : 0;
}

size_t spool_free_room(const struct spool *s)
{
	size_t room = spool_room(s), kept = s->record_bytes + RECORD_MARGIN;

	return room > kept ? room - kept : 0;
}

bool spool_is_full(const struct spool *s)
{
	return spool_room(s) < s->segment_bytes / FULL_FRACTION ||
	       (s->size > 0 && spool_free_room(s) == 0);
}

/* What begins on the disk may end in memory: one read has bytes of one of
 * both. */
static ssize_t read_some(
	const struct spool *s, char *out, size_t len, uint64_t offset)
{
	struct stat st;
	ssize_t n;

	if (s->memory && fstat(s->fd, &st) == 0 &&
		overlay_read(st.st_dev, st.st_ino, out, len, offset, &n))
		return n;
	return pread(s->fd, out, len, (off_t)offset);
}

ssize_t spool_last(const struct spool *s, char last[SPLIT_CONTEXT])
{
	size_t len = s->size < SPLIT_CONTEXT ? (size_t)s->size : SPLIT_CONTEXT;
	size_t got = 0;

	while (got < len) {
		ssize_t n = read_some(
			s, last + got, len - got, s->size - len + got);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int spool_ends_record(const struct spool *s)
{
	char last[SPLIT_CONTEXT];
	ssize_t n = spool_last(s, last);

	if (n < 0)
		return -1;
	return s->size == 0 || split_ends(s->format, last, (size_t)n);
}

static int add_newline(struct spool *s)
{
	if (s->memory ? overlay_end_record(s->memory) < 0
		      : pwrite(s->fd, "\n", 1, (off_t)s->size) != 1)
		return -1;
	s->size++;
	return 0;
}

int spool_end_record(struct spool *s)
{
	int ends = 0;

	for (int i = 0; i < SPOOL_END_BYTES && ends == 0; i++) {
		if (add_newline(s) < 0)
			return -1;
		ends = spool_ends_record(s);
	}
	return ends < 0 ? -1 : 0;
}

int spool_replace_last(struct spool *s, const char *last, size_t len)
{
	return pwrite(s->fd, last, len, (off_t)(s->size - len)) == (ssize_t)len
		       ? 0
		       : -1;
}

int spool_check(struct spool *s)
{
	struct stat st;
	bool was_cut;

	if (s->memory)
		return 0;
	if (fstat(s->fd, &st) < 0)
		return -1;
	if (st.st_nlink == 0) {
		close_one(&s->fd);
		close_one(&s->next);
		return recover(s);
	}
	was_cut = (uint64_t)st.st_size < s->size;
	s->size = (uint64_t)st.st_size;
	/* Perhaps within a record. */
	if (was_cut && spool_ends_record(s) == 0)
		return spool_end_record(s);
	return 0;
}

int spool_begin_memory(struct spool *s)
{
	s->memory = overlay_new(s->fd, s->segment_bytes, s->format);
	if (!s->memory)
		return -1;
	s->size = overlay_end(s->memory);
	return 0;
}

void spool_tell(const struct spool *s)
{
	/* An event of the file; where that fails there is the timer. */
	if (s->memory)
		futimens(s->fd, NULL);
}

int spool_end_memory(struct spool *s, uint64_t *lost)
{
	/* Not for a moment only: the next one will be needed as well. */
	if (s->next < 0 && make_next_in_any_case(s) < 0)
		return 0;
	while (overlay_save(s->memory) < 0)
		if ((errno != ENOSPC && errno != EDQUOT) || drop_oldest(s) <= 0)
			return 0;
	*lost = overlay_lost(s->memory);
	overlay_free(s->memory);
	s->memory = NULL;
	return 1;
}
