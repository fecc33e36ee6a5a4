/*
 * examine: `ssetail.cgi --doctor` at an address. It opens a dozen streams of
 * some seconds each, one after the other, and is given the time for that.
 */
#ifndef SSETAIL_TESTS_EXAMINE_H
#define SSETAIL_TESTS_EXAMINE_H

#include "tests/lib/process.h"

/* Waits for its end, and fails the test when it does not exit with `code`.
 * `option` is one for curl, or NULL. What it printed is in the process. */
struct process *examine(const char *url, const char *option, int code);

/* Fails the test unless it has printed that. */
void examine_expect(struct process *doctor, const char *text);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define examine(...)	    TEST_HERE(examine(__VA_ARGS__))
#define examine_expect(...) TEST_HERE(examine_expect(__VA_ARGS__))
#endif

#endif
