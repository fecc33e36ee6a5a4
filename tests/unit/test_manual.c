/*
 * The keys of the configuration: those that the manual page describes, those
 * of the example, and those that the parser takes are the same, and the page
 * gives the range that the parser has. Runs in the project's top folder.
 *
 * What the parser takes is asked of the parser itself: any word in quotes in
 * its source may be a key, and it says which are not.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "tests/lib/disk.h"

#define KEYS_MAX 256

enum scope { WHOLE, SOURCE, SCOPES };

static const char *const scope_names[] = { "of the whole", "of a source" };

struct keys {
	size_t count;
	struct {
		enum scope scope;
		char name[32];
		char *text; /* what the manual says; else NULL */
	} list[KEYS_MAX];
};

static char *find(const struct keys *keys, enum scope scope, const char *name)
{
	static char none[] = "";

	for (size_t i = 0; i < keys->count; i++)
		if (keys->list[i].scope == scope &&
			strcmp(keys->list[i].name, name) == 0)
			return keys->list[i].text ? keys->list[i].text : none;
	return NULL;
}

static void add(struct keys *keys, enum scope scope, const char *name,
	size_t len, char *text)
{
	assert_true(len < sizeof(keys->list[0].name));
	assert_true(keys->count < KEYS_MAX);
	memcpy(keys->list[keys->count].name, name, len);
	keys->list[keys->count].name[len] = '\0';
	keys->list[keys->count].scope = scope;
	keys->list[keys->count++].text = text;
}

static size_t key_length(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz_");
}

/* ---- the parser */

static const char *path; /* of what it is asked with */

/*
 * What the parser says about a key whose value is of no type that any key
 * takes; false: that it is none. A source's group is not taken for a
 * value. Of a key that fits one type of sources only, the other type tells.
 */
static bool ask(enum scope scope, const char *name, char what[160])
{
	static const char *const types[] = { "file", "fifo", "clock" };
	bool known = false;

	for (size_t t = 0; t < 3 && !known; t++) {
		char key[64];
		struct config_faults faults;

		if (scope == WHOLE)
			disk_write(path, "%s = { };\n", name);
		else if (strcmp(name, "type") == 0)
			disk_write(path, "sources = ( { type = { }; } );\n");
		else
			disk_write(path,
				"sources = ( { type = \"%s\"; %s = { }; } );\n",
				types[t], name);
		assert_null(config_load(path, &faults));
		snprintf(key, sizeof(key), "%s%s",
			scope == WHOLE ? "" : "sources[0].", name);
		for (size_t i = 0; i < faults.count; i++) {
			const struct config_fault *f = &faults.list[i];

			if (strcmp(f->key, key) != 0 ||
				strstr(f->what, "is a group") == NULL)
				continue;
			known = true;
			strcpy(what, f->what);
		}
		config_faults_release(&faults);
	}
	return known;
}

static void take_parser(struct keys *keys)
{
	struct bytes source = BYTES_INIT;
	char what[160];

	disk_read(&source, "common/config.c");
	for (char *at = source.data; (at = strchr(at, '"')) != NULL; at++) {
		size_t len = key_length(at + 1);
		char name[32];

		if (len == 0 || len >= sizeof(name) || at[len + 1] != '"')
			continue;
		memcpy(name, at + 1, len);
		name[len] = '\0';
		for (int scope = 0; scope < SCOPES; scope++)
			if (!find(keys, (enum scope)scope, name) &&
				ask((enum scope)scope, name, what))
				add(keys, (enum scope)scope, name, len, NULL);
		at += len + 1;
	}
	bytes_release(&source);
}

/* ---- the manual and the example */

static void take_manual(struct keys *keys, struct bytes *page)
{
	enum scope scope = WHOLE;

	for (char *line = page->data; line != NULL;) {
		char *end = strchr(line, '\n'), *next;

		if (strncmp(line, ".Ss Keys of a source", 20) == 0)
			scope = SOURCE;
		if (strncmp(line, ".It Ic ", 7) == 0) {
			size_t len = key_length(line + 7);

			/* The item goes on to the next, or the list's end. */
			next = strstr(line, "\n.El");
			end = strstr(line, "\n.It");
			if (end == NULL || (next != NULL && next < end))
				end = next;
			assert_non_null(end);
			*end = '\0';
			add(keys, scope, line + 7, len, line);
		}
		line = end ? end + 1 : NULL;
	}
}

/* KEY = VALUE; on a line of its own, perhaps behind a comment sign. Where a
 * key stands twice, for two types of sources, it is one. */
static void take_example(struct keys *keys, const char *text)
{
	enum scope scope = WHOLE;

	for (const char *line = text; line != NULL;) {
		const char *key = line + strspn(line, " \t#");
		size_t len = key_length(key);
		char name[32] = "";

		if (len > 0 && len < sizeof(name) &&
			strncmp(key + len, " = ", 3) == 0) {
			memcpy(name, key, len);
			if (find(keys, scope, name) == NULL)
				add(keys, scope, name, len, NULL);
			if (strcmp(name, "sources") == 0)
				scope = SOURCE;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
}

/* ---- the tests */

static void expect_all(const struct keys *these, const struct keys *in,
	const char *who, const char *where)
{
	for (size_t i = 0; i < these->count; i++)
		if (find(in, these->list[i].scope, these->list[i].name) == NULL)
			test_fail("key %s (%s): %s has it, and %s does not",
				these->list[i].name,
				scope_names[these->list[i].scope], who, where);
}

static struct keys parser, manual, example;
static struct bytes page, conf;

static int take_all(void **state)
{
	(void)state;
	path = disk_path(disk_folder(), "asked.conf");
	disk_read(&page, "conf/ssetail.conf.5");
	disk_read(&conf, "conf/ssetail.conf");
	take_parser(&parser);
	take_manual(&manual, &page);
	take_example(&example, conf.data);
	return 0;
}

static int release_all(void **state)
{
	bytes_release(&page);
	bytes_release(&conf);
	return test_cleanup(state);
}

static void the_parser_takes_keys_of_both_kinds(void **state)
{
	(void)state;
	assert_non_null(find(&parser, WHOLE, "heartbeat"));
	assert_non_null(find(&parser, SOURCE, "path"));
	assert_non_null(find(&parser, SOURCE, "interval"));
	assert_null(find(&parser, WHOLE, "path"));
	assert_null(find(&parser, SOURCE, "heartbeat"));
}

static void the_manual_names_every_key_and_no_other(void **state)
{
	(void)state;
	expect_all(&parser, &manual, "the parser", "the manual");
	expect_all(&manual, &parser, "the manual", "the parser");
}

static void the_example_names_every_key_and_no_other(void **state)
{
	(void)state;
	expect_all(&parser, &example, "the parser", "the example");
	expect_all(&example, &parser, "the example", "the parser");
}

/* "expected an integer from 1 to 3600 (seconds)" */
static void the_manual_gives_the_ranges_of_the_parser(void **state)
{
	unsigned ranges = 0;

	(void)state;
	for (size_t i = 0; i < manual.count; i++) {
		const char *name = manual.list[i].name, *from;
		char what[160] = "", range[64], unit[64];
		char least[24], most[24];

		if (!ask(manual.list[i].scope, name, what))
			continue;
		from = strstr(what, "from ");
		if (from == NULL || sscanf(from, "from %23s to %23s (%63[a-z]",
					    least, most, unit) != 3)
			continue;
		snprintf(range, sizeof(range), "%s to %s", least, most);
		if (strstr(manual.list[i].text, range) == NULL ||
			strstr(manual.list[i].text, unit) == NULL)
			test_fail("key %s: the manual does not say %s, %s",
				name, range, unit);
		ranges++;
	}
	assert_true(ranges >= 10);
}

static void the_manual_gives_each_key_a_default_and_an_example(void **state)
{
	(void)state;
	for (size_t i = 0; i < manual.count; i++) {
		const char *text = manual.list[i].text;
		char line[64];

		snprintf(
			line, sizeof(line), "\n.Dl %s = ", manual.list[i].name);
		if (strstr(text, line) == NULL)
			test_fail("key %s: no example", manual.list[i].name);
		if (strstr(text, "\nDefault: ") == NULL &&
			strstr(text, "\nRequired.") == NULL)
			test_fail("key %s: no default", manual.list[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parser_takes_keys_of_both_kinds),
		cmocka_unit_test(the_manual_names_every_key_and_no_other),
		cmocka_unit_test(the_example_names_every_key_and_no_other),
		cmocka_unit_test(the_manual_gives_the_ranges_of_the_parser),
		cmocka_unit_test(
			the_manual_gives_each_key_a_default_and_an_example),
	};

	return cmocka_run_group_tests(tests, take_all, release_all);
}
