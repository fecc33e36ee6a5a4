#define TESTS_LIB_INSIDE
#include "tests/lib/cgi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/test.h"

struct cgi_client *cgi_of(struct reader *r)
{
	return (struct cgi_client *)r;
}

static void take_close(struct reader *r)
{
	if (!r->has_head)
		reader_note_fault(r, "a program that ended without a head");
	reader_take_end(r);
}

static void release(struct reader *r)
{
	struct cgi_client *c = cgi_of(r);

	process_free(c->process);
	free(c);
}

/* A list of strings as execve(2) wants it; free() it. The strings are those
 * of `list`. */
static const char **pointers(const struct bytes *list)
{
	size_t count = 0;
	const char *s = NULL;

	while ((s = ask_next(list, s)))
		count++;
	const char **all = calloc(count + 1, sizeof(*all));
	if (!all)
		abort();
	for (size_t i = 0; i < count; i++)
		all[i] = s = ask_next(list, s);
	return all;
}

static void add_string(struct bytes *list, const char *string)
{
	bytes_add(list, string, strlen(string) + 1);
}

/* What a web server lets through of its own environment. */
static void add_inherited(struct bytes *env, const char *name)
{
	const char *value = getenv(name);

	if (!value)
		return;
	bytes_add_format(env, "%s=%s", name, value);
	bytes_add_byte(env, '\0');
}

static void fill_environment(
	struct bytes *env, const struct cgi_how *how, const struct ask *ask)
{
	ask_variables(env, ask);
	add_inherited(env, "PATH");
	add_inherited(env, "LD_PRELOAD");
	add_inherited(env, "ASAN_OPTIONS");
	add_inherited(env, "LSAN_OPTIONS");
	add_inherited(env, "UBSAN_OPTIONS");
	if (how->config) {
		bytes_add_format(env, "SSETAIL_CONF=%s", how->config);
		bytes_add_byte(env, '\0');
	}
}

static void open_output(int fds[2], bool socket)
{
	int failed =
		socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)
		       : pipe2(fds, O_CLOEXEC);

	if (failed)
		test_fail("output: %s", strerror(errno));
}

struct cgi_client *cgi_open(const struct cgi_how *how, const struct ask *ask)
{
	static const struct reader_kind kind = { reader_take, take_close,
		release };
	static const struct cgi_how usual;
	struct bytes env = BYTES_INIT;
	struct bytes args = BYTES_INIT;
	int output[2];

	if (!how)
		how = &usual;
	add_string(&args,
		how->program ? how->program : process_program("ssetail.cgi"));
	for (const char *const *arg = how->argv; arg && *arg; arg++)
		add_string(&args, *arg);
	fill_environment(&env, how, ask);
	const char **argv = pointers(&args);
	const char **envp = pointers(&env);
	struct cgi_client *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	open_output(output, how->socket);
	c->process = process_start(&(struct process_how){
		.argv = argv,
		.env = envp,
		.folder = how->folder,
		.stdout_fd = output[1],
		.in_child = how->in_child,
		.context = how->context,
	});
	close(output[1]);
	reader_init(&c->reader, &kind, output[0]);
	free(argv);
	free(envp);
	bytes_release(&args);
	bytes_release(&env);
	return c;
}
