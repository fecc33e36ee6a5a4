/*
 * cure: what is to be done about a cause (judge.h): the exact directives, for
 * each web server. One table, of which the manual is made, too:
 * ssetail-doctor(7).
 */
#ifndef SSETAIL_CURE_H
#define SSETAIL_CURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/judge.h"

enum software {
	SOFTWARE_UNKNOWN, /* or hidden */
	SOFTWARE_LIGHTTPD,
	SOFTWARE_APACHE,
	SOFTWARE_NGINX,
	SOFTWARE_HAPROXY,
	SOFTWARE_CADDY
};

/* Who a SERVER_SOFTWARE (RFC 3875, 4.1.17), or a field Server, names; "" and
 * whatever is not known is SOFTWARE_UNKNOWN. */
enum software cure_software(const char *name);

/* The word for a cause: "whole-response". */
const char *cure_word(enum cause cause);

/* Appends what is found in a sentence or two, in lines that end with LF. */
void cure_add_sentence(struct buffer *b, const struct finding *finding);

/*
 * Appends what to do about it where `software` runs us, as CGI or not: lines
 * that say what for, and directives, indented by four blanks. Where the server
 * is not known those of all, the likeliest first.
 */
void cure_add(struct buffer *b, const struct finding *finding,
	enum software software, bool is_cgi);

/* Appends all of it as mdoc(7). */
void cure_add_manual(struct buffer *b);

#endif
