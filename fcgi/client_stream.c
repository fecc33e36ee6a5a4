/* A stream: one output after the other, what is owed of one, the heartbeat. */
#include "fcgi/client_inside.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "fcgi/record.h"

/* Between two warnings that streams wait. */
#define WARNING_MS 60000

/* Outputs a client gets in one turn of the loop before others have theirs. */
#define ROUNDS 16

/* The bytes that `len` bytes of content take as records. */
static size_t wire_bytes(size_t len)
{
	size_t records = (len + RECORD_CONTENT_MAX - 1) / RECORD_CONTENT_MAX;

	return len + records * RECORD_HEADER_BYTES;
}

/* The stream has said all it had to say: the end goes behind what the reader
 * has not read yet. */
static void end_stream(struct client *c)
{
	static const struct buffer nothing = BUFFER_INIT;

	client_answer(c, &nothing);
}

/* There is no memory, or the disk has failed: what comes next is tried again
 * by the tick. The stream stands where it stood, and loses nothing by that. */
static void put_off(struct client *c, int error, int64_t now_ms)
{
	struct client_context *x = c->context;

	c->is_waiting = true;
	if (now_ms < x->next_shortage_ms)
		return;
	x->next_shortage_ms = now_ms + WARNING_MS;
	log_warning("streams: have to wait: %s", strerror(error));
}

/* What is in the way of an output, and of the stream for now. */
static void wait_for_output(
	struct client *c, const struct output *o, int64_t now_ms)
{
	if (o->outcome == FEED_FAILED)
		put_off(c, o->error, now_ms);
	else
		c->is_waiting = o->outcome == FEED_WAIT;
}

/* The output as records, each piece in its own: made once for all clients
 * that get the same. Without memory it has failed. */
static const struct buffer *wire_of(struct client *c, const struct output *o)
{
	struct client_context *x = c->context;
	const char *bytes = o->bytes;

	if (x->wire_number == o->number && x->wire_id == c->id)
		return &x->wire;
	buffer_clear(&x->wire);
	for (size_t i = 0; i < o->count; i++) {
		client_add_records(&x->wire, c->id, bytes, o->pieces[i].len);
		bytes += o->pieces[i].len;
	}
	x->wire_number = x->wire.failed ? 0 : o->number;
	x->wire_id = c->id;
	return &x->wire;
}

/* Offers the socket the output's records from byte `from` on. Returns how many
 * bytes it took of context->wire, or -1: not now, or the peer is gone. */
static ssize_t send_wire(
	struct client *c, const struct output *o, size_t from, int64_t now_ms)
{
	const struct buffer *wire = wire_of(c, o);
	ssize_t n;

	if (wire->failed) {
		put_off(c, ENOMEM, now_ms);
		return -1;
	}
	n = client_send_some(c, wire->data + from, wire->len - from, now_ms);
	if (n < 0)
		client_close(c);
	return n;
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
	const struct output *o;
	ssize_t n;

	if (!owed->piece_bytes)
		return true;
	if (!stream_produce(&c->as.session->stream, x->studio, now_ms,
		    (int)owed->subscription, owed->piece_bytes, &o) &&
		o->outcome != FEED_NOTHING) {
		wait_for_output(c, o, now_ms);
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
	n = send_wire(c, o, owed->sent, now_ms);
	if (n < 0)
		return false;
	owed->sent += (size_t)n;
	if (owed->sent < x->wire.len) {
		client_block(c, true, now_ms);
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
		wait_for_output(c, o, now_ms);
		if (stream_is_over(s))
			end_stream(c);
		return o->outcome == FEED_MORE;
	}
	n = send_wire(c, o, 0, now_ms);
	if (n < 0)
		return false;
	settle(c, o, (size_t)n);
	if ((size_t)n < x->wire.len) {
		client_block(c, true, now_ms);
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

void client_send_heartbeat(struct client *c, int64_t now_ms)
{
	struct buffer *b = &c->context->answer;
	ssize_t n;

	buffer_clear(b);
	client_add_records(
		b, c->id, STREAM_HEARTBEAT, strlen(STREAM_HEARTBEAT));
	if (b->failed) /* the next tick tries again */
		return;
	n = client_send_some(c, b->data, b->len, now_ms);
	if (n == 0)
		client_block(c, true, now_ms);
	else if (n != (ssize_t)b->len)
		client_close(c);
}
