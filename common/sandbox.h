/*
 * sandbox: gives up what the process does not need: files beyond what was
 * granted (grants.h), by landlock(7), with TCP connections and signals to
 * others, where the kernel knows these; privileges that an execve(2) would
 * bring; and core dumps and debuggers, which would have what was read: only
 * root may then see more of it in /proc than that it runs.
 *
 * It holds for the calling thread and for threads made later, for ever.
 */
#ifndef SSETAIL_SANDBOX_H
#define SSETAIL_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/grants.h"

/* What is said where there is none. */
#define SANDBOX_NO_LANDLOCK                                                    \
	"this kernel has no Landlock: all that this user may read can be read"

/* What is said of a source that is granted the root. */
#define SANDBOX_ROOT "is granted /: all that this user may read can be read"

/* The version of the kernel's Landlock, from 1, or -1 with errno: ENOSYS,
 * EOPNOTSUPP (switched off), EPERM (a container's filter). */
int sandbox_version(void);

/* What a grant is to a Landlock of that version: its LANDLOCK_ACCESS_FS_*. */
uint64_t sandbox_rights(unsigned grants, bool is_folder, int version);

/* All rights that a Landlock of that version can take away. */
uint64_t sandbox_handled(int version);

/*
 * Enters, before any other thread is made. `g` is borrowed until the process
 * ends. Returns the version of Landlock; 0 where there is none: files are not
 * fenced then, but the rest is done; or -1 with errno: something went wrong.
 */
int sandbox_enter(const struct grants *g);

/*
 * Is what the sources of `config` need within what was granted? Those that
 * are the same in `running` do not count. False: `fault` says for which one
 * not. Always true where nothing is fenced. Blocks on the disk.
 */
bool sandbox_has_room(const struct config *config, const struct config *running,
	struct config_fault *fault);

/* Is this file, wherever its links lead, within what was granted to be read?
 * Always true where nothing is fenced, or where there is no such file. Blocks
 * on the disk. */
bool sandbox_can_read(const char *path);

#endif
