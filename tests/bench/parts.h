/*
 * parts: what `make bench` measures, one file for each part. A part runs in a
 * process of its own and says what it found by report.h; what it cannot
 * measure on a machine, it leaves out and says so.
 */
#ifndef SSETAIL_BENCH_PARTS_H
#define SSETAIL_BENCH_PARTS_H

#include <stdbool.h>
#include <stddef.h>

struct bench {
	const char *build;   /* the folder of what was built */
	const char *program; /* ssetail.fcgi in it */
	bool quick;	     /* few clients and rounds: to see that it works */
	size_t rounds;	     /* of what is taken in turns */
	size_t clients_max;  /* of any part */
};

/* What is reached is meant for a thousand clients and more: a pass has a price
 * of its own, and so has the first client. */
#define JUDGED_CLIENTS_MIN 1000

size_t bench_clients(const struct bench *b, size_t wanted);

/* One of the two. */
size_t bench_choose(const struct bench *b, size_t full, size_t quick);

void part_delivery(const struct bench *b);
void part_latency(const struct bench *b);
void part_memory(const struct bench *b);
void part_calls(const struct bench *b);
void part_idle(const struct bench *b);
void part_catchup(const struct bench *b);
void part_storm(const struct bench *b);
void part_history(const struct bench *b);
void part_single(const struct bench *b);
void part_pipe(const struct bench *b);
void part_scale(const struct bench *b);
void part_servers(const struct bench *b);
void part_nchan(const struct bench *b);
void part_php(const struct bench *b);
void part_tail(const struct bench *b);
void part_cgi(const struct bench *b);

#endif
