/* Who may read: addresses, blocks, names, and what follows from them. */
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/access.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- addresses */

static void reads_addresses_as_they_are_written(void **state)
{
	static const struct {
		const char *text;
		unsigned len; /* 0: none */
		unsigned char first, last;
	} rows[] = {
		{ "192.0.2.7", 4, 192, 7 },
		{ "0.0.0.0", 4, 0, 0 },
		{ "255.255.255.255", 4, 255, 255 },
		{ "::1", 16, 0, 1 },
		{ "2001:db8::ff", 16, 0x20, 0xff },
		{ "2001:DB8:0:0:0:0:0:FF", 16, 0x20, 0xff },
		{ "fe80::1", 16, 0xfe, 1 },
		/* mapped: the IPv4 address, however it is written */
		{ "::ffff:192.0.2.7", 4, 192, 7 },
		{ "::FFFF:c000:207", 4, 192, 7 },
		{ "0:0:0:0:0:ffff:192.0.2.7", 4, 192, 7 },
		/* not mapped: compatible, translated */
		{ "::192.0.2.7", 16, 0, 7 },
		{ "64:ff9b::192.0.2.7", 16, 0, 7 },
		{ "::ffff:0:192.0.2.7", 16, 0, 7 },
		{ "", 0, 0, 0 },
		{ " 192.0.2.7", 0, 0, 0 },
		{ "192.0.2.7 ", 0, 0, 0 },
		{ "192.0.2", 0, 0, 0 },
		{ "192.0.2.256", 0, 0, 0 },
		{ "192.0.2.07", 0, 0, 0 },
		{ "0xc0.0.2.7", 0, 0, 0 },
		{ "3221225991", 0, 0, 0 },
		{ "192.0.2.7:80", 0, 0, 0 },
		{ "192.0.2.7/32", 0, 0, 0 },
		{ "192.0.2.7, 10.0.0.1", 0, 0, 0 },
		{ "[::1]", 0, 0, 0 },
		{ "::1%lo", 0, 0, 0 },
		{ "fe80::1%eth0", 0, 0, 0 },
		{ ":::1", 0, 0, 0 },
		{ "1::2::3", 0, 0, 0 },
		{ "unix:", 0, 0, 0 },
		{ "localhost", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct access_address a = { 7, { 1 } };
		bool read = access_read_address(&a, rows[i].text);

		if (read != (rows[i].len > 0) || a.len != rows[i].len)
			fail_msg("%s: %u bytes", rows[i].text, a.len);
		if (read && (a.bytes[0] != rows[i].first ||
				    a.bytes[a.len - 1] != rows[i].last))
			fail_msg("%s: another address", rows[i].text);
	}
}

/* ---- blocks */

static void says_what_is_wrong_with_a_block(void **state)
{
	static const struct {
		const char *text;
		enum access_block_outcome outcome;
	} rows[] = {
		{ "192.0.2.7", ACCESS_BLOCK_OK },
		{ "192.0.2.7/32", ACCESS_BLOCK_OK },
		{ "10.0.0.0/8", ACCESS_BLOCK_OK },
		{ "10.0.0.0/7", ACCESS_BLOCK_OK },
		{ "0.0.0.0/0", ACCESS_BLOCK_OK },
		{ "::/0", ACCESS_BLOCK_OK },
		{ "::1/128", ACCESS_BLOCK_OK },
		{ "2001:db8::/33", ACCESS_BLOCK_OK },
		{ "::ffff:10.0.0.0/104", ACCESS_BLOCK_OK },
		{ "::ffff:0:0/96", ACCESS_BLOCK_OK },
		{ "", ACCESS_BLOCK_NO_ADDRESS },
		{ "/8", ACCESS_BLOCK_NO_ADDRESS },
		{ "10/8", ACCESS_BLOCK_NO_ADDRESS },
		{ "10.0.0/24", ACCESS_BLOCK_NO_ADDRESS },
		{ "example.org/24", ACCESS_BLOCK_NO_ADDRESS },
		{ " 10.0.0.0/8", ACCESS_BLOCK_NO_ADDRESS },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8",
			ACCESS_BLOCK_NO_ADDRESS },
		{ "10.0.0.0/", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/33", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/128", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/-8", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/+8", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/08", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/8 ", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/8/8", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/0x8", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/255.0.0.0", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.0/4294967304", ACCESS_BLOCK_NO_PREFIX },
		{ "::/129", ACCESS_BLOCK_NO_PREFIX },
		{ "::/256", ACCESS_BLOCK_NO_PREFIX },
		{ "10.0.0.1/8", ACCESS_BLOCK_HOST_BITS },
		{ "10.0.0.0/6", ACCESS_BLOCK_HOST_BITS },
		{ "10.0.0.1/31", ACCESS_BLOCK_HOST_BITS },
		{ "10.0.0.1/0", ACCESS_BLOCK_HOST_BITS },
		{ "2001:db8::1/127", ACCESS_BLOCK_HOST_BITS },
		{ "2001:db8:8000::/32", ACCESS_BLOCK_HOST_BITS },
		/* a part of the mapped ones is no block of IPv4 */
		{ "::ffff:0:0/95", ACCESS_BLOCK_HOST_BITS },
		{ "::ffff:10.0.0.0/8", ACCESS_BLOCK_HOST_BITS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct access_block block;
		enum access_block_outcome outcome =
			access_read_block(&block, rows[i].text);

		if (outcome != rows[i].outcome)
			fail_msg("%s: %d", rows[i].text, (int)outcome);
	}
}

static bool holds(const char *block_text, const char *address_text)
{
	struct access_address address;
	struct access_block block;

	assert_int_equal(
		access_read_block(&block, block_text), ACCESS_BLOCK_OK);
	access_read_address(&address, address_text);
	return access_block_holds(&block, &address);
}

static void a_block_holds_what_begins_like_it(void **state)
{
	static const struct {
		const char *block, *address;
		bool held;
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/7", "11.0.0.0", true },
		{ "10.0.0.0/7", "12.0.0.0", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.6/31", "192.0.2.7", true },
		{ "192.0.2.6/31", "192.0.2.8", false },
		{ "0.0.0.0/0", "255.0.0.1", true },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "::1", "::1", true },
		{ "::1", "::2", false },
		{ "::/0", "2001:db8::1", true },
		/* IPv4 and mapped IPv6 are the same; IPv6 is another family */
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "10.0.0.0/8", "::ffff:11.1.2.3", false },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
		{ "::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true },
		{ "::ffff:0:0/96", "192.0.2.7", true },
		{ "0.0.0.0/0", "::1", false },
		{ "0.0.0.0/0", "::10.0.0.1", false },
		{ "::/0", "10.0.0.1", false },
		{ "::/0", "::ffff:10.0.0.1", false },
		{ "::/80", "::ffff:10.0.0.1", false },
		{ "0.0.0.0/0", "", false },
		{ "::/0", "", false },
		{ "0.0.0.0/0", "unix:", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (holds(rows[i].block, rows[i].address) != rows[i].held)
			fail_msg("%s and %s", rows[i].block, rows[i].address);
}

/* ---- visitors */

static void a_name_counts_only_where_it_was_authenticated(void **state)
{
	struct access_visitor v;

	(void)state;
	access_visitor_init(&v, "10.0.0.1", "ann", true, false);
	assert_string_equal(v.user, "ann");
	assert_int_equal(v.address.len, 4);
	access_visitor_init(&v, "10.0.0.1", "ann", false, false);
	assert_null(v.user);
	access_visitor_init(&v, "10.0.0.1", "ann", false, true);
	assert_string_equal(v.user, "ann");
	access_visitor_init(&v, "", "", true, true);
	assert_null(v.user);
	assert_int_equal(v.address.len, 0);
}

/* ---- decisions */

/* Rules as a test writes them: the lists end with NULL. */
struct wanted {
	bool is_public, require_user;
	const char *users[4], *allow[4];
};

static struct access_rules rules_of(const struct wanted *w)
{
	struct access_rules rules = { .is_public = w->is_public,
		.require_user = w->require_user };

	rules.users = calloc(4, sizeof(*rules.users));
	rules.allow = calloc(4, sizeof(*rules.allow));
	assert_non_null(rules.users);
	assert_non_null(rules.allow);
	while (w->users[rules.user_count]) {
		rules.users[rules.user_count] =
			strdup(w->users[rules.user_count]);
		rules.user_count++;
	}
	for (; w->allow[rules.allow_count]; rules.allow_count++)
		assert_int_equal(
			access_read_block(&rules.allow[rules.allow_count],
				w->allow[rules.allow_count]),
			ACCESS_BLOCK_OK);
	return rules;
}

static void all_rules_have_to_hold(void **state)
{
	enum {
		YES = ACCESS_GRANTED,
		NO = ACCESS_HIDDEN,
		OTHER = ACCESS_FORBIDDEN
	};
	static const struct {
		int line;
		struct wanted rules;
		const char *address, *user;
		int decision;
	} rows[] = {
		{ __LINE__, { 0 }, "", NULL, YES },
		{ __LINE__, { .is_public = true }, "10.0.0.1", NULL, YES },
		{ __LINE__, { .require_user = true }, "::1", NULL, NO },
		{ __LINE__, { .require_user = true }, "", "zoe", YES },
		{ __LINE__, { .users = { "ann", "bob" } }, "", NULL, NO },
		{ __LINE__, { .users = { "ann", "bob" } }, "", "ann", YES },
		{ __LINE__, { .users = { "ann", "bob" } }, "", "bob", YES },
		{ __LINE__, { .users = { "ann", "bob" } }, "", "zoe", OTHER },
		{ __LINE__, { .users = { "ann" } }, "", "Ann", OTHER },
		{ __LINE__, { .users = { "ann" } }, "", "ann ", OTHER },
		{ __LINE__, { .users = { "ann" } }, "", "an", OTHER },
		{ __LINE__, { .users = { "ann" } }, "", "anna", OTHER },
		{ __LINE__, { .require_user = true, .users = { "ann" } }, "",
			"ann", YES },
		{ __LINE__, { .require_user = true, .users = { "ann" } }, "",
			"zoe", OTHER },
		{ __LINE__, { .allow = { "::1", "10.0.0.0/8" } }, "10.0.0.1",
			NULL, YES },
		{ __LINE__, { .allow = { "::1", "10.0.0.0/8" } }, "::1", NULL,
			YES },
		{ __LINE__, { .allow = { "::1", "10.0.0.0/8" } }, "::2", "ann",
			NO },
		{ __LINE__, { .allow = { "0.0.0.0/0", "::/0" } }, "", "ann",
			NO },
		{ __LINE__, { .allow = { "::1" }, .users = { "ann" } }, "::1",
			"ann", YES },
		{ __LINE__, { .allow = { "::1" }, .users = { "ann" } }, "::1",
			NULL, NO },
		{ __LINE__, { .allow = { "::1" }, .users = { "ann" } }, "::1",
			"zoe", OTHER },
		{ __LINE__, { .allow = { "::1" }, .users = { "ann" } }, "::2",
			"ann", NO },
		{ __LINE__, { .allow = { "::1" }, .users = { "ann" } }, "::2",
			"zoe", NO },
		{ __LINE__, { .allow = { "::1" }, .require_user = true }, "::2",
			"ann", NO },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct access_rules rules = rules_of(&rows[i].rules);
		struct access_visitor v = { .user = rows[i].user };

		access_read_address(&v.address, rows[i].address);
		if ((int)access_decide(&rules, &v) != rows[i].decision)
			fail_msg("row of line %d", rows[i].line);
		access_rules_release(&rules);
	}
}

static void who_says_nothing_is_noticed(void **state)
{
	static const struct {
		struct wanted rules;
		bool unsaid;
	} rows[] = {
		{ { 0 }, true },
		{ { .is_public = true }, false },
		{ { .require_user = true }, false },
		{ { .users = { "ann" } }, false },
		{ { .allow = { "0.0.0.0/0" } }, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct access_rules rules = rules_of(&rows[i].rules);

		assert_int_equal(access_is_open_unsaid(&rules), rows[i].unsaid);
		access_rules_release(&rules);
		assert_null(rules.users);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses_as_they_are_written),
		cmocka_unit_test(says_what_is_wrong_with_a_block),
		cmocka_unit_test(a_block_holds_what_begins_like_it),
		cmocka_unit_test(a_name_counts_only_where_it_was_authenticated),
		cmocka_unit_test(all_rules_have_to_hold),
		cmocka_unit_test(who_says_nothing_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
