#include "common/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/program.h"
#include "common/spool.h"
#include "common/watch.h"

#define TICK_MS	      1000
#define EVENTS_A_TURN 64

/* Pieces that are moved of one pipe before the others get their turn. */
#define MOVES_A_TURN 64

/* Looked at for the end of a record. */
#define PEEK_BYTES 65536

/* A pipe that was replaced is read on until its writers have gone. */
#define PIPES_MAX 4

/* The close of a descriptor is told before its lock is free: between that
 * and the next try, doubled each time until it is not worth it. */
#define RETRY_FIRST_MS 1
#define RETRY_LAST_MS  256

/* Instead of a descriptor: what the spool ends with may go on in any pipe; or
 * in none, for that one is closed. */
#define LAST_UNKNOWN (-1)
#define LAST_CLOSED  (-2)

/* How long the end, or whoever wants the thread to hold still, waits for a
 * disk. */
#define STOP_S 2

struct pipe_end {
	int fd;
	int watch; /* of its readers that close it; -1: none */
	dev_t dev;
	ino_t ino;
	bool is_locked;
};

struct pump_source {
	const struct source_config *config; /* borrowed */
	struct pump *pump;
	gid_t group;		 /* of a pipe that we make; -1: not known */
	_Atomic int state;	 /* enum file_state */
	_Atomic bool is_counted; /* for pump_measure: is_ours; */
	_Atomic uint64_t kept_bytes;
	uint64_t full_bytes; /* of the segments before the one at */
	uint64_t full_base;
	struct spool spool;
	bool is_ours; /* the spool: we write to it */
	struct pipe_end pipes[PIPES_MAX];
	size_t count;
	bool has_current; /* the last one is what the path leads to */
	int last;	  /* the pipe that was read last; or these: */
	int lock_watch;
	int directory_watch;
	bool look;    /* something about it has changed */
	bool more;    /* there may be something in the pipes */
	int retry_ms; /* until the locks are tried again; 0: they are not */
	int64_t retry_at_ms;
	struct log_budget log;
	bool is_told;	      /* that writing to the spool failed */
	bool is_told_foreign; /* that another state directory has the pipe */
};

struct pump {
	struct pump_source **sources;
	size_t count;
	struct watch *watch; /* NULL: the timer only */
	int epoll;
	int wake;    /* the thread, to stop or to hold still */
	int peek[2]; /* a pipe to look at what is in another one */
	pthread_t thread;
	bool is_running;
	_Atomic bool is_stopping;
	pthread_mutex_t lock; /* of these two: */
	bool hold;	      /* the thread is wanted to hold still */
	bool is_held;	      /* and does */
	pthread_cond_t changed;
	char text[SPLIT_CONTEXT + PEEK_BYTES];
};

enum file_state pump_state(const struct pump_source *s)
{
	return (enum file_state)s->state;
}

struct pump_figures pump_measure(const struct pump_source *s)
{
	return (struct pump_figures){
		.is_ours = s->is_counted,
		.kept_bytes = s->kept_bytes,
	};
}

/* Segments come and go at a rotation alone. */
static void count_spool(struct pump_source *s)
{
	if (s->full_base != s->spool.base &&
		spool_full_bytes(&s->spool, &s->full_bytes) == 0)
		s->full_base = s->spool.base;
	s->kept_bytes = s->full_bytes + s->spool.size;
	s->is_counted = true;
}

/* ---- pipes */

static bool may_log(struct pump_source *s)
{
	return log_spend(&s->log, s->config->name);
}

static void watch_descriptor_of(struct pump_source *s, int fd, int *wd)
{
	char path[40];

	if (!s->pump->watch || *wd >= 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Writers close what they opened for writing: that is another event. */
	*wd = watch_add(s->pump->watch, path, IN_CLOSE_NOWRITE);
}

static void unwatch(struct pump_source *s, int *wd)
{
	if (*wd >= 0)
		watch_remove(s->pump->watch, *wd);
	*wd = -1;
}

static void close_pipe(struct pump_source *s, size_t i)
{
	unwatch(s, &s->pipes[i].watch);
	close(s->pipes[i].fd);
	if (s->last == s->pipes[i].fd)
		s->last = LAST_CLOSED;
	s->count--;
	for (; i < s->count; i++)
		s->pipes[i] = s->pipes[i + 1];
}

static void add_pipe(struct pump_source *s, int fd, const struct stat *st)
{
	struct pipe_end *end;

	if (s->count == PIPES_MAX)
		close_pipe(s, 0);
	end = &s->pipes[s->count++];
	*end = (struct pipe_end){
		.fd = fd, .watch = -1, .dev = st->st_dev, .ino = st->st_ino
	};
	s->has_current = true;
	watch_descriptor_of(s, fd, &end->watch);
}

static bool is_current(const struct pump_source *s, const struct stat *st)
{
	const struct pipe_end *last;

	if (s->count == 0)
		return false;
	last = &s->pipes[s->count - 1];
	return last->dev == st->st_dev && last->ino == st->st_ino;
}

/* Not getgrnam: what it asks is loaded at run time, and a program that was
 * linked statically has nothing to load. */
static gid_t group_of(const char *name)
{
	FILE *f = fopen("/etc/group", "re");
	gid_t found = (gid_t)-1;
	struct group *g;

	while (f && found == (gid_t)-1 && (g = fgetgrent(f)))
		if (strcmp(g->gr_name, name) == 0)
			found = g->gr_gid;
	if (f)
		fclose(f);
	return found;
}

/* Once: the file may have been replaced since, by one that the sandbox keeps
 * from being read. */
static int find_group(struct pump_source *s)
{
	if (s->config->group && s->group == (gid_t)-1)
		s->group = group_of(s->config->group);
	if (!s->config->group || s->group != (gid_t)-1)
		return 0;
	errno = EINVAL;
	return -1;
}

/*
 * Nobody but us may open it before it is as it was configured, whatever the
 * umask. What another process made at the same moment is as good.
 */
static int make_pipe(struct pump_source *s)
{
	const struct source_config *config = s->config;
	struct stat st;
	int fd;

	if (find_group(s) < 0)
		return -1;
	if (mkfifo(config->path, S_IRUSR | S_IWUSR) < 0)
		return errno == EEXIST ? 0 : -1;
	fd = open(config->path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) ||
		st.st_uid != geteuid() ||
		(config->group && fchown(fd, (uid_t)-1, s->group) < 0) ||
		fchmod(fd, config->mode) < 0) {
		int error = errno;

		unlink(config->path);
		close(fd);
		errno = error;
		return -1;
	}
	close(fd);
	if (may_log(s))
		log_info("%s: %s: made", config->name, config->path);
	return 0;
}

/* Has the path's pipe open, if there is one. */
static enum file_state look_at_path(struct pump_source *s)
{
	const char *path = s->config->path;
	struct stat st;
	int fd;

	s->has_current = false;
	if (stat(path, &st) < 0) {
		if (errno != ENOENT || !s->config->create)
			return file_state_of_errno(errno);
		if (make_pipe(s) < 0) {
			if (s->state == FILE_OPEN && may_log(s))
				log_warning("%s: %s: cannot be made: %s",
					s->config->name, path, strerror(errno));
			return errno == ENOENT ? FILE_ABSENT
					       : file_state_of_errno(errno);
		}
		if (stat(path, &st) < 0)
			return file_state_of_errno(errno);
	}
	/* Opening a device may wait, or do something. */
	if (!S_ISFIFO(st.st_mode))
		return FILE_NOT_A_FILE;
	if (is_current(s, &st)) {
		s->has_current = true;
		return FILE_OPEN;
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return file_state_of_errno(errno);
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		close(fd);
		return FILE_NOT_A_FILE;
	}
	add_pipe(s, fd, &st);
	return FILE_OPEN;
}

/* The directory that names come and go in. */
static void watch_directory(struct pump_source *s)
{
	const char *path = s->config->path, *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	size_t len = slash > path ? (size_t)(slash - path) : 1;
	int wd;

	if (!s->pump->watch || len >= sizeof(directory))
		return;
	memcpy(directory, path, len);
	directory[len] = '\0';
	/* One that was replaced is another one. */
	wd = watch_add(s->pump->watch, directory, WATCH_DIRECTORY);
	unwatch(s, &s->directory_watch);
	s->directory_watch = wd;
}

/* ---- locks */

static void lock_pipes(struct pump_source *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct pipe_end *end = &s->pipes[i];
		struct epoll_event event = { .events = EPOLLIN | EPOLLET,
			.data.ptr = s };

		if (end->is_locked)
			continue;
		if (flock(end->fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		end->is_locked = true;
		s->is_told_foreign = false;
		s->more = true;
		epoll_ctl(s->pump->epoll, EPOLL_CTL_ADD, end->fd, &event);
	}
}

static void tell_foreign(struct pump_source *s)
{
	bool is_locked = true;

	for (size_t i = 0; i < s->count; i++)
		is_locked &= s->pipes[i].is_locked;
	if (is_locked || s->is_told_foreign)
		return;
	s->is_told_foreign = true;
	log_warning("%s: %s: is read by another process with another "
		    "state_dir or source",
		s->config->name, s->config->path);
}

/* Tries to become the one who reads. */
static void take_over(struct pump_source *s)
{
	int taken = s->is_ours ? 1 : spool_take(&s->spool);

	if (taken < 0 && !s->is_told) {
		s->is_told = true;
		if (may_log(s))
			log_error("%s: spool: %s", s->config->name,
				strerror(errno));
	}
	if (!s->is_ours && taken == 0 && s->lock_watch < 0) {
		watch_descriptor_of(s, s->spool.lock, &s->lock_watch);
		/* It may have been closed before it was watched. */
		if (s->lock_watch >= 0)
			taken = spool_take(&s->spool);
	}
	if (!s->is_ours && taken == 1) {
		unwatch(s, &s->lock_watch);
		if (may_log(s))
			log_info("%s: %s: is read by this process",
				s->config->name, s->config->path);
		s->is_ours = s->more = true;
		s->is_told = false;
	}
	if (s->is_ours)
		lock_pipes(s);
}

/* ---- moving */

enum moved {
	MOVED_SOME,
	MOVED_ALL, /* the pipe is empty */
	MOVED_END, /* and nobody can write to it */
	MOVE_FAILED
};

static enum moved moved(ssize_t n)
{
	if (n > 0)
		return MOVED_SOME;
	if (n == 0)
		return MOVED_END;
	return errno == EAGAIN || errno == EINTR ? MOVED_ALL : MOVE_FAILED;
}

/* Copies what is first in the pipe behind the `before` bytes of the text, and
 * leaves it there. */
static ssize_t peek(struct pump *p, int fd, size_t before, size_t len)
{
	ssize_t n = tee(fd, p->peek[1], len, SPLICE_F_NONBLOCK), got = 0;

	while (got < n) {
		ssize_t more = read(
			p->peek[0], p->text + before + got, (size_t)(n - got));

		if (more <= 0)
			return -1;
		got += more;
	}
	return n;
}

/* Takes out of the pipe what was looked at. */
static int discard(struct pump *p, int fd, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, p->text, len);

		if (n <= 0)
			return -1;
		len -= (size_t)n;
	}
	return 0;
}

/* Where the text stops to be dropped whose end is not in sight. With a line end
 * before it, the next one could be taken for the end of a block. */
static size_t before_line_ends(const char *text, size_t from, size_t len)
{
	while (len > from + 1 &&
		(text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	return len;
}

/*
 * The segment is full of a record that is too long. Its rest is taken out of
 * the pipe, but for its last byte, which ends it here. What it ends with
 * meanwhile is what was taken out last, so that whoever goes on after a kill
 * knows as much.
 */
static enum moved drop_rest(struct pump_source *s, int fd)
{
	/* Of format multiline, a line: what follows may be much. */
	enum split_format format =
		s->config->format == SPLIT_BLOCKS ? SPLIT_BLOCKS : SPLIT_LINES;
	char *text = s->pump->text;
	ssize_t known = spool_last(&s->spool, text), n = -1;
	size_t before = (size_t)known, end, to, last;

	if (known > 0)
		n = peek(s->pump, fd, before, PEEK_BYTES);
	if (n <= 0)
		return moved(n);
	end = split_end(format, text, before + (size_t)n, before - 1);
	to = end ? end - 1 : before_line_ends(text, before, before + (size_t)n);
	last = to < SPLIT_CONTEXT ? to : SPLIT_CONTEXT;
	if (to > before &&
		(spool_replace_last(&s->spool, text + to - last, last) < 0 ||
			discard(s->pump, fd, to - before) < 0))
		return MOVE_FAILED;
	return end ? moved(spool_move(&s->spool, fd, 1)) : MOVED_SOME;
}

/* A record that is longer than it may be, and than there is room. */
static enum moved cut_record(struct pump_source *s, int fd)
{
	size_t room = spool_room(&s->spool);

	return room > 0 ? moved(spool_move(&s->spool, fd, room))
			: drop_rest(s, fd);
}

/*
 * There may be more in the pipe than fits: what is moved ends with a record,
 * and the next one is for the next segment.
 */
static enum moved move_to_boundary(struct pump_source *s, int fd)
{
	/* What ends a record by itself needs no more for that. */
	size_t room = spool_room(&s->spool), len = room + SPOOL_END_BYTES, end;
	ssize_t before = spool_last(&s->spool, s->pump->text), n;
	int ends;

	if (before < 0)
		return MOVE_FAILED;
	n = peek(s->pump, fd, (size_t)before,
		len < PEEK_BYTES ? len : PEEK_BYTES);
	if (n <= 0)
		return moved(n);
	end = split_last(s->config->format, s->pump->text, (size_t)(before + n),
		(size_t)before);
	if (end > 0)
		return moved(spool_move(&s->spool, fd, end - (size_t)before));
	if ((size_t)n <= room)
		return moved(spool_move(&s->spool, fd, (size_t)n));
	ends = spool_ends_record(&s->spool);
	if (ends < 0)
		return MOVE_FAILED;
	if (ends == 0 || s->spool.size == 0)
		return cut_record(s, fd);
	return spool_rotate(&s->spool) < 0 ? MOVE_FAILED : MOVED_SOME;
}

/* Has the record ended that was moved last? Of format multiline that is seen
 * when another comes. */
static bool has_ended(struct pump_source *s, int fd)
{
	if (spool_ends_record(&s->spool) != 1)
		return false;
	return s->config->format != SPLIT_MULTILINE ||
	       (peek(s->pump, fd, 0, 1) == 1 &&
		       !split_goes_on(s->pump->text[0]));
}

static enum moved move(struct pump_source *s, int fd)
{
	size_t room;
	int waiting;

	if (spool_is_full(&s->spool) && has_ended(s, fd) &&
		spool_rotate(&s->spool) < 0)
		return MOVE_FAILED;
	room = spool_free_room(&s->spool);
	if (ioctl(fd, FIONREAD, &waiting) < 0)
		return MOVE_FAILED;
	if ((size_t)waiting > room || room < PIPE_BUF)
		return move_to_boundary(s, fd);
	/* All that is there, and so no part of what was written at once. */
	return moved(spool_move(
		&s->spool, fd, waiting > 0 ? (size_t)waiting : PIPE_BUF));
}

/* What was left unfinished has no other end: its writer has gone, or its
 * pipe has been replaced. */
static int end_record(struct pump_source *s)
{
	int ends = spool_ends_record(&s->spool);

	return ends == 0 ? spool_end_record(&s->spool) : ends - 1;
}

static enum moved drain(struct pump_source *s, const struct pipe_end *end)
{
	enum moved result = MOVED_SOME;

	for (int i = 0; i < MOVES_A_TURN && result == MOVED_SOME; i++) {
		if (s->last != LAST_UNKNOWN && s->last != end->fd) {
			int waiting = 0;

			if (ioctl(end->fd, FIONREAD, &waiting) < 0 ||
				waiting == 0)
				return MOVED_ALL;
			if (end_record(s) < 0)
				return MOVE_FAILED;
		}
		result = move(s, end->fd);
		if (result == MOVED_SOME)
			s->last = end->fd;
	}
	/* Unless it is another pipe's, whose writer may be there yet. */
	if (result == MOVED_END && (s->last == end->fd || s->last < 0) &&
		end_record(s) < 0)
		result = MOVE_FAILED;
	return result;
}

/* Nobody who writes is to wait for a disk. */
static void begin_memory(struct pump_source *s)
{
	int error = errno;

	if (!s->spool.memory && spool_begin_memory(&s->spool) == 0) {
		if (may_log(s))
			log_warning("%s: spool: %s: going on in memory, for "
				    "the clients of this process",
				s->config->name, strerror(error));
		s->more = true;
		s->is_told = false;
	} else if (!s->is_told) {
		if (may_log(s))
			log_error("%s: spool: %s", s->config->name,
				strerror(error));
		s->is_told = true;
	}
}

/* Moves what is in the pipes; those that were replaced go with their last
 * writer. */
static void drain_all(struct pump_source *s)
{
	bool failed = spool_check(&s->spool) < 0;

	s->more = false;
	for (size_t i = 0; i < s->count && !failed;) {
		bool stale = i + 1 < s->count || !s->has_current;
		enum moved result = MOVED_ALL;

		if (s->pipes[i].is_locked)
			result = drain(s, &s->pipes[i]);
		s->more |= result == MOVED_SOME;
		failed = result == MOVE_FAILED;
		if (stale && result == MOVED_END)
			close_pipe(s, i);
		else
			i++;
	}
	if (failed)
		begin_memory(s);
	spool_tell(&s->spool);
}

/* Brings what is in memory to the disk, once there is room again. */
static void end_memory(struct pump_source *s)
{
	uint64_t lost;

	if (s->spool.memory && spool_end_memory(&s->spool, &lost) == 1 &&
		may_log(s))
		log_info("%s: spool: on the disk again; %llu bytes are "
			 "missing there",
			s->config->name, (unsigned long long)lost);
}

/* Of a process that reads none: what the reader has let go of is done with. */
static void let_go(struct pump_source *s)
{
	for (size_t i = 0; i < s->count;) {
		bool stale = i + 1 < s->count || !s->has_current;

		if (stale && flock(s->pipes[i].fd, LOCK_EX | LOCK_NB) == 0)
			close_pipe(s, i);
		else
			i++;
	}
}

/* ---- the thread */

static void mark(void *context, int wd)
{
	struct pump *p = context;

	for (size_t i = 0; i < p->count; i++) {
		struct pump_source *s = p->sources[i];
		bool is_free = wd < 0 || wd == s->lock_watch;

		for (size_t j = 0; j < s->count; j++)
			is_free |= wd == s->pipes[j].watch;
		if (is_free) {
			s->retry_ms = RETRY_FIRST_MS;
			s->retry_at_ms = program_now_ms();
		}
		s->look |= wd < 0 || wd == s->directory_watch;
	}
}

/* The locks are not all ours: when are they tried again? */
static void plan_retry(struct pump_source *s, int64_t now_ms)
{
	bool all = s->is_ours;

	for (size_t i = 0; i < s->count; i++)
		all &= s->pipes[i].is_locked;
	if (all || s->retry_ms == 0) {
		s->retry_ms = 0;
		return;
	}
	s->retry_at_ms = now_ms + s->retry_ms;
	s->retry_ms *= 2;
	if (s->retry_ms > RETRY_LAST_MS)
		s->retry_ms = 0;
}

static void step(struct pump_source *s, int64_t now_ms, bool tick)
{
	bool retry = s->retry_at_ms && now_ms >= s->retry_at_ms;

	if (s->look || tick) {
		s->state = (int)look_at_path(s);
		if (tick)
			watch_directory(s);
	}
	s->look = false;
	/* Without a watch nothing but the timer tells that a lock is free. */
	if (retry || s->is_ours || (tick && s->lock_watch < 0)) {
		s->retry_at_ms = 0;
		take_over(s);
		plan_retry(s, now_ms);
	}
	if (s->is_ours) {
		if (tick) {
			tell_foreign(s);
			end_memory(s);
		}
		if (s->more || tick)
			drain_all(s);
		if (tick)
			count_spool(s);
	} else if (tick) {
		let_go(s);
	}
}

static int timeout_ms(const struct pump *p, int64_t next_tick_ms)
{
	int64_t next = next_tick_ms, now_ms = program_now_ms();

	if (p->count == 0)
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		const struct pump_source *s = p->sources[i];

		if (s->more || s->look)
			return 0;
		if (s->retry_at_ms && s->retry_at_ms < next)
			next = s->retry_at_ms;
	}
	return next > now_ms ? (int)(next - now_ms) : 0;
}

/* Between two turns: nothing of a source is in anybody's hands. */
static void hold_still(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->hold) {
		p->is_held = true;
		pthread_cond_broadcast(&p->changed);
		pthread_cond_wait(&p->changed, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
}

/* One source, one last time: whoever has written and gone has nobody else. */
static void finish(struct pump_source *s)
{
	if (!s->is_ours)
		return;
	drain_all(s);
	end_memory(s);
}

static void handle(struct pump *p, void *what)
{
	eventfd_t ignored;

	if (!what)
		eventfd_read(p->wake, &ignored);
	else if (what != p)
		((struct pump_source *)what)->more = true;
	else if (p->watch)
		watch_drain(p->watch, mark, p);
}

static void *run(void *context)
{
	struct pump *p = context;
	int64_t next_tick_ms = program_now_ms() + TICK_MS;

	while (!p->is_stopping) {
		struct epoll_event events[EVENTS_A_TURN];
		int n = epoll_wait(p->epoll, events, EVENTS_A_TURN,
			timeout_ms(p, next_tick_ms));
		int64_t now_ms = program_now_ms();
		bool tick = now_ms >= next_tick_ms;

		for (int i = 0; i < n; i++)
			handle(p, events[i].data.ptr);
		if (tick)
			next_tick_ms = now_ms + TICK_MS;
		for (size_t i = 0; i < p->count; i++)
			step(p->sources[i], now_ms, tick);
		hold_still(p);
	}
	for (size_t i = 0; i < p->count; i++)
		finish(p->sources[i]);
	return NULL;
}

/* ---- beginning and end */

static void release_source(struct pump_source *s)
{
	if (!s)
		return;
	/* The spool last: who takes it over finds the pipes free. */
	while (s->count > 0)
		close_pipe(s, 0);
	unwatch(s, &s->lock_watch);
	unwatch(s, &s->directory_watch);
	spool_close(&s->spool);
	free(s);
}

static int add_descriptor(struct pump *p, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event);
}

struct pump *pump_new(void)
{
	struct pump *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->peek[0] = p->peek[1] = -1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->wake < 0 || p->epoll < 0 ||
		pipe2(p->peek, O_NONBLOCK | O_CLOEXEC) < 0 ||
		add_descriptor(p, p->wake, NULL) < 0)
		goto fail;
	p->watch = watch_new();
	if (!p->watch)
		log_warning("inotify: not to be had: %s: pipes are looked at "
			    "once a second",
			strerror(errno));
	else if (add_descriptor(p, watch_descriptor(p->watch), p) < 0)
		goto fail;
	return p;
fail:
	pump_free(p);
	return NULL;
}

/* Opens its pipe, and reads it if nobody else does. */
static void begin(struct pump_source *s)
{
	s->look = true;
	s->retry_at_ms = program_now_ms();
	watch_directory(s);
	step(s, s->retry_at_ms, false);
}

struct pump_source *pump_add(struct pump *p, const struct source_config *config,
	const char *state_dir)
{
	struct pump_source *s = calloc(1, sizeof(*s)), **list;

	list = realloc(p->sources, (p->count + 1) * sizeof(*list));
	if (list)
		p->sources = list;
	if (!s || !list) {
		log_error("%s: %s", config->name, strerror(ENOMEM));
		free(s);
		return NULL;
	}
	s->config = config;
	s->pump = p;
	s->lock_watch = s->directory_watch = -1;
	s->last = LAST_UNKNOWN;
	s->state = FILE_OPEN;
	s->group = (gid_t)-1;
	if (config->create)
		find_group(s);
	if (spool_open(&s->spool, state_dir, config->name, config->spool_bytes,
		    (struct spool_records){
			    config->format, config->max_line_bytes }) < 0) {
		free(s);
		return NULL;
	}
	p->sources[p->count++] = s;
	if (p->is_running)
		begin(s);
	return s;
}

void pump_remove(struct pump *p, struct pump_source *s)
{
	size_t i = 0;

	while (p->sources[i] != s)
		i++;
	p->sources[i] = p->sources[--p->count];
	finish(s);
	release_source(s);
}

int pump_hold(struct pump *p)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_S;
	pthread_mutex_lock(&p->lock);
	p->hold = true;
	eventfd_write(p->wake, 1);
	while (!p->is_held && !error)
		error = pthread_cond_clockwait(
			&p->changed, &p->lock, CLOCK_MONOTONIC, &until);
	if (!p->is_held)
		p->hold = false;
	error = p->is_held ? 0 : error;
	pthread_mutex_unlock(&p->lock);
	errno = error;
	return error ? -1 : 0;
}

void pump_let_go(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	p->hold = p->is_held = false;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static int start_thread(struct pump *p)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return error ? -1 : 0;
}

int pump_start(struct pump *p)
{
	for (size_t i = 0; i < p->count; i++)
		begin(p->sources[i]);
	if (start_thread(p) < 0)
		return -1;
	p->is_running = true;
	return 0;
}

static bool join(struct pump *p)
{
	struct timespec until;

	p->is_stopping = true;
	eventfd_write(p->wake, 1);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	return pthread_timedjoin_np(p->thread, NULL, &until) == 0;
}

void pump_free(struct pump *p)
{
	if (!p || (p->is_running && !join(p)))
		return;
	for (size_t i = 0; i < p->count; i++)
		release_source(p->sources[i]);
	free(p->sources);
	watch_free(p->watch);
	for (int i = 0; i < 2; i++)
		if (p->peek[i] >= 0)
			close(p->peek[i]);
	if (p->epoll >= 0)
		close(p->epoll);
	if (p->wake >= 0)
		close(p->wake);
	free(p);
}
