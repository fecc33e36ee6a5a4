/*
 * utf8: which bytes are well-formed UTF-8 (RFC 3629), and which of those
 * that are not one U+FFFD stands for. Bytes only; it replaces nothing itself:
 *
 *	[ok ok ok ok][bad][ok ok][bad bad][bad][ok ...
 *	 prefix       bad  prefix bad      bad  prefix
 *
 * A text with each of the bad pieces replaced is what the UTF-8 decoder of
 * the WHATWG Encoding Standard (section 8.1.1) makes of the whole, so that
 * all readers agree.
 */
#ifndef SSETAIL_UTF8_H
#define SSETAIL_UTF8_H

#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/*
 * The length of the longest prefix that is well-formed, up to `len`. A
 * sequence that the end cuts short is not part of it. ASCII is passed 16
 * bytes at a step.
 */
size_t utf8_valid_prefix(const char *bytes, size_t len);

/*
 * How many bytes one U+FFFD stands for, 1 to 3: where utf8_valid_prefix
 * stopped, and that before the end, so that `len` is at least 1. It is the
 * maximal subpart of a sequence; one that the end cuts short is all of it.
 */
size_t utf8_bad_length(const char *bytes, size_t len);

#endif
