/*
 * What arrives on a connection. The first byte says in how large pieces it
 * does (0: all at once); the rest are the records. However they are cut, the
 * outcome and the answer are the same, and the parameters of a request that
 * is ready are those of a plain walk over the records, written here anew.
 */
#include <stdbool.h>
#include <string.h>

#include "common/buffer.h"
#include "common/request.h"
#include "fcgi/admit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/bytes.h"

enum { BEGIN = 1, ABORT = 2, PARAMS = 4 };

static enum admit_outcome feed(struct admit *a, const uint8_t *data,
	size_t size, size_t piece, struct buffer *answer)
{
	enum admit_outcome outcome = ADMIT_MORE;

	if (piece == 0 || piece > size)
		piece = size;
	for (size_t at = 0; at < size && outcome != ADMIT_REFUSE; at += piece) {
		if (piece > size - at)
			piece = size - at;
		outcome = admit_feed(a, data + at, piece, answer);
	}
	return outcome;
}

struct walk {
	unsigned id;
	bool ready, keeps, aborted;
	size_t end; /* of the head */
	struct bytes params;
};

/* The head as any reader of FastCGI sees it, of input that is well-formed. */
static void walk(struct walk *w, const uint8_t *data, size_t size)
{
	for (size_t at = 0; size - at >= 8;) {
		unsigned type = data[at + 1];
		unsigned id = data[at + 2] * 256U + data[at + 3];
		size_t len = data[at + 4] * 256U + data[at + 5];
		size_t all = 8 + len + data[at + 6];

		/* What an abort has behind it, nobody waits for. */
		if (w->ready && type == ABORT && id == w->id)
			w->aborted = true;
		if (size - at < all)
			return;
		if (!w->ready && type == BEGIN && w->id == 0) {
			w->id = id;
			w->keeps = data[at + 8 + 2] & 1;
		} else if (!w->ready && type == PARAMS && id == w->id) {
			bytes_add(&w->params, data + at + 8, len);
			w->ready = len == 0;
		}
		at += all;
		if (!w->ready)
			w->end = at;
	}
}

static size_t take_length(const char **at)
{
	const unsigned char *p = (const unsigned char *)*at;

	*at += p[0] < 128 ? 1 : 4;
	return p[0] < 128 ? p[0]
			  : (p[0] - 128U) << 24 | (size_t)p[1] << 16 |
				    (size_t)p[2] << 8 | p[3];
}

static bool is_value(const char *got, const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (got[i] != (value[i] ? value[i] : '\001'))
			return false;
	return got[len] == '\0';
}

/* Each parameter has the value that was sent; of those named HTTP_ the
 * first one. FCGI_ROLE is libfcgi's own. */
static void check_parameters(const struct admit *a, const struct walk *w)
{
	const char *at = bytes_text(&w->params), *end = at + w->params.len;
	struct bytes seen = BYTES_INIT; /* names, each between two NULs */

	bytes_add_byte(&seen, 0);
	while (at < end) {
		size_t name_len = take_length(&at);
		size_t value_len = take_length(&at);
		char name[65536], key[65538] = "";
		const char *got;
		bool before;

		MUST(at + name_len + value_len <= end && name_len > 0);
		memcpy(name, at, name_len);
		name[name_len] = '\0';
		MUST(strlen(name) == name_len && !strchr(name, '='));
		at += name_len;
		got = admit_parameter(a, name);
		MUST(got != NULL);
		memcpy(key + 1, name, name_len + 1);
		before = memmem(seen.data, seen.len, key, name_len + 2) != NULL;
		if (strcmp(name, "FCGI_ROLE") != 0 &&
			(!before || strncmp(name, "HTTP_", 5) != 0))
			MUST(is_value(got, at, value_len));
		bytes_add(&seen, name, name_len + 1);
		at += value_len;
	}
	bytes_release(&seen);
}

static void check_ready(const struct admit *a, const uint8_t *data, size_t size)
{
	struct walk w = { 0 };
	struct request request;

	walk(&w, data, size);
	MUST(w.ready && !w.aborted);
	MUST(admit_id(a) == w.id && admit_keeps_connection(a) == w.keeps);
	check_parameters(a, &w);
	bytes_release(&w.params);
	request_read(&request, admit_parameter, a);
}

/* The rest of the connection, walked in pieces, ends where it does when it
 * is walked at once. */
static void check_walk(const uint8_t *data, size_t size, size_t piece)
{
	struct admit_walk once = { 0 }, often = { 0 };
	bool aborts = admit_walk_aborts(&once, 1, data, size), did = false;

	if (piece == 0)
		piece = 1;
	for (size_t at = 0; at < size && !did; at += piece) {
		if (piece > size - at)
			piece = size - at;
		did = admit_walk_aborts(&often, 1, data + at, piece);
	}
	MUST(aborts == did);
	if (!aborts)
		MUST(once.have == often.have && once.skip == often.skip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer answer[2] = { BUFFER_INIT, BUFFER_INIT };
	struct admit *a[2] = { admit_new(), admit_new() };
	static bool tested;
	enum admit_outcome outcome;
	size_t piece;

	/* As the program does first of all. */
	MUST(tested || admit_self_test() == 0);
	tested = true;
	if (size > 0) {
		piece = data[0] ? data[0] : 1;
		data++;
		size--;
		outcome = feed(a[0], data, size, 0, &answer[0]);
		MUST(outcome == feed(a[1], data, size, piece, &answer[1]));
		MUST(answer[0].len == answer[1].len);
		MUST(answer[0].len == 0 ||
			memcmp(answer[0].data, answer[1].data, answer[0].len) ==
				0);
		if (outcome == ADMIT_READY) {
			struct admit_walk w[2] = { admit_walk_on(a[0]),
				admit_walk_on(a[1]) };

			MUST(w[0].have == w[1].have && w[0].skip == w[1].skip);
			check_ready(a[0], data, size);
			check_ready(a[1], data, size);
		}
		check_walk(data, size, piece);
	}
	for (int i = 0; i < 2; i++) {
		admit_free(a[i]);
		buffer_release(&answer[i]);
	}
	return 0;
}
