/* What a client gets: pieces of each source, and ids that hold them all. */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/place.h"
#include "common/stream.h"
#include "tests/lib/disk.h"
#include "tests/lib/sse.h"

enum { LIMIT = 1000 };

static bool has_no_memory;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	if (!has_no_memory)
		return __real_realloc(old, size);
	errno = ENOMEM;
	return NULL;
}

struct stand {
	const char *folder;
	struct config *config;
	struct hub hub;
	struct studio *studio;
};

/* A client, and all that it was sent. */
struct client {
	struct stream stream;
	struct subscription subscriptions[REQUEST_SOURCES_MAX];
	struct buffer sent;
};

static void prepare(struct stand *s)
{
	struct config_faults faults = { 0 };
	const char *path;

	s->folder = disk_folder();
	path = disk_path(s->folder, "ssetail.conf");
	disk_write(path,
		"heartbeat = 1; retry = 1234;\n"
		"sources = (\n"
		"{ name = \"a\"; path = \"a.log\"; history = 3; },\n"
		"{ name = \"b\"; path = \"b.log\"; event = \"bee\"; },\n"
		"{ name = \"gap\"; path = \"c.log\"; },\n"
		"{ name = \"clock\"; type = \"clock\"; count = 2; } );\n");
	s->config = config_load(path, &faults);
	if (!s->config)
		config_faults_print(&faults, path);
	assert_non_null(s->config);
	config_faults_release(&faults);
	for (char c = 'a'; c <= 'c'; c++)
		disk_touch(disk_path(s->folder, "%c.log", c));
	assert_int_equal(hub_init(&s->hub, s->config), 0);
	s->studio = studio_new();
	assert_non_null(s->studio);
}

static void release(struct stand *s)
{
	studio_free(s->studio);
	hub_release(&s->hub);
	config_free(s->config);
}

static void write_to(struct stand *s, char log, const char *text)
{
	disk_append(disk_path(s->folder, "%c.log", log), "%s", text);
}

static void ignore(
	void *context, struct source *source, enum feed_outcome outcome)
{
	(void)context;
	(void)source;
	(void)outcome;
}

static void look(struct stand *s)
{
	hub_look(&s->hub, false, ignore, NULL);
}

struct asked {
	const char *path, *id, *query;
};

static const char *variable(const void *context, const char *name)
{
	const struct asked *a = context;

	if (strcmp(name, "REQUEST_METHOD") == 0)
		return "GET";
	if (strcmp(name, "PATH_INFO") == 0)
		return a->path;
	if (strcmp(name, "HTTP_LAST_EVENT_ID") == 0)
		return a->id;
	if (strcmp(name, "QUERY_STRING") == 0)
		return a->query;
	return NULL;
}

static void open_asked(struct stand *s, struct client *c, struct asked a)
{
	struct buffer answer = BUFFER_INIT;
	struct request request;
	struct route route;
	enum request_outcome outcome = request_read(&request, variable, &a);

	memset(c, 0, sizeof(*c));
	assert_true(hub_route(&s->hub, outcome, &request, &route, &answer));
	assert_int_equal(stream_open(&c->stream, &s->hub, c->subscriptions,
				 &route, &request, 0, c),
		STREAM_OPEN);
	stream_add_head(&c->stream, NULL, &c->sent);
	buffer_release(&answer);
}

static void open_client(
	struct stand *s, struct client *c, const char *path, const char *id)
{
	open_asked(s, c, (struct asked){ path, id, NULL });
}

static void close_client(struct client *c)
{
	stream_close(&c->stream);
	buffer_release(&c->sent);
}

/* Sends all that there is now. */
static void send_all(struct stand *s, struct client *c, int64_t now_ms)
{
	const struct output *output;
	int rounds = 0;

	while (stream_produce(
		&c->stream, s->studio, now_ms, -1, LIMIT, &output)) {
		size_t len = 0;

		for (size_t i = 0; i < output->count; i++)
			len += output->pieces[i].len;
		assert_int_equal(len, output->len);
		buffer_add(&c->sent, output->bytes, output->len);
		for (size_t i = 0; i < output->count; i++)
			stream_commit(&c->stream, s->studio, output, i);
		assert_true(++rounds < 10000);
	}
	assert_int_equal(output->outcome, FEED_NOTHING);
	assert_true(stream_is_current(&c->stream, now_ms));
}

struct seen {
	struct bytes text;
	struct bytes id; /* the last one */
};

static void see(void *context, const struct sse_event *e)
{
	struct seen *seen = context;

	bytes_add_format(&seen->text, "%s:%s ", e->type, e->data);
}

/* What a browser makes of all that was sent; its last id in *id. */
static void expect_events(
	const struct client *c, const char *expected, char id[200])
{
	struct seen seen = { BYTES_INIT, BYTES_INIT };
	struct sse sse;

	sse_init(&sse, see, &seen);
	sse_feed(&sse, c->sent.data, c->sent.len);
	assert_null(sse_fault(&sse));
	assert_string_equal(bytes_text(&seen.text), expected);
	if (id) {
		assert_true(sse.last_event_id.len < 200);
		strcpy(id, bytes_text(&sse.last_event_id));
	}
	sse_release(&sse);
	bytes_release(&seen.text);
	bytes_release(&seen.id);
}

/* ---- */

static void one_source_has_the_type_it_is_given(void **state)
{
	struct client a, b;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &a, "/a", NULL);
	open_client(&s, &b, "/b", NULL);
	write_to(&s, 'a', "1\n");
	write_to(&s, 'b', "2\n");
	look(&s);
	send_all(&s, &a, 0);
	send_all(&s, &b, 0);
	expect_events(&a, "message:1 ", NULL);
	expect_events(&b, "bee:2 ", NULL);
	close_client(&a);
	close_client(&b);
	release(&s);
}

/* With several, the type is the source's name; one that a reader would take
 * for an event of ours is set apart. */
static void of_several_sources_each_has_its_name(void **state)
{
	struct client c;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &c, "/a,b,gap", NULL);
	write_to(&s, 'a', "1\n");
	write_to(&s, 'b', "2\n");
	write_to(&s, 'c', "3\n");
	look(&s);
	send_all(&s, &c, 0);
	expect_events(&c, "a:1 bee:2 x-gap:3 ", NULL);
	close_client(&c);
	release(&s);
}

static void begins_with_the_id_of_its_start(void **state)
{
	char id[200], again[200];
	struct client c, later;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &c, "/a,b", NULL);
	assert_int_equal(c.sent.data[0], ':');
	expect_events(&c, "", id);
	close_client(&c);
	write_to(&s, 'a', "1\n");
	write_to(&s, 'b', "2\n");
	open_client(&s, &later, "/a,b", id);
	expect_events(&later, "", again);
	assert_string_equal(again, id);
	send_all(&s, &later, 0);
	expect_events(&later, "a:1 bee:2 ", NULL);
	close_client(&later);
	release(&s);
}

/* From every id of an interleaved stream: the rest of each source, once. */
static void an_id_holds_a_place_for_each_source(void **state)
{
	static const char *const steps[][2] = { { "a", "1\n" }, { "b", "2\n" },
		{ "b", "3\n" }, { "c", "4\n" }, { "a", "5\n" }, { "a", "6\n" },
		{ "c", "7\n" }, { "b", "8\n" } };
	static const char types[3][6] = { "a", "bee", "x-gap" };
	enum { STEPS = sizeof(steps) / sizeof(*steps) };
	char ids[STEPS + 1][200];
	struct client c;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &c, "/a,b,gap", NULL);
	expect_events(&c, "", ids[0]);
	for (size_t i = 0; i < STEPS; i++) {
		struct bytes so_far = BYTES_INIT;

		write_to(&s, steps[i][0][0], steps[i][1]);
		look(&s);
		send_all(&s, &c, 0);
		for (size_t j = 0; j <= i; j++)
			bytes_add_format(&so_far, "%s:%c ",
				types[steps[j][0][0] - 'a'], steps[j][1][0]);
		expect_events(&c, so_far.data, ids[i + 1]);
		assert_true(strlen(ids[i + 1]) <= PLACE_ID_BYTES);
		bytes_release(&so_far);
	}
	for (size_t i = 0; i <= STEPS; i++) {
		struct bytes rest = BYTES_INIT;
		struct client back;

		/* Each source in order, one source after the other. */
		for (char log = 'a'; log <= 'c'; log++)
			for (size_t j = i; j < STEPS; j++)
				if (steps[j][0][0] == log)
					bytes_add_format(&rest, "%s:%c ",
						types[log - 'a'],
						steps[j][1][0]);
		open_client(&s, &back, "/a,b,gap", ids[i]);
		send_all(&s, &back, 0);
		expect_events(&back, bytes_text(&rest), NULL);
		close_client(&back);
		bytes_release(&rest);
	}
	close_client(&c);
	release(&s);
}

static void a_source_that_was_added_starts_by_itself(void **state)
{
	char id[200];
	struct client c;
	struct stand s;

	(void)state;
	prepare(&s);
	write_to(&s, 'a', "1\n2\n3\n4\n5\n");
	write_to(&s, 'b', "6\n");
	open_client(&s, &c, "/b", NULL);
	send_all(&s, &c, 0);
	expect_events(&c, "bee:6 ", id);
	close_client(&c);
	write_to(&s, 'b', "7\n");
	/* the history of "a", and of "b" what is new */
	open_client(&s, &c, "/a,b", id);
	send_all(&s, &c, 0);
	expect_events(&c, "a:3 a:4 a:5 bee:7 ", NULL);
	close_client(&c);
	release(&s);
}

static void a_bad_id_is_a_gap_for_each(void **state)
{
	struct client c;
	struct stand s;

	(void)state;
	prepare(&s);
	write_to(&s, 'a', "1\n");
	open_client(&s, &c, "/a,b", "nonsense");
	send_all(&s, &c, 0);
	expect_events(&c,
		"gap:{\"source\": \"a\", \"reason\": \"unknown-id\", "
		"\"bytes\": null} "
		"gap:{\"source\": \"b\", \"reason\": \"unknown-id\", "
		"\"bytes\": null} a:1 ",
		NULL);
	close_client(&c);
	release(&s);
}

static void tail_is_how_much_of_the_past_comes(void **state)
{
	static const struct {
		const char *query, *expected;
	} cases[] = {
		{ NULL, "message:3 message:4 message:5 " },
		{ "tail=0", "" },
		{ "tail=1", "message:5 " },
		{ "tail=4", "message:2 message:3 message:4 message:5 " },
		{ "tail=99999",
			"message:1 message:2 message:3 message:4 message:5 " },
	};
	struct stand s;

	(void)state;
	prepare(&s);
	write_to(&s, 'a', "1\n2\n3\n4\n5\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct client c;

		open_asked(
			&s, &c, (struct asked){ "/a", NULL, cases[i].query });
		send_all(&s, &c, 0);
		expect_events(&c, cases[i].expected, NULL);
		close_client(&c);
	}
	release(&s);
}

/* Those who stand at the same place share what is made for one of them. */
static void streams_at_the_same_place_share_their_bytes(void **state)
{
	const struct output *one, *two, *three;
	uint64_t first, second;
	struct client a, b, c;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &a, "/a", NULL);
	open_client(&s, &b, "/a", NULL);
	open_client(&s, &c, "/a,b", NULL);
	send_all(&s, &a, 0);
	send_all(&s, &b, 0);
	send_all(&s, &c, 0);
	write_to(&s, 'a', "1\n2\n");
	look(&s);
	assert_true(stream_produce(&a.stream, s.studio, 0, -1, LIMIT, &one));
	first = one->number;
	stream_commit(&a.stream, s.studio, one, 0);
	assert_true(stream_produce(&b.stream, s.studio, 0, -1, LIMIT, &two));
	assert_int_equal(two->number, first);
	stream_commit(&b.stream, s.studio, two, 0);
	assert_true(stream_is_current(&a.stream, 0));
	assert_true(stream_is_current(&b.stream, 0));
	/* Another list of sources: other bytes. */
	assert_false(stream_is_current(&c.stream, 0));
	assert_true(stream_produce(&c.stream, s.studio, 0, -1, LIMIT, &three));
	second = three->number;
	assert_true(second != first);
	/* Another limit, too. */
	assert_true(stream_produce(&c.stream, s.studio, 0, -1, 1, &three));
	assert_true(three->number != second);
	close_client(&a);
	close_client(&b);
	close_client(&c);
	release(&s);
}

/* The line of one source is too long for the memory there is. */
static void stands_where_it_stood_when_there_is_no_memory(void **state)
{
	static char line[100000];
	const struct output *output;
	struct client c;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &c, "/a,b", NULL);
	send_all(&s, &c, 0);
	buffer_clear(&c.sent);
	memset(line, 'x', sizeof(line) - 1);
	write_to(&s, 'a', "short\n");
	write_to(&s, 'b', line);
	write_to(&s, 'b', "\n");
	look(&s);
	has_no_memory = true;
	for (int i = 0; i < 2; i++) {
		assert_false(stream_produce(
			&c.stream, s.studio, 0, -1, LIMIT, &output));
		assert_int_equal(output->outcome, FEED_FAILED);
		assert_int_equal(output->error, ENOMEM);
	}
	has_no_memory = false;
	send_all(&s, &c, 0);
	assert_non_null(memmem(c.sent.data, c.sent.len, "data: short\n", 12));
	assert_non_null(
		memmem(c.sent.data, c.sent.len, line, sizeof(line) - 1));
	close_client(&c);
	release(&s);
}

/* From the same place, but one of them ends. */
static void what_ends_is_not_shared_with_what_goes_on(void **state)
{
	const struct output *endless, *finite;
	struct client all, a, b;
	char ids[3][64], query[100];
	struct stand s;

	(void)state;
	prepare(&s);
	write_to(&s, 'a', "1\n2\n3\n");
	open_client(&s, &all, "/a", NULL);
	for (size_t i = 0; i < 3; i++) {
		struct buffer id = BUFFER_INIT;
		const struct output *one;

		assert_true(
			stream_produce(&all.stream, s.studio, 0, -1, 1, &one));
		stream_commit(&all.stream, s.studio, one, 0);
		feed_add_id(&all.subscriptions[0].source->feed,
			&all.subscriptions[0].as.follower.cursor, &id);
		snprintf(ids[i], sizeof(ids[i]), "%.*s", (int)id.len, id.data);
		buffer_release(&id);
	}
	snprintf(query, sizeof(query), "before=%s", ids[1]);
	open_client(&s, &a, "/a", ids[0]);
	open_asked(&s, &b, (struct asked){ "/a", ids[0], query });
	assert_true(
		stream_produce(&a.stream, s.studio, 0, -1, LIMIT, &endless));
	assert_non_null(memmem(endless->bytes, endless->len, "data: 3", 7));
	assert_true(stream_produce(&b.stream, s.studio, 0, -1, LIMIT, &finite));
	assert_non_null(memmem(finite->bytes, finite->len, "data: 2", 7));
	assert_null(memmem(finite->bytes, finite->len, "data: 3", 7));
	stream_commit(&b.stream, s.studio, finite, 0);
	assert_false(
		stream_produce(&b.stream, s.studio, 0, -1, LIMIT, &finite));
	assert_true(stream_is_over(&b.stream));
	/* Nor the other way round. */
	assert_true(
		stream_produce(&a.stream, s.studio, 0, -1, LIMIT, &endless));
	assert_non_null(memmem(endless->bytes, endless->len, "data: 3", 7));
	assert_false(stream_is_over(&a.stream));
	close_client(&all);
	close_client(&a);
	close_client(&b);
	release(&s);
}

/* A source that was closed and opened again is not the one that was. */
static void nothing_is_shared_with_what_was_before(void **state)
{
	const struct output *output;
	struct client a, b;
	uint64_t number;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &a, "/a", NULL);
	send_all(&s, &a, 0);
	write_to(&s, 'a', "1\n");
	look(&s);
	assert_true(stream_produce(&a.stream, s.studio, 0, -1, LIMIT, &output));
	number = output->number;
	close_client(&a);
	open_client(&s, &b, "/a", NULL);
	assert_true(stream_produce(&b.stream, s.studio, 0, -1, LIMIT, &output));
	assert_true(output->number != number);
	close_client(&b);
	release(&s);
}

/* The piece of one source, sent in part, comes again when asked for alone;
 * the others wait, and lose nothing. */
static void a_piece_comes_again_alone(void **state)
{
	struct buffer piece = BUFFER_INIT;
	const struct output *output;
	struct client c;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &c, "/a,b,gap", NULL);
	send_all(&s, &c, 0);
	write_to(&s, 'a', "1\n");
	write_to(&s, 'b', "2\n3\n");
	write_to(&s, 'c', "4\n");
	look(&s);
	assert_true(stream_produce(&c.stream, s.studio, 0, -1, LIMIT, &output));
	assert_int_equal(output->count, 3);
	/* The first was sent, and half of the second. */
	buffer_add(&c.sent, output->bytes, output->pieces[0].len);
	buffer_add(&piece, output->bytes + output->pieces[0].len,
		output->pieces[1].len);
	stream_commit(&c.stream, s.studio, output, 0);
	stream_promise(&c.stream, s.studio, output, 1);
	write_to(&s, 'a', "5\n");
	write_to(&s, 'b', "6\n");
	disk_rename(
		disk_path(s.folder, "b.log"), disk_path(s.folder, "b.log.1"));
	write_to(&s, 'b', "7\n");
	look(&s);
	assert_true(
		stream_produce(&c.stream, s.studio, 0, 1, piece.len, &output));
	assert_int_equal(output->count, 1);
	assert_int_equal(output->len, piece.len);
	assert_memory_equal(output->bytes, piece.data, piece.len);
	buffer_add(&c.sent, output->bytes, output->len);
	stream_commit(&c.stream, s.studio, output, 0);
	send_all(&s, &c, 0);
	expect_events(&c, "a:1 bee:2 bee:3 a:5 bee:6 x-gap:4 bee:7 ", NULL);
	close_client(&c);
	release(&s);
	buffer_release(&piece);
}

static void a_clock_ticks_among_the_others_and_ends(void **state)
{
	char id[200];
	struct client c;
	struct stand s;

	(void)state;
	prepare(&s);
	open_client(&s, &c, "/clock,a", NULL);
	send_all(&s, &c, 0);
	write_to(&s, 'a', "x\n");
	look(&s);
	send_all(&s, &c, 500);
	send_all(&s, &c, 1000);
	send_all(&s, &c, 9000);
	expect_events(&c, "clock:1 a:x clock:2 ", id);
	assert_false(stream_is_over(&c.stream));
	close_client(&c);
	/* It is over for those, too, who come back. */
	open_client(&s, &c, "/clock,a", id);
	write_to(&s, 'a', "y\n");
	look(&s);
	send_all(&s, &c, 0);
	expect_events(&c, "a:y ", NULL);
	close_client(&c);
	open_client(&s, &c, "/clock", "1");
	send_all(&s, &c, 0);
	expect_events(&c, "message:2 ", id);
	assert_string_equal(id, "2");
	assert_true(stream_is_over(&c.stream));
	close_client(&c);
	release(&s);
}

static void the_farewell_spreads_those_who_come_back(void **state)
{
	struct client c;
	struct stand s;
	bool differ = false;
	uint64_t before = 0;

	(void)state;
	prepare(&s);
	open_client(&s, &c, "/a", NULL);
	for (int i = 0; i < 100; i++) {
		struct sse sse;

		buffer_clear(&c.sent);
		stream_add_farewell(&c.stream, &c.sent);
		sse_init(&sse, NULL, NULL);
		sse_feed(&sse, c.sent.data, c.sent.len);
		assert_true(sse.has_retry);
		assert_true(sse.retry_ms >= 1234 && sse.retry_ms <= 2468);
		differ |= before && before != sse.retry_ms;
		before = sse.retry_ms;
		sse_release(&sse);
	}
	assert_true(differ);
	close_client(&c);
	release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			one_source_has_the_type_it_is_given, test_cleanup),
		cmocka_unit_test_teardown(
			of_several_sources_each_has_its_name, test_cleanup),
		cmocka_unit_test_teardown(
			begins_with_the_id_of_its_start, test_cleanup),
		cmocka_unit_test_teardown(
			an_id_holds_a_place_for_each_source, test_cleanup),
		cmocka_unit_test_teardown(
			a_source_that_was_added_starts_by_itself, test_cleanup),
		cmocka_unit_test_teardown(
			a_bad_id_is_a_gap_for_each, test_cleanup),
		cmocka_unit_test_teardown(
			tail_is_how_much_of_the_past_comes, test_cleanup),
		cmocka_unit_test_teardown(
			streams_at_the_same_place_share_their_bytes,
			test_cleanup),
		cmocka_unit_test_teardown(
			stands_where_it_stood_when_there_is_no_memory,
			test_cleanup),
		cmocka_unit_test_teardown(
			what_ends_is_not_shared_with_what_goes_on,
			test_cleanup),
		cmocka_unit_test_teardown(
			nothing_is_shared_with_what_was_before, test_cleanup),
		cmocka_unit_test_teardown(
			a_piece_comes_again_alone, test_cleanup),
		cmocka_unit_test_teardown(
			a_clock_ticks_among_the_others_and_ends, test_cleanup),
		cmocka_unit_test_teardown(
			the_farewell_spreads_those_who_come_back, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
