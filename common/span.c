#include "common/span.h"

#include <string.h>

bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

bool span_next(struct span *rest, char separator, struct span *piece)
{
	const char *end;

	if (!rest->at)
		return false;
	*piece = *rest;
	end = memchr(rest->at, separator, rest->len);
	if (!end) {
		rest->at = NULL;
		return true;
	}
	piece->len = (size_t)(end - rest->at);
	rest->at = end + 1;
	rest->len -= piece->len + 1;
	return true;
}
