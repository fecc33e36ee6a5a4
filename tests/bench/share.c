#include "tests/bench/share.h"

#include <stdio.h>

#include "tests/bench/crowd.h"
#include "tests/bench/gauge.h"
#include "tests/bench/responder.h"
#include "tests/bench/spread.h"

#define ROUNDS_MAX 1000
#define PASSES	   20
#define WARM	   2 /* of them do not count */

static const size_t processes[] = { 1, 2, 4 };

enum { KINDS = sizeof(processes) / sizeof(*processes) };

/* Of a round. */
struct figures {
	double rate;	/* deliveries a second */
	double cpu;	/* ns a delivery, of all processes */
	double busiest; /* of it, by the one that had most to do */
};

/* Returns the ns until all have it. */
static double take_pass(
	const struct share *s, struct responder *r, struct crowd *crowd)
{
	double begun;

	crowd_expect(crowd, r->written + s->events);
	begun = now_ns();
	responder_append(r, s->events);
	crowd_wait_arrival(crowd);
	begun = now_ns() - begun;
	crowd_wait(crowd);
	return begun;
}

/* CPU of all since the figures in `before`, and the most of any. */
static void read_cpu(const struct responder *r, const double *before,
	double *all, double *busiest)
{
	*all = *busiest = 0;
	for (size_t i = 0; i < r->processes; i++) {
		double ns = (double)cpu_ns(r->pids[i]) - before[i];

		*all += ns;
		if (ns > *busiest)
			*busiest = ns;
	}
}

static struct figures take_passes(
	const struct share *s, struct responder *r, struct crowd *crowd)
{
	double deliveries = (double)(PASSES * s->events * s->clients);
	double before[RESPONDER_PROCESSES_MAX], ns = 0;
	struct figures f;

	for (int i = 0; i < WARM; i++)
		take_pass(s, r, crowd);
	for (size_t i = 0; i < r->processes; i++)
		before[i] = (double)cpu_ns(r->pids[i]);
	for (int i = 0; i < PASSES; i++)
		ns += take_pass(s, r, crowd);
	read_cpu(r, before, &f.cpu, &f.busiest);
	f.rate = deliveries / ns * 1e9;
	f.cpu /= deliveries;
	f.busiest /= deliveries;
	return f;
}

static struct figures take_round(const struct share *s, size_t count)
{
	struct responder r = responder_open(s->program, s->send_buffer, count);
	struct bytes request = BYTES_INIT;
	struct crowd *crowd;
	struct figures f;

	responder_put_request(&request);
	crowd = crowd_open(r.socket, s->clients, &request);
	crowd_wait_open(crowd);
	f = take_passes(s, &r, crowd);
	crowd_close(crowd);
	responder_close(&r);
	bytes_release(&request);
	return f;
}

/* ---- the table */

static struct figures rounds[KINDS][ROUNDS_MAX];

static double rate(size_t kind, size_t i)
{
	return rounds[kind][i].rate;
}

static double cpu(size_t kind, size_t i)
{
	return rounds[kind][i].cpu / 1e3;
}

static double busiest(size_t kind, size_t i)
{
	return rounds[kind][i].busiest / 1e3;
}

/* To one process, in the same round. */
static double rate_ratio(size_t kind, size_t i)
{
	return rate(kind, i) / rate(0, i);
}

static double cpu_ratio(size_t kind, size_t i)
{
	return busiest(0, i) / busiest(kind, i);
}

static struct spread all(
	double (*figure)(size_t kind, size_t i), size_t kind, size_t count)
{
	double figures[ROUNDS_MAX];

	for (size_t i = 0; i < count; i++)
		figures[i] = figure(kind, i);
	return spread_of(figures, count);
}

static void print_line(size_t kind, size_t count)
{
	struct spread by_time = all(rate_ratio, kind, count);
	struct spread by_cpu = all(cpu_ratio, kind, count);

	printf("%9zu %13.0f %7.2f   %4.2f to %4.2f %9.3f %9.3f %7.2f   "
	       "%4.2f to %4.2f\n",
		processes[kind], all(rate, kind, count).median, by_time.median,
		by_time.low, by_time.high, all(cpu, kind, count).median,
		all(busiest, kind, count).median, by_cpu.median, by_cpu.low,
		by_cpu.high);
}

void share_run(const struct share *s)
{
	for (size_t i = 0; i < s->rounds; i++)
		for (size_t k = 0; k < KINDS; k++)
			rounds[k][i] = take_round(s, processes[k]);
	printf("\n%zu events a pass, until every client's socket has them. "
	       "CPU a delivery, us: of all processes, and\n"
	       "of it the busiest one's, whose ratio does not depend on what "
	       "else runs. Medians, and the intervals\n"
	       "that hold the ratios' in 95 of 100 runs\n"
	       "%9s %13s %7s %14s %9s %9s %7s %14s\n",
		s->events, "processes", "deliveries/s", "ratio", "interval",
		"CPU", "busiest", "ratio", "interval");
	for (size_t k = 0; k < KINDS; k++)
		print_line(k, s->rounds);
}
