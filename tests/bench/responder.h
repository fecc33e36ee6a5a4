/*
 * responder: build/ssetail.fcgi on one log file in a folder of its own, and
 * what the kernel says about a process.
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
	const char *socket;
};

/* Makes the folder, and starts the program that many times on one socket, as
 * spawn-fcgi does. `socket` is valid until responder_close, which removes
 * everything. One at a time. */
struct responder responder_open(
	const char *program, int send_buffer, size_t processes);
void responder_close(struct responder *r);

/* A path in its folder, for what else is needed; removed as well. */
const char *responder_spare_socket(void);

/* Appends that many lines by one write(2), numbered on. */
void responder_append(struct responder *r, size_t lines);

/* A request for the log from now on, as a web server sends it. */
void responder_put_request(struct bytes *out);

/* CPU of all threads, in the kernel, too. */
uint64_t cpu_ns(pid_t pid);

/* Its share of memory (smaps_rollup: Pss). What the kernel holds for it, as
 * sockets and their buffers, is not in it. */
size_t pss_bytes(pid_t pid);

#endif
