/*
 * stream: what one client gets, from the first byte to the last. Both
 * programs send what is said here, byte for byte; they differ in how.
 *
 * A stream is one cursor for each of its sources. stream_produce says what
 * comes next, in pieces of one source each, and changes nothing;
 * stream_commit moves the cursor of a piece that was sent. A piece that was
 * sent in part can be produced again.
 */
#ifndef SSETAIL_STREAM_H
#define SSETAIL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/hub.h"
#include "common/request.h"

struct subscription {
	struct source *source;
	union {
		struct follower follower; /* type file */
		struct ticker ticker;	  /* type clock */
	} as;
};

struct stream {
	struct hub *hub;
	void *owner;
	size_t count;
	struct subscription *subscriptions; /* in the order asked for */
};

enum stream_outcome {
	STREAM_OPEN,
	STREAM_OVER,  /* the client has had all there is: nothing is open */
	STREAM_WAIT,  /* the disk is being read: try again when it answers */
	STREAM_FAILED /* errno */
};

/* Bytes of one source, behind those of the pieces before. */
struct piece {
	size_t len;
	size_t subscription;
	struct delivery made;
};

/* What comes next for a stream. Valid until the next stream_produce of any
 * stream of the hub. */
struct output {
	uint64_t number; /* equal numbers: the very same bytes */
	const char *bytes;
	size_t len;
	size_t count;
	struct piece pieces[REQUEST_SOURCES_MAX];
	enum feed_outcome outcome; /* without bytes: what is in the way, */
	int error;		   /* and of FEED_FAILED the errno */
};

/* The memory of streams that make their output together. What ordinary ones
 * need is there from the start; NULL with ENOMEM. */
struct studio;
struct studio *studio_new(void);
void studio_free(struct studio *s);

/*
 * Starts a stream in the caller's storage: `subscriptions` has room for
 * route->count. After STREAM_OPEN the caller gives it to stream_close.
 * `owner` is what the news of a source lead back to.
 */
enum stream_outcome stream_open(struct stream *s, struct hub *hub,
	struct subscription *subscriptions, const struct route *route,
	const struct request *request, int64_t now_ms, void *owner);
void stream_close(struct stream *s);

/* Appends the head of the response, with what the route grants to other
 * origins (NULL: no head, for a terminal), and what follows it at once: the
 * first comment, retry, and an id-only block that names the starting place. */
void stream_add_head(
	const struct stream *s, const struct route *route, struct buffer *out);

/*
 * Says what comes next. With `only` not negative: of that subscription
 * alone, and at most `limit` bytes of it, which makes a piece that was
 * produced before come again. Leaves it in *output, in any case. False,
 * with (*output)->outcome, when there is nothing now; after FEED_FAILED, too,
 * the stream stands where it stood, and it may be tried again.
 */
bool stream_produce(struct stream *s, struct studio *studio, int64_t now_ms,
	int only, size_t limit, const struct output **output);

/* Moves the cursor of the piece with that index behind it. */
void stream_commit(struct stream *s, const struct studio *studio,
	const struct output *output, size_t piece);

/* The piece with that index was sent in part: it can be produced again, see
 * `only` above, whatever comes meanwhile. Right after stream_produce. */
void stream_promise(struct stream *s, const struct studio *studio,
	const struct output *output, size_t piece);

/* Has it all there is? Costs next to nothing. */
bool stream_is_current(const struct stream *s, int64_t now_ms);

/* True when all its sources have ended, or what was asked of them. */
bool stream_is_over(const struct stream *s);

/* True when one of its sources is not the configuration's any more: what was
 * promised of it can be produced again, and nothing else comes. */
bool stream_is_retired(const struct stream *s);

/* The comment that keeps a quiet stream alive. */
#define STREAM_HEARTBEAT ":\n\n"

/*
 * Appends the whole response to a request that would open a stream, and cannot
 * for now: the head, an event "busy" with the reason, and a time to come back
 * at, spread at random, and later than after any other end. An EventSource
 * keeps its last event id over it.
 */
void stream_add_busy(const struct hub *hub, const struct route *route,
	const char *reason, struct buffer *out);

/* Appends what a stream ends with that did not end by itself: a time to
 * come back at, spread at random. */
void stream_add_farewell(const struct stream *s, struct buffer *out);

#endif
