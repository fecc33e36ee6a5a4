/*
 * responder: build/ssetail.fcgi on one log file in the folder of the run.
 */
#ifndef SSETAIL_BENCH_RESPONDER_H
#define SSETAIL_BENCH_RESPONDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/lib/bytes.h"

#define RESPONDER_LINE_BYTES 150 /* with the newline */

#define RESPONDER_PROCESSES_MAX 8

struct responder {
	pid_t pids[RESPONDER_PROCESSES_MAX];
	size_t processes;
	int log;	  /* appended to */
	uint64_t written; /* lines so far: the number of the last one */
	const char *log_path;
	const char *socket;
};

/* Starts the program that many times on one socket, as spawn-fcgi does, on an
 * empty log. One at a time. */
struct responder responder_open(
	const char *program, int send_buffer, size_t processes);
void responder_close(struct responder *r);

/* Appends that many lines by one write(2), numbered on. */
void responder_append(struct responder *r, size_t lines);

/* A request for the log from now on, as a web server sends it. */
void responder_put_request(struct bytes *out);

#endif
