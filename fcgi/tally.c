#include "fcgi/tally.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NETWORK_BYTES 8 /* of an IPv6 address: its /64 */

struct tally_entry {
	struct tally_entry *next; /* in its chain */
	struct access_address network;
	unsigned streams; /* at least one */
};

struct tally {
	uint64_t seed; /* who picks addresses must not pick chains */
	size_t count;
	size_t mask;
	struct tally_entry *chains[];
};

struct tally *tally_new(size_t streams)
{
	struct tally *t;
	size_t chains = 16;

	while (chains < streams && chains <= SIZE_MAX / 4 / sizeof(*t->chains))
		chains *= 2;
	t = calloc(1, sizeof(*t) + chains * sizeof(*t->chains));
	if (!t)
		return NULL;
	arc4random_buf(&t->seed, sizeof(t->seed));
	t->mask = chains - 1;
	return t;
}

void tally_free(struct tally *t)
{
	free(t);
}

static struct access_address network_of(const struct access_address *address)
{
	struct access_address network = *address;

	if (network.len > NETWORK_BYTES)
		memset(network.bytes + NETWORK_BYTES, 0,
			sizeof(network.bytes) - NETWORK_BYTES);
	return network;
}

static bool is_same(
	const struct access_address *a, const struct access_address *b)
{
	return a->len == b->len &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static struct tally_entry **chain_of(
	struct tally *t, const struct access_address *network)
{
	/* The bytes tell the families apart but for ::/64: no matter. */
	uint64_t hash = XXH3_64bits_withSeed(
		network->bytes, sizeof(network->bytes), t->seed);

	return &t->chains[hash & t->mask];
}

struct tally_entry *tally_take(
	struct tally *t, const struct access_address *address, unsigned max)
{
	struct access_address network = network_of(address);
	struct tally_entry **chain = chain_of(t, &network), *entry = *chain;

	while (entry && !is_same(&entry->network, &network))
		entry = entry->next;
	if (entry && entry->streams >= max) {
		errno = EDQUOT;
		return NULL;
	}
	if (!entry) {
		entry = malloc(sizeof(*entry));
		if (!entry)
			return NULL;
		*entry = (struct tally_entry){ *chain, network, 0 };
		*chain = entry;
		t->count++;
	}
	entry->streams++;
	return entry;
}

void tally_give_back(struct tally *t, struct tally_entry *entry)
{
	struct tally_entry **link = chain_of(t, &entry->network);

	if (--entry->streams > 0)
		return;
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	t->count--;
	free(entry);
}

size_t tally_count(const struct tally *t)
{
	return t->count;
}
