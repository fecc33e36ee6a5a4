/*
 * probe: may a source be looked at without hanging?
 *
 * On a network file system any call may hang while the server is away: stat,
 * open, readdir. Before a source there is looked at, a thread of its own
 * tries; as long as that has not come back, nobody touches the source.
 */
#ifndef SSETAIL_PROBE_H
#define SSETAIL_PROBE_H

#include <stdbool.h>

struct probe;

/* `path` is borrowed. NULL with errno: ENOMEM, EAGAIN. */
struct probe *probe_new(const char *path);

/* Never waits: a thread that hangs frees what it needs when it comes back.
 * NULL is fine. */
void probe_free(struct probe *p);

/*
 * Has the file system answered a moment ago? False: a try is under way now,
 * and cold_start's descriptor tells when it has come back.
 */
bool probe_passes(struct probe *p);

/* Has a try been under way for PROBE_HANGS_MS? */
#define PROBE_HANGS_MS 3000
bool probe_hangs(struct probe *p);

#endif
