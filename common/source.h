/*
 * source: one of the configuration, with what reads it and those who follow.
 */
#ifndef SSETAIL_SOURCE_H
#define SSETAIL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/feed.h"
#include "common/watch.h"

struct source {
	const struct source_config *config; /* borrowed */
	struct feed feed;		    /* type file and type fifo */
	char *spool;			    /* type fifo: what is followed */
	struct clock clock;		    /* type clock */
	size_t clients;			    /* streams that are open */
	uint64_t streams;		    /* that were opened ever */
	struct delivery delivered;	    /* to all of them */
	struct pump_source *pipe;	    /* type fifo: its pump; borrowed */
	bool is_touched; /* the watch has said so: only within the hub's look */
	bool is_retired; /* the configuration has no such source any more */
	struct source *next_retired;
};

/* Opens nothing yet. All of the arguments are borrowed. NULL with ENOMEM. */
struct source *source_new(const struct source_config *config,
	struct feed_scratch *scratch, struct watch *watch, size_t ring_bytes);

/* Closes what is open, and frees it: nobody follows any more. NULL is fine. */
void source_free(struct source *s);

/* Is there something that is read, so that `feed` is valid? */
bool source_has_feed(const struct source *s);

#endif
