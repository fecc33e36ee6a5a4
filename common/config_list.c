#include "common/config_inside.h"

#include <stdlib.h>
#include <string.h>

/* The number of elements of an array that has some; 0 and a fault. */
static size_t length_of(struct config_reader *r, const struct config_key *key,
	const config_setting_t *array)
{
	if (config_setting_type(array) != CONFIG_TYPE_ARRAY) {
		config_bad_type(r, key, array);
		return 0;
	}
	if (config_setting_length(array) == 0)
		config_bad_value(r, key, array, "is empty");
	return (size_t)config_setting_length(array);
}

/* NULL where nothing is to be kept, too. */
static void *room_for(struct config_reader *r, size_t count, size_t bytes)
{
	void *room = count == 0 ? NULL : calloc(count, bytes);

	r->no_memory = r->no_memory || (room == NULL && count > 0);
	return room;
}

/* An element of an array, a string, and what to call it in a fault. */
struct element {
	const config_setting_t *value;
	struct config_key key;
	char name[48];
	const char *text; /* of libconfig's; NULL: there was a fault */
};

static void read_element(struct config_reader *r, const struct config_key *key,
	const config_setting_t *array, size_t i, struct element *e)
{
	e->value = config_setting_get_elem(array, (unsigned)i);
	snprintf(e->name, sizeof(e->name), "%s[%zu]", key->name, i);
	e->key = *key;
	e->key.name = e->name;
	e->text = config_string_of(r, &e->key, e->value);
}

static bool same_list(
	char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!config_same_text(a[i], b[i]))
			return false;
	return true;
}

static bool same_users(const void *a, const void *b)
{
	const struct access_rules *old = a, *new = b;

	return same_list(
		old->users, old->user_count, new->users, new->user_count);
}

static bool same_allow(const void *a, const void *b)
{
	const struct access_rules *old = a, *new = b;

	return old->allow_count == new->allow_count &&
	       (old->allow_count == 0 ||
		       memcmp(old->allow, new->allow,
			       old->allow_count * sizeof(*old->allow)) == 0);
}

static bool same_origins(const void *a, const void *b)
{
	const struct cors_rules *old = a, *new = b;

	if (old->is_any != new->is_any)
		return false;
	return same_list(old->origins, old->origin_count, new->origins,
		new->origin_count);
}

static bool same_source_origins(const void *a, const void *b)
{
	const struct source_config *old = a, *new = b;

	if (old->has_cors != new->has_cors)
		return false;
	return same_origins(&old->cors, &new->cors);
}

static void read_users(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	struct access_rules *rules = to;
	size_t length = length_of(r, key, value);

	rules->users = room_for(r, length, sizeof(*rules->users));
	if (rules->users == NULL)
		return;
	for (size_t i = 0; i < length; i++) {
		struct element e;

		read_element(r, key, value, i, &e);
		if (e.text == NULL)
			continue;
		if (strlen(e.text) > ACCESS_USER_MAX)
			config_bad_value(r, &e.key, e.value, "is too long");
		else
			config_keep(
				r, &rules->users[rules->user_count++], e.text);
	}
}
const struct value_kind value_users = { read_users, 0, same_users };

static void read_allow(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	static const char *const problems[] = {
		[ACCESS_BLOCK_NO_ADDRESS] = "is no IPv4 or IPv6 address",
		[ACCESS_BLOCK_NO_PREFIX] =
			"has a prefix that is not 0 to 32 (IPv4) or 0 to 128",
		[ACCESS_BLOCK_HOST_BITS] =
			"has bits behind its prefix that are not zero",
	};
	struct access_rules *rules = to;
	size_t length = length_of(r, key, value);

	rules->allow = room_for(r, length, sizeof(*rules->allow));
	if (rules->allow == NULL)
		return;
	for (size_t i = 0; i < length; i++) {
		enum access_block_outcome outcome;
		struct element e;

		read_element(r, key, value, i, &e);
		if (e.text == NULL)
			continue;
		outcome = access_read_block(
			&rules->allow[rules->allow_count], e.text);
		if (outcome == ACCESS_BLOCK_OK)
			rules->allow_count++;
		else
			config_bad_value(r, &e.key, e.value, problems[outcome]);
	}
}
const struct value_kind value_allow = { read_allow, 0, same_allow };

/* Here an empty list is no slip: nobody. */
static void read_metrics_allow(struct config_reader *r,
	const struct config_key *key, const config_setting_t *value, void *to)
{
	if (config_setting_type(value) != CONFIG_TYPE_ARRAY ||
		config_setting_length(value) > 0)
		read_allow(r, key, value, to);
}
const struct value_kind value_metrics_allow = { read_metrics_allow, 0,
	same_allow };

/*
 * Origins, or "*" alone, or none at all: a source that nobody elsewhere may
 * read although the whole says otherwise.
 */
static void read_origins(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	static const char *const problems[] = {
		[CORS_ORIGIN_NULL] = "is what any sandboxed page is",
		[CORS_ORIGIN_NO_ORIGIN] = "is no origin",
		[CORS_ORIGIN_PATH] = "has something behind the host and port",
		[CORS_ORIGIN_CASE] = "has capitals, which browsers do not send",
		[CORS_ORIGIN_WILDCARD] = "has a * that is not alone",
		[CORS_ORIGIN_PORT] = "has no port of 1 to 65535",
		[CORS_ORIGIN_DEFAULT] =
			"has the usual port, which browsers leave out",
	};
	struct cors_rules *rules = to;
	size_t length;

	if (config_setting_type(value) != CONFIG_TYPE_ARRAY) {
		config_bad_type(r, key, value);
		return;
	}
	length = (size_t)config_setting_length(value);
	rules->origins = room_for(r, length, sizeof(*rules->origins));
	if (rules->origins == NULL)
		return;
	for (size_t i = 0; i < length; i++) {
		enum cors_origin_outcome outcome;
		struct element e;

		read_element(r, key, value, i, &e);
		if (e.text == NULL)
			continue;
		if (length == 1 && strcmp(e.text, "*") == 0) {
			rules->is_any = true;
			continue;
		}
		outcome = cors_check_origin(e.text);
		if (outcome == CORS_ORIGIN_OK)
			config_keep(r, &rules->origins[rules->origin_count++],
				e.text);
		else
			config_bad_value(r, &e.key, e.value, problems[outcome]);
	}
}
const struct value_kind value_origins = { read_origins, 0, same_origins };

static void read_source_origins(struct config_reader *r,
	const struct config_key *key, const config_setting_t *value, void *to)
{
	struct source_config *source = to;

	source->has_cors = true;
	read_origins(r, key, value, &source->cors);
}
const struct value_kind value_source_origins = { read_source_origins, 0,
	same_source_origins };

/* ---- paths */

static bool same_paths(const void *a, const void *b)
{
	const struct path_list *old = a, *new = b;

	return same_list(old->list, old->count, new->list, new->count);
}

/* None at all may be meant: the default. */
static void read_paths(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	struct path_list *paths = to;
	size_t length;

	if (config_setting_type(value) != CONFIG_TYPE_ARRAY) {
		config_bad_type(r, key, value);
		return;
	}
	length = (size_t)config_setting_length(value);
	paths->list = room_for(r, length, sizeof(*paths->list));
	for (size_t i = 0; paths->list && i < length; i++) {
		struct element e;

		read_element(r, key, value, i, &e);
		if (e.text != NULL)
			config_keep_path(
				r, &paths->list[paths->count++], e.text);
	}
}
const struct value_kind value_paths = { read_paths, 0, same_paths };

void config_keep_paths(struct config_reader *r, struct path_list *to,
	const struct path_list *from)
{
	for (size_t i = 0; i < to->count; i++)
		free(to->list[i]);
	free(to->list);
	to->count = 0;
	to->list = room_for(r, from->count, sizeof(*to->list));
	for (size_t i = 0; to->list && i < from->count; i++)
		config_keep(r, &to->list[to->count++], from->list[i]);
}
