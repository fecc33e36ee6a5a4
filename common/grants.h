/*
 * grants: what of the file system a configuration needs, worked out before the
 * rest is given up (sandbox.h). Nothing here restricts anything.
 *
 * A grant holds for the folder that it names and all that is below it, whatever
 * that is called later, and wherever it is mounted; and it holds for this
 * very folder: one that takes its place under the same name has none. Hence
 * what may be read is wider than the sources:
 *
 *	/var/log/app/x.log	/var/log: app may be replaced as well as x.log
 *	/srv/app/x.log		/srv/app: not /srv, nor anything directly in
 *				the root, nor the root, for that reason alone
 *	/srv/app/now/log/x.log	/srv/app/releases too, where now is a link
 *				to releases/7: it will be switched to an 8
 *	/var/log/app/link	/var/log, as if it were none, too
 *
 * Of a folder that is not there yet, the nearest above it that is; but never
 * the root, which only a source gets that is directly in it. What is on a file
 * system that may hang is not touched by whoever is wary: then the folder is
 * granted that it is mounted in.
 */
#ifndef SSETAIL_GRANTS_H
#define SSETAIL_GRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/config.h"

enum {
	GRANT_READ = 1,	 /* files and folders */
	GRANT_WRITE = 2, /* files and folders made, written, renamed, removed */
	GRANT_PIPE = 4,	 /* named pipes made, and removed */
	GRANT_REMOVE = 8, /* what is there, removed: a socket */
};

struct grant {
	char *path;	 /* absolute, without a link in it */
	unsigned rights; /* 0: nothing can be, it is not there */
	dev_t dev;	 /* what it was when it was granted */
	ino_t ino;
};

/* All zero at first. */
struct grants {
	struct grant *list;
	size_t count;
	bool failed;  /* no memory: of no use */
	bool is_wary; /* the caller's: touch nothing that may hang */
};

void grants_release(struct grants *g);

/*
 * Adds what a program needs that stays: the folders of the configuration and of
 * the file that it is a link to, for a reload; what tells mounts; state_dir.
 * `socket` is a path that it listens on and will have to remove, or NULL.
 * Blocks on the disk, as all that follows.
 */
void grants_add_responder(
	struct grants *g, const struct config *config, const char *socket);

/* Adds sandbox_paths. */
void grants_add_paths(struct grants *g, const struct config *config);

/* Adds what a source needs, and what it may need when folders are replaced
 * and links are switched. */
void grants_add_source(struct grants *g, const struct config *config,
	const struct source_config *source);

/* Adds what a source needs as things are now. */
void grants_add_source_now(struct grants *g, const struct config *config,
	const struct source_config *source);

/* Is the root granted, and for this source? */
bool grants_give_root(const struct grants *g, const struct config *config,
	const struct source_config *source);

/* The first of what is needed that is not within what was granted, or NULL.
 * What took a granted folder's place is not. Valid as long as `needed`. */
const struct grant *grants_find_missing(
	const struct grants *granted, const struct grants *needed);

#endif
