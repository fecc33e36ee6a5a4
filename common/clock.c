#include "common/clock.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "common/beat.h"
#include "common/encode.h"
#include "common/place.h"

void clock_init(struct clock *c, const struct source_config *config)
{
	*c = (struct clock){
		.config = config,
		.tag = place_source_tag(config->name),
	};
	c->tickers.next = c->tickers.previous = &c->tickers;
}

bool clock_is_over(const struct clock *c, uint64_t number)
{
	return c->config->count > 0 && number >= c->config->count;
}

static void insert_before(struct ticker *next, struct ticker *t)
{
	t->next = next;
	t->previous = next->previous;
	t->previous->next = t;
	next->previous = t;
}

/* Who has just had an event is due last, or nearly. */
static void append(struct clock *c, struct ticker *t)
{
	struct ticker *next = &c->tickers;

	while (next->previous != &c->tickers &&
		next->previous->cursor.due_ms > t->cursor.due_ms)
		next = next->previous;
	insert_before(next, t);
}

/* Who comes is due at once, after those that are late. */
static void prepend(struct clock *c, struct ticker *t)
{
	struct ticker *next = c->tickers.next;

	while (next != &c->tickers && next->cursor.due_ms < t->cursor.due_ms)
		next = next->next;
	insert_before(next, t);
}

void clock_follow(
	struct clock *c, struct ticker *t, uint64_t number, int64_t now_ms)
{
	if (c->started_ms == 0)
		c->started_ms = now_ms;
	t->cursor = (struct clock_cursor){ number, now_ms };
	t->next = t->previous = NULL;
	if (!clock_is_over(c, number))
		prepend(c, t);
}

void clock_leave(struct ticker *t)
{
	if (!t->next)
		return;
	t->previous->next = t->next;
	t->next->previous = t->previous;
	t->next = t->previous = NULL;
}

void clock_advance(
	struct clock *c, struct ticker *t, const struct clock_cursor *cursor)
{
	clock_leave(t);
	t->cursor = *cursor;
	if (!clock_is_over(c, cursor->number))
		append(c, t);
}

struct ticker *clock_due(const struct clock *c, int64_t now_ms)
{
	struct ticker *first = c->tickers.next;

	if (first == &c->tickers || first->cursor.due_ms > now_ms)
		return NULL;
	return first;
}

int64_t clock_next_ms(const struct clock *c)
{
	const struct ticker *first = c->tickers.next;

	return first == &c->tickers ? INT64_MAX : first->cursor.due_ms;
}

void clock_add_id(
	const struct clock *c, bool alone, uint64_t number, struct buffer *out)
{
	struct place p = {
		.source = c->tag,
		.is_number = true,
		.offset = number,
	};
	char *to;

	if (alone) {
		buffer_add_number(out, number);
		return;
	}
	to = buffer_reserve(out, PLACE_TEXT_MAX);
	if (to)
		out->len += place_format(to, &p);
}

/* The number, when it was due, padding: the same whenever it is made again, as
 * for a socket that took half of it. */
static void add_beat(const struct clock *c, uint64_t number, int64_t due_ms,
	struct buffer *out)
{
	size_t padding = c->config->is_padded ? beat_padding(number) : 0;
	char *to;

	buffer_add_format(out, "data: %" PRIu64 " %" PRId64 " ", number,
		due_ms - c->started_ms);
	to = buffer_reserve(out, padding);
	if (to) {
		memset(to, '.', padding);
		out->len += padding;
	}
	buffer_add_byte(out, '\n');
}

static void add_text(const struct clock *c, uint64_t number, struct buffer *out)
{
	char text[512] = "";
	struct tm local;
	time_t now;

	if (c->config->show == CLOCK_COUNT) {
		buffer_add_string(out, "data: ");
		buffer_add_number(out, number);
		buffer_add_byte(out, '\n');
		return;
	}
	now = time(NULL);
	localtime_r(&now, &local);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the user's own */
	strftime(text, sizeof(text), c->config->time_format, &local);
#pragma GCC diagnostic pop
	encode_data(out, text, strlen(text));
}

bool clock_produce(const struct clock *c, const struct clock_view *view,
	const struct clock_cursor *from, struct clock_cursor *to,
	int64_t now_ms, struct buffer *out)
{
	*to = *from;
	if (clock_is_over(c, from->number) || from->due_ms > now_ms)
		return false;
	to->number++;
	to->due_ms += c->config->interval_ms;
	/* Who is behind goes on from now, and is not flooded. */
	if (to->due_ms < now_ms)
		to->due_ms = now_ms + c->config->interval_ms;
	if (c->config->show == CLOCK_BEAT)
		add_beat(c, to->number, from->due_ms, out);
	else
		add_text(c, to->number, out);
	if (view->event) {
		buffer_add_string(out, "event: ");
		buffer_add_string(out, view->event);
		buffer_add_byte(out, '\n');
	}
	buffer_add_string(out, "id: ");
	buffer_add_string(out, view->before);
	clock_add_id(c, view->alone, to->number, out);
	buffer_add_string(out, view->after);
	buffer_add(out, "\n\n", 2);
	return true;
}
