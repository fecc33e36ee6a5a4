/*
 * program: what both main()s begin with.
 */
#ifndef SSETAIL_PROGRAM_H
#define SSETAIL_PROGRAM_H

#include <stdint.h>

/*
 * Opens /dev/null, or where there is none the root folder as a mere path, on
 * descriptors 0, 1 and 2 where they are closed, so that no file ever gets one
 * of these numbers. The first thing main() does.
 * Returns 0, or -1 with errno.
 */
int program_guard_descriptors(void);

/*
 * Takes out of the umask what it denies the owner: a pipe that was made has to
 * be opened before it gets its mode. What it denies others stays denied. Before
 * there are threads.
 */
void program_spare_owner(void);

/* Milliseconds on the monotonic clock. */
int64_t program_now_ms(void);

/* How long a stream of that lifetime lasts: a tenth of it, at random, is
 * taken off, so that streams begun together do not end together. */
int64_t program_lifetime_ms(unsigned lifetime_s);

#endif
