/*
 * Every system call that a short life of a program makes fails once, with
 * each of some errors; then every allocation does. Whatever fails, the
 * program neither crashes nor spins, and no line is lost in silence: a reader
 * that comes back whenever its connection ends has every line once, or was
 * told of a gap. (Where one of two files cannot be read, the other is: order
 * holds within a file.) One that has served goes on to serve until it is told
 * to stop; and when it is memory that is missing, on the same connection.
 *
 * A life is a responder or a CGI process, on a file that is rotated or on a
 * pipe whose spool is. Beside it runs another responder to which nothing is
 * done: to that one the reader comes back.
 *
 * There are thousands of such lives: FAULTS_EVERY=1 lives all of them, and n
 * each n-th. TEST_FILTER selects some by their names, "fcgi, file, openat:
 * error=EIO".
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/inject.h"
#include "tests/lib/pipe.h"
#include "tests/lib/process.h"
#include "tests/lib/responder.h"

#define WORKERS	  6
#define EVERY	  41 /* a sample, when nothing else is asked for */
#define LINES_MAX 256
#define QUIET_MS  100

/* A program that waits makes fewer calls in that time, one that spins many
 * more. */
#define QUIET_CALLS 60

/* So many lines fill a segment of the spool. */
#define PAD   400
#define BURST 100

static const char *const errors[] = { "error=EINTR", "error=ENOMEM",
	"error=EMFILE", "error=EIO", "error=ENOSPC" };

/* Where no kernel has such an error, or libc ends the program at any. */
static const char *const spared[] = {
	"execve",
	"exit",
	"exit_group",
	"rt_sigreturn",
	"arch_prctl",
	"set_tid_address",
	"set_robust_list",
	"rseq",
	"futex",
	"restart_syscall",
	"getrandom",
	"rt_sigaction",
	/* It returns where the heap ends, whether it fails or not: an error
	 * would be an address. libc goes on with mmap where a heap does not
	 * grow; that there is no memory is said to each allocation in turn. */
	"brk",
#ifdef __SANITIZE_ADDRESS__
	/* A sanitizer ends the program when it has no memory, or cannot learn
	 * where the stack of a thread is. */
	"mmap",
	"munmap",
	"mprotect",
	"madvise",
	"sigaltstack",
	"sched_getaffinity",
#endif
};

enum program { FCGI, CGI };
enum source { A_FILE, A_PIPE };

struct life {
	enum program program;
	enum source source;
	struct inject inject;
	const char *folder, *config, *log, *address;
	struct process *strace;
	struct process *standby;
	const char *standby_address;

	struct reader *reader;
	bool is_of_victim;
	bool has_served; /* the victim sent a head */
	bool is_told_to_end;
	size_t taken; /* events of this connection that were looked at */
	char id[256];
	unsigned written;
	unsigned seen[LINES_MAX];
	bool has_gap;
};

/* ---- the programs */

static void configure(struct life *t)
{
	t->folder = disk_folder();
	t->config = disk_path(t->folder, "ssetail.conf");
	t->address = disk_path(t->folder, "socket");
	/* The folder of the other one may be left locked. */
	t->standby_address =
		disk_path(disk_subfolder(t->folder, "beside"), "socket");
	t->log = disk_path(t->folder, "log");
	if (t->source == A_PIPE)
		disk_subfolder(t->folder, "state");
	disk_write(t->config,
		"heartbeat = 3600; state_dir = \"state\";\n"
		"sources = ( { name = \"log\"; path = \"log\"; history = 1000; "
		"%s } );\n",
		t->source == A_PIPE ? "type = \"fifo\"; create = true; "
				      "spool_size = 262144;"
				    : "");
}

/* The one that nothing is done to. */
static void have_standby(struct life *t)
{
	if (t->standby)
		return;
	t->standby = process_run(process_program("ssetail.fcgi"), "-c",
		t->config, "-l", t->standby_address, NULL);
	process_wait_errors(t->standby, "info: start:");
}

static void start_victim(struct life *t)
{
	struct inject_command command;
	char program[512];

	/* Without a loader, whose calls are not ours; but it is needed to
	 * replace what allocates. */
	snprintf(program, sizeof(program), "%s",
		process_program(t->program == FCGI ? "ssetail.fcgi"
				: t->inject.env[0] ? "ssetail.cgi"
						   : "static/ssetail.cgi"));
	if (t->program == FCGI) {
		inject_compose(&command, &t->inject,
			(const char *[]){ program, "-c", t->config, "-l",
				t->address, NULL });
		t->strace = process_start(
			&(struct process_how){ .argv = command.argv });
		return;
	}
	inject_compose(&command, &t->inject, (const char *[]){ program, NULL });
	t->reader = &cgi_open(&(struct cgi_how){ .program = "strace",
				      .config = t->config,
				      .argv = command.argv + 1 },
		&(struct ask){ .path = "/log" })
			     ->reader;
	t->strace = cgi_of(t->reader)->process;
	t->reader->tolerant = true;
	t->is_of_victim = true;
}

/* ---- the reader */

static void come_to(struct life *t, const char *address)
{
	struct bytes request = BYTES_INIT;
	struct ask ask = { .path = "/log",
		.last_event_id = t->id[0] ? t->id : NULL };
	struct front_client *c = front_connect(address);

	if (!c)
		return;
	c->reader.tolerant = true;
	front_put_request(&request, 1, 0, &ask);
	reader_send(&c->reader, request.data, request.len);
	bytes_release(&request);
	t->reader = &c->reader;
	t->taken = 0;
}

static void take(struct life *t)
{
	struct reader *r = t->reader;

	for (; t->taken < r->event_count; t->taken++) {
		const struct reader_event *e = &r->events[t->taken];
		unsigned n = (unsigned)strtoul(e->data, NULL, 10);

		if (strcmp(e->type, "gap") == 0) {
			print_message("%s at %u\n", e->data, t->inject.when);
			t->has_gap = true;
		}
		if (strcmp(e->type, "message") != 0)
			continue;
		if (n >= t->written)
			test_fail("line %s was never written", e->data);
		t->seen[n]++;
	}
	if (r->streams && reader_last_id(r)[0])
		snprintf(t->id, sizeof(t->id), "%s", reader_last_id(r));
	t->has_served |= t->is_of_victim && r->streams;
}

static void leave(struct life *t)
{
	take(t);
	if (t->reader->has_head && t->reader->fault[0])
		test_fail("%s", t->reader->fault);
	/* A CGI process is looked at yet. */
	if (t->is_of_victim && t->program == CGI)
		reader_hang_up(t->reader);
	else
		reader_close(t->reader);
	t->reader = NULL;
	t->is_of_victim = false;
}

/* Without memory somebody who comes may be turned away, which a CGI program
 * says in its answer; nobody who is served is cut off. */
static void expect_reason_to_close(const struct life *t)
{
	if (!t->inject.env[0] || !t->is_of_victim || t->is_told_to_end)
		return;
	if (t->has_served)
		test_fail("a stream was cut: allocation %u", t->inject.when);
	if (t->program == CGI && !t->reader->has_head)
		test_fail("no answer: allocation %u", t->inject.when);
}

/* Has it that line, or will it yet? */
static bool has(struct life *t, unsigned n)
{
	if (t->reader)
		take(t);
	if (t->reader && t->reader->closed) {
		expect_reason_to_close(t);
		leave(t);
	}
	if (!t->reader) {
		have_standby(t);
		come_to(t, t->standby_address);
	}
	return t->seen[n] > 0;
}

static bool came_to_victim(struct life *t)
{
	if (!t->reader && process_runs(t->strace)) {
		come_to(t, t->address);
		t->is_of_victim = t->reader != NULL;
	}
	return t->reader || !process_runs(t->strace);
}

static bool victim_has_begun(struct life *t)
{
	return came_to_victim(t) &&
	       (!t->reader || t->reader->has_head || t->reader->closed);
}

/* ---- lives */

static void append(struct life *t, unsigned count)
{
	while (count-- > 0)
		disk_append(t->log, "%u\n", t->written++);
	wait_for(has(t, t->written - 1));
}

/* What the responder's administrator does beside. */
static void reload(struct life *t)
{
	pid_t pid = t->program == FCGI ? inject_program(t->strace) : -1;

	if (pid > 0)
		kill(pid, SIGHUP);
}

static void live_on_a_file(struct life *t)
{
	disk_append(t->log, "%u\n", t->written++);
	disk_append(t->log, "%u\n", t->written++);
	start_victim(t);
	wait_for(came_to_victim(t));
	append(t, 2);
	disk_rename(t->log, disk_path(t->folder, "log.1"));
	append(t, 2);
	disk_rename(
		disk_path(t->folder, "log.1"), disk_path(t->folder, "log.2"));
	disk_copy(t->log, disk_path(t->folder, "log.1"));
	disk_truncate(t->log, 0);
	append(t, 2);
	reload(t);
	append(t, 2);
}

static void put(struct life *t, int fd, unsigned count, unsigned pad)
{
	while (count-- > 0) {
		pipe_put(fd, "%u %0*d\n", t->written, (int)pad, 0);
		t->written++;
	}
	wait_for(has(t, t->written - 1));
}

static void live_on_a_pipe(struct life *t)
{
	int fd;

	start_victim(t);
	wait_for(victim_has_begun(t));
	have_standby(t);
	fd = pipe_open(t->log);
	put(t, fd, 3, 1);
	put(t, fd, BURST, PAD);
	pipe_put(fd, "%u", t->written++);
	close(fd);
	wait_for(has(t, t->written - 1));
	reload(t);
	fd = pipe_open(t->log);
	put(t, fd, 2, 1);
	close(fd);
}

static bool is_quiet(void *context)
{
	struct life *t = context;
	size_t before = inject_count(t->inject.trace, NULL);

	wait_quietly(QUIET_MS);
	return !process_runs(t->strace) ||
	       inject_count(t->inject.trace, NULL) - before < QUIET_CALLS;
}

static void expect_no_spin(struct life *t)
{
	if (!wait_until(is_quiet, t, test_limit_ms()))
		test_fail("the program spins");
}

/* A signal that ended it is a crash, unless it is ours and the program was not
 * let catch it; so is an end by itself when it serves others, too. */
static void expect_end(struct life *t)
{
	bool ran = process_runs(t->strace);
	pid_t pid = ran ? inject_program(t->strace) : -1;
	int code;

	t->is_told_to_end = true;
	if (pid > 0)
		kill(pid, SIGTERM);
	code = process_exit_code(t->strace);
	if (code >= 126 && !(ran && code == 128 + SIGTERM))
		test_fail("the program crashed: %d", code);
	if (t->program == CGI)
		return;
	if (ran && code != 0 && code != 128 + SIGTERM)
		test_fail("the responder ended with %d", code);
	if (!ran && t->has_served)
		test_fail("the responder ended by itself: %d", code);
	if (!ran && (code == 0 || !process_errors(t->strace)[0]))
		test_fail("it ended without a word: %d", code);
}

/* Or a gap said that some are missing: where the place of an id is gone, the
 * configured start comes behind it, which is everything here. */
static void expect_every_line_once(const struct life *t)
{
	for (unsigned n = 0; n < t->written && !t->has_gap; n++)
		if (t->seen[n] != 1)
			test_fail("line %u came %u times", n, t->seen[n]);
}

static void live(struct life *t)
{
	configure(t);
	if (!t->inject.trace)
		t->inject.trace = disk_path(t->folder, "trace");
	if (t->source == A_FILE)
		live_on_a_file(t);
	else
		live_on_a_pipe(t);
	expect_no_spin(t);
	expect_end(t);
	/* Who comes afterwards finds all as it should be. */
	if (t->source == A_FILE) {
		append(t, 1);
	} else {
		int fd = pipe_open(t->log);

		put(t, fd, 1, 1);
		close(fd);
	}
	expect_every_line_once(t);
}

/* ---- all of them */

struct plan {
	char name[80];
	enum program program;
	enum source source;
	char call[32];
	const char *error; /* NULL: allocations */
	unsigned first, last;
	unsigned every, phase; /* those that are lived: is_chosen */
};

static bool is_chosen(const struct plan *p, unsigned n)
{
	return (p->phase + n - p->first) % p->every == 0;
}

static void live_without_memory(struct life *t, unsigned n)
{
	char preload[512], at[32];

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s",
		process_program("tests/tools/noroom.so"));
	snprintf(at, sizeof(at), "NOROOM_AT=%u", n);
	t->inject = (struct inject){ .env = { preload, at }, .when = n };
	live(t);
	/* Valid as long as this function is. */
	t->inject.env[0] = NULL;
}

static void fails_without_harm(void **state)
{
	const struct plan *p = *state;

	for (unsigned n = p->first; n <= p->last; n++) {
		struct life t = { .program = p->program, .source = p->source };

		if (!is_chosen(p, n))
			continue;
		if (p->error) {
			t.inject = (struct inject){
				.calls = p->call, .action = p->error, .when = n
			};
			live(&t);
		} else {
			live_without_memory(&t, n);
		}
		test_cleanup(NULL);
	}
}

static bool is_spared(const char *name)
{
	for (size_t i = 0; i < sizeof(spared) / sizeof(*spared); i++)
		if (strcmp(spared[i], name) == 0)
			return true;
	return false;
}

static const char *name_of(enum program program, enum source source)
{
	static const char *const names[2][2] = { { "fcgi, file", "fcgi, pipe" },
		{ "cgi, file", "cgi, pipe" } };

	return names[program][source];
}

#define PLANS_MAX 4096

/* Shared with the process that makes the plans: this one must not have used
 * the library when it starts the workers. */
static struct {
	size_t count;
	unsigned lives; /* of all, also of those that are left out */
	struct plan list[PLANS_MAX];
} * plans;

static void add_plan(struct plan p, unsigned every)
{
	bool any = false;

	/* The lives of all plans are numbered through. */
	p.every = every;
	p.phase = plans->lives;
	plans->lives += p.last - p.first + 1;
	for (unsigned n = p.first; n <= p.last; n++)
		any |= is_chosen(&p, n);
	if (!any)
		return;
	if (plans->count == PLANS_MAX)
		test_fail("more than %d plans", PLANS_MAX);
	snprintf(p.name, sizeof(p.name), "%s, %s: %s",
		name_of(p.program, p.source), p.call,
		p.error ? p.error : "none");
	plans->list[plans->count++] = p;
}

static void plan_life(enum program program, enum source source, unsigned every)
{
	struct life t = { .program = program, .source = source };
	struct inject_calls calls;

	live(&t);
	assert_false(t.has_gap);
	inject_read(&calls, t.inject.trace);
	test_cleanup(NULL);
	for (size_t i = 0; i < calls.count; i++) {
		const struct inject_call *c = &calls.list[i];

		if (is_spared(c->name) || c->last < c->first)
			continue;
		for (size_t e = 0; e < sizeof(errors) / sizeof(*errors); e++) {
			struct plan p = { .program = program,
				.source = source,
				.error = errors[e],
				.first = c->first,
				.last = c->last };

			snprintf(p.call, sizeof(p.call), "%s", c->name);
			add_plan(p, every);
		}
	}
}

static void plan_allocations(
	enum program program, enum source source, unsigned every)
{
	struct life t = { .program = program, .source = source };
	struct plan p = { .program = program,
		.source = source,
		.call = "memory",
		.first = 1 };
	const char *said;

	live_without_memory(&t, 0);
	said = strstr(process_errors(t.strace), "allocations: ");
	assert_non_null(said);
	p.last = (unsigned)strtoul(strchr(said, ' '), NULL, 10);
	test_cleanup(NULL);
	add_plan(p, every);
}

static void without_any_fault(void **state)
{
	unsigned every = test_setting("FAULTS_EVERY", 1, EVERY);

	(void)state;
	for (int program = FCGI; program <= CGI; program++)
		for (int source = A_FILE; source <= A_PIPE; source++) {
			plan_life((enum program)program, (enum source)source,
				every);
			/* A sanitizer has an allocator of its own. */
			if (responder_memory_is_real())
				plan_allocations((enum program)program,
					(enum source)source, every);
		}
	print_message(
		"%u lives, of which one in %u is lived\n", plans->lives, every);
}

/* In a process of its own. True when all went well. */
static bool plan(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(without_any_fault, test_cleanup),
	};
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		cmocka_set_test_filter(NULL);
		exit(cmocka_run_group_tests_name(
			"injected: none", tests, NULL, NULL));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	static struct CMUnitTest tests[PLANS_MAX];

	plans = mmap(NULL, sizeof(*plans), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plans == MAP_FAILED || !plan())
		return 1;
	for (size_t i = 0; i < plans->count; i++)
		tests[i] = (struct CMUnitTest){ plans->list[i].name,
			fails_without_harm, NULL, test_cleanup,
			&plans->list[i] };
	return test_run("injected", tests, plans->count, WORKERS);
}
