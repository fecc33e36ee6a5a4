#include "common/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first allocation: an event with its id and type fits. */
#define CAP_FIRST 256

void buffer_release(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer)BUFFER_INIT;
}

void buffer_clear(struct buffer *b)
{
	b->len = 0;
	b->failed = false;
}

/* Doubles, so that n appends copy O(n) bytes in all. */
static size_t cap_for(size_t cap, size_t needed)
{
	if (cap < CAP_FIRST)
		cap = CAP_FIRST;
	while (cap < needed) {
		if (cap > SIZE_MAX / 2)
			return needed;
		cap *= 2;
	}
	return cap;
}

static char *fail(struct buffer *b)
{
	b->failed = true;
	errno = ENOMEM;
	return NULL;
}

char *buffer_reserve(struct buffer *b, size_t more)
{
	if (b->failed || more > SIZE_MAX - b->len)
		return fail(b);

	size_t needed = b->len + more;
	/* The first time also for nothing: NULL is kept for failure. */
	if (needed > b->cap || b->data == NULL) {
		size_t cap = cap_for(b->cap, needed);
		char *data = realloc(b->data, cap);

		if (data == NULL)
			return fail(b);
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
}

void buffer_add(struct buffer *b, const void *bytes, size_t len)
{
	if (len == 0)
		return;

	char *to = buffer_reserve(b, len);

	if (to == NULL)
		return;
	memcpy(to, bytes, len);
	b->len += len;
}

void buffer_add_string(struct buffer *b, const char *s)
{
	buffer_add(b, s, strlen(s));
}

void buffer_add_byte(struct buffer *b, char c)
{
	buffer_add(b, &c, 1);
}

void buffer_add_number(struct buffer *b, uint64_t n)
{
	char digits[20]; /* of UINT64_MAX */
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	buffer_add(b, digits + first, sizeof(digits) - first);
}

void buffer_add_format(struct buffer *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		fail(b);
		return;
	}

	/* vsnprintf wants to write its NUL, which is then not counted. */
	char *to = buffer_reserve(b, (size_t)len + 1);

	if (to == NULL)
		return;
	va_start(args, format);
	vsnprintf(to, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
}
