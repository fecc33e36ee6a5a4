#include "common/ids.h"

#include <stdlib.h>
#include <string.h>

struct ids_entry {
	uint64_t hash;
	uint64_t offset;
	uint64_t check;
	uint32_t file;
	uint32_t older; /* index + 1 of the next in its bucket; 0: none */
};

int ids_init(struct ids *ids)
{
	*ids = (struct ids){
		.entries = calloc(IDS_MAX, sizeof(*ids->entries)),
		.buckets = calloc(IDS_MAX, sizeof(*ids->buckets)),
	};
	if (ids->entries && ids->buckets)
		return 0;
	ids_release(ids);
	return -1;
}

void ids_release(struct ids *ids)
{
	free(ids->entries);
	free(ids->buckets);
	*ids = (struct ids){ 0 };
}

/* A request's header comes without the blanks around it. */
static uint64_t hash_of(const char *id, size_t len)
{
	while (len > 0 && strchr(" \t", id[0]) && id[0])
		id++, len--;
	while (len > 0 && strchr(" \t", id[len - 1]) && id[len - 1])
		len--;
	return place_id_hash(id, len);
}

static uint32_t *bucket_of(const struct ids *ids, uint64_t hash)
{
	return &ids->buckets[hash % IDS_MAX];
}

/* The oldest is the last of its bucket. */
static void forget(struct ids *ids, uint32_t index)
{
	uint32_t *link = bucket_of(ids, ids->entries[index].hash);

	while (*link != index + 1)
		link = &ids->entries[*link - 1].older;
	*link = 0;
}

void ids_add(
	struct ids *ids, const char *id, size_t len, const struct place *place)
{
	uint32_t index = (uint32_t)(ids->count % IDS_MAX);
	uint64_t hash = hash_of(id, len);
	uint32_t *bucket = bucket_of(ids, hash);

	if (ids->count++ >= IDS_MAX)
		forget(ids, index);
	ids->entries[index] = (struct ids_entry){
		.hash = hash,
		.offset = place->offset,
		.check = place->check,
		.file = place->file,
		.older = *bucket,
	};
	*bucket = index + 1;
}

bool ids_find(
	const struct ids *ids, const char *id, size_t len, struct place *place)
{
	uint64_t hash = hash_of(id, len);

	for (uint32_t i = *bucket_of(ids, hash); i > 0;
		i = ids->entries[i - 1].older) {
		const struct ids_entry *e = &ids->entries[i - 1];

		if (e->hash != hash)
			continue;
		*place = (struct place){
			.file = e->file, .check = e->check, .offset = e->offset
		};
		return true;
	}
	return false;
}
