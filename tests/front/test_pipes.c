/*
 * Named pipes, under both programs: what a client gets of what writers put
 * into one, and what is made, kept and said around it.
 */
#include "tests/lib/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"
#include "tests/lib/site.h"

#define WRITERS	       100
#define LINES_A_WRITER 40

/* A stream that has begun: from here on what comes is new to it. */
static struct reader *follow(struct site *s, const struct ask *ask)
{
	struct reader *r = site_open(s, ask);

	wait_for(r->sse.checkpoints > 0);
	return r;
}

static struct reader *follow_app(struct site *s)
{
	return follow(s, &(struct ask){ .path = "/app" });
}

static struct reader *resume(struct site *s, const char *path, const char *id)
{
	return site_open(s, &(struct ask){ .path = path, .last_event_id = id });
}

static void expect_data(struct reader *r, size_t i, const char *data)
{
	reader_expect_event(r, i, "message", data);
}

static void streams_what_is_written(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "");
	struct reader *r = follow_app(s);

	pipe_write(pipe, "one\n");
	pipe_write(pipe, "two\nthree\n");
	reader_wait_events(r, 3);
	expect_data(r, 0, "one");
	expect_data(r, 1, "two");
	expect_data(r, 2, "three");
}

/* ---- writers */

/* One of a hundred at once; the lines of each are numbered. */
static void write_lines(const char *pipe, unsigned writer)
{
	int fd = open(pipe, O_WRONLY);

	for (unsigned i = 0; i < LINES_A_WRITER; i++) {
		/* Up to as much as a pipe takes in one piece. */
		size_t len = i % 8 ? 20 + i : PIPE_BUF;
		char line[PIPE_BUF];
		int n = snprintf(line, sizeof(line), "%u %u ", writer, i);

		memset(line + n, 'x', len - (size_t)n);
		line[len - 1] = '\n';
		if (fd < 0 || write(fd, line, len) != (ssize_t)len)
			_exit(1);
	}
	_exit(0);
}

/* All lines of all writers, each writer's in its order. */
static void expect_all_lines(struct reader *r)
{
	unsigned next[WRITERS] = { 0 };

	for (size_t i = 0; i < r->event_count; i++) {
		const struct reader_event *e = reader_event(r, i);
		unsigned writer, number;

		if (sscanf(e->data, "%u %u x", &writer, &number) != 2 ||
			writer >= WRITERS || number != next[writer])
			fail_msg("event %zu: '%.40s'", i, e->data);
		next[writer]++;
	}
}

static void takes_a_hundred_writers_at_once(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "");
	struct reader *r = follow_app(s);
	pid_t writers[WRITERS];

	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = fork();
		assert_true(writers[i] >= 0);
		if (writers[i] == 0)
			write_lines(pipe, i);
	}
	reader_wait_events(r, WRITERS * LINES_A_WRITER);
	for (unsigned i = 0; i < WRITERS; i++) {
		int status;

		assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
		assert_int_equal(status, 0);
	}
	expect_all_lines(r);
	assert_int_equal(r->event_count, WRITERS * LINES_A_WRITER);
}

static void half_a_line_is_ended_when_its_writer_has_gone(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "");
	struct reader *r = follow_app(s);

	pipe_write(pipe, "half");
	reader_wait_events(r, 1);
	pipe_write(pipe, "whole\n");
	reader_wait_events(r, 2);
	expect_data(r, 0, "half");
	expect_data(r, 1, "whole");
}

static void half_a_line_waits_while_its_writer_is_there(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "");
	struct reader *r = follow_app(s);
	int fd = pipe_open(pipe);

	pipe_put(fd, "one\ntw");
	reader_wait_events(r, 1);
	pipe_put(fd, "o\n");
	reader_wait_events(r, 2);
	close(fd);
	expect_data(r, 1, "two");
}

/* ---- histories and resumes */

static void write_numbers(int fd, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		pipe_put(fd, "%u\n", i);
}

static void expect_numbers(struct reader *r, unsigned from, unsigned to)
{
	char text[16];

	reader_wait_events(r, to - from);
	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "%u", i);
		expect_data(r, i - from, text);
	}
	assert_int_equal(r->event_count, to - from);
}

static void has_a_history_and_resumes_across_restarts(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "history = 3;");
	struct reader *r = follow_app(s);
	int fd = pipe_open(pipe);
	char *id;

	write_numbers(fd, 0, 20);
	reader_wait_events(r, 20);
	id = strdup(reader_event(r, 9)->id);
	close(fd);
	site_close(s, r);
	expect_numbers(site_open_path(s, "/app"), 17, 20);
	expect_numbers(site_open(s, &(struct ask){ .path = "/app",
					    .query = "tail=5" }),
		15, 20);
	expect_numbers(resume(s, "/app", id), 10, 20);
	site_restart(s);
	expect_numbers(resume(s, "/app", id), 10, 20);
	expect_numbers(site_open_path(s, "/app"), 17, 20);
	free(id);
}

/* What is written while nobody is there is there afterwards: with the
 * responder, which reads without a client. */
static void the_responder_reads_without_a_client(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "");
	struct reader *r;
	int fd;

	s->program = SITE_FCGI;
	site_close(s, follow_app(s));
	fd = pipe_open(pipe);
	/* More than a pipe holds. */
	write_numbers(fd, 0, 30000);
	close(fd);
	r = site_open(s, &(struct ask){ .path = "/app", .query = "tail=1" });
	reader_wait_data(r, "29999");
}

/* The segments are small: the stream goes on over many of them. */
static void goes_on_from_segment_to_segment(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "spool_size = 131072;");
	struct reader *r = follow_app(s);
	int fd = pipe_open(pipe);
	char *id = NULL;

	for (unsigned i = 0; i < 60000; i += 500) {
		write_numbers(fd, i, i + 500);
		reader_wait_events(r, i + 500);
		if (i == 58000)
			id = strdup(reader_last_id(r));
	}
	expect_numbers(r, 0, 60000);
	/* That was a few segments ago. */
	expect_numbers(resume(s, "/app", id), 58500, 60000);
	close(fd);
	free(id);
}

/* Wherever in a segment one begins; and of one that is too long there is a
 * beginning, and nothing behind it that could be taken for a line. */
static void a_line_is_whole_or_said_to_be_cut(void **state)
{
	enum { MOST = 16384, LINES = 60, LONG = 100000 };
	struct site *s = *state;
	const char *pipe = pipe_configure(
		s, "history = 100; max_line = 16384; spool_size = 262144;");
	struct reader *r = follow_app(s), *resumed;
	char line[LONG + 1], *id;
	int fd = pipe_open(pipe);

	for (int i = 0; i < LINES; i++) {
		int len = MOST - i * 601 % MOST;

		snprintf(line, sizeof(line), "%*d", len, i);
		pipe_put(fd, "%s\n", line);
		reader_expect_event(r, (size_t)i, "message", line);
	}
	id = strdup(reader_last_id(r));
	snprintf(line, sizeof(line), "%*d", LONG, 7);
	pipe_put(fd, "%s\nafter\n", line);
	resumed = resume(s, "/app", id);
	line[MOST] = '\0';
	for (int i = 0; i < 2; i++) {
		struct reader *one = i ? resumed : r;
		size_t at = i ? 0 : LINES;

		reader_expect_event(one, at, "gap",
			"{\"source\": \"app\", \"reason\": \"overlong\", "
			"\"bytes\": null}");
		expect_data(one, at + 1, line);
		expect_data(one, at + 2, "after");
	}
	close(fd);
	free(id);
}

static size_t bytes_in(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	size_t bytes = 0;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		struct stat st;

		if (fstatat(dirfd(d), entry->d_name, &st, 0) == 0 &&
			S_ISREG(st.st_mode))
			bytes += (size_t)st.st_size;
	}
	closedir(d);
	return bytes;
}

static void what_is_not_retained_is_a_gap(void **state)
{
	struct site *s = *state;
	const char *pipe =
		pipe_configure(s, "spool_size = 131072; history = 1;");
	struct reader *r = follow_app(s);
	int fd = pipe_open(pipe);
	char *id;

	write_numbers(fd, 0, 100);
	reader_wait_events(r, 100);
	id = strdup(reader_last_id(r));
	write_numbers(fd, 100, 40000);
	reader_wait_data(r, "39999");
	site_close(s, r);
	r = resume(s, "/app", id);
	reader_wait_events(r, 2);
	reader_expect_event(r, 0, "gap",
		"{\"source\": \"app\", \"reason\": \"spool\", \"bytes\": "
		"null}");
	expect_data(r, 1, "39999");
	assert_in_range(
		bytes_in(disk_path(s->folder, "state/app")), 65536, 131072);
	close(fd);
	free(id);
}

/* Each of them may be full when it is half full, before a long line. */
#define SEGMENTS_MAX 16

static size_t find_segments(
	const char *folder, char paths[SEGMENTS_MAX][PATH_MAX])
{
	glob_t found;
	size_t count;

	assert_int_equal(
		glob(disk_path(folder, "state/app/spool.*"), 0, NULL, &found),
		0);
	count = found.gl_pathc;
	assert_in_range(count, 3, SEGMENTS_MAX);
	for (size_t i = 0; i < count; i++)
		snprintf(paths[i], PATH_MAX, "%s", found.gl_pathv[i]);
	globfree(&found);
	return count;
}

/* All numbers from `from` on, but that what is damaged may be missing, and
 * is said to be then. */
static void expect_numbers_or_a_gap(
	struct reader *r, unsigned from, unsigned to)
{
	unsigned next = from;
	char text[16];

	snprintf(text, sizeof(text), "%u", to - 1);
	reader_wait_data(r, text);
	for (size_t i = 0; i < r->event_count; i++) {
		const struct reader_event *e = reader_event(r, i);
		char *end;
		unsigned number = (unsigned)strtoul(e->data, &end, 10);

		if (strcmp(e->type, "gap") == 0) {
			next = 0;
			continue;
		}
		/* What somebody has put there, and what is written now. */
		if (number == 99999 || number == to - 1)
			continue;
		if (*end || end == e->data || number < next ||
			(next && number != next))
			fail_msg("event %zu: %s, not %u", i, e->data, next);
		next = number + 1;
	}
}

/* Segments that somebody has cut, emptied, overwritten or deleted: whoever
 * comes back gets what is left, and a gap. */
static void damaged_segments_are_a_gap(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "spool_size = 131072;");
	struct reader *r = follow_app(s);
	char segments[SEGMENTS_MAX][PATH_MAX], *ids[8];
	int fd = pipe_open(pipe);

	for (unsigned i = 0; i < 16000; i += 500) {
		write_numbers(fd, i, i + 500);
		reader_wait_events(r, i + 500);
	}
	for (unsigned i = 0; i < 8; i++)
		ids[i] = strdup(reader_event(r, 1999 + 2000 * i)->id);
	close(fd);
	site_restart(s);
	for (size_t damage = 0; damage < 5; damage++) {
		size_t count = find_segments(s->folder, segments);

		switch (damage) {
		case 0:
			disk_truncate(segments[count - 1], 5000);
			break;
		case 1:
			disk_write(segments[count - 2], "%s",
				"99999\n99999\n99999\n");
			break;
		case 2:
			disk_remove(segments[count - 3]);
			break;
		case 3:
			disk_truncate(segments[count - 1], 0);
			break;
		default:
			disk_truncate(
				disk_path(s->folder, "state/app/current"), 0);
			break;
		}
		for (unsigned i = 0; i < 8; i++) {
			r = resume(s, "/app", ids[i]);
			reader_wait_head(r);
			pipe_write(pipe, "%u\n", 100000u);
			expect_numbers_or_a_gap(r, 2000 + 2000 * i, 100001);
			site_close(s, r);
		}
	}
	for (unsigned i = 0; i < 8; i++)
		free(ids[i]);
}

static void streams_pipes_and_files_together(void **state)
{
	struct site *s = *state;
	struct reader *r;
	char *id;

	disk_subfolder(s->folder, "state");
	disk_touch(disk_path(s->folder, "c.log"));
	site_configure(s, "state_dir = \"state\"; sources = ("
			  "{ name = \"a\"; type = \"fifo\"; path = \"a\"; "
			  "create = true; },"
			  "{ name = \"b\"; type = \"fifo\"; path = \"b\"; "
			  "create = true; },"
			  "{ name = \"c\"; path = \"c.log\"; } );\n");
	r = follow(s, &(struct ask){ .path = "/a,b,c" });
	pipe_write(disk_path(s->folder, "a"), "1\n");
	reader_wait_events(r, 1);
	pipe_write(disk_path(s->folder, "b"), "2\n");
	reader_wait_events(r, 2);
	id = strdup(reader_last_id(r));
	disk_append(disk_path(s->folder, "c.log"), "3\n");
	reader_wait_events(r, 3);
	pipe_write(disk_path(s->folder, "a"), "4\n");
	reader_wait_events(r, 4);
	reader_expect_event(r, 0, "a", "1");
	reader_expect_event(r, 1, "b", "2");
	reader_expect_event(r, 2, "c", "3");
	reader_expect_event(r, 3, "a", "4");
	r = resume(s, "/a,b,c", id);
	reader_wait_events(r, 2);
	assert_true(reader_find_event(r, 0, "c", "3") >= 0);
	assert_true(reader_find_event(r, 0, "a", "4") >= 0);
	free(id);
}

/* ---- the pipe itself */

static void follows_a_pipe_that_is_deleted_and_made_again(void **state)
{
	struct site *s = *state;
	const char *pipe = pipe_configure(s, "");
	struct reader *r = follow_app(s);
	int old = pipe_open(pipe), new;

	pipe_put(old, "old\n");
	reader_wait_events(r, 1);
	assert_int_equal(unlink(pipe), 0);
	/* It is made again, and who has the old one open is still heard. */
	new = pipe_open(pipe);
	pipe_put(new, "new\n");
	reader_wait_events(r, 2);
	pipe_put(old, "late\n");
	reader_wait_events(r, 3);
	close(old);
	pipe_put(new, "newer\n");
	reader_wait_events(r, 4);
	close(new);
	expect_data(r, 0, "old");
	expect_data(r, 1, "new");
	expect_data(r, 2, "late");
	expect_data(r, 3, "newer");
}

static const char *configure_without_create(struct site *s)
{
	disk_subfolder(s->folder, "state");
	site_configure(s,
		"state_dir = \"state\"; sources = ( { name = \"app\"; "
		"type = \"fifo\"; path = \"pipe\"; } );\n");
	return disk_path(s->folder, "pipe");
}

#define IS_READ "/pipe: is read by this process\n"

static void says_that_it_waits_for_a_pipe(void **state)
{
	struct site *s = *state;
	const char *pipe = configure_without_create(s);
	struct reader *r = follow_app(s);

	reader_wait_events(r, 1);
	reader_expect_event(r, 0, "waiting",
		"{\"source\": \"app\", \"reason\": \"absent\"}");
	disk_write(pipe, "this is no pipe\n");
	reader_wait_events(r, 2);
	reader_expect_event(r, 1, "waiting",
		"{\"source\": \"app\", \"reason\": \"not-a-file\"}");
	/* Nor is it said to be read. */
	if (s->program == SITE_FCGI)
		assert_null(strstr(process_errors(s->responder), IS_READ));
	disk_remove(pipe);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	pipe_write(pipe, "here\n");
	reader_wait_data(r, "here");
	if (s->program == SITE_FCGI)
		process_wait_errors(s->responder, IS_READ);
}

static void type_is_detected(void **state)
{
	struct site *s = *state;
	const char *pipe = disk_path(s->folder, "pipe");

	disk_subfolder(s->folder, "state");
	assert_int_equal(mkfifo(pipe, 0600), 0);
	site_configure(s, "state_dir = \"state\"; sources = "
			  "( { name = \"app\"; path = \"pipe\"; } );\n");
	struct reader *r = follow_app(s);

	pipe_write(pipe, "detected\n");
	reader_wait_events(r, 1);
	expect_data(r, 0, "detected");
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void makes_the_pipe_as_configured_whatever_the_umask(void **state)
{
	struct site *s = *state;
	/* Without root there is only the group that one is in. */
	const char *pipe = pipe_configure(
		s, geteuid() == 0 ? "mode = \"0662\"; group = \"daemon\";"
				  : "mode = \"0662\";");

	s->umask = 0777;
	follow_app(s);
	wait_for(disk_exists(pipe));
	assert_int_equal(mode_of(pipe), 0662);
	if (geteuid() == 0) {
		struct stat st;

		assert_int_equal(stat(pipe, &st), 0);
		assert_int_equal(st.st_gid, getgrnam("daemon")->gr_gid);
	}
	assert_int_equal(mode_of(disk_path(s->folder, "state/app")), 0700);
	assert_int_equal(
		mode_of(disk_path(s->folder, "state/app/current")), 0600);
}

/* ---- what -t says, and what keeps a program from starting */

/* Runs a program on the site's configuration, to its end. */
static struct process *run(struct site *s, const char *program, bool check)
{
	struct process *p = process_start(&(struct process_how){
		.argv = (const char *[]){ process_program(program), "-c",
			s->config, check ? "-t" : "app", NULL },
	});

	process_exit_code(p);
	return p;
}

static void expect_text(struct process *p, const char *text)
{
	if (!strstr(process_errors(p), text))
		fail_msg("no \"%s\" in:\n%s", text, process_errors(p));
}

/* Both say that sentence with -t, and do not start. */
static void expect_obstacle(struct site *s, const char *text)
{
	static const char *const programs[] = { "ssetail.fcgi", "ssetail.cgi" };

	for (size_t i = 0; i < 2; i++) {
		struct process *p = run(s, programs[i], true);

		assert_int_equal(process_exit_code(p), EX_NOINPUT);
		expect_text(p, text);
	}
	struct process *p = run(s, "ssetail.cgi", false);

	assert_int_equal(process_exit_code(p), EX_CANTCREAT);
	expect_text(p, text);
	p = process_run(process_program("ssetail.fcgi"), "-c", s->config, "-l",
		disk_path(s->folder, "listening"), NULL);
	assert_int_equal(process_exit_code(p), EX_CANTCREAT);
	expect_text(p, text);
	assert_false(disk_exists(disk_path(s->folder, "listening")));
}

static void says_what_is_wrong_with_the_state_directory(void **state)
{
	struct site *s = *state;
	const char *dir;

	pipe_configure(s, "");
	dir = disk_path(s->folder, "state");
	disk_remove(dir);
	expect_obstacle(s, "the state directory is not there");
	disk_subfolder(s->folder, "elsewhere");
	disk_link("elsewhere", dir);
	expect_obstacle(s, "the state directory is a link, or no folder");
	assert_int_equal(unlink(dir), 0);
	disk_write(dir, "x\n");
	expect_obstacle(s, "the state directory is a link, or no folder");
	disk_remove(dir);
	disk_subfolder(s->folder, "state");
	disk_mode(dir, 01777);
	expect_obstacle(s, "can be written to by anybody");
	disk_mode(dir, 0755);
	disk_link("../elsewhere", disk_path(s->folder, "state/app"));
	expect_obstacle(s, "a link, or no folder, has its place");
	assert_int_equal(unlink(disk_path(s->folder, "state/app")), 0);
	disk_subfolder(dir, "app");
	disk_mode(disk_path(s->folder, "state/app"), 0777);
	expect_obstacle(s, "can be written to by others");
	/* What others left there is as it was. */
	assert_int_equal(disk_entries(disk_path(s->folder, "elsewhere")), 0);
}

static void a_state_directory_of_another_user_is_not_taken(void **state)
{
	struct site *s = *state;
	const char *dir, *of_pipe;

	test_needs_root("it gives folders to another user");
	pipe_configure(s, "");
	dir = disk_path(s->folder, "state");
	of_pipe = disk_subfolder(dir, "app");
	assert_int_equal(chown(of_pipe, 65534, 0), 0);
	expect_obstacle(s, "its folder in the state directory belongs to");
	assert_int_equal(chown(dir, 65534, 0), 0);
	expect_obstacle(s, "the state directory belongs to another user");
	assert_int_equal(disk_entries(of_pipe), 0);
}

static void t_tries_the_pipe_and_does_not_open_it(void **state)
{
	struct site *s = *state;
	const char *pipe = configure_without_create(s);
	struct process *p = run(s, "ssetail.cgi", true);
	int fd;

	assert_int_equal(process_exit_code(p), EX_NOINPUT);
	expect_text(p, "is not there, and create is not true");
	disk_write(pipe, "x\n");
	p = run(s, "ssetail.cgi", true);
	assert_int_equal(process_exit_code(p), EX_NOINPUT);
	expect_text(p, "is no named pipe");
	disk_remove(pipe);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	/* What is in the pipe stays there for whoever reads it. */
	fd = open(pipe, O_RDWR | O_NONBLOCK);
	pipe_put(fd, "still there\n");
	p = run(s, "ssetail.fcgi", true);
	assert_int_equal(process_exit_code(p), 0);
	close(fd);
}

static void t_warns_of_a_pipe_where_everybody_may_write(void **state)
{
	struct site *s = *state;
	struct process *p;

	pipe_configure(s, "");
	disk_mode(s->folder, 01777);
	p = run(s, "ssetail.fcgi", true);
	assert_int_equal(process_exit_code(p), 0);
	expect_text(p, "fs.protected_fifos");
	expect_text(p, "PrivateTmp");
	disk_mode(s->folder, 0755);
	p = run(s, "ssetail.fcgi", true);
	assert_null(strstr(process_errors(p), "protected_fifos"));
}

/* A link planted in place of a segment is not followed. */
static void a_planted_segment_is_not_written_to(void **state)
{
	struct site *s = *state;
	const char *victim;
	struct bytes text = BYTES_INIT;

	pipe_configure(s, "");
	victim = disk_path(s->folder, "victim");
	disk_write(victim, "precious\n");
	disk_subfolder(disk_path(s->folder, "state"), "app");
	disk_link("../../victim", disk_path(s->folder, "state/app/current"));
	disk_link("../../victim", disk_path(s->folder, "state/app/next"));
	s->program = SITE_FCGI;
	site_open_path(s, "/app");
	process_wait_errors(s->responder, "error: app: spool: ");
	disk_read(&text, victim);
	assert_string_equal(bytes_text(&text), "precious\n");
	bytes_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE_TESTS(streams_what_is_written),
		SITE_TESTS(takes_a_hundred_writers_at_once),
		SITE_TESTS(half_a_line_is_ended_when_its_writer_has_gone),
		SITE_TESTS(half_a_line_waits_while_its_writer_is_there),
		SITE_TESTS(has_a_history_and_resumes_across_restarts),
		SITE_TEST(the_responder_reads_without_a_client),
		SITE_TESTS(goes_on_from_segment_to_segment),
		SITE_TESTS(a_line_is_whole_or_said_to_be_cut),
		SITE_TESTS(what_is_not_retained_is_a_gap),
		SITE_TESTS(damaged_segments_are_a_gap),
		SITE_TESTS(streams_pipes_and_files_together),
		SITE_TESTS(follows_a_pipe_that_is_deleted_and_made_again),
		SITE_TESTS(says_that_it_waits_for_a_pipe),
		SITE_TESTS(type_is_detected),
		SITE_TESTS(makes_the_pipe_as_configured_whatever_the_umask),
		SITE_TEST(says_what_is_wrong_with_the_state_directory),
		SITE_TEST(a_state_directory_of_another_user_is_not_taken),
		SITE_TEST(t_tries_the_pipe_and_does_not_open_it),
		SITE_TEST(t_warns_of_a_pipe_where_everybody_may_write),
		SITE_TEST(a_planted_segment_is_not_written_to),
	};

	return cmocka_run_group_tests_name("pipes", tests, NULL, NULL);
}
