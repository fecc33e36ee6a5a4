/* What goes out, byte by byte as the specification draws it. */
#include "tests/lib/test.h"

#include <string.h>

#include "fcgi/record.h"

static void a_header_is_eight_bytes_in_network_order(void **state)
{
	static const struct {
		int line;
		unsigned type;
		unsigned id;
		size_t content;
		unsigned char expected[8];
	} cases[] = {
		{ __LINE__, FCGI_STDOUT, 1, 0, { 1, 6, 0, 1, 0, 0, 0, 0 } },
		{ __LINE__, FCGI_STDOUT, 1, 255, { 1, 6, 0, 1, 0, 255, 0, 0 } },
		{ __LINE__, FCGI_STDERR, 256, 256, { 1, 7, 1, 0, 1, 0, 0, 0 } },
		{ __LINE__, FCGI_STDOUT, 0x1234, RECORD_CONTENT_MAX,
			{ 1, 6, 0x12, 0x34, 0xff, 0xff, 0, 0 } },
		{ __LINE__, FCGI_GET_VALUES_RESULT, 0, 0xabc,
			{ 1, 10, 0, 0, 0xa, 0xbc, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned char out[RECORD_HEADER_BYTES + 1];

		memset(out, 0xee, sizeof(out));
		record_put_header(
			out, cases[i].type, cases[i].id, cases[i].content);
		if (memcmp(out, cases[i].expected, 8) != 0 || out[8] != 0xee)
			fail_msg("line %d", cases[i].line);
	}
}

static void the_end_is_an_empty_stdout_and_the_status(void **state)
{
	static const unsigned char expected[] = {
		1, 6, 0x12, 0x34, 0, 0, 0, 0,	    /* FCGI_STDOUT, empty */
		1, 3, 0x12, 0x34, 0, 8, 0, 0,	    /* FCGI_END_REQUEST */
		0xde, 0xad, 0xbe, 0xef, 2, 0, 0, 0, /* FCGI_OVERLOADED */
	};
	unsigned char out[RECORD_END_BYTES + 1];

	(void)state;
	assert_int_equal(sizeof(expected), RECORD_END_BYTES);
	memset(out, 0xee, sizeof(out));
	record_put_end(out, 0x1234, 0xdeadbeef, FCGI_OVERLOADED);
	assert_memory_equal(out, expected, sizeof(expected));
	assert_int_equal(out[RECORD_END_BYTES], 0xee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_eight_bytes_in_network_order),
		cmocka_unit_test(the_end_is_an_empty_stdout_and_the_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
