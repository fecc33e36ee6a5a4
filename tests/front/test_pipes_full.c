/*
 * Named pipes, and a disk that fills up: 1 MiB of tmpfs, in a mount namespace
 * of our own. Needs root.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"
#include "tests/lib/site.h"

static const char *state_dir;

static int make_namespace(void **state)
{
	(void)state;
	test_needs_root("it mounts a disk");
	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		print_error("no mount namespace: %s\n", strerror(errno));
		return -1;
	}
	return 0;
}

static const char *configure(struct site *s, const char *keys)
{
	const char *pipe = pipe_configure(s, keys);

	state_dir = disk_path(s->folder, "state");
	if (mount("tmpfs", state_dir, "tmpfs", 0, "size=1m,mode=0755") < 0)
		test_fail("mount: %s", strerror(errno));
	return pipe;
}

static int teardown(void **state)
{
	int result;

	/* Not before the programs have ended. */
	umount2(state_dir, MNT_DETACH);
	result = site_teardown(state);
	return result;
}

static void fill_disk(void)
{
	int fd = open(disk_path(state_dir, "%s", "hog"),
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	static const char bytes[4096];

	assert_true(fd >= 0);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void empty_disk(void)
{
	disk_remove(disk_path(state_dir, "%s", "hog"));
}

static struct reader *follow(struct site *s)
{
	struct reader *r = site_open_path(s, "/app");

	wait_for(r->sse.checkpoints > 0);
	return r;
}

/* Lines of eight bytes, so that bytes can be counted. */
static void write_numbers(int fd, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		pipe_put(fd, "%07u\n", i);
}

static void expect_numbers(struct reader *r, unsigned to)
{
	char text[16];

	reader_wait_events(r, to);
	for (unsigned i = 0; i < to; i++) {
		snprintf(text, sizeof(text), "%07u", i);
		reader_expect_event(r, i, "message", text);
	}
}

/* How many numbers there are up to that event; none twice or out of order,
 * and what is missing is what the gaps say. */
static void expect_numbers_or_gaps(struct reader *r, unsigned to)
{
	unsigned next = 0;
	char text[16];

	snprintf(text, sizeof(text), "%07u", to - 1);
	reader_wait_data(r, text);
	for (size_t i = 0; i < r->event_count; i++) {
		const struct reader_event *e = reader_event(r, i);
		unsigned long bytes;

		if (strcmp(e->type, "gap") == 0) {
			if (sscanf(e->data,
				    "{\"source\": \"app\", \"reason\": "
				    "\"spool\", \"bytes\": %lu}",
				    &bytes) != 1)
				fail_msg("%s", e->data);
			assert_int_equal(bytes % 8, 0);
			next += (unsigned)(bytes / 8);
			continue;
		}
		snprintf(text, sizeof(text), "%07u", next++);
		assert_string_equal(e->data, text);
	}
	assert_int_equal(next, to);
}

static size_t gaps_of(const struct reader *r)
{
	size_t gaps = 0;

	for (ptrdiff_t i = -1;
		(i = reader_find_event(r, (size_t)(i + 1), "gap", NULL)) >= 0;)
		gaps++;
	return gaps;
}

static struct process *process_of(struct site *s, struct reader *r)
{
	return s->program == SITE_FCGI ? s->responder : cgi_of(r)->process;
}

static void a_full_disk_stops_nobody(void **state)
{
	struct site *s = *state;
	const char *pipe = configure(s, "spool_size = 262144;");
	struct reader *own = follow(s), *other;
	struct process *pump = process_of(s, own);
	unsigned n = 0;
	int fd;

	s->program = s->program == SITE_FCGI ? SITE_CGI : SITE_FCGI;
	other = follow(s);
	fd = pipe_open(pipe);
	write_numbers(fd, 0, n = 1000);
	expect_numbers(own, n);
	expect_numbers(other, n);
	/* Whatever the spool lets go of is taken at once. */
	for (int i = 0; i < 100; i++) {
		fill_disk();
		write_numbers(fd, n, n + 500);
		n += 500;
		reader_wait_events(own, n);
	}
	expect_numbers(own, n);
	assert_true(other->event_count < n);
	process_wait_errors(pump, "going on in memory");
	empty_disk();
	/* The last of it was kept, and comes without another line. */
	expect_numbers_or_gaps(other, n);
	assert_true(gaps_of(other) > 0);
	write_numbers(fd, n, n + 20000);
	n += 20000;
	expect_numbers(own, n);
	expect_numbers_or_gaps(other, n);
	close(fd);
}

/* A little is kept in memory, and nothing is lost for anybody. */
static void what_is_kept_in_memory_comes_late_and_whole(void **state)
{
	struct site *s = *state;
	const char *pipe = configure(s, "spool_size = 262144;");
	struct reader *own = follow(s), *other, *late;
	struct process *pump = process_of(s, own);
	unsigned n = 0;
	int fd;

	s->program = s->program == SITE_FCGI ? SITE_CGI : SITE_FCGI;
	other = follow(s);
	fd = pipe_open(pipe);
	for (int i = 0; i < 6; i++) {
		fill_disk();
		write_numbers(fd, n, n + 1500);
		n += 1500;
		reader_wait_events(own, n);
	}
	process_wait_errors(pump, "going on in memory");
	empty_disk();
	expect_numbers(own, n);
	expect_numbers(other, n);
	process_wait_errors(pump, "on the disk again; 0 bytes are missing");
	/* Whoever comes back to another process now finds its place there. */
	late = site_open(
		s, &(struct ask){ .path = "/app",
			   .last_event_id = reader_event(own, n - 100)->id });
	reader_wait_events(late, 99);
	assert_string_equal(
		reader_event(late, 0)->data, reader_event(own, n - 99)->data);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "a_full_disk_stops_nobody (fcgi)", a_full_disk_stops_nobody,
			site_setup_fcgi, teardown, NULL },
		{ "a_full_disk_stops_nobody (cgi)", a_full_disk_stops_nobody,
			site_setup_cgi, teardown, NULL },
		{ "what_is_kept_in_memory_comes_late_and_whole (fcgi)",
			what_is_kept_in_memory_comes_late_and_whole,
			site_setup_fcgi, teardown, NULL },
		{ "what_is_kept_in_memory_comes_late_and_whole (cgi)",
			what_is_kept_in_memory_comes_late_and_whole,
			site_setup_cgi, teardown, NULL },
	};

	return cmocka_run_group_tests_name(
		"pipes_full", tests, make_namespace, NULL);
}
