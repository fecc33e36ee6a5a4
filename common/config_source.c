#include "common/config_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/mount.h"

#define SOURCES_MAX 1000

static void set_source_defaults(
	struct config_reader *r, struct source_config *source)
{
	*source = (struct source_config){
		.type = SOURCE_FILE,
		.format = SPLIT_LINES,
		.quiet_ms = 200,
		.history = 10,
		.history_max = 1000,
		.max_line_bytes = 1048576,
		.spool_bytes = 16777216,
		.mode = 0620,
		.show = CLOCK_COUNT,
		.interval_ms = 1000,
	};
	config_keep(r, &source->time_format, "%Y-%m-%d %H:%M:%S");
}

/* Not asked where asking may hang: a reload has clients that wait. */
static bool leads_to_pipe(
	struct config_reader *r, const config_setting_t *group)
{
	const config_setting_t *value =
		config_setting_get_member(group, "path");
	const char *s = value == NULL ? NULL : config_setting_get_string(value);
	char *path = NULL;
	struct stat st;
	bool is_pipe;

	if (s == NULL)
		return false;
	config_keep_path(r, &path, s);
	is_pipe = path != NULL && !mount_may_hang(path, NULL) &&
		  stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
	free(path);
	return is_pipe;
}

/* The type of a source, looked up before its keys are read; any, where the
 * type is at fault: that is one fault and not one a key. */
static unsigned types_of(struct config_reader *r, const config_setting_t *group)
{
	const config_setting_t *type = config_setting_get_member(group, "type");
	const char *s;

	if (type == NULL)
		return leads_to_pipe(r, group) ? TYPE_FIFO : TYPE_FILE;
	s = config_setting_get_string(type);
	for (int i = 0; s != NULL && config_type_words[i] != NULL; i++)
		if (strcmp(config_type_words[i], s) == 0)
			return 1U << i;
	return TYPE_ANY;
}

static void check_history(struct config_reader *r,
	const config_setting_t *group, struct source_config *source)
{
	const config_setting_t *given =
		config_setting_get_member(group, "history");

	if (source->history <= source->history_max)
		return;
	/* The default stands where none is given, or a faulty one. */
	if (given == NULL || config_setting_get_int64(given) != source->history)
		source->history = source->history_max;
	else
		config_add_fault(r, config_setting_source_line(given),
			"history",
			"is more than history_max; expected at most %u",
			source->history_max);
}

/* A segment of the spool holds the longest record, however full it is. */
static void check_max_line(struct config_reader *r,
	const config_setting_t *group, struct source_config *source)
{
	const config_setting_t *given =
		config_setting_get_member(group, "max_line");
	size_t most = source->spool_bytes / 16;

	if (source->type != SOURCE_FIFO || source->max_line_bytes <= most)
		return;
	/* The default stands where none is given, or a faulty one. */
	if (given == NULL || config_setting_get_int64(given) !=
				     (long long)source->max_line_bytes)
		source->max_line_bytes = most;
	else
		config_add_fault(r, config_setting_source_line(given),
			"max_line",
			"is more than the spool can hold whole; expected at "
			"most %zu, a sixteenth of spool_size",
			most);
}

/* What is no block has no id. */
static void check_ids(struct config_reader *r, const config_setting_t *group,
	const struct source_config *source)
{
	if (source->ids != IDS_POSITION && source->format != SPLIT_BLOCKS)
		config_add_fault(r,
			config_setting_source_line(
				config_setting_get_member(group, "ids")),
			"ids",
			"is not \"position\" where nobody writes ids; "
			"expected format = \"sse\" beside it");
}

/* Two sources would tear what comes through a pipe apart. */
static void check_pipe(struct config_reader *r, const config_setting_t *group,
	const struct source_config *source)
{
	for (size_t i = 0; i < r->config->source_count; i++) {
		const struct source_config *other = &r->config->sources[i];

		if (source->type != SOURCE_FIFO || other->type != SOURCE_FIFO ||
			source->path == NULL || other->path == NULL ||
			strcmp(source->path, other->path) != 0)
			continue;
		config_add_fault(r,
			config_setting_source_line(
				config_setting_get_member(group, "path")),
			"path",
			"is the pipe of sources[%zu] too; expected one source "
			"for a pipe",
			i);
		return;
	}
}

/* The line of a key that is a boolean of that value; 0: it is not. */
static unsigned line_that_says(
	const config_setting_t *group, const char *key, bool what)
{
	const config_setting_t *value = config_setting_get_member(group, key);

	if (value == NULL || config_setting_type(value) != CONFIG_TYPE_BOOL ||
		(config_setting_get_bool(value) != 0) != what)
		return 0;
	return config_setting_source_line(value);
}

/*
 * Whoever contradicts himself about who may read has one of the two in mind,
 * and must not get the other. `public = false` and nothing else is such a
 * case: everybody may read what has no rule.
 */
static void check_access(struct config_reader *r, const config_setting_t *group)
{
	bool users = config_setting_get_member(group, "users") != NULL;
	bool rules = users || line_that_says(group, "require_user", true) ||
		     config_setting_get_member(group, "allow") != NULL;
	unsigned line;

	line = line_that_says(group, "public", true);
	if (line != 0 && rules)
		config_add_fault(r, line, "public",
			"is true beside require_user, users or allow; "
			"expected one or the other");
	line = line_that_says(group, "public", false);
	if (line != 0 && !rules)
		config_add_fault(r, line, "public",
			"is false and nobody is shut out; expected "
			"require_user, users or allow beside it");
	line = line_that_says(group, "require_user", false);
	if (line != 0 && users)
		config_add_fault(r, line, "require_user",
			"is false beside users; expected one or the other");
}

static void read_source(struct config_reader *r, const config_setting_t *group,
	struct source_config *source, int index)
{
	unsigned types;

	set_source_defaults(r, source);
	source->line = config_setting_source_line(group);
	if (!config_setting_is_group(group)) {
		snprintf(r->group, sizeof(r->group), "sources[%d]", index);
		config_add_fault(r, config_setting_source_line(group), "",
			"is %s; expected a group, { name = \"...\"; ... }",
			config_type_name(group));
	} else {
		snprintf(r->group, sizeof(r->group), "sources[%d].", index);
		types = types_of(r, group);
		if (types == TYPE_FIFO)
			source->type = SOURCE_FIFO;
		config_read_group(r, &config_source_keys, group, source, types);
		check_history(r, group, source);
		check_max_line(r, group, source);
		check_ids(r, group, source);
		check_pipe(r, group, source);
		check_access(r, group);
	}
	r->group[0] = '\0';
}

/* A page may never read with credentials what "*" opens to it: browsers refuse
 * (Fetch Standard, 3.2.5), and it would be told that any page may act as its
 * visitor. */
static void check_credentials(struct config_reader *r,
	const config_setting_t *group, const struct cors_rules *rules)
{
	if (r->config->cors_credentials && rules->is_any)
		config_add_fault(r,
			config_setting_source_line(config_setting_get_member(
				group, "cors_origins")),
			"cors_origins",
			"is \"*\" beside cors_credentials = true, which "
			"browsers refuse; expected exact origins");
}

void config_check_credentials(
	struct config_reader *r, const config_setting_t *root)
{
	const config_setting_t *list =
		config_setting_get_member(root, "sources");

	check_credentials(r, root, &r->config->cors);
	for (size_t i = 0; i < r->config->source_count; i++) {
		snprintf(r->group, sizeof(r->group), "sources[%zu].", i);
		check_credentials(r, config_setting_get_elem(list, (unsigned)i),
			&r->config->sources[i].cors);
	}
	r->group[0] = '\0';
}

static void read_sources(struct config_reader *r, const struct config_key *key,
	const config_setting_t *list, void *to)
{
	struct config *config = to;
	int length = config_setting_length(list);

	if (config_setting_type(list) != CONFIG_TYPE_LIST) {
		config_bad_type(r, key, list);
		return;
	}
	if (length == 0 || length > SOURCES_MAX) {
		config_bad_value(r, key, list,
			length == 0 ? "is empty" : "has over 1000 elements");
		return;
	}
	config->sources = calloc((size_t)length, sizeof(*config->sources));
	if (config->sources == NULL) {
		r->no_memory = true;
		return;
	}
	for (int i = 0; i < length; i++) {
		read_source(r, config_setting_get_elem(list, (unsigned)i),
			&config->sources[i], i);
		config->source_count++;
	}
}

const struct value_kind value_sources = { read_sources, 0, NULL };
