/*
 * single: lines a second from one writer, as fast as it can, through the log
 * to one client; beside cat of the same lines into a socket.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/contest.h"
#include "tests/bench/die.h"
#include "tests/bench/gauge.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define LINES	    500000
#define QUICK_LINES 50000

static double turn_ours(struct responder *r, struct crowd *crowd, size_t lines)
{
	double begun = now_ns();
	pid_t writer;

	crowd_expect(crowd, r->written + lines);
	writer = fork();
	if (writer < 0)
		die_errno("fork");
	if (writer == 0) {
		responder_append(r, lines);
		_exit(0);
	}
	crowd_wait(crowd);
	begun = now_ns() - begun;
	waitpid(writer, NULL, 0);
	r->written += lines;
	r->each[0] += lines;
	return begun;
}

static double turn_cat(const char *path, size_t lines)
{
	static char bytes[1 << 18];
	double begun = now_ns();
	size_t got = 0;
	int ends[2];
	ssize_t n;
	pid_t cat;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		die_errno("socket");
	cat = fork();
	if (cat < 0)
		die_errno("fork");
	if (cat == 0) {
		dup2(ends[1], 1);
		execlp("cat", "cat", path, NULL);
		_exit(127);
	}
	close(ends[1]);
	while ((n = recv(ends[0], bytes, sizeof(bytes), 0)) > 0)
		for (const char *p = bytes;
			(p = memchr(p, '\n', (size_t)(bytes + n - p))); p++)
			got++;
	begun = now_ns() - begun;
	close(ends[0]);
	waitpid(cat, NULL, 0);
	if (got < lines)
		die("cat: %zu of %zu lines", got, lines);
	return begun * (double)lines / (double)got;
}

void part_single(const struct bench *b)
{
	size_t lines = bench_choose(b, LINES, QUICK_LINES);
	double ours[CONTEST_ROUNDS_MAX], cat[CONTEST_ROUNDS_MAX];
	struct responder r = responder_open_with(
		&(struct responder_how){ .program = b->program });
	struct crowd *crowd = responder_follow(&r, 1);
	struct report_row row = {
		.what = "lines a second",
		.unit = "k/s",
		.beside = "cat",
	};

	turn_ours(&r, crowd, lines);
	for (size_t i = 0; i < b->rounds; i++) {
		ours[i] = (double)lines / turn_ours(&r, crowd, lines) * 1e6;
		cat[i] = (double)lines / turn_cat(r.log_path, lines) * 1e6;
	}
	report_title("One writer, one client");
	report_set_pairs(&row, ours, cat, b->rounds, 1);
	report_row(&row);
	crowd_close(crowd);
	responder_close(&r);
}
