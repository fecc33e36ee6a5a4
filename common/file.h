/*
 * file: one generation of a log: the file that had the path at some time,
 * whatever it is called now. It is held by its descriptor, so its inode is
 * not given to another file while we know it.
 */
#ifndef SSETAIL_FILE_H
#define SSETAIL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

enum file_state {
	FILE_OPEN,
	FILE_ABSENT,
	FILE_PERMISSION,
	FILE_NOT_A_FILE, /* a directory, FIFO, socket, device */
	FILE_UNREADABLE	 /* anything else: a looping link, EIO, EMFILE */
};

/* Why something could not be opened or looked at. */
enum file_state file_state_of_errno(int error);

struct file {
	uint32_t serial; /* its number in its chain: older ones have less */
	int fd;
	dev_t dev;
	ino_t ino;
	uint32_t tag;	 /* of its identity: place.h */
	uint64_t base;	 /* of a spool's segment: the place of its first byte in
			  * all that ever came */
	bool is_spool;	 /* a spool's segment: it ends with a record, or with
			  * what is left of one after damage */
	uint64_t size;	 /* bytes, when last looked at */
	bool may_hang;	 /* on a file system on which any call may */
	bool unlinked;	 /* no name leads to it any more */
	bool finished;	 /* nobody can write to it any more */
	bool head_known; /* `head_hash` covers a whole head */
	uint64_t head_hash;
	struct timespec modified;
	struct timespec read_modified; /* at the last read to its end */
	struct timespec quiet_since;   /* monotonic; its last change of size */

	/* A record longer than the reader's window, by its start: how far it
	 * holds nothing but NULs, and how far it was searched for its end, so
	 * that nobody begins at its start again. */
	uint64_t long_start;
	uint64_t long_text;
	uint64_t long_searched;
};

/*
 * Opens `name` in `dir` (AT_FDCWD and a path will do) for reading. Never
 * blocks on what is no regular file: that is not opened. On FILE_OPEN *out is
 * a file with serial 0 that the caller gives to file_close; otherwise errno
 * tells the cause.
 */
enum file_state file_open(int dir, const char *name, struct file **out);
void file_close(struct file *f);

/*
 * The tag of the identity of a name, without opening it: the inode and,
 * where the file system has one, its generation (name_to_handle_at), for an
 * inode number alone is given again at once. `fd` with an empty name means
 * the descriptor itself.
 */
uint32_t file_identity(int fd, const char *name, ino_t ino);

/* Looks at the size, the name count and the time of change. Returns 0, or
 * -1 with errno. */
int file_refresh(struct file *f, const struct timespec *now);

/*
 * Reads up to `len` bytes at `offset`. Returns what pread(2) does; -1 with
 * EAGAIN when the bytes are not in memory: they have been asked for, and
 * cold.h tells when to try again.
 */
ssize_t file_read(const struct file *f, void *out, size_t len, uint64_t offset);

/* As file_read, but all of it: -1 with ENODATA when the file is shorter. */
int file_read_whole(
	const struct file *f, void *out, size_t len, uint64_t offset);

/* Where the next byte is, at `offset` or behind it, that is in no hole of the
 * file; UINT64_MAX: there is none. */
uint64_t file_next_data(const struct file *f, uint64_t offset);

/*
 * Computes the check (place.h) at `offset` from the file as it is now.
 * Returns 0; -1 with EAGAIN, ENODATA (the file is shorter), or EIO and such.
 */
int file_check(const struct file *f, uint64_t offset, uint64_t *check);

enum file_place {
	FILE_PLACE_FAILED = -1, /* it could not be read: errno */
	FILE_NO_PLACE,
	FILE_PLACE,	  /* behind a newline, or a CR that ends a blank
			   * line; or the start, whatever the check */
	FILE_PLACE_AT_END /* at the end, which is no newline: somebody has
			   * found the file finished */
};

/* Is `offset` the end of a record whose check is `check`? */
enum file_place file_has_place(
	const struct file *f, uint64_t offset, uint64_t check);

/* The hash of the file's first PLACE_HEAD_BYTES, from memory after the first
 * time; for offsets beyond them. */
int file_head_hash(struct file *f, uint64_t *hash);

/* Without a change, for as long, and nobody can write to it: whoever opens
 * it by its new name to write one more line has had the time. */
#define FILE_GRACE_S 2

/* Without a change for as long, where we may not ask who can write. */
#define FILE_QUIET_S 60

/*
 * Finds out whether nobody writes to the file any more, and remembers it: a
 * read lease is granted only when no descriptor can write, and FILE_GRACE_S
 * have passed (unless `at_once`, or it ends within a line). Where leases are
 * not for us (another owner, a network), FILE_QUIET_S have to do.
 */
bool file_is_finished(struct file *f, const struct timespec *now, bool at_once);

/* Forgets what was kept of the content: the file was truncated. */
void file_forget(struct file *f);

#endif
