/*
 * catchup: clients that resume at the beginning of a log and read on until
 * they have it all, beside as many sockets to which the same bytes are sent,
 * as much as 50 lines at once.
 */
#include <stdio.h>

#include "tests/bench/contest.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/machine.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define LINES_A_SEND 50

struct race {
	size_t clients;
	size_t lines;
	size_t rounds;
	struct responder responder;
	struct limit limit;
	struct crowd *theirs;
	char start[CROWD_ID];
	struct bytes all; /* what a client gets */
	uint64_t sent;
};

/* Of a round. */
struct turn {
	double wall_ns;
	double cpu_ns;
};

static struct turn turn_ours(struct race *r)
{
	double begun = now_ns();
	uint64_t cpu = responder_cpu_ns(&r->responder);
	struct crowd *crowd =
		responder_open_crowd(&r->responder, r->clients, "", r->start);
	struct turn t;

	crowd_begin_at(crowd, 1);
	crowd_expect(crowd, r->lines);
	crowd_wait(crowd);
	t.wall_ns = now_ns() - begun;
	t.cpu_ns = (double)(responder_cpu_ns(&r->responder) - cpu);
	bytes_clear(&r->all);
	bytes_add(&r->all, crowd_first_got(crowd)->data,
		crowd_first_got(crowd)->len);
	crowd_close(crowd);
	return t;
}

static struct turn turn_theirs(struct race *r)
{
	uint64_t cpu = cpu_ns(r->limit.pid);
	double begun;
	struct turn t;

	r->sent = sequence_renumber(r->all.data, r->all.len, r->sent);
	begun = now_ns();
	crowd_expect(r->theirs, r->sent);
	limit_send_steps(
		&r->limit, &r->all, r->all.len * LINES_A_SEND / r->lines);
	crowd_wait(r->theirs);
	t.wall_ns = now_ns() - begun;
	t.cpu_ns = (double)(cpu_ns(r->limit.pid) - cpu);
	return t;
}

/* The place before the first line. */
static void find_start(struct race *r)
{
	struct crowd *first = responder_follow(&r->responder, 1);

	crowd_copy_id(first, r->start);
	crowd_expect(first, r->lines);
	responder_append(&r->responder, r->lines);
	crowd_wait(first);
	crowd_close(first);
}

static void run(const struct bench *b, struct race *r)
{
	const char *path = folder_new_path("limit");
	double rate[2][CONTEST_ROUNDS_MAX], cost[2][CONTEST_ROUNDS_MAX];
	double deliveries = (double)(r->lines * r->clients);
	struct spread rate_ratio, cost_ratio;
	char what[96];

	r->responder = responder_open_with(
		&(struct responder_how){ .program = b->program });
	r->limit = limit_open(path, r->clients, RESPONDER_SEND_BUFFER / 2);
	r->theirs = crowd_open(path, r->clients, NULL);
	find_start(r);
	turn_ours(r);
	turn_theirs(r);
	for (size_t i = 0; i < r->rounds; i++) {
		struct turn ours = turn_ours(r), theirs = turn_theirs(r);

		rate[0][i] = deliveries / ours.wall_ns * 1e3;
		rate[1][i] = deliveries / theirs.wall_ns * 1e3;
		cost[0][i] = ours.cpu_ns / deliveries / 1e3;
		cost[1][i] = theirs.cpu_ns / deliveries / 1e3;
	}
	rate_ratio = spread_of_ratios(rate[0], rate[1], r->rounds);
	cost_ratio = spread_of_ratios(cost[0], cost[1], r->rounds);
	snprintf(what, sizeof(what),
		"%zu client%s, %zu lines each, lines a second", r->clients,
		r->clients > 1 ? "s" : "", r->lines);
	report_row(&(struct report_row){
		.what = what,
		.unit = "M/s",
		.ours = spread_of(rate[0], r->rounds),
		.beside = "send()",
		.theirs = spread_of(rate[1], r->rounds),
		.ratio = rate_ratio,
		.judged = JUDGE_RATIO,
		.at_least = 0.5,
	});
	snprintf(what, sizeof(what), "%zu client%s, %zu lines each, CPU a line",
		r->clients, r->clients > 1 ? "s" : "", r->lines);
	report_row(&(struct report_row){
		.what = what,
		.unit = "us",
		.ours = spread_of(cost[0], r->rounds),
		.beside = "send()",
		.theirs = spread_of(cost[1], r->rounds),
		.ratio = cost_ratio,
	});
	crowd_close(r->theirs);
	limit_close(&r->limit);
	responder_close(&r->responder);
	bytes_release(&r->all);
}

void part_catchup(const struct bench *b)
{
	const struct race races[] = {
		{ .clients = 1, .lines = 100000 },
		{ .clients = 100, .lines = 20000 },
		{ .clients = 1000, .lines = 10000 },
	};

	report_title("Catching up from the file");
	for (size_t i = 0; i < sizeof(races) / sizeof(*races); i++) {
		struct race r = races[i];

		if (r.clients > b->clients_max)
			break;
		/* Ten million deliveries take their time. */
		r.rounds = r.clients == 1000 ? (b->rounds + 2) / 3 : b->rounds;
		run(b, &r);
	}
}
