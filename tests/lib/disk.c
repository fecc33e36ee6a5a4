#define TESTS_LIB_INSIDE
#include "tests/lib/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/test.h"

/* Every path that was handed out, and which of them are folders of ours. */
struct path {
	struct path *next;
	bool is_folder;
	char text[];
};

static struct path *paths;

static const char *remember(const char *text, bool is_folder)
{
	size_t size = strlen(text) + 1;
	struct path *p = malloc(sizeof(*p) + size);

	if (!p)
		abort();
	memcpy(p->text, text, size);
	p->is_folder = is_folder;
	p->next = paths;
	paths = p;
	return p->text;
}

__attribute__((noreturn)) static void fail_at(
	const char *what, const char *path)
{
	test_fail("%s %s: %s", what, path, strerror(errno));
}

/* Removes what it can; the caller looks whether it is gone. */
static void remove_all(int at, const char *name)
{
	struct dirent *entry;
	struct stat st;

	if (unlinkat(at, name, 0) == 0 ||
		fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISDIR(st.st_mode))
		return;
	/* A test may have locked it. */
	if ((st.st_mode & 0700) != 0700 && fchmodat(at, name, 0700, 0) < 0)
		return;
	int fd = openat(
		at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0)
			remove_all(fd, entry->d_name);
	if (dir)
		closedir(dir);
	unlinkat(at, name, AT_REMOVEDIR);
}

static void cleanup(void)
{
	const char *keep = getenv("TEST_KEEP");
	bool keeps = keep && strcmp(keep, "1") == 0;

	while (paths) {
		struct path *p = paths;

		paths = p->next;
		if (p->is_folder && keeps)
			print_message("kept: %s\n", p->text);
		else if (p->is_folder)
			remove_all(AT_FDCWD, p->text);
		free(p);
	}
}

const char *disk_folder(void)
{
	static const struct test_module module = { cleanup, NULL, NULL };
	const char *base = getenv("TMPDIR");
	char real[PATH_MAX];
	char path[PATH_MAX + 32];

	test_register(TEST_FOLDERS, &module);
	base = base && *base ? base : "/tmp";
	if (!realpath(base, real))
		fail_at("folder", base);
	snprintf(path, sizeof(path), "%s/ssetail-test-XXXXXX", real);
	if (!mkdtemp(path) || chmod(path, 0755) < 0)
		fail_at("folder", path);
	return remember(path, true);
}

const char *disk_path(const char *folder, const char *format, ...)
{
	struct bytes path = BYTES_INIT;
	char *name;
	va_list args;

	va_start(args, format);
	int len = vasprintf(&name, format, args);
	va_end(args);
	if (len < 0)
		abort();
	bytes_add_format(&path, "%s/%s", folder, name);
	const char *kept = remember(path.data, false);
	bytes_release(&path);
	free(name);
	return kept;
}

const char *disk_subfolder(const char *folder, const char *name)
{
	const char *path = disk_path(folder, "%s", name);

	if (mkdir(path, 0755) < 0)
		fail_at("mkdir", path);
	return path;
}

static void put(const char *path, int flags, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		fail_at("open", path);
	/* An empty write still opens, truncates and closes. */
	ssize_t n = len ? write(fd, bytes, len) : 0;
	if (n != (ssize_t)len)
		fail_at("write", path);
	close(fd);
}

__attribute__((format(printf, 3, 0))) static void put_format(
	const char *path, int flags, const char *format, va_list args)
{
	char *text;
	int len = vasprintf(&text, format, args);

	if (len < 0)
		abort();
	put(path, flags, text, (size_t)len);
	free(text);
}

void disk_write(const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_format(path, O_TRUNC, format, args);
	va_end(args);
}

void disk_write_bytes(const char *path, const void *bytes, size_t len)
{
	put(path, O_TRUNC, bytes, len);
}

void disk_touch(const char *path)
{
	put(path, O_APPEND, "", 0);
}

void disk_append(const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_format(path, O_APPEND, format, args);
	va_end(args);
}

void disk_append_bytes(const char *path, const void *bytes, size_t len)
{
	put(path, O_APPEND, bytes, len);
}

void disk_rename(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		fail_at("rename", from);
}

void disk_remove(const char *path)
{
	if (!disk_exists(path))
		fail_at("remove", path);
	remove_all(AT_FDCWD, path);
	if (disk_exists(path))
		test_fail("remove %s: it is still there", path);
}

void disk_truncate(const char *path, off_t size)
{
	if (truncate(path, size) < 0)
		fail_at("truncate", path);
}

void disk_link(const char *target, const char *path)
{
	if (symlink(target, path) < 0)
		fail_at("symlink", path);
}

void disk_copy(const char *from, const char *to)
{
	struct bytes all = BYTES_INIT;

	disk_read(&all, from);
	put(to, O_TRUNC, bytes_text(&all), all.len);
	bytes_release(&all);
}

void disk_mode(const char *path, mode_t mode)
{
	if (chmod(path, mode) < 0)
		fail_at("chmod", path);
}

void disk_read(struct bytes *out, const char *path)
{
	char piece[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_at("open", path);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		bytes_add(out, piece, (size_t)n);
	if (n < 0)
		fail_at("read", path);
	close(fd);
}

void disk_copy_changed(
	const char *from, const char *to, const char *const (*changes)[2])
{
	struct bytes text = BYTES_INIT;

	disk_read(&text, from);
	for (; (*changes)[0]; changes++) {
		struct bytes changed = BYTES_INIT;

		if (!bytes_contain(&text, (*changes)[0]))
			test_fail("%s has no %s", from, (*changes)[0]);
		bytes_add_replaced(&changed, bytes_text(&text), (*changes)[0],
			(*changes)[1]);
		bytes_release(&text);
		text = changed;
	}
	disk_write_bytes(to, text.data, text.len);
	bytes_release(&text);
}

bool disk_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

size_t disk_entries(const char *folder)
{
	size_t count = 0;
	struct dirent *entry;
	DIR *dir = opendir(folder);

	if (!dir)
		fail_at("opendir", folder);
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

size_t disk_sockets(const char *folder)
{
	size_t count = 0;
	struct dirent *entry;
	DIR *dir = opendir(folder);

	if (!dir)
		fail_at("opendir", folder);
	while ((entry = readdir(dir)))
		count += entry->d_type == DT_SOCK;
	closedir(dir);
	return count;
}
