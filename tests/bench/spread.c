#include "tests/bench/spread.h"

#include <math.h>
#include <stdlib.h>

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
