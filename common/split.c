#include "common/split.h"

#include <string.h>

size_t split_cut(const char *data, size_t max)
{
	size_t len = max;

	/* data[len] is the first byte that goes: it must begin a sequence. */
	while (len > 0 && max - len < 4 && ((unsigned char)data[len] & 0xc0) == 0x80)
		len--;
	return max - len < 4 && len > 0 ? len : max;
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
	r->data = bytes + skip;
	r->data_len -= skip;
	r->dropped = 0;
	if (r->data_len > max) {
		size_t cut = split_cut(r->data, max);

		r->dropped = r->data_len - cut;
		r->data_len = cut;
	}
	return true;
}
