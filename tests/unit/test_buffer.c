/* Bytes that grow, and the memory of having failed to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"

/* AddressSanitizer ends the program where malloc would return NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void assert_content(const struct buffer *b, const char *expected)
{
	assert_false(b->failed);
	assert_int_equal(b->len, strlen(expected));
	assert_memory_equal(b->data, expected, b->len);
}

/* More than any machine has, and not more than a size_t holds. */
static size_t too_much(const struct buffer *b)
{
	return SIZE_MAX / 2 + 1 - b->len;
}

static void appends_one_piece_after_another(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	buffer_add(&b, "id: ", 4);
	buffer_add_number(&b, 42);
	buffer_add_byte(&b, '\n');
	buffer_add_string(&b, "data: ");
	buffer_add_format(&b, "%s=%04x", "n", 0xbeefU);
	assert_content(&b, "id: 42\ndata: n=beef");
	buffer_release(&b);
}

static void writes_numbers_in_decimal(void **state)
{
	static const struct {
		uint64_t n;
		const char *expected;
	} cases[] = {
		{ 0, "0" },
		{ 9, "9" },
		{ 10, "10" },
		{ 4294967296, "4294967296" },
		{ UINT64_MAX, "18446744073709551615" },
	};
	struct buffer b = BUFFER_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buffer_clear(&b);
		buffer_add_number(&b, cases[i].n);
		assert_content(&b, cases[i].expected);
	}
	buffer_release(&b);
}

static void keeps_every_byte_while_it_grows(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		buffer_add_byte(&b, (char)(i % 251));
	assert_int_equal(b.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		if (b.data[i] != (char)(i % 251))
			fail_msg("byte %u", i);
	buffer_release(&b);
}

static void formats_what_is_longer_than_its_memory(void **state)
{
	char text[5000];
	struct buffer b = BUFFER_INIT;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	buffer_add_format(&b, "%s", text);
	assert_content(&b, text);
	buffer_release(&b);
}

static void reserves_room_behind_the_content(void **state)
{
	struct buffer b = BUFFER_INIT;
	char *to;

	(void)state;
	buffer_add_string(&b, "ab");
	to = buffer_reserve(&b, 1000);
	assert_non_null(to);
	assert_ptr_equal(to, b.data + 2);
	assert_true(b.cap >= 1002);
	memset(to, 'c', 1000);
	b.len += 1;
	assert_content(&b, "abc");
	buffer_release(&b);
}

static void reserves_nothing_without_failing(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	assert_non_null(buffer_reserve(&b, 0));
	buffer_add(&b, NULL, 0);
	assert_content(&b, "");
	buffer_release(&b);
}

static void stays_failed_until_it_is_cleared(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	buffer_add_string(&b, "before");
	errno = 0;
	assert_null(buffer_reserve(&b, too_much(&b)));
	assert_int_equal(errno, ENOMEM);
	assert_true(b.failed);

	buffer_add_string(&b, "after");
	buffer_add_format(&b, "%d", 1);
	assert_null(buffer_reserve(&b, 1));
	assert_true(b.failed);

	buffer_clear(&b);
	buffer_add_string(&b, "again");
	assert_content(&b, "again");
	buffer_release(&b);
}

static void refuses_sums_that_overflow(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	buffer_add_string(&b, "some");
	assert_null(buffer_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	buffer_release(&b);
}

static void keeps_its_memory_when_cleared(void **state)
{
	struct buffer b = BUFFER_INIT;
	char *data;

	(void)state;
	buffer_add_string(&b, "text");
	data = b.data;
	buffer_clear(&b);
	assert_int_equal(b.len, 0);
	assert_ptr_equal(b.data, data);
	buffer_release(&b);
}

static void is_usable_after_release(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	buffer_release(&b);
	buffer_add_string(&b, "text");
	buffer_release(&b);
	assert_null(b.data);
	buffer_add_string(&b, "more");
	assert_content(&b, "more");
	buffer_release(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_one_piece_after_another),
		cmocka_unit_test(writes_numbers_in_decimal),
		cmocka_unit_test(keeps_every_byte_while_it_grows),
		cmocka_unit_test(formats_what_is_longer_than_its_memory),
		cmocka_unit_test(reserves_room_behind_the_content),
		cmocka_unit_test(reserves_nothing_without_failing),
		cmocka_unit_test(stays_failed_until_it_is_cleared),
		cmocka_unit_test(refuses_sums_that_overflow),
		cmocka_unit_test(keeps_its_memory_when_cleared),
		cmocka_unit_test(is_usable_after_release),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
