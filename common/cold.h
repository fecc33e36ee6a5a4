/*
 * cold: reads that must not wait for a disk.
 *
 * A loop that serves thousands reads only what is in memory already. What is
 * not there is read by a helper thread, for its effect on the page cache; the
 * loop is told, and tries again. A file system that may hang (NFS, CIFS, FUSE
 * and the like) has a helper to itself, so that it stops nobody else's. Until
 * cold_start is called (plain CGI serves one client and never calls it), a read
 * just blocks.
 */
#ifndef SSETAIL_COLD_H
#define SSETAIL_COLD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * From now on reads do not wait. The helper thread is started by the first
 * that would have to; should that fail, it waits after all. Returns a
 * descriptor that becomes readable when something was brought in and that
 * cold_drain empties; -1 with errno.
 */
int cold_start(void);
void cold_drain(void);
bool cold_is_started(void);

/* Makes that descriptor readable. From any thread. */
void cold_wake(void);

/* Is the file on a file system on which any call may hang? This one, too. */
bool cold_may_hang(int fd);

/*
 * pread(2); after cold_start -1 with EAGAIN when it would have to wait: the
 * helper has been asked for these bytes. A short read may come first.
 */
ssize_t cold_read(int fd, void *out, size_t len, off_t offset);

/* The same of a file that cold_may_hang, on this device: not even asks
 * whether the bytes are in memory. */
ssize_t cold_read_far(
	int fd, dev_t device, void *out, size_t len, off_t offset);

/* Drops what is queued or was read for `fd`: before a close. The helper has a
 * descriptor of its own, so a disk that hangs holds nobody up. */
void cold_forget(int fd);

#endif
