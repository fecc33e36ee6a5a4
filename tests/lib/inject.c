#define TESTS_LIB_INSIDE
#include "tests/lib/inject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/bytes.h"
#include "tests/lib/disk.h"
#include "tests/lib/test.h"

#define THREADS_MAX 16

/* The first that our programs call: what is before it is the loader's. */
#define FIRST_OWN "fcntl(0, F_GETFD)"

static void add(struct inject_command *c, size_t *count, const char *word)
{
	if (*count == INJECT_ARGV_MAX)
		test_fail("a command line of more than %d words",
			INJECT_ARGV_MAX);
	c->argv[(*count)++] = word;
}

static void put_injection(char *out, size_t size, const struct inject *what)
{
	int len =
		snprintf(out, size, "inject=%s:%s", what->calls, what->action);

	if (what->last)
		snprintf(out + len, size - (size_t)len, ":when=%u..%u",
			what->when, what->last);
	else if (what->when)
		snprintf(out + len, size - (size_t)len, ":when=%u", what->when);
}

void inject_compose(struct inject_command *c, const struct inject *what,
	const char *const *program)
{
	size_t count = 0;

	add(c, &count, "strace");
	add(c, &count, "-f");
	add(c, &count, "-qq");
	add(c, &count, "-o");
	add(c, &count, what->trace ? what->trace : "/dev/null");
	if (what->calls) {
		put_injection(c->inject, sizeof(c->inject), what);
		add(c, &count, "-e");
		add(c, &count, c->inject);
	}
	/* Which cannot be looked for in a program that is traced. */
	add(c, &count, "-E");
	add(c, &count, "LSAN_OPTIONS=detect_leaks=0");
	for (const char *const *env = what->env; *env; env++) {
		add(c, &count, "-E");
		add(c, &count, *env);
	}
	for (; *program; program++)
		add(c, &count, *program);
	add(c, &count, NULL);
}

pid_t inject_program(const struct process *strace)
{
	return process_descendant(strace->pid, NULL);
}

/* ---- traces */

/* How often each thread made each call. */
struct tally {
	int threads[THREADS_MAX];
	size_t thread_count;
	unsigned made[THREADS_MAX][128];
};

static size_t thread_of(struct tally *t, int pid)
{
	size_t i = 0;

	while (i < t->thread_count && t->threads[i] != pid)
		i++;
	if (i == THREADS_MAX)
		test_fail("a program of more than %d threads", THREADS_MAX);
	if (i == t->thread_count)
		t->threads[t->thread_count++] = pid;
	return i;
}

static size_t call_of(struct inject_calls *calls, const char *name)
{
	size_t i = 0;

	while (i < calls->count && strcmp(calls->list[i].name, name) != 0)
		i++;
	if (i == sizeof(calls->list) / sizeof(*calls->list))
		test_fail("too many kinds of calls");
	if (i == calls->count) {
		snprintf(calls->list[i].name, sizeof(calls->list[i].name), "%s",
			name);
		calls->count++;
	}
	return i;
}

void inject_read(struct inject_calls *calls, const char *trace)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	FILE *f = fopen(trace, "re");
	char line[4096], name[32];
	bool own = false;
	int pid;

	if (!f || !tally)
		test_fail("%s: %s", trace, strerror(errno));
	memset(calls, 0, sizeof(*calls));
	while (fgets(line, sizeof(line), f)) {
		/* "PID call(...": neither a signal nor the end of a call that
		 * was begun in another line. */
		if (sscanf(line, "%d %31[a-z0-9_](", &pid, name) != 2)
			continue;
		own |= strstr(line, FIRST_OWN) != NULL;
		size_t thread = thread_of(tally, pid);
		size_t i = call_of(calls, name);
		struct inject_call *call = &calls->list[i];
		unsigned n = ++tally->made[thread][i];

		if (!own)
			call->first = n + 1;
		if (n > call->last)
			call->last = n;
	}
	fclose(f);
	free(tally);
	if (!own)
		test_fail("%s: no program of ours", trace);
	for (size_t i = 0; i < calls->count; i++)
		if (calls->list[i].first == 0)
			calls->list[i].first = 1;
}

size_t inject_count(const char *trace, const char *call)
{
	struct bytes text = BYTES_INIT;
	char what[48];
	size_t lines = 0;

	snprintf(what, sizeof(what), call ? "%s(" : "\n", call);
	disk_read(&text, trace);
	for (const char *at = bytes_text(&text); (at = strstr(at, what)); at++)
		lines++;
	bytes_release(&text);
	return lines;
}
