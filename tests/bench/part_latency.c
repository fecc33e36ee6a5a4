/*
 * latency: from the append of a line to its delivery, ten lines a second to
 * 1,000 clients: beside plain send() of the same bytes, and beside the same
 * with a hundred clients more that never read.
 */
#include <stdio.h>

#include "tests/bench/contest.h"
#include "tests/bench/machine.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define CLIENTS	   1000
#define STUCK	   100
#define PACE_MS	   100
#define PASSES	   10
#define FILL_LINES 10000 /* more than a socket takes, and than the ring */

static struct contest contest_of(
	const struct bench *b, struct sender *senders, size_t clients)
{
	return (struct contest){
		.senders = senders,
		.count = 2,
		.clients = clients,
		.rounds = b->rounds,
		.passes = PASSES,
		.events = 1,
		.pace_ms = PACE_MS,
	};
}

static void report_quantiles(const char *whose, const char *beside,
	const struct contest_figures f[2], bool judged, double at_most)
{
	char what[96];
	struct report_row row = {
		.what = what,
		.unit = "ms",
		.beside = beside,
	};

	snprintf(what, sizeof(what), "p50, %s", whose);
	row.ours = spread_scaled(f[0].p50_ns, 1e-6);
	row.theirs = spread_scaled(f[1].p50_ns, 1e-6);
	row.ratio = f[1].p50_ratio;
	report_row(&row);
	snprintf(what, sizeof(what), "p99, %s", whose);
	row.ours = spread_scaled(f[0].p99_ns, 1e-6);
	row.theirs = spread_scaled(f[1].p99_ns, 1e-6);
	row.ratio = f[1].p99_ratio;
	row.judged = judged ? JUDGE_RATIO : JUDGE_NOTHING;
	row.at_most = at_most;
	report_row(&row);
}

static void beside_limit(const struct bench *b)
{
	size_t clients = bench_clients(b, CLIENTS);
	struct responder r = responder_open_with(
		&(struct responder_how){ .program = b->program });
	struct limit l;
	struct sender senders[2] = { { .crowd = responder_follow(&r, clients),
		.responder = &r } };
	struct contest c = contest_of(b, senders, clients);
	struct contest_figures f[2];
	char whose[64];

	senders[1] = sender_open_limit(&l, clients, senders[0].crowd);
	pin_sender(r.pids[0]);
	pin_sender(l.pid);
	pin_readers(APART);
	contest_run(&c, f);
	snprintf(whose, sizeof(whose), "%zu clients, 10 lines a second",
		clients);
	report_quantiles(
		whose, "send()", f, clients >= JUDGED_CLIENTS_MIN, 1.5);
	unpin();
	sender_close(&senders[0]);
	sender_close(&senders[1]);
	responder_close(&r);
	limit_close(&l);
}

/* All of them have taken what they can, and the others have it all. */
static struct crowd *stick(struct responder *r, struct sender *s, size_t count)
{
	struct crowd *stuck = responder_follow(r, count);

	crowd_stop_reading(stuck, count);
	s->sent += FILL_LINES;
	crowd_expect(s->crowd, s->sent);
	responder_append(r, FILL_LINES);
	crowd_wait(s->crowd);
	return stuck;
}

static void beside_stuck(const struct bench *b)
{
	size_t clients = bench_clients(b, CLIENTS - STUCK);
	struct responder calm, burdened;
	struct sender senders[2];
	struct contest c = contest_of(b, senders, clients);
	struct contest_figures f[2];
	char whose[64];
	struct crowd *stuck;

	burdened = responder_open_with(
		&(struct responder_how){ .program = b->program });
	calm = responder_open_with(
		&(struct responder_how){ .program = b->program });
	senders[0] = (struct sender){ .responder = &burdened,
		.crowd = responder_follow(&burdened, clients) };
	senders[1] = (struct sender){ .responder = &calm,
		.crowd = responder_follow(&calm, clients) };
	stuck = stick(&burdened, &senders[0], STUCK);
	pin_sender(burdened.pids[0]);
	pin_sender(calm.pids[0]);
	pin_readers(APART);
	contest_run(&c, f);
	snprintf(whose, sizeof(whose), "%zu clients, beside %d that never read",
		clients, STUCK);
	report_quantiles(whose, "without", f,
		clients + STUCK >= JUDGED_CLIENTS_MIN, 1.2);
	unpin();
	crowd_close(stuck);
	sender_close(&senders[0]);
	sender_close(&senders[1]);
	responder_close(&burdened);
	responder_close(&calm);
}

void part_latency(const struct bench *b)
{
	report_title("From append to delivery");
	beside_limit(b);
	beside_stuck(b);
}
