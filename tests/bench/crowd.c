#include "tests/bench/crowd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/die.h"

#define PATIENCE_MS   30000
#define EVENTS_A_TURN 512

/* Between two looks at who has got something. */
#define ARRIVAL_STEP_NS	  50000
#define ARRIVAL_STEPS_MAX 100000

enum { HEADER_BYTES = 8, STDOUT = 6 };

static const char event_start[] = "data: " SEQUENCE_START;

#define EVENT_START (sizeof(event_start) - 1)
#define LINE_START  (EVENT_START + SEQUENCE_DIGITS)

struct member {
	int fd;
	bool has_id;
	bool has_arrival;
	unsigned header_have;
	unsigned char header[HEADER_BYTES];
	size_t content_left;
	size_t padding_left;
	size_t start_len;
	char start[LINE_START]; /* of the line that is coming */
	uint64_t next;		/* the number of its next event */
};

struct crowd {
	int epoll;
	int arrivals; /* edges; -1: nobody asked for them yet */
	size_t count;
	size_t without_id;
	size_t without; /* the event that is expected, */
	uint64_t expected;
	struct bytes first_got;
	char buffer[1 << 18];
	struct member members[];
};

/* ---- opening */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 ||
		connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die_errno("%s", path);
	return fd;
}

struct crowd *crowd_open(
	const char *path, size_t count, const struct bytes *request)
{
	struct crowd *c = calloc(1, sizeof(*c) + count * sizeof(struct member));

	if (!c)
		die_errno("memory");
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->arrivals = -1;
	c->count = c->without_id = count;
	for (size_t i = 0; i < count; i++) {
		struct member *m = &c->members[i];
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = m };

		m->next = 1;
		m->fd = connect_to(path);
		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, m->fd, &event) < 0)
			die_errno("epoll");
		if (request && send(m->fd, request->data, request->len, 0) !=
				       (ssize_t)request->len)
			die_errno("request");
	}
	return c;
}

void crowd_close(struct crowd *c)
{
	for (size_t i = 0; i < c->count; i++)
		close(c->members[i].fd);
	close(c->epoll);
	if (c->arrivals >= 0)
		close(c->arrivals);
	bytes_release(&c->first_got);
	free(c);
}

/* ---- what comes */

static uint64_t number_in(const char *digits)
{
	uint64_t number = 0;

	for (int i = 0; i < SEQUENCE_DIGITS; i++)
		number = number * 10 + (uint64_t)(digits[i] - '0');
	return number;
}

static bool begins(const struct member *m, const char *text, size_t len)
{
	return m->start_len >= len && memcmp(m->start, text, len) == 0;
}

static void take_event(struct crowd *c, struct member *m)
{
	uint64_t number = number_in(m->start + EVENT_START);

	if (m->start_len < LINE_START || number != m->next)
		die("client %zd got event %.*s, not number %ju", m - c->members,
			(int)m->start_len, m->start, (uintmax_t)m->next);
	if (m->next++ == c->expected)
		c->without--;
}

static void take_line(struct crowd *c, struct member *m)
{
	if (begins(m, event_start, EVENT_START)) {
		take_event(c, m);
	} else if (begins(m, "id: ", 4)) {
		c->without_id -= !m->has_id;
		m->has_id = true;
	} else if (begins(m, "event: ", 7)) {
		die("client %zd got an %.*s", m - c->members, (int)m->start_len,
			m->start);
	}
	m->start_len = 0;
}

static void take_content(
	struct crowd *c, struct member *m, const char *bytes, size_t len)
{
	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end ? (size_t)(end - bytes) : len;
		size_t room = LINE_START - m->start_len;

		memcpy(m->start + m->start_len, bytes,
			part < room ? part : room);
		m->start_len += part < room ? part : room;
		if (end) {
			take_line(c, m);
			part++;
		}
		bytes += part;
		len -= part;
	}
}

static void take_header(struct crowd *c, struct member *m)
{
	if (m->header[0] != 1 || m->header[1] != STDOUT)
		die("client %zd got a record of type %u", m - c->members,
			m->header[1]);
	m->content_left = (size_t)m->header[4] << 8 | m->header[5];
	m->padding_left = m->header[6];
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void take_bytes(
	struct crowd *c, struct member *m, const char *bytes, size_t len)
{
	while (len) {
		size_t n;

		if (m->header_have < HEADER_BYTES) {
			n = smaller(len, HEADER_BYTES - m->header_have);
			memcpy(m->header + m->header_have, bytes, n);
			m->header_have += (unsigned)n;
			if (m->header_have == HEADER_BYTES)
				take_header(c, m);
		} else if (m->content_left) {
			n = smaller(len, m->content_left);
			take_content(c, m, bytes, n);
			m->content_left -= n;
		} else {
			n = smaller(len, m->padding_left);
			m->padding_left -= n;
		}
		if (m->header_have == HEADER_BYTES && !m->content_left &&
			!m->padding_left)
			m->header_have = 0;
		bytes += n;
		len -= n;
	}
}

static void read_member(struct crowd *c, struct member *m)
{
	ssize_t n = recv(m->fd, c->buffer, sizeof(c->buffer), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		die("client %zd: the connection has ended", m - c->members);
	if (m == c->members)
		bytes_add(&c->first_got, c->buffer, (size_t)n);
	take_bytes(c, m, c->buffer, (size_t)n);
}

static void read_some(struct crowd *c, int ms)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(c->epoll, events, EVENTS_A_TURN, ms);

	if (n < 0 && errno != EINTR)
		die_errno("epoll");
	if (n == 0 && ms == PATIENCE_MS)
		die("%zu of %zu clients do not get event %ju", c->without,
			c->count, (uintmax_t)c->expected);
	for (int i = 0; i < n; i++)
		read_member(c, events[i].data.ptr);
}

void crowd_wait_open(struct crowd *c)
{
	while (c->without_id)
		read_some(c, PATIENCE_MS);
}

void crowd_expect(struct crowd *c, uint64_t number)
{
	c->expected = number;
	c->without = c->count;
	bytes_clear(&c->first_got);
}

static void watch_arrivals(struct crowd *c)
{
	c->arrivals = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < c->count; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET,
			.data.ptr = &c->members[i] };

		if (epoll_ctl(c->arrivals, EPOLL_CTL_ADD, c->members[i].fd,
			    &event) < 0)
			die_errno("epoll");
	}
}

void crowd_wait_arrival(struct crowd *c)
{
	const struct timespec step = { .tv_nsec = ARRIVAL_STEP_NS };
	struct epoll_event events[EVENTS_A_TURN];
	size_t without = c->count, steps = 0;

	if (c->arrivals < 0)
		watch_arrivals(c);
	for (size_t i = 0; i < c->count; i++)
		c->members[i].has_arrival = false;
	while (without) {
		int n = epoll_wait(c->arrivals, events, EVENTS_A_TURN, 0);

		for (int i = 0; i < n; i++) {
			struct member *m = events[i].data.ptr;

			without -= !m->has_arrival;
			m->has_arrival = true;
		}
		if (n == EVENTS_A_TURN)
			continue;
		if (++steps == ARRIVAL_STEPS_MAX)
			die("%zu of %zu clients get nothing", without,
				c->count);
		nanosleep(&step, NULL);
	}
}

bool crowd_take(struct crowd *c, int ms)
{
	if (c->without)
		read_some(c, ms);
	return !c->without;
}

void crowd_wait(struct crowd *c)
{
	while (c->without)
		read_some(c, PATIENCE_MS);
}

const struct bytes *crowd_first_got(const struct crowd *c)
{
	return &c->first_got;
}
