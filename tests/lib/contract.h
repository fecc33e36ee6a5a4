/*
 * contract: what every web server must do with a stream, said once: event by
 * event, to several at a time, over a resume, over a reload and a stop of the
 * server, and nothing left behind by who goes away.
 */
#ifndef SSETAIL_TESTS_CONTRACT_H
#define SSETAIL_TESTS_CONTRACT_H

#include <stddef.h>

#include "tests/lib/server.h"
#include "tests/lib/test.h"

/*
 * Runs the whole contract with each kind of server, and then the tests that
 * concern one of them alone. Returns what main has to.
 */
int contract_run(const struct server_kind *kinds, size_t count,
	const struct CMUnitTest *others, size_t others_count);

#endif
