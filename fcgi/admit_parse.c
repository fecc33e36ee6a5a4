/* What libfcgi is given, and whether it works the way that needs. */
#include "fcgi/admit_inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/memory.h"

/* Linux 6.3; where vm.memfd_noexec is 2, a memfd is not to be had without. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* The parameters of a head that fits are one record when written anew. */
static_assert(
	ADMIT_HEAD_MAX - 3 * FCGI_HEADER_LEN - sizeof(FCGI_BeginRequestBody) <=
		RECORD_CONTENT_MAX,
	"a head needs several FCGI_PARAMS records");

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
	ssize_t n = fd < 0 ? -1 : pwrite(fd, bytes, len, 0);

	if (fd >= 0 && n != (ssize_t)len) {
		/* A part of it is taken up to RLIMIT_FSIZE. */
		int error = n < 0 ? errno : EFBIG;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* What it needs for that: two streams with buffers of 8 KiB; and the
 * parameters with the list of them, which is made anew as it grows. */
#define PARSE_BYTES  32768u
#define PARSE_FACTOR 2u

static bool has_memory(size_t len)
{
	return memory_is_there(PARSE_BYTES + PARSE_FACTOR * len);
}

int admit_parse(FCGX_Request *request, const void *head, size_t len)
{
	int fd;

	if (!has_memory(len) || init_libfcgi() != 0 ||
		(fd = open_memfd(head, len)) < 0)
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

void admit_add_head(
	struct buffer *head, unsigned id, const struct buffer *params)
{
	static const FCGI_BeginRequestBody begin = { .roleB0 = FCGI_RESPONDER };

	admit_add_record(head, FCGI_BEGIN_REQUEST, id, &begin, sizeof(begin));
	if (params->len > 0)
		admit_add_record(
			head, FCGI_PARAMS, id, params->data, params->len);
	admit_add_record(head, FCGI_PARAMS, id, "", 0);
	admit_add_record(head, FCGI_STDIN, id, "", 0);
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
	char *end = admit_put_length(lengths, strlen(name));

	end = admit_put_length(end, strlen(value));
	buffer_add(params, lengths, (size_t)(end - lengths));
	buffer_add_string(params, name);
	buffer_add_string(params, value);
}

/* False with errno: what libfcgi is given a head in is not to be had. */
static bool can_be_tried(const struct buffer *head)
{
	int fd;

	if (!has_memory(head->len))
		return false;
	fd = open_memfd(head->data, head->len);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
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
	noticed = admit_parse(&request, head->data,
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
	int error = ENOMEM;

	if (long_value != NULL) {
		memset(long_value, 'x', LONG_VALUE);
		long_value[LONG_VALUE] = '\0';
		add_pair(&params, "EMPTY", "");
		add_pair(&params, "HTTP_COOKIE", long_value);
		add_pair(&params, "REQUEST_METHOD", "GET");
		admit_add_head(&head, 1, &params);
		if (!params.failed && !head.failed)
			error = can_be_tried(&head) ? EPROTO : errno;
	}
	if (error == EPROTO && reads_a_head(&head, long_value) &&
		notices_a_cut(&head) && lowest_free_descriptor() == descriptor)
		error = 0;
	free(long_value);
	buffer_release(&params);
	buffer_release(&head);
	errno = error;
	return error ? -1 : 0;
}
