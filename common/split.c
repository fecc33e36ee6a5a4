#include "common/split.h"

#include <string.h>

#define SEQUENCE_MAX 4 /* bytes of a UTF-8 sequence */

/* Is it one of the bytes behind the first of a UTF-8 sequence? */
static bool is_inside(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t split_cut(const char *data, size_t max)
{
	size_t len = max;

	/* data[len] is the first byte that goes: it must begin a sequence. */
	while (is_inside(data[len])) {
		if (len == 0 || max - len == SEQUENCE_MAX - 1)
			return max; /* that is no UTF-8 */
		len--;
	}
	return len;
}

bool split_next(const char *bytes, size_t len, bool at_end, size_t max,
	struct split_record *r)
{
	const char *newline = memchr(bytes, '\n', len);
	size_t skip = 0;

	if (!newline && (!at_end || len == 0))
		return false;
	r->size = newline ? (size_t)(newline - bytes) + 1 : len;
	r->data_len = newline ? r->size - 1 : len;
	if (newline && r->data_len > 0 && newline[-1] == '\r')
		r->data_len--;
	while (skip < r->data_len && bytes[skip] == '\0')
		skip++;
	/* A hole at the very end is no line, not even an empty one. */
	r->data = newline || skip < r->data_len ? bytes + skip : NULL;
	r->data_len -= skip;
	r->dropped = 0;
	if (r->data_len > max) {
		size_t cut = split_cut(r->data, max);

		r->dropped = r->data_len - cut;
		r->data_len = cut;
	}
	return true;
}
