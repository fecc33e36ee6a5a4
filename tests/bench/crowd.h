/*
 * crowd: thousands of clients of one sender, read by one thread with one
 * buffer, so that reading costs little and the same whoever sends.
 *
 * Each is a unix socket on which FastCGI records come. Of what is in them
 * every event is checked: its data begins with "seq=" and a number of
 * SEQUENCE_DIGITS digits, and counts on by one from 1. An event of another
 * type, a record of another kind, a connection that ends: die().
 */
#ifndef SSETAIL_BENCH_CROWD_H
#define SSETAIL_BENCH_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/bytes.h"

#define SEQUENCE_START	"seq="
#define SEQUENCE_DIGITS 12

struct crowd;

/* Connects them all; each sends the request (NULL: nothing). */
struct crowd *crowd_open(
	const char *path, size_t count, const struct bytes *request);
void crowd_close(struct crowd *c);

/* Waits until each was told an id: its stream is open. */
void crowd_wait_open(struct crowd *c);

/* From now on they wait for that event. crowd_take takes what is there,
 * waiting up to `ms` for some, and returns whether they all have it;
 * crowd_wait waits until then. */
void crowd_expect(struct crowd *c, uint64_t number);
bool crowd_take(struct crowd *c, int ms);
void crowd_wait(struct crowd *c);

/* Waits until each of them could read something that came since crowd_expect,
 * and reads nothing. It takes next to no CPU. */
void crowd_wait_arrival(struct crowd *c);

/* What the first of them got since crowd_expect, headers included. Valid
 * until the next call. */
const struct bytes *crowd_first_got(const struct crowd *c);

#endif
