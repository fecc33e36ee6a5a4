/*
 * place: event ids. An id names a place in the source itself, so that a
 * resume needs no table and no memory of the client.
 *
 *	id     = place *( "-" place )
 *	place  = source-tag file-tag check offset	of a file
 *	       | source-tag "." number			of a clock
 *
 *	source-tag   4 hex digits: of the source's name
 *	file-tag     5 hex digits: of the file's identity; 00000: no file yet
 *	check       12 hex digits: of the content there
 *	offset    1-16 hex digits: the byte after the record
 *
 *	3f9a 1c04e 8d21f06b77aa 4c2f	(written without the blanks)
 *
 * Four places of offsets under 1 TiB take 127 of the 128 bytes that cross
 * origins without a preflight. The file tag is a hint that saves reading;
 * what decides is the check, which covers the first min(256, offset) bytes
 * of the file, the last min(512, offset) before the offset, and the offset.
 * At offset 0, where no content is, it names the generation before.
 * Bytes in, bytes out: nothing here opens a file.
 */
#ifndef SSETAIL_PLACE_H
#define SSETAIL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_HEAD_BYTES 256 /* of the file's start that a check covers */
#define PLACE_LAST_BYTES 512 /* before the offset that it covers */
#define PLACE_TEXT_MAX	 37  /* bytes of a place, without a NUL */
#define PLACE_ID_BYTES	 128 /* bytes an id should not pass */

struct place {
	uint16_t source;
	bool is_number; /* of a clock: only `offset` counts */
	uint32_t file;	/* 20 bits; 0: no file yet */
	uint64_t check; /* 48 bits */
	uint64_t offset;
};

/* The tag of a source's name. */
uint16_t place_source_tag(const char *name);

/* The hash of an id that is a writer's. */
uint64_t place_id_hash(const char *id, size_t len);

/* The tag of a file's identity, never 0. */
uint32_t place_file_tag(const void *identity, size_t len);

/* The hash of the first min(256, offset) bytes of a file. */
uint64_t place_head_hash(const void *first, size_t len);

/*
 * The check at `offset`: `head_hash` as above, and the last min(512, offset)
 * bytes before the offset.
 */
uint64_t place_check(
	uint64_t head_hash, const void *last, size_t len, uint64_t offset);

/*
 * The check at offset 0: the tag of the generation before (0: none), and a
 * hash of it and the file's own. place_start_before takes that tag out again;
 * false when the check is not one for that file.
 */
uint64_t place_start_check(uint32_t file, uint32_t before);
bool place_start_before(uint32_t file, uint64_t check, uint32_t *before);

/* Writes a place, not terminated; returns its length. */
size_t place_format(char out[PLACE_TEXT_MAX], const struct place *p);

/*
 * Reads an id. Returns the number of places, at most `max`; -1 when it is
 * not an id of this grammar, or has more places than that.
 */
int place_parse(const char *id, struct place *out, size_t max);

#endif
