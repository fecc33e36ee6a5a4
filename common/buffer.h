/*
 * buffer: bytes that grow.
 *
 * A buffer remembers that it once failed to grow: whoever composes a text
 * out of many pieces appends them all and asks once, at the end, whether
 * `failed` is set. A failed buffer stays failed, and its content is not to
 * be used, until buffer_clear.
 */
#ifndef SSETAIL_BUFFER_H
#define SSETAIL_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *data;  /* not terminated by NUL */
	size_t len;  /* bytes in use */
	size_t cap;  /* bytes allocated */
	bool failed; /* an append ran out of memory */
};

#define BUFFER_INIT                                                            \
	{                                                                      \
		NULL, 0, 0, false                                              \
	}

/* Frees the bytes; the buffer is empty and usable again. */
void buffer_release(struct buffer *b);

/* Empties the buffer and forgets a failure; keeps the memory. */
void buffer_clear(struct buffer *b);

/*
 * Makes room for `more` bytes behind the content and returns where they go;
 * the caller adds what it wrote to `len`. NULL with ENOMEM, and `failed` set.
 */
char *buffer_reserve(struct buffer *b, size_t more);

/* Each appends, or sets `failed`. */
void buffer_add(struct buffer *b, const void *bytes, size_t len);
void buffer_add_string(struct buffer *b, const char *s);
void buffer_add_byte(struct buffer *b, char c);
void buffer_add_number(struct buffer *b, uint64_t n);
void buffer_add_format(struct buffer *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
