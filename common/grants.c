#include "common/grants.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mount.h"
#include "common/path.h"

void grants_release(struct grants *g)
{
	for (size_t i = 0; i < g->count; i++)
		free(g->list[i].path);
	free(g->list);
	*g = (struct grants){ .is_wary = g->is_wary };
}

static struct grant *find(const struct grants *g, const char *path)
{
	for (size_t i = 0; i < g->count; i++)
		if (strcmp(g->list[i].path, path) == 0)
			return &g->list[i];
	return NULL;
}

static struct grant *append(struct grants *g, const char *path)
{
	struct grant *list =
		realloc(g->list, (g->count + 1) * sizeof(*g->list));
	struct grant *grant;

	g->failed |= !list;
	if (!list)
		return NULL;
	g->list = list;
	grant = &list[g->count];
	*grant = (struct grant){ .path = strdup(path) };
	g->failed |= !grant->path;
	g->count += grant->path != NULL;
	return grant->path ? grant : NULL;
}

/* Nothing can be reached there: other errors, of a disk or for want of memory,
 * say nothing about it. */
static bool is_absence(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES ||
	       error == ELOOP || error == ENAMETOOLONG;
}

/* `path` is without links. What is not there is granted nothing. */
static void add(struct grants *g, const char *path, unsigned rights)
{
	struct grant *grant = find(g, path);
	struct stat st = { 0 };

	if (!grant)
		grant = append(g, path);
	if (!grant || (stat(path, &st) < 0 && is_absence(errno)))
		return;
	grant->rights |= rights;
	grant->dev = st.st_dev;
	grant->ino = st.st_ino;
}

/* Wherever its links lead. */
static void add_resolved(struct grants *g, const char *path, unsigned rights)
{
	char real[PATH_MAX];

	add(g, realpath(path, real) ? real : path, rights);
}

static void add_if_there(struct grants *g, const char *path, unsigned rights)
{
	if (access(path, F_OK) == 0)
		add_resolved(g, path, rights);
}

static void add_folder_of(struct grants *g, const char *path, unsigned rights)
{
	char folder[PATH_MAX];

	if (strlen(path) >= sizeof(folder))
		return;
	strcpy(folder, path);
	path_ascend(folder);
	add_resolved(g, folder, rights);
}

/* ---- sources */

static bool is_root(const char *path)
{
	return strcmp(path, "/") == 0;
}

/* The root, or directly in it: most of what is there is not ours. */
static bool is_high(const char *path)
{
	return strrchr(path, '/') == path;
}

static bool is_reachable_folder(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return !is_absence(errno);
	return S_ISDIR(st.st_mode);
}

/* Or what is nearest above it. */
static void add_nearest(struct grants *g, const char *folder, unsigned rights)
{
	char at[PATH_MAX];

	strcpy(at, folder);
	while (!is_reachable_folder(at) && !is_root(at))
		path_ascend(at);
	if (is_root(at) && !is_root(folder))
		add(g, folder, 0);
	else
		add(g, at, rights);
}

/* With what may take its place. */
static void add_wide(struct grants *g, const char *path, unsigned rights)
{
	char above[PATH_MAX];

	strcpy(above, path);
	path_ascend(above);
	add_nearest(g, is_high(above) ? path : above, rights);
}

static void add_target(struct grants *g, const char *link)
{
	char real[PATH_MAX];

	if (!realpath(link, real))
		return;
	path_ascend(real);
	if (!is_high(real))
		add(g, real, GRANT_READ);
}

/*
 * Puts the folder that a path leads into in folder[], as far as there is one.
 * What its links may lead to another time is granted, if `targets` is not NULL.
 * False when it leads nowhere.
 */
static bool resolve_folder(
	const char *path, char folder[PATH_MAX], struct grants *targets)
{
	struct path_walk w;

	if (!path_walk_begin(&w, path))
		return false;
	while (path_walk_step(&w)) {
		char link[PATH_MAX];
		int followed;

		if (!w.at[0])
			continue;
		strcpy(link, w.at);
		followed = path_walk_follow(&w);
		if (followed < 0)
			return false;
		if (followed && targets)
			add_target(targets, link);
	}
	strcpy(folder, w.at[0] ? w.at : "/");
	path_ascend(folder);
	return true;
}

/* Of a file system that may hang, the folder that it is mounted in; of one that
 * is mounted in the root, its own. */
static void add_far(struct grants *g, char at[PATH_MAX])
{
	if (!is_high(at))
		path_ascend(at);
	add(g, at, GRANT_READ);
}

/* The folder that the path itself is in: what is a link there now, or a circle
 * of them, may be a file the next time. */
static void add_own_folder(struct grants *g, const char *path)
{
	char folder[PATH_MAX], real[PATH_MAX];

	if (strlen(path) >= sizeof(folder))
		return;
	strcpy(folder, path);
	path_ascend(folder);
	if (realpath(folder, real))
		add_wide(g, real, GRANT_READ);
}

static void add_path(struct grants *g, const char *path, bool wide)
{
	char folder[PATH_MAX];

	if (g->is_wary && mount_may_hang(path, folder)) {
		add_far(g, folder);
		return;
	}
	if (wide)
		add_own_folder(g, path);
	if (!resolve_folder(path, folder, wide ? g : NULL))
		return;
	if (wide)
		add_wide(g, folder, GRANT_READ);
	else
		add_nearest(g, folder, GRANT_READ);
}

/* The folder is not replaced without losing this. */
static void add_making(struct grants *g, const struct source_config *source)
{
	char folder[PATH_MAX];

	if (!source->create || !resolve_folder(source->path, folder, NULL))
		return;
	add_nearest(g, folder, GRANT_PIPE);
	if (source->group)
		add_resolved(g, "/etc/group", GRANT_READ);
}

static void add_source(struct grants *g, const struct config *config,
	const struct source_config *source, bool wide)
{
	if (source->type == SOURCE_CLOCK)
		return;
	add_path(g, source->path, wide);
	if (source->type == SOURCE_FIFO) {
		add_making(g, source);
		add_if_there(g, config->state_dir, GRANT_READ | GRANT_WRITE);
	}
}

void grants_add_source(struct grants *g, const struct config *config,
	const struct source_config *source)
{
	add_source(g, config, source, true);
}

void grants_add_source_now(struct grants *g, const struct config *config,
	const struct source_config *source)
{
	add_source(g, config, source, false);
}

static bool has_root(const struct grants *g)
{
	const struct grant *root = find(g, "/");

	return root && (root->rights & GRANT_READ);
}

bool grants_give_root(const struct grants *g, const struct config *config,
	const struct source_config *source)
{
	struct grants own = { .is_wary = g->is_wary };
	bool result;

	/* Hardly ever: else the disk is spared. */
	if (!has_root(g))
		return false;
	grants_add_source(&own, config, source);
	result = has_root(&own);
	grants_release(&own);
	return result;
}

/* ---- the program */

void grants_add_responder(
	struct grants *g, const struct config *config, const char *socket)
{
	char real[PATH_MAX];

	add_folder_of(g, config->file, GRANT_READ);
	if (realpath(config->file, real))
		add_folder_of(g, real, GRANT_READ);
	add_if_there(g, config->state_dir, GRANT_READ | GRANT_WRITE);
	if (socket)
		add_folder_of(g, socket, GRANT_REMOVE);
	/* For self/mountinfo. What is behind /proc/self need not be the same
	 * the next time, though it is the same process. */
	add_if_there(g, "/proc", GRANT_READ);
}

void grants_add_paths(struct grants *g, const struct config *config)
{
	for (size_t i = 0; i < config->sandbox_paths.count; i++)
		add_resolved(g, config->sandbox_paths.list[i], GRANT_READ);
}

/* ---- within */

static unsigned rights_at(const struct grants *g, const char *path)
{
	struct stat st;
	unsigned rights = 0;

	if (stat(path, &st) < 0)
		return 0;
	for (size_t i = 0; i < g->count; i++)
		if (g->list[i].dev == st.st_dev && g->list[i].ino == st.st_ino)
			rights |= g->list[i].rights;
	return rights;
}

/* As the kernel decides it: all the way up. */
static bool is_within(const struct grants *g, const struct grant *needed)
{
	unsigned missing = needed->rights;
	char at[PATH_MAX];

	strcpy(at, needed->path);
	while (missing &= ~rights_at(g, at), missing && !is_root(at))
		path_ascend(at);
	return missing == 0;
}

const struct grant *grants_find_missing(
	const struct grants *granted, const struct grants *needed)
{
	for (size_t i = 0; i < needed->count; i++)
		if (!needed->list[i].rights ||
			!is_within(granted, &needed->list[i]))
			return &needed->list[i];
	return NULL;
}
