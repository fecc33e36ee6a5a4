/*
 * server: one loop for thousands of clients.
 *
 * A turn of the loop takes what epoll has, looks at the sources that
 * changed, and then sends all that it read to everybody, in one pass.
 */
#ifndef SSETAIL_SERVER_H
#define SSETAIL_SERVER_H

#include <stddef.h>

#include "common/config.h"

/* How many streams there may be with that many descriptors: the others are
 * for files, for requests, and for those that are told to come back. */
long server_streams_max(long descriptors);

/* From now on SIGHUP waits for server_run: before the configuration is read,
 * so that no change of it is missed. */
void server_hold_reload(void);

/*
 * From now on SIGTERM, SIGINT and SIGUSR1 wait for server_run, which then
 * ends at once, and SIGHUP does, which has it read the configuration again.
 * SIGPIPE is ignored.
 */
void server_catch_signals(void);

/*
 * Serves the listening socket `fd` until SIGTERM, SIGINT or SIGUSR1; then
 * ends all streams without waiting for anybody. Whoever comes when there are
 * `streams_max` streams, or as many as are configured, is told to come back.
 * Returns a sysexits code.
 */
int server_run(const struct config *config, int fd, size_t streams_max);

#endif
