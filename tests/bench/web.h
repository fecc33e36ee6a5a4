/*
 * web: real web servers in front of what sends, each on a free port of the
 * loopback, with the files of conf/ that users copy where these are about it.
 */
#ifndef SSETAIL_BENCH_WEB_H
#define SSETAIL_BENCH_WEB_H

#include <stddef.h>
#include <sys/types.h>

#include "tests/lib/fragment.h"

struct web {
	pid_t pid;
	char address[32]; /* "127.0.0.1:PORT" */
};

/* lighttpd with a fragment of conf/lighttpd whose lines at the top are set so.
 */
struct web web_open_lighttpd(
	size_t clients, const char *fragment, const struct fragment_value *set);

/* nginx, one worker process, with conf/nginx/ssetail.conf for that socket. */
struct web web_open_nginx(size_t clients, const char *socket);

/* nginx with a line at its top ("" for none), and this file in its server. */
struct web web_open_nginx_with(
	size_t clients, const char *top, const char *site);

void web_close(struct web *w);

#endif
