/*
 * threads LOG: what one would write with libfcgi in an afternoon, for
 * comparison: a thread for each client, each with FCGX_Accept_r's request.
 *
 * One thread more follows the log by inotify and puts its events, ready to be
 * sent, into a ring that all share; the others wait for news on one condition,
 * copy what is new to them, and send it by one FCGX_PutStr and FCGX_FFlush. It
 * knows no rotation, no resume and no clients that are slow: those miss what
 * the ring has lost.
 */
#include <fcgiapp.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define RING_BYTES  (1u << 20)
#define STACK_BYTES 65536
#define PIECE_BYTES 16384

static struct {
	pthread_mutex_t lock;
	pthread_cond_t news;
	uint64_t end; /* bytes ever put in */
	char bytes[RING_BYTES];
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.news = PTHREAD_COND_INITIALIZER };

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the log */

static void put(const char *bytes, size_t len)
{
	while (len) {
		size_t at = ring.end % RING_BYTES;
		size_t part = RING_BYTES - at < len ? RING_BYTES - at : len;

		memcpy(ring.bytes + at, bytes, part);
		ring.end += part;
		bytes += part;
		len -= part;
	}
}

static void put_event(const char *line, size_t len, uint64_t offset)
{
	char id[40];
	int n = snprintf(id, sizeof(id), "\nid: %ju\n\n", (uintmax_t)offset);

	put("data: ", 6);
	put(line, len);
	put(id, (size_t)n);
}

/* Reads what is there; the beginning of a line stays in `text`. */
static void read_lines(int fd)
{
	static char text[PIECE_BYTES];
	static size_t have;
	static uint64_t offset;
	ssize_t n;

	while ((n = read(fd, text + have, sizeof(text) - have)) > 0) {
		char *line = text, *end;

		have += (size_t)n;
		pthread_mutex_lock(&ring.lock);
		while ((end = memchr(
				line, '\n', have - (size_t)(line - text)))) {
			offset += (uint64_t)(end + 1 - line);
			put_event(line, (size_t)(end - line), offset);
			line = end + 1;
		}
		pthread_cond_broadcast(&ring.news);
		pthread_mutex_unlock(&ring.lock);
		have -= (size_t)(line - text);
		memmove(text, line, have);
	}
}

static void *follow(void *path)
{
	char events[4096];
	int watch = inotify_init1(IN_CLOEXEC);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
		fail(path);
	do
		read_lines(fd);
	while (read(watch, events, sizeof(events)) > 0);
	return NULL;
}

/* ---- clients */

/* Waits for something after `at`, copies it, and returns how much. */
static size_t take(char *piece, uint64_t *at)
{
	size_t from, len, part;

	pthread_mutex_lock(&ring.lock);
	while (*at == ring.end)
		pthread_cond_wait(&ring.news, &ring.lock);
	if (ring.end - *at > RING_BYTES)
		*at = ring.end;
	len = (size_t)(ring.end - *at);
	if (len > PIECE_BYTES)
		len = PIECE_BYTES;
	from = *at % RING_BYTES;
	part = RING_BYTES - from < len ? RING_BYTES - from : len;
	memcpy(piece, ring.bytes + from, part);
	memcpy(piece + part, ring.bytes, len - part);
	*at += len;
	pthread_mutex_unlock(&ring.lock);
	return len;
}

static void *serve(void *context)
{
	FCGX_Request *request = context;
	char piece[PIECE_BYTES];
	uint64_t at;
	int sent;

	pthread_mutex_lock(&ring.lock);
	at = ring.end;
	pthread_mutex_unlock(&ring.lock);
	sent = FCGX_FPrintF(request->out, "Content-Type: text/event-stream\r\n"
					  "Cache-Control: no-cache\r\n\r\n"
					  "id: now\n\n");
	while (sent >= 0 && FCGX_FFlush(request->out) == 0)
		sent = FCGX_PutStr(piece, (int)take(piece, &at), request->out);
	FCGX_Finish_r(request);
	free(request);
	return NULL;
}

static bool start(void *(*run)(void *), void *context)
{
	pthread_attr_t small;
	pthread_t thread;
	bool started;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK_BYTES);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	started = pthread_create(&thread, &small, run, context) == 0;
	pthread_attr_destroy(&small);
	return started;
}

int main(int argc, char **argv)
{
	if (argc != 2 || FCGX_Init() != 0 || !start(follow, argv[1]))
		fail("threads LOG");
	for (;;) {
		FCGX_Request *request = malloc(sizeof(*request));

		if (!request || FCGX_InitRequest(request, 0, 0) != 0)
			fail("request");
		if (FCGX_Accept_r(request) < 0)
			return 0; /* SIGTERM */
		if (!start(serve, request))
			fail("thread");
	}
}
