/*
 * memory: what a client adds to the responder (PSS, which the kernel's sockets
 * are not in) when nothing happens, and when it reads nothing while lines come
 * that its socket and the ring have no room for; what waits for it in the
 * kernel then; and what ten thousand take in all.
 */
#include <stdio.h>

#include "tests/bench/gauge.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"
#include "tests/bench/responder.h"

#define CLIENTS		 1000
#define MANY		 10000
#define LAG_LINES	 10000
#define BYTES_A_CLIENT	 512
#define KERNEL_BYTES	 65536
#define MANY_BYTES	 12e6
#define CALM_STEP_MS	 20
#define CALM_STEPS	 5 /* without any CPU */
#define CALM_PATIENCE_MS 30000

/* Waits until it has nothing to do any more. */
static void wait_calm(const struct responder *r)
{
	uint64_t before = 0;
	int calm = 0;

	for (int ms = 0; calm < CALM_STEPS && ms < CALM_PATIENCE_MS;
		ms += CALM_STEP_MS) {
		uint64_t now = responder_cpu_ns(r);

		calm = now - before < CALM_STEP_MS * 10000 ? calm + 1 : 0;
		before = now;
		sleep_ms(CALM_STEP_MS);
	}
}

/*
 * What clients add to a responder that has had one before: the first brings
 * code and buffers into memory that all share.
 */
static size_t open_and_weigh(
	const struct responder *r, size_t clients, struct crowd **crowd)
{
	struct crowd *first = responder_follow(r, 1);
	size_t before;

	crowd_close(first);
	wait_calm(r);
	before = pss_bytes(r->pids[0]);
	*crowd = responder_follow(r, clients);
	wait_calm(r);
	return pss_bytes(r->pids[0]) - before;
}

static void report_bytes(
	const char *what, double bytes, double at_most, bool judged)
{
	report_row(&(struct report_row){
		.what = what,
		.unit = "bytes",
		.ours = spread_exact(bytes),
		.judged = judged ? JUDGE_OURS : JUDGE_NOTHING,
		.at_most = at_most,
		.gates = true,
	});
}

static void weigh_idle_and_lagging(const struct bench *b)
{
	size_t clients = bench_clients(b, CLIENTS), sockets = 0, idle, before;
	bool judged = clients >= JUDGED_CLIENTS_MIN;
	struct responder r = responder_open_with(
		&(struct responder_how){ .program = b->program });
	struct crowd *crowd, *reader;
	double kernel;

	idle = open_and_weigh(&r, clients, &crowd);
	report_bytes("a client, idle", (double)idle / (double)clients,
		BYTES_A_CLIENT, judged);
	/* One who reads brings the ring into memory, which is no client's. */
	reader = responder_follow(&r, 1);
	crowd_expect(reader, LAG_LINES);
	crowd_expect(crowd, LAG_LINES);
	responder_append(&r, LAG_LINES);
	crowd_wait(reader);
	crowd_wait(crowd);
	wait_calm(&r);
	before = pss_bytes(r.pids[0]);
	crowd_stop_reading(crowd, clients);
	crowd_expect(reader, 2 * LAG_LINES);
	responder_append(&r, LAG_LINES);
	crowd_wait(reader);
	wait_calm(&r);
	report_bytes("a client, idle, and then lagging",
		((double)idle + (double)pss_bytes(r.pids[0]) - (double)before) /
			(double)clients,
		BYTES_A_CLIENT, judged);
	kernel = (double)unix_bytes(r.socket, &sockets);
	report_bytes("the kernel's, of a client that reads nothing",
		kernel / (double)sockets, KERNEL_BYTES, judged);
	crowd_close(reader);
	crowd_close(crowd);
	responder_close(&r);
}

static void weigh_many(const struct bench *b)
{
	size_t clients = bench_clients(b, MANY);
	struct responder r = responder_open_with(
		&(struct responder_how){ .program = b->program });
	struct crowd *crowd = responder_follow(&r, clients);
	char what[80];

	crowd_expect(crowd, 1);
	responder_append(&r, 1);
	crowd_wait(crowd);
	wait_calm(&r);
	snprintf(what, sizeof(what), "the process, with %zu clients", clients);
	report_row(&(struct report_row){
		.what = what,
		.unit = "MB",
		.ours = spread_exact((double)pss_bytes(r.pids[0]) / 1e6),
		.judged = clients == MANY ? JUDGE_OURS : JUDGE_NOTHING,
		.at_most = MANY_BYTES / 1e6,
		.gates = true,
	});
	crowd_close(crowd);
	responder_close(&r);
}

static void weigh_threads(const struct bench *b)
{
	size_t clients = bench_clients(b, CLIENTS);
	char program[512];
	struct responder r;
	struct crowd *crowd;

	snprintf(program, sizeof(program), "%s/tests/bench/beside/threads",
		b->build);
	r = responder_open_with(&(struct responder_how){
		.program = program, .takes_log = true });
	report_bytes("for comparison: a client's thread with libfcgi, idle",
		(double)open_and_weigh(&r, clients, &crowd) / (double)clients,
		0, false);
	crowd_close(crowd);
	responder_close(&r);
}

void part_memory(const struct bench *b)
{
	report_title("Memory");
	weigh_idle_and_lagging(b);
	weigh_many(b);
	weigh_threads(b);
}
