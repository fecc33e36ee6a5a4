/*
 * Quiet streams: a browser's resume point moves on without an event where
 * otherwise it would hang on a file that is done with, and that may be
 * compressed or deleted tonight.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/place.h"
#include "tests/lib/disk.h"
#include "tests/lib/site.h"

#define ID_BYTES 200 /* more than any id has */

static void configure(struct site *s)
{
	site_configure(s,
		"ring = 65536; send_buffer = 4096;\n"
		"sources = ( { name = \"a\"; path = \"a.log\"; history = 0; },"
		" { name = \"b\"; path = \"b.log\"; history = 0; } );\n");
	disk_touch(disk_path(s->folder, "a.log"));
	disk_touch(disk_path(s->folder, "b.log"));
}

static const char *log_of(const struct site *s, char name)
{
	return disk_path(s->folder, "%c.log", name);
}

static const char *old_of(const struct site *s, char name)
{
	return disk_path(s->folder, "%c.log.1", name);
}

static struct reader *open_path(
	struct site *s, const char *path, const char *id)
{
	struct reader *r = site_open(
		s, &(struct ask){ .path = path, .last_event_id = id });

	wait_for(r->sse.checkpoints > 0);
	return r;
}

static void rotate(const struct site *s, char name)
{
	disk_rename(log_of(s, name), old_of(s, name));
	disk_touch(log_of(s, name));
}

/* As logrotate does it: the content of another file under another name. */
static void compress(const struct site *s, char name)
{
	struct bytes content = BYTES_INIT;

	disk_read(&content, old_of(s, name));
	const unsigned char size[] = { (unsigned char)content.len,
		(unsigned char)(content.len >> 8),
		(unsigned char)(content.len >> 16), 0 };
	bytes_clear(&content);
	bytes_add_text(&content, "\x1f\x8b not really");
	bytes_add(&content, size, sizeof(size));
	disk_write_bytes(disk_path(s->folder, "%c.log.1.gz", name),
		content.data, content.len);
	disk_remove(old_of(s, name));
	bytes_release(&content);
}

/* The file of a source's first place in an id. */
static uint32_t file_of(const char *id, const char *name)
{
	struct place places[16];
	int count = place_parse(id, places, 16);

	for (int i = 0; i < count; i++)
		if (places[i].source == place_source_tag(name))
			return places[i].file;
	return 0;
}

/* The places of a source in an id. */
static int places_of(const char *id, const char *name)
{
	struct place places[16];
	int count = place_parse(id, places, 16), found = 0;

	for (int i = 0; i < count; i++)
		found += places[i].source == place_source_tag(name);
	return found;
}

/* It comes back with that id, and gets this line of `a` and nothing else. */
static void expect_exact_resume(
	struct site *s, const char *path, const char *id, const char *line)
{
	disk_append(log_of(s, 'a'), "%s\n", line);
	struct reader *r = open_path(s, path, id);
	reader_wait_data(r, line);
	reader_expect_event(r, 0, NULL, line);
	assert_int_equal(r->event_count, 1);
	site_close(s, r);
}

static void after_a_file_is_finished_nothing_hangs_on_it(void **state)
{
	struct site *s = *state;
	char id[ID_BYTES];

	configure(s);
	struct reader *r = open_path(s, "/a", NULL);
	disk_append(log_of(s, 'a'), "last\n");
	reader_wait_events(r, 1);
	strcpy(id, reader_last_id(r));
	rotate(s, 'a');
	/* No line comes, and yet: */
	wait_for(file_of(reader_last_id(r), "a") != file_of(id, "a"));
	assert_int_equal(places_of(reader_last_id(r), "a"), 1);
	assert_int_equal(r->event_count, 1);
	strcpy(id, reader_last_id(r));
	site_close(s, r);
	if (s->program == SITE_FCGI)
		compress(s, 'a');
	else
		disk_remove(old_of(s, 'a'));
	expect_exact_resume(s, "/a", id, "new");
}

static void while_somebody_may_write_there_it_is_held(void **state)
{
	struct site *s = *state;
	char id[ID_BYTES];

	configure(s);
	struct reader *r = open_path(s, "/a", NULL);
	disk_append(log_of(s, 'a'), "first\n");
	reader_wait_events(r, 1);
	int writer = open(log_of(s, 'a'), O_WRONLY | O_APPEND | O_CLOEXEC);
	rotate(s, 'a');
	disk_append(log_of(s, 'a'), "new\n");
	reader_wait_data(r, "new");
	assert_int_equal(places_of(reader_last_id(r), "a"), 2);
	assert_int_equal(write(writer, "late\n", 5), 5);
	reader_wait_data(r, "late");
	close(writer);
	wait_for(places_of(reader_last_id(r), "a") == 1);
	assert_int_equal(r->event_count, 3);
	strcpy(id, reader_last_id(r));
	site_close(s, r);
	compress(s, 'a');
	expect_exact_resume(s, "/a", id, "newer");
}

/* The one that chats and the one that is quiet have one id: what is done
 * with in one of them, the events of the other tell as well. */
static void beside_a_chatty_source_a_quiet_one_moves_on(void **state)
{
	struct site *s = *state;
	char id[ID_BYTES];

	configure(s);
	struct reader *r = open_path(s, "/a,b", NULL);
	disk_append(log_of(s, 'a'), "the only one\n");
	reader_wait_events(r, 1);
	uint32_t old = file_of(reader_last_id(r), "a");
	rotate(s, 'a');
	for (int i = 0; file_of(reader_last_id(r), "a") == old; i++) {
		disk_append(log_of(s, 'b'), "chat %d\n", i);
		reader_wait_events(r, (uint64_t)i + 2);
		wait_quietly(100);
	}
	strcpy(id, reader_last_id(r));
	site_close(s, r);
	compress(s, 'a');
	expect_exact_resume(s, "/a,b", id, "again");
}

/* Who was behind while the others were told is told when it has caught up. */
static void who_was_behind_is_told_too(void **state)
{
	enum { LINES = 300 };
	struct site *s = *state;
	char id[ID_BYTES];

	configure(s);
	struct reader *r = open_path(s, "/a", NULL);
	struct reader *fast = open_path(s, "/a", NULL);
	reader_set_reading(r, false);
	int writer = open(log_of(s, 'a'), O_WRONLY | O_APPEND | O_CLOEXEC);
	rotate(s, 'a');
	for (int i = 0; i < LINES; i++)
		disk_append(log_of(s, 'a'), "%d %0500d\n", i, 0);
	reader_wait_events(fast, LINES);
	assert_int_equal(places_of(reader_last_id(fast), "a"), 2);
	close(writer);
	wait_for(places_of(reader_last_id(fast), "a") == 1);
	reader_set_reading(r, true);
	reader_wait_events(r, LINES);
	wait_for(places_of(reader_last_id(r), "a") == 1);
	assert_string_equal(reader_last_id(r), reader_last_id(fast));
	strcpy(id, reader_last_id(r));
	site_close(s, r);
	compress(s, 'a');
	/* Another process has never seen it. */
	site_restart(s);
	expect_exact_resume(s, "/a", id, "more");
}

/* A history that reaches back into a file that is done with: as soon as it is
 * through, nothing hangs on that. */
static void after_a_history_nothing_hangs_on_what_it_came_from(void **state)
{
	struct site *s = *state;
	char id[ID_BYTES];

	configure(s);
	disk_append(log_of(s, 'a'), "one\ntwo\nthree\n");
	rotate(s, 'a');
	struct reader *r = open_path(s, "/b", NULL);
	site_close(s, r);
	r = site_open(s, &(struct ask){ .path = "/a", .query = "tail=2" });
	reader_wait_data(r, "three");
	assert_int_equal(r->event_count, 2);
	wait_for(strcmp(reader_last_id(r), reader_event(r, 1)->id) != 0);
	strcpy(id, reader_last_id(r));
	site_close(s, r);
	compress(s, 'a');
	site_restart(s);
	expect_exact_resume(s, "/a", id, "four");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SITE_TESTS(after_a_file_is_finished_nothing_hangs_on_it),
		SITE_TESTS(while_somebody_may_write_there_it_is_held),
		SITE_TESTS(beside_a_chatty_source_a_quiet_one_moves_on),
		SITE_TESTS(who_was_behind_is_told_too),
		SITE_TESTS(after_a_history_nothing_hangs_on_what_it_came_from),
	};

	if (getenv("TEST_FILTER"))
		cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests_name("quiet", tests, NULL, NULL);
}
