#include "common/measurement.h"

#include <string.h>

#include "common/span.h"

static bool read_number(struct span s, uint32_t *number)
{
	*number = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		*number = *number * 10 + (uint32_t)(s.at[i] - '0');
		if (*number > MEASUREMENT_MS_MAX)
			return false;
	}
	return s.len > 0;
}

/* "A:B" */
static bool read_pair(struct span s, uint32_t *a, uint32_t *b)
{
	struct span first, second;

	return span_next(&s, ':', &first) && span_next(&s, ':', &second) &&
	       !s.at && read_number(first, a) && read_number(second, b);
}

static bool read_text(struct span s, char to[MEASUREMENT_TEXT_MAX + 1])
{
	if (s.len > MEASUREMENT_TEXT_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < ' ' || s.at[i] == 0x7f)
			return false;
	memcpy(to, s.at, s.len);
	to[s.len] = '\0';
	return true;
}

static bool read_pace(struct span s, struct measurement_pace *pace)
{
	struct span piece;

	while (span_next(&s, ',', &piece)) {
		struct measurement_event *event;

		if (pace->count == BEAT_PACE_EVENTS)
			return false;
		event = &pace->events[pace->count++];
		if (!read_pair(piece, &event->sent_ms, &event->arrived_ms))
			return false;
	}
	return true;
}

static bool read_hold(struct span s, struct measurement_hold *hold)
{
	struct span piece;

	while (span_next(&s, ',', &piece)) {
		struct measurement_stream *stream;

		if (hold->count == MEASUREMENT_STREAMS)
			return false;
		stream = &hold->streams[hold->count++];
		if (!read_pair(piece, &stream->queued_ms, &stream->first_ms))
			return false;
	}
	return true;
}

static bool read_quiet(struct span s, struct measurement_quiet *quiet)
{
	struct span word;

	if (span_is(s, "done")) {
		quiet->end = END_DONE;
		return true;
	}
	if (span_is(s, "retry")) {
		quiet->end = END_RETRY;
		return true;
	}
	quiet->end = END_CUT;
	return span_next(&s, ':', &word) && span_is(word, "cut") && s.at &&
	       read_pair(s, &quiet->after_ms, &quiet->silent_ms);
}

/* A parameter, if it is there. */
static bool find(measurement_value *value, const void *context,
	const char *name, struct span *s)
{
	s->at = value(context, name, &s->len);
	return s->at != NULL;
}

static bool read_numbers(
	struct measurement *m, measurement_value *value, const void *context)
{
	const struct {
		const char *name;
		uint32_t *to;
	} numbers[] = {
		{ "status", &m->status },
		{ "plain", &m->plain },
		{ "first", &m->first_ms },
		{ "busy", &m->busy },
		{ "length", &m->length },
		{ "age", &m->age },
		{ "resume", &m->resume },
		{ "pauses", &m->pauses },
	};
	struct span s;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (find(value, context, numbers[i].name, &s) &&
			!read_number(s, numbers[i].to))
			return false;
	m->has_first = find(value, context, "first", &s);
	m->has_pauses = find(value, context, "pauses", &s);
	return find(value, context, "status", &s);
}

static bool read_texts(
	struct measurement *m, measurement_value *value, const void *context)
{
	const struct {
		const char *name;
		char *to;
	} texts[] = {
		{ "protocol", m->protocol },
		{ "type", m->type },
		{ "cache", m->cache },
		{ "encoding", m->encoding },
		{ "server", m->server },
		{ "via", m->via },
	};
	struct span s;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (find(value, context, texts[i].name, &s) &&
			!read_text(s, texts[i].to))
			return false;
	return true;
}

static bool read_streams(
	struct measurement *m, measurement_value *value, const void *context)
{
	static const char *const paces[] = { "pace1", "pace2", "pace3" };
	static const char *const holds[] = { "hold1", "hold2" };
	static const char *const quiets[] = { "quiet1", "quiet2" };
	struct span s;

	for (size_t i = 0; i < MEASUREMENT_PACES; i++)
		if (find(value, context, paces[i], &s) &&
			!read_pace(s, &m->pace[i]))
			return false;
	for (size_t i = 0; i < MEASUREMENT_HOLDS; i++)
		if (find(value, context, holds[i], &s) &&
			!read_hold(s, &m->hold[i]))
			return false;
	for (size_t i = 0; i < MEASUREMENT_QUIETS; i++)
		if (find(value, context, quiets[i], &s) &&
			!read_quiet(s, &m->quiet[i]))
			return false;
	return true;
}

bool measurement_read(
	struct measurement *m, measurement_value *value, const void *context)
{
	memset(m, 0, sizeof(*m));
	return read_numbers(m, value, context) &&
	       read_texts(m, value, context) && read_streams(m, value, context);
}
