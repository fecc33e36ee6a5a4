/*
 * idle: what a thousand clients cost to whom nothing is sent but heartbeats,
 * with the configuration's defaults: CPU, and how often the process wakes up
 * (a look a second, and the heartbeats).
 */
#include <stdio.h>

#include "tests/bench/gauge.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"
#include "tests/bench/responder.h"

#define CLIENTS	      1000
#define WARM_S	      2
#define SECONDS	      45 /* three heartbeats */
#define QUICK_S	      16
#define STEP_MS	      100
#define REACH_PERCENT 0.05

/* Takes what comes meanwhile. */
static void read_for(struct crowd *crowd, double seconds)
{
	double until = now_ns() + seconds * 1e9;

	while (now_ns() < until)
		crowd_take(crowd, STEP_MS);
}

void part_idle(const struct bench *b)
{
	size_t clients = bench_clients(b, CLIENTS);
	struct responder r = responder_open_with(&(struct responder_how){
		.program = b->program, .settings = "" });
	struct crowd *crowd = responder_follow(&r, clients);
	double seconds = (double)bench_choose(b, SECONDS, QUICK_S), cpu;
	uint64_t woken;
	char title[64];

	crowd_expect(crowd, 1); /* which does not come */
	read_for(crowd, WARM_S);
	cpu = (double)responder_cpu_ns(&r);
	woken = wakeups(r.pids[0]);
	read_for(crowd, seconds);
	cpu = (double)responder_cpu_ns(&r) - cpu;
	woken = wakeups(r.pids[0]) - woken;
	snprintf(title, sizeof(title), "%zu clients, nothing to send", clients);
	report_title(title);
	report_row(&(struct report_row){
		.what = "of one CPU, heartbeats included",
		.unit = "%",
		.ours = spread_exact(cpu / seconds / 1e7),
		.judged = clients >= JUDGED_CLIENTS_MIN ? JUDGE_OURS
							: JUDGE_NOTHING,
		.at_most = REACH_PERCENT,
		.gates = true,
	});
	report_row(&(struct report_row){
		.what = "wake-ups",
		.unit = "a second",
		.ours = spread_exact((double)woken / seconds),
	});
	crowd_close(crowd);
	responder_close(&r);
}
