/*
 * share: what several processes on one socket make of several CPUs.
 *
 * A pass is over when every client's socket has the event. The clients read it
 * afterwards, outside of the time: on a machine of their own they would take
 * no CPU from the senders.
 */
#ifndef SSETAIL_BENCH_SHARE_H
#define SSETAIL_BENCH_SHARE_H

#include <stddef.h>

struct share {
	const char *program;
	size_t clients;
	size_t rounds; /* in each: 1 process, then 2, then 4 */
	size_t events; /* a pass; all of them have to fit one piece */
	int send_buffer;
};

/* Measures, and prints a table. */
void share_run(const struct share *s);

#endif
