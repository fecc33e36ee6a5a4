/*
 * log: one line per change, to standard error, "level: subject: what: cause".
 *
 * Nothing per client at level info. Text that came from a client goes
 * through log_escape first. What a path or a name holds cannot break a line:
 * control characters become question marks.
 */
#ifndef SSETAIL_LOG_H
#define SSETAIL_LOG_H

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

/* Writes one line, in one write(2); a line over 1,023 bytes is cut. Keeps
 * errno. */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)

/*
 * Copies `s` into out[size], bytes outside printable ASCII and the backslash
 * as \xHH, cut to fit, always terminated. Returns out.
 */
char *log_escape(char *out, size_t size, const char *s);

#endif
