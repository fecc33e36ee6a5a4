/*
 * cors: which pages of other origins may read an answer (Fetch Standard,
 * section 3.2, the CORS protocol). Rules and an Origin in, header fields'
 * values out: it knows no configuration, no request and no descriptor.
 *
 * An origin is what a browser sends as one (HTML Standard, serialization of an
 * origin): scheme://host, with :port unless it is the scheme's own; no path,
 * no slash at the end, all in lower case. It is compared byte for byte.
 */
#ifndef SSETAIL_CORS_H
#define SSETAIL_CORS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of an origin, without the NUL: a name of DNS has 253 at most. */
#define CORS_ORIGIN_MAX 300

enum cors_origin_outcome {
	CORS_ORIGIN_OK,
	CORS_ORIGIN_NULL, /* "null": any sandboxed frame says that it is it */
	CORS_ORIGIN_NO_ORIGIN,
	CORS_ORIGIN_PATH,     /* something behind the host and port */
	CORS_ORIGIN_CASE,     /* capitals */
	CORS_ORIGIN_WILDCARD, /* "*" for a part of it */
	CORS_ORIGIN_PORT,     /* no number of a port */
	CORS_ORIGIN_DEFAULT   /* the scheme's own port, which nobody sends */
};

/* All zero: no other origin may read. */
struct cors_rules {
	bool is_any;	/* "*"; with no origins beside it */
	char **origins; /* each and all by free(3) */
	size_t origin_count;
};

/* What an answer says to a page of another origin. All zero: nothing. */
struct cors_grant {
	const char *origin;    /* of Access-Control-Allow-Origin; "*", or one of
				* the rules, borrowed from them; NULL: none */
	bool with_credentials; /* never with "*" */
	bool varies;	       /* another Origin may get another answer */
};

/* Is that text an origin as a browser sends it? "*" is none. */
enum cors_origin_outcome cors_check_origin(const char *text);

/*
 * What is granted to `origin` ("" when the request has none) where all of
 * these rules have to allow it; `credentials` says whether an origin that is
 * listed may also read what is for somebody who is logged in.
 */
struct cors_grant cors_decide(const struct cors_rules *const *rules,
	size_t count, const char *origin, bool credentials);

/* Frees what the rules own. */
void cors_rules_release(struct cors_rules *rules);

#endif
