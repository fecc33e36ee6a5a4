/*
 * recipe: the commands and configurations in a text for people, as they stand
 * there: each is the block behind a comment <!-- test: NAME -->, in a fence or
 * indented by four.
 */
#ifndef SSETAIL_TESTS_RECIPE_H
#define SSETAIL_TESTS_RECIPE_H

#include <stddef.h>

#include "tests/lib/bytes.h"

/* The recipe of that name in that file; fails the test if there is none. Give
 * it to bytes_release. */
struct bytes recipe_read(const char *path, const char *name);

/* Replaces every `from` in it, of which there has to be one. */
void recipe_replace(struct bytes *text, const char *from, const char *to);

/* How many a file has. */
size_t recipe_count(const char *path);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define recipe_read(...)    TEST_HERE(recipe_read(__VA_ARGS__))
#define recipe_replace(...) TEST_HERE(recipe_replace(__VA_ARGS__))
#define recipe_count(...)   TEST_HERE(recipe_count(__VA_ARGS__))
#endif

#endif
