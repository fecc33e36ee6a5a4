#include "common/config_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/place.h"

#define EVENT_MAX_BYTES	     128
#define TIME_FORMAT_MAX	     255
#define INTERVAL_MIN_SECONDS 0.01
#define INTERVAL_MAX_SECONDS 86400.0

bool config_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_text(const void *a, const void *b)
{
	return config_same_text(*(char *const *)a, *(char *const *)b);
}

const char *config_type_name(const config_setting_t *value)
{
	static const char *const names[] = {
		[CONFIG_TYPE_NONE] = "empty",
		[CONFIG_TYPE_GROUP] = "a group",
		[CONFIG_TYPE_INT] = "an integer",
		[CONFIG_TYPE_INT64] = "an integer",
		[CONFIG_TYPE_FLOAT] = "a number with a fraction",
		[CONFIG_TYPE_STRING] = "a string",
		[CONFIG_TYPE_BOOL] = "a boolean",
		[CONFIG_TYPE_ARRAY] = "an array",
		[CONFIG_TYPE_LIST] = "a list",
	};

	return names[config_setting_type(value)];
}

void config_value_fault(struct config_reader *r, const struct config_key *key,
	unsigned line, const char *problem)
{
	if (key->min == key->max)
		config_add_fault(r, line, key->name, "%s; expected %s", problem,
			key->expected);
	else
		config_add_fault(r, line, key->name,
			"%s; expected an integer from %lld to %lld (%s)",
			problem, (long long)key->min, (long long)key->max,
			key->expected);
}

void config_bad_value(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, const char *problem)
{
	config_value_fault(r, key, config_setting_source_line(value), problem);
}

void config_bad_type(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value)
{
	char problem[48];

	snprintf(problem, sizeof(problem), "is %s", config_type_name(value));
	config_bad_value(r, key, value, problem);
}

static bool read_integer(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, int64_t *n)
{
	int type = config_setting_type(value);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		config_bad_type(r, key, value);
		return false;
	}
	*n = type == CONFIG_TYPE_INT ? config_setting_get_int(value)
				     : config_setting_get_int64(value);
	if (*n < key->min || *n > key->max) {
		config_bad_value(r, key, value, "is out of range");
		return false;
	}
	return true;
}

static void read_unsigned(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	int64_t n;

	if (read_integer(r, key, value, &n))
		*(unsigned *)to = (unsigned)n;
}
const struct value_kind value_unsigned = { read_unsigned, sizeof(unsigned),
	NULL };

static void read_size(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	int64_t n;

	if (read_integer(r, key, value, &n))
		*(size_t *)to = (size_t)n;
}
const struct value_kind value_size = { read_size, sizeof(size_t), NULL };

static void read_uint64(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	int64_t n;

	if (read_integer(r, key, value, &n))
		*(uint64_t *)to = (uint64_t)n;
}
const struct value_kind value_uint64 = { read_uint64, sizeof(uint64_t), NULL };

static void read_bool(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	if (config_setting_type(value) == CONFIG_TYPE_BOOL)
		*(bool *)to = config_setting_get_bool(value) != 0;
	else
		config_bad_type(r, key, value);
}
const struct value_kind value_bool = { read_bool, sizeof(bool), NULL };

static void read_interval(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	double seconds;

	switch (config_setting_type(value)) {
	case CONFIG_TYPE_INT:
		seconds = config_setting_get_int(value);
		break;
	case CONFIG_TYPE_INT64:
		seconds = (double)config_setting_get_int64(value);
		break;
	case CONFIG_TYPE_FLOAT:
		seconds = config_setting_get_float(value);
		break;
	default:
		config_bad_type(r, key, value);
		return;
	}
	if (seconds < INTERVAL_MIN_SECONDS || seconds > INTERVAL_MAX_SECONDS)
		config_bad_value(r, key, value, "is out of range");
	else
		*(unsigned *)to = (unsigned)(seconds * 1000 + 0.5);
}
const struct value_kind value_interval = { read_interval, sizeof(unsigned),
	NULL };

/* A string that is not empty, or NULL and a fault. Of libconfig's. */
const char *config_string_of(struct config_reader *r,
	const struct config_key *key, const config_setting_t *value)
{
	const char *s;

	if (config_setting_type(value) != CONFIG_TYPE_STRING) {
		config_bad_type(r, key, value);
		return NULL;
	}
	s = config_setting_get_string(value);
	if (s[0] == '\0') {
		config_bad_value(r, key, value, "is empty");
		return NULL;
	}
	return s;
}

void config_keep(struct config_reader *r, char **to, const char *s)
{
	free(*to);
	*to = strdup(s);
	r->no_memory = r->no_memory || *to == NULL;
}

/* As keep, with the configuration's folder before a relative path. */
void config_keep_path(struct config_reader *r, char **to, const char *path)
{
	const char *file = r->config->file;
	int folder = (int)(strrchr(file, '/') - file);

	if (path[0] == '/') {
		config_keep(r, to, path);
		return;
	}
	free(*to);
	if (asprintf(to, "%.*s/%s", folder, file, path) < 0) {
		*to = NULL;
		r->no_memory = true;
	}
}

static void read_string(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	const char *s = config_string_of(r, key, value);

	if (s != NULL)
		config_keep(r, to, s);
}
const struct value_kind value_string = { read_string, 0, same_text };

static void read_path(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	const char *s = config_string_of(r, key, value);

	if (s != NULL)
		config_keep_path(r, to, s);
}
const struct value_kind value_path = { read_path, 0, same_text };

/* HOST:PORT has a colon and no slash. Whether it can be bound shows later. */
static void read_listen(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	const char *s = config_string_of(r, key, value);
	char **listen = to;

	if (s == NULL)
		return;
	if (strchr(s, '/') == NULL && strchr(s, ':') != NULL) {
		config_keep(r, listen, s);
		return;
	}
	config_keep_path(r, listen, s);
	if (*listen != NULL &&
		strlen(*listen) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		config_add_fault(r, config_setting_source_line(value),
			key->name,
			"is too long; expected a path of at most %zu bytes, "
			"the configuration's folder included",
			sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
}
const struct value_kind value_listen = { read_listen, 0, same_text };

/* A string, because 0660 as an integer is six hundred and sixty. */
static void read_mode(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	const char *s = config_string_of(r, key, value);
	size_t len;

	if (s == NULL)
		return;
	len = strspn(s, "01234567");
	if (s[len] != '\0' || len > 4 || strtoul(s, NULL, 8) > 0777)
		config_bad_value(r, key, value, "is no such mode");
	else
		*(mode_t *)to = (mode_t)strtoul(s, NULL, 8);
}
const struct value_kind value_mode = { read_mode, sizeof(mode_t), NULL };

static bool is_resolved_away(const char *s)
{
	return strcmp(s, ".") == 0 || strcmp(s, "..") == 0;
}

bool config_is_name(const char *s)
{
	size_t len = strspn(s, LETTERS_AND_DIGITS "_.-");

	return s[len] == '\0' && len > 0 && len <= SOURCE_NAME_MAX &&
	       !is_resolved_away(s);
}

/* A pipe that its owner may not read is of no use to this process. */
static void read_pipe_mode(struct config_reader *r,
	const struct config_key *key, const config_setting_t *value, void *to)
{
	mode_t mode = S_IRUSR;

	read_mode(r, key, value, &mode);
	if (mode & S_IRUSR)
		*(mode_t *)to = mode;
	else
		config_bad_value(r, key, value, "keeps the owner from reading");
}
const struct value_kind value_pipe_mode = { read_pipe_mode, sizeof(mode_t),
	NULL };

/* The name must differ from those of the sources before it, and so must the
 * tag that stands for it in an event id. */
static void check_unlike_others(struct config_reader *r,
	const struct config_key *key, const config_setting_t *value,
	const char *name)
{
	unsigned line = config_setting_source_line(value);
	uint16_t tag = place_source_tag(name);

	for (size_t i = 0; i < r->config->source_count; i++) {
		const char *other = r->config->sources[i].name;

		if (other == NULL)
			continue;
		if (strcmp(other, name) == 0) {
			config_add_fault(r, line, key->name,
				"is the name of sources[%zu] too; expected a "
				"name of its own",
				i);
			return;
		}
		if (place_source_tag(other) == tag) {
			config_add_fault(r, line, key->name,
				"looks like that of sources[%zu] in an event "
				"id; expected any other name",
				i);
			return;
		}
	}
}

static void read_name(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	const char *s = config_string_of(r, key, value);

	if (s == NULL)
		return;
	if (is_resolved_away(s)) {
		config_bad_value(r, key, value, "is resolved away by browsers");
		return;
	}
	if (!config_is_name(s)) {
		config_bad_value(r, key, value, "cannot be a name");
		return;
	}
	check_unlike_others(r, key, value, s);
	config_keep(r, to, s);
}
const struct value_kind value_name = { read_name, 0, same_text };

static bool is_reserved_event(const char *s)
{
	/* EventSource's own, then ours. */
	static const char *const reserved[] = { "open", "error", "gap",
		"waiting", "busy" };

	for (size_t i = 0; i < COUNT_OF(reserved); i++)
		if (strcmp(s, reserved[i]) == 0)
			return true;
	return false;
}

static void read_event(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	const char *s = config_string_of(r, key, value);

	if (s == NULL)
		return;
	if (is_reserved_event(s))
		config_bad_value(
			r, key, value, "is a type with a meaning already");
	else if (s[strcspn(s, "\r\n:")] != '\0' || strlen(s) > EVENT_MAX_BYTES)
		config_bad_value(r, key, value, "cannot be a type of events");
	else
		config_keep(r, to, s);
}
const struct value_kind value_event = { read_event, 0, same_text };

static void read_pattern(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	const char *s = config_string_of(r, key, value);

	if (s == NULL)
		return;
	if (strchr(s, '/') != NULL)
		config_bad_value(r, key, value, "has a slash");
	else
		config_keep(r, to, s);
}
const struct value_kind value_pattern = { read_pattern, 0, same_text };

static void read_time_format(struct config_reader *r,
	const struct config_key *key, const config_setting_t *value, void *to)
{
	const char *s = config_string_of(r, key, value);

	if (s == NULL)
		return;
	if (strlen(s) > TIME_FORMAT_MAX)
		config_bad_value(r, key, value, "is too long");
	else
		config_keep(r, to, s);
}
const struct value_kind value_time_format = { read_time_format, 0, same_text };

/* The index of a word in a list that ends with NULL; -1 and a fault. */
static int read_word(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, const char *const *words)
{
	const char *s = config_string_of(r, key, value);

	if (s == NULL)
		return -1;
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], s) == 0)
			return i;
	config_bad_value(r, key, value, "is unknown");
	return -1;
}

static void read_type(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	int type = read_word(r, key, value, config_type_words);

	if (type >= 0)
		*(enum source_type *)to = (enum source_type)type;
}
const struct value_kind value_type = { read_type, sizeof(enum source_type),
	NULL };

static void read_show(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	static const char *const words[] = {
		[CLOCK_COUNT] = "count", [CLOCK_TIME] = "time", NULL
	};
	int show = read_word(r, key, value, words);

	if (show >= 0)
		*(enum clock_show *)to = (enum clock_show)show;
}
const struct value_kind value_show = { read_show, sizeof(enum clock_show),
	NULL };

static void read_format(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	static const char *const words[] = { [SPLIT_LINES] = "lines",
		[SPLIT_MULTILINE] = "multiline",
		[SPLIT_BLOCKS] = "sse",
		NULL };
	int format = read_word(r, key, value, words);

	if (format >= 0)
		*(enum split_format *)to = (enum split_format)format;
}
const struct value_kind value_format = { read_format, sizeof(enum split_format),
	NULL };

static void read_ids(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, void *to)
{
	static const char *const words[] = { [IDS_POSITION] = "position",
		[IDS_WRITER] = "writer",
		[IDS_ORDERED] = "ordered",
		NULL };
	int ids = read_word(r, key, value, words);

	if (ids >= 0)
		*(enum config_ids *)to = (enum config_ids)ids;
}
const struct value_kind value_ids = { read_ids, sizeof(enum config_ids), NULL };
