/*
 * server: one loop for thousands of clients.
 *
 * A turn of the loop takes what epoll has, looks at the sources that
 * changed, and then sends all that it read to everybody, in one pass.
 */
#ifndef SSETAIL_SERVER_H
#define SSETAIL_SERVER_H

#include "common/config.h"

/*
 * Serves the listening socket `fd` until SIGTERM, SIGINT or SIGUSR1; then
 * ends all streams without waiting for anybody. Returns a sysexits code.
 */
int server_run(const struct config *config, int fd);

#endif
