/*
 * Torture: a log that is rotated in every way there is, under writers that
 * do not wait, while readers leave, come back, stop reading, and the
 * responders are killed. At the end every reader has had every line once.
 *
 *	TORTURE_LINES=100000 TORTURE_SEED=7 build/tests/front/test_torture
 *
 * TORTURE_TRACE=1 tells what happened when, TORTURE_SLOW=1 has the responders
 * look names up slowly, 2 twice as slowly, and so on.
 *
 * What it did is counted, and it fails below a floor of each count: a run in
 * which nothing happened proves nothing.
 */
#include "tests/lib/test.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/chance.h"
#include "tests/lib/churn.h"
#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/process.h"

#define READERS	   8
#define FAR_BACK   20	/* generations; a burst makes more at once */
#define PAUSED_MAX 4000 /* lines a reader may be behind while it pauses */

struct responder {
	const char *address;
	const char *config;
	struct process *process;
};

struct client {
	struct reader *reader; /* NULL: not connected */
	size_t taken;	       /* events of this connection that were counted */
	char id[256];	       /* last one */
	uint32_t last;	       /* number of its last line */
	int from;	       /* responder; -1: CGI */
	bool paused;
	unsigned char connections;
	unsigned char *seen; /* by line: the connection it came by */
	uint32_t *arrived;   /* the lines in the order in which they came */
	uint32_t count;
	uint32_t *last_of; /* by generation: its last number */
};

static struct {
	struct churn log;
	struct responder responders[2];
	struct client clients[READERS];
	unsigned comings, resumes, in_sibling, kills, cuts, lagged, by_cgi;
} t;

/* What happened when, for whoever looks for the cause of a failure. */
static void __attribute__((format(printf, 1, 2))) trace(const char *format, ...)
{
	va_list args;

	if (!getenv("TORTURE_TRACE"))
		return;
	printf("after line %" PRIu32 ": ", t.log.written);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- rotating */

static void count_laggards(void)
{
	for (size_t i = 0; i < READERS; i++)
		if (t.clients[i].paused && t.clients[i].reader)
			t.lagged++;
}

/* Somebody resumes while the names are being shifted. */
static void connect_to(struct client *c, int from);
static void disconnect(struct client *c);
static void take_events(struct client *c);

static void come_back_one(void)
{
	for (size_t i = 0; i < READERS; i++) {
		if (!t.clients[i].reader) {
			connect_to(&t.clients[i], (int)chance_below(2));
			return;
		}
	}
}

/* Siblings are removed in the end: nobody may be as far back as that. */
static bool nobody_is_far_back(void *unused)
{
	bool near = true;

	(void)unused;
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (c->reader)
			take_events(c);
		if (t.log.generation < FAR_BACK + t.log.generation_of[c->last])
			continue;
		near = false;
		if (c->reader && c->reader->closed)
			disconnect(c);
		if (!c->reader)
			connect_to(c, (int)chance_below(2));
		reader_set_reading(c->reader, true);
		c->paused = false;
	}
	return near;
}

static void rotate(void)
{
	enum churn_rotation kind = churn_next(&t.log);

	if (!wait_until(nobody_is_far_back, NULL, test_limit_ms()))
		test_fail("a reader got stuck");
	count_laggards();
	trace("rotation: %s", churn_names[kind]);
	churn_rotate(&t.log, kind);
}

/* ---- reading */

static void take_line(struct client *c, const struct reader_event *e)
{
	uint32_t n = churn_number(&t.log, e), g = t.log.generation_of[n];

	if (c->seen[n])
		test_fail("reader %zd got line %" PRIu32 " twice, in its "
			  "connections %d and %d, %d of which is to %d; id %s",
			c - t.clients, n, c->seen[n], c->connections,
			c->connections, c->from, e->id);
	if (n < c->last_of[g])
		test_fail("reader %zd got line %" PRIu32 " after %" PRIu32
			  " of the same file",
			c - t.clients, n, c->last_of[g]);
	c->seen[n] = c->connections;
	c->last_of[g] = n;
	c->last = n;
	c->arrived[c->count++] = n;
}

static void take_events(struct client *c)
{
	struct reader *r = c->reader;

	for (; c->taken < r->event_count; c->taken++) {
		const struct reader_event *e = &r->events[c->taken];

		if (strcmp(e->type, "gap") == 0)
			test_fail("reader %zd was told of a gap after line "
				  "%" PRIu32 ": %s",
				c - t.clients, c->last, e->data);
		if (strcmp(e->type, "message") == 0)
			take_line(c, e);
	}
	if (r->streams)
		snprintf(c->id, sizeof(c->id), "%s", reader_last_id(r));
}

static void disconnect(struct client *c)
{
	if (!c->reader)
		return;
	take_events(c);
	trace("reader %zd leaves %d after line %" PRIu32 ", id %s",
		c - t.clients, c->from, c->last, c->id);
	if (c->from >= 0 && front_was_cut(front_of(c->reader)))
		t.cuts++;
	reader_close(c->reader);
	c->reader = NULL;
	c->paused = false;
}

static void connect_to(struct client *c, int from)
{
	struct ask ask = { .path = "/app", .query = "tail=0" };
	struct cgi_how how = { .config = t.responders[0].config };

	if (c->id[0])
		ask.last_event_id = c->id;
	if (from < 0)
		c->reader = &cgi_open(&how, &ask)->reader;
	else
		c->reader =
			&front_open(t.responders[from].address, &ask)->reader;
	c->reader->tolerant = true;
	c->from = from;
	c->connections = c->connections < 255 ? c->connections + 1 : 1;
	c->taken = 0;
	trace("reader %zd comes to %d with id %s", c - t.clients, from, c->id);
	t.resumes += c->id[0] != '\0';
	t.by_cgi += from < 0;
	if (c->last && t.log.generation_of[c->last] < t.log.generation)
		t.in_sibling++;
}

static void pump(int ms)
{
	wait_quietly(ms);
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (!c->reader)
			continue;
		take_events(c);
		if (c->reader->fault[0])
			test_fail("reader %zu: %s", i, c->reader->fault);
		if (c->paused && t.log.written - c->last > PAUSED_MAX) {
			reader_set_reading(c->reader, true);
			c->paused = false;
		}
		if (c->reader->closed)
			disconnect(c);
	}
}

/* ---- responders */

static bool listens(const char *address)
{
	int fd = reader_connect(address);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A slow disk (TORTURE_SLOW=1) makes it likely that files are renamed while
 * they are being listed. */
static void start(struct responder *r)
{
	if (getenv("TORTURE_SLOW"))
		setenv("LD_PRELOAD", process_program("tests/tools/slowdisk.so"),
			1);
	r->process = process_run(
		process_program("ssetail.fcgi"), "-c", r->config, NULL);
	unsetenv("LD_PRELOAD");
	wait_for(listens(r->address));
}

/* Readers that do not read have it stand in the middle of a record. */
static void kill_one(void)
{
	int victim = (int)chance_below(2);
	struct responder *r = &t.responders[victim];

	t.kills++;
	trace("responder %d is killed", victim);
	process_kill(r->process);
	process_free(r->process);
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (!c->reader || c->from != victim)
			continue;
		reader_set_reading(c->reader, true);
		wait_for(c->reader->closed);
		disconnect(c);
	}
	start(r);
}

static const char *write_config(const char *name, const char *listen)
{
	const char *path = disk_path(t.log.folder, "%s", name);

	disk_write(path,
		"listen = \"%s\";\nsend_buffer = 4096;\nring = 65536;\n"
		"sources = ( { name = \"app\"; path = \"app.log\"; } );\n",
		listen);
	return path;
}

static void prepare(void)
{
	chance_begin("TORTURE_SEED");
	churn_open(
		&t.log, disk_folder(), test_setting("TORTURE_LINES", 1, 5000));
	t.log.slow = test_setting("TORTURE_SLOW", 0, 0);
	t.log.between = come_back_one;
	printf("torture: %" PRIu32 " lines\n", t.log.lines);
	for (size_t i = 0; i < READERS; i++) {
		t.clients[i].seen = calloc(t.log.lines + 1, 1);
		t.clients[i].arrived =
			calloc(t.log.lines + 1, sizeof(*t.clients[i].arrived));
		t.clients[i].last_of = calloc(
			t.log.generations, sizeof(*t.clients[i].last_of));
		assert_non_null(t.clients[i].last_of);
	}
	t.responders[0].address = disk_path(t.log.folder, "sock");
	t.responders[0].config =
		write_config("a.conf", t.responders[0].address);
	t.responders[1].address =
		disk_path("", "127.0.0.1:%d", process_free_port()) + 1;
	t.responders[1].config =
		write_config("b.conf", t.responders[1].address);
	start(&t.responders[0]);
	start(&t.responders[1]);
}

static void release(void)
{
	for (size_t i = 0; i < READERS; i++) {
		free(t.clients[i].seen);
		free(t.clients[i].last_of);
		free(t.clients[i].arrived);
	}
	churn_release(&t.log);
}

/* ---- the run */

static void stir_readers(void)
{
	struct client *c = &t.clients[chance_below(READERS)];

	switch (chance_below(4)) {
	case 0:
		disconnect(c);
		break;
	case 1:
		if (c->reader && c->from >= 0) {
			c->paused = !c->paused;
			reader_set_reading(c->reader, !c->paused);
		}
		break;
	default:
		if (!c->reader)
			connect_to(
				c, t.comings++ % 4 ? (int)chance_below(2) : -1);
		break;
	}
}

/* Everybody is there before the first line; afterwards the id tells. */
static void connect_all(void)
{
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		connect_to(c, (int)(i % 2));
		wait_for(reader_last_id(c->reader)[0]);
		take_events(c);
	}
}

static bool all_done(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (c->reader)
			take_events(c);
		if (c->reader && c->reader->closed)
			disconnect(c);
		if (!c->reader)
			connect_to(c, (int)chance_below(2));
		if (c->count < t.log.lines)
			return false;
	}
	return true;
}

/* Where a line is missing: what came before and after its neighbour did. */
static void describe_missing(const struct client *c, uint32_t n)
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->arrived[i] != n + 1)
			continue;
		for (uint32_t j = i > 4 ? i - 4 : 0; j < i + 4; j++)
			printf("line %" PRIu32 " of file %" PRIu32
			       " came by connection %d\n",
				c->arrived[j],
				t.log.generation_of[c->arrived[j]],
				c->seen[c->arrived[j]]);
	}
}

static void finish(void)
{
	churn_settle(&t.log);
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (c->reader)
			reader_set_reading(c->reader, true);
		c->paused = false;
	}
	if (!wait_until(all_done, NULL, test_limit_ms()))
		for (size_t i = 0; i < READERS; i++)
			for (uint32_t n = 1; n <= t.log.lines; n++)
				if (!t.clients[i].seen[n]) {
					describe_missing(&t.clients[i], n);
					test_fail("reader %zu never got line "
						  "%" PRIu32 " of file %" PRIu32
						  " (its last was %" PRIu32 ")",
						i, n, t.log.generation_of[n],
						t.clients[i].last);
				}
	/* What comes twice comes late. */
	pump(300);
}

static void print_counts(void)
{
	printf("torture: %" PRIu32 " lines in %" PRIu32 " files to %d readers: "
	       "%u resumes (%u in a rotated file, %u by CGI), %u kills, "
	       "%u records cut, %u lagged at a rotation\n",
		t.log.written, t.log.generation + 1, READERS, t.resumes,
		t.in_sibling, t.by_cgi, t.kills, t.cuts, t.lagged);
	for (int i = 0; i < CHURN_ROTATIONS; i++)
		printf("torture: %4u %s\n", t.log.rotations[i], churn_names[i]);
	fflush(stdout);
}

static void loses_nothing_and_repeats_nothing(void **state)
{
	uint32_t floor, rotations = 0;

	(void)state;
	prepare();
	connect_all();
	floor = t.log.lines / 5000;
	for (uint32_t turn = 0; t.log.written < t.log.lines; turn++) {
		churn_write(&t.log, 1 + chance_below(60));
		stir_readers();
		if (chance_below(12) == 0)
			rotate();
		if (turn % 40 == 39)
			kill_one();
		pump((int)chance_below(4));
	}
	finish();
	print_counts();
	for (int i = 0; i < CHURN_ROTATIONS; i++) {
		assert_true(t.log.rotations[i] >= floor / 2);
		rotations += t.log.rotations[i];
	}
	assert_true(rotations >= 5 * floor);
	assert_true(t.resumes >= 20 * floor);
	assert_true(t.in_sibling >= 2 * floor);
	assert_true(t.by_cgi >= floor);
	assert_true(t.kills >= floor);
	assert_true(t.cuts >= floor / 4);
	assert_true(t.lagged >= 2 * floor);
	release();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			loses_nothing_and_repeats_nothing, test_cleanup),
	};

	setlinebuf(stdout);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
