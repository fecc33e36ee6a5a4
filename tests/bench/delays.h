/*
 * delays: how long events were on their way, from the write of their lines to
 * each client.
 */
#ifndef SSETAIL_BENCH_DELAYS_H
#define SSETAIL_BENCH_DELAYS_H

#include <stddef.h>
#include <stdint.h>

struct delays;

/* For that many events at most, the first of which has that number, and as
 * many clients. */
struct delays *delays_new(uint64_t first, size_t events, size_t clients);
void delays_free(struct delays *d);

/* That event is written now; a client has it now. Both in now_ns. An event
 * that was never written does not count. */
void delays_note_sent(struct delays *d, uint64_t number, double ns);
void delays_note_got(struct delays *d, uint64_t number, double ns);

/* The delay in ns that this share of all is below: 0.5, the median. */
double delays_quantile(struct delays *d, double share);

#endif
