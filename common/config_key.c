#include "common/config_inside.h"

#include <stdio.h>
#include <string.h>

const char *const config_type_words[] = { [SOURCE_FILE] = "file",
	[SOURCE_FIFO] = "fifo",
	[SOURCE_CLOCK] = "clock",
	NULL };

/* clang-format off */

#define AT(member) offsetof(struct config, member)
static const struct config_key global_keys[] = {
	{ "listen",       &value_listen, AT(listen), 0, false,
	  0, 0, "a path or \"ADDRESS:PORT\"" },
	{ "listen_mode",  &value_mode, AT(listen_mode), 0, false,
	  0, 0, "octal digits in quotes, \"0\" to \"0777\"" },
	{ "listen_group", &value_string, AT(listen_group), 0, false,
	  0, 0, "the name of a group in quotes" },
	{ "doctor",       &value_bool, AT(doctor), 0, false,
	  0, 0, "true or false" },
	{ "heartbeat",    &value_unsigned, AT(heartbeat_s), 0, false,
	  1, 3600, "seconds" },
	{ "retry",        &value_unsigned, AT(retry_ms), 0, false,
	  100, 3600000, "milliseconds" },
	{ "lifetime",     &value_unsigned, AT(lifetime_s), 0, false,
	  0, 604800, "seconds" },
	{ "stall",        &value_unsigned, AT(stall_s), 0, false,
	  1, 86400, "seconds" },
	{ "max_clients",  &value_unsigned, AT(max_clients), 0, false,
	  1, 1000000, "clients" },
	{ "max_clients_per_address", &value_unsigned,
	  AT(max_clients_per_address), 0, false,
	  0, 1000000, "clients" },
	{ "send_buffer",  &value_size, AT(send_buffer_bytes), 0, false,
	  4096, 16777216, "bytes" },
	{ "ring",         &value_size, AT(ring_bytes), 0, false,
	  65536, 1073741824, "bytes" },
	{ "incremental",  &value_bool, AT(incremental), 0, false,
	  0, 0, "true or false" },
	{ "log_clients",  &value_bool, AT(log_clients), 0, false,
	  0, 0, "true or false" },
	{ "trust_remote_user", &value_bool, AT(trust_remote_user), 0, false,
	  0, 0, "true or false" },
	{ "state_dir",    &value_path, AT(state_dir), 0, false,
	  0, 0, "the path of a folder in quotes" },
	{ "sandbox",      &value_bool, AT(sandbox), 0, false,
	  0, 0, "true or false" },
	{ "sandbox_paths", &value_paths, AT(sandbox_paths), 0, false,
	  0, 0, "paths of files and folders, [ \"/srv/logs\" ]" },
	{ "cors_origins", &value_origins, AT(cors), 0, false,
	  0, 0, "origins, [ \"https://example.org\" ], or [ \"*\" ]" },
	{ "cors_credentials", &value_bool, AT(cors_credentials), 0, false,
	  0, 0, "true or false" },
	{ "metrics_allow", &value_metrics_allow, AT(metrics), 0, false,
	  0, 0, "addresses and blocks, [ \"192.0.2.7\", \"10.0.0.0/8\" ]" },
	{ "sources",      &value_sources, 0, 0, true,
	  0, 0, "a list of groups, ( { name = \"...\"; ... }, ... )" },
};
#undef AT

#define AT(member) offsetof(struct source_config, member)
static const struct config_key source_keys[] = {
	{ "name",         &value_name, AT(name), 0, true,
	  0, 0, "1 to 64 letters, digits, dots, hyphens, underscores" },
	{ "type",         &value_type, AT(type), 0, false,
	  0, 0, "\"file\", \"fifo\" or \"clock\"" },
	{ "event",        &value_event, AT(event), 0, false,
	  0, 0, "1 to 128 bytes, no CR, LF or colon, and not open, "
	  "error, gap, waiting or busy" },
	{ "public",       &value_bool, AT(access.is_public), 0, false,
	  0, 0, "true or false" },
	{ "require_user", &value_bool, AT(access.require_user), 0, false,
	  0, 0, "true or false" },
	{ "users",        &value_users, AT(access), 0, false,
	  0, 0, "names of 1 to 255 bytes, [ \"ann\", \"bob\" ]" },
	{ "allow",        &value_allow, AT(access), 0, false,
	  0, 0, "addresses and blocks, "
	  "[ \"192.0.2.7\", \"10.0.0.0/8\", \"2001:db8::/32\" ]" },
	{ "cors_origins", &value_source_origins, 0, 0, false,
	  0, 0, "origins, [ \"https://example.org\" ], or [ \"*\" ]" },
	{ "path",         &value_path, AT(path), TYPE_LOG, true,
	  0, 0, "the path of a file or a pipe in quotes" },
	{ "format",       &value_format, AT(format), TYPE_LOG, false,
	  0, 0, "\"lines\", \"multiline\" or \"sse\"" },
	{ "ids",          &value_ids, AT(ids), TYPE_LOG, false,
	  0, 0, "\"position\", \"writer\" or \"ordered\"" },
	{ "quiet",        &value_unsigned, AT(quiet_ms), TYPE_LOG, false,
	  1, 60000, "milliseconds" },
	{ "history",      &value_unsigned, AT(history), TYPE_LOG, false,
	  0, 100000, "records" },
	{ "history_max",  &value_unsigned, AT(history_max), TYPE_LOG, false,
	  0, 100000, "records" },
	{ "max_line",     &value_size, AT(max_line_bytes), TYPE_LOG, false,
	  1024, 16777216, "bytes" },
	{ "rotated",      &value_pattern, AT(rotated), TYPE_FILE, false,
	  0, 0, "a pattern of file names, without folders" },
	{ "spool_size",   &value_size, AT(spool_bytes), TYPE_FIFO, false,
	  131072, INT64_C(1) << 40, "bytes" },
	{ "create",       &value_bool, AT(create), TYPE_FIFO, false,
	  0, 0, "true or false" },
	{ "mode",         &value_pipe_mode, AT(mode), TYPE_FIFO, false,
	  0, 0, "octal digits in quotes, \"0400\" to \"0777\"" },
	{ "group",        &value_string, AT(group), TYPE_FIFO, false,
	  0, 0, "the name of a group in quotes" },
	{ "show",         &value_show, AT(show), TYPE_CLOCK, false,
	  0, 0, "\"count\" or \"time\"" },
	{ "interval",     &value_interval, AT(interval_ms), TYPE_CLOCK, false,
	  0, 0, "a number from 0.01 to 86400 (seconds)" },
	{ "count",        &value_uint64, AT(count), TYPE_CLOCK, false,
	  0, INT64_MAX, "events; 0: endless" },
	{ "time_format",  &value_time_format, AT(time_format), TYPE_CLOCK, false,
	  0, 0, "1 to 255 bytes, as in strftime(3)" },
};
#undef AT

/* clang-format on */

const struct config_keys config_global_keys = { global_keys,
	COUNT_OF(global_keys) };
const struct config_keys config_source_keys = { source_keys,
	COUNT_OF(source_keys) };

static const struct config_key *find_key(
	const struct config_keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->list[i].name, name) == 0)
			return &keys->list[i];
	return NULL;
}

static void unknown_key(struct config_reader *r, const struct config_keys *keys,
	const config_setting_t *value)
{
	const char *name = config_setting_name(value);
	const char *what = "unknown key; expected one that this version knows";

	if (keys == &config_source_keys &&
		find_key(&config_global_keys, name) != NULL)
		what = "unknown key here; expected outside of the sources";
	if (keys == &config_global_keys &&
		find_key(&config_source_keys, name) != NULL)
		what = "unknown key here; expected in one of the sources";
	config_add_fault(
		r, config_setting_source_line(value), name, "%s", what);
}

static void misplaced_key(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value)
{
	char fitting[32] = "";

	for (int i = 0; config_type_words[i] != NULL; i++) {
		size_t len = strlen(fitting);

		if (key->only & (1U << i))
			snprintf(fitting + len, sizeof(fitting) - len,
				"%s\"%s\"", len == 0 ? "" : " or ",
				config_type_words[i]);
	}
	config_add_fault(r, config_setting_source_line(value), key->name,
		"does not fit the source's type; expected in type %s only",
		fitting);
}

static void read_key(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *into, unsigned types)
{
	const struct config_literal *literal = config_setting_get_hook(value);

	if (key->only != 0 && (key->only & types) == 0)
		misplaced_key(r, key, value);
	else if (literal != NULL)
		config_value_fault(r, key, literal->line, literal->what);
	else
		key->kind->read(r, key, value, (char *)into + key->offset);
}

/* Where the type is at fault, what only some types need is not missing. */
static bool is_missing(const struct config_key *key,
	const config_setting_t *group, unsigned types)
{
	return key->required &&
	       (key->only == 0 || (key->only & types) == types) &&
	       config_setting_get_member(group, key->name) == NULL;
}

void config_read_group(struct config_reader *r, const struct config_keys *keys,
	const config_setting_t *group, void *into, unsigned types)
{
	int length = config_setting_length(group);

	for (int i = 0; i < length; i++) {
		const config_setting_t *value =
			config_setting_get_elem(group, (unsigned)i);
		const struct config_key *key =
			find_key(keys, config_setting_name(value));

		if (key == NULL)
			unknown_key(r, keys, value);
		else
			read_key(r, key, value, into, types);
	}
	for (size_t i = 0; i < keys->count; i++)
		if (is_missing(&keys->list[i], group, types))
			config_bad_value(
				r, &keys->list[i], group, "is missing");
}
