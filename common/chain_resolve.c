#include "common/chain_inside.h"

#include <errno.h>

#include "common/place.h"

/* The step at which `count` serials fit between two, both excluded; 0: they
 * do not. Before the first there is room for whole steps. */
static uint32_t step_between(uint32_t before, uint32_t after, size_t count)
{
	uint32_t step = (after - before) / (uint32_t)(count + 1);

	return step < CHAIN_SERIAL_STEP ? step : CHAIN_SERIAL_STEP;
}

/*
 * Where in the chain list[from] belongs: behind the last of the files that
 * stand before it in the listing. -1: it came after all there is, and is for
 * chain_look to bring in.
 */
static int position_of(
	const struct chain *c, const struct siblings *list, size_t from)
{
	size_t at = 0;

	for (size_t i = 0; i < from; i++) {
		const struct file *f = chain_find_file(
			c, list->list[i].dev, list->list[i].ino);

		if (f && chain_index_of(c, f) >= at)
			at = chain_index_of(c, f) + 1;
	}
	if (c->count > 0 && at == c->count)
		return -1;
	return c->has_current && !chain_leads_to(c, chain_current(c)) ? -1
								      : (int)at;
}

/*
 * Brings list[from], which is `f`, into the chain where it belongs, and what
 * follows it in the listing up to the next that is there already: mostly
 * before the first. On failure `f` stays with the caller: EAGAIN; E2BIG when
 * these are more than are ever kept open at once.
 */
static int bring_in(struct chain *c, const struct neighbourhood *n,
	const struct siblings *list, size_t from, struct file *f)
{
	int position = position_of(c, list, from);
	size_t to = from + 1, at = (size_t)position, first = at;
	uint32_t serial, step;

	if (position < 0)
		goto again;
	while (to < list->count &&
		!chain_holds(c, list->list[to].dev, list->list[to].ino))
		to++;
	serial = at > 0 ? c->files[at - 1]->serial : 0;
	step = step_between(serial,
		c->count ? c->files[at]->serial : CHAIN_FIRST_SERIAL,
		to - from);
	if (c->count + (to - from) > CHAIN_FILES_MAX || step == 0) {
		errno = E2BIG;
		return -1;
	}
	if (at == 0)
		serial = (c->count ? c->files[0]->serial : CHAIN_FIRST_SERIAL) -
			 step * (uint32_t)(to - from + 1);
	for (size_t i = from; i < to; i++) {
		const struct sibling *s = &list->list[i];
		struct file *one = f;

		serial += step;
		if (s->compressed) {
			chain_add_loss(c, serial, CHAIN_COMPRESSED, 0);
			continue;
		}
		if (i > from)
			one = chain_open_sibling(n->dir, s);
		if (!one)
			goto fail;
		chain_insert(c, at++, one);
		one->serial = serial;
	}
	return 0;
fail:
	while (at > first) {
		if (--at > first)
			file_close(c->files[at]);
		chain_take_out(c, at);
	}
again:
	errno = EAGAIN;
	return -1;
}

/* Brings in list[from], which was opened as *f: 1; 0 when these are too many;
 * -1 when it has to be tried again. *f is NULL then. */
static int take_in(struct chain *c, const struct neighbourhood *n,
	const struct siblings *list, size_t from, struct file **f)
{
	int result = -1;

	if (*f && bring_in(c, n, list, from, *f) == 0)
		return 1;
	if (*f && errno == E2BIG)
		result = 0;
	file_close(*f);
	*f = NULL;
	errno = EAGAIN;
	return result;
}

/* The file of the chain that holds the place: 1, 0, or -1. */
static int resolve_in_chain(const struct chain *c, uint32_t tag,
	uint64_t offset, uint64_t check, struct file **found)
{
	/* First by the tag; what has moved is found by its content. */
	for (int by_tag = 1; by_tag >= (c->is_spool ? 1 : 0); by_tag--) {
		for (size_t i = c->count; i-- > 0;) {
			struct file *f = c->files[i];
			int has;

			if ((f->tag == tag) != by_tag)
				continue;
			has = chain_has_place(c, f, offset, check);
			if (has != 0) {
				*found = f;
				return has;
			}
		}
	}
	return 0;
}

static int resolve_in_siblings(struct chain *c, uint32_t tag, uint64_t offset,
	uint64_t check, struct file **found, enum chain_reason *reason)
{
	struct neighbourhood n;
	struct siblings list;
	int has = 0;

	if (chain_look_back(c, &n, &list) < 0)
		return errno == ENOENT ? 0 : -1;
	for (int by_tag = 1; by_tag >= (c->is_spool ? 1 : 0) && has == 0;
		by_tag--) {
		for (size_t i = list.count; i-- > 0 && has == 0;) {
			const struct sibling *s = &list.list[i];

			if ((s->tag == tag) != by_tag ||
				chain_holds(c, s->dev, s->ino))
				continue;
			has = chain_sibling_has_place(
				c, n.dir, s, offset, check, found);
			/* It is there, and holds something else now. */
			if (has == 0 && by_tag)
				*reason = CHAIN_TRUNCATED;
			if (has == 1)
				has = take_in(c, &n, &list, i, found);
		}
	}
	for (size_t i = 0; i < list.count && has == 0; i++)
		if (chain_may_reach(n.dir, &list.list[i], offset))
			*reason = CHAIN_COMPRESSED;
	chain_leave(&n, &list);
	return has;
}

/* The newest file of the chain with that tag, or NULL. */
static struct file *find_tag(const struct chain *c, uint32_t tag)
{
	for (size_t i = c->count; i-- > 0;)
		if (c->files[i]->tag == tag)
			return c->files[i];
	return NULL;
}

/*
 * A place at the start of a file. What stands between the generation that
 * was before it and the file itself is a copy of what that held since.
 * Without a file (tag 0) it is at the start of what came after that
 * generation; *found is NULL while nothing did.
 */
static int resolve_start(struct chain *c, uint32_t tag, uint32_t before,
	struct file **found, enum chain_reason *reason)
{
	struct neighbourhood n;
	struct siblings list;
	size_t from = 0, to;
	bool known = before == 0;

	*found = find_tag(c, tag);
	if (chain_look_back(c, &n, &list) < 0)
		return errno == EAGAIN ? -1 : *found || !tag;
	to = *found || !tag ? list.count : 0;
	for (size_t i = 0; i < list.count; i++) {
		const struct sibling *s = &list.list[i];

		if (s->tag == tag && !s->compressed)
			to = i;
		if (s->tag == before) {
			known = true;
			from = i + 1;
		}
		if (s->compressed)
			*reason = CHAIN_COMPRESSED;
	}
	while (from < to && list.list[from].compressed)
		from++;
	if (!known && !tag) {
		chain_leave(&n, &list);
		return 0;
	}
	if (!known || from > to)
		from = to;
	if (from < list.count) {
		const struct sibling *s = &list.list[from];

		if (s->tag == tag || from < to) {
			int has = 1;

			*found = chain_find_file(c, s->dev, s->ino);
			if (!*found) {
				*found = chain_open_sibling(n.dir, s);
				has = take_in(c, &n, &list, from, found);
			}
			chain_leave(&n, &list);
			return has;
		}
	}
	chain_leave(&n, &list);
	if (!tag)
		*found = chain_current(c);
	return *found || !tag;
}

int chain_resolve(struct chain *c, uint32_t tag, uint64_t offset,
	uint64_t check, struct file **found, enum chain_reason *reason)
{
	int has;

	if (offset == 0) {
		uint32_t before;

		*reason = CHAIN_UNKNOWN;
		if (!place_start_before(tag, check, &before))
			return 0;
		*reason = CHAIN_ROTATED;
		return resolve_start(c, tag, before, found, reason);
	}
	has = resolve_in_chain(c, tag, offset, check, found);
	if (has != 0)
		return has;
	*reason = find_tag(c, tag) ? CHAIN_TRUNCATED : CHAIN_ROTATED;
	return resolve_in_siblings(c, tag, offset, check, found, reason);
}

struct file *chain_extend(struct chain *c)
{
	struct neighbourhood n;
	struct siblings list;
	struct file *f = NULL;
	size_t before;

	if (c->count == 0) {
		errno = 0;
		return NULL;
	}
	if (chain_look_back(c, &n, &list) < 0)
		return NULL;
	before = list.count;
	for (size_t i = list.count; i-- > 0;)
		if (chain_holds(c, list.list[i].dev, list.list[i].ino))
			before = i;
	errno = 0;
	if (before > 0 && !list.list[before - 1].compressed)
		f = chain_open_sibling(n.dir, &list.list[before - 1]);
	if (f && bring_in(c, &n, &list, before - 1, f) < 0) {
		file_close(f);
		f = NULL;
	}
	chain_leave(&n, &list);
	return f;
}
