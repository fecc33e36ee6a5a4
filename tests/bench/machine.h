/*
 * machine: its CPUs and who runs on which, its descriptors, its name.
 */
#ifndef SSETAIL_BENCH_MACHINE_H
#define SSETAIL_BENCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The senders have the first of our CPUs to themselves, or share it with the
 * readers. Apart, both ends of a socket fight for its locks, and what that
 * costs is added to either sender; together, what one does by itself counts
 * most. Left to the scheduler, it would be now this, now that.
 */
enum placement { APART, TOGETHER };

extern const char *const placement_names[];

/* Of a sender, 0: the caller. Threads that it starts afterwards follow. */
void pin_sender(pid_t pid);
void pin_readers(enum placement placement);
void unpin(void);
size_t cpu_count(void);

/* So many descriptors, as root beyond the hard limit. False if that cannot be.
 */
bool want_descriptors(size_t count);

/* Are there so many instances of inotify left for this user? Without, it is
 * timers that are measured. */
bool has_inotify(size_t count);

/* "2 CPUs (AMD EPYC), 24 GB, Linux 6.18". */
const char *machine_text(void);

#endif
