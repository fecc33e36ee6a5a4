#include "fcgi/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/cold.h"
#include "common/hub.h"
#include "common/log.h"
#include "common/program.h"
#include "common/stream.h"
#include "fcgi/client.h"
#include "fcgi/notify.h"
#include "fcgi/reload.h"

/* Descriptors beside those of streams: epoll, inotify, files, requests; and a
 * part of them for clients that are only told to come back. */
#define SPARE_DESCRIPTORS 64
#define SPARE_FRACTION	  4

#define TICK_MS	      1000
#define EVENTS_A_TURN 256

/* Connections taken in one turn: others of our processes wait on the same
 * socket, and get their share. */
#define ACCEPTS_A_TURN 16

/* Between two warnings of the same kind. */
#define WARNING_MS 60000

struct server {
	struct hub hub;
	struct client_context clients;
	struct client list; /* the list's head */
	int epoll;
	int listener;
	int cold;
	bool is_paused; /* out of descriptors: the listener is not asked */
	size_t clients_max;
	int64_t next_warning_ms;
	bool look_again; /* a look had more than it may read at once */
	bool watch_has_events;
	bool disk_answered;
	int64_t next_tick_ms;
	int send_buffer;
};

static volatile sig_atomic_t stopped, reload_wanted;

static void stop(int sig)
{
	stopped = sig;
}

static void want_reload(int sig)
{
	(void)sig;
	reload_wanted = 1;
}

static const struct {
	int number;
	void (*handler)(int sig);
} caught[] = {
	{ SIGTERM, stop },
	{ SIGINT, stop },
	{ SIGUSR1, stop },
	{ SIGHUP, want_reload },
};

void server_hold_reload(void)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

void server_catch_signals(void)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++) {
		const struct sigaction action = { .sa_handler =
							  caught[i].handler };

		sigaction(caught[i].number, &action, NULL);
		sigaddset(&blocked, caught[i].number);
	}
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The signals come only while epoll waits. */
static sigset_t mask_while_waiting(void)
{
	sigset_t mask;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigdelset(&mask, caught[i].number);
	return mask;
}

/* epoll tells our own descriptors by the address of their field. */
static int add_descriptor(struct server *s, int *fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = fd };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, *fd, &event);
}

/* Of several processes on one socket a connection wakes one. */
static int add_listener(struct server *s)
{
	return add_descriptor(s, &s->listener, EPOLLIN | EPOLLEXCLUSIVE);
}

static void remove_listener(struct server *s)
{
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL);
}

/* ---- clients */

static void link_client(struct server *s, struct client *c)
{
	c->next = &s->list;
	c->previous = s->list.previous;
	c->previous->next = c;
	s->list.previous = c;
}

static void unlink_gone(struct server *s)
{
	for (struct client *c = s->clients.gone; c; c = c->next_gone) {
		c->previous->next = c->next;
		c->next->previous = c->previous;
	}
	client_free_gone(&s->clients);
}

/* Until the next tick. */
static void pause_listener(struct server *s, const char *why, int64_t now_ms)
{
	if (now_ms >= s->next_warning_ms) {
		log_warning("accept: %s: with %zu clients others have to wait",
			why, s->clients.count);
		s->next_warning_ms = now_ms + WARNING_MS;
	}
	remove_listener(s);
	s->is_paused = true;
}

/*
 * The kernel asks those who wait in the order in which they began to, and
 * always wakes the first that is idle: where clients come one by one, that
 * process would get all of them, and one core do all the work. Whoever has
 * taken some goes to the end of the queue.
 */
static void let_others_accept(struct server *s)
{
	remove_listener(s);
	/* Tried again at the next tick. */
	s->is_paused = add_listener(s) < 0;
}

/* The kernel doubles the number for its own overhead; what was configured is
 * meant to be all of it. */
static int send_buffer(const struct config *config)
{
	return (int)(config->send_buffer_bytes / 2);
}

static void set_options(const struct server *s, int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &s->send_buffer,
		sizeof(s->send_buffer));
	/* Fails on a unix socket, where nothing is held back. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void accept_some(struct server *s, int64_t now_ms)
{
	int accepted = 0;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct client *c;
		int fd;

		/* Not the last descriptors: without them no request could be
		 * parsed, and no file be opened that came by a rotation. */
		if (s->clients.count >= s->clients_max) {
			pause_listener(s, strerror(EMFILE), now_ms);
			return;
		}
		fd = accept4(
			s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0 && errno != EAGAIN) {
			pause_listener(s, strerror(errno), now_ms);
			return;
		}
		if (fd < 0)
			break;
		accepted++;
		set_options(s, fd);
		c = client_new(&s->clients, fd, now_ms);
		if (c)
			link_client(s, c);
	}
	if (accepted > 0)
		let_others_accept(s);
}

/* ---- sources */

static void on_news(
	void *context, struct source *source, enum feed_outcome outcome)
{
	struct server *s = context;
	struct feed *f = &source->feed;

	if (outcome == FEED_MORE)
		s->look_again = true;
	for (struct follower *one = f->followers.next; one != &f->followers;
		one = one->next) {
		const struct stream *stream = one->owner;

		client_set_ready(stream->owner);
	}
}

static void look(struct server *s)
{
	if (s->watch_has_events)
		hub_read_watch(&s->hub, on_news, s);
	s->watch_has_events = false;
	if (s->disk_answered) {
		cold_drain();
		for (struct client *c = s->list.next; c != &s->list;
			c = c->next)
			client_retry(c, program_now_ms());
	}
	if (s->disk_answered || s->look_again) {
		s->look_again = s->disk_answered = false;
		hub_look(&s->hub, false, on_news, s);
	}
}

/* Those whose clock is due are served; being sent an event makes them wait
 * for the next. One whose socket takes nothing is left out until it does. */
static void serve_clocks(struct server *s, int64_t now_ms)
{
	for (size_t i = 0; i < hub_clocks(&s->hub); i++) {
		struct clock *clock = hub_clock(&s->hub, i);
		struct ticker *t;

		if (!clock)
			continue;
		for (t = clock->tickers.next;
			t != &clock->tickers && t->cursor.due_ms <= now_ms;
			t = t->next) {
			const struct stream *stream = t->owner;

			client_set_ready(stream->owner);
		}
	}
}

static void tick(struct server *s, int64_t now_ms)
{
	s->next_tick_ms = now_ms + TICK_MS;
	if (s->is_paused && s->clients.count < s->clients_max &&
		add_listener(s) == 0)
		s->is_paused = false;
	hub_look(&s->hub, true, on_news, s);
	for (struct client *c = s->list.next; c != &s->list; c = c->next)
		client_tick(c, now_ms);
}

/* ---- the loop */

/* How long epoll may wait. Nobody there: for ever. */
static int timeout_ms(const struct server *s, bool more, int64_t now_ms)
{
	int64_t next = INT64_MAX;

	if (more || s->look_again)
		return 0;
	if (s->clients.count > 0 || s->is_paused || hub_needs_timer(&s->hub))
		next = s->next_tick_ms;
	if (hub_due_ms(&s->hub) < next)
		next = hub_due_ms(&s->hub);
	for (size_t i = 0; i < hub_clocks(&s->hub); i++) {
		const struct clock *clock = hub_clock(&s->hub, i);
		int64_t due = clock ? clock_next_ms(clock) : INT64_MAX;

		/* One that is due already waits for its socket. */
		if (due > now_ms && due < next)
			next = due;
	}
	if (next == INT64_MAX)
		return -1;
	return next > now_ms ? (int)(next - now_ms) : 0;
}

static void handle(
	struct server *s, const struct epoll_event *e, int64_t now_ms)
{
	if (e->data.ptr == &s->listener)
		accept_some(s, now_ms);
	else if (e->data.ptr == &s->hub)
		s->watch_has_events = true;
	else if (e->data.ptr == &s->cold)
		s->disk_answered = true;
	else
		client_handle(e->data.ptr, e->events, now_ms);
}

static void tell_manager(const char *state)
{
	if (notify_send(state) < 0)
		log_warning("service manager: %.*s: not told: %s",
			(int)strcspn(state, "\n"), state, strerror(errno));
}

/* Since version 253 systemd wants to know since when. */
static void tell_reloading(void)
{
	struct timespec now;
	char state[80];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
		now.tv_sec * 1000000LL + now.tv_nsec / 1000);
	tell_manager(state);
}

/* All the signals that came until now are one. */
static void reload_all(struct server *s, int64_t now_ms)
{
	reload_wanted = 0;
	tell_reloading();
	if (reload(&s->hub)) {
		s->clients.figures.reloads++;
		s->send_buffer = send_buffer(s->hub.config);
		for (struct client *c = s->list.next; c != &s->list;
			c = c->next)
			client_reload(c, now_ms);
	} else {
		s->clients.figures.reload_failures++;
	}
	tell_manager("READY=1");
}

static void run(struct server *s, const sigset_t *while_waiting)
{
	struct epoll_event events[EVENTS_A_TURN];
	bool more = false;

	s->next_tick_ms = program_now_ms() + TICK_MS;
	while (!stopped) {
		int64_t now_ms = program_now_ms();
		int n = epoll_pwait(s->epoll, events, EVENTS_A_TURN,
			timeout_ms(s, more, now_ms), while_waiting);

		now_ms = program_now_ms();
		s->clients.figures.wakeups += n > 0;
		for (int i = 0; i < n; i++)
			handle(s, &events[i], now_ms);
		look(s);
		if (now_ms >= s->next_tick_ms)
			tick(s, now_ms);
		hub_look_due(&s->hub, now_ms, on_news, s);
		serve_clocks(s, now_ms);
		if (reload_wanted)
			reload_all(s, now_ms);
		more = client_send_ready(&s->clients, now_ms);
		unlink_gone(s);
		hub_sweep(&s->hub);
	}
}

static void end_all(struct server *s)
{
	size_t count = s->clients.streams;

	for (struct client *c = s->list.next; c != &s->list; c = c->next)
		client_end(c);
	unlink_gone(s);
	log_info(
		"stop: SIG%s: %zu streams ended", sigabbrev_np(stopped), count);
}

long server_streams_max(long descriptors)
{
	long spare = descriptors / 2;

	return descriptors -
	       (spare < SPARE_DESCRIPTORS ? spare : SPARE_DESCRIPTORS);
}

/* With those that are told to come back. */
static size_t clients_max(size_t streams_max)
{
	size_t spare = streams_max < SPARE_DESCRIPTORS ? streams_max
						       : SPARE_DESCRIPTORS;

	return streams_max + spare / SPARE_FRACTION;
}

int server_run(const struct config *config, int fd, size_t streams_max)
{
	static struct server s;
	sigset_t while_waiting;
	int result = EX_OSERR;

	s = (struct server){
		.clients_max = clients_max(streams_max),
		.listener = fd,
		.cold = -1,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.send_buffer = send_buffer(config),
	};
	s.list.next = s.list.previous = &s.list;
	if (s.epoll < 0 || hub_init(&s.hub, config) < 0)
		goto fail;
	if (hub_open_pipes(&s.hub, NULL) < 0) {
		result = EX_CANTCREAT;
		goto release;
	}
	if (client_context_init(&s.clients, s.epoll, &s.hub) < 0)
		goto fail;
	s.clients.piece_bytes = FEED_PIECE_BYTES;
	s.clients.streams_max = streams_max;
	s.cold = cold_start();
	if (s.cold < 0 || add_descriptor(&s, &s.cold, EPOLLIN) < 0 ||
		add_listener(&s) < 0)
		goto fail;
	if (s.hub.watch) {
		struct epoll_event event = { .events = EPOLLIN,
			.data.ptr = &s.hub };

		if (epoll_ctl(s.epoll, EPOLL_CTL_ADD,
			    watch_descriptor(s.hub.watch), &event) < 0)
			goto fail;
	}
	while_waiting = mask_while_waiting();
	tell_manager("READY=1");
	run(&s, &while_waiting);
	tell_manager("STOPPING=1");
	end_all(&s);
	result = 0;
fail:
	if (result)
		log_error("start: %s", strerror(errno));
release:
	client_context_release(&s.clients);
	hub_release(&s.hub);
	if (s.epoll >= 0)
		close(s.epoll);
	return result;
}
