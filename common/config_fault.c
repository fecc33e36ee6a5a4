#include "common/config_inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The place for a fault of that line: behind all that are not later. */
static struct config_fault *insert_fault(
	struct config_faults *faults, unsigned line)
{
	size_t count = faults->count;

	/* Full at every power of two. */
	if ((count & (count - 1)) == 0) {
		size_t cap = count == 0 ? 1 : 2 * count;
		struct config_fault *list =
			realloc(faults->list, cap * sizeof(*list));

		if (list == NULL)
			return NULL;
		faults->list = list;
	}

	size_t at = count;

	while (at > 0 && faults->list[at - 1].line > line)
		at--;
	memmove(&faults->list[at + 1], &faults->list[at],
		(count - at) * sizeof(*faults->list));
	faults->count++;
	return &faults->list[at];
}

__attribute__((format(printf, 4, 5))) void config_add_fault(
	struct config_reader *r, unsigned line, const char *key,
	const char *format, ...)
{
	struct config_fault *f = insert_fault(r->faults, line);
	va_list args;

	if (f == NULL) {
		r->no_memory = true;
		return;
	}
	f->line = line;
	snprintf(f->key, sizeof(f->key), "%s%s", r->group, key);
	va_start(args, format);
	vsnprintf(f->what, sizeof(f->what), format, args);
	va_end(args);
}

void config_add_unreadable(struct config_reader *r, const char *why)
{
	config_add_fault(r, 0, "", "%s", why);
	r->faults->unreadable = true;
}

void config_faults_release(struct config_faults *faults)
{
	free(faults->list);
	*faults = (struct config_faults){ NULL, 0, false };
}

void config_fault_text(
	const struct config_fault *f, const char *path, char *text, size_t size)
{
	char line[16] = "";

	if (f->line != 0)
		snprintf(line, sizeof(line), ":%u", f->line);
	snprintf(text, size, "%s%s: %s%s%s", path, line, f->key,
		f->key[0] == '\0' ? "" : ": ", f->what);
}

void config_faults_print(const struct config_faults *faults, const char *path)
{
	if (faults->count == 0)
		dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(ENOMEM));
	for (size_t i = 0; i < faults->count; i++) {
		char text[CONFIG_FAULT_TEXT];

		config_fault_text(&faults->list[i], path, text, sizeof(text));
		dprintf(STDERR_FILENO, "%s\n", text);
	}
}
