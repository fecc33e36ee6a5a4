#include "common/config_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep_or_none(struct config_reader *r, char **to, const char *s)
{
	if (s != NULL) {
		config_keep(r, to, s);
		return;
	}
	free(*to);
	*to = NULL;
}

/* What cannot be compared is taken for another one. */
static bool is_same(const struct config_key *key, const void *a, const void *b)
{
	a = (const char *)a + key->offset;
	b = (const char *)b + key->offset;
	if (key->kind->same != NULL)
		return key->kind->same(a, b);
	return key->kind->bytes > 0 && memcmp(a, b, key->kind->bytes) == 0;
}

bool config_same_source(
	const struct source_config *a, const struct source_config *b)
{
	for (size_t i = 0; i < config_source_keys.count; i++)
		if (!is_same(&config_source_keys.list[i], a, b))
			return false;
	return true;
}

bool config_same_access(const struct config *a, const struct config *b)
{
	return a->trust_remote_user == b->trust_remote_user &&
	       a->cors_credentials == b->cors_credentials &&
	       value_origins.same(&a->cors, &b->cors);
}

/* What is opened or taken at the start, and held. */
static bool is_fixed(const struct config_key *key)
{
	static const char *const names[] = { "listen", "listen_mode",
		"listen_group", "state_dir", "sandbox", "sandbox_paths" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(key->name, names[i]) == 0)
			return true;
	return false;
}

static void copy_value(struct config_reader *r, const struct config_key *key,
	const struct config *from)
{
	char *to = (char *)r->config + key->offset;
	const char *value = (const char *)from + key->offset;

	if (key->kind == &value_paths)
		config_keep_paths(r, (struct path_list *)to,
			(const struct path_list *)value);
	else if (key->kind->bytes > 0)
		memcpy(to, value, key->kind->bytes);
	else
		keep_or_none(r, (char **)to, *(char *const *)value);
}

int config_keep_fixed(struct config *config, const struct config *running,
	char *names, size_t size)
{
	struct config_reader r = { .config = config };
	size_t len = 0;

	names[0] = '\0';
	for (size_t i = 0; i < config_global_keys.count; i++) {
		const struct config_key *key = &config_global_keys.list[i];

		if (!is_fixed(key) || is_same(key, config, running))
			continue;
		if (len < size)
			len += (size_t)snprintf(names + len, size - len, "%s%s",
				len == 0 ? "" : ", ", key->name);
		copy_value(&r, key, running);
	}
	return r.no_memory ? -1 : 0;
}
