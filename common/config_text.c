#include "common/config_inside.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/utf8.h"

#define FILE_MAX_BYTES (1024 * 1024)

/* A FIFO or a terminal in the file's place would hold up a reload. */
static int open_regular(struct config_reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		config_add_unreadable(r, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		config_add_unreadable(r, strerror(EISDIR));
	else if (!S_ISREG(st.st_mode))
		config_add_unreadable(r, "Not a regular file");
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

bool config_read_text(
	struct config_reader *r, const char *path, struct buffer *text)
{
	int fd = open_regular(r, path);

	if (fd < 0)
		return false;
	if (read_all(fd, text) < 0 && !text->failed)
		config_add_unreadable(r, strerror(errno));
	close(fd);
	if (text->len > FILE_MAX_BYTES)
		config_add_fault(
			r, 0, "", "is too large; expected at most 1 MiB");
	return !text->failed && r->faults->count == 0;
}

static unsigned line_at(const struct buffer *text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text->data[i] == '\n';
	return line;
}

const char *config_what_is_no_text(const struct buffer *text, unsigned *line)
{
	const char *nul =
		text->len > 0 ? memchr(text->data, '\0', text->len) : NULL;
	size_t valid = utf8_valid_prefix(text->data, text->len);

	if (nul) {
		*line = line_at(text, (size_t)(nul - text->data));
		return "holds a NUL: binary; expected text";
	}
	if (valid == text->len)
		return NULL;
	*line = line_at(text, valid);
	return "holds a byte that is not UTF-8; expected UTF-8, and in a path "
	       "that is not \\xHH";
}

/*
 * The text, walked by the rules of libconfig's own lexer, for what that one
 * does without a word: integers of more than 32 bits wrap, a string ends at
 * its first \x00, an open comment swallows the rest, and @include reads other
 * files, which would not have been looked at.
 */

static void lex_break(struct config_lexer *lex, unsigned line, const char *what)
{
	config_add_fault(lex->r, line, "", "%s", what);
	lex->broken = true;
}

static void lex_literal(struct config_lexer *lex, const char *what)
{
	struct config_literal *last =
		lex->count == 0 ? NULL : &lex->list[lex->count - 1];

	/* One is enough for a setting. */
	if (last != NULL && last->setting == lex->setting)
		return;

	struct config_literal *list =
		realloc(lex->list, (lex->count + 1) * sizeof(*list));

	if (list == NULL) {
		lex->r->no_memory = true;
		return;
	}
	lex->list = list;
	lex->list[lex->count++] =
		(struct config_literal){ lex->setting, lex->line, what };
}

static void lex_step(struct config_lexer *lex)
{
	if (*lex->at == '\n')
		lex->line++;
	lex->at++;
}

static void lex_line_comment(struct config_lexer *lex)
{
	lex->at += strcspn(lex->at, "\n");
}

static void lex_block_comment(struct config_lexer *lex)
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

static void lex_string(struct config_lexer *lex)
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
static void lex_name(struct config_lexer *lex)
{
	lex->at += strspn(lex->at, LETTERS_AND_DIGITS "-_*");
}

static bool is_float(const char *after_digits)
{
	return *after_digits == '.' || *after_digits == 'e' ||
	       *after_digits == 'E';
}

static void lex_float(struct config_lexer *lex)
{
	lex->at += strspn(lex->at, "+-0123456789.");
	if (*lex->at != 'e' && *lex->at != 'E')
		return;
	lex->at++;
	lex->at += strspn(lex->at, "+-0123456789");
}

static void lex_number(struct config_lexer *lex)
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

static void lex_token(struct config_lexer *lex)
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

void config_lex(struct config_lexer *lex)
{
	while (*lex->at != '\0' && !lex->broken) {
		if (!isspace((unsigned char)*lex->at))
			lex->last_line = lex->line;
		lex_token(lex);
	}
}

static void attach(
	config_setting_t *setting, struct config_lexer *lex, unsigned number)
{
	if (lex->attached < lex->count &&
		lex->list[lex->attached].setting == number)
		config_setting_set_hook(setting, &lex->list[lex->attached++]);
}

/* Those in a group; returns the number of the last setting. */
static unsigned attach_in(
	config_setting_t *parent, struct config_lexer *lex, unsigned number)
{
	int length = config_setting_length(parent);

	for (int i = 0; i < length; i++) {
		config_setting_t *child =
			config_setting_get_elem(parent, (unsigned)i);

		if (config_setting_name(child) != NULL)
			number++;
		attach(child, lex, number);
		if (config_setting_is_aggregate(child))
			number = attach_in(child, lex, number);
	}
	return number;
}

void config_attach_literals(config_setting_t *root, struct config_lexer *lex)
{
	attach_in(root, lex, 0);
}
