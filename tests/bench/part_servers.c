/*
 * servers, nchan, php, tail: what reaches browsers through real web servers.
 *
 * ssetail behind lighttpd and nginx is held against the same server in front
 * of a sender that has the bytes ready (limit.h), and against what people
 * would use instead. Two stands take turns; each round gives one ratio. A
 * turn is first one event after the other, as soon as everybody has the last
 * one, for the rate, then some at the pace of a busy log, for the rest.
 *
 * The server and what is behind it share a CPU, so that it is what they cost
 * together that limits them; the browsers have another.
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/die.h"
#include "tests/bench/gauge.h"
#include "tests/bench/machine.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"
#include "tests/bench/stand.h"

#define DELIVERIES_A_TURN 40000 /* for the rate, or */
#define RATE_NS_A_TURN	  1e9	/* as many as that gives, but */
#define PASSES_MIN	  2
#define PACED_EVENTS	  20  /* a turn, */
#define PACE_MS		  100 /* on average, from one to the next */
#define ROUNDS_MAX	  12
#define CLIENTS		  1000
#define DESCRIPTORS_SPARE 512

enum figure {
	RATE,
	P50,
	P99,
	SERVER_CPU,
	SENDER_CPU,
	BOTH_CPU,
	SERVER_MEMORY,
	SENDER_MEMORY,
	BOTH_MEMORY,
	FIGURES
};

static const struct {
	const char *what;
	const char *unit;
	double factor;		  /* from what is taken */
	double at_least, at_most; /* of the ratio to the ideal sender */
	bool more_is_better;
	bool is_detail;
} about[FIGURES] = {
	[RATE] = { "deliveries a second", "k/s", 1e-3, .at_least = 0.85,
		.more_is_better = true },
	[P50] = { "from write to browser, p50", "ms", 1e-6, .at_most = 1.2 },
	[P99] = { "from write to browser, p99", "ms", 1e-6 },
	[SERVER_CPU] = { "CPU a delivery, the server", "us", 1e-3,
		.is_detail = true },
	[SENDER_CPU] = { "CPU a delivery, behind it", "us", 1e-3,
		.is_detail = true },
	[BOTH_CPU] = { "CPU a delivery, in all", "us", 1e-3 },
	[SERVER_MEMORY] = { "memory a client, the server", "KB", 1 / 1024.0,
		.is_detail = true },
	[SENDER_MEMORY] = { "memory a client, behind it", "KB", 1 / 1024.0,
		.is_detail = true },
	[BOTH_MEMORY] = { "memory a client, in all", "KB", 1 / 1024.0 },
};

/* ---- a turn */

/* Returns deliveries a second. */
static double take_passes(struct stand *s)
{
	double begun = now_ns(), ns = 0;
	size_t passes = 0;

	while (passes < PASSES_MIN ||
		(passes * s->clients < DELIVERIES_A_TURN &&
			ns < RATE_NS_A_TURN)) {
		crowd_expect(s->crowd, s->written + 1);
		stand_append(s, 1);
		crowd_wait(s->crowd);
		passes++;
		ns = now_ns() - begun;
	}
	return (double)(passes * s->clients) / ns * 1e9;
}

/* From half to one and a half, so that nobody who polls is in step with it;
 * the same in every turn. */
static double pause_ns(unsigned *random)
{
	*random = *random * 1103515245 + 12345;
	return PACE_MS * 1e6 * (0.5 + (*random >> 16 & 1023) / 1023.0);
}

static void take_paced(struct stand *s, struct delays *delays)
{
	unsigned random = 1;
	double next = now_ns();

	crowd_measure(s->crowd, delays);
	crowd_expect(s->crowd, s->written + PACED_EVENTS);
	for (int i = 0; i < PACED_EVENTS; i++) {
		double now;

		while ((now = now_ns()) < next)
			crowd_take(s->crowd, (int)((next - now) / 1e6) + 1);
		delays_note_sent(delays, s->written + 1, now);
		stand_append(s, 1);
		next += pause_ns(&random);
	}
	crowd_wait(s->crowd);
	crowd_measure(s->crowd, NULL);
}

static void take_turn(struct stand *s, double figures[FIGURES])
{
	double deliveries = (double)(PACED_EVENTS * s->clients);
	struct delays *delays;
	double server, sender;

	stand_pause(s, false);
	figures[RATE] = take_passes(s);
	delays = delays_new(s->written + 1, PACED_EVENTS, s->clients);
	server = tree_cpu_ns(&s->server);
	sender = tree_cpu_ns(&s->sender);
	take_paced(s, delays);
	server = tree_cpu_ns(&s->server) - server;
	sender = tree_cpu_ns(&s->sender) - sender;
	stand_pause(s, true);
	figures[P50] = delays_quantile(delays, 0.5);
	figures[P99] = delays_quantile(delays, 0.99);
	figures[SERVER_CPU] = server / deliveries;
	figures[SENDER_CPU] = sender / deliveries;
	figures[BOTH_CPU] = (server + sender) / deliveries;
	figures[SERVER_MEMORY] = (double)s->server_bytes;
	figures[SENDER_MEMORY] = (double)s->sender_bytes;
	figures[BOTH_MEMORY] = (double)(s->server_bytes + s->sender_bytes);
	delays_free(delays);
}

/* ---- two in turns */

enum { OURS, THEIRS, SIDES };

static double taken[SIDES][FIGURES][ROUNDS_MAX];

static void take_round(struct stand *const stands[SIDES], size_t round)
{
	for (int i = 0; i < SIDES; i++) {
		/* Whoever is first has what the other left in the caches. */
		int side = round % 2 ? SIDES - 1 - i : i;
		double f[FIGURES];

		take_turn(stands[side], f);
		for (int j = 0; j < FIGURES; j++)
			taken[side][j][round] = f[j];
	}
}

static void take_rounds(const struct bench *b,
	const struct stand_kind *const kinds[SIDES], size_t clients,
	size_t rounds)
{
	struct stand *stands[SIDES];
	double warm[FIGURES];

	for (int i = 0; i < SIDES; i++) {
		pin_sender(0); /* what is started now stays there */
		stands[i] = stand_open(kinds[i], b->build, clients);
		pin_readers(APART);
		take_turn(stands[i], warm);
	}
	for (size_t i = 0; i < rounds; i++)
		take_round(stands, i);
	for (int i = 0; i < SIDES; i++)
		stand_close(stands[i]);
}

/* ---- what comes of it */

static struct spread figure_of(int side, enum figure f, size_t rounds)
{
	double copy[ROUNDS_MAX];

	memcpy(copy, taken[side][f], rounds * sizeof(*copy));
	return spread_scaled(spread_of(copy, rounds), about[f].factor);
}

static struct spread ratio_of(enum figure f, size_t rounds)
{
	return spread_of_ratios(taken[OURS][f], taken[THEIRS][f], rounds);
}

static void report_figure(const struct stand_kind *const kinds[SIDES],
	enum figure f, size_t clients, size_t rounds)
{
	bool judged = kinds[THEIRS]->is_ideal && clients == CLIENTS &&
		      (about[f].at_least > 0 || about[f].at_most > 0);

	report_row(&(struct report_row){
		.what = about[f].what,
		.unit = about[f].unit,
		.ours = figure_of(OURS, f, rounds),
		.beside = kinds[THEIRS]->sender,
		.theirs = figure_of(THEIRS, f, rounds),
		.ratio = ratio_of(f, rounds),
		.judged = judged ? JUDGE_RATIO : JUDGE_NOTHING,
		.at_least = about[f].at_least,
		.at_most = about[f].at_most,
		.is_detail = about[f].is_detail,
	});
}

/* The ideal sender has no memory of clients, and is told apart from nobody. */
static bool is_told(const struct stand_kind *theirs, enum figure f)
{
	return !theirs->is_ideal || f < SERVER_MEMORY;
}

static bool they_win(enum figure f, size_t rounds)
{
	struct spread ratio = ratio_of(f, rounds);

	if (ratio.median == 0)
		return false; /* they have none of it */
	return about[f].more_is_better ? ratio.high < 1 : ratio.low > 1;
}

static void report_wins(
	const struct stand_kind *const kinds[SIDES], size_t rounds)
{
	char wins[256] = "";

	for (int f = 0; f < FIGURES; f++)
		if (!about[f].is_detail && they_win(f, rounds)) {
			strcat(wins, *wins ? "; " : "");
			strcat(wins, about[f].what);
		}
	report_note("%s is better at: %s", kinds[THEIRS]->sender,
		*wins ? wins : "none of it");
}

static void report_contest(const struct stand_kind *const kinds[SIDES],
	size_t clients, size_t rounds)
{
	char title[96];

	snprintf(title, sizeof(title), "%s, %zu browsers, %s",
		kinds[OURS]->server, clients, kinds[OURS]->sender);
	report_title(title);
	for (int f = 0; f < FIGURES; f++)
		if (is_told(kinds[THEIRS], f))
			report_figure(kinds, f, clients, rounds);
	if (!kinds[THEIRS]->is_ideal)
		report_wins(kinds, rounds);
}

static void report_points(const struct stand_kind *const kinds[SIDES],
	size_t clients, size_t rounds, bool again)
{
	for (int side = again ? THEIRS : OURS; side < SIDES; side++) {
		char line[64];

		snprintf(line, sizeof(line), "%s, %s", kinds[side]->server,
			kinds[side]->sender);
		report_point(
			"Through web servers, thousand deliveries a second",
			line, (double)clients, figure_of(side, RATE, rounds));
		report_point("Through web servers, p50 in ms", line,
			(double)clients, figure_of(side, P50, rounds));
	}
}

/* ---- the parts */

struct pairing {
	const struct stand_kind *kinds[SIDES];
	size_t clients;
	size_t rounds;
	bool again; /* ours has been in another of that size */
};

/* Sizes other than CLIENTS are for the charts. */
static void run(const struct bench *b, const struct pairing *c)
{
	size_t clients = bench_clients(b, c->clients);
	size_t rounds = c->rounds < b->rounds ? c->rounds : b->rounds;

	if (clients < c->clients && c->clients != CLIENTS)
		return;
	if (!want_descriptors(2 * clients + DESCRIPTORS_SPARE)) {
		report_note("%zu browsers: not so many descriptors", clients);
		return;
	}
	take_rounds(b, c->kinds, clients, rounds);
	report_contest(c->kinds, clients, rounds);
	report_points(c->kinds, clients, rounds, c->again);
}

void part_servers(const struct bench *b)
{
	static const struct pairing all[] = {
		{ { &lighttpd_ssetail, &lighttpd_ideal }, 100, 3, false },
		{ { &lighttpd_ssetail, &lighttpd_ideal }, CLIENTS, ROUNDS_MAX,
			false },
		{ { &lighttpd_ssetail, &lighttpd_ideal }, 5000, 3, false },
		{ { &nginx_ssetail, &nginx_ideal }, 100, 3, false },
		{ { &nginx_ssetail, &nginx_ideal }, CLIENTS, ROUNDS_MAX,
			false },
		{ { &nginx_ssetail, &nginx_ideal }, 5000, 3, false },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		run(b, &all[i]);
}

void part_nchan(const struct bench *b)
{
	run(b, &(struct pairing){
		       { &nginx_ssetail, &nginx_nchan }, CLIENTS, 7, true });
}

void part_php(const struct bench *b)
{
	run(b, &(struct pairing){
		       { &nginx_ssetail, &nginx_php }, CLIENTS, 7, true });
}

/* Each process of CGI wants an inotify instance of its own, of which a user
 * has 128, as the kernel sets it. */
static void note_inotify(void)
{
	FILE *f = fopen("/proc/sys/fs/inotify/max_user_instances", "re");
	unsigned instances = 0;

	if (f && fscanf(f, "%u", &instances) == 1)
		report_note(
			"with fs.inotify.max_user_instances = %u: both look "
			"once a second beyond that",
			instances);
	if (f)
		fclose(f);
}

void part_tail(const struct bench *b)
{
	run(b, &(struct pairing){
		       { &lighttpd_cgi, &lighttpd_tail }, 40, 5, false });
	run(b, &(struct pairing){
		       { &lighttpd_cgi, &lighttpd_tail }, CLIENTS, 5, false });
	note_inotify();
}
