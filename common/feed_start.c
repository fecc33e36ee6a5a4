/* Where a reader starts: at an id, or some records before the end. */
#include "common/feed_inside.h"

#include <errno.h>
#include <string.h>

#include "common/scan.h"

/* What a failed read means while files are being truncated and renamed. */
static enum scan_outcome outcome_of_errno(void)
{
	return errno == EAGAIN || errno == ENODATA ? SCAN_WAIT : SCAN_FAILED;
}

/* Where the last complete record of a file ends. */
static enum scan_outcome end_of_records(
	struct feed *f, struct file *file, struct cursor_place *at)
{
	enum scan_outcome outcome = SCAN_RECORD;

	*at = feed_place_at_start(f, file);
	at->offset = file->size;
	if (!file->finished)
		outcome = scan_last(f->config->format, &f->scratch->window,
			file, feed_is_quiet(f, file), &at->offset);
	if (outcome != SCAN_RECORD)
		return outcome;
	if (feed_check_place(f, file, at) < 0)
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
enum feed_outcome feed_take_in_unfinished(struct feed *f)
{
	struct timespec now = feed_now();
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
			file_is_finished(file, &now, f->pipe != NULL))
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
		feed_put_own(f, CURSOR_NO_NOTICE, 0, 0);
	return FEED_NOTHING;
}

/* Stands before any file: everything that comes is new. */
static void stand_before(struct feed *f, struct cursor *c)
{
	*c = (struct cursor){ .count = 1 };
	c->places[0].file = f->chain.next_serial++;
	c->places[0].check =
		place_start_check(0, chain_before(&f->chain, NULL));
}

/* Nobody stands anywhere yet: whatever happened meanwhile, it is seen as it
 * is afterwards. */
static void begin_anew(struct feed *f)
{
	chain_release(&f->chain);
	feed_init_chain(f);
	memset(&f->head, 0, sizeof(f->head));
}

enum feed_outcome feed_find_end(struct feed *f)
{
	struct timespec now = feed_now();
	enum feed_outcome outcome;
	int confirmed;

	/* Watched first: what happens after the look is an event. */
	feed_watch(f, true);
	if (!chain_look(&f->chain, &now)) {
		begin_anew(f);
		return FEED_WAIT;
	}
	if (f->chain.has_current) {
		/* An older one that is still written to is followed, too. */
		const struct file *older = chain_extend(&f->chain);

		while (older &&
			!file_is_finished(
				f->chain.files[0], &now, f->pipe != NULL) &&
			f->chain.count < CURSOR_PLACES_MAX)
			older = chain_extend(&f->chain);
	}
	outcome = feed_take_in_unfinished(f);
	if (outcome != FEED_NOTHING)
		return outcome;
	confirmed = chain_confirm(&f->chain);
	if (confirmed == 0)
		begin_anew(f);
	if (confirmed != 1)
		return FEED_WAIT;
	if (f->head.count == 0)
		stand_before(f, &f->head);
	feed_sweep(f);
	feed_watch(f, false);
	feed_tell_waiting(f, true);
	f->announced = f->ring.head;
	f->is_ready = true;
	return FEED_NOTHING;
}

enum feed_outcome feed_start_back(struct feed *f, struct cursor *c,
	const struct cursor *from, uint32_t records)
{
	struct cursor_place at;
	struct file *file;
	uint32_t left = records;

	*c = *from;
	if (records == 0 || !c->places[c->count - 1].tag)
		return FEED_NOTHING;
	at = c->places[c->count - 1];
	file = chain_find(&f->chain, at.file);
	while (file) {
		enum scan_outcome outcome = scan_back(f->config->format,
			&f->scratch->window, file, at.offset,
			FEED_HISTORY_BYTES, &left, &at.offset);
		const struct cursor_place *followed;
		size_t i = 0;

		if (outcome != SCAN_RECORD)
			return outcome_of(outcome);
		if (feed_check_place(f, file, &at) < 0)
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
			at = feed_place_at_start(f, file);
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

		has = chain_resolve(
			&f->chain, p->file, p->offset, p->check, &file, &why);
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
			cursor_add(c, feed_place_at_start(f, file));
			continue;
		}
		cursor_add(c, (struct cursor_place){ .offset = p->offset,
				      .check = p->check,
				      .file = file->serial,
				      .tag = file->tag });
	}
	return all;
}

/* The same with the head brought as far as any place. *found tells whether all
 * places are there. */
static enum feed_outcome find_places(struct feed *f, struct cursor *c,
	const struct feed_places *places, int *found, enum chain_reason *reason)
{
	struct timespec now = feed_now();
	enum feed_outcome outcome;

	/* Another process may have been quicker to see a rotation than the
	 * head here: the id must not lead beyond it. */
	outcome = feed_look_once(f, false);
	if (outcome != FEED_NOTHING)
		return outcome;
	*found = resolve(f, places->list, places->count, c, reason);
	if (*found < 0)
		return outcome_of(outcome_of_errno());
	/* Where a place tells that a file is finished, the head must have
	 * read its last line before this reader meets it. */
	outcome = feed_read_places(f, &now, false);
	if (outcome == FEED_NOTHING)
		outcome = feed_take_in_unfinished(f);
	for (uint32_t i = 0; i < c->count && outcome == FEED_NOTHING; i++)
		outcome = feed_read_up_to(f, &c->places[i]);
	return outcome;
}

enum feed_outcome feed_start_at(struct feed *f, struct cursor *c,
	const struct feed_places *places, uint32_t records)
{
	enum chain_reason reason = CHAIN_UNKNOWN;
	enum feed_outcome outcome;
	int found;

	outcome = find_places(f, c, places, &found, &reason);
	if (outcome != FEED_NOTHING || found == 1)
		return outcome;
	/* Where one of several places is left, it is the newer one. */
	if (c->count == 0)
		outcome = feed_start_back(f, c, &f->head, records);
	feed_set_gap(c, feed_gap_of(f, reason), -1);
	return outcome;
}

enum feed_outcome feed_start_range(struct feed *f, struct cursor *c,
	struct cursor *until, const struct feed_places *end,
	const struct feed_places *start, uint32_t records)
{
	enum chain_reason reason = CHAIN_UNKNOWN;
	enum feed_outcome outcome;
	bool is_gone;
	int found;

	outcome = find_places(f, until, end, &found, &reason);
	if (outcome != FEED_NOTHING)
		return outcome;
	is_gone = until->count == 0;
	if (is_gone)
		*until = f->head;
	if (start->count > 0 && !is_gone)
		return feed_start_at(f, c, start, 0);
	outcome = feed_start_back(f, c, until, is_gone ? 0 : records);
	if (start->count == 0 && (is_gone || found != 1))
		feed_set_gap(c, feed_gap_of(f, reason), -1);
	return outcome;
}
