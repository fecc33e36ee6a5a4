/*
 * test: what every test program includes: cmocka with all it needs, a way to
 * fail at the line of the test and not somewhere in this library, waiting
 * without sleeping, and one clean-up for everything.
 *
 * A test program gives test_cleanup to cmocka_unit_test_teardown (or calls
 * it at the end of its own teardown): open readers are closed, processes
 * ended, folders removed, whether the test passed or failed. The same
 * happens when the program exits.
 *
 * TEST_FILTER in the environment, a pattern with * and ?, selects tests by
 * their names.
 *
 * One thread uses this library.
 */
#ifndef SSETAIL_TESTS_TEST_H
#define SSETAIL_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

/*
 * Remembers where the test is. Functions of this library that can fail the
 * test are also macros of the same name that call this first; the library's
 * own files define TESTS_LIB_INSIDE to be without them.
 */
void test_at(const char *file, int line);
#define TEST_HERE(call) (test_at(__FILE__, __LINE__), call)

/* Fails the test with a sentence, at the place remembered. */
void test_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/*
 * Fails the test in one line, "this test needs root: " and what for, unless it
 * is root who runs it: a test is never left out.
 */
void test_needs_root(const char *what_for);

/* Milliseconds of the monotonic clock. */
int64_t test_now_ms(void);

/* Do the programs run in memcheck (tests/tools/valgrind), many times slower? */
bool test_is_memcheck(void);

/* A whole number from the environment; without it `otherwise`. Ends the program
 * where something else is set, or less than `least`. */
uint32_t test_setting(const char *name, uint32_t least, uint32_t otherwise);

/* How long a wait lasts at most: 30,000, or TEST_LIMIT seconds from the
 * environment. Generous: only a failing test ever waits that long. */
int test_limit_ms(void);

/*
 * Waits until `expression` is true, pumping all open readers (reader.h)
 * meanwhile, or fails the test naming the expression, with what readers
 * received and processes said.
 */
#define wait_for(expression)                                                   \
	do {                                                                   \
		struct test_wait wait_ = test_wait_begin(                      \
			__FILE__, __LINE__, #expression, test_limit_ms());     \
		while (!(expression))                                          \
			test_wait_step(&wait_);                                \
	} while (0)

/* The same for a function; false after `limit_ms` instead of a failure. */
bool wait_until(bool (*predicate)(void *context), void *context, int limit_ms);

/* Pumps all open readers for that long: for a test that says that nothing
 * comes. Prefer an event that must come after it. */
void wait_quietly(int ms);

/* What the macro above is made of. */
struct test_wait {
	const char *file;
	int line;
	const char *what;
	int64_t begin_ms;
	int limit_ms;
};

struct test_wait test_wait_begin(
	const char *file, int line, const char *what, int limit_ms);
struct test_wait test_wait_here(const char *what); /* where test_at said */
void test_wait_step(const struct test_wait *wait);

/*
 * Runs many tests that mostly wait, in as many processes as `workers` says or
 * TEST_WORKERS in the environment; returns what cmocka_run_group_tests does.
 * `name` is the group's.
 */
int test_run(const char *name, const struct CMUnitTest *tests, size_t count,
	size_t workers);

/* What other modules of this library hang in. */
enum test_rank {
	TEST_READERS,
	TEST_PROCESSES,
	TEST_PORTS,
	TEST_PAGES,
	TEST_FOLDERS,
	TEST_RANKS
};
struct test_module {
	void (*cleanup)(void);
	void (*describe)(void); /* prints with print_error; may be NULL */
	void (*idle)(int ms);	/* TEST_READERS only */
};

/* Does nothing if called again. Forked children do not clean up. */
void test_register(enum test_rank rank, const struct test_module *module);

/*
 * The limit of descriptors that the test program was started with. Its own
 * is raised, for thousands of readers, as soon as anything registers; the
 * programs that it starts get the first one back.
 */
struct rlimit test_first_limit(void);

/* The teardown. Always returns 0. */
int test_cleanup(void **state);

#ifndef TESTS_LIB_INSIDE
#define test_needs_root(...) TEST_HERE(test_needs_root(__VA_ARGS__))
#endif

#endif
