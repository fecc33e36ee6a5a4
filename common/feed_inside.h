/*
 * feed_inside: what the parts of a feed say to each other. For feed*.c alone.
 *
 *	feed.c          its life: opened, looked at, followed, closed
 *	feed_start.c    where a reader starts
 *	feed_head.c     the head, which puts what is new into the ring
 *	feed_produce.c  what comes next for a reader
 *	feed_ids.c      ids that are a writer's
 *	feed_cursor.c   places and ids
 *	feed_watch.c    inotify
 */
#ifndef SSETAIL_FEED_INSIDE_H
#define SSETAIL_FEED_INSIDE_H

#include "common/feed.h"
#include "common/scan.h"

/* Bytes the head reads at once: it wants all there is. */
#define FEED_WINDOW_BYTES 262144u

/* The monotonic clock, coarse. */
struct timespec feed_now(void);

/* ---- feed.c */

/* Begins the chain. */
void feed_init_chain(struct feed *f);

/* Has the source open, and the head at its end. */
enum feed_outcome feed_prepare(struct feed *f);

/* Looks at the chain, and reads what is new into the ring. FEED_WAIT: look
 * again soon. */
enum feed_outcome feed_look_once(struct feed *f, bool timer);

/* Drops the files that neither the head nor a follower needs. */
void feed_sweep(struct feed *f);

/* Of format multiline: is what stands at the end of the file a record, because
 * nothing was added for long enough? Always, for other formats. */
bool feed_is_quiet(const struct feed *f, const struct file *file);

/* Has feed_due_ms say when it will be. */
void feed_expect_quiet(struct feed *f, const struct file *file);

/* ---- feed_start.c: each may be repeated after FEED_WAIT and FEED_MORE */

/* Puts the head at the end. */
enum feed_outcome feed_find_end(struct feed *f);

/* Has the head stand at the end of unfinished files before its own, too:
 * those that a resume has brought in. */
enum feed_outcome feed_take_in_unfinished(struct feed *f);

/* The cursor that stands `records` before the cursor `from`. */
enum feed_outcome feed_start_back(struct feed *f, struct cursor *c,
	const struct cursor *from, uint32_t records);

/* The cursor of an id. What of it is gone is a gap; where all of it is,
 * `records` before the head follow that. */
enum feed_outcome feed_start_at(struct feed *f, struct cursor *c,
	const struct feed_places *places, uint32_t records);

/* The cursors of a range that ends at the places of an id: see
 * feed_follow_until. */
enum feed_outcome feed_start_range(struct feed *f, struct cursor *c,
	struct cursor *until, const struct feed_places *end,
	const struct feed_places *start, uint32_t records);

/* ---- feed_produce.c */

/*
 * The next file a reader behind the head reads from, and its place there;
 * NULL when it has arrived, or has a notice. Steps into later files as earlier
 * ones are read.
 */
struct cursor_place *feed_next_to_read(
	struct feed *f, const struct cursor *until, struct cursor *c);

/* Is there nothing to tell between a cursor and where it ends? */
bool feed_is_at_end(
	struct feed *f, const struct cursor *until, const struct cursor *c);

/* ---- feed_head.c */

/* Brings the head to the files that came since. When there are more than it
 * has places for, it reads those it has first; an old one that somebody could
 * still write to is let go. */
enum feed_outcome feed_enter_new_files(
	struct feed *f, const struct timespec *now);

/* Reads what is new in all places; those in files that are finished go
 * (`at_once`: there is no time for a grace). */
enum feed_outcome feed_read_places(
	struct feed *f, const struct timespec *now, bool at_once);

/*
 * Brings the head to a place at least at which somebody else has found it
 * quiet: what is before it is a record here, too. Or else who goes on there
 * would meet a head that stands before it, and get that again.
 */
enum feed_outcome feed_read_up_to(
	struct feed *f, const struct cursor_place *place);

/* Where reading on in a file has to stop: at a seam, or at the limit. */
uint64_t feed_next_seam(
	const struct feed *f, uint32_t serial, uint64_t offset, uint64_t limit);

/* Has a copy of the file of that place appeared, and was it truncated? Then
 * all who stand there stand in the copy. FEED_MORE: so it is; FEED_NOTHING;
 * FEED_WAIT: look again. */
enum feed_outcome feed_adopt_copy(
	struct feed *f, struct file *file, const struct cursor_place *at);

/* Tells of what was written to files that were let go; and how the path is,
 * when that has changed. */
void feed_tell_late(struct feed *f);
void feed_tell_waiting(struct feed *f, bool timer);

/* Appends a block of our own to the ring: a notice (enum cursor_notice), or
 * nothing but the head's id. */
void feed_put_own(
	struct feed *f, unsigned notice, unsigned reason, int64_t bytes);

/* ---- feed_watch.c */

/* Watches the files of the head and, again, the `directories` of the path and
 * of what it leads to. Does nothing without inotify. */
void feed_watch(struct feed *f, bool directories);

/* Ends the watches of files that the head has left; or all. */
void feed_unwatch(struct feed *f, bool all);

/* ---- feed_ids.c */

/* The writer's id of a record, where those count: its length, and NULL in *id
 * when it has none. */
size_t feed_writer_id(
	const struct feed *f, const struct record *r, const char **id);

/* A record was read that ends at that place: notes where its id is. */
void feed_note_id(
	struct feed *f, const struct cursor_place *at, const struct record *r);

void feed_release_ids(struct feed *f);

/* ---- feed_cursor.c */

/* Bytes of a cursor's part of an id. */
size_t feed_id_length(const struct cursor *c);

/* Appends the rest of a block: its type (or NULL) and its id. */
void feed_add_tail(const struct feed *f, const struct feed_view *view,
	const char *event, const struct cursor *c, struct buffer *out);

/* Appends what comes before the tail of a record. Is the type of the source's
 * events to stand there, too? Not where the record has said another. */
bool feed_add_record(
	const struct feed *f, const struct record *r, struct buffer *out);

/* Why something of a record was dropped. */
enum gap_reason feed_gap_in(const struct feed *f, const struct record *r);

/* And how much that was; -1: the spool had no room to tell. */
int64_t feed_gap_bytes(const struct feed *f, const struct record *r);

/* The type and the data of a notice; NULL and nothing for none. */
const char *feed_notice_event(unsigned notice);
void feed_add_notice_data(const struct feed *f, unsigned notice,
	unsigned reason, int64_t bytes, struct buffer *out);

enum gap_reason feed_gap_of(const struct feed *f, enum chain_reason reason);
void feed_set_gap(struct cursor *c, enum gap_reason reason, int64_t bytes);
void feed_clear_notice(struct cursor *c);

/* The place where a file starts. */
struct cursor_place feed_place_at_start(
	const struct feed *f, const struct file *file);

/* Computes the check of a place at any offset, from the file as it is now.
 * Returns as file_check. */
int feed_check_place(
	const struct feed *f, const struct file *file, struct cursor_place *at);

/* Adds the place where `file` starts, or puts it in place of the last. What
 * was lost before it becomes the cursor's gap. */
void feed_enter(
	const struct feed *f, struct cursor *c, const struct file *file);
void feed_enter_instead(
	const struct feed *f, struct cursor *c, const struct file *file);

/* Is what is retained being read for its ids? What the head reads meanwhile is
 * read then. */
bool feed_reads_ids(const struct feed *f);

/* Does a piece of it, whoever wants it, and has the feed look again soon. */
void feed_read_ids(struct feed *f);

/* How far a reader behind the head may read in a file. `until` is where it
 * ends, or NULL. */
uint64_t feed_limit_in(const struct feed *f, const struct cursor *until,
	const struct file *file);

/* Takes out the places in files that are gone. What was lost with them is a
 * gap; a file that is gone without a loss was read to its end by everybody. */
void feed_settle(const struct feed *f, struct cursor *c);

#endif
