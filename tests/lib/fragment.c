#include "tests/lib/fragment.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 16 };

/* What follows `word` and `name` in a line that begins so, or NULL. */
static const char *after_name(
	const char *line, const char *word, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(line, word, strlen(word)) != 0)
		return NULL;
	line += strlen(word);
	if (strncmp(line, name, len) != 0 || !isblank((unsigned char)line[len]))
		return NULL;
	return line + len + strspn(line + len, " \t");
}

static bool put_lighttpd(
	FILE *out, const char *line, const struct fragment_value *v)
{
	const char *rest = after_name(line, "var.", v->name);
	bool quoted;

	if (!rest || *rest != '=')
		return false;
	quoted = rest[1 + strspn(rest + 1, " \t")] == '"';
	fprintf(out, quoted ? "var.%s = \"%s\"\n" : "var.%s = %s\n", v->name,
		v->value);
	return true;
}

/* Is `line` the one behind "(NAME) {"? */
static bool is_below_name(const char *line, const char *above, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, "\tto unix/", 9) == 0 && above[0] == '(' &&
	       strncmp(above + 1, name, len) == 0 && above[1 + len] == ')';
}

/* Writes the line with the value in place of its own; false: no such line.
 * `above` is the line before it, "" at the start. */
static bool put_value(FILE *out, const char *line, const char *above,
	const struct fragment_value *v)
{
	if (put_lighttpd(out, line, v))
		return true;
	if (after_name(line, "Define ", v->name))
		fprintf(out, "Define %s %s\n", v->name, v->value);
	else if (after_name(line, "set $", v->name))
		fprintf(out, "set $%s %s;\n", v->name, v->value);
	else if (after_name(line, "\tsetenv ", v->name))
		fprintf(out, "\tsetenv %s %s\n", v->name, v->value);
	else if (is_below_name(line, above, v->name))
		fprintf(out, "\tto unix/%s\n", v->value);
	else
		return false;
	return true;
}

static bool is_comment(const char *line)
{
	return line[strspn(line, " \t")] == '#';
}

/* Copies a line, with a value in it if one of them is for it. */
static void copy_line(FILE *out, const char *line, const char *above,
	const struct fragment_value *values, bool *found)
{
	for (size_t i = 0; values && values[i].name; i++)
		if (put_value(out, line, above, &values[i])) {
			found[i] = true;
			return;
		}
	fputs(line, out);
}

/* Copies; notes which names and whether the text to leave out were found. */
static void copy_lines(FILE *in, FILE *out, const struct fragment_value *values,
	const char *without, bool *found, bool *left_out)
{
	char *line[2] = { NULL, NULL };
	size_t size[2] = { 0, 0 };

	for (int i = 0; getline(&line[i], &size[i], in) >= 0; i = !i) {
		const char *above = line[!i] ? line[!i] : "";

		if (without && !is_comment(line[i]) && strstr(line[i], without))
			*left_out = true;
		else
			copy_line(out, line[i], above, values, found);
	}
	free(line[0]);
	free(line[1]);
}

int fragment_copy(const char *from, const char *to,
	const struct fragment_value *values, const char *without, char *why,
	size_t size)
{
	bool found[NAMES_MAX] = { false };
	bool left_out = false;
	FILE *out = NULL;
	FILE *in = fopen(from, "re");

	if (!in) {
		snprintf(why, size, "%s: %s", from, strerror(errno));
		return -1;
	}
	out = fopen(to, "we");
	if (!out) {
		snprintf(why, size, "%s: %s", to, strerror(errno));
		fclose(in);
		return -1;
	}
	copy_lines(in, out, values, without, found, &left_out);
	fclose(in);
	if (fclose(out)) {
		snprintf(why, size, "%s: %s", to, strerror(errno));
		return -1;
	}
	for (size_t i = 0; values && values[i].name; i++)
		if (!found[i]) {
			snprintf(why, size, "%s: no line sets %s", from,
				values[i].name);
			return -1;
		}
	if (without && !left_out) {
		snprintf(why, size, "%s: no line has %s", from, without);
		return -1;
	}
	return 0;
}
