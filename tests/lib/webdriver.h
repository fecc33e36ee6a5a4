/*
 * webdriver: a Chromium that a test types into, looks at, and measures, as the
 * W3C's WebDriver has it, by chromedriver.
 *
 *	webdriver_open();
 *	webdriver_go("http://127.0.0.1:%d/", port);
 *	webdriver_keys("/needle" WEBDRIVER_ESCAPE);
 *	webdriver_wait("document.title === '%s'", "needle");
 *
 * One browser at a time; ended by test_cleanup.
 */
#ifndef SSETAIL_TESTS_WEBDRIVER_H
#define SSETAIL_TESTS_WEBDRIVER_H

#define WEBDRIVER_PAGE_UP "\xee\x80\x8e"
#define WEBDRIVER_END	  "\xee\x80\x90"
#define WEBDRIVER_HOME	  "\xee\x80\x91"
#define WEBDRIVER_ESCAPE  "\xee\x80\x8c"
#define WEBDRIVER_TAB	  "\xee\x80\x84"

/* Starts a browser, its window 1280 by 800, with a profile of its own. */
void webdriver_open(void);

/* Shows an address in this tab, and waits until it is loaded. */
void webdriver_go(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Opens one more tab, or changes to the first, 0, or a later one; what is done
 * from now on is done in it. */
void webdriver_open_tab(void);
void webdriver_use_tab(unsigned number);
/* Closes this one, whose number is nobody's then, and changes to another. */
void webdriver_close_tab(unsigned next);

/* The value of an expression in JavaScript, made a string. Valid until the
 * next call. A promise is waited for. */
const char *webdriver_value(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* The same as a number. */
double webdriver_number(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Waits until such an expression is true; fails the test after the limit. */
void webdriver_wait(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Keys that are pressed and released one after the other, in UTF-8. */
void webdriver_keys(const char *keys);

/* A command of the DevTools protocol, with its parameters in JSON. Returns the
 * answer, in JSON. Valid until the next call. */
const char *webdriver_devtools(const char *name, const char *parameters);

/* What the window shows, as PNG. */
void webdriver_screenshot(const char *path);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define webdriver_open()	  TEST_HERE(webdriver_open())
#define webdriver_go(...)	  TEST_HERE(webdriver_go(__VA_ARGS__))
#define webdriver_open_tab()	  TEST_HERE(webdriver_open_tab())
#define webdriver_use_tab(...)	  TEST_HERE(webdriver_use_tab(__VA_ARGS__))
#define webdriver_close_tab(...)  TEST_HERE(webdriver_close_tab(__VA_ARGS__))
#define webdriver_value(...)	  TEST_HERE(webdriver_value(__VA_ARGS__))
#define webdriver_number(...)	  TEST_HERE(webdriver_number(__VA_ARGS__))
#define webdriver_wait(...)	  TEST_HERE(webdriver_wait(__VA_ARGS__))
#define webdriver_keys(...)	  TEST_HERE(webdriver_keys(__VA_ARGS__))
#define webdriver_devtools(...)	  TEST_HERE(webdriver_devtools(__VA_ARGS__))
#define webdriver_screenshot(...) TEST_HERE(webdriver_screenshot(__VA_ARGS__))
#endif

#endif
