/*
 * admit: from the first byte on a connection to a complete request. The one
 * user of fcgiapp.h.
 *
 *	bytes --> records --> pairs of FCGI_PARAMS --> memfd --> libfcgi
 *	          checked     checked, written anew    complete, so that a
 *	          one by one  without what is odd      read cannot block
 *
 * libfcgi blocks, aborts, overruns or truncates on what is not well-formed;
 * so each record is checked before libfcgi sees any of it, and what it sees
 * is a head of our own writing: FCGI_BEGIN_REQUEST, one record of parameters,
 * the two empty records. Its private fields are used, which admit_self_test
 * is there to watch over.
 *
 * It writes nothing and knows no socket: what has to be answered is
 * returned. It has no clock either: the caller closes a peer that takes too
 * long. Not for use by several threads at once (libfcgi's initialisation).
 *
 * What the specification leaves open, or a peer does wrong:
 *
 * - Records of a request that is not the active one are passed over (FastCGI
 *   1.0 section 3.3 asks for it: on a connection that is kept, the end of an
 *   earlier request may still arrive). They count towards ADMIT_HEAD_MAX.
 * - FCGI_BEGIN_REQUEST while one is active gets FCGI_CANT_MPX_CONN for its
 *   id, and the first one goes on; with the same id it is refused.
 * - A role other than Responder, a head that is too large, has too many
 *   parameters, or was aborted gets FCGI_END_REQUEST, and is refused.
 * - What is no FastCGI from a web server (another version, a type that only
 *   applications send, an id where none belongs, FCGI_STDIN among the
 *   parameters) is refused without an answer.
 * - A parameter twice: the same value is one parameter. Of those named HTTP_,
 *   which a browser can repeat and some servers pass on as they come, the
 *   first counts. Any other with two values is refused, and says so on
 *   FCGI_STDERR (the web server's error log): whichever won, a configuration
 *   that sets REMOTE_USER twice would let the wrong one in somewhere.
 * - A name that is empty or holds "=" or NUL is refused: in an environment it
 *   would read as another. A NUL in a value (a server that decodes %00 sends
 *   it) becomes the byte \001: it must not end the value early, and there is
 *   nothing that accepts that byte.
 */
#ifndef SSETAIL_ADMIT_H
#define SSETAIL_ADMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

#define ADMIT_HEAD_MAX	 65536 /* bytes of records a head may take in all */
#define ADMIT_PARAMS_MAX 256   /* parameters, those sent twice included */

enum admit_outcome {
	ADMIT_MORE,  /* not complete: feed what comes next */
	ADMIT_READY, /* the request is complete */
	ADMIT_REFUSE /* send what is in `answer`, if anything, and close */
};

struct admit;

/* An empty one that the caller gives to admit_free; NULL with ENOMEM. */
struct admit *admit_new(void);

/* NULL is allowed. */
void admit_free(struct admit *a);

/*
 * Takes bytes that arrived. Appends to `answer` what has to be sent back now
 * (FCGI_GET_VALUES_RESULT, FCGI_UNKNOWN_TYPE, FCGI_STDERR, FCGI_END_REQUEST),
 * with every outcome. What follows the head (a body, an empty FCGI_STDIN,
 * anything) is passed over, but an abort among it is ADMIT_REFUSE. Never
 * blocks. What a request that is ready keeps (3 KB for 35 parameters) goes with
 * admit_free. The outcome is final once it is not ADMIT_MORE, except that a
 * request that is ready may still be aborted by what is fed.
 */
enum admit_outcome admit_feed(
	struct admit *a, const void *bytes, size_t len, struct buffer *answer);

/* After ADMIT_READY: the request id, and FCGI_KEEP_CONN. */
unsigned admit_id(const struct admit *a);
bool admit_keeps_connection(const struct admit *a);

/* After ADMIT_READY: the value of a parameter, or NULL. Valid until
 * admit_free. `a` is a struct admit: the type fits request_read. */
const char *admit_parameter(const void *a, const char *name);

/*
 * Parses known heads and compares. Returns 0, or -1 with EPROTO if this
 * libfcgi does not work the way admit needs it (its header calls the fields
 * private): the program then says so and ends instead of serving nonsense.
 * With any other errno it could not be tried: no memory, or no file in it.
 */
int admit_self_test(void);

/*
 * The input of a client that was admitted, for its whole life: records are
 * walked and ignored until FCGI_ABORT_REQUEST for its id. All zero: at the
 * start of a record.
 */
struct admit_walk {
	unsigned char header[8];
	unsigned have; /* bytes of the header so far */
	size_t skip;   /* bytes of content and padding to pass over */
};

/* After ADMIT_READY: the walk that goes on where the bytes fed have ended,
 * which may be inside a record. */
struct admit_walk admit_walk_on(const struct admit *a);

/* True when the peer aborted request `id` or sent what is no record. */
bool admit_walk_aborts(
	struct admit_walk *w, unsigned id, const void *bytes, size_t len);

#endif
