/*
 * admit_inside: what the parts of admit say to each other. For admit*.c alone;
 * the one file that includes fcgiapp.h.
 *
 *	admit.c        records: read, decided about, answered
 *	admit_pair.c   name-value pairs: the parameters, and values asked for
 *	admit_parse.c  what libfcgi is given, and whether it works that way
 *
 * A buffer for which there is no memory has failed.
 */
#ifndef SSETAIL_ADMIT_INSIDE_H
#define SSETAIL_ADMIT_INSIDE_H

#include <fastcgi.h>
#include <fcgiapp.h>

#include "common/buffer.h"
#include "fcgi/admit.h"
#include "fcgi/record.h"

static inline size_t admit_least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- admit.c */

/* Appends a record without padding; `len` is RECORD_CONTENT_MAX at most. */
void admit_add_record(struct buffer *answer, unsigned type, unsigned id,
	const void *content, size_t len);

/* ---- admit_pair.c */

#define ADMIT_NAME_SHOWN  64 /* bytes of a parameter's name in a sentence */
#define ADMIT_FAULT_BYTES (4 * ADMIT_NAME_SHOWN + 96)

/* Writes the length of a name or of a value, in four bytes at most. Returns the
 * end of it. */
char *admit_put_length(char *out, size_t len);

/* Answers FCGI_GET_VALUES (section 4.1), whose content is `asked`: each
 * variable once, however often it is asked for. False: that is malformed. */
bool admit_add_values(
	struct buffer *answer, const struct buffer *asked, size_t connections);

/*
 * Checks the stream of parameters and writes it anew in its own place, where
 * it never grows. Returns how many there are now; or -1 with a sentence, or
 * with an empty one when there are too many.
 */
int admit_normalise(struct buffer *params, char fault[ADMIT_FAULT_BYTES]);

/* ---- admit_parse.c */

/* Appends a head of our own writing: FCGI_BEGIN_REQUEST, one record of
 * parameters, the two empty records. */
void admit_add_head(
	struct buffer *head, unsigned id, const struct buffer *params);

/*
 * Lets libfcgi parse a head. Without a listening socket nothing in it can
 * wait, and every retry of its ends in an error. Of the request only the
 * parameters are kept: its streams are 17 KB. Returns 0, or -1; the caller
 * gives the request to FCGX_Free, in any case.
 */
int admit_parse(FCGX_Request *request, const void *head, size_t len);

#endif
