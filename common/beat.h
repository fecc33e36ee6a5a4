/*
 * beat: the streams by which the doctor measures what is between it and
 * the program, see judge.h. They are clocks (clock.h) whose events are numbers
 * from 1, each with the milliseconds that have passed for the sender:
 *
 *	data: 17 960 ......
 *	id: 17
 *
 * BEAT_PACE grows: an event is padded so that the bytes up to it double with
 * every fourth. In less than three seconds it fills any buffer up to 256 KiB,
 * and how many events came at once tells the size of one that there is.
 * BEAT_HOLD holds a connection for as long as others are tried beside it.
 * BEAT_QUIET is silent, but for heartbeats, for longer than two of them.
 * BEAT_PAUSE, and the BEAT_PAUSES - 1 that follow it, are silent for a sixth of
 *a heartbeat, two sixths, and so on: which of them get through tells the time
 *after which silent streams are cut, where those who wait learn of it late.
 */
#ifndef SSETAIL_BEAT_H
#define SSETAIL_BEAT_H

#include <stddef.h>
#include <stdint.h>

enum beat { BEAT_PACE, BEAT_HOLD, BEAT_QUIET, BEAT_PAUSE };
enum { BEAT_PAUSES = 5, BEATS = BEAT_PAUSE + BEAT_PAUSES };

#define BEAT_PACE_MS	  60
#define BEAT_PACE_EVENTS  48
#define BEAT_HOLD_MS	  1000
#define BEAT_HOLD_EVENTS  4
#define BEAT_QUIET_EVENTS 2
#define BEAT_PAUSE_EVENTS 2

/* Bytes of what an event without padding takes, and of what is before the
 * first: the head that the web server gets, and the opening of the stream. */
#define BEAT_EVENT_BYTES   24
#define BEAT_OPENING_BYTES 450

/* How long the silence of that number is, from 1: BEAT_PAUSES of them. The next
 * one would be a heartbeat long. */
unsigned beat_pause_ms(unsigned number, unsigned heartbeat_s);

/* How many milliseconds there are between two events. */
unsigned beat_interval_ms(enum beat beat, unsigned heartbeat_s);

/* How many events there are. */
unsigned beat_events(enum beat beat);

/* Bytes of padding in the event of that number, from 1, of BEAT_PACE. */
size_t beat_padding(uint64_t number);

/* Bytes of BEAT_PACE up to the end of that event, as a buffer sees them. */
size_t beat_bytes(uint64_t number);

#endif
