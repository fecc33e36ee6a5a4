/*
 * A network file system whose server is away: whatever touches it hangs, and
 * nothing else does. Clients of other sources get their lines, those of a
 * source there are told, and go on exactly when it is back.
 *
 * Where a sanitizer wants to be the first that is loaded, nothing hangs.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

struct network {
	struct responder r;
	const char *far; /* a log on it */
	const char *flag, *mark;
	bool can_hang;
};

static void start(struct network *n)
{
	struct bytes preload = BYTES_INIT, under = BYTES_INIT,
		     during = BYTES_INIT, mark = BYTES_INIT;
	const char *folder;

	responder_prepare(&n->r,
		&(struct responder_how){
			.settings = "ring = 65536; send_buffer = 4096; "
				    "heartbeat = 3600; "
				    "state_dir = \"state\";",
			.source = "history = 0;",
			.sources = ", { name = \"far\"; path = \"net/far\"; "
				   "history = 0; }, { name = \"linked\"; "
				   "path = \"link/far\"; history = 5; }",
		});
	folder = disk_subfolder(n->r.folder, "net");
	disk_link("net", disk_path(n->r.folder, "link"));
	n->far = disk_path(folder, "far");
	n->flag = disk_path(n->r.folder, "away");
	/* Nowhere else may the program write. */
	n->mark = disk_path(disk_subfolder(n->r.folder, "state"), "is-away");
	n->can_hang = responder_memory_is_real();
	disk_touch(n->far);
	bytes_add_format(&preload, "%s=%s",
		n->can_hang ? "LD_PRELOAD" : "UNUSED",
		process_program("tests/tools/hangfs.so"));
	bytes_add_format(&under, "HANG_UNDER=%s", folder);
	bytes_add_format(&during, "HANG_WHILE=%s", n->flag);
	bytes_add_format(&mark, "HANG_MARK=%s", n->mark);
	const char *const env[] = { preload.data, under.data, during.data,
		mark.data, NULL };
	responder_run(&n->r, &(struct responder_how){ .env = env });
	bytes_release(&preload);
	bytes_release(&under);
	bytes_release(&during);
	bytes_release(&mark);
}

/* From the next time on that it is asked whether it is there. */
static void go_away(const struct network *n)
{
	disk_touch(n->flag);
	if (n->can_hang)
		wait_for(disk_exists(n->mark));
}

static struct reader *follow(const struct network *n, const char *path)
{
	return &responder_follow(&n->r, &(struct ask){ .path = path })->reader;
}

static void append_lines(const char *path, int from, int to)
{
	for (int i = from; i < to; i++)
		disk_append(path, "%d %0300d\n", i, 0);
}

/* All its events of that type are lines that follow each other. */
static void expect_lines(struct reader *r, const char *type, int from, int to)
{
	char last[20];
	int next = from;

	snprintf(last, sizeof(last), "%d ", to - 1);
	for (size_t i = 0; next < to; i++) {
		reader_wait_events(r, i + 1);
		const struct reader_event *e = reader_event(r, i);

		if (strcmp(e->type, type) != 0)
			continue;
		if (atoi(e->data) != next)
			fail_msg("%s, not %d", e->data, next);
		next++;
	}
}

static void others_are_served_while_it_hangs(void **state)
{
	enum { BEFORE = 10, DURING = 20, AFTER = 30 };
	struct network n;

	(void)state;
	start(&n);
	struct reader *near = follow(&n, "/log");
	struct reader *far = follow(&n, "/far");
	struct reader *both = follow(&n, "/log,far");
	append_lines(n.r.log, 0, BEFORE);
	append_lines(n.far, 0, BEFORE);
	expect_lines(near, "message", 0, BEFORE);
	expect_lines(far, "message", 0, BEFORE);
	expect_lines(both, "log", 0, BEFORE);
	expect_lines(both, "far", 0, BEFORE);

	go_away(&n);
	append_lines(n.far, BEFORE, DURING);
	for (int i = BEFORE; i < DURING; i++) {
		append_lines(n.r.log, i, i + 1);
		reader_wait_events(near, (uint64_t)i + 1);
	}
	expect_lines(near, "message", 0, DURING);
	expect_lines(both, "log", 0, DURING);
	/* Also for those who come now. */
	struct reader *late = follow(&n, "/log");
	struct reader *late_far =
		&responder_open(&n.r, &(struct ask){ .path = "/linked" })
			 ->reader;
	if (n.can_hang) {
		size_t at = reader_wait_data(far,
			"{\"source\": \"far\", \"reason\": \"unreadable\"}");
		reader_expect_event(far, at, "waiting", NULL);
		reader_wait_data(both,
			"{\"source\": \"far\", \"reason\": \"unreadable\"}");
		assert_false(late_far->has_head);
	}
	append_lines(n.r.log, DURING, AFTER);
	expect_lines(near, "message", 0, AFTER);
	expect_lines(late, "message", DURING, AFTER);

	disk_remove(n.flag);
	append_lines(n.far, DURING, AFTER);
	expect_lines(far, "message", 0, AFTER);
	expect_lines(both, "far", 0, AFTER);
	reader_wait_events(late_far, 5);
	append_lines(n.far, AFTER, AFTER + 1);
	expect_lines(far, "message", 0, AFTER + 1);
	reader_wait_events(late_far, 6);
	assert_int_equal(process_stop(n.r.process), 0);
}

static void who_reads_there_is_behind_and_gets_all_of_it(void **state)
{
	enum { LINES = 2000 };
	struct network n;

	(void)state;
	start(&n);
	struct reader *near = follow(&n, "/log");
	struct reader *far = follow(&n, "/far");
	struct reader *fast = follow(&n, "/far");
	reader_set_reading(far, false);
	append_lines(n.far, 0, LINES);
	expect_lines(fast, "message", 0, LINES);
	go_away(&n);
	reader_set_reading(far, true);
	for (int i = 0; i < 20; i++) {
		append_lines(n.r.log, i, i + 1);
		reader_wait_events(near, (uint64_t)i + 1);
	}
	if (n.can_hang)
		assert_true(far->event_count < LINES);
	/* It can be ended, too. */
	struct reader *gone = follow(&n, "/log");
	reader_close(gone);
	disk_remove(n.flag);
	expect_lines(far, "message", 0, LINES);
	expect_lines(near, "message", 0, 20);
}

static void it_ends_while_it_hangs(void **state)
{
	struct network n;

	(void)state;
	start(&n);
	struct reader *far = follow(&n, "/far");
	append_lines(n.far, 0, 1);
	expect_lines(far, "message", 0, 1);
	go_away(&n);
	if (n.can_hang)
		reader_wait_events(far, 2);
	assert_int_equal(process_stop(n.r.process), 0);
	reader_wait_end(far);
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

/* Nor does a reload wait for it, and who waits for it is judged anew. */
static void a_reload_does_not_wait_for_it(void **state)
{
	struct reader *near, *far, *waits, *stays;
	struct network n;
	struct bytes text = BYTES_INIT;

	(void)state;
	start(&n);
	append_lines(n.far, 0, 1);
	near = follow(&n, "/log");
	far = follow(&n, "/far");
	go_away(&n);
	waits = &responder_open(&n.r, &(struct ask){ .path = "/far" })->reader;
	stays = &responder_open(&n.r, &(struct ask){ .path = "/linked" })
			 ->reader;
	append_lines(n.r.log, 0, 1);
	expect_lines(near, "message", 0, 1);
	disk_read(&text, n.r.config);
	/* The same once more; then without the first of them. */
	process_signal(n.r.process, SIGHUP);
	process_wait_errors(n.r.process, "0 added, 0 changed, 0 removed");
	if (n.can_hang)
		assert_false(waits->has_head);
	char *name = strstr(text.data, "\"far\"");
	memcpy(name, "\"fox\"", 5);
	disk_write_bytes(n.r.config, text.data, text.len);
	process_signal(n.r.process, SIGHUP);
	process_wait_errors(n.r.process, "1 added, 0 changed, 1 removed");
	reader_wait_end(far);
	if (n.can_hang) {
		reader_expect_status(waits, 404);
		assert_false(stays->has_head);
	}
	append_lines(n.r.log, 1, 2);
	expect_lines(near, "message", 0, 2);
	disk_remove(n.flag);
	expect_lines(stays, "message", 0, 1);
	bytes_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(others_are_served_while_it_hangs),
		TEST(who_reads_there_is_behind_and_gets_all_of_it),
		TEST(it_ends_while_it_hangs),
		TEST(a_reload_does_not_wait_for_it),
	};

	if (getenv("TEST_FILTER"))
		cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests_name("hanging", tests, NULL, NULL);
}
