#include "common/head.h"

#include <stddef.h>

#include "common/encode.h"
#include "common/metrics.h"

#define ALLOW	 "Allow: GET, HEAD, OPTIONS\r\n"
#define NO_STORE "Cache-Control: no-store\r\n"
#define NOSNIFF	 "X-Content-Type-Options: nosniff\r\n"

/*
 * Of a request across origins: what an EventSource needs. Its Last-Event-ID
 * needs leave only where it is longer than 128 bytes. Two hours are as long as
 * any browser keeps the answer.
 */
#define PREFLIGHT                                                              \
	"Access-Control-Allow-Methods: GET, HEAD\r\n"                          \
	"Access-Control-Allow-Headers: Last-Event-ID\r\n"                      \
	"Access-Control-Max-Age: 7200\r\n"

/* Said in the stream, where it helps whoever looks at it with curl. */
#define OPENING                                                                \
	"ssetail: server-sent events. This line is long so that servers "      \
	"which hold back the first bytes of a response let go of them."

_Static_assert(sizeof(OPENING) > 100, "Apache holds back about 100 bytes");

static void add_cors(struct buffer *b, const struct cors_grant *cors)
{
	if (!cors)
		return;
	if (cors->origin)
		buffer_add_format(
			b, "Access-Control-Allow-Origin: %s\r\n", cors->origin);
	if (cors->with_credentials)
		buffer_add_string(
			b, "Access-Control-Allow-Credentials: true\r\n");
	/* Also where nothing is granted: a cache must not give this answer to
	 * an origin that would have got another. */
	if (cors->varies)
		buffer_add_string(b, "Vary: Origin\r\n");
}

void head_add_stream(
	struct buffer *b, bool incremental, const struct cors_grant *cors)
{
	/* The type bare: some clients compare it whole. No Status, which is
	 * 200 then; no Connection and no Transfer-Encoding, which are the web
	 * server's (lighttpd sends an empty body for the latter). */
	buffer_add_string(b,
		"Content-Type: text/event-stream\r\n"
		"Cache-Control: no-cache, no-store, no-transform\r\n"
		"X-Accel-Buffering: no\r\n" NOSNIFF);
	if (incremental)
		buffer_add_string(b, "Incremental: ?1\r\n");
	add_cors(b, cors);
	buffer_add_string(b, "\r\n");
}

void head_add_opening(struct buffer *b, unsigned retry_ms)
{
	encode_comment(b, OPENING);
	encode_retry(b, retry_ms);
}

void head_add_metrics(struct buffer *b)
{
	buffer_add_string(b,
		"Content-Type: " METRICS_TYPE "\r\n" NO_STORE NOSNIFF "\r\n");
}

struct answer {
	int status;
	const char *reason;
	const char *body; /* NULL: none, and no Content-Type */
};

static const struct answer answers[] = {
	{ 204, "No Content", NULL },
	{ 400, "Bad Request", "This request is malformed.\n" },
	{ 403, "Forbidden",
		"You are logged in, but not as somebody who may read this.\n" },
	{ 404, "Not Found",
		"There is no such source. One is asked for as MOUNT/NAME or "
		"MOUNT?source=NAME,\nwhere MOUNT is the address of this "
		"program.\n" },
	{ 405, "Method Not Allowed",
		"Only GET, HEAD and OPTIONS are answered here.\n" },
	/* Of any other status as well: the last one. */
	{ 500, "Internal Server Error",
		"This cannot be answered; the web server's error log says "
		"why.\n" },
};

static const struct answer *answer_of(int status)
{
	const struct answer *answer = answers;

	while (answer->status != status && answer->status != 500)
		answer++;
	return answer;
}

void head_add_answer(struct buffer *b, int status, const char *body,
	bool with_body, const struct cors_grant *cors)
{
	const struct answer *answer = answer_of(status);

	buffer_add_format(
		b, "Status: %d %s\r\n", answer->status, answer->reason);
	if (answer->body != NULL)
		buffer_add_string(
			b, "Content-Type: text/plain; charset=utf-8\r\n");
	buffer_add_string(b, NO_STORE NOSNIFF);
	if (answer->status == 405)
		buffer_add_string(b, ALLOW);
	add_cors(b, cors);
	buffer_add_string(b, "\r\n");
	if (answer->body != NULL && with_body)
		buffer_add_string(b, body != NULL ? body : answer->body);
}

void head_add_options(
	struct buffer *b, bool is_preflight, const struct cors_grant *cors)
{
	buffer_add_string(
		b, "Status: 204 No Content\r\n" ALLOW NO_STORE NOSNIFF);
	add_cors(b, cors);
	if (is_preflight && cors && cors->origin)
		buffer_add_string(b, PREFLIGHT);
	buffer_add_string(b, "\r\n");
}
