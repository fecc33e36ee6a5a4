#include "common/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_ascii_16(const unsigned char *s)
{
	uint64_t two[2];

	memcpy(two, s, sizeof(two));
	return ((two[0] | two[1]) & 0x8080808080808080) == 0;
}

/* Bytes of a sequence that begins so; 0: none does. */
static size_t length_for(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2) /* a continuation, or of an overlong sequence */
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

/* The second byte decides what is overlong, a surrogate, over U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
	unsigned char lowest = 0x80;
	unsigned char highest = 0xbf;

	switch (first) {
	case 0xe0:
		lowest = 0xa0;
		break;
	case 0xed:
		highest = 0x9f;
		break;
	case 0xf0:
		lowest = 0x90;
		break;
	case 0xf4:
		highest = 0x8f;
		break;
	}
	return second >= lowest && second <= highest;
}

/* How far the bytes at `s` go on as a sequence of `wanted` should; at least
 * the first counts. */
static size_t good_bytes(const unsigned char *s, size_t len, size_t wanted)
{
	size_t n = 2;

	if (len < 2 || wanted < 2 || !second_fits(s[0], s[1]))
		return 1;
	while (n < wanted && n < len && (s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

size_t utf8_valid_prefix(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	size_t n = 0;

	while (n < len) {
		if (s[n] < 0x80) {
			while (len - n >= 16 && is_ascii_16(s + n))
				n += 16;
			while (n < len && s[n] < 0x80)
				n++;
			continue;
		}

		size_t wanted = length_for(s[n]);

		if (wanted == 0 || good_bytes(s + n, len - n, wanted) < wanted)
			break;
		n += wanted;
	}
	return n;
}

size_t utf8_bad_length(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;

	return good_bytes(s, len, length_for(s[0]));
}
