/*
 * measurement: what the doctor's page, or `ssetail.cgi --doctor`, has measured,
 * as it is told to the judge: numbers and words in the query of a request.
 *
 *	?doctor=judge&status=200&protocol=h2&type=text/event-stream
 *	&first=12&pace1=0:0,61:62,120:121&hold1=0:3,0:5&resume=4&quiet1=done
 *
 * Times are milliseconds. pace1, pace2, pace3: for each event of a stream of
 * BEAT_PACE when it was sent and when it arrived, each from the first one of
 * them on; the two clocks need not be the same. hold1, hold2: for each of
 * several streams at once how long the browser kept it from being asked for,
 * and how long it then waited for its first byte. quiet1, quiet2: "done";
 * "retry", the program itself ended it; or cut:AFTER:SILENT, after how long it
 * was, and how long nothing had come before; pauses=2: of the silences shorter
 * than a heartbeat two were let through. All but the status may be missing.
 *
 * Bytes to numbers: what they mean, judge.h says.
 */
#ifndef SSETAIL_MEASUREMENT_H
#define SSETAIL_MEASUREMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/beat.h"

#define MEASUREMENT_TEXT_MAX 100 /* bytes of a field of the head */
#define MEASUREMENT_PACES    3
#define MEASUREMENT_HOLDS    2
#define MEASUREMENT_QUIETS   2
#define MEASUREMENT_STREAMS  16	     /* at once */
#define MEASUREMENT_MS_MAX   9999999 /* two hours and more */

struct measurement_event {
	uint32_t sent_ms;
	uint32_t arrived_ms;
};

struct measurement_pace {
	size_t count;
	struct measurement_event events[BEAT_PACE_EVENTS];
};

struct measurement_stream {
	uint32_t queued_ms;
	uint32_t first_ms;
};

struct measurement_hold {
	size_t count;
	struct measurement_stream streams[MEASUREMENT_STREAMS];
};

enum measurement_end { END_UNKNOWN, END_DONE, END_RETRY, END_CUT };

struct measurement_quiet {
	enum measurement_end end;
	uint32_t after_ms;  /* of END_CUT */
	uint32_t silent_ms; /* before it */
};

struct measurement {
	uint32_t status;   /* of the answer to a stream; 0: there was none */
	uint32_t plain;	   /* the same when it was asked for once more without
			    * Incremental; 0: it was not */
	uint32_t first_ms; /* from asking to the first byte */
	bool has_first;
	uint32_t busy;	 /* streams that were answered by an event "busy" */
	uint32_t length; /* Content-Length; 0: none */
	uint32_t age;	 /* Age */
	uint32_t pauses; /* of the silences of BEAT_PAUSE, how many were let
			  * through, from the shortest on */
	bool has_pauses;
	uint32_t resume; /* the event that came first after Last-Event-ID: 3;
			  * 0: not measured, or none */
	char protocol[MEASUREMENT_TEXT_MAX + 1]; /* "h2", "http/1.1" */

	/* Fields of the head; "": not there. */
	char type[MEASUREMENT_TEXT_MAX + 1];	 /* Content-Type */
	char cache[MEASUREMENT_TEXT_MAX + 1];	 /* Cache-Control */
	char encoding[MEASUREMENT_TEXT_MAX + 1]; /* Content-Encoding */
	char server[MEASUREMENT_TEXT_MAX + 1];	 /* Server */
	char via[MEASUREMENT_TEXT_MAX + 1];	 /* Via, or what is like it */

	struct measurement_pace pace[MEASUREMENT_PACES];
	struct measurement_hold hold[MEASUREMENT_HOLDS];
	struct measurement_quiet quiet[MEASUREMENT_QUIETS];
};

/* Looks up a parameter. Returns its bytes, which may hold NUL, and their
 * number in *len; NULL: it is not there. */
typedef const char *measurement_value(
	const void *context, const char *name, size_t *len);

/*
 * Reads it. False, with `m` in some state, when a number is none or too large,
 * a list is too long, or a text too long or with control characters. Allocates
 * nothing.
 */
bool measurement_read(
	struct measurement *m, measurement_value *value, const void *context);

#endif
