/* Another configuration: what is the same goes on, the rest retires. */
#include "common/hub_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

void hub_free_config(struct hub_config **at)
{
	struct hub_config *one = *at;

	*at = one->next;
	config_free(one->config);
	free(one);
}

bool hub_free_retired(struct hub *h, bool all)
{
	struct source **at = &h->retired;
	bool any = false;

	while (*at) {
		struct source *s = *at;

		if (!all && s->clients > 0) {
			at = &s->next_retired;
			continue;
		}
		*at = s->next_retired;
		source_free(s);
		any = true;
	}
	return any;
}

/* The source that goes on as `config`, or NULL. */
static struct source *kept(struct hub *h, const struct config *next,
	const struct source_config *config)
{
	struct source *s = hub_find(h, config->name);

	return s && config_same_access(h->config, next) &&
			       config_same_source(s->config, config)
		       ? s
		       : NULL;
}

static bool is_pipe(const struct source *s)
{
	return s->config->type == SOURCE_FIFO;
}

static bool is_among(
	const struct source *s, struct source *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == s)
			return true;
	return false;
}

/* Takes back what was made of a list, and frees it. */
static void drop_new(struct hub *h, struct source **list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_among(list[i], h->sources, h->source_count))
			continue;
		if (list[i]->pipe)
			pump_remove(h->pump, list[i]->pipe);
		source_free(list[i]);
	}
	free(list);
}

/* The sources of the next configuration: those that are the same, and new
 * ones, whose pipes are open. NULL after a line in the log. */
static struct source **make_list(struct hub *h, const struct config *next)
{
	struct source **list = calloc(next->source_count, sizeof(*list));
	size_t count = 0;

	for (; list && count < next->source_count; count++) {
		const struct source_config *config = &next->sources[count];
		struct source *s = kept(h, next, config);

		if (!s)
			s = source_new(config, &h->scratch, h->watch,
				next->ring_bytes);
		if (!s)
			break;
		list[count] = s;
		if (is_pipe(s) && !s->pipe && hub_open_pipe(h, s) < 0) {
			drop_new(h, list, count + 1);
			return NULL;
		}
	}
	if (list && count == next->source_count)
		return list;
	log_error("reload: %s", strerror(ENOMEM));
	if (list)
		drop_new(h, list, count);
	return NULL;
}

static void retire(struct hub *h, struct source *s)
{
	if (s->pipe)
		pump_remove(h->pump, s->pipe);
	s->pipe = NULL;
	s->is_retired = true;
	s->next_retired = h->retired;
	h->retired = s;
}

/* Says what is another one, and counts. */
static void tell_changes(const struct hub *h, struct source *const *list,
	const struct config *next, struct hub_changes *changes)
{
	*changes = (struct hub_changes){ 0 };
	for (size_t i = 0; i < next->source_count; i++) {
		const char *name = next->sources[i].name;
		const struct source *old = hub_find(h, name);

		if (old == list[i])
			continue;
		log_info("%s: %s", name, old ? "changed" : "added");
		*(old ? &changes->changed : &changes->added) += 1;
	}
	for (size_t i = 0; i < h->source_count; i++) {
		const char *name = h->sources[i]->config->name;

		if (config_source(next, name))
			continue;
		log_info("%s: removed", name);
		changes->removed++;
	}
}

static void take_over(
	struct hub *h, struct source **list, struct hub_config *next)
{
	const struct config *config = next->config;

	for (size_t i = 0; i < h->source_count; i++)
		if (!is_among(h->sources[i], list, config->source_count))
			retire(h, h->sources[i]);
	free(h->sources);
	h->sources = list;
	h->source_count = config->source_count;
	/* For when it is opened again. */
	for (size_t i = 0; i < h->source_count; i++)
		if (source_has_feed(list[i]))
			list[i]->feed.ring_bytes = config->ring_bytes;
	next->next = h->owned;
	h->owned = next;
	h->config = config;
	h->version++;
}

/* Is a source described there? */
static bool is_used(const struct hub *h, const struct config *config)
{
	const struct source_config *end =
		config->sources + config->source_count;
	const struct source *s;

	for (size_t i = 0; i < h->source_count; i++) {
		s = h->sources[i];
		if (s->config >= config->sources && s->config < end)
			return true;
	}
	for (s = h->retired; s; s = s->next_retired)
		if (s->config >= config->sources && s->config < end)
			return true;
	return config == h->config;
}

/* Configurations that are not the current one's, and describe no source. */
static void free_configs(struct hub *h)
{
	struct hub_config **at = &h->owned;

	while (*at) {
		if (is_used(h, (*at)->config))
			at = &(*at)->next;
		else
			hub_free_config(at);
	}
}

void hub_sweep(struct hub *h)
{
	if (h->retired && hub_free_retired(h, false))
		free_configs(h);
}

int hub_reload(
	struct hub *h, struct config *config, struct hub_changes *changes)
{
	struct hub_config *next = calloc(1, sizeof(*next));
	struct source **list;

	if (!next) {
		log_error("reload: %s", strerror(ENOMEM));
		return -1;
	}
	if (hub_hold_pump(h, config) < 0) {
		free(next);
		return -1;
	}
	next->config = config;
	list = make_list(h, config);
	if (list) {
		tell_changes(h, list, config, changes);
		take_over(h, list, next);
	} else {
		free(next);
	}
	if (h->pump)
		pump_let_go(h->pump);
	hub_free_retired(h, false);
	free_configs(h);
	return list ? 0 : -1;
}
