/*
 * delivery: what was delivered, counted. Plain numbers, for one thread.
 */
#ifndef SSETAIL_DELIVERY_H
#define SSETAIL_DELIVERY_H

#include <stddef.h>
#include <stdint.h>

#include "common/encode.h"

struct delivery {
	uint64_t records; /* events that are records of a source */
	uint64_t bytes;	  /* of all blocks, framing aside */
	uint64_t gap_events;
	uint64_t gaps[GAP_REASONS]; /* the same by their reasons */
};

static inline void delivery_gap(struct delivery *d, unsigned reason)
{
	d->gap_events++;
	d->gaps[reason]++;
}

/* Cheap where there is no gap: it happens for every client and piece. */
static inline void delivery_add(
	struct delivery *to, const struct delivery *more)
{
	to->records += more->records;
	to->bytes += more->bytes;
	if (!more->gap_events)
		return;
	to->gap_events += more->gap_events;
	for (size_t i = 0; i < GAP_REASONS; i++)
		to->gaps[i] += more->gaps[i];
}

#endif
