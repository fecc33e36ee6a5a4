/* Records, the socket that takes them, and what is said last. */
#include "fcgi/client_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/program.h"
#include "fcgi/record.h"

/* Times that the input of a client that is answered is read yet. */
#define DRAIN_READS 16

/* What its socket has not taken of an answer. */
struct rest {
	size_t len;
	size_t sent;
	char bytes[];
};

void client_block(struct client *c, bool blocked, int64_t now_ms)
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

ssize_t client_send_some(
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

void client_add_records(
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

void client_add_end(struct buffer *b, unsigned id)
{
	char *to = buffer_reserve(b, RECORD_END_BYTES);

	if (!to)
		return;
	record_put_end((unsigned char *)to, id, 0, FCGI_REQUEST_COMPLETE);
	b->len += RECORD_END_BYTES;
}

/* ---- the end */

/* A TCP peer that is sent a reset, because input was left unread, may lose
 * what it had not read yet. One that writes without end is not waited for. */
static void drain(int fd)
{
	char ignored[16384];

	for (int i = 0; i < DRAIN_READS; i++)
		if (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) <= 0)
			return;
}

/*
 * All is said. The peer closes first: mod_proxy_fcgi sends the empty FCGI_STDIN
 * on its own, perhaps after our answer to the head: were the connection gone by
 * then, it would throw the answer away and say 503, which ends an EventSource
 * for good.
 */
static void finish(struct client *c, int64_t now_ms)
{
	client_block(c, false, now_ms);
	if (c->state == CLIENT_GONE || shutdown(c->fd, SHUT_WR) < 0) {
		client_close(c);
		return;
	}
	client_release_state(c);
	c->state = CLIENT_ENDED;
	c->since_ms = now_ms;
}

void client_send_last(struct client *c)
{
	struct buffer *b = &c->context->answer;
	int64_t now_ms = program_now_ms();
	ssize_t n = 0;

	if (!b->failed && b->len > 0)
		n = client_send_some(c, b->data, b->len, now_ms);
	drain(c->fd);
	if (n <= 0 || n != (ssize_t)b->len)
		client_close(c);
	else
		finish(c, now_ms);
}

void client_put_response(struct client *c, const struct buffer *response)
{
	struct buffer *b = &c->context->answer;

	buffer_clear(b);
	client_add_records(b, c->id, response->data, response->len);
	client_add_end(b, c->id);
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
	client_release_state(c);
	c->state = CLIENT_ANSWERING;
	c->as.rest = rest;
	client_block(c, true, now_ms);
}

void client_send_rest(struct client *c, int64_t now_ms)
{
	struct rest *rest = c->as.rest;
	ssize_t n = client_send_some(
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

void client_answer(struct client *c, const struct buffer *response)
{
	const struct buffer *b = &c->context->answer;
	int64_t now_ms = program_now_ms();
	ssize_t n;

	client_put_response(c, response);
	n = b->failed ? -1 : client_send_some(c, b->data, b->len, now_ms);
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
