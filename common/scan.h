/*
 * scan: the records of a file, one after the other from a place on.
 *
 * A scan lives for a moment: it is begun, read as far as wanted, and given
 * up. Its window is lent by the caller and shared by all scans of a process,
 * one at a time. That the content before the place is still what it was is
 * checked at the beginning.
 */
#ifndef SSETAIL_SCAN_H
#define SSETAIL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/file.h"
#include "common/split.h"

enum scan_outcome {
	SCAN_RECORD,  /* here it is */
	SCAN_NOTHING, /* no further record is complete */
	SCAN_CHANGED, /* the file no longer holds the place */
	SCAN_WAIT,    /* not in memory: cold.h */
	SCAN_MORE,    /* looked far for the end of a record: call again later */
	SCAN_FAILED   /* EIO, ENOMEM: errno */
};

struct record {
	const char *data; /* in the window, valid until the next call; NULL:
			   * nothing that can be told, see split.h */
	size_t data_len;
	uint64_t dropped;   /* bytes of text over the limit, cut off */
	bool is_unfinished; /* no, of a block that was never ended */
	uint64_t passed;    /* bytes of holes before the text */
	uint64_t start;	    /* offsets before and after it */
	uint64_t end;
	uint64_t check; /* at `end` */
};

struct scan {
	enum split_format format;
	struct file *file;
	struct buffer *window;
	uint64_t window_start; /* offset of the window's first byte */
	size_t window_bytes;   /* how much is read at once */
	uint64_t offset;       /* of the next record */
	uint64_t limit;	       /* offset where reading stops; may be changed */
	size_t max_line_bytes;
	bool at_end;	/* nothing will ever follow behind `limit` */
	bool is_paused; /* nothing does for now, see split.h; the caller's */
};

/*
 * Begins at `offset`, whose check is `check`, and stops at `limit`, which is
 * not beyond the file's size. `window_bytes` are read at once. Returns
 * SCAN_RECORD when scan_next can be called, else what is in the way.
 */
enum scan_outcome scan_begin(enum split_format format, struct scan *s,
	struct buffer *window, size_t window_bytes, struct file *file,
	uint64_t offset, uint64_t check, uint64_t limit, size_t max_line_bytes);

/* The next record; SCAN_RECORD means that *r is filled in. */
enum scan_outcome scan_next(struct scan *s, struct record *r);

/*
 * Goes back from `offset`, the end of a record, by up to *records records; a
 * block without data does not count, nor does one behind a hole. Leaves the
 * offset where the first of them starts in *start, and in *records how many
 * there were too few. Looks at most at `reach` bytes. SCAN_RECORD when done,
 * also when the file had fewer; else what is in the way.
 */
enum scan_outcome scan_back(enum split_format format, struct buffer *window,
	struct file *file, uint64_t offset, uint64_t reach, uint32_t *records,
	uint64_t *start);

/* Where the last record ends that is complete; `is_paused` as above. Outcomes
 * as of scan_back. */
enum scan_outcome scan_last(enum split_format format, struct buffer *window,
	struct file *file, bool is_paused, uint64_t *end);

#endif
