/*
 * fetch: responses as they arrive, line by line with the time, each by a curl
 * of its own: it knows TLS, HTTP/2, proxies and ways to log in, and this
 * program needs none of that.
 */
#ifndef SSETAIL_FETCH_H
#define SSETAIL_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buffer.h"
#include "common/measurement.h"

enum fetch_field {
	FETCH_TYPE,
	FETCH_CACHE,
	FETCH_ENCODING,
	FETCH_SERVER,
	FETCH_VIA,
	FETCH_X_CACHE,
	FETCH_CF_RAY,
	FETCH_LENGTH,
	FETCH_AGE
};

enum { FETCH_FIELDS = FETCH_AGE + 1 };

struct fetch;

/* A line of the body, without its end. */
typedef void fetch_line(struct fetch *f, const char *line);

struct fetch {
	fetch_line *hear;
	void *context; /* the caller's */

	unsigned status;   /* 0: no response */
	char protocol[16]; /* "http/1.1", "h2" */
	char fields[FETCH_FIELDS][MEASUREMENT_TEXT_MAX + 1]; /* "": none */

	/* On the monotonic clock. */
	int64_t asked_ms;
	int64_t first_ms; /* the first byte of the body; -1: none came */
	int64_t now_ms;	  /* when what is being heard arrived */
	int64_t end_ms;

	/* Inside. */
	pid_t pid;
	int fd;
	bool in_body;
	struct buffer line;
};

/*
 * Asks. `header` is one more field, "Name: value", or NULL; `options` more
 * arguments of curl, ended by NULL. curl is ended after so many seconds.
 * Returns 0, or -1 with errno: ENOENT, there is no curl.
 */
int fetch_start(struct fetch *f, const char *url, const char *header,
	unsigned seconds, char *const *options);

/* Reads all of them to their ends. */
void fetch_run(struct fetch *list, size_t count);

#endif
