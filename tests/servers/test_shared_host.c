/*
 * The shared host: a real Apache with AllowOverride All, of which nothing may
 * be changed but what lies in a folder of the site. There lie the program of
 * `make static` and what its --init wrote, as they are.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/http.h"
#include "tests/lib/process.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define MODULES	     "/usr/lib/apache2/modules"
#define PASSWORD     "Authorization: Basic bWU6c2VjcmV0" /* me:secret */
#define WRONG	     "Authorization: Basic bWU6d3Jvbmc="

enum { STEPS = 20 };

/* What the host has in its own configuration. Debian's rule about .ht is
 * left out by some. */
#define STOCK_RULE                                                             \
	"<FilesMatch \"^\\.ht\">\n"                                            \
	"	Require all denied\n"                                                \
	"</FilesMatch>\n"

static const char *const modules[] = { "mpm_event", "authz_core", "authz_user",
	"authn_core", "authn_file", "auth_basic", "mime", "env", "filter",
	"deflate", "brotli", "cgid" };

static struct host {
	const char *folder;
	const char *site; /* the folder of the site's files */
	const char *log;  /* in it */
	const char *own;  /* the folder for ssetail in it */
	char address[32];
	struct process *apache;
} host;

static void add_configuration(struct bytes *text, const char *more)
{
	for (size_t i = 0; i < COUNT(modules); i++)
		bytes_add_format(text,
			"LoadModule %s_module " MODULES "/mod_%s.so\n",
			modules[i], modules[i]);
	bytes_add_format(text,
		"ServerName localhost\n"
		"Listen %s\n"
		"DefaultRuntimeDir %s\n"
		"PidFile apache2.pid\n"
		"Mutex file:%s default\n"
		"ScriptSock cgid.sock\n"
		"TypesConfig /dev/null\n"
		"ErrorLog /dev/stderr\n"
		"LogLevel info\n"
		"DocumentRoot %s\n",
		host.address, host.folder, host.folder, host.site);
	if (geteuid() == 0)
		bytes_add_text(text, "User www-data\nGroup www-data\n");
	bytes_add_format(text,
		"<Directory />\n"
		"	AllowOverride None\n"
		"	Require all denied\n"
		"</Directory>\n"
		"<Directory \"%s\">\n"
		"	Options Indexes FollowSymLinks\n"
		"	AllowOverride All\n"
		"	Require all granted\n"
		"</Directory>\n"
		"%s",
		host.site, more);
}

static bool accepts(void *context)
{
	int fd = reader_connect(context);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void start_apache(const char *more)
{
	const char *config = disk_path(host.folder, "apache2.conf");
	struct bytes text = BYTES_INIT;

	snprintf(host.address, sizeof(host.address), "127.0.0.1:%d",
		process_free_port());
	add_configuration(&text, more);
	disk_write_bytes(config, text.data, text.len);
	bytes_release(&text);
	host.apache = process_run("/usr/sbin/apache2", "-DFOREGROUND", "-d",
		host.folder, "-f", config, NULL);
	wait_for(accepts(host.address));
}

/* What the user makes at home, and uploads. */
static int upload(void **state)
{
	const char *built = process_program("static/ssetail.cgi");

	(void)state;
	host.folder = disk_folder();
	host.site = disk_subfolder(host.folder, "public_html");
	host.own = disk_subfolder(host.site, "log");
	host.log = disk_path(host.site, "error_log");
	disk_write(host.log, "%s", "one\n");
	assert_int_equal(
		process_exit_code(process_run(built, "-o", host.own, "--init",
			"error", "../error_log", host.own, NULL)),
		0);
	built = process_program("static/ssetail.cgi");
	disk_copy(built, disk_path(host.own, "ssetail.cgi"));
	disk_mode(disk_path(host.own, "ssetail.cgi"), 0755);
	disk_write(disk_path(host.own, ".htpasswd"),
		"me:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\n");
	return 0;
}

static struct http_client *get(
	const char *file, const char *path, const char *const *headers)
{
	char mount[64];

	snprintf(mount, sizeof(mount), "/log/%s", file);
	return http_open(host.address,
		&(struct ask){
			.mount = mount, .path = path, .headers = headers });
}

static struct http_client *open_stream(const char *password)
{
	return get("ssetail.cgi", "/error",
		(const char *const[]){ password, NULL });
}

static void expect_status_of_(struct http_client *client, int status)
{
	reader_expect_status(&client->reader, status);
	reader_close(&client->reader);
}
#define expect_status_of(...) TEST_HERE(expect_status_of_(__VA_ARGS__))

/* Puts a text in the place of another in a file of the user's. */
static void edit(const char *name, const char *old, const char *new)
{
	const char *path = disk_path(host.own, "%s", name);
	struct bytes text = BYTES_INIT;
	ptrdiff_t at;

	disk_read(&text, path);
	at = bytes_find(&text, 0, old);
	assert_true(at >= 0);
	disk_write(path, "%.*s%s%s", (int)at, text.data, new,
		text.data + at + strlen(old));
	bytes_release(&text);
}

/* Line by line: nothing behind an event pushes it out. */
static void expect_events(struct reader *r)
{
	reader_expect_event(r, 0, "message", "one");
	for (size_t i = 1; i <= STEPS; i++) {
		char line[24];

		snprintf(line, sizeof(line), "step %014zu", i);
		disk_append(host.log, "%s\n", line);
		reader_expect_event(r, i, "message", line);
	}
}

/* ---- */

static void streams_to_who_has_the_password(void **state)
{
	(void)state;
	start_apache(STOCK_RULE);
	struct http_client *client = open_stream("X-None: 1");

	reader_expect_status(&client->reader, 401);
	assert_non_null(reader_header(&client->reader, "WWW-Authenticate"));
	expect_status_of(open_stream(WRONG), 401);
	expect_events(&open_stream(PASSWORD)->reader);
}

/* Half of the lock is in each file: without the other half it is shut. */
static void nobody_reads_when_the_lines_about_passwords_are_lost(void **state)
{
	(void)state;
	start_apache(STOCK_RULE);
	edit(".htaccess", "AuthType Basic", "#");
	edit(".htaccess", "AuthName", "#");
	edit(".htaccess", "AuthUserFile", "#");
	edit(".htaccess", "Require valid-user", "#");
	expect_status_of(open_stream("X-None: 1"), 404);
	edit(".htssetail.conf", "require_user = true;", "");
	reader_expect_event(
		&open_stream("X-None: 1")->reader, 0, "message", "one");
}

static void apache_hands_out_no_file_of_ours(void **state)
{
	static const char *const names[] = { ".htssetail.conf", ".htaccess",
		".htpasswd" };
	static const char *const password[] = { PASSWORD, NULL };

	(void)state;
	/* By the .htaccess alone, and by its own rule alone. */
	for (int stock = 0; stock < 2; stock++) {
		start_apache(stock ? STOCK_RULE : "");
		for (size_t i = 0; i < COUNT(names); i++)
			expect_status_of(get(names[i], NULL, password), 403);
		reader_expect_event(
			&open_stream(PASSWORD)->reader, 0, "message", "one");
		reader_close_all();
		/* What is not called so is handed out. */
		disk_copy(disk_path(host.own, ".htssetail.conf"),
			disk_path(host.own, "ssetail.conf"));
		expect_status_of(get("ssetail.conf", NULL, password), 200);
		process_free(host.apache);
		if (!stock)
			edit(".htaccess", "<FilesMatch \"^\\.ht\">",
				"<FilesMatch \"^none\">");
	}
}

static void streams_where_everything_is_compressed(void **state)
{
	static const char *const ways[] = {
		"SetOutputFilter BROTLI_COMPRESS;DEFLATE\n",
		"<Location />\nSetOutputFilter DEFLATE\n</Location>\n",
		"AddOutputFilterByType DEFLATE text/event-stream\n",
		"AddOutputFilter DEFLATE cgi\n",
	};
	static const char *const headers[] = { PASSWORD,
		"Accept-Encoding: gzip, br", NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++) {
		disk_write(host.log, "%s", "one\n");
		start_apache(ways[i]);
		expect_events(&get("ssetail.cgi", "/error", headers)->reader);
		reader_close_all();
		process_free(host.apache);
	}
}

static void a_client_that_goes_away_leaves_no_process(void **state)
{
	(void)state;
	edit(".htssetail.conf", "sources", "heartbeat = 1; sources");
	start_apache(STOCK_RULE);
	struct http_client *client = open_stream(PASSWORD);

	reader_expect_event(&client->reader, 0, "message", "one");
	assert_int_equal(process_descendants(getpid(), "ssetail.cgi"), 1);
	reader_hang_up(&client->reader);
	wait_for(process_descendants(getpid(), "ssetail.cgi") == 0);
}

/* ---- what goes wrong, as README.md tells it: what one sees, and what the
 * error log says */

static void without_the_execute_bit(void)
{
	disk_mode(disk_path(host.own, "ssetail.cgi"), 0644);
}

/* An upload in text mode puts a CR before each LF. */
static void uploaded_as_text(void)
{
	const char *path = disk_path(host.own, "ssetail.cgi");
	struct bytes program = BYTES_INIT, text = BYTES_INIT;

	disk_read(&program, path);
	for (size_t i = 0; i < program.len; i++) {
		if (program.data[i] == '\n')
			bytes_add_byte(&text, '\r');
		bytes_add_byte(&text, program.data[i]);
	}
	disk_write_bytes(path, text.data, text.len);
	bytes_release(&program);
	bytes_release(&text);
}

static void for_another_kind_of_processor(void)
{
	const char *path = disk_path(host.own, "ssetail.cgi");
	struct bytes program = BYTES_INIT;

	disk_read(&program, path);
	program.data[18] = 8; /* e_machine: MIPS */
	disk_write_bytes(path, program.data, program.len);
	bytes_release(&program);
}

static void without_execcgi(void)
{
	edit(".htaccess", "Options +ExecCGI", "");
}

static void without_its_handler(void)
{
	edit(".htaccess", "SetHandler cgi-script", "");
}

static void without_its_configuration(void)
{
	disk_remove(disk_path(host.own, ".htssetail.conf"));
}

static void with_a_fault_in_its_configuration(void)
{
	edit(".htssetail.conf", "name =", "nmae =");
}

static void with_a_line_that_the_host_forbids(void)
{
	edit(".htaccess", "SetHandler", "ProxyPass");
}

static void without_the_file_of_passwords(void)
{
	disk_remove(disk_path(host.own, ".htpasswd"));
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		void (*spoil)(void);
		int status;
		const char *body; /* NULL: Apache's own page */
		const char *logged;
	} cases[] = {
		{ without_the_execute_bit, 500, NULL, "Permission denied" },
		{ uploaded_as_text, 500, NULL, "End of script output" },
		{ for_another_kind_of_processor, 500, NULL,
			"Exec format error" },
		{ without_execcgi, 403, NULL, "Options ExecCGI is off" },
		{ without_its_handler, 404, NULL, "File does not exist" },
		{ without_its_configuration, 500,
			"put .htssetail.conf beside the program",
			"none found" },
		{ with_a_fault_in_its_configuration, 500,
			".htssetail.conf:10: sources[0].nmae: unknown key",
			".htssetail.conf:10: sources[0].nmae: unknown key" },
		{ with_a_line_that_the_host_forbids, 500, NULL, ".htaccess" },
		{ without_the_file_of_passwords, 500, NULL,
			"Could not open password file" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		upload(state);
		cases[i].spoil();
		start_apache(STOCK_RULE);
		struct http_client *client = open_stream(PASSWORD);

		reader_wait_end(&client->reader);
		reader_expect_status(&client->reader, cases[i].status);
		if (cases[i].body)
			reader_wait_text(&client->reader, cases[i].body);
		process_wait_errors(host.apache, cases[i].logged);
		reader_close(&client->reader);
		process_free(host.apache);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, upload, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(streams_to_who_has_the_password),
		TEST(nobody_reads_when_the_lines_about_passwords_are_lost),
		TEST(apache_hands_out_no_file_of_ours),
		TEST(streams_where_everything_is_compressed),
		TEST(a_client_that_goes_away_leaves_no_process),
		TEST(says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
