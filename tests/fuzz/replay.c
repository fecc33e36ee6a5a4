/*
 * The main of a harness without libFuzzer: fuzz_NAME [FILE...] gives it these
 * files, or else each file of tests/fuzz/corpus/NAME as a test of its own.
 * Runs in the project's top folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/bytes.h"

/* Exactly as long as it is, so that a byte too far is noticed. */
static void replay(const char *path)
{
	FILE *f = fopen(path, "r");
	struct bytes all = BYTES_INIT;
	char chunk[4096];
	uint8_t *input;
	size_t n;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		bytes_add(&all, chunk, n);
	fclose(f);
	input = malloc(all.len > 0 ? all.len : 1);
	if (input == NULL)
		exit(1);
	if (all.len > 0)
		memcpy(input, all.data, all.len);
	LLVMFuzzerTestOneInput(input, all.len);
	free(input);
	bytes_release(&all);
}

static void replays(void **state)
{
	replay(*state);
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_corpus(const char *name)
{
	struct CMUnitTest *tests;
	struct dirent **entries;
	char folder[256];
	int count, failed;

	snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", name);
	count = scandir(folder, &entries, is_shown, alphasort);
	if (count <= 0) {
		perror(folder);
		return 1;
	}
	tests = calloc((size_t)count, sizeof(*tests));
	if (tests == NULL)
		return 1;
	for (int i = 0; i < count; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
			return 1;
		tests[i] = (struct CMUnitTest){ .name = path,
			.test_func = replays,
			.initial_state = path };
	}
	failed =
		_cmocka_run_group_tests(name, tests, (size_t)count, NULL, NULL);
	for (int i = 0; i < count; i++) {
		free(tests[i].initial_state);
		free(entries[i]);
	}
	free(tests);
	free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "fuzz_");

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc > 1)
		return 0;
	while (name != NULL && strstr(name + 1, "fuzz_") != NULL)
		name = strstr(name + 1, "fuzz_");
	return name == NULL ? 1 : replay_corpus(name + strlen("fuzz_"));
}
