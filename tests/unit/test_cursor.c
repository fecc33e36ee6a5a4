/* Where a reader is: plain data. */
#include "tests/lib/test.h"

#include <string.h>

#include "common/cursor.h"

static struct cursor_place place(uint32_t file)
{
	return (struct cursor_place){ .offset = file * 10,
		.check = file * 100,
		.file = file,
		.tag = file + 7 };
}

static struct cursor cursor_of(uint32_t first, uint32_t last)
{
	struct cursor c = { 0 };

	for (uint32_t file = first; file <= last; file++)
		cursor_add(&c, place(file));
	return c;
}

static void finds_the_place_in_a_file(void **state)
{
	struct cursor c = cursor_of(3, 5);

	(void)state;
	assert_ptr_equal(cursor_find(&c, 4), &c.places[1]);
	assert_null(cursor_find(&c, 2));
	assert_null(cursor_find(&c, 6));
}

/* Places that are not in use must not tell two cursors apart. */
static void equal_cursors_are_equal_bytes(void **state)
{
	(void)state;
	for (uint32_t gone = 0; gone < 3; gone++) {
		struct cursor c = cursor_of(1, 3), other = { 0 };

		for (uint32_t file = 1; file <= 3; file++)
			if (file != gone + 1)
				cursor_add(&other, place(file));
		cursor_remove(&c, gone);
		assert_memory_equal(&c, &other, sizeof(c));
	}
}

static void lets_go_of_the_oldest(void **state)
{
	struct cursor c = cursor_of(1, CURSOR_PLACES_MAX + 2);
	struct cursor newest = cursor_of(3, CURSOR_PLACES_MAX + 2);

	(void)state;
	assert_memory_equal(&c, &newest, sizeof(c));
}

static void the_place_before_any_file_ends_with_the_first(void **state)
{
	struct cursor c = { .count = 1 }, first = cursor_of(9, 9);

	(void)state;
	c.places[0].file = 8;
	cursor_add(&c, place(9));
	assert_memory_equal(&c, &first, sizeof(c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_place_in_a_file),
		cmocka_unit_test(equal_cursors_are_equal_bytes),
		cmocka_unit_test(lets_go_of_the_oldest),
		cmocka_unit_test(the_place_before_any_file_ends_with_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
