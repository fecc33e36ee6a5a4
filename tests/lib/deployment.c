#define TESTS_LIB_INSIDE
#include "tests/lib/deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/brand.h"
#include "tests/lib/disk.h"
#include "tests/lib/kinds.h"
#include "tests/lib/process.h"
#include "tests/lib/reader.h"
#include "tests/lib/test.h"

/* ---- what is wrong, and what the doctor has to say */

enum file { IN_FRAGMENT, IN_SITE, IN_SSETAIL, IN_FRONT };

/* A text in a file, and what stands there instead. */
struct edit {
	enum file file;
	const char *from;
	const char *to;
};

/* In edits: where the directive goes, and its place until then, a comment
 * wherever it stands. */
#define DIRECTIVE "DIRECTIVE"
#define HERE	  "# DIRECTIVE"

struct deployment {
	const char *name;
	enum kind kind;
	const char *site;   /* more for the server's */
	const char *front;  /* of an nginx before it, what its location has
			     * beside proxy_pass; NULL: there is none */
	unsigned heartbeat; /* seconds; 0: 1 */
	bool is_twin;	    /* much like another one */
	struct edit fault;

	/* NULL: nothing is wrong. */
	const char *cause;

	/* Of the first number in what is said of it; both 0: there is none. On
	 * a machine that is busy a buffer looks like the next power of two. */
	unsigned least, most;

	/* How what it says above the directive begins, and where that goes;
	 * `from` NULL: in the place of HERE. */
	const char *cure;
	struct edit place;
};

#define MODULE(name)                                                           \
	"LoadModule " name "_module /usr/lib/apache2/modules/mod_" name ".so"  \
	"\n"

#define DEFLATE MODULE("filter") MODULE("deflate") "SetOutputFilter DEFLATE\n"

#define STREAM_BODY "server.stream-response-body = 2"
#define LOCATION    "<Location \"/events\">\n"

#define FEW_WORKERS                                                            \
	"ServerLimit 1\nStartServers 1\nThreadLimit 4\nThreadsPerChild 4\n"    \
	"MinSpareThreads 1\nMaxSpareThreads 4\nMaxRequestWorkers 4\n"

static const struct deployment deployments[] = {
	{ .name = "lighttpd mod_fastcgi as in conf/",
		.kind = KIND_LIGHTTPD_FASTCGI },
	{ .name = "lighttpd mod_fastcgi, external, as in conf/",
		.kind = KIND_LIGHTTPD_EXTERNAL },
	{ .name = "lighttpd mod_cgi as in conf/", .kind = KIND_LIGHTTPD_CGI },
	{ .name = "Apache mod_cgid as in conf/", .kind = KIND_APACHE_CGID },
	{ .name = "Apache mod_cgi as in conf/", .kind = KIND_APACHE_CGI },
	{ .name = "Apache mod_fcgid as in conf/", .kind = KIND_APACHE_FCGID },
	{ .name = "Apache ProxyPass as in conf/",
		.kind = KIND_APACHE_PROXY_PASS },
	{ .name = "Apache SetHandler as in conf/",
		.kind = KIND_APACHE_PROXY_HANDLER },
	{ .name = "nginx as in conf/", .kind = KIND_NGINX },
	{ .name = "HAProxy as in conf/", .kind = KIND_HAPROXY },
	{ .name = "Caddy as in conf/", .kind = KIND_CADDY },

	/* What .htaccess says of compression is for this. */
	{ .name = "Apache .htaccess as in conf/, DEFLATE on everything",
		.kind = KIND_APACHE_HTACCESS,
		.site = DEFLATE },

	/* Compressed, and each event at once: that is nobody's trouble. */
	{ .name = "Apache ProxyPass, DEFLATE that flushes",
		.kind = KIND_APACHE_PROXY_PASS,
		.site = DEFLATE },

	{ .name = "nginx, gzip that flushes",
		.kind = KIND_NGINX,
		.is_twin = true,
		.fault = { IN_FRAGMENT, "gzip off;",
			"gzip on; gzip_types text/event-stream;" } },

	/* ---- what keeps events to itself */

	{ .name = "lighttpd that does not stream",
		.kind = KIND_LIGHTTPD_FASTCGI,
		.fault = { IN_FRAGMENT, STREAM_BODY, HERE },
		.cause = "whole-response",
		.cure = "For lighttpd" },
	{ .name = "lighttpd mod_cgi that does not stream",
		.kind = KIND_LIGHTTPD_CGI,
		.is_twin = true,
		.fault = { IN_FRAGMENT, STREAM_BODY, HERE },
		.cause = "whole-response",
		.cure = "For lighttpd" },
	{ .name = "mod_fcgid with its buffer",
		.kind = KIND_APACHE_FCGID,
		.fault = { IN_FRAGMENT, "\nFcgidOutputBufferSize 0\n",
			"\n" HERE "\n" },
		.cause = "buffer",
		.least = 64,
		.most = 128,
		.cure = "For Apache with mod_fcgid" },
	{ .name = "ProxyPass without flushpackets",
		.kind = KIND_APACHE_PROXY_PASS,
		.fault = { IN_FRAGMENT, " \\\n\tflushpackets=on\n", "\n" },
		.cause = "buffer",
		.least = 4,
		.most = 8,
		.cure = "For Apache with mod_proxy_fcgi and ProxyPass",
		.place = { IN_FRAGMENT, "fcgi://ssetail/events\"\n",
			"fcgi://ssetail/events\" " DIRECTIVE "\n" } },
	{ .name = "SetHandler without flushpackets",
		.kind = KIND_APACHE_PROXY_HANDLER,
		.is_twin = true,
		.fault = { IN_FRAGMENT,
			"\tProxySet flushpackets=on\n</Proxy>\n",
			"</Proxy>\n" HERE "\n" },
		.cause = "buffer",
		.least = 4,
		.most = 8,
		.cure = "For Apache with mod_proxy_fcgi and SetHandler" },
	{ .name = "nginx that ignores X-Accel-Buffering",
		.kind = KIND_NGINX,
		.fault = { IN_FRAGMENT, "fastcgi_buffering off;",
			"fastcgi_ignore_headers X-Accel-Buffering;\n" HERE },
		.cause = "buffer",
		.least = 4,
		.most = 8,
		.cure = "For nginx" },
	{ .name = "Apache mod_cgid, DEFLATE on everything",
		.kind = KIND_APACHE_CGID,
		.site = DEFLATE,
		.fault = { IN_FRAGMENT, LOCATION, LOCATION HERE "\n" },
		.cause = "compression",
		.cure = "For Apache" },
	{ .name = "HAProxy that waits for more",
		.kind = KIND_HAPROXY,
		.fault = { IN_FRAGMENT, "option http-no-delay", HERE },
		.cause = "delay",
		.least = 75,
		.most = 400,
		.cure = "For HAProxy" },

	/* ---- what cuts streams, and who lets too few in */

	{ .name = "lighttpd, cut when silent",
		.kind = KIND_LIGHTTPD_FASTCGI,
		.site = "server.max-write-idle = 2\n",
		.heartbeat = 5,
		.cause = "idle-cut",
		.least = 1,
		.most = 4,
		.cure = "Or for lighttpd",
		.place = { IN_SITE, "server.max-write-idle = 2", DIRECTIVE } },
	{ .name = "mod_fcgid, cut when silent",
		.kind = KIND_APACHE_FCGID,
		.heartbeat = 5,
		.fault = { IN_FRAGMENT, "MaxProcesses 1000",
			"MaxProcesses 1000 IOTimeout 2" },
		.cause = "idle-cut",
		.least = 1,
		.most = 3,
		.cure = "Or for Apache with mod_fcgid",
		.place = { IN_FRAGMENT, "IOTimeout 2", DIRECTIVE } },
	{ .name = "ProxyPass, cut when silent",
		.kind = KIND_APACHE_PROXY_PASS,
		.site = "ProxyTimeout 2\n",
		.heartbeat = 5,
		.cause = "idle-cut",
		.least = 1,
		.most = 3,
		.cure = "Or for Apache with mod_proxy_fcgi",
		.place = { IN_SITE, "ProxyTimeout 2", DIRECTIVE } },
	{ .name = "Apache mod_cgid, cut when silent",
		.kind = KIND_APACHE_CGID,
		.site = "Timeout 2\n",
		.heartbeat = 5,
		.cause = "idle-cut",
		.least = 1,
		.most = 3,
		.cure = "Or for Apache",
		.place = { IN_SITE, "Timeout 2", DIRECTIVE } },
	{ .name = "nginx, cut when silent",
		.kind = KIND_NGINX,
		.heartbeat = 5,
		.fault = { IN_FRAGMENT, "fastcgi_read_timeout 60s;",
			"fastcgi_read_timeout 2s;" },
		.cause = "idle-cut",
		.least = 1,
		.most = 3,
		.cure = "Or for nginx",
		.place = { IN_FRAGMENT, "fastcgi_read_timeout 2s;",
			DIRECTIVE } },
	{ .name = "HAProxy, cut when silent",
		.kind = KIND_HAPROXY,
		.heartbeat = 5,
		.fault = { IN_FRAGMENT, "timeout server 60s",
			"timeout server 2s" },
		.cause = "idle-cut",
		.least = 1,
		.most = 3,
		.cure = "Or for HAProxy",
		.place = { IN_FRAGMENT, "timeout server 2s", DIRECTIVE } },
	{ .name = "nginx, cut when silent, and a heartbeat",
		.kind = KIND_NGINX,
		.is_twin = true,
		.heartbeat = 9,
		.fault = { IN_FRAGMENT, "fastcgi_read_timeout 60s;",
			"fastcgi_read_timeout 4s;" },
		.cause = "idle-cut",
		.least = 4,
		.most = 5,
		.cure = "In ssetail.conf",
		.place = { IN_SSETAIL, "heartbeat = 9;", DIRECTIVE } },

	/* What it calls read_timeout begins with the request. */
	{ .name = "Caddy, cut when old",
		.kind = KIND_CADDY,
		.heartbeat = 2,
		.fault = { IN_FRAGMENT, "transport fastcgi {",
			"transport fastcgi {\n\t\t\t\tread_timeout 5s" },
		.cause = "age-cut",
		.least = 5,
		.most = 6,
		.cure = "Or for Caddy",
		.place = { IN_FRAGMENT, "read_timeout 5s", DIRECTIVE } },
	{ .name = "Caddy, cut when old, and a lifetime",
		.kind = KIND_CADDY,
		.is_twin = true,
		.heartbeat = 2,
		.fault = { IN_FRAGMENT, "transport fastcgi {",
			"transport fastcgi {\n\t\t\t\tread_timeout 5s" },
		.cause = "age-cut",
		.least = 5,
		.most = 6,
		.cure = "In ssetail.conf",
		.place = { IN_SSETAIL, "heartbeat = 2;",
			"heartbeat = 2; " DIRECTIVE } },
	{ .name = "Apache with few workers",
		.kind = KIND_APACHE_PROXY_PASS,
		.site = FEW_WORKERS,
		.cause = "shortage",
		.least = 3,
		.most = 6,
		.cure = "For Apache with mpm_event",
		.place = { IN_SITE, FEW_WORKERS, DIRECTIVE } },
	{ .name = "nginx with few connections",
		.kind = KIND_NGINX,
		.is_twin = true,
		.fault = { IN_SITE, "events { }",
			"events { worker_connections 8; }" },
		.cause = "shortage",
		.least = 1,
		.most = 4,
		.cure = "For nginx",
		.place = { IN_SITE, "worker_connections 8;", DIRECTIVE } },
	{ .name = "lighttpd with few connections",
		.kind = KIND_LIGHTTPD_EXTERNAL,
		.is_twin = true,
		.site = "server.max-connections = 4\n",
		.cause = "shortage",
		.least = 2,
		.most = 4,
		.cure = "For lighttpd",
		.place = { IN_SITE, "server.max-connections = 4", DIRECTIVE } },
	{ .name = "ssetail with little room",
		.kind = KIND_HAPROXY,
		.fault = { IN_SSETAIL, "heartbeat = 1;",
			"heartbeat = 1; max_clients_per_address = 3;" },
		.cause = "limit",
		.least = 1,
		.most = 4,
		.cure = "In ssetail.conf",
		.place = { IN_SSETAIL, "max_clients_per_address = 3;",
			DIRECTIVE } },
	{ .name = "mod_fcgid with few processes",
		.kind = KIND_APACHE_FCGID,
		.fault = { IN_FRAGMENT, "MaxProcesses 1000", "MaxProcesses 3" },
		.cause = "shortage",
		.least = 2,
		.most = 6,
		.cure = "For Apache with mod_fcgid",
		.place = { IN_FRAGMENT, "MaxProcesses 3", DIRECTIVE } },

	/* ---- who has no name */

	{ .name = "lighttpd without a name that does not stream",
		.kind = KIND_LIGHTTPD_FASTCGI,
		.site = "server.tag = \"\"\n",
		.fault = { IN_FRAGMENT, STREAM_BODY, HERE },
		.cause = "whole-response",
		.cure = "For lighttpd" },
	{ .name = "Apache with half a name, without flushpackets",
		.kind = KIND_APACHE_PROXY_PASS,
		.site = "ServerTokens Prod\n",
		.fault = { IN_FRAGMENT, " \\\n\tflushpackets=on\n", "\n" },
		.cause = "buffer",
		.least = 4,
		.most = 8,
		.cure = "For Apache with mod_proxy_fcgi and ProxyPass",
		.place = { IN_FRAGMENT, "fcgi://ssetail/events\"\n",
			"fcgi://ssetail/events\" " DIRECTIVE "\n" } },

	{ .name = "nginx with half a name that ignores X-Accel-Buffering",
		.kind = KIND_NGINX,
		.is_twin = true,
		.site = "server_tokens off;",
		.fault = { IN_FRAGMENT, "fastcgi_buffering off;",
			"fastcgi_ignore_headers X-Accel-Buffering;\n" HERE },
		.cause = "buffer",
		.least = 4,
		.most = 8,
		.cure = "For nginx" },

	/* ---- who stands before one that is as it should be */

	{ .name = "lighttpd, and an nginx before it that buffers",
		.kind = KIND_LIGHTTPD_FASTCGI,
		.front = "proxy_ignore_headers X-Accel-Buffering;\n" HERE "\n",
		.fault = { IN_FRONT },
		.cause = "proxy",
		.cure = "Where the proxy is nginx" },
	{ .name = "lighttpd, and an nginx before it as installed",
		.kind = KIND_LIGHTTPD_FASTCGI,
		.front = "" },

	/* ---- who does not like to be asked */

	{ .name = "HAProxy that answers Incremental by 501",
		.kind = KIND_HAPROXY,
		.fault = { IN_FRAGMENT, "\tuse-fcgi-app ssetail",
			"\thttp-response return status 501 if "
			"{ res.hdr(Incremental) -m str ?1 }\n"
			"\tuse-fcgi-app ssetail" },
		.cause = "incremental",
		.cure = "In ssetail.conf",
		.place = { IN_SSETAIL, "heartbeat = 1;",
			"heartbeat = 1; " DIRECTIVE } },
};

enum { DEPLOYMENTS = sizeof(deployments) / sizeof(*deployments) };

/* ---- files */

struct deployed {
	struct server server; /* the first member */
	const struct deployment *deployment;
	struct process *front; /* NULL: there is none */
	char address[32];      /* where a browser goes */
};

static const char *path_of(const struct server *s, enum file file)
{
	switch (file) {
	case IN_FRAGMENT:
		return brand_fragment(s);
	case IN_SITE:
		return s->config;
	case IN_FRONT:
		return disk_path(s->folder, "front.conf");
	case IN_SSETAIL:
		break;
	}
	return disk_path(s->folder, "ssetail.conf");
}

static void make(const struct server *s, const struct edit *edit)
{
	const char *path = path_of(s, edit->file);

	if (edit->from)
		disk_copy_changed(path, path,
			(const char *const[][2]){
				{ edit->from, edit->to }, { NULL, NULL } });
}

static void make_wrong(struct server *s)
{
	make(s, &((struct deployed *)s)->deployment->fault);
}

/* ---- another server before it */

static const char front_conf[] =
	"daemon off; pid front.pid; error_log stderr;\n"
	"events { }\n"
	"http {\n"
	"	access_log off;\n"
	"	client_body_temp_path tmp; fastcgi_temp_path tmp;\n"
	"	proxy_temp_path tmp; scgi_temp_path tmp; uwsgi_temp_path tmp;\n"
	"	server {\n"
	"		listen %s;\n"
	"		location / {\n"
	"			proxy_pass http://%s;\n"
	"			%s\n"
	"		}\n"
	"	}\n"
	"}\n";

static bool accepts(const char *address)
{
	int fd = reader_connect(address);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void start_front(struct deployed *d)
{
	d->front = process_run("nginx", "-e", "stderr", "-p", d->server.folder,
		"-c", path_of(&d->server, IN_FRONT), NULL);
	wait_for(accepts(d->address));
}

static void put_in_front(struct deployed *d)
{
	disk_write(path_of(&d->server, IN_FRONT), front_conf, d->address,
		d->server.address, d->deployment->front);
	start_front(d);
}

/* ---- all of it */

static void deploy(struct deployed *d, const struct deployment *deployment)
{
	char settings[64];

	d->deployment = deployment;
	snprintf(settings, sizeof(settings), "heartbeat = %u;",
		deployment->heartbeat ? deployment->heartbeat : 1);
	server_start(&d->server, &kinds[deployment->kind],
		&(struct server_how){ .settings = settings,
			.site = deployment->site,
			.prepare = make_wrong });
	strcpy(d->address, d->server.address);
	d->front = NULL;
	if (!deployment->front)
		return;
	snprintf(d->address, sizeof(d->address), "127.0.0.1:%d",
		process_free_port());
	put_in_front(d);
}

/* Puts the directive where it belongs, and restarts all. */
static void put(struct deployed *d, const char *directive)
{
	static const struct edit usual = { IN_FRAGMENT, HERE, DIRECTIVE };
	const struct deployment *deployment = d->deployment;
	struct server *s = &d->server;
	struct bytes to = BYTES_INIT;
	struct edit edit = deployment->place;

	if (!edit.from) {
		edit = usual;
		edit.file = deployment->fault.file;
	}
	bytes_add_replaced(&to, edit.to, DIRECTIVE, directive);
	edit.to = bytes_text(&to);
	if (d->front)
		process_stop(d->front);
	server_stop(s);
	make(s, &edit);
	bytes_release(&to);
	if (s->responder && edit.file == IN_SSETAIL) {
		process_stop(s->responder);
		server_start_responder(s);
	}
	server_start_again(s);
	if (d->front)
		start_front(d);
}

/* ---- what the doctor says */

#define WELL  "Nothing is wrong.\n"
#define WRONG "Something is wrong.\n"

/* On a machine that is busy the tries of the doctor may contradict each other.
 * Who reads that asks again. */
#define UNSURE "It is not clear what is wrong.\n"

enum { TIMES = 5 };

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static const char *ask(
	const struct deployed *d, const struct deployment_doctor *doctor)
{
	const char *mount = d->server.kind->mount;
	const char *said;
	char url[256];

	snprintf(url, sizeof(url), "http://%s%s", d->address,
		mount ? mount : "/events");
	for (int i = 0; i < TIMES; i++) {
		said = doctor->examine(url, d->server.kind->header);
		if (!begins_with(said, UNSURE))
			break;
	}
	return said;
}

static void expect_verdict(const char *said, const char *verdict)
{
	if (!begins_with(said, verdict))
		test_fail(
			"the doctor says:\n%s\ninstead of: %s", said, verdict);
}

static void expect_cause(const char *said, const struct deployment *deployment)
{
	char head[64];
	const char *at;
	unsigned number;

	snprintf(head, sizeof(head), "\n\n%s: ", deployment->cause);
	at = strstr(said, head);
	if (!at)
		test_fail("the doctor says:\n%s\nwithout%s", said, head + 1);
	if (deployment->most == 0)
		return;
	at += strcspn(at, "0123456789");
	number = (unsigned)strtoul(at, NULL, 10);
	if (number < deployment->least || number > deployment->most)
		test_fail("the doctor says:\n%s\n%u, and not %u to %u", said,
			number, deployment->least, deployment->most);
}

/* Appends the lines that are indented under the heading that begins so, without
 * their indentation. */
static void take_directive(
	struct bytes *directive, const char *said, const char *heading)
{
	char head[256];
	const char *at;

	snprintf(head, sizeof(head), "\n\n%s", heading);
	at = strstr(said, head);
	at = at ? strstr(at, ":\n\n") : NULL;
	if (!at)
		test_fail("the doctor says:\n%s\nwithout%s", said, head + 1);
	for (at += strlen(":\n\n"); strncmp(at, "    ", 4) == 0;) {
		size_t len = strcspn(at, "\n");

		bytes_add(directive, at + 4, len - 4);
		at += len;
		if (*at == '\n' && strncmp(++at, "    ", 4) == 0)
			bytes_add_byte(directive, '\n');
	}
}

/* ---- one of them */

static void is_well(struct deployed *d, const struct deployment_doctor *doctor)
{
	expect_verdict(ask(d, doctor), WELL);
}

static void is_cured(struct deployed *d, const struct deployment_doctor *doctor)
{
	const struct deployment *deployment = d->deployment;
	const char *said = ask(d, doctor);
	struct bytes directive = BYTES_INIT;

	expect_verdict(said, WRONG);
	expect_cause(said, deployment);
	take_directive(&directive, said, deployment->cure);
	put(d, bytes_text(&directive));
	bytes_release(&directive);
	is_well(d, doctor);
}

static const struct deployment_doctor *asked;

static void look_at(void **state)
{
	const struct deployment *deployment = *state;
	struct deployed d;

	deploy(&d, deployment);
	if (asked->call)
		asked->call();
	if (deployment->cause)
		is_cured(&d, asked);
	else
		is_well(&d, asked);
}

static struct CMUnitTest test_of(const struct deployment *deployment)
{
	return (struct CMUnitTest){ .name = deployment->name,
		.test_func = look_at,
		.teardown_func = test_cleanup,
		.initial_state = (void *)(uintptr_t)deployment };
}

int deployment_run(const struct deployment_doctor *doctor, size_t workers)
{
	struct CMUnitTest tests[DEPLOYMENTS];
	size_t count = 0;

	asked = doctor;
	/* Seconds. It takes its time, and more on a machine that is busy. */
	setenv("TEST_LIMIT", "240", 0);
	for (size_t i = 0; i < DEPLOYMENTS; i++)
		if (!doctor->is_costly || !deployments[i].is_twin)
			tests[count++] = test_of(&deployments[i]);
	return test_run("doctor", tests, count, workers);
}
