/*
 * catchup: clients that resume far back in a log and read on until they have
 * it all, beside as many sockets to which the same bytes are sent, as much as
 * 50 lines at once.
 *
 * After a restart of the web server many are at about the same place, and a
 * piece of the log is read and encoded for all of them. Laggards are each at a
 * place of their own, and so is a single client: they pay for it alone. Half of
 * what a line takes then is the kernel's, for reading the file and for sending;
 * a sixth is the hash in its id; a third is splitting and encoding (perf).
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

/* Of each round; a line to a client is a delivery. */
struct turns {
	double rate[CONTEST_ROUNDS_MAX];   /* deliveries a ns */
	double cpu_ns[CONTEST_ROUNDS_MAX]; /* a delivery */
};

static void note(struct turns *turns, size_t i, size_t deliveries,
	double wall_ns, uint64_t cpu)
{
	turns->rate[i] = (double)deliveries / wall_ns;
	turns->cpu_ns[i] = (double)cpu / (double)deliveries;
}

static void turn_ours(struct race *r, struct turns *turns, size_t i)
{
	size_t deliveries = r->clients * r->lines -
			    r->step * r->clients * (r->clients - 1) / 2;
	uint64_t cpu = responder_cpu_ns(&r->responder);
	double begun = now_ns();
	struct crowd *crowd =
		crowd_open_each(r->responder.socket, r->clients, r->requests);

	for (size_t j = 0; j < r->clients; j++)
		crowd_begin_one_at(crowd, j, j * r->step + 1);
	crowd_expect(crowd, r->lines);
	crowd_wait(crowd);
	note(turns, i, deliveries, now_ns() - begun,
		responder_cpu_ns(&r->responder) - cpu);
	bytes_clear(&r->all);
	bytes_add(&r->all, crowd_first_got(crowd)->data,
		crowd_first_got(crowd)->len);
	crowd_close(crowd);
}

static void turn_theirs(struct race *r, struct turns *turns, size_t i)
{
	uint64_t cpu = cpu_ns(r->limit.pid);
	double begun;

	r->sent = sequence_renumber(r->all.data, r->all.len, r->sent);
	begun = now_ns();
	crowd_expect(r->theirs, r->sent);
	limit_send_steps(
		&r->limit, &r->all, r->all.len * LINES_A_SEND / r->lines);
	crowd_wait(r->theirs);
	note(turns, i, r->clients * r->lines, now_ns() - begun,
		cpu_ns(r->limit.pid) - cpu);
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

static void report(const struct race *r, const struct turns *ours,
	const struct turns *theirs)
{
	char what[96];
	struct report_row row = { .what = what, .beside = "send()" };
	const char *where = r->step > 0	     ? "s, a place each"
			    : r->clients > 1 ? "s at one place"
					     : "";

	snprintf(what, sizeof(what), "%zu client%s, lines a second", r->clients,
		where);
	row.unit = "M/s";
	row.judged = JUDGE_RATIO;
	row.at_least = REACH;
	report_set_pairs(&row, ours->rate, theirs->rate, r->rounds, 1e3);
	report_row(&row);
	snprintf(what, sizeof(what), "%zu client%s, CPU a line", r->clients,
		where);
	row.unit = "us";
	row.judged = JUDGE_NOTHING;
	report_set_pairs(&row, ours->cpu_ns, theirs->cpu_ns, r->rounds, 1e-3);
	report_row(&row);
}

static void run(const struct bench *b, struct race *r)
{
	static struct turns ours, theirs;

	open_race(b, r);
	turn_ours(r, &ours, 0); /* warms up, and has bytes for the limit */
	turn_theirs(r, &theirs, 0);
	for (size_t i = 0; i < r->rounds; i++) {
		turn_ours(r, &ours, i);
		turn_theirs(r, &theirs, i);
	}
	report(r, &ours, &theirs);
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
