/*
 * A stream goes on exactly after the event that the browser saw last, under
 * both programs, whichever of their processes answers.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/place.h"
#include "tests/lib/chance.h"
#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

/* A program, and how a client of it is opened. */
struct program {
	const char *name;
	bool is_cgi;
};

static const struct program programs[] = {
	{ "fcgi", false },
	{ "cgi", true },
};

static struct reader *open_program(
	const struct responder *r, bool is_cgi, const struct ask *ask)
{
	return is_cgi ? &responder_open_cgi(r, ask)->reader
		      : &responder_open(r, ask)->reader;
}

static struct reader *open_as(
	const struct responder *r, void **state, const struct ask *ask)
{
	const struct program *program = *state;

	return open_program(r, program->is_cgi, ask);
}

static void append_lines(const struct responder *r, int from, int to)
{
	for (int i = from; i < to; i++)
		disk_append(r->log, "line %d\n", i);
}

static void expect_line(struct reader *r, size_t i, int number)
{
	char line[32];

	snprintf(line, sizeof(line), "line %d", number);
	reader_expect_event(r, i, "message", line);
}

/* The events from number `i` on are the lines from `from` to `to`, and
 * nothing else. */
static void expect_lines(struct reader *r, size_t i, int from, int to)
{
	while (from < to)
		expect_line(r, i++, from++);
	assert_int_equal(r->event_count, i);
}

/* The ids of ten lines: of an uninterrupted stream. */
enum { TEN = 10 };

static void take_ids(
	const struct responder *r, void **state, char ids[TEN][200])
{
	struct reader *first = open_as(r, state, NULL);

	expect_lines(first, 0, 0, TEN);
	for (size_t i = 0; i < TEN; i++)
		strcpy(ids[i], reader_event(first, i)->id);
	reader_close(first);
}

/* ---- after a reconnect */

static const char *const forms[] = { NULL, "lastEventId", "last_event_id",
	"evs_last_event_id" };

/* The id in the header, or in one of the forms of the query. */
static struct reader *resume(const struct responder *r, void **state,
	const char *form, const char *id)
{
	char query[400];

	if (!form)
		return open_as(r, state, &(struct ask){ .last_event_id = id });
	snprintf(query, sizeof(query), "%s=%.200s", form, id);
	return open_as(r, state, &(struct ask){ .query = query });
}

static void goes_on_exactly_after_any_event_in_each_form(void **state)
{
	char ids[TEN][200];
	struct responder r;

	responder_start(&r, NULL);
	append_lines(&r, 0, TEN);
	take_ids(&r, state, ids);
	for (int i = 0; i < TEN; i++) {
		struct reader *c = resume(&r, state, forms[i % 4], ids[i]);

		append_lines(&r, TEN + i, TEN + i + 1);
		expect_lines(c, 0, i + 1, TEN + i + 1);
		reader_close(c);
	}
}

static void the_header_wins_over_the_query(void **state)
{
	char ids[TEN][200];
	char query[400];
	struct responder r;

	responder_start(&r, NULL);
	append_lines(&r, 0, TEN);
	take_ids(&r, state, ids);
	snprintf(query, sizeof(query), "lastEventId=%s", ids[1]);
	expect_lines(open_as(&r, state,
			     &(struct ask){
				     .query = query, .last_event_id = ids[7] }),
		0, 8, TEN);
}

static void what_was_written_meanwhile_is_delivered_once(void **state)
{
	struct responder r;
	char id[200];
	int count = 0;

	responder_start(
		&r, &(struct responder_how){ .source = "history = 0;" });
	struct reader *c = open_as(&r, state, NULL);
	wait_for(c->sse.checkpoints > 0);
	for (int round = 0; round < 20; round++) {
		append_lines(&r, count, count + 3);
		count += 3;
		reader_wait_events(c, c->sse.events + 3);
		strcpy(id, reader_last_id(c));
		reader_close(c);
		append_lines(&r, count, count + round);
		c = open_as(&r, state, &(struct ask){ .last_event_id = id });
		expect_lines(c, 0, count, count + round);
		count += round;
	}
}

/* The head names the starting place: whoever was cut right after it loses
 * nothing. */
static void a_cut_before_the_first_event_loses_nothing(void **state)
{
	struct responder r;
	char id[200];

	responder_start(
		&r, &(struct responder_how){ .source = "history = 2;" });
	/* Of an empty file, then of one with lines. */
	for (int i = 0; i < 2; i++) {
		struct reader *c = open_as(&r, state, NULL);

		/* Only what ends the first block. */
		while (c->sse.checkpoints == 0)
			if (reader_read(c, 1) == 0)
				wait_quietly(0);
		assert_int_equal(c->sse.events, 0);
		strcpy(id, reader_last_id(c));
		assert_true(id[0] != '\0');
		reader_close(c);
		append_lines(&r, 20 * i, 20 * i + 20);
		c = open_as(&r, state, &(struct ask){ .last_event_id = id });
		expect_lines(c, 0, i ? 18 : 0, 20 * i + 20);
		reader_close(c);
	}
}

static void a_cut_before_there_is_a_file_loses_nothing(void **state)
{
	struct responder r;
	char id[200];

	responder_start(
		&r, &(struct responder_how){ .source = "history = 2;" });
	disk_remove(r.log);
	struct reader *c = open_as(&r, state, NULL);
	wait_for(c->sse.checkpoints > 0);
	reader_expect_event(c, 0, "waiting", NULL);
	strcpy(id, reader_last_id(c));
	reader_close(c);
	append_lines(&r, 0, 20);
	expect_lines(open_as(&r, state, &(struct ask){ .last_event_id = id }),
		0, 0, 20);
}

/* ---- after a restart, and elsewhere */

static void goes_on_after_a_restart(void **state)
{
	static const int signals[] = { 15, 9, 2, 9 };
	struct responder r;
	char id[200] = "";
	int count = 0;

	responder_start(
		&r, &(struct responder_how){ .source = "history = 0;" });
	for (size_t i = 0; i < 4; i++) {
		struct reader *c = open_as(&r, state,
			&(struct ask){ .last_event_id = id[0] ? id : NULL });

		wait_for(c->sse.checkpoints > 0);
		append_lines(&r, count, count + 5);
		count += 5;
		expect_lines(c, 0, i ? count - 8 : 0, count);
		strcpy(id, reader_last_id(c));
		process_signal(r.process, signals[i]);
		process_exit_code(r.process);
		reader_close(c);
		append_lines(&r, count, count + 3);
		count += 3;
		responder_run(&r, NULL);
	}
}

static void goes_on_in_another_process(void **state)
{
	struct responder r, other;
	char id[200] = "";
	int count = 0;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .source = "history = 0;" });
	other = r;
	other.address = disk_path(r.folder, "other");
	responder_run(&other, NULL);
	for (int i = 0; i < 10; i++) {
		struct front_client *c = responder_open(i % 2 ? &other : &r,
			&(struct ask){ .last_event_id = id[0] ? id : NULL });

		wait_for(c->reader.sse.checkpoints > 0);
		append_lines(&r, count, count + 5);
		count += 5;
		expect_lines(&c->reader, 0, i ? count - 6 : 0, count);
		strcpy(id, reader_last_id(&c->reader));
		reader_close(&c->reader);
		append_lines(&r, count, count + 1);
		count += 1;
	}
}

/* ---- cut anywhere */

/* A line of random length, often short, sometimes longer than a buffer. */
static void append_random_line(const struct responder *r, int number)
{
	static const char *const pieces[] = { "abcdefghij", "data: x ", "\r",
		"\xe2\x82\xac", "\xff\xfe", ": ", "\xf0\x9f\x90\xa7", "\t" };
	struct bytes line = BYTES_INIT;
	unsigned count =
		chance_below(10) ? chance_below(12) : chance_below(4000);

	bytes_add_format(&line, "%d ", number);
	for (unsigned i = 0; i < count; i++)
		bytes_add_text(&line, pieces[chance_below(8)]);
	bytes_add_text(&line, "\n");
	disk_append_bytes(r->log, line.data, line.len);
	bytes_release(&line);
}

/* What a browser has of a stream that was cut again and again. */
struct joined {
	struct reader_event *events;
	size_t count;
	char id[200];
};

static void join(struct joined *j, const struct reader *r)
{
	for (size_t i = 0; i < r->event_count; i++) {
		const struct reader_event *e = &r->events[i];
		struct reader_event *copy;

		j->events = reallocarray(
			j->events, j->count + 1, sizeof(*j->events));
		assert_non_null(j->events);
		copy = &j->events[j->count++];
		*copy = *e;
		copy->type = strdup(e->type);
		copy->id = strdup(e->id);
		copy->data = malloc(e->data_len + 1);
		assert_true(copy->type && copy->id && copy->data);
		memcpy(copy->data, e->data, e->data_len + 1);
	}
	if (reader_last_id(r)[0])
		strcpy(j->id, reader_last_id(r));
}

static void joined_release(struct joined *j)
{
	for (size_t i = 0; i < j->count; i++) {
		free(j->events[i].type);
		free(j->events[i].id);
		free(j->events[i].data);
	}
	free(j->events);
}

static bool same_event(
	const struct reader_event *a, const struct reader_event *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->id, b->id) == 0 &&
	       a->data_len == b->data_len &&
	       memcmp(a->data, b->data, a->data_len) == 0;
}

/* Reads up to `bytes` of a connection, or all there will be when `limit` says
 * that enough events came. */
static void read_part(
	struct reader *c, unsigned bytes, const struct joined *j, size_t limit)
{
	struct test_wait wait = test_wait_begin(
		__FILE__, __LINE__, "a part of a stream", test_limit_ms());

	while (c->received_bytes < bytes && !c->closed &&
		j->count + c->event_count < limit)
		if (reader_read(c, (size_t)(bytes - c->received_bytes)) == 0)
			test_wait_step(&wait);
}

/* Which program answers the next connection. */
typedef bool choose(int round);

static bool always_fcgi(int round)
{
	return round < 0;
}

static bool always_cgi(int round)
{
	return round >= 0;
}

static bool in_turn(int round)
{
	return round % 2;
}

static void cut_anywhere(choose *is_cgi)
{
	enum { LINES = 600 };
	struct joined j = { 0 };
	struct reader *whole;
	struct responder r;
	unsigned seed = chance_begin("TEST_SEED");
	int written = 0;
	int round = 0;

	responder_start(&r, &(struct responder_how){ .source = "history = 0;",
				    .settings = "ring = 65536;" });
	whole = &responder_follow(&r, NULL)->reader;
	while (j.count < LINES) {
		struct reader *c = open_program(&r, is_cgi(round++),
			&(struct ask){
				.last_event_id = j.id[0] ? j.id : NULL });

		c->tolerant = true; /* of being cut */
		reader_set_reading(c, false);
		/* The first has to come as far as its first block. */
		while (!j.id[0] && c->sse.checkpoints == 0)
			if (reader_read(c, 1) == 0)
				wait_quietly(1);
		for (unsigned n = chance_below(12); n && written < LINES; n--)
			append_random_line(&r, written++);
		/* All of what there is, or some: never more than comes. */
		read_part(c,
			chance_below(4) ? chance_below(3000)
					: chance_below(40000),
			&j, (size_t)written);
		join(&j, c);
		reader_close(c);
	}
	reader_wait_events(whole, LINES);
	print_message("%d connections\n", round);
	if (j.count != whole->event_count)
		fail_msg("%zu events, not %zu (seed %u)", j.count,
			whole->event_count, seed);
	for (size_t i = 0; i < j.count; i++)
		if (!same_event(&j.events[i], reader_event(whole, i)))
			fail_msg("event %zu differs (seed %u):\n%s %s\n%s %s",
				i, seed, j.events[i].id, j.events[i].data,
				reader_event(whole, i)->id,
				reader_event(whole, i)->data);
	joined_release(&j);
}

static void cut_anywhere_it_goes_on_under_fcgi(void **state)
{
	(void)state;
	cut_anywhere(always_fcgi);
}

static void cut_anywhere_it_goes_on_under_cgi(void **state)
{
	(void)state;
	cut_anywhere(always_cgi);
}

static void cut_anywhere_it_goes_on_under_both_in_turn(void **state)
{
	(void)state;
	cut_anywhere(in_turn);
}

/* ---- ids that lead nowhere */

enum { OLD = 30, HISTORY = 3 };

/* A gap, and the configured start: no byte of anything older. */
static void expect_gap_and_start(struct reader *c, const char *what)
{
	reader_expect_status(c, 200);
	if (!c->streams)
		fail_msg("%s: no stream", what);
	reader_expect_event(c, 0, "gap", NULL);
	const char *data = reader_event(c, 0)->data;
	/* What is known of the file that the id names, it may say. */
	if (!strstr(data, "{\"source\": \"log\", ") ||
		(!strstr(data, "unknown-id") && !strstr(data, "truncated") &&
			!strstr(data, "rotated")))
		fail_msg("%s: the gap says %s", what, data);
	/* It names the place after it. */
	assert_true(reader_event(c, 0)->id[0] != '\0');
	expect_lines(c, 1, OLD - HISTORY, OLD);
}

/* What a forger knows: the content, the algorithm, an id. */
static void forge(char out[200], const struct responder *r, const char *id,
	uint64_t offset, bool with_check)
{
	struct bytes content = BYTES_INIT;
	struct place p;
	char text[PLACE_TEXT_MAX];

	assert_int_equal(place_parse(id, &p, 1), 1);
	disk_read(&content, r->log);
	p.offset = offset;
	if (with_check) {
		size_t head = offset < PLACE_HEAD_BYTES ? (size_t)offset
							: PLACE_HEAD_BYTES;
		size_t last = offset < PLACE_LAST_BYTES ? (size_t)offset
							: PLACE_LAST_BYTES;

		assert_true(offset <= content.len);
		p.check = place_check(place_head_hash(content.data, head),
			content.data + offset - last, last, offset);
	}
	snprintf(out, 200, "%.*s", (int)place_format(text, &p), text);
	bytes_release(&content);
}

static void an_id_that_leads_nowhere_is_a_gap(void **state)
{
	struct {
		const char *what;
		char id[200];
	} cases[16];
	size_t count = 0;
	struct responder r;
	struct place p;
	char id[200], text[200];

	responder_start(
		&r, &(struct responder_how){ .source = "history = 3;" });
	append_lines(&r, 0, OLD);
	struct reader *first = open_as(&r, state, NULL);
	expect_lines(first, 0, OLD - HISTORY, OLD);
	strcpy(id, reader_event(first, 0)->id);
	assert_int_equal(place_parse(id, &p, 1), 1);

	/* The forger is right about the check, or this would prove nothing. */
	forge(text, &r, id, p.offset, true);
	assert_string_equal(text, id);

#define CASE(text) cases[count].what = text
	CASE("inside a line, with the right check");
	forge(cases[count++].id, &r, id, p.offset - 3, true);
	CASE("inside the first line, with the right check");
	forge(cases[count++].id, &r, id, 3, true);
	CASE("inside a line");
	forge(cases[count++].id, &r, id, p.offset - 3, false);
	CASE("past the end");
	forge(cases[count++].id, &r, id, 100000, false);
	CASE("at 2^63");
	forge(cases[count++].id, &r, id, UINT64_C(1) << 63, false);
	CASE("at 2^64 - 1");
	forge(cases[count++].id, &r, id, UINT64_MAX, false);
	CASE("at another line");
	forge(cases[count++].id, &r, id, p.offset - 8, false);
	CASE("wrong check");
	p.check ^= 1;
	snprintf(cases[count++].id, 200, "%.*s", (int)place_format(text, &p),
		text);
	p.check ^= 1;
	CASE("another source's");
	p.source ^= 1;
	snprintf(cases[count++].id, 200, "%.*s", (int)place_format(text, &p),
		text);
	p.source ^= 1;
	CASE("the start of a file that never was");
	p.offset = 0;
	p.file ^= 1;
	snprintf(cases[count++].id, 200, "%.*s", (int)place_format(text, &p),
		text);
	CASE("a number");
	strcpy(cases[count++].id, "17");
	CASE("a path");
	strcpy(cases[count++].id, "../../../../etc/passwd");
	CASE("a line break");
	snprintf(cases[count++].id, 200, "%.100s\r\ndata: x", id);
	CASE("blanks");
	snprintf(cases[count++].id, 200, " %.100s ", id + 1);
#undef CASE
	for (size_t i = 0; i < count; i++) {
		struct reader *c = open_as(&r, state,
			&(struct ask){ .last_event_id = cases[i].id });

		print_message("%s\n", cases[i].what);
		expect_gap_and_start(c, cases[i].what);
		reader_close(c);
	}
}

static void a_hostile_id_in_the_query_is_a_gap(void **state)
{
	struct bytes long_query = BYTES_INIT, broken = BYTES_INIT;
	struct responder r;
	char id[200];

	responder_start(
		&r, &(struct responder_how){ .source = "history = 3;" });
	append_lines(&r, 0, OLD);
	struct reader *first = open_as(&r, state, NULL);
	expect_lines(first, 0, OLD - HISTORY, OLD);
	strcpy(id, reader_event(first, 0)->id);

	bytes_add_text(&long_query, "lastEventId=");
	for (int i = 0; i < 10240; i++)
		bytes_add_byte(&long_query, "0123456789abcdef"[i % 16]);
	bytes_add_format(&broken, "lastEventId=%s%%00", id);
	const char *const queries[] = {
		long_query.data,
		broken.data,
		"lastEventId=%0d%0adata:%20x%0d%0a%0d%0a",
		"lastEventId=%00",
		"lastEventId=%ff%fe",
		"lastEventId=-",
		"lastEventId=--------------------------------------------",
	};
	for (size_t i = 0; i < sizeof(queries) / sizeof(*queries); i++) {
		struct reader *c = open_as(
			&r, state, &(struct ask){ .query = queries[i] });

		print_message("%.40s\n", queries[i]);
		expect_gap_and_start(c, queries[i]);
		assert_false(bytes_contain(&c->body, "x\r"));
		reader_close(c);
	}
	/* As a header as long as that. */
	struct reader *c = open_as(&r, state,
		&(struct ask){
			.last_event_id = strchr(long_query.data, '=') + 1 });
	expect_gap_and_start(c, "a header of 10 kB");
	bytes_release(&long_query);
	bytes_release(&broken);
}

/* The file is another one, and has other content. */
static void a_stale_id_is_a_gap_and_not_a_replay(void **state)
{
	struct responder r;
	char id[200];

	responder_start(
		&r, &(struct responder_how){ .source = "history = 3;" });
	for (int i = 0; i < 40; i++)
		disk_append(r.log, "before %d\n", i);
	struct reader *c = open_as(&r, state, NULL);
	reader_wait_data(c, "before 39");
	strcpy(id, reader_last_id(c));
	reader_close(c);
	/* With nobody there, so that it is a question of the id alone. */
	process_stop(r.process);
	disk_remove(r.log);
	append_lines(&r, 0, OLD);
	responder_run(&r, NULL);
	c = open_as(&r, state, &(struct ask){ .last_event_id = id });
	reader_expect_event(c, 0, "gap", NULL);
	expect_lines(c, 1, OLD - HISTORY, OLD);
}

/* What is resumed after a gap goes on, too: it is not told again. */
static void a_gap_is_told_once(void **state)
{
	struct responder r;
	char id[200];

	responder_start(
		&r, &(struct responder_how){ .source = "history = 3;" });
	append_lines(&r, 0, OLD);
	struct reader *c = open_as(
		&r, state, &(struct ask){ .last_event_id = "nonsense" });
	reader_expect_event(c, 0, "gap", NULL);
	strcpy(id, reader_event(c, 0)->id);
	reader_close(c);
	c = open_as(&r, state, &(struct ask){ .last_event_id = id });
	expect_lines(c, 0, OLD - HISTORY, OLD);
}

/* ---- each under both programs */

#define TEST(i, function)                                                      \
	{                                                                      \
#function " (" i ")", function, NULL, test_cleanup, NULL       \
	}
#define BOTH(function) TEST("fcgi", function), TEST("cgi", function)

int main(void)
{
	struct CMUnitTest tests[] = {
		BOTH(goes_on_exactly_after_any_event_in_each_form),
		BOTH(the_header_wins_over_the_query),
		BOTH(what_was_written_meanwhile_is_delivered_once),
		BOTH(a_cut_before_the_first_event_loses_nothing),
		BOTH(a_cut_before_there_is_a_file_loses_nothing),
		BOTH(goes_on_after_a_restart),
		BOTH(an_id_that_leads_nowhere_is_a_gap),
		BOTH(a_hostile_id_in_the_query_is_a_gap),
		BOTH(a_stale_id_is_a_gap_and_not_a_replay),
		BOTH(a_gap_is_told_once),
		cmocka_unit_test_teardown(
			goes_on_in_another_process, test_cleanup),
		cmocka_unit_test_teardown(
			cut_anywhere_it_goes_on_under_fcgi, test_cleanup),
		cmocka_unit_test_teardown(
			cut_anywhere_it_goes_on_under_cgi, test_cleanup),
		cmocka_unit_test_teardown(
			cut_anywhere_it_goes_on_under_both_in_turn,
			test_cleanup),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tests[i].initial_state = (void *)(uintptr_t)&programs[i % 2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
