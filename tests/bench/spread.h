/*
 * spread: a median and how far it can be trusted, from figures of which
 * nothing is known but their order.
 */
#ifndef SSETAIL_BENCH_SPREAD_H
#define SSETAIL_BENCH_SPREAD_H

#include <stddef.h>

struct spread {
	double median;
	/* Holds the true median in at least 95 of 100 runs: the order
	 * statistics that a binomial of one half leaves so much between.
	 * With fewer than 6 figures, the least and the greatest. */
	double low, high;
};

/* Sorts the figures; there is at least one. */
struct spread spread_of(double *figures, size_t count);

/* Of a[i] / b[i], which are taken in pairs; zero if any b[i] is. */
struct spread spread_of_ratios(const double *a, const double *b, size_t count);

/* In another unit. */
struct spread spread_scaled(struct spread s, double factor);

/* From what a thing takes to how many there are of it: factor / s. */
struct spread spread_inverse(struct spread s, double factor);

/* Of something that is counted, and the same in every run. */
struct spread spread_exact(double figure);

#endif
