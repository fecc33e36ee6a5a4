#include "common/siblings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

#define TRIES 20

/* A run of this many digits is a date, not a count of rotations. */
#define DATE_DIGITS 6

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The length of a name without the ending of a compressed file. */
static size_t stem_length(const char *name)
{
	static const char *const endings[] = { ".gz", ".xz", ".bz2", ".zst" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && strcmp(name + len - n, endings[i]) == 0)
			return len - n;
	}
	return len;
}

/* ".1", "-20261120", ".2026-11-20_03", ".old": what rotation appends. */
static bool is_rotation_suffix(const char *s, size_t len)
{
	bool digit = false;

	if (len == 4 && memcmp(s, ".old", 4) == 0)
		return true;
	if (len < 2 || (s[0] != '.' && s[0] != '-' && s[0] != '_'))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (is_digit(s[i]))
			digit = true;
		else if (!strchr(".-_T", s[i]))
			return false;
	}
	return digit && is_digit(s[1]);
}

/* access-20261120.log of access.log: the suffix stands before the ending. */
static bool has_suffix_inside(const char *name, size_t len, const char *base)
{
	const char *dot = strrchr(base, '.');
	size_t before, after;

	if (!dot || dot == base)
		return false;
	before = (size_t)(dot - base);
	after = strlen(dot);
	if (len <= before + after)
		return false;
	return memcmp(name, base, before) == 0 &&
	       memcmp(name + len - after, dot, after) == 0 &&
	       is_rotation_suffix(name + before, len - before - after);
}

/* Do two names differ in runs of digits alone? */
static bool differs_in_digits(const char *a, size_t len, const char *b)
{
	const char *end = a + len;
	bool runs = false;

	while (a < end && *b) {
		if (is_digit(*a) && is_digit(*b)) {
			runs = true;
			while (a < end && is_digit(*a))
				a++;
			while (is_digit(*b))
				b++;
		} else if (*a++ != *b++) {
			return false;
		}
	}
	return runs && a == end && *b == '\0';
}

bool siblings_match(
	const char *name, const char *base, const char *pattern, bool linked)
{
	size_t len = stem_length(name), base_len = strlen(base);

	if (strcmp(name, base) == 0)
		return false;
	if (pattern)
		return fnmatch(pattern, name, 0) == 0;
	if (len > base_len && memcmp(name, base, base_len) == 0 &&
		is_rotation_suffix(name + base_len, len - base_len))
		return true;
	if (has_suffix_inside(name, len, base))
		return true;
	return linked && differs_in_digits(name, len, base);
}

/* Compares two runs of digits as numbers of any length. */
static int compare_numbers(
	const char *a, size_t a_len, const char *b, size_t b_len)
{
	while (a_len > 1 && *a == '0')
		a++, a_len--;
	while (b_len > 1 && *b == '0')
		b++, b_len--;
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return memcmp(a, b, a_len);
}

static size_t digits(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && is_digit(s[n]))
		n++;
	return n;
}

/* ".N" behind the base: the N-th rotation back. ".old" counts as the 1st. */
static bool rotation_count(
	const char *name, size_t len, const char *base, unsigned *count)
{
	size_t base_len = strlen(base);
	const char *s = name + base_len + 1;

	if (len <= base_len + 1 || memcmp(name, base, base_len) != 0 ||
		name[base_len] != '.')
		return false;
	*count = 1;
	if (len == base_len + 4 && memcmp(s, "old", 3) == 0)
		return true;
	if (len - base_len - 1 >= DATE_DIGITS ||
		digits(s, name + len) != len - base_len - 1)
		return false;
	*count = (unsigned)strtoul(s, NULL, 10);
	return true;
}

/*
 * Counts before... dated files are older than counted ones: where both are
 * found, the scheme was changed, and what logrotate counts now is younger.
 */
int siblings_compare(const char *a, const char *b, const char *base)
{
	size_t a_len = stem_length(a), b_len = stem_length(b);
	const char *a_end = a + a_len, *b_end = b + b_len;
	unsigned a_count, b_count;
	bool a_counted = rotation_count(a, a_len, base, &a_count);
	bool b_counted = rotation_count(b, b_len, base, &b_count);

	if (a_counted != b_counted)
		return a_counted ? 1 : -1;
	if (a_counted)
		return a_count == b_count ? 0 : a_count > b_count ? -1 : 1;
	while (a < a_end && b < b_end) {
		size_t an = digits(a, a_end), bn = digits(b, b_end);
		int order;

		if (an && bn) {
			order = compare_numbers(a, an, b, bn);
			if (order)
				return order < 0 ? -1 : 1;
			a += an;
			b += bn;
		} else if (*a != *b) {
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		} else {
			a++, b++;
		}
	}
	if (a == a_end && b == b_end)
		return 0;
	return a == a_end ? -1 : 1;
}

static int add(struct siblings *s, size_t *room, int dir, const char *name)
{
	struct sibling *one;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISREG(st.st_mode))
		return 0;
	if (s->count == *room) {
		size_t more = *room ? *room * 2 : 16;
		struct sibling *list;

		list = realloc(s->list, more * sizeof(*list));
		if (!list)
			return -1;
		s->list = list;
		*room = more;
	}
	one = &s->list[s->count++];
	memset(one, 0, sizeof(*one));
	memcpy(one->name, name, strnlen(name, sizeof(one->name) - 1));
	one->compressed = name[stem_length(name)] != '\0';
	one->dev = st.st_dev;
	one->ino = st.st_ino;
	one->size = (uint64_t)st.st_size;
	one->modified = st.st_mtim;
	one->tag = file_identity(dir, name, st.st_ino);
	return 0;
}

/* Of X and X.gz, X.gz is still being written. */
static void drop_twins(struct siblings *s, const char *base)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		bool twin = false;

		for (size_t j = 0; j < s->count && s->list[i].compressed; j++)
			if (!s->list[j].compressed &&
				siblings_compare(s->list[i].name,
					s->list[j].name, base) == 0)
				twin = true;
		if (!twin)
			s->list[kept++] = s->list[i];
	}
	s->count = kept;
}

static void sort(struct siblings *s, const char *base)
{
	for (size_t i = 1; i < s->count; i++) {
		struct sibling one = s->list[i];
		size_t j = i;

		for (; j > 0 && siblings_compare(s->list[j - 1].name, one.name,
					base) > 0;
			j--)
			s->list[j] = s->list[j - 1];
		s->list[j] = one;
	}
}

static int list_once(int dir, const char *base, const char *pattern,
	bool linked, struct siblings *out)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t room = 0;

	*out = (struct siblings){ 0 };
	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	errno = 0;
	while ((entry = readdir(d))) {
		if (!siblings_match(entry->d_name, base, pattern, linked))
			continue;
		if (add(out, &room, dir, entry->d_name) < 0)
			break;
		errno = 0;
	}
	if (entry || errno) {
		int error = errno;

		closedir(d);
		errno = error;
		return -1;
	}
	closedir(d);
	drop_twins(out, base);
	sort(out, base);
	return 0;
}

static bool agree(const struct siblings *a, const struct siblings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->list[i].name, b->list[i].name) != 0 ||
			a->list[i].ino != b->list[i].ino)
			return false;
	return true;
}

int siblings_list(int dir, const char *base, const char *pattern, bool linked,
	struct siblings *out)
{
	struct siblings before;

	if (list_once(dir, base, pattern, linked, &before) < 0) {
		*out = before;
		return -1;
	}
	for (int i = 0; i < TRIES; i++) {
		if (list_once(dir, base, pattern, linked, out) < 0) {
			siblings_release(&before);
			return -1;
		}
		if (agree(&before, out)) {
			siblings_release(&before);
			return 0;
		}
		siblings_release(&before);
		before = *out;
	}
	errno = EAGAIN;
	return -1;
}

void siblings_release(struct siblings *s)
{
	free(s->list);
	*s = (struct siblings){ 0 };
}
