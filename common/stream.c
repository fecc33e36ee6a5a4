#include "common/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/encode.h"
#include "common/head.h"

/* Those who find no room come back after that many times the usual time, and
 * up to twice as late: they are many, and room comes one by one. */
#define BUSY_RETRIES 5

/* A cursor of either kind. All bytes are set, so that memcmp compares. */
union position {
	struct cursor file;
	struct clock_cursor clock;
};

/*
 * The last output is kept with what it was made for: thousands of streams
 * that stand at the same place get the same bytes, made once.
 */
struct studio {
	struct buffer bytes;
	struct buffer id;
	uint64_t version; /* of the hub, when it was made */
	uint64_t number;
	bool is_kept;
	size_t count; /* subscriptions */
	size_t limit;
	struct source *sources[REQUEST_SOURCES_MAX];
	union position from[REQUEST_SOURCES_MAX];
	union position to[REQUEST_SOURCES_MAX];
	bool silent[REQUEST_SOURCES_MAX]; /* makes no piece */
	struct output output;
};

/* A piece, and the block that was one too many for it. */
#define STUDIO_BYTES (2 * FEED_PIECE_BYTES)

struct studio *studio_new(void)
{
	struct studio *s = calloc(1, sizeof(*s));

	if (s && buffer_reserve(&s->bytes, STUDIO_BYTES) &&
		buffer_reserve(&s->id, PLACE_ID_BYTES))
		return s;
	studio_free(s);
	return NULL;
}

void studio_free(struct studio *s)
{
	if (!s)
		return;
	buffer_release(&s->bytes);
	buffer_release(&s->id);
	free(s);
}

static bool is_clock(const struct subscription *one)
{
	return one->source->config->type == SOURCE_CLOCK;
}

/* ---- opening */

/*
 * The places of an id that belong to a source. `known` tells whether the id
 * is one of ours at all.
 */
struct resume {
	bool given, known;
	const char *id; /* the request's */
	int count;
	struct place places[REQUEST_SOURCES_MAX * CURSOR_PLACES_MAX];
	bool is_number; /* the id of a clock alone */
	uint64_t number;
};

static void read_resume(struct resume *r, bool given, const char *id)
{
	char *end;

	*r = (struct resume){ .given = given, .id = id };
	if (!r->given || !id[0])
		return;
	r->count = place_parse(
		id, r->places, sizeof(r->places) / sizeof(*r->places));
	r->known = r->count > 0;
	if (strspn(id, "0123456789") == strlen(id) && strlen(id) <= 18) {
		r->is_number = true;
		r->number = strtoull(id, &end, 10);
	}
}

static void open_clock(struct subscription *one, bool alone,
	const struct resume *r, int64_t now_ms)
{
	struct clock *c = &one->source->clock;
	uint64_t number = 0;

	if (alone && r->is_number)
		number = r->number;
	for (int i = 0; i < r->count; i++)
		if (r->places[i].source == c->tag && r->places[i].is_number)
			number = r->places[i].offset;
	clock_follow(c, &one->as.ticker, number, now_ms);
}

/* Those that are of one source. */
static size_t places_of(const struct feed *f, const struct resume *r,
	struct place mine[CURSOR_PLACES_MAX])
{
	size_t count = 0;

	for (int i = 0; i < r->count; i++)
		if (r->places[i].source == f->tag && !r->places[i].is_number &&
			count < CURSOR_PLACES_MAX)
			mine[count++] = r->places[i];
	return count;
}

/* Leaves in `mine` the places of an id, and their number in *count. */
static enum feed_outcome find_places(struct feed *f, const struct resume *r,
	struct place mine[CURSOR_PLACES_MAX], size_t *count)
{
	enum feed_outcome outcome;

	*count = 0;
	if (!feed_has_writer_ids(f)) {
		*count = places_of(f, r, mine);
		return FEED_NOTHING;
	}
	if (!r->given || !r->id[0])
		return FEED_NOTHING;
	outcome = feed_find_id(f, r->id, mine);
	if (outcome != FEED_BYTES)
		return outcome;
	*count = 1;
	return FEED_NOTHING;
}

static enum feed_outcome open_feed(struct subscription *one, bool alone,
	const struct resume *r, uint32_t records)
{
	struct feed *f = &one->source->feed;
	struct place mine[CURSOR_PLACES_MAX];
	size_t count;
	enum feed_outcome outcome = find_places(f, r, mine, &count);
	bool bad;

	if (outcome != FEED_NOTHING)
		return outcome;
	if (count == 0 && r->given && feed_is_ahead(f, r->id))
		return feed_await(f, &one->as.follower, r->id);
	/* A source that was added to the list later has no place, and that
	 * is no fault of the id's. */
	bad = r->given && count == 0 && (alone || !r->known);
	return feed_follow(f, &one->as.follower, mine, count, bad, records);
}

static enum feed_outcome open_range(struct subscription *one,
	const struct resume *before, const struct resume *r, uint32_t records)
{
	struct feed *f = &one->source->feed;
	struct place end[CURSOR_PLACES_MAX], start[CURSOR_PLACES_MAX];
	size_t end_count, start_count;
	enum feed_outcome outcome = find_places(f, before, end, &end_count);

	if (outcome == FEED_NOTHING)
		outcome = find_places(f, r, start, &start_count);
	if (outcome != FEED_NOTHING)
		return outcome;
	return feed_follow_until(f, &one->as.follower,
		(struct feed_places){ end, end_count },
		(struct feed_places){ start, start_count }, records);
}

static uint32_t history(
	const struct source_config *config, const struct request *request)
{
	if (!request->tail_given)
		return config->history;
	return request->tail < config->history_max ? request->tail
						   : config->history_max;
}

enum stream_outcome stream_open(struct stream *s, struct hub *hub,
	struct subscription *subscriptions, const struct route *route,
	const struct request *request, int64_t now_ms, void *owner)
{
	struct resume resume, before;

	read_resume(&resume, request->id_given, request->id);
	read_resume(&before, request->before_given, request->before);
	*s = (struct stream){
		.hub = hub,
		.owner = owner,
		.subscriptions = subscriptions,
	};
	memset(subscriptions, 0, route->count * sizeof(*subscriptions));
	for (size_t i = 0; i < route->count; i++) {
		struct subscription *one = &subscriptions[i];
		enum feed_outcome outcome = FEED_NOTHING;
		bool alone = route->count == 1;

		one->source = route->sources[i];
		if (is_clock(one)) {
			one->as.ticker.owner = s;
			open_clock(one, alone, &resume, now_ms);
		} else {
			uint32_t records =
				history(one->source->config, request);

			one->as.follower.owner = s;
			outcome = before.given ? open_range(one, &before,
							 &resume, records)
					       : open_feed(one, alone, &resume,
							 records);
		}
		if (outcome != FEED_NOTHING) {
			int error = errno;

			stream_close(s);
			errno = error;
			return outcome == FEED_FAILED ? STREAM_FAILED
						      : STREAM_WAIT;
		}
		s->count++;
		one->source->clients++;
	}
	for (size_t i = 0; i < s->count; i++)
		subscriptions[i].source->streams++;
	/* A source that is read from another place is another output. */
	hub->version++;
	if (before.given && resume.given && stream_is_over(s)) {
		stream_close(s);
		return STREAM_OVER;
	}
	return STREAM_OPEN;
}

void stream_close(struct stream *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct subscription *one = &s->subscriptions[i];

		one->source->clients--;
		if (is_clock(one))
			clock_leave(&one->as.ticker);
		else
			feed_leave(&one->source->feed, &one->as.follower);
	}
	s->count = 0;
	s->hub->version++;
}

/* ---- ids */

/* The type of a source's events: its own, or with several sources its name.
 * A name that is the client's own type or one of ours is set apart. */
static const char *event_type(const struct subscription *one, bool alone,
	char storage[SOURCE_NAME_MAX + 3])
{
	static const char *const taken[] = { "open", "error", "gap", "waiting",
		"busy" };
	const struct source_config *config = one->source->config;

	if (config->event || alone)
		return config->event;
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		if (strcmp(config->name, taken[i]) == 0) {
			strcpy(storage, "x-");
			return strcat(storage, config->name);
		}
	}
	return config->name;
}

static void add_id(const struct subscription *one, bool alone,
	const union position *at, struct buffer *out)
{
	if (is_clock(one))
		clock_add_id(&one->source->clock, alone, at->clock.number, out);
	else
		feed_add_id(&one->source->feed, &at->file, out);
}

static void position_of(const struct subscription *one, union position *at)
{
	memset(at, 0, sizeof(*at));
	if (is_clock(one))
		at->clock = one->as.ticker.cursor;
	else
		at->file = one->as.follower.cursor;
}

/* The share of an id that each source may fill. */
static size_t budget(size_t sources)
{
	return (PLACE_ID_BYTES - (sources - 1)) / sources;
}

static bool has_writer_ids(const struct subscription *one)
{
	return !is_clock(one) && feed_has_writer_ids(&one->source->feed);
}

/* Who resumes has the id already. */
static void add_writer_id(const struct subscription *one, struct buffer *out)
{
	const char *id =
		feed_opening_id(&one->source->feed, &one->as.follower.cursor);

	if (id)
		encode_id_only(out, id);
}

void stream_add_head(
	const struct stream *s, const struct route *route, struct buffer *out)
{
	if (route)
		head_add_stream(out, route->incremental, &route->cors);
	head_add_opening(out, s->hub->config->retry_ms);
	if (has_writer_ids(&s->subscriptions[0])) {
		add_writer_id(&s->subscriptions[0], out);
		return;
	}
	buffer_add_string(out, "id: ");
	for (size_t i = 0; i < s->count; i++) {
		union position at;

		if (i > 0)
			buffer_add_byte(out, '-');
		position_of(&s->subscriptions[i], &at);
		if (!is_clock(&s->subscriptions[i]))
			feed_trim(&at.file, budget(s->count));
		add_id(&s->subscriptions[i], s->count == 1, &at, out);
	}
	buffer_add(out, "\n\n", 2);
}

/* ---- producing */

/* Is the output that is kept the one for this stream? */
static bool is_for(
	const struct studio *studio, const struct stream *s, size_t limit)
{
	if (!studio->is_kept || studio->version != s->hub->version ||
		studio->count != s->count || studio->limit != limit)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct subscription *one = &s->subscriptions[i];

		if (studio->sources[i] != one->source || is_clock(one) ||
			one->as.follower.until ||
			memcmp(&studio->from[i].file, &one->as.follower.cursor,
				sizeof(struct cursor)) != 0)
			return false;
	}
	return true;
}

/* What an id has before and after the part of subscription `i`: the places
 * where the others are now. Both are kept in one buffer. */
static void others(
	const struct stream *s, struct studio *studio, size_t i, size_t *after)
{
	struct buffer *id = &studio->id;

	buffer_clear(id);
	for (size_t j = 0; j < i; j++) {
		add_id(&s->subscriptions[j], false, &studio->to[j], id);
		buffer_add_byte(id, '-');
	}
	buffer_add_byte(id, '\0');
	*after = id->len;
	for (size_t j = i + 1; j < s->count; j++) {
		buffer_add_byte(id, '-');
		add_id(&s->subscriptions[j], false, &studio->to[j], id);
	}
	buffer_add_byte(id, '\0');
}

static enum feed_outcome produce_one(struct stream *s, struct studio *studio,
	size_t i, int64_t now_ms, size_t limit, struct delivery *made)
{
	struct subscription *one = &s->subscriptions[i];
	char storage[SOURCE_NAME_MAX + 3];
	bool alone = s->count == 1;
	const char *event = event_type(one, alone, storage);
	const char *before = "", *after = "";
	union position to;

	memset(&to, 0, sizeof(to));
	if (!alone) {
		size_t split;

		others(s, studio, i, &split);
		if (studio->id.failed) {
			errno = ENOMEM;
			return FEED_FAILED;
		}
		before = studio->id.data;
		after = studio->id.data + split;
	}
	if (is_clock(one)) {
		struct clock_view view = { alone, event, before, after };
		bool any = clock_produce(&one->source->clock, &view,
			&studio->from[i].clock, &to.clock, now_ms,
			&studio->bytes);

		studio->to[i] = to;
		*made = (struct delivery){ .records = any };
		return any ? FEED_BYTES : FEED_NOTHING;
	}
	struct feed_view view = { alone, event, before, after, budget(s->count),
		one->as.follower.until };
	enum feed_outcome outcome = feed_produce(&one->source->feed, &view,
		&studio->from[i].file, &to.file, limit, &studio->bytes);

	*made = one->source->feed.scratch->made;
	studio->to[i] = to;
	return outcome;
}

static void move(struct subscription *one, const union position *to)
{
	if (is_clock(one))
		clock_advance(&one->source->clock, &one->as.ticker, &to->clock);
	else
		one->as.follower.cursor = to->file;
}

/* A source with nothing to say may still have moved: it met its ring. */
static void move_silent(struct stream *s, const struct studio *studio)
{
	for (size_t i = 0; i < s->count; i++)
		if (studio->silent[i] && !is_clock(&s->subscriptions[i]))
			move(&s->subscriptions[i], &studio->to[i]);
}

bool stream_is_current(const struct stream *s, int64_t now_ms)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct subscription *one = &s->subscriptions[i];
		const struct cursor *c = &one->as.follower.cursor;

		if (is_clock(one)) {
			if (one->as.ticker.cursor.due_ms <= now_ms &&
				!clock_is_over(&one->source->clock,
					one->as.ticker.cursor.number))
				return false;
		} else if (c->notice ||
			   c->ring != one->source->feed.ring.head) {
			return false;
		}
	}
	return true;
}

/* Has those go on that waited for an id, where it has come. */
static enum feed_outcome arrive(struct stream *s)
{
	enum feed_outcome outcome = FEED_NOTHING;

	for (size_t i = 0; i < s->count && outcome == FEED_NOTHING; i++) {
		struct subscription *one = &s->subscriptions[i];

		if (is_clock(one) || !one->as.follower.awaited)
			continue;
		outcome = feed_arrive(&one->source->feed, &one->as.follower);
		/* It may have looked: as in stream_open. */
		s->hub->version++;
	}
	return outcome;
}

bool stream_produce(struct stream *s, struct studio *studio, int64_t now_ms,
	int only, size_t limit, const struct output **output)
{
	struct output *made = &studio->output;
	bool of_its_own = false; /* no other gets the same */

	*output = made;
	if (only < 0) {
		enum feed_outcome outcome = arrive(s);

		if (outcome != FEED_NOTHING) {
			studio->is_kept = false;
			*made = (struct output){ .number = ++studio->number,
				.outcome = outcome,
				.error = errno };
			return false;
		}
	}
	if (only < 0 && is_for(studio, s, limit)) {
		move_silent(s, studio);
		return made->len > 0;
	}
	buffer_clear(&studio->bytes);
	*made = (struct output){ .number = ++studio->number,
		.outcome = FEED_NOTHING };
	for (size_t i = 0; i < s->count; i++) {
		struct subscription *one = &s->subscriptions[i];

		position_of(one, &studio->from[i]);
		studio->to[i] = studio->from[i];
		if (!is_clock(one))
			feed_trim(&studio->to[i].file, budget(s->count));
		studio->silent[i] = true;
		studio->sources[i] = one->source;
		of_its_own |= is_clock(one) || one->as.follower.until;
	}
	for (size_t i = 0; i < s->count; i++) {
		size_t start = studio->bytes.len;
		enum feed_outcome outcome;
		struct delivery parts = { 0 };

		if (only >= 0 && (size_t)only != i)
			continue;
		outcome = produce_one(s, studio, i, now_ms, limit, &parts);
		if (studio->bytes.failed) {
			/* What was not said is not behind it. */
			studio->to[i] = studio->from[i];
			errno = ENOMEM;
			outcome = FEED_FAILED;
		}
		if (outcome == FEED_BYTES) {
			parts.bytes = studio->bytes.len - start;
			made->pieces[made->count++] =
				(struct piece){ parts.bytes, i, parts };
			studio->silent[i] = false;
		} else if (outcome != FEED_NOTHING) {
			made->outcome = outcome;
			made->error = errno;
		}
	}
	if (only < 0)
		move_silent(s, studio);
	made->bytes = studio->bytes.data;
	made->len = studio->bytes.failed ? 0 : studio->bytes.len;
	/* What has to be tried again is made anew. */
	studio->is_kept = only < 0 && !of_its_own && !studio->bytes.failed &&
			  made->outcome == FEED_NOTHING;
	studio->version = s->hub->version;
	studio->count = s->count;
	studio->limit = limit;
	return made->len > 0;
}

void stream_commit(struct stream *s, const struct studio *studio,
	const struct output *output, size_t piece)
{
	size_t i = output->pieces[piece].subscription;
	struct subscription *one = &s->subscriptions[i];

	delivery_add(&one->source->delivered, &output->pieces[piece].made);
	move(one, &studio->to[i]);
}

void stream_promise(struct stream *s, const struct studio *studio,
	const struct output *output, size_t piece)
{
	size_t i = output->pieces[piece].subscription;
	struct subscription *one = &s->subscriptions[i];

	if (is_clock(one))
		return;
	one->as.follower.cursor = studio->from[i].file;
	feed_promise(&one->source->feed, &one->as.follower, budget(s->count));
}

bool stream_is_over(const struct stream *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct subscription *one = &s->subscriptions[i];

		if (is_clock(one) ? !clock_is_over(&one->source->clock,
					    one->as.ticker.cursor.number)
				  : !feed_has_arrived(&one->as.follower))
			return false;
	}
	return true;
}

void stream_add_busy(const struct hub *hub, const struct route *route,
	const char *reason, struct buffer *out)
{
	unsigned retry = BUSY_RETRIES * hub->config->retry_ms;

	head_add_stream(out, route->incremental, &route->cors);
	encode_retry(out, retry + arc4random_uniform(retry + 1));
	encode_busy(out, reason);
}

bool stream_is_retired(const struct stream *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->subscriptions[i].source->is_retired)
			return true;
	return false;
}

void stream_add_farewell(const struct stream *s, struct buffer *out)
{
	unsigned retry = s->hub->config->retry_ms;

	encode_retry(out, retry + arc4random_uniform(retry + 1));
}
