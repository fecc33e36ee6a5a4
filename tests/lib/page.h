/*
 * page: a page in a real browser. The page is served on the loopback by this
 * process, and runs a script that a test gives it; what the script says by
 * report("...") the test can wait for.
 *
 *	page_open();
 *	page_script("report('I am here');");
 *	page_browse("127.0.0.1");
 *	page_wait("I am here");
 *
 * Under 127.0.0.1 and under localhost it is two different origins. One page at
 * a time; ended, with the browser, by test_cleanup.
 */
#ifndef SSETAIL_TESTS_PAGE_H
#define SSETAIL_TESTS_PAGE_H

#include <stdbool.h>

/* Serves a page without a script yet. Returns the port. */
int page_open(void);

/* The script of the page, as printf(3) makes it. */
void page_script(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Starts a Chromium, with a profile of its own, that shows the page as
 * http://HOST:PORT/. */
void page_browse(const char *host);

/* How often exactly that was reported. */
unsigned page_reported(const char *text);

/* Waits until it has come; fails the test after the limit. */
void page_wait(const char *text);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define page_open(...)	 TEST_HERE(page_open(__VA_ARGS__))
#define page_browse(...) TEST_HERE(page_browse(__VA_ARGS__))
#define page_wait(...)	 TEST_HERE(page_wait(__VA_ARGS__))
#endif

#endif
