#include "fcgi/client_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/diary.h"

#define SECOND_MS 1000

/* A peer that connects must have asked for something by then. */
#define HEAD_DEADLINE_MS 10000

/* And one that has its answer must have closed. */
#define END_DEADLINE_MS 10000

/* An end of a stream, or the head of one. */
#define ANSWER_BYTES 1024

/* An output of ordinary size, see studio_new, with its headers. */
#define WIRE_BYTES (2 * FEED_PIECE_BYTES)

int client_context_init(struct client_context *x, int epoll, struct hub *hub)
{
	*x = (struct client_context){
		.epoll = epoll,
		.hub = hub,
		.studio = studio_new(),
		.figures = { .pid = getpid(), .started = time(NULL) },
	};
	x->ready_end = &x->ready;
	return x->studio && buffer_reserve(&x->answer, ANSWER_BYTES) &&
			       buffer_reserve(&x->wire, WIRE_BYTES)
		       ? 0
		       : -1;
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

void client_release_state(struct client *c)
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
	client_release_state(c);
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

/* ---- events */

static void handle_bytes(
	struct client *c, const char *bytes, size_t len, int64_t now_ms)
{
	if (c->state == CLIENT_ENDED)
		return;
	if (c->state == CLIENT_ADMITTING) {
		client_admit_bytes(c, bytes, len, now_ms);
	} else if (admit_walk_aborts(&c->walk, c->id, bytes, len)) {
		if (c->state == CLIENT_ANSWERING) {
			client_close(c);
			return;
		}
		buffer_clear(&c->context->answer);
		if (!c->owed.piece_bytes)
			client_add_end(&c->context->answer, c->id);
		client_send_last(c);
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
		client_block(c, false, now_ms);
		client_set_ready(c);
	} else if (c->state == CLIENT_ANSWERING && events & EPOLLOUT) {
		client_send_rest(c, now_ms);
	}
}

void client_retry(struct client *c, int64_t now_ms)
{
	if (!c->is_waiting)
		return;
	if (c->state == CLIENT_OPENING)
		client_open_stream(c, now_ms);
	else
		client_set_ready(c);
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
		client_send_heartbeat(c, now_ms);
	}
	client_retry(c, now_ms);
}

static void end(struct client *c)
{
	buffer_clear(&c->context->answer);
	client_add_end(&c->context->answer, c->id);
	client_send_last(c);
}

void client_end(struct client *c)
{
	struct buffer text = BUFFER_INIT;

	if (c->state == CLIENT_STREAMING && !c->owed.piece_bytes) {
		stream_add_farewell(&c->as.session->stream, &text);
		client_put_response(c, &text);
		client_send_last(c);
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
		client_route(c, REQUEST_OK, now_ms);
	} else if (c->state == CLIENT_STREAMING &&
		   stream_is_retired(&c->as.session->stream)) {
		c->is_ending = true;
		client_set_ready(c);
	}
}
