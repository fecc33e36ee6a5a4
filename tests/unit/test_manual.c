/*
 * The keys of the configuration: those that the manual page describes, those
 * of the example, and those that the parser takes are the same, and the page
 * gives the type, the range and the default that the parser has. Runs in the
 * project's top folder.
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

	disk_read(&source, "common/config_key.c");
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

/* Is the word the first of a key's description, behind ".It Ic KEY"? */
static bool begins_with(const char *text, const char *word)
{
	const char *line = strchr(text, '\n');

	return line && strncmp(line + 1, word, strlen(word)) == 0;
}

static void the_manual_gives_the_types_of_the_parser(void **state)
{
	static const struct {
		const char *expected, *type;
	} types[] = {
		{ "expected an integer", "Integer, " },
		{ "expected a number", "A number " },
		{ "expected true or false", "Boolean, true or false: " },
		{ "in quotes", "String" },
	};
	unsigned checked = 0;

	(void)state;
	for (size_t i = 0; i < manual.count; i++) {
		const char *name = manual.list[i].name;
		char what[160] = "";

		if (!ask(manual.list[i].scope, name, what))
			continue;
		for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
			if (strstr(what, types[t].expected) == NULL)
				continue;
			if (!begins_with(manual.list[i].text, types[t].type))
				test_fail("key %s: the manual does not begin "
					  "with '%s'",
					name, types[t].type);
			checked++;
		}
	}
	assert_true(checked >= 20);
}

/* As it is shown: quotes, and one line. */
static void render(char *out, size_t size, const char *text)
{
	struct bytes b = BYTES_INIT;

	bytes_add_replaced(&b, text, "\\(dq", "\"");
	snprintf(out, size, "%s", bytes_text(&b));
	bytes_release(&b);
	for (char *c = out; *c; c++)
		if (*c == '\n')
			*c = ' ';
}

/* The next number, or text in quotes, at or after *at. */
static bool next_value(const char **at, char value[64])
{
	size_t len;

	*at += strcspn(*at, "\"0123456789");
	if (**at == '\0')
		return false;
	len = **at == '"' ? strcspn(*at + 1, "\"") + 2
			  : strspn(*at, "0123456789.");
	assert_true(len < 64);
	memcpy(value, *at, len);
	value[len] = '\0';
	*at += len;
	return true;
}

/* "expected octal digits in quotes, "0" to "0777"" */
static void the_manual_gives_all_values_that_the_parser_names(void **state)
{
	unsigned checked = 0;

	(void)state;
	for (size_t i = 0; i < manual.count; i++) {
		const char *name = manual.list[i].name, *at;
		char what[160] = "", value[64], text[4096];

		if (!ask(manual.list[i].scope, name, what))
			continue;
		render(text, sizeof(text), manual.list[i].text);
		at = strstr(what, "expected ");
		while (at && next_value(&at, value)) {
			if (strcmp(value, "\"...\"") != 0 &&
				strstr(text, value) == NULL)
				test_fail("key %s: the manual does not say %s",
					name, value);
			checked++;
		}
	}
	assert_true(checked >= 40);
}

/* ---- what the manual says, put into a configuration */

/* What a source needs, less the key that is tried. */
static void add_base(struct bytes *out, const char *type, const char *without)
{
	const char *const keys[][2] = {
		{ "name", "\"a\"" },
		{ "type", type },
		{ "path", "\"/a\"" },
	};

	for (size_t i = 0; i < 3; i++)
		if (strcmp(keys[i][0], without) != 0 &&
			(i < 2 || strcmp(type, "\"clock\"") != 0))
			bytes_add_format(
				out, "%s = %s; ", keys[i][0], keys[i][1]);
}

/* A configuration in which a key has that text, "KEY = VALUE;", or is not
 * there (""); NULL: faulty. */
static struct config *load_with(enum scope scope, const char *type,
	const char *name, const char *setting)
{
	struct bytes text = BYTES_INIT;
	struct config_faults faults;
	struct config *config;

	if (scope == WHOLE)
		bytes_add_text(&text, setting);
	bytes_add_text(&text, "sources = ( { ");
	add_base(&text, type, scope == SOURCE && *setting ? name : "");
	/* What is of one format only. */
	if (strcmp(name, "ids") == 0)
		bytes_add_text(&text, "format = \"sse\"; ");
	if (scope == SOURCE)
		bytes_add_text(&text, setting);
	bytes_add_text(&text, " } );\n");
	disk_write(path, "%s", bytes_text(&text));
	config = config_load(path, &faults);
	config_faults_release(&faults);
	bytes_release(&text);
	return config;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* All but what is in lists, of which the lengths are compared. */
static bool same_whole(const struct config *a, const struct config *b)
{
	struct config plain[2];

	if (!same_text(a->listen, b->listen) ||
		!same_text(a->listen_group, b->listen_group) ||
		!same_text(a->state_dir, b->state_dir))
		return false;
	memcpy(&plain[0], a, sizeof(*a));
	memcpy(&plain[1], b, sizeof(*b));
	for (int i = 0; i < 2; i++) {
		plain[i].file = plain[i].listen = NULL;
		plain[i].listen_group = plain[i].state_dir = NULL;
		plain[i].cors.origins = NULL;
		plain[i].metrics.allow = NULL;
		plain[i].sandbox_paths.list = NULL;
		plain[i].sources = NULL;
	}
	return memcmp(&plain[0], &plain[1], sizeof(plain[0])) == 0;
}

/* Does the setting change anything? Fails the test where it is a fault. */
static bool changes(enum scope scope, const char *name, const char *setting)
{
	static const char *const types[] = { "\"file\"", "\"fifo\"",
		"\"clock\"" };

	for (size_t t = 0; t < 3; t++) {
		struct config *with = load_with(scope, types[t], name, setting);
		struct config *without = load_with(scope, types[t], name, "");
		bool same;

		assert_non_null(without);
		if (with == NULL) {
			config_free(without);
			continue;
		}
		same = same_whole(with, without) &&
		       config_same_source(
			       &with->sources[0], &without->sources[0]);
		config_free(with);
		config_free(without);
		return !same;
	}
	test_fail("key %s: a fault: %s", name, setting);
}

/* "Default: 10, or": the 10; false where it is no value but prose. */
static bool take_default(const char *text, char value[64])
{
	const char *at = strstr(text, " Default: ");
	size_t len;

	if (at == NULL)
		return false;
	at += strlen(" Default: ");
	len = *at == '"' ? strcspn(at + 1, "\"") + 2
			 : strspn(at, "0123456789.truefals");
	while (len > 0 && at[len - 1] == '.')
		len--;
	if (len == 0 || len >= 64 || strchr(".,", at[len]) == NULL)
		return false;
	memcpy(value, at, len);
	value[len] = '\0';
	return true;
}

static void a_default_that_is_set_changes_nothing(void **state)
{
	unsigned checked = 0;

	(void)state;
	for (size_t i = 0; i < manual.count; i++) {
		const char *name = manual.list[i].name;
		char text[4096], value[64], setting[128];

		render(text, sizeof(text), manual.list[i].text);
		if (!take_default(text, value))
			continue;
		snprintf(setting, sizeof(setting), "%s = %s; ", name, value);
		if (changes(manual.list[i].scope, name, setting))
			test_fail("key %s: %s is not the default", name, value);
		checked++;
	}
	assert_true(checked >= 20);
}

static void an_example_that_is_set_changes_something(void **state)
{
	(void)state;
	for (size_t i = 0; i < manual.count; i++) {
		const char *name = manual.list[i].name;
		const char *at = manual.list[i].text;
		char line[64], setting[400];

		if (strcmp(name, "sources") == 0)
			continue;
		snprintf(line, sizeof(line), "\n.Dl %s = ", name);
		at = strstr(at, line);
		assert_non_null(at);
		render(setting, sizeof(setting), at + 5);
		*(strchr(setting, ';') + 1) = '\0';
		if (!changes(manual.list[i].scope, name, setting))
			test_fail("key %s: %s is the default", name, setting);
	}
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
		cmocka_unit_test(the_manual_gives_the_types_of_the_parser),
		cmocka_unit_test(
			the_manual_gives_all_values_that_the_parser_names),
		cmocka_unit_test(a_default_that_is_set_changes_nothing),
		cmocka_unit_test(an_example_that_is_set_changes_something),
		cmocka_unit_test(
			the_manual_gives_each_key_a_default_and_an_example),
	};

	return cmocka_run_group_tests(tests, take_all, release_all);
}
