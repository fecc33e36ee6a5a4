#include "common/feed_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/cold.h"
#include "common/mount.h"
#include "common/probe.h"
#include "common/spool.h"

/* Looks of the timer after which a source is closed that was opened for a
 * client which did not come to follow it. */
#define UNUSED_LOOKS 30

int feed_scratch_init(struct feed_scratch *s)
{
	*s = (struct feed_scratch){ 0 };
	if (buffer_reserve(&s->window, PLACE_LAST_BYTES + FEED_WINDOW_BYTES) &&
		buffer_reserve(&s->text, FEED_PIECE_BYTES))
		return 0;
	feed_scratch_release(s);
	return -1;
}

void feed_scratch_release(struct feed_scratch *s)
{
	buffer_release(&s->window);
	buffer_release(&s->text);
}

struct timespec feed_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now;
}

/* ---- the end of what has none */

/* The clock of the files is a coarse one. */
#define CLOCK_GRAIN_MS 5

static int64_t quiet_at_ms(const struct feed *f, const struct file *file)
{
	return (int64_t)file->quiet_since.tv_sec * 1000 +
	       file->quiet_since.tv_nsec / 1000000 + f->config->quiet_ms;
}

bool feed_is_quiet(const struct feed *f, const struct file *file)
{
	struct timespec now = feed_now();

	return f->config->format != SPLIT_MULTILINE || file->finished ||
	       (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 >=
		       quiet_at_ms(f, file);
}

void feed_expect_quiet(struct feed *f, const struct file *file)
{
	int64_t due = quiet_at_ms(f, file) + CLOCK_GRAIN_MS;

	if (due < f->due_ms)
		f->due_ms = due;
}

int64_t feed_due_ms(const struct feed *f)
{
	return f->is_ready ? f->due_ms : INT64_MAX;
}

/* ---- looking */

void feed_sweep(struct feed *f)
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
	if (feed_reads_ids(f) && f->reader.count &&
		f->reader.places[0].file < oldest)
		oldest = f->reader.places[0].file;
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
		feed_unwatch(f, true);
	ring_release(&f->ring);
	chain_release(&f->chain);
	feed_release_ids(f);
	probe_free(f->probe);
	f->probe = NULL;
	f->is_open = f->is_ready = false;
}

/* Whose truncation was told has been told of; and what a spool does is nobody's
 * business. */
static void tell_rotation(struct feed *f)
{
	const char *name = f->config->name;

	if (f->truncations > 0)
		f->truncations--;
	else if (!f->pipe && log_spend(&f->log, name))
		log_info("%s: rotated", name);
}

/* The head stood in the file of serial `before`; 0: in none. */
static void count_rotations(struct feed *f, uint32_t before)
{
	const struct file *file;

	if (!before || !f->head.count)
		return;
	while ((file = chain_after(&f->chain, before)) &&
		file->serial <= f->head.places[f->head.count - 1].file) {
		before = file->serial;
		f->rotations++;
		tell_rotation(f);
	}
}

enum feed_outcome feed_look_once(struct feed *f, bool timer)
{
	struct timespec now = feed_now();
	enum feed_outcome outcome;
	struct cursor_place *last;
	struct file *file;
	uint32_t before;
	bool settled = true;

	f->read_failed = false;
	f->due_ms = INT64_MAX;
	last = f->head.count ? &f->head.places[f->head.count - 1] : NULL;
	before = last ? last->file : 0;
	file = last ? chain_find(&f->chain, before) : NULL;
	if (file && (file_refresh(file, &now) < 0 ||
			    feed_adopt_copy(f, file, last) == FEED_WAIT))
		settled = false;
	if (!chain_look(&f->chain, &now))
		settled = false;
	outcome = feed_enter_new_files(f, &now);
	count_rotations(f, before);
	feed_watch(f, timer);
	if (outcome == FEED_NOTHING)
		outcome = feed_read_places(f, &now, false);
	feed_tell_late(f);
	feed_tell_waiting(f, timer);
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
			feed_tell_waiting(f, true);
	}
	return false;
}

enum feed_outcome feed_look(struct feed *f, bool timer)
{
	enum feed_outcome outcome;

	if (timer && f->followers.next == &f->followers && !feed_reads_ids(f) &&
		++f->unused_looks > UNUSED_LOOKS)
		close_source(f);
	if (!f->is_ready)
		return FEED_NOTHING;
	timer |= f->timer_is_due;
	if (may_look(f)) {
		f->timer_is_due = false;
		outcome = feed_look_once(f, timer);
		feed_read_ids(f);
		if (timer)
			feed_sweep(f);
	} else {
		f->timer_is_due = timer;
		f->due_ms = INT64_MAX;
		outcome = FEED_NOTHING;
	}
	/* What was read when somebody came is news, too. */
	if (f->ring.head != f->announced && outcome != FEED_MORE)
		outcome = FEED_BYTES;
	f->announced = f->ring.head;
	return outcome;
}

/* ---- following */

void feed_init_chain(struct feed *f)
{
	chain_init(&f->chain, f->path,
		f->pipe ? SPOOL_PATTERN : f->config->rotated);
	f->chain.is_spool = f->pipe != NULL;
}

static enum feed_outcome open_source(struct feed *f)
{
	if (ring_init(&f->ring, f->ring_bytes) < 0)
		return FEED_FAILED;
	feed_init_chain(f);
	memset(&f->head, 0, sizeof(f->head));
	memset(f->let_go, 0, sizeof(f->let_go));
	for (int i = 0; i < FEED_WATCHES_MAX; i++)
		f->watches[i].serial = 0, f->watches[i].wd = -1;
	f->is_waiting = f->read_failed = f->is_ready = false;
	f->missing_looks = f->unused_looks = f->seam_count = 0;
	memset(f->seams, 0, sizeof(f->seams));
	f->due_ms = INT64_MAX;
	f->is_hanging = f->timer_is_due = false;
	if (cold_is_started() && mount_may_hang(f->path, NULL)) {
		f->probe = probe_new(f->path);
		if (!f->probe) {
			ring_release(&f->ring);
			return FEED_FAILED;
		}
	}
	f->is_open = true;
	return FEED_NOTHING;
}

void feed_init(struct feed *f, const struct source_config *config,
	struct feed_scratch *scratch, struct watch *watch, size_t ring_bytes)
{
	*f = (struct feed){
		.config = config,
		.path = config->path,
		.scratch = scratch,
		.watch = watch,
		.ring_bytes = ring_bytes,
		.tag = place_source_tag(config->name),
	};
	f->followers.next = f->followers.previous = &f->followers;
}

void feed_set_pipe(
	struct feed *f, const struct pump_source *pipe, const char *path)
{
	f->pipe = pipe;
	f->path = path;
}

void feed_release(struct feed *f)
{
	close_source(f);
}

enum feed_outcome feed_prepare(struct feed *f)
{
	enum feed_outcome outcome = FEED_NOTHING;

	if (!f->is_open)
		outcome = open_source(f);
	if (outcome == FEED_NOTHING && !may_look(f))
		outcome = FEED_WAIT;
	if (outcome == FEED_NOTHING && !f->is_ready)
		outcome = feed_find_end(f);
	return outcome;
}

/* It has its cursor, and follows from now on. */
static void add_follower(
	struct feed *f, struct follower *follower, struct cursor *until)
{
	f->unused_looks = 0;
	follower->until = until;
	follower->awaited = NULL;
	follower->cursor.ring = 0;
	follower->next = &f->followers;
	follower->previous = f->followers.previous;
	follower->previous->next = follower;
	f->followers.previous = follower;
}

enum feed_outcome feed_follow(struct feed *f, struct follower *follower,
	const struct place *places, size_t count, bool id_is_bad,
	uint32_t records)
{
	struct feed_places start = { places, count };
	struct cursor *c = &follower->cursor;
	enum feed_outcome outcome = feed_prepare(f);

	if (outcome == FEED_NOTHING && count > 0)
		outcome = feed_start_at(f, c, &start, records);
	else if (outcome == FEED_NOTHING)
		outcome = feed_start_back(f, c, &f->head, records);
	if (outcome == FEED_NOTHING)
		outcome = feed_take_in_unfinished(f);
	if (outcome != FEED_NOTHING)
		return outcome;
	if (id_is_bad && !c->notice)
		feed_set_gap(c, GAP_UNKNOWN_ID, -1);
	if (!c->notice && f->is_waiting) {
		c->notice = CURSOR_WAITING;
		c->reason = (uint32_t)f->waiting;
		c->bytes = 0;
	}
	add_follower(f, follower, NULL);
	return FEED_NOTHING;
}

enum feed_outcome feed_follow_until(struct feed *f, struct follower *follower,
	struct feed_places end, struct feed_places start, uint32_t records)
{
	struct cursor *until = calloc(1, sizeof(*until));
	struct cursor *c = &follower->cursor;
	enum feed_outcome outcome = until ? feed_prepare(f) : FEED_FAILED;

	if (outcome == FEED_NOTHING)
		outcome = feed_start_range(f, c, until, &end, &start, records);
	if (outcome == FEED_NOTHING)
		outcome = feed_take_in_unfinished(f);
	if (outcome != FEED_NOTHING) {
		free(until);
		return outcome;
	}
	until->ring = 0;
	if (feed_is_at_end(f, until, c))
		*c = *until;
	add_follower(f, follower, until);
	return FEED_NOTHING;
}

bool feed_has_arrived(const struct follower *follower)
{
	return follower->until && memcmp(&follower->cursor, follower->until,
					  sizeof(struct cursor)) == 0;
}

void feed_leave(struct feed *f, struct follower *follower)
{
	follower->previous->next = follower->next;
	follower->next->previous = follower->previous;
	free(follower->until);
	free(follower->awaited);
	follower->until = NULL;
	follower->awaited = NULL;
	if (f->followers.next == &f->followers)
		close_source(f);
}
