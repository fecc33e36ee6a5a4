/*
 * SIGHUP: another configuration while streams go on.
 */
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/pipe.h"
#include "tests/lib/responder.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define CLOCK "{ name = \"c\"; type = \"clock\"; interval = 3600.0; }"

/* The configuration in one piece, as an editor puts it there: "log" with
 * `keys`, and more sources, "{ ... }, { ... }" or "". */
static void configure(const struct responder *r, const char *settings,
	const char *keys, const char *more)
{
	const char *next = disk_path(r->folder, "next");

	disk_write(next,
		"%s\nsources = ( { name = \"log\"; path = \"log\"; %s }%s%s "
		");\n",
		settings, keys, *more ? ", " : "", more);
	disk_rename(next, r->config);
}

static const char *source(const struct responder *r, const char *name)
{
	return disk_path("",
		       "{ name = \"%s\"; path = \"%s/%s.log\"; "
		       "history = 0; }",
		       name, r->folder, name) +
	       1;
}

static const char *log_of(const struct responder *r, const char *name)
{
	return disk_path(r->folder, "%s.log", name);
}

/* It is through with it; returns what the log has about it. */
static const char *said_of_reload(struct process *p, size_t said)
{
	const char *text = process_errors(p) + said;
	const char *last = strstr(text, "reload: nothing has changed\n");

	if (!last)
		last = strstr(text, "info: reload: ");
	return last && strchr(last, '\n') ? text : NULL;
}

static const char *reload(const struct responder *r)
{
	size_t said = strlen(process_errors(r->process));

	process_signal(r->process, SIGHUP);
	wait_for(said_of_reload(r->process, said));
	return said_of_reload(r->process, said);
}

static struct front_client *follow(const struct responder *r, const char *path)
{
	return responder_follow(r, &(struct ask){ .path = path });
}

static struct front_client *resume(
	const struct responder *r, const char *path, struct front_client *c)
{
	return responder_open(
		r, &(struct ask){ .path = path,
			   .last_event_id = reader_last_id(&c->reader) });
}

static void expect_answer(
	const struct responder *r, const char *path, int status)
{
	struct front_client *c =
		responder_open(r, &(struct ask){ .path = path });

	reader_expect_status(&c->reader, status);
	reader_close(&c->reader);
}

/* Ended as FastCGI has it, on a whole event, with a time to come back at,
 * which is returned. */
static uint64_t expect_end(struct front_client *c)
{
	reader_wait_end(&c->reader);
	assert_true(c->stdout_closed);
	assert_true(c->has_end);
	assert_int_equal(c->protocol_status, FRONT_COMPLETE);
	assert_false(c->reader.sse.unfinished);
	reader_wait_closed(&c->reader);
	return c->reader.sse.retry_ms;
}

/* Goes on: what is written now comes, and came before nothing else. */
static void expect_live(
	const struct responder *r, const char *log, struct front_client *c)
{
	static int number;
	char line[32];
	size_t at = c->reader.event_count;

	(void)r;
	snprintf(line, sizeof(line), "live %d", ++number);
	disk_append(log, "%s\n", line);
	reader_expect_event(&c->reader, at, NULL, line);
	assert_false(c->reader.ended);
}

/* ---- the others */

static void streams_of_other_sources_go_on_through_a_hundred(void **state)
{
	enum { RELOADS = 100, CLIENTS = 20 };
	struct front_client *alone[CLIENTS], *two;
	const char *kept;
	struct responder r;
	uint64_t events = 0;

	(void)state;
	responder_prepare(&r, NULL);
	kept = source(&r, "kept");
	disk_touch(log_of(&r, "kept"));
	configure(&r, "", "history = 0;", kept);
	responder_run(&r, NULL);
	for (int i = 0; i < CLIENTS; i++)
		alone[i] = follow(&r, "/log");
	two = follow(&r, "/log,kept");
	for (int i = 0; i < RELOADS; i++) {
		const char *const more[] = { kept,
			disk_path("", "%s, " CLOCK, kept) + 1,
			disk_path("", "%s, { name = \"x\"; path = \"%d\"; }",
				kept, i) +
				1 };

		configure(&r, i % 2 ? "heartbeat = 7;" : "", "history = 0;",
			more[i % 3]);
		disk_append(r.log, "line %d\n", 2 * i);
		disk_append(log_of(&r, "kept"), "kept %d\n", i);
		process_signal(r.process, SIGHUP);
		disk_append(r.log, "line %d\n", 2 * i + 1);
		if (i % 10 == 0)
			reader_wait_events(&two->reader, events + 3);
		events += 3;
	}
	reload(&r);
	reader_wait_events(&two->reader, events);
	assert_int_equal(two->reader.event_count, events);
	for (int i = 0; i < CLIENTS; i++) {
		reader_wait_events(&alone[i]->reader, 2 * RELOADS);
		assert_int_equal(alone[i]->reader.event_count, 2 * RELOADS);
		for (size_t j = 0; j < 2 * RELOADS; j++) {
			char line[32];

			snprintf(line, sizeof(line), "line %zu", j);
			reader_expect_event(
				&alone[i]->reader, j, "message", line);
		}
		assert_false(alone[i]->reader.ended);
	}
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- added, changed, removed */

static void one_that_is_added_can_be_read(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	expect_answer(&r, "/new", 404);
	disk_append(log_of(&r, "new"), "before\n");
	configure(&r, "", "", source(&r, "new"));
	assert_string_equal(reload(&r),
		"info: new: added\n"
		"info: reload: 2 sources: 1 added, 0 changed, 0 removed\n");
	c = follow(&r, "/new");
	expect_live(&r, log_of(&r, "new"), c);
}

static void streams_of_one_that_is_removed_end_politely(void **state)
{
	enum { CLIENTS = 20, RETRY_MS = 3000 };
	static const char *const settings = "retry = 3000;";
	struct front_client *clients[CLIENTS], *two, *stays;
	struct responder r;
	int others = 0;

	(void)state;
	responder_prepare(&r, NULL);
	disk_touch(log_of(&r, "gone"));
	configure(&r, settings, "", source(&r, "gone"));
	responder_run(&r, NULL);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = follow(&r, "/gone");
	two = follow(&r, "/log,gone");
	stays = follow(&r, "/log");
	disk_append(log_of(&r, "gone"), "one\n");
	for (int i = 0; i < CLIENTS; i++)
		reader_wait_events(&clients[i]->reader, 1);
	configure(&r, settings, "", "");
	assert_string_equal(reload(&r),
		"info: gone: removed\n"
		"info: reload: 1 sources: 0 added, 0 changed, 1 removed\n");
	for (int i = 0; i < CLIENTS; i++) {
		uint64_t retry = expect_end(clients[i]);

		assert_in_range(retry, RETRY_MS, 2 * RETRY_MS);
		others += retry != clients[0]->reader.sse.retry_ms;
		assert_int_equal(clients[i]->reader.event_count, 1);
	}
	assert_in_range(others, 1, CLIENTS);
	expect_end(two);
	expect_live(&r, r.log, stays);
	expect_answer(&r, "/gone", 404);
	expect_answer(&r, "/log,gone", 404);
}

/* Each key of a source: its streams end, and go on where they were. */
static void streams_of_one_that_is_changed_end_and_go_on(void **state)
{
	static const char *const keys[] = {
		"event = \"e\";",
		"history = 3;",
		"history_max = 100;",
		"max_line = 1024;",
		"rotated = \"log.*\";",
		"public = true;",
		"allow = [ \"127.0.0.1\" ];",
		"allow = [ \"127.0.0.0/8\" ];",
		"allow = [ \"127.0.0.0/8\", \"::1\" ];",
		"cors_origins = [ \"*\" ];",
		"cors_origins = [ \"https://a.example\" ];",
		"cors_origins = [ \"https://b.example\" ];",
		"",
	};
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	disk_append(r.log, "one\n");
	c = follow(&r, "/log");
	reader_expect_event(&c->reader, 0, NULL, "one");
	for (size_t i = 0; i < COUNT(keys); i++) {
		configure(&r, "", keys[i], CLOCK);
		assert_non_null(strstr(reload(&r), "info: log: changed\n"));
		expect_end(c);
		disk_append(r.log, "line %zu\n", i);
		c = resume(&r, "/log", c);
		reader_wait_events(&c->reader, 1);
		expect_live(&r, r.log, c);
		assert_int_equal(c->reader.event_count, 2);
		/* The same again is no change. */
		configure(&r, "", keys[i], CLOCK);
		assert_string_equal(reload(&r),
			"info: reload: 2 sources: 0 added, 0 changed, "
			"0 removed\n");
		expect_live(&r, r.log, c);
	}
}

static void another_path_is_another_log(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	disk_append(r.log, "one\n");
	c = follow(&r, "/log");
	disk_write(disk_path(r.folder, "other"), "other\n");
	disk_write(r.config,
		"sources = ( { name = \"log\"; path = \"other\"; } );\n");
	reload(&r);
	expect_end(c);
	c = resume(&r, "/log", c);
	reader_expect_event(&c->reader, 0, "gap", NULL);
	reader_expect_event(&c->reader, 1, "message", "other");
}

static void the_order_of_sources_does_not_matter(void **state)
{
	struct front_client *one, *two;
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	disk_touch(log_of(&r, "a"));
	configure(&r, "", "", source(&r, "a"));
	responder_run(&r, NULL);
	one = follow(&r, "/log");
	two = follow(&r, "/a");
	disk_write(r.config,
		"sources = ( %s, " CLOCK ", { path = \"log\"; name = \"log\"; "
		"} );\n",
		source(&r, "a"));
	assert_string_equal(reload(&r),
		"info: c: added\n"
		"info: reload: 3 sources: 1 added, 0 changed, 0 removed\n");
	expect_live(&r, r.log, one);
	expect_live(&r, log_of(&r, "a"), two);
}

/* ---- a frame that was begun */

static void a_frame_that_was_begun_is_finished_first(void **state)
{
	enum { LONG = 8 << 20, SHORT = 100, CLIENTS = 4 };
	static const char settings[] = "send_buffer = 4096; stall = 3600;";
	struct bytes line = BYTES_INIT;
	struct front_client *slow[CLIENTS], *fast;
	const char *gone;
	struct responder r;

	(void)state;
	responder_prepare(
		&r, &(struct responder_how){ .address = responder_tcp() });
	gone = disk_path("",
		       "{ name = \"gone\"; path = \"%s\"; history = 0; "
		       "max_line = 16777216; }",
		       log_of(&r, "gone")) +
	       1;
	disk_touch(log_of(&r, "gone"));
	configure(&r, settings, "", gone);
	responder_run(&r, NULL);
	fast = follow(&r, "/gone");
	for (int i = 0; i < CLIENTS; i++) {
		slow[i] = follow(&r, i % 2 ? "/gone" : "/log,gone");
		reader_set_reading(&slow[i]->reader, false);
	}
	for (int i = 0; i < LONG; i++)
		bytes_add_text(&line, "x");
	bytes_add_text(&line, "\n");
	disk_append_bytes(log_of(&r, "gone"), line.data, line.len);
	reader_wait_events(&fast->reader, 1);
	disk_append(log_of(&r, "gone"), "another\n");
	reader_wait_events(&fast->reader, 2);
	configure(&r, settings, "", "");
	reload(&r);
	expect_end(fast);
	/* Even over another reload, and with the source there again. */
	configure(&r, settings, "", gone);
	reload(&r);
	disk_rename(log_of(&r, "gone"), log_of(&r, "moved"));
	for (int i = 0; i < CLIENTS; i++) {
		assert_false(slow[i]->has_end);
		reader_set_reading(&slow[i]->reader, true);
		expect_end(slow[i]);
		assert_int_equal(slow[i]->reader.event_count, 1);
		assert_int_equal(
			reader_event(&slow[i]->reader, 0)->data_len, LONG);
	}
	bytes_release(&line);
}

/* ---- faulty files */

static void a_faulty_file_changes_nothing_and_says_why(void **state)
{
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	c = follow(&r, "/log");
	configure(&r, "retry = 1;\nheartbeat = \"x\";", "histroy = 1;", CLOCK);
	assert_string_equal(reload(&r),
		disk_path("",
			"error: reload: %s:1: retry: is out of range; expected "
			"an integer from 100 to 3600000 (milliseconds)\n"
			"error: reload: %s:2: heartbeat: is a string; expected "
			"an integer from 1 to 3600 (seconds)\n"
			"error: reload: %s:3: sources[0].histroy: unknown key; "
			"expected one that this version knows\n"
			"error: reload: nothing has changed\n",
			r.config, r.config, r.config) +
			1);
	expect_live(&r, r.log, c);
	expect_answer(&r, "/c", 404);
	disk_remove(r.config);
	assert_string_equal(reload(&r),
		disk_path("",
			"error: reload: %s: No such file or directory\n"
			"error: reload: nothing has changed\n",
			r.config) +
			1);
	expect_live(&r, r.log, c);
	configure(&r, "", "", CLOCK);
	reload(&r);
	expect_live(&r, r.log, c);
	expect_answer(&r, "/c", 200);
}

static void a_file_full_of_faults_does_not_fill_the_log(void **state)
{
	struct bytes text = BYTES_INIT;
	struct responder r;
	const char *said;
	int lines = 0;

	(void)state;
	responder_start(&r, NULL);
	for (int i = 0; i < 1000; i++)
		bytes_add_format(&text, "k%d = 1;\n", i);
	configure(&r, text.data, "", "");
	said = reload(&r);
	for (const char *at = said; (at = strstr(at, "error: reload: ")); at++)
		lines++;
	assert_int_equal(lines, 22);
	assert_non_null(strstr(said, "980 more faults"));
	bytes_release(&text);
}

/* ---- keys of the whole */

static void what_needs_a_restart_says_so_and_stays(void **state)
{
	struct front_client *c;
	struct responder r;
	char before[120];

	(void)state;
	snprintf(before, sizeof(before),
		"listen = \"a\"; listen_mode = \"0600\"; "
		"listen_group = \"%u\"; state_dir = \"/a\";",
		(unsigned)getegid());
	responder_prepare(&r, NULL);
	configure(&r, before, "", "");
	responder_run(&r, NULL);
	c = follow(&r, "/log");
	for (int i = 0; i < 2; i++) {
		configure(&r,
			"listen = \"b\"; listen_mode = \"0666\"; "
			"state_dir = \"/b\";",
			"", "");
		/* Again every time: it is not what runs. */
		assert_string_equal(reload(&r),
			"warning: reload: listen, listen_mode, listen_group, "
			"state_dir: as before, until a restart\n"
			"info: reload: 1 sources: 0 added, 0 changed, "
			"0 removed\n");
	}
	configure(&r, before, "", "");
	assert_null(strstr(reload(&r), "warning: "));
	expect_live(&r, r.log, c);
	assert_true(disk_exists(r.address));
}

static void other_keys_change_at_once(void **state)
{
	struct front_client *old, *new;
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .settings = "heartbeat = 3600;" });
	old = follow(&r, "/log");
	configure(&r,
		"heartbeat = 1; retry = 777; lifetime = 2; ring = 65536; "
		"incremental = false; send_buffer = 4096;",
		"", "");
	reload(&r);
	/* Those who are there: the heartbeat. */
	reader_wait_comments(&old->reader, old->reader.sse.comments + 1);
	/* Those who come: all of it. */
	new = follow(&r, "/log");
	assert_int_equal(new->reader.sse.retry_ms, 777);
	assert_null(reader_header(&new->reader, "Incremental"));
	assert_non_null(reader_header(&old->reader, "Incremental"));
	expect_end(new);
	expect_live(&r, r.log, old);
}

/* ---- who may read */

static void whoever_may_not_read_any_more_is_ended(void **state)
{
	static const char *const ann[] = { "REMOTE_USER=ann", NULL };
	const struct ask ask = { .path = "/log", .variables = ann };
	static const struct {
		const char *settings, *keys;
	} before = { "trust_remote_user = true;",
		"history = 0; require_user = true;" },
	  after[] = {
		  { "trust_remote_user = true;", "users = [ \"bob\" ];" },
		  { "trust_remote_user = true;",
			  "allow = [ \"10.0.0.0/8\" ];" },
		  { "", "require_user = true;" },
	  };
	struct responder r;

	(void)state;
	responder_prepare(&r, NULL);
	configure(&r, before.settings, before.keys, "");
	responder_run(&r, NULL);
	for (size_t i = 0; i < COUNT(after); i++) {
		struct front_client *c = responder_follow(&r, &ask);

		expect_live(&r, r.log, c);
		configure(&r, after[i].settings, after[i].keys, "");
		reload(&r);
		expect_end(c);
		c = responder_open(&r, &ask);
		reader_wait_head(&c->reader);
		assert_in_range(c->reader.status, 403, 404);
		configure(&r, before.settings, before.keys, "");
		reload(&r);
	}
}

/* ---- named pipes */

static const char *pipe_source(const struct responder *r, const char *keys)
{
	return disk_path("",
		       "{ name = \"p\"; type = \"fifo\"; path = \"%s/p\"; "
		       "history = 0; create = true; %s }",
		       r->folder, keys) +
	       1;
}

static void expect_line(struct front_client *c, size_t event, size_t number)
{
	char line[32];

	snprintf(line, sizeof(line), "line %zu", number);
	reader_expect_event(&c->reader, event, "message", line);
}

static void pipes_come_and_go_and_lose_nothing(void **state)
{
	enum { LINES = 200 };
	struct front_client *c, *stays;
	const char *path, *settings;
	struct responder r;
	size_t before;
	int writer;

	(void)state;
	responder_prepare(&r, NULL);
	path = disk_path(r.folder, "p");
	/* Inside it, no pipe can be made but where one was at the start. */
	settings = disk_path("", "sandbox = false; state_dir = \"%s\";",
			   disk_subfolder(r.folder, "state")) +
		   1;
	configure(&r, settings, "", "");
	responder_run(&r, NULL);
	stays = follow(&r, "/log");
	for (int round = 0; round < 3; round++) {
		configure(&r, settings, "", pipe_source(&r, ""));
		reload(&r);
		c = follow(&r, "/p");
		/* One that holds it open over all changes. */
		writer = pipe_open(path);
		pipe_put(writer, "added\n");
		reader_expect_event(&c->reader, 0, "message", "added");
		process_wait_errors(r.process, "/p: is read by this process\n");
		/* Another reload does not touch it. */
		configure(&r, settings, "",
			disk_path("", "%s, " CLOCK, pipe_source(&r, "")) + 1);
		reload(&r);
		pipe_put(writer, "kept\n");
		reader_expect_event(&c->reader, 1, "message", "kept");
		/* The next one has the pipe before this one lets it go. */
		configure(&r, settings, "",
			pipe_source(&r, "spool_size = 200000;"));
		process_signal(r.process, SIGHUP);
		for (int i = 0; i < LINES; i++)
			pipe_put(writer, "line %d\n", i);
		expect_end(c);
		before = c->reader.event_count - 2;
		for (size_t i = 0; i < before; i++)
			expect_line(c, i + 2, i);
		c = resume(&r, "/p", c);
		for (size_t i = 0; i < LINES - before; i++)
			expect_line(c, i, before + i);
		pipe_put(writer, "last\n");
		reader_expect_event(
			&c->reader, LINES - before, "message", "last");
		configure(&r, settings, "", "");
		reload(&r);
		expect_end(c);
		close(writer);
		disk_remove(path);
		expect_live(&r, r.log, stays);
	}
	assert_int_equal(process_stop(r.process), 0);
}

static void a_pipe_that_cannot_be_kept_changes_nothing(void **state)
{
	static const char no_state[] = "sandbox = false; state_dir = \"none\";";
	struct front_client *c;
	struct responder r;
	const char *said;

	(void)state;
	responder_prepare(&r, NULL);
	configure(&r, no_state, "", "");
	responder_run(&r, NULL);
	c = follow(&r, "/log");
	for (int i = 0; i < 2; i++) {
		configure(&r, no_state, "event = \"e\";",
			disk_path("", "%s, " CLOCK, pipe_source(&r, "")) + 1);
		said = reload(&r);
		assert_non_null(strstr(said, "error: p: "));
		assert_non_null(
			strstr(said, "error: reload: nothing has changed\n"));
		expect_live(&r, r.log, c);
		expect_answer(&r, "/c", 404);
	}
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- at any moment */

static void it_may_come_while_a_request_does(void **state)
{
	struct bytes request = BYTES_INIT;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	front_put_request(&request, 1, 0, &(struct ask){ .path = "/c" });
	struct front_client *c = front_connect(r.address);
	assert_true(reader_send(&c->reader, request.data, request.len / 2));
	/* Whoever comes now is served after it. */
	reader_close(&responder_follow(&r, NULL)->reader);
	configure(&r, "", "", CLOCK);
	reload(&r);
	assert_true(reader_send(&c->reader, request.data + request.len / 2,
		request.len - request.len / 2));
	reader_expect_event(&c->reader, 0, "message", "1");
	configure(&r, "", "", "");
	reload(&r);
	expect_end(c);
	bytes_release(&request);
}

static void it_may_come_during_the_start(void **state)
{
	struct responder r;

	(void)state;
	for (int i = 0; i < 20; i++) {
		responder_prepare(&r, NULL);
		responder_run(&r, NULL);
		/* It says that it starts before it waits. */
		configure(&r, "", "", CLOCK);
		process_signal(r.process, SIGHUP);
		process_wait_errors(r.process, "info: c: added\n");
		expect_answer(&r, "/c", 200);
		process_free(r.process);
	}
}

static void a_storm_is_harmless(void **state)
{
	enum { SIGNALS = 2000 };
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	c = follow(&r, "/log");
	for (int i = 0; i < SIGNALS; i++) {
		process_signal(r.process, SIGHUP);
		if (i % 100 == 0)
			disk_append(r.log, "line %d\n", i / 100);
		if (i % 7 == 0)
			configure(&r, "", "", i % 2 ? CLOCK : "");
	}
	reader_wait_events(&c->reader, SIGNALS / 100);
	expect_live(&r, r.log, c);
	assert_int_equal(c->reader.event_count, SIGNALS / 100 + 1);
	assert_int_equal(process_stop(r.process), 0);
}

static void a_thousand_leave_nothing_behind(void **state)
{
	enum { ROUNDS = 3, RELOADS = 400 };
	size_t heap[ROUNDS] = { 0 };
	struct front_client *stays;
	struct responder r;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .env = responder_heap_env() });
	stays = follow(&r, "/log");
	size_t descriptors = process_descriptors(r.process->pid);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < RELOADS; i += 2) {
			struct front_client *c = NULL;

			configure(&r, "", "", source(&r, "a"));
			reload(&r);
			if (i % 100 == 0)
				c = follow(&r, "/log,a");
			configure(&r, "", "", "");
			reload(&r);
			if (c)
				expect_end(c);
			reader_close(c ? &c->reader : NULL);
		}
		expect_live(&r, r.log, stays);
		wait_for(process_descriptors(r.process->pid) == descriptors);
		if (responder_memory_is_real()) {
			heap[round] = responder_heap_bytes(&r);
			print_message("round %d: %zu bytes of heap\n",
				round + 1, heap[round]);
		}
	}
	/* The smallest thing that could be left behind takes 32 bytes. */
	assert_in_range(heap[2], 0, heap[1] + 8 * RELOADS);
	assert_int_equal(process_stop(r.process), 0);
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(streams_of_other_sources_go_on_through_a_hundred),
		TEST(one_that_is_added_can_be_read),
		TEST(streams_of_one_that_is_removed_end_politely),
		TEST(streams_of_one_that_is_changed_end_and_go_on),
		TEST(another_path_is_another_log),
		TEST(the_order_of_sources_does_not_matter),
		TEST(a_frame_that_was_begun_is_finished_first),
		TEST(a_faulty_file_changes_nothing_and_says_why),
		TEST(a_file_full_of_faults_does_not_fill_the_log),
		TEST(what_needs_a_restart_says_so_and_stays),
		TEST(other_keys_change_at_once),
		TEST(whoever_may_not_read_any_more_is_ended),
		TEST(pipes_come_and_go_and_lose_nothing),
		TEST(a_pipe_that_cannot_be_kept_changes_nothing),
		TEST(it_may_come_while_a_request_does),
		TEST(it_may_come_during_the_start),
		TEST(a_storm_is_harmless),
		TEST(a_thousand_leave_nothing_behind),
	};

	return test_run("reload", tests, COUNT(tests), 4);
}
