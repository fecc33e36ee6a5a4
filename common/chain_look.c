#include "common/chain_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/spool.h"

#define TRIES 20

/* Appends one sibling that came after the chain's last file. */
static int append_sibling(
	struct chain *c, const struct neighbourhood *n, const struct sibling *s)
{
	struct file *f;

	if (chain_holds(c, s->dev, s->ino))
		return 0;
	if (s->compressed) {
		for (size_t i = 0; i < c->count; i++)
			if (chain_is_compressed_form(n->dir, s, c->files[i]))
				return 0;
		chain_add_loss(c, chain_new_serial(c), CHAIN_COMPRESSED, 0);
		return 0;
	}
	f = chain_open_sibling(n->dir, s);
	if (!f)
		return -1;
	if (chain_insert(c, c->count, f) < 0) {
		file_close(f);
		return -1;
	}
	f->serial = chain_new_serial(c);
	return 0;
}

/* Was it there before the last file, which is not in the listing any more? */
static bool is_old(
	const struct chain *c, const struct file *last, const struct sibling *s)
{
	if (c->is_spool && last)
		return chain_base_of(s) <= last->base;
	return chain_is_known(c, s->tag);
}

/*
 * Where the segment begins that is written to: `base` was read before the
 * listing. Between two steps of a rotation it has its name already; where
 * `base` is out of date it follows the newest that is full.
 */
static uint64_t base_of_current(
	const struct file *current, uint64_t base, const struct siblings *list)
{
	const struct sibling *newest;

	if (list->count == 0)
		return base;
	newest = &list->list[list->count - 1];
	if (chain_same_file(current, newest->dev, newest->ino))
		return chain_base_of(newest);
	return base > chain_base_of(newest)
		       ? base
		       : chain_base_of(newest) + newest->size;
}

/*
 * Appends what came between the chain's last file and the one that the path
 * leads to now: what is behind the last file in the listing or, if that is
 * not there any more, all that was not there at the last listing.
 */
static int append_between(struct chain *c, const struct neighbourhood *n,
	const struct siblings *list, const struct file *current)
{
	const struct file *last;
	bool found = false;
	size_t from = 0;

	last = c->count ? c->files[c->count - 1] : NULL;
	for (size_t i = 0; last && i < list->count; i++) {
		if (chain_same_file(
			    last, list->list[i].dev, list->list[i].ino)) {
			found = true;
			from = i + 1;
		}
	}
	if (!found && !c->listed)
		return 0;
	for (size_t i = from; i < list->count; i++) {
		const struct sibling *s = &list->list[i];

		if (chain_same_file(current, s->dev, s->ino) ||
			(!found && is_old(c, last, s)))
			continue;
		if (append_sibling(c, n, s) < 0)
			return -1;
	}
	return 0;
}

/*
 * Does a sibling that came since stand right before the chain's last file? It
 * may be the copy of what that held before a truncation, and nobody has
 * noticed either yet.
 */
static bool may_be_copied(struct chain *c, const struct siblings *list)
{
	const struct file *last = c->count ? c->files[c->count - 1] : NULL;

	for (size_t i = 1; last && c->listed && !c->is_spool && i < list->count;
		i++)
		if (chain_same_file(last, list->list[i].dev, list->list[i].ino))
			return chain_is_to_be_explained(c, &list->list[i - 1]);
	return false;
}

/* While the path leads nowhere: what is there already is no news. */
static bool list_old_ones(struct chain *c)
{
	struct neighbourhood n;
	struct siblings list;

	if (chain_look_around(c, &n, &list) < 0) {
		c->listed = errno == ENOENT;
		return errno != EAGAIN;
	}
	chain_remember(c, &list, &n);
	chain_leave(&n, &list);
	return true;
}

enum followed {
	FOLLOWED,
	FOLLOW_AGAIN, /* names are changing under our eyes */
	FOLLOW_LATER  /* the last file has to be read first */
};

/*
 * The path leads to another file than before: brings that in, and what came
 * before it.
 */
static enum followed follow(struct chain *c)
{
	struct neighbourhood n;
	struct siblings list;
	enum followed result;
	uint64_t base = 0;
	struct file *f;

	c->state = file_open(AT_FDCWD, c->path, &f);
	if (c->state != FILE_OPEN)
		return c->listed || list_old_ones(c) ? FOLLOWED : FOLLOW_AGAIN;
	if (chain_holds(c, f->dev, f->ino)) {
		/* An older generation was given the name again. It is
		 * followed where it stands. */
		struct file *last = c->files[c->count - 1];

		c->has_current = chain_same_file(last, f->dev, f->ino);
		if (c->has_current)
			last->finished = false;
		file_close(f);
		return FOLLOWED;
	}
	if (c->is_spool)
		base = spool_read_base(c->path);
	if (chain_look_before(c, f, &n, &list) < 0) {
		bool again = errno == EAGAIN || errno == ENOENT;

		if (!again)
			c->state = FILE_UNREADABLE;
		file_close(f);
		return again ? FOLLOW_AGAIN : FOLLOWED;
	}
	if (may_be_copied(c, &list))
		result = FOLLOW_LATER;
	else if (chain_leads_to(c, f) && append_between(c, &n, &list, f) == 0 &&
		 chain_insert(c, c->count, f) == 0)
		result = FOLLOWED;
	else
		result = FOLLOW_AGAIN;
	if (result == FOLLOWED) {
		/* The one before may still be written to for a while. */
		if (c->is_spool)
			f->base = base_of_current(f, base, &list);
		if (c->count > 1)
			clock_gettime(CLOCK_MONOTONIC_COARSE,
				&c->files[c->count - 2]->quiet_since);
		f->serial = chain_new_serial(c);
		c->has_current = true;
		chain_remember(c, &list, &n);
	} else {
		file_close(f);
	}
	chain_leave(&n, &list);
	return result;
}

bool chain_look(struct chain *c, const struct timespec *now)
{
	struct stat st;

	for (size_t i = 0; i < c->count; i++)
		file_refresh(c->files[i], now);
	if (stat(c->path, &st) == 0 && c->has_current &&
		chain_same_file(c->files[c->count - 1], st.st_dev, st.st_ino)) {
		c->state = FILE_OPEN;
		return true;
	}
	c->has_current = false;
	for (int i = 0; i < TRIES; i++) {
		enum followed result = follow(c);

		/* What is full by now has its last size. */
		for (size_t j = 0; c->is_spool && j < c->count; j++)
			file_refresh(c->files[j], now);
		if (result != FOLLOW_AGAIN)
			return result == FOLLOWED;
	}
	return false;
}

int chain_confirm(struct chain *c)
{
	struct neighbourhood n;
	struct siblings list;
	struct stat st;
	int same = 1;

	if (!c->has_current ||
		(c->directory && stat(c->directory, &st) == 0 &&
			chain_same_time(&st.st_mtim, &c->directory_changed)))
		return 1;
	if (chain_look_before(c, chain_current(c), &n, &list) < 0)
		return errno == EAGAIN ? -1 : 0;
	for (size_t i = 0; i < list.count; i++)
		same &= chain_is_known(c, list.list[i].tag) ||
			chain_holds(c, list.list[i].dev, list.list[i].ino);
	if (same)
		chain_remember(c, &list, &n);
	chain_leave(&n, &list);
	return same;
}
