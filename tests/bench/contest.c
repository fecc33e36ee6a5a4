#include "tests/bench/contest.h"

#include <string.h>

#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"

#define SETTLE_MS 2

enum figure { CPU, WALL, P50, P99, FIGURES };

/* ---- a pass */

/* Who sends what another crowd got. */
static void send_again(struct sender *s)
{
	const struct bytes *got = crowd_first_got(s->model);

	bytes_clear(&s->pass);
	bytes_add(&s->pass, got->data, got->len);
	sequence_renumber_all(s->pass.data, s->pass.len, s->last);
	limit_send(s->limit, &s->pass);
}

static void take_pass(struct sender *s, size_t events, struct delays *delays)
{
	s->sent += events;
	crowd_expect(s->crowd, s->sent);
	for (size_t i = 0; delays && i < events; i++)
		delays_note_sent(delays, s->sent - i, now_ns());
	if (s->responder)
		responder_append(s->responder, events);
	else
		send_again(s);
	crowd_wait(s->crowd);
}

/* ---- a turn */

static uint64_t sender_cpu_ns(const struct sender *s)
{
	return s->responder ? responder_cpu_ns(s->responder)
			    : cpu_ns(s->limit->pid);
}

static void wait_until(double ns)
{
	while (now_ns() < ns)
		sleep_ms(1);
}

static void take_turn(
	const struct contest *c, struct sender *s, double figures[FIGURES])
{
	size_t passes = c->passes / (s->passes_divisor ? s->passes_divisor : 1);
	struct delays *delays = NULL;
	double begun, wall = 0;
	uint64_t cpu;

	if (passes == 0)
		passes = 1;
	if (c->pace_ms)
		delays =
			delays_new(s->sent + 1, passes * c->events, c->clients);
	crowd_measure(s->crowd, delays);
	/* What follows the last send of a pass belongs to it. */
	sleep_ms(SETTLE_MS);
	cpu = sender_cpu_ns(s);
	begun = now_ns();
	for (size_t i = 0; i < passes; i++) {
		double pass_begun;

		wait_until(begun + (double)i * c->pace_ms * 1e6);
		pass_begun = now_ns();
		take_pass(s, c->events, delays);
		wall += now_ns() - pass_begun;
	}
	sleep_ms(SETTLE_MS);
	cpu = sender_cpu_ns(s) - cpu;
	crowd_measure(s->crowd, NULL);
	figures[CPU] = (double)cpu / (double)(passes * c->events * c->clients);
	figures[WALL] = wall / (double)passes;
	figures[P50] = delays ? delays_quantile(delays, 0.5) : 0;
	figures[P99] = delays ? delays_quantile(delays, 0.99) : 0;
	if (delays)
		delays_free(delays);
}

/* ---- all of them */

static double taken[CONTEST_SENDERS_MAX][FIGURES][CONTEST_ROUNDS_MAX];

static struct spread figure_of(const struct contest *c, size_t i, enum figure f)
{
	double copy[CONTEST_ROUNDS_MAX];

	memcpy(copy, taken[i][f], c->rounds * sizeof(*copy));
	return spread_of(copy, c->rounds);
}

static struct spread ratio_of(const struct contest *c, size_t i, enum figure f)
{
	return spread_of_ratios(taken[0][f], taken[i][f], c->rounds);
}

void contest_run(const struct contest *c, struct contest_figures *figures)
{
	if (c->rounds > CONTEST_ROUNDS_MAX || c->count > CONTEST_SENDERS_MAX)
		die("a contest of %zu rounds", c->rounds);
	for (size_t round = 0; round <= c->rounds; round++) {
		for (size_t i = 0; i < c->count; i++) {
			/* Whoever is first has what the one before left in the
			 * caches. Round 0 warms up, and goes in order: the
			 * limit needs bytes to repeat. */
			size_t who = round % 2 ? c->count - 1 - i : i;
			double f[FIGURES];

			take_turn(c, &c->senders[who], f);
			for (int j = 0; round > 0 && j < FIGURES; j++)
				taken[who][j][round - 1] = f[j];
		}
	}
	for (size_t i = 0; i < c->count; i++)
		figures[i] = (struct contest_figures){
			.cpu_ns = figure_of(c, i, CPU),
			.wall_ns = figure_of(c, i, WALL),
			.p50_ns = figure_of(c, i, P50),
			.p99_ns = figure_of(c, i, P99),
			.cpu_ratio = ratio_of(c, i, CPU),
			.wall_ratio = ratio_of(c, i, WALL),
			.p50_ratio = ratio_of(c, i, P50),
			.p99_ratio = ratio_of(c, i, P99),
		};
}

struct sender sender_open_limit(
	struct limit *l, size_t clients, const struct crowd *model)
{
	const char *path = folder_new_path("limit");

	*l = limit_open(path, clients, RESPONDER_SEND_BUFFER / 2);
	return (struct sender){
		.crowd = crowd_open(path, clients, NULL),
		.limit = l,
		.model = model,
	};
}

void sender_close(struct sender *s)
{
	if (s->crowd)
		crowd_close(s->crowd);
	bytes_release(&s->pass);
	*s = (struct sender){ 0 };
}
