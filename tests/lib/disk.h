/*
 * disk: a temporary folder per test, and the things that writers of logs do
 * to files. Whatever fails fails the test.
 *
 * Folders are made under $TMPDIR or /tmp and removed with all they hold by
 * test_cleanup, unless TEST_KEEP is 1: then they are named and kept.
 */
#ifndef SSETAIL_TESTS_DISK_H
#define SSETAIL_TESTS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/lib/bytes.h"

/*
 * Makes a folder, mode 0755; returns its absolute path, without a symbolic
 * link in it, short enough for a socket. Valid, as all paths from here,
 * until test_cleanup.
 */
const char *disk_folder(void);

/* folder/NAME, the name as printf(3) makes it. Creates nothing. */
const char *disk_path(const char *folder, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A folder inside a folder: disk_path and mkdir(2). */
const char *disk_subfolder(const char *folder, const char *name);

/* A file with exactly this content: created, or truncated first. */
void disk_write(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void disk_write_bytes(const char *path, const void *bytes, size_t len);

/* Creates an empty file; one that exists keeps its content. */
void disk_touch(const char *path);

/* Appends with one write(2), as a writer of logs does; creates the file. */
void disk_append(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void disk_append_bytes(const char *path, const void *bytes, size_t len);

void disk_rename(const char *from, const char *to);
void disk_remove(const char *path); /* a file, or a folder with all in it */
void disk_truncate(const char *path, off_t size);
void disk_link(const char *target, const char *path); /* symbolic */
void disk_copy(const char *from, const char *to);
void disk_mode(const char *path, mode_t mode);

/* Copies with other texts in it: pairs of what is there, or the test fails, and
 * what comes in its place, up to a pair of NULL. */
void disk_copy_changed(
	const char *from, const char *to, const char *const (*changes)[2]);

/* All of a file, added to `out`. */
void disk_read(struct bytes *out, const char *path);
bool disk_exists(const char *path); /* also a dangling link */

/* Entries of a folder, without . and .. */
size_t disk_entries(const char *folder);

/* Those of them that are sockets. */
size_t disk_sockets(const char *folder);

#ifndef TESTS_LIB_INSIDE
#include "tests/lib/test.h"
#define disk_folder(...)       TEST_HERE(disk_folder(__VA_ARGS__))
#define disk_subfolder(...)    TEST_HERE(disk_subfolder(__VA_ARGS__))
#define disk_write(...)	       TEST_HERE(disk_write(__VA_ARGS__))
#define disk_write_bytes(...)  TEST_HERE(disk_write_bytes(__VA_ARGS__))
#define disk_touch(...)	       TEST_HERE(disk_touch(__VA_ARGS__))
#define disk_append(...)       TEST_HERE(disk_append(__VA_ARGS__))
#define disk_append_bytes(...) TEST_HERE(disk_append_bytes(__VA_ARGS__))
#define disk_rename(...)       TEST_HERE(disk_rename(__VA_ARGS__))
#define disk_remove(...)       TEST_HERE(disk_remove(__VA_ARGS__))
#define disk_truncate(...)     TEST_HERE(disk_truncate(__VA_ARGS__))
#define disk_link(...)	       TEST_HERE(disk_link(__VA_ARGS__))
#define disk_copy(...)	       TEST_HERE(disk_copy(__VA_ARGS__))
#define disk_mode(...)	       TEST_HERE(disk_mode(__VA_ARGS__))
#define disk_copy_changed(...) TEST_HERE(disk_copy_changed(__VA_ARGS__))
#define disk_read(...)	       TEST_HERE(disk_read(__VA_ARGS__))
#define disk_entries(...)      TEST_HERE(disk_entries(__VA_ARGS__))
#define disk_sockets(...)      TEST_HERE(disk_sockets(__VA_ARGS__))
#endif

#endif
