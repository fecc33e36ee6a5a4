/*
 * doctor: the answers of ?doctor that are no streams. The page measures (in
 * common/doctor, as people read it), hands what it has measured to
 * ?doctor=judge and shows what that answers; so does ssetail.cgi --doctor.
 *
 * Complete answers, as those of head.h. Bytes to bytes.
 */
#ifndef SSETAIL_DOCTOR_H
#define SSETAIL_DOCTOR_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/cure.h"
#include "common/judge.h"

/* The first line of an answer of the judge, without LF. */
#define DOCTOR_WELL    "Nothing is wrong."
#define DOCTOR_WRONG   "Something is wrong."
#define DOCTOR_UNSURE  "It is not clear what is wrong."
#define DOCTOR_NOTHING "Nothing could be measured."

/* Appends the page, which tells its script how long it may have to wait for a
 * heartbeat. Without `with_body` (an answer to HEAD) the head alone. */
void doctor_add_page(struct buffer *b, unsigned heartbeat_s, const char *nonce,
	bool with_body);

/* Who runs the program. */
struct doctor_host {
	enum software software; /* by its SERVER_SOFTWARE */
	bool is_cgi;
	bool is_forwarded; /* the request came by a proxy that says so */
	unsigned heartbeat_s;
};

/*
 * Appends the answer of the judge, as text:
 *
 *	Something is wrong.
 *
 *	buffer: The first event arrived when about 64 KiB had been sent: a
 *	buffer of that size is filled before anything is passed on.
 *
 *	For Apache with mod_fcgid, in the server or virtual host:
 *
 *	    FcgidOutputBufferSize 0
 *
 *	Measured: first byte after 2410 ms; goes on after a cut; not compressed;
 *	no proxy that says so; http/1.1.
 *
 * Paragraphs are apart by an empty line; one that is indented is to be
 * copied.
 */
void doctor_add_judgement(struct buffer *b, const struct measurement *m,
	const struct doctor_host *host, bool with_body);

#endif
