#include "cgi/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/program.h"

#define ARGUMENTS_MAX 64

/* Runs curl with its output in a pipe. Returns 0, or an error number. */
static int spawn(struct fetch *f, char **arguments)
{
	posix_spawn_file_actions_t actions;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	error = posix_spawn_file_actions_init(&actions);
	if (error == 0) {
		error = posix_spawn_file_actions_adddup2(
			&actions, ends[1], STDOUT_FILENO);
		if (error == 0)
			error = posix_spawnp(&f->pid, arguments[0], &actions,
				NULL, arguments, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(ends[1]);
	if (error == 0)
		f->fd = ends[0];
	else
		close(ends[0]);
	return error;
}

int fetch_start(struct fetch *f, const char *url, const char *header,
	unsigned seconds, char *const *options)
{
	static char curl[] = "curl", how[] = "-sSNi", zip[] = "--compressed",
		    limit[] = "-m", field[] = "-H", address[] = "--url";
	char *arguments[ARGUMENTS_MAX], digits[16];
	size_t count = 0;
	int error;

	f->status = 0;
	f->first_ms = -1;
	f->fd = -1;
	snprintf(digits, sizeof(digits), "%u", seconds);
	arguments[count++] = curl;
	arguments[count++] = how;
	arguments[count++] = zip;
	arguments[count++] = limit;
	arguments[count++] = digits;
	if (header) {
		arguments[count++] = field;
		arguments[count++] = (char *)header;
	}
	while (*options && count < ARGUMENTS_MAX - 3)
		arguments[count++] = *options++;
	arguments[count++] = address;
	arguments[count++] = (char *)url;
	arguments[count] = NULL;
	f->asked_ms = program_now_ms();
	error = spawn(f, arguments);
	errno = error;
	return error ? -1 : 0;
}

/* ---- a response */

/* "HTTP/1.1 200 OK", "HTTP/2 200" */
static void hear_status(struct fetch *f, const char *line)
{
	char version[8] = "";

	if (sscanf(line, "HTTP/%7s %3u", version, &f->status) < 2)
		return;
	snprintf(f->protocol, sizeof(f->protocol),
		strchr(version, '.') ? "http/%s" : "h%s", version);
	memset(f->fields, 0, sizeof(f->fields));
}

static void hear_field(struct fetch *f, const char *line)
{
	static const char *const names[] = {
		[FETCH_TYPE] = "content-type",
		[FETCH_CACHE] = "cache-control",
		[FETCH_ENCODING] = "content-encoding",
		[FETCH_SERVER] = "server",
		[FETCH_VIA] = "via",
		[FETCH_X_CACHE] = "x-cache",
		[FETCH_CF_RAY] = "cf-ray",
		[FETCH_LENGTH] = "content-length",
		[FETCH_AGE] = "age",
	};

	for (size_t i = 0; i < FETCH_FIELDS; i++) {
		size_t len = strlen(names[i]);

		if (strncasecmp(line, names[i], len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " \t");
		snprintf(f->fields[i], sizeof(f->fields[i]), "%s", line);
	}
}

/* The head ends with an empty line; one that is followed by another (100, or
 * 401 when a way to log in was found) does not count. */
static void hear(struct fetch *f, char *line)
{
	size_t len = strlen(line);

	if (f->in_body && f->first_ms < 0 && strncmp(line, "HTTP/", 5) == 0)
		f->in_body = false;
	if (f->in_body) {
		if (f->first_ms < 0)
			f->first_ms = f->now_ms;
		f->hear(f, line);
		return;
	}
	if (len > 0 && line[len - 1] == '\r')
		line[--len] = '\0';
	if (len == 0)
		f->in_body = true;
	else if (strncmp(line, "HTTP/", 5) == 0)
		hear_status(f, line);
	else
		hear_field(f, line);
}

static void take(struct fetch *f, const char *bytes, size_t len)
{
	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end ? (size_t)(end - bytes) : len;

		buffer_add(&f->line, bytes, part);
		if (!end)
			return;
		buffer_add_byte(&f->line, '\0');
		if (!f->line.failed)
			hear(f, f->line.data);
		buffer_clear(&f->line);
		bytes += part + 1;
		len -= part + 1;
	}
}

/* The end: what curl had to say about it, it has said. */
static void finish(struct fetch *f)
{
	f->end_ms = program_now_ms();
	close(f->fd);
	f->fd = -1;
	waitpid(f->pid, NULL, 0);
	buffer_release(&f->line);
}

void fetch_run(struct fetch *list, size_t count)
{
	struct pollfd fds[MEASUREMENT_STREAMS];
	size_t open = 0;

	for (size_t i = 0; i < count; i++)
		open += list[i].fd >= 0;
	while (open > 0) {
		for (size_t i = 0; i < count; i++)
			fds[i] = (struct pollfd){ list[i].fd, POLLIN, 0 };
		if (poll(fds, count, -1) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < count; i++) {
			char bytes[65536];
			ssize_t n;

			if (list[i].fd < 0 || !fds[i].revents)
				continue;
			n = read(list[i].fd, bytes, sizeof(bytes));
			list[i].now_ms = program_now_ms();
			if (n > 0) {
				take(&list[i], bytes, (size_t)n);
			} else if (n == 0 || errno != EINTR) {
				finish(&list[i]);
				open--;
			}
		}
	}
}
