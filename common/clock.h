/*
 * clock: a source that counts or tells the time. Each connection counts for
 * itself from 1, the first event comes at once, and the number is the id.
 */
#ifndef SSETAIL_CLOCK_H
#define SSETAIL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/config.h"

/* Where one connection is. */
struct clock_cursor {
	uint64_t number; /* of the last event */
	int64_t due_ms;	 /* when the next one is, on the monotonic clock */
};

struct ticker {
	struct ticker *next, *previous; /* NULL: not in the list */
	void *owner;			/* not the clock's */
	struct clock_cursor cursor;
};

struct clock {
	const struct source_config *config; /* borrowed */
	uint16_t tag;
	int64_t started_ms;    /* when its first connection came */
	struct ticker tickers; /* the list's head; the first is due first */
};

/* How one stream sees the clock. */
struct clock_view {
	bool alone;	    /* the id is the bare number */
	const char *event;  /* NULL: message */
	const char *before; /* what an id begins with, and ends with */
	const char *after;
};

void clock_init(struct clock *c, const struct source_config *config);

/* Adds a connection that has had the events up to `number`. */
void clock_follow(
	struct clock *c, struct ticker *t, uint64_t number, int64_t now_ms);
void clock_leave(struct ticker *t);

/* Moves a connection on; it waits for its next event then. */
void clock_advance(
	struct clock *c, struct ticker *t, const struct clock_cursor *cursor);

/* A finite clock ends after this event. */
bool clock_is_over(const struct clock *c, uint64_t number);

/* The first connection that is due, or NULL; and when the next one will be,
 * or INT64_MAX. */
struct ticker *clock_due(const struct clock *c, int64_t now_ms);
int64_t clock_next_ms(const struct clock *c);

/*
 * Appends the event that is due at `from`, if one is, and leaves in *to
 * where the connection is afterwards. Returns whether there was one.
 */
bool clock_produce(const struct clock *c, const struct clock_view *view,
	const struct clock_cursor *from, struct clock_cursor *to,
	int64_t now_ms, struct buffer *out);

/* Appends the clock's part of an id. */
void clock_add_id(
	const struct clock *c, bool alone, uint64_t number, struct buffer *out);

#endif
