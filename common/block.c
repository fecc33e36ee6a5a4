#include "common/block.h"

#include <string.h>

#include "common/encode.h"
#include "common/utf8.h"

struct text {
	const char *bytes;
	size_t len;
};

/* A line of a block: a field, its value behind the colon and one blank. */
struct line {
	struct text name;
	struct text value;
};

/* Takes the next line off the block. */
static struct line next_line(struct text *rest)
{
	struct line line = { { rest->bytes, 0 }, { NULL, 0 } };
	size_t len = 0, name;

	while (len < rest->len && rest->bytes[len] != '\n' &&
		rest->bytes[len] != '\r')
		len++;
	for (name = 0; name < len && rest->bytes[name] != ':'; name++)
		;
	line.name.len = name;
	name += name < len;
	name += name < len && rest->bytes[name] == ' ';
	line.value = (struct text){ rest->bytes + name, len - name };
	if (len < rest->len && rest->bytes[len] == '\r' &&
		len + 1 < rest->len && rest->bytes[len + 1] == '\n')
		len++;
	len += len < rest->len;
	rest->bytes += len;
	rest->len -= len;
	return line;
}

static bool is(const struct text *t, const char *word)
{
	return t->len == strlen(word) && memcmp(t->bytes, word, t->len) == 0;
}

static bool is_retry(const struct text *value)
{
	for (size_t i = 0; i < value->len; i++)
		if (value->bytes[i] < '0' || value->bytes[i] > '9')
			return false;
	return value->len > 0 && value->len <= BLOCK_RETRY_DIGITS;
}

static bool is_ours(const struct text *type)
{
	return is(type, "gap") || is(type, "waiting") || is(type, "busy");
}

void block_encode(
	struct buffer *out, const char *bytes, size_t len, struct block *b)
{
	struct text rest = { bytes, len }, type = { NULL, 0 };
	struct text retry = { NULL, 0 };

	*b = (struct block){ 0 };
	while (rest.len > 0) {
		struct line line = next_line(&rest);

		if (is(&line.name, "data")) {
			encode_data(out, line.value.bytes, line.value.len);
			b->is_event = true;
		} else if (is(&line.name, "event")) {
			type = line.value;
		} else if (is(&line.name, "retry") && is_retry(&line.value)) {
			retry = line.value;
		}
	}
	if (b->is_event && type.len > 0) {
		encode_type(
			out, is_ours(&type) ? "x-" : "", type.bytes, type.len);
		b->has_type = true;
	}
	if (retry.len > 0) {
		buffer_add_string(out, "retry: ");
		buffer_add(out, retry.bytes, retry.len);
		buffer_add_byte(out, '\n');
	}
}

static bool is_id(const struct text *value)
{
	return value->len <= BLOCK_ID_MAX &&
	       memchr(value->bytes, '\0', value->len) == NULL &&
	       utf8_valid_prefix(value->bytes, value->len) == value->len;
}

size_t block_id(const char *bytes, size_t len, const char **id)
{
	struct text rest = { bytes, len }, found = { NULL, 0 };

	while (rest.len > 0) {
		struct line line = next_line(&rest);

		if (is(&line.name, "id") && is_id(&line.value))
			found = line.value;
	}
	*id = found.bytes;
	return found.len;
}
