#include "cgi/examine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi/fetch.h"
#include "common/beat.h"
#include "common/buffer.h"
#include "common/doctor.h"
#include "common/measurement.h"

#define AT_ONCE	   7 /* streams */
#define SKIPPED	   "Last-Event-ID: 3"
#define PATIENCE_S 60
#define QUIET_S	   (2 * 3600 + PATIENCE_S) /* the longest heartbeat */

/* One stream, as it came. */
struct stream_seen {
	size_t count;
	struct {
		unsigned number;
		int64_t sent_ms;
		int64_t arrived_ms;
	} events[BEAT_PACE_EVENTS];
	unsigned retries;
	bool busy;
	int64_t last_ms; /* when something of ssetail's came last */
};

struct examination {
	const char *url; /* up to the query */
	int url_len;
	char *const *options;
	unsigned number;     /* no two addresses are the same */
	struct buffer query; /* what was measured */
};

/* ---- streams */

/* A server that cuts a stream may add a page of its own. */
static bool is_ours(const char *line)
{
	static const char *const starts[] = { ":",
		"data:", "id:", "retry:", "event:" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (strncmp(line, starts[i], strlen(starts[i])) == 0)
			return true;
	return line[0] == '\0';
}

static void hear(struct fetch *f, const char *line)
{
	struct stream_seen *seen = f->context;
	unsigned number;
	int64_t sent_ms;

	if (is_ours(line))
		seen->last_ms = f->now_ms;
	seen->busy |= strcmp(line, "event: busy") == 0;
	seen->retries += strncmp(line, "retry:", 6) == 0;
	if (seen->count == BEAT_PACE_EVENTS ||
		sscanf(line, "data: %9u %" SCNd64, &number, &sent_ms) != 2)
		return;
	seen->events[seen->count].number = number;
	seen->events[seen->count].sent_ms = sent_ms;
	seen->events[seen->count++].arrived_ms = f->now_ms;
}

/* Starts one of the doctor's streams. Returns 0, or -1 with errno. */
static int start(struct examination *x, struct fetch *f,
	struct stream_seen *seen, const char *kind, const char *header)
{
	bool is_silent =
		strcmp(kind, "quiet") == 0 || strncmp(kind, "pause", 5) == 0;
	unsigned seconds = is_silent ? QUIET_S : PATIENCE_S;
	struct buffer url = BUFFER_INIT;
	int result = -1;

	memset(seen, 0, sizeof(*seen));
	*f = (struct fetch){ .hear = hear, .context = seen, .fd = -1 };
	buffer_add_format(&url, "%.*s?doctor=%s&number=%u", x->url_len, x->url,
		kind, ++x->number);
	buffer_add_byte(&url, '\0');
	if (!url.failed)
		result = fetch_start(f, url.data, header, seconds, x->options);
	seen->last_ms = f->asked_ms;
	buffer_release(&url);
	return result;
}

/* One of them to its end. */
static int take(struct examination *x, struct fetch *f,
	struct stream_seen *seen, const char *kind, const char *header)
{
	if (start(x, f, seen, kind, header) < 0)
		return -1;
	fetch_run(f, 1);
	return 0;
}

/* ---- what is measured */

static void add_number(struct examination *x, const char *name, int64_t number)
{
	if (number < 0)
		number = 0;
	if (number > MEASUREMENT_MS_MAX)
		number = MEASUREMENT_MS_MAX;
	buffer_add_format(&x->query, "&%s=%" PRId64, name, number);
}

static void add_text(struct examination *x, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	buffer_add_format(&x->query, "&%s=", name);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c > '~')
			buffer_add_byte(&x->query, '?');
		else if (strchr("&+%#\"'<>[]{}\\^`| ", c))
			buffer_add_format(&x->query, "%%%02X", (unsigned)c);
		else
			buffer_add_byte(&x->query, (char)c);
	}
}

static void add_head(struct examination *x, const struct fetch *f)
{
	const char *via = f->fields[FETCH_VIA];

	if (!via[0])
		via = f->fields[FETCH_X_CACHE];
	if (!via[0])
		via = f->fields[FETCH_CF_RAY];
	add_text(x, "protocol", f->protocol);
	add_text(x, "type", f->fields[FETCH_TYPE]);
	add_text(x, "cache", f->fields[FETCH_CACHE]);
	add_text(x, "encoding", f->fields[FETCH_ENCODING]);
	add_text(x, "server", f->fields[FETCH_SERVER]);
	add_text(x, "via", via);
	if (f->fields[FETCH_LENGTH][0])
		add_number(x, "length", atoll(f->fields[FETCH_LENGTH]));
	if (f->fields[FETCH_AGE][0])
		add_number(x, "age", atoll(f->fields[FETCH_AGE]));
}

static int measure_pace(struct examination *x, int try, struct fetch *f)
{
	struct stream_seen seen;

	if (take(x, f, &seen, "pace", NULL) < 0)
		return -1;
	for (size_t i = 0; i < seen.count; i++) {
		int64_t sent = seen.events[i].sent_ms - seen.events[0].sent_ms;

		if (i == 0)
			buffer_add_format(&x->query, "&pace%d=", try);
		else
			buffer_add_byte(&x->query, ',');
		buffer_add_format(&x->query, "%" PRId64 ":%" PRId64,
			sent > 0 ? sent : 0,
			seen.events[i].arrived_ms - seen.events[0].arrived_ms);
	}
	return (int)seen.count;
}

/* The first stream: its head, and whether there is one at all. Returns its
 * events, or -1 when nobody answers. */
static int measure_first(struct examination *x)
{
	struct stream_seen seen;
	struct fetch f, plain;
	int events = measure_pace(x, 1, &f);

	if (events < 0)
		fprintf(stderr, "ssetail.cgi: curl: %s\n", strerror(errno));
	/* curl has said why. */
	if (events < 0 || f.status == 0)
		return -1;
	add_number(x, "status", f.status);
	if (f.status == 501 && take(x, &plain, &seen, "hold&plain", NULL) == 0)
		add_number(x, "plain", plain.status);
	add_head(x, &f);
	if (f.first_ms >= 0)
		add_number(x, "first", f.first_ms - f.asked_ms);
	return f.status == 200 ? events : 0;
}

static void measure_resume(struct examination *x)
{
	struct stream_seen seen;
	struct fetch f;

	if (take(x, &f, &seen, "hold", SKIPPED) == 0 && seen.count > 0)
		add_number(x, "resume", seen.events[0].number);
}

static void measure_hold(struct examination *x, int try)
{
	struct stream_seen seen[AT_ONCE];
	struct fetch streams[AT_ONCE];
	unsigned busy = 0;

	for (size_t i = 0; i < AT_ONCE; i++)
		start(x, &streams[i], &seen[i], "hold", NULL);
	fetch_run(streams, AT_ONCE);
	buffer_add_format(&x->query, "&hold%d=", try);
	for (size_t i = 0; i < AT_ONCE; i++) {
		const struct fetch *f = &streams[i];
		/* Who is turned away has waited for ever. */
		bool is_open = f->status == 200 && f->first_ms >= 0;

		buffer_add_format(&x->query, "%s0:%" PRId64, i > 0 ? "," : "",
			is_open ? f->first_ms - f->asked_ms
				: (int64_t)MEASUREMENT_MS_MAX);
		busy += seen[i].busy;
	}
	if (busy > 0 && try == 1)
		add_number(x, "busy", busy);
}

/* The second event comes after two heartbeats. A "retry" is in the opening of
 * each stream; another one comes from a program that ends it itself. Returns
 * whether the stream was not cut. */
static bool measure_quiet(struct examination *x, int try)
{
	struct stream_seen seen;
	struct fetch f;

	if (take(x, &f, &seen, "quiet", NULL) < 0)
		return true;
	buffer_add_format(&x->query, "&quiet%d=", try);
	if (seen.count > 1)
		buffer_add_string(&x->query, "done");
	else if (seen.retries > 1)
		buffer_add_string(&x->query, "retry");
	else
		buffer_add_format(&x->query, "cut:%" PRId64 ":%" PRId64,
			f.end_ms - f.asked_ms, f.end_ms - seen.last_ms);
	return seen.count > 1 || seen.retries > 1;
}

/* Silences that are shorter than a heartbeat, all at once: how many of them
 * were let through, from the shortest on. */
static void measure_pauses(struct examination *x)
{
	struct stream_seen seen[BEAT_PAUSES];
	struct fetch streams[BEAT_PAUSES];
	unsigned through = 0;
	char kind[] = "pause1";

	for (size_t i = 0; i < BEAT_PAUSES; i++, kind[5]++)
		start(x, &streams[i], &seen[i], kind, NULL);
	fetch_run(streams, BEAT_PAUSES);
	while (through < BEAT_PAUSES &&
		seen[through].count == BEAT_PAUSE_EVENTS)
		through++;
	add_number(x, "pauses", through);
}

/* ---- the judge */

static void keep_line(struct fetch *f, const char *line)
{
	struct buffer *text = f->context;

	buffer_add_string(text, line);
	buffer_add_byte(text, '\n');
}

/* Leaves the answer in `text`, ended by NUL. False after a line on standard
 * error. */
static bool ask(struct examination *x, struct buffer *text)
{
	struct fetch f = { .hear = keep_line, .context = text, .fd = -1 };
	struct buffer url = BUFFER_INIT;

	buffer_clear(text);
	buffer_add_format(&url, "%.*s?doctor=judge&number=%u", x->url_len,
		x->url, ++x->number);
	buffer_add(&url, x->query.data, x->query.len);
	buffer_add_byte(&url, '\0');
	if (!url.failed && !x->query.failed &&
		fetch_start(&f, url.data, NULL, PATIENCE_S, x->options) == 0)
		fetch_run(&f, 1);
	buffer_release(&url);
	buffer_add_byte(text, '\0');
	if (f.status == 200 && !text->failed &&
		strncmp(f.fields[FETCH_TYPE], "text/plain", 10) == 0)
		return true;
	fprintf(stderr,
		"ssetail.cgi: %.*s?doctor: there is no doctor: "
		"status %u\n",
		x->url_len, x->url, f.status);
	return false;
}

static bool starts_with(const struct buffer *text, const char *line)
{
	return strncmp(text->data, line, strlen(line)) == 0;
}

static void say(const char *text)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "%s ...\n", text);
}

static bool is_well(const struct buffer *text)
{
	return starts_with(text, DOCTOR_WELL);
}

/* Once more while the tries so far are no answer. False as `ask`. */
static bool measure_paces(struct examination *x, struct buffer *text)
{
	struct fetch f;

	for (int try = 2;
		try <= MEASUREMENT_PACES && starts_with(text, DOCTOR_UNSURE);
		try++) {
		say("the same again");
		measure_pace(x, try, &f);
		if (!ask(x, text))
			return false;
	}
	return true;
}

/* Of several tries the best counts: one that is well is enough. */
static bool measure_holds(struct examination *x, struct buffer *text)
{
	for (int try = 1; try <= MEASUREMENT_HOLDS; try++) {
		say("7 streams at once");
		measure_hold(x, try);
		if (!ask(x, text))
			return false;
		if (is_well(text))
			break;
	}
	return true;
}

/* Measures, and leaves the answer of the judge in `text`. */
static bool measure(struct examination *x, struct buffer *text)
{
	int events;

	say("a stream with an event every 60 ms");
	events = measure_first(x);
	if (events < 0)
		return false;
	if (!ask(x, text))
		return false;
	if (events == 0)
		return true;
	if (!measure_paces(x, text))
		return false;
	say("a stream that is taken up again");
	measure_resume(x);
	/* What is held back tells nothing more. */
	if (!ask(x, text))
		return false;
	if (!is_well(text))
		return true;
	if (!measure_holds(x, text))
		return false;
	for (int try = 1; try <= MEASUREMENT_QUIETS; try++) {
		say("a stream that is silent for two heartbeats");
		if (measure_quiet(x, try))
			return ask(x, text);
	}
	say("how long may a stream be silent?");
	measure_pauses(x);
	return ask(x, text);
}

int examine(const char *url, char *const *options)
{
	struct examination x = { .url = url,
		.url_len = (int)strcspn(url, "?#"),
		.options = options };
	struct buffer text = BUFFER_INIT;
	int result = EXAMINE_NOTHING;

	if (measure(&x, &text)) {
		fputs(text.data, stdout);
		if (starts_with(&text, DOCTOR_WELL))
			result = EXAMINE_WELL;
		else if (starts_with(&text, DOCTOR_WRONG))
			result = EXAMINE_WRONG;
	}
	buffer_release(&text);
	buffer_release(&x.query);
	return result;
}
