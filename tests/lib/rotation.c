#define TESTS_LIB_INSIDE
#include "tests/lib/rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/test.h"

/* The tests mostly wait: for looks, and for files to come to rest. */
#define WORKERS 24

#define MANY	  20  /* as many lines of a large case */
#define PAD_BYTES 300 /* that its lines begin with, all alike */

/* ---- holding */

/* One letter: R, S, T ...; 0 when there is no such process. */
static char state_of(pid_t pid)
{
	char path[40], text[512];
	const char *behind;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	behind = strrchr(text, ')');
	return behind ? behind[2] : 0;
}

static bool stands(void *context)
{
	return state_of(((struct process *)context)->pid) == 'T';
}

void rotation_stop(struct process *p)
{
	process_signal(p, SIGSTOP);
	if (!wait_until(stands, p, test_limit_ms()))
		test_fail("process %d does not stop", (int)p->pid);
}

void rotation_go(struct process *p)
{
	process_signal(p, SIGCONT);
}

/* Does it wait in poll or epoll, and for longer than a moment? */
static bool sleeps(pid_t pid)
{
	char path[40];
	long call = -1;
	FILE *f;

	if (state_of(pid) != 'S')
		return false;
	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	f = fopen(path, "re");
	if (!f)
		test_fail("%s: %s", path, strerror(errno));
	if (fscanf(f, "%ld", &call) != 1)
		call = -1;
	fclose(f);
	return call == SYS_ppoll || call == SYS_epoll_pwait;
}

/* A duplicate of its inotify descriptor, or -1. */
static int inotify_of(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int found = -1;

	for (int fd = 0; pidfd >= 0 && found < 0 && fd < 64; fd++) {
		char path[60], target[60];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, "anon_inode:inotify") == 0)
			found = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	}
	if (pidfd >= 0)
		close(pidfd);
	return found;
}

static bool has_bytes(int fd)
{
	int bytes = 0;

	return fd >= 0 && ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

struct idleness {
	struct process *process;
	int inotify;
	const struct reader *readers[2]; /* of its output, or NULL */
};

/* With the queue empty and nothing left for us to read, a sleeping program
 * has done all there is to do. */
static bool is_idle(void *context)
{
	const struct idleness *i = context;

	if (!sleeps(i->process->pid) || has_bytes(i->inotify))
		return false;
	for (int j = 0; j < 2; j++)
		if (i->readers[j] && has_bytes(i->readers[j]->fd))
			return false;
	return sleeps(i->process->pid);
}

static void wait_idle(
	struct process *p, const struct reader *one, const struct reader *two)
{
	struct idleness i = { p, inotify_of(p->pid), { one, two } };
	bool idle = wait_until(is_idle, &i, test_limit_ms());

	if (i.inotify >= 0)
		close(i.inotify);
	if (!idle)
		test_fail("process %d finds no rest", (int)p->pid);
}

void rotation_wait_idle(struct process *p)
{
	wait_idle(p, NULL, NULL);
}

/* ---- the program and its clients */

static bool is_gone(const struct rotation *r)
{
	return r->client == NULL;
}

/* The process that is held; NULL: there is none. */
static struct process *held(const struct rotation *r)
{
	if (r->program == ROTATION_FCGI)
		return r->responder;
	return is_gone(r) ? NULL : cgi_of(r->client)->process;
}

static void start_responder(struct rotation *r)
{
	const char *argv[] = { process_program("ssetail.fcgi"), "-c", r->config,
		"-l", r->socket, NULL };

	r->responder = process_start(&(struct process_how){ .argv = argv });
	process_wait_errors(r->responder, "start: ");
}

static struct reader *open_stream(
	struct rotation *r, enum rotation_program program, const char *id)
{
	const struct ask ask = { .path = "/log", .last_event_id = id };

	if (program == ROTATION_CGI)
		return &cgi_open(&(struct cgi_how){ .config = r->config }, &ask)
				->reader;
	if (!r->responder)
		start_responder(r);
	return &front_open(r->socket, &ask)->reader;
}

static void let_rest(struct rotation *r)
{
	struct process *p = held(r);

	if (p)
		wait_idle(p, r->client, r->beside);
}

static void hold(struct rotation *r)
{
	struct process *p = held(r);

	if (p)
		rotation_stop(p);
}

static void let_go(struct rotation *r)
{
	struct process *p = held(r);

	if (p)
		rotation_go(p);
}

bool rotation_is_held(const struct rotation *r)
{
	return r->way == ROTATION_LIVE;
}

void rotation_look(struct rotation *r)
{
	let_go(r);
	let_rest(r);
	hold(r);
}

void rotation_look_by_timer(struct rotation *r)
{
	struct reader *one = r->client ? r->client : r->beside;

	/* The timer of a second looks, and then the heartbeat of a second is
	 * sent: between two heartbeats is a look. */
	let_go(r);
	if (one)
		reader_wait_comments(one, one->sse.comments + 2);
	let_rest(r);
	hold(r);
}

/* ---- writing */

static unsigned times(const struct rotation *r)
{
	return r->large ? MANY : 1;
}

static void add_text(
	const struct rotation *r, struct bytes *out, char letter, size_t number)
{
	for (int i = 0; r->large && i < PAD_BYTES; i++)
		bytes_add_byte(out, 'A' + i % 26);
	bytes_add_format(out, "%c%05zu", letter, number);
}

static void take_line(struct rotation *r, struct bytes *out, char letter)
{
	size_t *written = &r->written[letter - 'a'];

	if (*written == ROTATION_LINES_MAX)
		test_fail("too many lines of %c", letter);
	add_text(r, out, letter, (*written)++);
	r->expected++;
}

static void take_lines(
	struct rotation *r, struct bytes *out, char letter, unsigned lines)
{
	for (unsigned i = 0; i < lines * times(r); i++) {
		take_line(r, out, letter);
		bytes_add_byte(out, '\n');
	}
}

void rotation_write(
	struct rotation *r, const char *path, char letter, unsigned lines)
{
	struct bytes text = BYTES_INIT;

	take_lines(r, &text, letter, lines);
	disk_append_bytes(path, text.data, text.len);
	bytes_release(&text);
}

void rotation_write_part(struct rotation *r, const char *path, char letter)
{
	struct bytes text = BYTES_INIT;

	take_line(r, &text, letter);
	disk_append_bytes(path, text.data, text.len);
	bytes_release(&text);
}

off_t rotation_write_at(
	struct rotation *r, int fd, off_t at, char letter, unsigned lines)
{
	struct bytes text = BYTES_INIT;
	ssize_t n;

	take_lines(r, &text, letter, lines);
	n = pwrite(fd, text.data, text.len, at);
	if (n != (ssize_t)text.len)
		test_fail("pwrite: %s", strerror(errno));
	bytes_release(&text);
	return at + n;
}

off_t rotation_bytes(const struct rotation *r, unsigned lines)
{
	struct bytes text = BYTES_INIT;
	off_t bytes;

	add_text(r, &text, 'a', 0);
	bytes = (off_t)((text.len + 1) * lines * times(r));
	bytes_release(&text);
	return bytes;
}

void rotation_lose(struct rotation *r, char letter, unsigned lines)
{
	size_t end = r->written[letter - 'a'];

	for (size_t i = end - lines * times(r); i < end; i++)
		r->lost[letter - 'a'][i] = true;
	r->expected -= lines * times(r);
}

void rotation_expect_gap(struct rotation *r, const char *reason, off_t bytes)
{
	struct bytes text = BYTES_INIT;

	bytes_add_format(
		&text, "{\"source\": \"log\", \"reason\": \"%s\", ", reason);
	if (bytes < 0)
		bytes_add_text(&text, "\"bytes\": null}");
	else
		bytes_add_format(&text, "\"bytes\": %lld}", (long long)bytes);
	r->gaps[r->gap_count++] = text.data;
	r->expected++;
}

/* ---- judging */

/* What has arrived: of one reader, or of two, one after the other. */
struct tally {
	const struct rotation *r;
	size_t next[ROTATION_LETTERS]; /* the line after the last one */
	size_t count[ROTATION_LETTERS];
	bool gaps[ROTATION_GAPS_MAX];
	size_t events; /* without `waiting` */
};

static bool is_type(const struct reader_event *e, const char *type)
{
	return strcmp(e->type, type) == 0;
}

static void take_gap(struct tally *t, const struct reader_event *e)
{
	for (size_t i = 0; i < t->r->gap_count; i++) {
		if (!t->gaps[i] && strcmp(e->data, t->r->gaps[i]) == 0) {
			t->gaps[i] = true;
			return;
		}
	}
	test_fail("a gap that is not due: %s", e->data);
}

static void take_event(struct tally *t, const struct reader_event *e)
{
	struct bytes text = BYTES_INIT;
	const char *mark;
	size_t letter, number;

	if (is_type(e, "waiting"))
		return;
	t->events++;
	if (is_type(e, "gap")) {
		take_gap(t, e);
		return;
	}
	mark = e->data + (e->data_len < 6 ? 0 : e->data_len - 6);
	letter = (size_t)(*mark - 'a');
	number = letter < ROTATION_LETTERS ? strtoul(mark + 1, NULL, 10) : 0;
	if (letter >= ROTATION_LETTERS || number >= t->r->written[letter])
		test_fail("never written: %s: %s", e->type, e->data);
	add_text(t->r, &text, *mark, number);
	if (!is_type(e, "message") || strcmp(text.data, e->data) != 0)
		test_fail("never written: %s: %s", e->type, e->data);
	bytes_release(&text);
	for (; t->next[letter] < number; t->next[letter]++)
		if (!t->r->lost[letter][t->next[letter]])
			test_fail("%s: before it %c%05zu is missing", mark,
				*mark, t->next[letter]);
	if (t->next[letter] != number)
		test_fail("%s: again, or out of order: %zu were there", mark,
			t->next[letter]);
	t->next[letter]++;
	t->count[letter]++;
}

static void take_events(
	struct tally *t, const struct reader *reader, size_t from)
{
	for (size_t i = from; i < reader->event_count; i++)
		take_event(t, &reader->events[i]);
}

/* Events without `waiting`. */
static size_t counted(const struct reader *reader, size_t from)
{
	size_t n = 0;

	for (size_t i = from; reader && i < reader->event_count; i++)
		n += !is_type(&reader->events[i], "waiting");
	return n;
}

struct arrival {
	const struct reader *before; /* or NULL */
	const struct reader *reader;
	size_t expected;
};

static bool has_arrived(void *context)
{
	const struct arrival *a = context;

	return a->reader->closed ||
	       counted(a->before, 0) + counted(a->reader, 0) >= a->expected;
}

/* Waits until as much has arrived as is due; what is wrong with that is for
 * the tally to say. */
static void wait_arrived(const struct reader *before,
	const struct reader *reader, size_t expected)
{
	struct arrival a = { before, reader, expected };

	wait_until(has_arrived, &a, test_limit_ms());
}

static void check_all(const struct rotation *r, const struct tally *t)
{
	for (size_t i = 0; i < ROTATION_LETTERS; i++)
		for (size_t n = t->next[i]; n < r->written[i]; n++)
			if (!r->lost[i][n])
				test_fail("%c%05zu is missing, of %zu",
					(char)('a' + i), n, r->written[i]);
	for (size_t i = 0; i < r->gap_count; i++)
		if (!t->gaps[i])
			test_fail("a gap is missing: %s", r->gaps[i]);
}

/* ---- every id */

/* What a client must get that comes back with the id of event `i`: what came
 * after it. The tally begins with what came up to it. */
struct comeback {
	struct tally tally;
	struct reader *reader;
	size_t event;
};

/* The ids behind the last gap that are tried. */
static size_t first_tried(const struct reader *reader)
{
	size_t first = 0;

	for (size_t i = 0; i < reader->event_count; i++)
		if (is_type(&reader->events[i], "gap"))
			first = i;
	return first;
}

static void check_comeback(
	struct comeback *c, const struct reader *gone, size_t expected)
{
	wait_arrived(NULL, c->reader, expected);
	take_events(&c->tally, c->reader, 0);
	check_all(c->tally.r, &c->tally);
	if (c->reader->closed)
		test_fail("the stream of id %s was closed",
			gone->events[c->event].id);
}

/* Comes back with some ids of `reader`; `before` are the events of the reader
 * before it. */
static void try_ids(struct rotation *r, const struct reader *before,
	const struct reader *reader)
{
	enum { MOST = 16 };
	struct comeback list[MOST];
	size_t first = first_tried(reader), count = reader->event_count;
	size_t most = r->program == ROTATION_CGI ? 6 : MOST, tried = 0;
	size_t step = (count - first + most - 1) / most;

	if (count == 0)
		return;
	if (r->what->forgets)
		first = count - 1;
	for (size_t i = first; i < count; i += step ? step : 1) {
		struct comeback *c = &list[tried++];

		memset(c, 0, sizeof(*c));
		c->tally.r = r;
		c->event = i;
		if (before)
			take_events(&c->tally, before, 0);
		for (size_t j = 0; j <= i; j++)
			take_event(&c->tally, &reader->events[j]);
		c->reader = open_stream(r, r->program, reader->events[i].id);
	}
	for (size_t i = 0; i < tried; i++)
		wait_arrived(NULL, list[i].reader,
			r->expected - list[i].tally.events);
	/* Whatever came too much, or again, came before this line. */
	rotation_write(r, r->log, 'z', 1);
	for (size_t i = 0; i < tried; i++)
		check_comeback(
			&list[i], reader, r->expected - list[i].tally.events);
}

/* ---- one run */

static void prepare(struct rotation *r)
{
	const char *folder = disk_folder();

	r->top = folder;
	r->folder = disk_subfolder(folder, "log");
	r->log = disk_path(r->folder, "app.log");
	r->config = disk_path(folder, "ssetail.conf");
	r->socket = disk_path(folder, "socket");
	disk_write(r->config,
		"heartbeat = 1;\n"
		"sources = ( { name = \"log\"; path = \"%s\"; history = 1000; "
		"history_max = 1000; %s } );\n",
		r->log, r->what->settings ? r->what->settings : "");
}

static void go_away(struct rotation *r)
{
	free(r->resume);
	r->resume = strdup(reader_last_id(r->client));
	if (r->program == ROTATION_CGI && r->way == ROTATION_RESTART)
		process_kill(cgi_of(r->client)->process);
	reader_hang_up(r->client);
}

static void come_back(struct rotation *r, struct reader **before)
{
	enum rotation_program program = r->program;

	if (r->way == ROTATION_ELSEWHERE)
		program =
			program == ROTATION_CGI ? ROTATION_FCGI : ROTATION_CGI;
	*before = r->client;
	r->client = open_stream(r, program, r->resume);
}

static bool has_one_place(void *context)
{
	return !strchr(reader_last_id(context), '-');
}

static void run(struct rotation *r)
{
	struct tally tally = { .r = r };
	struct reader *before = NULL;
	bool leaves = r->way != ROTATION_LIVE;

	prepare(r);
	if (r->what->before)
		r->what->before(r);
	else
		rotation_write(r, r->log, 'a', 4);
	if (r->way == ROTATION_BESIDE)
		r->beside = open_stream(r, r->program, NULL);
	r->client = open_stream(r, r->program, NULL);
	reader_wait_comments(r->client, 1);
	wait_arrived(NULL, r->client, r->expected);
	if (r->beside)
		wait_arrived(NULL, r->beside, r->expected);
	let_rest(r);

	struct reader *first = r->client;

	if (leaves) {
		go_away(r);
		if (r->program == ROTATION_FCGI && r->way == ROTATION_RESTART)
			process_kill(r->responder);
		r->client = NULL;
		if (r->way == ROTATION_RESTART)
			r->responder = NULL;
		let_rest(r);
	}
	hold(r);
	r->what->during(r);
	let_go(r);
	if (leaves) {
		r->client = first;
		come_back(r, &before);
	}
	wait_arrived(before, r->client, r->expected);
	if (r->beside)
		wait_arrived(NULL, r->beside, r->expected);
	rotation_write(r, r->log, 'z', 1);
	wait_arrived(before, r->client, r->expected);
	if (r->what->forgets) {
		/* An id that no longer names what is done with. */
		if (!wait_until(has_one_place, r->client, test_limit_ms()))
			test_fail("the old file stays in the id: %s",
				reader_last_id(r->client));
		rotation_write(r, r->log, 'z', 1);
		wait_arrived(before, r->client, r->expected);
	}
	if (before)
		take_events(&tally, before, 0);
	take_events(&tally, r->client, 0);
	check_all(r, &tally);
	if (r->beside) {
		struct tally other = { .r = r };

		wait_arrived(NULL, r->beside, r->expected);
		take_events(&other, r->beside, 0);
		check_all(r, &other);
	}
	try_ids(r, before, r->client);
}

static void run_one(void **state)
{
	struct rotation *r = *state;

	run(r);
}

static int tear_down(void **state)
{
	struct rotation *r = *state;

	for (size_t i = 0; i < r->gap_count; i++)
		free(r->gaps[i]);
	free(r->resume);
	return test_cleanup(state);
}

/* Is there such a run? */
static bool is_run(const struct rotation *r)
{
	if (r->way == ROTATION_BESIDE)
		return r->program == ROTATION_FCGI && !r->what->not_beside;
	return true;
}

static char *name_of(const struct rotation *r)
{
	static const char *const programs[] = { "responder", "CGI" };
	static const char *const ways[] = {
		[ROTATION_LIVE] = "live",
		[ROTATION_RECONNECT] = "after a reconnect",
		[ROTATION_BESIDE] = "after a reconnect beside another",
		[ROTATION_RESTART] = "after a kill and a restart",
		[ROTATION_ELSEWHERE] = "resumed by the other program",
	};
	struct bytes name = BYTES_INIT;

	bytes_add_format(&name, "%s; %s, %s%s", r->what->name,
		programs[r->program], ways[r->way], r->large ? ", large" : "");
	return name.data;
}

int rotation_run(
	const char *name, const struct rotation_case *cases, size_t count)
{
	struct CMUnitTest *tests =
		calloc(count * 2 * ROTATION_WAYS * 2, sizeof(*tests));
	size_t n = 0;
	int result;

	if (!tests)
		abort();
	for (size_t i = 0; i < count * 2 * ROTATION_WAYS * 2; i++) {
		struct rotation *r = calloc(1, sizeof(*r));

		if (!r)
			abort();
		r->large = i % 2;
		r->way = (enum rotation_way)(i / 2 % ROTATION_WAYS);
		r->program = (enum rotation_program)(i / 2 / ROTATION_WAYS % 2);
		r->what = &cases[i / 2 / ROTATION_WAYS / 2];
		if (!is_run(r)) {
			free(r);
			continue;
		}
		tests[n++] = (struct CMUnitTest){ name_of(r), run_one, NULL,
			tear_down, r };
	}
	result = test_run(name, tests, n, WORKERS);
	for (size_t i = 0; i < n; i++) {
		free((char *)(uintptr_t)tests[i].name);
		free(tests[i].initial_state);
	}
	free(tests);
	return result;
}
