#include "common/cure.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* ---- what is found, in words */

enum unit { UNIT_NONE, UNIT_KIB, UNIT_MS, UNIT_SECONDS };

/* A # in the sentences stands for the number. A line is no longer than a
 * terminal, and a sentence begins a line: so does mdoc(7) want it. */
static const struct {
	const char *word;
	enum unit unit; /* of the number that the sentences name */
	const char *sentences;
} causes[] = {
	[CAUSE_REFUSED] = { "refused", UNIT_NONE,
		"A stream is answered by the status #, and not by 200.\n"
		"That ends an EventSource for good.\n"
		"The error log of the web server says why.\n" },
	[CAUSE_INCREMENTAL] = { "incremental", UNIT_NONE,
		"A stream is answered by the status 501, and by 200 when it "
		"goes without\n"
		"the header field \"Incremental: ?1\" (RFC 10036), which asks "
		"the web server\n"
		"to pass events on at once: it was told not to, and says so.\n"
		"That ends an EventSource for good.\n"
		"Let it stream, or let ssetail not ask.\n" },
	[CAUSE_TYPE] = { "content-type", UNIT_NONE,
		"The Content-Type of a stream is not text/event-stream any "
		"more when it arrives.\n"
		"That ends an EventSource for good.\n"
		"Something on the way puts its own there.\n" },
	[CAUSE_LIMIT] = { "limit", UNIT_NONE,
		"ssetail itself told # streams to come back later (busy): "
		"it has no room for\n"
		"more.\n" },
	[CAUSE_WHOLE] = { "whole-response", UNIT_NONE,
		"No event arrived before all of them had been sent: the whole "
		"response is held\n"
		"back until it ends, and a stream does not end.\n" },
	[CAUSE_COMPRESSION] = { "compression", UNIT_NONE,
		"The stream is compressed, as its Content-Encoding says, and "
		"who does that\n"
		"holds events back.\n" },
	[CAUSE_BUFFER] = { "buffer", UNIT_KIB,
		"The first event arrived when about # KiB had been sent: a "
		"buffer of that size\n"
		"is filled before anything is passed on.\n" },
	[CAUSE_DELAY] = { "delay", UNIT_MS,
		"Events arrive every # ms, several at a time: they are "
		"collected for so long.\n" },
	[CAUSE_IDLE_CUT] = { "idle-cut", UNIT_SECONDS,
		"A stream is cut when it was silent for about # s, which is "
		"less than the time\n"
		"between two heartbeats.\n" },
	[CAUSE_AGE_CUT] = { "age-cut", UNIT_SECONDS,
		"A stream is cut when it is # s old, though it was not "
		"silent.\n" },
	[CAUSE_SHORTAGE] = { "shortage", UNIT_NONE,
		"Of several streams at once # were answered, and the next one "
		"was turned away or\n"
		"had to wait until another ended: there are not enough "
		"workers or connections.\n"
		"Where a stream takes a worker, the rest of the site waits, "
		"too.\n" },
	[CAUSE_CONNECTIONS] = { "connections", UNIT_NONE,
		"The browser had # connections left for this site.\n"
		"Over HTTP/1.1 it has six, all its tabs together, and each "
		"stream takes one.\n"
		"HTTP/2 has no such limit.\n" },
	[CAUSE_RESUME] = { "last-event-id", UNIT_NONE,
		"A browser that comes back says with Last-Event-ID where it "
		"was, and that did not\n"
		"reach ssetail: after each cut events are lost, or come "
		"twice.\n" },
	[CAUSE_CACHE] = { "cache", UNIT_NONE,
		"The header field Cache-Control that ssetail sends did not "
		"arrive, or a cache\n"
		"answered in its place.\n" },
	[CAUSE_PROXY] = { "proxy", UNIT_NONE,
		"There is a proxy between the browser and the web server that "
		"runs ssetail.\n"
		"Where that web server is as it should be, it is the "
		"proxy.\n" },
};

_Static_assert(sizeof(causes) / sizeof(*causes) == CAUSES, "one for each");

const char *cure_word(enum cause cause)
{
	return causes[cause].word;
}

static uint32_t in_unit(enum unit unit, uint32_t number)
{
	if (unit == UNIT_KIB)
		return number / 1024;
	if (unit == UNIT_SECONDS)
		return (number + 500) / 1000;
	return number;
}

/* Appends the text with what stands for #. */
static void add_filled(struct buffer *b, const char *text, const char *in_place)
{
	const char *sign;

	while ((sign = strchr(text, '#')) != NULL) {
		buffer_add(b, text, (size_t)(sign - text));
		buffer_add_string(b, in_place);
		text = sign + 1;
	}
	buffer_add_string(b, text);
}

static void add_with_number(struct buffer *b, const char *text, uint32_t number)
{
	struct buffer digits = BUFFER_INIT;

	buffer_add_number(&digits, number);
	buffer_add_byte(&digits, '\0');
	if (!digits.failed)
		add_filled(b, text, digits.data);
	b->failed |= digits.failed;
	buffer_release(&digits);
}

void cure_add_sentence(struct buffer *b, const struct finding *finding)
{
	add_with_number(b, causes[finding->cause].sentences,
		in_unit(causes[finding->cause].unit, finding->number));
}

/* ---- what to do */

enum way { ANY_WAY, AS_CGI, AS_FASTCGI };

struct cure {
	enum cause cause;
	enum software software; /* SOFTWARE_UNKNOWN: whoever it is */
	enum way way;
	unsigned kib;	   /* what it is known to hold back; 0: no matter */
	const char *where; /* "For lighttpd" */
	const char *lines; /* with # for a number */
};

#define STREAM_BODY "server.stream-response-body = 2\n"

/* The likeliest first. */
static const struct cure cures[] = {
	{ CAUSE_INCREMENTAL, SOFTWARE_LIGHTTPD, ANY_WAY, 0,
		"For lighttpd, in the condition for ssetail", STREAM_BODY },
	{ CAUSE_INCREMENTAL, SOFTWARE_UNKNOWN, ANY_WAY, 0, "In ssetail.conf",
		"incremental = false;\n" },

	{ CAUSE_LIMIT, SOFTWARE_UNKNOWN, ANY_WAY, 0, "In ssetail.conf, one of",
		"max_clients = 10000;\nmax_clients_per_address = 0;\n" },

	{ CAUSE_WHOLE, SOFTWARE_LIGHTTPD, ANY_WAY, 0,
		"For lighttpd, in the condition for ssetail", STREAM_BODY },
	{ CAUSE_WHOLE, SOFTWARE_APACHE, ANY_WAY, 0,
		"For Apache with mod_deflate or mod_brotli, in the Location or "
		".htaccess",
		"SetEnv no-gzip 1\nSetEnv no-brotli 1\n" },
	{ CAUSE_WHOLE, SOFTWARE_APACHE, ANY_WAY, 0,
		"For Apache with mod_fcgid, in the server or virtual host",
		"FcgidOutputBufferSize 0\n" },
	{ CAUSE_WHOLE, SOFTWARE_NGINX, ANY_WAY, 0, "For nginx, in the location",
		"fastcgi_buffering off;\n" },
	{ CAUSE_WHOLE, SOFTWARE_NGINX, AS_CGI, 0,
		"For nginx with fcgiwrap, in the location",
		"fastcgi_buffering off;\nfastcgi_param NO_BUFFERING 1;\n" },

	{ CAUSE_COMPRESSION, SOFTWARE_APACHE, ANY_WAY, 0,
		"For Apache, in the Location or .htaccess",
		"SetEnv no-gzip 1\nSetEnv no-brotli 1\n" },
	{ CAUSE_COMPRESSION, SOFTWARE_LIGHTTPD, ANY_WAY, 0,
		"For lighttpd, in the condition for ssetail",
		"deflate.mimetypes = ( )\n" },
	{ CAUSE_COMPRESSION, SOFTWARE_NGINX, ANY_WAY, 0,
		"For nginx, in the location", "gzip off;\n" },
	{ CAUSE_COMPRESSION, SOFTWARE_HAPROXY, ANY_WAY, 0,
		"For HAProxy, without text/event-stream",
		"compression type text/html text/css text/javascript\n" },
	{ CAUSE_COMPRESSION, SOFTWARE_CADDY, ANY_WAY, 0,
		"For Caddy, in place of encode gzip",
		"@pages not path /events /events/*\nencode @pages gzip\n" },

	{ CAUSE_BUFFER, SOFTWARE_APACHE, AS_FASTCGI, 64,
		"For Apache with mod_fcgid, in the server or virtual host",
		"FcgidOutputBufferSize 0\n" },
	{ CAUSE_BUFFER, SOFTWARE_APACHE, AS_FASTCGI, 4,
		"For Apache with mod_proxy_fcgi and ProxyPass, at the end of "
		"that line",
		"flushpackets=on\n" },
	{ CAUSE_BUFFER, SOFTWARE_APACHE, AS_FASTCGI, 4,
		"For Apache with mod_proxy_fcgi and SetHandler, with the name "
		"that stands there",
		"<Proxy \"fcgi://ssetail/\">\n"
		"	ProxySet flushpackets=on\n"
		"</Proxy>\n" },
	{ CAUSE_BUFFER, SOFTWARE_NGINX, ANY_WAY, 4,
		"For nginx, in the location", "fastcgi_buffering off;\n" },
	{ CAUSE_BUFFER, SOFTWARE_NGINX, AS_CGI, 4,
		"For nginx with fcgiwrap, in the location",
		"fastcgi_buffering off;\nfastcgi_param NO_BUFFERING 1;\n" },
	{ CAUSE_BUFFER, SOFTWARE_LIGHTTPD, ANY_WAY, 0,
		"For lighttpd, in the condition for ssetail", STREAM_BODY },

	{ CAUSE_DELAY, SOFTWARE_HAPROXY, ANY_WAY, 0,
		"For HAProxy, in the backend", "option http-no-delay\n" },

	{ CAUSE_IDLE_CUT, SOFTWARE_UNKNOWN, ANY_WAY, 0, "In ssetail.conf",
		"heartbeat = #;\n" },
	{ CAUSE_IDLE_CUT, SOFTWARE_NGINX, ANY_WAY, 0,
		"Or for nginx, in the location",
		"fastcgi_read_timeout 60s;\nsend_timeout 60s;\n" },
	{ CAUSE_IDLE_CUT, SOFTWARE_HAPROXY, ANY_WAY, 0,
		"Or for HAProxy, in the backend, and in the frontend",
		"timeout server 60s\ntimeout client 60s\n" },
	{ CAUSE_IDLE_CUT, SOFTWARE_APACHE, AS_FASTCGI, 0,
		"Or for Apache with mod_fcgid, in FcgidCmdOptions",
		"IOTimeout 40\n" },
	{ CAUSE_IDLE_CUT, SOFTWARE_APACHE, AS_FASTCGI, 0,
		"Or for Apache with mod_proxy_fcgi", "ProxyTimeout 300\n" },
	{ CAUSE_IDLE_CUT, SOFTWARE_APACHE, ANY_WAY, 0, "Or for Apache",
		"Timeout 300\n" },
	{ CAUSE_IDLE_CUT, SOFTWARE_LIGHTTPD, ANY_WAY, 0, "Or for lighttpd",
		"server.max-write-idle = 360\n" },
	{ CAUSE_IDLE_CUT, SOFTWARE_CADDY, ANY_WAY, 0,
		"Or for Caddy, in transport fastcgi", "read_timeout 0\n" },

	{ CAUSE_AGE_CUT, SOFTWARE_UNKNOWN, ANY_WAY, 0,
		"In ssetail.conf, so that streams end by themselves before",
		"lifetime = #;\n" },
	{ CAUSE_AGE_CUT, SOFTWARE_APACHE, AS_FASTCGI, 0,
		"Or for Apache with mod_fcgid", "FcgidBusyTimeout 300\n" },
	{ CAUSE_AGE_CUT, SOFTWARE_CADDY, ANY_WAY, 0,
		"Or for Caddy, in transport fastcgi", "read_timeout 0\n" },

	{ CAUSE_SHORTAGE, SOFTWARE_APACHE, AS_FASTCGI, 0,
		"For Apache with mod_fcgid, a process for each stream, in "
		"FcgidCmdOptions",
		"MaxProcesses 1000\n" },
	{ CAUSE_SHORTAGE, SOFTWARE_APACHE, ANY_WAY, 0,
		"For Apache with mpm_event, of which each stream takes a "
		"worker",
		"ServerLimit 48\nMaxRequestWorkers 1200\n" },
	{ CAUSE_SHORTAGE, SOFTWARE_NGINX, ANY_WAY, 0,
		"For nginx, of which each stream takes two connections",
		"worker_connections 4096;\n" },
	{ CAUSE_SHORTAGE, SOFTWARE_NGINX, AS_CGI, 0,
		"For nginx with fcgiwrap, of which each stream takes a worker",
		"fcgiwrap -c 100\n" },
	{ CAUSE_SHORTAGE, SOFTWARE_LIGHTTPD, ANY_WAY, 0,
		"For lighttpd, of which each stream takes two descriptors",
		"server.max-fds = 16384\nserver.max-connections = 8192\n" },
	{ CAUSE_SHORTAGE, SOFTWARE_HAPROXY, ANY_WAY, 0,
		"For HAProxy, in global", "maxconn 10000\n" },

	{ CAUSE_CONNECTIONS, SOFTWARE_LIGHTTPD, ANY_WAY, 0,
		"For lighttpd, where the site has TLS",
		"server.feature-flags += ( \"server.h2proto\" => "
		"\"enable\" )\n" },
	{ CAUSE_CONNECTIONS, SOFTWARE_APACHE, ANY_WAY, 0,
		"For Apache with mod_http2, where the site has TLS",
		"Protocols h2 http/1.1\n" },
	{ CAUSE_CONNECTIONS, SOFTWARE_NGINX, ANY_WAY, 0,
		"For nginx, where the site has TLS",
		"listen 443 ssl http2;\n" },
	{ CAUSE_CONNECTIONS, SOFTWARE_HAPROXY, ANY_WAY, 0,
		"For HAProxy, at the end of the line bind, where it has TLS",
		"alpn h2,http/1.1\n" },

	{ CAUSE_RESUME, SOFTWARE_NGINX, ANY_WAY, 0,
		"For nginx, in the location",
		"fastcgi_pass_request_headers on;\n" },

	{ CAUSE_PROXY, SOFTWARE_NGINX, ANY_WAY, 0,
		"Where the proxy is nginx, in the location",
		"proxy_http_version 1.1;\n"
		"proxy_buffering off;\n"
		"proxy_read_timeout 60s;\n" },
	{ CAUSE_PROXY, SOFTWARE_HAPROXY, ANY_WAY, 0,
		"Where the proxy is HAProxy, in the backend",
		"option http-no-delay\ntimeout server 60s\n" },
	{ CAUSE_PROXY, SOFTWARE_LIGHTTPD, ANY_WAY, 0,
		"Where the proxy is lighttpd", STREAM_BODY },
	{ CAUSE_PROXY, SOFTWARE_APACHE, ANY_WAY, 0,
		"Where the proxy is Apache, at the end of the line ProxyPass",
		"flushpackets=on\n" },
	{ CAUSE_PROXY, SOFTWARE_CADDY, ANY_WAY, 0,
		"Where the proxy is Caddy, in reverse_proxy",
		"flush_interval -1\n" },
};

#define CURES (sizeof(cures) / sizeof(*cures))

enum software cure_software(const char *name)
{
	static const struct {
		const char *name;
		enum software software;
	} known[] = {
		{ "lighttpd", SOFTWARE_LIGHTTPD },
		{ "Apache", SOFTWARE_APACHE },
		{ "nginx", SOFTWARE_NGINX },
		{ "HAProxy", SOFTWARE_HAPROXY },
		{ "Caddy", SOFTWARE_CADDY },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strncasecmp(name, known[i].name, strlen(known[i].name)) ==
			0)
			return known[i].software;
	return SOFTWARE_UNKNOWN;
}

/* The number that a directive needs. */
static uint32_t dose(const struct finding *finding)
{
	uint32_t seconds = finding->number / 1000;

	switch (finding->cause) {
	case CAUSE_IDLE_CUT:
		return seconds < 4 ? 1 : seconds / 2;
	case CAUSE_AGE_CUT:
		return seconds < 2 ? 1 : seconds * 4 / 5;
	default:
		return finding->number;
	}
}

/* Is it for that finding there? */
static bool is_for(const struct cure *c, const struct finding *finding,
	enum software software, bool is_cgi)
{
	if (c->cause != finding->cause ||
		c->way == (is_cgi ? AS_FASTCGI : AS_CGI))
		return false;
	return c->software == software || c->software == SOFTWARE_UNKNOWN ||
	       software == SOFTWARE_UNKNOWN;
}

static bool has_its_size(const struct cure *c, const struct finding *finding)
{
	unsigned kib = finding->number / 1024;

	return finding->cause == CAUSE_BUFFER && c->kib > 0 && c->kib <= kib &&
	       kib <= 2 * c->kib;
}

/* Each line behind four blanks; a tab is four more. */
static void add_indented(struct buffer *b, const char *lines)
{
	bool at_start = true;

	for (; *lines; lines++) {
		if (at_start)
			buffer_add_string(b, "    ");
		if (*lines == '\t')
			buffer_add_string(b, "    ");
		else
			buffer_add_byte(b, *lines);
		at_start = *lines == '\n';
	}
}

static void add_cure(
	struct buffer *b, const struct cure *c, const struct finding *finding)
{
	struct buffer lines = BUFFER_INIT;

	add_with_number(&lines, c->lines, dose(finding));
	buffer_add_byte(&lines, '\0');
	buffer_add_format(b, "\n%s:\n\n", c->where);
	if (!lines.failed)
		add_indented(b, lines.data);
	b->failed |= lines.failed;
	buffer_release(&lines);
}

void cure_add(struct buffer *b, const struct finding *finding,
	enum software software, bool is_cgi)
{
	bool found = false;

	for (size_t i = 0; i < CURES; i++) {
		if (!is_for(&cures[i], finding, software, is_cgi) ||
			!has_its_size(&cures[i], finding))
			continue;
		add_cure(b, &cures[i], finding);
		found = true;
	}
	/* What is known for that size is it, where the server is known. */
	if (found && software != SOFTWARE_UNKNOWN)
		return;
	for (size_t i = 0; i < CURES; i++)
		if (is_for(&cures[i], finding, software, is_cgi) &&
			!has_its_size(&cures[i], finding))
			add_cure(b, &cures[i], finding);
}

/* ---- the manual */

/* As mdoc(7): a backslash begins an escape there. */
static void add_manual_text(struct buffer *b, const char *text)
{
	for (; *text; text++)
		if (*text == '\\')
			buffer_add_string(b, "\\e");
		else if (*text == '"')
			buffer_add_string(b, "\\(dq");
		else
			buffer_add_byte(b, *text);
}

static void add_manual_filled(struct buffer *b, const char *text)
{
	struct buffer filled = BUFFER_INIT;

	add_filled(&filled, text, "N");
	buffer_add_byte(&filled, '\0');
	if (!filled.failed)
		add_manual_text(b, filled.data);
	b->failed |= filled.failed;
	buffer_release(&filled);
}

void cure_add_manual(struct buffer *b)
{
	for (size_t cause = 0; cause < CAUSES; cause++) {
		buffer_add_format(b, ".Ss %s\n", causes[cause].word);
		add_manual_filled(b, causes[cause].sentences);
		for (size_t i = 0; i < CURES; i++) {
			if (cures[i].cause != (enum cause)cause)
				continue;
			buffer_add_format(b,
				".Pp\n%s:\n.Bd -literal -offset "
				"indent\n",
				cures[i].where);
			add_manual_filled(b, cures[i].lines);
			buffer_add_string(b, ".Ed\n");
		}
	}
}
