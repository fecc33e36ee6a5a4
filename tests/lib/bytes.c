#include "tests/lib/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_room(struct bytes *b, size_t more)
{
	size_t need = b->len + more + 1;

	if (b->data && need <= b->cap)
		return;
	size_t cap = b->cap < 64 ? 64 : b->cap;
	while (cap < need)
		cap *= 2;
	char *data = realloc(b->data, cap);
	if (!data) {
		perror("tests: bytes");
		abort();
	}
	b->data = data;
	b->cap = cap;
}

void bytes_release(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes)BYTES_INIT;
}

void bytes_clear(struct bytes *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void bytes_add(struct bytes *b, const void *more, size_t len)
{
	make_room(b, len);
	if (len)
		memcpy(b->data + b->len, more, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void bytes_add_text(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

void bytes_add_byte(struct bytes *b, int byte)
{
	char c = (char)byte;

	bytes_add(b, &c, 1);
}

void bytes_add_format(struct bytes *b, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		abort();
	bytes_add(b, text, (size_t)len);
	free(text);
}

void bytes_add_replaced(
	struct bytes *b, const char *text, const char *what, const char *with)
{
	const char *at;

	for (; (at = strstr(text, what)); text = at + strlen(what)) {
		bytes_add(b, text, (size_t)(at - text));
		bytes_add_text(b, with);
	}
	bytes_add_text(b, text);
}

const char *bytes_text(const struct bytes *b)
{
	return b->data ? b->data : "";
}

ptrdiff_t bytes_find(const struct bytes *b, size_t from, const char *text)
{
	if (!b->data || from > b->len)
		return -1;
	const char *at =
		memmem(b->data + from, b->len - from, text, strlen(text));
	return at ? at - b->data : -1;
}

bool bytes_contain(const struct bytes *b, const char *text)
{
	return bytes_find(b, 0, text) >= 0;
}

bool bytes_are(const struct bytes *b, const char *text)
{
	return b->len == strlen(text) &&
	       memcmp(bytes_text(b), text, b->len) == 0;
}
