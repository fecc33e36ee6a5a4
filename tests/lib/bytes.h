/*
 * bytes: bytes that grow, for tests. Running out of memory ends the program:
 * a test has nothing better to do.
 *
 * The content is always followed by a NUL that `len` does not count, so that
 * text can be looked at with the functions of <string.h>.
 */
#ifndef SSETAIL_TESTS_BYTES_H
#define SSETAIL_TESTS_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct bytes {
	char *data; /* NULL while nothing was ever added; see bytes_text */
	size_t len;
	size_t cap;
};

#define BYTES_INIT                                                             \
	{                                                                      \
		NULL, 0, 0                                                     \
	}

/* Frees the memory; empty and usable again. */
void bytes_release(struct bytes *b);

/* Empties; keeps the memory. */
void bytes_clear(struct bytes *b);

void bytes_add(struct bytes *b, const void *more, size_t len);
void bytes_add_text(struct bytes *b, const char *text);
void bytes_add_byte(struct bytes *b, int byte);
void bytes_add_format(struct bytes *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds the text with `with` in place of every `what`. */
void bytes_add_replaced(
	struct bytes *b, const char *text, const char *what, const char *with);

/* The content as text, "" when there is none. Valid until the next change. */
const char *bytes_text(const struct bytes *b);

/* Where `text` stands in the content at or after `from`, or -1. The content
 * may hold NUL. */
ptrdiff_t bytes_find(const struct bytes *b, size_t from, const char *text);
bool bytes_contain(const struct bytes *b, const char *text);

/* Whether the content is exactly `text`. */
bool bytes_are(const struct bytes *b, const char *text);

#endif
