#include "tests/bench/sequence.h"

#include <stdio.h>
#include <string.h>

#include "tests/bench/die.h"

#define MARK_BYTES  (sizeof(SEQUENCE_MARK) - 1)
#define START_BYTES (sizeof(SEQUENCE_START) - 1)

static bool begins(const struct sequence *s, const char *text)
{
	size_t len = strlen(text);

	return s->start_len >= len && memcmp(s->start, text, len) == 0;
}

static uint64_t number_in(const char *digits)
{
	uint64_t number = 0;

	for (int i = 0; i < SEQUENCE_DIGITS; i++)
		number = number * 10 + (uint64_t)(digits[i] - '0');
	return number;
}

static void take_event(struct sequence *s)
{
	uint64_t number = number_in(s->start + START_BYTES);

	if (s->start_len < sizeof(s->start) ||
		(s->counts && number != s->got + 1))
		die("client %zu got event %.*s, not number %ju", s->client,
			(int)s->start_len, s->start, (uintmax_t)s->got + 1);
	s->counts = true;
	s->got = number;
}

static void take_line(struct sequence *s)
{
	if (begins(s, SEQUENCE_START))
		take_event(s);
	else if (begins(s, "id: "))
		s->has_id = true;
	else if (begins(s, "event: ") || begins(s, "data: "))
		die("client %zu got an %.*s", s->client, (int)s->start_len,
			s->start);
	s->start_len = 0;
}

void sequence_take(struct sequence *s, const char *bytes, size_t len)
{
	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end ? (size_t)(end - bytes) : len;
		size_t room = sizeof(s->start) - s->start_len;

		memcpy(s->start + s->start_len, bytes,
			part < room ? part : room);
		s->start_len += part < room ? part : room;
		if (end) {
			take_line(s);
			part++;
		}
		bytes += part;
		len -= part;
	}
}

void sequence_write(char *line, uint64_t number)
{
	char text[SEQUENCE_BYTES + 12];

	snprintf(text, sizeof(text), SEQUENCE_MARK "%0*ju", SEQUENCE_DIGITS,
		(uintmax_t)number);
	memcpy(line, text, SEQUENCE_BYTES);
}

uint64_t sequence_renumber(char *bytes, size_t len, uint64_t last)
{
	char *end = bytes + len;

	while ((bytes = memmem(bytes, (size_t)(end - bytes), SEQUENCE_MARK,
			MARK_BYTES))) {
		sequence_write(bytes, ++last);
		bytes += SEQUENCE_BYTES;
	}
	return last;
}
