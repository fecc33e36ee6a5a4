/*
 * demo BUILD: what `make run` runs, from the top of the tree. Prepares the
 * folder BUILD/run, starts a lighttpd of its own there with the fragment that
 * users copy (conf/lighttpd/fastcgi.conf), appends a line to writer.log
 * every second, and takes everything down again at SIGINT, SIGTERM, SIGHUP
 * or SIGQUIT, or when the process that started it is gone, however it went.
 *
 * Nothing outlives it: every descendant is its child or becomes one
 * (PR_SET_CHILD_SUBREAPER), and if it is killed with SIGKILL itself, the
 * kernel ends lighttpd (PR_SET_PDEATHSIG), and that its responder.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/fragment.h"

enum {
	FIRST_PORT = 8080,
	LAST_PORT = 8179,
	READY_MS = 15000,
	STOP_MS = 3000,
	SITE = 4096, /* bytes of a path */
};

static char build[SITE - 128]; /* absolute */
static char run[SITE - 64];    /* BUILD/run */

static const char *in_run(const char *name)
{
	static char path[SITE];

	snprintf(path, sizeof(path), "%s/%s", run, name);
	return path;
}

static void say_errno(const char *what)
{
	fprintf(stderr, "demo: %s: %s\n", what, strerror(errno));
}

/* ---- signals and time */

static sigset_t taken; /* one by one, by wait_signal */

/*
 * A background job of a script starts with SIGINT and SIGQUIT ignored, and an
 * ignored signal would never arrive: the default first. nohup(1) means it.
 */
static void take_signals(void)
{
	static const int end[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD };

	sigemptyset(&taken);
	for (size_t i = 0; i < sizeof(end) / sizeof(*end); i++) {
		struct sigaction old;

		sigaction(end[i], NULL, &old);
		if (end[i] == SIGHUP && old.sa_handler == SIG_IGN)
			continue;
		signal(end[i], SIG_DFL);
		sigaddset(&taken, end[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &taken, NULL);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits up to `ms` for a signal: its number, or 0. */
static int wait_signal(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	int number = sigtimedwait(&taken, NULL, &t);

	return number > 0 ? number : 0;
}

/* ---- the folder */

static int make_folder(const char *path)
{
	if (!mkdir(path, 0755) || errno == EEXIST)
		return 0;
	say_errno(path);
	return -1;
}

/* A log starts empty and is kept afterwards, to be looked at. */
static int make_empty(const char *name)
{
	int fd = open(
		in_run(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0) {
		say_errno(in_run(name));
		return -1;
	}
	close(fd);
	return 0;
}

static int copy(
	const char *from, const char *name, const struct fragment_value *values)
{
	char why[2 * SITE];

	if (!fragment_copy(from, in_run(name), values, NULL, why, sizeof(why)))
		return 0;
	fprintf(stderr, "demo: %s\n", why);
	return -1;
}

static int prepare_folder(void)
{
	char program[SITE];
	char config[SITE];
	const struct fragment_value values[] = {
		{ "ssetail_program", program },
		{ "ssetail_config", config },
		/* In lighttpd's folder: however long the name of that is, it
		 * fits into a sockaddr_un. */
		{ "ssetail_socket", "ssetail.sock" },
		{ NULL, NULL },
	};

	snprintf(program, sizeof(program), "%s/ssetail.fcgi", build);
	snprintf(config, sizeof(config), "%s/ssetail.conf", run);
	if (make_folder(in_run("site")) || make_empty("writer.log") ||
		make_empty("access.log") || make_empty("error.log"))
		return -1;
	return copy("conf/demo/ssetail.conf", "ssetail.conf", NULL) ||
	       copy("conf/lighttpd/fastcgi.conf", "15-ssetail.conf", values);
}

/* ---- lighttpd */

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static bool port_is_free(int port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	bool is_free;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	is_free = !bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 1);
	close(fd);
	return is_free;
}

static void in_child(void)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);
	int log = open(in_run("error.log"), O_WRONLY | O_APPEND);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Ctrl-C is for us; we then tell lighttpd, which ends gracefully at
	 * SIGINT and at once at SIGTERM. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 ||
		dup2(log, 2) < 0 || chdir(run))
		_exit(126);
	if (null > 2)
		close(null);
	if (log > 2)
		close(log);
}

/* Returns its pid, or -1. */
static pid_t start_lighttpd(int port)
{
	char number[16];
	char config[SITE];
	const struct fragment_value values[] = {
		{ "port", number },
		{ "folder", run },
		{ NULL, NULL },
	};
	pid_t us = getpid();
	pid_t pid;

	snprintf(number, sizeof(number), "%d", port);
	snprintf(config, sizeof(config), "%s/lighttpd.conf", run);
	if (copy("conf/demo/lighttpd.conf", "lighttpd.conf", values))
		return -1;
	pid = fork();
	if (pid < 0)
		say_errno("fork");
	if (pid)
		return pid;
	in_child();
	if (getppid() == us)
		execlp("lighttpd", "lighttpd", "-D", "-f", config, NULL);
	say_errno("lighttpd");
	_exit(127);
}

/* Whether a stream begins to answer. */
static bool answers(int port)
{
	static const char request[] = "GET /events/clock HTTP/1.1\r\n"
				      "Host: localhost\r\n\r\n";
	static const char ok[] = "HTTP/1.1 200 ";
	struct sockaddr_in a = loopback(port);
	struct timeval limit = { 2, 0 };
	char answer[sizeof(ok)] = "";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = false;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)) &&
		write(fd, request, sizeof(request) - 1) > 0 &&
		recv(fd, answer, sizeof(ok) - 1, MSG_WAITALL) > 0)
		yes = strcmp(answer, ok) == 0;
	close(fd);
	return yes;
}

static void show_log(void)
{
	char line[1024];
	FILE *f = fopen(in_run("error.log"), "re");

	fprintf(stderr, "demo: lighttpd did not come up; %s:\n",
		in_run("error.log"));
	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
	if (f)
		fclose(f);
}

enum came_up { UP, PORT_TAKEN, NOT_UP, TOLD_TO_END };

/* Waits until lighttpd answers with a stream. */
static enum came_up wait_ready(pid_t pid, int port)
{
	int64_t end = now_ms() + READY_MS;

	while (now_ms() < end) {
		int number = wait_signal(50);

		if (number && number != SIGCHLD)
			return TOLD_TO_END;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return port_is_free(port) ? NOT_UP : PORT_TAKEN;
		if (answers(port))
			return UP;
	}
	return NOT_UP;
}

/* ---- the end */

/* Sends a signal to every child; returns how many there are. */
static int signal_children(int number)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	while (proc && (entry = readdir(proc))) {
		char path[300];
		char stat[512] = "";
		int pid = atoi(entry->d_name);
		int parent = 0;
		const char *rest;
		FILE *f;

		if (pid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		f = fopen(path, "re");
		if (!f)
			continue;
		rest = fgets(stat, sizeof(stat), f) ? strrchr(stat, ')') : NULL;
		if (rest && sscanf(rest, ") %*c %d", &parent) == 1 &&
			parent == getpid()) {
			kill(pid, number);
			count++;
		}
		fclose(f);
	}
	if (proc)
		closedir(proc);
	return count;
}

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Ends every descendant: politely, then at once. Orphans become children
 * while this goes on. */
static void end_children(void)
{
	int64_t patience = now_ms() + STOP_MS;

	while (signal_children(now_ms() < patience ? SIGTERM : SIGKILL)) {
		wait_signal(50);
		reap();
	}
}

/* ---- the demonstration */

/* Now and then there is something to be seen at a glance. */
static const struct {
	unsigned every;
	const char *level, *complaint;
} moods[] = {
	{ 29, "\033[31mERROR\033[0m", ": out of paper" },
	{ 11, "\033[33mWARN\033[0m ", ": the ink is low" },
	{ 1, "\033[32mINFO\033[0m ", "" },
};

static void append_line(unsigned number)
{
	char line[128];
	char stamp[32];
	size_t mood = 0;
	time_t now = time(NULL);
	struct tm tm;
	int len;
	int fd;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%F %T", &tm);
	while (number % moods[mood].every != 0)
		mood++;
	len = snprintf(line, sizeof(line), "%s %s writer: line %u%s\n", stamp,
		moods[mood].level, number, moods[mood].complaint);
	fd = open(in_run("writer.log"),
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		say_errno(in_run("writer.log"));
	if (fd >= 0)
		close(fd);
}

static void show_undo(void)
{
	char path[SITE];
	char line[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/undo", build);
	f = fopen(path, "re");
	if (!f)
		return;
	puts("Packages were installed for it. To undo that, as root:\n");
	while (fgets(line, sizeof(line), f))
		printf("    %s", line);
	puts("");
	fclose(f);
}

static void greet(int port, const char *folder)
{
	printf("\n"
	       "ssetail is streaming:\n\n"
	       "    http://127.0.0.1:%d/events/\n\n"
	       "or without a browser:\n\n"
	       "    curl -N http://127.0.0.1:%d/events/writer\n\n"
	       "Add a line of your own and watch it arrive:\n\n"
	       "    echo hello >> %s/run/writer.log\n\n",
		port, port, folder);
	show_undo();
	puts("Ctrl-C ends it. Nothing is written outside the build folder;\n"
	     "make clean removes that.");
	fflush(stdout);
}

/* Until a signal says so, or lighttpd ends. Returns the exit code. */
static int stream(pid_t lighttpd)
{
	int64_t next = now_ms();
	unsigned lines = 0;

	for (;;) {
		int64_t left = next - now_ms();
		int number;

		if (left <= 0) {
			append_line(++lines);
			next += 1000;
			if (next < now_ms())
				next = now_ms() + 1000;
			continue;
		}
		number = wait_signal(left);
		if (number == SIGCHLD) {
			if (waitpid(lighttpd, NULL, WNOHANG) == lighttpd) {
				show_log();
				return 1;
			}
		} else if (number) {
			return 0;
		}
	}
}

static int serve(const char *folder)
{
	int port = FIRST_PORT;

	for (; port <= LAST_PORT; port++) {
		pid_t pid;

		if (!port_is_free(port))
			continue;
		pid = start_lighttpd(port);
		if (pid < 0)
			return 1;
		switch (wait_ready(pid, port)) {
		case UP:
			greet(port, folder);
			return stream(pid);
		case TOLD_TO_END:
			return 0;
		case NOT_UP:
			show_log();
			return 1;
		case PORT_TAKEN: /* between the look and lighttpd's bind */
			break;
		}
	}
	fprintf(stderr, "demo: no free port from %d to %d\n", FIRST_PORT,
		LAST_PORT);
	return 1;
}

/* One demonstration a build folder. */
static int lock_folder(void)
{
	int fd = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	if (fd >= 0 && errno == EWOULDBLOCK)
		fprintf(stderr, "demo: already running in %s\n", run);
	else
		say_errno(run);
	return -1;
}

/* Servers are where an administrator's PATH finds them. */
static void widen_path(void)
{
	const char *old = getenv("PATH");
	char path[8192];

	snprintf(path, sizeof(path), "%s:/usr/local/sbin:/usr/sbin:/sbin",
		old ? old : "/usr/local/bin:/usr/bin:/bin");
	setenv("PATH", path, 1);
}

int main(int argc, char **argv)
{
	pid_t parent = getppid();
	char path[PATH_MAX];
	int status;

	if (argc != 2 || !realpath(argv[1], path) ||
		strlen(path) >= sizeof(build)) {
		fprintf(stderr, "usage: demo BUILD\n");
		return 64;
	}
	memcpy(build, path, strlen(path) + 1);
	if (strpbrk(build, " \t\"\\")) {
		fprintf(stderr,
			"demo: lighttpd starts no program from a "
			"folder with such a name: %s\n",
			build);
		return 1;
	}
	snprintf(run, sizeof(run), "%s/run", build);
	take_signals();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (getppid() != parent)
		return 0;
	widen_path();
	if (make_folder(run) || lock_folder() || prepare_folder())
		return 1;
	status = serve(argv[1]);
	end_children();
	return status;
}
