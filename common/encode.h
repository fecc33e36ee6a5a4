/*
 * encode: server-sent events, as the WHATWG HTML Living Standard has them:
 * section 9.2.5 says how a stream is read, 9.2.6 what a browser makes of it.
 * Bytes to bytes: no descriptors, no time, no configuration.
 *
 * A block is written in this order, so that a record's data can be kept once
 * and be followed by a tail of each client's own:
 *
 *	data: a line of text      encode_data
 *	data: and one more
 *	event: access             encode_tail
 *	id: 3f9a1c04e8d21f06b77aa4c2f
 *	                          (the blank line that dispatches it)
 *
 * Only encode_data and encode_type take text that others wrote. Names, ids,
 * reasons and comments are ours, or checked when the configuration was read:
 * they hold no CR, LF or NUL, and between quotes neither `"` nor `\` stands.
 *
 * Everything is appended; what runs out of memory sets `failed` (buffer.h).
 */
#ifndef SSETAIL_ENCODE_H
#define SSETAIL_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

/*
 * The "data:" lines of one record, given without the newline that ended it.
 * Nothing in it can become a field, an event or an end of one:
 *
 * - CR, LF and CRLF all end a line for a reader (9.2.5): each begins a new
 *   "data:" line, so that the reader's text has an LF there. One at the very
 *   end counts as well: whoever does not mean the CR of "\r\n" cuts it off.
 * - A line with text is "data: text": a reader takes one blank away, and
 *   the text keeps its own. One without is "data:".
 * - What is not UTF-8 becomes U+FFFD (utf8.h). All the rest, NUL, control
 *   characters, U+2028 and U+FEFF included, stays as it is. (A reader eats a
 *   U+FEFF at the start of the stream only, and that is before the "data:".)
 *
 * Adds `len` + 7 bytes as a rule, and never more than 6 * (`len` + 1): a text
 * of nothing but newlines.
 */
void encode_data(struct buffer *b, const char *bytes, size_t len);

/* The type of a block, one line that others wrote, behind a prefix of ours. It
 * holds no CR and no LF; what is not UTF-8 becomes U+FFFD. */
void encode_type(
	struct buffer *b, const char *prefix, const char *type, size_t len);

/*
 * The end of a block: its type unless NULL ("message", says the reader), its
 * id unless NULL (the reader keeps the one it has; an empty one would make
 * it forget), and the blank line.
 */
void encode_tail(struct buffer *b, const char *event, const char *id);

/* A block that dispatches nothing and yet moves the reader's last event id:
 * 9.2.6 sets that before it looks whether there is data. */
void encode_id_only(struct buffer *b, const char *id);

/* A comment and a blank line, which dispatches nothing. */
void encode_comment(struct buffer *b, const char *text);

/* How long the reader waits before it connects again. */
void encode_retry(struct buffer *b, unsigned retry_ms);

/* ---- events of our own. Of those that have an id, only the data line is
 * written here, without a blank line: what ends the block (encode_tail) is
 * the caller's, who knows the place after it. */

enum gap_reason {
	GAP_ROTATED,
	GAP_TRUNCATED,
	GAP_DELETED,
	GAP_LATE,
	GAP_COMPRESSED,
	GAP_OVERLONG,
	GAP_UNKNOWN_ID,
	GAP_SPOOL
};

enum { GAP_REASONS = GAP_SPOOL + 1 };

/* The word for a reason. */
const char *encode_gap_name(enum gap_reason reason);

/* Of "gap": something of `source` was not delivered and will not be, `bytes`
 * bytes of it; -1: nobody knows how many. */
void encode_gap_data(struct buffer *b, const char *source,
	enum gap_reason reason, int64_t bytes);

enum waiting_reason {
	WAITING_ABSENT,
	WAITING_PERMISSION,
	WAITING_NOT_A_FILE,
	WAITING_UNREADABLE,
	WAITING_BEHIND /* for an id that others have had, and it has not */
};

/* The word for a reason. */
const char *encode_waiting_name(enum waiting_reason reason);

/* Of "waiting": `source` cannot be read for now, and is tried again. */
void encode_waiting_data(
	struct buffer *b, const char *source, enum waiting_reason reason);

/* "busy", whole: the stream ends soon, for a reason that passes. It has no
 * id: the reader comes back for what it has not seen. */
void encode_busy(struct buffer *b, const char *reason);

#endif
