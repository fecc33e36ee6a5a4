#define TESTS_LIB_INSIDE
#include "tests/lib/redis.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/machine.h"
#include "tests/lib/test.h"

#define WORDS_MAX 16

static char *said;

static bool answers(void *context)
{
	const struct redis *r = context;
	struct process *p =
		process_run("redis-cli", "-s", r->address, "PING", NULL);
	bool does;

	process_exit_code(p);
	does = strcmp(process_output(p), "PONG\n") == 0;
	process_free(p);
	return does;
}

static void wait_for_answer(struct redis *r)
{
	/* As the file has it. */
	setenv("REDISCLI_AUTH", "something-long-and-random", 1);
	if (!wait_until(answers, r, test_limit_ms()))
		test_fail("Redis does not answer");
}

void redis_start_again(struct redis *r)
{
	r->process = process_run("redis-server", "conf/cluster/redis.conf",
		"--port", "0", "--unixsocket", r->address, "--dir", r->folder,
		"--save", "", NULL);
	wait_for_answer(r);
}

void redis_start_in(struct redis *r, const struct machine *m)
{
	r->folder = disk_path(m->root, "srv");
	r->address = disk_path(m->root, "run/redis.sock");
	r->process = machine_run(m,
		"exec redis-server "
		"/usr/local/share/doc/ssetail/cluster/redis.conf "
		"--bind 127.0.0.1 --unixsocket /run/redis.sock "
		"--unixsocketperm 777 --dir /srv --save ''");
	wait_for_answer(r);
}

void redis_start(struct redis *r)
{
	r->folder = disk_folder();
	r->address = disk_path(r->folder, "redis.sock");
	redis_start_again(r);
}

void redis_kill(struct redis *r)
{
	process_kill(r->process);
	process_free(r->process);
	r->process = NULL;
}

const char *redis_say(const struct redis *r, ...)
{
	const char *argv[WORDS_MAX + 5] = { "redis-cli", "-s", r->address,
		"-e" };
	struct process *p;
	size_t count = 4;
	va_list words;

	va_start(words, r);
	while ((argv[count] = va_arg(words, const char *)))
		if (++count > WORDS_MAX + 3)
			test_fail("too many words for Redis");
	va_end(words);
	p = process_start(&(struct process_how){ .argv = argv });
	if (process_exit_code(p) != 0)
		test_fail("%s: %s%s", argv[4], process_output(p),
			process_errors(p));
	free(said);
	said = strdup(process_output(p));
	process_free(p);
	if (*said)
		said[strlen(said) - 1] = '\0';
	return said;
}

size_t redis_length(const struct redis *r, const char *stream)
{
	return strtoul(redis_say(r, "XLEN", stream, NULL), NULL, 10);
}
