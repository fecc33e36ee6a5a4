/* What is watched for a source: who else closes its pipes and its lock, and
 * where the pipe's name is. */
#include "common/pump_inside.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

void pump_watch_descriptor_of(struct pump_source *s, int fd, int *wd)
{
	char path[40];

	if (!s->pump->watch || *wd >= 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Writers close what they opened for writing: that is another event. */
	*wd = watch_add(s->pump->watch, path, IN_CLOSE_NOWRITE);
}

void pump_unwatch(struct pump_source *s, int *wd)
{
	if (*wd >= 0)
		watch_remove(s->pump->watch, *wd);
	*wd = -1;
}

void pump_watch_directory(struct pump_source *s)
{
	const char *path = s->config->path, *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	size_t len = slash > path ? (size_t)(slash - path) : 1;
	int wd;

	if (!s->pump->watch || len >= sizeof(directory))
		return;
	memcpy(directory, path, len);
	directory[len] = '\0';
	/* One that was replaced is another one. */
	wd = watch_add(s->pump->watch, directory, WATCH_DIRECTORY);
	pump_unwatch(s, &s->directory_watch);
	s->directory_watch = wd;
}
