/*
 * delivery: what a delivery (one event to one client) costs the responder in
 * CPU, beside plain send() of the same bytes, and beside what one would write
 * with libfcgi: a thread for each client (threads.c).
 */
#include <stdio.h>

#include "tests/bench/contest.h"
#include "tests/bench/machine.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define DELIVERIES_A_TURN 40000 /* of one event a pass; see passes_of */
#define PASSES_MIN	  5

enum { OURS, LIMIT, THREADS, SENDERS };

struct stage {
	const struct bench *bench;
	size_t clients;
	size_t sources;
	bool has_threads;
	struct responder ours, threads;
	struct limit limit;
	struct sender senders[SENDERS];
};

static void open_threads(struct stage *s)
{
	char program[512];

	snprintf(program, sizeof(program), "%s/tests/bench/beside/threads",
		s->bench->build);
	s->threads = responder_open_with(&(struct responder_how){
		.program = program, .takes_log = true });
	pin_sender(s->threads.pids[0]);
	s->senders[THREADS] = (struct sender){
		.crowd = responder_follow(&s->threads, s->clients),
		.responder = &s->threads,
		.passes_divisor = 8,
	};
}

static void open_stage(struct stage *s)
{
	s->ours = responder_open_with(&(struct responder_how){
		.program = s->bench->program, .sources = s->sources });
	pin_sender(s->ours.pids[0]);
	s->senders[OURS] = (struct sender){
		.crowd = responder_follow(&s->ours, s->clients),
		.responder = &s->ours,
	};
	s->senders[LIMIT] = sender_open_limit(
		&s->limit, s->clients, s->senders[OURS].crowd);
	pin_sender(s->limit.pid);
	if (s->has_threads)
		open_threads(s);
}

static void close_stage(struct stage *s)
{
	for (size_t i = 0; i < SENDERS; i++)
		sender_close(&s->senders[i]);
	responder_close(&s->ours);
	limit_close(&s->limit);
	if (s->has_threads)
		responder_close(&s->threads);
}

/* ---- a load */

/* More events a pass cost more a pass, but less than in proportion. */
static size_t passes_of(size_t clients, size_t events)
{
	size_t passes = DELIVERIES_A_TURN / (1 + events / 16) / clients;

	return passes > PASSES_MIN ? passes : PASSES_MIN;
}

static double reach_of(const struct stage *s, size_t events)
{
	if (s->sources > 1)
		return 2.0;
	return events == 1 ? 1.3 : 1.4;
}

static void report_load(const struct stage *s, enum placement placement,
	size_t events, const struct contest_figures *f)
{
	char what[128];
	struct report_row row = {
		.what = what,
		.unit = "us",
		.ours = spread_scaled(f[OURS].cpu_ns, 1e-3),
		.beside = "send()",
		.theirs = spread_scaled(f[LIMIT].cpu_ns, 1e-3),
		.ratio = f[LIMIT].cpu_ratio,
		.judged = s->clients >= JUDGED_CLIENTS_MIN ? JUDGE_RATIO
							   : JUDGE_NOTHING,
		.at_most = reach_of(s, events),
		.gates = true,
		.is_detail = placement == TOGETHER && cpu_count() > 1,
	};

	snprintf(what, sizeof(what), "%zu clients, %s%zu event%s a pass, %s",
		s->clients, s->sources > 1 ? "four sources, " : "", events,
		events > 1 ? "s" : "",
		cpu_count() > 1 ? placement_names[placement] : "one CPU");
	report_row(&row);
	if (!s->has_threads)
		return;
	row.beside = "thread each";
	row.theirs = spread_scaled(f[THREADS].cpu_ns, 1e-3);
	row.ratio = f[THREADS].cpu_ratio;
	row.judged = JUDGE_NOTHING;
	row.is_detail |= events > 1;
	report_row(&row);
}

static void measure(struct stage *s, enum placement placement, size_t events)
{
	struct contest_figures figures[SENDERS];
	struct contest contest = {
		.senders = s->senders,
		.count = s->has_threads ? SENDERS : THREADS,
		.clients = s->clients,
		.rounds = s->bench->rounds,
		.passes = passes_of(s->clients, events),
		.events = events,
	};

	contest_run(&contest, figures);
	report_load(s, placement, events, figures);
}

static void measure_stage(const struct bench *b, size_t clients, size_t sources,
	const size_t *events, size_t count)
{
	struct stage s = {
		.bench = b,
		.clients = bench_clients(b, clients),
		.sources = sources,
		.has_threads = sources == 1,
	};

	open_stage(&s);
	for (int i = cpu_count() > 1 ? APART : TOGETHER; i <= TOGETHER; i++) {
		pin_readers(i);
		for (size_t j = 0; j < count; j++)
			measure(&s, i, events[j]);
	}
	unpin();
	close_stage(&s);
}

void part_delivery(const struct bench *b)
{
	static const size_t loads[] = { 1, 16, 64 }, of_sources[] = { 1, 4 };

	report_title("CPU a delivery");
	measure_stage(b, 1000, 1, loads, 3);
	measure_stage(b, 5000, 1, loads, 3);
	measure_stage(b, 1000, 4, of_sources, 2);
}
