/*
 * client_inside: what the parts of a client say to each other. For client*.c
 * alone.
 *
 *	client.c         its life: it comes, is heard, is looked at, goes
 *	client_open.c    from its request to its stream, or to an answer
 *	client_stream.c  one output after the other, and what is owed of one
 *	client_send.c    records, the socket that takes them, what is said last
 *
 * What opens, answers or sends may close the client, or end it: who goes on
 * after that looks at its state. Without memory who comes is turned away, and
 * who has a stream keeps it: what comes next waits. Nothing waits for a socket.
 * now_ms: program_now_ms, of this turn of the loop.
 */
#ifndef SSETAIL_CLIENT_INSIDE_H
#define SSETAIL_CLIENT_INSIDE_H

#include <sys/types.h>

#include "common/request.h"
#include "fcgi/client.h"

/* A stream and its cursors, on the heap. */
struct session {
	struct stream stream;
	struct subscription subscriptions[];
};

/* ---- client.c */

/* Frees what its state owns, and gives back its place among the streams. The
 * caller sets the next state. */
void client_release_state(struct client *c);

/* ---- client_open.c */

/* Takes input of a client in CLIENT_ADMITTING; once that makes its request
 * complete, leads it on as client_route does. */
void client_admit_bytes(
	struct client *c, const char *bytes, size_t len, int64_t now_ms);

/* Leads the request of a client in CLIENT_OPENING, which request_read had that
 * outcome for, to a stream or to an answer; again, after a reload. */
void client_route(
	struct client *c, enum request_outcome outcome, int64_t now_ms);

/* Opens the stream of a client in CLIENT_OPENING. It stays there, with
 * is_waiting, while the disk is read: to be called again. */
void client_open_stream(struct client *c, int64_t now_ms);

/* ---- client_stream.c */

/* Sends the comment that keeps a quiet stream alive. Only while nothing is
 * owed. */
void client_send_heartbeat(struct client *c, int64_t now_ms);

/* ---- client_send.c */

/* Notes whether its socket takes nothing more, and has epoll wait for that to
 * change. */
void client_block(struct client *c, bool blocked, int64_t now_ms);

/* Offers `len` bytes to the socket. Returns how many it took, 0 when it takes
 * none, -1 with errno when the peer is gone. Closes nothing. */
ssize_t client_send_some(
	struct client *c, const char *bytes, size_t len, int64_t now_ms);

/* Append content as records, and the end of a request, of that id. Without
 * memory the buffer has failed. */
void client_add_records(
	struct buffer *b, unsigned id, const char *bytes, size_t len);
void client_add_end(struct buffer *b, unsigned id);

/* Puts a whole response, which stays the caller's, and its end into
 * context->answer as records. */
void client_put_response(struct client *c, const struct buffer *response);

/* Sends what is in context->answer and ends, if the socket takes all of it at
 * once; closes otherwise. */
void client_send_last(struct client *c);

/* Sends a whole response, which stays the caller's, and ends when all of it
 * was taken: until then it is in CLIENT_ANSWERING. */
void client_answer(struct client *c, const struct buffer *response);

/* Goes on with a client in CLIENT_ANSWERING whose socket takes bytes again. */
void client_send_rest(struct client *c, int64_t now_ms);

#endif
