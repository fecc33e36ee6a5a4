#include "common/pump_inside.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "common/program.h"

#define TICK_MS	      1000
#define EVENTS_A_TURN 64

/* How long the end, or whoever wants the thread to hold still, waits for a
 * disk. */
#define STOP_S 2

/* Between two turns: nothing of a source is in anybody's hands. */
static void hold_still(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->hold) {
		p->is_held = true;
		pthread_cond_broadcast(&p->changed);
		pthread_cond_wait(&p->changed, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
}

static void *run(void *context)
{
	struct pump *p = context;
	int64_t next_tick_ms = program_now_ms() + TICK_MS;

	while (!p->is_stopping) {
		struct epoll_event events[EVENTS_A_TURN];
		int n = epoll_wait(p->epoll, events, EVENTS_A_TURN,
			pump_timeout_ms(p, next_tick_ms));
		int64_t now_ms = program_now_ms();
		bool tick = now_ms >= next_tick_ms;

		for (int i = 0; i < n; i++)
			pump_handle(p, events[i].data.ptr);
		if (tick)
			next_tick_ms = now_ms + TICK_MS;
		for (size_t i = 0; i < p->count; i++)
			pump_step(p->sources[i], now_ms, tick);
		hold_still(p);
	}
	for (size_t i = 0; i < p->count; i++)
		pump_finish(p->sources[i]);
	return NULL;
}

int pump_hold(struct pump *p)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_S;
	pthread_mutex_lock(&p->lock);
	p->hold = true;
	eventfd_write(p->wake, 1);
	while (!p->is_held && !error)
		error = pthread_cond_clockwait(
			&p->changed, &p->lock, CLOCK_MONOTONIC, &until);
	if (!p->is_held)
		p->hold = false;
	error = p->is_held ? 0 : error;
	pthread_mutex_unlock(&p->lock);
	errno = error;
	return error ? -1 : 0;
}

void pump_let_go(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	p->hold = p->is_held = false;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

static int start_thread(struct pump *p)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return error ? -1 : 0;
}

int pump_start(struct pump *p)
{
	for (size_t i = 0; i < p->count; i++)
		pump_begin(p->sources[i]);
	if (start_thread(p) < 0)
		return -1;
	p->is_running = true;
	return 0;
}

bool pump_join(struct pump *p)
{
	struct timespec until;

	p->is_stopping = true;
	eventfd_write(p->wake, 1);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	return pthread_timedjoin_np(p->thread, NULL, &until) == 0;
}
