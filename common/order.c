#include "common/order.h"

#include <string.h>

#define DIGITS "0123456789"

bool order_has(const char *id)
{
	for (;;) {
		size_t len = strspn(id, DIGITS);

		if (len == 0)
			return false;
		if (!id[len])
			return true;
		if (id[len] != '-')
			return false;
		id += len + 1;
	}
}

/* Takes the next number off an id: its digits but for zeros in front. */
static size_t take_number(const char **id, const char **digits)
{
	size_t len;

	*digits = *id + strspn(*id, "0");
	len = strspn(*digits, DIGITS);
	*id = *digits + len;
	if (**id == '-')
		(*id)++;
	return len;
}

int order_compare(const char *a, const char *b)
{
	while (*a && *b) {
		const char *x, *y;
		size_t x_len = take_number(&a, &x), y_len = take_number(&b, &y);
		int difference;

		if (x_len != y_len)
			return x_len < y_len ? -1 : 1;
		difference = memcmp(x, y, x_len);
		if (difference)
			return difference;
	}
	return (*a != '\0') - (*b != '\0');
}
