#include "tests/bench/responder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/socket.h"
#include "tests/lib/ask.h"

#define LINES_A_WRITE 1024

#define START_STEP_MS 2
#define START_STEPS   10000

static const char *const names[SEQUENCE_SOURCES] = { "log", "log1", "log2",
	"log3" };

/* ---- configuration */

static const char *write_config(
	const struct responder *r, const struct responder_how *how)
{
	const char *path = folder_new_path("conf");
	const char *state = folder_new_path("state");
	FILE *f = fopen(path, "we");

	if (!f)
		die_errno("%s", path);
	mkdir(state, 0700);
	fprintf(f, "%s%s\nsend_buffer = %d;\nstate_dir = \"%s\";\nsources = (",
		gauge_setting(),
		how->settings ? how->settings : "heartbeat = 3600;",
		how->send_buffer ? how->send_buffer : RESPONDER_SEND_BUFFER,
		state);
	for (size_t i = 0; i < r->sources; i++)
		fprintf(f, "%s{ name = \"%s\"; path = \"%s\"; %s %s }",
			i ? ", " : "", names[i], r->paths[i],
			how->pipe ? "type = \"fifo\";" : "",
			how->source_settings ? how->source_settings : "");
	fputs(");\n", f);
	if (fclose(f))
		die_errno("%s", path);
	return path;
}

static void open_source(
	struct responder *r, const struct responder_how *how, size_t i)
{
	/* Nobody reads the pipe yet. */
	int mode = how->pipe ? O_RDWR : O_WRONLY | O_APPEND | O_CREAT;

	r->logs[i] = -1;
	r->paths[i] = how->file;
	if (how->file)
		return;
	r->paths[i] = folder_new_path(how->pipe ? "pipe" : "log");
	if (how->pipe && mkfifo(r->paths[i], 0600) < 0)
		die_errno("%s", r->paths[i]);
	r->logs[i] = open(r->paths[i], mode | O_CLOEXEC, 0644);
	if (r->logs[i] < 0)
		die_errno("%s", r->paths[i]);
}

/* ---- the program */

static pid_t start(const struct responder_how *how, int socket, int log,
	const char *argument)
{
	pid_t pid = fork();

	if (pid < 0)
		die_errno("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(socket, 0);
	dup2(log, 2);
	if (how->takes_log)
		execl(how->program, how->program, argument, NULL);
	else
		execl(how->program, how->program, "-c", argument, NULL);
	fprintf(stderr, "bench: %s: %s\n", how->program, strerror(errno));
	_exit(127);
}

static void print_said(const struct responder *r)
{
	FILE *f = fopen(r->said, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
	if (f)
		fclose(f);
}

/* Until each process has said that it starts: then it is there to share what
 * comes. */
static void wait_started(const struct responder *r)
{
	for (int i = 0; i < START_STEPS; i++) {
		FILE *f = fopen(r->said, "re");
		size_t started = 0;
		char line[256];

		while (f && fgets(line, sizeof(line), f))
			started += strstr(line, "start: ") != NULL;
		if (f)
			fclose(f);
		if (started >= r->processes)
			return;
		sleep_ms(START_STEP_MS);
	}
	print_said(r);
	die("the responder does not start");
}

struct responder responder_open_with(const struct responder_how *how)
{
	struct responder r = {
		.processes = how->processes ? how->processes : 1,
		.sources = how->sources ? how->sources : 1,
		.socket = folder_new_path("socket"),
		.said = folder_new_path("stderr"),
	};
	const char *config;
	int socket, log;

	if (access(how->program, X_OK) < 0)
		die_errno("%s", how->program);
	for (size_t i = 0; i < r.sources; i++)
		open_source(&r, how, i);
	r.log_path = r.paths[0];
	config = write_config(&r, how);
	/* Once it is closed here, nobody can connect but to one of them. */
	socket = socket_listen(r.socket);
	log = open(r.said, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	for (size_t i = 0; i < r.processes; i++)
		r.pids[i] = start(
			how, socket, log, how->takes_log ? r.log_path : config);
	close(socket);
	close(log);
	if (!how->takes_log)
		wait_started(&r);
	return r;
}

struct responder responder_open(
	const char *program, int send_buffer, size_t processes)
{
	return responder_open_with(&(struct responder_how){
		.program = program,
		.send_buffer = send_buffer,
		.processes = processes,
	});
}

void responder_close(struct responder *r)
{
	for (size_t i = 0; i < r->processes; i++) {
		int status;

		kill(r->pids[i], SIGTERM);
		if (waitpid(r->pids[i], &status, 0) == r->pids[i] &&
			status == 0)
			continue;
		print_said(r);
		die("the responder ended with status %#x", status);
	}
	for (size_t i = 0; i < r->sources; i++)
		if (r->logs[i] >= 0)
			close(r->logs[i]);
}

uint64_t responder_cpu_ns(const struct responder *r)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < r->processes; i++)
		ns += cpu_ns(r->pids[i]);
	return ns;
}

/* ---- the logs */

static void append_to(struct responder *r, size_t source, size_t lines)
{
	static char text[LINES_A_WRITE * RESPONDER_LINE_BYTES];

	while (lines) {
		size_t some = lines < LINES_A_WRITE ? lines : LINES_A_WRITE;
		size_t len = some * RESPONDER_LINE_BYTES;

		memset(text, 'x', len);
		for (size_t i = 0; i < some; i++) {
			char *line = text + i * RESPONDER_LINE_BYTES;

			sequence_write(line,
				source * SEQUENCE_SOURCE + ++r->each[source]);
			line[RESPONDER_LINE_BYTES - 1] = '\n';
		}
		if (write(r->logs[source], text, len) != (ssize_t)len)
			die_errno("%s", r->paths[source]);
		lines -= some;
	}
}

static void signal_all(const struct responder *r, int signal)
{
	for (size_t i = 0; i < r->processes; i++)
		kill(r->pids[i], signal);
}

void responder_append(struct responder *r, size_t lines)
{
	size_t each = lines / r->sources, more = lines % r->sources;
	bool hold = r->sources > 1 && lines > 1;

	if (hold)
		signal_all(r, SIGSTOP);

	for (size_t i = 0; i < r->sources; i++) {
		size_t source = (r->written + i) % r->sources;

		append_to(r, source, each + (i < more));
	}
	r->written += lines;
	if (hold)
		signal_all(r, SIGCONT);
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

/* A length of FastCGI 3.4: every one here is under 64 KiB. */
static void put_length(struct bytes *out, size_t len)
{
	if (len > 127) {
		bytes_add_byte(out, 0x80);
		bytes_add_byte(out, 0);
		bytes_add_byte(out, (int)(len >> 8));
	}
	bytes_add_byte(out, (int)(len & 0xff));
}

static void put_pair(struct bytes *out, const char *variable)
{
	size_t name = strcspn(variable, "=");
	const char *value = variable + name + 1;

	put_length(out, name);
	put_length(out, strlen(value));
	bytes_add(out, variable, name);
	bytes_add_text(out, value);
}

static void put_request(struct bytes *out, const struct ask *ask)
{
	enum { BEGIN = 1, PARAMS = 4, STDIN = 5 };
	static const char begin[8] = { 0, 1 }; /* FCGI_RESPONDER */
	struct bytes variables = BYTES_INIT, pairs = BYTES_INIT;
	const char *variable = NULL;

	ask_variables(&variables, ask);
	while ((variable = ask_next(&variables, variable)))
		put_pair(&pairs, variable);
	put_record(out, BEGIN, begin, sizeof(begin));
	put_record(out, PARAMS, pairs.data, pairs.len);
	put_record(out, PARAMS, NULL, 0);
	put_record(out, STDIN, NULL, 0);
	bytes_release(&variables);
	bytes_release(&pairs);
}

void responder_put_request_for(const struct responder *r, struct bytes *out,
	const char *query, const char *last_event_id)
{
	char path[64] = "";

	for (size_t i = 0; i < r->sources; i++) {
		strcat(path, i ? "," : "/");
		strcat(path, names[i]);
	}
	put_request(out, &(struct ask){ .path = path,
				 .query = query,
				 .last_event_id = last_event_id });
}

void responder_put_request(struct bytes *out)
{
	put_request(out, &(struct ask){ .path = "/log", .query = "tail=0" });
}

struct crowd *responder_open_crowd(const struct responder *r, size_t clients,
	const char *query, const char *last_event_id)
{
	struct bytes request = BYTES_INIT;
	struct crowd *crowd;

	responder_put_request_for(r, &request, query, last_event_id);
	crowd = crowd_open(r->socket, clients, &request);
	bytes_release(&request);
	return crowd;
}

struct crowd *responder_follow(const struct responder *r, size_t clients)
{
	struct crowd *crowd = responder_open_crowd(r, clients, "tail=0", NULL);

	crowd_wait_open(crowd);
	return crowd;
}
