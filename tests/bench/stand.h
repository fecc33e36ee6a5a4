/*
 * stand: a real web server, what sends events behind it, and a crowd of
 * browsers in front.
 */
#ifndef SSETAIL_BENCH_STAND_H
#define SSETAIL_BENCH_STAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/bench/crowd.h"
#include "tests/bench/limit.h"
#include "tests/bench/program.h"
#include "tests/bench/responder.h"
#include "tests/bench/web.h"

struct stand;

/* Who serves. */
struct stand_kind {
	const char *server; /* "nginx" */
	const char *sender; /* "ssetail.fcgi" */

	/* Starts both: sets web, and what else it needs. */
	void (*start)(struct stand *s);
	void (*stop)(struct stand *s);

	/* Has the next events, so many, sent to everybody. */
	void (*append)(struct stand *s, size_t events);

	/* It has the bytes ready, for exactly as many clients as it was told.
	 */
	bool is_ideal;

	/* Its processes are there before the clients are. */
	bool starts_ahead;

	/* They look for something new, again and again. */
	bool polls;
};

struct stand {
	const struct stand_kind *kind;
	const char *build; /* the folder of the programs */
	size_t clients;
	struct crowd *crowd;
	uint64_t written; /* the number of the last event */

	struct tree server, sender; /* processes; the latter may have none */
	size_t server_bytes, sender_bytes; /* PSS that a client has added */

	/* Inside: what a kind needs of it. */
	struct web web;
	struct responder responder;
	struct limit limit;
	struct bytes head, event; /* as ssetail.fcgi sends them, with headers */
	const char *log_path;
	int log;
	pid_t program;
	int publisher;
};

extern const struct stand_kind lighttpd_ssetail, lighttpd_ideal, lighttpd_cgi,
	lighttpd_tail;
extern const struct stand_kind nginx_ssetail, nginx_ideal, nginx_nchan,
	nginx_php;

/* Starts it all and waits until every client has got an event. One of a kind
 * at a time. */
struct stand *stand_open(
	const struct stand_kind *kind, const char *build, size_t clients);
void stand_close(struct stand *s);

/* What polls costs others CPU: not while it is paused. */
void stand_pause(const struct stand *s, bool pause);

void stand_append(struct stand *s, size_t events);

#endif
