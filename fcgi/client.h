/*
 * client: one connection from the web server, from its first byte to its
 * last. All of its state is in one struct; it owns no buffer for what it
 * sends: that is made again from its cursors.
 *
 *	ADMITTING ──> OPENING ──> STREAMING ──> ENDED ──> GONE
 *	    |            |                        ^
 *	    +────────────+── answered ────────────+
 *	                     (ANSWERING, where that takes time)
 */
#ifndef SSETAIL_CLIENT_H
#define SSETAIL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/figures.h"
#include "common/hub.h"
#include "common/log.h"
#include "common/stream.h"
#include "fcgi/admit.h"
#include "fcgi/tally.h"

enum client_state {
	CLIENT_ADMITTING, /* its request is not complete */
	CLIENT_OPENING,	  /* its stream waits for the disk */
	CLIENT_STREAMING,
	CLIENT_ANSWERING, /* its socket has not taken all of an answer */
	CLIENT_ENDED,	  /* all is said; the peer has not closed yet */
	CLIENT_GONE	  /* closed: to be freed at the end of the turn */
};

/* What all clients of a process share. */
struct client_context {
	int epoll;
	struct hub *hub;
	struct studio *studio;
	size_t piece_bytes;
	struct buffer answer; /* a response that is no stream; an end */
	struct buffer wire;   /* an output as FastCGI records, */
	uint64_t wire_number; /* of this number, */
	unsigned wire_id;     /* for this request id */
	struct client *ready; /* those that may have something to send */
	struct client **ready_end;
	struct client *gone;
	size_t count;	     /* of clients that are not gone */
	size_t streams;	     /* of them, those that have one or wait for it */
	size_t streams_max;  /* that there are descriptors for */
	struct tally *tally; /* of these; NULL: nobody asked for it yet */
	int64_t next_warning_ms;  /* of a limit, */
	int64_t next_shortage_ms; /* of what streams wait for */
	struct log_budget log;
	struct figures figures; /* that of the wake-ups is the loop's */
};

struct session; /* a stream and its cursors */
struct opening; /* a request that waits for its stream */
struct rest;	/* of an answer, as records */

/*
 * A piece that was accepted in part is owed: its rest must follow before
 * anything else. It is made again from the cursor, and the hash tells that
 * it is the same.
 */
struct owed {
	uint32_t subscription;
	uint32_t piece_bytes; /* 0: nothing is owed */
	size_t sent;	      /* of its records on the wire */
	uint64_t hash;
};

struct client {
	struct client *next, *previous; /* all clients */
	struct client *next_ready;
	struct client *next_gone;
	struct client_context *context;
	int fd;
	uint8_t state;
	bool is_ready;		     /* in the list */
	bool is_blocked;	     /* its socket took nothing more */
	bool is_waiting;	     /* for the disk, the head, or memory */
	bool is_ending;		     /* once nothing is owed any more */
	bool is_counted;	     /* among the streams of the context, */
	uint16_t id;		     /* of its request */
	struct tally_entry *address; /* and here, if it is not NULL */
	struct admit_walk walk;
	union {
		struct admit *admit;
		struct opening *opening;
		struct session *session;
		struct rest *rest;
	} as;
	struct owed owed;
	int64_t since_ms; /* connected; last accepted bytes; blocked; ended */
	int64_t ends_ms;  /* its lifetime; INT64_MAX: none */
};

/* Takes the memory that streams need to go on when there is no more. Returns
 * 0, or -1 with ENOMEM; to be released in any case. */
int client_context_init(struct client_context *x, int epoll, struct hub *hub);
void client_context_release(struct client_context *x);

/* Takes the descriptor over, in any case. NULL with errno. */
struct client *client_new(struct client_context *x, int fd, int64_t now_ms);

/* Closes the descriptor; what it had promised is broken off. Idempotent. The
 * struct itself lives until client_free_gone. */
void client_close(struct client *c);
void client_free_gone(struct client_context *x);

/* Puts it among those that client_send_ready serves. */
void client_set_ready(struct client *c);

/* An event of epoll. */
void client_handle(struct client *c, uint32_t events, int64_t now_ms);

/*
 * Sends to all that are ready, one output each a round, so that those who
 * stand at the same place are served together. Returns whether somebody has
 * more to get: other descriptors get their turn first.
 */
bool client_send_ready(struct client_context *x, int64_t now_ms);

/* Tries again what waited for the disk. */
void client_retry(struct client *c, int64_t now_ms);

/* Once a second: heartbeat, stall, lifetime, the deadlines of a head and of
 * an end. */
void client_tick(struct client *c, int64_t now_ms);

/*
 * The hub has another configuration. A stream of a source that is not in it
 * ends, after what it is owed, as soon as its socket takes that; a request that
 * waits for its stream is judged anew.
 */
void client_reload(struct client *c, int64_t now_ms);

/*
 * Ends it politely: if its socket accepts it, a time to come back at and
 * FCGI_END_REQUEST; closed in any case. Never waits.
 */
void client_end(struct client *c);

#endif
