#include "common/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

struct watched {
	int wd;
	unsigned uses;
};

struct watch {
	int fd;
	struct watched *list;
	size_t count;
};

struct watch *watch_new(void)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		int error = errno;

		free(w);
		errno = error;
		return NULL;
	}
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	close(w->fd);
	free(w->list);
	free(w);
}

int watch_descriptor(const struct watch *w)
{
	return w->fd;
}

static struct watched *find(struct watch *w, int wd)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->list[i].wd == wd)
			return &w->list[i];
	return NULL;
}

int watch_add(struct watch *w, const char *path, uint32_t mask)
{
	int wd = inotify_add_watch(w->fd, path, mask | IN_MASK_ADD);
	struct watched *one, *list;

	if (wd < 0)
		return -1;
	one = find(w, wd);
	if (!one) {
		list = realloc(w->list, (w->count + 1) * sizeof(*list));
		if (!list) {
			inotify_rm_watch(w->fd, wd);
			errno = ENOMEM;
			return -1;
		}
		w->list = list;
		one = &list[w->count++];
		*one = (struct watched){ .wd = wd };
	}
	one->uses++;
	return wd;
}

void watch_remove(struct watch *w, int wd)
{
	struct watched *one = find(w, wd);

	if (!one || --one->uses > 0)
		return;
	*one = w->list[--w->count];
	/* It may be gone already, with what it watched. */
	inotify_rm_watch(w->fd, wd);
}

void watch_drain(struct watch *w, watch_handler *handler, void *context)
{
	_Alignas(struct inotify_event) char events[16384];
	ssize_t n;

	while ((n = read(w->fd, events, sizeof(events))) > 0) {
		const char *at = events;

		while (at < events + n) {
			const struct inotify_event *e = (const void *)at;

			handler(context, e->mask & IN_Q_OVERFLOW ? -1 : e->wd);
			at += sizeof(*e) + e->len;
		}
	}
}
