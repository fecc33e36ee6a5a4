/*
 * Ids: what place_parse takes is written again as it was; what place_format
 * writes is taken, and is the same place.
 */
#include <stdbool.h>
#include <string.h>

#include "common/place.h"
#include "tests/fuzz/fuzz.h"

#define PLACES_MAX 8

static bool same(const struct place *a, const struct place *b)
{
	return a->source == b->source && a->is_number == b->is_number &&
	       a->file == b->file && a->check == b->check &&
	       a->offset == b->offset;
}

static size_t format_all(const struct place *places, int count, char *out)
{
	char *end = out;

	for (int i = 0; i < count; i++) {
		size_t len;

		if (i > 0)
			*end++ = '-';
		len = place_format(end, &places[i]);
		MUST(len <= PLACE_TEXT_MAX);
		end += len;
	}
	*end = '\0';
	return (size_t)(end - out);
}

static void parse(const char *id)
{
	struct place places[PLACES_MAX], again[PLACES_MAX];
	char text[PLACES_MAX * (PLACE_TEXT_MAX + 1)];
	int count = place_parse(id, places, PLACES_MAX);

	if (count < 0)
		return;
	MUST(count > 0 && count <= PLACES_MAX);
	MUST(place_parse(id, again, (size_t)count - 1) == -1);
	for (int i = 0; i < count; i++) {
		MUST(places[i].file < 1U << 20);
		MUST(places[i].check < UINT64_C(1) << 48);
		MUST(places[i].offset <= INT64_MAX);
	}
	format_all(places, count, text);
	MUST(strcmp(text, id) == 0);
	MUST(place_parse(text, again, PLACES_MAX) == count);
	for (int i = 0; i < count; i++)
		MUST(same(&places[i], &again[i]));
}

/* A place made of bytes. */
static struct place format(const uint8_t *data)
{
	struct place p = { 0 }, again;
	char text[PLACE_TEXT_MAX + 1];

	memcpy(&p.source, data, 2);
	p.is_number = data[2] & 1;
	memcpy(&p.offset, data + 3, 8);
	p.offset &= INT64_MAX;
	if (p.is_number) {
		p.offset %= UINT64_C(1000000000000000000);
	} else {
		memcpy(&p.file, data + 11, 4);
		memcpy(&p.check, data + 15, 8);
		p.file &= (1U << 20) - 1;
		p.check &= (UINT64_C(1) << 48) - 1;
	}
	format_all(&p, 1, text);
	MUST(place_parse(text, &again, 1) == 1);
	MUST(same(&p, &again));
	return p;
}

/* Only the check at a file's start that was made for it has a tag in it. */
static void start(uint32_t file, uint32_t before, uint64_t check)
{
	uint64_t own = place_start_check(file, before);
	uint32_t found;

	MUST(own < UINT64_C(1) << 48);
	MUST(place_start_before(file, own, &found) && found == before);
	if (place_start_before(file, check, &found))
		MUST(check == place_start_check(file, found));
}

/* Tags and checks of any bytes are in range. */
static void hash(const char *text, size_t len, uint64_t offset)
{
	uint64_t head = place_head_hash(text, len);
	uint32_t tag = place_file_tag(text, len);

	MUST(tag > 0 && tag < 1U << 20);
	MUST(place_check(head, text, len, offset) < UINT64_C(1) << 48);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *id = malloc(size + 1);

	MUST(id != NULL);
	if (size > 0)
		memcpy(id, data, size);
	id[size] = '\0';
	parse(id);
	hash(id, size, size);
	if (size >= 23) {
		struct place p = format(data);

		start(p.file, place_source_tag(id), p.check);
	}
	free(id);
	return 0;
}
