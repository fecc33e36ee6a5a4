#include "common/pump_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum file_state pump_state(const struct pump_source *s)
{
	return (enum file_state)s->state;
}

struct pump_figures pump_measure(const struct pump_source *s)
{
	return (struct pump_figures){
		.is_ours = s->is_counted,
		.kept_bytes = s->kept_bytes,
	};
}

bool pump_may_log(struct pump_source *s)
{
	return log_spend(&s->log, s->config->name);
}

static void release_source(struct pump_source *s)
{
	if (!s)
		return;
	/* The spool last: who takes it over finds the pipes free. */
	while (s->count > 0)
		pump_close_pipe(s, 0);
	pump_unwatch(s, &s->lock_watch);
	pump_unwatch(s, &s->directory_watch);
	spool_close(&s->spool);
	free(s);
}

static int add_descriptor(struct pump *p, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event);
}

struct pump *pump_new(void)
{
	struct pump *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->peek[0] = p->peek[1] = -1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->wake < 0 || p->epoll < 0 ||
		pipe2(p->peek, O_NONBLOCK | O_CLOEXEC) < 0 ||
		add_descriptor(p, p->wake, NULL) < 0)
		goto fail;
	p->watch = watch_new();
	if (!p->watch)
		log_warning("inotify: not to be had: %s: pipes are looked at "
			    "once a second",
			strerror(errno));
	else if (add_descriptor(p, watch_descriptor(p->watch), p) < 0)
		goto fail;
	return p;
fail:
	pump_free(p);
	return NULL;
}

/* Has room for one more source. */
static int make_room(struct pump *p)
{
	struct pump_source **list =
		realloc(p->sources, (p->count + 1) * sizeof(*list));

	if (!list)
		return -1;
	p->sources = list;
	return 0;
}

struct pump_source *pump_add(struct pump *p, const struct source_config *config,
	const char *state_dir)
{
	struct pump_source *s = calloc(1, sizeof(*s));

	if (!s || make_room(p) < 0) {
		log_error("%s: %s", config->name, strerror(ENOMEM));
		free(s);
		return NULL;
	}
	s->config = config;
	s->pump = p;
	s->lock_watch = s->directory_watch = -1;
	s->last = PUMP_LAST_UNKNOWN;
	s->state = FILE_OPEN;
	s->group = (gid_t)-1;
	if (config->create)
		pump_find_group(s);
	if (spool_open(&s->spool, state_dir, config->name, config->spool_bytes,
		    (struct spool_records){
			    config->format, config->max_line_bytes }) < 0) {
		free(s);
		return NULL;
	}
	p->sources[p->count++] = s;
	if (p->is_running)
		pump_begin(s);
	return s;
}

void pump_remove(struct pump *p, struct pump_source *s)
{
	size_t i = 0;

	while (p->sources[i] != s)
		i++;
	p->sources[i] = p->sources[--p->count];
	pump_finish(s);
	release_source(s);
}

void pump_free(struct pump *p)
{
	if (!p || (p->is_running && !pump_join(p)))
		return;
	for (size_t i = 0; i < p->count; i++)
		release_source(p->sources[i]);
	free(p->sources);
	watch_free(p->watch);
	for (int i = 0; i < 2; i++)
		if (p->peek[i] >= 0)
			close(p->peek[i]);
	if (p->epoll >= 0)
		close(p->epoll);
	if (p->wake >= 0)
		close(p->wake);
	free(p);
}
