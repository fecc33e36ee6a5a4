/*
 * split: where a record ends. Bytes to bytes: it knows no file, no offset in
 * one, and nothing of server-sent events.
 */
#ifndef SSETAIL_SPLIT_H
#define SSETAIL_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

struct split_record {
	size_t size;	  /* bytes it takes in the file, newline included */
	const char *data; /* its text, inside the bytes given; NULL: a run of
			   * NULs up to the end, which is no record */
	size_t data_len;
	size_t dropped; /* bytes of text over the limit that were cut off */
};

/*
 * Finds the record at the start of `bytes`: up to and with the first newline
 * (or, when `at_end` says that nothing will ever follow, up to the end).
 * Its text is without the newline, without one CR before that, and without
 * the NULs before it: they are the hole which a writer leaves that goes on
 * at its old offset after a truncation. Text over `max` bytes is cut, never
 * inside a UTF-8 sequence.
 * Returns false when no record is complete.
 */
bool split_next(const char *bytes, size_t len, bool at_end, size_t max,
	struct split_record *r);

/* The length to which `data_len` > max bytes of text are cut. */
size_t split_cut(const char *data, size_t max);

#endif
