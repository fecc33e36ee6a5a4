/*
 * scale: from one client to ten thousand and, where descriptors allow, twenty
 * thousand; with 1, 2 and 4 processes on one socket.
 *
 * A pass of the rate is over when every client's socket has the event. The
 * clients read it afterwards, outside of the time: on a machine of their own
 * they would take no CPU from the senders.
 */
#include <stdio.h>

#include "tests/bench/contest.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/machine.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define DESCRIPTORS    64 /* beside those of clients */
#define README_CLIENTS 10000
#define DELIVERIES     40000 /* a round */
#define PASSES_MIN     5
#define PASSES_MAX     500
#define WARM	       2 /* passes that do not count */
#define SETTLE_MS      2 /* what follows the last send belongs to it */
#define ROUNDS_MAX     9 /* each begins with connecting them all */

enum { ONE, TWO, FOUR, LIMIT, THREADS, KINDS };

static const struct {
	const char *name;
	size_t processes;
	size_t clients_max;
} kinds[KINDS] = {
	{ "1 process", 1, SIZE_MAX },
	{ "2 processes", 2, SIZE_MAX },
	{ "4 processes", 4, SIZE_MAX },
	{ "send()", 1, SIZE_MAX },
	{ "a thread each", 1, 1000 },
};

/* Of each round of a kind. */
static struct figures {
	double cpu_ns[ROUNDS_MAX];     /* a delivery, of all processes */
	double busiest_ns[ROUNDS_MAX]; /* of it, by the one with most to do */
	double rate[ROUNDS_MAX];       /* deliveries a ns */
} figures[KINDS];

struct side {
	struct responder responder;
	struct limit limit;
	struct sender sender;
};

/* ---- a round */

static void open_side(struct side *s, const struct bench *b, size_t clients,
	int kind, const struct bytes *pass)
{
	char threads[512];

	*s = (struct side){ 0 };
	if (kind == LIMIT) {
		const char *path = folder_new_path("limit");

		s->limit = limit_open(path, clients, RESPONDER_SEND_BUFFER / 2);
		s->sender.crowd = crowd_open(path, clients, NULL);
		s->sender.pass = *pass;
		return;
	}
	snprintf(threads, sizeof(threads), "%s/tests/bench/beside/threads",
		b->build);
	s->responder = responder_open_with(&(struct responder_how){
		.program = kind == THREADS ? threads : b->program,
		.takes_log = kind == THREADS,
		.processes = kinds[kind].processes,
	});
	s->sender.crowd = responder_follow(&s->responder, clients);
}

static void close_side(struct side *s, int kind)
{
	crowd_close(s->sender.crowd);
	if (kind == LIMIT)
		limit_close(&s->limit);
	else
		responder_close(&s->responder);
}

/* Returns the ns until all have it. */
static double take_pass(struct side *s, int kind, size_t clients)
{
	double begun;

	crowd_expect(s->sender.crowd, ++s->sender.sent);
	if (kind == LIMIT)
		sequence_renumber_all(s->sender.pass.data, s->sender.pass.len,
			s->sender.last);
	begun = now_ns();
	if (kind == LIMIT)
		limit_send(&s->limit, &s->sender.pass);
	else
		responder_append(&s->responder, 1);
	if (clients >= JUDGED_CLIENTS_MIN)
		crowd_wait_arrival(s->sender.crowd);
	begun = now_ns() - begun;
	crowd_wait(s->sender.crowd);
	return begun;
}

static size_t sender_count(const struct side *s, int kind)
{
	return kind == LIMIT ? 1 : s->responder.processes;
}

static double sender_cpu_ns(const struct side *s, int kind, size_t i)
{
	return (double)cpu_ns(
		kind == LIMIT ? s->limit.pid : s->responder.pids[i]);
}

static void take_passes(struct side *s, int kind, size_t clients, size_t round)
{
	size_t passes = DELIVERIES / clients;
	double before[RESPONDER_PROCESSES_MAX], ns = 0, all = 0, busiest = 0;

	passes = passes < PASSES_MIN ? PASSES_MIN : passes;
	passes = passes > PASSES_MAX ? PASSES_MAX : passes;
	for (int i = 0; i < WARM; i++)
		take_pass(s, kind, clients);
	sleep_ms(SETTLE_MS);
	for (size_t i = 0; i < sender_count(s, kind); i++)
		before[i] = sender_cpu_ns(s, kind, i);
	for (size_t i = 0; i < passes; i++)
		ns += take_pass(s, kind, clients);
	sleep_ms(SETTLE_MS);
	for (size_t i = 0; i < sender_count(s, kind); i++) {
		double one = sender_cpu_ns(s, kind, i) - before[i];

		all += one;
		busiest = one > busiest ? one : busiest;
	}
	figures[kind].cpu_ns[round] = all / (double)(passes * clients);
	figures[kind].busiest_ns[round] = busiest / (double)(passes * clients);
	figures[kind].rate[round] = (double)(passes * clients) / ns;
}

/* What one process of ours sent last is what the limit sends. */
static void take_round(
	const struct bench *b, size_t clients, size_t round, struct bytes *pass)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct side s;

		if (clients > kinds[kind].clients_max)
			continue;
		open_side(&s, b, clients, kind, pass);
		take_passes(&s, kind, clients, round);
		if (kind == ONE) {
			const struct bytes *got =
				crowd_first_got(s.sender.crowd);

			bytes_clear(pass);
			bytes_add(pass, got->data, got->len);
		}
		close_side(&s, kind);
	}
}

/* ---- what comes of it */

static void report_cpu(size_t clients, size_t count)
{
	for (int kind = 0; kind < KINDS; kind++) {
		char what[96];
		struct report_row row = {
			.what = what,
			.unit = "us",
			.beside = kinds[LIMIT].name,
			.is_detail = kind != ONE,
		};

		if (clients > kinds[kind].clients_max)
			continue;
		snprintf(what, sizeof(what), "%zu client%s, %s", clients,
			clients > 1 ? "s" : "", kinds[kind].name);
		report_set_pairs(&row, figures[kind].cpu_ns,
			figures[LIMIT].cpu_ns, count, 1e-3);
		report_point("CPU a delivery, us", kinds[kind].name,
			(double)clients, row.ours);
		if (kind < LIMIT)
			report_row(&row);
	}
}

/* How much more several processes send in the same time; and, which does not
 * depend on what else runs, how much less the busiest has to do. */
static void report_rate(size_t clients, size_t count)
{
	for (int kind = 0; kind <= LIMIT; kind++) {
		char what[96];
		struct report_row row = {
			.what = what,
			.beside = kinds[ONE].name,
			.is_detail = clients != README_CLIENTS,
		};

		snprintf(what, sizeof(what), "%zu clients, deliveries, %s",
			clients, kinds[kind].name);
		row.unit = "k/s";
		report_set_pairs(&row, figures[kind].rate, figures[ONE].rate,
			count, 1e6);
		report_point("Deliveries a second, thousands", kinds[kind].name,
			(double)clients, row.ours);
		if (kind == ONE || kind == LIMIT)
			continue;
		report_row(&row);
		snprintf(what, sizeof(what), "%zu clients, the busiest of %s",
			clients, kinds[kind].name);
		row.unit = "us";
		report_set_pairs(&row, figures[kind].busiest_ns,
			figures[ONE].busiest_ns, count, 1e-3);
		report_row(&row);
	}
}

void part_scale(const struct bench *b)
{
	static const size_t sizes[] = { 1, 10, 100, 1000, 5000, 10000, 20000 };
	size_t count = b->rounds < ROUNDS_MAX ? b->rounds : ROUNDS_MAX;
	struct bytes pass = BYTES_INIT;

	report_title("CPU a delivery as clients and processes grow");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t clients = sizes[i];

		if (clients > b->clients_max)
			break;
		if (!want_descriptors(clients + DESCRIPTORS)) {
			report_note("%zu clients: not so many descriptors",
				clients);
			break;
		}
		for (size_t round = 0; round < count; round++)
			take_round(b, clients, round, &pass);
		report_cpu(clients, count);
		if (clients >= JUDGED_CLIENTS_MIN)
			report_rate(clients, count);
	}
	bytes_release(&pass);
}
