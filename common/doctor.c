#include "common/doctor.h"

#include <stdio.h>
#include <string.h>

#include "common/embed.h"
#include "common/page.h"

#define COLUMNS 78 /* of a line of text */

EMBED("doctor_html", "common/doctor/doctor.html");
EMBED("doctor_style", "common/doctor/doctor.css");
EMBED("doctor_script", "common/doctor/doctor.js");

extern const char doctor_html[], doctor_style[], doctor_script[];

void doctor_add_page(struct buffer *b, unsigned heartbeat_s, const char *nonce,
	bool with_body)
{
	char heartbeat[16];
	const struct page_place places[] = {
		{ "@NONCE@", nonce, strlen(nonce) },
		{ "@COLOURS@", page_colours, strlen(page_colours) },
		{ "@STYLE@", doctor_style, strlen(doctor_style) },
		{ "@SCRIPT@", doctor_script, strlen(doctor_script) },
		{ "@HEARTBEAT@", heartbeat,
			(size_t)snprintf(heartbeat, sizeof(heartbeat), "%u",
				heartbeat_s) },
	};

	page_add_head(b, nonce);
	if (with_body)
		page_add_body(b, doctor_html, places,
			sizeof(places) / sizeof(*places));
}

static const char *word_of(const struct verdict *v)
{
	static const char *const words[] = {
		[VERDICT_WELL] = DOCTOR_WELL,
		[VERDICT_WRONG] = DOCTOR_WRONG,
		[VERDICT_UNSURE] = DOCTOR_UNSURE,
		[VERDICT_NOTHING] = DOCTOR_NOTHING,
	};

	return words[v->word];
}

/* Where both have a name that is known, and not the same, another server stands
 * before the one that runs us. */
static bool is_same_server(
	const struct measurement *m, const struct doctor_host *host)
{
	enum software software = cure_software(m->server);

	return software == host->software || software == SOFTWARE_UNKNOWN ||
	       host->software == SOFTWARE_UNKNOWN;
}

/* A paragraph in lines that a terminal has room for, behind an empty line.
 * Takes the text. */
static void add_folded(struct buffer *b, struct buffer *text)
{
	size_t column = 0;
	char *rest = NULL;

	buffer_add_byte(text, '\0');
	buffer_add_byte(b, '\n');
	for (char *word = text->failed ? NULL
				       : strtok_r(text->data, " \n", &rest);
		word; word = strtok_r(NULL, " \n", &rest)) {
		size_t len = strlen(word);
		bool fits = column + 1 + len <= COLUMNS;

		if (column > 0)
			buffer_add_byte(b, fits ? ' ' : '\n');
		column = column > 0 && fits ? column + 1 + len : len;
		buffer_add_string(b, word);
	}
	buffer_add_byte(b, '\n');
	b->failed |= text->failed;
	buffer_release(text);
}

static void add_finding(struct buffer *b, const struct finding *finding,
	const struct measurement *m, const struct doctor_host *host)
{
	/* Of a proxy nothing is known but what the response says of it. */
	enum software software = finding->cause == CAUSE_PROXY
					 ? cure_software(m->server)
					 : host->software;
	struct buffer text = BUFFER_INIT;

	buffer_add_format(&text, "%s: ", cure_word(finding->cause));
	cure_add_sentence(&text, finding);
	add_folded(b, &text);
	cure_add(b, finding, software, host->is_cgi);
}

/* What was seen, in a sentence. */
static void add_figures(
	struct buffer *b, const struct verdict *v, const struct measurement *m)
{
	struct buffer text = BUFFER_INIT;

	buffer_add_string(&text, "Measured: ");
	if (m->has_first)
		buffer_add_format(&text, "first byte after %u ms; ",
			(unsigned)m->first_ms);
	if (!v->is_held)
		buffer_add_format(
			&text, "events %u ms late; ", (unsigned)v->late_ms);
	if (v->open_tried > 0)
		buffer_add_format(&text, "%u of %u streams at once; ",
			(unsigned)v->open_count, (unsigned)v->open_tried);
	if (m->resume > 1)
		buffer_add_string(&text, "goes on after a cut; ");
	if (m->quiet[0].end == END_DONE)
		buffer_add_string(&text, "there after two heartbeats; ");
	buffer_add_string(
		&text, m->encoding[0] ? "compressed; " : "not compressed; ");
	buffer_add_string(&text,
		v->has_proxy ? "by a proxy; " : "no proxy that says so; ");
	buffer_add_format(&text, "%s.", m->protocol[0] ? m->protocol : "HTTP");
	add_folded(b, &text);
}

void doctor_add_judgement(struct buffer *b, const struct measurement *m,
	const struct doctor_host *host, bool with_body)
{
	const struct deployment d = {
		.heartbeat_s = host->heartbeat_s,
		.is_forwarded = host->is_forwarded,
		.is_same_server = is_same_server(m, host),
	};
	struct verdict v;

	buffer_add_string(b, "Content-Type: text/plain; charset=utf-8\r\n"
			     "Cache-Control: no-store\r\n"
			     "X-Content-Type-Options: nosniff\r\n\r\n");
	if (!with_body)
		return;
	judge(&v, m, &d);
	buffer_add_format(b, "%s\n", word_of(&v));
	for (size_t i = 0; i < v.count; i++)
		add_finding(b, &v.findings[i], m, host);
	if (v.word != VERDICT_NOTHING && m->status == 200)
		add_figures(b, &v, m);
}
