#include "common/path.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As many links as the kernel follows. */
#define LINKS_MAX 40

bool path_walk_begin(struct path_walk *w, const char *path)
{
	w->at[0] = w->rest[0] = '\0';
	w->links = 0;
	if (strlen(path) >= sizeof(w->rest))
		return false;
	strcpy(w->rest, path);
	return true;
}

bool path_walk_step(struct path_walk *w)
{
	const char *start = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(start, "/"), have = strlen(w->at);

	if (len == 0 || have + 1 + len >= PATH_MAX)
		return false;
	if (len == 2 && memcmp(start, "..", 2) == 0) {
		if (have)
			*strrchr(w->at, '/') = '\0';
	} else if (len != 1 || *start != '.') {
		w->at[have] = '/';
		memcpy(w->at + have + 1, start, len);
		w->at[have + 1 + len] = '\0';
	}
	memmove(w->rest, start + len, strlen(start + len) + 1);
	return true;
}

int path_walk_follow(struct path_walk *w)
{
	char link[PATH_MAX], joined[PATH_MAX];
	ssize_t len = readlink(w->at, link, sizeof(link) - 1);
	int n;

	if (len <= 0)
		return 0;
	link[len] = '\0';
	n = snprintf(joined, sizeof(joined), "%s/%s", link, w->rest);
	if (++w->links > LINKS_MAX || n < 0 || (size_t)n >= sizeof(joined))
		return -1;
	strcpy(w->rest, joined);
	if (link[0] == '/')
		w->at[0] = '\0';
	else
		*strrchr(w->at, '/') = '\0';
	return 1;
}

void path_ascend(char *path)
{
	char *slash = strrchr(path, '/');

	slash[slash == path] = '\0';
}
