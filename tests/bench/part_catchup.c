/*
 * catchup: clients that resume far back in a log and read on until they have
 * it all, beside as many sockets to which the same bytes are sent, as much as
 * 50 lines at once.
 *
 * After a restart of the web server many are at about the same place, and a
 * piece of the log is read and encoded for all of them. Laggards are each at a
 * place of their own, and so is a single client: they pay for it alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/contest.h"
#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define LINES_A_SEND 50
#define REACH	     0.5 /* of the rate of the limit */

struct race {
	size_t clients;
	size_t lines; /* of the log; the first client gets them all */
	size_t step;  /* lines from one's place to the next one's */
	size_t rounds;
	struct responder responder;
	struct limit limit;
	struct crowd *theirs;
	struct bytes *requests; /* of each client */
	struct bytes all;	/* what the first one gets */
	uint64_t sent;
};

/* Of a round: a line to a client is a delivery. */
struct turn {
	double rate;   /* millions of deliveries a second */
	double cpu_us; /* a delivery */
};

static struct turn turn_of(size_t deliveries, double wall_ns, double cpu_ns)
{
	return (struct turn){
		.rate = (double)deliveries / wall_ns * 1e3,
		.cpu_us = cpu_ns / (double)deliveries / 1e3,
	};
}

static struct turn turn_ours(struct race *r)
{
	uint64_t cpu = responder_cpu_ns(&r->responder);
	double begun = now_ns(), wall;
	struct crowd *crowd =
		crowd_open_each(r->responder.socket, r->clients, r->requests);
	size_t deliveries = r->clients * r->lines -
			    r->step * r->clients * (r->clients - 1) / 2;

	for (size_t i = 0; i < r->clients; i++)
		crowd_begin_one_at(crowd, i, i * r->step + 1);
	crowd_expect(crowd, r->lines);
	crowd_wait(crowd);
	wall = now_ns() - begun;
	cpu = responder_cpu_ns(&r->responder) - cpu;
	bytes_clear(&r->all);
	bytes_add(&r->all, crowd_first_got(crowd)->data,
		crowd_first_got(crowd)->len);
	crowd_close(crowd);
	return turn_of(deliveries, wall, (double)cpu);
}

static struct turn turn_theirs(struct race *r)
{
	uint64_t cpu = cpu_ns(r->limit.pid);
	double begun;

	r->sent = sequence_renumber(r->all.data, r->all.len, r->sent);
	begun = now_ns();
	crowd_expect(r->theirs, r->sent);
	limit_send_steps(
		&r->limit, &r->all, r->all.len * LINES_A_SEND / r->lines);
	crowd_wait(r->theirs);
	return turn_of(r->clients * r->lines, now_ns() - begun,
		(double)(cpu_ns(r->limit.pid) - cpu));
}

/* ---- places */

static void append(struct race *r, struct crowd *first, size_t lines)
{
	crowd_expect(first, r->responder.written + lines);
	responder_append(&r->responder, lines);
	crowd_wait(first);
}

/* Somebody follows while the log is written, and his ids are theirs. */
static void write_log(struct race *r)
{
	struct crowd *first = responder_follow(&r->responder, 1);
	char id[CROWD_ID];

	r->requests = calloc(r->clients, sizeof(*r->requests));
	if (!r->requests)
		die_errno("memory");
	for (size_t i = 0; i < r->clients; i++) {
		if (i > 0 && r->step > 0)
			append(r, first, r->step);
		if (i == 0 || r->step > 0)
			crowd_copy_id(first, id);
		responder_put_request_for(
			&r->responder, &r->requests[i], "", id);
	}
	append(r, first, r->lines - r->responder.written);
	crowd_close(first);
}

/* ---- a race */

static void open_race(const struct bench *b, struct race *r)
{
	const char *path = folder_new_path("limit");

	r->responder = responder_open_with(
		&(struct responder_how){ .program = b->program });
	r->limit = limit_open(path, r->clients, RESPONDER_SEND_BUFFER / 2);
	r->theirs = crowd_open(path, r->clients, NULL);
	write_log(r);
}

static void close_race(struct race *r)
{
	for (size_t i = 0; i < r->clients; i++)
		bytes_release(&r->requests[i]);
	free(r->requests);
	bytes_release(&r->all);
	crowd_close(r->theirs);
	limit_close(&r->limit);
	responder_close(&r->responder);
}

static void report(const struct race *r, const struct turn *ours,
	const struct turn *theirs)
{
	double our[CONTEST_ROUNDS_MAX], their[CONTEST_ROUNDS_MAX];
	char what[96];
	struct report_row row = { .what = what, .beside = "send()" };
	const char *where = r->step > 0	     ? "s, a place each"
			    : r->clients > 1 ? "s at one place"
					     : "";

	for (size_t i = 0; i < r->rounds; i++) {
		our[i] = ours[i].rate;
		their[i] = theirs[i].rate;
	}
	snprintf(what, sizeof(what), "%zu client%s, lines a second", r->clients,
		where);
	row.unit = "M/s";
	row.ratio = spread_of_ratios(our, their, r->rounds);
	row.ours = spread_of(our, r->rounds);
	row.theirs = spread_of(their, r->rounds);
	row.judged = JUDGE_RATIO;
	row.at_least = REACH;
	report_row(&row);
	for (size_t i = 0; i < r->rounds; i++) {
		our[i] = ours[i].cpu_us;
		their[i] = theirs[i].cpu_us;
	}
	snprintf(what, sizeof(what), "%zu client%s, CPU a line", r->clients,
		where);
	row.unit = "us";
	row.ratio = spread_of_ratios(our, their, r->rounds);
	row.ours = spread_of(our, r->rounds);
	row.theirs = spread_of(their, r->rounds);
	row.judged = JUDGE_NOTHING;
	report_row(&row);
}

static void run(const struct bench *b, struct race *r)
{
	struct turn ours[CONTEST_ROUNDS_MAX], theirs[CONTEST_ROUNDS_MAX];

	open_race(b, r);
	turn_ours(r); /* warms up, and has bytes for the limit */
	turn_theirs(r);
	for (size_t i = 0; i < r->rounds; i++) {
		ours[i] = turn_ours(r);
		theirs[i] = turn_theirs(r);
	}
	report(r, ours, theirs);
	close_race(r);
}

void part_catchup(const struct bench *b)
{
	const struct race races[] = {
		{ .clients = 1, .lines = 100000 },
		{ .clients = 100, .lines = 20000 },
		{ .clients = 100, .lines = 20000, .step = 100 },
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
