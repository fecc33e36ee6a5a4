#include "common/place.h"

#include <string.h>

/*
 * XXH3 is compiled in from its header: the whole hash of a record's check is
 * 40 ns, and its values are the same in every version since 0.8.0, so an id
 * outlives an upgrade.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	SOURCE_DIGITS = 4,
	FILE_DIGITS = 5,
	FILE_BITS = 4 * FILE_DIGITS,
	CHECK_DIGITS = 12,
	OFFSET_DIGITS_MAX = 16,
	NUMBER_DIGITS_MAX = 18
};

uint16_t place_source_tag(const char *name)
{
	return (uint16_t)(XXH3_64bits(name, strlen(name)) >> 48);
}

uint64_t place_id_hash(const char *id, size_t len)
{
	return XXH3_64bits(id, len);
}

uint32_t place_file_tag(const void *identity, size_t len)
{
	uint32_t tag = (uint32_t)(XXH3_64bits(identity, len) >> 44);

	return tag ? tag : 1;
}

uint64_t place_head_hash(const void *first, size_t len)
{
	return XXH3_64bits(first, len);
}

uint64_t place_check(
	uint64_t head_hash, const void *last, size_t len, uint64_t offset)
{
	return XXH3_64bits_withSeed(last, len, head_hash + offset) >> 16;
}

uint64_t place_start_check(uint32_t file, uint32_t before)
{
	uint32_t tags[2] = { file, before };

	return XXH3_64bits(tags, sizeof(tags)) >> 16 >> FILE_BITS << FILE_BITS |
	       before;
}

bool place_start_before(uint32_t file, uint64_t check, uint32_t *before)
{
	*before = (uint32_t)(check & ((1u << FILE_BITS) - 1));
	return place_start_check(file, *before) == check;
}

static char *put_hex(char *out, uint64_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		out[i] = "0123456789abcdef"[value & 15];
		value >>= 4;
	}
	return out + digits;
}

static int hex_digits(uint64_t value)
{
	int digits = 1;

	while (value >>= 4)
		digits++;
	return digits;
}

static char *put_decimal(char *out, uint64_t value)
{
	char digits[20];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n)
		*out++ = digits[--n];
	return out;
}

size_t place_format(char out[PLACE_TEXT_MAX], const struct place *p)
{
	char *end = put_hex(out, p->source, SOURCE_DIGITS);

	if (p->is_number) {
		*end++ = '.';
		end = put_decimal(end, p->offset);
	} else {
		end = put_hex(end, p->file, FILE_DIGITS);
		end = put_hex(end, p->check, CHECK_DIGITS);
		end = put_hex(end, p->offset, hex_digits(p->offset));
	}
	return (size_t)(end - out);
}

/* Lower case only: an id has one spelling. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool take_hex(const char **s, int digits, uint64_t *value)
{
	*value = 0;
	while (digits-- > 0) {
		int digit = hex_value(**s);

		if (digit < 0)
			return false;
		*value = *value << 4 | (uint64_t)digit;
		(*s)++;
	}
	return true;
}

static bool take_offset(const char **s, uint64_t *value)
{
	int digits = 0;

	while (digits <= OFFSET_DIGITS_MAX && hex_value((*s)[digits]) >= 0)
		digits++;
	if (digits == 0 || digits > OFFSET_DIGITS_MAX)
		return false;
	if (digits > 1 && **s == '0')
		return false;
	return take_hex(s, digits, value) && *value <= INT64_MAX;
}

static bool take_number(const char **s, uint64_t *value)
{
	const char *first = *s;
	int digits = 0;

	*value = 0;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if (++digits > NUMBER_DIGITS_MAX)
			return false;
		*value = *value * 10 + (uint64_t)(**s - '0');
	}
	return digits == 1 || (digits > 1 && *first != '0');
}

static bool take_place(const char **s, struct place *p)
{
	uint64_t source, file;

	*p = (struct place){ 0 };
	if (!take_hex(s, SOURCE_DIGITS, &source))
		return false;
	p->source = (uint16_t)source;
	if (**s == '.') {
		p->is_number = true;
		(*s)++;
		return take_number(s, &p->offset);
	}
	if (!take_hex(s, FILE_DIGITS, &file) ||
		!take_hex(s, CHECK_DIGITS, &p->check))
		return false;
	p->file = (uint32_t)file;
	return take_offset(s, &p->offset);
}

int place_parse(const char *id, struct place *out, size_t max)
{
	for (size_t n = 0; n < max; n++) {
		if (!take_place(&id, &out[n]))
			return -1;
		if (*id == '\0')
			return (int)n + 1;
		if (*id++ != '-')
			return -1;
	}
	return -1;
}
