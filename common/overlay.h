/*
 * overlay: the end of a file that the disk had no room for, in memory.
 *
 *	on the disk                  in memory
 *	[ ........................ ][ ......... ]
 *	0                          start       end
 *
 * Whoever reads the file in this process (file.h) finds it as if all of it
 * were there; other processes do not. What is kept is bounded: beyond that a
 * part that begins and ends with a record becomes a hole, which reads as NULs.
 *
 * One thread writes, any may read. There are never many.
 */
#ifndef SSETAIL_OVERLAY_H
#define SSETAIL_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/split.h"

struct overlay;

/* Begins behind what the file open as `fd` holds, and keeps up to `bytes` and
 * half as many. NULL with errno. */
struct overlay *overlay_new(int fd, size_t bytes, enum split_format format);

/* From now on the file is only what is on the disk. NULL is fine. */
void overlay_free(struct overlay *o);

/* Moves at most `len` bytes from a pipe behind the end: as splice(2). */
ssize_t overlay_move(struct overlay *o, int pipe, size_t len);

/* Adds a newline. Returns 0, or -1 with errno. */
int overlay_end_record(struct overlay *o);

/* How far the file goes. */
uint64_t overlay_end(const struct overlay *o);

/*
 * Appends all of it to the file on the disk, with the hole as a hole there.
 * Returns 0, or -1 with errno: ENOSPC before anything was written, where the
 * file system can say so beforehand. It may be tried again.
 */
int overlay_save(struct overlay *o);

/* The bytes that became a hole. */
uint64_t overlay_lost(const struct overlay *o);

/* ---- for those who read. Both cost next to nothing where there is none. */

/* The size of the file, if it has an overlay; else 0. */
uint64_t overlay_size(dev_t dev, ino_t ino);

/* As pread(2), of what is not on the disk. False: the file has no overlay, or
 * `offset` is before it. */
bool overlay_read(dev_t dev, ino_t ino, void *out, size_t len, uint64_t offset,
	ssize_t *n);

#endif
