/*
 * Loaded into a program with LD_PRELOAD, makes a folder, HANG_UNDER, one of
 * NFS: /proc/self/mountinfo and statfs say so, reads without waiting are not
 * to be had; and as long as the file HANG_WHILE exists, its server is away:
 * every call on something in it hangs, from the next statfs on, at which the
 * file HANG_MARK appears.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static const char *folder(void)
{
	const char *under = getenv("HANG_UNDER");

	return under && *under ? under : "/nowhere";
}

static bool is_under(const char *path)
{
	size_t len = strlen(folder());

	return strncmp(path, folder(), len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

static bool fd_is_in(int fd)
{
	char link[40], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return is_under(path);
}

static bool leads_in(const char *path, int flags)
{
	int error = errno, fd;
	bool in = is_under(path);

	fd = in ? -1
		: (int)syscall(SYS_openat, AT_FDCWD, path,
			  O_PATH | O_CLOEXEC | flags);
	if (fd >= 0) {
		in = fd_is_in(fd);
		close(fd);
	}
	errno = error;
	return in;
}

/* By any links. */
static bool is_in(const char *path)
{
	return leads_in(path, 0);
}

static bool at_is_in(int dir, const char *path)
{
	return path[0] == '/' || dir == AT_FDCWD ? is_in(path) : fd_is_in(dir);
}

static bool exists(const char *name)
{
	const char *path = getenv(name);

	return path && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

static void hang(bool in)
{
	const struct timespec moment = { 0, 5000000 };

	while (in && exists("HANG_MARK") && exists("HANG_WHILE"))
		nanosleep(&moment, NULL);
}

static void go_away(bool in)
{
	if (in && exists("HANG_WHILE"))
		close((int)syscall(SYS_openat, AT_FDCWD, getenv("HANG_MARK"),
			O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

/* ---- what kind it is */

FILE *fopen(const char *path, const char *mode)
{
	static char text[262144];
	int fd;
	ssize_t n;
	size_t len = 0;

	hang(is_in(path));
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (strcmp(path, "/proc/self/mountinfo") != 0)
		return fd < 0 ? NULL : fdopen(fd, mode);
	while (fd >= 0 &&
		(n = read(fd, text + len, sizeof(text) / 2 - len)) > 0)
		len += (size_t)n;
	close(fd);
	len += (size_t)snprintf(text + len, sizeof(text) - len,
		"9999 1 0:99 / %s rw - nfs4 server:/logs rw\n", folder());
	return fmemopen(text, len, "r");
}

int statfs(const char *path, struct statfs *fs)
{
	int result;

	go_away(is_in(path));
	hang(is_in(path));
	result = (int)syscall(SYS_statfs, path, fs);
	if (is_in(path))
		fs->f_type = NFS_SUPER_MAGIC;
	return result;
}

int fstatfs(int fd, struct statfs *fs)
{
	int result;

	hang(fd_is_in(fd));
	result = (int)syscall(SYS_fstatfs, fd, fs);
	if (fd_is_in(fd))
		fs->f_type = NFS_SUPER_MAGIC;
	return result;
}

ssize_t preadv2(
	int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	if (flags && fd_is_in(fd)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	hang(fd_is_in(fd));
	return syscall(SYS_preadv2, fd, iov, count, offset, 0, flags);
}

/* ---- what hangs */

ssize_t pread(int fd, void *out, size_t len, off_t offset)
{
	hang(fd_is_in(fd));
	return syscall(SYS_pread64, fd, out, len, offset);
}

int stat(const char *restrict path, struct stat *restrict st)
{
	hang(is_in(path));
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, st, 0);
}

int lstat(const char *restrict path, struct stat *restrict st)
{
	hang(leads_in(path, O_NOFOLLOW));
	return (int)syscall(
		SYS_newfstatat, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *st)
{
	hang(fd_is_in(fd));
	return (int)syscall(SYS_fstat, fd, st);
}

int fstatat(
	int dir, const char *restrict path, struct stat *restrict st, int flags)
{
	hang(at_is_in(dir, path));
	return (int)syscall(SYS_newfstatat, dir, path, st, flags);
}

ssize_t readlink(const char *restrict path, char *restrict out, size_t len)
{
	hang(leads_in(path, O_NOFOLLOW));
	return syscall(SYS_readlinkat, AT_FDCWD, path, out, len);
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	hang(at_is_in(dir, path));
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE(flags, mode)                                                      \
	do {                                                                   \
		va_list args;                                                  \
		va_start(args, flags);                                         \
		mode = (flags)&O_CREAT ? va_arg(args, mode_t) : 0;             \
		va_end(args);                                                  \
	} while (0)

int open(const char *path, int flags, ...)
{
	mode_t mode;

	MODE(flags, mode);
	return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	MODE(flags, mode);
	return open_at(dir, path, flags, mode);
}

typedef char *checked_realpath(const char *, char *, size_t);
char *__realpath_chk(const char *path, char *out, size_t size);

/* What realpath becomes where the size of `out` is known. */
char *__realpath_chk(const char *path, char *out, size_t size)
{
	checked_realpath *real;

	*(void **)&real = dlsym(RTLD_NEXT, "__realpath_chk");
	hang(is_in(path));
	return real(path, out, size);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	int of_descriptor;

	if (sscanf(path, "/proc/self/fd/%d", &of_descriptor) == 1)
		hang(fd_is_in(of_descriptor));
	hang(is_in(path));
	return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

int name_to_handle_at(int dir, const char *path, struct file_handle *handle,
	int *mount, int flags)
{
	hang(at_is_in(dir, path));
	return (int)syscall(
		SYS_name_to_handle_at, dir, path, handle, mount, flags);
}
