/*
 * Laggards: clients that read slowly, pause, or come back late are served
 * from the files, each at its own pace; however many they are and however far
 * behind, they cost next to nothing and nobody else notices.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/lib/chance.h"
#include "tests/lib/disk.h"
#include "tests/lib/responder.h"

/* As little memory as can be configured: everybody is overtaken soon. */
#define SMALL "ring = 65536; send_buffer = 4096; heartbeat = 3600;"

static bool on_tcp(void **state)
{
	return *state != NULL;
}

static void start(struct responder *r, void **state, const char *settings)
{
	responder_start(
		r, &(struct responder_how){
			   .settings = settings,
			   .source = "history = 0; "
				     "history_max = 100000;",
			   .address = on_tcp(state) ? responder_tcp() : NULL,
		   });
}

/* "NUMBER aaa...", of `len` bytes with its newline. */
static void add_line(struct bytes *text, int number, size_t len)
{
	size_t start = text->len;

	bytes_add_format(text, "%d ", number);
	while (text->len - start + 1 < len)
		bytes_add_byte(text, 'a' + number % 26);
	bytes_add_byte(text, '\n');
}

static void append_lines(const char *path, int from, int to, size_t len)
{
	struct bytes text = BYTES_INIT;

	for (int i = from; i < to; i++)
		add_line(&text, i, len);
	disk_append_bytes(path, text.data, text.len);
	bytes_release(&text);
}

/* All its events are lines that follow each other, the first of them `from`,
 * and of that length. */
static void expect_lines(struct reader *r, int from, int to, size_t len)
{
	reader_wait_events(r, (uint64_t)(to - from));
	assert_int_equal(r->event_count, to - from);
	for (int i = from; i < to; i++) {
		const struct reader_event *e =
			reader_event(r, (size_t)(i - from));

		reader_expect_event(r, (size_t)(i - from), "message", NULL);
		if (atoi(e->data) != i || e->data_len != len - 1)
			fail_msg("line %d is '%.40s' of %zu bytes", i, e->data,
				e->data_len);
		assert_int_equal(e->data[e->data_len - 1], 'a' + i % 26);
	}
}

/* ---- sent in part */

static struct front_client *open_stopped(const struct responder *r)
{
	struct front_client *c = responder_follow(r, NULL);

	reader_set_reading(&c->reader, false);
	return c;
}

static void expect_same_body(const struct reader *a, const struct reader *b)
{
	size_t i = 0;

	while (i < a->body.len && i < b->body.len &&
		a->body.data[i] == b->body.data[i])
		i++;
	if (i < a->body.len || i < b->body.len)
		fail_msg("bodies of %zu and %zu bytes differ at %zu",
			a->body.len, b->body.len, i);
}

/*
 * A burst that the ring still holds goes out from the ring, and is cut by the
 * socket. Then the ring forgets it.
 */
static void what_was_begun_from_the_ring_is_finished_from_the_file(void **state)
{
	enum { BURST = 100, LATER = 2000, LEN = 200 };
	struct front_client *stopped, *fast;
	struct responder r;

	start(&r, state, SMALL);
	stopped = open_stopped(&r);
	fast = responder_follow(&r, NULL);
	append_lines(r.log, 0, BURST, LEN);
	reader_wait_events(&fast->reader, BURST);
	for (int i = BURST; i < LATER; i += BURST) {
		append_lines(r.log, i, i + BURST, LEN);
		reader_wait_events(&fast->reader, (uint64_t)(i + BURST));
	}
	assert_int_equal(stopped->reader.event_count, 0);
	reader_set_reading(&stopped->reader, true);
	expect_lines(&stopped->reader, 0, LATER, LEN);
	expect_same_body(&fast->reader, &stopped->reader);
}

/* ---- cut in the middle, and the files go on */

enum { CUT_LINES = 100, CUT_LEN = 300, FORGET_LINES = 400 };

struct middle {
	struct responder r;
	struct front_client *slow, *fast;
	int writer; /* of the renamed file */
	int written;
};

static void rename_log(struct middle *m)
{
	m->writer = open(m->r.log, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(m->writer >= 0);
	if (disk_exists(disk_path(m->r.folder, "log.1")))
		disk_rename(disk_path(m->r.folder, "log.1"),
			disk_path(m->r.folder, "log.2"));
	disk_rename(m->r.log, disk_path(m->r.folder, "log.1"));
	disk_touch(m->r.log);
}

/* Whoever reads at once has them. */
static void write_on(struct middle *m, int lines)
{
	append_lines(m->r.log, m->written, m->written + lines, CUT_LEN);
	m->written += lines;
	wait_for(m->fast->reader.event_count > 0 &&
		 reader_find_event(&m->fast->reader,
			 m->fast->reader.event_count - 1, NULL, NULL) >= 0 &&
		 atoi(m->fast->reader.events[m->fast->reader.event_count - 1]
				 .data) == m->written - 1);
}

static void late_line(struct middle *m)
{
	struct bytes text = BYTES_INIT;

	add_line(&text, m->written++, CUT_LEN);
	assert_int_equal(write(m->writer, text.data, text.len), text.len);
	bytes_release(&text);
}

static void last_writer_leaves(struct middle *m)
{
	uint64_t before = m->fast->reader.sse.checkpoints;

	close(m->writer);
	m->writer = -1;
	wait_for(m->fast->reader.sse.checkpoints > before);
}

static void one_more_rotation(struct middle *m)
{
	close(m->writer);
	rename_log(m);
	write_on(m, 10);
}

static void a_moment_without_a_log(struct middle *m)
{
	disk_remove(m->r.log);
	reader_wait_data(&m->fast->reader,
		"{\"source\": \"log\", \"reason\": \"absent\"}");
	write_on(m, 10);
}

/* All lines, once; those of one file in order. */
static void expect_all_of(struct middle *m, struct reader *r)
{
	bool *seen = calloc((size_t)m->written, sizeof(bool));

	assert_non_null(seen);
	for (int left = m->written; left > 0;) {
		size_t i = (size_t)(m->written - left);

		for (; i < r->event_count; i++) {
			const struct reader_event *e = reader_event(r, i);

			assert_string_not_equal(e->type, "gap");
		}
		left = m->written;
		memset(seen, false, (size_t)m->written);
		for (i = 0; i < r->event_count; i++) {
			const struct reader_event *e = reader_event(r, i);
			int number = atoi(e->data);

			if (strcmp(e->type, "message") != 0)
				continue;
			assert_in_range(number, 0, m->written - 1);
			assert_false(seen[number]);
			seen[number] = true;
			left--;
		}
		if (left > 0)
			reader_wait_events(r, r->sse.events + 1);
	}
	free(seen);
}

/* Does what its socket holds end in the middle of a block? */
static bool is_cut(const struct reader *r)
{
	char bytes[65536];
	ssize_t n = recv(r->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	return n > 0 && bytes[n - 1] != '\n';
}

/* Reads a bit now and then, until it has had the first piece and is cut in
 * the middle of another. */
static void read_up_to_a_cut(struct reader *r)
{
	while (r->sse.events < CUT_LINES || !is_cut(r))
		if (reader_read(r, 700) == 0)
			wait_quietly(0);
}

static void a_piece_is_finished_whatever_the_files_do(void **state)
{
	static void (*const deeds[])(struct middle *) = { late_line,
		last_writer_leaves, one_more_rotation, a_moment_without_a_log };
	static const char *const what[] = { "a late line",
		"the last writer leaves", "one more rotation",
		"a moment without a log" };
	enum { DEEDS = sizeof(deeds) / sizeof(*deeds) };

	for (int i = 0; i < 3 * DEEDS; i++) {
		struct middle m = { .written = 0 };
		bool from_file = i / DEEDS == 1;
		bool is_forgotten = i / DEEDS == 2;

		start(&m.r, state, SMALL);
		m.fast = responder_follow(&m.r, NULL);
		m.slow = open_stopped(&m.r);
		write_on(&m, 1);
		rename_log(&m);
		write_on(&m, CUT_LINES);
		wait_for(is_cut(&m.slow->reader));
		if (from_file) {
			write_on(&m, FORGET_LINES);
			read_up_to_a_cut(&m.slow->reader);
		}
		deeds[i % DEEDS](&m);
		if (is_forgotten)
			write_on(&m, FORGET_LINES);
		print_message("%s, from the %s%s\n", what[i % DEEDS],
			from_file ? "file" : "ring",
			is_forgotten ? ", forgotten" : "");
		reader_set_reading(&m.slow->reader, true);
		expect_all_of(&m, &m.fast->reader);
		expect_all_of(&m, &m.slow->reader);
		if (m.writer >= 0)
			close(m.writer);
		test_cleanup(state);
	}
}

/* From the file to the ring and back, again and again: bursts that the ring
 * holds and such that it does not, read in pieces of any size. */
static void however_it_reads_it_gets_the_bytes_of_who_reads_at_once(
	void **state)
{
	enum { CLIENTS = 8, LINES = 6000 };
	struct front_client *slow[CLIENTS], *fast;
	struct bytes text = BYTES_INIT;
	struct responder r;
	int written = 0;

	chance_begin("TEST_SEED");
	start(&r, state, SMALL);
	fast = responder_follow(&r, NULL);
	for (int i = 0; i < CLIENTS; i++)
		slow[i] = open_stopped(&r);
	while (written < LINES) {
		unsigned burst =
			chance_below(8) ? chance_below(40) : chance_below(600);

		bytes_clear(&text);
		while (burst-- && written < LINES)
			add_line(&text, written++,
				chance_below(50) ? 10 + chance_below(300)
						 : chance_below(40000));
		disk_append_bytes(r.log, text.data, text.len);
		if (chance_below(2))
			reader_wait_events(&fast->reader, (uint64_t)written);
		for (int i = 0; i < CLIENTS; i++) {
			unsigned reads = chance_below(20);

			/* The first ones hardly ever, the last ones often. */
			for (unsigned n = 0;
				(int)chance_below(CLIENTS) <= i && n < reads;
				n++)
				reader_read(&slow[i]->reader,
					1 + chance_below(10000));
		}
	}
	bytes_release(&text);
	reader_wait_events(&fast->reader, LINES);
	for (int i = 0; i < CLIENTS; i++) {
		print_message("%llu lines behind\n",
			(unsigned long long)(LINES -
					     slow[i]->reader.sse.events));
		reader_set_reading(&slow[i]->reader, true);
	}
	for (int i = 0; i < CLIENTS; i++) {
		reader_wait_events(&slow[i]->reader, LINES);
		expect_same_body(&fast->reader, &slow[i]->reader);
	}
	reader_check_bytewise(&fast->reader);
	assert_int_equal(process_stop(r.process), 0);
	for (int i = 0; i < CLIENTS; i++)
		reader_wait_end(&slow[i]->reader);
}

/* ---- what they cost */

static void memory_does_not_grow_with_how_far_they_lag(void **state)
{
	enum { CLIENTS = 400, LEN = 1000, STEP = 1000 };
	static const int lags[] = { 500, 2000, 20000, 60000 };
	static struct front_client *clients[CLIENTS];
	struct front_client *fast;
	struct responder r;
	size_t first = 0;
	int written = 0;

	start(&r, state, SMALL);
	fast = responder_follow(&r, NULL);
	fast->reader.counts_only = true;
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = open_stopped(&r);
		clients[i]->reader.counts_only = true;
	}
	for (size_t i = 0; i < sizeof(lags) / sizeof(*lags); i++) {
		while (written < lags[i]) {
			int more = lags[i] - written;

			if (more > STEP)
				more = STEP;
			append_lines(r.log, written, written + more, LEN);
			written += more;
			reader_wait_events(&fast->reader, (uint64_t)written);
		}
		size_t now = process_own_bytes(r.process->pid);
		print_message("%d laggards, %d KB behind: %zu KB\n", CLIENTS,
			written, now / 1024);
		if (i == 0)
			first = now;
		else if (responder_memory_is_real())
			assert_in_range(now, 0, first + 128 * 1024);
	}
	/* Nor while they read, here and there. */
	for (int i = 0; i < CLIENTS; i += 4)
		for (int n = 0; n < i; n++)
			reader_read(&clients[i]->reader, 2000);
	for (int i = 0; i < CLIENTS; i++)
		wait_for(clients[i]->reader.sse.events > 0 || i % 4 || !i);
	size_t now = process_own_bytes(r.process->pid);
	print_message("while they read: %zu KB\n", now / 1024);
	if (responder_memory_is_real())
		assert_in_range(now, 0, first + 128 * 1024);
	/* Two of them, all the way. */
	for (int i = 0; i < CLIENTS; i += CLIENTS / 2) {
		reader_set_reading(&clients[i]->reader, true);
		reader_wait_events(&clients[i]->reader, (uint64_t)written);
		assert_int_equal(clients[i]->reader.sse.events, written);
	}
}

/* ---- thousands, everywhere */

enum { FILES = 6, FILE_LINES = 50, LINES = FILES * FILE_LINES, LINE_LEN = 400 };

/* TEST_CLIENTS=10000 for as many. Memcheck takes its time. */
static int thousands(void)
{
	return (int)test_setting(
		"TEST_CLIENTS", 1, test_is_memcheck() ? 300 : 3000);
}

static void rotate(const struct responder *r, int files)
{
	for (int i = files; i > 0; i--)
		disk_rename(
			i > 1 ? disk_path(r->folder, "log.%d", i - 1) : r->log,
			disk_path(r->folder, "log.%d", i));
	disk_touch(r->log);
}

static void thousands_in_rotated_files_share_a_handful_of_descriptors(
	void **state)
{
	const int count = thousands();
	struct front_client **clients =
		calloc((size_t)count, sizeof(struct front_client *));
	struct front_client *fast;
	struct responder r;
	char *ids[LINES];

	assert_non_null(clients);
	/* That many take their time on a machine that has much else to do. */
	start(&r, state, SMALL "stall = 3600;");
	fast = responder_follow(&r, NULL);
	for (int i = 0; i < FILES; i++) {
		if (i > 0)
			rotate(&r, i);
		append_lines(
			r.log, i * FILE_LINES, (i + 1) * FILE_LINES, LINE_LEN);
		reader_wait_events(
			&fast->reader, (uint64_t)(i + 1) * FILE_LINES);
	}
	expect_lines(&fast->reader, 0, LINES, LINE_LEN);
	for (int i = 0; i < LINES; i++)
		ids[i] = strdup(reader_event(&fast->reader, (size_t)i)->id);

	/* They come back, after a day, to where they were. */
	size_t before = process_descriptors(r.process->pid);
	size_t sockets = process_sockets(r.process->pid);
	for (int i = 0; i < count; i++) {
		clients[i] = responder_open(
			&r, &(struct ask){ .last_event_id = ids[i % LINES] });
		clients[i]->reader.counts_only = i % 10 != 0;
		while (!clients[i]->reader.has_head)
			if (reader_read(&clients[i]->reader, 1) == 0)
				wait_quietly(0);
		reader_set_reading(&clients[i]->reader, false);
	}
	size_t now = process_descriptors(r.process->pid);
	print_message("%d laggards in %d files: %zu descriptors more\n", count,
		FILES, now - before - (size_t)count);
	assert_int_equal(
		process_sockets(r.process->pid), sockets + (size_t)count);
	/* And what one look at the folder has open. */
	assert_in_range(now, 0, before + (size_t)count + FILES + 2 + 3);

	/* Who is not behind notices nothing. */
	for (int i = LINES; i < LINES + 50; i++) {
		append_lines(r.log, i, i + 1, LINE_LEN);
		reader_wait_events(&fast->reader, (uint64_t)i + 1);
	}
	expect_lines(&fast->reader, 0, LINES + 50, LINE_LEN);

	/* Each gets what it has not seen. */
	for (int i = 0; i < count; i++)
		reader_set_reading(&clients[i]->reader, true);
	for (int i = 0; i < count; i++) {
		struct reader *one = &clients[i]->reader;
		int from = i % LINES + 1;

		reader_wait_events(one, (uint64_t)(LINES + 50 - from));
		assert_int_equal(one->sse.events, LINES + 50 - from);
		/* Also where the others were told while it was behind. */
		wait_for(strcmp(reader_last_id(one),
				 reader_last_id(&fast->reader)) == 0);
		if (!one->counts_only)
			expect_lines(one, from, LINES + 50, LINE_LEN);
	}
	/* What nobody reads any more is let go. */
	wait_for(process_descriptors(r.process->pid) <=
		 before + (size_t)count + 1);
	for (int i = 0; i < LINES; i++)
		free(ids[i]);
	free(clients);
}

/* ---- who accepts nothing at all */

static void who_was_closed_for_a_stall_resumes_exactly(void **state)
{
	enum { WRITTEN = 1500, LEN = 500, MORE = 20 };
	struct front_client *dead, *again;
	struct responder r;
	int had;

	start(&r, state, SMALL "stall = 1;");
	dead = open_stopped(&r);
	append_lines(r.log, 0, WRITTEN, LEN);
	size_t sockets = process_sockets(r.process->pid);
	wait_for(process_sockets(r.process->pid) < sockets);
	reader_set_reading(&dead->reader, true);
	reader_wait_closed(&dead->reader);
	assert_false(dead->has_end);
	had = (int)dead->reader.event_count;
	assert_in_range(had, 0, WRITTEN - 1);
	expect_lines(&dead->reader, 0, had, LEN);
	append_lines(r.log, WRITTEN, WRITTEN + MORE, LEN);
	again = responder_open(
		&r, &(struct ask){
			    .last_event_id = reader_last_id(&dead->reader) });
	expect_lines(&again->reader, had, WRITTEN + MORE, LEN);
}

/* ---- a cold disk */

/* Takes a file out of memory. False where the file system keeps it there. */
static bool evict(const char *path)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool gone;

	assert_true(fd >= 0);
	assert_int_equal(fsync(fd), 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	gone = preadv2(fd, &iov, 1, 0, RWF_NOWAIT) < 0 && errno == EAGAIN;
	close(fd);
	return gone;
}

static void what_is_not_in_memory_is_brought_in_while_others_are_served(
	void **state)
{
	enum { OLD = 20000, LEN = 1000, MORE = 200 };
	struct front_client *first, *late, *fast;
	struct responder r;
	bool cold;
	char *id;

	start(&r, state, "ring = 65536; heartbeat = 3600;");
	first = responder_follow(&r, NULL);
	append_lines(r.log, 0, 1, LEN);
	reader_wait_events(&first->reader, 1);
	id = strdup(reader_last_id(&first->reader));
	reader_close(&first->reader);
	append_lines(r.log, 1, OLD, LEN);
	fast = responder_follow(&r, NULL);
	disk_rename(r.log, disk_path(r.folder, "log.1"));
	disk_touch(r.log);
	cold = evict(disk_path(r.folder, "log.1"));
	print_message("%s\n", cold ? "it is on the disk alone"
				   : "this file system keeps it in memory");
	late = responder_open(&r, &(struct ask){ .last_event_id = id });
	late->reader.keep_bytes = 256u << 20;
	for (int i = OLD; i < OLD + MORE; i++) {
		append_lines(r.log, i, i + 1, LEN);
		reader_wait_events(&fast->reader, (uint64_t)(i - OLD + 1));
	}
	expect_lines(&fast->reader, OLD, OLD + MORE, LEN);
	expect_lines(&late->reader, 1, OLD + MORE, LEN);
	/* It was the helper that waited for the disk. */
	if (cold && responder_memory_is_real())
		assert_int_equal(process_threads(r.process->pid), 2);
	free(id);
}

#define ON(name, function, state)                                              \
	{                                                                      \
#function " (" name ")", function, NULL, test_cleanup, state   \
	}
#define BOTH(function)                                                         \
	ON("unix", function, NULL), ON("TCP", function, (void *)"TCP")
#define UNIX(function) ON("unix", function, NULL)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(what_was_begun_from_the_ring_is_finished_from_the_file),
		UNIX(a_piece_is_finished_whatever_the_files_do),
		BOTH(however_it_reads_it_gets_the_bytes_of_who_reads_at_once),
		UNIX(memory_does_not_grow_with_how_far_they_lag),
		UNIX(thousands_in_rotated_files_share_a_handful_of_descriptors),
		BOTH(who_was_closed_for_a_stall_resumes_exactly),
		UNIX(what_is_not_in_memory_is_brought_in_while_others_are_served),
	};

	if (getenv("TEST_FILTER"))
		cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests_name("laggards", tests, NULL, NULL);
}
