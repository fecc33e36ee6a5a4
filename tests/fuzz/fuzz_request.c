/*
 * Requests. The input is the lines of fifteen variables, in this order: method,
 * query, PATH_INFO, SCRIPT_NAME, Accept, Last-Event-ID, address, user, kind of
 * authentication, Origin, Access-Control-Request-Method, the server, Via,
 * Forwarded, X-Forwarded-For; one that is "-", or not there, is not set. What
 * comes out must be what a configuration may be asked with, and what the doctor
 * may be told.
 */
#include <stdbool.h>
#include <string.h>

#include "common/request.h"
#include "tests/fuzz/fuzz.h"

enum { VARIABLES = 15 };

static const char *variable(const void *context, const char *name)
{
	static const char *const names[VARIABLES] = { "REQUEST_METHOD",
		"QUERY_STRING", "PATH_INFO", "SCRIPT_NAME", "HTTP_ACCEPT",
		"HTTP_LAST_EVENT_ID", "REMOTE_ADDR", "REMOTE_USER", "AUTH_TYPE",
		"HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
		"SERVER_SOFTWARE", "HTTP_VIA", "HTTP_FORWARDED",
		"HTTP_X_FORWARDED_FOR" };
	char *const *values = context;

	for (size_t i = 0; i < VARIABLES; i++)
		if (strcmp(name, names[i]) == 0)
			return values[i];
	MUST(name == NULL); /* no request has any other */
	return NULL;
}

static bool may_be_in_a_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

static void check_name(const char *name)
{
	size_t len = strnlen(name, REQUEST_NAME_MAX + 1);

	MUST(len > 0 && len <= REQUEST_NAME_MAX);
	MUST(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	for (size_t i = 0; i < len; i++)
		MUST(may_be_in_a_name(name[i]));
}

static void check_names(const struct request *r)
{
	MUST(r->source_count <= REQUEST_SOURCES_MAX);
	for (size_t i = 0; i < r->source_count; i++) {
		check_name(r->source[i]);
		for (size_t j = 0; j < i; j++)
			MUST(strcmp(r->source[i], r->source[j]) != 0);
	}
}

static void check_id(const char *id, bool given)
{
	size_t len = strnlen(id, REQUEST_ID_MAX + 1);

	MUST(len <= REQUEST_ID_MAX);
	MUST(len == 0 || given);
	for (size_t i = 0; i < len; i++)
		MUST(id[i] != '\r' && id[i] != '\n');
}

static void check_measured(const char *text)
{
	MUST(strnlen(text, MEASUREMENT_TEXT_MAX + 1) <= MEASUREMENT_TEXT_MAX);
	for (; *text; text++)
		MUST((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void check_measurement(const struct measurement *m)
{
	MUST(m->status <= MEASUREMENT_MS_MAX);
	MUST(m->has_first || m->first_ms == 0);
	check_measured(m->protocol);
	check_measured(m->type);
	check_measured(m->cache);
	check_measured(m->encoding);
	check_measured(m->server);
	check_measured(m->via);
	for (size_t i = 0; i < MEASUREMENT_PACES; i++) {
		MUST(m->pace[i].count <= BEAT_PACE_EVENTS);
		for (size_t j = 0; j < m->pace[i].count; j++)
			MUST(m->pace[i].events[j].sent_ms <=
					MEASUREMENT_MS_MAX &&
				m->pace[i].events[j].arrived_ms <=
					MEASUREMENT_MS_MAX);
	}
	for (size_t i = 0; i < MEASUREMENT_HOLDS; i++)
		MUST(m->hold[i].count <= MEASUREMENT_STREAMS);
	for (size_t i = 0; i < MEASUREMENT_QUIETS; i++)
		MUST(m->quiet[i].end == END_CUT || m->quiet[i].after_ms == 0);
}

static void check_request(const struct request *r)
{
	struct request other = *r;

	check_names(r);
	check_id(r->id, r->id_given);
	check_id(r->before, r->before_given);
	MUST(r->tail == 0 || r->tail_given);
	check_measurement(&r->measurement);
	MUST(r->source_count == 0 || r->script_name_segment[0] == '\0');
	if (request_take_script_name(&other)) {
		MUST(other.source_count > 0);
		check_names(&other);
	} else {
		MUST(memcmp(r, &other, sizeof(other)) == 0);
	}
}

/* All of what the web server says, or nothing. */
static void check_text(const char *kept, size_t max, const char *said)
{
	size_t len = said ? strlen(said) : 0;

	MUST(strnlen(kept, max + 1) <= max);
	MUST(strcmp(kept, len > 0 && len <= max ? said : "") == 0);
}

static void check_visitor(const struct request *r, char *const *values)
{
	check_text(r->remote_address, REQUEST_ADDRESS_MAX, values[6]);
	check_text(r->remote_user, ACCESS_USER_MAX, values[7]);
	MUST(!r->has_auth_type || (values[8] && *values[8]));
	MUST(!r->has_auth_type || !values[11] || *values[11] != 'H' ||
		strncmp(values[11], "HAProxy", 7) != 0);
	check_text(r->origin, CORS_ORIGIN_MAX, values[9]);
	MUST(strnlen(r->server_software, REQUEST_SOFTWARE_MAX + 1) <=
		REQUEST_SOFTWARE_MAX);
	MUST(!r->is_forwarded || (values[12] && *values[12]) ||
		(values[13] && *values[13]) || (values[14] && *values[14]));
	MUST(r->is_preflight ==
		(r->method == REQUEST_OPTIONS && values[10] && *values[10]));
}

/* Cuts the text into its first lines. */
static void take_lines(char *text, char *values[VARIABLES])
{
	for (size_t i = 0; i < VARIABLES; i++) {
		char *end = text ? strchr(text, '\n') : NULL;

		if (end)
			*end++ = '\0';
		values[i] = text && strcmp(text, "-") != 0 ? text : NULL;
		text = end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *values[VARIABLES];
	struct request first, second;
	enum request_outcome outcome;

	MUST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	take_lines(text, values);

	memset(&first, 0x55, sizeof(first));
	memset(&second, 0xaa, sizeof(second));
	outcome = request_read(&first, variable, values);
	MUST(outcome == request_read(&second, variable, values));
	MUST(first.method == second.method);
	if (outcome == REQUEST_OK) {
		MUST(memcmp(&first, &second, sizeof(first)) == 0);
		check_request(&first);
	}
	/* An answer to what is malformed goes by these, too. */
	check_visitor(&first, values);
	free(text);
	return 0;
}
