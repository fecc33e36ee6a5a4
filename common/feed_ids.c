/* The ids that writers give their blocks: where a reader is that has one. */
#include "common/feed_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/block.h"
#include "common/order.h"

/* Bytes read at once, and before others get their turn, and files opened. */
#define WINDOW_BYTES 262144u
#define TURN_BYTES   (2u << 20)
#define TURN_FILES   4

/* Turns for whoever asks first: of most sources that is all. */
#define FIRST_TURNS 4

bool feed_has_writer_ids(const struct feed *f)
{
	return f->config->ids != IDS_POSITION;
}

size_t feed_writer_id(
	const struct feed *f, const struct record *r, const char **id)
{
	*id = NULL;
	if (!feed_has_writer_ids(f) || !r->data)
		return 0;
	return block_id(r->data, r->data_len, id);
}

void feed_note_id(
	struct feed *f, const struct cursor_place *at, const struct record *r)
{
	struct place place = { .file = at->tag, .check = r->check };
	const char *id;
	size_t len = feed_writer_id(f, r, &id);

	place.offset = r->end;
	if (!id)
		return;
	memcpy(f->last_id, id, len);
	f->last_id[len] = '\0';
	if (f->ids_state != FEED_IDS_NONE)
		ids_add(&f->ids, id, len, &place);
}

void feed_release_ids(struct feed *f)
{
	ids_release(&f->ids);
	f->ids_state = FEED_IDS_NONE;
	f->last_id[0] = '\0';
	f->reader = (struct cursor){ 0 };
}

bool feed_reads_ids(const struct feed *f)
{
	return f->ids_state == FEED_IDS_OPENING ||
	       f->ids_state == FEED_IDS_READING;
}

/* Opens older files, and stands at the start of the oldest. */
static enum feed_outcome open_retained(struct feed *f)
{
	enum feed_outcome outcome = FEED_MORE;
	const struct file *older;
	int i = 0;

	do {
		errno = 0;
		older = chain_extend(&f->chain);
	} while (older && ++i < TURN_FILES);
	if (!older)
		outcome = errno == EAGAIN ? FEED_WAIT : FEED_NOTHING;
	f->reader = (struct cursor){ 0 };
	if (f->chain.count > 0)
		cursor_add(
			&f->reader, feed_place_at_start(f, f->chain.files[0]));
	/* What somebody yet writes there is the head's. */
	if (outcome == FEED_NOTHING)
		outcome = feed_take_in_unfinished(f);
	if (outcome != FEED_NOTHING)
		return outcome;
	f->ids_state = FEED_IDS_READING;
	return FEED_MORE;
}

/* What cannot be read there is no reader's. */
static enum feed_outcome skip(
	struct feed *f, struct file *file, struct cursor_place *at)
{
	at->offset = feed_limit_in(f, NULL, file);
	if (feed_check_place(f, file, at) < 0) {
		if (errno == EAGAIN || errno == ENODATA)
			return FEED_WAIT;
		at->check = 0;
	}
	return FEED_MORE;
}

/* Reads ids from the file of a place of the reader. */
static enum feed_outcome read_ids(struct feed *f, struct cursor_place *at)
{
	struct file *file = chain_find(&f->chain, at->file);
	uint64_t end = feed_limit_in(f, NULL, file), from = at->offset;
	enum scan_outcome outcome;
	struct record r;
	struct scan s;

	outcome = scan_begin(f->config->format, &s, &f->scratch->window,
		WINDOW_BYTES, file, at->offset, at->check, end,
		f->config->max_line_bytes);
	while (outcome == SCAN_RECORD && at->offset - from < TURN_BYTES) {
		outcome = scan_next(&s, &r);
		if (outcome != SCAN_RECORD)
			break;
		at->offset = r.end;
		at->check = r.check;
		feed_note_id(f, at, &r);
	}
	switch (outcome) {
	case SCAN_RECORD:
	case SCAN_MORE:
		return FEED_MORE;
	case SCAN_WAIT:
		return FEED_WAIT;
	default:
		return skip(f, file, at);
	}
}

/* Up to the head: from there on the head adds what it reads. */
static enum feed_outcome read_retained(struct feed *f)
{
	struct cursor_place *at;

	feed_clear_notice(&f->reader);
	at = feed_next_to_read(f, NULL, &f->reader);
	if (at)
		return read_ids(f, at);
	if (f->reader.notice)
		return FEED_MORE;
	f->ids_state = FEED_IDS_LIVE;
	return FEED_NOTHING;
}

static enum feed_outcome take_turn(struct feed *f)
{
	switch (f->ids_state) {
	case FEED_IDS_OPENING:
		return open_retained(f);
	case FEED_IDS_READING:
		return read_retained(f);
	default:
		return FEED_NOTHING;
	}
}

void feed_read_ids(struct feed *f)
{
	if (take_turn(f) == FEED_MORE)
		f->due_ms = 0;
}

/* The table is made when it is needed first. */
static enum feed_outcome begin(struct feed *f)
{
	enum feed_outcome outcome = FEED_MORE;

	if (ids_init(&f->ids) < 0)
		return FEED_FAILED;
	f->ids_state = FEED_IDS_OPENING;
	for (int i = 0; i < FIRST_TURNS && outcome == FEED_MORE; i++)
		outcome = take_turn(f);
	return FEED_NOTHING;
}

enum feed_outcome feed_find_id(
	struct feed *f, const char *id, struct place *place)
{
	enum feed_outcome outcome = feed_prepare(f);

	if (outcome == FEED_NOTHING && f->ids_state == FEED_IDS_NONE)
		outcome = begin(f);
	if (outcome != FEED_NOTHING)
		return outcome;
	if (feed_reads_ids(f)) {
		f->due_ms = 0;
		return FEED_WAIT;
	}
	outcome = feed_look_once(f, false);
	if (outcome != FEED_NOTHING)
		return outcome;
	if (!ids_find(&f->ids, id, strlen(id), place))
		return FEED_NOTHING;
	place->source = f->tag;
	return FEED_BYTES;
}

bool feed_is_ahead(const struct feed *f, const char *id)
{
	if (f->config->ids != IDS_ORDERED || !order_has(id))
		return false;
	return !f->last_id[0] ||
	       (order_has(f->last_id) && order_compare(id, f->last_id) > 0);
}

enum feed_outcome feed_await(
	struct feed *f, struct follower *follower, const char *id)
{
	enum feed_outcome outcome = feed_follow(f, follower, NULL, 0, false, 0);

	if (outcome != FEED_NOTHING)
		return outcome;
	follower->awaited = strdup(id);
	if (!follower->awaited) {
		feed_leave(f, follower);
		errno = ENOMEM;
		return FEED_FAILED;
	}
	if (!follower->cursor.notice) {
		follower->cursor.notice = CURSOR_WAITING;
		follower->cursor.reason = WAITING_BEHIND;
	}
	return FEED_NOTHING;
}

/* Where a follower goes on whose id is not awaited any more. */
static enum feed_outcome start_at_awaited(
	struct feed *f, const char *id, struct cursor *c)
{
	struct place place;
	struct feed_places places = { &place, 1 };
	enum feed_outcome outcome = feed_find_id(f, id, &place);

	if (outcome == FEED_BYTES)
		return feed_start_at(f, c, &places, f->config->history);
	if (outcome == FEED_NOTHING)
		outcome = feed_start_back(f, c, &f->head, f->config->history);
	if (outcome == FEED_NOTHING)
		feed_set_gap(c, GAP_UNKNOWN_ID, -1);
	return outcome;
}

enum feed_outcome feed_arrive(struct feed *f, struct follower *follower)
{
	struct cursor at = f->head;
	enum feed_outcome outcome;

	if (!follower->awaited || follower->cursor.notice)
		return FEED_NOTHING;
	if (feed_is_ahead(f, follower->awaited)) {
		at.ring = f->ring.head;
		follower->cursor = at;
		return FEED_NOTHING;
	}
	outcome = start_at_awaited(f, follower->awaited, &at);
	if (outcome != FEED_NOTHING)
		return outcome;
	free(follower->awaited);
	follower->awaited = NULL;
	at.ring = 0;
	follower->cursor = at;
	return FEED_NOTHING;
}

const char *feed_opening_id(const struct feed *f, const struct cursor *c)
{
	bool is_at_head =
		!c->notice && c->count == f->head.count &&
		memcmp(c->places, f->head.places, sizeof(c->places)) == 0;

	/* While older ones are read, the newest is not known. */
	if (feed_reads_ids(f) || !f->last_id[0])
		return NULL;
	return is_at_head ? f->last_id : NULL;
}
