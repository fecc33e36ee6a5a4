#include "tests/bench/responder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/crowd.h"
#include "tests/bench/die.h"
#include "tests/lib/ask.h"

enum { IN_FOLDER = 96, BACKLOG = 4096 };

/* Heartbeats would be the one thing that the limit does not do. */
static const char config[] =
	"heartbeat = 3600;\n"
	"send_buffer = %d;\n"
	"sources = ({ name = \"log\"; path = \"%s\"; });\n";

/* ---- the folder */

static struct {
	char folder[IN_FOLDER / 2];
	char config[IN_FOLDER], log[IN_FOLDER], socket[IN_FOLDER],
		spare[IN_FOLDER];
} paths;

static pid_t owner;

static void remove_folder(void)
{
	if (getpid() != owner)
		return;
	unlink(paths.config);
	unlink(paths.log);
	unlink(paths.socket);
	unlink(paths.spare);
	rmdir(paths.folder);
}

static void stop(int signal)
{
	remove_folder();
	_exit(128 + signal);
}

/* However this ends. */
static void remove_at_end(void)
{
	if (owner)
		return;
	owner = getpid();
	atexit(remove_folder);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	signal(SIGHUP, stop);
}

static void make_folder(int send_buffer)
{
	FILE *f;

	strcpy(paths.folder, "/tmp/ssetail-bench.XXXXXX");
	if (!mkdtemp(paths.folder))
		die_errno("%s", paths.folder);
	snprintf(paths.config, IN_FOLDER, "%s/conf", paths.folder);
	snprintf(paths.log, IN_FOLDER, "%s/log", paths.folder);
	snprintf(paths.socket, IN_FOLDER, "%s/socket", paths.folder);
	snprintf(paths.spare, IN_FOLDER, "%s/spare", paths.folder);
	remove_at_end();
	f = fopen(paths.config, "we");
	if (!f || fprintf(f, config, send_buffer, paths.log) < 0 || fclose(f))
		die_errno("%s", paths.config);
}

const char *responder_spare_socket(void)
{
	return paths.spare;
}

/* ---- the program */

/* As a web server makes it. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (fd < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, BACKLOG) < 0)
		die_errno("%s", path);
	return fd;
}

static pid_t start(const char *program, int socket)
{
	pid_t pid = fork();

	if (pid < 0)
		die_errno("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(socket, 0);
	execl(program, program, "-c", paths.config, NULL);
	fprintf(stderr, "bench: %s: %s\n", program, strerror(errno));
	_exit(127);
}

struct responder responder_open(
	const char *program, int send_buffer, size_t processes)
{
	struct responder r = { .processes = processes };
	int socket;

	make_folder(send_buffer);
	r.socket = paths.socket;
	r.log = open(
		paths.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (r.log < 0)
		die_errno("%s", paths.log);
	/* Once it is closed here, nobody can connect but to one of them. */
	socket = listen_at(paths.socket);
	for (size_t i = 0; i < processes; i++)
		r.pids[i] = start(program, socket);
	close(socket);
	return r;
}

void responder_close(struct responder *r)
{
	for (size_t i = 0; i < r->processes; i++) {
		int status;

		kill(r->pids[i], SIGTERM);
		if (waitpid(r->pids[i], &status, 0) != r->pids[i] ||
			status != 0)
			die("the responder ended with status %#x", status);
	}
	close(r->log);
	remove_folder();
}

void responder_append(struct responder *r, size_t lines)
{
	static char text[1024 * RESPONDER_LINE_BYTES];
	size_t len = lines * RESPONDER_LINE_BYTES;
	char number[32];

	if (len > sizeof(text))
		die("too many lines at once");
	memset(text, 'x', len);
	for (size_t i = 0; i < lines; i++) {
		char *line = text + i * RESPONDER_LINE_BYTES;
		int n = snprintf(number, sizeof(number),
			SEQUENCE_START "%0*ju ", SEQUENCE_DIGITS,
			(uintmax_t)++r->written);

		memcpy(line, number, (size_t)n);
		line[RESPONDER_LINE_BYTES - 1] = '\n';
	}
	if (write(r->log, text, len) != (ssize_t)len)
		die_errno("%s", paths.log);
}

/* ---- the request */

static void put_record(
	struct bytes *out, int type, const char *content, size_t len)
{
	bytes_add_byte(out, 1);
	bytes_add_byte(out, type);
	bytes_add_byte(out, 0);
	bytes_add_byte(out, 1); /* the request's id */
	bytes_add_byte(out, (int)(len >> 8));
	bytes_add_byte(out, (int)(len & 0xff));
	bytes_add_byte(out, 0);
	bytes_add_byte(out, 0);
	if (len)
		bytes_add(out, content, len);
}

/* Every length here fits one byte. */
static void put_pair(struct bytes *out, const char *variable)
{
	size_t name = strcspn(variable, "=");
	const char *value = variable + name + 1;

	bytes_add_byte(out, (int)name);
	bytes_add_byte(out, (int)strlen(value));
	bytes_add(out, variable, name);
	bytes_add_text(out, value);
}

void responder_put_request(struct bytes *out)
{
	enum { BEGIN = 1, PARAMS = 4, STDIN = 5 };
	static const char begin[8] = { 0, 1 }; /* FCGI_RESPONDER */
	const struct ask ask = { .path = "/log", .query = "tail=0" };
	struct bytes variables = BYTES_INIT, pairs = BYTES_INIT;
	const char *variable = NULL;

	ask_variables(&variables, &ask);
	while ((variable = ask_next(&variables, variable)))
		put_pair(&pairs, variable);
	put_record(out, BEGIN, begin, sizeof(begin));
	put_record(out, PARAMS, pairs.data, pairs.len);
	put_record(out, PARAMS, NULL, 0);
	put_record(out, STDIN, NULL, 0);
	bytes_release(&variables);
	bytes_release(&pairs);
}

/* ---- the kernel */

uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec t;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t) < 0)
		die("process %d has no CPU clock", (int)pid);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

size_t pss_bytes(pid_t pid)
{
	char path[64], line[128];
	unsigned long kilobytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	if (!f)
		die_errno("%s", path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %lu kB", &kilobytes) == 1)
			break;
	fclose(f);
	return kilobytes * 1024;
}
