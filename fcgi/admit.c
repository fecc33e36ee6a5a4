#include "fcgi/admit_inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/head.h"

#define APP_STATUS_REFUSED 1 /* in FCGI_END_REQUEST, as an exit status */

struct admit {
	FCGX_Request request; /* after ADMIT_READY; holds the parameters */
	enum admit_outcome outcome;
	unsigned id; /* of the active request; 0: none yet */
	bool keeps_connection;
	size_t total; /* bytes of the records so far */

	/* The record that is arriving. */
	unsigned char header[FCGI_HEADER_LEN];
	unsigned have;	     /* bytes of the header so far */
	size_t content_left; /* bytes still to come */
	size_t padding_left;
	struct buffer *sink; /* where its content goes; NULL: nowhere */

	struct buffer content; /* of FCGI_BEGIN_REQUEST, FCGI_GET_VALUES */
	struct buffer params;  /* the stream of FCGI_PARAMS */
	struct admit_walk walk;
};

/* The fields of a record's header. */

static unsigned header_type(const unsigned char *header)
{
	return header[1];
}

static unsigned header_id(const unsigned char *header)
{
	return (unsigned)header[2] << 8 | header[3];
}

static size_t header_content(const unsigned char *header)
{
	return (size_t)header[4] << 8 | header[5];
}

static size_t header_padding(const unsigned char *header)
{
	return header[6];
}

/* Answers. */

void admit_add_record(struct buffer *answer, unsigned type, unsigned id,
	const void *content, size_t len)
{
	unsigned char header[RECORD_HEADER_BYTES];

	record_put_header(header, type, id, len);
	buffer_add(answer, header, sizeof(header));
	buffer_add(answer, content, len);
}

static void add_end(struct buffer *answer, unsigned id, uint32_t app_status,
	unsigned protocol_status)
{
	unsigned char end[RECORD_END_BYTES];

	/* Without the empty FCGI_STDOUT: nothing was ever sent there. */
	record_put_end(end, id, app_status, protocol_status);
	buffer_add(answer, end + RECORD_HEADER_BYTES,
		sizeof(end) - RECORD_HEADER_BYTES);
}

/* Ends the active request, if there is one. */
static enum admit_outcome refuse(
	const struct admit *a, unsigned protocol_status, struct buffer *answer)
{
	if (a->id != 0)
		add_end(answer, a->id, APP_STATUS_REFUSED, protocol_status);
	return ADMIT_REFUSE;
}

/* A request too large to be one is answered as any malformed one is: a web
 * server would make an error of its own of a refusal. */
static enum admit_outcome refuse_size(
	const struct admit *a, struct buffer *answer)
{
	struct buffer response = BUFFER_INIT;

	if (a->id != 0) {
		head_add_answer(&response, 400, NULL, true, NULL);
		if (response.failed)
			answer->failed = true;
		else
			admit_add_record(answer, FCGI_STDOUT, a->id,
				response.data, response.len);
		buffer_release(&response);
	}
	return refuse(a, FCGI_REQUEST_COMPLETE, answer);
}

/* The parameters, when they are complete. */

/* libfcgi puts FCGI_ROLE in front of the parameters. */
static bool has_parameters(const FCGX_Request *request, int count)
{
	for (int i = 0; i <= count; i++)
		if (request->envp[i] == NULL)
			return false;
	return request->envp[count + 1] == NULL;
}

static enum admit_outcome complete(struct admit *a, struct buffer *answer)
{
	char fault[ADMIT_FAULT_BYTES];

	if (a->params.failed)
		return refuse(a, FCGI_OVERLOADED, answer);

	int count = admit_normalise(&a->params, fault);
	if (count < 0 && fault[0] == '\0')
		return refuse_size(a, answer);
	if (count < 0) {
		admit_add_record(
			answer, FCGI_STDERR, a->id, fault, strlen(fault));
		return refuse(a, FCGI_REQUEST_COMPLETE, answer);
	}

	buffer_clear(&a->content);
	admit_add_head(&a->content, a->id, &a->params);
	/* No memory, no descriptor, or libfcgi sees it another way. */
	if (a->content.failed ||
		admit_parse(&a->request, a->content.data, a->content.len) < 0 ||
		!has_parameters(&a->request, count))
		return refuse(a, FCGI_OVERLOADED, answer);
	return ADMIT_READY;
}

/* Records. */

/* As many connections as there are descriptors, and a request on each. */
static size_t connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return limit.rlim_cur;
}

static enum admit_outcome begin_request(
	struct admit *a, unsigned id, struct buffer *answer)
{
	FCGI_BeginRequestBody body;

	if (a->content.failed)
		return ADMIT_REFUSE;
	if (a->id != 0) {
		add_end(answer, id, APP_STATUS_REFUSED, FCGI_CANT_MPX_CONN);
		return ADMIT_MORE;
	}
	memcpy(&body, a->content.data, sizeof(body));
	a->id = id;
	a->keeps_connection = (body.flags & FCGI_KEEP_CONN) != 0;
	if (body.roleB1 != 0 || body.roleB0 != FCGI_RESPONDER)
		return refuse(a, FCGI_UNKNOWN_ROLE, answer);
	return ADMIT_MORE;
}

/* Decides about a record by its header, and where its content goes. */
static enum admit_outcome open_record(struct admit *a, struct buffer *answer)
{
	unsigned type = header_type(a->header);
	unsigned id = header_id(a->header);

	a->content_left = header_content(a->header);
	a->padding_left = header_padding(a->header);
	a->total += FCGI_HEADER_LEN + a->content_left + a->padding_left;
	if (a->total > ADMIT_HEAD_MAX)
		return refuse_size(a, answer);

	a->sink = NULL;
	if (id == FCGI_NULL_REQUEST_ID) {
		if (type == FCGI_GET_VALUES)
			a->sink = &a->content;
		else if (type <= FCGI_MAXTYPE)
			return ADMIT_REFUSE;
	} else if (type == FCGI_BEGIN_REQUEST) {
		if (id == a->id ||
			a->content_left != sizeof(FCGI_BeginRequestBody))
			return ADMIT_REFUSE;
		a->sink = &a->content;
	} else if (type == FCGI_PARAMS) {
		if (id == a->id)
			a->sink = &a->params;
	} else if (type == FCGI_STDIN || type == FCGI_DATA) {
		if (id == a->id)
			return ADMIT_REFUSE;
	} else if (type != FCGI_ABORT_REQUEST) {
		return ADMIT_REFUSE;
	}
	if (a->sink == &a->content)
		buffer_clear(&a->content);
	return ADMIT_MORE;
}

/* Does what a whole record asks for. */
static enum admit_outcome close_record(struct admit *a, struct buffer *answer)
{
	unsigned type = header_type(a->header);
	unsigned id = header_id(a->header);

	if (type == FCGI_GET_VALUES)
		return !a->content.failed &&
				       admit_add_values(answer, &a->content,
					       connections_max())
			       ? ADMIT_MORE
			       : ADMIT_REFUSE;
	if (id == FCGI_NULL_REQUEST_ID) {
		FCGI_UnknownTypeBody body = { .type = (unsigned char)type };

		admit_add_record(
			answer, FCGI_UNKNOWN_TYPE, id, &body, sizeof(body));
		return ADMIT_MORE;
	}
	if (type == FCGI_BEGIN_REQUEST)
		return begin_request(a, id, answer);
	if (id != a->id)
		return ADMIT_MORE;
	if (type == FCGI_ABORT_REQUEST) {
		add_end(answer, id, 0, FCGI_REQUEST_COMPLETE);
		return ADMIT_REFUSE;
	}
	if (type == FCGI_PARAMS && header_content(a->header) == 0)
		return complete(a, answer);
	return ADMIT_MORE;
}

/* Takes bytes of one part of one record; returns how many. */
static size_t take(struct admit *a, const unsigned char *bytes, size_t len,
	struct buffer *answer)
{
	size_t n;

	if (a->have < FCGI_HEADER_LEN) {
		n = admit_least(len, FCGI_HEADER_LEN - a->have);
		memcpy(a->header + a->have, bytes, n);
		a->have += (unsigned)n;
		/* At the first byte: HTTP need not wait for a deadline. */
		if (a->header[0] != FCGI_VERSION_1)
			a->outcome = ADMIT_REFUSE;
		else if (a->have == FCGI_HEADER_LEN)
			a->outcome = open_record(a, answer);
	} else if (a->content_left > 0) {
		n = admit_least(len, a->content_left);
		if (a->sink != NULL)
			buffer_add(a->sink, bytes, n);
		a->content_left -= n;
	} else {
		n = admit_least(len, a->padding_left);
		a->padding_left -= n;
	}

	if (a->outcome == ADMIT_MORE && a->have == FCGI_HEADER_LEN &&
		a->content_left == 0 && a->padding_left == 0) {
		a->have = 0;
		a->outcome = close_record(a, answer);
	}
	return n;
}

enum admit_outcome admit_feed(
	struct admit *a, const void *bytes, size_t len, struct buffer *answer)
{
	const unsigned char *at = bytes;
	enum admit_outcome before = a->outcome;

	while (a->outcome == ADMIT_MORE && len > 0) {
		size_t n = take(a, at, len, answer);

		at += n;
		len -= n;
	}
	if (a->outcome == ADMIT_READY &&
		admit_walk_aborts(&a->walk, a->id, at, len)) {
		add_end(answer, a->id, 0, FCGI_REQUEST_COMPLETE);
		a->outcome = ADMIT_REFUSE;
	}
	if (a->outcome != before) {
		buffer_release(&a->content);
		buffer_release(&a->params);
	}
	return a->outcome;
}

struct admit *admit_new(void)
{
	struct admit *a = calloc(1, sizeof(*a));

	if (a != NULL)
		FCGX_InitRequest(&a->request, -1, 0);
	return a;
}

void admit_free(struct admit *a)
{
	if (a == NULL)
		return;
	FCGX_Free(&a->request, 0);
	buffer_release(&a->content);
	buffer_release(&a->params);
	free(a);
}

unsigned admit_id(const struct admit *a)
{
	return a->id;
}

bool admit_keeps_connection(const struct admit *a)
{
	return a->keeps_connection;
}

const char *admit_parameter(const void *a, const char *name)
{
	const struct admit *admit = a;

	return FCGX_GetParam(name, admit->request.envp);
}

struct admit_walk admit_walk_on(const struct admit *a)
{
	return a->walk;
}

bool admit_walk_aborts(
	struct admit_walk *w, unsigned id, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	while (len > 0) {
		size_t n;

		if (w->skip > 0) {
			n = admit_least(len, w->skip);
			w->skip -= n;
		} else {
			n = admit_least(len, sizeof(w->header) - w->have);
			memcpy(w->header + w->have, at, n);
			w->have += (unsigned)n;
			if (w->header[0] != FCGI_VERSION_1)
				return true;
		}
		if (w->have == sizeof(w->header)) {
			w->have = 0;
			w->skip = header_content(w->header) +
				  header_padding(w->header);
			if (header_type(w->header) == FCGI_ABORT_REQUEST &&
				header_id(w->header) == id)
				return true;
		}
		at += n;
		len -= n;
	}
	return false;
}
