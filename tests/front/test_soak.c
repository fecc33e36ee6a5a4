/*
 * Soak: all at once, for as long as one likes. A log is rotated in every way
 * there is and two pipes have many writers, while readers come and go, stop
 * reading, and return to another process; responders and CGI processes are
 * killed, whoever reads a pipe among them, and all responders get another
 * configuration again and again.
 *
 *	SOAK_SECONDS=1800 SOAK_SEED=7 build/tests/front/test_soak
 *
 * At the end every reader has had every line once, and was told of no gap. One
 * responder lives through all of it. Now and then its readers leave it alone
 * for a moment: then its heap, its memory and its descriptors must be what they
 * were in the first half.
 *
 *	app.log ───> steady, mortal, mortal, CGI
 *	own pipe ──> steady (reads it always), CGI
 *	jobs pipe ─> mortal, mortal, CGI: one of them reads it, and is killed
 */
#include "tests/lib/test.h"

#include <errno.h>
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
#include "tests/lib/pipe.h"
#include "tests/lib/process.h"
#include "tests/lib/responder.h"
#include "tests/lib/rotation.h"

#define SECONDS	     15	 /* when nothing else is asked for */
#define TURNS_MIN    150 /* on a machine of any slowness */
#define LINES_A_S    2000
#define SAMPLES	     10 /* of the steady one's memory, besides the first */
#define READERS	     12
#define WRITERS	     8		/* of each pipe */
#define LAG_MAX	     2000	/* lines a reader may be behind */
#define FAR_BACK     20		/* generations */
#define OLD_BYTES    (4u << 20) /* a stream that had as much is left */
#define PIPE_PADDING 100
#define VERSIONS     8 /* of the configuration, one after the other */

/*
 * What the steady one may have more at the end than in the first half. A buffer
 * that all share doubles when something is longer than all before; a source
 * that was opened for a reader who left at once is kept for half a minute.
 * Around the heap memory comes in pages and arenas.
 */
#define HEAP_MORE (128u << 10)
#define OWN_MORE  (512u << 10)

enum { APP, OWN, JOBS, SOURCES };
static const char *const source_names[SOURCES] = { "app", "own", "jobs" };

/* STEADY comes first: it is never killed. */
enum { STEADY, MORTAL, MORTAL_TOO, RESPONDERS, BY_CGI = RESPONDERS };

struct pipe_source {
	const char *path;
	int writers[WRITERS];
	uint32_t written[WRITERS]; /* lines, numbered from 0 */
	uint32_t lines;		   /* of all */
};

struct client {
	int source;
	struct reader *reader; /* NULL: not connected */
	int from;
	size_t taken; /* events of this connection that were looked at */
	char id[256];
	bool paused;
	uint32_t count;
	uint32_t last;		/* APP: the number of its last line */
	uint32_t next[WRITERS]; /* pipes: the number of each writer's next */
	unsigned char *seen;	/* APP: by line */
};

struct sample {
	size_t heap, own, descriptors;
};

static struct {
	struct churn log;
	struct pipe_source pipes[SOURCES]; /* that of APP is not used */
	const char *state;
	const char *configs[2]; /* of STEADY, and of the others */
	const char *addresses[RESPONDERS];
	struct process *processes[RESPONDERS];
	struct client clients[READERS];
	struct sample samples[SAMPLES + 1];
	size_t sample_count;
	unsigned versions; /* of the configuration */
	unsigned resumes, elsewhere, by_cgi, pauses, kills, pump_kills, reloads;
} t;

/* ---- configurations */

static const char *config_of(int from, int source)
{
	if (from == BY_CGI)
		return t.configs[source == JOBS];
	return t.configs[from != STEADY];
}

/* In one step: somebody may just be starting. */
static void write_config(size_t i)
{
	const char *next = disk_path(t.log.folder, "next.conf");
	const char *pipe = source_names[i ? JOBS : OWN];
	unsigned v = t.versions;

	disk_write(next,
		"send_buffer = 4096; ring = 65536; state_dir = \"state\";\n"
		"heartbeat = %u; retry = 1000;\n"
		"sources = ( { name = \"app\"; path = \"app.log\"; "
		"history = %u; },\n"
		"{ name = \"%s\"; type = \"fifo\"; path = \"%s\"; "
		"create = true; spool_size = 16777216; }%s );\n",
		5 + v % 2, 10 + v / 4 % 2, pipe, pipe,
		v % 2 ? ",\n{ name = \"extra\"; path = \"extra.log\"; }" : "");
	disk_rename(next, t.configs[i]);
}

/* Every other time a source comes or goes; now and then the log itself is
 * another source, and its streams end. */
static void reload(void)
{
	t.versions++;
	t.reloads++;
	write_config(0);
	write_config(1);
	for (int i = 0; i < RESPONDERS; i++)
		process_signal(t.processes[i], SIGHUP);
}

/* ---- responders */

static bool listens(const char *address)
{
	int fd = reader_connect(address);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void start(int i)
{
	const char *const *env = i == STEADY ? responder_heap_env() : NULL;

	t.processes[i] = process_start(&(struct process_how){
		.argv = (const char *[]){ process_program("ssetail.fcgi"), "-c",
			t.configs[i != STEADY], "-l", t.addresses[i], NULL },
		.env = env,
	});
	wait_for(listens(t.addresses[i]));
}

static pid_t pump_of_jobs(void)
{
	return pipe_pump(t.state, "jobs");
}

static void disconnect(struct client *c);

static void leave_the_dead(int from)
{
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (!c->reader || c->from != from)
			continue;
		reader_set_reading(c->reader, true);
		wait_for(c->reader->closed);
		disconnect(c);
	}
}

/* One of the mortals at a time, so that somebody has the pipe open. */
static void kill_responder(void)
{
	int victim = chance_below(2) ? MORTAL : MORTAL_TOO;

	wait_for(pump_of_jobs() != 0);
	t.kills++;
	t.pump_kills += pump_of_jobs() == t.processes[victim]->pid;
	process_kill(t.processes[victim]);
	process_free(t.processes[victim]);
	leave_the_dead(victim);
	start(victim);
}

static void kill_a_cgi_process(void)
{
	size_t first = chance_below(READERS);

	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[(first + i) % READERS];
		struct process *p;

		if (!c->reader || c->from != BY_CGI)
			continue;
		p = cgi_of(c->reader)->process;
		t.kills++;
		t.pump_kills += pump_of_jobs() == p->pid;
		process_kill(p);
		reader_set_reading(c->reader, true);
		wait_for(c->reader->closed);
		disconnect(c);
		return;
	}
}

/* ---- writing */

static void open_writer(struct pipe_source *p, size_t writer)
{
	p->writers[writer] = pipe_open(p->path);
}

static void write_pipe(struct pipe_source *p, uint32_t count)
{
	while (count-- > 0) {
		size_t w = chance_below(WRITERS);

		if (chance_below(50) == 0) {
			close(p->writers[w]);
			open_writer(p, w);
		}
		pipe_put(p->writers[w], "%zu %" PRIu32 " %0*d\n", w,
			p->written[w]++, (int)chance_below(PIPE_PADDING) + 1,
			0);
		p->lines++;
	}
}

static void write_some(void)
{
	churn_write(&t.log, 1 + chance_below(60));
	write_pipe(&t.pipes[OWN], chance_below(20));
	write_pipe(&t.pipes[JOBS], chance_below(20));
}

static uint32_t written_of(int source)
{
	return source == APP ? t.log.written : t.pipes[source].lines;
}

/* ---- reading */

static void take_line(struct client *c, const struct reader_event *e)
{
	uint32_t n = churn_number(&t.log, e);

	if (c->seen[n])
		test_fail("reader %zd got line %" PRIu32 " twice, id %s",
			c - t.clients, n, e->id);
	c->seen[n] = 1;
	c->last = n;
}

/* Each writer's lines come in the order in which it wrote them. */
static void take_pipe_line(struct client *c, const struct reader_event *e)
{
	const struct pipe_source *p = &t.pipes[c->source];
	char *end;
	unsigned long w = strtoul(e->data, &end, 10);
	unsigned long n = strtoul(end, NULL, 10);

	if (w >= WRITERS || n >= p->written[w])
		test_fail("not a line that was written: %s", e->data);
	if (n != c->next[w])
		test_fail("reader %zd of %s got line %lu of writer %lu, "
			  "not %" PRIu32 "; id %s",
			c - t.clients, source_names[c->source], n, w,
			c->next[w], e->id);
	c->next[w]++;
}

static void take(struct client *c)
{
	struct reader *r = c->reader;

	/* Who was killed may not have come to its head. */
	if (r->fault[0] && r->has_head)
		test_fail("reader %zd: %s", c - t.clients, r->fault);
	for (; c->taken < r->event_count; c->taken++) {
		const struct reader_event *e = &r->events[c->taken];

		if (strcmp(e->type, "gap") == 0)
			test_fail("reader %zd of %s was told of a gap: %s",
				c - t.clients, source_names[c->source],
				e->data);
		if (strcmp(e->type, "message") != 0)
			continue;
		if (c->source == APP)
			take_line(c, e);
		else
			take_pipe_line(c, e);
		c->count++;
	}
	if (r->streams)
		snprintf(c->id, sizeof(c->id), "%s", reader_last_id(r));
}

static void disconnect(struct client *c)
{
	if (!c->reader)
		return;
	take(c);
	reader_close(c->reader);
	c->reader = NULL;
	c->paused = false;
}

static void connect_to(struct client *c, int from)
{
	char path[16];
	struct ask ask = { .path = path, .query = "tail=0" };

	snprintf(path, sizeof(path), "/%s", source_names[c->source]);
	if (c->id[0])
		ask.last_event_id = c->id;
	if (from == BY_CGI)
		c->reader = &cgi_open(
			&(struct cgi_how){
				.config = config_of(from, c->source) },
			&ask)
				     ->reader;
	else
		c->reader = &front_open(t.addresses[from], &ask)->reader;
	c->reader->tolerant = true;
	t.resumes += c->id[0] != '\0';
	t.elsewhere += c->id[0] && c->from != from;
	t.by_cgi += from == BY_CGI;
	c->from = from;
	c->taken = 0;
}

/* To anybody who has its source. */
static void come_back(struct client *c)
{
	static const int who[SOURCES][4] = {
		{ STEADY, MORTAL, MORTAL_TOO, BY_CGI },
		{ STEADY, STEADY, STEADY, BY_CGI },
		{ MORTAL, MORTAL_TOO, BY_CGI, BY_CGI },
	};

	connect_to(c, who[c->source][chance_below(4)]);
}

static void pump(int ms)
{
	wait_quietly(ms);
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (c->reader)
			take(c);
		if (c->reader && (c->reader->closed ||
					 c->reader->received_bytes > OLD_BYTES))
			disconnect(c);
	}
}

static void stir_readers(void)
{
	struct client *c = &t.clients[chance_below(READERS)];

	if (!c->reader) {
		come_back(c);
	} else if (chance_below(2)) {
		disconnect(c);
	} else if (c->from != BY_CGI) {
		c->paused = !c->paused;
		t.pauses += c->paused;
		reader_set_reading(c->reader, !c->paused);
	}
}

static bool is_behind(const struct client *c, uint32_t lines)
{
	return written_of(c->source) - c->count > lines ||
	       (c->source == APP &&
		       t.log.generation >=
			       FAR_BACK + t.log.generation_of[c->last]);
}

/* Everybody reads, and comes back, who is further behind than that. */
static bool nobody_is_behind(void *lines)
{
	bool behind = false;

	pump(0);
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (!is_behind(c, *(uint32_t *)lines))
			continue;
		behind = true;
		if (!c->reader)
			come_back(c);
		reader_set_reading(c->reader, true);
		c->paused = false;
	}
	return !behind;
}

static void describe_behind(uint32_t lines)
{
	for (size_t i = 0; i < READERS; i++) {
		const struct client *c = &t.clients[i];

		if (is_behind(c, lines))
			print_error("reader %zu of %s, at %d: %" PRIu32
				    " of %" PRIu32 " lines; id %s\n",
				i, source_names[c->source], c->from, c->count,
				written_of(c->source), c->id);
	}
}

static void catch_up(uint32_t lines)
{
	if (wait_until(nobody_is_behind, &lines, test_limit_ms()))
		return;
	describe_behind(lines);
	test_fail("a reader is without its lines");
}

/* ---- the steady one */

/* With as many sources, and of the same length, as at every sample. */
static void take_first_config(void)
{
	struct process *steady = t.processes[STEADY];
	size_t said = strlen(process_errors(steady));

	t.versions |= VERSIONS - 1;
	reload();
	wait_for(strstr(process_errors(steady) + said, "info: reload: "));
}

/* Nobody is there: what it needs now is what it keeps. */
static void take_sample(void)
{
	struct responder steady = { .process = t.processes[STEADY] };
	struct sample *s = &t.samples[t.sample_count++];
	pid_t pid = steady.process->pid;

	churn_settle(&t.log);
	catch_up(0);
	for (size_t i = 0; i < READERS; i++)
		if (t.clients[i].from == STEADY)
			disconnect(&t.clients[i]);
	wait_for(process_sockets(pid) == 1); /* that it listens on */
	take_first_config();
	rotation_wait_idle(steady.process);
	s->own = process_own_bytes(pid);
	s->descriptors = process_descriptors(pid);
	if (responder_memory_is_real())
		s->heap = responder_heap_bytes(&steady);
}

/* The last sample against the most of the first half. */
static void expect_no_growth(void)
{
	const struct sample *last = &t.samples[t.sample_count - 1];
	struct sample warm = t.samples[0];

	assert_true(t.sample_count > 2);
	for (size_t i = 1; i < t.sample_count / 2; i++) {
		const struct sample *s = &t.samples[i];

		warm.heap = s->heap > warm.heap ? s->heap : warm.heap;
		warm.own = s->own > warm.own ? s->own : warm.own;
	}
	assert_int_equal(last->descriptors, warm.descriptors);
	if (!responder_memory_is_real())
		return;
	assert_in_range(last->heap, 0, warm.heap + HEAP_MORE);
	assert_in_range(last->own, 0, warm.own + OWN_MORE);
}

/* ---- the run */

static void prepare(uint32_t seconds)
{
	const char *folder = disk_folder();

	printf("soak: %" PRIu32 " s\n", seconds);
	chance_begin("SOAK_SEED");
	churn_open(&t.log, folder, (seconds + 60) * LINES_A_S);
	t.state = disk_subfolder(folder, "state");
	t.configs[0] = disk_path(folder, "steady.conf");
	t.configs[1] = disk_path(folder, "mortal.conf");
	write_config(0);
	write_config(1);
	for (int i = 0; i < RESPONDERS; i++) {
		t.addresses[i] = disk_path(folder, "socket.%d", i);
		start(i);
	}
	for (int source = OWN; source <= JOBS; source++) {
		struct pipe_source *p = &t.pipes[source];

		p->path = disk_path(folder, "%s", source_names[source]);
		for (size_t w = 0; w < WRITERS; w++)
			open_writer(p, w);
	}
}

/* Everybody is there before the first line; afterwards the id tells. */
static void connect_all(void)
{
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		c->source = i % 2 ? APP : (int)(i / 2 % 2 ? OWN : JOBS);
		c->seen = calloc(t.log.lines + 1, 1);
		assert_non_null(c->seen);
		come_back(c);
		wait_for(reader_last_id(c->reader)[0]);
		take(c);
	}
}

static void turn(unsigned number)
{
	write_some();
	stir_readers();
	pump((int)chance_below(40));
	catch_up(LAG_MAX);
	if (number % 6 == 5)
		churn_rotate(&t.log, churn_next(&t.log));
	if (number % 30 == 29)
		kill_responder();
	if (number % 30 == 14)
		kill_a_cgi_process();
	if (number % 20 == 19)
		reload();
}

static void print_counts(void)
{
	unsigned rotations = 0;

	for (int i = 0; i < CHURN_ROTATIONS; i++)
		rotations += t.log.rotations[i];
	printf("soak: %" PRIu32 " lines of a log in %" PRIu32 " files, %" PRIu32
	       " and %" PRIu32 " of pipes with %d writers, to %d readers; "
	       "none lost, none twice\n",
		t.log.written, t.log.generation + 1, t.pipes[OWN].lines,
		t.pipes[JOBS].lines, WRITERS, READERS);
	printf("soak: %u resumes, %u of them in another process, %u times by "
	       "CGI; %u pauses, %u kills, %u of them of who read the pipe, "
	       "%u reloads, %u rotations\n",
		t.resumes, t.elsewhere, t.by_cgi, t.pauses, t.kills,
		t.pump_kills, t.reloads, rotations);
	for (size_t i = 0; i < t.sample_count; i++)
		printf("soak: sample %zu: %zu bytes of heap, %zu KB of memory, "
		       "%zu descriptors\n",
			i, t.samples[i].heap, t.samples[i].own / 1024,
			t.samples[i].descriptors);
	fflush(stdout);
}

static void release(void)
{
	for (size_t i = 0; i < READERS; i++)
		free(t.clients[i].seen);
	for (int source = OWN; source <= JOBS; source++)
		for (size_t w = 0; w < WRITERS; w++)
			close(t.pipes[source].writers[w]);
	churn_release(&t.log);
}

static void loses_nothing_and_does_not_grow(void **state)
{
	uint32_t seconds = test_setting("SOAK_SECONDS", 1, SECONDS);
	int64_t begin, step_ms = (int64_t)seconds * 1000 / (SAMPLES + 1);
	unsigned number = 0;

	(void)state;
	prepare(seconds);
	connect_all();
	begin = test_now_ms();
	while (test_now_ms() < begin + seconds * 1000 || number < TURNS_MIN ||
		t.pump_kills == 0) {
		turn(number++);
		if (t.sample_count <= SAMPLES && number >= TURNS_MIN / 2 &&
			test_now_ms() >=
				begin + step_ms * ((int64_t)t.sample_count + 1))
			take_sample();
	}
	if (t.sample_count == SAMPLES + 1)
		t.sample_count--;
	take_sample();
	catch_up(0);
	/* What comes twice comes late. */
	pump(300);
	print_counts();
	expect_no_growth();
	for (int i = 0; i < CHURN_ROTATIONS; i++)
		assert_true(t.log.rotations[i] > 0);
	assert_true(t.resumes > 0 && t.elsewhere > 0 && t.by_cgi > 0);
	assert_true(t.pauses > 0 && t.kills > 0 && t.pump_kills > 0);
	assert_true(t.reloads > 0);
	assert_int_equal(process_stop(t.processes[STEADY]), 0);
	release();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			loses_nothing_and_does_not_grow, test_cleanup),
	};

	setlinebuf(stdout);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
