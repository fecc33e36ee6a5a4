/*
 * Metrics: the figures are what was done, and whoever may not see them is told
 * nothing.
 */
#include "tests/lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/responder.h"
#include "tests/lib/scrape.h"

#define ALLOWED "metrics_allow = [ \"127.0.0.1\" ];"

static const struct ask question = { .query = "metrics" };

static struct scrape scrape;

/* Asks, and reads all of the answer. */
static const struct scrape *take(const struct responder *r)
{
	struct front_client *c = responder_open(r, &question);
	const char *fault;

	reader_expect_status(&c->reader, 200);
	reader_wait_end(&c->reader);
	assert_string_equal(reader_header(&c->reader, "Content-Type"),
		"text/plain; version=0.0.4; charset=utf-8");
	fault = scrape_read(&scrape, bytes_text(&c->reader.body));
	if (fault)
		fail_msg("%s", fault);
	reader_close(&c->reader);
	return &scrape;
}

static uint64_t value(
	const struct responder *r, const char *name, const char *labels)
{
	return scrape_value(take(r), name, labels);
}

#define LOG	       "source=\"log\""
#define GAP(reason)    LOG ",reason=\"" reason "\""
#define GAPS	       "ssetail_source_gaps_total"
#define DELIVERIES     "ssetail_source_deliveries_total"
#define BYTES	       "ssetail_source_delivered_bytes_total"
#define SOURCE_CLIENTS "ssetail_source_clients"

static uint64_t gaps(const struct scrape *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->samples[i].name, GAPS) == 0)
			sum += s->samples[i].value;
	return sum;
}

static void figures_are_what_was_done(void **state)
{
	enum { CLIENTS = 5, LINES = 7 };
	struct front_client *clients[CLIENTS];
	const struct scrape *s;
	struct responder r;
	uint64_t bytes = 0;
	char pid[32];

	(void)state;
	responder_start(&r, &(struct responder_how){ .settings = ALLOWED,
				    .source = "history = 2;" });
	disk_append(r.log, "one\ntwo\nthree\n");
	s = take(&r);
	snprintf(pid, sizeof(pid), "pid=\"%d\"", (int)r.process->pid);
	assert_int_equal(scrape_value(s, "ssetail_build_info", pid), 1);
	for (size_t i = 0; i < s->count; i++)
		assert_non_null(strstr(s->samples[i].labels, pid));
	assert_int_equal(scrape_value(s, "ssetail_clients", ""), 1);
	uint64_t connects = scrape_value(s, "ssetail_connects_total", "");
	assert_int_equal(scrape_value(s, SOURCE_CLIENTS, LOG), 0);
	assert_int_equal(scrape_value(s, DELIVERIES, LOG), 0);

	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = responder_follow(&r, NULL);
		reader_wait_events(&clients[i]->reader, 2);
	}
	for (int i = 0; i < LINES; i++)
		disk_append(r.log, "line %d\n", i);
	for (int i = 0; i < CLIENTS; i++)
		reader_wait_events(&clients[i]->reader, 2 + LINES);
	s = take(&r);
	/* With the two that asked. */
	assert_int_equal(scrape_value(s, "ssetail_connects_total", ""),
		connects + CLIENTS + 1);
	assert_int_equal(scrape_value(s, SOURCE_CLIENTS, LOG), CLIENTS);
	assert_int_equal(
		scrape_value(s, "ssetail_source_streams_total", LOG), CLIENTS);
	assert_int_equal(
		scrape_value(s, DELIVERIES, LOG), CLIENTS * (2 + LINES));
	assert_int_equal(scrape_value(s, "ssetail_source_laggards", LOG), 0);
	assert_int_equal(scrape_value(s, "ssetail_source_lag_bytes", LOG), 0);
	assert_int_equal(gaps(s), 0);
	/* All of the body but what it opens with, which ends with an id. */
	for (int i = 0; i < CLIENTS; i++) {
		const char *body = bytes_text(&clients[i]->reader.body);
		const char *first = strstr(body, "data: two");

		assert_non_null(first);
		bytes += strlen(first);
	}
	assert_int_equal(scrape_value(s, BYTES, LOG), bytes);

	for (int i = 0; i < CLIENTS; i++)
		reader_close(&clients[i]->reader);
	wait_for(value(&r, SOURCE_CLIENTS, LOG) == 0);
	wait_for(value(&r, "ssetail_clients", "") == 1);
	assert_int_equal(value(&r, DELIVERIES, LOG), CLIENTS * (2 + LINES));
}

static void a_client_of_several_sources_counts_for_each(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r,
		&(struct responder_how){ .settings = ALLOWED,
			.sources = ", { name = \"ticks\"; type = \"clock\"; "
				   "interval = 0.01; count = 3; }" });
	disk_append(r.log, "one\n");
	c = responder_follow(&r, &(struct ask){ .path = "/log,ticks" });
	reader_wait_events(&c->reader, 4);
	take(&r);
	assert_int_equal(scrape_value(&scrape, SOURCE_CLIENTS, LOG), 1);
	assert_int_equal(
		scrape_value(&scrape, SOURCE_CLIENTS, "source=\"ticks\""), 1);
	assert_int_equal(scrape_value(&scrape, DELIVERIES, LOG), 1);
	assert_int_equal(
		scrape_value(&scrape, DELIVERIES, "source=\"ticks\""), 3);
	/* A clock cannot be late, or rotated. */
	assert_int_equal(scrape_count(&scrape, GAPS, "ticks"), 0);
	assert_int_equal(
		scrape_count(&scrape, "ssetail_source_lag_bytes", "ticks"), 0);
}

static void a_gap_counts_under_its_reason(void **state)
{
	struct front_client *live, *stranger;
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){ .settings = ALLOWED,
				    .source = "max_line = 1024;" });
	live = responder_follow(&r, NULL);
	/* From the ring, */
	disk_append(r.log, "%02000d\n", 0);
	reader_wait_events(&live->reader, 2);
	take(&r);
	assert_int_equal(scrape_value(&scrape, GAPS, GAP("overlong")), 1);
	assert_int_equal(scrape_value(&scrape, DELIVERIES, LOG), 1);
	assert_int_equal(gaps(&scrape), 1);
	/* and from the file, behind a notice. */
	stranger = responder_follow(&r, &(struct ask){ .last_event_id = "x" });
	reader_wait_events(&stranger->reader, 3);
	take(&r);
	assert_int_equal(scrape_value(&scrape, GAPS, GAP("unknown-id")), 1);
	assert_int_equal(scrape_value(&scrape, GAPS, GAP("overlong")), 2);
	assert_int_equal(scrape_value(&scrape, DELIVERIES, LOG), 2);
	assert_int_equal(gaps(&scrape), 3);
	/* A loss that the head finds, told to both. */
	disk_write(r.log, "new\n");
	reader_wait_data(&live->reader, "new");
	reader_wait_data(&stranger->reader, "new");
	take(&r);
	assert_int_equal(scrape_value(&scrape, GAPS, GAP("truncated")), 2);
	assert_int_equal(gaps(&scrape), 5);
}

static void rotations_are_counted(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){ .settings = ALLOWED });
	disk_append(r.log, "one\n");
	c = responder_follow(&r, NULL);
	reader_wait_data(&c->reader, "one");
	assert_int_equal(value(&r, "ssetail_source_rotations_total", LOG), 0);
	disk_rename(r.log, disk_path(r.folder, "log.1"));
	disk_write(r.log, "two\n");
	reader_wait_data(&c->reader, "two");
	assert_int_equal(value(&r, "ssetail_source_rotations_total", LOG), 1);
	disk_copy(r.log, disk_path(r.folder, "log.2"));
	disk_write(r.log, "three, which is longer\n");
	reader_wait_data(&c->reader, "three, which is longer");
	assert_int_equal(value(&r, "ssetail_source_rotations_total", LOG), 2);
	/* What was counted stays while nobody follows. */
	reader_close(&c->reader);
	wait_for(value(&r, SOURCE_CLIENTS, LOG) == 0);
	assert_int_equal(value(&r, "ssetail_source_rotations_total", LOG), 2);
	disk_remove(r.log);
	c = responder_follow(&r, NULL);
	wait_for(value(&r, "ssetail_source_waiting", LOG) == 1);
}

static void the_slowest_is_seen(void **state)
{
	enum { LINES = 2000 };
	struct front_client *slow, *fast;
	struct responder r;
	uint64_t lag;

	(void)state;
	responder_start(&r,
		&(struct responder_how){ .settings = ALLOWED "ring = 65536;" });
	slow = responder_follow(&r, NULL);
	reader_set_reading(&slow->reader, false);
	fast = responder_follow(&r, NULL);
	for (int i = 0; i < LINES; i++)
		disk_append(r.log, "%099d\n", i);
	reader_wait_events(&fast->reader, LINES);
	take(&r);
	lag = scrape_value(&scrape, "ssetail_source_lag_bytes", LOG);
	assert_int_equal(
		scrape_value(&scrape, "ssetail_source_laggards", LOG), 1);
	/* A socket holds a part; a place is between two lines. */
	assert_true(lag > 0 && lag < LINES * 100);
	assert_int_equal(lag % 100, 0);
	/* Also across a rotation: a hundred bytes more. */
	disk_rename(r.log, disk_path(r.folder, "log.1"));
	disk_append(r.log, "%099d\n", LINES);
	reader_wait_events(&fast->reader, LINES + 1);
	assert_int_equal(value(&r, "ssetail_source_lag_bytes", LOG), lag + 100);
	reader_set_reading(&slow->reader, true);
	reader_wait_events(&slow->reader, LINES + 1);
	wait_for(value(&r, "ssetail_source_laggards", LOG) == 0);
	assert_int_equal(value(&r, "ssetail_source_lag_bytes", LOG), 0);
	assert_int_equal(value(&r, DELIVERIES, LOG), 2 * (LINES + 1));
}

static void a_pipe_has_one_pump_and_its_spool_is_counted(void **state)
{
	struct front_client *c;
	struct responder r, second;
	uint64_t pumps;
	int pipe;

	(void)state;
	responder_prepare(
		&r, &(struct responder_how){
			    .settings = ALLOWED "state_dir = \"state\";",
			    .sources = ", { name = \"jobs\"; path = \"jobs\"; "
				       "spool_size = 131072; }" });
	disk_subfolder(r.folder, "state");
	assert_int_equal(mkfifo(disk_path(r.folder, "jobs"), 0600), 0);
	responder_run(&r, NULL);
	pipe = open(disk_path(r.folder, "jobs"), O_WRONLY | O_CLOEXEC);
	assert_true(pipe >= 0);
	c = responder_follow(&r, &(struct ask){ .path = "/jobs" });
	assert_int_equal(write(pipe, "12345\n", 6), 6);
	reader_wait_data(&c->reader, "12345");
	/* It is counted once a second. */
	wait_for(scrape_count(take(&r), "ssetail_spool_bytes", "") == 1 &&
		 scrape_value(&scrape, "ssetail_spool_bytes", "") == 6);
	assert_int_equal(
		scrape_value(&scrape, "ssetail_spool_size_bytes", ""), 131072);
	second = r;
	second.address = disk_path(r.folder, "second");
	responder_run(&second, NULL);
	pumps = value(&r, "ssetail_spool_pump", "source=\"jobs\"");
	pumps += value(&second, "ssetail_spool_pump", "source=\"jobs\"");
	assert_int_equal(pumps, 1);
	assert_int_equal(
		scrape_count(take(&second), "ssetail_spool_bytes", ""), 0);
	close(pipe);
}

static void whoever_is_sent_away_is_counted(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){ .settings = ALLOWED
						     "max_clients = 2; "
						     "max_clients_per_address"
						     " = 1;" });
	responder_follow(&r, &(struct ask){ .remote_address = "192.0.2.1" });
	for (int i = 1; i <= 3; i++) {
		c = responder_open(
			&r, &(struct ask){ .remote_address = "192.0.2.1" });
		reader_wait_end(&c->reader);
	}
	responder_follow(&r, &(struct ask){ .remote_address = "192.0.2.2" });
	c = responder_open(&r, &(struct ask){ .remote_address = "192.0.2.3" });
	reader_wait_end(&c->reader);
	take(&r);
	assert_int_equal(scrape_value(&scrape, "ssetail_streams", ""), 2);
	assert_int_equal(scrape_value(&scrape, "ssetail_streams_max", ""), 2);
	assert_int_equal(scrape_value(&scrape, "ssetail_busy_total",
				 "reason=\"address\""),
		3);
	assert_int_equal(scrape_value(&scrape, "ssetail_busy_total",
				 "reason=\"clients\""),
		1);
}

static int reloads_told(const struct responder *r)
{
	const char *said = process_errors(r->process);
	int count = 0;

	while ((said = strstr(said, "info: reload: ")) != NULL) {
		said++;
		count++;
	}
	return count;
}

static void a_reload_keeps_what_was_counted(void **state)
{
	struct bytes config = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, &(struct responder_how){ .settings = ALLOWED });
	disk_append(r.log, "one\n");
	c = responder_follow(&r, NULL);
	reader_wait_data(&c->reader, "one");
	disk_read(&config, r.config);
	disk_write(r.config, "heartbeat = 77; %s", bytes_text(&config));
	process_signal(r.process, SIGHUP);
	process_wait_errors(r.process, "info: reload: ");
	take(&r);
	assert_int_equal(scrape_value(&scrape, "ssetail_reloads_total", ""), 1);
	assert_int_equal(scrape_value(&scrape, DELIVERIES, LOG), 1);
	assert_int_equal(scrape_value(&scrape, SOURCE_CLIENTS, LOG), 1);
	disk_write(r.config, "heartbeat = 0; %s", bytes_text(&config));
	process_signal(r.process, SIGHUP);
	process_wait_errors(r.process, "reload: nothing has changed");
	take(&r);
	assert_int_equal(scrape_value(&scrape, "ssetail_reloads_total", ""), 1);
	assert_int_equal(
		scrape_value(&scrape, "ssetail_reload_failures_total", ""), 1);
	/* Whoever may see them is decided by what counts now. */
	disk_write(r.config, "%s", strstr(bytes_text(&config), "sources = "));
	process_signal(r.process, SIGHUP);
	wait_for(reloads_told(&r) == 2);
	c = responder_open(&r, &question);
	reader_expect_status(&c->reader, 404);
	bytes_release(&config);
}

static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_';
}

static void the_manual_names_them_all_and_no_other(void **state)
{
	struct bytes page = BYTES_INIT;
	struct responder r;
	const char *text;

	(void)state;
	responder_prepare(
		&r, &(struct responder_how){
			    .settings = ALLOWED "state_dir = \"state\";",
			    .sources = ", { name = \"jobs\"; path = \"jobs\"; "
				       "type = \"fifo\"; create = true; }" });
	disk_subfolder(r.folder, "state");
	responder_run(&r, NULL);
	wait_for(scrape_count(take(&r), "ssetail_spool_bytes", "") == 1);
	disk_read(&page, "fcgi/ssetail.fcgi.8");
	for (size_t i = 0; i < scrape.count; i++)
		if (!bytes_contain(&page, scrape.samples[i].name))
			fail_msg("not in the manual: %s",
				scrape.samples[i].name);
	text = bytes_text(&page);
	while ((text = strstr(text, "ssetail_")) != NULL) {
		char name[64] = "";

		for (size_t i = 0; i < 63 && is_of_name(*text); i++)
			name[i] = *text++;
		if (scrape_count(&scrape, name, "") == 0)
			fail_msg("the manual alone has %s", name);
	}
	bytes_release(&page);
}

/* ---- who may see them */

/* The whole response, as text. */
static const char *answer_of(
	const struct responder *r, const struct ask *ask, struct bytes *out)
{
	struct front_client *c = responder_open(r, ask);

	reader_wait_end(&c->reader);
	bytes_clear(out);
	bytes_add_text(out, bytes_text(&c->reader.head));
	bytes_add_text(out, bytes_text(&c->reader.body));
	reader_close(&c->reader);
	return bytes_text(out);
}

static void expect_unknown(const struct responder *r, struct ask ask)
{
	struct bytes unknown = BYTES_INIT, text = BYTES_INIT;

	answer_of(r, &(struct ask){ .path = "/nothing", .method = ask.method },
		&unknown);
	assert_int_equal(strncmp(bytes_text(&unknown), "Status: 404", 11), 0);
	assert_string_equal(answer_of(r, &ask, &text), bytes_text(&unknown));
	bytes_release(&unknown);
	bytes_release(&text);
}

static void whoever_may_not_see_them_finds_nothing(void **state)
{
	struct responder r;

	(void)state;
	responder_start(&r,
		&(struct responder_how){ .settings = "metrics_allow = [ "
						     "\"192.0.2.0/24\" ];" });
	expect_unknown(&r, question);
	expect_unknown(&r, (struct ask){ .query = "metrics=1",
				   .path = "/log",
				   .remote_address = "192.0.3.1" });
	expect_unknown(&r,
		(struct ask){ .query = "metrics", .remote_address = "unix:" });
	expect_unknown(
		&r, (struct ask){ .query = "metrics", .method = "HEAD" });
	expect_unknown(
		&r, (struct ask){ .query = "metrics", .accept = "text/html" });
}

static void nobody_may_see_them_unless_configured(void **state)
{
	static const char *const settings[] = { NULL, "metrics_allow = [ ];" };

	for (size_t i = 0; i < 2; i++) {
		struct responder r;

		responder_start(
			&r, &(struct responder_how){ .settings = settings[i] });
		expect_unknown(&r, question);
		test_cleanup(state);
	}
}

static void whoever_may_sees_them_by_get_and_head(void **state)
{
	struct bytes text = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r,
		&(struct responder_how){ .settings = "metrics_allow = [ "
						     "\"192.0.2.0/24\" ];" });
	c = responder_open(&r, &(struct ask){ .query = "metrics",
				       .path = "/log",
				       .remote_address = "192.0.2.9" });
	reader_expect_status(&c->reader, 200);
	reader_wait_text(&c->reader, "ssetail_connects_total");
	reader_wait_end(&c->reader);
	assert_string_equal(answer_of(&r,
				    &(struct ask){ .query = "metrics",
					    .method = "HEAD",
					    .remote_address = "192.0.2.9" },
				    &text),
		"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"Cache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"\r\n");
	answer_of(&r, &(struct ask){ .query = "metrics", .method = "POST" },
		&text);
	assert_int_equal(strncmp(bytes_text(&text), "Status: 405", 11), 0);
	bytes_release(&text);
}

static void the_cgi_program_has_none(void **state)
{
	struct cgi_client *c, *unknown;
	struct responder r;

	(void)state;
	responder_prepare(&r, &(struct responder_how){ .settings = ALLOWED });
	c = responder_open_cgi(&r, &question);
	unknown = responder_open_cgi(&r, &(struct ask){ .path = "/nothing" });
	reader_expect_status(&c->reader, 404);
	reader_wait_end(&c->reader);
	reader_wait_end(&unknown->reader);
	assert_string_equal(
		bytes_text(&c->reader.body), bytes_text(&unknown->reader.body));
	assert_string_equal(
		bytes_text(&c->reader.head), bytes_text(&unknown->reader.head));
}

/* More than a socket takes at once goes out as it takes it. */
static void an_answer_of_any_size_arrives(void **state)
{
	enum { SOURCES = 100 };
	struct bytes sources = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	for (int i = 0; i < SOURCES; i++)
		bytes_add_format(&sources,
			", { name = \"%060d\"; path = \"none\"; }", i);
	responder_start(&r, &(struct responder_how){
				    .settings = ALLOWED "send_buffer = 4096;",
				    .sources = bytes_text(&sources) });
	c = responder_open(&r, &question);
	reader_set_reading(&c->reader, false);
	/* Somebody else is served meanwhile. */
	disk_append(r.log, "one\n");
	reader_wait_data(
		&responder_follow(&r, &(struct ask){ .path = "/log" })->reader,
		"one");
	reader_set_reading(&c->reader, true);
	reader_wait_end(&c->reader);
	assert_true(c->reader.body.len > 128 << 10);
	assert_null(scrape_read(&scrape, bytes_text(&c->reader.body)));
	assert_int_equal(
		scrape_count(&scrape, SOURCE_CLIENTS, ""), SOURCES + 1);
	/* One who goes away in the middle of it does no harm, */
	c = responder_open(&r, &question);
	reader_set_reading(&c->reader, false);
	wait_for(responder_has_read(&c->reader));
	front_abort(c);
	reader_set_reading(&c->reader, true);
	reader_wait_closed(&c->reader);
	assert_false(c->has_end);
	/* nor one who is there at the end. */
	c = responder_open(&r, &question);
	reader_set_reading(&c->reader, false);
	wait_for(responder_has_read(&c->reader));
	assert_int_equal(process_stop(r.process), 0);
	bytes_release(&sources);
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(figures_are_what_was_done),
		TEST(a_client_of_several_sources_counts_for_each),
		TEST(a_gap_counts_under_its_reason),
		TEST(rotations_are_counted),
		TEST(the_slowest_is_seen),
		TEST(a_pipe_has_one_pump_and_its_spool_is_counted),
		TEST(whoever_is_sent_away_is_counted),
		TEST(a_reload_keeps_what_was_counted),
		TEST(the_manual_names_them_all_and_no_other),
		TEST(whoever_may_not_see_them_finds_nothing),
		TEST(nobody_may_see_them_unless_configured),
		TEST(whoever_may_sees_them_by_get_and_head),
		TEST(the_cgi_program_has_none),
		TEST(an_answer_of_any_size_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
