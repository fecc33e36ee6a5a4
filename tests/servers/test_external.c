/*
 * The servers that only pass requests on to an ssetail.fcgi that runs already:
 * nginx, HAProxy, Caddy, each with its fragment; and what is said of one of
 * them alone.
 */
#include "tests/lib/contract.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/brand.h"
#include "tests/lib/browser.h"
#include "tests/lib/disk.h"
#include "tests/lib/kinds.h"

/* How long a browser takes for some lines, each when it has the one before. */
static int64_t time_to_follow(const struct server *s)
{
	struct browser b;
	int64_t begin;

	browser_open(&b, s);
	browser_follow(&b, 1);
	begin = test_now_ms();
	browser_follow(&b, 20);
	browser_release(&b);
	return test_now_ms() - begin;
}

static void the_header_is_enough_for_nginx(void **state)
{
	struct server_kind kind = *(const struct server_kind *)*state;
	struct server s;

	kind.instead = NULL;
	server_start(
		&s, &kind, &(struct server_how){ .without_decisive = true });
	time_to_follow(&s);
}

/* By how much nobody says here, only which of two is the later one: one that
 * waits for 200 ms for each line. */
static void haproxy_is_late_without_its_decisive_line(void **state)
{
	struct server_kind kind = *(const struct server_kind *)*state;
	struct server prompt, late;

	kind.decisive = "http-no-delay";
	server_start(&prompt, &kind, NULL);
	server_start(
		&late, &kind, &(struct server_how){ .without_decisive = true });
	assert_true(time_to_follow(&prompt) < time_to_follow(&late));
}

/* A browser that says nothing does not have to be waited for. */
static void nginx_tells_at_once_that_a_browser_has_gone(void **state)
{
	struct server s;

	server_start(&s, *state,
		&(struct server_how){ .settings = "heartbeat = 3600;" });
	struct http_client *client = server_open(&s, NULL);
	reader_wait_text(&client->reader, "retry: ");
	assert_int_equal(server_clients(&s), 1);
	reader_hang_up(&client->reader);
	wait_for(server_clients(&s) == 0);
}

/* ---- Debian's sites, changed as the fragments say */

typedef const char *const change[2];

static void use_debians_nginx(struct server *s)
{
	const char *site = disk_path(s->folder, "site.conf");
	char address[64];

	snprintf(address, sizeof(address), "listen %s;", s->address);
	disk_rename(brand_fragment(s),
		disk_path(
			disk_subfolder(s->folder, "snippets"), "ssetail.conf"));
	disk_copy_changed("/etc/nginx/sites-available/default", site,
		(change[]){ { "listen 80 default_server;", address },
			{ "listen [::]:80 default_server;", "" },
			{ "server_name _;", "include snippets/ssetail.conf;" },
			{ NULL, NULL } });
	disk_copy_changed("/etc/nginx/nginx.conf", s->config,
		(change[]){
			{ "pid /run/nginx.pid;", "pid nginx.pid; daemon off;" },
			{ "/var/log/nginx/error.log", "stderr" },
			{ "access_log /var/log/nginx/access.log;",
				"access_log off;" },
			{ "/etc/nginx/modules-enabled/*.conf", "/dev/null" },
			{ "/etc/nginx/conf.d/*.conf", "/dev/null" },
			{ "/etc/nginx/sites-enabled/*", site },
			{ "http {",
				"http {\n"
				"client_body_temp_path tmp;\n"
				"fastcgi_temp_path tmp; proxy_temp_path tmp;\n"
				"scgi_temp_path tmp; uwsgi_temp_path tmp;" },
			{ NULL, NULL } });
}

static void use_debians_haproxy(struct server *s)
{
	bool is_root = geteuid() == 0;
	const char *chroot = disk_path("chroot ", "%s", s->folder + 1);

	disk_copy_changed("/etc/haproxy/haproxy.cfg", s->config,
		(change[]){
			{ "chroot /var/lib/haproxy", is_root ? chroot : "" },
			{ "user haproxy", is_root ? "user haproxy" : "" },
			{ "group haproxy", is_root ? "group haproxy" : "" },
			{ "stats socket /run/haproxy/admin.sock", "#" },
			{ "	daemon\n", "\n" }, { NULL, NULL } });
	disk_append(s->config,
		"frontend web\n"
		"	bind %s\n"
		"	use_backend ssetail if { path /events } || "
		"{ path_beg /events/ }\n",
		s->address);
}

static void use_debians_caddy(struct server *s)
{
	char site[128];

	snprintf(site, sizeof(site),
		"\n{\n	admin off\n}\n"
		"import ssetail.caddy\n"
		"%s {\n	bind 127.0.0.1\n	import ssetail\n",
		strchr(s->address, ':'));
	disk_copy_changed("/etc/caddy/Caddyfile", s->config,
		(change[]){ { "\n:80 {", site }, { NULL, NULL } });
}

static void lives_on_debians_site(void **state)
{
	static void (*const use[KINDS])(struct server * s) = {
		[KIND_NGINX] = use_debians_nginx,
		[KIND_HAPROXY] = use_debians_haproxy,
		[KIND_CADDY] = use_debians_caddy,
	};
	const struct server_kind *kind = *state;
	struct server s;

	server_start(
		&s, kind, &(struct server_how){ .prepare = use[kind - kinds] });
	time_to_follow(&s);
}

#define TEST(kind, function)                                                   \
	{                                                                      \
#function, function, NULL, test_cleanup,                       \
			(void *)(uintptr_t)&kinds[kind]                        \
	}

int main(void)
{
	const struct CMUnitTest others[] = {
		TEST(KIND_NGINX, the_header_is_enough_for_nginx),
		TEST(KIND_NGINX, nginx_tells_at_once_that_a_browser_has_gone),
		TEST(KIND_HAPROXY, haproxy_is_late_without_its_decisive_line),
		TEST(KIND_NGINX, lives_on_debians_site),
		TEST(KIND_HAPROXY, lives_on_debians_site),
		TEST(KIND_CADDY, lives_on_debians_site),
	};

	return contract_run(&kinds[KIND_NGINX], KIND_CADDY - KIND_NGINX + 1,
		others, sizeof(others) / sizeof(*others));
}
