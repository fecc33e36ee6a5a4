/*
 * reader: the receiving end of a stream, the same for FastCGI (front.h),
 * plain CGI (cgi.h) and HTTP (http.h): a head, a body, and the events in it
 * as the judge (sse.h) reads them.
 *
 * All readers that are open are pumped together, by one epoll loop, whenever
 * a test waits for anything (wait_for and the functions below): thousands
 * are fine, and none of them holds back a sender by accident. One that is
 * meant to, reader_set_reading takes out of the loop.
 *
 * What is wrong with a stream (sse_fault, a malformed FastCGI record, a head
 * that is none) fails the test at once, unless the reader is `tolerant`.
 *
 *   descriptor -> [records | chunks] -> head | body -> sse -> events
 */
#ifndef SSETAIL_TESTS_READER_H
#define SSETAIL_TESTS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/bytes.h"
#include "tests/lib/sse.h"

struct reader_event {
	char *type;
	char *data; /* followed by a NUL, and may hold some */
	size_t data_len;
	char *id; /* last event id when it was dispatched */
};

struct reader_header {
	char *name;
	char *value;
};

struct reader {
	/* Settings, to be changed right after opening. */
	bool tolerant;	   /* a fault is noted and does not fail the test */
	bool counts_only;  /* keep neither body nor events: sse.events counts */
	size_t keep_bytes; /* of body and of events; READER_KEEP_BYTES */

	/* What was received. For looking at. */
	uint64_t received_bytes; /* from the descriptor */
	bool has_head;
	int status;	   /* 200 if a CGI head names none; 0 before the head */
	struct bytes head; /* as it came, with the blank line */
	struct reader_header *headers;
	size_t header_count;
	struct bytes body; /* its first keep_bytes */
	uint64_t body_bytes;
	bool streams; /* the body is an event stream, and fed to `sse` */
	struct sse sse;
	struct reader_event *events;
	size_t event_count;
	bool ended;  /* the body is complete, by the rules of its transport */
	bool closed; /* the peer closed, or the connection broke */
	int error;   /* errno of the broken connection, or 0 */
	char fault[128]; /* the first thing that was wrong; "" if nothing */

	/* Inside. */
	int fd; /* non-blocking; -1 after reader_hang_up */
	const struct reader_kind *kind;
	bool reading;
	size_t kept_bytes;
	struct reader *previous;
	struct reader *next;
};

#define READER_KEEP_BYTES (64u << 20)
#define READER_HEAD_BYTES (64u << 10) /* a longer head is a fault */

/* ---- waiting: up to test_limit_ms, then the test fails and says what was
 * received instead. A condition that cannot come true any more, because the
 * peer has closed, fails at once. */

void reader_wait_head(struct reader *r);
void reader_wait_events(struct reader *r, uint64_t n);	   /* n in all */
void reader_wait_comments(struct reader *r, uint64_t n);   /* n in all */
void reader_wait_text(struct reader *r, const char *text); /* in the body */
void reader_wait_end(struct reader *r);			   /* `ended` */
void reader_wait_closed(struct reader *r); /* `closed`, ended or not */

/* Waits for an event with exactly that data; returns its index. */
size_t reader_wait_data(struct reader *r, const char *data);

/* Waits for the head, or for event `i`, and compares; NULL: whatever. */
void reader_expect_status(struct reader *r, int status);
void reader_expect_event(
	struct reader *r, size_t i, const char *type, const char *data);

/* ---- looking */

/* Event `i`, which must have arrived. Valid until the next wait. */
const struct reader_event *reader_event(struct reader *r, size_t i);

/* Index of the first event at or after `from` with that type and that data
 * (NULL: whatever), or -1. */
ptrdiff_t reader_find_event(const struct reader *r, size_t from,
	const char *type, const char *data);

/* Value of a header, the name in any case; NULL if there is none. */
const char *reader_header(const struct reader *r, const char *name);
size_t reader_header_times(const struct reader *r, const char *name);

/* The last event id that a browser would send when it reconnects. */
const char *reader_last_id(const struct reader *r);

/* Reads the body again, one byte at a time, with a new judge, and fails the
 * test if that gives other events. Needs the whole body (keep_bytes). */
void reader_check_bytewise(struct reader *r);

/* ---- acting */

/* A reader that does not read is left alone by all waits. Readers read from
 * the start; nothing is read before the first wait, though. */
void reader_set_reading(struct reader *r, bool reading);

/* Reads at most `max` bytes now, also while not reading; returns how many. */
size_t reader_read(struct reader *r, size_t max);

/*
 * Sends bytes, pumping all readers while the peer does not accept them.
 * False if the peer has closed; fails the test after the limit.
 */
bool reader_send(struct reader *r, const void *bytes, size_t len);

/* The client goes away: closes the descriptor and keeps what was received. */
void reader_hang_up(struct reader *r);

/* The same with a reset where the transport knows one (TCP). */
void reader_reset(struct reader *r);

/* Hangs up and frees the client that the reader is part of. NULL is fine. */
void reader_close(struct reader *r);
void reader_close_all(void);
size_t reader_open_count(void);

/* ---- for transports */

struct reader_kind {
	/* Bytes came from the descriptor. */
	void (*take)(struct reader *r, const unsigned char *bytes, size_t len);
	/* The peer has closed; may set `ended`. */
	void (*close)(struct reader *r);
	/* Frees the client. */
	void (*release)(struct reader *r);
};

/* `r` is zeroed memory. Takes the descriptor over. */
void reader_init(struct reader *r, const struct reader_kind *kind, int fd);

/* Takes bytes of a CGI response: head, then body. */
void reader_take(struct reader *r, const unsigned char *bytes, size_t len);

/* Takes bytes of the head only; returns how many were part of it. The first
 * line is a status line of HTTP if `http`. */
size_t reader_take_head(
	struct reader *r, const unsigned char *bytes, size_t len, bool http);
void reader_take_body(struct reader *r, const unsigned char *bytes, size_t len);

/* The body is complete. */
void reader_take_end(struct reader *r);

void reader_note_fault(struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Connects to an absolute path, "ADDRESS:PORT" or "[ADDRESS6]:PORT"
 * (numeric). Returns a descriptor, or -1 with errno. Waits for a full
 * backlog up to the limit. */
int reader_connect(const char *address);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define reader_wait_head(...)	   TEST_HERE(reader_wait_head(__VA_ARGS__))
#define reader_wait_events(...)	   TEST_HERE(reader_wait_events(__VA_ARGS__))
#define reader_wait_comments(...)  TEST_HERE(reader_wait_comments(__VA_ARGS__))
#define reader_wait_text(...)	   TEST_HERE(reader_wait_text(__VA_ARGS__))
#define reader_wait_end(...)	   TEST_HERE(reader_wait_end(__VA_ARGS__))
#define reader_wait_closed(...)	   TEST_HERE(reader_wait_closed(__VA_ARGS__))
#define reader_wait_data(...)	   TEST_HERE(reader_wait_data(__VA_ARGS__))
#define reader_expect_status(...)  TEST_HERE(reader_expect_status(__VA_ARGS__))
#define reader_expect_event(...)   TEST_HERE(reader_expect_event(__VA_ARGS__))
#define reader_event(...)	   TEST_HERE(reader_event(__VA_ARGS__))
#define reader_check_bytewise(...) TEST_HERE(reader_check_bytewise(__VA_ARGS__))
#define reader_send(...)	   TEST_HERE(reader_send(__VA_ARGS__))
#endif

#endif
