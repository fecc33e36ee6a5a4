#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cold.h"
#include "common/overlay.h"
#include "common/place.h"

#define HANDLE_BYTES_MAX 128

enum file_state file_state_of_errno(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return FILE_ABSENT;
	case EACCES:
	case EPERM:
		return FILE_PERMISSION;
	default:
		return FILE_UNREADABLE;
	}
}

uint32_t file_identity(int fd, const char *name, ino_t ino)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[HANDLE_BYTES_MAX];
	} h = { .handle.handle_bytes = HANDLE_BYTES_MAX };
	unsigned char identity[sizeof(ino) + HANDLE_BYTES_MAX];
	int mount, flags = *name ? 0 : AT_EMPTY_PATH;
	size_t len = sizeof(ino);

	memcpy(identity, &ino, sizeof(ino));
	if (name_to_handle_at(fd, name, &h.handle, &mount, flags) == 0) {
		memcpy(identity + len, h.handle.f_handle,
			h.handle.handle_bytes);
		len += h.handle.handle_bytes;
	}
	return place_file_tag(identity, len);
}

/* When the file was changed, on the monotonic clock: what happened to it
 * before it was opened counts for its quiet time, too. */
static struct timespec last_change(const struct stat *st)
{
	struct timespec now, wall;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	clock_gettime(CLOCK_REALTIME_COARSE, &wall);
	if (wall.tv_sec > st->st_mtim.tv_sec)
		now.tv_sec -= wall.tv_sec - st->st_mtim.tv_sec;
	return now;
}

/* With what is in memory of it. */
static uint64_t size_of(const struct stat *st)
{
	uint64_t size = overlay_size(st->st_dev, st->st_ino);

	return size > (uint64_t)st->st_size ? size : (uint64_t)st->st_size;
}

enum file_state file_open(int dir, const char *name, struct file **out)
{
	struct stat st;
	struct file *f = NULL;
	int fd = -1;

	/* Opening a device or a FIFO may wait, or do something. */
	if (fstatat(dir, name, &st, 0) < 0)
		return file_state_of_errno(errno);
	if (!S_ISREG(st.st_mode))
		return FILE_NOT_A_FILE;
	fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return file_state_of_errno(errno);
	if (fstat(fd, &st) < 0)
		goto fail;
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return FILE_NOT_A_FILE;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		goto fail;
	f->fd = fd;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = size_of(&st);
	f->modified = st.st_mtim;
	f->unlinked = st.st_nlink == 0;
	f->tag = file_identity(fd, "", st.st_ino);
	f->quiet_since = last_change(&st);
	f->may_hang = cold_is_started() && cold_may_hang(fd);
	*out = f;
	return FILE_OPEN;
fail:
	close(fd);
	return FILE_UNREADABLE;
}

void file_close(struct file *f)
{
	if (!f)
		return;
	cold_forget(f->fd);
	close(f->fd);
	free(f);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int file_refresh(struct file *f, const struct timespec *now)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -1;
	/* Written without having grown: what was read ahead is another's. */
	if (size_of(&st) <= f->size && !same_time(&st.st_mtim, &f->modified))
		cold_forget(f->fd);
	if (size_of(&st) != f->size)
		f->quiet_since = *now;
	f->size = size_of(&st);
	f->modified = st.st_mtim;
	f->unlinked = st.st_nlink == 0;
	return 0;
}

ssize_t file_read(const struct file *f, void *out, size_t len, uint64_t offset)
{
	ssize_t n;

	if (overlay_read(f->dev, f->ino, out, len, offset, &n))
		return n;
	if (f->may_hang)
		return cold_read_far(f->fd, f->dev, out, len, (off_t)offset);
	return cold_read(f->fd, out, len, (off_t)offset);
}

int file_read_whole(
	const struct file *f, void *out, size_t len, uint64_t offset)
{
	char *to = out;

	while (len > 0) {
		ssize_t n = file_read(f, to, len, offset);

		if (n < 0)
			return -1;
		if (n == 0) {
			errno = ENODATA;
			return -1;
		}
		to += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

uint64_t file_next_data(const struct file *f, uint64_t offset)
{
	off_t data = lseek(f->fd, (off_t)offset, SEEK_DATA);

	if (data < 0 && errno == ENXIO)
		return overlay_size(f->dev, f->ino) > offset ? offset
							     : UINT64_MAX;
	return data > (off_t)offset ? (uint64_t)data : offset;
}

static size_t at_most(uint64_t value, size_t limit)
{
	return value < limit ? (size_t)value : limit;
}

int file_check(const struct file *f, uint64_t offset, uint64_t *check)
{
	char head[PLACE_HEAD_BYTES], last[PLACE_LAST_BYTES];
	size_t head_len = at_most(offset, sizeof(head));
	size_t last_len = at_most(offset, sizeof(last));

	if (file_read_whole(f, head, head_len, 0) < 0 ||
		file_read_whole(f, last, last_len, offset - last_len) < 0)
		return -1;
	*check = place_check(
		place_head_hash(head, head_len), last, last_len, offset);
	return 0;
}

enum file_place file_has_place(
	const struct file *f, uint64_t offset, uint64_t check)
{
	uint64_t found;
	char before[2] = { '\0', '\0' };
	size_t len = offset > 1 ? 2 : 1;

	if (offset == 0)
		return FILE_PLACE;
	if (file_check(f, offset, &found) < 0)
		return errno == ENODATA ? FILE_NO_PLACE : FILE_PLACE_FAILED;
	if (found != check)
		return FILE_NO_PLACE;
	if (file_read_whole(f, before + 2 - len, len, offset - len) < 0)
		return FILE_PLACE_FAILED;
	if (before[1] == '\n')
		return FILE_PLACE;
	/* A CR that ends a blank line ends a block (split.h). */
	if (before[1] == '\r' &&
		(offset < f->size || before[0] == '\n' || before[0] == '\r'))
		return FILE_PLACE;
	return offset == f->size ? FILE_PLACE_AT_END : FILE_NO_PLACE;
}

int file_head_hash(struct file *f, uint64_t *hash)
{
	char head[PLACE_HEAD_BYTES];

	if (!f->head_known) {
		if (file_read_whole(f, head, sizeof(head), 0) < 0)
			return -1;
		f->head_hash = place_head_hash(head, sizeof(head));
		f->head_known = true;
	}
	*hash = f->head_hash;
	return 0;
}

/* The lease is given back at once: it was a question. */
static bool nobody_writes(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return false;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return true;
}

/* A last line without its newline is waited for by those who read it: there
 * is no grace for it, and all processes come to the same conclusion. */
static bool ends_with_newline(const struct file *f)
{
	char last = '\n';

	if (f->size > 0 && file_read_whole(f, &last, 1, f->size - 1) < 0)
		return true;
	return last == '\n';
}

bool file_is_finished(struct file *f, const struct timespec *now, bool at_once)
{
	time_t quiet_s = now->tv_sec - f->quiet_since.tv_sec;
	uint64_t size = f->size;
	bool alone;

	if (f->finished)
		return true;
	if (quiet_s < FILE_GRACE_S && !at_once && ends_with_newline(f))
		return false;
	alone = nobody_writes(f->fd);
	/* What was written before the last writer left counts. */
	if (file_refresh(f, now) < 0 || f->size != size)
		return false;
	f->finished = alone || quiet_s >= FILE_QUIET_S;
	return f->finished;
}

void file_forget(struct file *f)
{
	f->head_known = false;
	f->finished = false;
	f->long_start = f->long_text = f->long_searched = 0;
}
