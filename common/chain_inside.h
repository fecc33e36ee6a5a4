/*
 * chain_inside: what the parts of a chain say to each other. For chain*.c
 * alone.
 *
 *	chain.c          the files and the losses, kept in order
 *	chain_around.c   the folder: siblings listed, opened, remembered
 *	chain_look.c     what came since the last look is brought in
 *	chain_copy.c     copies that copytruncate makes take their place
 *	chain_resolve.c  older generations are found and brought in
 *
 * Names change while they are looked at. What fails with EAGAIN met such a
 * change, and is right to try again.
 */
#ifndef SSETAIL_CHAIN_INSIDE_H
#define SSETAIL_CHAIN_INSIDE_H

#include <limits.h>
#include <sys/types.h>

#include "common/chain.h"

/* Room for as many older generations as are ever kept, again and again, for
 * many more of newer ones, and between any two for what is found late. */
#define CHAIN_FIRST_SERIAL 0x20000000u
#define CHAIN_SERIAL_STEP  256u

/* ---- chain.c */

/* The serial of a file behind the last. */
uint32_t chain_new_serial(struct chain *c);

/* Notes that a file is gone. The oldest loss is forgotten for it. */
void chain_add_loss(struct chain *c, uint32_t serial, enum chain_reason reason,
	uint64_t size);
void chain_add_loss_of(struct chain *c, const struct file *f,
	enum chain_reason reason, uint64_t size);

bool chain_same_file(const struct file *f, dev_t dev, ino_t ino);

/* The file of that inode, or NULL. */
struct file *chain_find_file(const struct chain *c, dev_t dev, ino_t ino);
bool chain_holds(const struct chain *c, dev_t dev, ino_t ino);

/* Where a file stands; c->count: nowhere. */
size_t chain_index_of(const struct chain *c, const struct file *f);

/* Puts a file, which is the chain's then, before the one at `at`. Its serial is
 * the caller's to set. Returns 0, or -1 with ENOMEM: there are too many. */
int chain_insert(struct chain *c, size_t at, struct file *f);

/* The opposite: the file is the caller's. */
void chain_take_out(struct chain *c, size_t at);

/* ---- chain_around.c */

/* Where the siblings of a path are, and what they are siblings of. */
struct neighbourhood {
	int dir;
	char directory[PATH_MAX];
	char base[NAME_MAX + 1];
	bool linked;
	struct timespec changed; /* before the listing */
};

/* Opens the neighbourhood and lists it. Returns 0, then chain_leave is due; or
 * -1 with errno. */
int chain_look_around(
	const struct chain *c, struct neighbourhood *n, struct siblings *list);

/* As chain_look_around, without a copy of `current` (or NULL) that is
 * pending. */
int chain_look_before(struct chain *c, struct file *current,
	struct neighbourhood *n, struct siblings *list);

/*
 * As chain_look_before, for those who bring in older generations. A sibling
 * that is new is for the next look: it may be the copy of what the current file
 * held before a truncation that nobody has noticed yet. -1 with EAGAIN then.
 */
int chain_look_back(
	struct chain *c, struct neighbourhood *n, struct siblings *list);

/* Keeps the listing as the last one: what is in it is known. */
void chain_remember(struct chain *c, const struct siblings *list,
	const struct neighbourhood *n);

/* Closes and releases both. errno stays. */
void chain_leave(struct neighbourhood *n, struct siblings *list);

/*
 * Takes a copy off the list that is being made of `f`, or was made, and that
 * no truncation has followed yet: while the file begins with all that the copy
 * holds, the copy is nothing that came before it. Returns 0 or -1.
 */
int chain_drop_pending(struct chain *c, struct file *f, struct neighbourhood *n,
	struct siblings *list);

/* When the directory changed, for asking later whether it has changed since;
 * never, when the answer could be wrong. */
struct timespec chain_last_change(const struct neighbourhood *n);
bool chain_same_time(const struct timespec *a, const struct timespec *b);

/* Opens a sibling, if the name still leads to the same file. NULL with errno:
 * EAGAIN when it does not. */
struct file *chain_open_sibling(int dir, const struct sibling *s);

/* Of a spool's segment (spool.h): what it is named after. */
uint64_t chain_base_of(const struct sibling *s);

/* Was it there at the last listing? */
bool chain_is_known(const struct chain *c, uint32_t tag);

/* Is it a sibling that came since the last listing and that no look has
 * explained yet? But nobody waits for ever. */
bool chain_is_to_be_explained(struct chain *c, const struct sibling *s);

/* Does `f` still begin with all that `copy` holds? 1, 0 or -1. */
int chain_continues(struct file *f, const struct file *copy);

/* Is a copy that has no byte yet still being made of `f`? */
bool chain_is_being_made(const struct sibling *s, const struct file *f);

/* Is it the compressed form of a file that we still hold? */
bool chain_is_compressed_form(
	int dir, const struct sibling *s, const struct file *f);

/* Can the compressed file be one that was read up to `offset`? */
bool chain_may_reach(int dir, const struct sibling *s, uint64_t offset);

/* Does the path still lead to `f`? */
bool chain_leads_to(const struct chain *c, const struct file *f);

/* ---- chain_copy.c */

/* Asks a file for a place: 1, 0, or -1. */
int chain_has_place(
	const struct chain *c, struct file *f, uint64_t offset, uint64_t check);

/* Opens a sibling and asks it for a place: 1 with *out, 0, or -1. */
int chain_sibling_has_place(const struct chain *c, int dir,
	const struct sibling *s, uint64_t offset, uint64_t check,
	struct file **out);

#endif
