#include "tests/lib/sse.h"

#include <string.h>

void sse_init(struct sse *s, sse_on_event *on_event, void *context)
{
	*s = (struct sse){ .on_event = on_event, .context = context };
}

void sse_release(struct sse *s)
{
	bytes_release(&s->last_event_id);
	bytes_release(&s->line);
	bytes_release(&s->type);
	bytes_release(&s->data);
	bytes_release(&s->id);
}

static void add_bounded(
	struct sse *s, struct bytes *b, const void *more, size_t len)
{
	if (b->len + len > SSE_LIMIT_BYTES)
		s->too_long = true;
	else
		bytes_add(b, more, len);
}

/* 9.2.6, "dispatch the event" as it is for web browsers. */
static void dispatch(struct sse *s)
{
	bytes_clear(&s->last_event_id);
	bytes_add(&s->last_event_id, s->id.data, s->id.len);
	if (s->data.len == 0) {
		s->checkpoints += s->block_has_id;
	} else {
		if (s->data.data[s->data.len - 1] == '\n')
			s->data.data[--s->data.len] = '\0';
		const struct sse_event event = {
			.type = s->type.len ? s->type.data : "message",
			.type_len = s->type.len ? s->type.len : 7,
			.data = s->data.data,
			.data_len = s->data.len,
			.id = bytes_text(&s->last_event_id),
			.id_len = s->last_event_id.len,
		};

		s->events++;
		if (s->on_event)
			s->on_event(s->context, &event);
	}
	bytes_clear(&s->data);
	bytes_clear(&s->type);
	s->block_began = false;
	s->block_has_id = false;
}

static void take_retry(struct sse *s, const char *value, size_t len)
{
	uint64_t ms = 0;

	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9') {
			s->ignored_retries++;
			return;
		}
		unsigned digit = (unsigned)(value[i] - '0');
		ms = ms > (UINT64_MAX - digit) / 10 ? UINT64_MAX
						    : ms * 10 + digit;
	}
	if (len == 0) { /* no digit makes no number */
		s->ignored_retries++;
		return;
	}
	s->has_retry = true;
	s->retry_ms = ms;
}

static bool is(const char *name, size_t len, const char *field)
{
	return len == strlen(field) && memcmp(name, field, len) == 0;
}

/* 9.2.6, "process the field". */
static void take_field(struct sse *s, const char *name, size_t name_len,
	const char *value, size_t len)
{
	s->block_began = true;
	if (is(name, name_len, "event")) {
		bytes_clear(&s->type);
		bytes_add(&s->type, value, len);
	} else if (is(name, name_len, "data")) {
		add_bounded(s, &s->data, value, len);
		add_bounded(s, &s->data, "\n", 1);
	} else if (is(name, name_len, "id")) {
		if (len && memchr(value, '\0', len)) {
			s->ignored_ids++;
			return;
		}
		bytes_clear(&s->id);
		bytes_add(&s->id, value, len);
		s->block_has_id = true;
	} else if (is(name, name_len, "retry")) {
		take_retry(s, value, len);
	} else {
		s->unknown_fields++;
	}
}

static void end_line(struct sse *s)
{
	const char *line = bytes_text(&s->line);
	size_t len = s->line.len;
	const char *colon = memchr(line, ':', len);

	if (len == 0) {
		dispatch(s);
	} else if (!colon) {
		take_field(s, line, len, "", 0);
	} else if (colon == line) {
		s->comments++;
	} else {
		const char *value = colon + 1;
		size_t value_len = (size_t)(line + len - value);

		if (value_len && *value == ' ') {
			value++;
			value_len--;
		}
		take_field(s, line, (size_t)(colon - line), value, value_len);
	}
	bytes_clear(&s->line);
}

/* One character, decoded, as UTF-8. */
static void take_character(struct sse *s, const void *utf8, size_t len)
{
	bool first = !s->started;
	char c = *(const char *)utf8;

	s->started = true;
	if (first && len == 3 && memcmp(utf8, "\xef\xbb\xbf", 3) == 0) {
		s->bom = true;
		return;
	}
	if (s->after_cr) {
		s->after_cr = false;
		if (c == '\n')
			return;
	}
	if (c == '\r' || c == '\n') {
		s->after_cr = c == '\r';
		end_line(s);
	} else {
		add_bounded(s, &s->line, utf8, len);
	}
}

static void take_invalid(struct sse *s)
{
	s->invalid_utf8++;
	take_character(s, "\xef\xbf\xbd", 3);
}

/* The UTF-8 decoder of the Encoding Standard, at the first byte of a
 * sequence and at the others. */
static void begin_sequence(struct sse *s, unsigned char c)
{
	s->lower = 0x80;
	s->upper = 0xbf;
	s->sequence[0] = c;
	s->have = 1;
	if (c < 0x80) {
		take_character(s, &c, 1);
	} else if (c >= 0xc2 && c <= 0xdf) {
		s->needed = 2;
	} else if (c >= 0xe0 && c <= 0xef) {
		s->needed = 3;
		if (c == 0xe0)
			s->lower = 0xa0;
		if (c == 0xed)
			s->upper = 0x9f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		s->needed = 4;
		if (c == 0xf0)
			s->lower = 0x90;
		if (c == 0xf4)
			s->upper = 0x8f;
	} else {
		take_invalid(s);
	}
}

static void take_byte(struct sse *s, unsigned char c)
{
	if (s->needed == 0) {
		begin_sequence(s, c);
		return;
	}
	if (c < s->lower || c > s->upper) {
		s->needed = 0;
		take_invalid(s);
		begin_sequence(s, c);
		return;
	}
	s->lower = 0x80;
	s->upper = 0xbf;
	s->sequence[s->have++] = c;
	if (s->have == s->needed) {
		s->needed = 0;
		take_character(s, s->sequence, s->have);
	}
}

void sse_feed(struct sse *s, const void *bytes, size_t len)
{
	const unsigned char *c = bytes;

	s->bytes += len;
	for (size_t i = 0; i < len; i++)
		take_byte(s, c[i]);
}

void sse_end(struct sse *s)
{
	if (s->needed) {
		s->needed = 0;
		take_invalid(s);
	}
	if (s->line.len || s->block_began)
		s->unfinished = true;
	bytes_clear(&s->line);
	bytes_clear(&s->data);
	bytes_clear(&s->type);
	s->block_began = false;
	s->block_has_id = false;
}

const char *sse_fault(const struct sse *s)
{
	if (s->invalid_utf8)
		return "the event stream is not valid UTF-8";
	if (s->unknown_fields)
		return "the event stream has a field that nobody knows";
	if (s->ignored_ids)
		return "the event stream has an id with NUL";
	if (s->ignored_retries)
		return "the event stream has a retry that is no number";
	if (s->too_long)
		return "the event stream has an endless line or event";
	return NULL;
}

void sse_add_data(struct bytes *stream, const char *text, size_t len)
{
	bytes_add_text(stream, "data: ");
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\r' && text[i] != '\n') {
			bytes_add_byte(stream, text[i]);
			continue;
		}
		if (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n')
			i++;
		bytes_add_text(stream, "\ndata: ");
	}
	bytes_add_byte(stream, '\n');
}
