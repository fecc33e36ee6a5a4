#include "common/page.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/embed.h"

EMBED("page_colours", "common/page/colours.css");

void page_make_nonce(char nonce[PAGE_NONCE_LEN + 1])
{
	uint32_t random[PAGE_NONCE_LEN / 8];

	arc4random_buf(random, sizeof(random));
	for (size_t i = 0; i < PAGE_NONCE_LEN / 8; i++)
		snprintf(nonce + 8 * i, 9, "%08x", random[i]);
}

void page_add_json_string(struct buffer *b, const char *s)
{
	buffer_add_byte(b, '"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < ' ' || c == 0x7f || strchr("\"\\<>&", c) != NULL)
			buffer_add_format(b, "\\u%04x", (unsigned)c);
		else
			buffer_add_byte(b, *s);
	}
	buffer_add_byte(b, '"');
}

void page_add_head(struct buffer *b, const char *nonce)
{
	buffer_add_string(b, "Content-Type: text/html; charset=utf-8\r\n"
			     "Cache-Control: no-store\r\n"
			     "X-Content-Type-Options: nosniff\r\n"
			     "Referrer-Policy: no-referrer\r\n"
			     "Vary: Accept\r\n");
	buffer_add_format(b,
		"Content-Security-Policy: default-src 'none'; "
		"style-src 'nonce-%s'; script-src 'nonce-%s'; "
		"worker-src 'self'; connect-src 'self'; img-src data:; "
		"base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'self'\r\n"
		"\r\n",
		nonce, nonce);
}

/* Adds what stands for the sign that `at` begins with. Returns its length; 0:
 * it is none. */
static size_t add_in_place(struct buffer *b, const char *at,
	const struct page_place *places, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(places[i].sign);

		if (strncmp(at, places[i].sign, len) != 0)
			continue;
		if (places[i].len > 0)
			buffer_add(b, places[i].text, places[i].len);
		return len;
	}
	return 0;
}

void page_add_body(struct buffer *b, const char *template,
	const struct page_place *places, size_t count)
{
	const char *at = template, *sign;

	while ((sign = strchr(at, '@')) != NULL) {
		size_t len;

		buffer_add(b, at, (size_t)(sign - at));
		len = add_in_place(b, sign, places, count);
		at = sign + len;
		if (len == 0)
			buffer_add_byte(b, *at++);
	}
	buffer_add_string(b, at);
}
