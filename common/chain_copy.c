#include "common/chain_inside.h"

#include <errno.h>
#include <sys/stat.h>

/* One at an end without a newline was given out by somebody who knew that
 * nobody writes there any more; in the current file there is none. */
int chain_has_place(
	const struct chain *c, struct file *f, uint64_t offset, uint64_t check)
{
	switch (file_has_place(f, offset, check)) {
	case FILE_PLACE:
		return 1;
	case FILE_PLACE_AT_END:
		if (f == chain_current(c))
			return 0;
		f->finished = true;
		return 1;
	case FILE_PLACE_FAILED:
		return -1;
	default:
		return 0;
	}
}

int chain_sibling_has_place(const struct chain *c, int dir,
	const struct sibling *s, uint64_t offset, uint64_t check,
	struct file **out)
{
	struct file *f;
	int has;

	if (s->compressed || s->size < offset)
		return 0;
	f = chain_open_sibling(dir, s);
	if (!f)
		return errno == EAGAIN ? -1 : 0;
	has = chain_has_place(c, f, offset, check);
	if (has == 1)
		*out = f;
	else
		file_close(f);
	return has;
}

/*
 * The copy at list[i] takes the place of `f`; other copies that were made
 * after it follow, and then `f` from its start, still before whatever `f` was
 * followed by.
 */
static int replace_by_copy(struct chain *c, struct file *f, struct file *copy,
	struct siblings *list, size_t i, struct neighbourhood *n)
{
	size_t first = chain_index_of(c, f), at = first, to = i + 1;
	uint32_t serial = f->serial;
	struct timespec now;

	if ((to < list->count && chain_drop_pending(c, f, n, list) < 0) ||
		chain_insert(c, at++, copy) < 0)
		return -1;
	for (; to < list->count; to++) {
		const struct sibling *s = &list->list[to];
		struct file *one;

		if (chain_holds(c, s->dev, s->ino))
			break;
		one = s->compressed ? NULL : chain_open_sibling(n->dir, s);
		if (one && chain_insert(c, at, one) == 0) {
			at++;
		} else if (!s->compressed && (one || errno == EAGAIN)) {
			file_close(one);
			goto undo;
		}
	}
	at = first + 1;
	copy->serial = serial;
	for (size_t j = i + 1; j < to; j++) {
		const struct sibling *s = &list->list[j];

		if (chain_same_file(c->files[at], s->dev, s->ino))
			c->files[at++]->serial = ++serial;
		else
			chain_add_loss(c, ++serial,
				s->compressed ? CHAIN_COMPRESSED
					      : CHAIN_ROTATED,
				0);
	}
	f->serial = at + 1 == c->count ? chain_new_serial(c) : serial + 1;
	/* Its size was that of what is in the copy. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	file_refresh(f, &now);
	file_forget(f);
	return 0;
undo:
	while (at > first + 1) {
		file_close(c->files[--at]);
		chain_take_out(c, at);
	}
	chain_take_out(c, first);
	errno = EAGAIN;
	return -1;
}

int chain_truncated(
	struct chain *c, struct file *f, uint64_t offset, uint64_t check)
{
	struct neighbourhood n;
	struct siblings list;
	enum chain_reason reason = CHAIN_TRUNCATED;
	struct file *copy = NULL;
	int has = 0;

	if (chain_look_around(c, &n, &list) < 0)
		return -1;
	for (size_t i = list.count; i-- > 0 && has == 0 && !c->is_spool;) {
		/* A copy that was compressed at once. */
		if (!chain_is_known(c, list.list[i].tag) &&
			chain_may_reach(n.dir, &list.list[i], offset))
			reason = CHAIN_COMPRESSED;
		if (chain_holds(c, list.list[i].dev, list.list[i].ino) ||
			offset == 0)
			continue;
		has = chain_sibling_has_place(
			c, n.dir, &list.list[i], offset, check, &copy);
		if (has == 1 && replace_by_copy(c, f, copy, &list, i, &n) < 0) {
			file_close(copy);
			has = -1;
		}
	}
	if (has == 0) {
		/* It stays where it stands, and is read from its start. */
		chain_add_loss_of(c, f, reason, offset);
		if (f == c->files[c->count - 1])
			f->serial = chain_new_serial(c);
		else
			f->serial++;
		file_forget(f);
	}
	if (has >= 0)
		chain_remember(c, &list, &n);
	chain_leave(&n, &list);
	return has < 0 ? -1 : 0;
}

/* Is there nothing new in the directory; and if there is a copy, does the
 * file still hold at least as much as that? */
static bool is_as_before(
	const struct chain *c, const struct file *f, uint64_t offset)
{
	struct stat st;

	if (!c->directory || stat(c->directory, &st) < 0)
		return false;
	if (chain_same_time(&st.st_mtim, &c->directory_changed))
		return true;
	return c->pending_size > 0 && offset > 0 &&
	       f->size >= c->pending_size &&
	       chain_same_time(&st.st_mtim, &c->pending_changed);
}

/* The siblings that came since the last listing and can be copies of `f`:
 * they stand behind those that were there, and before `f` itself if that was
 * renamed since. */
static void find_new(const struct chain *c, const struct file *f,
	const struct siblings *list, size_t *from, size_t *to)
{
	*from = 0;
	*to = list->count;
	for (size_t i = 0; i < list->count; i++) {
		const struct sibling *s = &list->list[i];

		if (chain_same_file(f, s->dev, s->ino))
			*to = i;
		else if (chain_is_known(c, s->tag) ||
			 chain_holds(c, s->dev, s->ino))
			*from = i + 1;
	}
}

int chain_adopt_copy(
	struct chain *c, struct file *f, uint64_t offset, uint64_t check)
{
	bool leads = chain_leads_to(c, f);
	struct file *copy = NULL;
	struct neighbourhood n;
	struct siblings list;
	size_t i, to;
	int has = 0;

	/* A file that was renamed since, or holds another content now, is
	 * found out when it is read; but not at its start, which every file
	 * has. */
	if ((!leads && offset > 0) || c->is_spool ||
		is_as_before(c, f, offset) ||
		file_has_place(f, offset, check) == FILE_NO_PLACE)
		return 0;
	if (chain_look_around(c, &n, &list) < 0)
		return -1;
	find_new(c, f, &list, &i, &to);
	for (; i < to && has == 0 && (leads || to < list.count); i++) {
		const struct sibling *s = &list.list[i];

		if (s->compressed)
			continue;
		if (s->size > 0 && s->size >= offset) {
			has = chain_sibling_has_place(
				c, n.dir, s, offset, check, &copy);
		} else if (i + 1 == to && chain_is_being_made(s, f)) {
			has = -1;
			errno = EAGAIN;
		}
	}
	if (has == 1) {
		int same = chain_continues(f, copy);

		if (same == 1) {
			/* A copy that is not followed by a truncation yet:
			 * it is looked at again when the file is smaller. */
			c->pending_size = copy->size;
			c->pending_changed = chain_last_change(&n);
			has = 0;
		} else if (same < 0 ||
			   replace_by_copy(c, f, copy, &list, i - 1, &n) < 0) {
			has = -1;
		} else if (leads) {
			chain_remember(c, &list, &n);
		}
		if (has != 1)
			file_close(copy);
	} else if (has == 0 && leads) {
		chain_remember(c, &list, &n);
	}
	chain_leave(&n, &list);
	return has < 0 ? -1 : 0;
}
