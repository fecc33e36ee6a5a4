/*
 * deployment: ssetail behind real web servers that are wrong in one way each,
 * and right in every way that conf/ has, to be looked at by the doctor: what it
 * says of each of them, and whether what it prescribes is a cure.
 *
 * A table; whether the doctor is asked on a terminal or in a browser is the
 * test program's.
 */
#ifndef SSETAIL_TESTS_DEPLOYMENT_H
#define SSETAIL_TESTS_DEPLOYMENT_H

#include <stdbool.h>

#include "tests/lib/server.h"

struct deployment_doctor {
	bool is_costly; /* leave out what is much like another deployment */

	/* Once for a deployment, before anything else; may be NULL. */
	void (*call)(void);

	/* Has it look at what is at "http://ADDRESS/MOUNT", with that field,
	 * "Name: value", in each request (NULL: none), and returns what it
	 * says, as common/doctor.h has it. Valid until the next call. */
	const char *(*examine)(const char *url, const char *header);
};

/* Has it look at all of them. Returns what main has to. */
int deployment_run(const struct deployment_doctor *doctor, size_t workers);

#endif
