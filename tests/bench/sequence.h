/*
 * sequence: an event stream whose events are numbered, as one client gets it,
 * and the proof that none is missing, doubled or out of order.
 *
 * The data of every event begins with "seq=" and a number of SEQUENCE_DIGITS
 * digits that is one more than the one before; of several sources on one
 * connection each counts for itself, and the digits above SEQUENCE_SOURCE say
 * which it is. Anything else, or an event of our own (a gap): die(). What
 * belongs to no event (comments, heads) is passed over.
 */
#ifndef SSETAIL_BENCH_SEQUENCE_H
#define SSETAIL_BENCH_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEQUENCE_MARK	"seq="
#define SEQUENCE_START	"data: " SEQUENCE_MARK
#define SEQUENCE_DIGITS 12

#define SEQUENCE_SOURCES 4
#define SEQUENCE_SOURCE	 UINT64_C(10000000000) /* + n: of source 1 */

/* What is kept of a line. */
#define SEQUENCE_LINE (sizeof(SEQUENCE_START) - 1 + SEQUENCE_DIGITS)

/* All zero is the start of a stream whose first event may have any number. */
struct sequence {
	size_t client; /* for people */
	uint64_t
		got; /* the number of the last event, of all sources' the sum */
	bool counts; /* the next one has to be got + 1, the first, too */
	bool has_id; /* there was one, of an event or by itself */

	/* Inside: of each source, and how the line begins that is coming. */
	uint64_t last[SEQUENCE_SOURCES];
	size_t start_len;
	char start[SEQUENCE_LINE];
};

/* The first event of the only source will have that number. */
void sequence_begin_at(struct sequence *s, uint64_t number);

/* Takes the next bytes of the stream, cut anywhere. */
void sequence_take(struct sequence *s, const char *bytes, size_t len);

/* Numbers the events in these bytes on: last + 1 is the first. Returns the
 * number of the last. */
uint64_t sequence_renumber(char *bytes, size_t len, uint64_t last);

/* The same for several sources. */
void sequence_renumber_all(
	char *bytes, size_t len, uint64_t last[SEQUENCE_SOURCES]);

/* Writes mark and number, without a NUL: what a line begins with. */
#define SEQUENCE_BYTES (sizeof(SEQUENCE_MARK) - 1 + SEQUENCE_DIGITS)
void sequence_write(char *line, uint64_t number);

#endif
