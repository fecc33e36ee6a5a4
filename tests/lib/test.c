#define TESTS_LIB_INSIDE
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS	    5 /* between two looks at a condition */
#define WORKERS_MAX 64

static struct {
	const char *file;
	int line;
} here = { "tests/lib/test.c", __LINE__ };

static const struct test_module *modules[TEST_RANKS];
static pid_t owner;
static struct rlimit first_limit;

void test_at(const char *file, int line)
{
	here.file = file;
	here.line = line;
}

static void describe_all(void)
{
	for (int i = 0; i < TEST_RANKS; i++)
		if (modules[i] && modules[i]->describe)
			modules[i]->describe();
}

void test_fail(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print_error("%s\n", text);
	describe_all();
	_fail(here.file, here.line);
	abort();
}

void test_needs_root(const char *what_for)
{
	if (geteuid() != 0)
		test_fail("this test needs root: %s", what_for);
}

int64_t test_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool test_is_memcheck(void)
{
	return getenv("TEST_MEMCHECK") != NULL;
}

uint32_t test_setting(const char *name, uint32_t least, uint32_t otherwise)
{
	const char *value = getenv(name);
	unsigned long number;
	char *end;

	if (!value)
		return otherwise;
	number = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || number < least ||
		number > UINT32_MAX) {
		fprintf(stderr, "%s='%s': expected a whole number from %u on\n",
			name, value, least);
		exit(EX_USAGE);
	}
	return (uint32_t)number;
}

int test_limit_ms(void)
{
	const char *given = getenv("TEST_LIMIT");
	int seconds = given ? atoi(given) : 0;

	return seconds > 0 && seconds < 100000 ? seconds * 1000 : 30000;
}

static void idle(int ms)
{
	if (modules[TEST_READERS]) {
		modules[TEST_READERS]->idle(ms);
	} else {
		struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

		nanosleep(&t, NULL);
	}
}

struct test_wait test_wait_begin(
	const char *file, int line, const char *what, int limit_ms)
{
	test_at(file, line);
	return (struct test_wait){ file, line, what, test_now_ms(), limit_ms };
}

struct test_wait test_wait_here(const char *what)
{
	return test_wait_begin(here.file, here.line, what, test_limit_ms());
}

void test_wait_step(const struct test_wait *wait)
{
	if (test_now_ms() - wait->begin_ms > wait->limit_ms) {
		test_at(wait->file, wait->line);
		test_fail("waited %.1f s in vain for: %s",
			wait->limit_ms / 1000.0, wait->what);
	}
	idle(STEP_MS);
}

bool wait_until(bool (*predicate)(void *context), void *context, int limit_ms)
{
	int64_t end = test_now_ms() + limit_ms;

	while (!predicate(context)) {
		if (test_now_ms() > end)
			return false;
		idle(STEP_MS);
	}
	return true;
}

void wait_quietly(int ms)
{
	int64_t end = test_now_ms() + ms;

	for (;;) {
		int64_t left = end - test_now_ms();

		if (left <= 0)
			return;
		idle((int)left);
	}
}

static void cleanup_all(void)
{
	if (getpid() != owner)
		return;
	for (int i = 0; i < TEST_RANKS; i++)
		if (modules[i])
			modules[i]->cleanup();
}

struct rlimit test_first_limit(void)
{
	return first_limit;
}

static void raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &first_limit);
	limit = first_limit;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void test_register(enum test_rank rank, const struct test_module *module)
{
	modules[rank] = module;
	if (!owner) {
		owner = getpid();
		raise_limit();
		atexit(cleanup_all);
	}
}

int test_cleanup(void **state)
{
	(void)state;
	cleanup_all();
	return 0;
}

/* For every program, also one that leaves its tests to cmocka alone. */
__attribute__((constructor)) static void select_tests(void)
{
	const char *filter = getenv("TEST_FILTER");

	if (filter)
		cmocka_set_test_filter(filter);
}

/* ---- many tests */

/* Runs every `workers`-th of the tests, from `first` on. */
static int run_share(const char *name, const struct CMUnitTest *tests,
	size_t count, size_t first, size_t workers)
{
	struct CMUnitTest *share = calloc(count, sizeof(*share));
	size_t n = 0;
	int result;

	if (!share)
		abort();
	for (size_t i = first; i < count; i += workers)
		share[n++] = tests[i];
	result = _cmocka_run_group_tests(name, share, n, NULL, NULL);
	free(share);
	return result;
}

/* A process of its own for each share, and what each said, in turn. */
static int run_shares(const char *name, const struct CMUnitTest *tests,
	size_t count, size_t workers)
{
	FILE *said[WORKERS_MAX];
	pid_t pids[WORKERS_MAX];
	int result = 0;

	fflush(NULL);
	for (size_t i = 0; i < workers; i++) {
		said[i] = tmpfile();
		pids[i] = said[i] ? fork() : -1;
		if (pids[i] < 0)
			abort();
		if (pids[i] == 0) {
			dup2(fileno(said[i]), STDOUT_FILENO);
			dup2(fileno(said[i]), STDERR_FILENO);
			exit(run_share(name, tests, count, i, workers));
		}
	}
	for (size_t i = 0; i < workers; i++) {
		char text[4096];
		size_t n;
		int status;

		while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
			;
		result |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
		rewind(said[i]);
		while ((n = fread(text, 1, sizeof(text), said[i])) > 0)
			fwrite(text, 1, n, stdout);
		fclose(said[i]);
	}
	return result;
}

int test_run(const char *name, const struct CMUnitTest *tests, size_t count,
	size_t workers)
{
	const char *given = getenv("TEST_WORKERS");

	if (given)
		workers = strtoul(given, NULL, 10);
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	return workers > 1 ? run_shares(name, tests, count, workers)
			   : run_share(name, tests, count, 0, 1);
}
