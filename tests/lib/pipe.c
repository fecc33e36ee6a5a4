#define TESTS_LIB_INSIDE
#include "tests/lib/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/test.h"

int pipe_open(const char *path)
{
	struct test_wait wait = test_wait_here("a reader of the pipe");
	int fd;

	signal(SIGPIPE, SIG_IGN);
	while ((fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
		if (errno != ENXIO && errno != ENOENT)
			test_fail("%s: %s", path, strerror(errno));
		test_wait_step(&wait);
	}
	return fd;
}

void pipe_put_bytes(int fd, const void *bytes, size_t len)
{
	struct test_wait wait = test_wait_here("room in the pipe");
	const char *from = bytes;

	while (len > 0) {
		ssize_t n = write(fd, from, len < PIPE_BUF ? len : PIPE_BUF);

		if (n < 0 && errno != EAGAIN)
			test_fail("the pipe: %s", strerror(errno));
		if (n < 0) {
			test_wait_step(&wait);
			continue;
		}
		from += n;
		len -= (size_t)n;
	}
}

__attribute__((format(printf, 2, 0))) static void put_text(
	int fd, const char *format, va_list args)
{
	char *text;
	int len = vasprintf(&text, format, args);

	if (len < 0)
		abort();
	pipe_put_bytes(fd, text, (size_t)len);
	free(text);
}

void pipe_put(int fd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_text(fd, format, args);
	va_end(args);
}

void pipe_write(const char *path, const char *format, ...)
{
	int fd = pipe_open(path);
	va_list args;

	va_start(args, format);
	put_text(fd, format, args);
	va_end(args);
	close(fd);
}

const char *pipe_configure(struct site *s, const char *keys)
{
	disk_subfolder(s->folder, "state");
	site_configure(s,
		"state_dir = \"state\";\n"
		"sources = ( { name = \"app\"; type = \"fifo\"; path = "
		"\"pipe\";"
		" create = true; %s } );\n",
		keys);
	return disk_path(s->folder, "pipe");
}

pid_t pipe_pump(const char *state_dir, const char *name)
{
	FILE *f = fopen("/proc/locks", "re");
	char path[PATH_MAX], line[256];
	struct stat st;
	pid_t found = 0;

	if (!f)
		test_fail("/proc/locks: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/%s/lock", state_dir, name);
	if (stat(path, &st) < 0)
		st.st_ino = 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned long ino;
		int pid;

		/* Those who wait have an arrow in front. */
		if (sscanf(line, "%*d: FLOCK %*s WRITE %d %*x:%*x:%lu", &pid,
			    &ino) == 2 &&
			ino == st.st_ino)
			found = pid;
	}
	fclose(f);
	return found;
}
