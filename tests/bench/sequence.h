/*
 * sequence: an event stream whose events are numbered, as one client gets it,
 * and the proof that none is missing, doubled or out of order.
 *
 * The data of every event begins with "seq=" and a number of SEQUENCE_DIGITS
 * digits that is one more than the one before. Anything else, or an event of
 * another type: die(). What belongs to no event (comments, heads) is passed
 * over.
 */
#ifndef SSETAIL_BENCH_SEQUENCE_H
#define SSETAIL_BENCH_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEQUENCE_MARK	"seq="
#define SEQUENCE_START	"data: " SEQUENCE_MARK
#define SEQUENCE_DIGITS 12

/* All zero is the start of a stream whose first event may have any number. */
struct sequence {
	size_t client; /* for people */
	uint64_t got;  /* the number of the last event */
	bool counts;   /* the next one has to be got + 1, the first, too */
	bool has_id;   /* there was one, of an event or by itself */

	/* Inside: how the line begins that is coming. */
	size_t start_len;
	char start[sizeof(SEQUENCE_START) - 1 + SEQUENCE_DIGITS];
};

/* Takes the next bytes of the stream, cut anywhere. */
void sequence_take(struct sequence *s, const char *bytes, size_t len);

/* Numbers the events in these bytes on: last + 1 is the first. Returns the
 * number of the last. */
uint64_t sequence_renumber(char *bytes, size_t len, uint64_t last);

/* Writes mark and number, without a NUL: what a line begins with. */
#define SEQUENCE_BYTES (sizeof(SEQUENCE_MARK) - 1 + SEQUENCE_DIGITS)
void sequence_write(char *line, uint64_t number);

#endif
