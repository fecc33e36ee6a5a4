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

#include "common/access.h"
#include "common/cors.h"
#include "common/measurement.h"

#define REQUEST_NAME_MAX     64	   /* bytes of a source's name */
#define REQUEST_SOURCES_MAX  16	   /* sources on one connection */
#define REQUEST_QUERY_MAX    16384 /* bytes of QUERY_STRING */
#define REQUEST_PARAMS_MAX   64	   /* parameters in it */
#define REQUEST_ID_MAX	     255   /* bytes of a resume point that is kept */
#define REQUEST_ADDRESS_MAX  45	   /* bytes of an address: any IPv6 fits */
#define REQUEST_SOFTWARE_MAX 63	   /* bytes of SERVER_SOFTWARE that are kept */

/* Bytes of as many names as there may be, joined by commas. */
#define REQUEST_NAMES_MAX (REQUEST_SOURCES_MAX * (REQUEST_NAME_MAX + 1) - 1)

enum request_method {
	REQUEST_GET,
	REQUEST_HEAD,
	REQUEST_OPTIONS,
	REQUEST_OTHER,	  /* answered 405 */
	REQUEST_NO_METHOD /* not there, or empty: malformed */
};

enum request_outcome {
	REQUEST_OK,
	REQUEST_MALFORMED, /* 400 */
	REQUEST_NO_SOURCE  /* 404: a name that cannot be one */
};

/* What is asked of the doctor, see doctor.h and beat.h. */
enum request_doctor {
	REQUEST_NO_DOCTOR,
	REQUEST_DOCTOR_PAGE,   /* ?doctor */
	REQUEST_DOCTOR_STREAM, /* ?doctor=pace and the others of beat.h */
	REQUEST_DOCTOR_JUDGE   /* ?doctor=judge */
};

struct request {
	enum request_method method;

	/* The sources, in the order asked for. None: the bare MOUNT. */
	size_t source_count;
	char source[REQUEST_SOURCES_MAX][REQUEST_NAME_MAX + 1];

	/* With neither PATH_INFO nor `source`: what may be the names, if such
	 * sources exist; see request_take_script_name. Else "". */
	char script_name_segment[REQUEST_NAMES_MAX + 1];

	bool wants_html; /* Accept names text/html and not text/event-stream */
	bool wants_worker; /* the query names `worker` */

	/* The resume point. `id_given` with an empty `id`: one that was too
	 * long to be one, or that holds NUL, CR or LF. */
	bool id_given;
	char id[REQUEST_ID_MAX + 1];

	bool wants_metrics; /* `metrics` is in the query, whatever its value */

	/* Asks for no source, whatever names one. `is_plain`: for a stream
	 * that does not say Incremental; `plain` is in the query, too. */
	enum request_doctor doctor;
	enum beat beat; /* of REQUEST_DOCTOR_STREAM */
	bool is_plain;
	struct measurement measurement; /* of REQUEST_DOCTOR_JUDGE */

	bool tail_given;
	uint32_t tail; /* records; saturates */

	/* The place that the records asked for are before. "": as above. */
	bool before_given;
	char before[REQUEST_ID_MAX + 1];

	/* Who asks, as the web server has it (RFC 3875 sections 4.1.8,
	 * 4.1.11, 4.1.1); "" where it says nothing, or more than fits. Whether
	 * the name is to be believed is decided elsewhere. */
	char remote_address[REQUEST_ADDRESS_MAX + 1];
	char remote_user[ACCESS_USER_MAX + 1];
	bool has_auth_type; /* AUTH_TYPE is set, and not empty; false behind
			     * HAProxy, which sets it whoever claims what */

	/* Who runs the program, as far as it says so, and whether the request
	 * came to that server by a proxy, as far as that says so. */
	char server_software[REQUEST_SOFTWARE_MAX + 1];
	bool is_forwarded;

	/* Of which origin the page is that asks; "" where that is not said, or
	 * with more bytes than any origin has. */
	char origin[CORS_ORIGIN_MAX + 1];
	bool is_preflight; /* OPTIONS that asks for leave (Fetch, 3.2.2) */
};

/* Returns the value of a CGI variable, or NULL. Valid until the request has
 * been read. */
typedef const char *request_variable(const void *context, const char *name);

/*
 * Reads a request. `r` is complete after REQUEST_OK; otherwise only
 * `method`, the visitor (remote_address and so on), `origin` and
 * `is_preflight` are valid, and a method that is answered 405 is so whatever
 * else is wrong. Allocates nothing, blocks nowhere.
 *
 * Where the names come from: PATH_INFO; as some servers pass the whole path
 * there, its last segment counts, and a slash behind it does not. With no
 * PATH_INFO, or one of nothing but slashes, the parameter `source` of the
 * query. With neither, none.
 *
 * Names are joined by commas. One that is empty, ".", "..", of more than 64
 * bytes, or with a byte outside [A-Za-z0-9_.-] is REQUEST_NO_SOURCE. So is
 * any path in which a segment is "." or "..", or that holds a backslash, a
 * percent sign, a control character or what is not UTF-8: web servers decode
 * the path and resolve such segments themselves, it is never done again
 * here, and what is left over was put there with intent. A name given twice,
 * or more of them than REQUEST_SOURCES_MAX, is malformed.
 *
 * The query is read as WHATWG URL section 5.1 says (application/
 * x-www-form-urlencoded), but is malformed when it is over the limits, has a
 * percent sign without two hex digits, or names any parameter twice: which
 * one counts differs from reader to reader. Parameters that are not known
 * count towards the limit and do nothing.
 *
 * `metrics` asks for no source, whatever names one. So does `doctor`; any
 * value of it that is not listed above is malformed, and what it was told is
 * where measurement_read says so.
 *
 * The resume point is the first that is not empty of HTTP_LAST_EVENT_ID,
 * then lastEventId, last_event_id, evs_last_event_id in the query. `tail` is
 * a decimal number, anything else malformed; so is an empty `before`.
 */
enum request_outcome request_read(
	struct request *r, request_variable *variable, const void *context);

/*
 * Takes the names in `script_name_segment` for the sources asked for. It is
 * the last segment of SCRIPT_NAME: Apache's ProxyPass to FastCGI passes no
 * PATH_INFO, so that SCRIPT_NAME holds MOUNT and names in one. Only who
 * knows the sources can tell a name from the mount's own last segment, and
 * does this to a copy if the request names none. Returns false, and changes
 * nothing, if the segment is "".
 */
bool request_take_script_name(struct request *r);

#endif
