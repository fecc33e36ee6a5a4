/*
 * The command lines, configurations that are broken, and programs that were
 * started as what they are not.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "common/place.h"
#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/process.h"
#include "tests/lib/sse.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ARGS_MAX     8

static const char *const programs[] = { "ssetail.fcgi", "ssetail.cgi" };

static const char *folder;
static const char *config;

static int setup(void **state)
{
	(void)state;
	folder = disk_folder();
	config = disk_path(folder, "ssetail.conf");
	return 0;
}

/* ---- running */

struct how {
	const char *in;	     /* the current folder; NULL: / */
	const char *setting; /* one more variable of the environment */
	int stdin_fd;
};

/* A program, by its name or path, with an environment that tells it nothing.
 * The arguments end with NULL. */
static struct process *run_how(const struct how *how, const char *program, ...)
{
	const char *argv[ARGS_MAX + 2] = { program };
	const char *env[5] = { "PATH=/usr/bin:/bin" };
	size_t variables = 1;
	va_list args;

	if (!strchr(program, '/'))
		argv[0] = process_program(program);
	va_start(args, program);
	for (int i = 1; i <= ARGS_MAX; i++)
		if (!(argv[i] = va_arg(args, const char *)))
			break;
	va_end(args);
	if (how->setting)
		env[variables++] = how->setting;
	return process_start(&(struct process_how){ .argv = argv,
		.env = env,
		.folder = how->in ? how->in : "/",
		.stdin_fd = how->stdin_fd });
}
#define run(...) run_how(&(struct how){ NULL, NULL, 0 }, __VA_ARGS__, NULL)

/* Waits for its end with that code; the texts must be in its output and its
 * errors ("": it is empty). */
static void expect_end_(
	struct process *p, int code, const char *output, const char *errors)
{
	int ended = process_exit_code(p);

	if (ended != code)
		fail_msg("exit code %d, not %d: %s", ended, code,
			process_errors(p));
	if (!strstr(process_output(p), output) ||
		(!output[0] && process_output(p)[0]))
		fail_msg("output: %s", process_output(p));
	if (!strstr(process_errors(p), errors) ||
		(!errors[0] && process_errors(p)[0]))
		fail_msg("errors: %s", process_errors(p));
	process_free(p);
}
#define expect_end(...) TEST_HERE(expect_end_(__VA_ARGS__))

/* True once the output has that text. */
static bool has_put_out(struct process *p, const char *text)
{
	return strstr(process_output(p), text) != NULL;
}

/* One source "app" of app.log in the folder, and a clock. */
static const char *write_config(const char *more)
{
	disk_write(config,
		"%s\nsources = (\n"
		"\t{ name = \"app\"; path = \"app.log\"; type = \"file\";\n"
		"\t  public = true; },\n"
		"\t{ name = \"clock\"; type = \"clock\"; interval = 0.01;\n"
		"\t  count = 5; public = true; } );\n",
		more);
	return disk_path(folder, "app.log");
}

/* ---- options */

static void prints_its_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(programs); i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "%s %s\n", programs[i],
			SSETAIL_VERSION);
		struct process *p = run(programs[i], "-V");
		assert_int_equal(process_exit_code(p), 0);
		assert_string_equal(process_output(p), expected);
		assert_string_equal(process_errors(p), "");
	}
}

static void prints_how_it_is_used(void **state)
{
	(void)state;
	expect_end(run("ssetail.fcgi", "-h"), 0, "usage: ssetail.fcgi [-c", "");
	expect_end(run("ssetail.cgi", "-h"), 0, "usage: ssetail.cgi [-c", "");
}

static void refuses_what_it_does_not_know(void **state)
{
	(void)state;
	write_config("");
	for (size_t i = 0; i < COUNT(programs); i++) {
		expect_end(run(programs[i], "-x"), EX_USAGE, "", "usage: ");
		expect_end(run(programs[i], "-c"), EX_USAGE, "", "usage: ");
		expect_end(run(programs[i], "-c", config, "-t", "app"),
			EX_USAGE, "", "usage: ");
	}
	expect_end(run("ssetail.fcgi", "-c", config, "app"), EX_USAGE, "",
		"usage: ");
	expect_end(run("ssetail.cgi", "-c", config, "app", "clock"), EX_USAGE,
		"", "usage: ");
	expect_end(
		run("ssetail.cgi", "-l", "/x", "app"), EX_USAGE, "", "usage: ");
}

/* ---- by hand */

static void check_stream(const char *text, uint64_t events)
{
	struct sse judge;

	sse_init(&judge, NULL, NULL);
	sse_feed(&judge, text, strlen(text));
	sse_end(&judge);
	assert_null(sse_fault(&judge));
	assert_false(judge.unfinished);
	assert_int_equal(judge.events, events);
	sse_release(&judge);
}

static void streams_to_the_terminal_by_hand(void **state)
{
	(void)state;
	const char *log = write_config("");

	disk_write(log, "one\ntwo\n");
	struct process *p = run("ssetail.cgi", "-c", config, "app");
	wait_for(has_put_out(p, "data: two\n"));
	disk_append(log, "three\n");
	wait_for(has_put_out(p, "data: three\n"));
	assert_int_equal(process_stop(p), 0);
	/* No head of a response: the stream alone. */
	assert_memory_equal(process_output(p), ": ", 2);
	check_stream(process_output(p), 3);
	process_free(p);
	p = run("ssetail.cgi", "-c", config, "app,clock");
	wait_for(has_put_out(p, "event: app\n"));
	wait_for(has_put_out(p, "event: clock\n"));
	process_signal(p, SIGINT);
	assert_int_equal(process_exit_code(p), 0);
}

static void goes_on_behind_an_id_by_hand(void **state)
{
	char id[PLACE_ID_BYTES + 1] = "";
	const char *log = write_config("");
	struct process *p;

	(void)state;
	disk_write(log, "one\ntwo\nthree\n");
	p = run("ssetail.cgi", "-c", config, "app");
	wait_for(has_put_out(p, "data: three\n"));
	sscanf(strstr(process_output(p), "data: one"), "%*s %*s id: %128s", id);
	process_free(p);
	p = run("ssetail.cgi", "-c", config, "-a", id, "app");
	wait_for(has_put_out(p, "data: three\n"));
	assert_null(strstr(process_output(p), "data: one"));
	check_stream(process_output(p), 2);
	expect_end(run("ssetail.cgi", "-c", config, "-a", id, "-t"), EX_USAGE,
		"", "usage: ");
}

static void a_finite_source_ends_the_program(void **state)
{
	(void)state;
	write_config("");
	struct process *p = run("ssetail.cgi", "-c", config, "clock");

	assert_int_equal(process_exit_code(p), 0);
	check_stream(process_output(p), 5);
}

static void the_only_source_needs_no_name(void **state)
{
	(void)state;
	disk_write(config, "sources = ( { name = \"a\"; type = \"clock\"; "
			   "count = 1; } );");
	expect_end(run("ssetail.cgi", "-c", config), 0, "data: 1\n", "");
}

static void a_name_that_is_none_lists_those_there_are(void **state)
{
	(void)state;
	static const char *const names[] = { "none", "app,none", "../app",
		"app.log", "/app/..", "a\\b", "app,", "%61pp", "\xff" };

	write_config("");
	for (size_t i = 0; i < COUNT(names); i++)
		expect_end(run("ssetail.cgi", "-c", config, names[i]), EX_USAGE,
			"", "no such source; there are: app clock\n");
	expect_end(run("ssetail.cgi", "-c", config), EX_USAGE, "",
		"no such source; there are: app clock\n");
}

static void a_reader_that_leaves_ends_the_program(void **state)
{
	(void)state;
	struct bytes command = BYTES_INIT;

	disk_write(config, "sources = ( { name = \"a\"; type = \"clock\"; "
			   "interval = 0.01; } );");
	bytes_add_format(&command, "%s -c %s a | head -n 20",
		process_program("ssetail.cgi"), config);
	struct process *p = process_run("/bin/sh", "-c", command.data, NULL);
	assert_int_equal(process_exit_code(p), 0);
	wait_for(process_descendants(getpid(), "ssetail.cgi") == 0);
	assert_non_null(strstr(process_output(p), "data: 1\n"));
	bytes_release(&command);
}

static void a_standard_output_that_is_closed_is_said(void **state)
{
	struct bytes command = BYTES_INIT;

	(void)state;
	/* What is between opens something there. */
	if (test_is_memcheck())
		return;
	write_config("");
	bytes_add_format(&command, "exec %s -c %s app >&-",
		process_program("ssetail.cgi"), config);
	expect_end(run("/bin/sh", "-c", command.data), EX_OSERR, "",
		"error: start: standard output is closed\n");
	bytes_release(&command);
}

/* ---- -t */

static void t_checks_and_tries_the_sources(void **state)
{
	(void)state;
	const char *log = write_config("");

	for (size_t i = 0; i < COUNT(programs); i++) {
		disk_write(log, "x\n");
		expect_end(run(programs[i], "-t", "-c", config), 0,
			"2 sources, 0 of them cannot be read now, 0 not in "
			"full; ",
			"");
		disk_remove(log);
		expect_end(run(programs[i], "-t", "-c", config), EX_NOINPUT,
			"1 of them cannot be read", "app.log: cannot be read");
		/* Nobody writes to it: opening it would block. */
		assert_int_equal(mkfifo(log, 0600), 0);
		expect_end(run(programs[i], "-t", "-c", config), EX_NOINPUT,
			"1 of them cannot be read", "not a regular file");
		disk_remove(log);
	}
}

static void t_warns_of_what_anybody_may_read(void **state)
{
	(void)state;
	static const char said[] =
		"open: anybody may read this source: say so with public = "
		"true, or give it require_user, users or allow\n";

	disk_write(config,
		"sources = (\n"
		"{ name = \"said\"; type = \"clock\"; public = true; },\n"
		"{ name = \"user\"; type = \"clock\"; require_user = true; },\n"
		"{ name = \"users\"; type = \"clock\"; users = [ \"a\" ]; },\n"
		"{ name = \"from\"; type = \"clock\"; allow = [ \"::1\" ]; },\n"
		"{ name = \"open\"; type = \"clock\"; } );\n");
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct process *p = run(programs[i], "-t", "-c", config);

		assert_int_equal(process_exit_code(p), 0);
		assert_string_equal(process_errors(p), said);
	}
}

/* ---- configurations */

static void the_configuration_is_found_in_its_order(void **state)
{
	(void)state;
	static const char *const names[] = { "given", "environment" };
	struct bytes setting = BYTES_INIT;

	for (size_t i = 0; i < COUNT(programs); i++) {
		const char *own = disk_subfolder(folder, programs[i]);
		const char *program = disk_path(own, "%s", programs[i]);
		struct how how = { NULL, NULL, 0 };

		process_copy_program(programs[i], program);
		/* Each is valid and has its place in what -t says. */
		for (size_t j = 0; j < COUNT(names); j++)
			disk_write(disk_path(folder, "%s", names[j]),
				"sources = ( { name = \"a\"; "
				"type = \"clock\"; public = true; } );");
		disk_copy(disk_path(folder, "given"),
			disk_path(own, ".htssetail.conf"));
		disk_copy(disk_path(folder, "given"),
			disk_path(own, "ssetail.conf"));
		bytes_clear(&setting);
		bytes_add_format(
			&setting, "SSETAIL_CONF=%s/environment", folder);
		how.setting = setting.data;
		expect_end(run_how(&how, program, "-t", "-c",
				   disk_path(folder, "given"), NULL),
			0, "/given: 1 sources", "");
		expect_end(run_how(&how, program, "-t", NULL), 0,
			"/environment: 1 sources", "");
		expect_end(run(program, "-t"), 0, "/.htssetail.conf: 1 ", "");
		disk_remove(disk_path(own, ".htssetail.conf"));
		expect_end(run(program, "-t"), 0, "/ssetail.conf: 1 ", "");
		/* What is named and is not there is a fault, not the next. */
		disk_remove(disk_path(folder, "environment"));
		expect_end(run_how(&how, program, "-t", NULL), EX_CONFIG, "",
			"/environment: No such file");
		expect_end(run(program, "-t", "-c", "/none.conf"), EX_CONFIG,
			"", "/none.conf: No such file");
	}
	bytes_release(&setting);
}

struct broken {
	const char *text;
	const char *fault; /* behind the file's name */
};

static const struct broken broken[] = {
	{ "hartbeat = 15;\n", ":1: hartbeat: unknown key" },
	{ "\n\nretry = \"x\";\n", ":3: retry: is a string" },
	{ "retry = 99;\n", ":1: retry: is out of range" },
	{ "retry = 4294967297;\n", ":1: retry: does not fit" },
	{ "retry = 1;\nretry = 2;\n", ":2: " },
	{ "retry = ;\n", ":1: " },
	{ "retry = 2000\nring = {\n", ":" },
	{ "/* open\n", ":1: a comment begins here" },
	{ "@include \"/etc/passwd\"\n", ":1: @include" },
	{ "sources = ( { name = \"b\"; path = \"/x\"; },\n"
	  "{ name = \"b\"; path = \"/y\"; } );\n",
		":2: sources[1].name: " },
	{ "sources = ( { name = \"../b\"; path = \"/x\"; } );\n",
		":1: sources[0].name: cannot be a name" },
	{ "sources = ( { name = \"b\"; path = \"/x\";\n"
	  "event = \"a:b\"; } );\n",
		":2: sources[0].event: " },
	{ "sources = ( );\n", "sources: " },
	{ "retry = 2000;\n", "sources: " },
	{ "\x7f"
	  "ELF\1\2\3",
		":" },
};

static void expect_fault_(const char *fault)
{
	struct bytes expected = BYTES_INIT;

	bytes_add_format(&expected, "%s%s", config, fault);
	for (size_t i = 0; i < COUNT(programs); i++) {
		expect_end_(run(programs[i], "-c", config, "-t"), EX_CONFIG, "",
			expected.data);
		expect_end_(run(programs[i], "-c", config), EX_CONFIG, "",
			expected.data);
	}
	bytes_release(&expected);
}
#define expect_fault(...) TEST_HERE(expect_fault_(__VA_ARGS__))

static void a_fault_names_file_line_and_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(broken); i++) {
		if (strstr(broken[i].fault, "sources"))
			disk_write(config, "%s", broken[i].text);
		else
			write_config(broken[i].text);
		struct process *p = run("ssetail.cgi", "-c", config, "-t");
		assert_int_equal(process_exit_code(p), EX_CONFIG);
		process_free(p);
		if (broken[i].fault[0] == ':') {
			expect_fault(broken[i].fault);
			continue;
		}
		expect_end(run("ssetail.fcgi", "-c", config), EX_CONFIG, "",
			broken[i].fault);
	}
}

static void all_faults_are_told_at_once(void **state)
{
	(void)state;
	write_config("hartbeat = 1;\nretry = 1;\nlisten = 7;\nstall = 0;");
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct process *p = run(programs[i], "-c", config);
		struct bytes expected = BYTES_INIT;
		const char *at;

		assert_int_equal(process_exit_code(p), EX_CONFIG);
		at = process_errors(p);
		static const char *const keys[] = { "hartbeat", "retry",
			"listen", "stall" };
		for (size_t j = 0; j < COUNT(keys); j++) {
			bytes_clear(&expected);
			bytes_add_format(&expected, "%s:%zu: %s: ", config,
				j + 1, keys[j]);
			at = strstr(at, expected.data);
			assert_non_null(at);
		}
		bytes_release(&expected);
	}
}

static void relative_paths_start_at_the_configuration(void **state)
{
	(void)state;
	const char *sub = disk_subfolder(folder, "sub");
	const char *elsewhere = disk_subfolder(folder, "elsewhere");

	disk_write(disk_path(sub, "my.conf"),
		"sources = (\n"
		"{ name = \"a\"; path = \"a.log\"; public = true; },\n"
		"{ name = \"b\"; path = \"../b.log\"; public = true; } );");
	disk_write(disk_path(sub, "a.log"), "from a\n");
	disk_write(disk_path(folder, "b.log"), "from b\n");
	struct process *p = run_how(&(struct how){ elsewhere, NULL, 0 },
		"ssetail.cgi", "-c", "../sub/my.conf", "a,b", NULL);
	wait_for(has_put_out(p, "data: from a\n"));
	wait_for(has_put_out(p, "data: from b\n"));
	assert_int_equal(process_stop(p), 0);
	p = run_how(&(struct how){ folder, NULL, 0 }, "ssetail.fcgi", "-c",
		"sub/my.conf", "-t", NULL);
	expect_end(p, 0, "2 sources, 0 of them", "");
}

static void a_faulty_configuration_is_told_over_cgi(void **state)
{
	(void)state;
	write_config("\nretry = 7777777;\nhartbeat = \"secret\";");
	struct cgi_client *c = cgi_open(&(struct cgi_how){ .config = config },
		&(struct ask){ .path = "/app" });
	reader_expect_status(&c->reader, 500);
	reader_wait_end(&c->reader);
	assert_string_equal(reader_header(&c->reader, "Content-Type"),
		"text/plain; charset=utf-8");
	const struct bytes *body = &c->reader.body;
	assert_true(bytes_contain(body, "ssetail.conf:2: retry: "));
	assert_true(bytes_contain(body, "ssetail.conf:3: hartbeat: "));
	/* Neither folders nor values. */
	assert_false(bytes_contain(body, folder));
	assert_false(bytes_contain(body, "7777777"));
	assert_false(bytes_contain(body, "secret"));
	process_wait_errors(c->process, ":2: retry: ");
	assert_int_equal(process_exit_code(c->process), 0);
	/* One that is not there. */
	c = cgi_open(&(struct cgi_how){ .config = "/none/x.conf" },
		&(struct ask){ .path = "/app" });
	reader_expect_status(&c->reader, 500);
	reader_wait_end(&c->reader);
	assert_true(bytes_contain(&c->reader.body, "x.conf"));
	assert_false(bytes_contain(&c->reader.body, "/none"));
}

/* ---- started as what it is not */

static void the_responder_started_as_cgi_says_so(void **state)
{
	(void)state;
	write_config("");
	struct cgi_client *c = cgi_open(
		&(struct cgi_how){ .program = process_program("ssetail.fcgi"),
			.config = config },
		&(struct ask){ .path = "/app" });
	reader_expect_status(&c->reader, 500);
	reader_wait_end(&c->reader);
	assert_true(bytes_contain(&c->reader.body, "ssetail.cgi"));
	assert_int_equal(process_exit_code(c->process), EX_UNAVAILABLE);
	process_wait_errors(c->process, "started this as a CGI program");
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void the_cgi_program_started_as_fastcgi_says_so(void **state)
{
	(void)state;
	int fd = listen_at(disk_path(folder, "socket"));

	write_config("");
	expect_end(run_how(&(struct how){ NULL, NULL, fd }, "ssetail.cgi", "-c",
			   config, NULL),
		EX_USAGE, "", "started this as a FastCGI program");
	close(fd);
}

static void the_responder_by_hand_needs_an_address(void **state)
{
	(void)state;
	write_config("");
	expect_end(run("ssetail.fcgi", "-c", config), EX_UNAVAILABLE, "",
		"set listen, or give -l");
}

/* ---- listening */

static void expect_answers(struct process *p, const char *address)
{
	process_wait_errors(p, "start: ");
	struct front_client *c =
		front_open(address, &(struct ask){ .path = "/clock" });
	reader_expect_event(&c->reader, 0, "message", "1");
	reader_close(&c->reader);
}

static void listens_where_it_is_told(void **state)
{
	(void)state;
	const char *given = disk_path(folder, "given");
	const char *configured = disk_path(folder, "configured");
	char port[32];

	/* A relative path of the configuration; -l wins. */
	write_config("listen = \"configured\";");
	struct process *p = run("ssetail.fcgi", "-c", config);
	expect_answers(p, configured);
	struct process *q = run("ssetail.fcgi", "-c", config, "-l", given);
	expect_answers(q, given);
	/* One that is alive is refused, and lives on. */
	expect_end(run("ssetail.fcgi", "-c", config, "-l", given),
		EX_UNAVAILABLE, "", "listen: ");
	expect_answers(q, given);
	assert_int_equal(process_stop(p), 0);
	assert_int_equal(process_stop(q), 0);
	assert_false(disk_exists(given));
	assert_false(disk_exists(configured));
	snprintf(port, sizeof(port), "127.0.0.1:%d", process_free_port());
	p = run("ssetail.fcgi", "-c", config, "-l", port);
	expect_answers(p, port);
	assert_int_equal(process_stop(p), 0);
}

static void an_inherited_socket_wins(void **state)
{
	(void)state;
	const char *path = disk_path(folder, "inherited");
	int fd = listen_at(path);

	write_config("listen = \"configured\";");
	struct process *p = run_how(&(struct how){ NULL, NULL, fd },
		"ssetail.fcgi", "-c", config, NULL);
	close(fd);
	expect_answers(p, path);
	assert_false(disk_exists(disk_path(folder, "configured")));
	assert_int_equal(process_stop(p), 0);
	/* It is not ours to remove. */
	assert_true(disk_exists(path));
}

static void a_variable_of_a_request_names_no_configuration(void **state)
{
	(void)state;
	const char *path = disk_path(folder, "socket");
	const char *other = disk_path(folder, "other.conf");
	struct bytes setting = BYTES_INIT;

	write_config("");
	disk_write(other, "sources = ( { name = \"other\"; type = \"clock\"; "
			  "count = 1; } );");
	bytes_add_format(&setting, "SSETAIL_CONF=%s", other);
	const char *const variables[] = { setting.data, NULL };
	struct process *p = run("ssetail.fcgi", "-c", config, "-l", path);
	process_wait_errors(p, "start: ");
	struct front_client *c = front_open(path,
		&(struct ask){ .path = "/other", .variables = variables });
	reader_expect_status(&c->reader, 404);
	c = front_open(path,
		&(struct ask){ .path = "/clock", .variables = variables });
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.event_count, 5);
	/* It was no leftover: named by its own environment, it is read. */
	assert_int_equal(process_stop(p), 0);
	p = run_how(&(struct how){ NULL, setting.data, 0 }, "ssetail.fcgi",
		"-l", path, NULL);
	process_wait_errors(p, "start: ");
	c = front_open(path, &(struct ask){ .path = "/other" });
	reader_expect_status(&c->reader, 200);
	assert_int_equal(process_stop(p), 0);
	bytes_release(&setting);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(prints_its_version),
		TEST(prints_how_it_is_used),
		TEST(refuses_what_it_does_not_know),
		TEST(streams_to_the_terminal_by_hand),
		TEST(goes_on_behind_an_id_by_hand),
		TEST(a_finite_source_ends_the_program),
		TEST(the_only_source_needs_no_name),
		TEST(a_name_that_is_none_lists_those_there_are),
		TEST(a_reader_that_leaves_ends_the_program),
		TEST(a_standard_output_that_is_closed_is_said),
		TEST(t_checks_and_tries_the_sources),
		TEST(t_warns_of_what_anybody_may_read),
		TEST(the_configuration_is_found_in_its_order),
		TEST(a_fault_names_file_line_and_key),
		TEST(all_faults_are_told_at_once),
		TEST(relative_paths_start_at_the_configuration),
		TEST(a_faulty_configuration_is_told_over_cgi),
		TEST(the_responder_started_as_cgi_says_so),
		TEST(the_cgi_program_started_as_fastcgi_says_so),
		TEST(the_responder_by_hand_needs_an_address),
		TEST(listens_where_it_is_told),
		TEST(an_inherited_socket_wins),
		TEST(a_variable_of_a_request_names_no_configuration),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
