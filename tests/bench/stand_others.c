/*
 * stand_others: what people use instead, and ssetail.cgi beside the one of
 * them that is a CGI program, too.
 */
#include "tests/bench/stand.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/sequence.h"
#include "tests/bench/socket.h"

#define BESIDE "tests/bench/beside/"

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
			"heartbeat = 3600;\n%s"
			"sources = ({ name = \"log\"; path = \"%s\"; });\n",
			gauge_setting(), s->log_path));
}

static void start_lighttpd_tail(struct stand *s)
{
	const char *program;

	open_log(s);
	program = folder_fill("tail.sh", BESIDE "tail.sh",
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
	return folder_fill("php-fpm.conf", BESIDE "php-fpm.conf",
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
	script = folder_fill("tail.php", BESIDE "tail.php",
		(const char *const[][2]){
			{ "LOG", s->log_path },
			{ NULL, NULL },
		});
	site = folder_fill("php.conf", BESIDE "php.conf",
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
		folder_fill("nchan.conf", BESIDE "nchan.conf",
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
