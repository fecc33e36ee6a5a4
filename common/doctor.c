#include "common/doctor.h"

#include <stdio.h>
#include <string.h>

#include "common/embed.h"
#include "common/page.h"

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

static void add_finding(struct buffer *b, const struct finding *finding,
	const struct measurement *m, const struct doctor_host *host)
{
	/* Of a proxy nothing is known but what the response says of it. */
	enum software software = finding->cause == CAUSE_PROXY
					 ? cure_software(m->server)
					 : host->software;

	buffer_add_format(b, "\n%s: ", cure_word(finding->cause));
	cure_add_sentence(b, finding);
	cure_add(b, finding, software, host->is_cgi);
}

/* What was seen, in a line. */
static void add_figures(
	struct buffer *b, const struct verdict *v, const struct measurement *m)
{
	buffer_add_string(b, "\nMeasured: ");
	if (m->has_first)
		buffer_add_format(
			b, "first byte after %u ms; ", (unsigned)m->first_ms);
	buffer_add_format(b, "events %u ms late", (unsigned)v->late_ms);
	if (v->open_tried > 0)
		buffer_add_format(b, "; %u of %u streams at once",
			(unsigned)v->open_count, (unsigned)v->open_tried);
	if (m->resume > 0)
		buffer_add_format(
			b, "; resumed at event %u of 4", (unsigned)m->resume);
	if (m->quiet[0].end == END_DONE)
		buffer_add_string(b, "; still there after two heartbeats");
	buffer_add_format(
		b, "; %s", m->encoding[0] ? "compressed" : "not compressed");
	if (m->protocol[0])
		buffer_add_format(b, "; %s", m->protocol);
	if (v->has_proxy)
		buffer_add_string(b, "; by a proxy");
	buffer_add_string(b, ".\n");
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
