/* A stream: one output after the other, what is owed of one, the heartbeat. */
#include "fcgi/client_inside.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "fcgi/record.h"

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
		client_add_records(&x->wire, c->id, bytes, o->pieces[i].len);
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
			 : client_send_some(c, wire->data + owed->sent,
				   wire->len - owed->sent, now_ms);
	if (n < 0) {
		client_close(c);
		return false;
	}
	owed->sent += (size_t)n;
	if (owed->sent < wire->len) {
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
	n = wire->failed ? -1
			 : client_send_some(c, wire->data, wire->len, now_ms);
	if (n < 0) {
		client_close(c);
		return false;
	}
	settle(c, o, (size_t)n);
	if ((size_t)n < wire->len) {
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
	n = b->failed ? -1 : client_send_some(c, b->data, b->len, now_ms);
	if (n == 0)
		client_block(c, true, now_ms);
	else if (n != (ssize_t)b->len)
		client_close(c);
}
