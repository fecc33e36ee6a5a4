#include "common/judge.h"

#include <string.h>
#include <strings.h>

/* Events that arrive together with the first one: less than a kilobyte of
 * them, in less than this many, is a browser that was busy. */
#define HELD_EVENTS_MIN 14

/* As good as all of them: whoever holds back so many has no size to speak
 * of, and the last ones take a while to read. */
#define HELD_EVENTS_ALL (BEAT_PACE_EVENTS - 2)

/* Two tries have found the same buffer when they are that close. */
#define HELD_EVENTS_APART 2

/* A timer that collects events lets them go at intervals of more than two of
 * the sender's. The shorter half of them differ by less than this; what a busy
 * machine makes of the others tells nothing. */
#define TIMER_MS_MIN   (BEAT_PACE_MS * 5 / 2)
#define TIMER_MS_APART BEAT_PACE_MS

/* So late they may be by one, and it is worth another try. */
#define LATE_MS (BEAT_PACE_MS * 5 / 4)

/* So late they are not by a machine that is only busy. */
#define LATE_MS_UNSURE 1000

/* Who learns of a cut so long after it has learnt of it at once, on a machine
 * that is busy. */
#define LEARNT_MS 1000

/* What waits for as long as this waits for another stream to end. */
#define WAIT_MS (BEAT_HOLD_MS * (BEAT_HOLD_EVENTS - 1) * 19 / 20)

/* Browsers open as many connections to a site over HTTP/1.1. */
#define BROWSER_CONNECTIONS 6

static void find(struct verdict *v, enum cause cause, uint32_t number)
{
	v->findings[v->count++] = (struct finding){ cause, number };
}

/* ---- events that are held back */

/*
 * The times of both clocks begin with the first event. The difference between
 * them grows when an event comes sooner after it was sent than the first one
 * did: the fastest shows by how much the first was late.
 */
static int64_t first_was_late_ms(const struct measurement_pace *pace)
{
	int64_t late = 0;

	for (size_t i = 0; i < pace->count; i++) {
		int64_t sooner = (int64_t)pace->events[i].sent_ms -
				 (int64_t)pace->events[i].arrived_ms;

		if (sooner > late)
			late = sooner;
	}
	return late;
}

/* How many events had been sent when the first one arrived. */
static uint32_t held_events(const struct measurement_pace *pace)
{
	int64_t late = first_was_late_ms(pace) + BEAT_PACE_MS / 2;
	uint32_t held = 0;

	while (held < pace->count && pace->events[held].sent_ms <= late)
		held++;
	return held;
}

static void insert(uint32_t *sorted, size_t count, uint32_t number)
{
	for (; count > 0 && sorted[count - 1] > number; count--)
		sorted[count] = sorted[count - 1];
	sorted[count] = number;
}

/* How late half of the events were, at least. */
static uint32_t median_late_ms(const struct measurement_pace *pace)
{
	int64_t base = first_was_late_ms(pace);
	uint32_t late[BEAT_PACE_EVENTS];
	size_t count = 0;

	for (size_t i = 0; i < pace->count; i++) {
		int64_t ms = base + (int64_t)pace->events[i].arrived_ms -
			     (int64_t)pace->events[i].sent_ms;

		insert(late, count++, (uint32_t)ms);
	}
	return count > 0 ? late[count / 2] : 0;
}

/* The interval at which events were let go of, if that looks like a timer's;
 * else 0. */
static uint32_t timer_ms(const struct measurement_pace *pace)
{
	uint32_t gaps[BEAT_PACE_EVENTS], last = 0;
	size_t count = 0;

	for (size_t i = 0; i < pace->count; i++) {
		uint32_t at = pace->events[i].arrived_ms;

		if (at < last + BEAT_PACE_MS / 4)
			continue;
		insert(gaps, count++, at - last);
		last = at;
	}
	if (count < 4 || gaps[count / 4] < TIMER_MS_MIN ||
		gaps[count / 2] - gaps[count / 4] > TIMER_MS_APART)
		return 0;
	return gaps[count / 2];
}

struct paces {
	size_t count;			      /* that tell something */
	uint32_t held[MEASUREMENT_PACES];     /* events, the least first */
	uint32_t late_ms;		      /* in the best of them */
	uint32_t timer_ms[MEASUREMENT_PACES]; /* the least first */
};

static struct paces look_at_paces(const struct measurement *m)
{
	struct paces p = { 0 };

	for (size_t i = 0; i < MEASUREMENT_PACES; i++) {
		const struct measurement_pace *pace = &m->pace[i];
		uint32_t late = median_late_ms(pace);

		if (pace->count < HELD_EVENTS_MIN)
			continue;
		if (p.count == 0 || late < p.late_ms)
			p.late_ms = late;
		insert(p.timer_ms, p.count, timer_ms(pace));
		insert(p.held, p.count++, held_events(pace));
	}
	return p;
}

/* The power of two that is next to what a buffer holds. */
static uint32_t buffer_bytes(uint32_t held)
{
	return (uint32_t)64 << (held + 2) / 4;
}

static bool is_compressed(const struct measurement *m)
{
	return m->encoding[0] && strcasecmp(m->encoding, "identity") != 0;
}

/* A timer lets no try be prompt, and shows in most of them: a busy machine may
 * hide it in one. */
static void judge_delay(struct verdict *v, const struct paces *p)
{
	uint32_t timer = p->timer_ms[(p->count - 1) / 2];

	v->late_ms = p->late_ms;
	if (p->late_ms < LATE_MS)
		return;
	if (timer > 0 && p->count >= 2)
		find(v, CAUSE_DELAY, timer);
	else if (p->late_ms >= LATE_MS_UNSURE || p->count < MEASUREMENT_PACES)
		v->word = VERDICT_UNSURE;
}

/* Returns whether something holds events back, so that nothing else can be
 * told from when they come. Whoever knows the length of the response has
 * waited for its end. */
static bool judge_paces(struct verdict *v, const struct measurement *m)
{
	struct paces p = look_at_paces(m);
	uint32_t held = p.held[0];
	bool is_whole = held >= HELD_EVENTS_ALL || m->length > 0;
	bool is_sure = m->length > 0 ||
		       (p.count >= 2 && p.held[1] - held <= HELD_EVENTS_APART);

	if (p.count == 0) {
		v->word = VERDICT_NOTHING;
		return true;
	}
	if (held < HELD_EVENTS_MIN) {
		judge_delay(v, &p);
		return false;
	}
	v->is_held = true;
	if (!is_sure)
		v->word = VERDICT_UNSURE;
	else if (is_compressed(m))
		find(v, CAUSE_COMPRESSION, 0);
	else if (is_whole)
		find(v, CAUSE_WHOLE, 0);
	else
		find(v, CAUSE_BUFFER, buffer_bytes(held));
	return true;
}

/* ---- streams that end, or wait */

/* Whether a heartbeat came through before: who let as long a silence pass does
 * not cut for a shorter one, nor who let all pass that were tried. */
static bool survived_a_silence(
	const struct measurement *m, unsigned heartbeat_s)
{
	const struct measurement_quiet *quiet = &m->quiet[1];
	uint32_t nearly_ms = 900 * heartbeat_s;

	return quiet->after_ms >= quiet->silent_ms + nearly_ms &&
	       (quiet->silent_ms < nearly_ms ||
		       (m->has_pauses && m->pauses == BEAT_PAUSES));
}

/*
 * After how long a silence streams are cut. Who waits for the end may learn of
 * it late, from an Apache by its KeepAliveTimeout: then the time is between the
 * longest silence that was let through and the next one.
 */
static uint32_t idle_cut_ms(const struct measurement *m, unsigned heartbeat_s)
{
	uint32_t seen = m->quiet[1].silent_ms, let_through, cut;

	if (!m->has_pauses || m->pauses > BEAT_PAUSES)
		return seen;
	let_through = beat_pause_ms(m->pauses, heartbeat_s);
	cut = beat_pause_ms(m->pauses + 1, heartbeat_s);
	return seen <= cut + LEARNT_MS ? seen : (let_through + cut) / 2;
}

static void judge_quiet(
	struct verdict *v, const struct measurement *m, unsigned heartbeat_s)
{
	const struct measurement_quiet *first = &m->quiet[0],
				       *second = &m->quiet[1];

	if (first->end != END_CUT)
		return;
	if (second->end != END_CUT)
		v->word = VERDICT_UNSURE;
	else if (survived_a_silence(m, heartbeat_s))
		find(v, CAUSE_AGE_CUT, second->after_ms);
	else
		find(v, CAUSE_IDLE_CUT, idle_cut_ms(m, heartbeat_s));
}

/* What the quickest of several streams at once took for its first byte: on a
 * machine that is busy all of them take so long. 0: none had one. */
static uint32_t quickest_ms(const struct measurement_hold *hold)
{
	uint32_t least = MEASUREMENT_MS_MAX;

	for (size_t i = 0; i < hold->count; i++)
		if (hold->streams[i].first_ms < least)
			least = hold->streams[i].first_ms;
	return least < MEASUREMENT_MS_MAX ? least : 0;
}

/* How many streams of a try were open at once, and how many had to wait at the
 * web server, and not in the browser. */
static void count_streams(
	const struct measurement_hold *hold, uint32_t *open, uint32_t *waited)
{
	uint32_t limit = quickest_ms(hold) + WAIT_MS;

	*open = *waited = 0;
	for (size_t i = 0; i < hold->count; i++) {
		const struct measurement_stream *s = &hold->streams[i];

		*open += s->queued_ms + s->first_ms < limit;
		*waited += s->first_ms >= limit;
	}
}

/* A server may work on six streams of a connection of HTTP/2 at a time. */
static bool shares_a_connection(const struct measurement *m)
{
	return m->protocol[0] == 'h' && m->protocol[1] &&
	       strchr("23", m->protocol[1]);
}

/* The best try counts. A browser keeps what is too much for it to itself,
 * whatever the server has room for. */
static void judge_holds(struct verdict *v, const struct measurement *m)
{
	uint32_t at_server = 0;

	for (size_t i = 0; i < MEASUREMENT_HOLDS; i++) {
		const struct measurement_hold *hold = &m->hold[i];
		uint32_t open, waited;

		count_streams(hold, &open, &waited);
		if (hold->count == 0 || open < v->open_count)
			continue;
		if (open > v->open_count || waited > at_server)
			at_server = waited;
		v->open_count = open;
		v->open_tried = (uint32_t)hold->count;
	}
	if (v->open_count == v->open_tried ||
		(shares_a_connection(m) &&
			v->open_count >= BROWSER_CONNECTIONS))
		return;
	if (at_server > 0)
		find(v, CAUSE_SHORTAGE, v->open_count);
	else if (v->open_count < BROWSER_CONNECTIONS)
		find(v, CAUSE_CONNECTIONS, v->open_count);
}

/* ---- the head */

/* Returns whether there is a stream to be judged. */
static bool judge_status(struct verdict *v, const struct measurement *m)
{
	if (m->status == 0)
		v->word = VERDICT_NOTHING;
	else if (m->status == 501 && m->plain == 200)
		find(v, CAUSE_INCREMENTAL, 0);
	else if (m->status != 200)
		find(v, CAUSE_REFUSED, m->status);
	return m->status == 200;
}

/* Some clients compare it whole, and no more than a parameter may follow. */
static bool is_event_stream(const char *type)
{
	static const char name[] = "text/event-stream";

	return strncasecmp(type, name, strlen(name)) == 0 &&
	       strchr("; ", type[strlen(name)]) != NULL;
}

static bool may_be_cached(const struct measurement *m)
{
	return m->age > 0 || (!strcasestr(m->cache, "no-store") &&
				     !strcasestr(m->cache, "no-cache"));
}

static void judge_head(struct verdict *v, const struct measurement *m)
{
	if (!is_event_stream(m->type))
		find(v, CAUSE_TYPE, 0);
	if (may_be_cached(m))
		find(v, CAUSE_CACHE, 0);
	if (m->resume == 1)
		find(v, CAUSE_RESUME, 0);
}

void judge(struct verdict *v, const struct measurement *m,
	const struct deployment *d)
{
	*v = (struct verdict){ .word = VERDICT_WELL };
	v->has_proxy = d->is_forwarded || m->via[0] || m->age > 0 ||
		       !d->is_same_server;
	if (!judge_status(v, m)) {
		if (v->count > 0)
			v->word = VERDICT_WRONG;
		return;
	}
	judge_head(v, m);
	if (m->busy > 0)
		find(v, CAUSE_LIMIT, m->busy);
	if (!judge_paces(v, m)) {
		judge_quiet(v, m, d->heartbeat_s);
		judge_holds(v, m);
	}
	if (v->count > 0 && v->has_proxy)
		find(v, CAUSE_PROXY, 0);
	if (v->count > 0)
		v->word = VERDICT_WRONG;
}
