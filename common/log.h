/*
 * log: one line per change, to standard error, "level: subject: what: cause".
 *
 * Nothing per client at level info. Text that came from a client goes
 * through log_escape first. What a path or a name holds cannot break a line:
 * control characters become question marks.
 */
#ifndef SSETAIL_LOG_H
#define SSETAIL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

/*
 * Writes one line, in one write(2); a line over 1,023 bytes is cut. Keeps
 * errno. Where standard error is the journal of systemd (JOURNAL_STREAM), the
 * level stands before it as sd-daemon(3) has it, "<6>".
 */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)

/*
 * What a subject may say: all zero at first. For what comes as often as
 * somebody outside makes it come, so that nobody fills the log.
 */
struct log_budget {
	int64_t begun_s; /* a minute, since when `lines` counts */
	unsigned lines;
};

#define LOG_BUDGET_LINES 20 /* in a minute */

/* Takes a line off. False: this one is to be left out; of the first that is, a
 * line tells, and of all of them the first one after that minute. */
bool log_spend(struct log_budget *b, const char *subject);

/*
 * Copies `s` into out[size], bytes outside printable ASCII, the backslash and
 * the double quote as \xHH, cut to fit, always terminated. Returns out.
 */
char *log_escape(char *out, size_t size, const char *s);

#endif
