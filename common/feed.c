#include "common/feed.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>

#include "common/cold.h"
#include "common/log.h"
#include "common/mount.h"
#include "common/probe.h"
#include "common/scan.h"

/* Bytes read at once: by the head, which wants all there is, and by a reader
 * that is behind, which wants a piece. */
#define HEAD_WINDOW_BYTES  262144u
#define PIECE_WINDOW_BYTES 20480u

/* Bytes the head reads in one look before others get their turn. */
#define LOOK_BYTES (2u << 20)

/* Looks of the timer before the absence of a file that was there is told:
 * between a rename and the create that follows it, nothing is amiss. */
#define MISSING_LOOKS 2

/* Looks of the timer after which a source is closed that was opened for a
 * client which did not come to follow it. */
#define UNUSED_LOOKS 30

enum { WATCH_OF_PATH = 1, WATCH_OF_TARGET = 2 };

static struct timespec monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now;
}

/* ---- ids */

/* The length of a cursor's part of an id. */
static size_t id_length(const struct cursor *c)
{
	char text[PLACE_TEXT_MAX];
	size_t len = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		struct place p = { .offset = c->places[i].offset };

		len += place_format(text, &p) + (i > 0);
	}
	return len;
}

void feed_trim(struct cursor *c, size_t budget)
{
	while (c->count > 1 && id_length(c) > budget)
		cursor_remove(c, 0);
}

void feed_add_id(const struct feed *f, const struct cursor *c,
	struct buffer *out)
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct cursor_place *at = &c->places[i];
		struct place p = { .source = f->tag };
		char *to = buffer_reserve(out, PLACE_TEXT_MAX + 1);

		if (!to)
			return;
		p.file = at->tag;
		p.check = at->check;
		p.offset = at->offset;
		if (i > 0)
			buffer_add_byte(out, '-');
		out->len += place_format(out->data + out->len, &p);
	}
}

/* The rest of a block: its type and the id of the cursor. */
static void add_tail(const struct feed *f, const struct feed_view *view,
	const char *event, const struct cursor *c, struct buffer *out)
{
	if (event) {
		buffer_add_string(out, "event: ");
		buffer_add_string(out, event);
		buffer_add_byte(out, '\n');
	}
	buffer_add_string(out, "id: ");
	buffer_add_string(out, view->before);
	feed_add_id(f, c, out);
	buffer_add_string(out, view->after);
	buffer_add(out, "\n\n", 2);
}

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

static const char *notice_event(unsigned notice)
{
	switch (notice) {
	case CURSOR_GAP:
		return "gap";
	case CURSOR_WAITING:
		return "waiting";
	default:
		return NULL;
	}
}

static void add_notice_data(const struct feed *f, unsigned notice,
	unsigned reason, int64_t bytes, struct buffer *out)
{
	if (notice == CURSOR_GAP)
		encode_gap_data(out, f->config->name, (enum gap_reason)reason,
			bytes);
	else if (notice == CURSOR_WAITING)
		encode_waiting_data(out, f->config->name,
			(enum waiting_reason)reason);
}

static enum gap_reason gap_of(enum chain_reason reason)
{
	switch (reason) {
	case CHAIN_ROTATED:
		return GAP_ROTATED;
	case CHAIN_TRUNCATED:
		return GAP_TRUNCATED;
	case CHAIN_DELETED:
		return GAP_DELETED;
	case CHAIN_COMPRESSED:
		return GAP_COMPRESSED;
	default:
		return GAP_UNKNOWN_ID;
	}
}

/* ---- cursors and the chain */

/* There is no content yet that a check could cover: it names the generation
 * before, see chain_resolve. */
static struct cursor_place place_at_start(const struct feed *f,
	const struct file *file)
{
	return (struct cursor_place){
		.file = file->serial,
		.tag = file->tag,
		.check = place_start_check(file->tag,
			chain_before(&f->chain, file)),
	};
}

/* The check of a place at any offset, from the file as it is now. */
static int check_place(const struct feed *f, const struct file *file,
	struct cursor_place *at)
{
	if (at->offset > 0)
		return file_check(file, at->offset, &at->check);
	at->check = place_start_check(file->tag,
		chain_before(&f->chain, file));
	return 0;
}

static void set_gap(struct cursor *c, enum gap_reason reason, int64_t bytes)
{
	c->notice = CURSOR_GAP;
	c->reason = (uint32_t)reason;
	c->bytes = bytes;
}

static void clear_notice(struct cursor *c)
{
	c->notice = CURSOR_NO_NOTICE;
	c->reason = 0;
	c->bytes = 0;
}

/* What was lost between the last place and `file` is a gap. */
static void tell_losses_before(const struct feed *f, struct cursor *c,
	const struct file *file)
{
	const struct chain_loss *loss = NULL;

	if (c->count)
		loss = chain_lost_between(&f->chain,
			c->places[c->count - 1].file, file->serial);
	if (loss)
		set_gap(c, gap_of(loss->reason), -1);
}

/* Adds the place where `file` starts; or puts it in place of the last. */
static void enter(const struct feed *f, struct cursor *c,
	const struct file *file)
{
	tell_losses_before(f, c, file);
	cursor_add(c, place_at_start(f, file));
}

static void enter_instead(const struct feed *f, struct cursor *c,
	const struct file *file)
{
	tell_losses_before(f, c, file);
	c->places[c->count - 1] = place_at_start(f, file);
}

/*
 * Takes out the places in files that are gone. What was lost with them is a
 * gap; a file that is gone without a loss was read to its end by everybody.
 */
static void settle(const struct feed *f, struct cursor *c)
{
	for (uint32_t i = 0; i < c->count;) {
		uint32_t serial = c->places[i].file;
		uint64_t offset = c->places[i].offset;
		const struct chain_loss *loss;
		const struct file *next;

		if (chain_find(&f->chain, serial)) {
			i++;
			continue;
		}
		loss = chain_lost(&f->chain, serial);
		if (loss)
			set_gap(c, gap_of(loss->reason),
				loss->size > offset
					? (int64_t)(loss->size - offset)
					: -1);
		/* The last place stays until there is one to follow it. */
		next = chain_after(&f->chain, serial);
		if (i + 1 < c->count)
			cursor_remove(c, i);
		else if (next)
			enter_instead(f, c, next);
		else
			return;
	}
}

/* ---- the head: what is new goes into the ring */

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
	while (f->head.count > 1 && id_length(&f->head) > PLACE_ID_BYTES) {
		let_go(f, &f->head.places[0]);
		cursor_remove(&f->head, 0);
	}
}

static void put_own(struct feed *f, unsigned notice, unsigned reason,
	int64_t bytes)
{
	struct buffer *text = &f->scratch->text;
	struct feed_view view = own_view(f);
	struct ring_entry *e;
	size_t data_len;

	buffer_clear(text);
	add_notice_data(f, notice, reason, bytes, text);
	data_len = text->len;
	add_tail(f, &view, notice_event(notice), &f->head, text);
	if (text->failed) {
		ring_forget(&f->ring);
		return;
	}
	e = ring_append(&f->ring, text->len + sizeof(struct cursor));
	if (!e)
		return;
	e->kind = RING_OWN;
	e->notice = (uint8_t)notice;
	e->data_len = (uint32_t)data_len;
	e->tail_len = (uint32_t)(text->len - data_len);
	memcpy(e->bytes, text->data, text->len);
	memcpy(e->bytes + text->len, &f->head, sizeof(struct cursor));
}

static void put_head_notice(struct feed *f)
{
	unsigned notice = f->head.notice, reason = f->head.reason;
	int64_t bytes = f->head.bytes;

	clear_notice(&f->head);
	if (notice)
		put_own(f, notice, reason, bytes);
}

static void put_record(struct feed *f, struct cursor_place *at,
	const struct record *r)
{
	struct buffer *text = &f->scratch->text;
	struct feed_view view = own_view(f);
	struct cursor_place place;
	struct ring_entry *e;
	size_t data_len;

	if (r->dropped)
		put_own(f, CURSOR_GAP, GAP_OVERLONG, (int64_t)r->dropped);
	at->offset = r->end;
	at->check = r->check;
	if (!r->data) {
		put_own(f, CURSOR_NO_NOTICE, 0, 0);
		return;
	}
	place = *at;
	buffer_clear(text);
	encode_data(text, r->data, r->data_len);
	data_len = text->len;
	add_tail(f, &view, view.event, &f->head, text);
	if (text->failed) {
		ring_forget(&f->ring);
		return;
	}
	e = ring_append(&f->ring, text->len);
	if (!e)
		return;
	e->kind = RING_RECORD;
	e->notice = CURSOR_NO_NOTICE;
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
static void enter_between(const struct feed *f, struct cursor *c,
	uint32_t serial)
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
		cursor_add(c, place_at_start(f, next));
		for (uint32_t j = 0; j < later.count; j++)
			cursor_add(c, later.places[j]);
	}
}

/* A place that is in a copy now is named after that. */
static void move_tag(const struct feed *f, struct cursor *c, uint32_t serial)
{
	const struct file *file = chain_find(&f->chain, serial);
	struct cursor_place *at = cursor_find(c, serial);

	if (at && file)
		at->tag = file->tag;
}

/*
 * The file of a place was truncated. Its copy stands in its place now, or
 * nothing does; the file goes on as one that came later. Where that is not
 * the last, everybody who stands there has to enter it.
 */
static enum feed_outcome follow_truncation(struct feed *f, struct file *file,
	const struct cursor_place *at)
{
	uint32_t serial = at->file;

	/* At its start, a copy that was made since shows that it was. */
	if (at->offset == 0) {
		if (chain_adopt_copy(&f->chain, file, 0, at->check) < 0)
			return FEED_WAIT;
		if (file->serial != serial)
			return FEED_MORE;
	}
	if (chain_truncated(&f->chain, file, at->offset, at->check) < 0)
		return FEED_WAIT;
	log_info("%s: truncated%s", f->config->name,
		chain_find(&f->chain, serial) ? ": its copy is read on" : "");
	move_tag(f, &f->head, serial);
	enter_between(f, &f->head, serial);
	for (struct follower *one = f->followers.next; one != &f->followers;
		one = one->next) {
		/* What is owed of a piece has the old name in its ids. */
		if (!one->cursor.reading)
			move_tag(f, &one->cursor, serial);
		enter_between(f, &one->cursor, serial);
	}
	return FEED_MORE;
}

static enum scan_outcome begin_new(struct feed *f, struct scan *s,
	struct file *file, const struct cursor_place *at)
{
	return scan_begin(s, &f->scratch->window, HEAD_WINDOW_BYTES, file,
		at->offset, at->check, file->size, f->config->max_line_bytes);
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
	if (chain_adopt_copy(&f->chain, file, at->offset, at->check) < 0)
		return SCAN_WAIT;
	return file->serial == at->file ? SCAN_RECORD : SCAN_MORE;
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
	struct record r, first;
	struct scan s;
	uint64_t from;

	if (!at || !file)
		return FEED_NOTHING;
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
		return FEED_NOTHING;
	}
}

static void tell_late(struct feed *f)
{
	for (size_t i = 0; i < CURSOR_PLACES_MAX; i++) {
		struct cursor_place *at = &f->let_go[i];
		const struct file *file = chain_find(&f->chain, at->file);

		if (!at->file || !file || file->size <= at->offset)
			continue;
		put_own(f, CURSOR_GAP, GAP_LATE,
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
static enum feed_outcome retire_files(struct feed *f,
	const struct timespec *now, bool at_once)
{
	for (uint32_t i = 0; i + 1 < f->head.count;) {
		struct cursor_place *at = &f->head.places[i];
		struct file *file = chain_find(&f->chain, at->file);
		uint32_t serial = at->file;
		bool was_finished = file->finished;

		if (!file_is_finished(file, now, at_once)) {
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
		put_own(f, CURSOR_NO_NOTICE, 0, 0);
	}
	return FEED_NOTHING;
}

/* Reads what is new in all places; those in files that are finished go
 * (`at_once`: there is no time for a grace). */
static enum feed_outcome read_places(struct feed *f,
	const struct timespec *now, bool at_once)
{
	enum feed_outcome outcome = FEED_NOTHING;

	for (uint32_t i = 0; i < f->head.count && outcome == FEED_NOTHING; i++)
		outcome = read_new(f, f->head.places[i].file);
	return outcome == FEED_NOTHING ? retire_files(f, now, at_once) : outcome;
}

/*
 * Brings the head to the files that came since. When there are more than it
 * has places for, it reads those it has first; an old one that somebody could
 * still write to is let go.
 */
static enum feed_outcome enter_new_files(struct feed *f,
	const struct timespec *now)
{
	const struct file *next;

	settle(f, &f->head);
	put_head_notice(f);
	while ((next = chain_after(&f->chain, f->head.count
			 ? f->head.places[f->head.count - 1].file
			 : 0))) {
		if (f->head.count == CURSOR_PLACES_MAX) {
			enum feed_outcome outcome = read_places(f, now, true);

			if (outcome != FEED_NOTHING)
				return outcome;
		}
		if (f->head.count == CURSOR_PLACES_MAX)
			let_go(f, &f->head.places[0]);
		enter(f, &f->head, next);
		trim_head(f);
		put_head_notice(f);
	}
	return FEED_NOTHING;
}

static void tell_waiting(struct feed *f, bool timer)
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

	if (state == FILE_OPEN) {
		if (f->is_waiting)
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
	put_own(f, CURSOR_WAITING, f->waiting, -1);
	log_warning("%s: %s: waiting: %s", f->config->name, f->config->path,
		encode_waiting_name(f->waiting));
}

/* ---- watches */

static void watch_one(struct feed *f, const char *path, uint32_t serial,
	uint32_t mask)
{
	int wd = watch_add(f->watch, path, mask), spare = -1;

	for (int i = 0; i < FEED_WATCHES_MAX; i++) {
		if (f->watches[i].serial == serial) {
			/* A directory that was replaced is another one. */
			if (f->watches[i].wd >= 0)
				watch_remove(f->watch, f->watches[i].wd);
			f->watches[i].wd = wd;
			return;
		}
		if (!f->watches[i].serial)
			spare = i;
	}
	if (wd < 0)
		return;
	if (spare < 0) {
		watch_remove(f->watch, wd);
		return;
	}
	f->watches[spare].wd = wd;
	f->watches[spare].serial = serial;
}

static void watch_directory_of(struct feed *f, const char *path,
	uint32_t serial)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof(directory))
		return;
	if (len == 0)
		len = 1;
	memcpy(directory, path, len);
	directory[len] = '\0';
	watch_one(f, directory, serial, WATCH_DIRECTORY);
}

static void watch_files(struct feed *f)
{
	for (uint32_t i = 0; i < f->head.count; i++) {
		const struct file *file =
			chain_find(&f->chain, f->head.places[i].file);
		char path[40];
		bool known = false;

		for (int j = 0; j < FEED_WATCHES_MAX; j++)
			known |= file && f->watches[j].serial == file->serial;
		if (!file || known)
			continue;
		/* By the descriptor: the name may lead elsewhere by now. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
		watch_one(f, path, file->serial, WATCH_FILE);
	}
}

static void unwatch(struct feed *f, bool all)
{
	for (int i = 0; i < FEED_WATCHES_MAX; i++) {
		uint32_t serial = f->watches[i].serial;

		if (!serial || (!all && (serial <= WATCH_OF_TARGET ||
					 cursor_find(&f->head, serial))))
			continue;
		if (f->watches[i].wd >= 0)
			watch_remove(f->watch, f->watches[i].wd);
		f->watches[i].wd = -1;
		f->watches[i].serial = 0;
	}
}

static void watch_all(struct feed *f, bool directories)
{
	char real[PATH_MAX];

	if (!f->watch)
		return;
	unwatch(f, false);
	watch_files(f);
	if (!directories)
		return;
	watch_directory_of(f, f->config->path, WATCH_OF_PATH);
	if (realpath(f->config->path, real))
		watch_directory_of(f, real, WATCH_OF_TARGET);
}

bool feed_has_watch(const struct feed *f, int wd)
{
	for (int i = 0; i < FEED_WATCHES_MAX; i++)
		if (f->watches[i].serial && f->watches[i].wd == wd)
			return true;
	return false;
}

/* ---- looking */

/* Files that neither the head nor a follower needs are dropped. */
static void sweep(struct feed *f)
{
	uint32_t oldest = UINT32_MAX;

	if (f->chain.count < 2)
		return;
	if (f->head.count)
		oldest = f->head.places[0].file;
	for (size_t i = 0; i < CURSOR_PLACES_MAX; i++) {
		const struct file *file =
			chain_find(&f->chain, f->let_go[i].file);

		if (!file || file->finished)
			f->let_go[i] = (struct cursor_place){ 0 };
		else if (file->serial < oldest)
			oldest = file->serial;
	}
	for (struct follower *one = f->followers.next; one != &f->followers;
		one = one->next)
		if (one->cursor.count && one->cursor.places[0].file < oldest)
			oldest = one->cursor.places[0].file;
	chain_sweep(&f->chain, oldest);
}

static void close_source(struct feed *f)
{
	if (!f->is_open)
		return;
	if (f->watch)
		unwatch(f, true);
	ring_release(&f->ring);
	chain_release(&f->chain);
	probe_free(f->probe);
	f->probe = NULL;
	f->is_open = f->is_ready = false;
}

/* Looks at the chain, and reads what is new into the ring. */
static enum feed_outcome look(struct feed *f, bool timer)
{
	struct timespec now = monotonic();
	enum feed_outcome outcome;
	struct cursor_place *last;
	struct file *file;
	bool settled = true;

	f->read_failed = false;
	last = f->head.count ? &f->head.places[f->head.count - 1] : NULL;
	file = last ? chain_find(&f->chain, last->file) : NULL;
	if (file && (file_refresh(file, &now) < 0 ||
			    chain_adopt_copy(&f->chain, file, last->offset,
				    last->check) < 0))
		settled = false;
	if (!chain_look(&f->chain, &now))
		settled = false;
	outcome = enter_new_files(f, &now);
	watch_all(f, timer);
	if (outcome == FEED_NOTHING)
		outcome = read_places(f, &now, false);
	tell_late(f);
	tell_waiting(f, timer);
	return outcome == FEED_NOTHING && !settled ? FEED_WAIT : outcome;
}

/* May the source be looked at now? Where that may hang, it is asked first
 * whether it does. */
static bool may_look(struct feed *f)
{
	if (!f->probe || probe_passes(f->probe)) {
		f->is_hanging = false;
		return true;
	}
	if (!f->is_hanging && probe_hangs(f->probe)) {
		f->is_hanging = true;
		if (f->is_ready)
			tell_waiting(f, true);
	}
	return false;
}

enum feed_outcome feed_look(struct feed *f, bool timer)
{
	enum feed_outcome outcome;

	if (timer && f->followers.next == &f->followers &&
		++f->unused_looks > UNUSED_LOOKS)
		close_source(f);
	if (!f->is_ready)
		return FEED_NOTHING;
	timer |= f->timer_is_due;
	if (may_look(f)) {
		f->timer_is_due = false;
		outcome = look(f, timer);
		if (timer)
			sweep(f);
	} else {
		f->timer_is_due = timer;
		outcome = FEED_NOTHING;
	}
	/* What was read when somebody came is news, too. */
	if (f->ring.head != f->announced && outcome != FEED_MORE)
		outcome = FEED_BYTES;
	f->announced = f->ring.head;
	return outcome;
}

/* ---- producing */

/* Moves the cursor behind a record; false: the cursor has no place there. */
static bool pass(struct cursor *c, const struct ring_entry *e)
{
	struct cursor_place *at = cursor_find(c, e->file);

	if (!at) {
		if (c->count && c->places[c->count - 1].file > e->file)
			return false;
		cursor_add(c, (struct cursor_place){ .file = e->file,
				      .tag = e->tag });
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
static bool is_over(const struct buffer *out, size_t start, size_t before,
	size_t limit)
{
	return before > start && out->len - start > limit;
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

		if (before > start &&
			(e->kind == RING_OWN || e->file != file))
			break;
		file = e->kind == RING_OWN ? 0 : e->file;
		if (e->kind == RING_OWN) {
			memcpy(&next, e->bytes + e->data_len + e->tail_len,
				sizeof(next));
			event = notice_event(e->notice);
		} else {
			late = !pass(&next, e);
		}
		feed_trim(&next, view->budget);
		next.ring = position;
		if (late) {
			encode_gap_data(out, f->config->name, GAP_LATE,
				(int64_t)(e->end - e->start));
			add_tail(f, view, "gap", &next, out);
		} else if (view->alone) {
			buffer_add(out, e->bytes, e->data_len + e->tail_len);
		} else {
			buffer_add(out, e->bytes, e->data_len);
			add_tail(f, view, event, &next, out);
		}
		if (is_over(out, start, before, limit)) {
			out->len = before;
			break;
		}
		*to = next;
	}
	return out->len > start ? FEED_BYTES : FEED_NOTHING;
}

/* How far a reader behind the head may read in a file. */
static uint64_t limit_in(struct feed *f, const struct file *file)
{
	const struct cursor_place *head = cursor_find(&f->head, file->serial);

	return head ? head->offset : file->size;
}

/*
 * The next file a reader behind the head reads from, and its place there;
 * NULL when it has arrived. Steps into later files as earlier ones are read.
 */
static struct cursor_place *next_to_read(struct feed *f, struct cursor *c)
{
	for (;;) {
		uint32_t last;
		const struct file *next;

		settle(f, c);
		for (uint32_t i = 0; i < c->count; i++) {
			const struct file *file =
				chain_find(&f->chain, c->places[i].file);

			if (file && c->places[i].offset < limit_in(f, file))
				return &c->places[i];
		}
		if (c->notice)
			return NULL;
		for (uint32_t i = 0; i + 1 < c->count;) {
			if (cursor_find(&f->head, c->places[i].file))
				i++;
			else
				cursor_remove(c, i);
		}
		last = c->count ? c->places[c->count - 1].file : 0;
		next = chain_after(&f->chain, last);
		if (!next)
			return NULL;
		/* What the head has left is complete. */
		if (c->count && !cursor_find(&f->head, last))
			enter_instead(f, c, next);
		else
			enter(f, c, next);
	}
}

static void produce_notice(struct feed *f, const struct feed_view *view,
	struct cursor *to, struct buffer *out)
{
	unsigned notice = to->notice, reason = to->reason;
	int64_t bytes = to->bytes;

	clear_notice(to);
	add_notice_data(f, notice, reason, bytes, out);
	add_tail(f, view, notice_event(notice), to, out);
}

static void produce_record(struct feed *f, const struct feed_view *view,
	const struct record *r, struct cursor *to, uint32_t serial,
	struct buffer *out)
{
	struct cursor_place *at = cursor_find(to, serial);

	if (r->dropped) {
		encode_gap_data(out, f->config->name, GAP_OVERLONG,
			(int64_t)r->dropped);
		add_tail(f, view, "gap", to, out);
	}
	at->offset = r->end;
	at->check = r->check;
	if (r->data)
		encode_data(out, r->data, r->data_len);
	add_tail(f, view, r->data ? view->event : NULL, to, out);
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
	uint64_t end = limit_in(f, file);

	if (head && file_has_place(file, head->offset, head->check) <= 0)
		return FEED_WAIT;
	set_gap(to, reason,
		end > mine->offset ? (int64_t)(end - mine->offset) : -1);
	mine->offset = end;
	if (check_place(f, file, mine) < 0)
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
	enum scan_outcome outcome;
	struct record r;
	struct scan s;

	/* What the head has left is read to its very end. */
	if (!in_head) {
		struct timespec now = monotonic();

		file_is_finished(file, &now, true);
	}
	outcome = scan_begin(&s, &f->scratch->window, PIECE_WINDOW_BYTES, file,
		at->offset, at->check, limit_in(f, file),
		f->config->max_line_bytes);
	while (outcome == SCAN_RECORD) {
		struct cursor next = *to;
		size_t before = out->len;

		outcome = scan_next(&s, &r);
		if (outcome != SCAN_RECORD)
			break;
		produce_record(f, view, &r, &next, serial, out);
		if (is_over(out, start, before, limit)) {
			out->len = before;
			break;
		}
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
			return produce_loss(f, view, to, file, GAP_LATE, out);
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
			   : next_to_read(f, to);
	if (to->notice) {
		produce_notice(f, view, to, out);
		return FEED_BYTES;
	}
	if (at && !chain_find(&f->chain, at->file))
		return FEED_NOTHING;
	if (at) {
		outcome = produce_from_file(f, view, to, at, limit, out);
		/* What the head has read must be there. */
		if (outcome == FEED_NOTHING)
			outcome = FEED_WAIT;
		if (outcome != FEED_BYTES)
			*to = *from;
		return outcome;
	}
	/* Arrived: from here on the ring has what comes. */
	*to = f->head;
	to->ring = f->ring.head;
	feed_trim(to, view->budget);
	if (!names_what_is_left(f, from))
		return FEED_NOTHING;
	/* It was behind when the others were told (retire_files). */
	add_tail(f, view, NULL, to, out);
	return FEED_BYTES;
}

void feed_promise(struct feed *f, struct cursor *c, size_t budget)
{
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
			cursor_add(c, (struct cursor_place){ .file = e->file,
					      .tag = e->tag });
		c->reading = e->file;
		return;
	}
	c->ring = 0;
	at = next_to_read(f, c);
	if (at && !c->notice)
		c->reading = at->file;
}

/* ---- following */

/* What a failed read means while files are being truncated and renamed. */
static enum scan_outcome outcome_of_errno(void)
{
	return errno == EAGAIN || errno == ENODATA ? SCAN_WAIT : SCAN_FAILED;
}

/* Where the last complete record of a file ends. */
static enum scan_outcome end_of_records(struct feed *f, struct file *file,
	struct cursor_place *at)
{
	uint32_t one = 1;
	enum scan_outcome outcome;
	uint64_t start;
	char last = '\n';

	*at = place_at_start(f, file);
	at->offset = file->size;
	if (file->size > 0 && file_read_whole(file, &last, 1,
				      file->size - 1) < 0)
		return outcome_of_errno();
	if (last != '\n' && !file->finished) {
		/* The start of what is not complete is the end of what is. */
		outcome = scan_back(&f->scratch->window, file, file->size,
			file->size, &one, &start);
		if (outcome != SCAN_RECORD)
			return outcome;
		at->offset = start;
	}
	if (check_place(f, file, at) < 0)
		return outcome_of_errno();
	return SCAN_RECORD;
}

static enum feed_outcome outcome_of(enum scan_outcome outcome)
{
	switch (outcome) {
	case SCAN_RECORD:
		return FEED_NOTHING;
	case SCAN_WAIT:
	case SCAN_CHANGED:
		return FEED_WAIT;
	case SCAN_MORE:
		return FEED_MORE;
	default:
		return FEED_FAILED;
	}
}

/*
 * The head starts at the end of the current file, and of the files before it
 * that somebody still writes to. It takes in those that a resume brought in,
 * too.
 */
static enum feed_outcome take_in_unfinished(struct feed *f)
{
	struct timespec now = monotonic();
	size_t i = f->chain.count;

	bool is_new = false;

	while (i-- > 0 && f->head.count < CURSOR_PLACES_MAX) {
		struct file *file = f->chain.files[i];
		struct cursor_place at;
		enum scan_outcome outcome;
		bool current = file == chain_current(&f->chain);

		if (cursor_find(&f->head, file->serial))
			continue;
		/* Only what stands before the head: what comes after it is
		 * entered from its start. */
		if (f->head.count && file->serial > f->head.places[0].file)
			continue;
		if (f->head.count && !current &&
			file_is_finished(file, &now, false))
			continue;
		outcome = end_of_records(f, file, &at);
		if (outcome != SCAN_RECORD)
			return outcome_of(outcome);
		memmove(f->head.places + 1, f->head.places,
			f->head.count * sizeof(at));
		f->head.places[0] = at;
		f->head.count++;
		is_new = true;
	}
	/* Those who read the ring learn of the place from an id-only block. */
	if (is_new)
		put_own(f, CURSOR_NO_NOTICE, 0, 0);
	return FEED_NOTHING;
}

/* Stands before any file: everything that comes is new. */
static void stand_before(struct feed *f, struct cursor *c)
{
	*c = (struct cursor){ .count = 1 };
	c->places[0].file = f->chain.next_serial++;
	c->places[0].check = place_start_check(0, chain_before(&f->chain, NULL));
}

static enum feed_outcome open_source(struct feed *f)
{
	if (ring_init(&f->ring, f->ring_bytes) < 0)
		return FEED_FAILED;
	chain_init(&f->chain, f->config->path, f->config->rotated);
	memset(&f->head, 0, sizeof(f->head));
	memset(f->let_go, 0, sizeof(f->let_go));
	for (int i = 0; i < FEED_WATCHES_MAX; i++)
		f->watches[i].serial = 0, f->watches[i].wd = -1;
	f->is_waiting = f->read_failed = f->is_ready = false;
	f->missing_looks = f->unused_looks = 0;
	f->is_hanging = f->timer_is_due = false;
	if (cold_is_started() && mount_may_hang(f->config->path)) {
		f->probe = probe_new(f->config->path);
		if (!f->probe) {
			ring_release(&f->ring);
			return FEED_FAILED;
		}
	}
	f->is_open = true;
	return FEED_NOTHING;
}

/* Puts the head at the end. Can be repeated while the disk is slow. */
static enum feed_outcome find_end(struct feed *f)
{
	struct timespec now = monotonic();
	enum feed_outcome outcome;
	int confirmed;

	/* Watched first: what happens after the look is an event. */
	watch_all(f, true);
	if (!chain_look(&f->chain, &now))
		return FEED_WAIT;
	if (f->chain.has_current) {
		/* An older one that is still written to is followed, too. */
		const struct file *older = chain_extend(&f->chain);

		while (older && !file_is_finished(f->chain.files[0], &now,
					false) &&
			f->chain.count < CURSOR_PLACES_MAX)
			older = chain_extend(&f->chain);
	}
	outcome = take_in_unfinished(f);
	if (outcome != FEED_NOTHING)
		return outcome;
	confirmed = chain_confirm(&f->chain);
	if (confirmed == 0) {
		chain_release(&f->chain);
		chain_init(&f->chain, f->config->path, f->config->rotated);
		memset(&f->head, 0, sizeof(f->head));
	}
	if (confirmed != 1)
		return FEED_WAIT;
	if (f->head.count == 0)
		stand_before(f, &f->head);
	sweep(f);
	watch_all(f, false);
	tell_waiting(f, true);
	f->announced = f->ring.head;
	f->is_ready = true;
	return FEED_NOTHING;
}

/* The cursor that stands `records` before the head. */
static enum feed_outcome start_back(struct feed *f, struct cursor *c,
	uint32_t records)
{
	struct cursor_place at;
	struct file *file;
	uint32_t left = records;

	*c = f->head;
	if (records == 0 || !c->places[c->count - 1].tag)
		return FEED_NOTHING;
	at = c->places[c->count - 1];
	file = chain_find(&f->chain, at.file);
	while (file) {
		enum scan_outcome outcome = scan_back(&f->scratch->window,
			file, at.offset, FEED_HISTORY_BYTES, &left,
			&at.offset);
		const struct cursor_place *followed;
		size_t i = 0;

		if (outcome != SCAN_RECORD)
			return outcome_of(outcome);
		if (check_place(f, file, &at) < 0)
			return outcome_of(outcome_of_errno());
		if (left == 0 || at.offset > 0)
			break;
		/* On into the generation before. */
		while (f->chain.files[i] != file)
			i++;
		file = i > 0 ? f->chain.files[i - 1] : chain_extend(&f->chain);
		if (!file) {
			if (errno == EAGAIN)
				return FEED_WAIT;
			break;
		}
		c->count--;
		c->places[c->count] = (struct cursor_place){ 0 };
		followed = cursor_find(c, file->serial);
		if (followed) {
			at = *followed;
		} else {
			at = place_at_start(f, file);
			at.offset = file->size;
			c->count++;
		}
	}
	if (c->count == 0)
		c->count = 1;
	c->places[c->count - 1] = at;
	return FEED_NOTHING;
}

/* The cursor of an id: 1; 0 and *reason when a place of it is gone; or -1. */
static int resolve(struct feed *f, const struct place *places, size_t count,
	struct cursor *c, enum chain_reason *reason)
{
	int all = 1;

	*c = (struct cursor){ 0 };
	for (size_t i = 0; i < count; i++) {
		const struct place *p = &places[i];
		enum chain_reason why;
		struct file *file;
		int has;

		has = chain_resolve(&f->chain, p->file, p->offset, p->check,
			&file, &why);
		if (has < 0)
			return -1;
		if (has == 0) {
			*reason = why;
			all = 0;
			continue;
		}
		if (!file && count == 1)
			stand_before(f, c);
		if (!file || (c->count && c->places[c->count - 1].file >=
						  file->serial))
			continue;
		if (p->offset == 0) {
			cursor_add(c, place_at_start(f, file));
			continue;
		}
		cursor_add(c, (struct cursor_place){ .offset = p->offset,
				      .check = p->check,
				      .file = file->serial,
				      .tag = file->tag });
	}
	return all;
}

static enum feed_outcome start_at(struct feed *f, struct cursor *c,
	const struct place *places, size_t count, uint32_t records)
{
	enum chain_reason reason = CHAIN_UNKNOWN;
	struct timespec now = monotonic();
	enum feed_outcome outcome;
	int found;

	/* Another process may have been quicker to see a rotation than the
	 * head here: the id must not lead beyond it. */
	outcome = look(f, false);
	if (outcome != FEED_NOTHING)
		return outcome;
	found = resolve(f, places, count, c, &reason);
	if (found < 0)
		return outcome_of(outcome_of_errno());
	/* Where a place tells that a file is finished, the head must have
	 * read its last line before this reader meets it. */
	outcome = read_places(f, &now, false);
	if (outcome == FEED_NOTHING)
		outcome = take_in_unfinished(f);
	if (outcome != FEED_NOTHING)
		return outcome;
	if (found == 1)
		return FEED_NOTHING;
	/* Where one of several places is left, it is the newer one. */
	if (c->count == 0)
		outcome = start_back(f, c, records);
	set_gap(c, gap_of(reason), -1);
	return outcome;
}

void feed_init(struct feed *f, const struct source_config *config,
	struct feed_scratch *scratch, struct watch *watch, size_t ring_bytes)
{
	*f = (struct feed){
		.config = config,
		.scratch = scratch,
		.watch = watch,
		.ring_bytes = ring_bytes,
		.tag = place_source_tag(config->name),
	};
	f->followers.next = f->followers.previous = &f->followers;
}

void feed_release(struct feed *f)
{
	close_source(f);
}

enum feed_outcome feed_follow(struct feed *f, struct follower *follower,
	const struct place *places, size_t count, bool id_is_bad,
	uint32_t records)
{
	struct cursor *c = &follower->cursor;
	enum feed_outcome outcome = FEED_NOTHING;

	if (!f->is_open)
		outcome = open_source(f);
	if (outcome == FEED_NOTHING && !may_look(f))
		outcome = FEED_WAIT;
	if (outcome == FEED_NOTHING && !f->is_ready)
		outcome = find_end(f);
	if (outcome == FEED_NOTHING && count > 0)
		outcome = start_at(f, c, places, count, records);
	else if (outcome == FEED_NOTHING)
		outcome = start_back(f, c, records);
	if (outcome == FEED_NOTHING)
		outcome = take_in_unfinished(f);
	if (outcome != FEED_NOTHING)
		return outcome;
	f->unused_looks = 0;
	if (id_is_bad && !c->notice)
		set_gap(c, GAP_UNKNOWN_ID, -1);
	if (!c->notice && f->is_waiting) {
		c->notice = CURSOR_WAITING;
		c->reason = (uint32_t)f->waiting;
		c->bytes = 0;
	}
	c->ring = 0;
	follower->next = &f->followers;
	follower->previous = f->followers.previous;
	follower->previous->next = follower;
	f->followers.previous = follower;
	return FEED_NOTHING;
}

void feed_leave(struct feed *f, struct follower *follower)
{
	follower->previous->next = follower->next;
	follower->next->previous = follower->previous;
	if (f->followers.next == &f->followers)
		close_source(f);
}
