/*
 * config_inside: what the parts of the configuration's reading say to each
 * other. For config*.c alone.
 *
 *	config.c         reads one file: text, tree, keys; its defaults
 *	config_text.c    the text, before libconfig sees it
 *	config_key.c     the tables of keys: a new key is a row there
 *	config_value.c   kinds of values: read, checked, compared
 *	config_list.c    kinds that are lists: users, addresses, origins, paths
 *	config_source.c  a source as a whole: its type, what fits beside what
 *	config_same.c    two configurations side by side: a reload
 *	config_fault.c   the list of what is wrong
 *	config_find.c    where the file is
 *
 * No function fails for want of memory: it is noted in the reader, and the
 * configuration is not used.
 */
#ifndef SSETAIL_CONFIG_INSIDE_H
#define SSETAIL_CONFIG_INSIDE_H

#include <libconfig.h>

#include "common/buffer.h"
#include "common/config.h"

#define LETTERS_AND_DIGITS                                                     \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"                                           \
	"abcdefghijklmnopqrstuvwxyz0123456789"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One reading of one file. */
struct config_reader {
	struct config *config;
	struct config_faults *faults;
	char group[32]; /* before a key's name: "sources[2]." or "" */
	bool no_memory;
};

/* ---- config_fault.c */

/* Notes a fault of a key of the reader's group, in that line (0: none), by
 * printf(3)'s rules. */
__attribute__((format(printf, 4, 5))) void config_add_fault(
	struct config_reader *r, unsigned line, const char *key,
	const char *format, ...);

/* Notes that the file cannot be read at all. */
void config_add_unreadable(struct config_reader *r, const char *why);

/* ---- config_text.c */

/*
 * A literal that libconfig would change without a word. The lexer finds it
 * in the text, and the setting it belongs to gets it as its hook: settings are
 * numbered, on both sides, in the order of the text.
 */
struct config_literal {
	unsigned setting;
	unsigned line;
	const char *what;
};

/*
 * The text, walked by the rules of libconfig's own lexer, for what that one
 * does without a word: integers of more than 32 bits wrap, a string ends at
 * its first \x00, an open comment swallows the rest, and @include reads other
 * files, which would not have been looked at.
 */
struct config_lexer {
	struct config_reader *r;
	const char *at; /* the text ends with a NUL */
	unsigned line;
	unsigned last_line;	     /* that is not empty */
	unsigned setting;	     /* settings begun so far */
	bool broken;		     /* libconfig must not see this */
	struct config_literal *list; /* the caller frees it */
	size_t count;
	size_t attached; /* so many of them have found their setting */
};

/* Appends the file to `text`. Returns false after a fault, or when there is no
 * memory for it (`text` has failed). */
bool config_read_text(
	struct config_reader *r, const char *path, struct buffer *text);

/* What is wrong with bytes that are no text, in UTF-8, and in *line where the
 * first of them is, from 1; NULL: nothing. */
const char *config_what_is_no_text(const struct buffer *text, unsigned *line);

/* Walks the text to its end, or until it is broken. */
void config_lex(struct config_lexer *lex);

/* Hands the literals to the settings they belong to. */
void config_attach_literals(config_setting_t *root, struct config_lexer *lex);

/* ---- config_key.c */

/* Types of sources, as a set. */
#define TYPE_FILE  (1U << SOURCE_FILE)
#define TYPE_FIFO  (1U << SOURCE_FIFO)
#define TYPE_CLOCK (1U << SOURCE_CLOCK)
#define TYPE_LOG   (TYPE_FILE | TYPE_FIFO) /* what has records of others */
#define TYPE_ANY   (TYPE_LOG | TYPE_CLOCK)

struct config_key {
	const char *name;
	const struct value_kind *kind;
	size_t offset; /* in struct config or struct source_config */
	unsigned only; /* for these types of sources; 0: for any */
	bool required;
	int64_t min, max;     /* of an integer; else both 0 */
	const char *expected; /* of an integer: what it counts */
};

/* The keys of a group. */
struct config_keys {
	const struct config_key *list;
	size_t count;
};

extern const struct config_keys config_global_keys, config_source_keys;

/* The words for types, by enum source_type; NULL ends them. */
extern const char *const config_type_words[];

/* Reads what is in a group, each key into its place in `into`. Of a source:
 * what only other types than `types` have is a fault. */
void config_read_group(struct config_reader *r, const struct config_keys *keys,
	const config_setting_t *group, void *into, unsigned types);

/* ---- config_value.c, config_list.c, config_source.c */

struct value_kind {
	/* Reads one value into `to`, or leaves the default there and notes a
	 * fault. */
	void (*read)(struct config_reader *r, const struct config_key *key,
		const config_setting_t *value, void *to);

	/* Two are compared as so many bytes, or by a function; without either
	 * each is another one. */
	size_t bytes;
	bool (*same)(const void *a, const void *b);
};

/* Numbers, yes and no, words. */
extern const struct value_kind value_unsigned, value_size, value_uint64,
	value_interval, value_bool, value_mode, value_pipe_mode, value_type,
	value_show, value_format, value_ids;

/* Strings. */
extern const struct value_kind value_string, value_path, value_listen,
	value_name, value_event, value_pattern, value_time_format;

/* Lists: into struct access_rules, struct cors_rules, struct path_list;
 * value_source_origins into struct source_config, value_sources into struct
 * config. */
extern const struct value_kind value_users, value_allow, value_metrics_allow,
	value_origins, value_source_origins, value_paths, value_sources;

/* Notes a fault: the problem, and what the key expects. */
void config_value_fault(struct config_reader *r, const struct config_key *key,
	unsigned line, const char *problem);
void config_bad_value(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value, const char *problem);
void config_bad_type(struct config_reader *r, const struct config_key *key,
	const config_setting_t *value);

/* "a string", "a list". */
const char *config_type_name(const config_setting_t *value);

/* A string that is not empty, or NULL and a fault. Of libconfig's. */
const char *config_string_of(struct config_reader *r,
	const struct config_key *key, const config_setting_t *value);

/* Puts a copy in place of *to, which is freed. */
void config_keep(struct config_reader *r, char **to, const char *s);

/* The same, with the configuration's folder before a relative path. */
void config_keep_path(struct config_reader *r, char **to, const char *path);

/* Puts a copy of the list in place of *to. */
void config_keep_paths(struct config_reader *r, struct path_list *to,
	const struct path_list *from);

/* Are both the same text, or both none? */
bool config_same_text(const char *a, const char *b);

/* ---- config_source.c */

/* What only the whole shows: credentials beside "*". */
void config_check_credentials(
	struct config_reader *r, const config_setting_t *root);

#endif
