/*
 * contest: senders of the same events take turns, each to a crowd of its own,
 * and each round of turns gives one ratio: what disturbs the machine for
 * longer than a round disturbs all of them.
 *
 * A turn is some passes. In a pass some events are appended at once, then
 * everybody is waited for.
 */
#ifndef SSETAIL_BENCH_CONTEST_H
#define SSETAIL_BENCH_CONTEST_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/crowd.h"
#include "tests/bench/limit.h"
#include "tests/bench/responder.h"
#include "tests/bench/spread.h"

#define CONTEST_SENDERS_MAX 3
#define CONTEST_ROUNDS_MAX  200

/* Either of a responder, or of a limit. */
struct sender {
	struct crowd *crowd;
	size_t passes_divisor; /* slow ones take fewer passes; 0: 1 */

	struct responder *responder;

	struct limit *limit;
	const struct crowd *model; /* whose bytes it sends again */
	struct bytes pass;

	/* Inside. */
	uint64_t sent; /* events */
	uint64_t last[SEQUENCE_SOURCES];
};

struct contest {
	struct sender *senders; /* the first is the one that is looked at */
	size_t count;
	size_t clients;
	size_t rounds;
	size_t passes;
	size_t events; /* a pass */
	int pace_ms;   /* from pass to pass; 0: at once */
};

/* Of one sender. */
struct contest_figures {
	struct spread cpu_ns;	      /* a delivery */
	struct spread wall_ns;	      /* a pass */
	struct spread p50_ns, p99_ns; /* from append to delivery */
	/* Of the first sender to this one. */
	struct spread cpu_ratio, wall_ratio, p50_ratio, p99_ratio;
};

/* Runs it, after a turn of each that does not count; fills figures[count]. */
void contest_run(const struct contest *c, struct contest_figures *figures);

/* The limit for a crowd of its own, that sends what `model` gets. */
struct sender sender_open_limit(
	struct limit *l, size_t clients, const struct crowd *model);

/* Closes its crowd, too. */
void sender_close(struct sender *s);

#endif
