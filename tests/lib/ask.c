#define TESTS_LIB_INSIDE
#include "tests/lib/ask.h"

#include <ctype.h>
#include <string.h>

static const char *or_usual(const char *given, const char *usual)
{
	return given ? given : usual;
}

/* Whether the list replaces or takes away the variable NAME. */
static bool is_replaced(const struct ask *ask, const char *name, size_t len)
{
	for (const char *const *v = ask->variables; v && *v; v++)
		if (strncmp(*v, name, len) == 0 &&
			((*v)[len] == '=' || (*v)[len] == '\0'))
			return true;
	return false;
}

static void add_variable(struct bytes *out, const struct ask *ask,
	const char *name, const char *value)
{
	if (!value || is_replaced(ask, name, strlen(name)))
		return;
	bytes_add_format(out, "%s=%s", name, value);
	bytes_add_byte(out, '\0');
}

/* "Last-Event-ID: x" becomes HTTP_LAST_EVENT_ID (RFC 3875 4.1.18). */
static void add_header(
	struct bytes *out, const struct ask *ask, const char *header)
{
	struct bytes name = BYTES_INIT;
	const char *colon = strchr(header, ':');

	if (!colon)
		return;
	bytes_add_text(&name, "HTTP_");
	for (const char *c = header; c < colon; c++)
		bytes_add_byte(
			&name, *c == '-' ? '_' : toupper((unsigned char)*c));
	const char *value = colon + 1;
	value += strspn(value, " ");
	add_variable(out, ask, name.data, value);
	bytes_release(&name);
}

static void add_target(struct bytes *out, const struct ask *ask)
{
	bytes_add_text(out, or_usual(ask->mount, "/stream"));
	bytes_add_text(out, or_usual(ask->path, ""));
	if (ask->query)
		bytes_add_format(out, "?%s", ask->query);
}

void ask_variables(struct bytes *out, const struct ask *ask)
{
	static const struct ask usual;
	struct bytes target = BYTES_INIT;

	if (!ask)
		ask = &usual;
	const char *mount = or_usual(ask->mount, "/stream");
	add_target(&target, ask);
	add_variable(out, ask, "GATEWAY_INTERFACE", "CGI/1.1");
	add_variable(out, ask, "SERVER_SOFTWARE", "front/1.0");
	add_variable(out, ask, "SERVER_PROTOCOL", "HTTP/1.1");
	add_variable(out, ask, "SERVER_NAME", "localhost");
	add_variable(out, ask, "SERVER_ADDR", "127.0.0.1");
	add_variable(out, ask, "SERVER_PORT", "80");
	add_variable(out, ask, "REMOTE_ADDR",
		or_usual(ask->remote_address, "127.0.0.1"));
	add_variable(out, ask, "REMOTE_PORT", "40000");
	add_variable(out, ask, "REQUEST_SCHEME", "http");
	add_variable(out, ask, "REQUEST_METHOD", or_usual(ask->method, "GET"));
	add_variable(out, ask, "REQUEST_URI", target.data);
	add_variable(out, ask, "DOCUMENT_ROOT", "/var/www/html");
	add_variable(out, ask, "SCRIPT_NAME", mount);
	add_variable(out, ask, "SCRIPT_FILENAME", mount);
	add_variable(out, ask, "PATH_INFO", ask->path);
	add_variable(out, ask, "QUERY_STRING", or_usual(ask->query, ""));
	add_variable(out, ask, "HTTP_HOST", "localhost");
	add_variable(out, ask, "HTTP_ACCEPT",
		or_usual(ask->accept, "text/event-stream"));
	add_variable(out, ask, "HTTP_LAST_EVENT_ID", ask->last_event_id);
	for (const char *const *h = ask->headers; h && *h; h++)
		add_header(out, ask, *h);
	for (const char *const *v = ask->variables; v && *v; v++)
		if (strchr(*v, '='))
			bytes_add(out, *v, strlen(*v) + 1);
	bytes_release(&target);
}

const char *ask_next(const struct bytes *list, const char *variable)
{
	const char *next =
		variable ? variable + strlen(variable) + 1 : list->data;

	return list->len && next < list->data + list->len ? next : NULL;
}

void ask_http(struct bytes *out, const struct ask *ask, const char *host)
{
	static const struct ask usual;

	if (!ask)
		ask = &usual;
	bytes_add_format(out, "%s ", or_usual(ask->method, "GET"));
	add_target(out, ask);
	bytes_add_format(out, " HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n", host,
		or_usual(ask->accept, "text/event-stream"));
	if (ask->last_event_id)
		bytes_add_format(
			out, "Last-Event-ID: %s\r\n", ask->last_event_id);
	for (const char *const *h = ask->headers; h && *h; h++)
		bytes_add_format(out, "%s\r\n", *h);
	bytes_add_text(out, "\r\n");
}
