#include "common/viewer.h"

#include <string.h>

#include "common/embed.h"
#include "common/page.h"

EMBED("viewer_html", "common/viewer/viewer.html");
EMBED("viewer_style", "common/viewer/viewer.css");
EMBED("viewer_script", "common/viewer/viewer.js");
EMBED("viewer_worker", "common/viewer/worker.js");

extern const char viewer_html[], viewer_style[], viewer_script[],
	viewer_worker[];

void viewer_list_source(struct buffer *list, const char *name, uint16_t tag,
	const char *type, unsigned history, unsigned history_max)
{
	buffer_add_string(list, list->len > 0 ? ",{\"name\":" : "{\"name\":");
	page_add_json_string(list, name);
	buffer_add_format(list, ",\"tag\":\"%04x\",\"type\":", (unsigned)tag);
	page_add_json_string(list, type);
	buffer_add_format(list, ",\"history\":%u,\"history_max\":%u}", history,
		history_max);
}

void viewer_add_page(struct buffer *b, const struct buffer *list,
	const char *nonce, bool has_doctor, bool with_body)
{
	static const char link[] = " href=\"?doctor\"";
	const struct page_place places[] = {
		{ "@NONCE@", nonce, strlen(nonce) },
		{ "@COLOURS@", page_colours, strlen(page_colours) },
		{ "@STYLE@", viewer_style, strlen(viewer_style) },
		{ "@SCRIPT@", viewer_script, strlen(viewer_script) },
		{ "@SOURCES@", list->data, list->len },
		{ "@DOCTOR@", link, has_doctor ? strlen(link) : 0 },
	};

	b->failed |= list->failed;
	page_add_head(b, nonce);
	if (with_body)
		page_add_body(b, viewer_html, places,
			sizeof(places) / sizeof(*places));
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
