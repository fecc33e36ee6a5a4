/*
 * page: an HTML page that the program has in it, as a complete answer in the
 * sense of head.h, with a Content-Security-Policy: only the style and the
 * script of this very answer are run, by a nonce that is never used again, and
 * they may talk to nobody but the server they are from. Bytes to bytes.
 *
 * A template names its places with a sign in front and behind: @STYLE@. What
 * is put there is not looked at for places again.
 */
#ifndef SSETAIL_PAGE_H
#define SSETAIL_PAGE_H

#include <stddef.h>

#include "common/buffer.h"

#define PAGE_NONCE_LEN 32 /* digits, of 128 bits */

/* The style sheet that gives the colours of all pages their names. */
extern const char page_colours[];

/* Writes a nonce and a NUL. */
void page_make_nonce(char nonce[PAGE_NONCE_LEN + 1]);

struct page_place {
	const char *sign; /* "@STYLE@" */
	const char *text; /* may be NULL when `len` is 0 */
	size_t len;
};

/* Appends the head of the answer. */
void page_add_head(struct buffer *b, const char *nonce);

/* Appends the template with what belongs into its places. A sign of no place
 * stays as it is. */
void page_add_body(struct buffer *b, const char *template,
	const struct page_place *places, size_t count);

/* A string of JSON. What HTML might take for its own, as the end of the
 * element that it stands in, is written by its number. */
void page_add_json_string(struct buffer *b, const char *s);

#endif
