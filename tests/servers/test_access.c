/*
 * Who may read, behind real web servers: a name is believed where the server
 * has checked it, and nowhere else.
 */
#include "tests/lib/test.h"

#include "tests/lib/brand.h"
#include "tests/lib/disk.h"
#include "tests/lib/http.h"
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

/* ---- what is changed in a server so that it asks for the passwords */

/* A text of a fragment with what stands in its place when it is copied. */
typedef const char *const change[2];

static void change_fragment(struct server *s, change *changes)
{
	const char *from = brand_fragment(s);
	const char *to = disk_path(s->folder, "changed");

	disk_copy_changed(from, to, changes);
	disk_rename(to, from);
}

static void have_lighttpd_ask(struct server *s)
{
	disk_append(s->config,
		"server.modules += ( \"mod_auth\", \"mod_authn_file\" )\n"
		"auth.backend = \"htpasswd\"\n"
		"auth.backend.htpasswd.userfile = \"%s/passwords\"\n"
		"auth.require = ( \"/events\" => ( \"method\" => \"basic\",\n"
		"	\"realm\" => \"logs\", \"require\" => \"valid-user\" "
		") )\n",
		s->folder);
}

static void have_apache_ask(struct server *s)
{
	disk_append(s->config,
		"<Location \"/events\">\n"
		"	AuthType Basic\n"
		"	AuthName logs\n"
		"	AuthUserFile %s/passwords\n"
		"	Require valid-user\n"
		"</Location>\n",
		s->folder);
}

static void have_nginx_ask(struct server *s)
{
	change_fragment(s, (change[]){ { "#auth_basic", "auth_basic" },
				   { "#fastcgi_param", "fastcgi_param" },
				   { "/etc/nginx/ssetail.passwords",
					   disk_path(s->folder, "passwords") },
				   { NULL, NULL } });
}

static void have_haproxy_ask(struct server *s)
{
	change_fragment(s,
		(change[]){ { "#user ann password $5$...",
				    "user ann insecure-password secret\n"
				    "	user zoe insecure-password secret #" },
			{ "#http-request", "http-request" }, { NULL, NULL } });
}

/* "secret". */
#define BCRYPT "$2b$04$CQxCcYomEHCZlb9.RQMPzu2yGLKr6m21DjOcAazEZPD2aXDT5lGUi"

static void have_caddy_ask(struct server *s)
{
	change_fragment(
		s, (change[]){ { "handle @ssetail {", "basicauth @ssetail {\n"
						      "	ann " BCRYPT "\n"
						      "	zoe " BCRYPT "\n"
						      "}\n"
						      "handle @ssetail {" },
			   { NULL, NULL } });
}

/* ---- all of them */

struct login {
	struct server_kind kind;
	void (*ask)(struct server *s);
	const char *settings; /* of ssetail, with which a name counts */
};

#define LIGHTTPD(file, what, top)                                              \
	{                                                                      \
		{ .program = "lighttpd",                                       \
			.fragment = "conf/lighttpd/" file,                     \
			.ssetail = what,                                       \
			.sets = top },                                         \
			have_lighttpd_ask, ""                                  \
	}
#define APACHE(loads, file, what, top)                                         \
	{                                                                      \
		{ .program = "apache2",                                        \
			.fragment = "conf/apache/" file,                       \
			.ssetail = what,                                       \
			.sets = top,                                           \
			.modules = "mpm_event authn_core authn_file "          \
				   "auth_basic authz_user " loads },           \
			have_apache_ask, ""                                    \
	}
#define OTHER(what, file, ask, settings)                                       \
	{                                                                      \
		{ .program = what,                                             \
			.fragment = "conf/" what "/" file,                     \
			.ssetail = "ssetail.fcgi",                             \
			.sets = "socket" },                                    \
			ask, settings                                          \
	}
static const struct login logins[] = {
	LIGHTTPD("fastcgi.conf", "ssetail.fcgi", "program config socket"),
	LIGHTTPD("cgi.conf", "ssetail.cgi", "program config"),
	APACHE("cgid", "cgi.conf", "ssetail.cgi", "program config"),
	APACHE("fcgid", "fcgid.conf", "ssetail.fcgi", "program config"),
	APACHE("proxy proxy_fcgi", "proxy-pass.conf", "ssetail.fcgi", "socket"),
	APACHE("proxy proxy_fcgi", "proxy-handler.conf", "ssetail.fcgi",
		"socket"),
	OTHER("nginx", "ssetail.conf", have_nginx_ask, ""),
	OTHER("haproxy", "ssetail.cfg", have_haproxy_ask,
		"trust_remote_user = true;"),
	OTHER("caddy", "ssetail.caddy", have_caddy_ask, ""),
};
enum { NGINX = 6, HAPROXY };

static void ask_for_passwords(struct server *s)
{
	const struct login *login = (const struct login *)s->kind;

	disk_write(disk_path(s->folder, "passwords"), "%s", passwords);
	login->ask(s);
}

static void start(struct server *s, const struct login *login,
	const struct server_how *how)
{
	struct server_how rule = *how;

	rule.source = RULE;
	server_start(s, &login->kind, &rule);
	disk_append(s->log, "one\n");
}

static void who_has_logged_in_and_is_listed_may_read(void **state)
{
	const struct login *login = *state;
	struct server s;

	start(&s, login,
		&(struct server_how){ .settings = login->settings,
			.prepare = ask_for_passwords });
	expect_status(s.address, "/events", NULL, 401);
	expect_status(s.address, "/events", GUESSED, 401);
	expect_status(s.address, "/events", AS_ZOE, 403);
	expect_status(s.address, "/events", AS_ANN, 200);
}

/* Nor with the settings for a server that asks. */
static void without_a_login_nobody_is_anybody(void **state)
{
	const struct login *login = *state;
	struct server s;

	start(&s, login, &(struct server_how){ .settings = login->settings });
	expect_unknown(s.address, "/events", NULL);
	expect_unknown(s.address, "/events", AS_ANN);
	expect_unknown(s.address, "/events", AS_ZOE);
	expect_unknown(s.address, "/events", GUESSED);
}

/* ---- servers that pass on what is only claimed */

/* That the claim arrives is what makes the test above one. */
static void nginx_passes_on_whatever_name_is_claimed(void **state)
{
	struct server s;

	start(&s, *state,
		&(struct server_how){
			.settings = "trust_remote_user = true;" });
	expect_unknown(s.address, "/events", NULL);
	expect_status(s.address, "/events", GUESSED, 200);
	expect_status(s.address, "/events", AS_ZOE, 403);
}

static void let_claims_pass(struct server *s)
{
	change_fragment(s, (change[]){ { "http-request del-header", "#" },
				   { NULL, NULL } });
}

static void haproxy_passes_on_whatever_name_is_claimed(void **state)
{
	struct server s;

	start(&s, *state,
		&(struct server_how){ .settings = "trust_remote_user = true;",
			.prepare = let_claims_pass });
	expect_unknown(s.address, "/events", NULL);
	expect_status(s.address, "/events", GUESSED, 200);
}

/* It says that it has checked them. */
static void what_haproxy_claims_to_have_checked_is_refused(void **state)
{
	struct server s;

	start(&s, *state, &(struct server_how){ .prepare = let_claims_pass });
	expect_unknown(s.address, "/events", GUESSED);
	expect_unknown(s.address, "/events", AS_ANN);
}

#define TEST(i, name)                                                          \
	{                                                                      \
#name, name, NULL, test_cleanup, (void *)(uintptr_t)&logins[i] \
	}
#define WITH(i, kind, name)                                                    \
	{                                                                      \
		kind ": " #name, name, NULL, test_cleanup,                     \
			(void *)(uintptr_t)&logins[i]                          \
	}
#define TESTS(name)                                                            \
	WITH(0, "lighttpd mod_fastcgi", name),                                 \
		WITH(1, "lighttpd mod_cgi", name),                             \
		WITH(2, "Apache mod_cgid", name),                              \
		WITH(3, "Apache mod_fcgid", name),                             \
		WITH(4, "Apache ProxyPass", name),                             \
		WITH(5, "Apache SetHandler", name),                            \
		WITH(NGINX, "nginx", name), WITH(HAPROXY, "HAProxy", name),    \
		WITH(8, "Caddy", name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTS(who_has_logged_in_and_is_listed_may_read),
		TESTS(without_a_login_nobody_is_anybody),
		TEST(NGINX, nginx_passes_on_whatever_name_is_claimed),
		TEST(HAPROXY, haproxy_passes_on_whatever_name_is_claimed),
		TEST(HAPROXY, what_haproxy_claims_to_have_checked_is_refused),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
