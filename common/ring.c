#include "common/ring.h"

#include <errno.h>
#include <stdlib.h>

#define ALIGNMENT 8u

int ring_init(struct ring *r, size_t capacity)
{
	*r = (struct ring){ .capacity = capacity };
	r->memory = malloc(capacity);
	if (!r->memory)
		return -1;
	/* Position 0 is nobody's: a cursor of zeros stands on no entry. */
	r->head = r->tail = capacity;
	return 0;
}

void ring_release(struct ring *r)
{
	free(r->memory);
	*r = (struct ring){ 0 };
}

static struct ring_entry *entry_at(const struct ring *r, uint64_t position)
{
	return (struct ring_entry *)(void *)(r->memory +
					     position % r->capacity);
}

void ring_forget(struct ring *r)
{
	r->head += ALIGNMENT;
	r->head += (r->capacity - r->head % r->capacity) % r->capacity;
	r->tail = r->head;
}

/* Forgets the oldest entries until `bytes` more fit behind the head. */
static void make_room(struct ring *r, size_t bytes)
{
	while (r->head + bytes - r->tail > r->capacity) {
		size_t left = r->capacity - r->tail % r->capacity;

		if (left < sizeof(struct ring_entry))
			r->tail += left;
		else
			r->tail += entry_at(r, r->tail)->size;
	}
}

/* An entry does not wrap: what is left at the end becomes a pad. */
static void pad_to_end(struct ring *r, size_t left)
{
	make_room(r, left);
	if (left >= sizeof(struct ring_entry)) {
		struct ring_entry *pad = entry_at(r, r->head);

		pad->size = (uint32_t)left;
		pad->kind = RING_PAD;
	}
	r->head += left;
}

struct ring_entry *ring_append(struct ring *r, size_t bytes)
{
	size_t size = sizeof(struct ring_entry) + bytes;
	size_t left = r->capacity - r->head % r->capacity;
	struct ring_entry *e;

	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (size > r->capacity / 4 || size < bytes) {
		ring_forget(r);
		return NULL;
	}
	if (left < size)
		pad_to_end(r, left);
	make_room(r, size);
	e = entry_at(r, r->head);
	e->size = (uint32_t)size;
	r->head += size;
	return e;
}

const struct ring_entry *ring_next(const struct ring *r, uint64_t *position)
{
	while (*position < r->head) {
		size_t left = r->capacity - *position % r->capacity;
		const struct ring_entry *e;

		if (left < sizeof(struct ring_entry)) {
			*position += left;
			continue;
		}
		e = entry_at(r, *position);
		*position += e->size;
		if (e->kind != RING_PAD)
			return e;
	}
	return NULL;
}
