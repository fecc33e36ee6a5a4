/* The ring against a simple model: a list of all that was ever appended. */
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/ring.h"

enum { APPENDS = 20000 };

struct model_entry {
	uint64_t position; /* where it stands, */
	uint64_t next;	   /* and where the one after it */
	size_t bytes;
	unsigned char seed;
};

struct model {
	struct model_entry entries[APPENDS];
	size_t count;
	size_t first; /* the oldest that was not forgotten */
};

static unsigned char byte_of(const struct model_entry *e, size_t i)
{
	return (unsigned char)(e->seed + i * 7);
}

/* Entries, and cursors of clients, that are not there any more. */
static void check_forgotten(const struct ring *r, const struct model *m)
{
	for (size_t i = m->first > 50 ? m->first - 50 : 0; i < m->first; i++)
		if (ring_holds(r, m->entries[i].position) &&
			m->entries[i].position != r->tail)
			fail_msg("%zu is forgotten, and held", i);
}

static void check_entry(const struct ring *r, const struct model_entry *m,
	const struct ring_entry *e)
{
	const char *at = (const char *)e;

	assert_true(at >= r->memory);
	assert_true(at + e->size <= r->memory + r->capacity);
	assert_int_equal(e->data_len, m->bytes);
	assert_int_equal(e->start, m->position);
	for (size_t i = 0; i < m->bytes; i++)
		if ((unsigned char)e->bytes[i] != byte_of(m, i))
			fail_msg("byte %zu of %zu is torn", i, m->bytes);
}

/* Walks the ring from its tail: the newest entries, all of them, whole. */
static void check_all(const struct ring *r, struct model *m)
{
	uint64_t position = r->tail;
	const struct ring_entry *e;
	size_t n = 0;

	while (ring_next(r, &position))
		n++;
	assert_true(n <= m->count - m->first);
	m->first = m->count - n;
	position = r->tail;
	for (size_t i = m->first; i < m->count; i++) {
		uint64_t own = m->entries[i].position;

		e = ring_next(r, &position);
		assert_non_null(e);
		check_entry(r, &m->entries[i], e);
		/* Whoever stands on it sees it, too; unless that was on the
		 * pad before it, which may be forgotten alone. */
		if (i == m->first && own < r->tail)
			continue;
		assert_true(ring_holds(r, own));
		assert_ptr_equal(ring_next(r, &own), e);
		assert_int_equal(own, position);
	}
	assert_null(ring_next(r, &position));
	assert_int_equal(position, r->head);
	check_forgotten(r, m);
}

static void append(struct ring *r, struct model *m, size_t bytes)
{
	struct model_entry *own = &m->entries[m->count];
	uint64_t before = r->head;
	struct ring_entry *e = ring_append(r, bytes);

	if ((sizeof(*e) + bytes + 7) / 8 * 8 > r->capacity / 4) {
		assert_null(e);
		assert_int_equal(r->tail, r->head);
		assert_true(r->head > before);
		m->first = m->count;
		return;
	}
	assert_non_null(e);
	assert_true(e->size >= sizeof(*e) + bytes);
	assert_true(r->head - r->tail <= r->capacity);
	*own = (struct model_entry){ before, r->head, bytes,
		(unsigned char)m->count };
	e->kind = RING_RECORD;
	e->data_len = (uint32_t)bytes;
	e->start = before;
	for (size_t i = 0; i < bytes; i++)
		e->bytes[i] = (char)byte_of(own, i);
	m->count++;
}

static struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	return m;
}

static void keeps_the_newest_entries_whole(void **state)
{
	static const size_t capacities[] = { 512, 1024, 1032, 4096, 65536 };

	(void)state;
	for (size_t c = 0; c < sizeof(capacities) / sizeof(*capacities); c++) {
		struct model *m = model_new();
		struct ring r;

		srand(42);
		assert_int_equal(ring_init(&r, capacities[c]), 0);
		check_all(&r, m);
		for (int i = 0; i < APPENDS; i++) {
			/* One in a hundred is too large. */
			append(&r, m,
				(size_t)rand() %
					(capacities[c] / 4 -
						sizeof(struct ring_entry) + 2));
			if (i % 16 == 0 || i < 200)
				check_all(&r, m);
		}
		check_all(&r, m);
		ring_release(&r);
		free(m);
	}
}

/* Every way in which the end of the memory can be met. */
static void wraps_at_every_remainder(void **state)
{
	enum { CAPACITY = 1024 };

	(void)state;
	for (size_t bytes = 0; bytes < 120; bytes++) {
		struct model *m = model_new();
		struct ring r;

		assert_int_equal(ring_init(&r, CAPACITY), 0);
		for (int i = 0; i < 200; i++) {
			append(&r, m, bytes);
			check_all(&r, m);
		}
		ring_release(&r);
		free(m);
	}
}

/* What is left of the ring after an append is what can be left. */
static void forgets_no_more_than_it_must(void **state)
{
	enum { CAPACITY = 4096, BYTES = 40 };
	struct model *m = model_new();
	struct ring r;

	(void)state;
	assert_int_equal(ring_init(&r, CAPACITY), 0);
	for (int i = 0; i < 1000; i++)
		append(&r, m, BYTES);
	check_all(&r, m);
	/* One entry, and the pad at the end, may be missing. */
	size_t each = (sizeof(struct ring_entry) + BYTES + 7) / 8 * 8;
	assert_true(m->count - m->first >= CAPACITY / each - 2);
	ring_release(&r);
	free(m);
}

static void an_entry_too_large_empties_it(void **state)
{
	struct model *m = model_new();
	struct ring r;
	uint64_t old;

	(void)state;
	assert_int_equal(ring_init(&r, 1024), 0);
	append(&r, m, 100);
	old = r.head;
	assert_null(ring_append(&r, 1024));
	assert_null(ring_append(&r, SIZE_MAX));
	assert_null(ring_append(&r, SIZE_MAX - sizeof(struct ring_entry)));
	assert_false(ring_holds(&r, old));
	m->first = m->count;
	append(&r, m, 100);
	check_all(&r, m);
	ring_release(&r);
	free(m);
}

static void nobody_stands_on_what_was_forgotten(void **state)
{
	struct ring r;
	uint64_t position;

	(void)state;
	assert_int_equal(ring_init(&r, 1024), 0);
	/* A cursor of zeros is behind every ring. */
	assert_false(ring_holds(&r, 0));
	for (int i = 0; i < 100; i++) {
		struct ring_entry *e = ring_append(&r, (size_t)i);

		e->kind = RING_RECORD;
		position = r.head;
		assert_true(ring_holds(&r, position));
		ring_forget(&r);
		assert_false(ring_holds(&r, position));
		position = r.head;
		assert_true(ring_holds(&r, position));
		assert_null(ring_next(&r, &position));
	}
	ring_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_newest_entries_whole),
		cmocka_unit_test(wraps_at_every_remainder),
		cmocka_unit_test(forgets_no_more_than_it_must),
		cmocka_unit_test(an_entry_too_large_empties_it),
		cmocka_unit_test(nobody_stands_on_what_was_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
