/*
 * viewer: an HTML page that needs nothing but itself, and the script of the
 * worker that its tabs share. Both are in common/viewer, as people read
 * and write them, and in the program, as one text each.
 *
 * Complete answers, as page.h makes them. Bytes to bytes: who may read what is
 * decided elsewhere.
 */
#ifndef SSETAIL_VIEWER_H
#define SSETAIL_VIEWER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"

/* Appends a source to a list for viewer_add_page: a JSON object, behind a comma
 * unless it is the first. `tag` is that of its places: by it the page knows
 * whose event it is, whatever its type. */
void viewer_list_source(struct buffer *list, const char *name, uint16_t tag,
	const char *type, unsigned history, unsigned history_max);

/*
 * Appends the page, with a nonce of page_make_nonce and the list of the sources
 * that the visitor may read: an array in JSON that can end no element of HTML,
 * whatever the names are.
 * With `has_doctor` it leads to ?doctor when something looks wrong. Without
 * `with_body` (an answer to HEAD) the head alone. A list that `failed`
 * makes `b` fail.
 */
void viewer_add_page(struct buffer *b, const struct buffer *list,
	const char *nonce, bool has_doctor, bool with_body);

/* Appends the worker's script, the same for everybody. A worker has a policy
 * of its own. */
void viewer_add_worker(struct buffer *b, bool with_body);

#endif
