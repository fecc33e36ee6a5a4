#include "common/metrics.h"

/* Of a text only a line feed, a backslash and, in a label, a quote mean
 * something. */
static void add_escaped(struct buffer *b, const char *text, char quote)
{
	for (; *text; text++) {
		if (*text == '\n') {
			buffer_add_string(b, "\\n");
			continue;
		}
		if (*text == '\\' || (quote && *text == quote))
			buffer_add_byte(b, '\\');
		buffer_add_byte(b, *text);
	}
}

void metrics_begin(struct buffer *b, const char *name, enum metrics_type type,
	const char *help)
{
	buffer_add_format(b, "# HELP %s ", name);
	add_escaped(b, help, '\0');
	buffer_add_format(b, "\n# TYPE %s %s\n", name,
		type == METRICS_COUNTER ? "counter" : "gauge");
}

void metrics_add(struct buffer *b, const char *name,
	const struct metrics_label *labels, size_t count, uint64_t value)
{
	buffer_add_string(b, name);
	for (size_t i = 0; i < count; i++) {
		buffer_add_format(
			b, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
		add_escaped(b, labels[i].value, '"');
		buffer_add_byte(b, '"');
	}
	buffer_add_string(b, count > 0 ? "} " : " ");
	buffer_add_number(b, value);
	buffer_add_byte(b, '\n');
}
