/*
 * Faults of the world around that no other test provokes: of the kernel, of the
 * disk, of the clock, of whoever writes and whoever asks. Each is said, nobody
 * else is harmed, and when it is over all goes on.
 *
 * What a kernel refuses is injected by strace. Where a sanitizer wants to be
 * the first that is loaded, the clock stays as it is.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/inject.h"
#include "tests/lib/pipe.h"
#include "tests/lib/responder.h"
#include "tests/lib/rotation.h"
#include "tests/lib/site.h"

#define WORKERS 4

/* ---- a program to which something is done */

static enum site_program FCGI = SITE_FCGI, CGI = SITE_CGI;

/* Starts it, and follows "log". The responder is r->process then, or rather
 * the strace around it. */
static struct reader *follow_with(struct responder *r,
	const enum site_program *program, const struct inject *what)
{
	struct inject_command command;
	struct reader *reader;

	if (*program == SITE_CGI) {
		inject_compose(&command, what,
			(const char *[]){
				process_program("ssetail.cgi"), NULL });
		reader = &cgi_open(&(struct cgi_how){ .program = "strace",
					   .config = r->config,
					   .argv = command.argv + 1 },
			NULL)
				  ->reader;
	} else {
		inject_compose(&command, what,
			(const char *[]){ process_program("ssetail.fcgi"), "-c",
				r->config, "-l", r->address, NULL });
		r->process = process_start(
			&(struct process_how){ .argv = command.argv });
		process_wait_errors(r->process, "info: start: ");
		reader = &responder_open(r, NULL)->reader;
	}
	wait_for(reader->sse.checkpoints > 0);
	return reader;
}

static void append_lines(const char *log, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		disk_append(log, "%u\n", i);
}

/* The events are these lines, each once and in order. Others than ours may
 * stand between them. */
static void expect_lines(struct reader *r, unsigned from, unsigned to)
{
	char last[16];
	unsigned next = from;

	snprintf(last, sizeof(last), "%u", to - 1);
	reader_wait_data(r, last);
	for (size_t i = 0; i < r->event_count; i++) {
		const struct reader_event *e = &r->events[i];

		if (strcmp(e->type, "message") != 0)
			continue;
		if (strtoul(e->data, NULL, 10) != next)
			fail_msg("%s, not %u", e->data, next);
		next++;
	}
	assert_int_equal(next, to);
}

/* ---- inotify */

static void expect_the_timer_takes_over(
	const enum site_program *program, const struct inject *what)
{
	struct responder r;
	struct reader *reader;

	responder_prepare(
		&r, &(struct responder_how){ .source = "history = 0;" });
	reader = follow_with(&r, program, what);
	append_lines(r.log, 0, 5);
	expect_lines(reader, 0, 5);
	disk_rename(r.log, disk_path(r.folder, "log.1"));
	append_lines(r.log, 5, 8);
	expect_lines(reader, 0, 8);
	disk_remove(r.log);
	append_lines(r.log, 8, 10);
	expect_lines(reader, 0, 10);
}

static void without_an_instance_of_inotify_the_timer_takes_over(void **state)
{
	expect_the_timer_takes_over(
		*state, &(struct inject){ .calls = "inotify_init1",
				.action = "error=EMFILE" });
}

static void without_watches_of_inotify_the_timer_takes_over(void **state)
{
	expect_the_timer_takes_over(
		*state, &(struct inject){ .calls = "inotify_add_watch",
				.action = "error=ENOSPC" });
}

static unsigned queue_length(void)
{
	struct bytes text = BYTES_INIT;
	unsigned length;

	disk_read(&text, "/proc/sys/fs/inotify/max_queued_events");
	length = (unsigned)strtoul(bytes_text(&text), NULL, 10);
	bytes_release(&text);
	assert_in_range(length, 1, 1u << 24);
	return length;
}

/* Held still, so that its queue fills: with events of others in the folder. */
static void a_queue_of_events_that_overflows_loses_nothing(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "history = 0;");
	const char *one = disk_path(s->folder, "one"),
		   *two = disk_path(s->folder, "two");
	unsigned events = queue_length();
	struct reader *r;
	pid_t pid;

	disk_touch(log);
	disk_touch(one);
	r = site_open_path(s, "/app");
	wait_for(r->sse.checkpoints > 0);
	append_lines(log, 0, 3);
	expect_lines(r, 0, 3);
	pid = site_pid(s, r);
	kill(pid, SIGSTOP);
	append_lines(log, 3, 5);
	/* A rename is two events. */
	for (unsigned i = 0; i < events; i += 4) {
		disk_rename(one, two);
		disk_rename(two, one);
	}
	append_lines(log, 5, 7);
	disk_rename(log, disk_path(s->folder, "app.log.1"));
	append_lines(log, 7, 9);
	kill(pid, SIGCONT);
	expect_lines(r, 0, 9);
	append_lines(log, 9, 12);
	expect_lines(r, 0, 12);
}

/* ---- the disk */

static bool is_traced(pid_t pid)
{
	char path[40], line[128];
	int tracer = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	return tracer != 0;
}

/* From now on every read of a file fails, until that process ends. */
static struct process *break_disk(pid_t pid, const char *trace)
{
	char number[16];
	struct process *strace;

	snprintf(number, sizeof(number), "%d", (int)pid);
	strace = process_run("strace", "-f", "-qq", "-o", trace, "-e",
		"inject=preadv2,pread64:error=EIO", "-p", number, NULL);
	wait_for(is_traced(pid));
	return strace;
}

/* A reader whose stream ends comes back. */
static struct reader *come_back(struct site *s, struct reader *r)
{
	char id[256];

	if (!r->closed)
		return r;
	snprintf(id, sizeof(id), "%s", reader_last_id(r));
	return site_open(
		s, &(struct ask){ .path = "/app", .last_event_id = id });
}

static void a_disk_that_cannot_be_read_is_said_and_waited_for(void **state)
{
	enum { MEASURED_MS = 3000, CALLS_MAX = 600 };
	struct site *s = *state;
	const char *log = site_configure_log(s, "history = 0;");
	const char *trace = disk_path(s->folder, "trace");
	struct process *broken;
	struct reader *r;
	size_t before;

	disk_touch(log);
	r = site_open_path(s, "/app");
	wait_for(r->sse.checkpoints > 0);
	append_lines(log, 0, 2);
	expect_lines(r, 0, 2);
	broken = break_disk(site_pid(s, r), trace);
	append_lines(log, 2, 4);
	reader_wait_data(
		r, "{\"source\": \"app\", \"reason\": \"unreadable\"}");
	/* It tries again, and does not spin. */
	before = inject_count(trace, NULL);
	wait_quietly(MEASURED_MS);
	assert_in_range(inject_count(trace, NULL) - before, 0, CALLS_MAX);
	wait_for(inject_count(trace, NULL) > before);
	process_stop(broken);
	append_lines(log, 4, 6);
	r = come_back(s, r);
	expect_lines(r, 0, 6);
}

static void a_quota_that_is_reached_stops_no_writer(void **state)
{
	struct responder r;
	struct reader *reader;
	const char *pipe;
	int fd;

	responder_prepare(&r, NULL);
	pipe = disk_path(r.folder, "pipe");
	disk_subfolder(r.folder, "state");
	disk_write(r.config,
		"state_dir = \"state\";\n"
		"sources = ( { name = \"log\"; type = \"fifo\"; "
		"path = \"pipe\"; create = true; history = 0; } );\n");
	reader = follow_with(&r, *state,
		&(struct inject){ .calls = "splice",
			.action = "error=EDQUOT",
			.when = 2,
			.last = 2 });
	fd = pipe_open(pipe);
	for (unsigned i = 0; i < 200; i++) {
		pipe_put(fd, "%u\n", i);
		if (i % 20 == 0)
			expect_lines(reader, 0, i + 1);
	}
	expect_lines(reader, 0, 200);
	close(fd);
}

/* What is mounted in its place is another folder. */
static void a_folder_that_is_unmounted_is_waited_for(void **state)
{
	struct site *s = *state;
	const char *folder = disk_subfolder(s->folder, "disk");
	const char *log = disk_path(folder, "app.log");
	struct reader *r;
	size_t at;

	test_needs_root("it mounts a disk");
	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", folder, "tmpfs", 0, "size=1m") < 0)
		test_fail("mount: %s", strerror(errno));
	site_configure(s, "sources = ( { name = \"app\"; "
			  "path = \"disk/app.log\"; } );\n");
	append_lines(log, 0, 2);
	r = site_open_path(s, "/app");
	expect_lines(r, 0, 2);
	assert_int_equal(umount2(folder, MNT_DETACH), 0);
	at = reader_wait_data(
		r, "{\"source\": \"app\", \"reason\": \"absent\"}");
	reader_expect_event(r, at, "waiting", NULL);
	assert_int_equal(mount("tmpfs", folder, "tmpfs", 0, "size=1m"), 0);
	append_lines(log, 2, 4);
	expect_lines(r, 0, 4);
	/* Before its programs end, who are in there. */
	umount2(folder, MNT_DETACH);
}

/* ---- the clock */

static void set_clock(const char *file, long seconds)
{
	disk_write(file, "%ld\n", seconds);
}

/* Comments come as often as before, whatever the time of day is. The first is
 * not counted: it may have come a while ago. */
static void expect_steady_heartbeats(struct reader *r)
{
	enum { MORE = 4, LEAST_MS = 1900 };
	int64_t begin;

	reader_wait_comments(r, r->sse.comments + 1);
	begin = test_now_ms();
	reader_wait_comments(r, r->sse.comments + MORE);
	assert_true(test_now_ms() - begin >= LEAST_MS);
}

static void timers_do_not_notice_that_the_clock_is_set(void **state)
{
	enum { DAY = 86400 };
	static const long days[] = { DAY, -DAY, 0 };
	struct bytes preload = BYTES_INIT, file = BYTES_INIT;
	struct responder r;
	struct reader *reader;
	unsigned next = 0;
	const char *clock;

	responder_prepare(
		&r, &(struct responder_how){ .source = "history = 0;",
			    .settings = "heartbeat = 1; lifetime = 3600; "
					"stall = 60;" });
	clock = disk_path(r.folder, "clock");
	set_clock(clock, 0);
	bytes_add_format(&preload, "%s=%s",
		responder_memory_is_real() ? "LD_PRELOAD" : "UNUSED",
		process_program("tests/tools/otherday.so"));
	bytes_add_format(&file, "OTHERDAY=%s", clock);
	reader = follow_with(&r, *state,
		&(struct inject){ .env = { preload.data, file.data } });
	expect_steady_heartbeats(reader);
	for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++) {
		set_clock(clock, days[i]);
		append_lines(r.log, next, next + 2);
		expect_lines(reader, 0, next + 2);
		expect_steady_heartbeats(reader);
		/* What is told by the times of files, too. */
		disk_rename(r.log, disk_path(r.folder, "log.%zu", 3 - i));
		append_lines(r.log, next + 2, next + 4);
		disk_copy(r.log, disk_path(r.folder, "log.%zu.copy", 3 - i));
		expect_lines(reader, 0, next + 4);
		next += 4;
	}
	assert_false(reader->closed);
	assert_int_equal(
		reader_find_event(reader, 0, "gap", NULL), (ptrdiff_t)-1);
	bytes_release(&preload);
	bytes_release(&file);
}

/* ---- whoever writes */

static void a_million_lines_in_one_go(void **state)
{
	enum { LINES = 1000000, AT_ONCE = 10000, WIDTH = 8 };
	struct site *s = *state;
	const char *log = site_configure_log(s, "history = 0;");
	static char text[AT_ONCE * WIDTH + 1];
	struct reader *r;
	size_t pss;

	disk_touch(log);
	r = site_open_path(s, "/app");
	r->counts_only = true;
	wait_for(r->sse.checkpoints > 0);
	for (int i = 0; i < LINES; i += AT_ONCE) {
		for (int j = 0; j < AT_ONCE; j++)
			sprintf(text + j * WIDTH, "%07d\n", i + j);
		disk_append_bytes(log, text, AT_ONCE * WIDTH);
		wait_quietly(0);
	}
	for (unsigned n = AT_ONCE; n <= LINES; n += AT_ONCE)
		wait_for(r->sse.events >= n);
	/* Neither a line twice nor an event of ours. */
	wait_quietly(100);
	assert_int_equal(r->sse.events, LINES);
	pss = process_pss_bytes(site_pid(s, r));
	print_message("%zu KB of memory\n", pss / 1024);
	if (responder_memory_is_real())
		assert_in_range(pss, 0, 16u << 20);
}

/* Somebody else reads the pipe: what he takes is gone, and what he leaves
 * arrives. */
static void a_stranger_who_reads_the_pipe_harms_nobody_else(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "history = 0;");
	struct reader *r = site_open_path(s, "/app");
	char taken[64];
	int fd, stranger;

	wait_for(r->sse.checkpoints > 0);
	fd = pipe_open(pipe);
	stranger = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(stranger >= 0);
	for (unsigned i = 0; i < 500; i++) {
		pipe_put(fd, "%u\n", i);
		(void)!read(stranger, taken, sizeof(taken));
	}
	close(stranger);
	pipe_put(fd, "\nthe last\n");
	reader_wait_data(r, "the last");
	close(fd);
}

/* ---- descriptors and memory */

static void a_full_table_of_files_is_waited_for(void **state)
{
	struct responder r;
	struct reader *reader;

	(void)state;
	responder_prepare(
		&r, &(struct responder_how){ .source = "history = 0;" });
	reader = follow_with(&r, &FCGI,
		&(struct inject){ .calls = "accept4",
			.action = "error=ENFILE",
			.when = 1,
			.last = 3,
			.trace = disk_path(r.folder, "trace") });
	process_wait_errors(r.process,
		"accept: Too many open files in system: with 0 clients");
	/* Once a second, and not again and again. */
	assert_in_range(
		inject_count(disk_path(r.folder, "trace"), "accept4"), 1, 100);
	append_lines(r.log, 0, 3);
	expect_lines(reader, 0, 3);
}

static rlim_t address_space(pid_t pid)
{
	char path[40];
	unsigned long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	return pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void limit_memory(pid_t pid, rlim_t bytes)
{
	const struct rlimit limit = { bytes, RLIM_INFINITY };

	assert_int_equal(prlimit(pid, RLIMIT_AS, &limit, NULL), 0);
}

/* So many lines in one write take more memory than one, which is there all the
 * same. */
static void append_at_once(const char *log, unsigned from, unsigned to)
{
	struct bytes lines = BYTES_INIT;

	for (unsigned i = from; i < to; i++)
		bytes_add_format(&lines, "%u\n", i);
	disk_append_bytes(log, lines.data, lines.len);
	bytes_release(&lines);
}

/* Heads that are not complete are kept in memory, and of many that is more
 * than there is. */
static void without_memory_some_are_refused_and_others_served(void **state)
{
	enum { MANY = 200, BURST = 300, HEAD = 60000, MORE = 4 << 20 };
	struct front_client *hogs[MANY];
	struct bytes head = BYTES_INIT;
	struct responder r;
	struct reader *stays;
	static char junk[HEAD];
	int refused = 0;
	pid_t pid;

	(void)state;
	/* A sanitizer ends the program when it has no memory. */
	if (!responder_memory_is_real())
		return;
	responder_start(
		&r, &(struct responder_how){ .source = "history = 0;" });
	stays = &responder_follow(&r, NULL)->reader;
	append_lines(r.log, 0, 1);
	expect_lines(stays, 0, 1);
	pid = r.process->pid;
	limit_memory(pid, address_space(pid) + MORE);
	front_put_begin(&head, 1, FRONT_RESPONDER, 0);
	memset(junk, 'x', sizeof(junk));
	front_put_record(&head, FRONT_PARAMS, 1, junk, sizeof(junk));
	for (int i = 0; i < MANY; i++) {
		hogs[i] = front_connect(r.address);
		assert_non_null(hogs[i]);
		hogs[i]->reader.tolerant = true;
		reader_send(&hogs[i]->reader, head.data, head.len);
		append_lines(r.log, (unsigned)i + 1, (unsigned)i + 2);
	}
	expect_lines(stays, 0, MANY + 1);
	for (int i = 0; i < MANY; i++) {
		struct reader *hog = &hogs[i]->reader;

		wait_for(hog->closed || responder_has_read(hog));
		refused += hog->closed;
	}
	print_message("%d of %d were refused\n", refused, MANY);
	assert_in_range(refused, 1, MANY);
	append_at_once(r.log, MANY + 1, MANY + 1 + BURST);
	expect_lines(stays, 0, MANY + 1 + BURST);
	assert_false(stays->closed);
	for (int i = 0; i < MANY; i++)
		reader_close(&hogs[i]->reader);
	limit_memory(pid, RLIM_INFINITY);
	responder_follow(&r, NULL);
	assert_int_equal(process_stop(r.process), 0);
	bytes_release(&head);
}

/* A line that there is no memory for is what a client is owed until there is.
 */
static void a_line_waits_for_memory(void **state)
{
	enum { LONG = 200000, MORE = 128 << 10 };
	static char line[LONG + 1];
	struct reader *reader;
	struct responder r;
	pid_t pid;

	(void)state;
	if (!responder_memory_is_real())
		return;
	responder_start(
		&r, &(struct responder_how){ .settings = "heartbeat = 1;",
			    .source = "history = 0;" });
	reader = &responder_follow(&r, NULL)->reader;
	append_lines(r.log, 0, 1);
	expect_lines(reader, 0, 1);
	pid = r.process->pid;
	limit_memory(pid, address_space(pid) + MORE);
	memset(line, 'x', LONG);
	disk_append(r.log, "%s\n", line);
	append_lines(r.log, 1, 2);
	process_wait_errors(r.process, "warning: streams: have to wait: "
				       "Cannot allocate memory\n");
	/* The tick has tried again; there is a heartbeat meanwhile. */
	reader_wait_comments(reader, reader->sse.comments + 2);
	assert_int_equal(reader->event_count, 1);
	assert_false(reader->closed);
	limit_memory(pid, RLIM_INFINITY);
	reader_wait_data(reader, "1");
	assert_int_equal(reader->event_count, 3);
	assert_string_equal(reader->events[1].data, line);
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- signals */

static void a_storm_of_ends_is_one_end(void **state)
{
	static const int storm[] = { SIGHUP, SIGUSR1, SIGINT, SIGTERM,
		SIGPIPE };
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .source = "history = 0;" });
	c = responder_follow(&r, NULL);
	for (unsigned i = 0; i < 200; i++) {
		process_signal(r.process, i % 2 ? SIGHUP : SIGPIPE);
		if (i % 10 == 0) {
			process_signal(r.process, SIGSTOP);
			append_lines(r.log, i, i + 10);
			process_signal(r.process, SIGCONT);
		}
	}
	expect_lines(&c->reader, 0, 200);
	for (unsigned i = 0; i < 500; i++)
		process_signal(r.process, storm[i % 5]);
	reader_wait_end(&c->reader);
	assert_false(c->reader.sse.unfinished);
	assert_int_equal(process_exit_code(r.process), 0);
	assert_false(disk_exists(r.address));
}

static void a_process_that_is_stopped_for_a_while_goes_on(void **state)
{
	struct site *s = *state;
	const char *log = site_configure_log(s, "history = 0;");
	struct reader *r;

	disk_touch(log);
	r = site_open_path(s, "/app");
	wait_for(r->sse.checkpoints > 0);
	for (unsigned i = 0; i < 100; i += 5) {
		kill(site_pid(s, r), SIGSTOP);
		append_lines(log, i, i + 5);
		kill(site_pid(s, r), SIGCONT);
	}
	expect_lines(r, 0, 100);
}

/* ---- whoever asks */

static void a_query_of_any_size_is_answered(void **state)
{
	struct site *s = *state;
	struct bytes query = BYTES_INIT;
	struct reader *r;

	disk_touch(site_configure_log(s, ""));
	for (int i = 0; i < 10000; i++)
		bytes_add_format(&query, "%sp%d", i ? "&" : "", i);
	r = site_open(s, &(struct ask){ .path = "/app", .query = query.data });
	reader_expect_status(r, 400);
	bytes_clear(&query);
	while (query.len < 65536)
		bytes_add_text(&query, "0123456789abcdef");
	r = site_open(s, &(struct ask){ .path = "/app", .query = query.data });
	/* As a web server says it that is told no more. */
	wait_for(r->has_head || r->closed);
	if (r->has_head)
		assert_int_equal(r->status, 400);
	bytes_release(&query);
}

static void nothing_that_is_asked_gets_into_the_head(void **state)
{
	static const char *const variables[][2] = {
		{ "HTTP_ORIGIN=https://a.example\r\nX-Evil: 1", NULL },
		{ "HTTP_ORIGIN=https://a.example%0d%0aX-Evil:%201", NULL },
		{ "HTTP_LAST_EVENT_ID=1\r\nX-Evil: 1", NULL },
		{ "QUERY_STRING=lastEventId=1%0D%0AX-Evil:%201", NULL },
		{ "QUERY_STRING=tail=1\r\nX-Evil: 1", NULL },
		{ "PATH_INFO=/app\r\nX-Evil: 1", NULL },
		{ "PATH_INFO=/\r\n\r\n<script>X-Evil: 1</script>", NULL },
		{ "REQUEST_METHOD=GET\r\nX-Evil: 1", NULL },
		{ "SCRIPT_NAME=/stream\r\nX-Evil: 1", NULL },
		{ "HTTP_ACCEPT=text/event-stream\r\nX-Evil: 1", NULL },
		{ "REMOTE_USER=ann\r\nX-Evil: 1", NULL },
	};
	struct site *s = *state;

	site_configure(s, "cors_origins = [ \"https://a.example\" ];\n"
			  "sources = ( { name = \"app\"; path = \"app.log\"; "
			  "} );\n");
	disk_write(disk_path(s->folder, "app.log"), "X-Evil: 1\n");
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		struct reader *r =
			site_open(s, &(struct ask){ .path = "/app",
					     .variables = variables[i] });

		reader_wait_head(r);
		if (bytes_contain(&r->head, "X-Evil"))
			fail_msg("%s", variables[i][0]);
		assert_string_equal(
			reader_header(r, "X-Content-Type-Options"), "nosniff");
		assert_null(strstr(reader_header(r, "Content-Type"), "html"));
		site_close(s, r);
	}
}

#define BOTH(name)                                                             \
	{ #name " (fcgi)", name, NULL, test_cleanup, &FCGI },                  \
	{                                                                      \
#name " (cgi)", name, NULL, test_cleanup, &CGI                 \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(without_an_instance_of_inotify_the_timer_takes_over),
		BOTH(without_watches_of_inotify_the_timer_takes_over),
		SITE_TESTS(a_queue_of_events_that_overflows_loses_nothing),
		SITE_TESTS(a_disk_that_cannot_be_read_is_said_and_waited_for),
		BOTH(a_quota_that_is_reached_stops_no_writer),
		SITE_TESTS(a_folder_that_is_unmounted_is_waited_for),
		BOTH(timers_do_not_notice_that_the_clock_is_set),
		SITE_TESTS(a_million_lines_in_one_go),
		SITE_TESTS(a_stranger_who_reads_the_pipe_harms_nobody_else),
		cmocka_unit_test_teardown(
			a_full_table_of_files_is_waited_for, test_cleanup),
		cmocka_unit_test_teardown(
			without_memory_some_are_refused_and_others_served,
			test_cleanup),
		cmocka_unit_test_teardown(
			a_line_waits_for_memory, test_cleanup),
		cmocka_unit_test_teardown(
			a_storm_of_ends_is_one_end, test_cleanup),
		SITE_TESTS(a_process_that_is_stopped_for_a_while_goes_on),
		SITE_TESTS(a_query_of_any_size_is_answered),
		SITE_TESTS(nothing_that_is_asked_gets_into_the_head),
	};

	return test_run(
		"faults", tests, sizeof(tests) / sizeof(*tests), WORKERS);
}
