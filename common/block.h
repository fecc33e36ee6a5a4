/*
 * block: a block that somebody else wrote for an event stream, written anew.
 * Bytes to bytes: no descriptors, no time, no configuration.
 *
 * It is read as a browser does (EventSource 9.2.6), field by field, and of
 * what it means a block of our own is made. So whatever arrives, what leaves
 * is a part of one valid block: comments and fields that nobody knows are
 * gone, what is not UTF-8 is U+FFFD, and no line of it can be more than it
 * says.
 */
#ifndef SSETAIL_BLOCK_H
#define SSETAIL_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

/* Digits of a retry that is passed on: over eleven days is no time to wait. */
#define BLOCK_RETRY_DIGITS 9

/* Bytes of a writer's id that is one. */
#define BLOCK_ID_MAX 255

struct block {
	bool is_event; /* it has data: a browser dispatches it */
	bool has_type; /* its type was added to its data */
};

/*
 * Appends what the fields of one block say (split.h tells where it begins and
 * ends; the mark of the byte order is not part of it):
 *
 *	data: 	each line of its data
 *	event:	its type, unless it has no data. Our own types get an "x-"
 *		in front: nobody else says what is a gap
 *	retry:	the last that is nothing but digits, BLOCK_RETRY_DIGITS at
 *		most
 *
 * The writer's id is left out, and the block is not ended: both are the
 * caller's (encode_tail). Adds nothing where the block says nothing.
 */
void block_encode(
	struct buffer *out, const char *bytes, size_t len, struct block *b);

/*
 * The writer's id in a block: the last of its ids, as the standard has it.
 * One that holds NUL, is not UTF-8 or has more than BLOCK_ID_MAX bytes is
 * none. Returns its length, and NULL in *id where there is none.
 */
size_t block_id(const char *bytes, size_t len, const char **id);

#endif
