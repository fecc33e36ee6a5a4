/*
 * split: where a record ends. Bytes to bytes: it knows no file, no offset in
 * one, and nothing of what becomes of a record.
 *
 * A record is, by the format of its source,
 *
 *	lines	a line, up to and with its newline
 *	multiline
 *		a line and those after it that begin with a blank or a tab, as
 *		those of a stack trace do; where it ends is seen when the next
 *		line begins, or after a pause
 *	blocks	a block of an event stream (EventSource 9.2.5), up to and with
 *		the blank line that ends it; LF, CR and CRLF end a line. A CR
 *		ends that blank line at once: an LF which may come after it is
 *		one more blank line, and nothing of the block
 *
 * Where one ends is told by the bytes around that place alone, and of blocks by
 * those before it: whoever begins to read at an end, or looks for one
 * backwards, finds the same ends. A pause apart: a line that begins with a
 * blank and comes after one is the first of its record.
 */
#ifndef SSETAIL_SPLIT_H
#define SSETAIL_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

enum split_format { SPLIT_LINES, SPLIT_MULTILINE, SPLIT_BLOCKS };

/* What follows the bytes that are there. */
enum split_rest {
	SPLIT_MORE,  /* something may */
	SPLIT_END,   /* nothing ever will: the rest is a record */
	SPLIT_PAUSE, /* nothing does for now: so are the lines that have ended,
		      * of format multiline */
};

struct split_record {
	size_t size;	  /* bytes it takes in the file, its end included */
	const char *data; /* its text, inside the bytes given; NULL: there is
			   * none, or nothing of it can be used */
	size_t data_len;
	size_t dropped;	    /* bytes of text that were cut off, or all of it */
	bool is_unfinished; /* `dropped` is a block that was never ended */
};

/*
 * Finds the record at the start of `bytes`. Returns false when none is
 * complete.
 *
 * The text of lines is without the newline, without one CR before that, and
 * without the NULs before it: they are the hole which a writer leaves that
 * goes on at its old offset after a truncation. Text over `max` bytes is cut,
 * never inside a UTF-8 sequence. A run of NULs up to the end is no record.
 *
 * A block's text is without such NULs and without the blank lines before it.
 * One of more than `max` bytes, lines that are ignored included, is dropped
 * whole: half of it would be another event. So is one that is not ended when
 * nothing will ever follow, as the standard says; that loses nothing where it
 * has no data. Blank lines at the end are a record without text.
 */
bool split_next(enum split_format format, const char *bytes, size_t len,
	enum split_rest rest, size_t max, struct split_record *r);

/* Blank lines before a block are no part of it where they are so many bytes,
 * or NULs follow: a record without text. */
#define SPLIT_BLANK_BYTES 65536u

/*
 * Looks for the end of the first record from `from` on; what is before was
 * looked at without finding one, or is SPLIT_CONTEXT bytes of that. The first
 * byte is no NUL and not part of a blank line. Returns the bytes up to and
 * with the end, or 0.
 */
size_t split_end(
	enum split_format format, const char *bytes, size_t len, size_t from);
#define SPLIT_CONTEXT 3u

/*
 * Do these bytes, the last SPLIT_CONTEXT or all that there are, end a record?
 * Of format multiline: a line, whatever comes then. Blank lines behind a block
 * do, too.
 */
bool split_ends(enum split_format format, const char *bytes, size_t len);

/* How far the records go that end in `bytes` behind the first `from`; 0: none
 * does. Where that is not all that there is, `from` are the last bytes before
 * it, SPLIT_CONTEXT of them or all. */
size_t split_last(
	enum split_format format, const char *bytes, size_t len, size_t from);

/* How much of `bytes` stands before the text of a block. */
size_t split_blank(const char *bytes, size_t len);

/* The length to which `data_len` > max bytes of text are cut. */
size_t split_cut(const char *data, size_t max);

/* Does a line that starts so belong to the record before it? */
bool split_goes_on(char first);

/* Is this line of a block, up to its end or further, its data? */
bool split_is_data(const char *line, size_t len);

#endif
