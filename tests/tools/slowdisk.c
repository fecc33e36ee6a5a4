/*
 * Loaded into a responder it makes the names of files slow to look up, as on
 * a disk that is busy: what is wrong only while files are being renamed
 * between two look-ups goes wrong often then. TORTURE_SLOW is how slow, in
 * tenths of a millisecond.
 *
 * A folder is read from its greatest name to its least. File systems have
 * orders of their own; in this one, a file that is given the next greater
 * name meanwhile is not seen at all.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define UNIT_NS	    100000
#define ENTRIES_MAX 1024

int fstatat(
	int dir, const char *restrict name, struct stat *restrict st, int flags)
{
	const char *units = getenv("TORTURE_SLOW");
	const struct timespec slow = { 0, (units ? atoi(units) : 1) * UNIT_NS };

	nanosleep(&slow, NULL);
	return (int)syscall(SYS_newfstatat, dir, name, st, flags);
}

/* The folder that is being read; all reading is done by one thread. */
static struct {
	DIR *d;
	struct dirent entries[ENTRIES_MAX];
	size_t count, next;
} folder;

static int descending(const void *a, const void *b)
{
	return strverscmp(((const struct dirent *)b)->d_name,
		((const struct dirent *)a)->d_name);
}

static void load(DIR *d)
{
	struct dirent *(*real)(DIR *);
	struct dirent *e;

	*(void **)&real = dlsym(RTLD_NEXT, "readdir");
	folder.d = d;
	folder.count = folder.next = 0;
	while (folder.count < ENTRIES_MAX && (e = real(d)))
		memcpy(&folder.entries[folder.count++], e, e->d_reclen);
	qsort(folder.entries, folder.count, sizeof(*folder.entries),
		descending);
}

struct dirent *readdir(DIR *d)
{
	if (folder.d != d)
		load(d);
	return folder.next < folder.count ? &folder.entries[folder.next++]
					  : NULL;
}

int closedir(DIR *d)
{
	int (*real)(DIR *);

	*(void **)&real = dlsym(RTLD_NEXT, "closedir");
	folder.d = NULL;
	return real(d);
}
