#include "common/viewer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/embed.h"

EMBED("viewer_html", "common/viewer/viewer.html");
EMBED("viewer_style", "common/viewer/viewer.css");
EMBED("viewer_script", "common/viewer/viewer.js");
EMBED("viewer_worker", "common/viewer/worker.js");

extern const char viewer_html[], viewer_style[], viewer_script[],
	viewer_worker[];

void viewer_make_nonce(char nonce[VIEWER_NONCE_LEN + 1])
{
	uint32_t random[VIEWER_NONCE_LEN / 8];

	arc4random_buf(random, sizeof(random));
	for (size_t i = 0; i < VIEWER_NONCE_LEN / 8; i++)
		snprintf(nonce + 8 * i, 9, "%08x", random[i]);
}

/* A string of JSON. What HTML might take for its own, as the end of the
 * element that it stands in, is written by its number. */
static void add_string(struct buffer *b, const char *s)
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

void viewer_list_source(struct buffer *list, const char *name, uint16_t tag,
	const char *type, unsigned history, unsigned history_max)
{
	buffer_add_string(list, list->len > 0 ? ",{\"name\":" : "{\"name\":");
	add_string(list, name);
	buffer_add_format(list, ",\"tag\":\"%04x\",\"type\":", (unsigned)tag);
	add_string(list, type);
	buffer_add_format(list, ",\"history\":%u,\"history_max\":%u}", history,
		history_max);
}

static void add_head(struct buffer *b, const char *nonce)
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

/* Adds what stands for the placeholder that `at` begins with. Returns its
 * length; 0: it is none. */
static size_t add_in_place(struct buffer *b, const char *at,
	const struct buffer *list, const char *nonce)
{
	const struct {
		const char *placeholder, *before, *text;
		size_t len;
		const char *after;
	} places[] = {
		{ "@NONCE@", "", nonce, strlen(nonce), "" },
		{ "@STYLE@", "", viewer_style, strlen(viewer_style), "" },
		{ "@SCRIPT@", "", viewer_script, strlen(viewer_script), "" },
		{ "@SOURCES@", "[", list->data, list->len, "]" },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		size_t len = strlen(places[i].placeholder);

		if (strncmp(at, places[i].placeholder, len) != 0)
			continue;
		buffer_add_string(b, places[i].before);
		if (places[i].len > 0)
			buffer_add(b, places[i].text, places[i].len);
		buffer_add_string(b, places[i].after);
		return len;
	}
	return 0;
}

void viewer_add_page(struct buffer *b, const struct buffer *list,
	const char *nonce, bool with_body)
{
	const char *at = viewer_html, *sign;

	b->failed |= list->failed;
	add_head(b, nonce);
	if (!with_body)
		return;
	while ((sign = strchr(at, '@')) != NULL) {
		size_t len;

		buffer_add(b, at, (size_t)(sign - at));
		len = add_in_place(b, sign, list, nonce);
		at = sign + len;
		if (len == 0)
			buffer_add_byte(b, *at++);
	}
	buffer_add_string(b, at);
}

void viewer_add_worker(struct buffer *b, bool with_body)
{
	buffer_add_string(b, "Content-Type: text/javascript; charset=utf-8\r\n"
			     "Cache-Control: no-cache\r\n"
			     "X-Content-Type-Options: nosniff\r\n"
			     "Content-Security-Policy: default-src 'none'; "
			     "connect-src 'self'\r\n"
			     "\r\n");
	if (with_body)
		buffer_add_string(b, viewer_worker);
}
