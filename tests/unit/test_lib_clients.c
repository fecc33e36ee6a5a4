/*
 * The rest of the test library held against shell scripts and a small HTTP
 * server: plain CGI, HTTP, processes, files.
 */
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"
#include "tests/lib/http.h"
#include "tests/lib/process.h"

static const char *folder;

static int setup(void **state)
{
	(void)state;
	folder = disk_folder();
	return 0;
}

/* A shell script of that text. */
static const char *script(const char *text)
{
	const char *path = disk_path(folder, "script");

	disk_write(path, "#!/bin/sh\n%s", text);
	disk_mode(path, 0755);
	return path;
}

static struct cgi_client *open_script(const char *text, bool with_socket)
{
	return cgi_open(&(struct cgi_how){ .program = script(text),
				.config = "/x/ssetail.conf",
				.folder = folder,
				.socket = with_socket },
		&(struct ask){ .path = "/a", .last_event_id = "7" });
}

/* ---- cgi */

static void runs_a_cgi_program(void **state)
{
	(void)state;
	for (int with_socket = 0; with_socket < 2; with_socket++) {
		struct cgi_client *c = open_script(
			"echo Content-Type: text/event-stream; echo\n"
			"printf 'data: %s %s\\n' \"$REQUEST_METHOD\" "
			"\"$PATH_INFO\"\n"
			"printf 'data: %s %s\\n' \"$HTTP_LAST_EVENT_ID\" "
			"\"$SSETAIL_CONF\"\n"
			"printf 'data: %s\\n\\n' \"$(pwd)$HOME\"\n"
			"echo trouble >&2\nexit 3\n",
			with_socket);
		struct bytes expected = BYTES_INIT;

		bytes_add_format(
			&expected, "GET /a\n7 /x/ssetail.conf\n%s", folder);
		reader_expect_status(&c->reader, 200);
		reader_wait_end(&c->reader);
		reader_expect_event(&c->reader, 0, "message", expected.data);
		assert_int_equal(process_exit_code(c->process), 3);
		assert_string_equal(process_errors(c->process), "trouble\n");
		reader_close(&c->reader);
		bytes_release(&expected);
	}
}

static void leaves_a_cgi_program_that_was_hung_up_on(void **state)
{
	(void)state;
	struct cgi_client *c =
		open_script("echo Content-Type: text/event-stream; echo\n"
			    "while echo : && sleep 0.01; do :; done\n",
			false);

	reader_wait_comments(&c->reader, 3);
	assert_true(process_runs(c->process));
	reader_hang_up(&c->reader);
	assert_int_not_equal(process_exit_code(c->process), 0);
}

static void notices_a_program_without_a_head(void **state)
{
	(void)state;
	struct cgi_client *c = open_script("exit 1\n", false);

	c->reader.tolerant = true;
	reader_wait_closed(&c->reader);
	assert_string_not_equal(c->reader.fault, "");
}

/* ---- http */

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

/* Takes one connection on a port of its own, and answers with `response`,
 * bytewise, whatever is asked. Writes the address. */
static void serve_once(const char *response, char address[32])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[4096];

	assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&a, &len);
	if (fork() == 0) {
		int fd = accept(listener, NULL, NULL);

		if (read(fd, request, sizeof(request)) > 0)
			for (const char *c = response; *c; c++)
				send(fd, c, 1, MSG_NOSIGNAL);
		_exit(0);
	}
	close(listener);
	snprintf(address, 32, "127.0.0.1:%d", ntohs(a.sin_port));
}

static void reads_http_bodies(void **state)
{
	(void)state;
	static const struct {
		int line;
		enum http_framing framing;
		bool ended;
		const char *response;
		const char *body;
	} rows[] = {
		{ __LINE__, HTTP_CHUNKED, true,
			STREAM "Transfer-Encoding: chunked\r\n\r\n"
			       "9\r\ndata: a\n\n\r\n0a;x=y\r\ndata: bc\n\n\r\n"
			       "0\r\nTrailer: x\r\n\r\n",
			"data: a\n\ndata: bc\n\n" },
		{ __LINE__, HTTP_CHUNKED, false,
			STREAM "Transfer-Encoding: chunked\r\n\r\n"
			       "9\r\ndata: a\n\n\r\n",
			"data: a\n\n" },
		{ __LINE__, HTTP_LENGTH, true,
			STREAM "Content-Length: 9\r\n\r\ndata: a\n\n",
			"data: a\n\n" },
		{ __LINE__, HTTP_LENGTH, false,
			STREAM "Content-Length: 10\r\n\r\ndata: a\n\n",
			"data: a\n\n" },
		{ __LINE__, HTTP_CLOSE, true, STREAM "\r\ndata: a\n\n",
			"data: a\n\n" },
		{ __LINE__, HTTP_NO_BODY, true,
			"HTTP/1.1 204 No Content\r\n\r\n", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char address[32];

		serve_once(rows[i].response, address);
		struct http_client *c = http_open(address, NULL);
		reader_wait_closed(&c->reader);
		if (c->framing != rows[i].framing ||
			c->reader.ended != rows[i].ended ||
			!bytes_are(&c->reader.body, rows[i].body))
			fail_msg("row of line %d: %s", rows[i].line,
				bytes_text(&c->reader.body));
		assert_string_equal(c->reader.fault, "");
		reader_close(&c->reader);
	}
}

static void asks_by_http(void **state)
{
	(void)state;
	struct bytes request = BYTES_INIT;

	ask_http(&request,
		&(struct ask){ .method = "HEAD",
			.mount = "/m",
			.path = "/a,b",
			.query = "tail=3",
			.last_event_id = "7",
			.headers = (const char *[]){ "Origin: x", NULL } },
		"h:80");
	assert_string_equal(request.data,
		"HEAD /m/a,b?tail=3 HTTP/1.1\r\nHost: h:80\r\n"
		"Accept: text/event-stream\r\nLast-Event-ID: 7\r\n"
		"Origin: x\r\n\r\n");
	bytes_release(&request);
	assert_null(http_connect("127.0.0.1:1", "x", 1));
	assert_int_equal(errno, ECONNREFUSED);
}

/* ---- process */

static void tells_how_a_process_ended(void **state)
{
	(void)state;
	struct process *p = process_run("sh", "-c", "echo out; exit 7", NULL);

	assert_int_equal(process_exit_code(p), 7);
	assert_string_equal(process_output(p), "out\n");
	p = process_run("sleep", "1000", NULL);
	assert_true(process_runs(p));
	assert_int_equal(process_stop(p), 128 + SIGTERM);
	assert_false(process_runs(p));
	p = process_run("sleep", "1000", NULL);
	process_kill(p);
	assert_int_equal(process_exit_code(p), 128 + SIGKILL);
}

static void waits_for_what_a_process_says(void **state)
{
	(void)state;
	struct process *p = process_run("sh", "-c",
		"sleep 0.05; echo first >&2; sleep 0.05; echo ready >&2; "
		"exec sleep 1000",
		NULL);

	process_wait_errors(p, "ready");
	assert_string_equal(process_errors(p), "first\nready\n");
}

static void close_output(void *context)
{
	(void)context;
	close(1);
}

static void starts_a_process_as_told(void **state)
{
	(void)state;
	struct process *p = process_start(&(struct process_how){
		.argv = (const char *[]){ "/bin/sh", "-c",
			"echo $A $B `pwd` >&2; echo x || exit 9", NULL },
		.env = (const char *[]){ "A=1", "B=2", NULL },
		.folder = folder,
		.in_child = close_output,
	});

	assert_int_equal(process_exit_code(p), 9);
	assert_non_null(strstr(process_errors(p), "1 2 "));
	assert_non_null(strstr(process_errors(p), folder));
}

static void gives_programs_the_first_limit_of_descriptors(void **state)
{
	(void)state;
	struct rlimit limit;
	char expected[32];

	struct process *p = process_run("sh", "-c", "ulimit -n", NULL);
	assert_int_equal(process_exit_code(p), 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(limit.rlim_cur, limit.rlim_max);
	limit = test_first_limit();
	snprintf(expected, sizeof(expected), "%llu\n",
		(unsigned long long)limit.rlim_cur);
	assert_string_equal(process_output(p), expected);
}

static void leaves_nothing_running(void **state)
{
	(void)state;
	/* One child, one that left its group and parent. */
	process_run("sh", "-c", "sleep 1000 & setsid sleep 1000 & wait", NULL);
	wait_for(process_descendants(getpid(), "sleep") == 2);
	process_run("sh", "-c", "setsid sleep 1000 & exit", NULL);
	wait_for(process_descendants(getpid(), "sleep") == 3);
	assert_true(process_descendant(getpid(), "sleep") > 0);
	assert_true(process_descendants(getpid(), NULL) >= 4);
	process_free_all();
	assert_int_equal(process_descendants(getpid(), NULL), 0);
	assert_int_equal(process_descendant(getpid(), NULL), -1);
}

static void looks_into_a_process(void **state)
{
	(void)state;
	pid_t self = getpid();
	size_t before = process_descriptors(self);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(process_descriptors(self), before + 1);
	close(fd);
	assert_int_equal(process_descriptors(self), before);
	assert_true(process_pss_bytes(self) > 10000);
	assert_true(process_threads(self) >= 1);
	uint64_t cpu = process_cpu_ns(self);
	wait_for(process_cpu_ns(self) > cpu);

	struct process *p = process_run("sleep", "1000", NULL);
	/* The loader of programs has one open for a moment. */
	wait_for(process_descriptors(p->pid) == 3);
}

static void finds_a_free_port(void **state)
{
	(void)state;
	int port = process_free_port();

	assert_in_range(port, 1024, 65535);
}

/* ---- disk */

static void does_what_writers_do(void **state)
{
	(void)state;
	const char *a = disk_path(folder, "%c", 'a');
	const char *b = disk_path(folder, "b");
	struct bytes all = BYTES_INIT;

	disk_write(a, "one\n%d\n", 2);
	disk_append(a, "three\n");
	disk_append_bytes(a, "\0", 1);
	disk_copy(a, b);
	disk_truncate(a, 4);
	disk_touch(a);
	disk_read(&all, a);
	disk_read(&all, b);
	assert_int_equal(all.len, 4 + 13);
	assert_memory_equal(all.data, "one\none\n2\nthree\n", 17);
	disk_rename(a, disk_path(folder, "c"));
	assert_false(disk_exists(a));
	disk_link("nowhere", a);
	assert_true(disk_exists(a));
	assert_int_equal(disk_entries(folder), 3);
	const char *sub = disk_subfolder(folder, "sub");
	disk_write(disk_path(sub, "x"), "%s", "");
	disk_mode(sub, 0);
	disk_remove(sub);
	assert_false(disk_exists(sub));
	bytes_release(&all);
}

static void removes_its_folders(void **state)
{
	(void)state;
	char path[PATH_MAX];
	const char *given = getenv("TEST_KEEP");
	char *keep = given ? strdup(given) : NULL;

	snprintf(path, sizeof(path), "%s", disk_folder());
	disk_touch(disk_path(path, "x"));
	assert_true(disk_exists(path));
	setenv("TEST_KEEP", "0", 1);
	test_cleanup(NULL);
	assert_false(disk_exists(path));
	if (keep)
		setenv("TEST_KEEP", keep, 1);
	else
		unsetenv("TEST_KEEP");
	free(keep);
}

/* ---- test */

static bool is_positive(void *context)
{
	int *n = context;

	return (*n)++ > 0;
}

static void waits_for_a_predicate(void **state)
{
	(void)state;
	int n = -3;

	assert_true(wait_until(is_positive, &n, 10000));
	assert_int_equal(n, 2);
	n = -1000000;
	assert_false(wait_until(is_positive, &n, 20));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(runs_a_cgi_program),
		TEST(leaves_a_cgi_program_that_was_hung_up_on),
		TEST(notices_a_program_without_a_head),
		TEST(reads_http_bodies),
		TEST(asks_by_http),
		TEST(tells_how_a_process_ended),
		TEST(waits_for_what_a_process_says),
		TEST(starts_a_process_as_told),
		TEST(gives_programs_the_first_limit_of_descriptors),
		TEST(leaves_nothing_running),
		TEST(looks_into_a_process),
		TEST(finds_a_free_port),
		TEST(does_what_writers_do),
		TEST(removes_its_folders),
		TEST(waits_for_a_predicate),
	};

	return cmocka_run_group_tests_name("lib_clients", tests, NULL, NULL);
}
