#include "common/chain_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void chain_init(struct chain *c, const char *path, const char *pattern)
{
	*c = (struct chain){
		.path = path,
		.pattern = pattern,
		.state = FILE_ABSENT,
		.next_serial = CHAIN_FIRST_SERIAL,
	};
}

void chain_release(struct chain *c)
{
	for (size_t i = 0; i < c->count; i++)
		file_close(c->files[i]);
	free(c->known);
	free(c->directory);
	*c = (struct chain){ 0 };
}

struct file *chain_current(const struct chain *c)
{
	return c->has_current ? c->files[c->count - 1] : NULL;
}

struct file *chain_find(const struct chain *c, uint32_t serial)
{
	for (size_t i = c->count; i-- > 0;)
		if (c->files[i]->serial == serial)
			return c->files[i];
	return NULL;
}

struct file *chain_after(const struct chain *c, uint32_t serial)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->files[i]->serial > serial)
			return c->files[i];
	return NULL;
}

const struct chain_loss *chain_lost(const struct chain *c, uint32_t serial)
{
	for (size_t i = 0; i < CHAIN_LOSSES_MAX; i++)
		if (serial && c->losses[i].serial == serial)
			return &c->losses[i];
	return NULL;
}

const struct chain_loss *chain_lost_between(
	const struct chain *c, uint32_t after, uint32_t before)
{
	const struct chain_loss *first = NULL;

	for (size_t i = 0; i < CHAIN_LOSSES_MAX; i++) {
		const struct chain_loss *l = &c->losses[i];

		if (l->serial > after && l->serial < before &&
			(!first || l->serial < first->serial))
			first = l;
	}
	return first;
}

uint32_t chain_before(const struct chain *c, const struct file *f)
{
	for (size_t i = c->count; i-- > 1;)
		if (c->files[i] == f)
			return c->files[i - 1]->tag;
	/* The first is the current one, or nobody stands at its start. */
	return c->known_count ? c->known[c->known_count - 1] : 0;
}

uint32_t chain_new_serial(struct chain *c)
{
	uint32_t serial = c->next_serial;

	c->next_serial += CHAIN_SERIAL_STEP;
	return serial;
}

void chain_add_loss(struct chain *c, uint32_t serial, enum chain_reason reason,
	uint64_t size)
{
	c->losses[c->next_loss] = (struct chain_loss){
		.serial = serial, .reason = reason, .size = size
	};
	c->next_loss = (c->next_loss + 1) % CHAIN_LOSSES_MAX;
}

void chain_add_loss_of(struct chain *c, const struct file *f,
	enum chain_reason reason, uint64_t size)
{
	struct chain_loss *loss = &c->losses[c->next_loss];

	chain_add_loss(c, f->serial, reason, size);
	loss->base = f->base;
}

bool chain_same_file(const struct file *f, dev_t dev, ino_t ino)
{
	return f->dev == dev && f->ino == ino;
}

struct file *chain_find_file(const struct chain *c, dev_t dev, ino_t ino)
{
	for (size_t i = 0; i < c->count; i++)
		if (chain_same_file(c->files[i], dev, ino))
			return c->files[i];
	return NULL;
}

bool chain_holds(const struct chain *c, dev_t dev, ino_t ino)
{
	return chain_find_file(c, dev, ino) != NULL;
}

size_t chain_index_of(const struct chain *c, const struct file *f)
{
	size_t i = 0;

	while (i < c->count && c->files[i] != f)
		i++;
	return i;
}

int chain_insert(struct chain *c, size_t at, struct file *f)
{
	if (c->count == CHAIN_FILES_MAX) {
		errno = ENOMEM;
		return -1;
	}
	memmove(c->files + at + 1, c->files + at,
		(c->count - at) * sizeof(*c->files));
	c->files[at] = f;
	f->is_spool = c->is_spool;
	c->count++;
	return 0;
}

void chain_take_out(struct chain *c, size_t at)
{
	memmove(c->files + at, c->files + at + 1,
		(c->count - at - 1) * sizeof(*c->files));
	c->count--;
}

static void drop(struct chain *c, size_t at)
{
	file_close(c->files[at]);
	chain_take_out(c, at);
}

void chain_sweep(struct chain *c, uint32_t oldest_needed)
{
	size_t unlinked = 0;

	while (c->count > 1 && c->files[0]->serial < oldest_needed)
		drop(c, 0);
	for (size_t i = 0; i < c->count; i++)
		unlinked += c->files[i]->unlinked;
	for (size_t i = 0; i + 1 < c->count && unlinked > CHAIN_UNLINKED_MAX;) {
		if (c->files[i]->unlinked) {
			chain_add_loss_of(c, c->files[i], CHAIN_DELETED,
				c->files[i]->size);
			drop(c, i);
			unlinked--;
		} else {
			i++;
		}
	}
}
