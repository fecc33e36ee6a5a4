/*
 * responder: a FastCGI program that streams what is appended to logs: ours on
 * a configuration of its own, or another that does the same.
 */
#ifndef SSETAIL_BENCH_RESPONDER_H
#define SSETAIL_BENCH_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/bench/crowd.h"
#include "tests/bench/sequence.h"
#include "tests/lib/bytes.h"

#define RESPONDER_LINE_BYTES	150   /* with the newline */
#define RESPONDER_SEND_BUFFER	32768 /* the default of send_buffer */
#define RESPONDER_PROCESSES_MAX 8

struct responder_how {
	const char *program;
	bool takes_log;	  /* is given the log's path instead of "-c FILE" */
	size_t processes; /* on one socket, as spawn-fcgi does; 0: one */
	size_t sources;	  /* 0: one */
	int send_buffer;  /* 0: the default */
	bool pipe;	  /* the source is a named pipe */
	const char *file; /* a file that is there, in place of an empty log */
	/* Of the configuration. NULL: no heartbeats, which would be the one
	 * thing that the limit does not do. */
	const char *settings;
	const char *source_settings;
};

struct responder {
	pid_t pids[RESPONDER_PROCESSES_MAX];
	size_t processes;
	size_t sources;
	uint64_t written; /* lines so far: the number of the last one */
	const char *socket;
	const char *log_path; /* of the first source */

	/* Inside, of each source. */
	int logs[SEQUENCE_SOURCES];
	uint64_t each[SEQUENCE_SOURCES];
	const char *paths[SEQUENCE_SOURCES];
	const char *said; /* on standard error, a file */
};

/* All paths are valid until the end. */
struct responder responder_open_with(const struct responder_how *how);

/* The usual: one log. */
struct responder responder_open(
	const char *program, int send_buffer, size_t processes);
void responder_close(struct responder *r);

/* Appends that many lines, numbered on, by one write(2) if they are not too
 * many; in turns to its sources if there are several, and then the program is
 * held meanwhile so that it sees them at once. */
void responder_append(struct responder *r, size_t lines);

/* A request for the log from now on, as a web server sends it. */
void responder_put_request(struct bytes *out);

/* A request for all its sources. `last_event_id`: NULL, or where to go on. */
void responder_put_request_for(const struct responder *r, struct bytes *out,
	const char *query, const char *last_event_id);

/* That many clients with such a request. Does not wait. */
struct crowd *responder_open_crowd(const struct responder *r, size_t clients,
	const char *query, const char *last_event_id);

/* That many who follow from now on; waits until they do. */
struct crowd *responder_follow(const struct responder *r, size_t clients);

/* Of all its processes. */
uint64_t responder_cpu_ns(const struct responder *r);

#endif
