/*
 * fragment: the configuration files under conf/ that users copy, copied as a
 * user does it: the values of the lines at the top are changed, and nothing
 * else is. Used by the tests and by `make run`; knows nothing of cmocka.
 */
#ifndef SSETAIL_TESTS_FRAGMENT_H
#define SSETAIL_TESTS_FRAGMENT_H

#include <stddef.h>

struct fragment_value {
	const char *name; /* "port"; NULL ends a list */
	const char *value;
};

/*
 * Copies the file `from` to `to`. A line whose NAME is in `values` gets that
 * value: "var.NAME = ..." (lighttpd; in quotes if it had quotes), "Define NAME
 * ..." (Apache), "set $NAME ...;" (nginx), "setenv NAME ..." (HAProxy), and the
 * path in "to unix/..." behind "(NAME) {" (Caddy).
 *
 * With `without`, leaves out every line that holds this text and is no
 * comment: what is the fragment worth without its decisive line?
 *
 * Returns 0, or -1 with a sentence in why[size]: a file that cannot be read
 * or written, a name that no line has, a text that no line holds.
 */
int fragment_copy(const char *from, const char *to,
	const struct fragment_value *values, const char *without, char *why,
	size_t size);

#endif
