/*
 * watch: inotify, as a hint that somebody should look again.
 *
 * It says nothing about what happened: truncation looks like an append, some
 * changes make no event at all, and the queue may overflow. A user may have
 * 128 instances: where there is none to be had, the timer alone has to do.
 */
#ifndef SSETAIL_WATCH_H
#define SSETAIL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* For a file, and for a directory in which names come and go. */
#define WATCH_FILE                                                             \
	(IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF)
#define WATCH_DIRECTORY                                                        \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |                 \
		IN_DELETE_SELF | IN_MOVE_SELF)

struct watch;

/* NULL with errno: EMFILE when the user has too many already. */
struct watch *watch_new(void);
void watch_free(struct watch *w);

/* Becomes readable when there are events. */
int watch_descriptor(const struct watch *w);

/*
 * Watches a path. The same inode has the same number, however often it is
 * added; each addition is taken back by one watch_remove. Returns the
 * number, or -1 with errno.
 */
int watch_add(struct watch *w, const char *path, uint32_t mask);
void watch_remove(struct watch *w, int wd);

/* Called for each event; `wd` is -1 when events were lost. */
typedef void watch_handler(void *context, int wd);

/* Takes all events there are. Never blocks. */
void watch_drain(struct watch *w, watch_handler *handler, void *context);

#endif
