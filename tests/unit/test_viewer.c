/* The page and its worker, to the byte where it matters. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "common/page.h"
#include "common/viewer.h"

#define NONCE "0123456789abcdef0123456789abcdef"

/* What is in the program. */
extern const char viewer_style[], viewer_script[], viewer_worker[];

/* The text, with a NUL behind it. */
static const char *text_of(struct buffer *b)
{
	buffer_add_byte(b, '\0');
	assert_false(b->failed);
	b->len--;
	return b->data;
}

static size_t times(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		n++;
	return n;
}

static void the_page_has_its_parts_in_their_places(void **state)
{
	struct buffer page = BUFFER_INIT, list = BUFFER_INIT;
	const char *text;

	(void)state;
	viewer_list_source(&list, "access", 0x3f9a, "file", 10, 1000);
	viewer_list_source(&list, "jobs.2_-", 7, "fifo", 0, 5);
	viewer_add_page(&page, &list, NONCE, true, true);
	text = text_of(&page);
	assert_non_null(strstr(text, viewer_style));
	assert_non_null(strstr(text, viewer_script));
	assert_non_null(strstr(text,
		"[{\"name\":\"access\",\"tag\":\"3f9a\",\"type\":\"file\","
		"\"history\":10,\"history_max\":1000},"
		"{\"name\":\"jobs.2_-\",\"tag\":\"0007\",\"type\":\"fifo\","
		"\"history\":0,\"history_max\":5}]"));
	assert_null(strstr(text, "@NONCE@"));
	assert_null(strstr(text, "@STYLE@"));
	assert_null(strstr(text, "@COLOURS@"));
	assert_null(strstr(text, "@SCRIPT@"));
	assert_null(strstr(text, "@SOURCES@"));
	/* Twice in the policy; and of each element that it lets run. */
	assert_int_equal(times(text, NONCE), 4);
	assert_int_equal(times(text, " nonce=\"" NONCE "\""), 2);
	assert_non_null(strstr(text, "</html>\n"));
	buffer_release(&page);
	buffer_release(&list);
}

static void no_part_ends_the_element_it_is_in(void **state)
{
	(void)state;
	assert_null(strcasestr(viewer_style, "</style"));
	assert_null(strcasestr(viewer_script, "</script"));
	/* From there on a script may go on behind its end. */
	assert_null(strstr(viewer_script, "<!--"));
}

/* No configuration lets such a name pass, and nothing relies on that. */
static void a_hostile_name_stays_in_its_string(void **state)
{
	struct buffer page = BUFFER_INIT, list = BUFFER_INIT;
	const char *text;

	(void)state;
	viewer_list_source(&list,
		"</script><script>alert(1)</"
		"script><!--\"\\\n\x01\x7f&amp;@NONCE@",
		7, "file", 1, 2);
	assert_string_equal(text_of(&list),
		"{\"name\":\"\\u003c/script\\u003e\\u003cscript\\u003ealert(1)"
		"\\u003c/script\\u003e\\u003c!--\\u0022\\u005c\\u000a\\u0001"
		"\\u007f\\u0026amp;@NONCE@\",\"tag\":\"0007\",\"type\":"
		"\"file\",\"history\":1,"
		"\"history_max\":2}");
	viewer_add_page(&page, &list, NONCE, true, true);
	text = text_of(&page);
	assert_null(strstr(text, "<script>alert"));
	/* What was put in is not looked at again. */
	assert_non_null(strstr(text, "amp;@NONCE@\""));
	buffer_release(&page);
	buffer_release(&list);
}

#define HEAD                                                                   \
	"Content-Type: text/html; charset=utf-8\r\n"                           \
	"Cache-Control: no-store\r\n"                                          \
	"X-Content-Type-Options: nosniff\r\n"                                  \
	"Referrer-Policy: no-referrer\r\n"                                     \
	"Vary: Accept\r\n"                                                     \
	"Content-Security-Policy: default-src 'none'; "                        \
	"style-src 'nonce-" NONCE "'; script-src 'nonce-" NONCE "'; "          \
	"worker-src 'self'; connect-src 'self'; img-src data:; "               \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'self'\r\n\r\n"

static void without_a_body_it_is_the_head(void **state)
{
	struct buffer page = BUFFER_INIT, list = BUFFER_INIT;

	(void)state;
	viewer_add_page(&page, &list, NONCE, true, false);
	assert_string_equal(text_of(&page), HEAD);
	buffer_clear(&page);
	viewer_add_page(&page, &list, NONCE, true, true);
	assert_memory_equal(text_of(&page), HEAD, strlen(HEAD));
	assert_non_null(strstr(page.data, "[]"));
	buffer_release(&page);
}

static void the_worker_is_its_script_with_a_policy(void **state)
{
	struct buffer b = BUFFER_INIT;
	static const char head[] =
		"Content-Type: text/javascript; charset=utf-8\r\n"
		"Cache-Control: no-cache\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Content-Security-Policy: default-src 'none'; "
		"connect-src 'self'\r\n\r\n";

	(void)state;
	viewer_add_worker(&b, false);
	assert_string_equal(text_of(&b), head);
	buffer_clear(&b);
	viewer_add_worker(&b, true);
	assert_memory_equal(text_of(&b), head, strlen(head));
	assert_string_equal(b.data + strlen(head), viewer_worker);
	buffer_release(&b);
}

static void a_list_that_failed_is_no_page(void **state)
{
	struct buffer page = BUFFER_INIT, list = { .failed = true };

	(void)state;
	viewer_add_page(&page, &list, NONCE, true, true);
	assert_true(page.failed);
	buffer_release(&page);
}

static void a_nonce_is_never_the_same(void **state)
{
	char first[PAGE_NONCE_LEN + 1], second[PAGE_NONCE_LEN + 1];

	(void)state;
	page_make_nonce(first);
	page_make_nonce(second);
	assert_int_equal(strspn(first, "0123456789abcdef"), PAGE_NONCE_LEN);
	assert_int_equal(strlen(first), PAGE_NONCE_LEN);
	assert_string_not_equal(first, second);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_has_its_parts_in_their_places),
		cmocka_unit_test(no_part_ends_the_element_it_is_in),
		cmocka_unit_test(a_hostile_name_stays_in_its_string),
		cmocka_unit_test(without_a_body_it_is_the_head),
		cmocka_unit_test(the_worker_is_its_script_with_a_policy),
		cmocka_unit_test(a_list_that_failed_is_no_page),
		cmocka_unit_test(a_nonce_is_never_the_same),
	};

	return cmocka_run_group_tests_name("viewer", tests, NULL, NULL);
}
