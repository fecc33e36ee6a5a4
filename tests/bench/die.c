#include "tests/bench/die.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 2000

static const char *shown;

void die_show(const char *path)
{
	shown = path;
}

static _Noreturn void end(void)
{
	char text[SHOWN_BYTES + 1];
	FILE *f = shown ? fopen(shown, "re") : NULL;

	if (f) {
		if (fseek(f, -SHOWN_BYTES, SEEK_END) < 0)
			rewind(f);
		text[fread(text, 1, SHOWN_BYTES, f)] = '\0';
		fputs(text, stderr);
		fclose(f);
	}
	exit(1);
}

void die(const char *format, ...)
{
	va_list args;

	fputs("bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	end();
}

void die_errno(const char *format, ...)
{
	const char *why = strerror(errno);
	va_list args;

	fputs("bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", why);
	end();
}
