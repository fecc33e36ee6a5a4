/*
 * reload: another configuration, while the program runs.
 */
#ifndef SSETAIL_RELOAD_H
#define SSETAIL_RELOAD_H

#include <stdbool.h>

#include "common/hub.h"

/*
 * Reads the file of the hub's configuration again, and has the hub go over to
 * what it says; what that changes is logged. A file with a fault changes
 * nothing, and the log says why. Returns whether there is another one now:
 * every client is told then (client_reload). Blocks on the disk.
 */
bool reload(struct hub *hub);

#endif
