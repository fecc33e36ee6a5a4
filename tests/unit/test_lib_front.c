/*
 * The front against a small responder of its own: what the test library gets
 * wrong is found here and not in a test of ssetail.
 *
 * The responder is a child process that takes one connection after the
 * other. It composes every record by hand, and does what PATH_INFO says.
 */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/front.h"
#include "tests/lib/process.h"

/* ---- the responder, blocking and simple */

struct peer {
	int fd;
	unsigned char body[70000]; /* of the record that was read last */
	size_t len;
	unsigned type;
	struct bytes pairs; /* content of FCGI_PARAMS */
};

static bool read_exactly(int fd, void *bytes, size_t len)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = read(fd, (char *)bytes + have, len - have);

		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

static void write_all(int fd, const void *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes = (const char *)bytes + n;
		len -= (size_t)n;
	}
}

static bool read_record(struct peer *p)
{
	unsigned char h[8];

	if (!read_exactly(p->fd, h, 8) || h[0] != 1)
		return false;
	p->type = h[1];
	p->len = (size_t)(h[4] * 256 + h[5]);
	return read_exactly(p->fd, p->body, p->len + h[6]);
}

static size_t pair_length(const unsigned char **at)
{
	const unsigned char *c = *at;

	if (*c < 128) {
		*at += 1;
		return *c;
	}
	*at += 4;
	return (size_t)(c[0] & 127) << 24 | (size_t)(c[1] << 16) |
	       (size_t)(c[2] << 8) | c[3];
}

/* The pairs as lines "NAME=value"; the value of PATH_INFO in path[64]. */
static void read_pairs(const struct peer *p, struct bytes *lines, char *path)
{
	const unsigned char *at = (const unsigned char *)p->pairs.data;
	const unsigned char *end = at + p->pairs.len;

	path[0] = '\0';
	while (at < end) {
		size_t name = pair_length(&at);
		size_t value = pair_length(&at);

		bytes_add_text(lines, "data: ");
		bytes_add(lines, at, name);
		bytes_add_text(lines, "=");
		bytes_add(lines, at + name, value);
		bytes_add_text(lines, "\n");
		if (name == 9 && memcmp(at, "PATH_INFO", 9) == 0 &&
			value < 64) {
			memcpy(path, at + name, value);
			path[value] = '\0';
		}
		at += name + value;
	}
	bytes_add_text(lines, "\n");
}

static void put(struct bytes *out, unsigned version, unsigned type, unsigned id,
	const char *content, size_t len, unsigned padding)
{
	const unsigned char h[8] = { (unsigned char)version,
		(unsigned char)type, (unsigned char)(id >> 8),
		(unsigned char)id, (unsigned char)(len >> 8),
		(unsigned char)len, (unsigned char)padding, 0 };

	bytes_add(out, h, 8);
	bytes_add(out, content, len);
	bytes_add(out, "pad pad pad pad pad", padding);
}

static void put_out(struct bytes *out, const char *text)
{
	put(out, 1, 6, 1, text, strlen(text), 0);
}

static void put_end(struct bytes *out)
{
	put(out, 1, 6, 1, "", 0, 0);
	put(out, 1, 3, 1, "\0\0\1\2\0\0\0", 8, 0);
}

static const char stream_head[] = "Content-Type: text/event-stream\r\n"
				  "X-Test: a: b \r\n\r\n";

static void wait_for_abort(struct peer *p)
{
	while (read_record(p) && p->type != 2)
		;
}

static void answer(struct peer *p)
{
	struct bytes out = BYTES_INIT;
	struct bytes lines = BYTES_INIT;
	char path[64];
	bool bytewise = false;

	read_pairs(p, &lines, path);
	if (strcmp(path, "/plain") == 0) {
		put_out(&out, "Status: 404 Not Found\nContent-Type: text/plain"
			      "\n\nno such thing\n");
		put_end(&out);
	} else if (strcmp(path, "/drip") == 0) {
		bytewise = true;
		put_out(&out, stream_head);
		put_out(&out, ": c\n\ndata: a\n");
		put(&out, 1, 6, 1, "id: 7\n\n", 7, 5);
		put(&out, 1, 7, 1, "oops", 4, 0);
		put(&out, 1, 7, 1, "", 0, 3);
		put_out(&out, "event: e\ndata: b\n\n");
		put_end(&out);
	} else if (strcmp(path, "/version") == 0) {
		put(&out, 2, 6, 1, "x", 1, 0);
	} else if (strcmp(path, "/id") == 0) {
		put(&out, 1, 6, 2, "x", 1, 0);
	} else if (strcmp(path, "/type") == 0) {
		put(&out, 1, 5, 1, "x", 1, 0);
	} else if (strcmp(path, "/short-end") == 0) {
		put(&out, 1, 3, 1, "\0\0\0\0", 4, 0);
	} else if (strcmp(path, "/after-end") == 0) {
		put_out(&out, stream_head);
		put_end(&out);
		put_out(&out, "data: x\n\n");
	} else if (strcmp(path, "/no-head") == 0) {
		put_out(&out, "data: x\n\ndata: y\n\n");
	} else if (strcmp(path, "/utf-8") == 0) {
		put_out(&out, stream_head);
		put_out(&out, "data: \xff\n\ndata: y\n\n");
		put_end(&out);
	} else if (strcmp(path, "/cut") == 0) {
		put_out(&out, stream_head);
		put(&out, 1, 6, 1, "data: x\n\ndata: \xe2\x82\xac\n\n", 20, 0);
		out.len -= 4; /* in the middle of the character */
	} else if (strcmp(path, "/late") == 0) {
		put_out(&out, stream_head);
		put_out(&out, "data: first\n\n");
		write_all(p->fd, out.data, out.len);
		bytes_clear(&out);
		wait_for_abort(p);
		put_out(&out, "data: aborted\n\n");
		put_end(&out);
	} else if (strcmp(path, "/flood") == 0) {
		put_out(&out, stream_head);
		for (int i = 0; i < 20000; i++)
			put_out(&out, "data: 0123456789012345678901234\n\n");
		put_end(&out);
	} else {
		put_out(&out, stream_head);
		put(&out, 1, 6, 1, lines.data, lines.len, 7);
		put_end(&out);
	}
	for (size_t i = 0; bytewise && i < out.len; i++)
		write_all(p->fd, &out.data[i], 1);
	if (!bytewise)
		write_all(p->fd, out.data, out.len);
	bytes_release(&out);
	bytes_release(&lines);
}

static void serve(int fd)
{
	struct peer p = { .fd = fd };
	bool stdin_ended = false;

	while (!stdin_ended && read_record(&p)) {
		if (p.type == 9) {
			struct bytes out = BYTES_INIT;

			put(&out, 1, 10, 0, "\x0f\1FCGI_MPXS_CONNS0", 18, 6);
			write_all(fd, out.data, out.len);
			bytes_release(&out);
		} else if (p.type == 4) {
			bytes_add(&p.pairs, p.body, p.len);
		}
		stdin_ended = p.type == 5 && p.len == 0;
	}
	if (stdin_ended)
		answer(&p);
	bytes_release(&p.pairs);
}

/* ---- the test's side */

static const char *address;

static int setup(void **state)
{
	(void)state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	address = disk_path(disk_folder(), "socket");
	strcpy(a.sun_path, address);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 4096), 0);
	/* The clean-up of process.h ends it, as a descendant of ours. */
	process_free(process_run("/bin/true", NULL));
	pid_t parent = getpid();
	if (fork() == 0) {
		while (getppid() == parent) {
			int fd = accept(listener, NULL, NULL);

			serve(fd);
			close(fd);
		}
		_exit(0);
	}
	close(listener);
	return 0;
}

static struct front_client *open_path(const char *path)
{
	return front_open(address, &(struct ask){ .path = path });
}

static void sends_what_a_web_server_sends(void **state)
{
	(void)state;
	struct front_client *c = front_open(address,
		&(struct ask){
			.path = "/echo",
			.query = "a=b&c",
			.last_event_id = "7-8",
			.headers = (const char *[]){ "Origin: http://x",
				"X-Long-Name:v", NULL },
			.variables = (const char *[]){ "SERVER_PORT=81",
				"DOCUMENT_ROOT", "REMOTE_USER=joe", NULL },
		});

	reader_wait_closed(&c->reader);
	assert_true(c->reader.ended);
	reader_expect_status(&c->reader, 200);
	const char *lines = reader_event(&c->reader, 0)->data;
	static const char *const expected[] = {
		"GATEWAY_INTERFACE=CGI/1.1\n",
		"REQUEST_METHOD=GET\n",
		"SCRIPT_NAME=/stream\n",
		"PATH_INFO=/echo\n",
		"QUERY_STRING=a=b&c\n",
		"REQUEST_URI=/stream/echo?a=b&c\n",
		"HTTP_LAST_EVENT_ID=7-8\n",
		"HTTP_ACCEPT=text/event-stream\n",
		"HTTP_ORIGIN=http://x\n",
		"HTTP_X_LONG_NAME=v\n",
		"SERVER_PORT=81\n",
		"REMOTE_USER=joe",
	};
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		if (!strstr(lines, expected[i]))
			fail_msg("no %s in %s", expected[i], lines);
	assert_null(strstr(lines, "SERVER_PORT=80"));
	assert_null(strstr(lines, "DOCUMENT_ROOT"));
	assert_int_equal(c->app_status, 0x102);
	assert_int_equal(c->protocol_status, FRONT_COMPLETE);
	assert_int_equal(c->stdout_records, 2);
}

static void sends_long_values_and_many_records(void **state)
{
	(void)state;
	struct bytes value = BYTES_INIT;

	bytes_add_text(&value, "LONG=");
	for (int i = 0; i < 30000; i++)
		bytes_add_byte(&value, 'x');
	struct front_client *c = front_open(address,
		&(struct ask){ .path = "/echo",
			.variables = (const char *[]){ value.data, NULL } });
	reader_wait_end(&c->reader);
	assert_true(bytes_contain(&c->reader.body, value.data));
	assert_true(c->longest_record > 30000);
	bytes_release(&value);
}

static void reads_records_in_pieces(void **state)
{
	(void)state;
	struct front_client *c = open_path("/drip");
	struct reader *r = &c->reader;

	reader_set_reading(r, false);
	while (!r->closed)
		reader_read(r, 1);
	assert_true(r->ended);
	assert_int_equal(r->event_count, 2);
	reader_expect_event(r, 0, "message", "a");
	reader_expect_event(r, 1, "e", "b");
	assert_string_equal(reader_event(r, 0)->id, "7");
	assert_string_equal(reader_last_id(r), "7");
	assert_int_equal(r->sse.comments, 1);
	assert_true(bytes_are(&c->errors, "oops"));
	assert_true(c->stdout_closed);
	assert_false(front_was_cut(c));
	reader_check_bytewise(r);
}

static void splits_the_head_from_the_body(void **state)
{
	(void)state;
	struct front_client *c = open_path("/plain");

	reader_expect_status(&c->reader, 404);
	reader_wait_end(&c->reader);
	assert_true(bytes_are(&c->reader.body, "no such thing\n"));
	assert_false(c->reader.streams);
	assert_string_equal(
		reader_header(&c->reader, "content-type"), "text/plain");
	reader_close(&c->reader);

	c = open_path("/drip");
	reader_wait_head(&c->reader);
	assert_string_equal(reader_header(&c->reader, "x-test"), "a: b ");
	assert_int_equal(reader_header_times(&c->reader, "X-TEST"), 1);
	assert_null(reader_header(&c->reader, "Status"));
}

static void notices_malformed_records(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		const char *fault; /* a word of it */
	} rows[] = {
		{ "/version", "version" },
		{ "/id", "another request" },
		{ "/type", "must not send" },
		{ "/short-end", "8 bytes" },
		{ "/after-end", "after FCGI_END_REQUEST" },
		{ "/no-head", "Content-Type" },
		{ "/utf-8", "UTF-8" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct front_client *c = open_path(rows[i].path);

		c->reader.tolerant = true;
		reader_wait_closed(&c->reader);
		if (!strstr(c->reader.fault, rows[i].fault))
			fail_msg("%s: '%s'", rows[i].path, c->reader.fault);
		reader_close(&c->reader);
	}
}

static void goes_on_after_a_fault_of_the_stream(void **state)
{
	(void)state;
	struct front_client *c = open_path("/utf-8");

	c->reader.tolerant = true;
	reader_wait_end(&c->reader);
	reader_expect_event(&c->reader, 0, NULL, "\xef\xbf\xbd");
	reader_expect_event(&c->reader, 1, NULL, "y");
}

static void tells_a_cut_from_an_end(void **state)
{
	(void)state;
	struct front_client *c = open_path("/cut");

	reader_wait_closed(&c->reader);
	assert_false(c->reader.ended);
	assert_true(front_was_cut(c));
	assert_true(c->reader.sse.unfinished);
	assert_int_equal(c->reader.sse.events, 1);
}

static void aborts(void **state)
{
	(void)state;
	struct front_client *c = open_path("/late");

	assert_int_equal(reader_wait_data(&c->reader, "first"), 0);
	assert_false(c->reader.ended);
	front_abort(c);
	reader_wait_text(&c->reader, "aborted");
	reader_wait_events(&c->reader, 2);
	reader_wait_end(&c->reader);
	assert_int_equal(
		reader_find_event(&c->reader, 1, "message", "aborted"), 1);
	assert_int_equal(reader_find_event(&c->reader, 2, NULL, NULL), -1);
}

static void asks_for_values(void **state)
{
	(void)state;
	struct front_client *c = front_connect(address);
	struct bytes out = BYTES_INIT;
	struct bytes pairs = BYTES_INIT;

	front_put_pair(&pairs, "FCGI_MPXS_CONNS", "");
	front_put_record(&out, FRONT_GET_VALUES, 0, pairs.data, pairs.len);
	assert_true(reader_send(&c->reader, out.data, out.len));
	wait_for(bytes_contain(&c->management, "FCGI_MPXS_CONNS0"));
	assert_int_equal(c->management.len, 26);
	bytes_release(&pairs);
	bytes_release(&out);
}

static void is_read_only_when_it_reads(void **state)
{
	(void)state;
	struct front_client *c = open_path("/flood");
	struct reader *r = &c->reader;

	reader_set_reading(r, false);
	wait_quietly(50);
	assert_int_equal(r->received_bytes, 0);
	wait_for(reader_read(r, 10) == 10);
	assert_int_equal(r->received_bytes, 10);
	reader_set_reading(r, true);
	reader_wait_end(r);
	assert_int_equal(r->sse.events, 20000);
	assert_int_equal(r->event_count, 20000);
}

static void bounds_what_it_keeps(void **state)
{
	(void)state;
	struct front_client *c = open_path("/flood");

	c->reader.keep_bytes = 1000;
	c->reader.tolerant = true;
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.body.len, 1000);
	assert_true(c->reader.event_count < 100);
	assert_int_equal(c->reader.sse.events, 20000);
	assert_true(c->reader.fault[0]);
	reader_close(&c->reader);

	c = open_path("/flood");
	c->reader.counts_only = true;
	reader_wait_end(&c->reader);
	assert_int_equal(c->reader.sse.events, 20000);
	assert_int_equal(c->reader.event_count, 0);
	assert_int_equal(c->reader.body.len, 0);
}

static void pumps_thousands(void **state)
{
	(void)state;
	enum { MANY = 2500 }; /* over the usual limit of descriptors */
	static struct front_client *c[MANY];

	for (int i = 0; i < MANY; i++)
		c[i] = open_path("/echo");
	assert_int_equal(reader_open_count(), MANY);
	for (int i = 0; i < MANY; i++)
		reader_wait_end(&c[i]->reader);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(c[i]->reader.sse.events, 1);
	wait_for(reader_open_count() == 0);
	for (int i = 0; i < MANY; i += 2)
		reader_close(&c[i]->reader);
}

static void hangs_up_and_keeps_what_came(void **state)
{
	(void)state;
	struct front_client *c = open_path("/late");

	reader_wait_events(&c->reader, 1);
	reader_hang_up(&c->reader);
	assert_false(c->reader.closed);
	reader_expect_event(&c->reader, 0, "message", "first");
	assert_false(reader_send(&c->reader, "x", 1));
}

static void says_why_it_cannot_connect(void **state)
{
	(void)state;
	assert_null(front_connect("/nowhere/at/all"));
	assert_int_equal(errno, ENOENT);
	assert_null(front_connect("no address"));
	assert_int_equal(errno, EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(sends_what_a_web_server_sends),
		TEST(sends_long_values_and_many_records),
		TEST(reads_records_in_pieces),
		TEST(splits_the_head_from_the_body),
		TEST(notices_malformed_records),
		TEST(goes_on_after_a_fault_of_the_stream),
		TEST(tells_a_cut_from_an_end),
		TEST(aborts),
		TEST(asks_for_values),
		TEST(is_read_only_when_it_reads),
		TEST(bounds_what_it_keeps),
		TEST(pumps_thousands),
		TEST(hangs_up_and_keeps_what_came),
		TEST(says_why_it_cannot_connect),
	};

	return cmocka_run_group_tests_name("lib_front", tests, NULL, NULL);
}
