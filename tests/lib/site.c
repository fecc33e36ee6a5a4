#define TESTS_LIB_INSIDE
#include "tests/lib/site.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/cgi.h"
#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/test.h"

#define NOBODY 65534

static int setup(void **state, enum site_program program)
{
	struct site *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->program = program;
	s->folder = disk_folder();
	s->config = disk_path(s->folder, "ssetail.conf");
	s->address = disk_path(s->folder, "socket");
	*state = s;
	return 0;
}

int site_setup_fcgi(void **state)
{
	return setup(state, SITE_FCGI);
}

int site_setup_cgi(void **state)
{
	return setup(state, SITE_CGI);
}

/* True if the process ended with 0; else prints what it said. */
static bool ends_well(struct process *p)
{
	int code = process_exit_code(p);

	if (code != 0)
		print_error("%s ended with %d\n%s\n", p->name, code,
			process_errors(p));
	return code == 0;
}

static bool close_one(struct reader *r, bool is_cgi)
{
	bool well = true;

	reader_hang_up(r);
	if (is_cgi)
		well = ends_well(cgi_of(r)->process);
	reader_close(r);
	return well;
}

static bool end_all(struct site *s)
{
	bool well = true;

	while (s->count > 0) {
		s->count--;
		well &= close_one(s->readers[s->count], s->is_cgi[s->count]);
	}
	if (s->responder) {
		process_signal(s->responder, SIGTERM);
		well &= ends_well(s->responder);
		process_free(s->responder);
		s->responder = NULL;
		disk_remove(s->address);
	}
	return well;
}

int site_teardown(void **state)
{
	struct site *s = *state;
	bool well = end_all(s);

	free(s);
	test_cleanup(state);
	return well ? 0 : -1;
}

void site_restart(struct site *s)
{
	if (!end_all(s))
		test_fail("a program did not end well");
}

void site_configure(struct site *s, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	disk_write(s->config, "heartbeat = 3600;\n%s", text);
	free(text);
}

const char *site_configure_log(struct site *s, const char *keys)
{
	site_configure(s,
		"sources = ( { name = \"app\"; path = \"app.log\"; %s } );\n",
		keys);
	return disk_path(s->folder, "app.log");
}

static void drop_privileges(void)
{
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		_exit(126);
}

static void become(void *context)
{
	const struct site *s = context;

	if (s->umask)
		umask(s->umask);
	if (s->unprivileged)
		drop_privileges();
}

/* An unprivileged user may not reach the folder of the build. */
static const char *program(const struct site *s, const char *name)
{
	const char *copy;

	if (!s->unprivileged)
		return process_program(name);
	copy = disk_path(s->folder, "%s", name);
	if (!disk_exists(copy))
		process_copy_program(name, copy);
	return copy;
}

/* The socket listens before the responder starts: nobody has to wait. */
static void start_responder(struct site *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, s->address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(fd, 4096) < 0)
		test_fail("%s: %s", s->address, strerror(errno));
	s->responder = process_start(&(struct process_how){
		.argv = (const char *[]){ program(s, "ssetail.fcgi"), "-c",
			s->config, NULL },
		.stdin_fd = fd,
		.in_child = become,
		.context = s,
	});
	close(fd);
}

struct reader *site_open(struct site *s, const struct ask *ask)
{
	struct reader *r;

	if (s->count == SITE_READERS_MAX)
		test_fail("more readers than a site has room for");
	if (s->program == SITE_CGI) {
		r = &cgi_open(
			&(struct cgi_how){ .program = program(s, "ssetail.cgi"),
				.config = s->config,
				.socket = s->socket,
				.in_child = become,
				.context = s },
			ask)
			     ->reader;
	} else {
		if (!s->responder)
			start_responder(s);
		r = &front_open(s->address, ask)->reader;
	}
	s->readers[s->count] = r;
	s->is_cgi[s->count++] = s->program == SITE_CGI;
	return r;
}

struct reader *site_open_path(struct site *s, const char *path)
{
	return site_open(s, &(struct ask){ .path = path });
}

static size_t index_of(const struct site *s, const struct reader *r)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->readers[i] == r)
			return i;
	test_fail("a reader of another site");
}

void site_close(struct site *s, struct reader *r)
{
	size_t i = index_of(s, r);
	bool is_cgi = s->is_cgi[i];

	s->count--;
	s->readers[i] = s->readers[s->count];
	s->is_cgi[i] = s->is_cgi[s->count];
	if (!close_one(r, is_cgi))
		test_fail("ssetail.cgi did not end well");
}

pid_t site_pid(const struct site *s, const struct reader *r)
{
	return s->is_cgi[index_of(s, r)]
		       ? ((const struct cgi_client *)r)->process->pid
		       : s->responder->pid;
}
