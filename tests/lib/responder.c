#define TESTS_LIB_INSIDE
#include "tests/lib/responder.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tests/lib/disk.h"
#include "tests/lib/test.h"

static const struct responder_how usual;

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

void responder_prepare(struct responder *r, const struct responder_how *how)
{
	how = how ? how : &usual;
	*r = (struct responder){ .folder = disk_folder() };
	r->log = disk_path(r->folder, "log");
	r->config = disk_path(r->folder, "ssetail.conf");
	r->address =
		how->address ? how->address : disk_path(r->folder, "socket");
	disk_touch(r->log);
	disk_write(r->config,
		"%s\nsources = ( { name = \"log\"; path = \"log\"; %s }%s );\n",
		or_nothing(how->settings), or_nothing(how->source),
		or_nothing(how->sources));
}

static struct process *start(const struct responder *r,
	const struct responder_how *how, const char *address)
{
	const char *argv[] = { process_program("ssetail.fcgi"), "-c", r->config,
		address ? "-l" : NULL, address, NULL };

	how = how ? how : &usual;
	return process_start(&(struct process_how){
		.argv = argv,
		.env = how->env,
		.folder = how->folder,
		.stdin_fd = how->stdin_fd,
		.in_child = how->in_child,
		.context = how->context,
	});
}

void responder_run(struct responder *r, const struct responder_how *how)
{
	r->process = start(r, how, r->address);
	/* It says so when it listens. */
	process_wait_errors(r->process, "info: start: ");
}

struct process *responder_run_bare(
	const struct responder *r, const struct responder_how *how)
{
	return start(r, how, NULL);
}

void responder_start(struct responder *r, const struct responder_how *how)
{
	responder_prepare(r, how);
	responder_run(r, how);
}

const char *responder_tcp(void)
{
	/* disk_path keeps what it returns. */
	return strchr(disk_path("", "127.0.0.1:%d", process_free_port()), '/') +
	       1;
}

struct front_client *responder_open(
	const struct responder *r, const struct ask *ask)
{
	return front_open(r->address, ask);
}

struct cgi_client *responder_open_cgi(
	const struct responder *r, const struct ask *ask)
{
	return cgi_open(&(struct cgi_how){ .config = r->config }, ask);
}

struct front_client *responder_follow(
	const struct responder *r, const struct ask *ask)
{
	struct front_client *c = front_open(r->address, ask);

	reader_wait_text(&c->reader, "\nid: ");
	wait_for(c->reader.sse.checkpoints > 0);
	return c;
}

bool responder_has_read(const struct reader *r)
{
	int left = 0;

	if (r->fd < 0)
		return true;
	if (ioctl(r->fd, SIOCOUTQ, &left) < 0)
		test_fail("SIOCOUTQ: %s", strerror(errno));
	return left == 0;
}

bool responder_memory_is_real(void)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#else
	return !test_is_memcheck();
#endif
}

/* What heapinfo.so says of it; what it names last, it says last. */
static size_t ask_heapinfo(const struct responder *r, const char *what)
{
	size_t said = strlen(process_errors(r->process));
	const char *line;

	process_signal(r->process, SIGUSR2);
	wait_for((line = strstr(process_errors(r->process) + said, "heap: ")) &&
		 strchr(line, '\n'));
	line = strstr(process_errors(r->process) + said, what);
	return strtoul(line + strlen(what), NULL, 10);
}

size_t responder_heap_bytes(const struct responder *r)
{
	return ask_heapinfo(r, "heap: ");
}

size_t responder_allocations(const struct responder *r)
{
	return ask_heapinfo(r, "allocations: ");
}

const char *const *responder_heap_env(void)
{
	static char preload[2 * PATH_MAX + sizeof("LD_PRELOAD=:")];
	const char *others = getenv("LD_PRELOAD");
	/* What is freed is free, and not kept by a thread. */
	static const char *const env[] = {
		"GLIBC_TUNABLES=glibc.malloc.tcache_count=0", preload, NULL
	};

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s:%s",
		process_program("tests/tools/heapinfo.so"), or_nothing(others));
	return responder_memory_is_real() ? env : NULL;
}
