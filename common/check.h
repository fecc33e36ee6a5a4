/*
 * check: what -t does. The configuration was read already; now everything in
 * it is tried as the user that runs the check.
 */
#ifndef SSETAIL_CHECK_H
#define SSETAIL_CHECK_H

#include "common/config.h"
#include "common/grants.h"

/*
 * Tries to open each source, to list the folder that its rotated files are
 * in, and to open these. Prints for each source that fails what stands in the
 * way, down to the component of the path, who we are, and a remedy to copy,
 * to standard error, and a line for each source that anybody may read without
 * being public, or for which the sandbox grants the root. To standard output go
 * the grants that the sandbox is to have, a line for each, and at the end one
 * line. Returns 0, or EX_NOINPUT when something could not be opened. Blocks on
 * the disk.
 */
int check_sources(const struct config *config, const struct grants *grants);

#endif
