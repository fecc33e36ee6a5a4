#include "common/request.h"

#include <string.h>
#include <strings.h>

#include "common/span.h"
#include "common/utf8.h"

#define LETTERS_AND_DIGITS                                                     \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static bool consists_of(struct span s, const char *bytes)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '\0' || strchr(bytes, s.at[i]) == NULL)
			return false;
	return true;
}

/* ---- the query */

struct parameter {
	struct span name;
	struct span value;
};

struct query {
	char text[REQUEST_QUERY_MAX]; /* where the decoded spans are */
	size_t text_len;
	size_t count;
	struct parameter list[REQUEST_PARAMS_MAX];
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Appends the decoded text to q->text, which has room for it: decoding makes
 * nothing longer. False: a percent sign without two hex digits. */
static bool decode(struct query *q, struct span from, struct span *to)
{
	char *out = q->text + q->text_len;

	to->at = out;
	for (size_t i = 0; i < from.len; i++) {
		char c = from.at[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			if (from.len - i < 3)
				return false;
			int high = hex_digit(from.at[i + 1]);
			int low = hex_digit(from.at[i + 2]);

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		*out++ = c;
	}
	to->len = (size_t)(out - to->at);
	q->text_len += to->len;
	return true;
}

static const struct span *find_value(const struct query *q, struct span name)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct parameter *p = &q->list[i];

		if (p->name.len == name.len &&
			memcmp(p->name.at, name.at, name.len) == 0)
			return &p->value;
	}
	return NULL;
}

static const struct span *value_of(const struct query *q, const char *name)
{
	return find_value(q, (struct span){ name, strlen(name) });
}

static bool query_read(struct query *q, const char *text)
{
	struct span rest = { text, strnlen(text, REQUEST_QUERY_MAX + 1) };
	struct span piece;

	q->text_len = 0;
	q->count = 0;
	if (rest.len > REQUEST_QUERY_MAX)
		return false;
	while (span_next(&rest, '&', &piece)) {
		struct parameter p;
		struct span name = { NULL, 0 };

		if (piece.len == 0)
			continue;
		if (q->count == REQUEST_PARAMS_MAX)
			return false;
		span_next(&piece, '=', &name);
		if (piece.at == NULL)
			piece = (struct span){ "", 0 };
		if (!decode(q, name, &p.name) || !decode(q, piece, &p.value) ||
			find_value(q, p.name) != NULL)
			return false;
		q->list[q->count++] = p;
	}
	return true;
}

/* ---- names */

static bool is_dots(struct span s)
{
	return span_is(s, ".") || span_is(s, "..");
}

static bool is_name(struct span s)
{
	return s.len > 0 && s.len <= REQUEST_NAME_MAX && !is_dots(s) &&
	       consists_of(s, LETTERS_AND_DIGITS "_.-");
}

static bool has_source(const struct request *r, struct span name)
{
	for (size_t i = 0; i < r->source_count; i++)
		if (span_is(name, r->source[i]))
			return true;
	return false;
}

static enum request_outcome take_names(struct request *r, struct span names)
{
	struct span name;

	r->source_count = 0;
	while (span_next(&names, ',', &name)) {
		if (!is_name(name))
			return REQUEST_NO_SOURCE;
		if (r->source_count == REQUEST_SOURCES_MAX ||
			has_source(r, name))
			return REQUEST_MALFORMED;

		char *to = r->source[r->source_count++];

		memcpy(to, name.at, name.len);
		to[name.len] = '\0';
	}
	return REQUEST_OK;
}

/* Has what no web server leaves in a path unless a client means harm. */
static bool is_hostile(struct span path)
{
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.at[i];

		if (c < 0x20 || c == 0x7f || c == '\\' || c == '%')
			return true;
	}
	return utf8_valid_prefix(path.at, path.len) != path.len;
}

/* The last segment that is not empty; an empty span if none is. False: the
 * path is hostile. */
static bool last_segment(const char *path, struct span *last)
{
	struct span rest = { path, strlen(path) };
	struct span segment;

	*last = (struct span){ path, 0 };
	if (is_hostile(rest))
		return false;
	while (span_next(&rest, '/', &segment)) {
		if (is_dots(segment))
			return false;
		if (segment.len > 0)
			*last = segment;
	}
	return true;
}

/* ---- the rest */

static enum request_method method_of(const char *method)
{
	if (strcmp(method, "GET") == 0)
		return REQUEST_GET;
	if (strcmp(method, "HEAD") == 0)
		return REQUEST_HEAD;
	if (strcmp(method, "OPTIONS") == 0)
		return REQUEST_OPTIONS;
	return method[0] == '\0' ? REQUEST_NO_METHOD : REQUEST_OTHER;
}

/* Does Accept (RFC 9110 section 12.5.1) name the type? Its weight does not
 * matter here: nobody names one of these to refuse it. */
static bool accepts(const char *accept, const char *type)
{
	struct span rest = { accept, strlen(accept) };
	struct span range;

	while (span_next(&rest, ',', &range)) {
		struct span media;

		span_next(&range, ';', &media);
		while (media.len > 0 && strchr(" \t", media.at[0]) != NULL) {
			media.at++;
			media.len--;
		}
		while (media.len > 0 &&
			strchr(" \t", media.at[media.len - 1]) != NULL)
			media.len--;
		if (media.len == strlen(type) &&
			strncasecmp(media.at, type, media.len) == 0)
			return true;
	}
	return false;
}

static bool take_tail(struct request *r, const struct span *value)
{
	uint64_t tail = 0;

	if (value == NULL)
		return true;
	if (value->len == 0 || !consists_of(*value, "0123456789"))
		return false;
	for (size_t i = 0; i < value->len && tail <= UINT32_MAX; i++)
		tail = tail * 10 + (uint64_t)(value->at[i] - '0');
	r->tail_given = true;
	r->tail = tail > UINT32_MAX ? UINT32_MAX : (uint32_t)tail;
	return true;
}

/* Copies what may be an id, of ours or of a writer, and nothing else. */
static void copy_id(char to[REQUEST_ID_MAX + 1], struct span id)
{
	if (id.len > REQUEST_ID_MAX)
		return;
	for (size_t i = 0; i < id.len; i++)
		if (strchr("\r\n", id.at[i]) != NULL) /* or NUL */
			return;
	memcpy(to, id.at, id.len);
}

static bool take_before(struct request *r, const struct span *value)
{
	if (value == NULL)
		return true;
	if (value->len == 0)
		return false;
	r->before_given = true;
	copy_id(r->before, *value);
	return true;
}

static void take_id(
	struct request *r, const char *header, const struct query *q)
{
	static const char *const names[] = { "lastEventId", "last_event_id",
		"evs_last_event_id" };
	struct span id = { header, strlen(header) };

	for (size_t i = 0; i < 3 && id.len == 0; i++) {
		const struct span *value = value_of(q, names[i]);

		if (value != NULL)
			id = *value;
	}
	r->id_given = id.len > 0;
	copy_id(r->id, id);
}

static const char *measured(const void *context, const char *name, size_t *len)
{
	const struct span *value = value_of(context, name);

	*len = value ? value->len : 0;
	return value ? value->at : NULL;
}

static bool take_doctor(struct request *r, const struct query *q)
{
	static const struct {
		const char *value;
		enum request_doctor doctor;
		enum beat beat;
	} known[] = {
		{ "", REQUEST_DOCTOR_PAGE, 0 },
		{ "judge", REQUEST_DOCTOR_JUDGE, 0 },
		{ "pace", REQUEST_DOCTOR_STREAM, BEAT_PACE },
		{ "hold", REQUEST_DOCTOR_STREAM, BEAT_HOLD },
		{ "quiet", REQUEST_DOCTOR_STREAM, BEAT_QUIET },
		{ "pause1", REQUEST_DOCTOR_STREAM, BEAT_PAUSE },
		{ "pause2", REQUEST_DOCTOR_STREAM, BEAT_PAUSE + 1 },
		{ "pause3", REQUEST_DOCTOR_STREAM, BEAT_PAUSE + 2 },
		{ "pause4", REQUEST_DOCTOR_STREAM, BEAT_PAUSE + 3 },
		{ "pause5", REQUEST_DOCTOR_STREAM, BEAT_PAUSE + 4 },
	};
	const struct span *value = value_of(q, "doctor");

	for (size_t i = 0; value && i < sizeof(known) / sizeof(*known); i++)
		if (span_is(*value, known[i].value)) {
			r->doctor = known[i].doctor;
			r->beat = known[i].beat;
		}
	if (r->doctor == REQUEST_DOCTOR_JUDGE)
		return measurement_read(&r->measurement, measured, q);
	return !value || r->doctor != REQUEST_NO_DOCTOR;
}

/* Copies what fits of a text. */
static void copy_start(char *to, size_t max, const char *from)
{
	size_t len = strnlen(from, max);

	memcpy(to, from, len);
	to[len] = '\0';
}

/* Copies a text of at most `max` bytes; of a longer one nothing. */
static void take_text(char *to, size_t max, const char *from)
{
	size_t len = strlen(from);

	if (len <= max)
		memcpy(to, from, len + 1);
}

/* It makes an AUTH_TYPE and a REMOTE_USER of any Authorization header, though
 * nobody has checked that; no other server is known to. Its SERVER_SOFTWARE is
 * nothing that a client has a hand in. */
static bool is_haproxy(const char *software)
{
	return strncasecmp(software, "HAProxy", strlen("HAProxy")) == 0;
}

/* These put the field into each request, whoever it comes from. */
static bool adds_forwarded_for(const char *software)
{
	return is_haproxy(software) ||
	       strncasecmp(software, "Caddy", strlen("Caddy")) == 0;
}

/* Sources that the path or the query names, or what may name them. */
static enum request_outcome take_sources(struct request *r,
	const char *path_info, const char *script_name,
	const struct span *in_query)
{
	struct span segment;

	if (!last_segment(path_info, &segment))
		return REQUEST_NO_SOURCE;
	if (segment.len > 0)
		return take_names(r, segment);
	if (in_query != NULL)
		return take_names(r, *in_query);
	/* A slash behind MOUNT: the server did split the path. */
	if (path_info[0] != '\0')
		return REQUEST_OK;

	if (!last_segment(script_name, &segment))
		return REQUEST_NO_SOURCE;
	if (take_names(r, segment) == REQUEST_OK)
		memcpy(r->script_name_segment, segment.at, segment.len);
	r->source_count = 0;
	return REQUEST_OK;
}

enum request_outcome request_read(
	struct request *r, request_variable *variable, const void *context)
{
	static const char *const names[] = { "REQUEST_METHOD", "QUERY_STRING",
		"PATH_INFO", "SCRIPT_NAME", "HTTP_ACCEPT", "HTTP_LAST_EVENT_ID",
		"REMOTE_ADDR", "REMOTE_USER", "AUTH_TYPE", "HTTP_ORIGIN",
		"HTTP_ACCESS_CONTROL_REQUEST_METHOD", "SERVER_SOFTWARE",
		"HTTP_VIA", "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR" };
	enum {
		METHOD,
		QUERY,
		PATH,
		SCRIPT,
		ACCEPT,
		ID,
		ADDRESS,
		USER,
		AUTH,
		ORIGIN,
		ASKED_METHOD,
		SOFTWARE,
		VIA,
		FORWARDED,
		FORWARDED_FOR,
		COUNT
	};
	const char *values[COUNT];
	struct query q;

	/* One that is not there is as good as an empty one, for all of them. */
	for (size_t i = 0; i < COUNT; i++) {
		values[i] = variable(context, names[i]);
		if (values[i] == NULL)
			values[i] = "";
	}

	memset(r, 0, sizeof(*r));
	r->method = method_of(values[METHOD]);
	take_text(r->remote_address, REQUEST_ADDRESS_MAX, values[ADDRESS]);
	take_text(r->remote_user, ACCESS_USER_MAX, values[USER]);
	r->has_auth_type =
		values[AUTH][0] != '\0' && !is_haproxy(values[SOFTWARE]);
	take_text(r->origin, CORS_ORIGIN_MAX, values[ORIGIN]);
	r->is_preflight =
		r->method == REQUEST_OPTIONS && values[ASKED_METHOD][0] != '\0';
	copy_start(r->server_software, REQUEST_SOFTWARE_MAX, values[SOFTWARE]);
	r->is_forwarded = values[VIA][0] || values[FORWARDED][0] ||
			  (values[FORWARDED_FOR][0] &&
				  !adds_forwarded_for(values[SOFTWARE]));
	if (r->method == REQUEST_NO_METHOD || !query_read(&q, values[QUERY]) ||
		!take_tail(r, value_of(&q, "tail")) ||
		!take_before(r, value_of(&q, "before")) || !take_doctor(r, &q))
		return REQUEST_MALFORMED;
	r->wants_metrics = value_of(&q, "metrics") != NULL;
	r->is_plain = r->doctor && value_of(&q, "plain") != NULL;
	take_id(r, values[ID], &q);
	r->wants_html = accepts(values[ACCEPT], "text/html") &&
			!accepts(values[ACCEPT], "text/event-stream");
	r->wants_worker = value_of(&q, "worker") != NULL;
	return take_sources(
		r, values[PATH], values[SCRIPT], value_of(&q, "source"));
}

bool request_take_script_name(struct request *r)
{
	const char *names = r->script_name_segment;

	return names[0] != '\0' &&
	       take_names(r, (struct span){ names, strlen(names) }) ==
		       REQUEST_OK;
}
