/*
 * feed: a source of type file, or the spool of one of type fifo, with its
 * ring, and all that read it.
 *
 *	chain: [app.log.1][app.log]
 *	             |        |
 *	             +---+----+
 *	               head: a cursor like any other, kept at the end;
 *	                 |   what it reads is encoded into the ring
 *	                 v
 *	ring:  [......records......]
 *	          ^            ^
 *	      follower      follower      follower (overtaken: reads the
 *	                                  files by itself up to the head)
 *
 * A follower is a cursor. feed_produce says what comes next for a cursor and
 * which cursor comes after: a function of nothing but the cursor and the
 * source, with no effect on either. So bytes that were promised once can be
 * produced again, and followers that stand at the same place share them.
 */
#ifndef SSETAIL_FEED_H
#define SSETAIL_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/block.h"
#include "common/buffer.h"
#include "common/chain.h"
#include "common/config.h"
#include "common/cursor.h"
#include "common/delivery.h"
#include "common/encode.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/place.h"
#include "common/pump.h"
#include "common/ring.h"
#include "common/watch.h"

#define FEED_WATCHES_MAX 8

/* Of format multiline: how many places are remembered at which a pause has cut
 * what the bytes alone would take for one record. */
#define FEED_SEAMS 64

/* Bytes that a client gets in one piece, or one larger record: with a header
 * they fit half of the default send_buffer, and a unix socket takes that much
 * whole or not at all. */
#define FEED_PIECE_BYTES 15360u

/* How far back a history is looked for. */
#define FEED_HISTORY_BYTES (16u << 20)

enum feed_outcome {
	FEED_BYTES,   /* here they are */
	FEED_NOTHING, /* nothing new */
	FEED_WAIT,    /* the disk is being read: cold.h */
	FEED_MORE,    /* call again, after others had their turn */
	FEED_FAILED   /* ENOMEM, EIO: errno */
};

struct follower {
	struct follower *next, *previous;
	void *owner;	      /* not the feed's */
	struct cursor *until; /* where it ends: the feed's; or NULL */
	char *awaited;	      /* feed_await: the feed's; or NULL */
	struct cursor cursor;
};

/* Memory that all feeds of a process share: they work one at a time. */
struct feed_scratch {
	struct buffer window; /* of a scan */
	struct buffer text;   /* a block that is being composed */
	struct delivery made; /* what feed_produce made last, without bytes */
};

/* Takes what ordinary lines need, so that those who are served go on when
 * others have taken all the memory there is. Returns 0, or -1 with ENOMEM. */
int feed_scratch_init(struct feed_scratch *s);
void feed_scratch_release(struct feed_scratch *s);

struct feed {
	const struct source_config *config; /* borrowed */
	struct feed_scratch *scratch;	    /* borrowed */
	struct watch *watch;		    /* borrowed; NULL: the timer only */
	const char *path;		    /* of the file; borrowed */
	const struct pump_source *pipe;	    /* that the file is the spool of;
					     * borrowed; or NULL */
	size_t ring_bytes;
	uint16_t tag;	     /* of the name: place.h */
	bool is_open;	     /* what is below is valid */
	struct probe *probe; /* where looking may hang; else NULL */
	bool is_hanging;     /* it does, and that was told */
	bool timer_is_due;   /* a look by the timer was put off */
	bool is_ready;	     /* the head has found the end */
	unsigned unused_looks;
	uint64_t announced; /* the ring's head when feed_look last told */
	struct follower followers; /* the list's head */
	struct chain chain;
	struct ring ring;
	struct cursor head;
	struct cursor_place let_go[CURSOR_PLACES_MAX]; /* once in the head;
							* file 0: unused */
	bool is_waiting;			       /* `waiting` was told */
	enum waiting_reason waiting;
	/* Where a record begins with a line that goes on, the newest ones. */
	struct feed_seam {
		uint32_t file;
		uint64_t offset;
	} seams[FEED_SEAMS];
	unsigned seam_count; /* ever */
	/* Of ids that are a writer's: where they are, once one was asked for,
	 * and how far what is retained has been opened and read for that. */
	enum {
		FEED_IDS_NONE,
		FEED_IDS_OPENING,
		FEED_IDS_READING,
		FEED_IDS_LIVE
	} ids_state;
	struct ids ids;
	struct cursor reader;
	char last_id[BLOCK_ID_MAX + 1]; /* that was read; "": none */
	int64_t due_ms;			/* feed_due_ms */
	bool read_failed;		/* EIO and the like, at the last look */
	unsigned missing_looks;		/* of the timer, in a row */
	uint64_t rotations;		/* also before it was opened */
	unsigned truncations; /* told, and to be counted as rotations yet */
	struct log_budget log;
	struct {
		int wd;
		uint32_t serial; /* of the file; 1, 2: a directory */
	} watches[FEED_WATCHES_MAX];
};

/* How one stream sees the source. */
struct feed_view {
	/* The only source of its stream: what the ring keeps is what it
	 * gets. Otherwise its ids stand between those of others. */
	bool alone;
	const char *event;  /* the type of its records; NULL: message */
	const char *before; /* what an id begins with, and ends with: places */
	const char *after;  /* of other sources with their "-"; or "" */
	size_t budget;	    /* bytes that its own part may take */
	/* Where it ends, and the ring is not for it; NULL: nowhere. */
	const struct cursor *until;
};

/* Places of an id that are of one source. */
struct feed_places {
	const struct place *list;
	size_t count;
};

void feed_init(struct feed *f, const struct source_config *config,
	struct feed_scratch *scratch, struct watch *watch, size_t ring_bytes);
void feed_release(struct feed *f);

/* Has the feed of a source of type fifo read the spool at `path`. Before
 * anybody follows; both are borrowed. */
void feed_set_pipe(
	struct feed *f, const struct pump_source *pipe, const char *path);

/*
 * Starts a follower: at `places`, when there are some (a resume), else
 * `records` before the end. The first follower opens the source. Returns
 * FEED_NOTHING when it follows from now on (feed_leave ends that); FEED_WAIT,
 * FEED_MORE and FEED_FAILED: it does not; try again, or give up. An id that
 * is none (`id_is_bad`) is a gap.
 */
enum feed_outcome feed_follow(struct feed *f, struct follower *follower,
	const struct place *places, size_t count, bool id_is_bad,
	uint32_t records);

/*
 * Starts a follower of what is before a place, as above: `records` before
 * `end`, or at `start` where there are some. It arrives when it was told all,
 * at once where there is nothing. Where `end` is none or gone, that is a gap,
 * and all; not for one that has a start: it has been told.
 */
enum feed_outcome feed_follow_until(struct feed *f, struct follower *follower,
	struct feed_places end, struct feed_places start, uint32_t records);

/* Are the ids of its events those that their writer gave them? */
bool feed_has_writer_ids(const struct feed *f);

/*
 * Finds the place of the newest block that its writer gave that id. The first
 * that is asked for has all read that is retained, by feed_look and a piece
 * each time. FEED_BYTES: here it is; FEED_NOTHING: there is none; FEED_WAIT:
 * ask again, after some looks or a second; FEED_FAILED: give up.
 */
enum feed_outcome feed_find_id(
	struct feed *f, const char *id, struct place *place);

/* With ids that grow: is that one ahead of all that is here? Somebody else,
 * who was quicker, has given it to a reader. After feed_find_id. */
bool feed_is_ahead(const struct feed *f, const char *id);

/*
 * Starts a follower that has had all up to such an id. It stands at the head
 * and is told nothing but that it waits, until feed_arrive finds the id here,
 * and has it go on behind that; or a greater one without it, which is a gap.
 * Both return as feed_follow.
 */
enum feed_outcome feed_await(
	struct feed *f, struct follower *follower, const char *id);
enum feed_outcome feed_arrive(struct feed *f, struct follower *follower);

/* The writer's id that counts where a new reader stands, or NULL: not known.
 * Valid until the next look. */
const char *feed_opening_id(const struct feed *f, const struct cursor *c);

/* Has it been told all up to where it ends? */
bool feed_has_arrived(const struct follower *follower);

void feed_leave(struct feed *f, struct follower *follower);

/*
 * Looks at the source once and reads what is new into the ring. Idempotent:
 * after every event of the watch, and by the timer once a second (`timer`).
 * FEED_BYTES: there is something for followers; FEED_MORE: there is, and look
 * again soon; FEED_NOTHING; FEED_WAIT.
 */
enum feed_outcome feed_look(struct feed *f, bool timer);

/* When to look again, by the monotonic clock, because a record ends then that
 * is not ended otherwise, or ids are being read; INT64_MAX: not for that. */
int64_t feed_due_ms(const struct feed *f);

/* How those who follow it are doing. */
struct feed_lag {
	size_t laggards; /* that have not had all that the head has */
	uint64_t bytes;	 /* that the slowest has yet to read */
};

/* Asks all who follow; a source that is closed has none. */
struct feed_lag feed_measure(const struct feed *f);

/* Does an event of that watch descriptor concern this source? */
bool feed_has_watch(const struct feed *f, int wd);

/*
 * Appends to `out` what comes next for a reader at `from`, and leaves in *to
 * where it is afterwards (also with FEED_NOTHING: it may have arrived at the
 * ring; with any other outcome it is where it was). Places that do not fit the
 * view's budget are let go before. At most `limit` bytes, or one larger record;
 * with the limit that an earlier call reached, exactly the same bytes again,
 * as long as the source still has them.
 */
enum feed_outcome feed_produce(struct feed *f, const struct feed_view *view,
	const struct cursor *from, struct cursor *to, size_t limit,
	struct buffer *out);

/*
 * Prepares a follower whose piece is sent in part: feed_produce makes the same
 * piece of its cursor again, wherever the head goes meanwhile and whatever
 * becomes of other files. Right after the piece was made.
 */
void feed_promise(struct feed *f, struct follower *follower, size_t budget);

/* Lets the oldest places go until the cursor's part of an id takes `budget`
 * bytes, down to one. */
void feed_trim(struct cursor *c, size_t budget);

/* Appends the places of a cursor, joined by "-": its part of an id. */
void feed_add_id(
	const struct feed *f, const struct cursor *c, struct buffer *out);

#endif
