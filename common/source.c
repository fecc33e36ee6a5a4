#include "common/source.h"

#include <stdlib.h>

bool source_has_feed(const struct source *s)
{
	return s->config->type != SOURCE_CLOCK;
}

struct source *source_new(const struct source_config *config,
	struct feed_scratch *scratch, struct watch *watch, size_t ring_bytes)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = config;
	if (source_has_feed(s))
		feed_init(&s->feed, config, scratch, watch, ring_bytes);
	else
		clock_init(&s->clock, config);
	return s;
}

void source_free(struct source *s)
{
	if (!s)
		return;
	if (source_has_feed(s))
		feed_release(&s->feed);
	free(s->spool);
	free(s);
}
