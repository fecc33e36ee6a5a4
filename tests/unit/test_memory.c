#include "tests/lib/test.h"

#include <errno.h>
#include <sys/resource.h>

#include "common/memory.h"
#include "tests/lib/responder.h"

#define MANY ((size_t)1 << 30)

static void says_whether_there_is_any(void **state)
{
	struct rlimit before, low;

	(void)state;
	assert_true(memory_is_there(1));
	assert_true(memory_is_there(65536));
	/* A sanitizer ends the program where there is none. */
	if (!responder_memory_is_real())
		return;
	getrlimit(RLIMIT_AS, &before);
	low = before;
	low.rlim_cur = MANY / 2;
	assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
	errno = 0;
	assert_false(memory_is_there(MANY));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_true(memory_is_there(MANY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_whether_there_is_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
