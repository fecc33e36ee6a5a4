/* What is watched for a source: its files, and where their names are. */
#include "common/feed_inside.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

enum { WATCH_OF_PATH = 1, WATCH_OF_TARGET = 2 };

static void watch_one(
	struct feed *f, const char *path, uint32_t serial, uint32_t mask)
{
	int wd = watch_add(f->watch, path, mask), spare = -1;

	for (int i = 0; i < FEED_WATCHES_MAX; i++) {
		if (f->watches[i].serial == serial) {
			/* A directory that was replaced is another one. */
			if (f->watches[i].wd >= 0)
				watch_remove(f->watch, f->watches[i].wd);
			f->watches[i].wd = wd;
			return;
		}
		if (!f->watches[i].serial)
			spare = i;
	}
	if (wd < 0)
		return;
	if (spare < 0) {
		watch_remove(f->watch, wd);
		return;
	}
	f->watches[spare].wd = wd;
	f->watches[spare].serial = serial;
}

static void watch_directory_of(
	struct feed *f, const char *path, uint32_t serial)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof(directory))
		return;
	if (len == 0)
		len = 1;
	memcpy(directory, path, len);
	directory[len] = '\0';
	watch_one(f, directory, serial, WATCH_DIRECTORY);
}

static void watch_files(struct feed *f)
{
	for (uint32_t i = 0; i < f->head.count; i++) {
		const struct file *file =
			chain_find(&f->chain, f->head.places[i].file);
		char path[40];
		bool known = false;

		for (int j = 0; j < FEED_WATCHES_MAX; j++)
			known |= file && f->watches[j].serial == file->serial;
		if (!file || known)
			continue;
		/* By the descriptor: the name may lead elsewhere by now. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
		watch_one(f, path, file->serial, WATCH_FILE);
	}
}

void feed_unwatch(struct feed *f, bool all)
{
	for (int i = 0; i < FEED_WATCHES_MAX; i++) {
		uint32_t serial = f->watches[i].serial;

		if (!serial || (!all && (serial <= WATCH_OF_TARGET ||
						cursor_find(&f->head, serial))))
			continue;
		if (f->watches[i].wd >= 0)
			watch_remove(f->watch, f->watches[i].wd);
		f->watches[i].wd = -1;
		f->watches[i].serial = 0;
	}
}

void feed_watch(struct feed *f, bool directories)
{
	char real[PATH_MAX];

	if (!f->watch)
		return;
	feed_unwatch(f, false);
	watch_files(f);
	if (!directories)
		return;
	watch_directory_of(f, f->path, WATCH_OF_PATH);
	if (realpath(f->path, real))
		watch_directory_of(f, real, WATCH_OF_TARGET);
}

bool feed_has_watch(const struct feed *f, int wd)
{
	for (int i = 0; i < FEED_WATCHES_MAX; i++)
		if (f->watches[i].serial && f->watches[i].wd == wd)
			return true;
	return false;
}
