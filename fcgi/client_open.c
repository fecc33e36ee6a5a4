/* From a request to its stream, or to an answer. */
#include "fcgi/client_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/head.h"
#include "common/log.h"
#include "common/program.h"
#include "common/request.h"
#include "fcgi/diary.h"

/* Between two warnings of limits. */
#define WARNING_MS 60000

struct opening {
	struct request request;
	struct route route;
};

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

/* ---- streams and answers */

static void start_stream(
	struct client *c, struct session *session, int64_t now_ms)
{
	struct client_context *x = c->context;
	unsigned lifetime = x->hub->config->lifetime_s;
	struct buffer head = BUFFER_INIT;
	ssize_t n = -1;

	stream_add_head(&session->stream, &c->as.opening->route, &head);
	buffer_clear(&x->answer);
	client_add_records(&x->answer, c->id, head.data, head.len);
	if (!head.failed && !x->answer.failed)
		n = client_send_some(c, x->answer.data, x->answer.len, now_ms);
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
		client_answer(c, &response);
	buffer_release(&response);
}

void client_open_stream(struct client *c, int64_t now_ms)
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
void client_route(
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
		client_open_stream(c, now_ms);
	else if (response.failed)
		client_close(c);
	else
		client_answer(c, &response);
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
	client_route(c, outcome, now_ms);
}

void client_admit_bytes(
	struct client *c, const char *bytes, size_t len, int64_t now_ms)
{
	struct buffer *b = &c->context->answer;
	enum admit_outcome outcome;

	buffer_clear(b);
	outcome = admit_feed(c->as.admit, bytes, len, b);
	if (outcome == ADMIT_REFUSE) {
		client_send_last(c);
		return;
	}
	/* Small, and nothing was sent before: it is taken whole or not. */
	if (b->len > 0 && client_send_some(c, b->data, b->len, c->since_ms) !=
				  (ssize_t)b->len) {
		client_close(c);
		return;
	}
	if (outcome == ADMIT_READY)
		admitted(c, now_ms);
}
