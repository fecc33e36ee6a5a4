/*
 * admit: from the first byte on a connection to a complete request. The one
 * user of fcgiapp.h.
 *
 * Bytes are fed as they arrive. Each record is checked before libfcgi sees
 * any of it (version, type, length, one request id, pair lengths that fit,
 * the role, the size of it all), because libfcgi blocks, aborts, overruns or
 * truncates on records that are not well-formed. Only a head that is
 * complete and checked is given to FCGX_Accept_r, in a memfd, from which a
 * read can neither block nor take what is not ours.
 *
 * It writes nothing and knows no socket: what has to be answered is
 * returned.
 */
#ifndef SSETAIL_ADMIT_H
#define SSETAIL_ADMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

#define ADMIT_HEAD_MAX 65536 /* bytes of records a head may take in all */

enum admit_outcome {
	ADMIT_MORE,  /* not complete: feed what comes next */
	ADMIT_READY, /* the request is complete */
	ADMIT_REFUSE /* send what is in `answer`, if anything, and close */
};

struct admit;

/* An empty one that the caller gives to admit_free; NULL with ENOMEM. */
struct admit *admit_new(void);
void admit_free(struct admit *a);

/*
 * Takes bytes that arrived. Appends to `answer` what has to be sent back now
 * (FCGI_GET_VALUES_RESULT, FCGI_UNKNOWN_TYPE, FCGI_END_REQUEST), with every
 * outcome. What follows the head (a body, an empty FCGI_STDIN, anything) is
 * ignored. Never blocks.
 */
enum admit_outcome admit_feed(struct admit *a, const void *bytes, size_t len,
	struct buffer *answer);

/* After ADMIT_READY: the request id, and FCGI_KEEP_CONN. */
unsigned admit_id(const struct admit *a);
bool admit_keeps_connection(const struct admit *a);

/* After ADMIT_READY: the value of a parameter, or NULL. Valid until
 * admit_free. `a` is a struct admit: the type fits request_read. */
const char *admit_parameter(const void *a, const char *name);

/*
 * Parses a known head and compares. Returns 0, or -1 if this libfcgi does
 * not work the way admit needs it (its header calls the fields private):
 * the program then says so and ends instead of serving nonsense.
 */
int admit_self_test(void);

/*
 * The input of a client that was admitted, for its whole life: records are
 * walked and ignored until FCGI_ABORT_REQUEST for its id.
 */
struct admit_walk {
	unsigned char header[8];
	unsigned have; /* bytes of the header so far */
	size_t skip;   /* bytes of content and padding to pass over */
};

/* True when the peer aborted request `id` or sent what is no record. */
bool admit_walk_aborts(struct admit_walk *w, unsigned id, const void *bytes,
	size_t len);

#endif
