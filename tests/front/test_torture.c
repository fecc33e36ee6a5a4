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
 * which nothing happened proves nothing. Writers pause while a copy is made
 * and truncated: what is written in that window is lost by copytruncate.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/process.h"

#define READERS 8
#define SIBLINGS_KEPT                                                          \
	90		/* an id names files that were rotated away seconds    \
			 * ago, which is many generations here */
#define FAR_BACK   20	/* generations; a burst makes more at once */
#define PAUSED_MAX 4000 /* lines a reader may be behind while it pauses */

/*
 * Lines are of one length and equal at both ends, further than a short check
 * looks: only one that covers the number in the middle tells them apart.
 */
#define BEFORE                                                                 \
	"2026-11-20T12:00:00+00:00 host.example.org app[4711]: request from "  \
	"client number "
#define AFTER                                                                  \
	" answered with status 200 and 5120 bytes, as nearly all of them "     \
	"are, "                                                                \
	"by a worker whose name is the same in every line"

enum rotation {
	RENAME,
	RENAME_LATER, /* some time without a file */
	COPY_TRUNCATE,
	COPY_HOLE,	/* by a writer that goes on at its old offset */
	LATE_WRITER,	/* one that keeps the renamed file */
	BURST,		/* several between two looks */
	UNTERMINATED,	/* the last line without its newline */
	LOGROTATE,	/* the real one, with create */
	LOGROTATE_COPY, /* the real one, with copytruncate */
	ROTATIONS
};

static const char *const rotation_names[ROTATIONS] = { "rename",
	"rename, create later", "copytruncate", "copytruncate with a hole",
	"late writer", "burst", "unterminated", "logrotate",
	"logrotate copytruncate" };

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
	const char *folder, *log, *state, *logrotate[2];
	uint32_t lines, written;
	uint64_t random;
	int fd; /* the writer's */
	bool no_append;
	int late_fd; /* of a writer that keeps the old file */
	uint32_t late_generation;
	uint32_t generation, generations;
	uint32_t *generation_of; /* by line */
	struct responder responders[2];
	struct client clients[READERS];
	unsigned rotations[ROTATIONS];
	unsigned comings, resumes, in_sibling, kills, cuts, lagged, by_cgi;
} t;

static uint32_t any(uint32_t below)
{
	t.random ^= t.random << 13;
	t.random ^= t.random >> 7;
	t.random ^= t.random << 17;
	return (uint32_t)(t.random >> 32) % below;
}

static uint32_t setting(const char *name, uint32_t otherwise)
{
	const char *value = getenv(name);

	return value ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

/* What happened when, for whoever looks for the cause of a failure. */
static void __attribute__((format(printf, 1, 2))) trace(const char *format, ...)
{
	va_list args;

	if (!getenv("TORTURE_TRACE"))
		return;
	printf("after line %" PRIu32 ": ", t.written);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- writing */

static void put(int fd, const char *bytes, size_t len)
{
	if (write(fd, bytes, len) != (ssize_t)len)
		test_fail("write: %s", strerror(errno));
}

static void write_line_to(int fd, uint32_t generation, bool whole)
{
	char line[512];
	uint32_t n = ++t.written;
	int len =
		snprintf(line, sizeof(line), BEFORE "%08" PRIu32 AFTER "\n", n);
	int half = (int)any((uint32_t)len);

	t.generation_of[n] = generation;
	if (!whole) {
		put(fd, line, (size_t)len - 1);
	} else if (any(50) == 0) {
		put(fd, line, (size_t)half);
		wait_quietly(1);
		put(fd, line + half, (size_t)(len - half));
	} else {
		put(fd, line, (size_t)len);
	}
}

static void write_lines(uint32_t count)
{
	while (count-- > 0 && t.written < t.lines)
		write_line_to(t.fd, t.generation, true);
}

static void open_log(void)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC;

	t.fd = open(t.log, flags | (t.no_append ? 0 : O_APPEND), 0644);
	if (t.fd < 0)
		test_fail("%s: %s", t.log, strerror(errno));
	if (t.no_append)
		lseek(t.fd, 0, SEEK_END);
}

/* ---- rotating */

static void next_generation(void)
{
	t.generation++;
	if (t.generation >= t.generations)
		test_fail("more generations than there is room for");
}

/* On a slow disk a rotation takes its time, too. */
static void shift_siblings(void)
{
	const struct timespec slow = { 0,
		(long)setting("TORTURE_SLOW", 0) * 100000 };
	char from[512], to[512];

	for (int i = SIBLINGS_KEPT; i > 0; i--) {
		snprintf(from, sizeof(from), "%s.%d", t.log, i);
		snprintf(to, sizeof(to), "%s.%d", t.log, i + 1);
		if (i == SIBLINGS_KEPT)
			unlink(from);
		else
			rename(from, to);
		if (slow.tv_nsec && disk_exists(to))
			nanosleep(&slow, NULL);
	}
}

static void rename_away(void)
{
	shift_siblings();
	disk_rename(t.log, disk_path(t.folder, "app.log.1"));
}

static void copy_and_truncate(void)
{
	shift_siblings();
	disk_copy(t.log, disk_path(t.folder, "app.log.1"));
	if (any(2))
		wait_quietly((int)any(4));
	if (ftruncate(t.fd, 0) < 0)
		test_fail("ftruncate: %s", strerror(errno));
	next_generation();
}

static void end_late_writer(void)
{
	if (t.late_fd >= 0)
		close(t.late_fd);
	t.late_fd = -1;
}

static void reopen(bool no_append)
{
	close(t.fd);
	t.no_append = no_append;
	open_log();
}

static void run_logrotate(bool copy)
{
	struct process *p = process_run("/usr/sbin/logrotate", "-f", "-s",
		t.state, t.logrotate[copy], NULL);

	if (process_exit_code(p) != 0)
		test_fail("logrotate: %s", process_errors(p));
	process_free(p);
}

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
			connect_to(&t.clients[i], (int)any(2));
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
		if (t.generation < FAR_BACK + t.generation_of[c->last])
			continue;
		near = false;
		if (c->reader && c->reader->closed)
			disconnect(c);
		if (!c->reader)
			connect_to(c, (int)any(2));
		reader_set_reading(c->reader, true);
		c->paused = false;
	}
	return near;
}

static void rotate(enum rotation kind)
{
	if (!wait_until(nobody_is_far_back, NULL, test_limit_ms()))
		test_fail("a reader got stuck");
	count_laggards();
	trace("rotation: %s", rotation_names[kind]);
	t.rotations[kind]++;
	if (kind != LATE_WRITER)
		end_late_writer();
	switch (kind) {
	case RENAME:
		rename_away();
		next_generation();
		reopen(false);
		break;
	case RENAME_LATER:
		rename_away();
		close(t.fd);
		wait_quietly((int)any(5));
		next_generation();
		t.no_append = false;
		open_log();
		break;
	case COPY_TRUNCATE:
		reopen(false);
		copy_and_truncate();
		break;
	case COPY_HOLE:
		reopen(true);
		copy_and_truncate();
		break;
	case LATE_WRITER:
		end_late_writer();
		rename_away();
		t.late_fd = t.fd;
		t.late_generation = t.generation;
		next_generation();
		t.no_append = false;
		open_log();
		break;
	case BURST:
		for (uint32_t i = 2 + any(8); i > 0; i--) {
			come_back_one();
			rename_away();
			next_generation();
			reopen(false);
			write_lines(1 + any(3));
		}
		break;
	case UNTERMINATED:
		if (t.written < t.lines)
			write_line_to(t.fd, t.generation, false);
		rename_away();
		next_generation();
		reopen(false);
		break;
	case LOGROTATE:
	case LOGROTATE_COPY:
		reopen(false);
		run_logrotate(kind == LOGROTATE_COPY);
		next_generation();
		if (kind == LOGROTATE)
			reopen(false);
		break;
	default:
		break;
	}
}

/* ---- reading */

static uint32_t number_of(const struct reader_event *e)
{
	const size_t before = strlen(BEFORE);
	char *end;
	unsigned long n;

	if (e->data_len != before + 8 + strlen(AFTER) ||
		memcmp(e->data, BEFORE, before) != 0 ||
		strcmp(e->data + before + 8, AFTER) != 0)
		test_fail("not a line that was written: %s", e->data);
	n = strtoul(e->data + before, &end, 10);
	if (n == 0 || n > t.written)
		test_fail("line %lu was never written", n);
	return (uint32_t)n;
}

static void take_line(struct client *c, const struct reader_event *e)
{
	uint32_t n = number_of(e), g = t.generation_of[n];

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
	if (c->last && t.generation_of[c->last] < t.generation)
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
		if (c->paused && t.written - c->last > PAUSED_MAX) {
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
	int victim = (int)any(2);
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
	const char *path = disk_path(t.folder, "%s", name);

	disk_write(path,
		"listen = \"%s\";\nsend_buffer = 4096;\nring = 65536;\n"
		"sources = ( { name = \"app\"; path = \"app.log\"; } );\n",
		listen);
	return path;
}

static const char *write_logrotate(const char *name, const char *how)
{
	const char *path = disk_path(t.folder, "%s", name);

	disk_write(path,
		"%s {\n\trotate %d\n\tmissingok\n\tsu %s %s\n"
		"\tnocompress\n\t%s\n}\n",
		t.log, SIBLINGS_KEPT, geteuid() ? "nobody" : "root",
		geteuid() ? "nogroup" : "root", how);
	return path;
}

static void prepare(void)
{
	uint32_t seed = setting("TORTURE_SEED", (uint32_t)time(NULL));

	t.lines = setting("TORTURE_LINES", 5000);
	t.generations = t.lines / 4 + 100;
	t.random = seed * 0x9e3779b97f4a7c15u + 1;
	printf("torture: %" PRIu32 " lines, TORTURE_SEED=%" PRIu32 "\n",
		t.lines, seed);
	t.folder = disk_folder();
	t.log = disk_path(t.folder, "app.log");
	t.state = disk_path(t.folder, "logrotate.state");
	t.logrotate[0] = write_logrotate("logrotate.conf", "create");
	t.logrotate[1] = write_logrotate("copytruncate.conf", "copytruncate");
	t.generation_of = calloc(t.lines + 1, sizeof(*t.generation_of));
	for (size_t i = 0; i < READERS; i++) {
		t.clients[i].seen = calloc(t.lines + 1, 1);
		t.clients[i].arrived =
			calloc(t.lines + 1, sizeof(*t.clients[i].arrived));
		t.clients[i].last_of =
			calloc(t.generations, sizeof(*t.clients[i].last_of));
		assert_non_null(t.clients[i].last_of);
	}
	t.late_fd = -1;
	t.responders[0].address = disk_path(t.folder, "sock");
	t.responders[0].config =
		write_config("a.conf", t.responders[0].address);
	t.responders[1].address =
		disk_path("", "127.0.0.1:%d", process_free_port()) + 1;
	t.responders[1].config =
		write_config("b.conf", t.responders[1].address);
	open_log();
	start(&t.responders[0]);
	start(&t.responders[1]);
}

static void release(void)
{
	free(t.generation_of);
	for (size_t i = 0; i < READERS; i++) {
		free(t.clients[i].seen);
		free(t.clients[i].last_of);
		free(t.clients[i].arrived);
	}
	end_late_writer();
	close(t.fd);
}

/* ---- the run */

/* Each kind once before any comes again, in an order that chance makes. */
static enum rotation next_rotation(void)
{
	static enum rotation order[ROTATIONS];
	static int left;

	if (left == 0) {
		for (int i = 0; i < ROTATIONS; i++)
			order[i] = (enum rotation)i;
		left = ROTATIONS;
	}
	int at = (int)any((uint32_t)left);
	enum rotation kind = order[at];

	order[at] = order[--left];
	return kind;
}

static void stir_readers(void)
{
	struct client *c = &t.clients[any(READERS)];

	switch (any(4)) {
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
			connect_to(c, t.comings++ % 4 ? (int)any(2) : -1);
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
			connect_to(c, (int)any(2));
		if (c->count < t.lines)
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
				c->arrived[j], t.generation_of[c->arrived[j]],
				c->seen[c->arrived[j]]);
	}
}

static void finish(void)
{
	end_late_writer();
	for (size_t i = 0; i < READERS; i++) {
		struct client *c = &t.clients[i];

		if (c->reader)
			reader_set_reading(c->reader, true);
		c->paused = false;
	}
	if (!wait_until(all_done, NULL, test_limit_ms()))
		for (size_t i = 0; i < READERS; i++)
			for (uint32_t n = 1; n <= t.lines; n++)
				if (!t.clients[i].seen[n]) {
					describe_missing(&t.clients[i], n);
					test_fail("reader %zu never got line "
						  "%" PRIu32 " of file %" PRIu32
						  " (its last was %" PRIu32 ")",
						i, n, t.generation_of[n],
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
		t.written, t.generation + 1, READERS, t.resumes, t.in_sibling,
		t.by_cgi, t.kills, t.cuts, t.lagged);
	for (int i = 0; i < ROTATIONS; i++)
		printf("torture: %4u %s\n", t.rotations[i], rotation_names[i]);
	fflush(stdout);
}

static void loses_nothing_and_repeats_nothing(void **state)
{
	uint32_t floor, rotations = 0;

	(void)state;
	prepare();
	connect_all();
	floor = t.lines / 5000;
	for (uint32_t turn = 0; t.written < t.lines; turn++) {
		write_lines(1 + any(60));
		if (t.late_fd >= 0 && t.written < t.lines)
			write_line_to(t.late_fd, t.late_generation, true);
		stir_readers();
		if (any(12) == 0)
			rotate(next_rotation());
		if (turn % 40 == 39)
			kill_one();
		pump((int)any(4));
	}
	finish();
	print_counts();
	for (int i = 0; i < ROTATIONS; i++) {
		assert_true(t.rotations[i] >= floor / 2);
		rotations += t.rotations[i];
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
