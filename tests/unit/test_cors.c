/* What is an origin, and who is granted what. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cors.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void tells_an_origin_from_what_looks_like_one(void **state)
{
	static const struct {
		const char *text;
		enum cors_origin_outcome outcome;
	} rows[] = {
		{ "https://example.org", CORS_ORIGIN_OK },
		{ "http://example.org", CORS_ORIGIN_OK },
		{ "http://a", CORS_ORIGIN_OK },
		{ "https://example.org:8443", CORS_ORIGIN_OK },
		{ "http://example.org:443", CORS_ORIGIN_OK },
		{ "https://example.org:80", CORS_ORIGIN_OK },
		{ "http://localhost:1", CORS_ORIGIN_OK },
		{ "http://localhost:65535", CORS_ORIGIN_OK },
		{ "http://192.0.2.7:8080", CORS_ORIGIN_OK },
		{ "http://[2001:db8::1]", CORS_ORIGIN_OK },
		{ "http://[::1]:8080", CORS_ORIGIN_OK },
		{ "https://xn--bcher-kva.example", CORS_ORIGIN_OK },
		{ "https://my_host.example", CORS_ORIGIN_OK },
		{ "moz-extension://3d1c-9f", CORS_ORIGIN_OK },
		{ "null", CORS_ORIGIN_NULL },
		{ "", CORS_ORIGIN_NO_ORIGIN },
		{ "example.org", CORS_ORIGIN_NO_ORIGIN },
		{ "example.org:80", CORS_ORIGIN_NO_ORIGIN },
		{ "//example.org", CORS_ORIGIN_NO_ORIGIN },
		{ "://example.org", CORS_ORIGIN_NO_ORIGIN },
		{ "1a://example.org", CORS_ORIGIN_NO_ORIGIN },
		{ "http:/example.org", CORS_ORIGIN_NO_ORIGIN },
		{ "http://", CORS_ORIGIN_NO_ORIGIN },
		{ "http:///", CORS_ORIGIN_NO_ORIGIN },
		{ "http://:80", CORS_ORIGIN_NO_ORIGIN },
		{ "http://me@example.org", CORS_ORIGIN_NO_ORIGIN },
		{ " https://example.org", CORS_ORIGIN_NO_ORIGIN },
		{ "https://example.org ", CORS_ORIGIN_NO_ORIGIN },
		{ "https://a.example, https://b.example",
			CORS_ORIGIN_NO_ORIGIN },
		{ "https://b\xc3\xbc"
		  "cher.example",
			CORS_ORIGIN_NO_ORIGIN },
		{ "https://a\r\nx: y", CORS_ORIGIN_NO_ORIGIN },
		{ "http://[::1", CORS_ORIGIN_NO_ORIGIN },
		{ "http://[]", CORS_ORIGIN_NO_ORIGIN },
		{ "http://[::g]", CORS_ORIGIN_NO_ORIGIN },
		{ "http://[fe80::1%lo]", CORS_ORIGIN_NO_ORIGIN },
		{ "http://::1", CORS_ORIGIN_NO_ORIGIN },
		{ "https://example.org/", CORS_ORIGIN_PATH },
		{ "https://example.org/page", CORS_ORIGIN_PATH },
		{ "https://example.org?x", CORS_ORIGIN_PATH },
		{ "https://example.org#x", CORS_ORIGIN_PATH },
		{ "https://example.org:8443/", CORS_ORIGIN_PATH },
		{ "https://Example.org", CORS_ORIGIN_CASE },
		{ "HTTPS://example.org", CORS_ORIGIN_CASE },
		{ "http://[2001:DB8::1]", CORS_ORIGIN_CASE },
		{ "*", CORS_ORIGIN_WILDCARD },
		{ "https://*", CORS_ORIGIN_WILDCARD },
		{ "https://*.example.org", CORS_ORIGIN_WILDCARD },
		{ "http://example.org:", CORS_ORIGIN_PORT },
		{ "http://example.org:0", CORS_ORIGIN_PORT },
		{ "http://example.org:08080", CORS_ORIGIN_PORT },
		{ "http://example.org:65536", CORS_ORIGIN_PORT },
		{ "http://example.org:123456", CORS_ORIGIN_PORT },
		{ "http://example.org:80x", CORS_ORIGIN_PORT },
		{ "http://example.org:+80", CORS_ORIGIN_PORT },
		{ "http://example.org:80", CORS_ORIGIN_DEFAULT },
		{ "https://example.org:443", CORS_ORIGIN_DEFAULT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (cors_check_origin(rows[i].text) != rows[i].outcome)
			fail_msg("'%s' is %d, not %d", rows[i].text,
				cors_check_origin(rows[i].text),
				rows[i].outcome);
}

static void no_origin_is_longer_than_a_request_keeps(void **state)
{
	char text[CORS_ORIGIN_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "https://", 8);
	text[CORS_ORIGIN_MAX] = '\0';
	assert_int_equal(cors_check_origin(text), CORS_ORIGIN_OK);
	text[CORS_ORIGIN_MAX] = 'a';
	text[CORS_ORIGIN_MAX + 1] = '\0';
	assert_int_equal(cors_check_origin(text), CORS_ORIGIN_NO_ORIGIN);
}

/* ---- grants */

static char a[] = "https://a.example", b[] = "https://b.example";
static char *only_a[] = { a }, *a_and_b[] = { a, b }, *only_b[] = { b };

static const struct cors_rules off,
	any = { .is_any = true }, from_a = { false, only_a, 1 },
	from_b = { false, only_b, 1 }, from_both = { false, a_and_b, 2 };

static bool is_same(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

static void all_rules_have_to_grant(void **state)
{
	static const struct {
		int line;
		const struct cors_rules *rules[3]; /* up to NULL */
		const char *origin;
		const char *granted;
		bool varies;
	} rows[] = {
		{ __LINE__, { NULL }, a, NULL, false },
		{ __LINE__, { &off }, a, NULL, false },
		{ __LINE__, { &off }, "", NULL, false },
		{ __LINE__, { &any }, a, "*", false },
		{ __LINE__, { &any }, "", "*", false },
		{ __LINE__, { &any }, "null", "*", false },
		{ __LINE__, { &from_a }, a, a, true },
		{ __LINE__, { &from_a }, b, NULL, true },
		{ __LINE__, { &from_a }, "", NULL, true },
		{ __LINE__, { &from_a }, "null", NULL, true },
		{ __LINE__, { &from_a }, "*", NULL, true },
		{ __LINE__, { &from_a }, "https://a.exampl", NULL, true },
		{ __LINE__, { &from_a }, "https://a.example.", NULL, true },
		{ __LINE__, { &from_a }, "https://A.example", NULL, true },
		{ __LINE__, { &from_a }, "http://a.example", NULL, true },
		{ __LINE__, { &from_a }, "https://a.example:8443", NULL, true },
		{ __LINE__, { &from_both }, b, b, true },
		/* of several sources */
		{ __LINE__, { &any, &any }, a, "*", false },
		{ __LINE__, { &any, &from_a }, a, a, true },
		{ __LINE__, { &from_a, &any }, a, a, true },
		{ __LINE__, { &from_a, &any }, b, NULL, true },
		{ __LINE__, { &from_a, &from_both }, a, a, true },
		{ __LINE__, { &from_a, &from_both }, b, NULL, true },
		{ __LINE__, { &from_both, &from_a }, b, NULL, true },
		{ __LINE__, { &from_a, &from_b }, a, NULL, true },
		{ __LINE__, { &from_a, &from_b }, b, NULL, true },
		{ __LINE__, { &from_a, &off }, a, NULL, false },
		{ __LINE__, { &off, &any }, a, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t count = 0;

		while (rows[i].rules[count])
			count++;
		for (int credentials = 0; credentials < 2; credentials++) {
			struct cors_grant g = cors_decide(rows[i].rules, count,
				rows[i].origin, credentials);
			bool exact = rows[i].granted &&
				     strcmp(rows[i].granted, "*") != 0;

			if (!is_same(g.origin, rows[i].granted) ||
				g.varies != rows[i].varies ||
				g.with_credentials != (credentials && exact))
				fail_msg("line %d: %s, %d, %d", rows[i].line,
					g.origin ? g.origin : "none", g.varies,
					g.with_credentials);
		}
	}
}

/* What a client sent is never what is sent back. */
static void what_is_granted_is_the_rules_own(void **state)
{
	const struct cors_rules *rules = &from_a;
	char *sent = strdup(a);
	struct cors_grant g = cors_decide(&rules, 1, sent, false);

	(void)state;
	assert_ptr_equal(g.origin, a);
	free(sent);
}

static void releases_what_the_rules_own(void **state)
{
	struct cors_rules rules = { .origins = calloc(1, sizeof(char *)) };

	(void)state;
	assert_non_null(rules.origins);
	rules.origins[rules.origin_count++] = strdup(a);
	cors_rules_release(&rules);
	assert_null(rules.origins);
	assert_int_equal(rules.origin_count, 0);
	cors_rules_release(&rules);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_an_origin_from_what_looks_like_one),
		cmocka_unit_test(no_origin_is_longer_than_a_request_keeps),
		cmocka_unit_test(all_rules_have_to_grant),
		cmocka_unit_test(what_is_granted_is_the_rules_own),
		cmocka_unit_test(releases_what_the_rules_own),
	};

	return cmocka_run_group_tests_name("cors", tests, NULL, NULL);
}
