#include "common/mount.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As many links as the kernel follows. */
#define LINKS_MAX 40

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

/* Puts what the link `at` leads to in its place, before the `rest` of the
 * path. False when that is too long. */
static bool follow(char at[PATH_MAX], const char *link, char rest[PATH_MAX])
{
	char joined[PATH_MAX];
	int n = snprintf(joined, sizeof(joined), "%s/%s", link, rest);

	if (n < 0 || (size_t)n >= sizeof(joined))
		return false;
	strcpy(rest, joined);
	if (link[0] == '/')
		at[0] = '\0';
	else
		*strrchr(at, '/') = '\0';
	return true;
}

/* Adds the next component of `rest` to `at`. False when there is none. */
static bool step(char at[PATH_MAX], char rest[PATH_MAX])
{
	const char *start = rest + strspn(rest, "/");
	size_t len = strcspn(start, "/"), have = strlen(at);

	if (len == 0 || have + 1 + len >= PATH_MAX)
		return false;
	if (len == 2 && memcmp(start, "..", 2) == 0) {
		if (have)
			*strrchr(at, '/') = '\0';
	} else if (len != 1 || *start != '.') {
		at[have] = '/';
		memcpy(at + have + 1, start, len);
		at[have + 1 + len] = '\0';
	}
	memmove(rest, start + len, strlen(start + len) + 1);
	return true;
}

bool mount_may_hang(const char *path)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char at[PATH_MAX] = "", rest[PATH_MAX], link[PATH_MAX];
	bool may = false;
	int links = 0;

	if (!mounts)
		return false;
	if (strlen(path) < sizeof(rest)) {
		strcpy(rest, path);
		while (!may && step(at, rest)) {
			ssize_t n;

			may = is_on_such(mounts, at[0] ? at : "/");
			if (may || !at[0])
				continue;
			n = readlink(at, link, sizeof(link) - 1);
			if (n <= 0)
				continue;
			link[n] = '\0';
			if (++links > LINKS_MAX || !follow(at, link, rest))
				break;
		}
	}
	fclose(mounts);
	return may;
}
