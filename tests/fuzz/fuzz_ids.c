/*
 * The ids that writers give: the table of them against a list that is searched,
 * and their order against one digit after the other.
 *
 * Each line of the input is one step: "+ID" adds, "?ID" looks for, "*NUMBER"
 * adds as many others, until there are enough. An id may have blanks around it,
 * which do not count.
 */
#include <stdbool.h>
#include <string.h>

#include "common/ids.h"
#include "common/order.h"
#include "tests/fuzz/fuzz.h"

enum { STEPS = 64, ID_MAX = 255, OTHERS_MAX = IDS_MAX + 100 };

struct added {
	const char *id;
	size_t len;
	uint64_t number; /* the how manieth it was */
};

struct model {
	struct ids ids;
	uint64_t count; /* ever added */
	struct added list[STEPS];
	size_t list_count;
};

static void trim(const char **id, size_t *len)
{
	while (*len > 0 && (**id == ' ' || **id == '\t'))
		(*id)++, (*len)--;
	while (*len > 0 && ((*id)[*len - 1] == ' ' || (*id)[*len - 1] == '\t'))
		(*len)--;
}

static void add(struct model *m, const char *id, size_t len)
{
	struct place place = { .file = (uint32_t)(m->count & 0xfffff),
		.check = m->count * 3,
		.offset = m->count };

	ids_add(&m->ids, id, len, &place);
	trim(&id, &len);
	m->list[m->list_count++] = (struct added){ id, len, m->count++ };
}

static void add_others(struct model *m, const char *number, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len && count < OTHERS_MAX; i++)
		if (number[i] >= '0' && number[i] <= '9')
			count = count * 10 + (size_t)(number[i] - '0');
	for (size_t i = 0; i < count && m->count < OTHERS_MAX; i++) {
		struct place place = { .offset = m->count };
		/* No line has one that holds newlines. */
		char id[2 + sizeof(m->count)] = "\n";

		memcpy(id + 1, &m->count, sizeof(m->count));
		id[sizeof(id) - 1] = '\n';
		ids_add(&m->ids, id, sizeof(id), &place);
		m->count++;
	}
}

static void find(const struct model *m, const char *id, size_t len)
{
	const struct added *want = NULL;
	struct place place;
	bool found = ids_find(&m->ids, id, len, &place);

	trim(&id, &len);
	for (size_t i = 0; i < m->list_count; i++) {
		const struct added *one = &m->list[i];

		if (one->len == len && memcmp(one->id, id, len) == 0 &&
			m->count - one->number <= IDS_MAX)
			want = one;
	}
	MUST(found == (want != NULL));
	if (!want)
		return;
	MUST(place.offset == want->number && place.check == 3 * want->number);
	MUST(place.file == (want->number & 0xfffff));
}

/* ---- order */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool grows(const char *id)
{
	for (size_t i = 0;; i++) {
		bool begins = i == 0 || id[i - 1] == '-';

		if (begins ? !is_digit(id[i])
			   : !is_digit(id[i]) && id[i] && id[i] != '-')
			return false;
		if (!id[i])
			return true;
	}
}

/* The number that begins there, with as many digits as any has. */
static const char *pad(const char *id, char digits[ID_MAX])
{
	size_t len = 0;

	memset(digits, '0', ID_MAX);
	while (is_digit(id[len]))
		len++;
	memcpy(digits + ID_MAX - len, id, len);
	id += len;
	return *id ? id + 1 : id;
}

static int compare(const char *a, const char *b)
{
	while (*a && *b) {
		char x[ID_MAX], y[ID_MAX];
		int difference;

		a = pad(a, x);
		b = pad(b, y);
		difference = memcmp(x, y, ID_MAX);
		if (difference)
			return difference < 0 ? -1 : 1;
	}
	return (*a != '\0') - (*b != '\0');
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

static void check_order(const struct model *m)
{
	char texts[2][ID_MAX + 1];

	for (size_t i = 0; i < m->list_count; i++) {
		const struct added *one = &m->list[i];

		memcpy(texts[i % 2], one->id, one->len);
		texts[i % 2][one->len] = '\0';
		MUST(order_has(texts[i % 2]) == grows(texts[i % 2]));
		if (i == 0 || !grows(texts[0]) || !grows(texts[1]))
			continue;
		MUST(sign(order_compare(texts[0], texts[1])) ==
			compare(texts[0], texts[1]));
		MUST(sign(order_compare(texts[1], texts[0])) ==
			-compare(texts[0], texts[1]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct model m = { .count = 0 };

	MUST(ids_init(&m.ids) == 0);
	for (int i = 0; i < STEPS && at < end; i++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);

		if (len > 0 && len <= ID_MAX && *at == '+')
			add(&m, at + 1, len - 1);
		else if (len > 0 && len <= ID_MAX && *at == '?')
			find(&m, at + 1, len - 1);
		else if (len > 0 && *at == '*')
			add_others(&m, at + 1, len - 1);
		at += len + 1;
	}
	check_order(&m);
	ids_release(&m.ids);
	return 0;
}
