#define TESTS_LIB_INSIDE
#include "tests/lib/scrape.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/test.h"

/* The metric whose lines are being read. */
struct family {
	char name[64];
	bool has_help;
	bool has_type;
	bool is_counter;
};

static size_t name_length(const char *s)
{
	size_t len = 0;

	while (islower((unsigned char)s[len]) || s[len] == '_' ||
		(len > 0 && isdigit((unsigned char)s[len])))
		len++;
	return len;
}

/* Takes a name, which something else has to follow. */
static bool take_name(const char **at, char name[64], char behind)
{
	size_t len = name_length(*at);

	if (len == 0 || len >= 64 || (*at)[len] != behind)
		return false;
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len + 1;
	return true;
}

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), of_end = strlen(end);

	return len > of_end && strcmp(s + len - of_end, end) == 0;
}

static const char *read_help(struct family *f, const char *at)
{
	struct family next = { .has_help = true };

	if (!take_name(&at, next.name, ' '))
		return "HELP without a name";
	if (*at == '\0')
		return "HELP says nothing";
	for (; *at; at++)
		if (*at == '\\' && *++at != '\\' && *at != 'n')
			return "HELP has an unknown escape";
	if (strcmp(next.name, f->name) == 0)
		return "HELP comes twice";
	*f = next;
	return NULL;
}

static const char *read_type(struct family *f, const char *at)
{
	char name[64];

	if (!take_name(&at, name, ' '))
		return "TYPE without a name";
	if (!f->has_help || strcmp(name, f->name) != 0)
		return "TYPE without its HELP before it";
	if (f->has_type)
		return "TYPE comes twice";
	f->has_type = true;
	f->is_counter = strcmp(at, "counter") == 0;
	if (!f->is_counter && strcmp(at, "gauge") != 0)
		return "an unknown TYPE";
	if (f->is_counter != ends_in(name, "_total"))
		return "counters, and nothing else, end in _total";
	return NULL;
}

/* From behind the opening brace to behind the closing one. */
static const char *read_labels(const char **at)
{
	char name[64];

	for (;;) {
		if (!take_name(at, name, '=') || *(*at)++ != '"')
			return "a label that is none";
		while (**at && **at != '"') {
			if (**at == '\\' && !strchr("\\\"n", *++*at))
				return "a label has an unknown escape";
			++*at;
		}
		if (*(*at)++ != '"')
			return "a label does not end";
		if (**at == '}')
			break;
		if (*(*at)++ != ',')
			return "something behind a label";
	}
	++*at;
	return NULL;
}

static bool is_known(
	const struct scrape *s, const char *name, const char *labels)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->samples[i].name, name) == 0 &&
			strcmp(s->samples[i].labels, labels) == 0)
			return true;
	return false;
}

static const char *read_sample(
	struct scrape *s, const struct family *f, const char *at)
{
	size_t len = name_length(at);
	char labels[256] = "";

	if (!f->has_type || strncmp(at, f->name, len) != 0 || f->name[len])
		return "a sample that is not below its TYPE";
	at += len;
	if (*at == '{') {
		const char *start = ++at, *fault = read_labels(&at);

		if (fault)
			return fault;
		if ((size_t)(at - start) > sizeof(labels))
			return "too many labels";
		memcpy(labels, start, (size_t)(at - start) - 1);
	}
	if (*at++ != ' ' || *at == '\0' || at[strspn(at, "0123456789")])
		return "a value that is no number";
	if (is_known(s, f->name, labels))
		return "a sample comes twice";
	if (s->count == SCRAPE_SAMPLES_MAX)
		return "too many samples";
	strcpy(s->samples[s->count].name, f->name);
	strcpy(s->samples[s->count].labels, labels);
	s->samples[s->count++].value = strtoull(at, NULL, 10);
	return NULL;
}

/* Has a metric of that name ended before? Its lines stand together. */
static bool was_before(const struct scrape *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->samples[i].name, name) == 0)
			return true;
	return false;
}

static const char *read_line(
	struct scrape *s, struct family *f, const char *line)
{
	const char *fault;

	if (strncmp(line, "# HELP ", 7) == 0) {
		fault = read_help(f, line + 7);
		if (!fault && was_before(s, f->name))
			fault = "a metric comes twice";
		return fault;
	}
	if (strncmp(line, "# TYPE ", 7) == 0)
		return read_type(f, line + 7);
	return read_sample(s, f, line);
}

const char *scrape_read(struct scrape *s, const char *text)
{
	static char what[400];
	struct family family = { .name = "" };
	char *copy = strdup(text), *line = copy;
	const char *fault = NULL;

	s->count = 0;
	what[0] = '\0';
	while (!fault && *line) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		fault = end ? read_line(s, &family, line)
			    : "the last line does not end";
		if (fault)
			snprintf(what, sizeof(what), "%s: %s", fault, line);
		line = end + 1;
	}
	free(copy);
	return fault ? what : NULL;
}

size_t scrape_count(
	const struct scrape *s, const char *name, const char *labels)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++)
		count += strcmp(s->samples[i].name, name) == 0 &&
			 strstr(s->samples[i].labels, labels);
	return count;
}

uint64_t scrape_value(
	const struct scrape *s, const char *name, const char *labels)
{
	uint64_t value = 0;

	if (scrape_count(s, name, labels) != 1)
		test_fail("%zu samples of %s{%s}",
			scrape_count(s, name, labels), name, labels);
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->samples[i].name, name) == 0 &&
			strstr(s->samples[i].labels, labels))
			value = s->samples[i].value;
	return value;
}
