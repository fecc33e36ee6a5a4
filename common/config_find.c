#include "common/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The program's file, not a link to it; NULL with errno. Without /proc (a
 * chroot) it is what execve(2) was given, which is relative for a web server
 * that starts a program in its own folder.
 */
static char *program_file(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const char *given = (const char *)getauxval(AT_EXECFN);

	if (len > 0) {
		path[len] = '\0';
		return strdup(path);
	}
	if (given == NULL) {
		errno = ENOENT;
		return NULL;
	}
	return realpath(given, NULL);
}

char *config_program_folder(void)
{
	char *path = program_file();
	char *slash = path == NULL ? NULL : strrchr(path, '/');

	if (slash == NULL)
		return path;
	slash[slash == path ? 1 : 0] = '\0';
	return path;
}

/*
 * Frees `path` unless something is there. A link to nowhere, and what may
 * not be looked at, count: the fault that follows says more than silence.
 */
static char *if_there(char *path)
{
	struct stat st;

	if (path != NULL && lstat(path, &st) < 0 && errno != EACCES) {
		free(path);
		path = NULL;
		errno = ENOENT;
	}
	return path;
}

static char *in_folder(const char *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return if_there(path);
}

/* Apache never serves a name that begins with .ht: it comes first. */
static char *beside_program(void)
{
	char *folder = config_program_folder();
	char *path;

	if (folder == NULL)
		return NULL;
	path = in_folder(folder, ".htssetail.conf");
	if (path == NULL && errno == ENOENT)
		path = in_folder(folder, "ssetail.conf");
	free(folder);
	return path;
}

char *config_find(const char *given)
{
	char *path;

	if (given == NULL)
		given = getenv("SSETAIL_CONF");
	if (given != NULL && given[0] != '\0')
		return strdup(given);
	path = beside_program();
	if (path == NULL && errno != ENOMEM)
		path = in_folder(SYSCONFDIR, "ssetail.conf");
	return path;
}
