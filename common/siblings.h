/*
 * siblings: the rotated files of a log, found by their names, in the order
 * in which they were the log.
 *
 * Without a pattern of the configuration's, a sibling of access.log is
 *	access.log.1 access.log.12 access.log.old	(the least is newest)
 *	access.log-20261120 access.log.2026-11-20	(the least is oldest)
 *	access-20261120.log				(likewise)
 * and each of these with .gz, .xz, .bz2 or .zst. Where the path is a link,
 * names that differ from its target's in digits alone are siblings too.
 */
#ifndef SSETAIL_SIBLINGS_H
#define SSETAIL_SIBLINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct sibling {
	char name[256];
	bool compressed;
	dev_t dev;
	ino_t ino;
	uint32_t tag; /* of its identity */
	uint64_t size;
	struct timespec modified;
};

struct siblings {
	struct sibling *list; /* oldest first */
	size_t count;
};

/* Is `name` a sibling of `base`? `pattern` is the configuration's, or NULL;
 * `linked` says that `base` is what a link leads to. */
bool siblings_match(
	const char *name, const char *base, const char *pattern, bool linked);

/* Is the sibling `a` older (-1) or newer (1) than `b`? 0: the same name but
 * for compression. */
int siblings_compare(const char *a, const char *b, const char *base);

/*
 * Lists the siblings of `base` in the directory `dir` (a descriptor), until
 * two listings agree: one that was read in the middle of a rotation shows
 * files twice or not at all. `base` itself is not among them, nor is what is
 * no regular file, nor X.gz while X is there. Returns 0; -1 with EAGAIN when
 * they did not agree within a few tries, else with errno. Release the list
 * in any case. Blocks on the disk.
 */
int siblings_list(int dir, const char *base, const char *pattern, bool linked,
	struct siblings *out);
void siblings_release(struct siblings *s);

#endif
