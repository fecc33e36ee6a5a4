#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1023 /* with its newline */

#define MINUTE_S 60

/* As syslog(3) numbers them. */
static const char *const level_numbers[] = {
	[LOG_LEVEL_ERROR] = "<3>",
	[LOG_LEVEL_WARNING] = "<4>",
	[LOG_LEVEL_INFO] = "<6>",
};

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error: ",
	[LOG_LEVEL_WARNING] = "warning: ",
	[LOG_LEVEL_INFO] = "info: ",
};

/*
 * One write(2) for one line: several processes share a log, and only whole
 * writes stay apart there. What standard error does not take is lost; there
 * is nobody left to tell.
 */
static void write_once(const char *line, size_t len)
{
	ssize_t written;

	do
		written = write(STDERR_FILENO, line, len);
	while (written < 0 && errno == EINTR);
}

/* One line is one line, and no escape sequence reaches a terminal. */
static void mask_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

/* Is standard error what systemd connected to its journal, and not what
 * somebody put in its place since? */
static bool is_journal(void)
{
	const char *given = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return given != NULL && sscanf(given, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

void log_line(enum log_level level, const char *format, ...)
{
	int saved = errno;
	char line[LINE_MAX_BYTES + 1];
	size_t len;
	va_list args;

	len = (size_t)snprintf(line, sizeof(line), "%s%s",
		is_journal() ? level_numbers[level] : "", level_names[level]);
	va_start(args, format);
	int added = vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);

	/* vsnprintf says what it would have written; the newline needs a
	 * byte. */
	if (added > 0)
		len += (size_t)added;
	if (len > LINE_MAX_BYTES - 1)
		len = LINE_MAX_BYTES - 1;
	mask_controls(line, len);
	line[len++] = '\n';
	write_once(line, len);
	errno = saved;
}

bool log_spend(struct log_budget *b, const char *subject)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (b->lines == 0 || now.tv_sec - b->begun_s >= MINUTE_S) {
		if (b->lines > LOG_BUDGET_LINES)
			log_info("%s: %u lines were left out", subject,
				b->lines - LOG_BUDGET_LINES);
		b->begun_s = now.tv_sec;
		b->lines = 0;
	}
	if (b->lines == LOG_BUDGET_LINES)
		log_info("%s: more lines are left out for a minute", subject);
	return b->lines++ < LOG_BUDGET_LINES;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '\\' && c != '"';
}

char *log_escape(char *out, size_t size, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	if (size == 0)
		return out;
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		size_t needed = is_plain(c) ? 1 : 4;

		if (needed > size - 1 - len)
			break;
		if (needed == 1) {
			out[len++] = *s;
			continue;
		}
		out[len++] = '\\';
		out[len++] = 'x';
		out[len++] = hex[c >> 4];
		out[len++] = hex[c & 15];
	}
	out[len] = '\0';
	return out;
}
