/*
 * chain: the generations of a log, oldest first, as one sequence.
 *
 *	access.log.2   access.log.1   access.log
 *	[serial 7]     [serial 8]     [serial 9]
 *	 a laggard      still written  the current one
 *	 reads here     to, perhaps
 *
 * The chain is contiguous: from its first file on, every generation there
 * was is in it, or stands in its list of losses. Serials rise along it and
 * are never used twice, so a cursor names a file by its serial. Files older
 * than the first are brought in when somebody asks for them, and dropped
 * when nobody needs them.
 *
 * It knows files and content, and neither records nor clients.
 */
#ifndef SSETAIL_CHAIN_H
#define SSETAIL_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "common/file.h"
#include "common/siblings.h"

#define CHAIN_FILES_MAX	   512 /* three weeks of a log rotated hourly */
#define CHAIN_LOSSES_MAX   16
#define CHAIN_UNLINKED_MAX 8 /* files without a name that are kept open */

enum chain_reason {
	CHAIN_ROTATED,	  /* rotated, and not to be found any more */
	CHAIN_TRUNCATED,  /* overwritten, without a copy */
	CHAIN_DELETED,	  /* deleted */
	CHAIN_COMPRESSED, /* it is there, but compressed */
	CHAIN_UNKNOWN	  /* never was a place here, for all we know */
};

struct chain_loss {
	uint32_t serial; /* of the file that is gone; 0: unused */
	enum chain_reason reason;
	uint64_t size; /* how far it was read, where known; else 0 */
	uint64_t base; /* of a spool's segment: as in file.h */
};

struct chain {
	const char *path;    /* borrowed */
	const char *pattern; /* of the siblings' names; borrowed, or NULL */
	bool is_spool; /* set after chain_init: the files are of one writer
			* (spool.h) who never copies or truncates one. Those
			* with equal content are different ones then */
	struct file *files[CHAIN_FILES_MAX];
	size_t count;
	bool has_current;      /* the last one is what the path leads to */
	enum file_state state; /* of the path */
	uint32_t next_serial;
	struct chain_loss losses[CHAIN_LOSSES_MAX];
	size_t next_loss;
	char *directory; /* where the siblings are; NULL before a listing */
	struct timespec directory_changed; /* its mtime at the last listing */
	uint64_t pending_size; /* of a copy that no truncation followed yet, */
	struct timespec pending_changed; /* and the mtime it was found at */
	bool listed;			 /* `known` is filled in */
	uint32_t *known; /* tags of the siblings at the last listing */
	size_t known_count;
	uint32_t unknown; /* the tag of a newer one, and how often a look was */
	unsigned unknown_tries; /* waited for that would explain it */
};

void chain_init(struct chain *c, const char *path, const char *pattern);
void chain_release(struct chain *c);

/*
 * Looks at the path once, and brings in what came since the last look: the
 * file that the path leads to now, and before it those that came and were
 * rotated in between. Idempotent. `state` tells afterwards how the path is.
 * False when the look could not be finished now (a rotation is under way)
 * and should be repeated soon. Blocks on the disk for metadata.
 */
bool chain_look(struct chain *c, const struct timespec *now);

/*
 * Has nothing come since the last look but what is in the chain? Whoever
 * stands anywhere else than at the start of the current file asks after having
 * taken that place: a copy may have been made, and the file truncated, between
 * the look and that. Returns 1; 0: begin anew; -1 with EAGAIN: try again.
 */
int chain_confirm(struct chain *c);

/* The file that the path leads to, or NULL. */
struct file *chain_current(const struct chain *c);

/* The file of that serial, or NULL; and the first one with a greater serial,
 * or NULL. */
struct file *chain_find(const struct chain *c, uint32_t serial);
struct file *chain_after(const struct chain *c, uint32_t serial);

/* The tag of the generation before a file (NULL: one that is yet to come);
 * 0: there is none. */
uint32_t chain_before(const struct chain *c, const struct file *f);

/* What is known of a file that is gone, or NULL: the one of that serial; and
 * the first one between two serials, both excluded. */
const struct chain_loss *chain_lost(const struct chain *c, uint32_t serial);
const struct chain_loss *chain_lost_between(
	const struct chain *c, uint32_t after, uint32_t before);

/*
 * The file `f` no longer holds the place (offset, check): it was truncated.
 * Looks for the copy that copytruncate made. If there is one, it takes the
 * serial of `f`, so that all cursors stand in the copy now; what was rotated
 * after it follows; `f` goes on under a new serial from offset 0. If there
 * is none, the old serial is a loss. Returns 0; -1 with EAGAIN (not in
 * memory, or rotation under way: try again) or ENOMEM.
 */
int chain_truncated(
	struct chain *c, struct file *f, uint64_t offset, uint64_t check);

/*
 * Has a copy of `f`, the current file of the last look, appeared, and was that
 * truncated, although it still (or again) holds the place? Then the same
 * happens as in chain_truncated. A copy that the current file still begins with
 * is looked at again the next time. Does nothing while the directory has not
 * changed. Returns 0 or -1 as there.
 */
int chain_adopt_copy(
	struct chain *c, struct file *f, uint64_t offset, uint64_t check);

/*
 * Finds the file that holds a place of that tag, offset and check: in the
 * chain, else among the siblings, and then brings that one in and all that
 * came after it. Returns 1 and the file in *found; 0 and in *reason why
 * there is none; -1 with errno (EAGAIN: try again).
 *
 * At offset 0 there is no content to go by, and `check` names the generation
 * before (place_start_check): a copy that was made of the file since,
 * and that it was truncated after, stands between the two, and it is what
 * *found is then.
 *
 * Tag 0 is no file yet: what came after that generation is *found; NULL
 * while nothing did.
 */
int chain_resolve(struct chain *c, uint32_t tag, uint64_t offset,
	uint64_t check, struct file **found, enum chain_reason *reason);

/* Brings in the generation before the first. Returns it, or NULL: there is
 * none that can be read (errno 0), or it failed. */
struct file *chain_extend(struct chain *c);

/* Drops the files before `oldest_needed`, and the oldest without a name when
 * there are too many of those. */
void chain_sweep(struct chain *c, uint32_t oldest_needed);

#endif
