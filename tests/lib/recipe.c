#define TESTS_LIB_INSIDE
#include "tests/lib/recipe.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/test.h"

#define MARK "<!-- test: "

/* Adds the lines of the block at `s`. */
static void add_block(struct bytes *out, const char *s)
{
	bool fenced = strncmp(s, "```", 3) == 0;

	if (fenced)
		s = strchr(s, '\n') + 1;
	while (fenced ? strncmp(s, "```", 3) != 0
		      : strncmp(s, "    ", 4) == 0) {
		const char *end = strchr(s, '\n');

		if (!end)
			test_fail("a recipe without an end");
		s += fenced ? 0 : 4;
		bytes_add(out, s, (size_t)(end + 1 - s));
		s = end + 1;
	}
}

struct bytes recipe_read(const char *path, const char *name)
{
	struct bytes all = BYTES_INIT, text = BYTES_INIT;
	char mark[64];
	const char *s;

	snprintf(mark, sizeof(mark), MARK "%s -->", name);
	disk_read(&all, path);
	s = strstr(bytes_text(&all), mark);
	if (!s)
		test_fail("%s has no %s", path, mark);
	s += strlen(mark);
	add_block(&text, s + strspn(s, "\n"));
	bytes_release(&all);
	if (text.len == 0)
		test_fail("%s has no block behind %s", path, mark);
	bytes_text(&text);
	return text;
}

void recipe_replace(struct bytes *text, const char *from, const char *to)
{
	struct bytes result = BYTES_INIT;

	if (!strstr(bytes_text(text), from))
		test_fail("no \"%s\" in: %s", from, bytes_text(text));
	bytes_add_replaced(&result, bytes_text(text), from, to);
	bytes_release(text);
	bytes_text(&result);
	*text = result;
}

size_t recipe_count(const char *path)
{
	struct bytes all = BYTES_INIT;
	size_t count = 0;

	disk_read(&all, path);
	for (const char *s = bytes_text(&all); (s = strstr(s, MARK)); s++)
		count++;
	bytes_release(&all);
	return count;
}
