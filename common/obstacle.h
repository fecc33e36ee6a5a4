/*
 * obstacle: what stands in the way of opening a path, down to the component
 * of it that does. It walks as the kernel does, with the rights of this
 * process, through every symbolic link.
 *
 *	/var/log/apache2/access.log	EACCES, the kernel says
 *	         ^ drwxr-x--- root:adm: may not be searched
 */
#ifndef SSETAIL_OBSTACLE_H
#define SSETAIL_OBSTACLE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

enum obstacle_kind {
	OBSTACLE_NONE,
	OBSTACLE_ABSENT,
	OBSTACLE_NOT_A_FOLDER,
	OBSTACLE_SEARCH, /* a folder without the x bit for us */
	OBSTACLE_LIST,	 /* a folder without the r bit for us */
	OBSTACLE_READ,	 /* a file without the r bit for us */
	OBSTACLE_NOT_A_FILE,
	OBSTACLE_OTHER /* `error` says what */
};

struct obstacle {
	enum obstacle_kind kind;
	char path[PATH_MAX]; /* the component, without links; the whole for
			      * OBSTACLE_NONE */
	char link[PATH_MAX]; /* the last link on the way to it; "": none */
	struct stat st;	     /* of the component; zeros if it is absent */
	bool holds_it;	     /* the component is the folder of the last one */
	int error;	     /* errno */
};

/* Each looks at an absolute path, and fills in *o; blocks on the disk. A file
 * is also read from: some faults show only then. */
void obstacle_find(struct obstacle *o, const char *path);
void obstacle_find_listing(struct obstacle *o, const char *folder);

#endif
