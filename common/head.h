/*
 * head: the response head, in the form in which a CGI program hands it to
 * its web server (RFC 3875 section 6.3), and complete answers that are no
 * streams. Bytes only: it neither reads a configuration nor writes.
 *
 * Lines end in CRLF. Never sent: Connection and Transfer-Encoding, which
 * are the web server's, and Content-Length, which it counts itself.
 */
#ifndef SSETAIL_HEAD_H
#define SSETAIL_HEAD_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/cors.h"

/*
 * Appends the head of a stream with the blank line that ends it:
 * Content-Type, Cache-Control, X-Accel-Buffering, X-Content-Type-Options,
 * "Incremental: ?1" (RFC 10036) when `incremental`, and the fields of CORS
 * that `cors` has (NULL: none). A response to HEAD is this and nothing more.
 */
void head_add_stream(
	struct buffer *b, bool incremental, const struct cors_grant *cors);

/*
 * Appends what follows the head of a stream at once, in the same write: a
 * comment of at least 100 bytes (Apache holds less under a filter), and
 * "retry:" in milliseconds with the blank line that ends its block. The
 * caller adds the id-only block that names the starting place.
 */
void head_add_opening(struct buffer *b, unsigned retry_ms);

/* Appends the head of an answer with metrics (metrics.h). */
void head_add_metrics(struct buffer *b);

/*
 * Appends a complete answer of that status: 204, 400, 403, 404, 405 or
 * 500 (which
 * any other becomes). All of them but 204 have a text/plain body: `body` as
 * it is or, if NULL, a standing sentence. 405 has Allow, and all of them
 * "Cache-Control: no-store", nosniff, and what `cors` has (NULL: nothing).
 * Without `with_body` (an answer to HEAD) the head alone.
 */
void head_add_answer(struct buffer *b, int status, const char *body,
	bool with_body, const struct cors_grant *cors);

/*
 * Appends the answer to OPTIONS: 204 with Allow and what `cors` has; where
 * that grants anything to a preflight (Fetch Standard, section 3.2.2), also
 * what may be asked then, and for how long it may go by this answer.
 */
void head_add_options(
	struct buffer *b, bool is_preflight, const struct cors_grant *cors);

#endif
