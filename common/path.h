/*
 * path: a path, walked component by component, link by link. What is walked
 * into is the caller's to look at first: on some file systems that may hang.
 */
#ifndef SSETAIL_PATH_H
#define SSETAIL_PATH_H

#include <limits.h>
#include <stdbool.h>

struct path_walk {
	char at[PATH_MAX];   /* so far, without a link; "" is the root */
	char rest[PATH_MAX]; /* what is still to come */
	int links;	     /* followed so far */
};

/* Begins at the root. False when the path is too long. */
bool path_walk_begin(struct path_walk *w, const char *path);

/* Adds the next component of the rest: it may be a link. False when there is
 * none, or no room. Touches no file system. */
bool path_walk_step(struct path_walk *w);

/* Where `at` is a link, puts what it leads to before the rest, and goes back to
 * where that begins. Returns 1, or 0 when it is no link, -1 when that leads
 * too far: through 40 links, the kernel's limit, or to too long a path. */
int path_walk_follow(struct path_walk *w);

/* Takes the last component off an absolute path; "/" remains "/". */
void path_ascend(char *path);

#endif
