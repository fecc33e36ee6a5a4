/* A turn of the thread: what was told is noted, then each source makes a
 * step. */
#include "common/pump_inside.h"

#include <sys/eventfd.h>

#include "common/program.h"

/* The close of a descriptor is told before its lock is free: between that
 * and the next try, doubled each time until it is not worth it. */
#define RETRY_FIRST_MS 1
#define RETRY_LAST_MS  256

static void mark(void *context, int wd)
{
	struct pump *p = context;

	for (size_t i = 0; i < p->count; i++) {
		struct pump_source *s = p->sources[i];
		bool is_free = wd < 0 || wd == s->lock_watch;

		for (size_t j = 0; j < s->count; j++)
			is_free |= wd == s->pipes[j].watch;
		if (is_free) {
			s->retry_ms = RETRY_FIRST_MS;
			s->retry_at_ms = program_now_ms();
		}
		s->look |= wd < 0 || wd == s->directory_watch;
	}
}

void pump_handle(struct pump *p, void *what)
{
	eventfd_t ignored;

	if (!what)
		eventfd_read(p->wake, &ignored);
	else if (what != p)
		((struct pump_source *)what)->more = true;
	else if (p->watch)
		watch_drain(p->watch, mark, p);
}

/* Segments come and go at a rotation alone. */
static void count_spool(struct pump_source *s)
{
	if (s->full_base != s->spool.base &&
		spool_full_bytes(&s->spool, &s->full_bytes) == 0)
		s->full_base = s->spool.base;
	s->kept_bytes = s->full_bytes + s->spool.size;
	s->is_counted = true;
}

/* The locks are not all ours: when are they tried again? */
static void plan_retry(struct pump_source *s, int64_t now_ms)
{
	bool all = s->is_ours;

	for (size_t i = 0; i < s->count; i++)
		all &= s->pipes[i].is_locked;
	if (all || s->retry_ms == 0) {
		s->retry_ms = 0;
		return;
	}
	s->retry_at_ms = now_ms + s->retry_ms;
	s->retry_ms *= 2;
	if (s->retry_ms > RETRY_LAST_MS)
		s->retry_ms = 0;
}

void pump_step(struct pump_source *s, int64_t now_ms, bool tick)
{
	bool retry = s->retry_at_ms && now_ms >= s->retry_at_ms;

	if (s->look || tick) {
		s->state = (int)pump_look_at_path(s);
		if (tick)
			pump_watch_directory(s);
	}
	s->look = false;
	/* Without a watch nothing but the timer tells that a lock is free. */
	if (retry || s->is_ours || (tick && s->lock_watch < 0)) {
		s->retry_at_ms = 0;
		pump_take_over(s);
		plan_retry(s, now_ms);
	}
	if (s->is_ours) {
		if (tick) {
			pump_tell_foreign(s);
			pump_end_memory(s);
		}
		if (s->more || tick)
			pump_drain_all(s);
		if (tick)
			count_spool(s);
	} else if (tick) {
		pump_close_stale(s);
	}
}

void pump_begin(struct pump_source *s)
{
	s->look = true;
	s->retry_at_ms = program_now_ms();
	pump_watch_directory(s);
	pump_step(s, s->retry_at_ms, false);
}

void pump_finish(struct pump_source *s)
{
	if (!s->is_ours)
		return;
	pump_drain_all(s);
	pump_end_memory(s);
}

int pump_timeout_ms(const struct pump *p, int64_t next_tick_ms)
{
	int64_t next = next_tick_ms, now_ms = program_now_ms();

	if (p->count == 0)
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		const struct pump_source *s = p->sources[i];

		if (s->more || s->look)
			return 0;
		if (s->retry_at_ms && s->retry_at_ms < next)
			next = s->retry_at_ms;
	}
	return next > now_ms ? (int)(next - now_ms) : 0;
}
