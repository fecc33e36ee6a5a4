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
	uint64_t source = number / SEQUENCE_SOURCE % SEQUENCE_SOURCES;

	number %= SEQUENCE_SOURCE;
	if (s->start_len < sizeof(s->start) ||
		(s->counts && number != s->last[source] + 1))
		die("client %zu got event %.*s, not number %ju", s->client,
			(int)s->start_len, s->start,
			(uintmax_t)s->last[source] + 1);
	s->counts = true;
	s->got += number - s->last[source];
	s->last[source] = number;
}

void sequence_begin_at(struct sequence *s, uint64_t number)
{
	s->counts = true;
	s->got = s->last[0] = number - 1;
}

static void take_type(const struct sequence *s)
{
	static const char *const ours[] = { "event: gap", "event: waiting",
		"event: busy" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (begins(s, ours[i]))
			die("client %zu got an %s", s->client, ours[i]);
}

static void take_line(struct sequence *s)
{
	if (begins(s, SEQUENCE_START))
		take_event(s);
	else if (begins(s, "id: "))
		s->has_id = true;
	else if (begins(s, "event: "))
		take_type(s);
	else if (begins(s, "data: "))
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

void sequence_renumber_all(
	char *bytes, size_t len, uint64_t last[SEQUENCE_SOURCES])
{
	char *end = bytes + len;

	while ((bytes = memmem(bytes, (size_t)(end - bytes), SEQUENCE_MARK,
			MARK_BYTES))) {
		uint64_t source = number_in(bytes + MARK_BYTES) /
				  SEQUENCE_SOURCE % SEQUENCE_SOURCES;

		sequence_write(
			bytes, source * SEQUENCE_SOURCE + ++last[source]);
		bytes += SEQUENCE_BYTES;
	}
}

uint64_t sequence_renumber(char *bytes, size_t len, uint64_t last)
{
	uint64_t all[SEQUENCE_SOURCES] = { last };

	sequence_renumber_all(bytes, len, all);
	return all[0];
}
