/*
 * mount: what kind of file system a path is on, found out without touching
 * that file system: where a server is away, any look at it may hang.
 */
#ifndef SSETAIL_MOUNT_H
#define SSETAIL_MOUNT_H

#include <limits.h>
#include <stdbool.h>

/*
 * Is the path, or anything that its symbolic links lead through, on a file
 * system on which any call may hang: a network's, or one of FUSE, whose
 * program may be gone? /proc/self/mountinfo tells; only what is on other file
 * systems is looked at. False where that cannot be read. Absolute paths.
 *
 * `at`, if not NULL, gets the first folder on the way, without links, that is
 * on such a file system: its mount point, as a rule.
 */
bool mount_may_hang(const char *path, char at[PATH_MAX]);

#endif
