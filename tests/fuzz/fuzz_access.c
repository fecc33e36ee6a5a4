/*
 * Addresses and blocks. The input is two lines: a block as it may stand in a
 * configuration, and an address as a web server may send it. What is taken
 * for a block is the same when it is written anew, and holds an address just
 * when the texts of both, bit by bit, begin alike.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line;
	struct access_address address;
	struct access_block block;
	bool has_block, has_address;

	MUST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	line = strchr(text, '\n');
	if (line)
		*line++ = '\0';

	memset(&block, 0xaa, sizeof(block));
	memset(&address, 0x55, sizeof(address));
	has_block = access_read_block(&block, text) == ACCESS_BLOCK_OK;
	has_address = access_read_address(&address, line ? line : "");
	if (has_block)
		check_block(&block);
	if (has_address)
		check_address(&address);
	else
		MUST(address.len == 0);
	if (has_block)
		MUST(access_block_holds(&block, &address) ==
			(has_address && begin_alike(&block, &address)));
	free(text);
	return 0;
}
