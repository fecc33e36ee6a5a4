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

static bool ends_line(char byte)
{
	return byte == '\n' || byte == '\r';
}

bool split_goes_on(char first)
{
	return first == ' ' || first == '\t';
}

size_t split_blank(const char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && (bytes[n] == '\0' || ends_line(bytes[n])))
		n++;
	return n;
}

bool split_is_data(const char *line, size_t len)
{
	return len >= 4 && memcmp(line, "data", 4) == 0 &&
	       (len == 4 || line[4] == ':' || ends_line(line[4]));
}

/* ---- where a record ends */

static size_t line_end(const char *bytes, size_t len, size_t from)
{
	const char *newline = memchr(bytes + from, '\n', len - from);

	return newline ? (size_t)(newline - bytes) + 1 : 0;
}

static size_t lines_end(const char *bytes, size_t len, size_t from)
{
	size_t end;

	while (from < len && (end = line_end(bytes, len, from)) > 0) {
		if (end < len && !split_goes_on(bytes[end]))
			return end;
		from = end;
	}
	return 0;
}

/* Does a blank line that begins behind bytes[i - 1] end with bytes[i]? */
static bool ends_blank(const char *bytes, size_t i)
{
	if (!ends_line(bytes[i]) || !ends_line(bytes[i - 1]))
		return false;
	return bytes[i - 1] != '\r' || bytes[i] != '\n';
}

static size_t block_end(const char *bytes, size_t len, size_t from)
{
	for (size_t i = from ? from : 1; i < len; i++)
		if (ends_blank(bytes, i))
			return i + 1;
	return 0;
}

size_t split_end(
	enum split_format format, const char *bytes, size_t len, size_t from)
{
	if (from >= len)
		return 0;
	switch (format) {
	case SPLIT_BLOCKS:
		return block_end(bytes, len, from);
	case SPLIT_MULTILINE:
		return lines_end(bytes, len, from);
	default:
		return line_end(bytes, len, from);
	}
}

static bool ends_block(const char *bytes, size_t len)
{
	/* The bytes before the line end that is the last one. */
	size_t before = len;

	if (before > 0 && bytes[before - 1] == '\n')
		before--;
	if (before > 0 && bytes[before - 1] == '\r')
		before--;
	if (before == len)
		return false;
	return before == 0 || ends_line(bytes[before - 1]);
}

bool split_ends(enum split_format format, const char *bytes, size_t len)
{
	if (format == SPLIT_BLOCKS)
		return ends_block(bytes, len);
	return len > 0 && bytes[len - 1] == '\n';
}

size_t split_last(
	enum split_format format, const char *bytes, size_t len, size_t from)
{
	for (size_t end = len; end > from; end--) {
		size_t seen = end < SPLIT_CONTEXT ? end : SPLIT_CONTEXT;

		if (!ends_line(bytes[end - 1]) ||
			!split_ends(format, bytes + end - seen, seen))
			continue;
		if (format != SPLIT_MULTILINE ||
			(end < len && !split_goes_on(bytes[end])))
			return end;
	}
	return 0;
}

/* ---- records */

/* Where the lines have ended that are there. */
static size_t last_line_end(const char *bytes, size_t len)
{
	const char *newline = memrchr(bytes, '\n', len);

	return newline ? (size_t)(newline - bytes) + 1 : 0;
}

static bool next_lines(enum split_format format, const char *bytes, size_t len,
	enum split_rest rest, size_t max, struct split_record *r)
{
	size_t end = split_end(format, bytes, len, 0), skip = 0;

	if (!end && format == SPLIT_MULTILINE &&
		(rest == SPLIT_PAUSE ||
			(rest == SPLIT_END && len && bytes[len - 1] == '\n')))
		end = last_line_end(bytes, len);
	if (!end && (rest != SPLIT_END || len == 0))
		return false;
	r->size = end ? end : len;
	r->data_len = end ? end - 1 : len;
	if (end && r->data_len > 0 && bytes[end - 2] == '\r')
		r->data_len--;
	while (skip < r->data_len && bytes[skip] == '\0')
		skip++;
	/* A hole at the very end is no line, not even an empty one. */
	r->data = end || skip < r->data_len ? bytes + skip : NULL;
	r->data_len -= skip;
	if (r->data_len > max) {
		size_t cut = split_cut(r->data, max);

		r->dropped = r->data_len - cut;
		r->data_len = cut;
	}
	return true;
}

static bool has_data(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((i == 0 || ends_line(text[i - 1])) &&
			split_is_data(text + i, len - i))
			return true;
	return false;
}

static bool next_block(const char *bytes, size_t len, bool at_end, size_t max,
	struct split_record *r)
{
	size_t skip = split_blank(bytes, len), end;

	if (skip == len && (!at_end || len == 0))
		return false;
	r->size = len;
	if (skip == len)
		return true;
	bytes += skip;
	len -= skip;
	end = split_end(SPLIT_BLOCKS, bytes, len, 0);
	if (!end && !at_end)
		return false;
	r->is_unfinished = !end;
	r->data_len = end ? end : len;
	r->size = skip + r->data_len;
	if (!end && !has_data(bytes, len)) {
		r->data_len = 0;
	} else if (!end || r->data_len > max) {
		r->dropped = r->data_len;
		r->data_len = 0;
	} else {
		r->data = bytes;
	}
	return true;
}

bool split_next(enum split_format format, const char *bytes, size_t len,
	enum split_rest rest, size_t max, struct split_record *r)
{
	*r = (struct split_record){ 0 };
	if (format == SPLIT_BLOCKS)
		return next_block(bytes, len, rest == SPLIT_END, max, r);
	return next_lines(format, bytes, len, rest, max, r);
}
