/*
 * What is wrong with a web server, as the judge has it from figures alone: here
 * from those of servers that are made up, and of machines that are busy.
 */
#include "tests/lib/test.h"

#include <string.h>

#include "common/judge.h"

static const struct deployment usual = { 15, false, true };

/* All that is measured where nothing is wrong, but for when events come. */
static struct measurement healthy(void)
{
	struct measurement m = { .status = 200,
		.has_first = true,
		.first_ms = 20,
		.resume = 4,
		.protocol = "http/1.1",
		.type = "text/event-stream",
		.cache = "no-cache, no-store, no-transform",
		.quiet = { { .end = END_DONE } } };

	for (size_t i = 0; i < MEASUREMENT_HOLDS; i++) {
		m.hold[i].count = 7;
		for (size_t j = 0; j < 7; j++)
			m.hold[i].streams[j].first_ms = 5;
		m.hold[i].streams[6].queued_ms = 3010;
	}
	return m;
}

/* A server between the clock and who listens, and their machine. */
struct way {
	size_t buffer;	   /* bytes that are held until there are so many */
	uint32_t every_ms; /* events are let go of at multiples of this */
	uint32_t latency_ms;

	/* Who listens sees nothing from here, and for so long. */
	uint32_t stalls_at_ms, stalls_for_ms;
};

/* When an event gets through that server: with the first one, be it itself,
 * that fills a buffer. */
static uint32_t leaves_at(const struct way *way, size_t number)
{
	size_t last = number;
	uint32_t at;

	while (last < BEAT_PACE_EVENTS && way->buffer > 0 &&
		beat_bytes(last) / way->buffer ==
			beat_bytes(number - 1) / way->buffer)
		last++;
	at = (uint32_t)(last - 1) * BEAT_PACE_MS;
	if (way->every_ms > 0)
		at = (at + way->every_ms) / way->every_ms * way->every_ms;
	return at + way->latency_ms;
}

static void pass(struct measurement_pace *pace, const struct way *way)
{
	uint32_t first = 0;

	pace->count = BEAT_PACE_EVENTS;
	for (size_t i = 0; i < pace->count; i++) {
		uint32_t at = leaves_at(way, i + 1);

		if (at >= way->stalls_at_ms &&
			at < way->stalls_at_ms + way->stalls_for_ms)
			at = way->stalls_at_ms + way->stalls_for_ms;
		if (i == 0)
			first = at;
		pace->events[i].sent_ms = (uint32_t)i * BEAT_PACE_MS;
		pace->events[i].arrived_ms = at - first;
	}
}

/* Three tries by the same way. */
static void pass_all(struct measurement *m, const struct way *way)
{
	for (size_t i = 0; i < MEASUREMENT_PACES; i++)
		pass(&m->pace[i], way);
}

static struct verdict judged(const struct measurement *m)
{
	struct verdict v;

	judge(&v, m, &usual);
	return v;
}

static void expect_well(const struct measurement *m)
{
	struct verdict v = judged(m);

	assert_int_equal(v.count, 0);
	assert_int_equal(v.word, VERDICT_WELL);
}

/* That and nothing else. */
static void expect_cause(
	const struct measurement *m, enum cause cause, uint32_t number)
{
	struct verdict v = judged(m);

	assert_int_equal(v.word, VERDICT_WRONG);
	assert_int_equal(v.count, 1);
	assert_int_equal(v.findings[0].cause, cause);
	assert_int_equal(v.findings[0].number, number);
}

static void expect_word(const struct measurement *m, enum verdict_word word)
{
	struct verdict v = judged(m);

	assert_int_equal(v.word, word);
	assert_int_equal(v.count, 0);
}

/* ---- events that are held back */

static void nothing_is_wrong_where_events_come_as_sent(void **state)
{
	struct measurement m = healthy();

	(void)state;
	for (uint32_t latency = 0; latency < 2000; latency += 333) {
		pass_all(&m, &(struct way){ .latency_ms = latency });
		expect_well(&m);
	}
}

static void a_buffer_is_told_with_its_size(void **state)
{
	static const size_t sizes[] = { 2048, 4096, 8192, 16384, 32768, 65536,
		131072 };
	struct measurement m = healthy();

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		pass_all(&m,
			&(struct way){ .buffer = sizes[i], .latency_ms = 3 });
		expect_cause(&m, CAUSE_BUFFER, (uint32_t)sizes[i]);
	}
}

static void a_whole_response_is_told_from_a_buffer(void **state)
{
	struct measurement m = healthy();

	(void)state;
	pass_all(&m, &(struct way){ .buffer = (size_t)1 << 30 });
	expect_cause(&m, CAUSE_WHOLE, 0);
	strcpy(m.encoding, "gzip");
	expect_cause(&m, CAUSE_COMPRESSION, 0);
	strcpy(m.encoding, "identity");
	expect_cause(&m, CAUSE_WHOLE, 0);
}

static void compression_alone_is_no_fault(void **state)
{
	struct measurement m = healthy();

	(void)state;
	strcpy(m.encoding, "br");
	pass_all(&m, &(struct way){ 0 });
	expect_well(&m);
	pass_all(&m, &(struct way){ .buffer = 8192 });
	expect_cause(&m, CAUSE_COMPRESSION, 0);
}

/* What nobody can tell from a packet. */
static void less_than_a_kilobyte_is_not_held_back(void **state)
{
	struct measurement m = healthy();

	(void)state;
	pass_all(&m, &(struct way){ .buffer = 512 });
	expect_well(&m);
}

static void a_machine_that_is_busy_is_no_buffer(void **state)
{
	struct measurement m = healthy();

	(void)state;
	/* Two of three tries come late, from the start; and by as much. */
	pass_all(&m, &(struct way){ .stalls_for_ms = 1500 });
	pass(&m.pace[1],
		&(struct way){ .stalls_at_ms = 400, .stalls_for_ms = 2000 });
	expect_well(&m);
	/* All of them do, and never by the same. */
	pass(&m.pace[0], &(struct way){ .stalls_for_ms = 1000 });
	pass(&m.pace[1], &(struct way){ .stalls_for_ms = 1500 });
	pass(&m.pace[2], &(struct way){ .stalls_for_ms = 2500 });
	expect_word(&m, VERDICT_UNSURE);
	/* A response with a length was whole before it was sent. */
	m.length = 262242;
	expect_cause(&m, CAUSE_WHOLE, 0);
}

static void a_busy_machine_hides_no_buffer(void **state)
{
	struct measurement m = healthy();

	(void)state;
	pass_all(&m, &(struct way){ .buffer = 4096, .latency_ms = 9 });
	pass(&m.pace[2],
		&(struct way){ .buffer = 4096, .stalls_for_ms = 2400 });
	expect_cause(&m, CAUSE_BUFFER, 4096);
	/* The sender was late with an event: so it says itself. */
	pass_all(&m, &(struct way){ .buffer = 65536 });
	for (size_t i = 20; i < BEAT_PACE_EVENTS; i++) {
		m.pace[0].events[i].sent_ms += 700;
		m.pace[0].events[i].arrived_ms += i > 39 ? 700 : 0;
	}
	expect_cause(&m, CAUSE_BUFFER, 65536);
}

static void one_try_is_not_enough_for_a_buffer(void **state)
{
	struct measurement m = healthy();

	(void)state;
	pass(&m.pace[0], &(struct way){ .buffer = 4096 });
	expect_word(&m, VERDICT_UNSURE);
	pass(&m.pace[0], &(struct way){ 0 });
	expect_well(&m);
}

static void a_timer_that_collects_is_told_by_its_interval(void **state)
{
	struct measurement m = healthy();

	(void)state;
	pass_all(&m, &(struct way){ .every_ms = 240 });
	expect_cause(&m, CAUSE_DELAY, 240);
	/* A busy machine has hidden it once. */
	pass(&m.pace[1],
		&(struct way){ .stalls_at_ms = 1, .stalls_for_ms = 2000 });
	expect_cause(&m, CAUSE_DELAY, 240);
	/* Once is chance. */
	pass(&m.pace[1], &(struct way){ 0 });
	expect_well(&m);
	/* What is only late is worth another try. */
	m.pace[1].count = m.pace[2].count = 0;
	pass(&m.pace[0],
		&(struct way){ .stalls_at_ms = 1, .stalls_for_ms = 2000 });
	expect_word(&m, VERDICT_UNSURE);
}

static void clocks_need_not_run_alike(void **state)
{
	struct measurement m = healthy();

	(void)state;
	pass_all(&m, &(struct way){ 0 });
	/* By a tenth: no clock is that bad. */
	for (size_t i = 0; i < MEASUREMENT_PACES; i++)
		for (size_t j = 0; j < BEAT_PACE_EVENTS; j++)
			m.pace[i].events[j].sent_ms +=
				m.pace[i].events[j].sent_ms / 10;
	expect_well(&m);
}

static void nothing_is_told_from_too_few_events(void **state)
{
	struct measurement m = healthy();

	(void)state;
	expect_word(&m, VERDICT_NOTHING);
	pass_all(&m, &(struct way){ .buffer = 65536 });
	for (size_t i = 0; i < MEASUREMENT_PACES; i++)
		m.pace[i].count = 10;
	expect_word(&m, VERDICT_NOTHING);
}

/* ---- streams that end, or wait */

static struct measurement in_time(void)
{
	struct measurement m = healthy();

	pass_all(&m, &(struct way){ 0 });
	return m;
}

static void a_cut_is_told_with_its_time(void **state)
{
	struct measurement m = in_time();

	(void)state;
	m.quiet[0] = (struct measurement_quiet){ END_CUT, 5040, 5010 };
	m.quiet[1] = (struct measurement_quiet){ END_CUT, 5030, 5020 };
	expect_cause(&m, CAUSE_IDLE_CUT, 5020);
	/* A heartbeat came right before. */
	m.quiet[0] = (struct measurement_quiet){ END_CUT, 20000, 300 };
	m.quiet[1] = (struct measurement_quiet){ END_CUT, 20100, 400 };
	expect_cause(&m, CAUSE_AGE_CUT, 20100);
	m.quiet[1].end = END_DONE;
	expect_word(&m, VERDICT_UNSURE);
	m.quiet[0].end = END_RETRY;
	expect_well(&m);
}

/* An Apache closes the connection 5 s after its cut. */
static void an_end_that_is_learnt_late_hides_no_time(void **state)
{
	struct measurement m = in_time();

	(void)state;
	m.quiet[0] = (struct measurement_quiet){ END_CUT, 11020, 11010 };
	m.quiet[1] = m.quiet[0];
	m.has_pauses = true;
	/* 5 s were let through, 7.5 s were not. */
	m.pauses = 2;
	expect_cause(&m, CAUSE_IDLE_CUT, 6250);
	m.pauses = 0;
	expect_cause(&m, CAUSE_IDLE_CUT, 1250);
	m.pauses = BEAT_PAUSES;
	expect_cause(&m, CAUSE_IDLE_CUT, 11010);
	m.pauses = 4000000;
	expect_cause(&m, CAUSE_IDLE_CUT, 11010);
}

static void wait_in(struct measurement *m, size_t from, bool browser)
{
	for (size_t i = 0; i < MEASUREMENT_HOLDS; i++)
		for (size_t j = 0; j < 7; j++)
			m->hold[i].streams[j] = (struct measurement_stream){
				browser && j >= from ? 3010 : 0,
				!browser && j >= from ? 3020 : 8
			};
}

static void who_waits_tells_workers_from_connections(void **state)
{
	struct measurement m = in_time();

	(void)state;
	wait_in(&m, 1, false);
	expect_cause(&m, CAUSE_SHORTAGE, 1);
	wait_in(&m, 5, false);
	expect_cause(&m, CAUSE_SHORTAGE, 5);
	wait_in(&m, 2, true);
	expect_cause(&m, CAUSE_CONNECTIONS, 2);
	/* As many as a browser has. */
	wait_in(&m, 6, true);
	expect_well(&m);
	wait_in(&m, 7, true);
	expect_well(&m);
}

static void six_streams_of_one_connection_are_enough(void **state)
{
	struct measurement m = in_time();

	(void)state;
	wait_in(&m, 6, false);
	expect_cause(&m, CAUSE_SHORTAGE, 6);
	strcpy(m.protocol, "h2");
	expect_well(&m);
	wait_in(&m, 5, false);
	expect_cause(&m, CAUSE_SHORTAGE, 5);
	strcpy(m.protocol, "h");
	expect_cause(&m, CAUSE_SHORTAGE, 5);
}

/* Who let a silence as long as a heartbeat pass cuts for something else. */
static void a_heartbeat_that_came_through_tells_an_age(void **state)
{
	struct measurement m = in_time();

	(void)state;
	m.quiet[0] = m.quiet[1] =
		(struct measurement_quiet){ END_CUT, 20000, 5000 };
	expect_cause(&m, CAUSE_AGE_CUT, 20000);
	m.quiet[0] = m.quiet[1] =
		(struct measurement_quiet){ END_CUT, 29000, 14000 };
	expect_cause(&m, CAUSE_IDLE_CUT, 14000);
	m.has_pauses = true;
	m.pauses = BEAT_PAUSES - 1;
	expect_cause(&m, CAUSE_IDLE_CUT, 11250);
	m.pauses = BEAT_PAUSES;
	expect_cause(&m, CAUSE_AGE_CUT, 29000);
	/* As if no heartbeat had come. */
	m.quiet[0] = m.quiet[1] =
		(struct measurement_quiet){ END_CUT, 14500, 14000 };
	expect_cause(&m, CAUSE_IDLE_CUT, 14000);
}

static void where_all_are_slow_none_has_waited(void **state)
{
	struct measurement m = in_time();

	(void)state;
	for (size_t i = 0; i < MEASUREMENT_HOLDS; i++)
		for (uint32_t j = 0; j < 7; j++)
			m.hold[i].streams[j] = (struct measurement_stream){ 0,
				4000 + 300 * j };
	expect_well(&m);
	/* One that was turned away has waited for ever, and so have all. */
	for (size_t i = 0; i < MEASUREMENT_HOLDS; i++)
		m.hold[i].streams[3].first_ms = MEASUREMENT_MS_MAX;
	expect_cause(&m, CAUSE_SHORTAGE, 6);
	for (size_t i = 0; i < MEASUREMENT_HOLDS; i++)
		for (size_t j = 0; j < 7; j++)
			m.hold[i].streams[j].first_ms = MEASUREMENT_MS_MAX;
	expect_cause(&m, CAUSE_SHORTAGE, 0);
}

static void the_better_of_two_tries_counts(void **state)
{
	struct measurement m = in_time();

	(void)state;
	wait_in(&m, 3, false);
	for (size_t j = 0; j < 7; j++)
		m.hold[1].streams[j] = (struct measurement_stream){ 0, 900 };
	expect_well(&m);
}

/* ---- the head */

static void a_status_that_is_not_200_is_told(void **state)
{
	struct measurement m = in_time();

	(void)state;
	m.status = 503;
	expect_cause(&m, CAUSE_REFUSED, 503);
	m.status = 501;
	expect_cause(&m, CAUSE_REFUSED, 501);
	m.plain = 501;
	expect_cause(&m, CAUSE_REFUSED, 501);
	m.plain = 200;
	expect_cause(&m, CAUSE_INCREMENTAL, 0);
	m.status = 0;
	expect_word(&m, VERDICT_NOTHING);
}

static void a_head_that_was_changed_is_told(void **state)
{
	static const char *const types[] = { "", "text/plain",
		"text/event-streams", "application/octet-stream" };
	struct measurement m = in_time();

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		strcpy(m.type, types[i]);
		expect_cause(&m, CAUSE_TYPE, 0);
	}
	strcpy(m.type, "Text/Event-Stream;charset=utf-8");
	expect_well(&m);
	strcpy(m.cache, "max-age=60");
	expect_cause(&m, CAUSE_CACHE, 0);
	strcpy(m.cache, "no-cache");
	expect_well(&m);
	m.resume = 1;
	expect_cause(&m, CAUSE_RESUME, 0);
	m.resume = 0;
	expect_well(&m);
	m.busy = 2;
	expect_cause(&m, CAUSE_LIMIT, 2);
}

static void a_proxy_is_named_where_something_is_wrong(void **state)
{
	const struct deployment forwarded = { 15, true, true },
				other = { 15, false, false };
	struct measurement m = in_time();
	struct verdict v;

	(void)state;
	judge(&v, &m, &forwarded);
	assert_int_equal(v.word, VERDICT_WELL);
	assert_true(v.has_proxy);
	pass_all(&m, &(struct way){ .buffer = 4096 });
	judge(&v, &m, &forwarded);
	assert_int_equal(v.count, 2);
	assert_int_equal(v.findings[0].cause, CAUSE_BUFFER);
	assert_int_equal(v.findings[1].cause, CAUSE_PROXY);
	judge(&v, &m, &other);
	assert_int_equal(v.findings[1].cause, CAUSE_PROXY);
	strcpy(m.via, "1.1 cache");
	judge(&v, &m, &usual);
	assert_int_equal(v.findings[1].cause, CAUSE_PROXY);
	m.via[0] = '\0';
	expect_cause(&m, CAUSE_BUFFER, 4096);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_wrong_where_events_come_as_sent),
		cmocka_unit_test(a_buffer_is_told_with_its_size),
		cmocka_unit_test(a_whole_response_is_told_from_a_buffer),
		cmocka_unit_test(compression_alone_is_no_fault),
		cmocka_unit_test(less_than_a_kilobyte_is_not_held_back),
		cmocka_unit_test(a_machine_that_is_busy_is_no_buffer),
		cmocka_unit_test(a_busy_machine_hides_no_buffer),
		cmocka_unit_test(one_try_is_not_enough_for_a_buffer),
		cmocka_unit_test(a_timer_that_collects_is_told_by_its_interval),
		cmocka_unit_test(clocks_need_not_run_alike),
		cmocka_unit_test(nothing_is_told_from_too_few_events),
		cmocka_unit_test(a_cut_is_told_with_its_time),
		cmocka_unit_test(an_end_that_is_learnt_late_hides_no_time),
		cmocka_unit_test(who_waits_tells_workers_from_connections),
		cmocka_unit_test(six_streams_of_one_connection_are_enough),
		cmocka_unit_test(a_heartbeat_that_came_through_tells_an_age),
		cmocka_unit_test(where_all_are_slow_none_has_waited),
		cmocka_unit_test(the_better_of_two_tries_counts),
		cmocka_unit_test(a_status_that_is_not_200_is_told),
		cmocka_unit_test(a_head_that_was_changed_is_told),
		cmocka_unit_test(a_proxy_is_named_where_something_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
