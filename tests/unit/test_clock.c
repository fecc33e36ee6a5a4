/* A clock, with the time told to it. */
#include "tests/lib/test.h"

#include <string.h>

#include "common/clock.h"
#include "common/place.h"

static struct source_config config_of(uint64_t count)
{
	static char name[] = "clock", format[] = "%Y";

	return (struct source_config){
		.name = name,
		.type = SOURCE_CLOCK,
		.show = CLOCK_COUNT,
		.interval_ms = 1000,
		.count = count,
		.time_format = format,
	};
}

static const struct clock_view alone = { true, NULL, "", "" };

static void expect_text(struct buffer *b, const char *expected)
{
	assert_false(b->failed);
	buffer_add_byte(b, '\0');
	assert_string_equal(b->data, expected);
	buffer_clear(b);
}

/* Produces and advances, as a stream does. */
static bool step(
	struct clock *c, struct ticker *t, int64_t now_ms, struct buffer *out)
{
	struct clock_cursor to;
	bool any = clock_produce(c, &alone, &t->cursor, &to, now_ms, out);

	if (any)
		clock_advance(c, t, &to);
	return any;
}

static void counts_from_1_and_at_once(void **state)
{
	struct source_config config = config_of(0);
	struct buffer out = BUFFER_INIT;
	struct ticker t = { 0 };
	struct clock c;

	(void)state;
	clock_init(&c, &config);
	assert_int_equal(clock_next_ms(&c), INT64_MAX);
	clock_follow(&c, &t, 0, 5000);
	assert_true(step(&c, &t, 5000, &out));
	expect_text(&out, "data: 1\nid: 1\n\n");
	assert_int_equal(clock_next_ms(&c), 6000);
	assert_false(step(&c, &t, 5999, &out));
	assert_true(step(&c, &t, 6000, &out));
	expect_text(&out, "data: 2\nid: 2\n\n");
	/* Later than due, it keeps its beat. */
	assert_true(step(&c, &t, 7900, &out));
	expect_text(&out, "data: 3\nid: 3\n\n");
	assert_int_equal(clock_next_ms(&c), 8000);
	clock_leave(&t);
	buffer_release(&out);
}

static void who_was_away_is_not_flooded(void **state)
{
	struct source_config config = config_of(0);
	struct buffer out = BUFFER_INIT;
	struct ticker t = { 0 };
	struct clock c;
	int events = 0;

	(void)state;
	clock_init(&c, &config);
	clock_follow(&c, &t, 41, 0);
	assert_true(step(&c, &t, 0, &out));
	while (step(&c, &t, 3600000, &out))
		events++;
	assert_int_equal(events, 1);
	assert_int_equal(clock_next_ms(&c), 3601000);
	clock_leave(&t);
	buffer_release(&out);
}

static void ends_after_its_count(void **state)
{
	struct source_config config = config_of(3);
	struct buffer out = BUFFER_INIT;
	struct ticker t = { 0 }, late = { 0 };
	struct clock c;

	(void)state;
	clock_init(&c, &config);
	clock_follow(&c, &t, 1, 0);
	assert_true(step(&c, &t, 0, &out));
	assert_false(clock_is_over(&c, t.cursor.number));
	assert_true(step(&c, &t, 1000, &out));
	assert_true(clock_is_over(&c, t.cursor.number));
	assert_false(step(&c, &t, 9000, &out));
	assert_int_equal(clock_next_ms(&c), INT64_MAX);
	/* One that has seen it all is never due; leaving is no matter. */
	clock_follow(&c, &late, 3, 0);
	assert_null(clock_due(&c, INT64_MAX));
	clock_leave(&late);
	clock_leave(&t);
	buffer_release(&out);
}

/* The list is in the order of being due, whoever comes and goes. */
static void the_first_is_due_first(void **state)
{
	enum { TICKERS = 20 };
	struct source_config config = config_of(0);
	struct buffer out = BUFFER_INIT;
	struct ticker t[TICKERS] = { 0 };
	struct clock c;

	(void)state;
	clock_init(&c, &config);
	for (int now = 0; now < 20000; now += 37) {
		int64_t before = INT64_MIN;
		int who = now / 37 % TICKERS;
		struct ticker *due;

		if (now / 37 % 7 == 0) {
			clock_leave(&t[who]);
			clock_follow(&c, &t[who], 0, now);
		}
		while ((due = clock_due(&c, now)))
			assert_true(step(&c, due, now, &out));
		for (struct ticker *one = c.tickers.next; one != &c.tickers;
			one = one->next) {
			assert_true(one->cursor.due_ms >= before);
			before = one->cursor.due_ms;
		}
		assert_true(clock_next_ms(&c) > now);
		buffer_clear(&out);
	}
	for (int i = 0; i < TICKERS; i++)
		clock_leave(&t[i]);
	assert_int_equal(clock_next_ms(&c), INT64_MAX);
	buffer_release(&out);
}

static void among_others_its_id_is_a_place(void **state)
{
	struct clock_view view = { false, "clock", "AAA-", "-BBB" };
	struct source_config config = config_of(0);
	struct buffer out = BUFFER_INIT;
	struct clock_cursor from = { 6, 0 }, to;
	struct place places[3];
	struct clock c;
	char *id;

	(void)state;
	clock_init(&c, &config);
	assert_true(clock_produce(&c, &view, &from, &to, 0, &out));
	buffer_add_byte(&out, '\0');
	assert_true(
		strncmp(out.data, "data: 7\nevent: clock\nid: AAA-", 29) == 0);
	id = strstr(out.data, "AAA-") + 4;
	assert_non_null(strstr(id, "-BBB\n\n"));
	*strchr(id, '-') = '\0';
	assert_int_equal(place_parse(id, places, 3), 1);
	assert_true(places[0].is_number);
	assert_int_equal(places[0].offset, 7);
	assert_int_equal(places[0].source, place_source_tag("clock"));
	buffer_release(&out);
}

static void producing_changes_nothing(void **state)
{
	struct source_config config = config_of(0);
	struct buffer once = BUFFER_INIT, twice = BUFFER_INIT;
	struct clock_cursor from = { 6, 0 }, to, again;
	struct clock c;

	(void)state;
	clock_init(&c, &config);
	assert_true(clock_produce(&c, &alone, &from, &to, 0, &once));
	assert_true(clock_produce(&c, &alone, &from, &again, 0, &twice));
	assert_int_equal(once.len, twice.len);
	assert_memory_equal(once.data, twice.data, once.len);
	assert_memory_equal(&to, &again, sizeof(to));
	buffer_release(&once);
	buffer_release(&twice);
}

static void tells_the_time(void **state)
{
	struct source_config config = config_of(0);
	struct buffer out = BUFFER_INIT;
	struct clock_cursor from = { 0, 0 }, to;
	char nothing[] = "", lines[] = "a%nb";
	struct clock c;

	(void)state;
	config.show = CLOCK_TIME;
	clock_init(&c, &config);
	assert_true(clock_produce(&c, &alone, &from, &to, 0, &out));
	buffer_add_byte(&out, '\0');
	assert_true(strncmp(out.data, "data: 2", 7) == 0);
	assert_string_equal(out.data + 10, "\nid: 1\n\n");
	buffer_clear(&out);
	config.time_format = nothing;
	assert_true(clock_produce(&c, &alone, &from, &to, 0, &out));
	expect_text(&out, "data:\nid: 1\n\n");
	config.time_format = lines;
	assert_true(clock_produce(&c, &alone, &from, &to, 0, &out));
	expect_text(&out, "data: a\ndata: b\nid: 1\n\n");
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_from_1_and_at_once),
		cmocka_unit_test(who_was_away_is_not_flooded),
		cmocka_unit_test(ends_after_its_count),
		cmocka_unit_test(the_first_is_due_first),
		cmocka_unit_test(among_others_its_id_is_a_place),
		cmocka_unit_test(producing_changes_nothing),
		cmocka_unit_test(tells_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
