/*
 * Several sources on one connection: one id holds a place in each of them,
 * and each goes on exactly there, whatever was interleaved.
 */
#include "tests/lib/test.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/place.h"
#include "tests/lib/chance.h"
#include "tests/lib/disk.h"
#include "tests/lib/site.h"

#define ID_BYTES 200 /* more than any id has */
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* What crosses origins without a preflight, and a query without escapes. */
static void expect_id_is_safe(const char *id)
{
	size_t len = strlen(id);

	assert_in_range(len, 1, PLACE_ID_BYTES);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)id[i]) && !strchr("._~-", id[i]))
			fail_msg("'%c' in the id %s", id[i], id);
}

static void expect_ids_are_safe(struct reader *r)
{
	for (size_t i = 0; i < r->event_count; i++)
		expect_id_is_safe(reader_event(r, i)->id);
	if (reader_last_id(r)[0])
		expect_id_is_safe(reader_last_id(r));
}

/* How many places of that source an id holds. */
static int places_of(const char *id, const char *name)
{
	struct place places[16];
	int count = place_parse(id, places, COUNT(places));
	int found = 0;

	if (count < 0)
		fail_msg("'%s' is no id", id);
	for (int i = 0; i < count; i++)
		found += places[i].source == place_source_tag(name);
	return found;
}

static void expect_one_place_of_each(const char *id, const char *names)
{
	for (; *names; names++)
		assert_int_equal(
			places_of(id, (const char[]){ *names, '\0' }), 1);
}

/* Sources of files with these names, each followed from its end. */
static void configure(struct site *s, const char *keys, const char *names)
{
	struct bytes text = BYTES_INIT;

	for (const char *n = names; *n; n++)
		bytes_add_format(&text,
			"%s{ name = \"%c\"; path = \"%c.log\"; %s }",
			n == names ? "" : ", ", *n, *n, keys);
	site_configure(
		s, "ring = 65536;\nsources = ( %s );\n", bytes_text(&text));
	bytes_release(&text);
	for (const char *n = names; *n; n++)
		disk_touch(disk_path(s->folder, "%c.log", *n));
}

static const char *log_of(const struct site *s, char name)
{
	return disk_path(s->folder, "%c.log", name);
}

static struct reader *open_path(
	struct site *s, const char *path, const char *id)
{
	struct reader *r = site_open(
		s, &(struct ask){ .path = path,
			   .last_event_id = id && id[0] ? id : NULL });

	wait_for(r->sse.checkpoints > 0);
	return r;
}

/* Takes the last id over, and closes. */
static void leave(struct site *s, struct reader *r, char id[ID_BYTES])
{
	expect_ids_are_safe(r);
	assert_in_range(strlen(reader_last_id(r)), 0, ID_BYTES - 1);
	if (reader_last_id(r)[0])
		strcpy(id, reader_last_id(r));
	site_close(s, r);
}

/* The data of all events of a type, each followed by a blank. */
static void expect_texts(struct reader *r, const char *type, const char *texts)
{
	struct bytes all = BYTES_INIT;

	for (size_t i = 0; i < r->event_count; i++)
		if (strcmp(reader_event(r, i)->type, type) == 0)
			bytes_add_format(&all, "%s ", reader_event(r, i)->data);
	assert_string_equal(bytes_text(&all), texts);
	bytes_release(&all);
}

/* Appends a last line to a source, waits for it, and compares all events of
 * that source: an event after it cannot be one that is missing. */
static void expect_through(
	struct site *s, struct reader *r, char name, const char *texts)
{
	const char type[] = { name, '\0' };
	const char *last = strrchr(texts, ' ');
	const char *start = last;
	char text[100];

	while (start > texts && start[-1] != ' ')
		start--;
	snprintf(text, sizeof(text), "%.*s", (int)(last - start), start);
	disk_append(log_of(s, name), "%s\n", text);
	reader_wait_data(r, text);
	expect_texts(r, type, texts);
}

/* ---- cut anywhere */

/* "NUMBER xxxx": often short, sometimes longer than a piece. */
static void append_random_line(const char *path, int number)
{
	struct bytes line = BYTES_INIT;
	unsigned len =
		chance_below(20) ? chance_below(120) : chance_below(30000);

	bytes_add_format(&line, "%d ", number);
	while (line.len < len)
		bytes_add_byte(&line, 'a' + (int)(line.len % 26));
	bytes_add_byte(&line, '\n');
	disk_append_bytes(path, line.data, line.len);
	bytes_release(&line);
}

struct cut {
	struct site *site;
	int written[3];
	int received[3];
	int ticks;
	char id[ID_BYTES];
};

static int received_in_all(const struct cut *c)
{
	return c->received[0] + c->received[1] + c->received[2];
}

static int written_in_all(const struct cut *c)
{
	return c->written[0] + c->written[1] + c->written[2];
}

/* A client that gets some bytes, and is gone. */
static void read_some_and_leave(struct cut *c)
{
	unsigned bytes =
		chance_below(4) ? chance_below(3000) : chance_below(200000);
	struct test_wait wait = test_wait_begin(
		__FILE__, __LINE__, "a part of a stream", test_limit_ms());
	struct reader *r = site_open(
		c->site, &(struct ask){ .path = "/a,b,tick,c",
				 .last_event_id = c->id[0] ? c->id : NULL });

	r->tolerant = true; /* of being cut */
	reader_set_reading(r, false);
	/* The first has to come as far as its first id. */
	while (r->received_bytes < bytes ||
		(!c->id[0] && r->sse.checkpoints == 0)) {
		size_t left = r->received_bytes < bytes
				      ? (size_t)(bytes - r->received_bytes)
				      : 1;

		if ((int)r->event_count >=
			written_in_all(c) - received_in_all(c) + 20)
			break;
		if (reader_read(r, left) == 0)
			test_wait_step(&wait);
	}
	for (size_t i = 0; i < r->event_count; i++) {
		const struct reader_event *e = reader_event(r, i);
		int number = atoi(e->data);
		int *next = strlen(e->type) == 1
				    ? &c->received[e->type[0] - 'a']
				    : &c->ticks;

		if (strcmp(e->type, "tick") == 0)
			number--; /* a clock counts from 1 */
		if (number != *next)
			fail_msg("%s: %.40s after %d of them", e->type, e->data,
				*next);
		++*next;
	}
	leave(c->site, r, c->id);
}

static void cut_anywhere_each_goes_on_exactly(void **state)
{
	enum { LINES = 800 };
	struct site *s = *state;
	struct cut c = { .site = s };
	int rounds = 0;

	chance_begin("TEST_SEED");
	site_configure(s, "ring = 65536;\nsources = (\n"
			  "{ name = \"a\"; path = \"a.log\"; history = 0; },\n"
			  "{ name = \"b\"; path = \"b.log\"; history = 0; },\n"
			  "{ name = \"c\"; path = \"c.log\"; history = 0; },\n"
			  "{ name = \"tick\"; type = \"clock\";\n"
			  "  interval = 0.01; } );\n");
	for (char name = 'a'; name <= 'c'; name++)
		disk_touch(log_of(s, name));
	while (received_in_all(&c) < LINES) {
		for (unsigned n = chance_below(16);
			c.id[0] && n && written_in_all(&c) < LINES; n--) {
			/* One chats, another says little. */
			unsigned i = chance_below(10);

			i = i < 7 ? 0 : i < 9 ? 1 : 2;
			append_random_line(
				log_of(s, (char)('a' + i)), c.written[i]++);
		}
		s->program = rounds++ % 2 ? SITE_CGI : SITE_FCGI;
		read_some_and_leave(&c);
	}
	print_message("%d connections, lines %d %d %d, %d ticks\n", rounds,
		c.received[0], c.received[1], c.received[2], c.ticks);
	assert_memory_equal(c.received, c.written, sizeof(c.written));
}

/* ---- one id for all */

/* A file of exactly that size: a hole, and at its end three lines. */
static void make_sparse(const char *path, char name, off_t size)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "\n%c-one\n%c-two\n%c-three\n",
		name, name, name);

	disk_write(path, "%s", "");
	disk_truncate(path, size - len);
	disk_append_bytes(path, text, (size_t)len);
}

static void four_sources_of_a_tebibyte_fit_an_id(void **state)
{
	static const off_t sizes[] = { ((off_t)1 << 40) - 64,
		((off_t)1 << 40) - 64, ((off_t)1 << 39) + 3,
		((off_t)1 << 40) - 64 };
	struct site *s = *state;
	char id[ID_BYTES] = "";
	struct reader *r;

	configure(s, "history = 2;", "abcd");
	for (size_t i = 0; i < 4; i++)
		make_sparse(
			log_of(s, (char)('a' + i)), (char)('a' + i), sizes[i]);
	r = open_path(s, "/a,b,c,d", NULL);
	reader_wait_events(r, 8);
	expect_texts(r, "a", "a-two a-three ");
	expect_texts(r, "d", "d-two d-three ");
	leave(s, r, id);
	assert_in_range(strlen(id), 127, 127);
	r = open_path(s, "/a,b,c,d", id);
	for (char name = 'a'; name <= 'd'; name++) {
		char texts[40];

		snprintf(texts, sizeof(texts), "%c-four ", name);
		expect_through(s, r, name, texts);
	}
	assert_int_equal(r->event_count, 4);
	leave(s, r, id);
	/* And the same in another order of the same sources. */
	r = open_path(s, "/d,b,a,c", id);
	for (char name = 'a'; name <= 'd'; name++) {
		char texts[40];

		snprintf(texts, sizeof(texts), "%c-five ", name);
		expect_through(s, r, name, texts);
	}
	assert_int_equal(r->event_count, 4);
	expect_ids_are_safe(r);
}

static void one_that_is_added_later_starts_as_configured(void **state)
{
	struct site *s = *state;
	char id[ID_BYTES] = "";
	struct reader *r;

	configure(s, "history = 2;", "abc");
	disk_append(log_of(s, 'a'), "a1\na2\na3\n");
	disk_append(log_of(s, 'b'), "b1\nb2\nb3\n");
	disk_append(log_of(s, 'c'), "c1\nc2\nc3\n");
	r = open_path(s, "/a", NULL);
	reader_wait_events(r, 2);
	expect_texts(r, "message", "a2 a3 ");
	leave(s, r, id);

	disk_append(log_of(s, 'a'), "a4\n");
	disk_append(log_of(s, 'b'), "b4\n");
	r = open_path(s, "/a,b", id);
	reader_wait_events(r, 3);
	expect_through(s, r, 'b', "b3 b4 b5 ");
	expect_through(s, r, 'a', "a4 a5 ");
	assert_int_equal(r->event_count, 5);
	leave(s, r, id);

	disk_append(log_of(s, 'a'), "a6\n");
	disk_append(log_of(s, 'b'), "b6\n");
	r = open_path(s, "/c,b,a", id);
	expect_through(s, r, 'a', "a6 a7 ");
	expect_through(s, r, 'b', "b6 b7 ");
	expect_through(s, r, 'c', "c2 c3 c4 ");
	assert_int_equal(r->event_count, 7);
	leave(s, r, id);

	/* One that is left out later: the others go on. */
	disk_append(log_of(s, 'b'), "b8\n");
	r = open_path(s, "/b", id);
	disk_append(log_of(s, 'b'), "b9\n");
	reader_wait_data(r, "b9");
	expect_texts(r, "message", "b8 b9 ");
	assert_int_equal(r->event_count, 2);
}

static void one_that_is_unknown_is_refused_like_any(void **state)
{
	static const char *const paths[] = { "/a,nobody", "/nobody,a",
		"/a,b,nobody,c", "/a,a.log", "/nobody,noone" };
	struct site *s = *state;
	struct reader *usual;

	configure(s, "history = 2;", "abc");
	disk_append(log_of(s, 'a'), "a1\n");
	usual = site_open_path(s, "/nobody");
	reader_wait_end(usual);
	assert_int_equal(usual->status, 404);
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct reader *r = site_open_path(s, paths[i]);

		reader_wait_end(r);
		if (strcmp(bytes_text(&r->head), bytes_text(&usual->head)) ||
			strcmp(bytes_text(&r->body), bytes_text(&usual->body)))
			fail_msg("%s: another answer: %s%s", paths[i],
				bytes_text(&r->head), bytes_text(&r->body));
		site_close(s, r);
	}
}

/* ---- events tell their source */

static void an_event_has_the_name_of_its_source_or_its_own_type(void **state)
{
	static const struct {
		const char *name, *event, *type, *alone;
	} rows[] = {
		{ "plain", NULL, "plain", "message" },
		{ "named", "access", "access", "access" },
		{ "error", NULL, "x-error", "message" },
		{ "gap", NULL, "x-gap", "message" },
		{ "waiting", NULL, "x-waiting", "message" },
		{ "busy", NULL, "x-busy", "message" },
		{ "open", NULL, "x-open", "message" },
		{ "message", NULL, "message", "message" },
		{ "Gap", NULL, "Gap", "message" },
		{ "x-gap", NULL, "x-gap", "message" },
		{ "0.a_B-z", "two w\xc3\xb6rds", "two w\xc3\xb6rds",
			"two w\xc3\xb6rds" },
	};
	struct bytes text = BYTES_INIT, path = BYTES_INIT;
	struct site *s = *state;
	struct reader *r;

	for (size_t i = 0; i < COUNT(rows); i++) {
		bytes_add_format(&text, "%s{ name = \"%s\"; path = \"%zu\"; ",
			i ? ", " : "", rows[i].name, i);
		if (rows[i].event)
			bytes_add_format(
				&text, "event = \"%s\"; ", rows[i].event);
		bytes_add_text(&text, "}");
		bytes_add_format(&path, "%s%s", i ? "," : "/", rows[i].name);
		disk_write(disk_path(s->folder, "%zu", i), "line %zu\n", i);
	}
	site_configure(s, "sources = ( %s );\n", text.data);
	r = site_open_path(s, path.data);
	reader_wait_events(r, COUNT(rows));
	assert_int_equal(r->event_count, COUNT(rows));
	for (size_t i = 0; i < COUNT(rows); i++) {
		char data[20], alone[80];

		snprintf(data, sizeof(data), "line %zu", i);
		assert_true(reader_find_event(r, 0, rows[i].type, data) >= 0);
		snprintf(alone, sizeof(alone), "/%s", rows[i].name);
		struct reader *one = site_open_path(s, alone);
		reader_expect_event(one, 0, rows[i].alone, data);
		site_close(s, one);
	}
	bytes_release(&text);
	bytes_release(&path);
}

/* ---- what we say has a place in each of them, too */

static void waiting_and_gap_hold_the_places_of_all(void **state)
{
	struct site *s = *state;
	char id[ID_BYTES] = "";
	struct reader *r;
	size_t at;

	configure(s, "history = 10;", "abc");
	disk_append(log_of(s, 'a'), "a1\n");
	disk_append(log_of(s, 'c'), "c1\n");
	disk_remove(log_of(s, 'b'));
	r = open_path(s, "/a,b,c", NULL);
	at = reader_wait_data(r, "{\"source\": \"b\", \"reason\": \"absent\"}");
	reader_expect_event(r, at, "waiting", NULL);
	expect_one_place_of_each(reader_event(r, at)->id, "abc");
	reader_wait_events(r, 3);
	leave(s, r, id);

	/* It appears, and the others were not waited for. */
	disk_append(log_of(s, 'a'), "a2\n");
	disk_append(log_of(s, 'b'), "b1\nb2\n");
	r = open_path(s, "/a,b,c", id);
	expect_through(s, r, 'c', "c2 ");
	expect_through(s, r, 'a', "a2 a3 ");
	expect_through(s, r, 'b', "b1 b2 b3 ");
	assert_int_equal(r->event_count, 6);
	leave(s, r, id);

	/* One of them is overwritten: the gap is its own alone. */
	disk_write(log_of(s, 'b'), "new1\n");
	disk_append(log_of(s, 'a'), "a4\n");
	r = open_path(s, "/a,b,c", id);
	at = reader_wait_data(r, "{\"source\": \"b\", "
				 "\"reason\": \"truncated\", \"bytes\": null}");
	reader_expect_event(r, at, "gap", NULL);
	expect_one_place_of_each(reader_event(r, at)->id, "abc");
	expect_through(s, r, 'c', "c3 ");
	expect_through(s, r, 'a', "a4 a5 ");
	expect_through(s, r, 'b', "new1 new2 ");
	assert_int_equal(r->event_count, 6);
	leave(s, r, id);

	/* Whoever was cut there goes on behind it, and behind the others. */
	r = open_path(s, "/a,b,c", id);
	expect_through(s, r, 'a', "a6 ");
	expect_through(s, r, 'b', "new3 ");
	expect_through(s, r, 'c', "c4 ");
	assert_int_equal(r->event_count, 3);
}

/* ---- rotation */

/* Renames the log of a source, which somebody goes on writing to. */
static int rotate(const struct site *s, char name)
{
	int writer = open(log_of(s, name), O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(writer >= 0);
	disk_rename(log_of(s, name), disk_path(s->folder, "%c.log.1", name));
	disk_touch(log_of(s, name));
	return writer;
}

static void write_late(int writer, const char *text)
{
	assert_int_equal(
		write(writer, text, strlen(text)), (ssize_t)strlen(text));
}

static void two_places_of_a_source_fit_beside_another(void **state)
{
	struct site *s = *state;
	char id[ID_BYTES] = "";
	struct reader *r;

	configure(s, "history = 0;", "ab");
	disk_append(log_of(s, 'a'), "a0\n");
	r = open_path(s, "/a,b", NULL);
	int writer = rotate(s, 'a');
	expect_through(s, r, 'a', "a1 ");
	assert_int_equal(places_of(reader_last_id(r), "a"), 2);
	write_late(writer, "late1\n");
	reader_wait_data(r, "late1");
	expect_through(s, r, 'b', "b1 ");
	leave(s, r, id);
	write_late(writer, "late2\n");
	disk_append(log_of(s, 'a'), "a2\n");
	r = open_path(s, "/b,a", id);
	reader_wait_data(r, "late2");
	reader_wait_data(r, "a2");
	expect_through(s, r, 'b', "b2 ");
	assert_int_equal(r->event_count, 3);
	close(writer);
}

static void where_an_id_is_full_a_late_line_is_a_gap(void **state)
{
	struct site *s = *state;
	char id[ID_BYTES] = "";
	struct reader *four, *alone;
	size_t at;

	configure(s, "history = 0;", "abcd");
	for (char name = 'a'; name <= 'd'; name++)
		make_sparse(log_of(s, name), name, ((off_t)1 << 40) - 64);
	four = open_path(s, "/a,b,c,d", NULL);
	alone = open_path(s, "/b", NULL);
	int writer = rotate(s, 'b');
	expect_through(s, four, 'b', "b1 ");
	reader_wait_data(alone, "b1");
	assert_int_equal(places_of(reader_last_id(alone), "b"), 2);
	assert_int_equal(places_of(reader_last_id(four), "b"), 1);

	write_late(writer, "late\n");
	reader_wait_data(alone, "late");
	at = reader_wait_data(four, "{\"source\": \"b\", "
				    "\"reason\": \"late\", \"bytes\": 5}");
	reader_expect_event(four, at, "gap", NULL);
	expect_one_place_of_each(reader_event(four, at)->id, "abcd");
	expect_through(s, four, 'd', "d1 ");
	expect_through(s, four, 'b', "b1 b2 ");
	assert_int_equal(four->event_count, 4);
	leave(s, four, id);
	four = open_path(s, "/a,b,c,d", id);
	expect_through(s, four, 'a', "a1 ");
	expect_through(s, four, 'b', "b3 ");
	assert_int_equal(four->event_count, 2);
	expect_ids_are_safe(alone);
	close(writer);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TEST(cut_anywhere_each_goes_on_exactly),
		SITE_TESTS(four_sources_of_a_tebibyte_fit_an_id),
		SITE_TESTS(one_that_is_added_later_starts_as_configured),
		SITE_TESTS(one_that_is_unknown_is_refused_like_any),
		SITE_TESTS(an_event_has_the_name_of_its_source_or_its_own_type),
		SITE_TESTS(waiting_and_gap_hold_the_places_of_all),
		SITE_TESTS(two_places_of_a_source_fit_beside_another),
		SITE_TESTS(where_an_id_is_full_a_late_line_is_a_gap),
	};

	return cmocka_run_group_tests_name("several", tests, NULL, NULL);
}
