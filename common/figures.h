/*
 * figures: what a process has counted, and how its sources are doing, as
 * metrics. Looking at them changes nothing.
 *
 * Processes that share a socket count each for itself, and whichever answers
 * tells of itself: every sample names the process.
 */
#ifndef SSETAIL_FIGURES_H
#define SSETAIL_FIGURES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/buffer.h"
#include "common/hub.h"

/* What the loop counts. */
struct figures {
	pid_t pid;
	time_t started;
	size_t clients;		  /* connections that are open */
	uint64_t connects;	  /* that were taken ever */
	uint64_t wakeups;	  /* times that the loop had something to do */
	size_t streams;		  /* that are open, of all sources */
	size_t streams_max;	  /* that may be */
	uint64_t busy_clients;	  /* who was sent away: max_clients; */
	uint64_t busy_address;	  /* max_clients_per_address */
	uint64_t reloads;	  /* configurations that were taken; */
	uint64_t reload_failures; /* that were faulty */
};

/* Appends all of them: the body of an answer. It takes time for each client
 * that is behind, and does not block. */
void figures_add(
	struct buffer *b, const struct figures *figures, const struct hub *hub);

#endif
