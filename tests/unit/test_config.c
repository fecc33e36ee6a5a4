/*
 * What a configuration may hold, and how each fault is named. Runs in the
 * project's top folder.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/config.h"
#include "common/place.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One file source, for what is only about global keys. */
#define SOURCES "sources = ( { name = \"a\"; path = \"/a\"; } );"

/* In the first line, for what is only about the keys of one source. */
#define IN_FILE(keys) "sources = ( { name = \"a\"; path = \"/a\"; " keys " } );"
#define IN_CLOCK(keys)                                                         \
	"sources = ( { name = \"a\"; type = \"clock\"; " keys " } );"

#define BOM "\xef\xbb\xbf"

static char folder[PATH_MAX];
static char file[PATH_MAX + 16];

static int make_folder(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/ssetail-config-XXXXXX",
		tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/test.conf", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static struct config *load_bytes(
	const void *bytes, size_t len, struct config_faults *faults)
{
	write_file(file, bytes, len);
	return config_load(file, faults);
}

/* Loads what must have no fault. */
static struct config *load(const char *text)
{
	struct config_faults faults;
	struct config *config = load_bytes(text, strlen(text), &faults);

	if (config == NULL) {
		config_faults_print(&faults, file);
		fail_msg("faulty: %s", text);
	}
	assert_int_equal(faults.count, 0);
	config_faults_release(&faults);
	return config;
}

static void fills_in_every_default(void **state)
{
	struct config *c = load("sources = ("
				"{ name = \"a\"; path = \"/var/log/a\"; },"
				"{ name = \"b\"; type = \"clock\"; },"
				"{ name = \"p\"; type = \"fifo\";"
				"  path = \"/run/p\"; } );");
	const struct source_config *a = &c->sources[0];
	const struct source_config *b = &c->sources[1];
	const struct source_config *p = &c->sources[2];

	(void)state;
	assert_string_equal(c->file, file);
	assert_null(c->listen);
	assert_int_equal(c->listen_mode, 0660);
	assert_null(c->listen_group);
	assert_int_equal(c->heartbeat_s, 15);
	assert_int_equal(c->retry_ms, 2000);
	assert_int_equal(c->lifetime_s, 0);
	assert_int_equal(c->stall_s, 300);
	assert_int_equal(c->max_clients, 10000);
	assert_int_equal(c->max_clients_per_address, 0);
	assert_int_equal(c->send_buffer_bytes, 32768);
	assert_int_equal(c->ring_bytes, 1048576);
	assert_true(c->incremental);
	assert_true(c->doctor);
	assert_false(c->trust_remote_user);
	assert_false(c->log_clients);
	assert_string_equal(c->state_dir, "/var/lib/ssetail");
	assert_true(c->sandbox);
	assert_int_equal(c->sandbox_paths.count, 0);
	assert_false(c->cors.is_any);
	assert_int_equal(c->cors.origin_count, 0);
	assert_false(c->cors_credentials);
	assert_int_equal(c->metrics.allow_count, 0);
	assert_int_equal(c->source_count, 3);

	assert_string_equal(a->name, "a");
	assert_int_equal(a->type, SOURCE_FILE);
	assert_null(a->event);
	assert_int_equal(a->history, 10);
	assert_int_equal(a->history_max, 1000);
	assert_string_equal(a->path, "/var/log/a");
	assert_int_equal(a->format, SPLIT_LINES);
	assert_int_equal(a->ids, IDS_POSITION);
	assert_int_equal(a->quiet_ms, 200);
	assert_null(a->rotated);
	assert_int_equal(a->max_line_bytes, 1048576);
	assert_false(a->access.is_public);
	assert_false(a->access.require_user);
	assert_int_equal(a->access.user_count, 0);
	assert_int_equal(a->access.allow_count, 0);
	assert_false(a->has_cors);

	assert_string_equal(b->name, "b");
	assert_int_equal(b->type, SOURCE_CLOCK);
	assert_int_equal(b->show, CLOCK_COUNT);
	assert_int_equal(b->interval_ms, 1000);
	assert_int_equal(b->count, 0);
	assert_string_equal(b->time_format, "%Y-%m-%d %H:%M:%S");

	assert_int_equal(p->type, SOURCE_FIFO);
	assert_int_equal(p->history, 10);
	assert_int_equal(p->max_line_bytes, 1048576);
	assert_int_equal(p->spool_bytes, 16777216);
	assert_false(p->create);
	assert_int_equal(p->mode, 0620);
	assert_null(p->group);
	config_free(c);
}

static void reads_every_key(void **state)
{
	struct config *c = load(
		"listen = \"/run/s.sock\"; listen_mode = \"0600\";\n"
		"listen_group = \"www-data\"; heartbeat = 3600; retry = 100;\n"
		"lifetime = 240; stall = 1; send_buffer = 4096;\n"
		"max_clients = 1000000; max_clients_per_address = 6;\n"
		"ring = 0x10000; incremental = FALSE; doctor = false;\n"
		"trust_remote_user = true; state_dir = \"/s\";\n"
		"cors_credentials = true; log_clients = true;\n"
		"sandbox = false; sandbox_paths = [ \"/srv\", \"logs\" ];\n"
		"metrics_allow = [ \"::1\", \"10.0.0.0/8\" ];\n"
		"cors_origins = [ \"https://a.example:8443\",\n"
		" \"http://[::1]\" ];\n"
		"sources = (\n"
		" { name = \"A-z.0_9\"; path = \"/p\"; type = \"file\";\n"
		"   event = \"hit\"; history = 5; history_max = 100000;\n"
		"   max_line = 1024L; rotated = \"p-[0-9]*\";\n"
		"   format = \"sse\"; ids = \"writer\"; quiet = 1000;\n"
		"   require_user = true; users = [ \"ann\", \"b c\" ];\n"
		"   allow = [ \"10.0.0.0/8\", \"::1\" ];\n"
		"   cors_origins = [ \"https://b.example\" ]; },\n"
		" { name = \"c\"; type = \"clock\"; event = \"tick\";\n"
		"   public = true; cors_origins = [ ];\n"
		"   show = \"time\"; interval = 0.25; time_format = \"%s\";\n"
		"   count = 9223372036854775807L; },\n"
		" { name = \"f\"; type = \"fifo\"; path = \"/f\";\n"
		"   spool_size = 131072; create = true; mode = \"0640\";\n"
		"   group = \"adm\"; history = 3; history_max = 4;\n"
		"   max_line = 2048; format = \"multiline\"; quiet = 1; } "
		");\n");
	const struct source_config *a = &c->sources[0];
	const struct source_config *b = &c->sources[1];
	char beside[PATH_MAX + 8];

	(void)state;
	assert_string_equal(c->listen, "/run/s.sock");
	assert_int_equal(c->listen_mode, 0600);
	assert_string_equal(c->listen_group, "www-data");
	assert_int_equal(c->heartbeat_s, 3600);
	assert_int_equal(c->retry_ms, 100);
	assert_int_equal(c->lifetime_s, 240);
	assert_int_equal(c->stall_s, 1);
	assert_int_equal(c->max_clients, 1000000);
	assert_int_equal(c->max_clients_per_address, 6);
	assert_int_equal(c->send_buffer_bytes, 4096);
	assert_int_equal(c->ring_bytes, 65536);
	assert_false(c->incremental);
	assert_false(c->doctor);
	assert_true(c->trust_remote_user);
	assert_true(c->log_clients);
	assert_false(c->sandbox);
	assert_int_equal(c->sandbox_paths.count, 2);
	assert_string_equal(c->sandbox_paths.list[0], "/srv");
	snprintf(beside, sizeof(beside), "%s/logs", folder);
	assert_string_equal(c->sandbox_paths.list[1], beside);
	assert_true(c->cors_credentials);
	assert_int_equal(c->metrics.allow_count, 2);
	assert_int_equal(c->metrics.allow[0].address.len, 16);
	assert_int_equal(c->metrics.allow[1].prefix, 8);
	assert_false(c->cors.is_any);
	assert_int_equal(c->cors.origin_count, 2);
	assert_string_equal(c->cors.origins[0], "https://a.example:8443");
	assert_string_equal(c->cors.origins[1], "http://[::1]");

	assert_string_equal(a->name, "A-z.0_9");
	assert_string_equal(a->event, "hit");
	assert_int_equal(a->history, 5);
	assert_int_equal(a->history_max, 100000);
	assert_int_equal(a->max_line_bytes, 1024);
	assert_string_equal(a->rotated, "p-[0-9]*");
	assert_int_equal(a->format, SPLIT_BLOCKS);
	assert_int_equal(a->ids, IDS_WRITER);
	assert_int_equal(a->quiet_ms, 1000);
	assert_true(a->access.require_user);
	assert_int_equal(a->access.user_count, 2);
	assert_string_equal(a->access.users[0], "ann");
	assert_string_equal(a->access.users[1], "b c");
	assert_int_equal(a->access.allow_count, 2);
	assert_int_equal(a->access.allow[0].prefix, 8);
	assert_int_equal(a->access.allow[1].prefix, 128);
	assert_true(a->has_cors);
	assert_int_equal(a->cors.origin_count, 1);
	assert_string_equal(a->cors.origins[0], "https://b.example");
	assert_true(b->access.is_public);
	/* None at all, whatever the whole says. */
	assert_true(b->has_cors);
	assert_false(b->cors.is_any);
	assert_int_equal(b->cors.origin_count, 0);

	assert_string_equal(b->event, "tick");
	assert_int_equal(b->show, CLOCK_TIME);
	assert_int_equal(b->interval_ms, 250);
	assert_true(b->count == INT64_MAX);
	assert_string_equal(b->time_format, "%s");
	assert_string_equal(c->state_dir, "/s");
	assert_int_equal(c->sources[2].type, SOURCE_FIFO);
	assert_int_equal(c->sources[2].history, 3);
	assert_int_equal(c->sources[2].history_max, 4);
	assert_int_equal(c->sources[2].max_line_bytes, 2048);
	assert_int_equal(c->sources[2].spool_bytes, 131072);
	assert_true(c->sources[2].create);
	assert_int_equal(c->sources[2].mode, 0640);
	assert_string_equal(c->sources[2].group, "adm");
	config_free(c);
}

static void takes_intervals_with_and_without_a_fraction(void **state)
{
	static const struct {
		const char *text;
		unsigned ms;
	} cases[] = {
		{ IN_CLOCK("interval = 0.01;"), 10 },
		{ IN_CLOCK("interval = .5;"), 500 },
		{ IN_CLOCK("interval = 2;"), 2000 },
		{ IN_CLOCK("interval = 2L;"), 2000 },
		{ IN_CLOCK("interval = 86400.0;"), 86400000 },
		/* Not an integer of more than 32 bits. */
		{ IN_CLOCK("interval = 1.00000000000000;"), 1000 },
		{ IN_CLOCK("interval = 10000000000e-9;"), 10000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct config *c = load(cases[i].text);

		assert_int_equal(c->sources[0].interval_ms, cases[i].ms);
		config_free(c);
	}
}

static void of_a_pipe_max_line_is_what_its_spool_holds_whole(void **state)
{
	static const struct {
		const char *keys;
		size_t max_line_bytes;
	} cases[] = {
		{ "", 1048576 },
		{ "spool_size = 16777215;", 1048575 },
		{ "spool_size = 131072;", 8192 },
		{ "spool_size = 131072; max_line = 8192;", 8192 },
		{ "spool_size = 33554432; max_line = 2097152;", 2097152 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[200];
		struct config *c;

		snprintf(text, sizeof(text),
			"sources = ( { name = \"p\"; type = \"fifo\"; "
			"path = \"/p\"; %s } );\n",
			cases[i].keys);
		c = load(text);
		assert_int_equal(
			c->sources[0].max_line_bytes, cases[i].max_line_bytes);
		config_free(c);
	}
}

static void history_is_never_more_than_history_max(void **state)
{
	struct config *c = load(IN_FILE("history_max = 3;"));

	(void)state;
	assert_int_equal(c->sources[0].history, 3);
	config_free(c);
	c = load(IN_FILE("history = 3; history_max = 3;"));
	assert_int_equal(c->sources[0].history, 3);
	config_free(c);
}

static void access_may_be_said_in_more_ways_than_one(void **state)
{
	static const char *const keys[] = { "", "require_user = false;",
		"public = true;", "public = true; require_user = false;",
		"public = false; require_user = true;",
		"public = false; users = [ \"a\" ];",
		"public = false; allow = [ \"::1\" ];",
		"users = [ \"a\", \"a\" ]; allow = [ \"::1\", \"::/0\" ];" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		char text[256];

		snprintf(text, sizeof(text), IN_FILE("%s"), keys[i]);
		config_free(load(text));
	}
}

static void any_origin_is_said_alone(void **state)
{
	struct config *c = load("cors_origins = [ \"*\" ]; " IN_FILE(
		"cors_origins = [ \"https://a.example\" ];"));

	(void)state;
	assert_true(c->cors.is_any);
	assert_int_equal(c->cors.origin_count, 0);
	assert_false(c->sources[0].cors.is_any);
	config_free(c);
	c = load(IN_FILE("cors_origins = [ \"*\" ];"));
	assert_false(c->cors.is_any);
	assert_true(c->sources[0].cors.is_any);
	config_free(c);
}

static void relative_paths_start_at_its_folder(void **state)
{
	char expected[PATH_MAX + 32];
	struct config *c = load("listen = \"s.sock\"; sources = ("
				"{ name = \"a\"; path = \"logs/../a:b\"; } );");

	(void)state;
	snprintf(expected, sizeof(expected), "%s/logs/../a:b", folder);
	assert_string_equal(c->sources[0].path, expected);
	snprintf(expected, sizeof(expected), "%s/s.sock", folder);
	assert_string_equal(c->listen, expected);
	config_free(c);
}

static void its_folder_is_absolute_for_a_relative_name(void **state)
{
	static const char text[] = "sources = ("
				   "{ name = \"a\"; path = \"l\"; } );";
	char cwd[PATH_MAX];
	char expected[PATH_MAX + 32];
	struct config_faults faults;
	struct config *c;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	write_file(file, text, strlen(text));
	assert_int_equal(chdir(folder), 0);
	c = config_load("test.conf", &faults);
	assert_int_equal(chdir(cwd), 0);
	assert_non_null(c);
	assert_string_equal(c->file, file);
	snprintf(expected, sizeof(expected), "%s/l", folder);
	assert_string_equal(c->sources[0].path, expected);
	config_faults_release(&faults);
	config_free(c);
}

static void an_address_has_a_colon_and_no_slash(void **state)
{
	static const char *const addresses[] = { "127.0.0.1:9000", "[::1]:9000",
		"/run/a:b" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		char text[256];

		snprintf(text, sizeof(text), "listen = \"%s\"; " SOURCES,
			addresses[i]);
		struct config *c = load(text);

		assert_string_equal(c->listen, addresses[i]);
		config_free(c);
	}
}

static void takes_what_editors_leave_in_a_file(void **state)
{
	static const char *const texts[] = {
		BOM "retry = 500;\n" SOURCES "\n",
		"retry = 500;\r\n" SOURCES "\r\n",
		"retry = 500; " SOURCES, /* no final newline */
		"\n\n\t retry : 500\n, " SOURCES,
		"# 99999999999 @include \"x\n// \" 4294967296\n"
		"/* 99999999999 \" @include */ retry = 500;" SOURCES,
		"retry = 500; listen = \"/99999999999\\\"@\\\\\";" SOURCES,
		"retry = 500; listen_group = \"4294967296\" /* */ "
		"\"x\";" SOURCES,
		"retry = 0x1F4; lifetime = +1; " SOURCES,
		SOURCES "retry = 500L; /**/ # end",
		SOURCES "retry = 500; // end",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct config *c = load(texts[i]);

		assert_int_equal(c->retry_ms, 500);
		config_free(c);
	}
}

static void loads_the_example(void **state)
{
	struct config_faults faults;
	struct config *c = config_load("conf/ssetail.conf", &faults);

	(void)state;
	config_faults_print(&faults, "conf/ssetail.conf");
	config_faults_release(&faults);
	assert_non_null(c);
	assert_int_equal(c->source_count, 2);
	assert_int_equal(c->sources[0].type, SOURCE_FILE);
	assert_int_equal(c->sources[1].type, SOURCE_CLOCK);
	config_free(c);
}

static void a_path_that_leads_to_a_pipe_is_type_fifo(void **state)
{
	struct config *c;
	char pipe[PATH_MAX + 8], link[PATH_MAX + 8];

	(void)state;
	snprintf(pipe, sizeof(pipe), "%s/pipe", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(symlink("pipe", link), 0);
	c = load("sources = ( { name = \"a\"; path = \"pipe\";"
		 "  spool_size = 200000; },"
		 "{ name = \"b\"; path = \"link\"; },"
		 "{ name = \"c\"; path = \"pipe\"; type = \"file\"; },"
		 "{ name = \"d\"; path = \"test.conf\"; rotated = \"*\"; } );");
	assert_int_equal(c->sources[0].type, SOURCE_FIFO);
	assert_int_equal(c->sources[0].spool_bytes, 200000);
	assert_int_equal(c->sources[1].type, SOURCE_FIFO);
	assert_int_equal(c->sources[2].type, SOURCE_FILE);
	assert_int_equal(c->sources[3].type, SOURCE_FILE);
	config_free(c);
	unlink(link);
	unlink(pipe);
}

static void the_state_directory_is_the_one_systemd_names(void **state)
{
	static const struct {
		const char *given, *expected;
	} cases[] = {
		{ "/var/lib/x", "/var/lib/x" },
		{ "/a:/b", "/a" },
		{ "", "/var/lib/ssetail" },
		{ "relative", "/var/lib/ssetail" },
	};
	struct config *c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		setenv("STATE_DIRECTORY", cases[i].given, 1);
		c = load(SOURCES);
		assert_string_equal(c->state_dir, cases[i].expected);
		config_free(c);
	}
	c = load("state_dir = \"/mine\"; " SOURCES);
	assert_string_equal(c->state_dir, "/mine");
	config_free(c);
	unsetenv("STATE_DIRECTORY");
}

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(f);
	assert_non_null(text);
	assert_in_range(fread(text, 1, 65535, f), 1, 65534);
	fclose(f);
	return text;
}

/*
 * Where the example says "# KEY = VALUE;" and not that it is an example, the
 * value is the default: with all of them in force, nothing changes.
 */
static void the_example_states_the_defaults(void **state)
{
	static const char *const defaults[] = { "listen_mode = \"0660\";",
		"heartbeat = 15;", "retry = 2000;", "lifetime = 0;",
		"stall = 300;", "incremental = true;", "doctor = true;",
		"trust_remote_user = false;", "log_clients = false;",
		"send_buffer = 32768;", "ring = 1048576;", "type = \"file\";",
		"format = \"lines\";", "ids = \"position\";", "quiet = 200;",
		"history = 10;", "history_max = 1000;", "max_line = 1048576;",
		"show = \"count\";", "interval = 1.0;", "count = 0;",
		"time_format = \"%Y-%m-%d %H:%M:%S\";" };
	char *text = read_whole("conf/ssetail.conf");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(defaults); i++) {
		char line[128];

		snprintf(line, sizeof(line), "# %s\n", defaults[i]);
		if (strstr(text, line) == NULL)
			fail_msg("not in the example: %s", line);
	}
	free(text);
}

struct fault_case {
	int at; /* line of the test */
	const char *text;
	unsigned line;
	const char *key;
	const char *what; /* part of it */
};

static void check_fault(const struct fault_case *c)
{
	struct config_faults faults;
	struct config *config = load_bytes(c->text, strlen(c->text), &faults);

	if (config != NULL)
		fail_msg("line %d: no fault", c->at);
	if (faults.count != 1 || faults.list[0].line != c->line ||
		strcmp(faults.list[0].key, c->key) != 0 ||
		strstr(faults.list[0].what, c->what) == NULL ||
		strlen(faults.list[0].what) + 1 >=
			sizeof(faults.list[0].what)) {
		config_faults_print(&faults, file);
		fail_msg("line %d: %zu faults", c->at, faults.count);
	}
	assert_false(faults.unreadable);
	config_faults_release(&faults);
}

static void check_faults(const struct fault_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_fault(&cases[i]);
}

static void names_each_fault_of_a_global_key(void **state)
{
#define ROW(text, key, what)                                                   \
	{                                                                      \
		__LINE__, SOURCES "\n" text, 2, key, what                      \
	}
	static const struct fault_case cases[] = {
		ROW("hartbeat = 15;", "hartbeat", "unknown key"),
		ROW("max_client = 10;", "max_client", "unknown key"),
		ROW("state_dir = \"\";", "state_dir", "is empty"),
		ROW("state_dir = 1;", "state_dir", "the path of a folder"),
		ROW("sandbox = 1;", "sandbox", "is an integer"),
		ROW("sandbox_paths = \"/x\";", "sandbox_paths", "is a string"),
		ROW("sandbox_paths = [ 1 ];", "sandbox_paths[0]",
			"is an integer"),
		ROW("sandbox_paths = [ \"/\", \"\" ];", "sandbox_paths[1]",
			"is empty"),
		ROW("spool_size = 1;", "spool_size", "in one of the sources"),
		ROW("Retry = 500;", "Retry", "unknown key"),
		ROW("path = \"/x\";", "path", "in one of the sources"),
		ROW("x : { retry = 1; };", "x", "unknown key"),

		ROW("heartbeat = \"15\";", "heartbeat", "is a string"),
		ROW("heartbeat = 1.5;", "heartbeat", "a number with a frac"),
		ROW("heartbeat = true;", "heartbeat", "is a boolean"),
		ROW("heartbeat = [ 15 ];", "heartbeat", "is an array"),
		ROW("heartbeat = ( 15 );", "heartbeat", "is a list"),
		ROW("heartbeat : { };", "heartbeat", "is a group"),
		ROW("heartbeat = 0;", "heartbeat", "from 1 to 3600 (sec"),
		ROW("heartbeat = 3601;", "heartbeat", "out of range"),
		ROW("retry = 99;", "retry", "from 100 to 3600000 (milli"),
		ROW("retry = 3600001;", "retry", "out of range"),
		ROW("lifetime = -1;", "lifetime", "from 0 to 604800 (sec"),
		ROW("lifetime = 604801;", "lifetime", "out of range"),
		ROW("stall = 0;", "stall", "from 1 to 86400 (sec"),
		ROW("stall = 86401;", "stall", "out of range"),
		ROW("max_clients = 0;", "max_clients",
			"from 1 to 1000000 (clients)"),
		ROW("max_clients = 1000001;", "max_clients", "out of range"),
		ROW("max_clients_per_address = -1;", "max_clients_per_address",
			"from 0 to 1000000 (clients)"),
		ROW("max_clients_per_address = 1000001;",
			"max_clients_per_address", "out of range"),
		ROW("send_buffer = 4095;", "send_buffer", "out of range"),
		ROW("send_buffer = 16777217;", "send_buffer", "(bytes)"),
		ROW("ring = 65535;", "ring", "from 65536 to 1073741824"),
		ROW("ring = 1073741825;", "ring", "out of range"),
		ROW("ring = 4294967296L;", "ring", "out of range"),
		ROW("incremental = 1;", "incremental", "true or false"),
		ROW("doctor = 1;", "doctor", "true or false"),
		ROW("trust_remote_user = 1;", "trust_remote_user", "true or"),
		ROW("log_clients = 1;", "log_clients", "true or"),
		ROW("users = [ \"a\" ];", "users", "in one of the sources"),
		ROW("cors_origins = \"*\";", "cors_origins", "is a string"),
		ROW("cors_origins = ( \"*\" );", "cors_origins", "is a list"),
		ROW("cors_origins = [ true ];", "cors_origins[0]",
			"is a boolean"),
		ROW("cors_origins = [ \"\" ];", "cors_origins[0]", "is empty"),
		ROW("cors_origins = [ \"https://a.example\", \"null\" ];",
			"cors_origins[1]",
			"is what any sandboxed page is; expected origins, "
			"[ \"https://example.org\" ], or [ \"*\" ]"),
		ROW("cors_origins = [ \"a.example\" ];", "cors_origins[0]",
			"is no origin; expected"),
		ROW("cors_origins = [ \"https://a.example/\" ];",
			"cors_origins[0]", "behind the host and port"),
		ROW("cors_origins = [ \"https://A.example\" ];",
			"cors_origins[0]", "capitals"),
		ROW("cors_origins = [ \"https://*.a.example\" ];",
			"cors_origins[0]", "* that is not alone"),
		ROW("cors_origins = [ \"*\", \"https://a.example\" ];",
			"cors_origins[0]", "* that is not alone"),
		ROW("cors_origins = [ \"http://a.example:0\" ];",
			"cors_origins[0]", "1 to 65535"),
		ROW("cors_origins = [ \"https://a.example:443\" ];",
			"cors_origins[0]", "the usual port"),
		ROW("cors_credentials = 1;", "cors_credentials", "true or"),
		ROW("metrics_allow = \"::1\";", "metrics_allow", "is a string"),
		ROW("metrics_allow = [ \"localhost\" ];", "metrics_allow[0]",
			"is no IPv4 or IPv6 address"),
		ROW("cors_credentials = true; cors_origins = [ \"*\" ];",
			"cors_origins",
			"is \"*\" beside cors_credentials = true, which "
			"browsers refuse; expected exact origins"),

		ROW("listen = 9000;", "listen", "ADDRESS:PORT"),
		ROW("listen = \"\";", "listen", "is empty"),
		ROW("listen_group = 33;", "listen_group", "is an integer"),
		ROW("listen_mode = 0660;", "listen_mode", "in quotes"),
		ROW("listen_mode = \"\";", "listen_mode", "is empty"),
		ROW("listen_mode = \"0680\";", "listen_mode", "octal"),
		ROW("listen_mode = \"1777\";", "listen_mode", "0777"),
		ROW("listen_mode = \"00660\";", "listen_mode", "octal"),
		ROW("listen_mode = \"rw\";", "listen_mode", "octal"),
	};
#undef ROW

	(void)state;
	check_faults(cases, COUNT_OF(cases));
}

static void names_each_fault_of_a_source(void **state)
{
#define ROW(text, key, what)                                                   \
	{                                                                      \
		__LINE__,                                                      \
			"sources = ( { name = \"z\"; path = \"/z\" },\n" text  \
			" );",                                                 \
			2, "sources[1]" key, what                              \
	}
#define FILE_ROW(text, key, what)                                              \
	ROW("{ name = \"a\"; path = \"/a\"; " text " }", key, what)
#define FIFO_ROW(text, key, what) FILE_ROW("type = \"fifo\"; " text, key, what)
#define CLOCK_ROW(text, key, what)                                             \
	ROW("{ name = \"a\"; type = \"clock\"; " text " }", key, what)
	static const struct fault_case cases[] = {
		ROW("5", "", "expected a group"),
		ROW("[ 5 ]", "", "is an array"),
		ROW("{ path = \"/a\"; }", ".name", "is missing"),
		ROW("{ name = \"a\"; }", ".path", "is missing"),
		ROW("{ name = \"a\"; path = \"\"; }", ".path", "is empty"),
		ROW("{ name = \"a\"; path = 1; }", ".path", "is an integer"),
		ROW("{ name = \"\"; path = \"/a\"; }", ".name", "is empty"),
		ROW("{ name = 1; path = \"/a\"; }", ".name", "is an integer"),
		ROW("{ name = \"a/b\"; path = \"/a\"; }", ".name", "letters"),
		ROW("{ name = \"a b\"; path = \"/a\"; }", ".name", "letters"),
		ROW("{ name = \"\xc3\xa9\"; path = \"/a\"; }", ".name", "lett"),
		ROW("{ name = \"a,b\"; path = \"/a\"; }", ".name", "letters"),
		ROW("{ name = \".\"; path = \"/a\"; }", ".name", "resolved"),
		ROW("{ name = \"..\"; path = \"/a\"; }", ".name", "resolved"),
		ROW("{ name = \"0123456789abcdef0123456789abcdef"
		    "0123456789abcdef0123456789abcdef0\"; path = \"/a\"; }",
			".name", "64"),
		ROW("{ name = \"z\"; path = \"/a\"; }", ".name",
			"name of sources[0]"),

		FILE_ROW("type = \"pipe\";", ".type",
			"\"file\", \"fifo\" or \"clock\""),
		FILE_ROW("type = 1;", ".type", "is an integer"),
		FILE_ROW("formats = \"lines\";", ".formats", "unknown key"),
		FILE_ROW("retry = 500;", ".retry", "outside of the sources"),
		FILE_ROW("event = \"\";", ".event", "is empty"),
		FILE_ROW("event = 1;", ".event", "is an integer"),
		FILE_ROW("event = \"a\\rb\";", ".event", "CR, LF or colon"),
		FILE_ROW("event = \"a\\nb\";", ".event", "CR, LF or colon"),
		FILE_ROW("event = \"a:b\";", ".event", "CR, LF or colon"),
		FILE_ROW("event = \"a\\x0Ab\";", ".event", "CR, LF or colon"),
		FILE_ROW("event = \"a\\x00b\";", ".event", "NUL"),
		FILE_ROW("event = \"open\";", ".event", "a meaning already"),
		FILE_ROW("event = \"error\";", ".event", "a meaning already"),
		FILE_ROW("event = \"gap\";", ".event", "a meaning already"),
		FILE_ROW("event = \"waiting\";", ".event", "a meaning already"),
		FILE_ROW("event = \"busy\";", ".event", "a meaning already"),
		FILE_ROW("history = -1;", ".history", "out of range"),
		FILE_ROW("history = 1001;", ".history", "at most 1000"),
		FILE_ROW("history = 9; history_max = 8;", ".history",
			"at most 8"),
		FILE_ROW("history_max = 100001;", ".history_max",
			"from 0 to 100000 (records)"),
		FILE_ROW("history_max = 2; history = 100001;", ".history",
			"from 0 to 100000 (records)"),
		FILE_ROW("max_line = 1023;", ".max_line",
			"from 1024 to 16777216"),
		FILE_ROW("max_line = 16777217;", ".max_line", "out of range"),
		FILE_ROW("format = \"json\";", ".format",
			"is unknown; expected \"lines\", \"multiline\" or "
			"\"sse\""),
		FILE_ROW("ids = \"none\";", ".ids",
			"is unknown; expected \"position\", \"writer\" or "
			"\"ordered\""),
		FILE_ROW("ids = 1;", ".ids", "is an integer"),
		FILE_ROW("ids = \"writer\";", ".ids", "format = \"sse\""),
		FILE_ROW("ids = \"ordered\";", ".ids", "format = \"sse\""),
		FILE_ROW("ids = \"writer\"; format = \"multiline\";", ".ids",
			"where nobody writes ids"),
		FILE_ROW("quiet = 0;", ".quiet", "from 1 to 60000"),
		FILE_ROW("quiet = 60001;", ".quiet", "out of range"),
		FILE_ROW("format = 1;", ".format", "is an integer"),
		FILE_ROW("rotated = \"old/a\";", ".rotated", "has a slash"),
		FILE_ROW("rotated = \"\";", ".rotated", "is empty"),
		FILE_ROW("type = \"fifo\"; rotated = \"a*\";", ".rotated",
			"in type \"file\" only"),
		FILE_ROW("spool_size = 131072;", ".spool_size",
			"in type \"fifo\" only"),
		FILE_ROW("create = true;", ".create", "\"fifo\" only"),
		FILE_ROW("mode = \"0600\";", ".mode", "\"fifo\" only"),
		FILE_ROW("group = \"adm\";", ".group", "\"fifo\" only"),
		FIFO_ROW("spool_size = 131071;", ".spool_size",
			"from 131072 to 1099511627776 (bytes)"),
		FIFO_ROW("spool_size = 1099511627777L;", ".spool_size",
			"out of range"),
		FIFO_ROW("max_line = 1048577;", ".max_line",
			"expected at most 1048576, a sixteenth of spool_size"),
		FIFO_ROW("spool_size = 131072; max_line = 8193;", ".max_line",
			"expected at most 8192"),
		FIFO_ROW("max_line = 16777217;", ".max_line", "out of range"),
		FIFO_ROW("create = 1;", ".create", "true or false"),
		FIFO_ROW("mode = 0620;", ".mode", "octal digits in quotes"),
		FIFO_ROW("mode = \"1620\";", ".mode", "is no such mode"),
		FIFO_ROW("mode = \"0220\";", ".mode", "from reading"),
		FIFO_ROW("group = \"\";", ".group", "is empty"),
		FIFO_ROW("show = \"time\";", ".show", "\"clock\" only"),
		CLOCK_ROW("path = \"/a\";", ".path",
			"in type \"file\" or \"fifo\" only"),
		FILE_ROW("show = \"time\";", ".show", "\"clock\" only"),
		FILE_ROW("interval = 1.0;", ".interval", "\"clock\" only"),
		FILE_ROW("count = 1;", ".count", "\"clock\" only"),
		FILE_ROW("time_format = \"x\";", ".time_format", "clock"),

		FILE_ROW("public = 1;", ".public", "true or false"),
		FILE_ROW("require_user = \"ann\";", ".require_user",
			"true or false"),
		FILE_ROW("users = \"ann\";", ".users", "is a string"),
		FILE_ROW("users = [ ];", ".users", "is empty"),
		FILE_ROW("users = ( \"a\" );", ".users", "is a list"),
		FILE_ROW("users = [ 1 ];", ".users[0]", "is an integer"),
		FILE_ROW("users = [ \"a\", \"\" ];", ".users[1]", "is empty"),
		FILE_ROW("users = [ \"a\\x00b\" ];", ".users", "NUL"),
		FILE_ROW("allow = \"::/0\";", ".allow", "is a string"),
		FILE_ROW("allow = [ ];", ".allow", "is empty"),
		FILE_ROW("allow = [ 10 ];", ".allow[0]", "is an integer"),
		FILE_ROW("allow = [ \"\" ];", ".allow[0]", "is empty"),
		FILE_ROW("allow = [ \"localhost\" ];", ".allow[0]",
			"is no IPv4 or IPv6 address"),
		FILE_ROW("allow = [ \"::1\", \"10.0.0/8\" ];", ".allow[1]",
			"is no IPv4 or IPv6 address; expected addresses and "
			"blocks, [ \"192.0.2.7\""),
		FILE_ROW("allow = [ \"10.0.0.0/33\" ];", ".allow[0]",
			"0 to 32 (IPv4) or 0 to 128"),
		FILE_ROW("allow = [ \"2001:db8::/129\" ];", ".allow[0]",
			"0 to 32 (IPv4) or 0 to 128"),
		FILE_ROW("allow = [ \"10.0.0.1/8\" ];", ".allow[0]",
			"bits behind its prefix that are not zero"),
		FILE_ROW("cors_origins = [ \"null\" ];", ".cors_origins[0]",
			"sandboxed"),
		FILE_ROW("cors_credentials = true;", ".cors_credentials",
			"outside of the sources"),
		FILE_ROW("public = true; require_user = true;", ".public",
			"expected one or the other"),
		FILE_ROW("users = [ \"a\" ]; public = true;", ".public",
			"beside require_user, users or allow"),
		FILE_ROW("public = true; allow = [ \"::1\" ];", ".public",
			"beside require_user, users or allow"),
		FILE_ROW("public = false;", ".public", "nobody is shut out"),
		FILE_ROW("public = false; require_user = false;", ".public",
			"nobody is shut out"),
		FILE_ROW("users = [ \"a\" ]; require_user = false;",
			".require_user", "expected one or the other"),

		CLOCK_ROW("history = 1;", ".history", "or \"fifo\" only"),
		CLOCK_ROW("history_max = 1;", ".history_max", "\"fifo\" only"),
		CLOCK_ROW("max_line = 1024;", ".max_line", "\"fifo\" only"),
		CLOCK_ROW("quiet = 1;", ".quiet", "\"fifo\" only"),
		CLOCK_ROW("format = \"sse\";", ".format", "\"fifo\" only"),
		CLOCK_ROW("ids = \"position\";", ".ids", "\"fifo\" only"),
		CLOCK_ROW("rotated = \"x\";", ".rotated", "\"file\" only"),
		CLOCK_ROW("show = \"date\";", ".show", "\"count\" or \"time\""),
		CLOCK_ROW("interval = 0;", ".interval", "from 0.01 to 86400"),
		CLOCK_ROW("interval = 0.009;", ".interval", "out of range"),
		CLOCK_ROW("interval = 86401;", ".interval", "out of range"),
		CLOCK_ROW("interval = -1.0;", ".interval", "out of range"),
		CLOCK_ROW("interval = 1.0e999;", ".interval", "out of range"),
		CLOCK_ROW("interval = \"1\";", ".interval", "is a string"),
		CLOCK_ROW("count = -1;", ".count", "out of range"),
		CLOCK_ROW("count = 1.0;", ".count", "with a fraction"),
		CLOCK_ROW("time_format = \"\";", ".time_format", "is empty"),
	};
#undef ROW
#undef FILE_ROW
#undef CLOCK_ROW

	(void)state;
	check_faults(cases, COUNT_OF(cases));
}

static void the_longest_user_has_255_bytes(void **state)
{
	char name[257], text[512];

	(void)state;
	for (size_t len = 255; len <= 256; len++) {
		memset(name, 'a', len);
		name[len] = '\0';
		snprintf(text, sizeof(text), IN_FILE("users = [ \"%s\" ];"),
			name);
		if (len == 255)
			config_free(load(text));
		else
			check_fault(&(struct fault_case){ __LINE__, text, 1,
				"sources[0].users[0]", "1 to 255 bytes" });
	}
}

static void any_origin_goes_with_no_credentials(void **state)
{
	(void)state;
	check_fault(&(struct fault_case){ __LINE__,
		"sources = ( { name = \"a\"; path = \"/a\"; },\n"
		"{ name = \"b\"; path = \"/b\";\n"
		"cors_origins = [ \"*\" ]; } );\n"
		"cors_credentials = true;",
		3, "sources[1].cors_origins", "expected exact origins" });
}

static void an_element_has_a_line_of_its_own(void **state)
{
	(void)state;
	check_fault(&(struct fault_case){ __LINE__,
		IN_FILE("allow = [ \"10.0.0.0/8\",\n\n\"::1/0\" ];"), 3,
		"sources[0].allow[1]", "zero" });
}

static void names_each_fault_of_the_list_of_sources(void **state)
{
	static const struct fault_case cases[] = {
		{ __LINE__, "", 0, "sources", "is missing" },
		{ __LINE__, "\n\nretry = 500;\n", 0, "sources", "is missing" },
		{ __LINE__, "\nsources = ( );", 2, "sources", "is empty" },
		{ __LINE__, "\nsources = [ ];", 2, "sources", "is an array" },
		{ __LINE__, "\nsources : { };", 2, "sources", "is a group" },
		{ __LINE__, "\nsources = \"a\";", 2, "sources", "is a string" },
		{ __LINE__,
			"sources = ( { name = \"z\"; path = \"/y\"; },\n"
			"{ name = \"a\"; type = \"fifo\"; path = \"/y\"; },\n"
			"{ name = \"b\"; type = \"fifo\"; path = \"/y\"; } );",
			3, "sources[2].path", "is the pipe of sources[1] too" },
	};

	(void)state;
	check_faults(cases, COUNT_OF(cases));
}

static void says_when_an_integer_does_not_fit(void **state)
{
#define ROW(text, line, key, what)                                             \
	{                                                                      \
		__LINE__, SOURCES text, line, key, what                        \
	}
	static const struct fault_case cases[] = {
		/* Read as 0, 500, 500 and -1 by libconfig 1.5. */
		ROW("\nlifetime = 4294967296;", 2, "lifetime", "32 bits"),
		ROW("\nretry = 4294967796;", 2, "retry", "32 bits"),
		ROW("\nretry = 0x1000001F4;", 2, "retry", "32 bits"),
		ROW("\nlifetime = 0xFFFFFFFF;", 2, "lifetime", "32 bits"),
		ROW("\nretry = 18446744073709552116L;", 2, "retry", "64 bits"),
		ROW("\nretry = -4294966796;", 2, "retry", "32 bits"),
		ROW("\nretry = 2147483648;", 2, "retry", "32 bits"),
		ROW("\nretry = 2147483647;", 2, "retry", "out of range"),
		ROW("\nretry = -2147483648;", 2, "retry", "out of range"),
		ROW("\nretry = -2147483649;", 2, "retry", "32 bits"),
		ROW("\nretry = 9223372036854775807L;", 2, "retry", "range"),
		ROW("\nretry = 9223372036854775808LL;", 2, "retry", "64 bits"),
		ROW("\nretry\n=\n4294967796\n;", 4, "retry", "32 bits"),
		ROW("\nretry = [ 1,\n4294967796 ];", 3, "retry", "32 bits"),
		ROW("\r\nretry = 4294967796;\r\n", 2, "retry", "32 bits"),
		ROW("\nx4294967296-4294967296 = 1;", 2,
			"x4294967296-4294967296", "unknown key"),
	};
#undef ROW
	static const struct fault_case of_sources[] = {
		{ __LINE__,
			"sources = ( { name=\"a\"; type=\"clock\"; count=1; },"
			"{ name=\"b\"; type=\"clock\"; count=4294967297; } );",
			1, "sources[1].count", "ends with L" },
		{ __LINE__, IN_FILE("history = 4294967301;"), 1,
			"sources[0].history", "32 bits" },
		{ __LINE__, "sources = ( 99999999999 );", 1, "sources",
			"32 bits" },
	};

	(void)state;
	check_faults(cases, COUNT_OF(cases));
	check_faults(of_sources, COUNT_OF(of_sources));
}

static void says_what_is_wrong_with_the_text(void **state)
{
	static const struct fault_case cases[] = {
		{ __LINE__, SOURCES "\nretry 500;", 2, "", "syntax error" },
		{ __LINE__, SOURCES "\n\nretry =\n\n# end\n\n", 5, "",
			"syntax error" },
		{ __LINE__, SOURCES "\nretry =", 2, "", "syntax error" },
		{ __LINE__, SOURCES "\nretry = ;", 2, "", "syntax error" },
		{ __LINE__, SOURCES "\nlisten = /run/a;", 2, "", "syntax" },
		{ __LINE__, "sources = (\n{ name = \"a\" )\n;", 2, "",
			"syntax error" },
		{ __LINE__, SOURCES "\nretry = 500;\nretry = 600;", 3, "",
			"twice" },
		{ __LINE__, SOURCES "\nlisten = \"/a;\n\n", 2, "",
			"closing quote" },
		{ __LINE__, SOURCES "\nlisten = \"/a\\", 2, "",
			"closing quote" },
		{ __LINE__, SOURCES "\n/* retry = 500;\n\n", 2, "",
			"never ends" },
		{ __LINE__, SOURCES "\n/*/", 2, "", "never ends" },
		{ __LINE__, SOURCES "\n@include \"/etc/passwd\"\n", 2, "",
			"@include is not supported" },
		{ __LINE__, "\n \t@include \"x\"\n", 2, "",
			"@include is not supported" },
		{ __LINE__, BOM "\n@include \"x\"\n" SOURCES, 2, "",
			"@include is not supported" },
	};

	(void)state;
	check_faults(cases, COUNT_OF(cases));
}

static void binary_is_refused_with_its_line(void **state)
{
	static const char bytes[] = SOURCES "\n\nretry = 5\0000;\n";
	struct config_faults faults;

	(void)state;
	assert_null(load_bytes(bytes, sizeof(bytes) - 1, &faults));
	assert_int_equal(faults.count, 1);
	assert_int_equal(faults.list[0].line, 3);
	assert_non_null(strstr(faults.list[0].what, "binary"));
	assert_false(faults.unreadable);
	config_faults_release(&faults);
}

static void what_is_not_utf8_is_refused_with_its_line(void **state)
{
	static const char *const texts[] = {
		SOURCES "\n# caf\xe9\nretry = 5000;\n",
		SOURCES "\nstate_dir = \"/\xc3\";\n",
		SOURCES "\n\xed\xa0\x80",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct config_faults faults;

		assert_null(load_bytes(texts[i], strlen(texts[i]), &faults));
		assert_int_equal(faults.count, 1);
		assert_int_equal(faults.list[0].line, 2);
		assert_non_null(strstr(faults.list[0].what, "UTF-8"));
		config_faults_release(&faults);
	}
}

static void names_of_files_may_be_any_bytes(void **state)
{
	static const char text[] = SOURCES "state_dir = \"/caf\\xe9\";\n";
	struct config_faults faults;
	struct config *config;

	(void)state;
	config = load_bytes(text, strlen(text), &faults);
	assert_non_null(config);
	assert_string_equal(config->state_dir, "/caf\xe9");
	config_free(config);
	config_faults_release(&faults);
}

static void reports_all_faults_in_order_of_line(void **state)
{
	static const char text[] = "zeta = 1;\n"
				   "sources = (\n"
				   "  { path = \"/a\"; history = 5000; },\n"
				   "  { name = \"b\";\n"
				   "    event = \"gap\";\n"
				   "    max_line = 1; } );\n"
				   "retry = 4294967796;\n"
				   "heartbeat = \"x\"; stall = 0;\n"
				   "alpha = 99999999999;\n";
	static const struct {
		unsigned line;
		const char *key;
	} expected[] = {
		{ 1, "zeta" },
		{ 3, "sources[0].name" },
		{ 3, "sources[0].history" },
		{ 4, "sources[1].path" },
		{ 5, "sources[1].event" },
		{ 6, "sources[1].max_line" },
		{ 7, "retry" },
		{ 8, "heartbeat" },
		{ 8, "stall" },
		{ 9, "alpha" },
	};
	struct config_faults faults;

	(void)state;
	assert_null(load_bytes(text, strlen(text), &faults));
	assert_int_equal(faults.count, COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		assert_int_equal(faults.list[i].line, expected[i].line);
		assert_string_equal(faults.list[i].key, expected[i].key);
	}
	config_faults_release(&faults);
}

static void names_with_the_same_tag_are_refused(void **state)
{
	static unsigned seen[65536]; /* which number had that tag */
	char text[256];
	char name[16];
	unsigned n = 0;
	uint16_t tag;

	(void)state;
	do {
		n++;
		snprintf(name, sizeof(name), "s%u", n);
		tag = place_source_tag(name);
		if (seen[tag] != 0)
			break;
		seen[tag] = n;
	} while (n < 65537);
	snprintf(text, sizeof(text),
		"sources = ( { name = \"s%u\"; path = \"/a\"; },\n"
		"{ name = \"s%u\"; path = \"/b\"; } );",
		seen[tag], n);
	check_fault(&(struct fault_case){
		__LINE__, text, 2, "sources[1].name", "in an event id" });
}

static void refuses_more_sources_than_it_should_have(void **state)
{
	size_t size = 1001 * 4 + 32;
	char *text = calloc(1, size);

	(void)state;
	assert_non_null(text);
	strcpy(text, "\nsources = ( {}");
	for (int i = 0; i < 1000; i++)
		strcat(text, ",{}");
	strcat(text, " );");
	check_fault(
		&(struct fault_case){ __LINE__, text, 2, "sources", "1000" });
	free(text);
}

static void a_socket_path_must_fit_with_its_folder(void **state)
{
	char text[512];
	char name[109];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[0] = '/';
	snprintf(text, sizeof(text), SOURCES "\nlisten = \"%s\";", name);
	check_fault(&(struct fault_case){ __LINE__, text, 2, "listen", "107" });

	name[sizeof(name) - 2] = '\0';
	snprintf(text, sizeof(text), SOURCES "\nlisten = \"%s\";", name);
	config_free(load(text));
}

static void assert_unreadable(const char *path, const char *why)
{
	struct config_faults faults;

	assert_null(config_load(path, &faults));
	assert_true(faults.unreadable);
	assert_int_equal(faults.count, 1);
	assert_int_equal(faults.list[0].line, 0);
	assert_string_equal(faults.list[0].key, "");
	assert_string_equal(faults.list[0].what, why);
	config_faults_release(&faults);
}

static void says_why_a_file_cannot_be_read(void **state)
{
	char path[PATH_MAX + 32];

	(void)state;
	assert_unreadable(folder, strerror(EISDIR));
	snprintf(path, sizeof(path), "%s/none", folder);
	assert_unreadable(path, strerror(ENOENT));
	assert_int_equal(symlink(path, path), 0);
	assert_unreadable(path, strerror(ELOOP));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_unreadable(path, "Not a regular file");
	unlink(path);
}

static void refuses_a_file_of_more_than_1_mib(void **state)
{
	size_t size = 1024 * 1024 + 1;
	char *text = malloc(size);
	struct config_faults faults;
	struct config *c;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', size);
	memcpy(text, SOURCES, strlen(SOURCES));
	assert_null(load_bytes(text, size, &faults));
	assert_int_equal(faults.count, 1);
	assert_non_null(strstr(faults.list[0].what, "1 MiB"));
	config_faults_release(&faults);

	c = load_bytes(text, size - 1, &faults);
	assert_non_null(c);
	config_free(c);
	config_faults_release(&faults);
	free(text);
}

static void survives_every_beginning_of_a_file(void **state)
{
	static const char text[] =
		BOM "listen = \"/run/s\" \"ock\\x41\"; # comment\r\n"
		    "ring = 0x100000; lifetime = 240L; // another\n"
		    "sources = ( /* two */\n"
		    " { name = \"a\"; path = \"b\"; history = 4294967296; },\n"
		    " { name = \"c\"; type = \"clock\"; interval = 1.5e0;\n"
		    "   count = 99999999999L; } );\nincremental = true;\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct config_faults faults;
		struct config *c = load_bytes(text, len, &faults);

		assert_true((c == NULL) == (faults.count > 0));
		config_free(c);
		config_faults_release(&faults);
	}
}

static void survives_every_beginning_of_the_example(void **state)
{
	char *text = read_whole("conf/ssetail.conf");
	size_t whole = strlen(text);

	(void)state;
	for (size_t len = 0; len <= whole; len++) {
		struct config_faults faults;
		struct config *c = load_bytes(text, len, &faults);

		assert_true((c == NULL) == (faults.count > 0));
		config_free(c);
		config_faults_release(&faults);
	}
	free(text);
}

static void keeps_the_old_one_when_faulty(void **state)
{
	struct config *old = load("retry = 700; " SOURCES);
	struct config_faults faults;

	(void)state;
	assert_null(load_bytes("retry = 1;", 10, &faults));
	config_faults_release(&faults);
	assert_int_equal(old->retry_ms, 700);
	assert_string_equal(old->sources[0].path, "/a");
	config_free(old);
}

static void prints_a_fault_a_line(void **state)
{
	struct config_fault list[] = {
		{ 0, "sources", "is missing" },
		{ 7, "", "syntax error" },
		{ 12, "retry", "is out of range" },
	};
	struct config_faults faults = { list, COUNT_OF(list), false };
	char got[256];
	int ends[2];
	int real;
	ssize_t len;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	real = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	config_faults_print(&faults, "s.conf");
	dup2(real, STDERR_FILENO);
	close(real);
	close(ends[1]);
	len = read(ends[0], got, sizeof(got) - 1);
	close(ends[0]);
	assert_true(len > 0);
	got[len] = '\0';
	assert_string_equal(got, "s.conf: sources: is missing\n"
				 "s.conf:7: syntax error\n"
				 "s.conf:12: retry: is out of range\n");
}

static void finds_a_source_by_its_whole_name(void **state)
{
	struct config *c = load("sources = ("
				"{ name = \"ab\"; path = \"/1\"; },"
				"{ name = \"a\"; path = \"/2\"; } );");

	(void)state;
	assert_ptr_equal(config_source(c, "a"), &c->sources[1]);
	assert_ptr_equal(config_source(c, "ab"), &c->sources[0]);
	assert_null(config_source(c, "b"));
	assert_null(config_source(c, "A"));
	assert_null(config_source(c, ""));
	config_free(c);
}

static void assert_found(const char *given, const char *expected)
{
	char *path = config_find(given);

	assert_non_null(path);
	assert_string_equal(path, expected);
	free(path);
}

static void what_is_named_wins_whether_it_exists_or_not(void **state)
{
	(void)state;
	setenv("SSETAIL_CONF", "/none/env.conf", 1);
	assert_found("/none/given.conf", "/none/given.conf");
	assert_found(NULL, "/none/env.conf");
	unsetenv("SSETAIL_CONF");
}

/* This program, copied elsewhere and run as "PROGRAM --find": prints what it
 * finds. */
static int find_and_print(void)
{
	char *path = config_find(NULL);

	printf("%s", path == NULL ? "nowhere" : path);
	free(path);
	return 0;
}

static void copy_program(const char *to)
{
	static char bytes[65536];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	ssize_t len;

	assert_true(in >= 0 && out >= 0);
	while ((len = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)len), len);
	close(in);
	close(out);
}

static void assert_program_finds(const char *program, const char *expected)
{
	char command[2 * PATH_MAX];
	char got[PATH_MAX] = "";
	FILE *f;

	snprintf(command, sizeof(command), "'%s' --find", program);
	f = popen(command, "r");
	assert_non_null(f);
	assert_true(fread(got, 1, sizeof(got) - 1, f) > 0);
	assert_int_equal(pclose(f), 0);
	assert_string_equal(got, expected);
}

static void looks_beside_the_program_and_not_beside_a_link(void **state)
{
	char bin[PATH_MAX + 8];
	char program[PATH_MAX + 32];
	char link[PATH_MAX + 32];
	char hidden[PATH_MAX + 32];
	char plain[PATH_MAX + 32];
	char decoy[PATH_MAX + 32];
	int has_system = access(SYSCONFDIR "/ssetail.conf", F_OK) == 0;

	(void)state;
	snprintf(bin, sizeof(bin), "%s/bin", folder);
	snprintf(program, sizeof(program), "%s/program", bin);
	snprintf(link, sizeof(link), "%s/link", folder);
	snprintf(hidden, sizeof(hidden), "%s/.htssetail.conf", bin);
	snprintf(plain, sizeof(plain), "%s/ssetail.conf", bin);
	snprintf(decoy, sizeof(decoy), "%s/ssetail.conf", folder);
	unsetenv("SSETAIL_CONF");
	assert_int_equal(mkdir(bin, 0700), 0);
	copy_program(program);
	assert_int_equal(symlink(program, link), 0);
	write_file(decoy, "", 0);

	assert_program_finds(
		link, has_system ? SYSCONFDIR "/ssetail.conf" : "nowhere");
	write_file(plain, "", 0);
	assert_program_finds(link, plain);
	/* A link to nowhere is a fault to be told, not to be passed over. */
	assert_int_equal(symlink("/none/at/all", hidden), 0);
	assert_program_finds(link, hidden);
	setenv("SSETAIL_CONF", "", 1);
	assert_program_finds(program, hidden);
	unsetenv("SSETAIL_CONF");

	unlink(hidden);
	unlink(plain);
	unlink(decoy);
	unlink(link);
	unlink(program);
	rmdir(bin);
}

/* ---- two side by side */

/* Each key with two values; none is the default. */
static const struct {
	const char *type, *one, *other;
} pairs[] = {
	{ "file", "event = \"a\";", "event = \"b\";" },
	{ "file", "public = true;", "require_user = true;" },
	{ "file", "require_user = true;", "users = [ \"a\" ];" },
	{ "file", "users = [ \"a\", \"b\" ];", "users = [ \"a\", \"c\" ];" },
	{ "file", "users = [ \"a\" ];", "users = [ \"a\", \"b\" ];" },
	{ "file", "allow = [ \"10.0.0.0/8\" ];",
		"allow = [ \"10.0.0.0/9\" ];" },
	{ "file", "allow = [ \"::1\" ];", "allow = [ \"::2\" ];" },
	{ "file", "cors_origins = [ \"*\" ];",
		"cors_origins = [ \"https://a.example\" ];" },
	{ "file", "cors_origins = [ \"https://b.example\" ];",
		"cors_origins = [ \"https://a.example\" ];" },
	{ "file", "history = 1;", "history = 2;" },
	{ "file", "history_max = 11;", "history_max = 12;" },
	{ "file", "max_line = 2000;", "max_line = 2001;" },
	{ "file", "rotated = \"a*\";", "rotated = \"b*\";" },
	{ "file", "format = \"sse\"; event = \"a\";", "event = \"a\";" },
	{ "file", "format = \"sse\"; ids = \"writer\";", "format = \"sse\";" },
	{ "file", "format = \"sse\"; ids = \"writer\";",
		"format = \"sse\"; ids = \"ordered\";" },
	{ "fifo", "spool_size = 200000;", "spool_size = 200001;" },
	{ "fifo", "create = true;", "create = true; mode = \"0600\";" },
	{ "fifo", "mode = \"0600\";", "mode = \"0640\";" },
	{ "fifo", "group = \"a\";", "group = \"b\";" },
	{ "clock", "show = \"time\";", "show = \"time\"; count = 5;" },
	{ "clock", "interval = 2;", "interval = 2.5;" },
	{ "clock", "count = 6;", "count = 5;" },
	{ "clock", "time_format = \"%H\";", "time_format = \"%M\";" },
};

static struct config *load_source(const char *type, const char *keys)
{
	char text[512];

	snprintf(text, sizeof(text),
		"sources = ( { name = \"a\"; type = \"%s\"; %s %s } );", type,
		strcmp(type, "clock") == 0 ? "" : "path = \"/a\";", keys);
	return load(text);
}

static bool same(const char *type, const char *one, const char *other)
{
	struct config *a = load_source(type, one);
	struct config *b = load_source(type, other);
	bool result = config_same_source(&a->sources[0], &b->sources[0]);

	assert_int_equal(
		config_same_source(&b->sources[0], &a->sources[0]), result);
	config_free(a);
	config_free(b);
	return result;
}

static void knows_the_same_source_by_every_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const char *type = pairs[i].type;
		bool result = same(type, pairs[i].one, pairs[i].one) &&
			      same(type, pairs[i].other, pairs[i].other) &&
			      !same(type, pairs[i].one, pairs[i].other) &&
			      !same(type, pairs[i].one, "") &&
			      !same(type, "", pairs[i].other);

		if (!result)
			fail_msg("%s", pairs[i].one);
	}
	assert_true(same("file", "", ""));
}

static void another_path_or_name_or_type_is_another_source(void **state)
{
	struct config *c = load("sources = ("
				"{ name = \"a\"; path = \"/a\"; },"
				"{ name = \"b\"; path = \"/a\"; },"
				"{ name = \"c\"; path = \"/c\"; } );");
	struct source_config other = c->sources[0];

	(void)state;
	assert_true(config_same_source(&c->sources[0], &other));
	other.path = c->sources[2].path;
	assert_false(config_same_source(&c->sources[0], &other));
	other = c->sources[0];
	other.name = c->sources[1].name;
	assert_false(config_same_source(&c->sources[0], &other));
	other = c->sources[0];
	other.type = SOURCE_FIFO;
	assert_false(config_same_source(&c->sources[0], &other));
	config_free(c);
}

static void knows_the_same_access_outside_of_the_sources(void **state)
{
	static const char *const others[] = { "trust_remote_user = true;",
		"cors_origins = [ \"*\" ];",
		"cors_origins = [ \"https://a.example\" ]; "
		"cors_credentials = true;",
		"cors_origins = [ \"https://a.example\" ];" };
	struct config *c[5] = { load(SOURCES) };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s %s", others[i], SOURCES);
		c[i + 1] = load(text);
	}
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < 5; j++)
			assert_int_equal(
				config_same_access(c[i], c[j]), i == j);
	for (size_t i = 0; i < 5; i++)
		config_free(c[i]);
}

static void keeps_what_is_fixed_as_it_runs(void **state)
{
	struct config *running = load("listen = \"/a\"; state_dir = \"/s\"; "
				      "sandbox_paths = [ \"/x\", \"/y\" ]; "
				      "retry = 500; " SOURCES);
	struct config *next = load("sandbox = false; sandbox_paths = [ "
				   "\"/z\" ]; "
				   "listen_mode = \"0600\"; retry = 600; "
				   "listen_group = \"g\"; " SOURCES);
	char names[128], cut[8];

	(void)state;
	assert_int_equal(
		config_keep_fixed(next, running, names, sizeof(names)), 0);
	assert_string_equal(names,
		"listen, listen_mode, listen_group, state_dir, sandbox, "
		"sandbox_paths");
	assert_true(next->sandbox);
	assert_int_equal(next->sandbox_paths.count, 2);
	assert_string_equal(next->sandbox_paths.list[0], "/x");
	assert_string_equal(next->sandbox_paths.list[1], "/y");
	assert_string_equal(next->listen, "/a");
	assert_int_equal(next->listen_mode, 0660);
	assert_null(next->listen_group);
	assert_string_equal(next->state_dir, "/s");
	assert_int_equal(next->retry_ms, 600);
	assert_int_equal(
		config_keep_fixed(next, running, names, sizeof(names)), 0);
	assert_string_equal(names, "");
	config_free(next);
	next = load(SOURCES);
	assert_int_equal(config_keep_fixed(next, running, cut, sizeof(cut)), 0);
	assert_string_equal(cut, "listen,");
	assert_string_equal(next->state_dir, "/s");
	config_free(next);
	config_free(running);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_every_default),
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(takes_intervals_with_and_without_a_fraction),
		cmocka_unit_test(history_is_never_more_than_history_max),
		cmocka_unit_test(
			of_a_pipe_max_line_is_what_its_spool_holds_whole),
		cmocka_unit_test(access_may_be_said_in_more_ways_than_one),
		cmocka_unit_test(any_origin_is_said_alone),
		cmocka_unit_test(the_longest_user_has_255_bytes),
		cmocka_unit_test(any_origin_goes_with_no_credentials),
		cmocka_unit_test(an_element_has_a_line_of_its_own),
		cmocka_unit_test(relative_paths_start_at_its_folder),
		cmocka_unit_test(its_folder_is_absolute_for_a_relative_name),
		cmocka_unit_test(an_address_has_a_colon_and_no_slash),
		cmocka_unit_test(takes_what_editors_leave_in_a_file),
		cmocka_unit_test(a_path_that_leads_to_a_pipe_is_type_fifo),
		cmocka_unit_test(the_state_directory_is_the_one_systemd_names),
		cmocka_unit_test(loads_the_example),
		cmocka_unit_test(the_example_states_the_defaults),
		cmocka_unit_test(names_each_fault_of_a_global_key),
		cmocka_unit_test(names_each_fault_of_a_source),
		cmocka_unit_test(names_each_fault_of_the_list_of_sources),
		cmocka_unit_test(says_when_an_integer_does_not_fit),
		cmocka_unit_test(says_what_is_wrong_with_the_text),
		cmocka_unit_test(binary_is_refused_with_its_line),
		cmocka_unit_test(what_is_not_utf8_is_refused_with_its_line),
		cmocka_unit_test(names_of_files_may_be_any_bytes),
		cmocka_unit_test(reports_all_faults_in_order_of_line),
		cmocka_unit_test(names_with_the_same_tag_are_refused),
		cmocka_unit_test(refuses_more_sources_than_it_should_have),
		cmocka_unit_test(a_socket_path_must_fit_with_its_folder),
		cmocka_unit_test(says_why_a_file_cannot_be_read),
		cmocka_unit_test(refuses_a_file_of_more_than_1_mib),
		cmocka_unit_test(survives_every_beginning_of_a_file),
		cmocka_unit_test(survives_every_beginning_of_the_example),
		cmocka_unit_test(keeps_the_old_one_when_faulty),
		cmocka_unit_test(prints_a_fault_a_line),
		cmocka_unit_test(finds_a_source_by_its_whole_name),
		cmocka_unit_test(knows_the_same_source_by_every_key),
		cmocka_unit_test(
			another_path_or_name_or_type_is_another_source),
		cmocka_unit_test(knows_the_same_access_outside_of_the_sources),
		cmocka_unit_test(keeps_what_is_fixed_as_it_runs),
		cmocka_unit_test(what_is_named_wins_whether_it_exists_or_not),
		cmocka_unit_test(
			looks_beside_the_program_and_not_beside_a_link),
	};

	if (argc == 2 && strcmp(argv[1], "--find") == 0)
		return find_and_print();
	return cmocka_run_group_tests_name(
		"config", tests, make_folder, remove_folder);
}
