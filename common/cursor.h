/*
 * cursor: where a reader of a source is. That is all a client owns.
 *
 * Its places are a run of the chain, oldest first: one, while nothing is
 * being rotated; more while an old file may still be written to. Files
 * before the first place are done with, files after the last are still to
 * be read from their start. A cursor is plain data: two readers with equal
 * cursors get equal bytes, which is what lets them share them.
 */
#ifndef SSETAIL_CURSOR_H
#define SSETAIL_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Four places of one source fit an id of 128 bytes. */
#define CURSOR_PLACES_MAX 4

struct cursor_place {
	uint64_t offset; /* the byte after the last record that was read */
	uint64_t check;	 /* of the content there: place.h */
	uint32_t file;	 /* its serial in the chain */
	uint32_t tag;	 /* of its identity; 0: stands before any file */
};

/* What is to be told before anything else is read. */
enum cursor_notice { CURSOR_NO_NOTICE, CURSOR_GAP, CURSOR_WAITING };

struct cursor {
	uint64_t ring;	  /* position in the ring; 0: reads the files */
	uint32_t reading; /* a piece of that file is owed: feed_promise; or 0 */
	uint32_t count;
	uint32_t notice; /* enum cursor_notice */
	uint32_t reason; /* enum gap_reason or waiting_reason */
	int64_t bytes;	 /* CURSOR_GAP: how many are missing; -1: unknown */
	struct cursor_place places[CURSOR_PLACES_MAX];
};

/* The place in that file, or NULL. */
static inline const struct cursor_place *cursor_look(
	const struct cursor *c, uint32_t file)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (c->places[i].file == file)
			return &c->places[i];
	return NULL;
}

/* The same, to be changed. */
static inline struct cursor_place *cursor_find(struct cursor *c, uint32_t file)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (c->places[i].file == file)
			return &c->places[i];
	return NULL;
}

/* The places behind the count are zeros, so that memcmp compares cursors. */
static inline void cursor_remove(struct cursor *c, uint32_t i)
{
	for (; i + 1 < c->count; i++)
		c->places[i] = c->places[i + 1];
	c->places[--c->count] = (struct cursor_place){ 0 };
}

/* Adds a place behind the last; lets go of the oldest when there are too
 * many. The place before any file ends with the first file. */
static inline void cursor_add(struct cursor *c, struct cursor_place place)
{
	if (c->count == 1 && !c->places[0].tag)
		c->count = 0;
	if (c->count == CURSOR_PLACES_MAX)
		cursor_remove(c, 0);
	c->places[c->count++] = place;
}

#endif
