/*
 * request: what a client asks for, taken from the CGI variables (RFC 3875
 * section 4.1) of the plain CGI program's environment or of a FastCGI
 * request, which are alike.
 *
 * It knows the grammar of URLs and nothing of configurations: whether a
 * source exists, and whether the client may read it, is decided elsewhere.
 */
#ifndef SSETAIL_REQUEST_H
#define SSETAIL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_NAME_MAX    64	  /* bytes of a source's name */
#define REQUEST_SOURCES_MAX 16	  /* sources on one connection */
#define REQUEST_QUERY_MAX   4096  /* bytes of QUERY_STRING */
#define REQUEST_PARAMS_MAX  64	  /* parameters in it */
#define REQUEST_ID_MAX	    255	  /* bytes of a resume point that is kept */

enum request_method {
	REQUEST_GET,
	REQUEST_HEAD,
	REQUEST_OPTIONS,
	REQUEST_OTHER /* answered 405 */
};

enum request_outcome {
	REQUEST_OK,
	REQUEST_MALFORMED, /* 400 */
	REQUEST_NO_SOURCE  /* 404: a name that cannot be one */
};

struct request {
	enum request_method method;

	/* The sources, in the order asked for. None: the bare MOUNT. */
	size_t source_count;
	char source[REQUEST_SOURCES_MAX][REQUEST_NAME_MAX + 1];

	bool wants_html; /* Accept names text/html and not text/event-stream */

	/* The resume point. `id_given` with an empty `id`: one that was too
	 * long to be ours, or that holds bytes no id of ours holds. */
	bool id_given;
	char id[REQUEST_ID_MAX + 1];

	bool tail_given;
	uint32_t tail; /* records; saturates */
};

/* Returns the value of a CGI variable, or NULL. Valid until the request has
 * been read. */
typedef const char *request_variable(const void *context, const char *name);

/*
 * Reads a request. `r` is complete after REQUEST_OK; otherwise only
 * `method` is valid. Allocates nothing, blocks nowhere.
 *
 * Where the names come from: PATH_INFO; where a server passes the whole
 * path there, its last segment counts. With no PATH_INFO (or just "/"), the
 * parameter `source` of the query. Names are joined by commas. A name given
 * twice, one of more than 64 bytes, or one with a byte outside
 * [A-Za-z0-9_.-] is REQUEST_NO_SOURCE ("a,a" is malformed).
 *
 * The resume point: HTTP_LAST_EVENT_ID; else lastEventId, last_event_id or
 * evs_last_event_id in the query.
 */
enum request_outcome request_read(struct request *r,
	request_variable *variable, const void *context);

#endif
