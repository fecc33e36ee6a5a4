#include "common/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/place.h"
#include "common/spool.h"

#define TRIES 20

/* How often a sibling that no look has explained is waited for. */
#define UNKNOWN_TRIES 3

/* A copy that is empty may get its first bytes for as long. */
#define EMPTY_COPY_S 2

/* Room for as many older generations as are ever kept, again and again, for
 * many more of newer ones, and between any two for what is found late. */
#define FIRST_SERIAL 0x20000000u
#define SERIAL_STEP  256u

/* A directory that changed as short a time ago may change again without
 * showing it: file systems count time in ticks, and old ones in seconds. */
#define TICK_NS	      100000000
#define COARSE_TICK_S 2

void chain_init(struct chain *c, const char *path, const char *pattern)
{
	*c = (struct chain){
		.path = path,
		.pattern = pattern,
		.state = FILE_ABSENT,
		.next_serial = FIRST_SERIAL,
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

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The step at which `count` serials fit between two, both excluded; 0: they
 * do not. Before the first there is room for whole steps. */
static uint32_t step_between(uint32_t before, uint32_t after, size_t count)
{
	uint32_t step = (after - before) / (uint32_t)(count + 1);

	return step < SERIAL_STEP ? step : SERIAL_STEP;
}

static uint32_t new_serial(struct chain *c)
{
	uint32_t serial = c->next_serial;

	c->next_serial += SERIAL_STEP;
	return serial;
}

static void add_loss(struct chain *c, uint32_t serial, enum chain_reason reason,
	uint64_t size)
{
	c->losses[c->next_loss] = (struct chain_loss){
		.serial = serial, .reason = reason, .size = size
	};
	c->next_loss = (c->next_loss + 1) % CHAIN_LOSSES_MAX;
}

static void add_loss_of(struct chain *c, const struct file *f,
	enum chain_reason reason, uint64_t size)
{
	struct chain_loss *loss = &c->losses[c->next_loss];

	add_loss(c, f->serial, reason, size);
	loss->base = f->base;
}

static bool same_file(const struct file *f, dev_t dev, ino_t ino)
{
	return f->dev == dev && f->ino == ino;
}

static struct file *find_in_chain(const struct chain *c, dev_t dev, ino_t ino)
{
	for (size_t i = 0; i < c->count; i++)
		if (same_file(c->files[i], dev, ino))
			return c->files[i];
	return NULL;
}

static bool is_in_chain(const struct chain *c, dev_t dev, ino_t ino)
{
	return find_in_chain(c, dev, ino) != NULL;
}

static int insert(struct chain *c, size_t at, struct file *f)
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

/* Where the siblings of a path are, and what they are siblings of. */
struct neighbourhood {
	int dir;
	char directory[PATH_MAX];
	char base[NAME_MAX + 1];
	bool linked;
	struct timespec changed;
};

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

/* Opens the neighbourhood and lists it. Close n->dir, release *list. */
static int look_around(
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

/* Of a spool's segment (spool.h): what it is named after. */
static uint64_t base_of(const struct sibling *s)
{
	const char *digits = strrchr(s->name, '.');

	return digits ? strtoull(digits + 1, NULL, 10) : 0;
}

/* Opens a sibling, if the name still leads to the same file. NULL, errno:
 * EAGAIN when it does not. */
static struct file *open_sibling(int dir, const struct sibling *s)
{
	struct file *f;

	if (file_open(dir, s->name, &f) != FILE_OPEN) {
		if (errno == ENOENT)
			errno = EAGAIN;
		return NULL;
	}
	if (!same_file(f, s->dev, s->ino)) {
		file_close(f);
		errno = EAGAIN;
		return NULL;
	}
	f->base = base_of(s);
	return f;
}

/* Does `f` still begin with all that `copy` holds? 1, 0 or -1. */
static int continues(struct file *f, const struct file *copy)
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

/*
 * When the directory changed, for asking later whether it has changed since;
 * never, when the answer could be wrong.
 */
static struct timespec last_change(const struct neighbourhood *n)
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

static void leave(struct neighbourhood *n, struct siblings *list)
{
	int error = errno;

	close(n->dir);
	siblings_release(list);
	errno = error;
}

/* Is a copy that has no byte yet still being made of `f`? */
static bool is_being_made(const struct sibling *s, const struct file *f)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return s->size == 0 && f->size > 0 &&
	       now.tv_sec - s->modified.tv_sec < EMPTY_COPY_S;
}

/*
 * Takes a copy off the list that is being made of `f`, or was made, and that
 * no truncation has followed yet: while the file begins with all that the copy
 * holds, the copy is nothing that came before it.
 */
static int drop_pending(struct chain *c, struct file *f,
	struct neighbourhood *n, struct siblings *list)
{
	const struct sibling *newest =
		list->count ? &list->list[list->count - 1] : NULL;
	struct file *copy;
	int same;

	if (!newest || newest->compressed ||
		is_in_chain(c, newest->dev, newest->ino) ||
		(newest->size == 0 && !is_being_made(newest, f)))
		return 0;
	copy = open_sibling(n->dir, newest);
	same = copy ? continues(f, copy) : -1;
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

/* As look_around, without a copy of `current` that is pending. */
static int look_before(struct chain *c, struct file *current,
	struct neighbourhood *n, struct siblings *list)
{
	if (look_around(c, n, list) < 0)
		return -1;
	if (!current || c->is_spool || drop_pending(c, current, n, list) == 0)
		return 0;
	leave(n, list);
	return -1;
}

static bool is_known(const struct chain *c, uint32_t tag)
{
	for (size_t i = 0; i < c->known_count; i++)
		if (c->known[i] == tag)
			return true;
	return false;
}

/* Is it a sibling that came since the last listing and that no look has
 * explained yet? But nobody waits for ever. */
static bool is_to_be_explained(struct chain *c, const struct sibling *s)
{
	if (s->compressed || is_known(c, s->tag) ||
		is_in_chain(c, s->dev, s->ino))
		return false;
	if (c->unknown != s->tag) {
		c->unknown = s->tag;
		c->unknown_tries = 0;
	}
	return c->unknown_tries++ < UNKNOWN_TRIES;
}

/*
 * As look_before, for those who bring in older generations. A sibling that
 * is new is for the next look: it may be the copy of what the current file
 * held before a truncation that nobody has noticed yet.
 */
static int look_back(
	struct chain *c, struct neighbourhood *n, struct siblings *list)
{
	const struct sibling *newest;

	if (look_before(c, chain_current(c), n, list) < 0)
		return -1;
	newest = list->count ? &list->list[list->count - 1] : NULL;
	if (!c->has_current || !c->listed || !newest ||
		!is_to_be_explained(c, newest))
		return 0;
	leave(n, list);
	errno = EAGAIN;
	return -1;
}

static void remember(struct chain *c, const struct siblings *list,
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
	c->directory_changed = last_change(n);
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

/*
 * Is it the compressed form of a file that we still hold? Other kinds than
 * gzip do not tell their former size, but all keep the time of change.
 */
static bool is_compressed_form(
	int dir, const struct sibling *s, const struct file *f)
{
	struct file *compressed = open_sibling(dir, s);
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

/* Can the compressed file be one that was read up to `offset`? */
static bool may_reach(int dir, const struct sibling *s, uint64_t offset)
{
	struct file *compressed;
	uint32_t size;
	bool may = true;

	if (!s->compressed)
		return false;
	compressed = open_sibling(dir, s);
	if (compressed && offset <= UINT32_MAX &&
		former_size(compressed, s, &size))
		may = size >= offset;
	file_close(compressed);
	return may;
}

/* Appends one sibling that came after the chain's last file. */
static int append_sibling(
	struct chain *c, const struct neighbourhood *n, const struct sibling *s)
{
	struct file *f;

	if (is_in_chain(c, s->dev, s->ino))
		return 0;
	if (s->compressed) {
		for (size_t i = 0; i < c->count; i++)
			if (is_compressed_form(n->dir, s, c->files[i]))
				return 0;
		add_loss(c, new_serial(c), CHAIN_COMPRESSED, 0);
		return 0;
	}
	f = open_sibling(n->dir, s);
	if (!f)
		return -1;
	if (insert(c, c->count, f) < 0) {
		file_close(f);
		return -1;
	}
	f->serial = new_serial(c);
	return 0;
}

/* Was it there before the last file, which is not in the listing any more? */
static bool is_old(
	const struct chain *c, const struct file *last, const struct sibling *s)
{
	if (c->is_spool && last)
		return base_of(s) <= last->base;
	return is_known(c, s->tag);
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
	if (same_file(current, newest->dev, newest->ino))
		return base_of(newest);
	return base > base_of(newest) ? base : base_of(newest) + newest->size;
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
		if (same_file(last, list->list[i].dev, list->list[i].ino)) {
			found = true;
			from = i + 1;
		}
	}
	if (!found && !c->listed)
		return 0;
	for (size_t i = from; i < list->count; i++) {
		const struct sibling *s = &list->list[i];

		if (same_file(current, s->dev, s->ino) ||
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
		if (same_file(last, list->list[i].dev, list->list[i].ino))
			return is_to_be_explained(c, &list->list[i - 1]);
	return false;
}

/* Does the path still lead to `f`? */
static bool leads_to(const struct chain *c, const struct file *f)
{
	struct stat st;

	return stat(c->path, &st) == 0 && same_file(f, st.st_dev, st.st_ino);
}

/* While the path leads nowhere: what is there already is no news. */
static bool list_old_ones(struct chain *c)
{
	struct neighbourhood n;
	struct siblings list;

	if (look_around(c, &n, &list) < 0) {
		c->listed = errno == ENOENT;
		return errno != EAGAIN;
	}
	remember(c, &list, &n);
	leave(&n, &list);
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
	if (is_in_chain(c, f->dev, f->ino)) {
		/* An older generation was given the name again. It is
		 * followed where it stands. */
		struct file *last = c->files[c->count - 1];

		c->has_current = same_file(last, f->dev, f->ino);
		if (c->has_current)
			last->finished = false;
		file_close(f);
		return FOLLOWED;
	}
	if (c->is_spool)
		base = spool_read_base(c->path);
	if (look_before(c, f, &n, &list) < 0) {
		bool again = errno == EAGAIN || errno == ENOENT;

		if (!again)
			c->state = FILE_UNREADABLE;
		file_close(f);
		return again ? FOLLOW_AGAIN : FOLLOWED;
	}
	if (may_be_copied(c, &list))
		result = FOLLOW_LATER;
	else if (leads_to(c, f) && append_between(c, &n, &list, f) == 0 &&
		 insert(c, c->count, f) == 0)
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
		f->serial = new_serial(c);
		c->has_current = true;
		remember(c, &list, &n);
	} else {
		file_close(f);
	}
	leave(&n, &list);
	return result;
}

bool chain_look(struct chain *c, const struct timespec *now)
{
	struct stat st;

	for (size_t i = 0; i < c->count; i++)
		file_refresh(c->files[i], now);
	if (stat(c->path, &st) == 0 && c->has_current &&
		same_file(c->files[c->count - 1], st.st_dev, st.st_ino)) {
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
			same_time(&st.st_mtim, &c->directory_changed)))
		return 1;
	if (look_before(c, chain_current(c), &n, &list) < 0)
		return errno == EAGAIN ? -1 : 0;
	for (size_t i = 0; i < list.count; i++)
		same &= is_known(c, list.list[i].tag) ||
			is_in_chain(c, list.list[i].dev, list.list[i].ino);
	if (same)
		remember(c, &list, &n);
	leave(&n, &list);
	return same;
}

static void take_out(struct chain *c, size_t at)
{
	memmove(c->files + at, c->files + at + 1,
		(c->count - at - 1) * sizeof(*c->files));
	c->count--;
}

static size_t index_of(const struct chain *c, const struct file *f)
{
	size_t i = 0;

	while (i < c->count && c->files[i] != f)
		i++;
	return i;
}

/*
 * Asks a file for a place: 1, 0, or -1. One at an end without a newline was
 * given out by somebody who knew that nobody writes there any more; in the
 * current file there is none.
 */
static int has_place(
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

/* Opens the sibling and asks it for a place: 1 with *out, 0, or -1. */
static int sibling_has_place(const struct chain *c, int dir,
	const struct sibling *s, uint64_t offset, uint64_t check,
	struct file **out)
{
	struct file *f;
	int has;

	if (s->compressed || s->size < offset)
		return 0;
	f = open_sibling(dir, s);
	if (!f)
		return errno == EAGAIN ? -1 : 0;
	has = has_place(c, f, offset, check);
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
	size_t first = index_of(c, f), at = first, to = i + 1;
	uint32_t serial = f->serial;
	struct timespec now;

	if ((to < list->count && drop_pending(c, f, n, list) < 0) ||
		insert(c, at++, copy) < 0)
		return -1;
	for (; to < list->count; to++) {
		const struct sibling *s = &list->list[to];
		struct file *one;

		if (is_in_chain(c, s->dev, s->ino))
			break;
		one = s->compressed ? NULL : open_sibling(n->dir, s);
		if (one && insert(c, at, one) == 0) {
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

		if (same_file(c->files[at], s->dev, s->ino))
			c->files[at++]->serial = ++serial;
		else
			add_loss(c, ++serial,
				s->compressed ? CHAIN_COMPRESSED
					      : CHAIN_ROTATED,
				0);
	}
	f->serial = at + 1 == c->count ? new_serial(c) : serial + 1;
	/* Its size was that of what is in the copy. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	file_refresh(f, &now);
	file_forget(f);
	return 0;
undo:
	while (at > first + 1) {
		file_close(c->files[--at]);
		take_out(c, at);
	}
	take_out(c, first);
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

	if (look_around(c, &n, &list) < 0)
		return -1;
	for (size_t i = list.count; i-- > 0 && has == 0 && !c->is_spool;) {
		/* A copy that was compressed at once. */
		if (!is_known(c, list.list[i].tag) &&
			may_reach(n.dir, &list.list[i], offset))
			reason = CHAIN_COMPRESSED;
		if (is_in_chain(c, list.list[i].dev, list.list[i].ino) ||
			offset == 0)
			continue;
		has = sibling_has_place(
			c, n.dir, &list.list[i], offset, check, &copy);
		if (has == 1 && replace_by_copy(c, f, copy, &list, i, &n) < 0) {
			file_close(copy);
			has = -1;
		}
	}
	if (has == 0) {
		/* It stays where it stands, and is read from its start. */
		add_loss_of(c, f, reason, offset);
		if (f == c->files[c->count - 1])
			f->serial = new_serial(c);
		else
			f->serial++;
		file_forget(f);
	}
	if (has >= 0)
		remember(c, &list, &n);
	leave(&n, &list);
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
	if (same_time(&st.st_mtim, &c->directory_changed))
		return true;
	return c->pending_size > 0 && offset > 0 &&
	       f->size >= c->pending_size &&
	       same_time(&st.st_mtim, &c->pending_changed);
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

		if (same_file(f, s->dev, s->ino))
			*to = i;
		else if (is_known(c, s->tag) || is_in_chain(c, s->dev, s->ino))
			*from = i + 1;
	}
}

int chain_adopt_copy(
	struct chain *c, struct file *f, uint64_t offset, uint64_t check)
{
	bool leads = leads_to(c, f);
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
	if (look_around(c, &n, &list) < 0)
		return -1;
	find_new(c, f, &list, &i, &to);
	for (; i < to && has == 0 && (leads || to < list.count); i++) {
		const struct sibling *s = &list.list[i];

		if (s->compressed)
			continue;
		if (s->size > 0 && s->size >= offset) {
			has = sibling_has_place(
				c, n.dir, s, offset, check, &copy);
		} else if (i + 1 == to && is_being_made(s, f)) {
			has = -1;
			errno = EAGAIN;
		}
	}
	if (has == 1) {
		int same = continues(f, copy);

		if (same == 1) {
			/* A copy that is not followed by a truncation yet:
			 * it is looked at again when the file is smaller. */
			c->pending_size = copy->size;
			c->pending_changed = last_change(&n);
			has = 0;
		} else if (same < 0 ||
			   replace_by_copy(c, f, copy, &list, i - 1, &n) < 0) {
			has = -1;
		} else if (leads) {
			remember(c, &list, &n);
		}
		if (has != 1)
			file_close(copy);
	} else if (has == 0 && leads) {
		remember(c, &list, &n);
	}
	leave(&n, &list);
	return has < 0 ? -1 : 0;
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
		const struct file *f =
			find_in_chain(c, list->list[i].dev, list->list[i].ino);

		if (f && index_of(c, f) >= at)
			at = index_of(c, f) + 1;
	}
	if (c->count > 0 && at == c->count)
		return -1;
	return c->has_current && !leads_to(c, chain_current(c)) ? -1 : (int)at;
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
		!is_in_chain(c, list->list[to].dev, list->list[to].ino))
		to++;
	serial = at > 0 ? c->files[at - 1]->serial : 0;
	step = step_between(serial,
		c->count ? c->files[at]->serial : FIRST_SERIAL, to - from);
	if (c->count + (to - from) > CHAIN_FILES_MAX || step == 0) {
		errno = E2BIG;
		return -1;
	}
	if (at == 0)
		serial = (c->count ? c->files[0]->serial : FIRST_SERIAL) -
			 step * (uint32_t)(to - from + 1);
	for (size_t i = from; i < to; i++) {
		const struct sibling *s = &list->list[i];
		struct file *one = f;

		serial += step;
		if (s->compressed) {
			add_loss(c, serial, CHAIN_COMPRESSED, 0);
			continue;
		}
		if (i > from)
			one = open_sibling(n->dir, s);
		if (!one)
			goto fail;
		insert(c, at++, one);
		one->serial = serial;
	}
	return 0;
fail:
	while (at > first) {
		if (--at > first)
			file_close(c->files[at]);
		take_out(c, at);
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
			has = has_place(c, f, offset, check);
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

	if (look_back(c, &n, &list) < 0)
		return errno == ENOENT ? 0 : -1;
	for (int by_tag = 1; by_tag >= (c->is_spool ? 1 : 0) && has == 0;
		by_tag--) {
		for (size_t i = list.count; i-- > 0 && has == 0;) {
			const struct sibling *s = &list.list[i];

			if ((s->tag == tag) != by_tag ||
				is_in_chain(c, s->dev, s->ino))
				continue;
			has = sibling_has_place(
				c, n.dir, s, offset, check, found);
			/* It is there, and holds something else now. */
			if (has == 0 && by_tag)
				*reason = CHAIN_TRUNCATED;
			if (has == 1)
				has = take_in(c, &n, &list, i, found);
		}
	}
	for (size_t i = 0; i < list.count && has == 0; i++)
		if (may_reach(n.dir, &list.list[i], offset))
			*reason = CHAIN_COMPRESSED;
	leave(&n, &list);
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
	if (look_back(c, &n, &list) < 0)
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
		leave(&n, &list);
		return 0;
	}
	if (!known || from > to)
		from = to;
	if (from < list.count) {
		const struct sibling *s = &list.list[from];

		if (s->tag == tag || from < to) {
			int has = 1;

			*found = find_in_chain(c, s->dev, s->ino);
			if (!*found) {
				*found = open_sibling(n.dir, s);
				has = take_in(c, &n, &list, from, found);
			}
			leave(&n, &list);
			return has;
		}
	}
	leave(&n, &list);
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
	if (look_back(c, &n, &list) < 0)
		return NULL;
	before = list.count;
	for (size_t i = list.count; i-- > 0;)
		if (is_in_chain(c, list.list[i].dev, list.list[i].ino))
			before = i;
	errno = 0;
	if (before > 0 && !list.list[before - 1].compressed)
		f = open_sibling(n.dir, &list.list[before - 1]);
	if (f && bring_in(c, &n, &list, before - 1, f) < 0) {
		file_close(f);
		f = NULL;
	}
	leave(&n, &list);
	return f;
}

static void drop(struct chain *c, size_t at)
{
	file_close(c->files[at]);
	take_out(c, at);
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
			add_loss_of(c, c->files[i], CHAIN_DELETED,
				c->files[i]->size);
			drop(c, i);
			unlinked--;
		} else {
			i++;
		}
	}
}
