#include "common/access.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define BITS_OF_BYTE 8

/* What an IPv4-mapped address begins with. */
static const unsigned char mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	0xff };
#define MAPPED_BITS (BITS_OF_BYTE * sizeof(mapped))

static unsigned bits(const struct access_address *address)
{
	return BITS_OF_BYTE * address->len;
}

static bool is_mapped(const struct access_address *address)
{
	return address->len == 16 &&
	       memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

static void unmap(struct access_address *address)
{
	address->len = 4;
	memmove(address->bytes, address->bytes + sizeof(mapped), 4);
	memset(address->bytes + 4, 0, sizeof(mapped));
}

/* As it is written, mapped or not. */
static bool read_as_written(struct access_address *address, const char *text)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, address->bytes) == 1)
		address->len = 4;
	else if (inet_pton(AF_INET6, text, address->bytes) == 1)
		address->len = 16;
	else
		memset(address, 0, sizeof(*address));
	return address->len != 0;
}

bool access_read_address(struct access_address *address, const char *text)
{
	if (!read_as_written(address, text))
		return false;
	if (is_mapped(address))
		unmap(address);
	return true;
}

/* Decimal digits, no sign, no zero in front: "08" is octal to some readers.
 * -1: it is none, or over `max`. */
static int read_prefix(const char *text, unsigned max)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long prefix;

	if (digits == 0 || digits > 3 || text[digits] != '\0' ||
		(digits > 1 && text[0] == '0'))
		return -1;
	prefix = strtoul(text, NULL, 10);
	return prefix <= max ? (int)prefix : -1;
}

/* The bit with that number, from the most significant one on. */
static unsigned bit(const struct access_address *address, unsigned i)
{
	return address->bytes[i / BITS_OF_BYTE] >>
		       (BITS_OF_BYTE - 1 - i % BITS_OF_BYTE) &
	       1;
}

static bool has_host_bits(const struct access_block *block)
{
	for (unsigned i = block->prefix; i < bits(&block->address); i++)
		if (bit(&block->address, i))
			return true;
	return false;
}

enum access_block_outcome access_read_block(
	struct access_block *block, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	int prefix;

	if (len >= sizeof(address))
		return ACCESS_BLOCK_NO_ADDRESS;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!read_as_written(&block->address, address))
		return ACCESS_BLOCK_NO_ADDRESS;

	prefix = (int)bits(&block->address);
	if (slash)
		prefix = read_prefix(slash + 1, bits(&block->address));
	if (prefix < 0)
		return ACCESS_BLOCK_NO_PREFIX;
	block->prefix = (unsigned char)prefix;
	if (has_host_bits(block))
		return ACCESS_BLOCK_HOST_BITS;
	/* Its ones are among the bits that count: all of these 96 do. */
	if (is_mapped(&block->address)) {
		unmap(&block->address);
		block->prefix = (unsigned char)(block->prefix - MAPPED_BITS);
	}
	return ACCESS_BLOCK_OK;
}

bool access_block_holds(
	const struct access_block *block, const struct access_address *address)
{
	const struct access_address *first = &block->address;
	size_t whole = block->prefix / BITS_OF_BYTE;

	if (address->len == 0 || address->len != first->len ||
		memcmp(address->bytes, first->bytes, whole) != 0)
		return false;
	for (unsigned i = BITS_OF_BYTE * (unsigned)whole; i < block->prefix;
		i++)
		if (bit(address, i) != bit(first, i))
			return false;
	return true;
}

void access_visitor_init(struct access_visitor *visitor,
	const char *remote_address, const char *remote_user, bool has_auth_type,
	bool trust_remote_user)
{
	bool believed = has_auth_type || trust_remote_user;

	access_read_address(&visitor->address, remote_address);
	visitor->user = believed && remote_user[0] ? remote_user : NULL;
}

bool access_is_allowed_from(
	const struct access_rules *rules, const struct access_address *address)
{
	for (size_t i = 0; i < rules->allow_count; i++)
		if (access_block_holds(&rules->allow[i], address))
			return true;
	return rules->allow_count == 0;
}

static bool is_listed(const struct access_rules *rules, const char *user)
{
	for (size_t i = 0; i < rules->user_count; i++)
		if (strcmp(rules->users[i], user) == 0)
			return true;
	return rules->user_count == 0;
}

enum access_decision access_decide(
	const struct access_rules *rules, const struct access_visitor *visitor)
{
	bool needs_user = rules->require_user || rules->user_count > 0;

	if (!access_is_allowed_from(rules, &visitor->address))
		return ACCESS_HIDDEN;
	if (!needs_user)
		return ACCESS_GRANTED;
	if (!visitor->user)
		return ACCESS_HIDDEN;
	return is_listed(rules, visitor->user) ? ACCESS_GRANTED
					       : ACCESS_FORBIDDEN;
}

bool access_is_open_unsaid(const struct access_rules *rules)
{
	return !rules->is_public && !rules->require_user &&
	       rules->user_count == 0 && rules->allow_count == 0;
}

void access_rules_release(struct access_rules *rules)
{
	for (size_t i = 0; i < rules->user_count; i++)
		free(rules->users[i]);
	free(rules->users);
	free(rules->allow);
	*rules = (struct access_rules){ 0 };
}
