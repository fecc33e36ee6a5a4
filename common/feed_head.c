/* The head: what is new goes into the ring. */
#include "common/feed_inside.h"

#include <string.h>

#include "common/log.h"
#include "common/scan.h"

/* Bytes it reads in one look before others get their turn. */
#define LOOK_BYTES (2u << 20)

/* Looks of the timer before the absence of a file that was there is told:
 * between a rename and the create that follows it, nothing is amiss. */
#define MISSING_LOOKS 2

/* The view that the ring is written for. */
static struct feed_view own_view(const struct feed *f)
{
	return (struct feed_view){
		.alone = true,
		.event = f->config->event,
		.before = "",
		.after = "",
		.budget = PLACE_ID_BYTES,
	};
}

/* Remembers a place that the head lets go of: whoever writes there yet is
 * late, and that is said. */
static void let_go(struct feed *f, const struct cursor_place *place)
{
	for (size_t i = 0; i + 1 < CURSOR_PLACES_MAX; i++)
		f->let_go[i] = f->let_go[i + 1];
	f->let_go[CURSOR_PLACES_MAX - 1] = *place;
}

/* An id has room for some places; the head lets go of others before. */
static void trim_head(struct feed *f)
{
	while (f->head.count > 1 && feed_id_length(&f->head) > PLACE_ID_BYTES) {
		let_go(f, &f->head.places[0]);
		cursor_remove(&f->head, 0);
	}
}

void feed_put_own(
	struct feed *f, unsigned notice, unsigned reason, int64_t bytes)
{
	struct buffer *text = &f->scratch->text;
	struct feed_view view = own_view(f);
	struct ring_entry *e;
	size_t data_len;

	buffer_clear(text);
	feed_add_notice_data(f, notice, reason, bytes, text);
	data_len = text->len;
	feed_add_tail(f, &view, feed_notice_event(notice), &f->head, text);
	if (text->failed) {
		ring_forget(&f->ring);
		return;
	}
	e = ring_append(&f->ring, text->len + sizeof(struct cursor));
	if (!e)
		return;
	e->kind = RING_OWN;
	e->notice = (uint8_t)notice;
	e->reason = (uint8_t)reason;
	e->data_len = (uint32_t)data_len;
	e->tail_len = (uint32_t)(text->len - data_len);
	memcpy(e->bytes, text->data, text->len);
	memcpy(e->bytes + text->len, &f->head, sizeof(struct cursor));
}

static void put_head_notice(struct feed *f)
{
	unsigned notice = f->head.notice, reason = f->head.reason;
	int64_t bytes = f->head.bytes;

	feed_clear_notice(&f->head);
	if (notice)
		feed_put_own(f, notice, reason, bytes);
}

/* A record that begins with a line that goes on was cut off by a pause. */
static void note_seam(
	struct feed *f, const struct cursor_place *at, const struct record *r)
{
	if (f->config->format != SPLIT_MULTILINE || !r->data ||
		r->data_len == 0 || !split_goes_on(r->data[0]))
		return;
	f->seams[f->seam_count++ % FEED_SEAMS] =
		(struct feed_seam){ .file = at->file, .offset = r->start };
}

uint64_t feed_next_seam(
	const struct feed *f, uint32_t serial, uint64_t offset, uint64_t limit)
{
	uint64_t next = limit;

	for (size_t i = 0; i < FEED_SEAMS && i < f->seam_count; i++)
		if (f->seams[i].file == serial && f->seams[i].offset > offset &&
			f->seams[i].offset < next)
			next = f->seams[i].offset;
	return next;
}

static void put_record(
	struct feed *f, struct cursor_place *at, const struct record *r)
{
	struct buffer *text = &f->scratch->text;
	struct feed_view view = own_view(f);
	struct cursor_place place;
	struct ring_entry *e;
	size_t data_len;
	bool takes_type;

	note_seam(f, at, r);
	/* A hole in a spool is what there was no room for. */
	if (f->pipe && r->passed)
		feed_put_own(f, CURSOR_GAP, GAP_SPOOL, (int64_t)r->passed);
	if (r->dropped)
		feed_put_own(
			f, CURSOR_GAP, feed_gap_in(f, r), feed_gap_bytes(f, r));
	at->offset = r->end;
	at->check = r->check;
	if (!feed_reads_ids(f))
		feed_note_id(f, at, r);
	if (!r->data) {
		feed_put_own(f, CURSOR_NO_NOTICE, 0, 0);
		return;
	}
	place = *at;
	buffer_clear(text);
	takes_type = feed_add_record(f, r, text);
	data_len = text->len;
	feed_add_tail(f, &view, takes_type ? view.event : NULL, &f->head, text);
	if (text->failed) {
		ring_forget(&f->ring);
		return;
	}
	e = ring_append(&f->ring, text->len);
	if (!e)
		return;
	e->kind = RING_RECORD;
	e->notice = CURSOR_NO_NOTICE;
	e->is_typed = !takes_type;
	e->data_len = (uint32_t)data_len;
	e->tail_len = (uint32_t)(text->len - data_len);
	e->file = place.file;
	e->tag = place.tag;
	e->start = r->start;
	e->end = r->end;
	e->check = r->check;
	memcpy(e->bytes, text->data, text->len);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/*
 * A cursor that stands in the file of that serial and in later ones: the
 * files that came between are entered, too.
 */
static void enter_between(
	const struct feed *f, struct cursor *c, uint32_t serial)
{
	for (uint32_t i = 0; i + 1 < c->count; i++) {
		const struct file *next =
			chain_after(&f->chain, c->places[i].file);
		struct cursor later = { 0 };

		if (c->places[i].file < serial || !next ||
			next->serial >= c->places[i + 1].file)
			continue;
		while (c->count > i + 1) {
			later.places[later.count++] = c->places[i + 1];
			cursor_remove(c, i + 1);
		}
		cursor_add(c, feed_place_at_start(f, next));
		for (uint32_t j = 0; j < later.count; j++)
			cursor_add(c, later.places[j]);
	}
}

/* A place that is in a copy now is named after that. */
static void move_tag(const struct feed *f, struct cursor *c, uint32_t serial)
{
	const struct file *file = chain_find(&f->chain, serial);
	struct cursor_place *at = cursor_find(c, serial);

	if (!at || !file)
		return;
	if (at->offset == 0)
		*at = feed_place_at_start(f, file);
	else
		at->tag = file->tag;
}

/*
 * The file of that serial was truncated. Its copy has the serial now, or
 * nothing has; the file goes on as one that came later. Where that is not the
 * last, everybody who stands there has to enter it.
 */
static void follow_copy(struct feed *f, uint32_t serial)
{
	const char *name = f->config->name;

	/* Of the last file, the rest comes as a new one. */
	if (f->head.count > 0 &&
		f->head.places[f->head.count - 1].file == serial)
		f->truncations++;
	if (log_spend(&f->log, name))
		log_info("%s: truncated%s", name,
			chain_find(&f->chain, serial) ? ": its copy is read on"
						      : "");
	move_tag(f, &f->head, serial);
	enter_between(f, &f->head, serial);
	move_tag(f, &f->reader, serial);
	enter_between(f, &f->reader, serial);
	for (struct follower *one = f->followers.next; one != &f->followers;
		one = one->next) {
		/* What is owed of a piece has the old name in its ids. */
		if (!one->cursor.reading)
			move_tag(f, &one->cursor, serial);
		enter_between(f, &one->cursor, serial);
		if (one->until)
			enter_between(f, one->until, serial);
	}
}

enum feed_outcome feed_adopt_copy(
	struct feed *f, struct file *file, const struct cursor_place *at)
{
	uint32_t serial = at->file;

	if (chain_adopt_copy(&f->chain, file, at->offset, at->check) < 0)
		return FEED_WAIT;
	if (file->serial == serial)
		return FEED_NOTHING;
	follow_copy(f, serial);
	return FEED_MORE;
}

/* The file of a place was truncated. */
static enum feed_outcome follow_truncation(
	struct feed *f, struct file *file, const struct cursor_place *at)
{
	uint32_t serial = at->file;

	/* At its start, a copy that was made since shows that it was. */
	if (at->offset == 0) {
		enum feed_outcome outcome = feed_adopt_copy(f, file, at);

		if (outcome != FEED_NOTHING)
			return outcome;
	}
	if (chain_truncated(&f->chain, file, at->offset, at->check) < 0)
		return FEED_WAIT;
	follow_copy(f, serial);
	return FEED_MORE;
}

static enum scan_outcome begin_new(struct feed *f, struct scan *s,
	struct file *file, const struct cursor_place *at)
{
	enum scan_outcome outcome = scan_begin(f->config->format, s,
		&f->scratch->window, FEED_WINDOW_BYTES, file, at->offset,
		at->check, file->size, f->config->max_line_bytes);

	s->is_paused = feed_is_quiet(f, file);
	return outcome;
}

/*
 * Every file has a start: it alone does not tell whether what is there now
 * was there when we last looked for copies. So the first record is read, then
 * copies are looked for, and then it has to be the same record still.
 */
static enum scan_outcome find_first(struct feed *f, struct file *file,
	const struct cursor_place *at, struct record *first)
{
	enum scan_outcome outcome;
	struct scan s;

	outcome = begin_new(f, &s, file, at);
	if (outcome == SCAN_RECORD)
		outcome = scan_next(&s, first);
	if (outcome != SCAN_RECORD)
		return outcome;
	switch (feed_adopt_copy(f, file, at)) {
	case FEED_NOTHING:
		return SCAN_RECORD;
	case FEED_MORE:
		return SCAN_MORE;
	default:
		return SCAN_WAIT;
	}
}

static bool same_record(const struct record *a, const struct record *b)
{
	return a->end == b->end && a->check == b->check;
}

/*
 * Reads what is new in the file of one of the head's places. Returns
 * FEED_MORE when there is more than one look may read.
 */
static enum feed_outcome read_new(struct feed *f, uint32_t serial)
{
	struct cursor_place *at = cursor_find(&f->head, serial);
	struct file *file = chain_find(&f->chain, serial);
	enum scan_outcome outcome = SCAN_RECORD;
	struct record r, first = { 0 };
	struct scan s;
	uint64_t from;
	bool is_quiet;

	if (!at || !file)
		return FEED_NOTHING;
	is_quiet = feed_is_quiet(f, file);
	if (file->size == at->offset &&
		same_time(&file->modified, &file->read_modified))
		return FEED_NOTHING;
	from = at->offset;
	if (from == 0)
		outcome = find_first(f, file, at, &first);
	if (outcome == SCAN_RECORD)
		outcome = begin_new(f, &s, file, at);
	while (outcome == SCAN_RECORD) {
		outcome = scan_next(&s, &r);
		if (outcome != SCAN_RECORD)
			break;
		if (r.start == 0 && !same_record(&r, &first))
			return FEED_MORE;
		put_record(f, at, &r);
		at = cursor_find(&f->head, serial);
		if (!at)
			return FEED_MORE;
		if (r.end - from >= LOOK_BYTES)
			outcome = SCAN_MORE;
	}
	switch (outcome) {
	case SCAN_CHANGED:
		return follow_truncation(f, file, at);
	case SCAN_WAIT:
		return FEED_WAIT;
	case SCAN_MORE:
		return FEED_MORE;
	case SCAN_FAILED:
		f->read_failed = true;
		return FEED_NOTHING;
	default:
		file->read_modified = file->modified;
		if (!is_quiet && at->offset < file->size)
			feed_expect_quiet(f, file);
		return FEED_NOTHING;
	}
}

enum feed_outcome feed_read_up_to(
	struct feed *f, const struct cursor_place *place)
{
	struct cursor_place *at = cursor_find(&f->head, place->file);
	struct file *file = chain_find(&f->chain, place->file);
	enum scan_outcome outcome;
	struct record r;
	struct scan s;

	if (f->config->format != SPLIT_MULTILINE || !at || !file ||
		at->offset >= place->offset)
		return FEED_NOTHING;
	outcome = begin_new(f, &s, file, at);
	s.limit = place->offset;
	s.is_paused = true;
	while (outcome == SCAN_RECORD && at && at->offset < place->offset) {
		outcome = scan_next(&s, &r);
		if (outcome == SCAN_RECORD)
			put_record(f, at, &r);
		at = cursor_find(&f->head, place->file);
	}
	switch (outcome) {
	case SCAN_MORE:
		return FEED_MORE;
	case SCAN_FAILED:
		return FEED_FAILED;
	case SCAN_WAIT:
	case SCAN_CHANGED:
		return FEED_WAIT;
	default:
		return FEED_NOTHING;
	}
}

void feed_tell_late(struct feed *f)
{
	for (size_t i = 0; i < CURSOR_PLACES_MAX; i++) {
		struct cursor_place *at = &f->let_go[i];
		const struct file *file = chain_find(&f->chain, at->file);

		if (!at->file || !file || file->size <= at->offset)
			continue;
		feed_put_own(f, CURSOR_GAP, GAP_LATE,
			(int64_t)(file->size - at->offset));
		at->offset = file->size;
	}
}

/*
 * A rotated file that nobody can write to any more is read to its very end,
 * a last line without newline included, and then leaves the head. An id-only
 * block tells the clients: their resume point must not hang on a file that
 * may be compressed tonight.
 */
static enum feed_outcome retire_files(
	struct feed *f, const struct timespec *now, bool at_once)
{
	for (uint32_t i = 0; i + 1 < f->head.count;) {
		struct cursor_place *at = &f->head.places[i];
		struct file *file = chain_find(&f->chain, at->file);
		uint32_t serial = at->file;
		bool was_finished = file->finished;

		/* Nobody writes to a segment of a spool again. */
		if (!file_is_finished(file, now, at_once || f->pipe)) {
			i++;
			continue;
		}
		if (!was_finished || at->offset < file->size) {
			enum feed_outcome outcome;

			file->read_modified = (struct timespec){ 0 };
			outcome = read_new(f, serial);
			if (outcome != FEED_NOTHING || f->read_failed)
				return outcome;
		}
		cursor_remove(&f->head, i);
		feed_put_own(f, CURSOR_NO_NOTICE, 0, 0);
	}
	return FEED_NOTHING;
}

enum feed_outcome feed_read_places(
	struct feed *f, const struct timespec *now, bool at_once)
{
	enum feed_outcome outcome = FEED_NOTHING;

	for (uint32_t i = 0; i < f->head.count && outcome == FEED_NOTHING; i++)
		outcome = read_new(f, f->head.places[i].file);
	return outcome == FEED_NOTHING ? retire_files(f, now, at_once)
				       : outcome;
}

enum feed_outcome feed_enter_new_files(
	struct feed *f, const struct timespec *now)
{
	const struct file *next;

	feed_settle(f, &f->head);
	put_head_notice(f);
	while ((next = chain_after(&f->chain,
			f->head.count ? f->head.places[f->head.count - 1].file
				      : 0))) {
		if (f->head.count == CURSOR_PLACES_MAX) {
			enum feed_outcome outcome =
				feed_read_places(f, now, true);

			if (outcome != FEED_NOTHING)
				return outcome;
		}
		if (f->head.count == CURSOR_PLACES_MAX)
			let_go(f, &f->head.places[0]);
		feed_enter(f, &f->head, next);
		trim_head(f);
		put_head_notice(f);
	}
	return FEED_NOTHING;
}

void feed_tell_waiting(struct feed *f, bool timer)
{
	static const enum waiting_reason reasons[] = {
		[FILE_ABSENT] = WAITING_ABSENT,
		[FILE_PERMISSION] = WAITING_PERMISSION,
		[FILE_NOT_A_FILE] = WAITING_NOT_A_FILE,
		[FILE_UNREADABLE] = WAITING_UNREADABLE,
	};
	enum file_state state = f->read_failed || f->is_hanging
					? FILE_UNREADABLE
					: f->chain.state;

	/* The spool is there, whatever has become of the pipe. */
	if (f->pipe && state == FILE_OPEN)
		state = pump_state(f->pipe);
	if (state == FILE_OPEN) {
		if (f->is_waiting && log_spend(&f->log, f->config->name))
			log_info("%s: %s: is there", f->config->name,
				f->config->path);
		f->is_waiting = false;
		f->missing_looks = 0;
		return;
	}
	if (f->is_waiting && f->waiting == reasons[state])
		return;
	f->missing_looks += timer;
	if (!f->is_waiting && f->missing_looks < MISSING_LOOKS &&
		f->chain.count > 0 && !f->is_hanging)
		return;
	f->is_waiting = true;
	f->waiting = reasons[state];
	feed_put_own(f, CURSOR_WAITING, f->waiting, -1);
	if (log_spend(&f->log, f->config->name))
		log_warning("%s: %s: waiting: %s", f->config->name,
			f->config->path, encode_waiting_name(f->waiting));
}
