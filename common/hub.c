#include "common/hub_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

int hub_init(struct hub *h, const struct config *config)
{
	*h = (struct hub){ .config = config, .version = 1 };
	h->sources = calloc(config->source_count, sizeof(*h->sources));
	if (!h->sources || feed_scratch_init(&h->scratch) < 0)
		return -1;
	h->watch = watch_new();
	if (!h->watch)
		log_warning("inotify: not to be had: %s: "
			    "files are looked at once a second",
			strerror(errno));
	for (size_t i = 0; i < config->source_count; i++) {
		struct source *s = source_new(&config->sources[i], &h->scratch,
			h->watch, config->ring_bytes);

		if (!s)
			return -1;
		h->sources[h->source_count++] = s;
	}
	return 0;
}

void hub_release(struct hub *h)
{
	hub_free_retired(h, true);
	for (size_t i = 0; i < h->source_count; i++)
		source_free(h->sources[i]);
	for (size_t i = 0; i < BEATS; i++)
		source_free(h->beats[i]);
	pump_free(h->pump);
	free(h->sources);
	while (h->owned)
		hub_free_config(&h->owned);
	watch_free(h->watch);
	feed_scratch_release(&h->scratch);
	*h = (struct hub){ 0 };
}

struct source *hub_find(const struct hub *h, const char *name)
{
	for (size_t i = 0; i < h->source_count; i++)
		if (strcmp(h->sources[i]->config->name, name) == 0)
			return h->sources[i];
	return NULL;
}

/* ---- looks and clocks */

static void look(struct hub *h, struct source *s, bool timer, hub_news *news,
	void *context)
{
	enum feed_outcome outcome = feed_look(&s->feed, timer);

	if (outcome == FEED_NOTHING)
		return;
	h->version++;
	news(context, s, outcome);
}

static void mark(void *context, int wd)
{
	const struct hub *h = context;

	for (size_t i = 0; i < h->source_count; i++)
		if (wd < 0 || feed_has_watch(&h->sources[i]->feed, wd))
			h->sources[i]->is_touched = true;
}

void hub_read_watch(struct hub *h, hub_news *news, void *context)
{
	if (!h->watch)
		return;
	watch_drain(h->watch, mark, h);
	for (size_t i = 0; i < h->source_count; i++) {
		struct source *s = h->sources[i];

		if (s->is_touched && source_has_feed(s))
			look(h, s, false, news, context);
		s->is_touched = false;
	}
}

void hub_look(struct hub *h, bool timer, hub_news *news, void *context)
{
	for (size_t i = 0; i < h->source_count; i++)
		if (h->sources[i]->feed.is_open)
			look(h, h->sources[i], timer, news, context);
}

int64_t hub_due_ms(const struct hub *h)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < h->source_count; i++) {
		int64_t due = feed_due_ms(&h->sources[i]->feed);

		if (h->sources[i]->feed.is_open && due < first)
			first = due;
	}
	return first;
}

void hub_look_due(struct hub *h, int64_t now_ms, hub_news *news, void *context)
{
	for (size_t i = 0; i < h->source_count; i++)
		if (h->sources[i]->feed.is_open &&
			feed_due_ms(&h->sources[i]->feed) <= now_ms)
			look(h, h->sources[i], false, news, context);
}

bool hub_needs_timer(const struct hub *h)
{
	for (size_t i = 0; i < h->source_count; i++)
		if (h->sources[i]->feed.is_open)
			return true;
	return false;
}

size_t hub_clocks(const struct hub *h)
{
	return h->source_count + BEATS;
}

struct clock *hub_clock(const struct hub *h, size_t number)
{
	struct source *s = number < h->source_count
				   ? h->sources[number]
				   : h->beats[number - h->source_count];

	return s && s->config->type == SOURCE_CLOCK ? &s->clock : NULL;
}
