#include "fcgi/admit.h"

#include <fastcgi.h>
#include <fcgiapp.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/log.h"
#include "common/head.h"
#include "common/memory.h"
#include "fcgi/record.h"

/* Linux 6.3; where vm.memfd_noexec is 2, a memfd is not to be had without. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* The parameters of a head that fits are one record when written anew. */
static_assert(
	ADMIT_HEAD_MAX - 3 * FCGI_HEADER_LEN - sizeof(FCGI_BeginRequestBody) <=
		RECORD_CONTENT_MAX,
	"a head needs several FCGI_PARAMS records");

#define APP_STATUS_REFUSED 1  /* in FCGI_END_REQUEST, as an exit status */
#define NAME_SHOWN	   64 /* bytes of a parameter's name in a sentence */
#define FAULT_BYTES	   (4 * NAME_SHOWN + 96)

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

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

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

static void add_record(struct buffer *answer, unsigned type, unsigned id,
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
			add_record(answer, FCGI_STDOUT, a->id, response.data,
				response.len);
		buffer_release(&response);
	}
	return refuse(a, FCGI_REQUEST_COMPLETE, answer);
}

/* Name-value pairs, section 3.4. */

struct pair {
	const char *name;
	const char *value;
	size_t name_len;
	size_t value_len;
};

/* A length takes one byte, or four with the highest bit set. */
static bool read_length(const char **at, const char *end, size_t *len)
{
	const unsigned char *p = (const unsigned char *)*at;

	if (*at == end)
		return false;
	if (p[0] < 0x80) {
		*len = p[0];
		*at += 1;
		return true;
	}
	if (end - *at < 4)
		return false;
	*len = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
	       (size_t)p[2] << 8 | p[3];
	*at += 4;
	return true;
}

/* False when there is no whole pair at *at, which is then not moved. */
static bool read_pair(const char **at, const char *end, struct pair *pair)
{
	const char *p = *at;

	if (!read_length(&p, end, &pair->name_len) ||
		!read_length(&p, end, &pair->value_len) ||
		pair->name_len > (size_t)(end - p) ||
		pair->value_len > (size_t)(end - p) - pair->name_len)
		return false;
	pair->name = p;
	pair->value = p + pair->name_len;
	*at = pair->value + pair->value_len;
	return true;
}

static char *put_length(char *out, size_t len)
{
	if (len >= 0x80) {
		*out++ = (char)(0x80 | len >> 24);
		*out++ = (char)(len >> 16);
		*out++ = (char)(len >> 8);
	}
	*out++ = (char)len;
	return out;
}

static bool same_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* FCGI_GET_VALUES, section 4.1. */

/* As many connections as there are descriptors, and a request on each. */
static size_t connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return limit.rlim_cur;
}

/* Each variable is answered once, however often it is asked for. */
static bool add_values(
	struct buffer *answer, const struct buffer *asked, size_t connections)
{
	static const char *const names[] = { FCGI_MAX_CONNS, FCGI_MAX_REQS,
		FCGI_MPXS_CONNS };
	enum { NAMES = sizeof(names) / sizeof(*names) };
	bool wanted[NAMES] = { false };
	char content[NAMES * 64];
	size_t len = 0;
	const char *at = asked->len ? asked->data : "";
	const char *end = at + asked->len;
	struct pair pair;

	while (at != end) {
		if (!read_pair(&at, end, &pair))
			return false;
		for (size_t i = 0; i < NAMES; i++)
			if (same_bytes(pair.name, pair.name_len, names[i],
				    strlen(names[i])))
				wanted[i] = true;
	}
	for (size_t i = 0; i < NAMES; i++) {
		bool is_mpxs = strcmp(names[i], FCGI_MPXS_CONNS) == 0;
		char value[24];

		if (!wanted[i])
			continue;
		snprintf(value, sizeof(value), "%zu",
			is_mpxs ? (size_t)0 : connections);
		content[len++] = (char)strlen(names[i]);
		content[len++] = (char)strlen(value);
		len += (size_t)snprintf(content + len, sizeof(content) - len,
			"%s%s", names[i], value);
	}
	add_record(answer, FCGI_GET_VALUES_RESULT, FCGI_NULL_REQUEST_ID,
		content, len);
	return true;
}

/* What libfcgi is given. */

/*
 * FCGX_Init takes SIGPIPE, SIGUSR1 and SIGTERM. They are blocked meanwhile,
 * so that none of them finds libfcgi's handler, and given back.
 */
static int init_libfcgi(void)
{
	static const int taken[] = { SIGPIPE, SIGUSR1, SIGTERM };
	enum { TAKEN = sizeof(taken) / sizeof(*taken) };
	static bool done;
	struct sigaction before[TAKEN];
	sigset_t block, mask;

	if (done)
		return 0;
	sigemptyset(&block);
	for (size_t i = 0; i < TAKEN; i++) {
		sigaddset(&block, taken[i]);
		sigaction(taken[i], NULL, &before[i]);
	}
	pthread_sigmask(SIG_BLOCK, &block, &mask);
	done = FCGX_Init() == 0;
	for (size_t i = 0; i < TAKEN; i++)
		sigaction(taken[i], &before[i], NULL);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	return done ? 0 : -1;
}

static int open_memfd(const void *bytes, size_t len)
{
	int fd = memfd_create("request", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("request", MFD_CLOEXEC);
	/* pwrite leaves the position at the start, for libfcgi. */
	if (fd >= 0 && pwrite(fd, bytes, len, 0) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What it needs for that: two streams with buffers of 8 KiB; and the
 * parameters with the list of them, which is made anew as it grows. */
#define PARSE_BYTES  32768u
#define PARSE_FACTOR 2u

/*
 * Lets libfcgi parse a head. Without a listening socket nothing in it can
 * wait, and every retry of its ends in an error. Of the request only the
 * parameters are kept: its streams are 17 KB. Returns 0, or -1.
 */
static int parse(FCGX_Request *request, const void *head, size_t len)
{
	int fd;

	if (!memory_is_there(PARSE_BYTES + PARSE_FACTOR * len) ||
		init_libfcgi() != 0 || (fd = open_memfd(head, len)) < 0)
		return -1;
	FCGX_InitRequest(request, -1, 0);
	request->ipcFd = fd;
	request->keepConnection = 1; /* or FCGX_Accept_r closes it first */
	request->detached = 1;	     /* or a close waits for the peer */
	if (FCGX_Accept_r(request) != 0)
		return -1; /* it has closed the descriptor */

	/* Only this shows that the parameters were cut short. */
	bool whole = FCGX_GetError(request->in) == 0 &&
		     request->role == FCGI_RESPONDER;

	FCGX_FreeStream(&request->in);
	FCGX_FreeStream(&request->out);
	FCGX_FreeStream(&request->err);
	close(fd);
	request->ipcFd = -1;
	return whole ? 0 : -1;
}

static void add_head(
	struct buffer *head, unsigned id, const struct buffer *params)
{
	static const FCGI_BeginRequestBody begin = { .roleB0 = FCGI_RESPONDER };

	add_record(head, FCGI_BEGIN_REQUEST, id, &begin, sizeof(begin));
	if (params->len > 0)
		add_record(head, FCGI_PARAMS, id, params->data, params->len);
	add_record(head, FCGI_PARAMS, id, "", 0);
	add_record(head, FCGI_STDIN, id, "", 0);
}

/* The parameters, when they are complete. */

enum pair_fate { PAIR_KEEP, PAIR_DROP, PAIR_REFUSE };

static void say_ambiguous(char fault[FAULT_BYTES], const struct pair *pair)
{
	char name[NAME_SHOWN + 1];
	char shown[4 * NAME_SHOWN + 1];
	size_t len = least(pair->name_len, NAME_SHOWN);

	memcpy(name, pair->name, len);
	name[len] = '\0';
	snprintf(fault, FAULT_BYTES,
		"the web server sends parameter %s twice, with different "
		"values",
		log_escape(shown, sizeof(shown), name));
}

static enum pair_fate judge(const struct pair *pair, const struct pair *before,
	size_t count, char fault[FAULT_BYTES])
{
	if (pair->name_len == 0 || memchr(pair->name, '\0', pair->name_len) ||
		memchr(pair->name, '=', pair->name_len)) {
		snprintf(fault, FAULT_BYTES,
			"the web server sends a parameter whose name is empty "
			"or holds '=' or NUL");
		return PAIR_REFUSE;
	}
	for (size_t i = 0; i < count; i++) {
		if (!same_bytes(pair->name, pair->name_len, before[i].name,
			    before[i].name_len))
			continue;
		if (same_bytes(pair->value, pair->value_len, before[i].value,
			    before[i].value_len))
			return PAIR_DROP;
		if (pair->name_len > 5 && memcmp(pair->name, "HTTP_", 5) == 0)
			return PAIR_DROP;
		say_ambiguous(fault, pair);
		return PAIR_REFUSE;
	}
	return PAIR_KEEP;
}

/* Moves a pair down to `out` with the shortest lengths; returns its end. */
static char *put_pair(char *out, struct pair *pair)
{
	size_t len = pair->name_len + pair->value_len;
	const char *from = pair->name;

	out = put_length(out, pair->name_len);
	out = put_length(out, pair->value_len);
	memmove(out, from, len);
	pair->name = out;
	pair->value = out + pair->name_len;
	return out + len;
}

static void replace_nul(char *bytes, size_t len)
{
	char *nul;

	while ((nul = memchr(bytes, '\0', len)) != NULL)
		*nul = '\001';
}

/*
 * Checks the stream of parameters and writes it anew in its own place, where
 * it never grows. Returns how many there are now; or -1 with a sentence, or
 * with an empty one when there are too many.
 */
static int normalise(struct buffer *params, char fault[FAULT_BYTES])
{
	struct pair pairs[ADMIT_PARAMS_MAX];
	size_t count = 0;
	size_t seen = 0;

	fault[0] = '\0';
	if (params->len == 0)
		return 0;

	const char *at = params->data;
	const char *end = params->data + params->len;
	char *out = params->data;

	while (at != end) {
		struct pair *pair = &pairs[count];

		if (++seen > ADMIT_PARAMS_MAX)
			return -1;
		if (!read_pair(&at, end, pair)) {
			snprintf(fault, FAULT_BYTES,
				"the lengths of the parameters do not fit");
			return -1;
		}
		replace_nul(params->data + (pair->value - params->data),
			pair->value_len);
		switch (judge(pair, pairs, count, fault)) {
		case PAIR_REFUSE:
			return -1;
		case PAIR_DROP:
			break;
		case PAIR_KEEP:
			out = put_pair(out, pair);
			count++;
		}
	}
	params->len = (size_t)(out - params->data);
	return (int)count;
}

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
	char fault[FAULT_BYTES];

	if (a->params.failed)
		return refuse(a, FCGI_OVERLOADED, answer);

	int count = normalise(&a->params, fault);
	if (count < 0 && fault[0] == '\0')
		return refuse_size(a, answer);
	if (count < 0) {
		add_record(answer, FCGI_STDERR, a->id, fault, strlen(fault));
		return refuse(a, FCGI_REQUEST_COMPLETE, answer);
	}

	buffer_clear(&a->content);
	add_head(&a->content, a->id, &a->params);
	/* No memory, no descriptor, or libfcgi sees it another way. */
	if (a->content.failed ||
		parse(&a->request, a->content.data, a->content.len) != 0 ||
		!has_parameters(&a->request, count))
		return refuse(a, FCGI_OVERLOADED, answer);
	return ADMIT_READY;
}

/* Records. */

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
		return !a->content.failed && add_values(answer, &a->content,
						     connections_max())
			       ? ADMIT_MORE
			       : ADMIT_REFUSE;
	if (id == FCGI_NULL_REQUEST_ID) {
		FCGI_UnknownTypeBody body = { .type = (unsigned char)type };

		add_record(answer, FCGI_UNKNOWN_TYPE, id, &body, sizeof(body));
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
		n = least(len, FCGI_HEADER_LEN - a->have);
		memcpy(a->header + a->have, bytes, n);
		a->have += (unsigned)n;
		/* At the first byte: HTTP need not wait for a deadline. */
		if (a->header[0] != FCGI_VERSION_1)
			a->outcome = ADMIT_REFUSE;
		else if (a->have == FCGI_HEADER_LEN)
			a->outcome = open_record(a, answer);
	} else if (a->content_left > 0) {
		n = least(len, a->content_left);
		if (a->sink != NULL)
			buffer_add(a->sink, bytes, n);
		a->content_left -= n;
	} else {
		n = least(len, a->padding_left);
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
			n = least(len, w->skip);
			w->skip -= n;
		} else {
			n = least(len, sizeof(w->header) - w->have);
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

/* The self-test. */

/* Crosses the length of a byte, and libfcgi's buffer of 8 KiB. */
#define LONG_VALUE 20000

static int lowest_free_descriptor(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd;
}

static void add_pair(struct buffer *params, const char *name, const char *value)
{
	char lengths[8];
	char *end = put_length(lengths, strlen(name));

	end = put_length(end, strlen(value));
	buffer_add(params, lengths, (size_t)(end - lengths));
	buffer_add_string(params, name);
	buffer_add_string(params, value);
}

static bool reads_a_head(const struct buffer *head, const char *long_value)
{
	struct admit *a = admit_new();
	struct buffer answer = BUFFER_INIT;
	bool right = false;

	if (a != NULL &&
		admit_feed(a, head->data, head->len, &answer) == ADMIT_READY) {
		const char *empty = admit_parameter(a, "EMPTY");
		const char *method = admit_parameter(a, "REQUEST_METHOD");
		const char *cookie = admit_parameter(a, "HTTP_COOKIE");

		right = empty && method && cookie && answer.len == 0 &&
			strcmp(empty, "") == 0 && strcmp(method, "GET") == 0 &&
			strcmp(cookie, long_value) == 0 && admit_id(a) == 1 &&
			admit_parameter(a, "REQUEST") == NULL;
	}
	buffer_release(&answer);
	admit_free(a);
	return right;
}

/* A head that ends behind a pair is the one that libfcgi calls a success. */
static bool notices_a_cut(const struct buffer *head)
{
	FCGX_Request request;
	bool noticed;

	FCGX_InitRequest(&request, -1, 0);
	noticed = parse(&request, head->data,
			  head->len - 2 * RECORD_HEADER_BYTES) != 0;
	FCGX_Free(&request, 0);
	return noticed;
}

int admit_self_test(void)
{
	struct buffer params = BUFFER_INIT;
	struct buffer head = BUFFER_INIT;
	char *long_value = malloc(LONG_VALUE + 1);
	int descriptor = lowest_free_descriptor();
	bool passed = false;

	if (long_value != NULL) {
		memset(long_value, 'x', LONG_VALUE);
		long_value[LONG_VALUE] = '\0';
		add_pair(&params, "EMPTY", "");
		add_pair(&params, "HTTP_COOKIE", long_value);
		add_pair(&params, "REQUEST_METHOD", "GET");
		add_head(&head, 1, &params);
		passed = !params.failed && !head.failed &&
			 reads_a_head(&head, long_value) &&
			 notices_a_cut(&head) &&
			 lowest_free_descriptor() == descriptor;
	}
	free(long_value);
	buffer_release(&params);
	buffer_release(&head);
	return passed ? 0 : -1;
}
