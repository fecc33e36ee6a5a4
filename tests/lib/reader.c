#define TESTS_LIB_INSIDE
#include "tests/lib/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/test.h"

#define READ_BYTES     65536 /* by one read */
#define DESCRIBED_MAX  4     /* readers that are shown when a test fails */
#define DESCRIBED_TAIL 500   /* bytes of each body */

static struct reader *readers; /* all that are open, newest first */
static struct reader *subject; /* the one that is waited for */
static int loop = -1;

/* ---- the loop */

static void check_fault(struct reader *r)
{
	if (!r->fault[0] || r->tolerant)
		return;
	subject = r;
	test_fail("reader: %s", r->fault);
}

static void watch(struct reader *r)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = r };

	if (epoll_ctl(loop, EPOLL_CTL_ADD, r->fd, &e) < 0)
		test_fail("epoll: %s", strerror(errno));
}

static void unwatch(struct reader *r)
{
	epoll_ctl(loop, EPOLL_CTL_DEL, r->fd, NULL);
}

static void drop_descriptor(struct reader *r)
{
	if (r->fd < 0)
		return;
	if (r->reading)
		unwatch(r);
	close(r->fd);
	r->fd = -1;
}

static void take_close(struct reader *r, int error)
{
	drop_descriptor(r);
	r->closed = true;
	r->error = error;
	r->kind->close(r);
	if (r->streams && !r->ended) {
		/* A cut in the middle of a character is no fault. */
		r->sse.needed = 0;
		sse_end(&r->sse);
	}
}

size_t reader_read(struct reader *r, size_t max)
{
	static unsigned char bytes[READ_BYTES];

	if (r->fd < 0)
		return 0;
	ssize_t n = read(r->fd, bytes, max < READ_BYTES ? max : READ_BYTES);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0) {
		r->received_bytes += (size_t)n;
		r->kind->take(r, bytes, (size_t)n);
	} else {
		take_close(r, n < 0 ? errno : 0);
	}
	check_fault(r);
	return n > 0 ? (size_t)n : 0;
}

static void pump(int ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(loop, events, 256, ms);

	for (int i = 0; i < n; i++)
		reader_read(events[i].data.ptr, READ_BYTES);
}

/* ---- what a failing test shows */

static void add_escaped(struct bytes *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			bytes_add_text(out, "\\n\n    ");
		else if (c < 0x20 || c > 0x7e)
			bytes_add_format(out, "\\x%02x", c);
		else
			bytes_add_byte(out, c);
	}
}

static void describe(const struct reader *r)
{
	struct bytes text = BYTES_INIT;
	size_t tail =
		r->body.len < DESCRIBED_TAIL ? r->body.len : DESCRIBED_TAIL;

	bytes_add_format(&text,
		"  reader: status %d, %llu bytes, body %llu, events %llu, "
		"comments %llu%s%s%s%s",
		r->status, (unsigned long long)r->received_bytes,
		(unsigned long long)r->body_bytes,
		(unsigned long long)r->sse.events,
		(unsigned long long)r->sse.comments, r->ended ? ", ended" : "",
		r->closed ? ", closed by the peer" : "", r->error ? ": " : "",
		r->error ? strerror(r->error) : "");
	if (r->fault[0])
		bytes_add_format(&text, ", fault: %s", r->fault);
	bytes_add_text(&text, "; it ends with\n    ");
	if (r->has_head)
		add_escaped(
			&text, bytes_text(&r->body) + r->body.len - tail, tail);
	else
		add_escaped(&text, bytes_text(&r->head), r->head.len);
	print_error("%s\n", bytes_text(&text));
	bytes_release(&text);
}

static void describe_readers(void)
{
	int shown = 0;

	if (subject)
		describe(subject);
	for (struct reader *r = readers; r && shown < DESCRIBED_MAX;
		r = r->next) {
		if (r == subject)
			continue;
		describe(r);
		shown++;
	}
}

/* ---- life */

static void take_event(void *context, const struct sse_event *event);

void reader_init(struct reader *r, const struct reader_kind *kind, int fd)
{
	static const struct test_module module = { reader_close_all,
		describe_readers, pump };

	test_register(TEST_READERS, &module);
	if (loop < 0)
		loop = epoll_create1(EPOLL_CLOEXEC);
	r->keep_bytes = READER_KEEP_BYTES;
	sse_init(&r->sse, take_event, r);
	r->kind = kind;
	r->fd = fd;
	r->next = readers;
	if (readers)
		readers->previous = r;
	readers = r;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	reader_set_reading(r, true);
}

void reader_set_reading(struct reader *r, bool reading)
{
	if (r->fd >= 0 && reading && !r->reading)
		watch(r);
	if (r->fd >= 0 && !reading && r->reading)
		unwatch(r);
	r->reading = reading;
}

void reader_hang_up(struct reader *r)
{
	drop_descriptor(r);
}

void reader_reset(struct reader *r)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (r->fd >= 0)
		setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &at_once,
			sizeof(at_once));
	drop_descriptor(r);
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	drop_descriptor(r);
	if (r->previous)
		r->previous->next = r->next;
	else
		readers = r->next;
	if (r->next)
		r->next->previous = r->previous;
	if (subject == r)
		subject = NULL;
	for (size_t i = 0; i < r->event_count; i++)
		free(r->events[i].type);
	free(r->events);
	for (size_t i = 0; i < r->header_count; i++)
		free(r->headers[i].name);
	free(r->headers);
	bytes_release(&r->head);
	bytes_release(&r->body);
	sse_release(&r->sse);
	r->kind->release(r);
}

void reader_close_all(void)
{
	while (readers)
		reader_close(readers);
}

size_t reader_open_count(void)
{
	size_t count = 0;

	for (struct reader *r = readers; r; r = r->next)
		count += r->fd >= 0;
	return count;
}

/* ---- what transports deliver */

void reader_note_fault(struct reader *r, const char *format, ...)
{
	va_list args;

	if (r->fault[0])
		return;
	va_start(args, format);
	vsnprintf(r->fault, sizeof(r->fault), format, args);
	va_end(args);
}

static void take_event(void *context, const struct sse_event *event)
{
	struct reader *r = context;
	size_t n = r->event_count;
	size_t size = event->type_len + event->data_len + event->id_len + 3;

	if (r->counts_only)
		return;
	if (r->kept_bytes + size > r->keep_bytes) {
		reader_note_fault(r, "more events than keep_bytes allows");
		return;
	}
	r->kept_bytes += size;
	if ((n & (n - 1)) == 0) { /* full at each power of two */
		r->events = realloc(
			r->events, (n ? 2 * n : 1) * sizeof(*r->events));
		if (!r->events)
			abort();
	}
	struct reader_event *e = &r->events[r->event_count++];
	e->type = malloc(size);
	if (!e->type)
		abort();
	e->data = e->type + event->type_len + 1;
	e->data_len = event->data_len;
	e->id = e->data + event->data_len + 1;
	memcpy(e->type, event->type, event->type_len);
	e->type[event->type_len] = '\0';
	memcpy(e->data, event->data, event->data_len);
	e->data[event->data_len] = '\0';
	memcpy(e->id, event->id, event->id_len);
	e->id[event->id_len] = '\0';
}

static void add_header(struct reader *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	if (!colon || colon == line) {
		reader_note_fault(r, "a line of the head is no header: %.*s",
			(int)len, line);
		return;
	}
	size_t name_len = (size_t)(colon - line);
	const char *value = colon + 1;
	size_t value_len = len - name_len - 1;
	while (value_len && (*value == ' ' || *value == '\t')) {
		value++;
		value_len--;
	}
	r->headers = reallocarray(
		r->headers, r->header_count + 1, sizeof(*r->headers));
	char *text = malloc(name_len + value_len + 2);
	if (!r->headers || !text)
		abort();
	memcpy(text, line, name_len);
	text[name_len] = '\0';
	memcpy(text + name_len + 1, value, value_len);
	text[name_len + 1 + value_len] = '\0';
	r->headers[r->header_count].name = text;
	r->headers[r->header_count++].value = text + name_len + 1;
}

static void parse_status_line(struct reader *r, const char *line, size_t len)
{
	if (len < 12 || strncmp(line, "HTTP/1.", 7) != 0)
		reader_note_fault(r, "no HTTP: %.*s", (int)len, line);
	else
		r->status = atoi(line + 9);
}

static void parse_cgi_status(struct reader *r)
{
	const char *status = reader_header(r, "Status");

	r->status = status ? atoi(status) : 200;
	if (!status && !reader_header(r, "Content-Type") &&
		!reader_header(r, "Location"))
		reader_note_fault(r, "a head without Content-Type");
}

static void parse_head(struct reader *r, bool http)
{
	const char *line = r->head.data;
	const char *end = r->head.data + r->head.len;

	for (bool first = true; line < end; first = false) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		const char *next = lf + 1;
		size_t len = (size_t)(lf - line);

		if (len && line[len - 1] == '\r')
			len--;
		if (first && http)
			parse_status_line(r, line, len);
		else if (len)
			add_header(r, line, len);
		line = next;
	}
	if (!http)
		parse_cgi_status(r);
	if (r->status < 100 || r->status > 599)
		reader_note_fault(r, "status %d", r->status);
	const char *type = reader_header(r, "Content-Type");
	r->streams = r->status == 200 && type &&
		     strncasecmp(type, "text/event-stream", 17) == 0;
	r->has_head = true;
}

static bool ends_with(const struct bytes *b, const char *text)
{
	size_t len = strlen(text);

	return b->len >= len && memcmp(b->data + b->len - len, text, len) == 0;
}

size_t reader_take_head(
	struct reader *r, const unsigned char *bytes, size_t len, bool http)
{
	size_t i = 0;

	while (i < len && !r->has_head) {
		bytes_add(&r->head, &bytes[i++], 1);
		if (r->head.len > READER_HEAD_BYTES) {
			reader_note_fault(r, "an endless head");
			bytes_clear(&r->head);
		}
		if (ends_with(&r->head, "\n\n") ||
			ends_with(&r->head, "\n\r\n"))
			parse_head(r, http);
	}
	return i;
}

void reader_take_body(struct reader *r, const unsigned char *bytes, size_t len)
{
	r->body_bytes += len;
	if (!r->counts_only && r->body.len < r->keep_bytes) {
		size_t room = r->keep_bytes - r->body.len;

		bytes_add(&r->body, bytes, len < room ? len : room);
	}
	if (!r->streams)
		return;
	sse_feed(&r->sse, bytes, len);
	const char *fault = sse_fault(&r->sse);
	if (fault)
		reader_note_fault(r, "%s", fault);
}

void reader_take(struct reader *r, const unsigned char *bytes, size_t len)
{
	size_t n = reader_take_head(r, bytes, len, false);

	if (n < len)
		reader_take_body(r, bytes + n, len - n);
}

void reader_take_end(struct reader *r)
{
	r->ended = true;
	if (!r->streams)
		return;
	sse_end(&r->sse);
	const char *fault = sse_fault(&r->sse);
	if (fault)
		reader_note_fault(r, "%s", fault);
}

/* ---- waiting */

static void step(struct reader *r, const struct test_wait *wait)
{
	subject = r;
	if (r->fd < 0)
		test_fail("%s; waited for: %s",
			r->closed ? "the peer has closed" : "hung up",
			wait->what);
	test_wait_step(wait);
}

/* `what` is composed by printf from the arguments that follow. */
#define WAIT(r, condition, ...)                                                \
	do {                                                                   \
		char what_[200];                                               \
		snprintf(what_, sizeof(what_), __VA_ARGS__);                   \
		struct test_wait wait_ = test_wait_here(what_);                \
		while (!(condition))                                           \
			step(r, &wait_);                                       \
	} while (0)

void reader_wait_head(struct reader *r)
{
	WAIT(r, r->has_head, "the head");
}

void reader_wait_events(struct reader *r, uint64_t n)
{
	WAIT(r, r->sse.events >= n, "%llu events", (unsigned long long)n);
}

void reader_wait_comments(struct reader *r, uint64_t n)
{
	WAIT(r, r->sse.comments >= n, "%llu comments", (unsigned long long)n);
}

void reader_wait_text(struct reader *r, const char *text)
{
	WAIT(r, bytes_contain(&r->body, text), "the text '%s'", text);
}

void reader_wait_end(struct reader *r)
{
	WAIT(r, r->ended, "the end");
}

void reader_wait_closed(struct reader *r)
{
	WAIT(r, r->closed, "the peer to close");
}

size_t reader_wait_data(struct reader *r, const char *data)
{
	ptrdiff_t at;

	WAIT(r, (at = reader_find_event(r, 0, NULL, data)) >= 0,
		"an event with the data '%s'", data);
	return (size_t)at;
}

void reader_expect_status(struct reader *r, int status)
{
	WAIT(r, r->has_head, "the head");
	subject = r;
	if (r->status != status)
		test_fail("status %d, not %d", r->status, status);
}

static bool event_is(
	const struct reader_event *e, const char *type, const char *data)
{
	return (!type || strcmp(e->type, type) == 0) &&
	       (!data || (strlen(data) == e->data_len &&
				 memcmp(e->data, data, e->data_len) == 0));
}

void reader_expect_event(
	struct reader *r, size_t i, const char *type, const char *data)
{
	WAIT(r, r->event_count > i, "event %zu", i);
	subject = r;
	const struct reader_event *e = &r->events[i];
	if (!event_is(e, type, data))
		test_fail("event %zu is '%s' '%s', not '%s' '%s'", i, e->type,
			e->data, type ? type : e->type, data ? data : e->data);
}

const struct reader_event *reader_event(struct reader *r, size_t i)
{
	subject = r;
	if (i >= r->event_count)
		test_fail("there is no event %zu", i);
	return &r->events[i];
}

ptrdiff_t reader_find_event(
	const struct reader *r, size_t from, const char *type, const char *data)
{
	for (size_t i = from; i < r->event_count; i++)
		if (event_is(&r->events[i], type, data))
			return (ptrdiff_t)i;
	return -1;
}

const char *reader_header(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

size_t reader_header_times(const struct reader *r, const char *name)
{
	size_t times = 0;

	for (size_t i = 0; i < r->header_count; i++)
		times += strcasecmp(r->headers[i].name, name) == 0;
	return times;
}

const char *reader_last_id(const struct reader *r)
{
	return bytes_text(&r->sse.last_event_id);
}

/* ---- the second judge */

struct comparison {
	const struct reader *r;
	size_t i;
	bool differs;
};

static void compare_event(void *context, const struct sse_event *event)
{
	struct comparison *c = context;

	if (c->i >= c->r->event_count) {
		c->differs = true;
		return;
	}
	const struct reader_event *e = &c->r->events[c->i++];
	if (strcmp(e->type, event->type) != 0 ||
		strcmp(e->id, event->id) != 0 ||
		e->data_len != event->data_len ||
		memcmp(e->data, event->data, e->data_len) != 0)
		c->differs = true;
}

void reader_check_bytewise(struct reader *r)
{
	struct comparison c = { r, 0, false };
	struct sse s;

	subject = r;
	if (r->body.len != r->body_bytes)
		test_fail("the body was not kept");
	sse_init(&s, compare_event, &c);
	for (size_t i = 0; i < r->body.len; i++)
		sse_feed(&s, r->body.data + i, 1);
	sse_release(&s);
	if (c.differs || c.i != r->event_count)
		test_fail("fed one byte at a time it gives other events");
}

/* ---- sending */

bool reader_send(struct reader *r, const void *bytes, size_t len)
{
	struct test_wait wait = test_wait_here("the peer to accept bytes");

	subject = r;
	while (len && r->fd >= 0) {
		ssize_t n = send(r->fd, bytes, len, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes = (const char *)bytes + n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			test_wait_step(&wait);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return len == 0;
}

static int connect_to(const struct sockaddr *address, socklen_t len)
{
	const int on = 1;
	int limit_s = test_limit_ms() / 1000;
	struct timeval limit = { .tv_sec = limit_s };
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* Bounds connect(2) while a backlog is full, socket(7). */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, address, len) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	if (address->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int connect_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	return connect_to((struct sockaddr *)&address, sizeof(address));
}

int reader_connect(const char *address)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct addrinfo *found;
	char host[64];
	const char *colon = strrchr(address, ':');

	if (address[0] == '/')
		return connect_path(address);
	if (!colon || (size_t)(colon - address) >= sizeof(host)) {
		errno = EINVAL;
		return -1;
	}
	size_t len = (size_t)(colon - address);
	bool bracketed = len > 2 && address[0] == '[' && colon[-1] == ']';
	len -= bracketed ? 2 : 0;
	memcpy(host, address + bracketed, len);
	host[len] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
		errno = EINVAL;
		return -1;
	}
	int fd = connect_to(found->ai_addr, found->ai_addrlen);
	int error = errno;
	freeaddrinfo(found);
	errno = error;
	return fd;
}
