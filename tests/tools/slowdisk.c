/*
 * Loaded into a responder it makes the names of files slow to look up, as on
 * a disk that is busy: what is wrong only while files are being renamed
 * between two look-ups goes wrong often then.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLOW_NS 100000

int fstatat(
	int dir, const char *restrict name, struct stat *restrict st, int flags)
{
	const struct timespec slow = { 0, SLOW_NS };

	nanosleep(&slow, NULL);
	return (int)syscall(SYS_newfstatat, dir, name, st, flags);
}
