/*
 * spool: what came through a named pipe, kept as a log that is rotated: the
 * programs that read it find nothing but a file and its older generations.
 *
 *	STATE_DIR/NAME/lock			held by the one who writes
 *	STATE_DIR/NAME/spool.0000000000000000	full
 *	STATE_DIR/NAME/spool.0000000001830401	full
 *	STATE_DIR/NAME/current			written to
 *	STATE_DIR/NAME/next			allocated, still empty
 *	STATE_DIR/NAME/base			where `current` begins
 *
 * What is full is named after its base, the place of its first byte in all that
 * ever came, so that whatever is missing can be counted.
 *
 * All of them together take at most the bytes of the configuration: the
 * oldest goes before another is made. `current` is always there and its size
 * is what counts, so whoever is killed leaves nothing behind that the next one
 * cannot take up. A segment is rotated by giving it its second name and
 * `next` the name `current`, which is one rename. `base` is written in between;
 * where it is older than the newest full one, `current` follows that.
 *
 * Whoever may write to the folder could plant links in it: it belongs to this
 * process's user alone, and no link in it is followed.
 */
#ifndef SSETAIL_SPOOL_H
#define SSETAIL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/log.h"
#include "common/split.h"

#define SPOOL_SEGMENTS 8 /* the cap is as many of them */

/* For chain.h: what a segment is called once it is full. */
#define SPOOL_PATTERN "spool.[0-9]*"

struct overlay;

struct spool {
	struct log_budget log;
	int dir;
	int lock;      /* of the lock file; -1: not open */
	int fd;	       /* of `current`; -1: it is not ours to write */
	int next;      /* of `next`; -1: there is none */
	uint64_t base; /* place of the first byte of `current` */
	uint64_t size; /* of `current` */
	enum split_format format;
	size_t segment_bytes; /* how large one becomes */
	size_t record_bytes;  /* that much of a record is kept whole */
	struct overlay
		*memory; /* of `current`: what the disk has no room for */
};

/* The path of `current`, for the caller to free, or NULL with ENOMEM. */
char *spool_path(const char *state_dir, const char *name);

/*
 * Where a segment begins that had this path when the call began, if it still
 * has no name of its own afterwards: as `base` has it. 0: it is not there.
 */
uint64_t spool_read_base(const char *current);

/*
 * Why STATE_DIR cannot be used, as a sentence without a name in it, or NULL.
 * It has to be a folder, no link, of ours or root's, that others cannot write
 * to and that we can; and what is in it under that name has to be a folder of
 * ours. Makes nothing. The text is valid until the next call.
 */
const char *spool_obstacle(const char *state_dir, const char *name);

/* How the records are that go into it. */
struct spool_records {
	enum split_format format;
	size_t max_bytes; /* longer ones need not be whole; at most a sixteenth
			   * of the spool */
};

/*
 * Opens STATE_DIR/NAME, makes it where it is not there, mode 0700. Returns 0
 * and a spool for spool_close, or -1 after a line in the log.
 */
int spool_open(struct spool *s, const char *state_dir, const char *name,
	size_t bytes, struct spool_records records);
void spool_close(struct spool *s);

/*
 * Tries to become the one who writes: 1 when we are, 0 when another process
 * is, -1 with errno. What somebody left unfinished is finished then. Never
 * waits for another process, only for the disk.
 */
int spool_take(struct spool *s);

/* Lets another process write. */
void spool_give_up(struct spool *s);

/*
 * Takes note of what was done to the segment by hand: cut, or deleted; another
 * one is made then. Returns 0, or -1 with errno.
 */
int spool_check(struct spool *s);

/*
 * Moves at most `len` bytes, not more than there is room for, from a pipe.
 * Whoever is killed in it has moved a byte or has not: the kernel does both
 * at once. Returns what splice(2) does: 0 when the pipe is empty and nobody
 * can write to it, -1 with EAGAIN when it is empty.
 */
ssize_t spool_move(struct spool *s, int pipe, size_t len);

#define SPOOL_END_BYTES 2

/* How many bytes fit into the segment. SPOOL_END_BYTES more always do: those
 * that may have to end a record. */
size_t spool_room(const struct spool *s);

/* How many do wherever records end in them: one that begins there has room. */
size_t spool_free_room(const struct spool *s);

/* Is it time for the next segment, as soon as a record has ended? */
bool spool_is_full(const struct spool *s);

/* The bytes that the full segments hold. Blocks on the disk. Returns 0, or -1
 * with errno. */
int spool_full_bytes(const struct spool *s, uint64_t *bytes);

/* 1: nothing or a whole record is the last thing in it (of format multiline, a
 * whole line); 0; -1 with errno. */
int spool_ends_record(const struct spool *s);

/* Puts the last SPLIT_CONTEXT bytes there, or all; returns how many, or -1 with
 * errno. */
ssize_t spool_last(const struct spool *s, char last[SPLIT_CONTEXT]);

/* Ends an unfinished record: its line, and a block by a blank one. Returns 0,
 * or -1 with errno. */
int spool_end_record(struct spool *s);

/* Of an unfinished record that is too long, what it ends with now: at most
 * SPLIT_CONTEXT bytes, and what was there instead is gone. Returns 0, or -1
 * with errno. */
int spool_replace_last(struct spool *s, const char *last, size_t len);

/*
 * Goes on in memory: the disk takes nothing any more. There is always room
 * then, and no segment is full; who reads in this process notices nothing, and
 * beyond some bytes the oldest records become a hole. Returns 0, or -1 with
 * errno.
 */
int spool_begin_memory(struct spool *s);

/* Tells those who watch `current` that there is more of it in memory. */
void spool_tell(const struct spool *s);

/* Brings to the disk what is in memory, if it takes that again: 1, with the
 * bytes of the hole in *lost; 0: it does not. */
int spool_end_memory(struct spool *s, uint64_t *lost);

/*
 * Begins the next segment. Older ones go until there is room for it. -1 with
 * errno when there is none even so: the segment is still the same one then.
 */
int spool_rotate(struct spool *s);

#endif
