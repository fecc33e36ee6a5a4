#include "fcgi/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/head.h"
#include "common/log.h"
#include "common/program.h"
#include "common/request.h"
#include "fcgi/diary.h"
#include "fcgi/record.h"

#define SECOND_MS 1000

/* A peer that connects must have asked for something by then. */
#define HEAD_DEADLINE_MS 10000

/* And one that has its answer must have closed. */
#define END_DEADLINE_MS 10000

/* Between two warnings of limits. */
#define WARNING_MS 60000

/* Times that the input of a client that is answered is read yet. */
#define DRAIN_READS 16

/* Outputs a client gets in one turn of the loop before others have theirs. */
#define ROUNDS 16

struct session {
	struct stream stream;
	struct subscription subscriptions[];
};

struct opening {
	struct request request;
	struct route route;
};

struct rest {
	size_t len;
	size_t sent;
	char bytes[];
};

int client_context_init(struct client_context *x, int epoll, struct hub *hub)
{
	*x = (struct client_context){
		.epoll = epoll,
		.hub = hub,
		.studio = studio_new(),
		.figures = { .pid = getpid(), .started = time(NULL) },
	};
	x->ready_end = &x->ready;
	return x->studio ? 0 : -1;
}

void client_context_release(struct client_context *x)
{
	studio_free(x->studio);
	tally_free(x->tally);
	buffer_release(&x->answer);
	buffer_release(&x->wire);
}

/* ---- coming and going */

struct client *client_new(struct client_context *x, int fd, int64_t now_ms)
{
	struct client *c = calloc(1, sizeof(*c));
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLRDHUP,
		.data.ptr = c,
	};

	if (!c)
		goto fail;
	c->context = x;
	c->fd = fd;
	c->since_ms = now_ms;
	c->ends_ms = INT64_MAX;
	c->as.admit = admit_new();
	if (!c->as.admit || epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		goto fail;
	x->count++;
	x->figures.connects++;
	return c;
fail:
	if (c)
		admit_free(c->as.admit);
	free(c);
	close(fd);
	return NULL;
}

/* Its place among the streams is free again. */
static void leave(struct client *c)
{
	struct client_context *x = c->context;

	if (!c->is_counted)
		return;
	if (c->address)
		tally_give_back(x->tally, c->address);
	c->address = NULL;
	c->is_counted = false;
	x->streams--;
}

/* What a state owns. */
static void release_state(struct client *c)
{
	leave(c);
	switch (c->state) {
	case CLIENT_ADMITTING:
		admit_free(c->as.admit);
		break;
	case CLIENT_OPENING:
		free(c->as.opening);
		break;
	case CLIENT_STREAMING:
		if (c->context->hub->config->log_clients)
			diary_end(c->fd);
		stream_close(&c->as.session->stream);
		free(c->as.session);
		break;
	case CLIENT_ANSWERING:
		free(c->as.rest);
		break;
	default:
		break;
	}
	c->as.admit = NULL;
}

void client_close(struct client *c)
{
	if (c->state == CLIENT_GONE)
		return;
	release_state(c);
	c->state = CLIENT_GONE;
	close(c->fd);
	c->fd = -1;
	c->context->count--;
	c->next_gone = c->context->gone;
	c->context->gone = c;
}

void client_free_gone(struct client_context *x)
{
	while (x->gone) {
		struct client *c = x->gone;

		x->gone = c->next_gone;
		free(c);
	}
}

/* A TCP peer that is sent a reset, because input was left unread, may lose
 * what it had not read yet. One that writes without end is not waited for. */
static void drain(int fd)
{
	char ignored[16384];

	for (int i = 0; i < DRAIN_READS; i++)
		if (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) <= 0)
			return;
}

void client_set_ready(struct client *c)
{
	struct client_context *x = c->context;

	if (c->is_ready || c->is_blocked || c->state != CLIENT_STREAMING)
		return;
	c->is_ready = true;
	c->next_ready = NULL;
	*x->ready_end = c;
	x->ready_end = &c->next_ready;
}

/* ---- sending */

static void block(struct client *c, bool blocked, int64_t now_ms)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLRDHUP | (blocked ? EPOLLOUT : 0),
		.data.ptr = c,
	};

	if (c->is_blocked == blocked)
		return;
	c->is_blocked = blocked;
	/* Being quiet before does not count as a stall. */
	c->since_ms = now_ms;
	if (epoll_ctl(c->context->epoll, EPOLL_CTL_MOD, c->fd, &event) < 0)
		client_close(c);
}

/* Bytes sent, 0 when the socket takes none, -1 when the peer is gone. */
static ssize_t send_some(
	struct client *c, const char *bytes, size_t len, int64_t now_ms)
{
	ssize_t n;

	do
		n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		c->since_ms = now_ms;
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
		n = 0;
	return n;
}

/* The bytes that `len` bytes of content take as records. */
static size_t wire_bytes(size_t len)
{
	size_t records = (len + RECORD_CONTENT_MAX - 1) / RECORD_CONTENT_MAX;

	return len + records * RECORD_HEADER_BYTES;
}

static void add_records(
	struct buffer *b, unsigned id, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t part =
			len < RECORD_CONTENT_MAX ? len : RECORD_CONTENT_MAX;
		char *to = buffer_reserve(b, RECORD_HEADER_BYTES + part);

		if (!to)
			return;
		record_put_header((unsigned char *)to, FCGI_STDOUT, id, part);
		memcpy(to + RECORD_HEADER_BYTES, bytes, part);
		b->len += RECORD_HEADER_BYTES + part;
		bytes += part;
		len -= part;
	}
}

static void add_end(struct buffer *b, unsigned id)
{
	char *to = buffer_reserve(b, RECORD_END_BYTES);

	if (!to)
		return;
	record_put_end((unsigned char *)to, id, 0, FCGI_REQUEST_COMPLETE);
	b->len += RECORD_END_BYTES;
}

/*
 * All is said. The peer closes first: mod_proxy_fcgi sends the empty FCGI_STDIN
 * on its own, perhaps after our answer to the head: were the connection gone by
 * then, it would throw the answer away and say 503, which ends an EventSource
 * for good.
 */
static void finish(struct client *c, int64_t now_ms)
{
	block(c, false, now_ms);
	if (c->state == CLIENT_GONE || shutdown(c->fd, SHUT_WR) < 0) {
		client_close(c);
		return;
	}
	release_state(c);
	c->state = CLIENT_ENDED;
	c->since_ms = now_ms;
}

/* Sends what is in context->answer, if the socket takes it, and ends. */
static void send_last(struct client *c)
{
	struct buffer *b = &c->context->answer;
	int64_t now_ms = program_now_ms();
	ssize_t n = 0;

	if (!b->failed && b->len > 0)
		n = send_some(c, b->data, b->len, now_ms);
	drain(c->fd);
	if (n <= 0 || n != (ssize_t)b->len)
		client_close(c);
	else
		finish(c, now_ms);
}

static void end(struct client *c)
{
	buffer_clear(&c->context->answer);
	add_end(&c->context->answer, c->id);
	send_last(c);
}

/* Puts a whole response into context->answer. */
static void put_response(struct client *c, const struct buffer *response)
{
	struct buffer *b = &c->context->answer;

	buffer_clear(b);
	add_records(b, c->id, response->data, response->len);
	add_end(b, c->id);
}

static void keep_rest(
	struct client *c, const char *bytes, size_t len, int64_t now_ms)
{
	struct rest *rest = malloc(sizeof(*rest) + len);

	if (!rest) {
		client_close(c);
		return;
	}
	rest->len = len;
	rest->sent = 0;
	memcpy(rest->bytes, bytes, len);
	release_state(c);
	c->state = CLIENT_ANSWERING;
	c->as.rest = rest;
	block(c, true, now_ms);
}

static void send_rest(struct client *c, int64_t now_ms)
{
	struct rest *rest = c->as.rest;
	ssize_t n = send_some(
		c, rest->bytes + rest->sent, rest->len - rest->sent, now_ms);

	if (n < 0) {
		client_close(c);
		return;
	}
	rest->sent += (size_t)n;
	if (rest->sent == rest->len) {
		drain(c->fd);
		finish(c, now_ms);
	}
}

/* Sends a response, and ends when all of it was taken. */
static void answer(struct client *c, const struct buffer *response)
{
	const struct buffer *b = &c->context->answer;
	int64_t now_ms = program_now_ms();
	ssize_t n;

	put_response(c, response);
	n = b->failed ? -1 : send_some(c, b->data, b->len, now_ms);
	if (n >= 0 && (size_t)n < b->len) {
		keep_rest(c, b->data + n, b->len - (size_t)n, now_ms);
		return;
	}
	drain(c->fd);
	if (n < 0)
		client_close(c);
	else
		finish(c, now_ms);
}

/* The stream has said all it had to say: the end goes behind what the reader
 * has not read yet. */
static void end_stream(struct client *c)
{
	static const struct buffer nothing = BUFFER_INIT;

	answer(c, &nothing);
}

/* The output as records, each piece in its own: made once for all clients
 * that get the same. */
static const struct buffer *wire_of(struct client *c, const struct output *o)
{
	struct client_context *x = c->context;
	const char *bytes = o->bytes;

	if (x->wire_number == o->number && x->wire_id == c->id)
		return &x->wire;
	buffer_clear(&x->wire);
	for (size_t i = 0; i < o->count; i++) {
		add_records(&x->wire, c->id, bytes, o->pieces[i].len);
		bytes += o->pieces[i].len;
	}
	x->wire_number = x->wire.failed ? 0 : o->number;
	x->wire_id = c->id;
	return &x->wire;
}

/* `sent` bytes of the output were accepted: whole pieces are done with, the
 * rest of one that was cut is owed. */
static void settle(struct client *c, const struct output *o, size_t sent)
{
	struct client_context *x = c->context;
	const char *bytes = o->bytes;

	for (size_t i = 0; i < o->count; i++) {
		size_t len = o->pieces[i].len;

		if (sent >= wire_bytes(len)) {
			sent -= wire_bytes(len);
			stream_commit(&c->as.session->stream, x->studio, o, i);
		} else {
			if (sent == 0)
				return;
			c->owed = (struct owed){
				.subscription =
					(uint32_t)o->pieces[i].subscription,
				.piece_bytes = (uint32_t)len,
				.sent = sent,
				.hash = XXH3_64bits(bytes, len),
			};
			stream_promise(&c->as.session->stream, x->studio, o, i);
			return;
		}
		bytes += len;
	}
}

/* Returns true when nothing is owed any more. */
static bool pay(struct client *c, int64_t now_ms)
{
	struct client_context *x = c->context;
	struct owed *owed = &c->owed;
	const struct buffer *wire;
	const struct output *o;
	ssize_t n;

	if (!owed->piece_bytes)
		return true;
	if (!stream_produce(&c->as.session->stream, x->studio, now_ms,
		    (int)owed->subscription, owed->piece_bytes, &o) &&
		(o->outcome == FEED_WAIT || o->outcome == FEED_MORE)) {
		c->is_waiting = true;
		return false;
	}
	/* What was promised cannot be made any more: the browser resumes
	 * from its last whole event. */
	if (o->len != owed->piece_bytes ||
		XXH3_64bits(o->bytes, o->len) != owed->hash) {
		client_close(c);
		return false;
	}
	wire = wire_of(c, o);
	n = wire->failed ? -1
			 : send_some(c, wire->data + owed->sent,
				   wire->len - owed->sent, now_ms);
	if (n < 0) {
		client_close(c);
		return false;
	}
	owed->sent += (size_t)n;
	if (owed->sent < wire->len) {
		block(c, true, now_ms);
		return false;
	}
	stream_commit(&c->as.session->stream, x->studio, o, 0);
	*owed = (struct owed){ 0 };
	return true;
}

/* Sends one output. Returns whether there is more to send at once. */
static bool send_one(struct client *c, int64_t now_ms)
{
	struct client_context *x = c->context;
	struct stream *s = &c->as.session->stream;
	const struct buffer *wire;
	const struct output *o;
	ssize_t n;

	c->is_waiting = false;
	if (!pay(c, now_ms))
		return false;
	if (c->is_ending) {
		client_end(c);
		return false;
	}
	if (stream_is_over(s)) {
		end_stream(c);
		return false;
	}
	if (stream_is_current(s, now_ms))
		return false;
	if (!stream_produce(s, x->studio, now_ms, -1, x->piece_bytes, &o)) {
		c->is_waiting = o->outcome == FEED_WAIT;
		if (o->outcome == FEED_FAILED)
			client_close(c);
		else if (stream_is_over(s))
			end_stream(c);
		return o->outcome == FEED_MORE;
	}
	wire = wire_of(c, o);
	n = wire->failed ? -1 : send_some(c, wire->data, wire->len, now_ms);
	if (n < 0) {
		client_close(c);
		return false;
	}
	settle(c, o, (size_t)n);
	if ((size_t)n < wire->len) {
		block(c, true, now_ms);
		return false;
	}
	if (stream_is_over(s)) {
		end_stream(c);
		return false;
	}
	return !stream_is_current(s, now_ms);
}

bool client_send_ready(struct client_context *x, int64_t now_ms)
{
	for (int round = 0; round < ROUNDS && x->ready; round++) {
		struct client *list = x->ready;

		x->ready = NULL;
		x->ready_end = &x->ready;
		while (list) {
			struct client *c = list;

			list = c->next_ready;
			c->is_ready = false;
			if (c->state == CLIENT_STREAMING && !c->is_blocked &&
				send_one(c, now_ms))
				client_set_ready(c);
		}
	}
	return x->ready != NULL;
}

/* ---- limits */

static size_t streams_max(const struct client_context *x)
{
	size_t configured = x->hub->config->max_clients;

	return x->streams_max < configured ? x->streams_max : configured;
}

/* At most once a minute, whoever is turned away. */
static void warn_of_limit(
	struct client_context *x, const char *key, unsigned limit)
{
	int64_t now_ms = program_now_ms();

	if (now_ms < x->next_warning_ms)
		return;
	x->next_warning_ms = now_ms + WARNING_MS;
	log_warning("limit: %s = %u is reached: others are told to come back",
		key, limit);
}

/* False with errno: there is no more for that address. */
static bool take_address(struct client *c, const char *text)
{
	struct client_context *x = c->context;
	const struct config *config = x->hub->config;
	struct access_address address;

	if (config->max_clients_per_address == 0)
		return true;
	if (!x->tally)
		x->tally = tally_new(config->max_clients);
	if (!x->tally)
		return false;
	access_read_address(&address, text);
	c->address =
		tally_take(x->tally, &address, config->max_clients_per_address);
	return c->address != NULL;
}

/* Counts it among the streams. Returns why it must come back later, or NULL. */
static const char *take_place(struct client *c, const struct request *request)
{
	struct client_context *x = c->context;
	const struct config *config = x->hub->config;

	if (x->streams >= streams_max(x)) {
		warn_of_limit(x,
			x->streams_max < config->max_clients
				? "clients (ulimit -Hn)"
				: "max_clients",
			(unsigned)streams_max(x));
		x->figures.busy_clients++;
		return "clients";
	}
	if (!take_address(c, request->remote_address)) {
		warn_of_limit(x, "max_clients_per_address",
			config->max_clients_per_address);
		x->figures.busy_address++;
		return "address";
	}
	c->is_counted = true;
	x->streams++;
	return NULL;
}

/* ---- from a request to a stream */

static void start_stream(
	struct client *c, struct session *session, int64_t now_ms)
{
	struct client_context *x = c->context;
	unsigned lifetime = x->hub->config->lifetime_s;
	struct buffer head = BUFFER_INIT;
	ssize_t n = -1;

	stream_add_head(&session->stream, &c->as.opening->route, &head);
	buffer_clear(&x->answer);
	add_records(&x->answer, c->id, head.data, head.len);
	if (!head.failed && !x->answer.failed)
		n = send_some(c, x->answer.data, x->answer.len, now_ms);
	buffer_release(&head);
	if (x->hub->config->log_clients)
		diary_request(c->fd, &c->as.opening->request, "stream");
	free(c->as.opening);
	c->state = CLIENT_STREAMING;
	c->as.session = session;
	if (lifetime)
		c->ends_ms = now_ms + program_lifetime_ms(lifetime);
	/* A socket that takes not even this much of its first bytes is no
	 * use to anybody. */
	if (n != (ssize_t)x->answer.len)
		client_close(c);
	else
		client_set_ready(c);
}

/* There is nothing that the client has not had. */
static void answer_over(struct client *c)
{
	struct buffer response = BUFFER_INIT;

	head_add_answer(
		&response, 204, NULL, false, &c->as.opening->route.cors);
	if (response.failed)
		client_close(c);
	else
		answer(c, &response);
	buffer_release(&response);
}

static void open_stream(struct client *c, int64_t now_ms)
{
	struct client_context *x = c->context;
	struct opening *o = c->as.opening;
	struct session *session;

	session = malloc(sizeof(*session) +
			 o->route.count * sizeof(*session->subscriptions));
	if (!session) {
		client_close(c);
		return;
	}
	switch (stream_open(&session->stream, x->hub, session->subscriptions,
		&o->route, &o->request, now_ms, c)) {
	case STREAM_OPEN:
		c->is_waiting = false;
		start_stream(c, session, now_ms);
		return;
	case STREAM_OVER:
		answer_over(c);
		break;
	case STREAM_WAIT:
		c->is_waiting = true;
		break;
	default:
		if (log_spend(&x->log, "stream"))
			log_error("stream: cannot be opened: %s",
				strerror(errno));
		client_close(c);
	}
	free(session);
}

static void add_metrics(
	struct client_context *x, bool with_body, struct buffer *response)
{
	x->figures.clients = x->count;
	x->figures.streams = x->streams;
	x->figures.streams_max = streams_max(x);
	head_add_metrics(response);
	if (with_body)
		figures_add(response, &x->figures, x->hub);
}

/* For the log; `what` NULL: the status of the response says it. */
static void note_answer(
	struct client *c, const char *what, const struct buffer *response)
{
	static const char begin[] = "Status: ";
	char status[64] = "200 OK";

	if (!c->context->hub->config->log_clients)
		return;
	if (!response->failed && response->len > strlen(begin) &&
		memcmp(response->data, begin, strlen(begin)) == 0)
		snprintf(status, sizeof(status), "%.*s",
			(int)strcspn(response->data + strlen(begin), "\r"),
			response->data + strlen(begin));
	diary_request(c->fd, &c->as.opening->request, what ? what : status);
}

/* To a stream, or to an answer. */
static void route(
	struct client *c, enum request_outcome outcome, int64_t now_ms)
{
	struct hub *hub = c->context->hub;
	struct opening *o = c->as.opening;
	struct buffer response = BUFFER_INIT;
	const char *busy = NULL;
	bool opens = false;

	if (hub_shows_metrics(hub, outcome, &o->request))
		add_metrics(c->context, o->request.method == REQUEST_GET,
			&response);
	else
		opens = hub_route(
			hub, outcome, &o->request, &o->route, &response);
	if (opens && !c->is_counted)
		busy = take_place(c, &o->request);
	if (busy)
		stream_add_busy(hub, &o->route, busy, &response);
	if (!opens || busy)
		note_answer(c, busy ? "busy" : NULL, &response);
	if (opens && !busy)
		open_stream(c, now_ms);
	else if (response.failed)
		client_close(c);
	else
		answer(c, &response);
	buffer_release(&response);
}

static void admitted(struct client *c, int64_t now_ms)
{
	struct admit *admit = c->as.admit;
	struct opening *o = malloc(sizeof(*o));
	enum request_outcome outcome;

	if (!o) {
		client_close(c);
		return;
	}
	c->id = (uint16_t)admit_id(admit);
	c->walk = admit_walk_on(admit);
	outcome = request_read(&o->request, admit_parameter, admit);
	admit_free(admit);
	c->state = CLIENT_OPENING;
	c->as.opening = o;
	route(c, outcome, now_ms);
}

static void admit_bytes(
	struct client *c, const char *bytes, size_t len, int64_t now_ms)
{
	struct buffer *b = &c->context->answer;
	enum admit_outcome outcome;

	buffer_clear(b);
	outcome = admit_feed(c->as.admit, bytes, len, b);
	if (outcome == ADMIT_REFUSE) {
		send_last(c);
		return;
	}
	/* Small, and nothing was sent before: it is taken whole or not. */
	if (b->len > 0 &&
		send_some(c, b->data, b->len, c->since_ms) != (ssize_t)b->len) {
		client_close(c);
		return;
	}
	if (outcome == ADMIT_READY)
		admitted(c, now_ms);
}

/* ---- events */

static void handle_bytes(
	struct client *c, const char *bytes, size_t len, int64_t now_ms)
{
	if (c->state == CLIENT_ENDED)
		return;
	if (c->state == CLIENT_ADMITTING) {
		admit_bytes(c, bytes, len, now_ms);
	} else if (admit_walk_aborts(&c->walk, c->id, bytes, len)) {
		if (c->state == CLIENT_ANSWERING) {
			client_close(c);
			return;
		}
		buffer_clear(&c->context->answer);
		if (!c->owed.piece_bytes)
			add_end(&c->context->answer, c->id);
		send_last(c);
	}
}

static void handle_input(struct client *c, int64_t now_ms)
{
	char bytes[16384];
	ssize_t n;

	do
		n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		handle_bytes(c, bytes, (size_t)n, now_ms);
	else if (n == 0 || errno != EAGAIN)
		client_close(c);
}

void client_handle(struct client *c, uint32_t events, int64_t now_ms)
{
	if (c->state == CLIENT_GONE)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		handle_input(c, now_ms);
	if (c->state == CLIENT_STREAMING && events & EPOLLOUT) {
		block(c, false, now_ms);
		client_set_ready(c);
	} else if (c->state == CLIENT_ANSWERING && events & EPOLLOUT) {
		send_rest(c, now_ms);
	}
}

void client_retry(struct client *c, int64_t now_ms)
{
	if (!c->is_waiting)
		return;
	if (c->state == CLIENT_OPENING)
		open_stream(c, now_ms);
	else
		client_set_ready(c);
}

static void send_heartbeat(struct client *c, int64_t now_ms)
{
	struct buffer *b = &c->context->answer;
	ssize_t n;

	buffer_clear(b);
	add_records(b, c->id, STREAM_HEARTBEAT, strlen(STREAM_HEARTBEAT));
	n = b->failed ? -1 : send_some(c, b->data, b->len, now_ms);
	if (n == 0)
		block(c, true, now_ms);
	else if (n != (ssize_t)b->len)
		client_close(c);
}

void client_tick(struct client *c, int64_t now_ms)
{
	const struct config *config = c->context->hub->config;
	int64_t quiet_ms = now_ms - c->since_ms;

	switch (c->state) {
	case CLIENT_ADMITTING:
		if (quiet_ms >= HEAD_DEADLINE_MS)
			client_close(c);
		return;
	case CLIENT_OPENING:
		client_retry(c, now_ms);
		return;
	case CLIENT_STREAMING:
		break;
	case CLIENT_ANSWERING:
	case CLIENT_ENDED:
		if (quiet_ms >= END_DEADLINE_MS)
			client_close(c);
		return;
	default:
		return;
	}
	if (c->is_blocked) {
		if (quiet_ms >= (int64_t)config->stall_s * SECOND_MS)
			client_close(c);
	} else if (now_ms >= c->ends_ms) {
		client_end(c);
	} else if (quiet_ms >= (int64_t)config->heartbeat_s * SECOND_MS &&
		   !c->owed.piece_bytes) {
		send_heartbeat(c, now_ms);
	}
	client_retry(c, now_ms);
}

void client_end(struct client *c)
{
	struct buffer text = BUFFER_INIT;

	if (c->state == CLIENT_STREAMING && !c->owed.piece_bytes) {
		stream_add_farewell(&c->as.session->stream, &text);
		put_response(c, &text);
		send_last(c);
		buffer_release(&text);
		return;
	}
	if (c->state == CLIENT_OPENING)
		end(c);
	else
		client_close(c);
}

void client_reload(struct client *c, int64_t now_ms)
{
	if (c->state == CLIENT_OPENING) {
		route(c, REQUEST_OK, now_ms);
	} else if (c->state == CLIENT_STREAMING &&
		   stream_is_retired(&c->as.session->stream)) {
		c->is_ending = true;
		client_set_ready(c);
	}
}
