#include "tests/bench/spread.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tests/bench/die.h"

#define TAIL 0.025

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * How many figures may be left out at each end: the most, for which that many
 * or fewer of `count` fall below the true median with a probability of TAIL.
 */
static size_t left_out(size_t count)
{
	double chance = ldexp(1, -(int)count), sum = chance;
	size_t k = 0;

	while (sum <= TAIL && k < count / 2) {
		k++;
		chance *= (double)(count - k + 1) / (double)k;
		sum += chance;
	}
	return k ? k - 1 : 0;
}

struct spread spread_of(double *figures, size_t count)
{
	size_t out = left_out(count);

	qsort(figures, count, sizeof(*figures), compare);
	return (struct spread){
		.median = (figures[(count - 1) / 2] + figures[count / 2]) / 2,
		.low = figures[out],
		.high = figures[count - 1 - out],
	};
}

struct spread spread_of_ratios(const double *a, const double *b, size_t count)
{
	double *ratios = calloc(count, sizeof(*ratios));
	struct spread s = { 0 };
	bool all = true;

	if (!ratios)
		die_errno("memory");
	for (size_t i = 0; i < count; i++) {
		all = all && b[i] > 0;
		ratios[i] = all ? a[i] / b[i] : 0;
	}
	if (all)
		s = spread_of(ratios, count);
	free(ratios);
	return s;
}

struct spread spread_scaled(struct spread s, double factor)
{
	return (struct spread){ s.median * factor, s.low * factor,
		s.high * factor };
}

struct spread spread_exact(double figure)
{
	return (struct spread){ figure, figure, figure };
}

struct spread spread_inverse(struct spread s, double factor)
{
	return (struct spread){ factor / s.median, factor / s.high,
		factor / s.low };
}
