/*
 * storm: five thousand clients come back at once, as after a restart of the
 * web server, each with the id of its last event, until all have what they
 * missed and one line more; beside as many plain connects to a process that
 * has the same bytes ready.
 */
#include <stdio.h>

#include "tests/bench/contest.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define CLIENTS	    5000
#define LINES	    1000
#define LINES_LATER 10 /* the clients have missed them */

struct storm {
	size_t clients;
	struct responder responder;
	char place[CROWD_ID];
	uint64_t place_number; /* of the event there */
	struct bytes request, got;
};

static double turn_ours(struct storm *s, double *cpu)
{
	uint64_t before = responder_cpu_ns(&s->responder);
	double begun = now_ns();
	struct crowd *crowd =
		responder_open_crowd(&s->responder, s->clients, "", s->place);

	crowd_begin_at(crowd, s->place_number + 1);
	crowd_expect(crowd, s->responder.written + 1);
	responder_append(&s->responder, 1);
	crowd_wait(crowd);
	begun = now_ns() - begun;
	*cpu = (double)(responder_cpu_ns(&s->responder) - before);
	bytes_clear(&s->got);
	bytes_add(&s->got, crowd_first_got(crowd)->data,
		crowd_first_got(crowd)->len);
	crowd_close(crowd);
	return begun;
}

static double turn_theirs(struct storm *s, double *cpu)
{
	const char *path = folder_new_path("limit");
	struct limit l =
		limit_open(path, s->clients, RESPONDER_SEND_BUFFER / 2);
	double begun = now_ns();
	struct crowd *crowd = crowd_open(path, s->clients, &s->request);

	crowd_begin_at(crowd, s->place_number + 1);
	crowd_expect(crowd, s->responder.written);
	limit_send(&l, &s->got);
	crowd_wait(crowd);
	begun = now_ns() - begun;
	*cpu = (double)cpu_ns(l.pid);
	crowd_close(crowd);
	limit_close(&l);
	return begun;
}

/* Somebody was there, and lines came when he had gone. */
static void make_past(struct storm *s)
{
	struct crowd *one = responder_follow(&s->responder, 1);

	crowd_expect(one, LINES);
	responder_append(&s->responder, LINES);
	crowd_wait(one);
	crowd_copy_id(one, s->place);
	s->place_number = LINES;
	crowd_close(one);
	responder_append(&s->responder, LINES_LATER);
	responder_put_request_for(&s->responder, &s->request, "", s->place);
}

void part_storm(const struct bench *b)
{
	struct storm s = { .clients = bench_clients(b, CLIENTS) };
	double ours[CONTEST_ROUNDS_MAX], theirs[CONTEST_ROUNDS_MAX];
	double our_cpu[CONTEST_ROUNDS_MAX], their_cpu[CONTEST_ROUNDS_MAX];
	char what[96];
	struct report_row wall = {
		.what = what,
		.unit = "ms",
		.beside = "plain connects",
		.at_most = 3,
	};
	struct report_row cpu = {
		.what = "CPU for each of them",
		.unit = "us",
		.beside = "plain connects",
	};

	s.responder = responder_open_with(
		&(struct responder_how){ .program = b->program });
	make_past(&s);
	for (size_t i = 0; i < b->rounds; i++) {
		ours[i] = turn_ours(&s, &our_cpu[i]);
		theirs[i] = turn_theirs(&s, &their_cpu[i]);
	}
	report_title("All come back at once");
	snprintf(what, sizeof(what), "%zu resume, until all are live again",
		s.clients);
	if (s.clients >= JUDGED_CLIENTS_MIN)
		wall.judged = JUDGE_RATIO;
	report_set_pairs(&wall, ours, theirs, b->rounds, 1e-6);
	report_row(&wall);
	report_set_pairs(
		&cpu, our_cpu, their_cpu, b->rounds, 1e-3 / (double)s.clients);
	report_row(&cpu);
	responder_close(&s.responder);
	bytes_release(&s.request);
	bytes_release(&s.got);
}
