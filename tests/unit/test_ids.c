/* Where the blocks are that have a writer's ids: the newest count. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "common/ids.h"

static void add(struct ids *ids, const char *id, uint64_t offset)
{
	struct place place = { .file = 7, .check = ~offset, .offset = offset };

	ids_add(ids, id, strlen(id), &place);
}

/* 0: there is none. */
static uint64_t find(const struct ids *ids, const char *id)
{
	struct place place = { 0 };

	if (!ids_find(ids, id, strlen(id), &place))
		return 0;
	assert_int_equal(place.file, 7);
	assert_true(place.check == ~place.offset);
	return place.offset;
}

static void the_newest_of_equal_ids_is_found(void **state)
{
	struct ids ids;

	(void)state;
	assert_int_equal(ids_init(&ids), 0);
	assert_int_equal(find(&ids, "a"), 0);
	add(&ids, "a", 1);
	add(&ids, "b", 2);
	add(&ids, "", 3);
	add(&ids, "a", 4);
	assert_int_equal(find(&ids, "a"), 4);
	assert_int_equal(find(&ids, "b"), 2);
	assert_int_equal(find(&ids, ""), 3);
	assert_int_equal(find(&ids, "A"), 0);
	/* Blanks around one get lost in a header. */
	add(&ids, " \tc d ", 5);
	assert_int_equal(find(&ids, "c d"), 5);
	ids_release(&ids);
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
	enum { MORE = 1000 };
	struct ids ids;
	char id[16];

	(void)state;
	assert_int_equal(ids_init(&ids), 0);
	add(&ids, "always", 1);
	for (unsigned i = 0; i < IDS_MAX + MORE; i++) {
		snprintf(id, sizeof(id), "%u", i);
		add(&ids, id, i + 1);
		if (i == IDS_MAX / 2)
			add(&ids, "always", 2);
	}
	for (unsigned i = 0; i < IDS_MAX + MORE; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(find(&ids, id), i <= MORE ? 0 : i + 1);
	}
	assert_int_equal(find(&ids, "always"), 2);
	ids_release(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_of_equal_ids_is_found),
		cmocka_unit_test(the_oldest_go_when_there_are_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
