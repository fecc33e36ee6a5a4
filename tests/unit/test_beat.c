#include "tests/lib/test.h"

#include "common/beat.h"

static void its_bytes_double_with_every_fourth_event(void **state)
{
	(void)state;
	for (uint64_t i = 20; i <= BEAT_PACE_EVENTS; i++) {
		size_t half = beat_bytes(i - 4) - BEAT_OPENING_BYTES;
		size_t all = beat_bytes(i) - BEAT_OPENING_BYTES;

		assert_in_range(all, 2 * half - half / 8, 2 * half + half / 8);
	}
}

static void it_fills_a_buffer_of_any_usual_size(void **state)
{
	(void)state;
	assert_in_range(beat_bytes(24), 4096, 5120);
	assert_in_range(beat_bytes(40), 65536, 67000);
	assert_in_range(beat_bytes(BEAT_PACE_EVENTS), 262144, 270000);
}

/* So that what comes at once can be told from what is sent at once. */
static void it_begins_small(void **state)
{
	(void)state;
	assert_int_equal(beat_padding(0), 0);
	assert_int_equal(beat_padding(1), 0);
	for (uint64_t i = 1; i < 14; i++)
		assert_true(beat_bytes(i) < 1200);
}

static void a_number_that_does_not_exist_has_no_padding(void **state)
{
	(void)state;
	assert_int_equal(beat_padding(BEAT_PACE_EVENTS + 1), 0);
	assert_int_equal(beat_padding(UINT64_MAX), 0);
	assert_int_equal(beat_bytes(UINT64_MAX), beat_bytes(BEAT_PACE_EVENTS));
}

static void the_quiet_one_outlasts_two_heartbeats(void **state)
{
	(void)state;
	assert_in_range(beat_interval_ms(BEAT_QUIET, 1), 2001, 5000);
	assert_in_range(beat_interval_ms(BEAT_QUIET, 15), 30001, 35000);
	assert_in_range(beat_interval_ms(BEAT_QUIET, 3600), 7200001, 7210000);
	assert_int_equal(beat_events(BEAT_QUIET), 2);
	assert_int_equal(beat_events(BEAT_PACE), BEAT_PACE_EVENTS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_bytes_double_with_every_fourth_event),
		cmocka_unit_test(it_fills_a_buffer_of_any_usual_size),
		cmocka_unit_test(it_begins_small),
		cmocka_unit_test(a_number_that_does_not_exist_has_no_padding),
		cmocka_unit_test(the_quiet_one_outlasts_two_heartbeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
