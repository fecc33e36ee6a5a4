/* Its pipes, and the pump that reads them. */
#include "common/hub_inside.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/spool.h"

static bool is_wanted(const struct source *s, const struct route *only)
{
	bool wanted = !only;

	for (size_t i = 0; only && i < only->count; i++)
		wanted |= only->sources[i] == s;
	return wanted && s->config->type == SOURCE_FIFO;
}

static int have_pump(struct hub *h)
{
	if (!h->pump)
		h->pump = pump_new();
	if (!h->pump)
		log_error("pipes: %s", strerror(errno));
	return h->pump ? 0 : -1;
}

int hub_open_pipe(struct hub *h, struct source *s)
{
	const char *state_dir = h->config->state_dir;

	s->spool = spool_path(state_dir, s->config->name);
	if (!s->spool) {
		log_error("%s: %s", s->config->name, strerror(errno));
		return -1;
	}
	s->pipe = pump_add(h->pump, s->config, state_dir);
	if (!s->pipe)
		return -1;
	feed_set_pipe(&s->feed, s->pipe, s->spool);
	return 0;
}

static int start_pump(struct hub *h)
{
	if (pump_start(h->pump) == 0)
		return 0;
	log_error("pipes: %s", strerror(errno));
	return -1;
}

int hub_open_pipes(struct hub *h, const struct route *only)
{
	for (size_t i = 0; i < h->source_count; i++) {
		struct source *s = h->sources[i];

		if (!is_wanted(s, only))
			continue;
		if (have_pump(h) < 0 || hub_open_pipe(h, s) < 0)
			return -1;
	}
	return h->pump ? start_pump(h) : 0;
}

static bool has_pipes(const struct config *config)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (config->sources[i].type == SOURCE_FIFO)
			return true;
	return false;
}

int hub_hold_pump(struct hub *h, const struct config *next)
{
	bool is_new = !h->pump;

	if (is_new && !has_pipes(next))
		return 0;
	if (have_pump(h) < 0 || (is_new && start_pump(h) < 0))
		return -1;
	if (pump_hold(h->pump) == 0)
		return 0;
	log_error("pipes: the disk does not answer");
	return -1;
}
