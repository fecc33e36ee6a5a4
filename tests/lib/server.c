#define TESTS_LIB_INSIDE
#include "tests/lib/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/brand.h"
#include "tests/lib/disk.h"
#include "tests/lib/fragment.h"
#include "tests/lib/reader.h"
#include "tests/lib/test.h"

const struct server_kind server_lighttpd = {
	.name = "lighttpd mod_fastcgi",
	.program = "lighttpd",
	.fragment = "conf/lighttpd/fastcgi.conf",
	.ssetail = "ssetail.fcgi",
	.decisive = "stream-response-body",
	.sets = "program config socket",
	.reload_ends = true,
};

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
	const struct server *s, const struct server_how *how)
{
	const struct server_kind *kind = s->kind;
	const struct brand *brand = brand_of(kind->program);
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
			brand->socket ? brand->socket(s) : socket_path(s) };
	values[count] = (struct fragment_value){ NULL, NULL };
	copy_fragment(kind->fragment, brand_fragment(s), values,
		how->without_decisive ? kind->decisive : NULL);
}

static void prepare_site(struct server *s, const struct server_how *how)
{
	struct bytes more = BYTES_INIT;

	bytes_add_text(&more, how->site ? how->site : "");
	if (how->without_decisive && s->kind->instead)
		bytes_add_text(&more, s->kind->instead);
	brand_of(s->kind->program)->write_site(s, bytes_text(&more));
	bytes_release(&more);
}

/* The program, its configuration, the log: what the fragment is about. */
static void prepare_ssetail(struct server *s, const struct server_how *how)
{
	const char *program = disk_path(s->folder, "%s", s->kind->ssetail);
	const char *config = disk_path(s->folder, "ssetail.conf");

	disk_subfolder(s->folder, "site");
	s->log = disk_path(s->folder, "log");
	disk_write(s->log, "%s", "");
	disk_write(config,
		"%s\n"
		"sources = ( { name = \"log\"; path = \"log\"; %s } );\n",
		how->settings ? how->settings : "",
		how->source ? how->source : "");
	if (!server_starts_ssetail(s->kind) && geteuid() == 0)
		disk_append(config, "listen_group = \"%s\";\n",
			brand_of(s->kind->program)->group);
	process_copy_program(s->kind->ssetail, program);
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

static void settle(struct server *s)
{
	const struct brand *brand = brand_of(s->kind->program);

	wait_for(!brand->is_ready || brand->is_ready(s));
	if (brand->tidy)
		brand->tidy(s);
}

void server_start_again(struct server *s)
{
	const struct brand *brand = brand_of(s->kind->program);

	s->process = brand->run(s);
	wait_until_it_accepts(s->process, s->address, s->kind->program);
	settle(s);
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
	prepare_site(s, how);
	prepare_fragment(s, how);
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
	const struct brand *brand = brand_of(s->kind->program);
	struct test_wait wait = test_wait_here("the server to reload");
	size_t before;

	process_errors(s->process);
	before = s->process->errors.len;
	brand->reload(s);
	while (!strstr(process_errors(s->process) + before, brand->reloaded))
		test_wait_step(&wait);
	settle(s);
}

void server_stop(struct server *s)
{
	const struct brand *brand = brand_of(s->kind->program);

	if (brand->stop)
		brand->stop(s);
	else
		process_stop(s->process);
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
