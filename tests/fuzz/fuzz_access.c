/*
 * Addresses and blocks, and what is decided by them. The input is lines: a
 * block as it may stand in a configuration, an address and a user as a web
 * server may send them, and the users who may read. What is taken for a block
 * is the same when it is written anew, and holds an address just when the texts
 * of both, bit by bit, begin alike.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "common/access.h"
#include "tests/fuzz/fuzz.h"

static void check_address(const struct access_address *a)
{
	struct access_address again;
	char text[INET6_ADDRSTRLEN];

	MUST(a->len == 4 || a->len == 16);
	MUST(inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, text,
		sizeof(text)));
	MUST(access_read_address(&again, text));
	MUST(memcmp(a, &again, sizeof(again)) == 0);
}

static void check_block(const struct access_block *block)
{
	const struct access_address *a = &block->address;
	struct access_block again;
	char address[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];

	check_address(a);
	MUST(block->prefix <= 8 * a->len);
	MUST(access_block_holds(block, a));
	MUST(inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, address,
		sizeof(address)));
	snprintf(text, sizeof(text), "%s/%u", address, block->prefix);
	MUST(access_read_block(&again, text) == ACCESS_BLOCK_OK);
	MUST(again.prefix == block->prefix);
	MUST(memcmp(&again.address, a, sizeof(*a)) == 0);
}

/* The slow way. */
static bool begin_alike(
	const struct access_block *block, const struct access_address *a)
{
	if (block->address.len != a->len)
		return false;
	for (unsigned i = 0; i < block->prefix; i++) {
		unsigned char mask = (unsigned char)(0x80 >> i % 8);

		if ((block->address.bytes[i / 8] & mask) !=
			(a->bytes[i / 8] & mask))
			return false;
	}
	return true;
}

/* ---- decisions */

enum { USERS = 8 };

/* Takes the lines apart. Is the user among those who may? */
static bool add_users(struct access_rules *rules, char *lines, const char *user)
{
	bool is_listed = false;
	char *line;

	rules->users = calloc(USERS, sizeof(*rules->users));
	MUST(rules->users);
	while ((line = strsep(&lines, "\n")) && rules->user_count < USERS) {
		if (!*line)
			continue;
		is_listed |= strcmp(line, user) == 0;
		rules->users[rules->user_count] = strdup(line);
		MUST(rules->users[rules->user_count++]);
	}
	return is_listed;
}

static void add_block(
	struct access_rules *rules, const struct access_block *block)
{
	rules->allow = malloc(sizeof(*block));
	MUST(rules->allow);
	rules->allow[rules->allow_count++] = *block;
}

static enum access_decision decide(const struct access_rules *rules,
	bool is_let_in, bool is_logged_in, bool is_listed)
{
	if (!is_let_in)
		return ACCESS_HIDDEN;
	if (!rules->require_user && rules->user_count == 0)
		return ACCESS_GRANTED;
	if (!is_logged_in)
		return ACCESS_HIDDEN;
	return is_listed || rules->user_count == 0 ? ACCESS_GRANTED
						   : ACCESS_FORBIDDEN;
}

/* Without a block, from everywhere; for all that a server may say of a user. */
static void check_decisions(const struct access_block *block,
	const char *address, const char *user, char *users)
{
	struct access_rules rules = { 0 };
	bool is_listed = add_users(&rules, users, user);

	if (block)
		add_block(&rules, block);
	for (unsigned bits = 0; bits < 8; bits++) {
		bool has_type = bits & 1, is_trusted = bits & 2;
		bool is_logged_in = (has_type || is_trusted) && *user;
		struct access_visitor visitor;

		rules.require_user = bits & 4;
		access_visitor_init(
			&visitor, address, user, has_type, is_trusted);
		MUST(visitor.user == (is_logged_in ? user : NULL));
		MUST(access_decide(&rules, &visitor) ==
			decide(&rules,
				!block || begin_alike(block, &visitor.address),
				is_logged_in, is_listed));
		MUST(access_is_open_unsaid(&rules) ==
			(!block && !rules.require_user &&
				rules.user_count == 0));
	}
	access_rules_release(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text;
	const char *line, *sent, *user;
	struct access_address address;
	struct access_block block;
	bool has_block, has_address;

	MUST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	line = strsep(&rest, "\n");
	sent = rest ? strsep(&rest, "\n") : "";
	user = rest ? strsep(&rest, "\n") : "";

	memset(&block, 0xaa, sizeof(block));
	memset(&address, 0x55, sizeof(address));
	has_block = access_read_block(&block, line) == ACCESS_BLOCK_OK;
	has_address = access_read_address(&address, sent);
	if (has_block)
		check_block(&block);
	if (has_address)
		check_address(&address);
	else
		MUST(address.len == 0);
	if (has_block)
		MUST(access_block_holds(&block, &address) ==
			(has_address && begin_alike(&block, &address)));
	check_decisions(has_block ? &block : NULL, sent, user, rest);
	free(text);
	return 0;
}
