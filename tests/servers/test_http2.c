/*
 * HTTP/2, over TLS as browsers want it: how many streams of one page, on its
 * one connection, a server carries at a time. The client is nghttp.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/examine.h"
#include "tests/lib/server.h"

/* More than the six connections of HTTP/1.1 that browsers open to a site. */
#define WANTED 12

enum { STEPS = 20 };

struct http2 {
	struct server_kind kind;
	const char *site; /* more for it; ADDRESS, CERTIFICATE, KEY and BOTH
			   * are put in */
	size_t streams;	  /* that it carries, of those wanted */
};

/* Where they listen for it, and what they need for that. */
static struct {
	const char *address;
	const char *certificate, *key, *both;
} tls;

static void add_site_of_caddy(struct server *s)
{
	disk_append(s->config,
		"https://%s {\n"
		"	bind 127.0.0.1\n"
		"	tls %s %s\n"
		"	import ssetail\n"
		"}\n",
		tls.address, tls.certificate, tls.key);
}

static const struct http2 servers[] = {
	{ { .name = "nginx",
		  .program = "nginx",
		  .fragment = "conf/nginx/ssetail.conf",
		  .ssetail = "ssetail.fcgi",
		  .sets = "socket" },
		"listen ADDRESS ssl http2;\n"
		"ssl_certificate CERTIFICATE;\n"
		"ssl_certificate_key KEY;\n",
		WANTED },
	{ { .name = "HAProxy",
		  .program = "haproxy",
		  .fragment = "conf/haproxy/ssetail.cfg",
		  .ssetail = "ssetail.fcgi",
		  .sets = "socket" },
		"	bind ADDRESS ssl crt BOTH alpn h2\n", WANTED },
	{ { .name = "Caddy",
		  .program = "caddy",
		  .fragment = "conf/caddy/ssetail.caddy",
		  .ssetail = "ssetail.fcgi",
		  .sets = "socket",
		  .prepare = add_site_of_caddy },
		"", WANTED },
	/* What it announces: SETTINGS_MAX_CONCURRENT_STREAMS. */
	{ { .name = "lighttpd",
		  .program = "lighttpd",
		  .fragment = "conf/lighttpd/fastcgi-external.conf",
		  .ssetail = "ssetail.fcgi",
		  .sets = "socket" },
		"server.modules += ( \"mod_openssl\" )\n"
		"$SERVER[\"socket\"] == \"ADDRESS\" {\n"
		"	ssl.engine = \"enable\"\n"
		"	ssl.pemfile = \"CERTIFICATE\"\n"
		"	ssl.privkey = \"KEY\"\n"
		"}\n",
		8 },
	/* It takes them all, and works on six at a time. */
	{ { .name = "Apache",
		  .program = "apache2",
		  .modules = "mpm_event proxy proxy_fcgi ssl http2",
		  .fragment = "conf/apache/proxy-pass.conf",
		  .ssetail = "ssetail.fcgi",
		  .sets = "socket" },
		"Listen ADDRESS https\n"
		"<VirtualHost ADDRESS>\n"
		"	Protocols h2\n"
		"	SSLEngine on\n"
		"	SSLCertificateFile CERTIFICATE\n"
		"	SSLCertificateKeyFile KEY\n"
		"</VirtualHost>\n",
		6 },
};

/* ---- TLS */

static void make_certificate(void)
{
	const char *folder = disk_folder();
	struct bytes both = BYTES_INIT;

	tls.key = disk_path(folder, "key.pem");
	tls.certificate = disk_path(folder, "certificate.pem");
	tls.both = disk_path(folder, "both.pem");
	assert_int_equal(
		process_exit_code(process_run("openssl", "req", "-x509",
			"-newkey", "ec", "-pkeyopt",
			"ec_paramgen_curve:prime256v1", "-nodes", "-subj",
			"/CN=localhost", "-addext",
			"subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout",
			tls.key, "-out", tls.certificate, NULL)),
		0);
	disk_read(&both, tls.certificate);
	disk_read(&both, tls.key);
	disk_write_bytes(tls.both, both.data, both.len);
	bytes_release(&both);
}

static void put_in(struct bytes *site, const char *sign, const char *value)
{
	struct bytes more = BYTES_INIT;

	bytes_add_replaced(&more, bytes_text(site), sign, value);
	bytes_release(site);
	*site = more;
}

static void start(struct server *s, const struct http2 *http2)
{
	struct bytes site = BYTES_INIT;

	make_certificate();
	tls.address = disk_path("", "127.0.0.1:%d", process_free_port()) + 1;
	bytes_add_text(&site, http2->site);
	put_in(&site, "ADDRESS", tls.address);
	put_in(&site, "CERTIFICATE", tls.certificate);
	put_in(&site, "KEY", tls.key);
	put_in(&site, "BOTH", tls.both);
	server_start(s, &http2->kind,
		&(struct server_how){ .settings = "heartbeat = 1;",
			.site = bytes_text(&site) });
	bytes_release(&site);
}

/* ---- a page with many streams */

static size_t times(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* What it prints arrives at once, and mixed. */
static struct process *open_page(void)
{
	char wanted[8];

	snprintf(wanted, sizeof(wanted), "%d", WANTED);
	return process_run("stdbuf", "-o0", "nghttp", "-y", "-m", wanted,
		disk_path(
			disk_path("https:/", "%s", tls.address), "events/log"),
		NULL);
}

static void carries_streams_of_one_page(void **state)
{
	const struct http2 *http2 = *state;
	struct process *page;
	struct server s;

	start(&s, http2);
	page = open_page();
	wait_for(times(process_output(page), "retry: ") >= http2->streams);
	for (int i = 0; i < STEPS; i++) {
		char line[32];

		snprintf(line, sizeof(line), "data: step-%02d\n", i);
		disk_append(s.log, "%s", line + strlen("data: "));
		wait_for(times(process_output(page), line) == http2->streams);
	}
	assert_int_equal(server_clients(&s), http2->streams);
	process_stop(page);
	wait_for(server_clients(&s) == 0);
}

/* curl opens a connection for each stream. */
static void is_found_well_by_the_doctor(void **state)
{
	static const char *const any_certificate[] = { "-k", NULL };
	struct process *doctor;
	struct server s;

	start(&s, *state);
	doctor = examine(
		disk_path(disk_path("https:/", "%s", tls.address), "events"),
		any_certificate);
	assert_int_equal(process_exit_code(doctor), 0);
	assert_non_null(strstr(process_output(doctor), " h2.\n"));
}

#define TEST(i, kind, function)                                                \
	{                                                                      \
		kind ": " #function, function, NULL, test_cleanup,             \
			(void *)(uintptr_t)&servers[i]                         \
	}
#define TESTS(i, kind)                                                         \
	TEST(i, kind, carries_streams_of_one_page),                            \
		TEST(i, kind, is_found_well_by_the_doctor)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTS(0, "nginx"),
		TESTS(1, "HAProxy"),
		TESTS(2, "Caddy"),
		TESTS(3, "lighttpd"),
		TESTS(4, "Apache"),
	};

	return cmocka_run_group_tests_name("HTTP/2", tests, NULL, NULL);
}
