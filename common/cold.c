#include "common/cold.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xfe534d42
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

/*
 * What the helper reads goes through the page cache, so most of the time a
 * second try of the same read just succeeds. File systems without RWF_NOWAIT
 * give no such promise; for them what was read is kept here, for a moment.
 */
#define SLOTS	   32
#define FAR_SLOTS  8 /* of one file system that may hang */
#define FAR_MAX	   8 /* helpers of those */
#define KEEP_S	   2
#define READ_BYTES 131072u

enum slot_state { SLOT_FREE, SLOT_QUEUED, SLOT_READING, SLOT_DONE };

struct slot {
	enum slot_state state;
	bool forgotten; /* its descriptor was closed while it was read */
	int fd;		/* the caller's: the key */
	int own_fd;	/* the helper's */
	dev_t far;	/* the device of one that may hang; 0: of another */
	off_t offset;
	size_t len;
	char *bytes;
	ssize_t got; /* as pread(2); on -1 `error` */
	int error;
	time_t done;
};

static struct {
	bool started;
	bool has_helper;
	size_t helpers, idle;
	int event;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct slot slots[SLOTS];
} cold = {
	.event = -1,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
};

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static void slot_release(struct slot *s)
{
	free(s->bytes);
	*s = (struct slot){ .state = SLOT_FREE };
}

/* Is somebody reading there? One helper at a time does. */
static bool is_busy(dev_t far)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (cold.slots[i].state == SLOT_READING &&
			cold.slots[i].far == far)
			return true;
	return false;
}

static struct slot *next_queued(void)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (cold.slots[i].state == SLOT_QUEUED &&
			!is_busy(cold.slots[i].far))
			return &cold.slots[i];
	return NULL;
}

static void *help(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&cold.lock);
	for (;;) {
		struct slot *s;

		while (!(s = next_queued())) {
			cold.idle++;
			pthread_cond_wait(&cold.work, &cold.lock);
			cold.idle--;
		}
		s->state = SLOT_READING;
		pthread_mutex_unlock(&cold.lock);
		s->got = pread(s->own_fd, s->bytes, s->len, s->offset);
		s->error = errno;
		close(s->own_fd);
		pthread_mutex_lock(&cold.lock);
		s->state = SLOT_DONE;
		s->done = seconds();
		if (s->forgotten)
			slot_release(s);
		eventfd_write(cold.event, 1);
	}
	return NULL;
}

int cold_start(void)
{
	cold.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cold.started = cold.event >= 0;
	return cold.event;
}

/*
 * The thread is made when it first has something to do: in a process without
 * threads, the kernel and libc leave out what a send() needs among them. That
 * is 3 % of its cost, and logs that are written to are in memory anyway.
 */
static bool start_helper(void)
{
	sigset_t all, before;
	pthread_t thread;
	bool started;

	/* Signals are for the loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	started = pthread_create(&thread, NULL, help, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started)
		pthread_detach(thread);
	return started;
}

static bool have_helper(void)
{
	if (!cold.has_helper)
		cold.has_helper = start_helper();
	return cold.has_helper;
}

/* Another helper, where all may be hanging elsewhere. Those that were woken
 * may not have come to take their work yet. */
static void help_far(void)
{
	size_t waiting = 0;

	for (size_t i = 0; i < SLOTS; i++)
		waiting += cold.slots[i].state == SLOT_QUEUED &&
			   !is_busy(cold.slots[i].far);
	if (waiting > cold.idle && cold.helpers < FAR_MAX && start_helper())
		cold.helpers++;
}

bool cold_is_started(void)
{
	return cold.started;
}

void cold_wake(void)
{
	eventfd_write(cold.event, 1);
}

void cold_drain(void)
{
	eventfd_t count;

	eventfd_read(cold.event, &count);
}

bool cold_may_hang(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	switch ((unsigned long)fs.f_type & 0xffffffffu) {
	case NFS_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC:
	case V9FS_MAGIC:
	case AFS_FS_MAGIC:
	case CODA_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static bool holds(const struct slot *s, int fd, off_t offset)
{
	return s->state != SLOT_FREE && !s->forgotten && s->fd == fd &&
	       offset >= s->offset && offset < s->offset + (off_t)s->len;
}

/* A free slot; if there is none, one whose content has had its time. What
 * hangs must not take them all. */
static struct slot *free_slot(dev_t far)
{
	struct slot *oldest = NULL, *free_one = NULL;
	size_t taken = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &cold.slots[i];

		if (s->state == SLOT_FREE)
			free_one = s;
		else if (far && s->far == far)
			taken++;
	}
	if (free_one && taken < FAR_SLOTS)
		return free_one;
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &cold.slots[i];

		if (taken >= FAR_SLOTS && s->far != far)
			continue;
		if (s->state == SLOT_DONE &&
			(!oldest || s->done < oldest->done))
			oldest = s;
	}
	if (oldest)
		slot_release(oldest);
	return oldest;
}

static void ask(int fd, dev_t far, size_t len, off_t offset)
{
	struct slot *s = free_slot(far);

	/* With all of them taken, the next one to be done wakes everybody. */
	if (!s)
		return;
	if (len < READ_BYTES)
		len = READ_BYTES;
	s->bytes = malloc(len);
	s->own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (!s->bytes || s->own_fd < 0) {
		if (s->own_fd >= 0)
			close(s->own_fd);
		slot_release(s);
		return;
	}
	s->fd = fd;
	s->far = far;
	s->offset = offset;
	s->len = len;
	s->state = SLOT_QUEUED;
	pthread_cond_signal(&cold.work);
	if (far)
		help_far();
}

/* What the helper read, or EAGAIN and a request to it. */
static ssize_t read_by_helper(
	int fd, dev_t far, void *out, size_t len, off_t offset)
{
	ssize_t n = -1;
	bool known = false;

	errno = EAGAIN;
	pthread_mutex_lock(&cold.lock);
	for (size_t i = 0; i < SLOTS && !known; i++) {
		struct slot *s = &cold.slots[i];

		if (!holds(s, fd, offset))
			continue;
		if (s->state == SLOT_DONE && s->done + KEEP_S < seconds()) {
			slot_release(s);
			continue;
		}
		known = true;
		if (s->state != SLOT_DONE)
			break;
		if (s->got < 0) {
			errno = s->error;
			slot_release(s);
			break;
		}
		n = s->got - (offset - s->offset);
		if (n <= 0 && offset > s->offset) {
			/* It was shorter then; it may have grown. */
			slot_release(s);
			known = false;
			n = -1;
			continue;
		}
		if (n == 0) {
			slot_release(s); /* the end, as of now */
			break;
		}
		if ((size_t)n > len)
			n = (ssize_t)len;
		memcpy(out, s->bytes + (offset - s->offset), (size_t)n);
	}
	if (!known)
		ask(fd, far, len, offset);
	pthread_mutex_unlock(&cold.lock);
	if (n < 0 && !known)
		errno = EAGAIN;
	return n;
}

static ssize_t read_now(int fd, void *out, size_t len, off_t offset)
{
	ssize_t n;

	do
		n = pread(fd, out, len, offset);
	while (n < 0 && errno == EINTR);
	return n;
}

ssize_t cold_read(int fd, void *out, size_t len, off_t offset)
{
	struct iovec iov = { out, len };
	ssize_t n;

	if (!cold.started)
		return read_now(fd, out, len, offset);
	do
		n = preadv2(fd, &iov, 1, offset, RWF_NOWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EOPNOTSUPP && !cold_may_hang(fd))
		return read_now(fd, out, len, offset);
	if (errno != EAGAIN && errno != EOPNOTSUPP)
		return -1;
	/* Without a helper, a late line is better than none. */
	return have_helper() ? read_by_helper(fd, 0, out, len, offset)
			     : read_now(fd, out, len, offset);
}

ssize_t cold_read_far(int fd, dev_t device, void *out, size_t len, off_t offset)
{
	if (!cold.started || !have_helper())
		return read_now(fd, out, len, offset);
	return read_by_helper(fd, device, out, len, offset);
}

void cold_forget(int fd)
{
	if (!cold.started)
		return;
	pthread_mutex_lock(&cold.lock);
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &cold.slots[i];

		if (s->state == SLOT_FREE || s->fd != fd)
			continue;
		if (s->state == SLOT_READING) {
			s->forgotten = true;
			continue;
		}
		if (s->state == SLOT_QUEUED)
			close(s->own_fd);
		slot_release(s);
	}
	pthread_mutex_unlock(&cold.lock);
}
