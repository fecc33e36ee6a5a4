#include "common/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

struct overlay {
	struct overlay *next;
	int file;   /* borrowed */
	int memory; /* its byte 0 is the file's at `start` */
	dev_t dev;
	ino_t ino;
	uint64_t start;
	_Atomic uint64_t end;
	uint64_t hole; /* from here on, the start of a record: */
	uint64_t hole_end;
	bool hole_known; /* `hole` is found */
	size_t bytes;
	enum split_format format;
};

/* Those of this process. Whoever has the lock may use one. */
static struct overlay *list;
static _Atomic unsigned count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct overlay *overlay_new(int fd, size_t bytes, enum split_format format)
{
	struct overlay *o = calloc(1, sizeof(*o));
	struct stat st;

	if (!o)
		return NULL;
	o->memory = memfd_create("ssetail spool", MFD_CLOEXEC);
	if (o->memory < 0 || fstat(fd, &st) < 0) {
		int error = errno;

		if (o->memory >= 0)
			close(o->memory);
		free(o);
		errno = error;
		return NULL;
	}
	o->file = fd;
	o->dev = st.st_dev;
	o->ino = st.st_ino;
	o->start = (uint64_t)st.st_size;
	o->end = (uint64_t)st.st_size;
	o->bytes = bytes;
	o->format = format;
	pthread_mutex_lock(&lock);
	o->next = list;
	list = o;
	count++;
	pthread_mutex_unlock(&lock);
	return o;
}

void overlay_free(struct overlay *o)
{
	struct overlay **at = &list;

	if (!o)
		return;
	pthread_mutex_lock(&lock);
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	count--;
	pthread_mutex_unlock(&lock);
	close(o->memory);
	free(o);
}

uint64_t overlay_end(const struct overlay *o)
{
	return o->end;
}

uint64_t overlay_lost(const struct overlay *o)
{
	return o->hole_end - o->hole;
}

/* ---- writing */

/* The offset behind the first record that ends behind `from`; 0: there is
 * none, or it cannot be read. */
static uint64_t next_record(const struct overlay *o, uint64_t from)
{
	char chunk[CHUNK_BYTES];

	while (from < o->end) {
		size_t known = from - o->start < SPLIT_CONTEXT
				       ? (size_t)(from - o->start)
				       : SPLIT_CONTEXT;
		ssize_t n = pread(o->memory, chunk, sizeof(chunk),
			(off_t)(from - known - o->start));
		size_t end;

		if (n <= (ssize_t)known)
			break;
		end = split_end(
			o->format, chunk, (size_t)n, known ? known - 1 : 0);
		if (end > 0)
			return from - known + end;
		from += (uint64_t)n - known;
	}
	return 0;
}

/* What the disk ends with may be half a record: its rest is kept. */
static bool find_hole(struct overlay *o)
{
	size_t len = o->start < SPLIT_CONTEXT ? o->start : SPLIT_CONTEXT;
	char last[SPLIT_CONTEXT];
	bool whole;

	if (o->hole_known)
		return true;
	if (pread(o->file, last, len, (off_t)(o->start - len)) != (ssize_t)len)
		return false;
	whole = len == 0 || split_ends(o->format, last, len);
	o->hole = whole ? o->start : next_record(o, o->start);
	o->hole_end = o->hole;
	o->hole_known = o->hole > 0 || o->start == 0;
	return o->hole_known;
}

/* Lets the oldest records go, so that as much is left as may be kept. */
static void keep_to_bound(struct overlay *o)
{
	uint64_t to;

	if (o->end - o->start < o->bytes + o->bytes / 2 || !find_hole(o) ||
		o->end - o->hole_end < o->bytes + o->bytes / 2)
		return;
	to = next_record(o, o->end - o->bytes);
	if (to <= o->hole_end ||
		fallocate(o->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)(o->hole - o->start), (off_t)(to - o->hole)) < 0)
		return;
	o->hole_end = to;
}

ssize_t overlay_move(struct overlay *o, int pipe, size_t len)
{
	loff_t at = (loff_t)(o->end - o->start);
	ssize_t n = splice(pipe, NULL, o->memory, &at, len, SPLICE_F_NONBLOCK);

	if (n > 0) {
		o->end += (uint64_t)n;
		keep_to_bound(o);
	}
	return n;
}

int overlay_end_record(struct overlay *o)
{
	if (pwrite(o->memory, "\n", 1, (off_t)(o->end - o->start)) != 1)
		return -1;
	o->end++;
	return 0;
}

/* Blocks for a part of the file, before a byte of it is written. */
static int allocate(const struct overlay *o, uint64_t from, uint64_t to)
{
	if (from == to || fallocate(o->file, FALLOC_FL_KEEP_SIZE, (off_t)from,
				  (off_t)(to - from)) == 0)
		return 0;
	return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -1;
}

static int save(const struct overlay *o, uint64_t from, uint64_t to)
{
	char chunk[CHUNK_BYTES];

	while (from < to) {
		size_t len = to - from < sizeof(chunk) ? (size_t)(to - from)
						       : sizeof(chunk);
		ssize_t n =
			pread(o->memory, chunk, len, (off_t)(from - o->start));

		if (n > 0)
			n = pwrite(o->file, chunk, (size_t)n, (off_t)from);
		if (n <= 0)
			return -1;
		from += (uint64_t)n;
	}
	return 0;
}

int overlay_save(struct overlay *o)
{
	uint64_t hole = overlay_lost(o) > 0 ? o->hole : o->end;
	uint64_t hole_end = overlay_lost(o) > 0 ? o->hole_end : o->end;

	if (allocate(o, o->start, hole) < 0 ||
		allocate(o, hole_end, o->end) < 0)
		return -1;
	return save(o, o->start, hole) < 0 || save(o, hole_end, o->end) < 0 ? -1
									    : 0;
}

/* ---- reading */

/* With the lock. */
static const struct overlay *find(dev_t dev, ino_t ino)
{
	const struct overlay *o = list;

	while (o && (o->dev != dev || o->ino != ino))
		o = o->next;
	return o;
}

uint64_t overlay_size(dev_t dev, ino_t ino)
{
	const struct overlay *o;
	uint64_t size = 0;

	if (count == 0)
		return 0;
	pthread_mutex_lock(&lock);
	o = find(dev, ino);
	if (o)
		size = o->end;
	pthread_mutex_unlock(&lock);
	return size;
}

bool overlay_read(dev_t dev, ino_t ino, void *out, size_t len, uint64_t offset,
	ssize_t *n)
{
	const struct overlay *o;

	if (count == 0)
		return false;
	pthread_mutex_lock(&lock);
	o = find(dev, ino);
	if (o && offset >= o->start)
		*n = pread(o->memory, out, len, (off_t)(offset - o->start));
	else
		o = NULL;
	pthread_mutex_unlock(&lock);
	return o != NULL;
}
