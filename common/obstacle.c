#include "common/obstacle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/path.h"

#define LINKS_MAX 40 /* as many as the kernel follows */

struct walk {
	struct obstacle *o;
	struct stat folder;  /* of o->path, while a component is looked up */
	char rest[PATH_MAX]; /* what is not walked yet */
	unsigned links;
};

/* At a component that there is, and that o->st is. */
static void stop(struct walk *w, enum obstacle_kind kind, int error)
{
	w->o->kind = kind;
	w->o->error = error;
}

/* At one that there is not, or that cannot be looked at. */
static void stop_at(
	struct walk *w, const char *at, enum obstacle_kind kind, int error)
{
	stop(w, kind, error);
	snprintf(w->o->path, PATH_MAX, "%s", at);
	w->o->st = (struct stat){ 0 };
}

/* Takes the next component off the rest; false when there is none. */
static bool next_component(struct walk *w, char out[PATH_MAX])
{
	size_t skip = strspn(w->rest, "/");
	size_t len = strcspn(w->rest + skip, "/");

	if (len == 0)
		return false;
	memcpy(out, w->rest + skip, len);
	out[len] = '\0';
	memmove(w->rest, w->rest + skip + len,
		strlen(w->rest + skip + len) + 1);
	return true;
}

static bool is_last(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* PATH + "/" + NAME, or -1 with ENAMETOOLONG. */
static int join(char out[PATH_MAX], const char *path, const char *name)
{
	const char *between = path[strlen(path) - 1] == '/' ? "" : "/";
	int len = snprintf(out, PATH_MAX, "%s%s%s", path, between, name);

	if (len < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* Puts what the link at `at` leads to in front of the rest. */
static bool follow(struct walk *w, const char *at)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlink(at, target, sizeof(target) - 1);

	if (len >= 0 && ++w->links > LINKS_MAX) {
		len = -1;
		errno = ELOOP;
	}
	if (len >= 0) {
		target[len] = '\0';
		len = join(rest, target, w->rest);
	}
	if (len < 0) {
		stop_at(w, at, OBSTACLE_OTHER, errno);
		return false;
	}
	snprintf(w->o->link, PATH_MAX, "%s", at);
	/* Behind a file that a link leads to comes no slash. */
	if (is_last(w))
		rest[strlen(rest) - 1] = '\0';
	strcpy(w->rest, rest);
	if (target[0] == '/')
		strcpy(w->o->path, "/");
	return true;
}

static void stop_at_lookup(struct walk *w, const char *at)
{
	if (errno != EACCES) {
		stop_at(w, at,
			errno == ENOENT ? OBSTACLE_ABSENT : OBSTACLE_OTHER,
			errno);
		return;
	}
	w->o->st = w->folder;
	w->o->holds_it = is_last(w);
	stop(w, OBSTACLE_SEARCH, errno);
}

/* One component further; false when something is in the way. */
static bool step(struct walk *w, const char *name)
{
	struct obstacle *o = w->o;
	char at[PATH_MAX];
	struct stat st;

	if (join(at, o->path, name) < 0) {
		stop_at(w, o->path, OBSTACLE_OTHER, errno);
		return false;
	}
	if (stat(o->path, &w->folder) < 0 || lstat(at, &st) < 0) {
		stop_at_lookup(w, at);
		return false;
	}
	if (S_ISLNK(st.st_mode))
		return follow(w, at);
	o->st = st;
	if (strcmp(name, "..") == 0)
		path_ascend(o->path);
	else if (strcmp(name, ".") != 0)
		snprintf(o->path, PATH_MAX, "%s", at);
	if (is_last(w) || S_ISDIR(st.st_mode))
		return true;
	stop(w, OBSTACLE_NOT_A_FOLDER, ENOTDIR);
	return false;
}

/* True when the whole path was walked: o->path and o->st are its end. */
static bool walk(struct obstacle *o, const char *path)
{
	struct walk w = { .o = o };
	char name[PATH_MAX];

	*o = (struct obstacle){ .path = "/" };
	stat(o->path, &o->st);
	if (strlen(path) >= sizeof(w.rest)) {
		stop_at(&w, "/", OBSTACLE_OTHER, ENAMETOOLONG);
		return false;
	}
	strcpy(w.rest, path);
	while (next_component(&w, name))
		if (!step(&w, name))
			return false;
	return true;
}

void obstacle_find(struct obstacle *o, const char *path)
{
	char byte;
	int fd;

	if (!walk(o, path))
		return;
	if (!S_ISREG(o->st.st_mode)) {
		o->kind = OBSTACLE_NOT_A_FILE;
		return;
	}
	fd = open(o->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &byte, 1, 0) < 0) {
		o->error = errno;
		o->kind = fd < 0 && errno == EACCES ? OBSTACLE_READ
						    : OBSTACLE_OTHER;
	}
	if (fd >= 0)
		close(fd);
}

void obstacle_find_listing(struct obstacle *o, const char *folder)
{
	DIR *d;

	if (!walk(o, folder))
		return;
	if (!S_ISDIR(o->st.st_mode)) {
		o->kind = OBSTACLE_NOT_A_FOLDER;
		o->error = ENOTDIR;
		return;
	}
	d = opendir(o->path);
	if (d) {
		closedir(d);
		return;
	}
	o->error = errno;
	o->kind = errno == EACCES ? OBSTACLE_LIST : OBSTACLE_OTHER;
}
