/*
 * order: ids that grow: numbers in decimal digits, joined by "-", of which the
 * first that differ decide; one that has more of them is greater. So are the
 * ids of a Redis stream (1526919030474-55) and the serials of a database.
 */
#ifndef SSETAIL_ORDER_H
#define SSETAIL_ORDER_H

#include <stdbool.h>

/* Is that an id of this kind? */
bool order_has(const char *id);

/* Compares two of them: less than, equal to or greater than 0, for a less
 * than, equal to or greater than b. Numbers may have any size. */
int order_compare(const char *a, const char *b);

#endif
