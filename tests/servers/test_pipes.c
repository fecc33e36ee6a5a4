/*
 * A named pipe behind real web servers that run several processes: each of
 * several clients gets every line, whichever process serves it.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/kinds.h"
#include "tests/lib/pipe.h"
#include "tests/lib/server.h"

#define CLIENTS 6
#define LINES	2000

/* At least; lighttpd starts as many, others one for each client. */
#define PROCESSES 4

/* Apache's workers, and so the programs, are www-data when root runs them. */
static void give_away(const struct server *s, const char *path)
{
	const struct passwd *user = getpwnam("www-data");

	if (geteuid() == 0 && strcmp(s->kind->program, "apache2") == 0 &&
		(!user || chown(path, user->pw_uid, user->pw_gid) < 0))
		test_fail("%s: %s", path, strerror(errno));
}

/* The source is a pipe. */
static void use_a_pipe(struct server *s)
{
	disk_remove(s->log);
	assert_int_equal(mkfifo(s->log, 0600), 0);
	give_away(s, s->log);
	give_away(s, disk_subfolder(s->folder, "state"));
}

static void start(struct server *s, const struct server_kind *kind)
{
	server_start(s, kind,
		&(struct server_how){ .settings = "state_dir = \"state\";",
			.prepare = use_a_pipe });
}

static struct reader *follow(const struct server *s, const char *id)
{
	struct reader *r = &server_open(s, id)->reader;

	reader_expect_status(r, 200);
	if (!id)
		wait_for(r->sse.checkpoints > 0);
	return r;
}

static void expect_numbers(struct reader *r, unsigned from, unsigned to)
{
	char text[16];

	reader_wait_events(r, to - from);
	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "%u", i);
		reader_expect_event(r, i - from, "message", text);
	}
	assert_int_equal(r->event_count, to - from);
}

static void write_numbers(int fd, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		pipe_put(fd, "%u\n", i);
}

static void each_client_gets_every_line(const struct server_kind *kind)
{
	struct reader *readers[CLIENTS];
	char id[256];
	struct server s;
	int fd;

	start(&s, kind);
	for (size_t i = 0; i < CLIENTS; i++)
		readers[i] = follow(&s, NULL);
	assert_true(process_descendants(getpid(), kind->ssetail) >= PROCESSES);
	fd = pipe_open(s.log);
	write_numbers(fd, 0, LINES);
	for (size_t i = 0; i < CLIENTS; i++)
		expect_numbers(readers[i], 0, LINES);
	/* One goes away and comes back, to any process. */
	snprintf(id, sizeof(id), "%s", reader_event(readers[0], 99)->id);
	reader_close(readers[0]);
	expect_numbers(follow(&s, id), 100, LINES);
	close(fd);
}

static void lighttpd_with_four_processes(void **state)
{
	(void)state;
	each_client_gets_every_line(&kinds[KIND_LIGHTTPD_FASTCGI]);
}

static void lighttpd_with_cgi(void **state)
{
	(void)state;
	each_client_gets_every_line(&kinds[KIND_LIGHTTPD_CGI]);
}

static void apache_with_fcgid(void **state)
{
	(void)state;
	each_client_gets_every_line(&kinds[KIND_APACHE_FCGID]);
}

static void apache_with_cgid(void **state)
{
	(void)state;
	each_client_gets_every_line(&kinds[KIND_APACHE_CGID]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			lighttpd_with_four_processes, test_cleanup),
		cmocka_unit_test_teardown(lighttpd_with_cgi, test_cleanup),
		cmocka_unit_test_teardown(apache_with_fcgid, test_cleanup),
		cmocka_unit_test_teardown(apache_with_cgid, test_cleanup),
	};

	return cmocka_run_group_tests_name("pipes", tests, NULL, NULL);
}
