#define TESTS_LIB_INSIDE
#include "tests/lib/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/fragment.h"
#include "tests/lib/reader.h"
#include "tests/lib/test.h"

#define APACHE_MODULES "/usr/lib/apache2/modules"

/* What Debian loads without being asked, as far as the fragments use it. */
#define APACHE_USUAL "authz_core alias env"

/* The site around the fragment, as Debian has it where it matters: nothing
 * of the disk is served unless it is said. FOLDER is put in. */
static const char apache_site[] =
	"ServerName localhost\n"
	"DefaultRuntimeDir FOLDER\n"
	"PidFile apache2.pid\n"
	"Mutex file:FOLDER default\n"
	"DocumentRoot FOLDER/site\n"
	"ErrorLog /dev/stderr\n"
	"<Directory />\n"
	"	AllowOverride None\n"
	"	Require all denied\n"
	"</Directory>\n"
	"<Directory FOLDER/site>\n"
	"	Require all granted\n"
	"</Directory>\n"
	"<IfModule cgid_module>\n"
	"	ScriptSock cgid.sock\n"
	"</IfModule>\n"
	"<IfModule fcgid_module>\n"
	"	FcgidIPCDir FOLDER/fcgid\n"
	"	FcgidProcessTableFile FOLDER/fcgid_shm\n"
	"</IfModule>\n";

static bool is_apache(const struct server_kind *kind)
{
	return strcmp(kind->program, "apache2") == 0;
}

static bool is_cgi(const struct server_kind *kind)
{
	return strcmp(kind->ssetail, "ssetail.cgi") == 0;
}

static bool sets(const struct server_kind *kind, const char *what)
{
	return strstr(kind->sets, what) != NULL;
}

bool server_starts_ssetail(const struct server_kind *kind)
{
	return is_cgi(kind) || sets(kind, "program");
}

static const char *socket_path(const struct server *s)
{
	return disk_path(s->folder, "ssetail.sock");
}

static void copy_fragment(const char *from, const char *to,
	const struct fragment_value *values, const char *without)
{
	char why[512];

	if (fragment_copy(from, to, values, without, why, sizeof(why)))
		test_fail("%s", why);
}

static void prepare_fragment(
	const struct server *s, const char *to, const struct server_how *how)
{
	const struct server_kind *kind = s->kind;
	const char *program = disk_path(s->folder, "%s", kind->ssetail);
	struct fragment_value values[4];
	size_t count = 0;

	if (sets(kind, "program"))
		values[count++] =
			(struct fragment_value){ "ssetail_program", program };
	if (sets(kind, "config"))
		values[count++] = (struct fragment_value){ "ssetail_config",
			disk_path(s->folder, "ssetail.conf") };
	if (sets(kind, "socket"))
		values[count++] = (struct fragment_value){ "ssetail_socket",
			socket_path(s) };
	values[count] = (struct fragment_value){ NULL, NULL };
	copy_fragment(kind->fragment, to, values,
		how->without_decisive ? kind->decisive : NULL);
}

static void prepare_lighttpd(struct server *s, const struct server_how *how)
{
	const struct fragment_value values[] = {
		{ "port", strrchr(s->address, ':') + 1 },
		{ "folder", s->folder },
		{ NULL, NULL },
	};

	s->config = disk_path(s->folder, "lighttpd.conf");
	/* Without a log of its own it says everything to us. */
	copy_fragment("conf/demo/lighttpd.conf", s->config, values, "errorlog");
	disk_append(s->config, "%s\n", how->site ? how->site : "");
	prepare_fragment(s, disk_path(s->folder, "15-ssetail.conf"), how);
}

static void add_modules(struct bytes *config, const char *names)
{
	while (*names) {
		int len = (int)strcspn(names, " ");

		bytes_add_format(config,
			"LoadModule %.*s_module " APACHE_MODULES
			"/mod_%.*s.so\n",
			len, names, len, names);
		names += len;
		names += strspn(names, " ");
	}
}

static void prepare_apache(struct server *s, const struct server_how *how)
{
	const char *fragment = disk_path(s->folder, "ssetail-apache.conf");
	struct bytes text = BYTES_INIT;

	s->config = disk_path(s->folder, "apache2.conf");
	add_modules(&text, APACHE_USUAL);
	add_modules(&text, s->kind->modules);
	bytes_add_format(&text, "Listen %s\n", s->address);
	bytes_add_replaced(&text, apache_site, "FOLDER", s->folder);
	if (geteuid() == 0)
		bytes_add_text(&text, "User www-data\nGroup www-data\n");
	bytes_add_format(&text, "Include %s\n%s\n", fragment,
		how->site ? how->site : "");
	disk_write_bytes(s->config, text.data, text.len);
	bytes_release(&text);
	prepare_fragment(s, fragment, how);
}

/* The program, its configuration, the log: what the fragment is about. */
static void prepare_ssetail(struct server *s, const struct server_how *how)
{
	const char *program = disk_path(s->folder, "%s", s->kind->ssetail);
	bool for_group = !server_starts_ssetail(s->kind) && geteuid() == 0;

	disk_subfolder(s->folder, "site");
	s->log = disk_path(s->folder, "log");
	disk_write(s->log, "%s", "");
	disk_write(disk_path(s->folder, "ssetail.conf"),
		"%s\n%s\n"
		"sources = ( { name = \"log\"; path = \"log\"; %s } );\n",
		how->settings ? how->settings : "",
		for_group ? "listen_group = \"www-data\";" : "",
		how->source ? how->source : "");
	disk_copy(process_program(s->kind->ssetail), program);
	disk_mode(program, 0755);
}

static void wait_until_it_accepts(
	struct process *p, const char *address, const char *name)
{
	struct test_wait wait = test_wait_here("the server to accept");
	int fd;

	while ((fd = reader_connect(address)) < 0) {
		if (!process_runs(p))
			test_fail("%s has ended", name);
		test_wait_step(&wait);
	}
	close(fd);
}

/* Servers are where an administrator's PATH finds them. */
static void widen_path(void)
{
	const char *old = getenv("PATH");
	struct bytes path = BYTES_INIT;

	if (old && strstr(old, ":/usr/sbin"))
		return;
	bytes_add_format(
		&path, "%s:/usr/sbin:/sbin", old ? old : "/usr/bin:/bin");
	setenv("PATH", path.data, 1);
	bytes_release(&path);
}

void server_start_responder(struct server *s)
{
	const char *socket = socket_path(s);

	s->responder = process_run(disk_path(s->folder, "%s", s->kind->ssetail),
		"-c", disk_path(s->folder, "ssetail.conf"), "-l", socket, NULL);
	wait_until_it_accepts(s->responder, socket, s->kind->ssetail);
}

void server_start_again(struct server *s)
{
	if (is_apache(s->kind))
		s->process = process_run("apache2", "-DFOREGROUND", "-d",
			s->folder, "-f", s->config, NULL);
	else
		s->process =
			process_run("lighttpd", "-D", "-f", s->config, NULL);
	wait_until_it_accepts(s->process, s->address, s->kind->program);
}

void server_start(struct server *s, const struct server_kind *kind,
	const struct server_how *how)
{
	static const struct server_how usual;

	how = how ? how : &usual;
	*s = (struct server){ .kind = kind,
		.folder = disk_folder(),
		.headers = { kind->header } };
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%d",
		process_free_port());
	widen_path();
	prepare_ssetail(s, how);
	if (is_apache(kind))
		prepare_apache(s, how);
	else
		prepare_lighttpd(s, how);
	if (kind->prepare)
		kind->prepare(s);
	if (how->prepare)
		how->prepare(s);
	if (!server_starts_ssetail(kind))
		server_start_responder(s);
	server_start_again(s);
}

void server_reload(struct server *s)
{
	const char *answer = is_apache(s->kind) ? "resuming normal operations"
						: "graceful shutdown started";
	struct test_wait wait = test_wait_here("the server to reload");
	size_t before;

	process_errors(s->process);
	before = s->process->errors.len;
	process_signal(s->process, SIGUSR1);
	while (!strstr(process_errors(s->process) + before, answer))
		test_wait_step(&wait);
}

void server_kill(struct server *s)
{
	pid_t worker;

	process_kill(s->process);
	while ((worker = process_descendant(getpid(), s->kind->program)) > 0)
		kill(worker, SIGKILL);
}

struct ask server_ask(const struct server *s, struct ask ask)
{
	ask.mount = s->kind->mount ? s->kind->mount : "/events";
	ask.headers = s->headers;
	return ask;
}

struct http_client *server_open(const struct server *s, const char *last_id)
{
	struct ask ask = server_ask(
		s, (struct ask){ .path = "/log", .last_event_id = last_id });

	return http_open(s->address, &ask);
}

struct tally {
	size_t listening; /* sockets of each process that are no client's */
	size_t clients;
	size_t busy;
};

static void add_sockets(void *context, pid_t pid)
{
	struct tally *tally = context;
	size_t sockets = process_sockets(pid);

	if (sockets > tally->listening) {
		tally->clients += sockets - tally->listening;
		tally->busy++;
	}
}

static struct tally count_clients(const struct server *s)
{
	struct tally tally = { .listening = 1 };

	process_each_descendant(
		getpid(), s->kind->ssetail, add_sockets, &tally);
	return tally;
}

size_t server_clients(const struct server *s)
{
	if (is_cgi(s->kind))
		return process_descendants(getpid(), s->kind->ssetail);
	return count_clients(s).clients;
}

size_t server_busy(const struct server *s)
{
	return count_clients(s).busy;
}
