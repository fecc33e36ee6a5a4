#include "tests/bench/responder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/sequence.h"
#include "tests/bench/socket.h"
#include "tests/lib/ask.h"

/* Heartbeats would be the one thing that the limit does not do. */
static const char settings[] =
	"heartbeat = 3600;\n"
	"send_buffer = %d;\n"
	"sources = ({ name = \"log\"; path = \"%s\"; });\n";

/* ---- the program */

static pid_t start(const char *program, const char *config, int socket)
{
	pid_t pid = fork();

	if (pid < 0)
		die_errno("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(socket, 0);
	execl(program, program, "-c", config, NULL);
	fprintf(stderr, "bench: %s: %s\n", program, strerror(errno));
	_exit(127);
}

struct responder responder_open(
	const char *program, int send_buffer, size_t processes)
{
	struct responder r = { .processes = processes,
		.log_path = folder_path("log"),
		.socket = folder_path("socket") };
	const char *config =
		folder_write("conf", settings, send_buffer, r.log_path);
	int socket;

	unlink(r.log_path);
	unlink(r.socket);
	r.log = open(
		r.log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (r.log < 0)
		die_errno("%s", r.log_path);
	/* Once it is closed here, nobody can connect but to one of them. */
	socket = socket_listen(r.socket);
	for (size_t i = 0; i < processes; i++)
		r.pids[i] = start(program, config, socket);
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
}

void responder_append(struct responder *r, size_t lines)
{
	static char text[1024 * RESPONDER_LINE_BYTES];
	size_t len = lines * RESPONDER_LINE_BYTES;

	if (len > sizeof(text))
		die("too many lines at once");
	memset(text, 'x', len);
	for (size_t i = 0; i < lines; i++) {
		char *line = text + i * RESPONDER_LINE_BYTES;

		sequence_write(line, ++r->written);
		line[RESPONDER_LINE_BYTES - 1] = '\n';
	}
	if (write(r->log, text, len) != (ssize_t)len)
		die_errno("%s", r->log_path);
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
