/*
 * crowd: thousands of clients of one sender, read by one thread with one
 * buffer, so that reading costs little and the same whoever sends. Each checks
 * its sequence (sequence.h); a connection that ends: die().
 *
 * They are web servers, on whose unix sockets FastCGI records come, or
 * browsers that speak HTTP/1.1.
 */
#ifndef SSETAIL_BENCH_CROWD_H
#define SSETAIL_BENCH_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/delays.h"
#include "tests/lib/bytes.h"

struct crowd;

/* Connects them all; each sends the request (NULL: nothing). The first event
 * has the number 1. */
struct crowd *crowd_open(
	const char *path, size_t count, const struct bytes *request);

/* The same for browsers and "127.0.0.1:PORT". A client's first event may have
 * any number. */
struct crowd *crowd_open_http(
	const char *address, size_t count, const struct bytes *request);
void crowd_close(struct crowd *c);

/* With a request of its own for each. */
struct crowd *crowd_open_each(
	const char *path, size_t count, const struct bytes *requests);

/* Before anything comes: the first event will have that number; of all of
 * them, or of one. */
void crowd_begin_at(struct crowd *c, uint64_t number);
void crowd_begin_one_at(struct crowd *c, size_t client, uint64_t number);

/* Waits until each was told an id: its stream is open. */
void crowd_wait_open(struct crowd *c);

/* The last `count` of them are not read any more, nor waited for. */
void crowd_stop_reading(struct crowd *c, size_t count);

/* From now on they wait for that event (of several sources: that many).
 * crowd_take takes what is there, waiting up to `ms` for some, and returns
 * whether they all have it; crowd_wait waits until then. */
void crowd_expect(struct crowd *c, uint64_t number);
bool crowd_take(struct crowd *c, int ms);
void crowd_wait(struct crowd *c);

/* From now on notes there when they get what; NULL: no more. */
void crowd_measure(struct crowd *c, struct delays *delays);

/* Waits until each of them could read something that came since crowd_expect,
 * and reads nothing. It takes next to no CPU. */
void crowd_wait_arrival(struct crowd *c);

/* The last id that the first of them got since crowd_expect, or since it was
 * opened. "" if it got none. */
#define CROWD_ID 256
void crowd_copy_id(const struct crowd *c, char id[CROWD_ID]);

/* What the first of them got since crowd_expect, headers included. Valid
 * until the next call. */
const struct bytes *crowd_first_got(const struct crowd *c);

#endif
