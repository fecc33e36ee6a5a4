/*
 * calls: the system calls and the instructions of a delivery, counted one by
 * one (ptrace, see calls.h). A pass has a price of its own beside that of its
 * deliveries: what a client adds is the difference between many clients and
 * few.
 */
#include <errno.h>
#include <string.h>

#include "tests/bench/calls.h"
#include "tests/bench/gauge.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"
#include "tests/bench/responder.h"

#define PASSES	5
#define CALM_MS 20 /* what follows the last delivery belongs to the pass */

/* A step costs more than a call, and there are 500 times as many. */
static const size_t few_of[] = {
	[CALLS_SYSTEM] = 200, [CALLS_INSTRUCTIONS] = 20
};
static const size_t many_of[] = {
	[CALLS_SYSTEM] = 1000, [CALLS_INSTRUCTIONS] = 60
};

/* Until it has made no call for a while; returns how many there are. */
static uint64_t step_until_calm(struct calls *c)
{
	uint64_t count = calls_step(c), now;
	double since = now_ns();

	while (now_ns() - since < CALM_MS * 1e6) {
		now = calls_step(c);
		if (now != count)
			since = now_ns();
		count = now;
	}
	return count;
}

/* Of a pass with that many clients: the least of some, since in others the
 * timer does something, too. -1 with errno where it is not allowed. */
static double count_pass(
	const struct bench *b, size_t clients, enum calls_kind kind)
{
	struct responder r = responder_open_with(
		&(struct responder_how){ .program = b->program });
	struct crowd *crowd = responder_follow(&r, clients);
	struct calls *c = calls_begin(r.pids[0], kind);
	uint64_t before = 0, least = UINT64_MAX;
	int error = errno;

	/* The first pass begins with what was interrupted. */
	for (int i = 0; c && i <= PASSES; i++) {
		uint64_t after;

		crowd_expect(crowd, r.written + 1);
		responder_append(&r, 1);
		while (!crowd_take(crowd, 0))
			calls_step(c);
		after = step_until_calm(c);
		if (i > 0 && after - before < least)
			least = after - before;
		before = after;
	}
	calls_end(c);
	crowd_close(crowd);
	responder_close(&r);
	errno = error;
	return c ? (double)least : -1;
}

static void measure(const struct bench *b, enum calls_kind kind,
	const char *a_delivery, const char *a_pass, double at_most)
{
	size_t few_clients = bench_clients(b, few_of[kind]) / 2;
	size_t many_clients = bench_clients(b, many_of[kind]);
	double few = count_pass(b, few_clients, kind), many, each;

	if (few < 0) {
		report_note("%s: not counted: %s", a_delivery, strerror(errno));
		return;
	}
	many = count_pass(b, many_clients, kind);
	each = (many - few) / (double)(many_clients - few_clients);
	report_row(&(struct report_row){
		.what = a_delivery,
		.ours = spread_exact(each),
		.judged = at_most > 0 && many_clients >= JUDGED_CLIENTS_MIN
				  ? JUDGE_OURS
				  : JUDGE_NOTHING,
		.at_most = at_most,
		.gates = true,
	});
	report_row(&(struct report_row){
		.what = a_pass,
		.ours = spread_exact(few - each * (double)few_clients),
	});
}

void part_calls(const struct bench *b)
{
	report_title("Counted, at one event a pass");
	measure(b, CALLS_SYSTEM, "system calls a delivery",
		"system calls a pass, beside its deliveries", 1.02);
	measure(b, CALLS_INSTRUCTIONS,
		"instructions a delivery, without the kernel's",
		"instructions a pass, beside its deliveries", 0);
}
