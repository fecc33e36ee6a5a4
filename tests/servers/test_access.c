/*
 * Who may read, behind real web servers: a name is believed where the server
 * has checked it, and nowhere else.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/http.h"
#include "tests/lib/responder.h"
#include "tests/lib/server.h"

/* Only ann may read, and zoe has a password, too: "secret", both. */
#define RULE "users = [ \"ann\" ];"
static const char passwords[] = "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"
				"zoe:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";

#define AS_ANN	"Authorization: Basic YW5uOnNlY3JldA=="
#define AS_ZOE	"Authorization: Basic em9lOnNlY3JldA=="
#define GUESSED "Authorization: Basic YW5uOndyb25n"

static struct http_client *open_as(const char *address, const char *mount,
	const char *path, const char *authorization)
{
	const char *const headers[] = { authorization, NULL };

	return http_open(address,
		&(struct ask){
			.mount = mount, .path = path, .headers = headers });
}

static void expect_status_(const char *address, const char *mount,
	const char *authorization, int status)
{
	struct reader *r =
		&open_as(address, mount, "/log", authorization)->reader;

	reader_expect_status(r, status);
	if (status == 200)
		reader_expect_event(r, 0, "message", "one");
	else
		reader_wait_end(r);
	reader_close(r);
}
#define expect_status(...) TEST_HERE(expect_status_(__VA_ARGS__))

static void expect_unknown_(
	const char *address, const char *mount, const char *authorization)
{
	struct reader *r =
		&open_as(address, mount, "/log", authorization)->reader;
	struct reader *unknown =
		&open_as(address, mount, "/none", authorization)->reader;

	reader_expect_status(r, 404);
	reader_wait_end(r);
	reader_wait_end(unknown);
	assert_string_equal(bytes_text(&r->body), bytes_text(&unknown->body));
	reader_close(r);
	reader_close(unknown);
}
#define expect_unknown(...) TEST_HERE(expect_unknown_(__VA_ARGS__))

/* ---- nginx */

/* /events with the parameters that Debian's nginx comes with, and /checked
 * where nginx asks for a password and says so as ssetail.conf(5) has it. */
static const char nginx_conf[] =
	"daemon off;\n"
	"%s"
	"pid nginx.pid;\n"
	"error_log stderr;\n"
	"events { }\n"
	"http {\n"
	"	access_log off;\n"
	"	client_body_temp_path tmp; fastcgi_temp_path tmp;\n"
	"	proxy_temp_path tmp; scgi_temp_path tmp; uwsgi_temp_path tmp;\n"
	"	include /etc/nginx/fastcgi_params;\n"
	"	fastcgi_param PATH_INFO $fastcgi_path_info;\n"
	"	server {\n"
	"		listen %s;\n"
	"		fastcgi_split_path_info ^(/[a-z]+)(/.*)$;\n"
	"		location /events/ { fastcgi_pass unix:%s; }\n"
	"		location /checked/ {\n"
	"			auth_basic logs;\n"
	"			auth_basic_user_file passwords;\n"
	"			include /etc/nginx/fastcgi_params;\n"
	"			fastcgi_param PATH_INFO $fastcgi_path_info;\n"
	"			fastcgi_param AUTH_TYPE Basic;\n"
	"			fastcgi_pass unix:%s;\n"
	"		}\n"
	"	}\n"
	"}\n";

/* Returns its address. */
static const char *start_nginx(struct responder *r, const char *settings)
{
	const char *address = responder_tcp();
	const char *conf, *folder;
	struct process *p;
	int fd;

	responder_start(r, &(struct responder_how){
				   .settings = settings, .source = RULE });
	disk_append(r->log, "one\n");
	folder = disk_subfolder(r->folder, "nginx");
	conf = disk_path(folder, "nginx.conf");
	disk_write(conf, nginx_conf, geteuid() == 0 ? "user root;\n" : "",
		address, r->address, r->address);
	disk_write(disk_path(folder, "passwords"), "%s", passwords);
	p = process_run("/usr/sbin/nginx", "-e", "stderr", "-p", folder, "-c",
		conf, NULL);
	struct test_wait wait = test_wait_here("nginx to accept");
	while ((fd = reader_connect(address)) < 0) {
		if (!process_runs(p))
			test_fail("nginx has ended");
		test_wait_step(&wait);
	}
	close(fd);
	return address;
}

static void a_name_that_nginx_has_not_checked_is_refused(void **state)
{
	(void)state;
	struct responder r;
	const char *address = start_nginx(&r, "");

	expect_unknown(address, "/events", NULL);
	expect_unknown(address, "/events", AS_ANN);
	expect_unknown(address, "/events", AS_ZOE);
	expect_unknown(address, "/events", GUESSED);
}

/* That the claim arrives is what makes the test above one. */
static void nginx_passes_on_whatever_name_is_claimed(void **state)
{
	(void)state;
	struct responder r;
	const char *address = start_nginx(&r, "trust_remote_user = true;");

	expect_unknown(address, "/events", NULL);
	expect_status(address, "/events", GUESSED, 200);
	expect_status(address, "/events", AS_ZOE, 403);
}

static void a_name_that_nginx_has_checked_is_believed_when_told_so(void **state)
{
	(void)state;
	struct responder r;
	const char *address = start_nginx(&r, "");

	expect_status(address, "/checked", NULL, 401);
	expect_status(address, "/checked", GUESSED, 401);
	expect_status(address, "/checked", AS_ZOE, 403);
	expect_status(address, "/checked", AS_ANN, 200);
}

/* ---- lighttpd and Apache */

#define LIGHTTPD(file, what, top)                                              \
	{                                                                      \
		.program = "lighttpd", .fragment = "conf/lighttpd/" file,      \
		.ssetail = what, .sets = top                                   \
	}
#define APACHE(loads, file, what, top)                                         \
	{                                                                      \
		.program = "apache2", .fragment = "conf/apache/" file,         \
		.ssetail = what, .sets = top,                                  \
		.modules = "mpm_event authn_core authn_file auth_basic "       \
			   "authz_user " loads                                 \
	}
static const struct server_kind kinds[] = {
	LIGHTTPD("fastcgi.conf", "ssetail.fcgi", "program config socket"),
	LIGHTTPD("cgi.conf", "ssetail.cgi", "program config"),
	APACHE("cgid", "cgi.conf", "ssetail.cgi", "program config"),
	APACHE("fcgid", "fcgid.conf", "ssetail.fcgi", "program config"),
	APACHE("proxy proxy_fcgi", "proxy-pass.conf", "ssetail.fcgi", "socket"),
	APACHE("proxy proxy_fcgi", "proxy-handler.conf", "ssetail.fcgi",
		"socket"),
};
/* A login for what is below /events. %s: the file of passwords. */
static const char lighttpd_login[] =
	"server.modules += ( \"mod_auth\", \"mod_authn_file\" )\n"
	"auth.backend = \"htpasswd\"\n"
	"auth.backend.htpasswd.userfile = \"%s\"\n"
	"auth.require = ( \"/events\" => ( \"method\" => \"basic\",\n"
	"	\"realm\" => \"logs\", \"require\" => \"valid-user\" ) )\n";
static const char apache_login[] = "<Location \"/events\">\n"
				   "	AuthType Basic\n"
				   "	AuthName logs\n"
				   "	AuthUserFile %s\n"
				   "	Require valid-user\n"
				   "</Location>\n";

static void start(struct server *s, const struct server_kind *kind, bool login)
{
	bool is_apache = strcmp(kind->program, "apache2") == 0;
	const char *file = disk_path(disk_folder(), "passwords");
	struct bytes site = BYTES_INIT;

	disk_write(file, "%s", passwords);
	if (login)
		bytes_add_format(
			&site, is_apache ? apache_login : lighttpd_login, file);
	server_start(s, kind,
		&(struct server_how){
			.source = RULE, .site = bytes_text(&site) });
	bytes_release(&site);
	disk_append(s->log, "one\n");
}

static void who_has_logged_in_and_is_listed_may_read(void **state)
{
	struct server s;

	start(&s, *state, true);
	expect_status(s.address, "/events", NULL, 401);
	expect_status(s.address, "/events", GUESSED, 401);
	expect_status(s.address, "/events", AS_ZOE, 403);
	expect_status(s.address, "/events", AS_ANN, 200);
}

static void without_a_login_nobody_is_anybody(void **state)
{
	struct server s;

	start(&s, *state, false);
	expect_unknown(s.address, "/events", NULL);
	expect_unknown(s.address, "/events", AS_ANN);
}

#define TEST(name) cmocka_unit_test_teardown(name, test_cleanup)
#define WITH(i, kind, name)                                                    \
	{                                                                      \
		kind ": " #name, name, NULL, test_cleanup,                     \
			(void *)(uintptr_t)&kinds[i]                           \
	}
#define TESTS(name)                                                            \
	WITH(0, "lighttpd mod_fastcgi", name),                                 \
		WITH(1, "lighttpd mod_cgi", name),                             \
		WITH(2, "Apache mod_cgid", name),                              \
		WITH(3, "Apache mod_fcgid", name),                             \
		WITH(4, "Apache ProxyPass", name),                             \
		WITH(5, "Apache SetHandler", name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_that_nginx_has_not_checked_is_refused),
		TEST(nginx_passes_on_whatever_name_is_claimed),
		TEST(a_name_that_nginx_has_checked_is_believed_when_told_so),
		TESTS(who_has_logged_in_and_is_listed_may_read),
		TESTS(without_a_login_nobody_is_anybody),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
