/*
 * pump: reads named pipes into their spools (spool.h).
 *
 * A pipe has one reader, and a site has many processes. All of them open the
 * pipe, so that its writers never find nobody there; the one that holds the
 * spool's lock, and the lock on the pipe itself, moves what comes into the
 * spool; and all of them read that. The others sleep until the kernel takes
 * the locks away from whoever held them, however that one ended.
 *
 * A thread of its own does it for all pipes of a process: a slow disk holds
 * up no loop, and nothing here holds up a writer. Other processes must not
 * read the pipe: what they take, nobody else gets.
 */
#ifndef SSETAIL_PUMP_H
#define SSETAIL_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/file.h"

struct pump;
struct pump_source;

/* NULL with errno. */
struct pump *pump_new(void);

/*
 * Keeps the thread from its sources, between two of its turns, so that some can
 * be added and removed. Returns 0, or -1 with errno when a disk has held it up
 * for seconds. pump_let_go ends that.
 */
int pump_hold(struct pump *p);
void pump_let_go(struct pump *p);

/*
 * Adds a source of type fifo; before pump_start, or while it is held. `config`
 * and `state_dir` are borrowed. NULL after a line in the log: the spool cannot
 * be used.
 */
struct pump_source *pump_add(struct pump *p, const struct source_config *config,
	const char *state_dir);

/* Takes what is in its pipes still, and lets go of them; while it is held.
 * The source is not valid any more. Blocks on the disk. */
void pump_remove(struct pump *p, struct pump_source *s);

/*
 * Opens the pipes, finishes what another pump has left, and starts the thread,
 * which blocks all signals. Blocks on the disk. Returns 0, or -1 with errno.
 */
int pump_start(struct pump *p);

/* Takes what is in the pipes still, and lets others go on. NULL is fine. A
 * disk that hangs is not waited for: then the memory stays with the thread. */
void pump_free(struct pump *p);

struct pump_figures {
	bool is_ours;	     /* this process reads the pipe */
	uint64_t kept_bytes; /* in the spool, as of the last second; where it
			      * is not ours, 0 */
};

/* From any thread. */
struct pump_figures pump_measure(const struct pump_source *s);

/* How the path of the pipe is: FILE_OPEN, or what is in the way. From any
 * thread. */
enum file_state pump_state(const struct pump_source *s);

#endif
