/* The generations of a log, as one sequence in which nothing is left out. */
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/chain.h"
#include "common/place.h"
#include "tests/lib/disk.h"

struct stand {
	const char *folder;
	const char *log;
	struct chain chain;
};

static struct timespec now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t;
}

static void prepare(struct stand *s)
{
	s->folder = disk_folder();
	s->log = disk_path(s->folder, "app.log");
	chain_init(&s->chain, s->log, NULL);
}

static const char *sibling(const struct stand *s, int n)
{
	return disk_path(s->folder, "app.log.%d", n);
}

/* Moves .1 to .2 and so on, and the log to .1. */
static void rotate(const struct stand *s)
{
	int last = 1;

	while (disk_exists(sibling(s, last)))
		last++;
	for (; last > 1; last--)
		disk_rename(sibling(s, last - 1), sibling(s, last));
	disk_rename(s->log, sibling(s, 1));
}

/* Serials rise, no file is there twice, and the last is what has the name;
 * unless that is an older one which was given it again. */
static void check(const struct stand *s)
{
	const struct chain *c = &s->chain;
	struct stat st;

	for (size_t i = 0; i < c->count; i++) {
		assert_ptr_equal(
			chain_find(c, c->files[i]->serial), c->files[i]);
		assert_ptr_equal(
			chain_after(c, c->files[i]->serial - 1), c->files[i]);
		for (size_t j = 0; j < i; j++) {
			assert_true(c->files[j]->serial < c->files[i]->serial);
			assert_int_not_equal(
				c->files[j]->ino, c->files[i]->ino);
		}
	}
	if (stat(s->log, &st) < 0 || !S_ISREG(st.st_mode)) {
		assert_null(chain_current(c));
		return;
	}
	for (size_t i = 0; i + 1 < c->count; i++)
		if (c->files[i]->ino == st.st_ino)
			return;
	assert_non_null(chain_current(c));
	assert_int_equal(chain_current(c)->ino, st.st_ino);
	assert_ptr_equal(chain_current(c), c->files[c->count - 1]);
}

/* Looks twice: the second look finds nothing. */
static void look(struct stand *s)
{
	struct timespec t = now();
	size_t count;
	uint32_t next;

	assert_true(chain_look(&s->chain, &t));
	count = s->chain.count;
	next = s->chain.next_serial;
	assert_true(chain_look(&s->chain, &t));
	assert_int_equal(s->chain.count, count);
	assert_int_equal(s->chain.next_serial, next);
	check(s);
}

/* The content of the chain's files from the first on. */
static void expect_files(const struct stand *s, const char *expected)
{
	struct bytes all = BYTES_INIT;

	for (size_t i = 0; i < s->chain.count; i++) {
		struct file *f = s->chain.files[i];
		char text[64];
		ssize_t n = file_read(f, text, sizeof(text), 0);

		assert_true(n >= 0);
		bytes_add(&all, text, (size_t)n);
		bytes_add_text(&all, "|");
	}
	assert_string_equal(bytes_text(&all), expected);
	bytes_release(&all);
}

/* The check at the end of a text that is all of a file. */
static uint64_t check_of(const char *text)
{
	return place_check(place_head_hash(text, strlen(text)), text,
		strlen(text), strlen(text));
}

static void begins_with_the_current_file(void **state)
{
	struct stand s;

	(void)state;
	prepare(&s);
	look(&s);
	assert_int_equal(s.chain.state, FILE_ABSENT);
	assert_int_equal(s.chain.count, 0);
	disk_write(s.log, "a\n");
	disk_write(sibling(&s, 1), "old\n");
	chain_release(&s.chain);
	chain_init(&s.chain, s.log, NULL);
	look(&s);
	assert_int_equal(s.chain.state, FILE_OPEN);
	expect_files(&s, "a\n|");
	chain_release(&s.chain);
}

static void takes_in_all_that_came_between(void **state)
{
	struct stand s;

	(void)state;
	prepare(&s);
	disk_write(sibling(&s, 1), "old\n");
	disk_write(s.log, "a\n");
	look(&s);
	rotate(&s);
	look(&s);
	expect_files(&s, "a\n|");
	disk_write(s.log, "b\n");
	rotate(&s);
	disk_write(s.log, "c\n");
	rotate(&s);
	disk_write(s.log, "d\n");
	look(&s);
	expect_files(&s, "a\n|b\n|c\n|d\n|");
	chain_release(&s.chain);
}

/* What was there when nothing had the name is no news. */
static void begins_without_a_file(void **state)
{
	struct stand s;

	(void)state;
	prepare(&s);
	disk_write(sibling(&s, 1), "old\n");
	look(&s);
	disk_write(s.log, "a\n");
	rotate(&s);
	disk_write(s.log, "b\n");
	look(&s);
	expect_files(&s, "a\n|b\n|");
	chain_release(&s.chain);
}

static void says_how_the_path_is(void **state)
{
	struct stand s;

	(void)state;
	prepare(&s);
	disk_subfolder(s.folder, "app.log");
	look(&s);
	assert_int_equal(s.chain.state, FILE_NOT_A_FILE);
	disk_remove(s.log);
	disk_link("app.log", s.log);
	look(&s);
	assert_int_equal(s.chain.state, FILE_UNREADABLE);
	disk_remove(s.log);
	look(&s);
	assert_int_equal(s.chain.state, FILE_ABSENT);
	disk_write(s.log, "a\n");
	look(&s);
	assert_int_equal(s.chain.state, FILE_OPEN);
	disk_remove(s.log);
	look(&s);
	assert_int_equal(s.chain.state, FILE_ABSENT);
	expect_files(&s, "a\n|");
	chain_release(&s.chain);
}

/* ---- truncation */

static void a_copy_takes_the_place_of_its_file(void **state)
{
	struct stand s;
	uint32_t serial;
	struct file *f;

	(void)state;
	prepare(&s);
	disk_write(s.log, "a\n");
	look(&s);
	f = chain_current(&s.chain);
	serial = f->serial;
	disk_append(s.log, "more\n");
	disk_copy(s.log, sibling(&s, 2));
	disk_write(s.log, "b\n");
	disk_copy(s.log, sibling(&s, 1));
	disk_write(s.log, "c\n");
	look(&s);
	assert_int_equal(chain_truncated(&s.chain, f, 2, check_of("a\n")), 0);
	check(&s);
	expect_files(&s, "a\nmore\n|b\n|c\n|");
	assert_int_equal(s.chain.files[0]->serial, serial);
	assert_ptr_equal(chain_current(&s.chain), f);
	assert_null(chain_lost(&s.chain, serial));
	chain_release(&s.chain);
}

static void without_a_copy_it_is_a_loss(void **state)
{
	const struct chain_loss *loss;
	struct stand s;
	uint32_t serial;
	struct file *f;

	(void)state;
	prepare(&s);
	disk_write(s.log, "a\n");
	disk_write(sibling(&s, 1), "something else\n");
	look(&s);
	f = chain_current(&s.chain);
	serial = f->serial;
	disk_write(s.log, "b\n");
	look(&s);
	assert_int_equal(chain_truncated(&s.chain, f, 2, check_of("a\n")), 0);
	check(&s);
	expect_files(&s, "b\n|");
	loss = chain_lost(&s.chain, serial);
	assert_non_null(loss);
	assert_int_equal(loss->reason, CHAIN_TRUNCATED);
	assert_int_equal(loss->size, 2);
	assert_true(f->serial > serial);
	assert_ptr_equal(
		chain_lost_between(&s.chain, serial - 1, f->serial), loss);
	assert_null(chain_lost_between(&s.chain, serial, f->serial));
	chain_release(&s.chain);
}

/* ---- what happens while nobody looks */

/* As copytruncate does it: the log has another content afterwards. */
static void copy_and_truncate(const struct stand *s, int n, const char *text)
{
	disk_copy(s->log, sibling(s, n));
	disk_write(s->log, "%s", text);
}

static void knows_what_came_during_a_look(void **state)
{
	struct stand s;

	(void)state;
	prepare(&s);
	disk_write(sibling(&s, 2), "old\n");
	disk_write(s.log, "a\n");
	look(&s);
	assert_int_equal(chain_confirm(&s.chain), 1);
	/* A copy alone is nothing that came before. */
	disk_copy(s.log, sibling(&s, 1));
	assert_int_equal(chain_confirm(&s.chain), 1);
	disk_write(s.log, "b\n");
	assert_int_equal(chain_confirm(&s.chain), 0);
	chain_release(&s.chain);
}

/* The log was copied, truncated and renamed, and stands at app.log.1. */
static struct file *copied_and_renamed(struct stand *s)
{
	struct timespec t = now();
	struct file *f;

	prepare(s);
	disk_write(s->log, "a\n");
	look(s);
	f = chain_current(&s->chain);
	copy_and_truncate(s, 2, "b\n");
	disk_rename(s->log, sibling(s, 1));
	disk_write(s->log, "c\n");
	assert_false(chain_look(&s->chain, &t));
	return f;
}

static void what_a_renamed_file_held_before_is_found_first(void **state)
{
	struct timespec t = now();
	struct stand s;
	struct file *f;

	(void)state;
	f = copied_and_renamed(&s);
	assert_int_equal(
		chain_adopt_copy(&s.chain, f, 0, place_start_check(f->tag, 0)),
		0);
	look(&s);
	expect_files(&s, "a\n|b\n|c\n|");
	chain_release(&s.chain);

	f = copied_and_renamed(&s);
	assert_int_equal(chain_truncated(&s.chain, f, 2, check_of("a\n")), 0);
	look(&s);
	expect_files(&s, "a\n|b\n|c\n|");
	chain_release(&s.chain);

	/* Something else that stands there is not waited for for ever. */
	copied_and_renamed(&s);
	for (int i = 0; i < 2; i++)
		assert_false(chain_look(&s.chain, &t));
	look(&s);
	expect_files(&s, "b\n|c\n|");
	chain_release(&s.chain);
}

static void an_empty_copy_is_waited_for_briefly(void **state)
{
	static const struct timespec long_ago[2] = { { 1, 0 }, { 1, 0 } };
	struct file *f;
	struct stand s;

	(void)state;
	prepare(&s);
	disk_write(s.log, "%s", "");
	look(&s);
	f = chain_current(&s.chain);
	/* Of an empty log: there is nothing to wait for. */
	disk_write(sibling(&s, 1), "%s", "");
	assert_int_equal(
		chain_adopt_copy(&s.chain, f, 0, place_start_check(f->tag, 0)),
		0);
	assert_int_equal(chain_confirm(&s.chain), 1);
	disk_append(s.log, "a\n");
	look(&s);
	disk_rename(sibling(&s, 1), sibling(&s, 2));
	disk_write(sibling(&s, 1), "%s", "");
	assert_int_equal(chain_adopt_copy(&s.chain, f, 2, check_of("a\n")), -1);
	assert_int_equal(errno, EAGAIN);
	utimensat(AT_FDCWD, sibling(&s, 1), long_ago, 0);
	assert_int_equal(chain_adopt_copy(&s.chain, f, 2, check_of("a\n")), 0);
	look(&s);
	expect_files(&s, "a\n|");
	chain_release(&s.chain);
}

/* ---- resolving */

static int resolve(struct stand *s, uint32_t tag, const char *text,
	struct file **found, enum chain_reason *reason)
{
	return chain_resolve(
		&s->chain, tag, strlen(text), check_of(text), found, reason);
}

static void finds_a_place_in_any_generation(void **state)
{
	static const char *const texts[] = { "a\n", "b\n", "c\n", "d\n",
		"e\n" };
	enum chain_reason reason;
	struct file *found;
	struct stand s;

	(void)state;
	prepare(&s);
	for (int i = 0; i < 5; i++) {
		if (i)
			rotate(&s);
		disk_write(s.log, "%s", texts[i]);
	}
	for (int tagged = 0; tagged < 2; tagged++) {
		for (int i = 0; i < 5; i++) {
			const char *path = i == 4 ? s.log : sibling(&s, 4 - i);
			struct stat st;
			uint32_t tag;

			chain_release(&s.chain);
			chain_init(&s.chain, s.log, NULL);
			look(&s);
			assert_int_equal(stat(path, &st), 0);
			tag = tagged ? file_identity(AT_FDCWD, path, st.st_ino)
				     : 12345;
			assert_int_equal(
				resolve(&s, tag, texts[i], &found, &reason), 1);
			assert_int_equal(found->ino, st.st_ino);
			/* It and all that came after it are there now. */
			assert_ptr_equal(s.chain.files[0], found);
			assert_int_equal(s.chain.count, 5 - i);
			check(&s);
		}
	}
	chain_release(&s.chain);
}

static void finds_room_between_any_two(void **state)
{
	enum chain_reason reason;
	struct file *found;
	struct stand s;

	(void)state;
	prepare(&s);
	disk_write(sibling(&s, 2), "a\n");
	disk_write(sibling(&s, 1), "d\n");
	disk_write(s.log, "e\n");
	look(&s);
	assert_int_equal(resolve(&s, 1, "a\n", &found, &reason), 1);
	expect_files(&s, "a\n|d\n|e\n|");
	disk_rename(sibling(&s, 2), sibling(&s, 4));
	disk_write(sibling(&s, 3), "b\n");
	disk_write(sibling(&s, 2), "c\n");
	assert_int_equal(resolve(&s, 1, "c\n", &found, &reason), 1);
	check(&s);
	assert_int_equal(resolve(&s, 1, "b\n", &found, &reason), 1);
	check(&s);
	expect_files(&s, "a\n|b\n|c\n|d\n|e\n|");
	chain_release(&s.chain);
}

static void says_why_a_place_is_gone(void **state)
{
	enum chain_reason reason;
	struct file *found;
	struct stand s;
	uint32_t tag;

	(void)state;
	prepare(&s);
	disk_write(s.log, "b\n");
	look(&s);
	tag = chain_current(&s.chain)->tag;
	/* a file that was never here, or is not any more */
	assert_int_equal(resolve(&s, tag + 1, "a\n", &found, &reason), 0);
	assert_int_equal(reason, CHAIN_ROTATED);
	/* one with other content */
	assert_int_equal(resolve(&s, tag, "a\n", &found, &reason), 0);
	assert_int_equal(reason, CHAIN_TRUNCATED);
	/* a compressed one that can be it, */
	disk_write_bytes(
		disk_path(s.folder, "app.log.2.gz"), "gzipgzip\x02\0\0\0", 12);
	assert_int_equal(resolve(&s, tag + 1, "a\n", &found, &reason), 0);
	assert_int_equal(reason, CHAIN_COMPRESSED);
	/* and that was too short ever to be */
	assert_int_equal(resolve(&s, tag + 1, "abc\n", &found, &reason), 0);
	assert_int_equal(reason, CHAIN_ROTATED);
	/* the start of a file that nobody knows */
	assert_int_equal(
		chain_resolve(&s.chain, tag, 0, 77, &found, &reason), 0);
	assert_int_equal(reason, CHAIN_UNKNOWN);
	chain_release(&s.chain);
}

static void more_than_can_be_held_are_not_brought_in(void **state)
{
	enum chain_reason reason;
	struct file *found;
	struct stand s;

	(void)state;
	prepare(&s);
	for (int i = 1; i <= CHAIN_FILES_MAX + 5; i++)
		disk_write(sibling(&s, i), "generation %d\n", i);
	disk_write(s.log, "current\n");
	look(&s);
	assert_int_equal(
		resolve(&s, 1, "generation 517\n", &found, &reason), 0);
	assert_int_equal(reason, CHAIN_ROTATED);
	assert_int_equal(s.chain.count, 1);
	assert_int_equal(resolve(&s, 1, "generation 40\n", &found, &reason), 1);
	assert_int_equal(s.chain.count, 41);
	check(&s);
	chain_release(&s.chain);
}

/* ---- backwards, and forgetting */

static void goes_back_one_by_one(void **state)
{
	struct stand s;

	(void)state;
	prepare(&s);
	assert_null(chain_extend(&s.chain));
	assert_int_equal(errno, 0);
	disk_write(disk_path(s.folder, "app.log.4"), "never\n");
	disk_write(disk_path(s.folder, "app.log.3.gz"), "zipped\n");
	disk_write(sibling(&s, 2), "a\n");
	disk_write(sibling(&s, 1), "b\n");
	disk_write(s.log, "c\n");
	look(&s);
	assert_non_null(chain_extend(&s.chain));
	expect_files(&s, "b\n|c\n|");
	assert_non_null(chain_extend(&s.chain));
	expect_files(&s, "a\n|b\n|c\n|");
	assert_null(chain_extend(&s.chain));
	assert_int_equal(errno, 0);
	check(&s);
	chain_release(&s.chain);
}

static void drops_what_nobody_needs(void **state)
{
	struct stand s;

	(void)state;
	prepare(&s);
	disk_write(s.log, "a\n");
	look(&s);
	for (char c = 'b'; c < 'g'; c++) {
		rotate(&s);
		disk_write(s.log, "%c\n", c);
		look(&s);
	}
	chain_sweep(&s.chain, s.chain.files[2]->serial);
	expect_files(&s, "c\n|d\n|e\n|f\n|");
	chain_sweep(&s.chain, UINT32_MAX);
	expect_files(&s, "f\n|");
	check(&s);
	chain_release(&s.chain);
}

static void keeps_few_files_that_have_no_name(void **state)
{
	uint32_t serials[CHAIN_UNLINKED_MAX + 4];
	struct stand s;

	(void)state;
	prepare(&s);
	for (int i = 0; i < CHAIN_UNLINKED_MAX + 4; i++) {
		disk_write(s.log, "%d\n", i);
		look(&s);
		serials[i] = chain_current(&s.chain)->serial;
		disk_remove(s.log);
	}
	disk_write(s.log, "current\n");
	look(&s);
	chain_sweep(&s.chain, 0);
	assert_int_equal(s.chain.count, CHAIN_UNLINKED_MAX + 1);
	for (int i = 0; i < CHAIN_UNLINKED_MAX + 4; i++) {
		const struct chain_loss *loss =
			chain_lost(&s.chain, serials[i]);

		assert_int_equal(loss != NULL, i < 4);
		if (loss) {
			assert_int_equal(loss->reason, CHAIN_DELETED);
			assert_int_equal(loss->size, 2);
		}
	}
	check(&s);
	chain_release(&s.chain);
}

/* Anything that happens to the names, and nothing is there twice. */
static void keeps_its_order_whatever_happens(void **state)
{
	struct stand s;

	(void)state;
	srand(3);
	prepare(&s);
	for (int i = 0; i < 400; i++) {
		switch (rand() % 8) {
		case 0:
		case 1:
			if (disk_exists(s.log))
				rotate(&s);
			break;
		case 2:
			if (disk_exists(s.log))
				disk_remove(s.log);
			break;
		case 3:
			if (disk_exists(sibling(&s, 3)))
				disk_remove(sibling(&s, 3));
			break;
		case 4:
			if (!disk_exists(s.log) && disk_exists(sibling(&s, 1)))
				disk_rename(sibling(&s, 1), s.log);
			break;
		case 5:
			chain_sweep(&s.chain,
				s.chain.count ? s.chain.files[s.chain.count / 2]
							->serial
					      : 0);
			break;
		case 6:
			chain_extend(&s.chain);
			break;
		default:
			disk_append(s.log, "%d\n", i);
		}
		if (rand() % 3)
			look(&s);
	}
	chain_release(&s.chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			begins_with_the_current_file, test_cleanup),
		cmocka_unit_test_teardown(
			takes_in_all_that_came_between, test_cleanup),
		cmocka_unit_test_teardown(begins_without_a_file, test_cleanup),
		cmocka_unit_test_teardown(says_how_the_path_is, test_cleanup),
		cmocka_unit_test_teardown(
			a_copy_takes_the_place_of_its_file, test_cleanup),
		cmocka_unit_test_teardown(
			without_a_copy_it_is_a_loss, test_cleanup),
		cmocka_unit_test_teardown(
			knows_what_came_during_a_look, test_cleanup),
		cmocka_unit_test_teardown(
			what_a_renamed_file_held_before_is_found_first,
			test_cleanup),
		cmocka_unit_test_teardown(
			an_empty_copy_is_waited_for_briefly, test_cleanup),
		cmocka_unit_test_teardown(
			finds_a_place_in_any_generation, test_cleanup),
		cmocka_unit_test_teardown(
			finds_room_between_any_two, test_cleanup),
		cmocka_unit_test_teardown(
			says_why_a_place_is_gone, test_cleanup),
		cmocka_unit_test_teardown(
			more_than_can_be_held_are_not_brought_in, test_cleanup),
		cmocka_unit_test_teardown(goes_back_one_by_one, test_cleanup),
		cmocka_unit_test_teardown(
			drops_what_nobody_needs, test_cleanup),
		cmocka_unit_test_teardown(
			keeps_few_files_that_have_no_name, test_cleanup),
		cmocka_unit_test_teardown(
			keeps_its_order_whatever_happens, test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
