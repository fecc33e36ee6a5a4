#include "tests/bench/delays.h"

#include <stdlib.h>

#include "tests/bench/die.h"

struct delays {
	uint64_t first;
	size_t events;
	size_t count; /* of delays */
	size_t room;
	double *sent; /* 0: not yet */
	double *delays;
};

struct delays *delays_new(uint64_t first, size_t events, size_t clients)
{
	struct delays *d = calloc(1, sizeof(*d));

	if (!d)
		die_errno("memory");
	d->first = first;
	d->events = events;
	d->room = events * clients;
	d->sent = calloc(events, sizeof(*d->sent));
	d->delays = calloc(d->room, sizeof(*d->delays));
	if (!d->sent || !d->delays)
		die_errno("memory");
	return d;
}

void delays_free(struct delays *d)
{
	free(d->sent);
	free(d->delays);
	free(d);
}

static double *sent_of(const struct delays *d, uint64_t number)
{
	return number >= d->first && number - d->first < d->events
		       ? &d->sent[number - d->first]
		       : NULL;
}

void delays_note_sent(struct delays *d, uint64_t number, double ns)
{
	double *sent = sent_of(d, number);

	if (sent)
		*sent = ns;
}

void delays_note_got(struct delays *d, uint64_t number, double ns)
{
	const double *sent = sent_of(d, number);

	if (sent && *sent > 0 && d->count < d->room)
		d->delays[d->count++] = ns - *sent;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double delays_quantile(struct delays *d, double share)
{
	if (d->count == 0)
		die("no event arrived");
	qsort(d->delays, d->count, sizeof(*d->delays), compare);
	return d->delays[(size_t)(share * (double)(d->count - 1))];
}
