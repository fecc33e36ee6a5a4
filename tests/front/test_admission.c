/*
 * Whoever reaches the socket: peers that are no web servers, or broken ones,
 * all at once, while a client of a real one is served.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/responder.h"

/* ---- what they send */

static void silence(struct bytes *out)
{
	(void)out;
}

static void one_byte(struct bytes *out)
{
	bytes_add_byte(out, 1);
}

static void complete(struct bytes *out)
{
	front_put_request(out, 1, 0, NULL);
}

static void half_a_head(struct bytes *out)
{
	complete(out);
	out->len /= 2;
}

static void head_without_its_end(struct bytes *out)
{
	struct bytes pairs = BYTES_INIT;

	front_put_begin(out, 1, FRONT_RESPONDER, 0);
	front_put_pairs(&pairs, NULL);
	front_put_record(out, FRONT_PARAMS, 1, pairs.data, pairs.len);
	bytes_release(&pairs);
}

static void http(struct bytes *out)
{
	ask_http(out, NULL, "localhost");
}

static void random_bytes(struct bytes *out)
{
	unsigned state = 2463534242u;

	for (int i = 0; i < 20000; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		bytes_add_byte(out, (int)(state & 255));
	}
}

/* A pair whose name and value claim 0x60000000 bytes. */
static void huge_lengths(struct bytes *out)
{
	struct bytes pair = BYTES_INIT;

	front_put_length(&pair, 0x60000000);
	front_put_length(&pair, 0x60000000);
	bytes_add_text(&pair, "NAME");
	front_put_begin(out, 1, FRONT_RESPONDER, 0);
	front_put_record(out, FRONT_PARAMS, 1, pair.data, pair.len);
	front_put_record(out, FRONT_PARAMS, 1, NULL, 0);
	bytes_release(&pair);
}

static void put_values(struct bytes *out, int names)
{
	struct bytes pairs = BYTES_INIT;

	for (int i = 0; i < names; i++) {
		char name[16];

		snprintf(name, sizeof(name), "NAME_%d", i);
		front_put_pair(&pairs, i % 4 ? name : "FCGI_MPXS_CONNS", "");
	}
	front_put_record(out, FRONT_GET_VALUES, 0, pairs.data, pairs.len);
	bytes_release(&pairs);
}

static void forty_values(struct bytes *out)
{
	put_values(out, 40);
}

static void authorizer(struct bytes *out)
{
	front_put_begin(out, 1, FRONT_AUTHORIZER, 0);
	front_put_record(out, FRONT_PARAMS, 1, NULL, 0);
}

static void filter(struct bytes *out)
{
	front_put_begin(out, 1, FRONT_FILTER, 0);
	front_put_record(out, FRONT_PARAMS, 1, NULL, 0);
}

static void request_id_0(struct bytes *out)
{
	front_put_request(out, 0, 0, NULL);
}

/* Begins as 1, and the parameters are of 2. */
static void changing_request_id(struct bytes *out)
{
	struct bytes pairs = BYTES_INIT;

	front_put_begin(out, 1, FRONT_RESPONDER, 0);
	front_put_pairs(&pairs, NULL);
	front_put_record(out, FRONT_PARAMS, 2, pairs.data, pairs.len);
	front_put_record(out, FRONT_PARAMS, 2, NULL, 0);
	bytes_release(&pairs);
}

static void begun_twice(struct bytes *out)
{
	front_put_begin(out, 1, FRONT_RESPONDER, 0);
	complete(out);
}

static void body(struct bytes *out)
{
	static const char text[50000];

	complete(out);
	front_put_record(out, FRONT_STDIN, 1, text, sizeof(text));
	front_put_record(out, FRONT_STDIN, 1, NULL, 0);
}

static void records_after_the_head(struct bytes *out)
{
	complete(out);
	front_put_record(out, FRONT_DATA, 1, "data", 4);
	front_put_record(out, FRONT_PARAMS, 7, "what", 4);
	complete(out);
}

static void garbage_after_the_head(struct bytes *out)
{
	complete(out);
	bytes_add_text(out, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

static void many_parameters(struct bytes *out)
{
	char value[1000];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	front_put_begin(out, 1, FRONT_RESPONDER, 0);
	for (int i = 0; i < 200; i++) {
		struct bytes pair = BYTES_INIT;
		char name[16];

		snprintf(name, sizeof(name), "HTTP_X%d", i);
		front_put_pair(&pair, name, value);
		front_put_record(out, FRONT_PARAMS, 1, pair.data, pair.len);
		bytes_release(&pair);
	}
}

/* As much of a head as is allowed, and no end. */
static void nearly_too_large(struct bytes *out)
{
	many_parameters(out);
	out->len = 65000;
}

static void aborted_head(struct bytes *out)
{
	head_without_its_end(out);
	front_put_header(out, 1, FRONT_ABORT, 1, 0, 0);
}

static void other_version(struct bytes *out)
{
	complete(out);
	out->data[0] = 2;
}

static void stdin_among_the_parameters(struct bytes *out)
{
	head_without_its_end(out);
	front_put_record(out, FRONT_STDIN, 1, NULL, 0);
}

static void type_99(struct bytes *out)
{
	front_put_header(out, 1, 99, 0, 0, 0);
}

/* What becomes of them. */
enum fate {
	AT_THE_DEADLINE, /* closed then, and not before */
	REFUSED,	 /* closed at once */
	ANSWERED,	 /* gets FCGI_END_REQUEST, and is closed at once */
	STREAMS		 /* is served like anybody else */
};

static const struct hostile {
	const char *name;
	void (*put)(struct bytes *out);
	enum fate fate;
} kinds[] = {
	{ "silence", silence, AT_THE_DEADLINE },
	{ "one byte", one_byte, AT_THE_DEADLINE },
	{ "half a head", half_a_head, AT_THE_DEADLINE },
	{ "a head without its end", head_without_its_end, AT_THE_DEADLINE },
	{ "HTTP", http, REFUSED },
	{ "random bytes", random_bytes, REFUSED },
	{ "lengths of 0x60000000", huge_lengths, ANSWERED },
	{ "GET_VALUES with forty names", forty_values, AT_THE_DEADLINE },
	{ "an authorizer", authorizer, ANSWERED },
	{ "a filter", filter, ANSWERED },
	{ "request id 0", request_id_0, REFUSED },
	{ "a changing request id", changing_request_id, AT_THE_DEADLINE },
	{ "the same request begun twice", begun_twice, REFUSED },
	{ "a body", body, STREAMS },
	{ "records after the head", records_after_the_head, STREAMS },
	{ "garbage after the head", garbage_after_the_head, ANSWERED },
	{ "too many parameters", many_parameters, ANSWERED },
	{ "a head that is nearly too large", nearly_too_large,
		AT_THE_DEADLINE },
	{ "an aborted head", aborted_head, ANSWERED },
	{ "another version", other_version, REFUSED },
	{ "STDIN among the parameters", stdin_among_the_parameters, REFUSED },
	{ "a type that nobody knows", type_99, AT_THE_DEADLINE },
};

enum {
	KINDS = sizeof(kinds) / sizeof(*kinds),
	COPIES = 20,
	PEERS = KINDS * COPIES,
	LINES = 200,
	DEADLINE_MS = 10000,
	/* Looked at once a second, and by us when we get to it. */
	EARLY_MS = 500
};

struct peer {
	const struct hostile *kind;
	struct front_client *client;
	int64_t opened_ms;
	int64_t closed_ms;
};

static void start_peer(struct peer *p, const struct responder *r)
{
	struct bytes text = BYTES_INIT;

	p->opened_ms = test_now_ms();
	p->client = front_connect(r->address);
	assert_non_null(p->client);
	p->client->reader.tolerant = true;
	p->kind->put(&text);
	/* False is fine: it was refused in the middle. */
	reader_send(&p->client->reader, text.data, text.len);
	bytes_release(&text);
}

static void note_closed(struct peer *peers)
{
	for (int i = 0; i < PEERS; i++)
		if (peers[i].client->reader.closed && !peers[i].closed_ms)
			peers[i].closed_ms = test_now_ms();
}

/* Is every peer of that fate closed? */
static bool all_closed(struct peer *peers, enum fate fate)
{
	note_closed(peers);
	for (int i = 0; i < PEERS; i++)
		if (peers[i].kind->fate == fate && !peers[i].closed_ms)
			return false;
	return true;
}

static void append_and_wait(
	const struct responder *r, struct front_client *c, int *count)
{
	disk_append(r->log, "line %d\n", *count);
	++*count;
	reader_wait_events(&c->reader, (uint64_t)*count);
}

static void fail_about(const struct peer *p, const char *what)
{
	fail_msg("%s: %s (closed after %lld ms)", p->kind->name, what,
		p->closed_ms ? (long long)(p->closed_ms - p->opened_ms) : -1);
}

static void check_fate(const struct peer *p)
{
	const struct front_client *c = p->client;

	switch (p->kind->fate) {
	case AT_THE_DEADLINE:
		if (p->closed_ms - p->opened_ms < DEADLINE_MS - EARLY_MS)
			fail_about(p, "closed before the deadline");
		if (c->has_end || c->reader.has_head)
			fail_about(p, "was answered");
		break;
	case REFUSED:
		if (c->has_end || c->reader.has_head)
			fail_about(p, "was answered");
		break;
	case ANSWERED:
		if (!c->has_end)
			fail_about(p, "was not answered");
		break;
	case STREAMS:
		if (p->closed_ms || !c->reader.streams)
			fail_about(p, "does not stream");
		break;
	}
}

/* Peers that write parameters without end, as fast as they can, and come
 * again when they are closed. */
static pid_t start_flood(const char *address)
{
	static struct bytes text;
	pid_t pid;

	many_parameters(&text);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = reader_connect(address);

		while (fd >= 0 &&
			send(fd, text.data, text.len, MSG_NOSIGNAL) > 0)
			;
		if (fd < 0)
			usleep(1000);
		else
			close(fd);
	}
}

static void stop_flood(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void hostile_peers_delay_nobody_and_are_gone_after_the_deadline(
	void **state)
{
	static struct peer peers[PEERS];
	struct responder r;
	struct front_client *good;
	int count = 0;

	(void)state;
	responder_start(
		&r, &(struct responder_how){ .source = "history = 0;" });
	good = responder_follow(&r, NULL);
	append_and_wait(&r, good, &count);
	size_t own = process_own_bytes(r.process->pid);
	size_t sockets = process_sockets(r.process->pid);
	pid_t flood[2] = { start_flood(r.address), start_flood(r.address) };

	memset(peers, 0, sizeof(peers));
	for (int i = 0; i < PEERS; i++) {
		peers[i].kind = &kinds[i % KINDS];
		start_peer(&peers[i], &r);
	}
	/* With a single wait of libfcgi's two seconds for one of them, this
	 * would not be done before the first of them is closed. */
	for (int i = 0; i < LINES; i++)
		append_and_wait(&r, good, &count);
	note_closed(peers);
	for (int i = 0; i < PEERS; i++)
		if (peers[i].kind->fate == AT_THE_DEADLINE &&
			peers[i].closed_ms)
			fail_about(&peers[i], "the others took until it was "
					      "closed");
	if (responder_memory_is_real()) {
		size_t more = process_own_bytes(r.process->pid) - own;

		/* Heads of 64 KB at most, and a fifth of the kinds send as
		 * much as that. */
		print_message("%d hostile peers: %zu KB\n", PEERS, more / 1024);
		assert_in_range(more, 0, (size_t)PEERS * 65536 / 4);
	}
	while (!all_closed(peers, AT_THE_DEADLINE)) {
		append_and_wait(&r, good, &count);
		wait_quietly(50);
	}
	wait_for(all_closed(peers, REFUSED) && all_closed(peers, ANSWERED));
	stop_flood(flood[0]);
	stop_flood(flood[1]);
	size_t streams = 0;
	for (int i = 0; i < PEERS; i++) {
		check_fate(&peers[i]);
		streams += peers[i].kind->fate == STREAMS;
	}
	wait_for(process_sockets(r.process->pid) == sockets + streams);
	/* Every line arrived, once and in order. */
	assert_int_equal(good->reader.event_count, count);
	for (int i = 0; i < count; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %d", i);
		reader_expect_event(&good->reader, (size_t)i, "message", line);
	}
	assert_int_equal(process_stop(r.process), 0);
}

/* ---- one by one */

static void a_head_split_at_any_byte_is_a_head(void **state)
{
	struct bytes head = BYTES_INIT;
	struct front_client **c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	disk_append(r.log, "one\n");
	complete(&head);
	c = calloc(head.len, sizeof(struct front_client *));
	assert_non_null(c);
	for (size_t i = 1; i < head.len; i++) {
		c[i] = front_connect(r.address);
		assert_non_null(c[i]);
		reader_send(&c[i]->reader, head.data, i);
	}
	for (size_t i = 1; i < head.len; i++)
		wait_for(responder_has_read(&c[i]->reader));
	for (size_t i = 1; i < head.len; i++)
		reader_send(&c[i]->reader, head.data + i, head.len - i);
	for (size_t i = 1; i < head.len; i++)
		reader_expect_event(&c[i]->reader, 0, "message", "one");
	free(c);
	bytes_release(&head);
}

static void a_head_may_come_byte_by_byte(void **state)
{
	struct bytes head = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	disk_append(r.log, "one\n");
	complete(&head);
	c = front_connect(r.address);
	assert_non_null(c);
	for (size_t i = 0; i < head.len; i++) {
		int64_t end = test_now_ms() + test_limit_ms();

		reader_send(&c->reader, head.data + i, 1);
		while (!responder_has_read(&c->reader) && test_now_ms() < end)
			usleep(20);
	}
	reader_expect_event(&c->reader, 0, "message", "one");
	bytes_release(&head);
}

static void a_web_server_may_ask_for_values_first(void **state)
{
	static const char *const values[] = { "FCGI_MAX_CONNS", "FCGI_MAX_REQS",
		"FCGI_MPXS_CONNS" };
	struct bytes text = BYTES_INIT, pairs = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	disk_append(r.log, "one\n");
	c = front_connect(r.address);
	assert_non_null(c);
	for (size_t i = 0; i < 3; i++)
		front_put_pair(&pairs, values[i], "");
	front_put_record(&text, FRONT_GET_VALUES, 0, pairs.data, pairs.len);
	reader_send(&c->reader, text.data, text.len);
	wait_for(bytes_contain(&c->management, "FCGI_MPXS_CONNS"));
	assert_int_equal(c->management.data[1], FRONT_GET_VALUES_RESULT);
	/* HAProxy multiplexes only where this is 1. */
	assert_true(bytes_contain(&c->management, "FCGI_MPXS_CONNS0"));
	assert_true(bytes_contain(&c->management, "FCGI_MAX_CONNS"));
	assert_true(bytes_contain(&c->management, "FCGI_MAX_REQS"));
	bytes_clear(&text);
	complete(&text);
	reader_send(&c->reader, text.data, text.len);
	reader_expect_event(&c->reader, 0, "message", "one");
	bytes_release(&text);
	bytes_release(&pairs);
}

static void an_unknown_management_record_is_answered(void **state)
{
	struct bytes text = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	c = front_connect(r.address);
	assert_non_null(c);
	type_99(&text);
	reader_send(&c->reader, text.data, text.len);
	wait_for(c->management.len >= 16);
	assert_int_equal(c->management.data[1], FRONT_UNKNOWN_TYPE);
	assert_int_equal(c->management.data[8], 99);
	bytes_release(&text);
}

static void other_roles_are_declined(void **state)
{
	static void (*const puts[])(struct bytes *) = { authorizer, filter };
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct front_client *c = front_connect(r.address);
		struct bytes text = BYTES_INIT;

		assert_non_null(c);
		puts[i](&text);
		reader_send(&c->reader, text.data, text.len);
		reader_wait_end(&c->reader);
		assert_int_equal(c->protocol_status, FRONT_UNKNOWN_ROLE);
		reader_wait_closed(&c->reader);
		bytes_release(&text);
	}
}

static void a_second_request_at_the_same_time_is_declined(void **state)
{
	struct bytes text = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	c = front_connect(r.address);
	assert_non_null(c);
	c->id = 2; /* hears what concerns the second */
	c->reader.tolerant = true;
	front_put_begin(&text, 1, FRONT_RESPONDER, 0);
	front_put_begin(&text, 2, FRONT_RESPONDER, 0);
	reader_send(&c->reader, text.data, text.len);
	reader_wait_end(&c->reader);
	assert_int_equal(c->protocol_status, FRONT_CANNOT_MULTIPLEX);
	bytes_release(&text);
}

static void any_request_id_is_answered_with_itself(void **state)
{
	static const unsigned ids[] = { 1, 2, 255, 256, 0xabcd, 65535 };
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	disk_append(r.log, "one\n");
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct front_client *c = front_connect(r.address);
		struct bytes text = BYTES_INIT;

		assert_non_null(c);
		c->id = ids[i];
		front_put_request(&text, ids[i], 0, NULL);
		reader_send(&c->reader, text.data, text.len);
		reader_expect_event(&c->reader, 0, "message", "one");
		bytes_release(&text);
	}
	/* All of them at once, from the same piece of output. */
	disk_append(r.log, "two\n");
	disk_append(r.log, "three\n");
	struct front_client *last = responder_open(&r, NULL);
	reader_expect_event(&last->reader, 2, "message", "three");
}

/* Whoever asks to keep the connection is served, too; that it is closed
 * after the end is allowed (section 5.1 leaves it to the application). */
static void a_request_to_keep_the_connection_is_served(void **state)
{
	struct bytes text = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	disk_append(r.log, "one\n");
	c = front_connect(r.address);
	assert_non_null(c);
	front_put_request(&text, 1, FRONT_KEEP_CONNECTION, NULL);
	reader_send(&c->reader, text.data, text.len);
	reader_expect_event(&c->reader, 0, "message", "one");
	front_abort(c);
	reader_wait_end(&c->reader);
	assert_int_equal(c->protocol_status, FRONT_COMPLETE);

	bytes_clear(&text);
	front_put_request(&text, 1, FRONT_KEEP_CONNECTION,
		&(struct ask){ .method = "HEAD" });
	c = front_connect(r.address);
	assert_non_null(c);
	reader_send(&c->reader, text.data, text.len);
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.status, 200);
	bytes_release(&text);
}

static void a_head_that_was_aborted_is_ended(void **state)
{
	struct bytes text = BYTES_INIT;
	struct front_client *c;
	struct responder r;

	(void)state;
	responder_start(&r, NULL);
	size_t sockets = process_sockets(r.process->pid);
	c = front_connect(r.address);
	assert_non_null(c);
	aborted_head(&text);
	reader_send(&c->reader, text.data, text.len);
	reader_wait_end(&c->reader);
	assert_false(c->reader.has_head);
	reader_wait_closed(&c->reader);
	wait_for(process_sockets(r.process->pid) == sockets);
	bytes_release(&text);
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hostile_peers_delay_nobody_and_are_gone_after_the_deadline),
		TEST(a_head_split_at_any_byte_is_a_head),
		TEST(a_head_may_come_byte_by_byte),
		TEST(a_web_server_may_ask_for_values_first),
		TEST(an_unknown_management_record_is_answered),
		TEST(other_roles_are_declined),
		TEST(a_second_request_at_the_same_time_is_declined),
		TEST(any_request_id_is_answered_with_itself),
		TEST(a_request_to_keep_the_connection_is_served),
		TEST(a_head_that_was_aborted_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
