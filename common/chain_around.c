#include "common/chain_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often a sibling that no look has explained is waited for. */
#define UNKNOWN_TRIES 3

/* A copy that is empty may get its first bytes for as long. */
#define EMPTY_COPY_S 2

/* A directory that changed as short a time ago may change again without
 * showing it: file systems count time in ticks, and old ones in seconds. */
#define TICK_NS	      100000000
#define COARSE_TICK_S 2

/*
 * The path may be a link, or not be there: its siblings are those of what it
 * leads to, else of itself.
 */
static int neighbourhood_open(const struct chain *c, struct neighbourhood *n)
{
	char *real = n->directory, *slash;
	struct stat st;

	n->linked = lstat(c->path, &st) == 0 && S_ISLNK(st.st_mode);
	if (!realpath(c->path, real)) {
		if (strlen(c->path) >= sizeof(n->directory)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		strcpy(real, c->path);
		n->linked = false;
	}
	slash = strrchr(real, '/');
	if (!slash || strlen(slash + 1) > NAME_MAX) {
		errno = ENOENT;
		return -1;
	}
	strcpy(n->base, slash + 1);
	slash[slash == real] = '\0';
	n->dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (n->dir < 0)
		return -1;
	if (fstat(n->dir, &st) < 0) {
		close(n->dir);
		return -1;
	}
	n->changed = st.st_mtim;
	return 0;
}

int chain_look_around(
	const struct chain *c, struct neighbourhood *n, struct siblings *list)
{
	*list = (struct siblings){ 0 };
	if (neighbourhood_open(c, n) < 0)
		return -1;
	if (siblings_list(n->dir, n->base, c->pattern, n->linked, list) < 0) {
		int error = errno;

		close(n->dir);
		siblings_release(list);
		errno = error;
		return -1;
	}
	return 0;
}

void chain_leave(struct neighbourhood *n, struct siblings *list)
{
	int error = errno;

	close(n->dir);
	siblings_release(list);
	errno = error;
}

uint64_t chain_base_of(const struct sibling *s)
{
	const char *digits = strrchr(s->name, '.');

	return digits ? strtoull(digits + 1, NULL, 10) : 0;
}

struct file *chain_open_sibling(int dir, const struct sibling *s)
{
	struct file *f;

	if (file_open(dir, s->name, &f) != FILE_OPEN) {
		if (errno == ENOENT)
			errno = EAGAIN;
		return NULL;
	}
	if (!chain_same_file(f, s->dev, s->ino)) {
		file_close(f);
		errno = EAGAIN;
		return NULL;
	}
	f->base = chain_base_of(s);
	return f;
}

int chain_continues(struct file *f, const struct file *copy)
{
	struct timespec now;
	uint64_t mine, its;

	/* What was written since the look is in the copy, too. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (file_refresh(f, &now) < 0)
		return -1;
	if (f->size < copy->size)
		return 0;
	if (file_check(f, copy->size, &mine) < 0 ||
		file_check(copy, copy->size, &its) < 0)
		return errno == ENODATA ? 0 : -1;
	return mine == its;
}

struct timespec chain_last_change(const struct neighbourhood *n)
{
	struct timespec now, changed = n->changed;
	int64_t age_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	age_ns = (int64_t)(now.tv_sec - changed.tv_sec) * 1000000000 +
		 now.tv_nsec - changed.tv_nsec;
	if (age_ns < TICK_NS ||
		(changed.tv_nsec == 0 && age_ns < COARSE_TICK_S * 1000000000ll))
		return (struct timespec){ 0 };
	return changed;
}

bool chain_is_being_made(const struct sibling *s, const struct file *f)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return s->size == 0 && f->size > 0 &&
	       now.tv_sec - s->modified.tv_sec < EMPTY_COPY_S;
}

int chain_drop_pending(struct chain *c, struct file *f, struct neighbourhood *n,
	struct siblings *list)
{
	const struct sibling *newest =
		list->count ? &list->list[list->count - 1] : NULL;
	struct file *copy;
	int same;

	if (!newest || newest->compressed ||
		chain_holds(c, newest->dev, newest->ino) ||
		(newest->size == 0 && !chain_is_being_made(newest, f)))
		return 0;
	copy = chain_open_sibling(n->dir, newest);
	same = copy ? chain_continues(f, copy) : -1;
	file_close(copy);
	if (same < 0) {
		errno = EAGAIN;
		return -1;
	}
	if (same) {
		list->count--;
		/* It is asked for again until then. */
		n->changed = c->directory_changed = (struct timespec){ 0 };
	}
	return 0;
}

int chain_look_before(struct chain *c, struct file *current,
	struct neighbourhood *n, struct siblings *list)
{
	if (chain_look_around(c, n, list) < 0)
		return -1;
	if (!current || c->is_spool ||
		chain_drop_pending(c, current, n, list) == 0)
		return 0;
	chain_leave(n, list);
	return -1;
}

bool chain_is_known(const struct chain *c, uint32_t tag)
{
	for (size_t i = 0; i < c->known_count; i++)
		if (c->known[i] == tag)
			return true;
	return false;
}

bool chain_is_to_be_explained(struct chain *c, const struct sibling *s)
{
	if (s->compressed || chain_is_known(c, s->tag) ||
		chain_holds(c, s->dev, s->ino))
		return false;
	if (c->unknown != s->tag) {
		c->unknown = s->tag;
		c->unknown_tries = 0;
	}
	return c->unknown_tries++ < UNKNOWN_TRIES;
}

int chain_look_back(
	struct chain *c, struct neighbourhood *n, struct siblings *list)
{
	const struct sibling *newest;

	if (chain_look_before(c, chain_current(c), n, list) < 0)
		return -1;
	newest = list->count ? &list->list[list->count - 1] : NULL;
	if (!c->has_current || !c->listed || !newest ||
		!chain_is_to_be_explained(c, newest))
		return 0;
	chain_leave(n, list);
	errno = EAGAIN;
	return -1;
}

void chain_remember(struct chain *c, const struct siblings *list,
	const struct neighbourhood *n)
{
	uint32_t *known = realloc(c->known, (list->count + 1) * sizeof(*known));
	char *directory = strdup(n->directory);

	if (known)
		c->known = known;
	if (!known || !directory) {
		free(directory);
		return;
	}
	free(c->directory);
	c->directory = directory;
	c->pending_size = 0;
	for (size_t i = 0; i < list->count; i++)
		known[i] = list->list[i].tag;
	c->known_count = list->count;
	c->directory_changed = chain_last_change(n);
	c->listed = true;
}

/* The size, modulo 2^32, that a gzip file says it had. False for others. */
static bool former_size(
	const struct file *compressed, const struct sibling *s, uint32_t *size)
{
	const char *ending = strrchr(s->name, '.');
	unsigned char b[4];

	if (strcmp(ending, ".gz") != 0 || compressed->size <= sizeof(b) ||
		file_read_whole(compressed, b, sizeof(b),
			compressed->size - sizeof(b)) < 0)
		return false;
	*size = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
		(uint32_t)b[3] << 24;
	return true;
}

/* Other kinds than gzip do not tell their former size, but all keep the time
 * of change. */
bool chain_is_compressed_form(
	int dir, const struct sibling *s, const struct file *f)
{
	struct file *compressed = chain_open_sibling(dir, s);
	uint32_t size;
	bool same;

	if (!compressed)
		return false;
	if (former_size(compressed, s, &size))
		same = size == (uint32_t)f->size;
	else
		same = compressed->modified.tv_sec == f->modified.tv_sec;
	file_close(compressed);
	return same;
}

bool chain_may_reach(int dir, const struct sibling *s, uint64_t offset)
{
	struct file *compressed;
	uint32_t size;
	bool may = true;

	if (!s->compressed)
		return false;
	compressed = chain_open_sibling(dir, s);
	if (compressed && offset <= UINT32_MAX &&
		former_size(compressed, s, &size))
		may = size >= offset;
	file_close(compressed);
	return may;
}

bool chain_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool chain_leads_to(const struct chain *c, const struct file *f)
{
	struct stat st;

	return stat(c->path, &st) == 0 &&
	       chain_same_file(f, st.st_dev, st.st_ino);
}
