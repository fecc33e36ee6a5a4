#include "common/pump_inside.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>

static void lock_pipes(struct pump_source *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct pipe_end *end = &s->pipes[i];
		struct epoll_event event = { .events = EPOLLIN | EPOLLET,
			.data.ptr = s };

		if (end->is_locked)
			continue;
		if (flock(end->fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		end->is_locked = true;
		s->is_told_foreign = false;
		s->more = true;
		epoll_ctl(s->pump->epoll, EPOLL_CTL_ADD, end->fd, &event);
	}
}

/* To have the spool is not to have a pipe: it may not be there yet, or not be
 * one, or not be ours to read. */
static void tell_reader(struct pump_source *s)
{
	if (s->is_told_reader || !s->has_current || s->count == 0 ||
		!s->pipes[s->count - 1].is_locked)
		return;
	s->is_told_reader = true;
	if (pump_may_log(s))
		log_info("%s: %s: is read by this process", s->config->name,
			s->config->path);
}

void pump_tell_foreign(struct pump_source *s)
{
	bool is_locked = true;

	for (size_t i = 0; i < s->count; i++)
		is_locked &= s->pipes[i].is_locked;
	if (is_locked || s->is_told_foreign)
		return;
	s->is_told_foreign = true;
	log_warning("%s: %s: is read by another process with another "
		    "state_dir or source",
		s->config->name, s->config->path);
}

void pump_take_over(struct pump_source *s)
{
	int taken = s->is_ours ? 1 : spool_take(&s->spool);

	if (taken < 0 && !s->is_told) {
		s->is_told = true;
		if (pump_may_log(s))
			log_error("%s: spool: %s", s->config->name,
				strerror(errno));
	}
	if (!s->is_ours && taken == 0 && s->lock_watch < 0) {
		pump_watch_descriptor_of(s, s->spool.lock, &s->lock_watch);
		/* It may have been closed before it was watched. */
		if (s->lock_watch >= 0)
			taken = spool_take(&s->spool);
	}
	if (!s->is_ours && taken == 1) {
		pump_unwatch(s, &s->lock_watch);
		s->is_ours = s->more = true;
		s->is_told = false;
	}
	if (s->is_ours) {
		lock_pipes(s);
		tell_reader(s);
	}
}

void pump_close_stale(struct pump_source *s)
{
	for (size_t i = 0; i < s->count;) {
		bool stale = i + 1 < s->count || !s->has_current;

		if (stale && flock(s->pipes[i].fd, LOCK_EX | LOCK_NB) == 0)
			pump_close_pipe(s, i);
		else
			i++;
	}
}
