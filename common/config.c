#include "common/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/mount.h"
#include "common/place.h"

#define FILE_MAX_BYTES	     (1024 * 1024)
#define SOURCES_MAX	     1000
#define HISTORY_LIMIT	     100000
#define EVENT_MAX_BYTES	     128
#define TIME_FORMAT_MAX	     255
#define STATE_DIR_USUAL	     "/var/lib/ssetail"
#define INTERVAL_MIN_SECONDS 0.01
#define INTERVAL_MAX_SECONDS 86400.0

#define LETTERS_AND_DIGITS                                                     \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"                                           \
	"abcdefghijklmnopqrstuvwxyz0123456789"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One reading of one file. */
struct reader {
	struct config *config;
	struct config_faults *faults;
	char group[32]; /* before a key's name: "sources[2]." or "" */
	bool no_memory;
};

/*
 * A literal that libconfig would change without a word. The lexer finds it
 * in the text, and the setting it belongs to gets it as its hook: settings are
 * numbered, on both sides, in the order of the text.
 */
struct literal {
	unsigned setting;
	unsigned line;
	const char *what;
};

/* The place for a fault of that line: behind all that are not later. */
static struct config_fault *insert_fault(
	struct config_faults *faults, unsigned line)
{
	size_t count = faults->count;

	/* Full at every power of two. */
	if ((count & (count - 1)) == 0) {
		size_t cap = count == 0 ? 1 : 2 * count;
		struct config_fault *list =
			realloc(faults->list, cap * sizeof(*list));

		if (list == NULL)
			return NULL;
		faults->list = list;
	}

	size_t at = count;

	while (at > 0 && faults->list[at - 1].line > line)
		at--;
	memmove(&faults->list[at + 1], &faults->list[at],
		(count - at) * sizeof(*faults->list));
	faults->count++;
	return &faults->list[at];
}

__attribute__((format(printf, 4, 5))) static void fault(struct reader *r,
	unsigned line, const char *key, const char *format, ...)
{
	struct config_fault *f = insert_fault(r->faults, line);
	va_list args;

	if (f == NULL) {
		r->no_memory = true;
		return;
	}
	f->line = line;
	snprintf(f->key, sizeof(f->key), "%s%s", r->group, key);
	va_start(args, format);
	vsnprintf(f->what, sizeof(f->what), format, args);
	va_end(args);
}

void config_faults_release(struct config_faults *faults)
{
	free(faults->list);
	*faults = (struct config_faults){ NULL, 0, false };
}

void config_fault_text(
	const struct config_fault *f, const char *path, char *text, size_t size)
{
	char line[16] = "";

	if (f->line != 0)
		snprintf(line, sizeof(line), ":%u", f->line);
	snprintf(text, size, "%s%s: %s%s%s", path, line, f->key,
		f->key[0] == '\0' ? "" : ": ", f->what);
}

void config_faults_print(const struct config_faults *faults, const char *path)
{
	for (size_t i = 0; i < faults->count; i++) {
		char text[CONFIG_FAULT_TEXT];

		config_fault_text(&faults->list[i], path, text, sizeof(text));
		dprintf(STDERR_FILENO, "%s\n", text);
	}
}

/* NULL with errno. */
static char *make_absolute(const char *path)
{
	if (path[0] == '/')
		return strdup(path);

	char *folder = getcwd(NULL, 0);
	char *absolute = NULL;

	if (folder == NULL)
		return NULL;
	if (asprintf(&absolute, "%s/%s", folder, path) < 0) {
		absolute = NULL;
		errno = ENOMEM;
	}
	free(folder);
	return absolute;
}

static void unreadable(struct reader *r, const char *why)
{
	fault(r, 0, "", "%s", why);
	r->faults->unreadable = true;
}

/* A FIFO or a terminal in the file's place would hold up a reload. */
static int open_regular(struct reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		unreadable(r, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		unreadable(r, strerror(EISDIR));
	else if (!S_ISREG(st.st_mode))
		unreadable(r, "Not a regular file");
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Appends the file, or the first of it that is too much. */
static int read_all(int fd, struct buffer *text)
{
	while (text->len <= FILE_MAX_BYTES) {
		char *to = buffer_reserve(text, 16384);
		ssize_t got = to == NULL ? -1 : read(fd, to, 16384);

		if (got == 0)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		text->len += (size_t)got;
	}
	return 0;
}

static bool read_text(struct reader *r, const char *path, struct buffer *text)
{
	int fd = open_regular(r, path);

	if (fd < 0)
		return false;
	if (read_all(fd, text) < 0 && !text->failed)
		unreadable(r, strerror(errno));
	close(fd);
	if (text->len > FILE_MAX_BYTES)
		fault(r, 0, "", "is too large; expected at most 1 MiB");
	return !text->failed && r->faults->count == 0;
}

/* The line of the first NUL; 0: none. */
static unsigned line_of_nul(const struct buffer *text)
{
	unsigned line = 1;

	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '\0')
			return line;
		if (text->data[i] == '\n')
			line++;
	}
	return 0;
}

/*
 * The text, walked by the rules of libconfig's own lexer, for what that one
 * does without a word: integers of more than 32 bits wrap, a string ends at
 * its first \x00, an open comment swallows the rest, and @include reads other
 * files, which would not have been looked at.
 */
struct lexer {
	struct reader *r;
	const char *at; /* the text ends with a NUL */
	unsigned line;
	unsigned last_line; /* that is not empty */
	unsigned setting;   /* settings begun so far */
	bool broken;	    /* libconfig must not see this */
	struct literal *list;
	size_t count;
};

static void lex_break(struct lexer *lex, unsigned line, const char *what)
{
	fault(lex->r, line, "", "%s", what);
	lex->broken = true;
}

static void lex_literal(struct lexer *lex, const char *what)
{
	struct literal *last =
		lex->count == 0 ? NULL : &lex->list[lex->count - 1];

	/* One is enough for a setting. */
	if (last != NULL && last->setting == lex->setting)
		return;

	struct literal *list =
		realloc(lex->list, (lex->count + 1) * sizeof(*list));

	if (list == NULL) {
		lex->r->no_memory = true;
		return;
	}
	lex->list = list;
	lex->list[lex->count++] =
		(struct literal){ lex->setting, lex->line, what };
}

static void lex_step(struct lexer *lex)
{
	if (*lex->at == '\n')
		lex->line++;
	lex->at++;
}

static void lex_line_comment(struct lexer *lex)
{
	lex->at += strcspn(lex->at, "\n");
}

static void lex_block_comment(struct lexer *lex)
{
	unsigned first = lex->line;

	lex->at += 2;
	while (*lex->at != '\0' && strncmp(lex->at, "*/", 2) != 0)
		lex_step(lex);
	if (*lex->at == '\0')
		lex_break(lex, first,
			"a comment begins here and never ends; "
			"expected */");
	else
		lex->at += 2;
}

static void lex_string(struct lexer *lex)
{
	unsigned first = lex->line;

	lex->at++;
	while (*lex->at != '\0' && *lex->at != '"') {
		if (strncasecmp(lex->at, "\\x00", 4) == 0)
			lex_literal(lex, "holds a NUL (\\x00)");
		if (*lex->at == '\\' && lex->at[1] != '\0')
			lex->at++;
		lex_step(lex);
	}
	if (*lex->at == '\0')
		lex_break(lex, first,
			"a string begins here and never ends; "
			"expected a closing quote");
	else
		lex->at++;
}

/* A name is skipped whole: the digits in it are not a number. */
static void lex_name(struct lexer *lex)
{
	lex->at += strspn(lex->at, LETTERS_AND_DIGITS "-_*");
}

static bool is_float(const char *after_digits)
{
	return *after_digits == '.' || *after_digits == 'e' ||
	       *after_digits == 'E';
}

static void lex_float(struct lexer *lex)
{
	lex->at += strspn(lex->at, "+-0123456789.");
	if (*lex->at != 'e' && *lex->at != 'E')
		return;
	lex->at++;
	lex->at += strspn(lex->at, "+-0123456789");
}

static void lex_number(struct lexer *lex)
{
	bool negative = *lex->at == '-';
	const char *digits = lex->at + (negative || *lex->at == '+');
	bool hex = strncasecmp(digits, "0x", 2) == 0;
	char *end;

	errno = 0;
	unsigned long long n = strtoull(digits, &end, hex ? 16 : 10);
	bool fits = errno == 0;

	if (!hex && is_float(end)) {
		lex_float(lex);
		return;
	}

	bool wide = *end == 'L';
	unsigned long long most = wide ? INT64_MAX : INT32_MAX;

	if (!fits || n > most + (negative ? 1 : 0))
		lex_literal(
			lex, wide ? "does not fit in 64 bits"
				  : "does not fit in 32 bits (a larger integer "
				    "ends with L)");
	lex->at = end + strspn(end, "L");
}

static bool begins_number(const char *at)
{
	if (*at == '+' || *at == '-')
		at++;
	return isdigit((unsigned char)*at) ||
	       (*at == '.' && isdigit((unsigned char)at[1]));
}

static void lex_token(struct lexer *lex)
{
	if (*lex->at == '#' || strncmp(lex->at, "//", 2) == 0) {
		lex_line_comment(lex);
	} else if (strncmp(lex->at, "/*", 2) == 0) {
		lex_block_comment(lex);
	} else if (*lex->at == '"') {
		lex_string(lex);
	} else if (isalpha((unsigned char)*lex->at) || *lex->at == '*') {
		lex_name(lex);
	} else if (begins_number(lex->at)) {
		lex_number(lex);
	} else {
		if (*lex->at == '@')
			lex_break(lex, lex->line,
				"@include is not supported; expected all "
				"settings in one file");
		if (*lex->at == '=' || *lex->at == ':')
			lex->setting++;
		lex_step(lex);
	}
}

static void lex_text(struct lexer *lex)
{
	while (*lex->at != '\0' && !lex->broken) {
		if (!isspace((unsigned char)*lex->at))
			lex->last_line = lex->line;
		lex_token(lex);
	}
}

/* Hands the literals to their settings; returns the number of the last. */
static unsigned attach_literals(config_setting_t *parent, struct lexer *lex,
	unsigned number, size_t *next)
{
	int length = config_setting_length(parent);

	for (int i = 0; i < length; i++) {
		config_setting_t *child =
			config_setting_get_elem(parent, (unsigned)i);

		if (config_setting_name(child) != NULL)
			number++;
		if (*next < lex->count && lex->list[*next].setting == number)
			config_setting_set_hook(child, &lex->list[(*next)++]);
		if (config_setting_is_aggregate(child))
			number = attach_literals(child, lex, number, next);
	}
	return number;
}

/* Types of sources, as a set. */
#define TYPE_FILE  (1U << SOURCE_FILE)
#define TYPE_FIFO  (1U << SOURCE_FIFO)
#define TYPE_CLOCK (1U << SOURCE_CLOCK)
#define TYPE_LOG   (TYPE_FILE | TYPE_FIFO) /* what has records of others */
#define TYPE_ANY   (TYPE_LOG | TYPE_CLOCK)

static const char *const type_words[] = { [SOURCE_FILE] = "file",
	[SOURCE_FIFO] = "fifo",
	[SOURCE_CLOCK] = "clock",
	NULL };

struct key;

/* Reads one value into `to`, or leaves the default there and reports. */
typedef void read_value(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to);

struct key {
	const char *name;
	read_value *read;
	size_t offset; /* in struct config or struct source_config */
	unsigned only; /* for these types of sources; 0: for any */
	bool required;
	int64_t min, max;     /* of an integer; else both 0 */
	const char *expected; /* of an integer: what it counts */
};

static const char *type_name(const config_setting_t *value)
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

static void value_fault(struct reader *r, const struct key *key, unsigned line,
	const char *problem)
{
	if (key->min == key->max)
		fault(r, line, key->name, "%s; expected %s", problem,
			key->expected);
	else
		fault(r, line, key->name,
			"%s; expected an integer from %lld to %lld (%s)",
			problem, (long long)key->min, (long long)key->max,
			key->expected);
}

static void bad_value(struct reader *r, const struct key *key,
	const config_setting_t *value, const char *problem)
{
	value_fault(r, key, config_setting_source_line(value), problem);
}

static void bad_type(
	struct reader *r, const struct key *key, const config_setting_t *value)
{
	char problem[48];

	snprintf(problem, sizeof(problem), "is %s", type_name(value));
	bad_value(r, key, value, problem);
}

static bool read_integer(struct reader *r, const struct key *key,
	const config_setting_t *value, int64_t *n)
{
	int type = config_setting_type(value);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		bad_type(r, key, value);
		return false;
	}
	*n = type == CONFIG_TYPE_INT ? config_setting_get_int(value)
				     : config_setting_get_int64(value);
	if (*n < key->min || *n > key->max) {
		bad_value(r, key, value, "is out of range");
		return false;
	}
	return true;
}

static void read_unsigned(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	int64_t n;

	if (read_integer(r, key, value, &n))
		*(unsigned *)to = (unsigned)n;
}

static void read_size(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	int64_t n;

	if (read_integer(r, key, value, &n))
		*(size_t *)to = (size_t)n;
}

static void read_uint64(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	int64_t n;

	if (read_integer(r, key, value, &n))
		*(uint64_t *)to = (uint64_t)n;
}

static void read_bool(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	if (config_setting_type(value) == CONFIG_TYPE_BOOL)
		*(bool *)to = config_setting_get_bool(value) != 0;
	else
		bad_type(r, key, value);
}

static void read_interval(struct reader *r, const struct key *key,
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
		bad_type(r, key, value);
		return;
	}
	if (seconds < INTERVAL_MIN_SECONDS || seconds > INTERVAL_MAX_SECONDS)
		bad_value(r, key, value, "is out of range");
	else
		*(unsigned *)to = (unsigned)(seconds * 1000 + 0.5);
}

/* A string that is not empty, or NULL and a fault. Of libconfig's. */
static const char *string_of(
	struct reader *r, const struct key *key, const config_setting_t *value)
{
	const char *s;

	if (config_setting_type(value) != CONFIG_TYPE_STRING) {
		bad_type(r, key, value);
		return NULL;
	}
	s = config_setting_get_string(value);
	if (s[0] == '\0') {
		bad_value(r, key, value, "is empty");
		return NULL;
	}
	return s;
}

static void keep(struct reader *r, char **to, const char *s)
{
	free(*to);
	*to = strdup(s);
	r->no_memory = r->no_memory || *to == NULL;
}

static void keep_or_none(struct reader *r, char **to, const char *s)
{
	if (s != NULL) {
		keep(r, to, s);
		return;
	}
	free(*to);
	*to = NULL;
}

/* As keep, with the configuration's folder before a relative path. */
static void keep_path(struct reader *r, char **to, const char *path)
{
	const char *file = r->config->file;
	int folder = (int)(strrchr(file, '/') - file);

	if (path[0] == '/') {
		keep(r, to, path);
		return;
	}
	free(*to);
	if (asprintf(to, "%.*s/%s", folder, file, path) < 0) {
		*to = NULL;
		r->no_memory = true;
	}
}

static void read_string(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	const char *s = string_of(r, key, value);

	if (s != NULL)
		keep(r, to, s);
}

static void read_path(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	const char *s = string_of(r, key, value);

	if (s != NULL)
		keep_path(r, to, s);
}

/* HOST:PORT has a colon and no slash. Whether it can be bound shows later. */
static void read_listen(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	const char *s = string_of(r, key, value);
	char **listen = to;

	if (s == NULL)
		return;
	if (strchr(s, '/') == NULL && strchr(s, ':') != NULL) {
		keep(r, listen, s);
		return;
	}
	keep_path(r, listen, s);
	if (*listen != NULL &&
		strlen(*listen) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		fault(r, config_setting_source_line(value), key->name,
			"is too long; expected a path of at most %zu bytes, "
			"the configuration's folder included",
			sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
}

/* A string, because 0660 as an integer is six hundred and sixty. */
static void read_mode(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	const char *s = string_of(r, key, value);
	size_t len;

	if (s == NULL)
		return;
	len = strspn(s, "01234567");
	if (s[len] != '\0' || len > 4 || strtoul(s, NULL, 8) > 0777)
		bad_value(r, key, value, "is no such mode");
	else
		*(mode_t *)to = (mode_t)strtoul(s, NULL, 8);
}

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
static void read_pipe_mode(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	mode_t mode = S_IRUSR;

	read_mode(r, key, value, &mode);
	if (mode & S_IRUSR)
		*(mode_t *)to = mode;
	else
		bad_value(r, key, value, "keeps the owner from reading");
}

/* The name must differ from those of the sources before it, and so must the
 * tag that stands for it in an event id. */
static void check_unlike_others(struct reader *r, const struct key *key,
	const config_setting_t *value, const char *name)
{
	unsigned line = config_setting_source_line(value);
	uint16_t tag = place_source_tag(name);

	for (size_t i = 0; i < r->config->source_count; i++) {
		const char *other = r->config->sources[i].name;

		if (other == NULL)
			continue;
		if (strcmp(other, name) == 0) {
			fault(r, line, key->name,
				"is the name of sources[%zu] too; expected a "
				"name of its own",
				i);
			return;
		}
		if (place_source_tag(other) == tag) {
			fault(r, line, key->name,
				"looks like that of sources[%zu] in an event "
				"id; expected any other name",
				i);
			return;
		}
	}
}

static void read_name(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	const char *s = string_of(r, key, value);

	if (s == NULL)
		return;
	if (is_resolved_away(s)) {
		bad_value(r, key, value, "is resolved away by browsers");
		return;
	}
	if (!config_is_name(s)) {
		bad_value(r, key, value, "cannot be a name");
		return;
	}
	check_unlike_others(r, key, value, s);
	keep(r, to, s);
}

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

static void read_event(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	const char *s = string_of(r, key, value);

	if (s == NULL)
		return;
	if (is_reserved_event(s))
		bad_value(r, key, value, "is a type with a meaning already");
	else if (s[strcspn(s, "\r\n:")] != '\0' || strlen(s) > EVENT_MAX_BYTES)
		bad_value(r, key, value, "cannot be a type of events");
	else
		keep(r, to, s);
}

static void read_pattern(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	const char *s = string_of(r, key, value);

	if (s == NULL)
		return;
	if (strchr(s, '/') != NULL)
		bad_value(r, key, value, "has a slash");
	else
		keep(r, to, s);
}

static void read_time_format(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	const char *s = string_of(r, key, value);

	if (s == NULL)
		return;
	if (strlen(s) > TIME_FORMAT_MAX)
		bad_value(r, key, value, "is too long");
	else
		keep(r, to, s);
}

/* The number of elements of an array that has some; 0 and a fault. */
static size_t length_of(
	struct reader *r, const struct key *key, const config_setting_t *array)
{
	if (config_setting_type(array) != CONFIG_TYPE_ARRAY) {
		bad_type(r, key, array);
		return 0;
	}
	if (config_setting_length(array) == 0)
		bad_value(r, key, array, "is empty");
	return (size_t)config_setting_length(array);
}

/* An element of an array, a string, and what to call it in a fault. */
struct element {
	const config_setting_t *value;
	struct key key;
	char name[48];
	const char *text; /* of libconfig's; NULL: there was a fault */
};

static void read_element(struct reader *r, const struct key *key,
	const config_setting_t *array, size_t i, struct element *e)
{
	e->value = config_setting_get_elem(array, (unsigned)i);
	snprintf(e->name, sizeof(e->name), "%s[%zu]", key->name, i);
	e->key = *key;
	e->key.name = e->name;
	e->text = string_of(r, &e->key, e->value);
}

static void read_users(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	struct access_rules *rules = to;
	size_t length = length_of(r, key, value);

	if (length == 0)
		return;
	rules->users = calloc(length, sizeof(*rules->users));
	if (rules->users == NULL) {
		r->no_memory = true;
		return;
	}
	for (size_t i = 0; i < length; i++) {
		struct element e;

		read_element(r, key, value, i, &e);
		if (e.text == NULL)
			continue;
		if (strlen(e.text) > ACCESS_USER_MAX)
			bad_value(r, &e.key, e.value, "is too long");
		else
			keep(r, &rules->users[rules->user_count++], e.text);
	}
}

static void read_allow(struct reader *r, const struct key *key,
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

	if (length == 0)
		return;
	rules->allow = calloc(length, sizeof(*rules->allow));
	if (rules->allow == NULL) {
		r->no_memory = true;
		return;
	}
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
			bad_value(r, &e.key, e.value, problems[outcome]);
	}
}

/* Here an empty list is no slip: nobody. */
static void read_metrics_allow(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	if (config_setting_type(value) != CONFIG_TYPE_ARRAY ||
		config_setting_length(value) > 0)
		read_allow(r, key, value, to);
}

/*
 * Origins, or "*" alone, or none at all: a source that nobody elsewhere may
 * read although the whole says otherwise.
 */
static void read_origins(struct reader *r, const struct key *key,
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
		bad_type(r, key, value);
		return;
	}
	length = (size_t)config_setting_length(value);
	rules->origins = calloc(length + 1, sizeof(*rules->origins));
	if (rules->origins == NULL) {
		r->no_memory = true;
		return;
	}
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
			keep(r, &rules->origins[rules->origin_count++], e.text);
		else
			bad_value(r, &e.key, e.value, problems[outcome]);
	}
}

static void read_source_origins(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	struct source_config *source = to;

	source->has_cors = true;
	read_origins(r, key, value, &source->cors);
}

/* The index of a word in a list that ends with NULL; -1 and a fault. */
static int read_word(struct reader *r, const struct key *key,
	const config_setting_t *value, const char *const *words)
{
	const char *s = string_of(r, key, value);

	if (s == NULL)
		return -1;
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], s) == 0)
			return i;
	bad_value(r, key, value, "is unknown");
	return -1;
}

static void read_type(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	int type = read_word(r, key, value, type_words);

	if (type >= 0)
		*(enum source_type *)to = (enum source_type)type;
}

static void read_show(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	static const char *const words[] = {
		[CLOCK_COUNT] = "count", [CLOCK_TIME] = "time", NULL
	};
	int show = read_word(r, key, value, words);

	if (show >= 0)
		*(enum clock_show *)to = (enum clock_show)show;
}

static void read_format(struct reader *r, const struct key *key,
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

static void read_ids(struct reader *r, const struct key *key,
	const config_setting_t *value, void *to)
{
	static const char *const words[] = {
		[IDS_POSITION] = "position", [IDS_WRITER] = "writer", NULL
	};
	int ids = read_word(r, key, value, words);

	if (ids >= 0)
		*(enum config_ids *)to = (enum config_ids)ids;
}

static read_value read_sources;

/* clang-format off */

#define AT(member) offsetof(struct config, member)
static const struct key global_keys[] = {
	{ "listen",       read_listen, AT(listen), 0, false,
	  0, 0, "a path or \"ADDRESS:PORT\"" },
	{ "listen_mode",  read_mode, AT(listen_mode), 0, false,
	  0, 0, "octal digits in quotes, \"0\" to \"0777\"" },
	{ "listen_group", read_string, AT(listen_group), 0, false,
	  0, 0, "the name of a group in quotes" },
	{ "heartbeat",    read_unsigned, AT(heartbeat_s), 0, false,
	  1, 3600, "seconds" },
	{ "retry",        read_unsigned, AT(retry_ms), 0, false,
	  100, 3600000, "milliseconds" },
	{ "lifetime",     read_unsigned, AT(lifetime_s), 0, false,
	  0, 604800, "seconds" },
	{ "stall",        read_unsigned, AT(stall_s), 0, false,
	  1, 86400, "seconds" },
	{ "max_clients",  read_unsigned, AT(max_clients), 0, false,
	  1, 1000000, "clients" },
	{ "max_clients_per_address", read_unsigned,
	  AT(max_clients_per_address), 0, false,
	  0, 1000000, "clients" },
	{ "send_buffer",  read_size, AT(send_buffer_bytes), 0, false,
	  4096, 16777216, "bytes" },
	{ "ring",         read_size, AT(ring_bytes), 0, false,
	  65536, 1073741824, "bytes" },
	{ "incremental",  read_bool, AT(incremental), 0, false,
	  0, 0, "true or false" },
	{ "log_clients",  read_bool, AT(log_clients), 0, false,
	  0, 0, "true or false" },
	{ "trust_remote_user", read_bool, AT(trust_remote_user), 0, false,
	  0, 0, "true or false" },
	{ "state_dir",    read_path, AT(state_dir), 0, false,
	  0, 0, "the path of a folder in quotes" },
	{ "cors_origins", read_origins, AT(cors), 0, false,
	  0, 0, "origins, [ \"https://example.org\" ], or [ \"*\" ]" },
	{ "cors_credentials", read_bool, AT(cors_credentials), 0, false,
	  0, 0, "true or false" },
	{ "metrics_allow", read_metrics_allow, AT(metrics), 0, false,
	  0, 0, "addresses and blocks, [ \"192.0.2.7\", \"10.0.0.0/8\" ]" },
	{ "sources",      read_sources, 0, 0, true,
	  0, 0, "a list of groups, ( { name = \"...\"; ... }, ... )" },
};
#undef AT

#define AT(member) offsetof(struct source_config, member)
static const struct key source_keys[] = {
	{ "name",         read_name, AT(name), 0, true,
	  0, 0, "1 to 64 letters, digits, dots, hyphens, underscores" },
	{ "type",         read_type, AT(type), 0, false,
	  0, 0, "\"file\", \"fifo\" or \"clock\"" },
	{ "event",        read_event, AT(event), 0, false,
	  0, 0, "1 to 128 bytes, no CR, LF or colon, and not open, "
	  "error, gap, waiting or busy" },
	{ "public",       read_bool, AT(access.is_public), 0, false,
	  0, 0, "true or false" },
	{ "require_user", read_bool, AT(access.require_user), 0, false,
	  0, 0, "true or false" },
	{ "users",        read_users, AT(access), 0, false,
	  0, 0, "names of 1 to 255 bytes, [ \"ann\", \"bob\" ]" },
	{ "allow",        read_allow, AT(access), 0, false,
	  0, 0, "addresses and blocks, "
	  "[ \"192.0.2.7\", \"10.0.0.0/8\", \"2001:db8::/32\" ]" },
	{ "cors_origins", read_source_origins, 0, 0, false,
	  0, 0, "origins, [ \"https://example.org\" ], or [ \"*\" ]" },
	{ "path",         read_path, AT(path), TYPE_LOG, true,
	  0, 0, "the path of a file or a pipe in quotes" },
	{ "format",       read_format, AT(format), TYPE_LOG, false,
	  0, 0, "\"lines\", \"multiline\" or \"sse\"" },
	{ "ids",          read_ids, AT(ids), TYPE_LOG, false,
	  0, 0, "\"position\" or \"writer\"" },
	{ "quiet",        read_unsigned, AT(quiet_ms), TYPE_LOG, false,
	  1, 60000, "milliseconds" },
	{ "history",      read_unsigned, AT(history), TYPE_LOG, false,
	  0, 100000, "records" },
	{ "history_max",  read_unsigned, AT(history_max), TYPE_LOG, false,
	  0, 100000, "records" },
	{ "max_line",     read_size, AT(max_line_bytes), TYPE_LOG, false,
	  1024, 16777216, "bytes" },
	{ "rotated",      read_pattern, AT(rotated), TYPE_FILE, false,
	  0, 0, "a pattern of file names, without folders" },
	{ "spool_size",   read_size, AT(spool_bytes), TYPE_FIFO, false,
	  131072, INT64_C(1) << 40, "bytes" },
	{ "create",       read_bool, AT(create), TYPE_FIFO, false,
	  0, 0, "true or false" },
	{ "mode",         read_pipe_mode, AT(mode), TYPE_FIFO, false,
	  0, 0, "octal digits in quotes, \"0400\" to \"0777\"" },
	{ "group",        read_string, AT(group), TYPE_FIFO, false,
	  0, 0, "the name of a group in quotes" },
	{ "show",         read_show, AT(show), TYPE_CLOCK, false,
	  0, 0, "\"count\" or \"time\"" },
	{ "interval",     read_interval, AT(interval_ms), TYPE_CLOCK, false,
	  0, 0, "a number from 0.01 to 86400 (seconds)" },
	{ "count",        read_uint64, AT(count), TYPE_CLOCK, false,
	  0, INT64_MAX, "events; 0: endless" },
	{ "time_format",  read_time_format, AT(time_format), TYPE_CLOCK, false,
	  0, 0, "1 to 255 bytes, as in strftime(3)" },
};
#undef AT

/* clang-format on */

static const struct key *find_key(
	const struct key *keys, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static void unknown_key(
	struct reader *r, const struct key *keys, const config_setting_t *value)
{
	const char *name = config_setting_name(value);
	const char *what = "unknown key; expected one that this version knows";

	if (keys == source_keys &&
		find_key(global_keys, COUNT_OF(global_keys), name) != NULL)
		what = "unknown key here; expected outside of the sources";
	if (keys == global_keys &&
		find_key(source_keys, COUNT_OF(source_keys), name) != NULL)
		what = "unknown key here; expected in one of the sources";
	fault(r, config_setting_source_line(value), name, "%s", what);
}

static void misplaced_key(
	struct reader *r, const struct key *key, const config_setting_t *value)
{
	char fitting[32] = "";

	for (int i = 0; type_words[i] != NULL; i++) {
		size_t len = strlen(fitting);

		if (key->only & (1U << i))
			snprintf(fitting + len, sizeof(fitting) - len,
				"%s\"%s\"", len == 0 ? "" : " or ",
				type_words[i]);
	}
	fault(r, config_setting_source_line(value), key->name,
		"does not fit the source's type; expected in type %s only",
		fitting);
}

static void read_key(struct reader *r, const struct key *key,
	const config_setting_t *value, void *into, unsigned types)
{
	const struct literal *literal = config_setting_get_hook(value);

	if (key->only != 0 && (key->only & types) == 0)
		misplaced_key(r, key, value);
	else if (literal != NULL)
		value_fault(r, key, literal->line, literal->what);
	else
		key->read(r, key, value, (char *)into + key->offset);
}

/* Where the type is at fault, what only some types need is not missing. */
static bool is_missing(
	const struct key *key, const config_setting_t *group, unsigned types)
{
	return key->required &&
	       (key->only == 0 || (key->only & types) == types) &&
	       config_setting_get_member(group, key->name) == NULL;
}

static void read_group(struct reader *r, const struct key *keys, size_t count,
	const config_setting_t *group, void *into, unsigned types)
{
	int length = config_setting_length(group);

	for (int i = 0; i < length; i++) {
		const config_setting_t *value =
			config_setting_get_elem(group, (unsigned)i);
		const struct key *key =
			find_key(keys, count, config_setting_name(value));

		if (key == NULL)
			unknown_key(r, keys, value);
		else
			read_key(r, key, value, into, types);
	}
	for (size_t i = 0; i < count; i++)
		if (is_missing(&keys[i], group, types))
			bad_value(r, &keys[i], group, "is missing");
}

static void set_source_defaults(struct reader *r, struct source_config *source)
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
	keep(r, &source->time_format, "%Y-%m-%d %H:%M:%S");
}

/* Not asked where asking may hang: a reload has clients that wait. */
static bool leads_to_pipe(struct reader *r, const config_setting_t *group)
{
	const config_setting_t *value =
		config_setting_get_member(group, "path");
	const char *s = value == NULL ? NULL : config_setting_get_string(value);
	char *path = NULL;
	struct stat st;
	bool is_pipe;

	if (s == NULL)
		return false;
	keep_path(r, &path, s);
	is_pipe = path != NULL && !mount_may_hang(path) &&
		  stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
	free(path);
	return is_pipe;
}

/* The type of a source, looked up before its keys are read; any, where the
 * type is at fault: that is one fault and not one a key. */
static unsigned types_of(struct reader *r, const config_setting_t *group)
{
	const config_setting_t *type = config_setting_get_member(group, "type");
	const char *s;

	if (type == NULL)
		return leads_to_pipe(r, group) ? TYPE_FIFO : TYPE_FILE;
	s = config_setting_get_string(type);
	for (int i = 0; s != NULL && type_words[i] != NULL; i++)
		if (strcmp(type_words[i], s) == 0)
			return 1U << i;
	return TYPE_ANY;
}

static void check_history(struct reader *r, const config_setting_t *group,
	struct source_config *source)
{
	const config_setting_t *given =
		config_setting_get_member(group, "history");

	if (source->history <= source->history_max)
		return;
	/* The default stands where none is given, or a faulty one. */
	if (given == NULL || config_setting_get_int64(given) != source->history)
		source->history = source->history_max;
	else
		fault(r, config_setting_source_line(given), "history",
			"is more than history_max; expected at most %u",
			source->history_max);
}

/* What is no block has no id. */
static void check_ids(struct reader *r, const config_setting_t *group,
	const struct source_config *source)
{
	if (source->ids == IDS_WRITER && source->format != SPLIT_BLOCKS)
		fault(r,
			config_setting_source_line(
				config_setting_get_member(group, "ids")),
			"ids",
			"is \"writer\" where nobody writes ids; expected "
			"format = \"sse\" beside it");
}

/* Two sources would tear what comes through a pipe apart. */
static void check_pipe(struct reader *r, const config_setting_t *group,
	const struct source_config *source)
{
	for (size_t i = 0; i < r->config->source_count; i++) {
		const struct source_config *other = &r->config->sources[i];

		if (source->type != SOURCE_FIFO || other->type != SOURCE_FIFO ||
			source->path == NULL || other->path == NULL ||
			strcmp(source->path, other->path) != 0)
			continue;
		fault(r,
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
static void check_access(struct reader *r, const config_setting_t *group)
{
	bool users = config_setting_get_member(group, "users") != NULL;
	bool rules = users || line_that_says(group, "require_user", true) ||
		     config_setting_get_member(group, "allow") != NULL;
	unsigned line;

	line = line_that_says(group, "public", true);
	if (line != 0 && rules)
		fault(r, line, "public",
			"is true beside require_user, users or allow; "
			"expected one or the other");
	line = line_that_says(group, "public", false);
	if (line != 0 && !rules)
		fault(r, line, "public",
			"is false and nobody is shut out; expected "
			"require_user, users or allow beside it");
	line = line_that_says(group, "require_user", false);
	if (line != 0 && users)
		fault(r, line, "require_user",
			"is false beside users; expected one or the other");
}

static void read_source(struct reader *r, const config_setting_t *group,
	struct source_config *source, int index)
{
	unsigned types;

	set_source_defaults(r, source);
	if (!config_setting_is_group(group)) {
		snprintf(r->group, sizeof(r->group), "sources[%d]", index);
		fault(r, config_setting_source_line(group), "",
			"is %s; expected a group, { name = \"...\"; ... }",
			type_name(group));
	} else {
		snprintf(r->group, sizeof(r->group), "sources[%d].", index);
		types = types_of(r, group);
		if (types == TYPE_FIFO)
			source->type = SOURCE_FIFO;
		read_group(r, source_keys, COUNT_OF(source_keys), group, source,
			types);
		check_history(r, group, source);
		check_ids(r, group, source);
		check_pipe(r, group, source);
		check_access(r, group);
	}
	r->group[0] = '\0';
}

/* A page may never read with credentials what "*" opens to it: browsers refuse
 * (Fetch Standard, 3.2.5), and it would be told that any page may act as its
 * visitor. */
static void check_credentials(struct reader *r, const config_setting_t *group,
	const struct cors_rules *rules)
{
	if (r->config->cors_credentials && rules->is_any)
		fault(r,
			config_setting_source_line(config_setting_get_member(
				group, "cors_origins")),
			"cors_origins",
			"is \"*\" beside cors_credentials = true, which "
			"browsers refuse; expected exact origins");
}

static void check_all_credentials(
	struct reader *r, const config_setting_t *root)
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

static void read_sources(struct reader *r, const struct key *key,
	const config_setting_t *list, void *to)
{
	struct config *config = to;
	int length = config_setting_length(list);

	if (config_setting_type(list) != CONFIG_TYPE_LIST) {
		bad_type(r, key, list);
		return;
	}
	if (length == 0 || length > SOURCES_MAX) {
		bad_value(r, key, list,
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

static void release_source(struct source_config *source)
{
	free(source->name);
	free(source->event);
	free(source->path);
	free(source->rotated);
	free(source->group);
	free(source->time_format);
	access_rules_release(&source->access);
	cors_rules_release(&source->cors);
}

const struct source_config *config_source(
	const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (strcmp(config->sources[i].name, name) == 0)
			return &config->sources[i];
	return NULL;
}

/* ---- two configurations side by side */

static bool same_string(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_list(
	char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!same_string(a[i], b[i]))
			return false;
	return true;
}

static bool same_text(const void *a, const void *b)
{
	return same_string(*(char *const *)a, *(char *const *)b);
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

	return old->is_any == new->is_any &&same_list(old->origins,
				      old->origin_count, new->origins,
				      new->origin_count);
}

static bool same_source_origins(const void *a, const void *b)
{
	const struct source_config *old = a, *new = b;

	return old->has_cors ==
	       new->has_cors &&same_origins(&old->cors, &new->cors);
}

/* What a reader of values leaves behind, and how that is compared: so many
 * bytes, or by a function. */
static const struct kind {
	read_value *read;
	size_t bytes;
	bool (*same)(const void *a, const void *b);
} kinds[] = {
	{ read_unsigned, sizeof(unsigned), NULL },
	{ read_interval, sizeof(unsigned), NULL },
	{ read_size, sizeof(size_t), NULL },
	{ read_uint64, sizeof(uint64_t), NULL },
	{ read_bool, sizeof(bool), NULL },
	{ read_mode, sizeof(mode_t), NULL },
	{ read_pipe_mode, sizeof(mode_t), NULL },
	{ read_type, sizeof(enum source_type), NULL },
	{ read_show, sizeof(enum clock_show), NULL },
	{ read_format, sizeof(enum split_format), NULL },
	{ read_ids, sizeof(enum config_ids), NULL },
	{ read_string, 0, same_text },
	{ read_path, 0, same_text },
	{ read_listen, 0, same_text },
	{ read_name, 0, same_text },
	{ read_event, 0, same_text },
	{ read_pattern, 0, same_text },
	{ read_time_format, 0, same_text },
	{ read_users, 0, same_users },
	{ read_allow, 0, same_allow },
	{ read_origins, 0, same_origins },
	{ read_source_origins, 0, same_source_origins },
};

/* What cannot be compared is taken for another one. */
static bool is_same(const struct key *key, const void *a, const void *b)
{
	a = (const char *)a + key->offset;
	b = (const char *)b + key->offset;
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (kinds[i].read == key->read)
			return kinds[i].same
				       ? kinds[i].same(a, b)
				       : memcmp(a, b, kinds[i].bytes) == 0;
	return false;
}

bool config_same_source(
	const struct source_config *a, const struct source_config *b)
{
	for (size_t i = 0; i < COUNT_OF(source_keys); i++)
		if (!is_same(&source_keys[i], a, b))
			return false;
	return true;
}

bool config_same_access(const struct config *a, const struct config *b)
{
	return a->trust_remote_user == b->trust_remote_user &&
	       a->cors_credentials == b->cors_credentials &&
	       same_origins(&a->cors, &b->cors);
}

/* What is opened or taken at the start, and held. */
static bool is_fixed(const struct key *key)
{
	static const char *const names[] = { "listen", "listen_mode",
		"listen_group", "state_dir" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(key->name, names[i]) == 0)
			return true;
	return false;
}

static void copy_value(
	struct reader *r, const struct key *key, const struct config *from)
{
	char *to = (char *)r->config + key->offset;
	const char *value = (const char *)from + key->offset;

	if (key->read == read_mode)
		*(mode_t *)to = *(const mode_t *)value;
	else
		keep_or_none(r, (char **)to, *(char *const *)value);
}

int config_keep_fixed(struct config *config, const struct config *running,
	char *names, size_t size)
{
	struct reader r = { .config = config };
	size_t len = 0;

	names[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(global_keys); i++) {
		const struct key *key = &global_keys[i];

		if (!is_fixed(key) || is_same(key, config, running))
			continue;
		if (len < size)
			len += (size_t)snprintf(names + len, size - len, "%s%s",
				len == 0 ? "" : ", ", key->name);
		copy_value(&r, key, running);
	}
	return r.no_memory ? -1 : 0;
}

static void parse_fault(struct reader *r, const config_t *tree, unsigned last)
{
	unsigned line = (unsigned)config_error_line(tree);

	/* What is missing at the end is missed behind the last line. */
	if (line > last)
		line = last;
	if (strcmp(config_error_text(tree), "duplicate setting name") == 0)
		fault(r, line, "", "the same key twice in one group");
	else
		fault(r, line, "",
			"%s here or just before; expected KEY = VALUE; with "
			"every string in quotes",
			config_error_text(tree));
}

static void parse(struct reader *r, const char *text, struct lexer *lexer)
{
	config_t tree;
	size_t next = 0;

	config_init(&tree);
	if (config_read_string(&tree, text) == CONFIG_TRUE) {
		config_setting_t *root = config_root_setting(&tree);

		attach_literals(root, lexer, 0, &next);
		read_group(r, global_keys, COUNT_OF(global_keys), root,
			r->config, TYPE_ANY);
		check_all_credentials(r, root);
	} else {
		parse_fault(r, &tree, lexer->last_line);
	}
	/* Those without a setting are faults all the same. */
	for (; next < lexer->count; next++)
		fault(r, lexer->list[next].line, "",
			"an integer or a string %s", lexer->list[next].what);
	config_destroy(&tree);
}

static void check_text(struct reader *r, struct buffer *text)
{
	static const char bom[] = "\xef\xbb\xbf";
	unsigned line = line_of_nul(text);

	if (line != 0) {
		fault(r, line, "", "holds a NUL: binary; expected text");
		return;
	}
	/* libconfig takes a comment for one only where a newline ends it. */
	buffer_add(text, "\n", 2);
	if (text->failed)
		return;

	const char *start = text->data;

	if (strncmp(start, bom, 3) == 0)
		start += 3;

	struct lexer lexer = { .r = r, .at = start, .line = 1, .last_line = 1 };

	lex_text(&lexer);
	if (!lexer.broken)
		parse(r, start, &lexer);
	free(lexer.list);
}

/* systemd names the folder of StateDirectory=, or several with colons. */
static void set_state_dir(struct reader *r, struct config *config)
{
	const char *given = getenv("STATE_DIRECTORY");

	keep(r, &config->state_dir, STATE_DIR_USUAL);
	if (given != NULL && given[0] == '/') {
		keep(r, &config->state_dir, given);
		if (config->state_dir != NULL)
			config->state_dir[strcspn(given, ":")] = '\0';
	}
}

static struct config *new_config(struct reader *r, const char *path)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config == NULL) {
		r->no_memory = true;
		return NULL;
	}
	*config = (struct config){
		.listen_mode = 0660,
		.heartbeat_s = 15,
		.retry_ms = 2000,
		.lifetime_s = 0,
		.stall_s = 300,
		.max_clients = 10000,
		.send_buffer_bytes = 32768,
		.ring_bytes = 1048576,
		.incremental = true,
	};
	set_state_dir(r, config);
	config->file = make_absolute(path);
	if (config->file == NULL && errno == ENOMEM)
		r->no_memory = true;
	else if (config->file == NULL)
		unreadable(r, strerror(errno));
	return config;
}

struct config *config_load(const char *path, struct config_faults *faults)
{
	struct reader r = { .faults = faults };
	struct buffer text = BUFFER_INIT;

	*faults = (struct config_faults){ NULL, 0, false };
	r.config = new_config(&r, path);
	if (r.config != NULL && r.config->file != NULL &&
		read_text(&r, path, &text))
		check_text(&r, &text);
	r.no_memory = r.no_memory || text.failed;
	buffer_release(&text);

	if (!r.no_memory && faults->count == 0)
		return r.config;
	config_free(r.config);
	if (r.no_memory) {
		config_faults_release(faults);
		errno = ENOMEM;
	}
	return NULL;
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->source_count; i++)
		release_source(&config->sources[i]);
	free(config->sources);
	free(config->file);
	free(config->listen);
	free(config->listen_group);
	free(config->state_dir);
	cors_rules_release(&config->cors);
	access_rules_release(&config->metrics);
	free(config);
}

/*
 * The program's file, not a link to it; NULL with errno. Without /proc (a
 * chroot) it is what execve(2) was given, which is relative for a web server
 * that starts a program in its own folder.
 */
static char *program_file(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const char *given = (const char *)getauxval(AT_EXECFN);

	if (len > 0) {
		path[len] = '\0';
		return strdup(path);
	}
	if (given == NULL) {
		errno = ENOENT;
		return NULL;
	}
	return realpath(given, NULL);
}

char *config_program_folder(void)
{
	char *path = program_file();
	char *slash = path == NULL ? NULL : strrchr(path, '/');

	if (slash == NULL)
		return path;
	slash[slash == path ? 1 : 0] = '\0';
	return path;
}

/*
 * Frees `path` unless something is there. A link to nowhere, and what may
 * not be looked at, count: the fault that follows says more than silence.
 */
static char *if_there(char *path)
{
	struct stat st;

	if (path != NULL && lstat(path, &st) < 0 && errno != EACCES) {
		free(path);
		path = NULL;
		errno = ENOENT;
	}
	return path;
}

static char *in_folder(const char *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return if_there(path);
}

/* Apache never serves a name that begins with .ht: it comes first. */
static char *beside_program(void)
{
	char *folder = config_program_folder();
	char *path;

	if (folder == NULL)
		return NULL;
	path = in_folder(folder, ".htssetail.conf");
	if (path == NULL && errno == ENOENT)
		path = in_folder(folder, "ssetail.conf");
	free(folder);
	return path;
}

char *config_find(const char *given)
{
	char *path;

	if (given == NULL)
		given = getenv("SSETAIL_CONF");
	if (given != NULL && given[0] != '\0')
		return strdup(given);
	path = beside_program();
	if (path == NULL && errno != ENOMEM)
		path = in_folder(SYSCONFDIR, "ssetail.conf");
	return path;
}
