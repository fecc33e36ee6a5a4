/*
 * pump_inside: what the parts of a pump say to each other. For pump*.c alone.
 *
 *	pump.c         its life: made, sources added and removed, freed
 *	pump_thread.c  the thread: started, held still, ended
 *	pump_turn.c    a turn of it: what was told, and each source's step
 *	pump_pipe.c    the pipes that the path leads to, and led to
 *	pump_watch.c   inotify
 *	pump_lock.c    who reads: the locks of the spool and of the pipes
 *	pump_drain.c   what is in the pipes goes into the spool, or into memory
 *	pump_move.c    a piece of it, up to where the segment has to end
 *
 * A source is in the hands of the thread, or, before that runs, while it is
 * held and once it has ended, of whoever calls the pump. What is _Atomic is
 * anybody's.
 */
#ifndef SSETAIL_PUMP_INSIDE_H
#define SSETAIL_PUMP_INSIDE_H

#include <pthread.h>
#include <sys/types.h>

#include "common/log.h"
#include "common/pump.h"
#include "common/spool.h"
#include "common/watch.h"

/* A pipe that was replaced is read on until its writers have gone. */
#define PUMP_PIPES_MAX 4

/* Looked at for the end of a record. */
#define PUMP_PEEK_BYTES 65536

/* Instead of a descriptor: what the spool ends with may go on in any pipe; or
 * in none, for that one is closed. */
#define PUMP_LAST_UNKNOWN (-1)
#define PUMP_LAST_CLOSED  (-2)

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
	struct pipe_end pipes[PUMP_PIPES_MAX];
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
	bool is_told_reader;  /* that we read the pipe */
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
	char text[SPLIT_CONTEXT + PUMP_PEEK_BYTES];
};

/* ---- pump.c */

/* Spends a line of the source's budget, if there is one left. */
bool pump_may_log(struct pump_source *s);

/* ---- pump_thread.c */

/* Has the thread take what is in the pipes still, and waits for its end, some
 * seconds at most. Returns whether it has ended. */
bool pump_join(struct pump *p);

/* ---- pump_turn.c: steps, begins and ends block on the disk. All times are
 * the monotonic clock's (program_now_ms). */

/* An event of the epoll descriptor: of a pipe of the source `what`, or of the
 * pump's own: of its inotify (the pump), of `wake` (NULL). */
void pump_handle(struct pump *p, void *what);

/* Does what is due for a source; `tick`: a second has passed. */
void pump_step(struct pump_source *s, int64_t now_ms, bool tick);

/* Opens its pipe, and reads it if nobody else does. */
void pump_begin(struct pump_source *s);

/* One source, one last time: whoever has written and gone has nobody else. */
void pump_finish(struct pump_source *s);

/* How long until something is due, the next tick at the latest; -1: there is
 * no source. As epoll_wait(2) has it. */
int pump_timeout_ms(const struct pump *p, int64_t next_tick_ms);

/* ---- pump_pipe.c */

/* Has the path's pipe open, and makes it where that is configured; says how
 * the path is. Those it led to before stay open, unless there are too many. */
enum file_state pump_look_at_path(struct pump_source *s);

/* Closes the pipe at `i`, and with it the lock; those behind it move up. */
void pump_close_pipe(struct pump_source *s, size_t i);

/* Looks up the group of a pipe that we make. Returns 0, also where none is
 * configured, or -1 with EINVAL: there is none of that name. */
int pump_find_group(struct pump_source *s);

/* ---- pump_watch.c: without inotify these do nothing */

/* Has *wd watch for others that close the file of that descriptor, unless it
 * does already. It stays -1 when that fails. */
void pump_watch_descriptor_of(struct pump_source *s, int fd, int *wd);
void pump_unwatch(struct pump_source *s, int *wd);

/* The directory that names come and go in; again, for it may be another. */
void pump_watch_directory(struct pump_source *s);

/* ---- pump_lock.c: nothing here waits for a lock */

/* Tries to become the one who reads, or to read those pipes as well that are
 * not ours yet. A line in the log says so, or why not. Blocks on the disk. */
void pump_take_over(struct pump_source *s);

/* Says, once, that somebody reads the pipe who does not share our spool. */
void pump_tell_foreign(struct pump_source *s);

/* Of a process that reads none: what the reader has let go of is done with. */
void pump_close_stale(struct pump_source *s);

/* ---- pump_drain.c: both block on the disk, and tell the log of what fails */

/* Moves what is in the pipes, a turn's worth of each: `more` says whether
 * something may be left. Those that were replaced go with their last writer.
 * What the spool has no room for on the disk goes on in memory. */
void pump_drain_all(struct pump_source *s);

/* Brings what is in memory to the disk, once there is room again. */
void pump_end_memory(struct pump_source *s);

/* ---- pump_move.c */

enum moved {
	MOVED_SOME,
	MOVED_ALL, /* the pipe is empty */
	MOVED_END, /* and nobody can write to it */
	MOVE_FAILED
};

/* Moves a piece of what is in the pipe, and begins another segment where it is
 * time. MOVE_FAILED with errno. Blocks on the disk. */
enum moved pump_move(struct pump_source *s, int fd);

#endif
