#include "common/mount.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/path.h"

static bool kind_may_hang(const char *kind)
{
	static const char *const kinds[] = { "nfs", "nfs4", "cifs", "smb3",
		"smbfs", "9p", "afs", "coda", "ceph", "lustre", "orangefs",
		"gpfs", "autofs", "fuse", "fuseblk" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return strncmp(kind, "fuse.", 5) == 0;
}

/* "\040" is a blank: proc(5). */
static void unescape(char *text)
{
	char *to = text;

	for (const char *s = text; *s; s++) {
		if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
			char digits[] = { s[1], s[2], s[3], '\0' };

			*to++ = (char)strtoul(digits, NULL, 8);
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static bool is_under(const char *path, const char *point)
{
	size_t len = strlen(point);

	if (len == 1)
		return true;
	return strncmp(path, point, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

/* The field of that number, from 0, ended by NUL. The line is used up. */
static char *field(char *line, int number)
{
	char *rest = NULL, *found = strtok_r(line, " \n", &rest);

	while (found && number-- > 0)
		found = strtok_r(NULL, " \n", &rest);
	return found;
}

/*
 * Of the mount that a path without links is on:
 * "36 35 98:0 /root /point rw,noatime master:1 - nfs4 server:/ rw"
 * Of two on the same point the later one counts.
 */
static bool is_on_such(FILE *mounts, const char *path)
{
	char *line = NULL;
	size_t room = 0, longest = 0;
	bool may = false;

	rewind(mounts);
	while (getline(&line, &room, mounts) > 0) {
		char *behind = strstr(line, " - "), *kind, *point;

		if (!behind)
			continue;
		*behind = '\0';
		kind = field(behind + 3, 0);
		point = field(line, 4);
		if (!kind || !point)
			continue;
		unescape(point);
		if (is_under(path, point) && strlen(point) >= longest) {
			longest = strlen(point);
			may = kind_may_hang(kind);
		}
	}
	free(line);
	return may;
}

/* All of it at once: the kernel writes it anew each time it is read from its
 * beginning. NULL where there is none; *text is to be freed. */
static FILE *open_mounts(char **text)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	size_t room = 0;
	ssize_t len;

	*text = NULL;
	if (!f)
		return NULL;
	len = getdelim(text, &room, '\0', f);
	fclose(f);
	return len > 0 ? fmemopen(*text, (size_t)len, "r") : NULL;
}

bool mount_may_hang(const char *path, char at[PATH_MAX])
{
	struct path_walk w;
	bool may = false;
	char *text;
	FILE *mounts = open_mounts(&text);

	if (mounts && path_walk_begin(&w, path))
		while (!may && path_walk_step(&w)) {
			may = is_on_such(mounts, w.at[0] ? w.at : "/");
			if (!may && path_walk_follow(&w) < 0)
				break;
		}
	if (mounts)
		fclose(mounts);
	free(text);
	if (may && at)
		strcpy(at, w.at[0] ? w.at : "/");
	return may;
}
