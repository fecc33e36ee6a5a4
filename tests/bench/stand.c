#include "tests/bench/stand.h"

#include <signal.h>
#include <stdlib.h>

#include "tests/bench/die.h"
#include "tests/bench/gauge.h"
#include "tests/lib/ask.h"

/* From an event to the next, until everybody's stream has begun, a step more
 * each time: for those who look now and then only. */
#define OPEN_STEP_MS 100
#define OPEN_STEPS   60

/* What is slower than its sender has some events to catch up with. */
#define SETTLE_MS 50

void stand_append(struct stand *s, size_t events)
{
	s->kind->append(s, events);
	s->written += events;
}

/* Events go out until one has reached everybody: who came late has missed
 * those before. */
static void wait_open(struct stand *s, struct crowd *crowd)
{
	for (int i = 0; i < OPEN_STEPS; i++) {
		double until = now_ns() + (i + 1) * OPEN_STEP_MS * 1e6;

		stand_append(s, 1);
		crowd_expect(crowd, s->written);
		while (now_ns() < until)
			if (crowd_take(crowd, OPEN_STEP_MS))
				return;
	}
	die("%s, %s: not every client gets a stream", s->kind->server,
		s->kind->sender);
}

static struct crowd *open_clients(struct stand *s, size_t count)
{
	const struct ask ask = {
		.mount = "/events", .path = "/log", .query = "tail=0"
	};
	struct bytes request = BYTES_INIT;
	struct crowd *crowd;

	ask_http(&request, &ask, s->web.address);
	crowd = crowd_open_http(s->web.address, count, &request);
	bytes_release(&request);
	if (s->head.len) {
		limit_send(&s->limit, &s->head); /* when it has them all */
		crowd_wait_open(crowd);
	}
	wait_open(s, crowd);
	return crowd;
}

void stand_pause(const struct stand *s, bool pause)
{
	if (s->kind->polls && kill(-s->program, pause ? SIGSTOP : SIGCONT) < 0)
		die_errno("%s", s->kind->sender);
}

/* A process that was not there before serves one of the clients. */
static void find_processes(struct stand *s)
{
	bool is_cgi = s->program == s->web.pid;

	tree_release(&s->server);
	s->server = tree_find(s->web.pid, is_cgi ? TREE_ROOT : TREE_WHOLE);
	if (!s->program)
		return;
	tree_release(&s->sender);
	s->sender =
		tree_find(s->program, is_cgi ? TREE_DESCENDANTS : TREE_WHOLE);
}

static size_t difference(size_t after, size_t before)
{
	return after > before ? after - before : 0;
}

/* The first client brings code and buffers into memory that all share. */
static void open_all(struct stand *s)
{
	size_t server, sender;

	crowd_close(open_clients(s, 1));
	stand_append(s, 1); /* it has gone, learns whoever sends to it */
	sleep_ms(SETTLE_MS);
	find_processes(s);
	server = tree_pss_bytes(&s->server);
	sender = s->kind->starts_ahead ? 0 : tree_pss_bytes(&s->sender);
	s->crowd = open_clients(s, s->clients);
	sleep_ms(SETTLE_MS);
	find_processes(s);
	s->server_bytes =
		difference(tree_pss_bytes(&s->server), server) / s->clients;
	s->sender_bytes =
		difference(tree_pss_bytes(&s->sender), sender) / s->clients;
}

struct stand *stand_open(
	const struct stand_kind *kind, const char *build, size_t clients)
{
	struct stand *s = calloc(1, sizeof(*s));

	if (!s)
		die_errno("memory");
	s->kind = kind;
	s->build = build;
	s->clients = clients;
	kind->start(s);
	if (kind->is_ideal)
		s->crowd = open_clients(s, clients);
	else
		open_all(s);
	find_processes(s);
	return s;
}

void stand_close(struct stand *s)
{
	crowd_close(s->crowd);
	s->kind->stop(s);
	tree_release(&s->server);
	tree_release(&s->sender);
	bytes_release(&s->head);
	bytes_release(&s->event);
	free(s);
}
