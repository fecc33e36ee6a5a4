#include "tests/bench/stand.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/machine.h"
#include "tests/bench/sequence.h"
#include "tests/bench/socket.h"
#include "tests/lib/ask.h"

#define SITES "tests/bench/sites/"

/* From an event to the next, until everybody's stream has begun, a step more
 * each time: for those who look now and then only. */
#define OPEN_STEP_MS 100
#define OPEN_STEPS   30

/* What is slower than its sender has some events to catch up with. */
#define SETTLE_MS 50

/* ---- ssetail.fcgi */

static void start_responder(struct stand *s)
{
	char program[PATH_MAX];

	snprintf(program, sizeof(program), "%s/ssetail.fcgi", s->build);
	s->responder = responder_open(program, RESPONDER_SEND_BUFFER, 1);
}

static void append_by_responder(struct stand *s, size_t events)
{
	responder_append(&s->responder, events);
}

static struct web open_lighttpd(struct stand *s, const char *socket)
{
	const struct fragment_value set[] = { { "ssetail_socket", socket },
		{ NULL, NULL } };

	return web_open_lighttpd(
		s->clients, "conf/lighttpd/fastcgi-external.conf", set);
}

static void start_lighttpd_ssetail(struct stand *s)
{
	start_responder(s);
	s->web = open_lighttpd(s, s->responder.socket);
	s->sender = tree_find(s->responder.pids[0], TREE_ROOT);
}

static void start_nginx_ssetail(struct stand *s)
{
	start_responder(s);
	s->web = web_open_nginx(s->clients, s->responder.socket);
	s->sender = tree_find(s->responder.pids[0], TREE_ROOT);
}

static void stop_responder(struct stand *s)
{
	web_close(&s->web);
	responder_close(&s->responder);
}

const struct stand_kind lighttpd_ssetail = {
	.server = "lighttpd",
	.sender = "ssetail.fcgi",
	.start = start_lighttpd_ssetail,
	.stop = stop_responder,
	.append = append_by_responder,
};

const struct stand_kind nginx_ssetail = {
	.server = "nginx",
	.sender = "ssetail.fcgi",
	.start = start_nginx_ssetail,
	.stop = stop_responder,
	.append = append_by_responder,
};

/* ---- the ideal sender: the limit, with what ssetail.fcgi has sent */

static void keep(struct bytes *to, const struct bytes *from)
{
	bytes_add(to, from->data, from->len);
}

/* Records what a web server is sent: once, from a responder that then ends. */
static void record(struct stand *s)
{
	struct bytes request = BYTES_INIT;
	struct crowd *crowd;

	start_responder(s);
	responder_put_request(&request);
	crowd = crowd_open(s->responder.socket, 1, &request);
	crowd_wait_open(crowd);
	keep(&s->head, crowd_first_got(crowd));
	crowd_expect(crowd, 1);
	responder_append(&s->responder, 1);
	crowd_wait(crowd);
	keep(&s->event, crowd_first_got(crowd));
	crowd_close(crowd);
	responder_close(&s->responder);
	bytes_release(&request);
}

static const char *open_limit(struct stand *s)
{
	const char *socket = folder_new_path("limit");

	record(s);
	s->limit = limit_open(socket, s->clients, RESPONDER_SEND_BUFFER / 2);
	s->sender = tree_find(s->limit.pid, TREE_ROOT);
	return socket;
}

static void start_lighttpd_ideal(struct stand *s)
{
	s->web = open_lighttpd(s, open_limit(s));
}

static void start_nginx_ideal(struct stand *s)
{
	s->web = web_open_nginx(s->clients, open_limit(s));
}

static void stop_limit(struct stand *s)
{
	web_close(&s->web);
	limit_close(&s->limit);
}

static void send_events(struct stand *s, size_t events)
{
	struct bytes pass = BYTES_INIT;

	for (size_t i = 0; i < events; i++)
		keep(&pass, &s->event);
	sequence_renumber(pass.data, pass.len, s->written);
	limit_send(&s->limit, &pass);
	bytes_release(&pass);
}

const struct stand_kind lighttpd_ideal = {
	.server = "lighttpd",
	.sender = "ideal",
	.start = start_lighttpd_ideal,
	.stop = stop_limit,
	.append = send_events,
	.is_ideal = true,
};

const struct stand_kind nginx_ideal = {
	.server = "nginx",
	.sender = "ideal",
	.start = start_nginx_ideal,
	.stop = stop_limit,
	.append = send_events,
	.is_ideal = true,
};

/* ---- a log by itself */

static void open_log(struct stand *s)
{
	s->log_path = folder_new_path("log");
	s->log = open(
		s->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (s->log < 0)
		die_errno("%s", s->log_path);
}

/* The line of the event after the last one and `more`. */
static void write_line(
	const struct stand *s, size_t more, char line[RESPONDER_LINE_BYTES])
{
	memset(line, 'x', RESPONDER_LINE_BYTES - 1);
	sequence_write(line, s->written + more + 1);
	line[RESPONDER_LINE_BYTES - 1] = '\n';
}

static void append_to_log(struct stand *s, size_t events)
{
	for (size_t i = 0; i < events; i++) {
		char line[RESPONDER_LINE_BYTES];

		write_line(s, i, line);
		if (write(s->log, line, sizeof(line)) != sizeof(line))
			die_errno("%s", s->log_path);
	}
}

/* ---- CGI: a process, or three, for each client */

static void stop_lighttpd(struct stand *s)
{
	web_close(&s->web);
	close(s->log);
}

static void start_lighttpd_with(
	struct stand *s, const char *program, const char *config)
{
	const struct fragment_value set[] = { { "ssetail_program", program },
		{ "ssetail_config", config }, { NULL, NULL } };

	s->web = web_open_lighttpd(s->clients, "conf/lighttpd/cgi.conf", set);
	s->program = s->web.pid;
}

static void start_lighttpd_cgi(struct stand *s)
{
	char folder[PATH_MAX], program[PATH_MAX + 16];

	if (!realpath(s->build, folder))
		die_errno("%s", s->build);
	open_log(s);
	snprintf(program, sizeof(program), "%s/ssetail.cgi", folder);
	start_lighttpd_with(s, program,
		folder_write("cgi.conf",
			"heartbeat = 3600;\n"
			"sources = ({ name = \"log\"; path = \"%s\"; });\n",
			s->log_path));
}

static void start_lighttpd_tail(struct stand *s)
{
	const char *program;

	open_log(s);
	program = folder_fill("tail.sh", SITES "tail.sh",
		(const char *const[][2]){
			{ "LOG", s->log_path },
			{ NULL, NULL },
		});
	if (chmod(program, 0755) < 0)
		die_errno("%s", program);
	start_lighttpd_with(s, program, "");
}

const struct stand_kind lighttpd_cgi = {
	.server = "lighttpd",
	.sender = "ssetail.cgi",
	.start = start_lighttpd_cgi,
	.stop = stop_lighttpd,
	.append = append_to_log,
};

const struct stand_kind lighttpd_tail = {
	.server = "lighttpd",
	.sender = "tail -F | sed",
	.start = start_lighttpd_tail,
	.stop = stop_lighttpd,
	.append = append_to_log,
};

/* ---- PHP-FPM: a process for each client */

/* Its name has the version in it. */
static pid_t start_php(const char *config)
{
	glob_t found;
	pid_t pid;

	if (glob("/usr/sbin/php-fpm[0-9]*", 0, NULL, &found) != 0)
		die("php-fpm is not installed");
	pid = program_start((const char *const[]){ found.gl_pathv[0],
		"--nodaemonize", "--fpm-config", config,
		geteuid() == 0 ? "--allow-to-run-as-root" : NULL, NULL });
	globfree(&found);
	return pid;
}

static const char *write_php_config(const struct stand *s, const char *socket)
{
	char processes[16];

	snprintf(processes, sizeof(processes), "%zu", s->clients + 8);
	return folder_fill("php-fpm.conf", SITES "php-fpm.conf",
		(const char *const[][2]){
			{ "USER", geteuid() == 0 ? "user = root" : "" },
			{ "SOCKET", socket },
			{ "PROCESSES", processes },
			{ NULL, NULL },
		});
}

static void start_nginx_php(struct stand *s)
{
	const char *socket = folder_path("php.sock");
	const char *script, *site;

	open_log(s);
	script = folder_fill("tail.php", SITES "tail.php",
		(const char *const[][2]){
			{ "LOG", s->log_path },
			{ NULL, NULL },
		});
	site = folder_fill("php.conf", SITES "php.conf",
		(const char *const[][2]){
			{ "SCRIPT", script },
			{ "SOCKET", socket },
			{ NULL, NULL },
		});
	s->program = start_php(write_php_config(s, socket));
	program_wait_accepts(s->program, socket);
	s->web = web_open_nginx_with(s->clients, "", site);
}

static void stop_nginx_php(struct stand *s)
{
	stand_pause(s, false);
	web_close(&s->web);
	program_stop(s->program);
	close(s->log);
}

const struct stand_kind nginx_php = {
	.server = "nginx",
	.sender = "PHP-FPM",
	.start = start_nginx_php,
	.stop = stop_nginx_php,
	.append = append_to_log,
	.starts_ahead = true,
	.polls = true,
};

/* ---- Nchan: inside nginx, events come to it by POST */

static void start_nginx_nchan(struct stand *s)
{
	s->web = web_open_nginx_with(s->clients,
		"load_module /usr/lib/nginx/modules/ngx_nchan_module.so;",
		folder_fill("nchan.conf", SITES "nchan.conf",
			(const char *const[][2]){ { NULL, NULL } }));
	s->publisher = socket_connect(s->web.address);
}

static void stop_nginx_nchan(struct stand *s)
{
	close(s->publisher);
	web_close(&s->web);
}

/* Whoever reads the log and posts its lines costs nothing here. What nginx
 * answers is thrown away. */
static void publish(struct stand *s, size_t events)
{
	static char answers[1 << 16];
	struct bytes posts = BYTES_INIT;

	for (size_t i = 0; i < events; i++) {
		char line[RESPONDER_LINE_BYTES];

		write_line(s, i, line);
		bytes_add_format(&posts,
			"POST /publish HTTP/1.1\r\nHost: localhost\r\n"
			"Content-Length: %zu\r\n\r\n",
			sizeof(line) - 1);
		bytes_add(&posts, line, sizeof(line) - 1);
	}
	if (send(s->publisher, posts.data, posts.len, MSG_NOSIGNAL) !=
		(ssize_t)posts.len)
		die_errno("nginx takes no POST");
	while (recv(s->publisher, answers, sizeof(answers), MSG_DONTWAIT) > 0)
		;
	bytes_release(&posts);
}

const struct stand_kind nginx_nchan = {
	.server = "nginx",
	.sender = "Nchan",
	.start = start_nginx_nchan,
	.stop = stop_nginx_nchan,
	.append = publish,
};

/* ---- all of them */

void stand_append(struct stand *s, size_t events)
{
	s->kind->append(s, events);
	s->written += events;
}

/* Events go out until one has reached everybody: who came late has missed
 * those before. */
static void wait_open(struct stand *s, struct crowd *crowd)
{
	for (int i = 0; i < OPEN_STEPS; i++) {
		double until = now_ns() + (i + 1) * OPEN_STEP_MS * 1e6;

		stand_append(s, 1);
		crowd_expect(crowd, s->written);
		while (now_ns() < until)
			if (crowd_take(crowd, OPEN_STEP_MS))
				return;
	}
	die("%s, %s: not every client gets a stream", s->kind->server,
		s->kind->sender);
}

static struct crowd *open_clients(struct stand *s, size_t count)
{
	const struct ask ask = {
		.mount = "/events", .path = "/log", .query = "tail=0"
	};
	struct bytes request = BYTES_INIT;
	struct crowd *crowd;

	ask_http(&request, &ask, s->web.address);
	crowd = crowd_open_http(s->web.address, count, &request);
	bytes_release(&request);
	if (s->head.len) {
		limit_send(&s->limit, &s->head); /* when it has them all */
		crowd_wait_open(crowd);
	}
	wait_open(s, crowd);
	return crowd;
}

void stand_pause(const struct stand *s, bool pause)
{
	if (s->kind->polls && kill(-s->program, pause ? SIGSTOP : SIGCONT) < 0)
		die_errno("%s", s->kind->sender);
}

/* A process that was not there before serves one of the clients. */
static void find_processes(struct stand *s)
{
	bool is_cgi = s->program == s->web.pid;

	tree_release(&s->server);
	s->server = tree_find(s->web.pid, is_cgi ? TREE_ROOT : TREE_WHOLE);
	if (!s->program)
		return;
	tree_release(&s->sender);
	s->sender =
		tree_find(s->program, is_cgi ? TREE_DESCENDANTS : TREE_WHOLE);
}

static size_t difference(size_t after, size_t before)
{
	return after > before ? after - before : 0;
}

/* The first client brings code and buffers into memory that all share. */
static void open_all(struct stand *s)
{
	size_t server, sender;

	crowd_close(open_clients(s, 1));
	stand_append(s, 1); /* it has gone, learns whoever sends to it */
	sleep_ms(SETTLE_MS);
	find_processes(s);
	server = tree_pss_bytes(&s->server);
	sender = s->kind->starts_ahead ? 0 : tree_pss_bytes(&s->sender);
	s->crowd = open_clients(s, s->clients);
	sleep_ms(SETTLE_MS);
	find_processes(s);
	s->server_bytes =
		difference(tree_pss_bytes(&s->server), server) / s->clients;
	s->sender_bytes =
		difference(tree_pss_bytes(&s->sender), sender) / s->clients;
}

struct stand *stand_open(
	const struct stand_kind *kind, const char *build, size_t clients)
{
	struct stand *s = calloc(1, sizeof(*s));

	if (!s)
		die_errno("memory");
	s->kind = kind;
	s->build = build;
	s->clients = clients;
	kind->start(s);
	if (kind->is_ideal)
		s->crowd = open_clients(s, clients);
	else
		open_all(s);
	find_processes(s);
	return s;
}

void stand_close(struct stand *s)
{
	crowd_close(s->crowd);
	s->kind->stop(s);
	tree_release(&s->server);
	tree_release(&s->sender);
	bytes_release(&s->head);
	bytes_release(&s->event);
	free(s);
}
