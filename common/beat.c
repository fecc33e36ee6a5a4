#include "common/beat.h"

/* Two heartbeats, and time for the second one to come. */
#define QUIET_MS(heartbeat_s) (2000 * (heartbeat_s) + 1500)

unsigned beat_pause_ms(unsigned number, unsigned heartbeat_s)
{
	return 1000 * heartbeat_s * number / (BEAT_PAUSES + 1);
}

unsigned beat_interval_ms(enum beat beat, unsigned heartbeat_s)
{
	switch (beat) {
	case BEAT_PACE:
		return BEAT_PACE_MS;
	case BEAT_HOLD:
		return BEAT_HOLD_MS;
	case BEAT_QUIET:
		return QUIET_MS(heartbeat_s);
	default:
		return beat_pause_ms(1 + beat - BEAT_PAUSE, heartbeat_s);
	}
}

unsigned beat_events(enum beat beat)
{
	static const unsigned events[] = {
		[BEAT_PACE] = BEAT_PACE_EVENTS,
		[BEAT_HOLD] = BEAT_HOLD_EVENTS,
		[BEAT_QUIET] = BEAT_QUIET_EVENTS,
	};

	return beat < BEAT_PAUSE ? events[beat] : BEAT_PAUSE_EVENTS;
}

/* 64 bytes, doubled with every fourth event: 4 KiB at the 24th, 64 KiB at the
 * 40th, 256 KiB at the last. */
static size_t goal(uint64_t number)
{
	static const size_t roots[] = { 1000, 1189, 1414, 1682 };

	if (number > BEAT_PACE_EVENTS)
		number = BEAT_PACE_EVENTS;
	return ((size_t)64 << number / 4) * roots[number % 4] / 1000;
}

size_t beat_padding(uint64_t number)
{
	size_t step;

	if (number == 0 || number > BEAT_PACE_EVENTS)
		return 0;
	step = goal(number) - goal(number - 1);
	return step > BEAT_EVENT_BYTES ? step - BEAT_EVENT_BYTES : 0;
}

size_t beat_bytes(uint64_t number)
{
	size_t bytes = BEAT_OPENING_BYTES;

	for (uint64_t i = 1; i <= number && i <= BEAT_PACE_EVENTS; i++)
		bytes += BEAT_EVENT_BYTES + beat_padding(i);
	return bytes;
}
