/*
 * What comes next for a cursor: the same bytes whenever it is asked, from the
 * ring and from the file alike, and from every id just what comes after it.
 */
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/feed.h"
#include "tests/lib/disk.h"
#include "tests/lib/sse.h"

struct stand {
	const char *folder;
	char *path;
	struct source_config config;
	struct feed_scratch scratch;
	struct feed feed;
	struct follower follower;
};

static const struct feed_view alone = { true, NULL, "", "", PLACE_ID_BYTES,
	NULL };
static const struct feed_view among = { false, "log", "AAAA.1-", "-BBBB.22", 60,
	NULL };

static char source_name[] = "log";

static void prepare(struct stand *s, size_t ring_bytes)
{
	memset(s, 0, sizeof(*s));
	s->folder = disk_folder();
	s->path = strdup(disk_path(s->folder, "app.log"));
	s->config = (struct source_config){
		.name = source_name,
		.type = SOURCE_FILE,
		.path = s->path,
		.history = 10,
		.history_max = 1000,
		.max_line_bytes = 1024,
	};
	feed_init(&s->feed, &s->config, &s->scratch, NULL, ring_bytes);
}

static void release(struct stand *s)
{
	feed_release(&s->feed);
	buffer_release(&s->scratch.window);
	buffer_release(&s->scratch.text);
	free(s->path);
}

static void follow(
	struct stand *s, struct follower *f, const char *id, uint32_t records)
{
	struct place places[CURSOR_PLACES_MAX];
	int count = id ? place_parse(id, places, CURSOR_PLACES_MAX) : 0;

	assert_int_equal(
		feed_follow(&s->feed, f, places, count > 0 ? (size_t)count : 0,
			count < 0, records),
		FEED_NOTHING);
}

static void look(struct stand *s)
{
	while (feed_look(&s->feed, false) == FEED_MORE)
		;
}

static const char *sibling(const struct stand *s, int n)
{
	return disk_path(s->folder, "app.log.%d", n);
}

static void append_lines(const char *path, int from, int to, int len)
{
	struct bytes text = BYTES_INIT;

	for (int i = from; i < to; i++)
		bytes_add_format(
			&text, "%06d%*s\n", i, len ? i * 7 % len : 0, "");
	disk_append_bytes(path, text.data, text.len);
	bytes_release(&text);
}

/* ---- what a browser makes of it */

struct seen {
	struct bytes text; /* of one event each line */
	struct bytes ids;  /* the id after each event, one a line */
};

static void see(void *context, const struct sse_event *e)
{
	struct seen *seen = context;

	bytes_add_format(&seen->text, "%s ", e->type);
	bytes_add(&seen->text, e->data, e->data_len);
	bytes_add_text(&seen->text, "\n");
	bytes_add_format(&seen->ids, "%s\n", e->id);
}

static void read_events(struct seen *seen, const struct buffer *b)
{
	struct sse sse;

	memset(seen, 0, sizeof(*seen));
	sse_init(&sse, see, seen);
	sse_feed(&sse, b->data, b->len);
	assert_null(sse_fault(&sse));
	sse_release(&sse);
}

static void release_seen(struct seen *seen)
{
	bytes_release(&seen->text);
	bytes_release(&seen->ids);
}

/* ---- producing */

static bool same(const struct buffer *a, const struct buffer *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void assert_same(const struct buffer *a, const struct buffer *b)
{
	if (!same(a, b))
		fail_msg("%zu bytes:\n%.*s\n%zu bytes:\n%.*s", a->len,
			(int)a->len, a->data, b->len, (int)b->len, b->data);
}

/* One piece, made three times: again, and with just the limit it reached. */
static enum feed_outcome produce_thrice(struct stand *s,
	const struct feed_view *view, struct cursor *c, size_t limit,
	struct buffer *out)
{
	struct buffer first = BUFFER_INIT, other = BUFFER_INIT;
	struct cursor to, again;
	enum feed_outcome outcome =
		feed_produce(&s->feed, view, c, &to, limit, &first);

	assert_int_equal(feed_produce(&s->feed, view, c, &again, limit, &other),
		outcome);
	assert_same(&other, &first);
	assert_memory_equal(&to, &again, sizeof(to));
	if (first.len > 0) {
		buffer_clear(&other);
		feed_produce(&s->feed, view, c, &again, first.len, &other);
		assert_same(&other, &first);
		assert_memory_equal(&to, &again, sizeof(to));
	}
	buffer_add(out, first.data, first.len);
	*c = to;
	buffer_release(&first);
	buffer_release(&other);
	return outcome;
}

static void collect(struct stand *s, const struct feed_view *view,
	struct cursor *c, size_t limit, struct buffer *out)
{
	enum feed_outcome outcome;
	int rounds = 0;

	do {
		outcome = produce_thrice(s, view, c, limit, out);
		assert_true(++rounds < 100000);
	} while (outcome == FEED_BYTES || outcome == FEED_MORE);
	assert_int_equal(outcome, FEED_NOTHING);
}

static const size_t limits[] = { 1, 60, 61, 200, 1000, FEED_PIECE_BYTES };

#define LIMITS (sizeof(limits) / sizeof(*limits))

static void write_all_sorts(struct stand *s)
{
	char nuls[700] = "";
	char longer[5000];

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\n';
	append_lines(s->path, 0, 50, 90);
	disk_append_bytes(s->path, nuls, sizeof(nuls));
	append_lines(s->path, 50, 60, 0);
	disk_append_bytes(s->path, longer, sizeof(longer));
	append_lines(s->path, 60, 70, 300);
	disk_append(s->path, "\n\r\n  \ncr\rlf\r\n\xff\xfe\n");
	append_lines(s->path, 70, 90, 30);
	disk_append(s->path, "unfinished");
}

/* The whole of it through one cursor: what it is does not depend on how it
 * is cut, nor on where it comes from. */
static void ring_and_file_give_the_same_bytes(void **state)
{
	static const struct feed_view *const views[] = { &alone, &among };

	(void)state;
	for (size_t v = 0; v < 2; v++) {
		struct buffer whole = BUFFER_INIT, other = BUFFER_INIT;
		struct cursor start, c;
		struct stand s;

		prepare(&s, 1u << 20);
		disk_touch(s.path);
		follow(&s, &s.follower, NULL, 10);
		collect(&s, views[v], &s.follower.cursor, 1000, &whole);
		assert_int_equal(whole.len, 0);
		start = s.follower.cursor;
		assert_true(start.ring > 0);
		write_all_sorts(&s);
		look(&s);
		for (size_t i = 0; i < LIMITS; i++) {
			c = start;
			buffer_clear(&other);
			collect(&s, views[v], &c, limits[i], &other);
			if (i == 0)
				buffer_add(&whole, other.data, other.len);
			assert_same(&other, &whole);

			/* as one whom the ring has overtaken */
			c = start;
			c.ring = 0;
			buffer_clear(&other);
			collect(&s, views[v], &c, limits[i], &other);
			assert_same(&other, &whole);
			assert_true(c.ring > 0);
		}
		feed_leave(&s.feed, &s.follower);
		release(&s);
		buffer_release(&whole);
		buffer_release(&other);
	}
}

/* A piece of a record that is larger than the limit, and one of nothing. */
static void a_piece_is_at_most_the_limit_or_one_record(void **state)
{
	struct buffer out = BUFFER_INIT;
	struct stand s;

	(void)state;
	prepare(&s, 1u << 20);
	write_all_sorts(&s);
	follow(&s, &s.follower, NULL, 1000);
	for (size_t i = 0; i < LIMITS; i++) {
		struct cursor c = s.follower.cursor, to;
		enum feed_outcome outcome;

		for (;;) {
			struct seen seen;

			buffer_clear(&out);
			outcome = feed_produce(
				&s.feed, &alone, &c, &to, limits[i], &out);
			if (outcome != FEED_BYTES)
				break;
			read_events(&seen, &out);
			if (out.len > limits[i]) {
				size_t events = 0;

				for (size_t j = 0; j < seen.ids.len; j++)
					events += seen.ids.data[j] == '\n';
				/* A long line comes with its gap. */
				assert_true(events <= 2);
			}
			release_seen(&seen);
			c = to;
		}
		assert_int_equal(outcome, FEED_NOTHING);
	}
	feed_leave(&s.feed, &s.follower);
	release(&s);
	buffer_release(&out);
}

/* ---- a piece that was sent in part */

enum after { MORE_LINES, RENAMED, RENAMED_TWICE, COPIED, RESTED };

static void let_time_pass(struct stand *s, enum after what)
{
	switch (what) {
	case MORE_LINES:
		append_lines(s->path, 1000, 9000, 90);
		break;
	case RENAMED_TWICE:
		append_lines(s->path, 1000, 1100, 90);
		disk_rename(s->path, sibling(s, 1));
		append_lines(s->path, 2000, 2100, 90);
		look(s);
		disk_rename(sibling(s, 1), sibling(s, 2));
		disk_rename(s->path, sibling(s, 1));
		append_lines(s->path, 3000, 9000, 90);
		break;
	case RENAMED:
		disk_rename(s->path, sibling(s, 1));
		append_lines(s->path, 2000, 9000, 90);
		break;
	case COPIED:
		append_lines(s->path, 1000, 1100, 90);
		disk_copy(s->path, sibling(s, 1));
		disk_truncate(s->path, 0);
		append_lines(s->path, 2000, 9000, 90);
		break;
	case RESTED:
		break;
	}
	look(s);
	/* Files that nobody needs any more go. */
	feed_look(&s->feed, true);
}

static void check_promise(enum after what, const struct feed_view *view,
	size_t limit, bool from_ring, size_t skip)
{
	struct buffer piece = BUFFER_INIT, again = BUFFER_INIT;
	struct cursor to, from;
	struct stand s;

	/* 64 KiB hold the lines at first, and not what comes then. */
	prepare(&s, 65536);
	disk_touch(s.path);
	follow(&s, &s.follower, NULL, 10);
	feed_produce(&s.feed, view, &s.follower.cursor, &to, limit, &piece);
	s.follower.cursor = to;
	append_lines(s.path, 0, 100, 90);
	look(&s);
	if (!from_ring)
		s.follower.cursor.ring = 0;
	for (size_t i = 0; i <= skip; i++) {
		buffer_clear(&piece);
		from = s.follower.cursor;
		assert_int_equal(
			feed_produce(&s.feed, view, &from, &to, limit, &piece),
			FEED_BYTES);
		s.follower.cursor = to;
	}
	s.follower.cursor = from;
	feed_promise(&s.feed, &s.follower, view->budget);
	let_time_pass(&s, what);
	assert_int_equal(feed_produce(&s.feed, view, &s.follower.cursor, &to,
				 piece.len, &again),
		FEED_BYTES);
	if (!same(&again, &piece))
		print_error("after %d, limit %zu, %s, piece %zu, %s\n",
			(int)what, limit, from_ring ? "ring" : "file", skip,
			view->alone ? "alone" : "among others");
	assert_same(&again, &piece);
	feed_leave(&s.feed, &s.follower);
	release(&s);
	buffer_release(&piece);
	buffer_release(&again);
	test_cleanup(NULL);
}

static void what_was_promised_comes_again(void **state)
{
	(void)state;
	for (int what = MORE_LINES; what <= RESTED; what++)
		for (size_t i = 0; i < LIMITS; i++)
			for (size_t skip = 0; skip < 2; skip++) {
				size_t limit = limits[i];

				/* All of it is one piece. */
				if (limit > 10000 && skip)
					continue;
				check_promise((enum after)what, &alone, limit,
					true, skip);
				check_promise((enum after)what, &alone, limit,
					false, skip);
				check_promise((enum after)what, &among, limit,
					true, skip);
				check_promise((enum after)what, &among, limit,
					false, skip);
			}
}

/* ---- ids */

/* From the id of each event: the events after it, and no others. */
/* Also where a pause has ended a record that the file alone would not end. */
static void what_was_promised_comes_again_over_a_pause(void **state)
{
	struct buffer piece = BUFFER_INIT, again = BUFFER_INIT;
	struct cursor to, from;
	struct stand s;

	(void)state;
	prepare(&s, 65536);
	s.config.format = SPLIT_MULTILINE;
	s.config.quiet_ms = 0;
	disk_touch(s.path);
	follow(&s, &s.follower, NULL, 10);
	feed_produce(&s.feed, &alone, &s.follower.cursor, &to, 10000, &piece);
	from = s.follower.cursor = to;
	for (int i = 0; i < 3; i++) {
		disk_append(s.path, "%s", i ? " goes on\n" : "begins\n");
		look(&s);
	}
	assert_int_equal(
		feed_produce(&s.feed, &alone, &from, &to, 10000, &piece),
		FEED_BYTES);
	s.follower.cursor = from;
	feed_promise(&s.feed, &s.follower, alone.budget);
	append_lines(s.path, 0, 2000, 90);
	look(&s);
	assert_int_equal(feed_produce(&s.feed, &alone, &s.follower.cursor, &to,
				 piece.len, &again),
		FEED_BYTES);
	assert_same(&again, &piece);
	feed_leave(&s.feed, &s.follower);
	release(&s);
	buffer_release(&piece);
	buffer_release(&again);
}

static void every_id_leads_to_what_comes_after_it(void **state)
{
	struct buffer whole = BUFFER_INIT, rest = BUFFER_INIT;
	struct follower keeper;
	struct seen all;
	struct stand s;
	char *id, *save = NULL;
	const char *after;

	(void)state;
	prepare(&s, 65536);
	append_lines(s.path, 0, 20, 90);
	follow(&s, &keeper, NULL, 1000);
	disk_rename(s.path, sibling(&s, 1));
	append_lines(s.path, 20, 40, 600);
	disk_copy(s.path, sibling(&s, 2));
	disk_rename(sibling(&s, 1), sibling(&s, 3));
	disk_rename(sibling(&s, 2), sibling(&s, 1));
	disk_rename(sibling(&s, 3), sibling(&s, 2));
	disk_truncate(s.path, 0);
	append_lines(s.path, 40, 60, 90);
	look(&s);
	collect(&s, &alone, &keeper.cursor, 1000, &whole);
	read_events(&all, &whole);
	after = all.text.data;
	for (id = strtok_r(all.ids.data, "\n", &save); id;
		id = strtok_r(NULL, "\n", &save)) {
		struct follower one;
		struct seen seen;

		after = strchr(after, '\n') + 1;
		for (int kept = 0; kept < 2; kept++) {
			/* Beside another, and as the only one. */
			if (!kept)
				feed_leave(&s.feed, &keeper);
			follow(&s, &one, id, 10);
			if (!kept)
				follow(&s, &keeper, NULL, 0);
			buffer_clear(&rest);
			collect(&s, &alone, &one.cursor, 1000, &rest);
			read_events(&seen, &rest);
			assert_string_equal(bytes_text(&seen.text), after);
			release_seen(&seen);
			feed_leave(&s.feed, &one);
		}
	}
	assert_string_equal(after, "");
	feed_leave(&s.feed, &keeper);
	release_seen(&all);
	release(&s);
	buffer_release(&whole);
	buffer_release(&rest);
}

static void an_id_that_is_none_is_a_gap_and_the_start(void **state)
{
	static const char *const ids[] = {
		"x",
		"12345",
		"0000123450123456789abff",
		"000000000000000000000a",
		"0000000000000000000000",
		"0000123450123456789abc7fffffffffffffff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct buffer out = BUFFER_INIT;
		struct seen seen;
		struct stand s;

		prepare(&s, 65536);
		append_lines(s.path, 0, 20, 0);
		follow(&s, &s.follower, ids[i], 2);
		collect(&s, &alone, &s.follower.cursor, 1000, &out);
		read_events(&seen, &out);
		assert_true(strncmp(seen.text.data, "gap ", 4) == 0);
		assert_string_equal(strchr(seen.text.data, '\n') + 1,
			"message 000018\nmessage 000019\n");
		feed_leave(&s.feed, &s.follower);
		release_seen(&seen);
		release(&s);
		buffer_release(&out);
	}
}

/* The head alone looks for copies; whoever is quicker would miss them. */
static void nobody_reads_before_the_head(void **state)
{
	struct buffer out = BUFFER_INIT;
	struct timespec now;
	struct seen seen;
	struct stand s;

	(void)state;
	prepare(&s, 65536);
	append_lines(s.path, 0, 2, 0);
	follow(&s, &s.follower, NULL, 2);
	look(&s);
	disk_rename(s.path, sibling(&s, 1));
	append_lines(s.path, 2, 4, 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(chain_look(&s.feed.chain, &now));
	assert_int_equal(s.feed.chain.count, 2);
	collect(&s, &alone, &s.follower.cursor, 1000, &out);
	read_events(&seen, &out);
	assert_string_equal(seen.text.data, "message 000000\nmessage 000001\n");
	release_seen(&seen);
	look(&s);
	buffer_clear(&out);
	collect(&s, &alone, &s.follower.cursor, 1000, &out);
	read_events(&seen, &out);
	assert_non_null(
		strstr(seen.text.data, "message 000002\nmessage 000003\n"));
	release_seen(&seen);
	feed_leave(&s.feed, &s.follower);
	release(&s);
	buffer_release(&out);
}

static void an_id_is_no_longer_than_its_budget(void **state)
{
	(void)state;
	for (size_t budget = 1; budget < 150; budget++) {
		struct cursor c = { .count = 4 };
		struct buffer id = BUFFER_INIT;
		struct stand s;
		uint32_t before;

		prepare(&s, 65536);
		for (uint32_t i = 0; i < 4; i++)
			c.places[i] = (struct cursor_place){
				.offset = (uint64_t)1 << (10 * i),
				.check = 0x123456789abc,
				.file = i + 1,
				.tag = i + 1,
			};
		before = c.count;
		feed_trim(&c, budget);
		feed_add_id(&s.feed, &c, &id);
		assert_true(c.count >= 1 && c.count <= before);
		assert_true(id.len <= budget || c.count == 1);
		/* It is the oldest that go, and no more of them than must. */
		for (uint32_t i = 0; i < c.count; i++)
			assert_int_equal(c.places[i].file, 5 - c.count + i);
		if (budget >= 127)
			assert_int_equal(c.count, 4);
		buffer_release(&id);
		release(&s);
		test_cleanup(NULL);
	}
}

/* ---- starting, and what is open */

static void a_first_connect_has_its_history(void **state)
{
	(void)state;
	for (uint32_t records = 0; records < 25; records++) {
		struct buffer out = BUFFER_INIT;
		struct bytes expected = BYTES_INIT;
		struct seen seen;
		struct stand s;
		int first = records < 15 ? 15 - (int)records : 0;

		prepare(&s, 65536);
		append_lines(s.path, 0, 10, 90);
		disk_rename(s.path, sibling(&s, 1));
		append_lines(s.path, 10, 15, 0);
		disk_append(s.path, "unfinished");
		follow(&s, &s.follower, NULL, records);
		collect(&s, &alone, &s.follower.cursor, 1000, &out);
		read_events(&seen, &out);
		for (int i = first; i < 15; i++)
			bytes_add_format(&expected, "message %06d%*s\n", i,
				i < 10 ? i * 7 % 90 : 0, "");
		assert_string_equal(
			bytes_text(&seen.text), bytes_text(&expected));
		feed_leave(&s.feed, &s.follower);
		bytes_release(&expected);
		release_seen(&seen);
		release(&s);
		buffer_release(&out);
		test_cleanup(NULL);
	}
}

static void without_followers_nothing_is_open(void **state)
{
	struct follower other;
	struct stand s;

	(void)state;
	prepare(&s, 65536);
	append_lines(s.path, 0, 10, 0);
	assert_false(s.feed.is_open);
	follow(&s, &s.follower, NULL, 1);
	follow(&s, &other, NULL, 1);
	assert_true(s.feed.is_open);
	feed_leave(&s.feed, &s.follower);
	assert_true(s.feed.is_open);
	feed_leave(&s.feed, &other);
	assert_false(s.feed.is_open);
	assert_int_equal(feed_look(&s.feed, true), FEED_NOTHING);
	release(&s);
}

static void tells_what_it_waits_for_once(void **state)
{
	struct buffer out = BUFFER_INIT;
	struct seen seen;
	struct stand s;

	(void)state;
	prepare(&s, 65536);
	follow(&s, &s.follower, NULL, 10);
	for (int i = 0; i < 5; i++) {
		feed_look(&s.feed, true);
		collect(&s, &alone, &s.follower.cursor, 1000, &out);
	}
	disk_subfolder(s.folder, "app.log");
	for (int i = 0; i < 5; i++) {
		feed_look(&s.feed, true);
		collect(&s, &alone, &s.follower.cursor, 1000, &out);
	}
	disk_remove(s.path);
	append_lines(s.path, 0, 2, 0);
	for (int i = 0; i < 5; i++) {
		feed_look(&s.feed, true);
		collect(&s, &alone, &s.follower.cursor, 1000, &out);
	}
	read_events(&seen, &out);
	assert_string_equal(seen.text.data,
		"waiting {\"source\": \"log\", \"reason\": \"absent\"}\n"
		"waiting {\"source\": \"log\", \"reason\": \"not-a-file\"}\n"
		"message 000000\nmessage 000001\n");
	feed_leave(&s.feed, &s.follower);
	release_seen(&seen);
	release(&s);
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			ring_and_file_give_the_same_bytes, test_cleanup),
		cmocka_unit_test_teardown(
			a_piece_is_at_most_the_limit_or_one_record,
			test_cleanup),
		cmocka_unit_test_teardown(
			what_was_promised_comes_again, test_cleanup),
		cmocka_unit_test_teardown(
			what_was_promised_comes_again_over_a_pause,
			test_cleanup),
		cmocka_unit_test_teardown(
			every_id_leads_to_what_comes_after_it, test_cleanup),
		cmocka_unit_test_teardown(
			an_id_that_is_none_is_a_gap_and_the_start,
			test_cleanup),
		cmocka_unit_test_teardown(
			nobody_reads_before_the_head, test_cleanup),
		cmocka_unit_test_teardown(
			an_id_is_no_longer_than_its_budget, test_cleanup),
		cmocka_unit_test_teardown(
			a_first_connect_has_its_history, test_cleanup),
		cmocka_unit_test_teardown(
			without_followers_nothing_is_open, test_cleanup),
		cmocka_unit_test_teardown(
			tells_what_it_waits_for_once, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
