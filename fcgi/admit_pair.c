/* Name-value pairs (FastCGI 3.4): the parameters, and values asked for. */
#include "fcgi/admit_inside.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"

struct pair {
	const char *name;
	const char *value;
	size_t name_len;
	size_t value_len;
};

/* A length takes one byte, or four with the highest bit set. */
static bool read_length(const char **at, const char *end, size_t *len)
{
	const unsigned char *p = (const unsigned char *)*at;

	if (*at == end)
		return false;
	if (p[0] < 0x80) {
		*len = p[0];
		*at += 1;
		return true;
	}
	if (end - *at < 4)
		return false;
	*len = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
	       (size_t)p[2] << 8 | p[3];
	*at += 4;
	return true;
}

/* False when there is no whole pair at *at, which is then not moved. */
static bool read_pair(const char **at, const char *end, struct pair *pair)
{
	const char *p = *at;

	if (!read_length(&p, end, &pair->name_len) ||
		!read_length(&p, end, &pair->value_len) ||
		pair->name_len > (size_t)(end - p) ||
		pair->value_len > (size_t)(end - p) - pair->name_len)
		return false;
	pair->name = p;
	pair->value = p + pair->name_len;
	*at = pair->value + pair->value_len;
	return true;
}

char *admit_put_length(char *out, size_t len)
{
	if (len >= 0x80) {
		*out++ = (char)(0x80 | len >> 24);
		*out++ = (char)(len >> 16);
		*out++ = (char)(len >> 8);
	}
	*out++ = (char)len;
	return out;
}

static bool same_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* FCGI_GET_VALUES, section 4.1. */

bool admit_add_values(
	struct buffer *answer, const struct buffer *asked, size_t connections)
{
	static const char *const names[] = { FCGI_MAX_CONNS, FCGI_MAX_REQS,
		FCGI_MPXS_CONNS };
	enum { NAMES = sizeof(names) / sizeof(*names) };
	bool wanted[NAMES] = { false };
	char content[NAMES * 64];
	size_t len = 0;
	const char *at = asked->len ? asked->data : "";
	const char *end = at + asked->len;
	struct pair pair;

	while (at != end) {
		if (!read_pair(&at, end, &pair))
			return false;
		for (size_t i = 0; i < NAMES; i++)
			if (same_bytes(pair.name, pair.name_len, names[i],
				    strlen(names[i])))
				wanted[i] = true;
	}
	for (size_t i = 0; i < NAMES; i++) {
		bool is_mpxs = strcmp(names[i], FCGI_MPXS_CONNS) == 0;
		char value[24];

		if (!wanted[i])
			continue;
		snprintf(value, sizeof(value), "%zu",
			is_mpxs ? (size_t)0 : connections);
		content[len++] = (char)strlen(names[i]);
		content[len++] = (char)strlen(value);
		len += (size_t)snprintf(content + len, sizeof(content) - len,
			"%s%s", names[i], value);
	}
	admit_add_record(answer, FCGI_GET_VALUES_RESULT, FCGI_NULL_REQUEST_ID,
		content, len);
	return true;
}

/* The parameters, when they are complete. */

enum pair_fate { PAIR_KEEP, PAIR_DROP, PAIR_REFUSE };

static void say_ambiguous(
	char fault[ADMIT_FAULT_BYTES], const struct pair *pair)
{
	char name[ADMIT_NAME_SHOWN + 1];
	char shown[4 * ADMIT_NAME_SHOWN + 1];
	size_t len = admit_least(pair->name_len, ADMIT_NAME_SHOWN);

	memcpy(name, pair->name, len);
	name[len] = '\0';
	snprintf(fault, ADMIT_FAULT_BYTES,
		"the web server sends parameter %s twice, with different "
		"values",
		log_escape(shown, sizeof(shown), name));
}

static enum pair_fate judge(const struct pair *pair, const struct pair *before,
	size_t count, char fault[ADMIT_FAULT_BYTES])
{
	if (pair->name_len == 0 || memchr(pair->name, '\0', pair->name_len) ||
		memchr(pair->name, '=', pair->name_len)) {
		snprintf(fault, ADMIT_FAULT_BYTES,
			"the web server sends a parameter whose name is empty "
			"or holds '=' or NUL");
		return PAIR_REFUSE;
	}
	for (size_t i = 0; i < count; i++) {
		if (!same_bytes(pair->name, pair->name_len, before[i].name,
			    before[i].name_len))
			continue;
		if (same_bytes(pair->value, pair->value_len, before[i].value,
			    before[i].value_len))
			return PAIR_DROP;
		if (pair->name_len > 5 && memcmp(pair->name, "HTTP_", 5) == 0)
			return PAIR_DROP;
		say_ambiguous(fault, pair);
		return PAIR_REFUSE;
	}
	return PAIR_KEEP;
}

/* Moves a pair down to `out` with the shortest lengths; returns its end. */
static char *put_pair(char *out, struct pair *pair)
{
	size_t len = pair->name_len + pair->value_len;
	const char *from = pair->name;

	out = admit_put_length(out, pair->name_len);
	out = admit_put_length(out, pair->value_len);
	memmove(out, from, len);
	pair->name = out;
	pair->value = out + pair->name_len;
	return out + len;
}

static void replace_nul(char *bytes, size_t len)
{
	char *nul;

	while ((nul = memchr(bytes, '\0', len)) != NULL)
		*nul = '\001';
}

int admit_normalise(struct buffer *params, char fault[ADMIT_FAULT_BYTES])
{
	struct pair pairs[ADMIT_PARAMS_MAX];
	size_t count = 0;
	size_t seen = 0;

	fault[0] = '\0';
	if (params->len == 0)
		return 0;

	const char *at = params->data;
	const char *end = params->data + params->len;
	char *out = params->data;

	while (at != end) {
		struct pair *pair = &pairs[count];

		if (++seen > ADMIT_PARAMS_MAX)
			return -1;
		if (!read_pair(&at, end, pair)) {
			snprintf(fault, ADMIT_FAULT_BYTES,
				"the lengths of the parameters do not fit");
			return -1;
		}
		replace_nul(params->data + (pair->value - params->data),
			pair->value_len);
		switch (judge(pair, pairs, count, fault)) {
		case PAIR_REFUSE:
			return -1;
		case PAIR_DROP:
			break;
		case PAIR_KEEP:
			out = put_pair(out, pair);
			count++;
		}
	}
	params->len = (size_t)(out - params->data);
	return (int)count;
}
