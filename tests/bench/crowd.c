#include "tests/bench/crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/frame.h"
#include "tests/bench/gauge.h"
#include "tests/bench/sequence.h"
#include "tests/bench/socket.h"

#define PATIENCE_MS   30000
#define EVENTS_A_TURN 512

/* Between two looks at who has got something. */
#define ARRIVAL_STEP_NS	  50000
#define ARRIVAL_STEPS_MAX 100000

struct member {
	int fd;
	bool has_arrival;
	struct frame frame;
	struct sequence sequence;
};

struct crowd {
	int epoll;
	int arrivals; /* edges; -1: nobody asked for them yet */
	size_t count;
	size_t readers; /* the others are not read any more */
	size_t without_id;
	size_t without; /* the event that is expected, */
	uint64_t expected;
	struct delays *delays; /* NULL: nobody asks for them */
	struct bytes first_got;
	char buffer[1 << 18];
	struct member members[];
};

/* ---- opening */

static void open_member(struct crowd *c, struct member *m, const char *address,
	const struct bytes *request)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = m };

	m->fd = socket_connect(address);
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, m->fd, &event) < 0)
		die_errno("epoll");
	if (request && send(m->fd, request->data, request->len, 0) !=
			       (ssize_t)request->len)
		die_errno("request");
}

/* `next`: how many requests further the next one's is, 0 or 1. */
static struct crowd *open_crowd(const char *address, size_t count,
	const struct bytes *requests, size_t next, enum frame_kind kind)
{
	struct crowd *c = calloc(1, sizeof(*c) + count * sizeof(struct member));

	if (!c)
		die_errno("memory");
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->arrivals = -1;
	c->count = c->readers = c->without_id = count;
	for (size_t i = 0; i < count; i++) {
		struct member *m = &c->members[i];

		m->frame.kind = kind;
		m->sequence.client = i;
		m->sequence.counts = kind == FRAME_FASTCGI;
		open_member(
			c, m, address, requests ? &requests[i * next] : NULL);
	}
	return c;
}

struct crowd *crowd_open(
	const char *path, size_t count, const struct bytes *request)
{
	return open_crowd(path, count, request, 0, FRAME_FASTCGI);
}

struct crowd *crowd_open_each(
	const char *path, size_t count, const struct bytes *requests)
{
	return open_crowd(path, count, requests, 1, FRAME_FASTCGI);
}

struct crowd *crowd_open_http(
	const char *address, size_t count, const struct bytes *request)
{
	return open_crowd(address, count, request, 0, FRAME_HTTP);
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

void crowd_begin_one_at(struct crowd *c, size_t client, uint64_t number)
{
	sequence_begin_at(&c->members[client].sequence, number);
}

void crowd_begin_at(struct crowd *c, uint64_t number)
{
	for (size_t i = 0; i < c->count; i++)
		crowd_begin_one_at(c, i, number);
}

void crowd_stop_reading(struct crowd *c, size_t count)
{
	while (count--) {
		const struct member *m = &c->members[--c->readers];

		if (epoll_ctl(c->epoll, EPOLL_CTL_DEL, m->fd, NULL) < 0)
			die_errno("epoll");
	}
}

/* ---- what comes */

/* What is there now of the stream of a client that had `before`. */
static void note_progress(
	struct crowd *c, const struct member *m, struct sequence before)
{
	uint64_t number = before.got;
	double now = c->delays ? now_ns() : 0;

	c->without_id -= m->sequence.has_id && !before.has_id;
	if (number < c->expected && m->sequence.got >= c->expected)
		c->without--;
	while (c->delays && number < m->sequence.got)
		delays_note_got(c->delays, ++number, now);
}

static void read_member(struct crowd *c, struct member *m)
{
	ssize_t n = recv(m->fd, c->buffer, sizeof(c->buffer), MSG_DONTWAIT);
	struct sequence before;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		die("client %zd: the connection has ended", m - c->members);
	if (m == c->members)
		bytes_add(&c->first_got, c->buffer, (size_t)n);
	before = m->sequence;
	frame_take(&m->frame, &m->sequence, c->buffer, (size_t)n);
	note_progress(c, m, before);
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
	c->without = 0;
	for (size_t i = 0; i < c->readers; i++)
		c->without += c->members[i].sequence.got < number;
	bytes_clear(&c->first_got);
}

void crowd_measure(struct crowd *c, struct delays *delays)
{
	c->delays = delays;
}

static void watch_arrivals(struct crowd *c)
{
	c->arrivals = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < c->readers; i++) {
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
	size_t without = c->readers, steps = 0;

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

void crowd_copy_id(const struct crowd *c, char id[CROWD_ID])
{
	static const char mark[] = "\nid: ";
	ptrdiff_t at = -1, last = -1;
	size_t len = 0;

	while ((at = bytes_find(&c->first_got, (size_t)(at + 1), mark)) >= 0)
		last = at + (ptrdiff_t)strlen(mark);
	for (; last >= 0 && c->first_got.data[last] != '\n'; last++)
		if (len < CROWD_ID - 1)
			id[len++] = c->first_got.data[last];
	id[len] = '\0';
}
