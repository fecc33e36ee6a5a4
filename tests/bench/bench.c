/*
 * bench [-n CLIENTS] [-p PAIRS] [-e EVENTS]... [-s] PROGRAM: what a delivery
 * (one event to one client) costs the responder, beside the limit: the same
 * bytes by plain send(). Both serve as many clients, one after the other in
 * turns of a tenth of a second, and each pair of turns gives one ratio: what
 * disturbs the machine for longer disturbs both.
 *
 * Pacing: the events of a pass are appended at once, then everybody is waited
 * for. Ends with 1 when a figure misses what it must reach with its whole
 * interval.
 *
 * bench -s ...: what several processes on one socket make of several CPUs
 * instead, in as many rounds; see share.h.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/calls.h"
#include "tests/bench/crowd.h"
#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/limit.h"
#include "tests/bench/responder.h"
#include "tests/bench/sequence.h"
#include "tests/bench/share.h"
#include "tests/bench/spread.h"

#define SEND_BUFFER	   32768 /* the default of send_buffer */
#define DELIVERIES_A_TURN  40000 /* of one event a pass; see passes_of */
#define PASSES_MIN	   5
#define PAIRS_MAX	   1000
#define CALLS_PASSES	   10
#define LOADS_MAX	   8
#define BYTES_A_CLIENT_MAX 512
#define JUDGED_CLIENTS_MIN 1000

struct options {
	size_t clients;
	size_t pairs;
	size_t loads;
	size_t events[LOADS_MAX]; /* a pass */
	bool shares;
	const char *program;
};

/* A turn of one of the two. */
struct turn {
	double cpu_ns;	/* a delivery */
	double wall_ns; /* a pass */
};

struct bench {
	const struct options *options;
	struct responder responder;
	struct limit limit;
	struct crowd *ours;   /* clients of the responder, */
	struct crowd *theirs; /* and of the limit */
	uint64_t sent;	      /* events, by the limit */
	struct bytes pass;    /* as the responder sent it last */
};

/* ---- CPUs */

/*
 * The senders have the first of our CPUs to themselves, or share it with the
 * readers. Apart, both ends of a socket fight for its locks, and what that
 * costs is added to either sender; together, what one does by itself counts
 * most. Left to the scheduler, it would be now this, now that.
 */
enum { APART, TOGETHER, PLACEMENTS };

static const char *const placements[] = { "apart", "together" };

static void pin(pid_t pid, const cpu_set_t *ours, bool last)
{
	cpu_set_t set;
	size_t cpu = CPU_SETSIZE;

	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, ours) && (last || cpu == CPU_SETSIZE))
			cpu = i;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(pid, sizeof(set), &set) < 0)
		die_errno("CPU %zu", cpu);
}

/* ---- turns */

/* What follows the last send of a pass belongs to it. */
static void let_settle(void)
{
	const struct timespec some = { .tv_nsec = 2000000 };

	nanosleep(&some, NULL);
}

static void pass_ours(struct bench *b, size_t events)
{
	crowd_expect(b->ours, b->responder.written + events);
	responder_append(&b->responder, events);
	crowd_wait(b->ours);
}

static void pass_theirs(struct bench *b, size_t events)
{
	crowd_expect(b->theirs, b->sent + events);
	b->sent = sequence_renumber(b->pass.data, b->pass.len, b->sent);
	limit_send(&b->limit, &b->pass);
	crowd_wait(b->theirs);
}

/* More events a pass cost more a pass, but less than in proportion. */
static size_t passes_of(const struct bench *b, size_t events)
{
	size_t weight = 1 + events / 16;
	size_t passes = DELIVERIES_A_TURN / weight / b->options->clients;

	return passes > PASSES_MIN ? passes : PASSES_MIN;
}

static struct turn take_turn(struct bench *b, size_t events, pid_t pid,
	void (*pass)(struct bench *, size_t))
{
	size_t passes = passes_of(b, events);
	uint64_t before;
	double cpu, begun, ended;

	let_settle();
	before = cpu_ns(pid);
	begun = now_ns();
	for (size_t i = 0; i < passes; i++)
		pass(b, events);
	ended = now_ns();
	let_settle();
	cpu = (double)(cpu_ns(pid) - before);
	return (struct turn){
		.cpu_ns = cpu / (double)(passes * events * b->options->clients),
		.wall_ns = (ended - begun) / (double)passes,
	};
}

/* Our turn leaves its last pass for the limit to repeat. */
static struct turn our_turn(struct bench *b, size_t events)
{
	struct turn turn =
		take_turn(b, events, b->responder.pids[0], pass_ours);
	const struct bytes *got = crowd_first_got(b->ours);

	bytes_clear(&b->pass);
	bytes_add(&b->pass, got->data, got->len);
	return turn;
}

static struct turn their_turn(struct bench *b, size_t events)
{
	return take_turn(b, events, b->limit.pid, pass_theirs);
}

/* ---- a load */

struct figures {
	struct spread ours, theirs, ratio; /* of CPU; ns a delivery */
	struct spread our_pass, their_pass;
};

static struct figures measure(struct bench *b, size_t events)
{
	size_t pairs = b->options->pairs;
	double ours[PAIRS_MAX], theirs[PAIRS_MAX], ratio[PAIRS_MAX];
	double our_pass[PAIRS_MAX], their_pass[PAIRS_MAX];

	our_turn(b, events); /* warms up, and has bytes for the limit */
	their_turn(b, events);
	for (size_t i = 0; i < pairs; i++) {
		struct turn us, they;

		/* Whoever is first has what the other left in the caches. */
		if (i % 2) {
			they = their_turn(b, events);
			us = our_turn(b, events);
		} else {
			us = our_turn(b, events);
			they = their_turn(b, events);
		}
		ours[i] = us.cpu_ns;
		theirs[i] = they.cpu_ns;
		ratio[i] = us.cpu_ns / they.cpu_ns;
		our_pass[i] = us.wall_ns;
		their_pass[i] = they.wall_ns;
	}
	return (struct figures){
		.ours = spread_of(ours, pairs),
		.theirs = spread_of(theirs, pairs),
		.ratio = spread_of(ratio, pairs),
		.our_pass = spread_of(our_pass, pairs),
		.their_pass = spread_of(their_pass, pairs),
	};
}

static double reach_of(size_t events)
{
	return events == 1 ? 1.3 : 1.4;
}

/* A pass has a price of its own, the first client one in pages: what must be
 * reached is meant for a thousand clients and more. */
static bool is_judged(const struct options *o)
{
	return o->clients >= JUDGED_CLIENTS_MIN;
}

static const char *verdict(const struct options *o, bool reached, bool missed)
{
	if (!is_judged(o))
		return "-";
	return missed ? "missed" : reached ? "reached" : "unclear";
}

/* Returns whether it misses. */
static bool print_load(struct bench *b, int placement, size_t events)
{
	struct figures f = measure(b, events);
	double reach = reach_of(events);
	bool misses = is_judged(b->options) && f.ratio.low > reach;

	printf("%-8s %13zu %11.3f %11.3f %8.2f   %4.2f to %4.2f %6.1f %-7s "
	       "%9.2f "
	       "%9.2f\n",
		placements[placement], events, f.ours.median / 1e3,
		f.theirs.median / 1e3, f.ratio.median, f.ratio.low,
		f.ratio.high, reach,
		verdict(b->options, f.ratio.median <= reach, misses),
		f.our_pass.median / 1e6, f.their_pass.median / 1e6);
	fflush(stdout);
	return misses;
}

/* ---- memory, system calls */

/*
 * What clients add to a responder that has had one before: the first brings
 * code and buffers into memory that all share.
 */
static size_t open_clients(struct bench *b, const struct bytes *request)
{
	struct crowd *first = crowd_open(b->responder.socket, 1, request);
	size_t before, after;

	crowd_wait_open(first);
	crowd_close(first);
	let_settle();
	before = pss_bytes(b->responder.pids[0]);
	b->ours = crowd_open(b->responder.socket, b->options->clients, request);
	crowd_wait_open(b->ours);
	let_settle();
	after = pss_bytes(b->responder.pids[0]);
	return after > before ? (after - before) / b->options->clients : 0;
}

static bool print_memory(const struct options *o, size_t bytes_a_client)
{
	bool reached = bytes_a_client <= BYTES_A_CLIENT_MAX;

	printf("user memory (PSS): %zu bytes a client, idle; at most %d: %s\n",
		bytes_a_client, BYTES_A_CLIENT_MAX,
		verdict(o, reached, !reached));
	return is_judged(o) && !reached;
}

static void print_calls(struct bench *b)
{
	struct calls *c = calls_begin(b->responder.pids[0]);
	uint64_t before = 0, after = 0;

	if (!c) {
		printf("system calls: not counted: %s\n", strerror(errno));
		return;
	}
	/* The first pass begins with what was interrupted. */
	for (int i = 0; i <= CALLS_PASSES; i++) {
		double until;

		crowd_expect(b->ours, b->responder.written + 1);
		responder_append(&b->responder, 1);
		while (!crowd_take(b->ours, 0))
			calls_step(c);
		for (until = now_ns() + 5e6; now_ns() < until;)
			after = calls_step(c);
		if (i == 0)
			before = after;
	}
	calls_end(c);
	printf("system calls: %.3f a delivery, at one event a pass: %.1f a "
	       "pass beside a send() each\n",
		(double)(after - before) /
			(double)(CALLS_PASSES * b->options->clients),
		(double)(after - before) / CALLS_PASSES -
			(double)b->options->clients);
}

/* ---- the run */

static void print_machine(const struct options *o)
{
	struct utsname kernel;

	uname(&kernel);
	printf("%zu clients, lines of %d bytes, %zu pairs; %ld CPUs, %s %s\n",
		o->clients, RESPONDER_LINE_BYTES, o->pairs,
		sysconf(_SC_NPROCESSORS_ONLN), kernel.sysname, kernel.release);
}

static void print_title(void)
{
	printf("\nCPU a delivery, us; medians, and the interval that holds "
	       "the ratio's in 95 of 100 runs\n"
	       "%-8s %13s %11s %11s %8s %14s %14s %19s\n",
		"CPUs", "events a pass", "ssetail", "plain send", "ratio",
		"interval", "at most", "ms a pass, of both");
}

static bool print_loads(struct bench *b, const cpu_set_t *cpus)
{
	bool misses = false;

	for (int i = CPU_COUNT(cpus) > 1 ? APART : TOGETHER; i < PLACEMENTS;
		i++) {
		pin(0, cpus, i == APART);
		for (size_t j = 0; j < b->options->loads; j++)
			misses |= print_load(b, i, b->options->events[j]);
	}
	return misses;
}

static bool run(const struct options *o)
{
	struct bytes request = BYTES_INIT;
	struct bench b = { .options = o };
	cpu_set_t cpus;
	bool misses;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		die_errno("CPUs");
	print_machine(o);
	fflush(stdout);
	b.responder = responder_open(o->program, SEND_BUFFER, 1);
	b.limit = limit_open(folder_path("limit"), o->clients, SEND_BUFFER / 2);
	pin(b.responder.pids[0], &cpus, false);
	pin(b.limit.pid, &cpus, false);
	responder_put_request(&request);
	misses = print_memory(o, open_clients(&b, &request));
	b.theirs = crowd_open(folder_path("limit"), o->clients, NULL);
	print_calls(&b);
	print_title();
	misses |= print_loads(&b, &cpus);
	crowd_close(b.ours);
	crowd_close(b.theirs);
	limit_close(&b.limit);
	responder_close(&b.responder);
	bytes_release(&request);
	bytes_release(&b.pass);
	return misses;
}

static bool run_shared(const struct options *o)
{
	const struct share share = {
		.program = o->program,
		.clients = o->clients,
		.rounds = o->pairs,
		.events = o->events[0],
		.send_buffer = SEND_BUFFER,
	};

	print_machine(o);
	fflush(stdout);
	share_run(&share);
	return false;
}

static size_t number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (n == 0 || n > 1000000 || *end)
		die("%s: not a number from 1 on", text);
	return n;
}

/* Both ends of the limit's, and ours. */
static void raise_descriptors(size_t clients)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 2 * clients + 64)
		die("%zu clients need %zu descriptors: ulimit -Hn", clients,
			2 * clients + 64);
}

static void read_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:p:e:s")) != -1) {
		switch (c) {
		case 'n':
			o->clients = number(optarg);
			break;
		case 'p':
			o->pairs = number(optarg);
			break;
		case 'e':
			if (o->loads == LOADS_MAX)
				die("at most %d times -e", LOADS_MAX);
			o->events[o->loads++] = number(optarg);
			break;
		case 's':
			o->shares = true;
			break;
		default:
			die("usage: bench [-n CLIENTS] [-p PAIRS] "
			    "[-e EVENTS]... [-s] PROGRAM");
		}
	}
	if (optind + 1 != argc)
		die("which program?");
	if (o->pairs > PAIRS_MAX)
		die("at most %d pairs", PAIRS_MAX);
	o->program = argv[optind];
	if (o->loads == 0) {
		o->loads = 3;
		o->events[1] = 16;
		o->events[2] = 64;
	}
}

int main(int argc, char **argv)
{
	struct options o = { .clients = 1000, .pairs = 25, .events = { 1 } };

	read_options(&o, argc, argv);
	raise_descriptors(o.clients);
	return o.shares ? run_shared(&o) : run(&o);
}
