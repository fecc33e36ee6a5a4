/*
 * hub: all sources of a process, and the way from a request to them.
 */
#ifndef SSETAIL_HUB_H
#define SSETAIL_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/beat.h"
#include "common/buffer.h"
#include "common/config.h"
#include "common/feed.h"
#include "common/pump.h"
#include "common/request.h"
#include "common/source.h"
#include "common/watch.h"

/* A configuration that a hub owns. */
struct hub_config;

struct hub {
	const struct config *config; /* what counts now; borrowed */
	struct hub_config *owned;    /* that one, and those before it that a
				      * source still is described in */
	struct source *retired;	     /* until their last stream has ended */
	struct watch *watch;	     /* NULL: none to be had */
	struct pump *pump;	     /* NULL: no pipe is open */
	struct feed_scratch scratch;
	struct source **sources; /* in the order of the configuration */
	size_t source_count;
	struct source *beats[BEATS]; /* the doctor's; NULL: not asked for yet */
	struct source_config beat_configs[BEATS];
	uint64_t version; /* grows with whatever may change what is produced */

	/* Rules of access do not apply: whoever runs a program by hand has
	 * the rights of the files anyway. */
	bool is_by_hand;
	bool is_cgi; /* what runs it, for the doctor to know */
};

/* Opens nothing yet but inotify; without it the timer alone has to do, and a
 * warning says so. Returns 0, or -1 with ENOMEM. */
int hub_init(struct hub *h, const struct config *config);
void hub_release(struct hub *h);

struct hub_changes {
	size_t added, changed, removed;
};

/*
 * Goes over to another configuration, and takes it over. A source that is
 * the same in both goes on as if nothing had happened. All others are retired:
 * nobody finds them, they are not looked at, and who has one is served no more
 * of it than was promised; hub_sweep frees them. When it is said in another
 * way outside of the sources who may read, none is the same.
 *
 * Routes that were found before are not valid any more. The configuration must
 * have the state_dir of the one before (config_keep_fixed).
 *
 * Returns 0 and what has changed, or -1 after a line in the log: then nothing
 * has, and the configuration is still the caller's. Blocks on the disk when
 * pipes come or go.
 */
int hub_reload(
	struct hub *h, struct config *config, struct hub_changes *changes);

/* Frees what is retired and not used any more. Costs nothing when nothing
 * is. */
void hub_sweep(struct hub *h);

/* What a request leads to. */
struct route {
	size_t count;
	struct source *sources[REQUEST_SOURCES_MAX];
	struct cors_grant cors; /* what the head of the stream says, */
	bool incremental;	/* and whether it asks not to be held back */
};

/*
 * Finds the sources of a request, all of which its visitor must be allowed
 * to read. Returns true when it opens a stream; otherwise `answer` has the
 * complete response (404, 405, 204 ...), or for HEAD the head of a stream.
 *
 * A source that is hidden from a visitor (access.h) is passed over as if it
 * were not in the configuration: also where the bare MOUNT is asked for, and
 * where the last segment of SCRIPT_NAME may be a name or not.
 *
 * Pages of other origins (cors.h) may read an answer where all its sources
 * allow it. Where there are none, as in a 404, the rules of the whole count, so
 * that a source that is hidden shows in no header field. A preflight comes
 * without credentials: who asks is not known, and a source that needs a user
 * would be hidden. It is answered the same for every name, and granted to an
 * origin that may read any source that can be read from that address.
 */
bool hub_route(struct hub *h, enum request_outcome outcome,
	const struct request *request, struct route *route,
	struct buffer *answer);

/*
 * Does a request ask for metrics, by GET or HEAD, from where it may? What asks
 * for them otherwise is answered by hub_route as if there were none.
 */
bool hub_shows_metrics(const struct hub *h, enum request_outcome outcome,
	const struct request *request);

/*
 * Opens the pipes of all sources, or of those of `only`, and reads them from
 * then on, whether anybody follows or not. Before any of these is followed.
 * Returns 0, or -1 after a line in the log. Blocks on the disk.
 */
int hub_open_pipes(struct hub *h, const struct route *only);

/* The sources of type file or fifo that have news are handed to `news`. */
typedef void hub_news(
	void *context, struct source *source, enum feed_outcome outcome);

/* Takes the events of the watch and looks at the sources they concern. */
void hub_read_watch(struct hub *h, hub_news *news, void *context);

/* Looks at all sources that are open: once a second (`timer`), or when the
 * disk has answered. */
void hub_look(struct hub *h, bool timer, hub_news *news, void *context);

/* When a look is due before the next second is over, see feed_due_ms; and the
 * looks that are. */
int64_t hub_due_ms(const struct hub *h);
void hub_look_due(struct hub *h, int64_t now_ms, hub_news *news, void *context);

/* The clocks of all sources that are one, and of the doctor's: by a number
 * below hub_clocks; NULL: that source is no clock. */
size_t hub_clocks(const struct hub *h);
struct clock *hub_clock(const struct hub *h, size_t number);

/* Is any source of type file or fifo open: is the timer needed? */
bool hub_needs_timer(const struct hub *h);

#endif
