/*
 * pipe: lines that are written into a named pipe, which ssetail moves into its
 * spool and sends from there; beside a loop that reads a pipe and sends what
 * it has read, ready-made, to as many sockets.
 */
#include <stdio.h>

#include "tests/bench/contest.h"
#include "tests/bench/folder.h"
#include "tests/bench/machine.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define DELIVERIES 40000 /* a turn of one event a pass */
#define PASSES_MIN 5
#define PASSES_MAX 1000
#define BURST	   200000 /* deliveries in a pass of many events */
#define BURST_MAX  20000
#define BURSTS	   3

struct stage {
	const struct bench *bench;
	size_t clients;
	struct responder responder;
	struct limit limit;
	struct sender senders[2];
};

static void open_stage(struct stage *s)
{
	const char *path = folder_new_path("limit");

	s->responder = responder_open_with(&(struct responder_how){
		.program = s->bench->program, .pipe = true });
	s->limit = limit_open_pipe(path, s->clients, RESPONDER_SEND_BUFFER / 2);
	pin_sender(s->responder.pids[0]);
	pin_sender(s->limit.pid);
	s->senders[0] = (struct sender){
		.crowd = responder_follow(&s->responder, s->clients),
		.responder = &s->responder,
	};
	s->senders[1] = (struct sender){
		.crowd = crowd_open(path, s->clients, NULL),
		.limit = &s->limit,
		.model = s->senders[0].crowd,
	};
}

static void close_stage(struct stage *s)
{
	sender_close(&s->senders[0]);
	sender_close(&s->senders[1]);
	responder_close(&s->responder);
	limit_close(&s->limit);
}

static void measure(struct stage *s, size_t events, size_t passes)
{
	struct contest_figures f[2];
	struct contest c = {
		.senders = s->senders,
		.count = 2,
		.clients = s->clients,
		.rounds = s->bench->rounds,
		.passes = passes,
		.events = events,
	};
	double lines_ns = 1e6 * (double)events; /* thousands a second */
	char what[96];
	struct report_row row = { .what = what, .beside = "read and send" };

	contest_run(&c, f);
	snprintf(what, sizeof(what), "%zu client%s, %zu line%s at once: CPU",
		s->clients, s->clients > 1 ? "s" : "", events,
		events > 1 ? "s" : "");
	row.unit = "us";
	row.ours = spread_scaled(f[0].cpu_ns, 1e-3);
	row.theirs = spread_scaled(f[1].cpu_ns, 1e-3);
	row.ratio = f[1].cpu_ratio;
	report_row(&row);
	snprintf(what, sizeof(what), "%zu client%s, %zu line%s at once: rate",
		s->clients, s->clients > 1 ? "s" : "", events,
		events > 1 ? "s" : "");
	row.unit = "k/s";
	row.ours = spread_inverse(f[0].wall_ns, lines_ns);
	row.theirs = spread_inverse(f[1].wall_ns, lines_ns);
	row.ratio = spread_inverse(f[1].wall_ratio, 1);
	report_row(&row);
}

void part_pipe(const struct bench *b)
{
	static const size_t sizes[] = { 1, 100, 1000 };

	report_title("Through a named pipe, a delivery");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct stage s = { .bench = b, .clients = sizes[i] };
		size_t burst = BURST / s.clients,
		       passes = DELIVERIES / s.clients;

		if (s.clients > b->clients_max)
			break;
		burst = burst < BURST_MAX ? burst : BURST_MAX;
		passes = passes > PASSES_MAX ? PASSES_MAX : passes;
		open_stage(&s);
		pin_readers(APART);
		measure(&s, 1, passes > PASSES_MIN ? passes : PASSES_MIN);
		measure(&s, burst, BURSTS);
		unpin();
		close_stage(&s);
	}
}
