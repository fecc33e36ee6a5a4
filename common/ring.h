/*
 * ring: the newest encoded records of a source, once for all its clients.
 *
 *	tail                              head
 *	  |                                 |
 *	  v                                 v
 *	  [entry][entry][entry] ... [entry]        positions only grow;
 *	     ^                   ^                 position % capacity is
 *	     client              client            where the bytes are
 *
 * It is a cache of what the file holds. An append that needs room forgets
 * the oldest entries; a client that stood on one of them reads on from the
 * file. An entry never wraps: where it would, the ring pads up to its end.
 */
#ifndef SSETAIL_RING_H
#define SSETAIL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ring_kind {
	RING_RECORD, /* a record: moves one place of the cursor */
	RING_OWN,    /* an event of ours: carries the whole cursor after it */
	RING_PAD     /* never seen outside */
};

/*
 * What is kept of a record: `data` is its data lines, `tail` the rest of its
 * block (event, id, blank line) as a client of this one source gets it. A
 * client of several sources gets a tail of its own behind the same data.
 */
struct ring_entry {
	uint32_t size;	  /* bytes of the entry, with this */
	uint8_t kind;	  /* enum ring_kind */
	uint8_t notice;	  /* RING_OWN: enum cursor_notice, */
	uint8_t reason;	  /* and the reason of it, as in struct cursor */
	uint8_t is_typed; /* RING_RECORD: no type is to be added to it */
	uint32_t data_len;
	uint32_t tail_len;
	uint32_t file; /* RING_RECORD: the file's serial and tag, */
	uint32_t tag;
	uint64_t start; /* the offsets before and after the record, */
	uint64_t end;
	uint64_t check; /* and the check at its end */
	char bytes[];	/* data, tail; RING_OWN: the cursor after it */
};

struct ring {
	char *memory;
	size_t capacity;
	uint64_t tail; /* position of the oldest entry */
	uint64_t head; /* position of the next one */
};

/* Returns 0, or -1 with ENOMEM. `capacity` in bytes, a multiple of 8. */
int ring_init(struct ring *r, size_t capacity);
void ring_release(struct ring *r);

/*
 * Makes room for an entry with that many bytes behind its header and returns
 * it, for the caller to fill in at once: `size` is set, the rest is not.
 * NULL when it would take more than a quarter of the ring: then the ring is
 * empty afterwards, and everybody reads the file.
 */
struct ring_entry *ring_append(struct ring *r, size_t bytes);

/* Forgets all entries; positions go on, so that nobody stands on one. */
void ring_forget(struct ring *r);

/* Does `position` stand on an entry, or at the head? */
static inline bool ring_holds(const struct ring *r, uint64_t position)
{
	return position >= r->tail && position <= r->head;
}

/*
 * The entry at *position, which ring_holds; moves *position behind it. NULL
 * at the head. Valid until the next append.
 */
const struct ring_entry *ring_next(const struct ring *r, uint64_t *position);

#endif
