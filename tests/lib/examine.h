/*
 * examine: `ssetail.cgi --doctor` at an address. It opens a dozen streams of
 * some seconds each, one after the other, and is given the time for that.
 */
#ifndef SSETAIL_TESTS_EXAMINE_H
#define SSETAIL_TESTS_EXAMINE_H

#include "tests/lib/process.h"

/* Returns it when it has ended. `options` are more arguments for curl, ended by
 * NULL; NULL: none. */
struct process *examine(const char *url, const char *const *options);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define examine(...) TEST_HERE(examine(__VA_ARGS__))
#endif

#endif
