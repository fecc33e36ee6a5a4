#include "common/head.h"

#include <stddef.h>

#include "common/encode.h"

#define ALLOW	 "Allow: GET, HEAD, OPTIONS\r\n"
#define NO_STORE "Cache-Control: no-store\r\n"
#define NOSNIFF	 "X-Content-Type-Options: nosniff\r\n"

/* Said in the stream, where it helps whoever looks at it with curl. */
#define OPENING                                                                \
	"ssetail: server-sent events. This line is long so that servers "      \
	"which hold back the first bytes of a response let go of them."

_Static_assert(sizeof(OPENING) > 100, "Apache holds back about 100 bytes");

void head_add_stream(struct buffer *b, bool incremental)
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
	buffer_add_string(b, "\r\n");
}

void head_add_opening(struct buffer *b, unsigned retry_ms)
{
	encode_comment(b, OPENING);
	encode_retry(b, retry_ms);
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

void head_add_answer(
	struct buffer *b, int status, const char *body, bool with_body)
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
	buffer_add_string(b, "\r\n");
	if (answer->body != NULL && with_body)
		buffer_add_string(b, body != NULL ? body : answer->body);
}

void head_add_options(struct buffer *b)
{
	buffer_add_string(
		b, "Status: 204 No Content\r\n" ALLOW NO_STORE NOSNIFF "\r\n");
}
