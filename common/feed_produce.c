/* What comes next for a reader, from the ring or from the files. */
#include "common/feed_inside.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/scan.h"

/* Bytes read at once by a reader that is behind, which wants a piece. */
#define WINDOW_BYTES 20480u

/* Moves the cursor behind a record; false: the cursor has no place there. */
static bool pass(struct cursor *c, const struct ring_entry *e)
{
	struct cursor_place *at = cursor_find(c, e->file);

	if (!at) {
		if (c->count && c->places[c->count - 1].file > e->file)
			return false;
		cursor_add(c, (struct cursor_place){
				      .file = e->file, .tag = e->tag });
		at = &c->places[c->count - 1];
	}
	at->offset = e->end;
	at->check = e->check;
	return true;
}

/*
 * A piece is complete when one more block would take it over the limit. The
 * block is taken back then; a first block is never too large.
 */
static bool is_over(
	const struct buffer *out, size_t start, size_t before, size_t limit)
{
	return before > start && out->len - start > limit;
}

static void count_entry(
	struct delivery *made, const struct ring_entry *e, bool late)
{
	if (late)
		delivery_gap(made, GAP_LATE);
	else if (e->kind == RING_RECORD)
		made->records++;
	else if (e->notice == CURSOR_GAP)
		delivery_gap(made, e->reason);
}

/*
 * A piece that is cut may have to be made again from the files, when the ring
 * has forgotten it: it is either one block of ours, or records of one file.
 */
static enum feed_outcome produce_from_ring(struct feed *f,
	const struct feed_view *view, struct cursor *to, size_t limit,
	struct buffer *out)
{
	size_t start = out->len;
	uint64_t position = to->ring;
	const struct ring_entry *e;
	uint32_t file = 0;

	while ((e = ring_next(&f->ring, &position))) {
		struct cursor next = *to;
		size_t before = out->len;
		const char *event = view->event;
		bool late = false;

		if (before > start && (e->kind == RING_OWN || e->file != file))
			break;
		file = e->kind == RING_OWN ? 0 : e->file;
		if (e->kind == RING_OWN) {
			memcpy(&next, e->bytes + e->data_len + e->tail_len,
				sizeof(next));
			event = feed_notice_event(e->notice);
		} else {
			late = !pass(&next, e);
			if (e->is_typed)
				event = NULL;
		}
		feed_trim(&next, view->budget);
		next.ring = position;
		if (late) {
			encode_gap_data(out, f->config->name, GAP_LATE,
				(int64_t)(e->end - e->start));
			feed_add_tail(f, view, "gap", &next, out);
		} else if (view->alone) {
			buffer_add(out, e->bytes, e->data_len + e->tail_len);
		} else {
			buffer_add(out, e->bytes, e->data_len);
			feed_add_tail(f, view, event, &next, out);
		}
		if (is_over(out, start, before, limit)) {
			out->len = before;
			break;
		}
		count_entry(&f->scratch->made, e, late);
		*to = next;
	}
	return out->len > start ? FEED_BYTES : FEED_NOTHING;
}

struct cursor_place *feed_next_to_read(
	struct feed *f, const struct cursor *until, struct cursor *c)
{
	const struct cursor *goal = until ? until : &f->head;

	for (;;) {
		uint32_t last;
		const struct file *next;

		feed_settle(f, c);
		for (uint32_t i = 0; i < c->count; i++) {
			const struct file *file =
				chain_find(&f->chain, c->places[i].file);

			if (file && c->places[i].offset <
					    feed_limit_in(f, until, file))
				return &c->places[i];
		}
		if (c->notice)
			return NULL;
		for (uint32_t i = 0; i + 1 < c->count;) {
			if (cursor_look(goal, c->places[i].file))
				i++;
			else
				cursor_remove(c, i);
		}
		last = c->count ? c->places[c->count - 1].file : 0;
		next = chain_after(&f->chain, last);
		/* Nobody goes before the head: it alone looks for copies. */
		if (!next || !goal->count ||
			next->serial > goal->places[goal->count - 1].file)
			return NULL;
		/* What the head has left is complete. */
		if (c->count && !cursor_look(goal, last))
			feed_enter_instead(f, c, next);
		else
			feed_enter(f, c, next);
	}
}

static void produce_notice(struct feed *f, const struct feed_view *view,
	struct cursor *to, struct buffer *out)
{
	unsigned notice = to->notice, reason = to->reason;
	int64_t bytes = to->bytes;

	if (notice == CURSOR_GAP)
		delivery_gap(&f->scratch->made, reason);
	feed_clear_notice(to);
	feed_add_notice_data(f, notice, reason, bytes, out);
	feed_add_tail(f, view, feed_notice_event(notice), to, out);
}

static void produce_record(struct feed *f, const struct feed_view *view,
	const struct record *r, struct cursor *to, uint32_t serial,
	struct buffer *out)
{
	struct cursor_place *at = cursor_find(to, serial);
	bool takes_type;

	assert(at);
	if (f->pipe && r->passed) {
		encode_gap_data(
			out, f->config->name, GAP_SPOOL, (int64_t)r->passed);
		feed_add_tail(f, view, "gap", to, out);
	}
	if (r->dropped) {
		encode_gap_data(out, f->config->name, feed_gap_in(f, r),
			feed_gap_bytes(f, r));
		feed_add_tail(f, view, "gap", to, out);
	}
	at->offset = r->end;
	at->check = r->check;
	takes_type = feed_add_record(f, r, out);
	feed_add_tail(f, view, takes_type ? view->event : NULL, to, out);
}

static void count_record(
	const struct feed *f, struct delivery *made, const struct record *r)
{
	if (f->pipe && r->passed)
		delivery_gap(made, GAP_SPOOL);
	if (r->dropped)
		delivery_gap(made, GAP_OVERLONG);
	if (r->data)
		made->records++;
}

/*
 * A place is no longer in its file. Where the head's is gone, too, the head
 * finds out on its next look, and moves or loses the file for everybody.
 * Otherwise what was overwritten is lost for this reader alone.
 */
static enum feed_outcome produce_loss(struct feed *f,
	const struct feed_view *view, struct cursor *to,
	const struct file *file, enum gap_reason reason, struct buffer *out)
{
	struct cursor_place *mine = cursor_find(to, file->serial);
	const struct cursor_place *head = cursor_find(&f->head, file->serial);
	uint64_t end = feed_limit_in(f, view->until, file);

	assert(mine);
	if (head && file_has_place(file, head->offset, head->check) <= 0)
		return FEED_WAIT;
	feed_set_gap(to, reason,
		end > mine->offset ? (int64_t)(end - mine->offset) : -1);
	mine->offset = end;
	if (feed_check_place(f, file, mine) < 0)
		return errno == EAGAIN || errno == ENODATA ? FEED_WAIT
							   : FEED_FAILED;
	produce_notice(f, view, to, out);
	return FEED_BYTES;
}

/* What was read from the start of a file may be what was written there after
 * it was truncated: the head's place in it tells. */
static bool may_have_changed(struct feed *f, const struct file *file)
{
	const struct cursor_place *head = cursor_find(&f->head, file->serial);

	return head && file_has_place(file, head->offset, head->check) <= 0;
}

static enum feed_outcome produce_from_file(struct feed *f,
	const struct feed_view *view, struct cursor *to,
	const struct cursor_place *at, size_t limit, struct buffer *out)
{
	uint32_t serial = at->file;
	struct file *file = chain_find(&f->chain, serial);
	bool in_head = cursor_find(&f->head, serial) != NULL;
	bool begins = at->offset == 0;
	size_t start = out->len;
	uint64_t end = feed_limit_in(f, view->until, file);
	enum scan_outcome outcome;
	struct record r;
	struct scan s;

	/* What the head has left is read to its very end. */
	if (!in_head) {
		struct timespec now = feed_now();

		file_is_finished(file, &now, true);
	}
	outcome = scan_begin(f->config->format, &s, &f->scratch->window,
		WINDOW_BYTES, file, at->offset, at->check, end,
		f->config->max_line_bytes);
	/* The head has ended a record there. */
	s.is_paused = true;
	while (outcome == SCAN_RECORD) {
		struct cursor next = *to;
		size_t before = out->len;

		s.limit = feed_next_seam(f, serial, s.offset, end);
		outcome = scan_next(&s, &r);
		if (outcome != SCAN_RECORD)
			break;
		produce_record(f, view, &r, &next, serial, out);
		if (is_over(out, start, before, limit)) {
			out->len = before;
			break;
		}
		count_record(f, &f->scratch->made, &r);
		*to = next;
	}
	if (begins && may_have_changed(f, file)) {
		out->len = start;
		return FEED_WAIT;
	}
	if (out->len > start)
		return FEED_BYTES;
	switch (outcome) {
	case SCAN_CHANGED:
		return produce_loss(f, view, to, file, GAP_TRUNCATED, out);
	case SCAN_WAIT:
		return FEED_WAIT;
	case SCAN_MORE:
		return FEED_MORE;
	case SCAN_FAILED:
		return FEED_FAILED;
	default:
		/* A last line that somebody may still write to, in a file
		 * that was let go. */
		if (!in_head)
			return produce_loss(f, view, to, file,
				f->pipe ? GAP_SPOOL : GAP_LATE, out);
		return FEED_NOTHING;
	}
}

/* Has the head left a file that the last id of this reader names? */
static bool names_what_is_left(const struct feed *f, const struct cursor *c)
{
	struct cursor head = f->head;

	for (uint32_t i = 0; i < c->count; i++)
		if (!cursor_find(&head, c->places[i].file))
			return true;
	return false;
}

enum feed_outcome feed_produce(struct feed *f, const struct feed_view *view,
	const struct cursor *from, struct cursor *to, size_t limit,
	struct buffer *out)
{
	struct cursor_place *at;
	enum feed_outcome outcome;

	f->scratch->made = (struct delivery){ 0 };
	*to = *from;
	to->reading = 0;
	feed_trim(to, view->budget);
	if (to->notice) {
		produce_notice(f, view, to, out);
		return FEED_BYTES;
	}
	if (to->ring && ring_holds(&f->ring, to->ring)) {
		if (to->ring == f->ring.head)
			return FEED_NOTHING;
		return produce_from_ring(f, view, to, limit, out);
	}
	to->ring = 0;
	at = from->reading ? cursor_find(to, from->reading)
			   : feed_next_to_read(f, view->until, to);
	if (to->notice) {
		produce_notice(f, view, to, out);
		return FEED_BYTES;
	}
	if (at && !chain_find(&f->chain, at->file))
		return FEED_NOTHING;
	if (at) {
		outcome = produce_from_file(f, view, to, at, limit, out);
		/* What the head has read must be there. An end that was forged
		 * may be within a record. */
		if (outcome == FEED_NOTHING && view->until)
			*to = *view->until;
		else if (outcome == FEED_NOTHING)
			outcome = FEED_WAIT;
		if (outcome != FEED_BYTES && outcome != FEED_NOTHING)
			*to = *from;
		return outcome;
	}
	if (view->until) {
		*to = *view->until;
		return FEED_NOTHING;
	}
	/* Arrived: from here on the ring has what comes. */
	*to = f->head;
	to->ring = f->ring.head;
	feed_trim(to, view->budget);
	if (!names_what_is_left(f, from))
		return FEED_NOTHING;
	/* It was behind when the others were told (retire_files). */
	feed_add_tail(f, view, NULL, to, out);
	return FEED_BYTES;
}

bool feed_is_at_end(
	struct feed *f, const struct cursor *until, const struct cursor *c)
{
	struct cursor to = *c;

	return !to.notice && !feed_next_to_read(f, until, &to) && !to.notice;
}

void feed_promise(struct feed *f, struct follower *follower, size_t budget)
{
	struct cursor *c = &follower->cursor;
	uint64_t position = c->ring;
	const struct ring_entry *e;
	const struct cursor_place *at;

	feed_trim(c, budget);
	if (c->notice)
		return;
	if (c->ring && ring_holds(&f->ring, c->ring)) {
		e = ring_next(&f->ring, &position);
		if (!e || e->kind != RING_RECORD)
			return;
		if (e->start == 0 && !cursor_find(c, e->file))
			cursor_add(c, (struct cursor_place){
					      .file = e->file, .tag = e->tag });
		c->reading = e->file;
		return;
	}
	c->ring = 0;
	at = feed_next_to_read(f, follower->until, c);
	if (at && !c->notice)
		c->reading = at->file;
}
