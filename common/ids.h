/*
 * ids: where the blocks are that a writer has given ids: a table by the hash
 * of an id, of the newest IDS_MAX. Knows no files: a place that is gone is
 * found out by who reads there (place.h).
 */
#ifndef SSETAIL_IDS_H
#define SSETAIL_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/place.h"

#define IDS_MAX (1u << 18) /* 9 MiB, of which memory is taken as it fills */

struct ids {
	struct ids_entry *entries; /* a ring */
	uint32_t *buckets;	   /* index + 1 of the newest of each */
	uint64_t count;		   /* ever */
};

/* Returns 0, or -1 with ENOMEM. */
int ids_init(struct ids *ids);
void ids_release(struct ids *ids);

/* Adds an id, whose blanks around it do not count, which may be there before:
 * the newest counts. The oldest goes when there are too many. Of the place all
 * but the source is kept. */
void ids_add(
	struct ids *ids, const char *id, size_t len, const struct place *place);

/* The place of the newest block with that id. */
bool ids_find(
	const struct ids *ids, const char *id, size_t len, struct place *place);

#endif
