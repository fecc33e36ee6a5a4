/*
 * stand_fastcgi: ssetail.fcgi behind both servers, and the ideal sender in its
 * place.
 */
#include "tests/bench/stand.h"

#include <limits.h>
#include <stdio.h>

#include "tests/bench/folder.h"
#include "tests/bench/sequence.h"

/* ---- ssetail.fcgi */

static void start_responder(struct stand *s)
{
	char program[PATH_MAX];

	snprintf(program, sizeof(program), "%s/ssetail.fcgi", s->build);
	s->responder = responder_open(program, RESPONDER_SEND_BUFFER, 1);
}

static void append_by_responder(struct stand *s, size_t events)
{
	responder_append(&s->responder, events);
}

static struct web open_lighttpd(struct stand *s, const char *socket)
{
	const struct fragment_value set[] = { { "ssetail_socket", socket },
		{ NULL, NULL } };

	return web_open_lighttpd(
		s->clients, "conf/lighttpd/fastcgi-external.conf", set);
}

static void start_lighttpd_ssetail(struct stand *s)
{
	start_responder(s);
	s->web = open_lighttpd(s, s->responder.socket);
	s->sender = tree_find(s->responder.pids[0], TREE_ROOT);
}

static void start_nginx_ssetail(struct stand *s)
{
	start_responder(s);
	s->web = web_open_nginx(s->clients, s->responder.socket);
	s->sender = tree_find(s->responder.pids[0], TREE_ROOT);
}

static void stop_responder(struct stand *s)
{
	web_close(&s->web);
	responder_close(&s->responder);
}

const struct stand_kind lighttpd_ssetail = {
	.server = "lighttpd",
	.sender = "ssetail.fcgi",
	.start = start_lighttpd_ssetail,
	.stop = stop_responder,
	.append = append_by_responder,
};

const struct stand_kind nginx_ssetail = {
	.server = "nginx",
	.sender = "ssetail.fcgi",
	.start = start_nginx_ssetail,
	.stop = stop_responder,
	.append = append_by_responder,
};

/* ---- the ideal sender: the limit, with what ssetail.fcgi has sent */

static void keep(struct bytes *to, const struct bytes *from)
{
	bytes_add(to, from->data, from->len);
}

/* Records what a web server is sent: once, from a responder that then ends. */
static void record(struct stand *s)
{
	struct bytes request = BYTES_INIT;
	struct crowd *crowd;

	start_responder(s);
	responder_put_request(&request);
	crowd = crowd_open(s->responder.socket, 1, &request);
	crowd_wait_open(crowd);
	keep(&s->head, crowd_first_got(crowd));
	crowd_expect(crowd, 1);
	responder_append(&s->responder, 1);
	crowd_wait(crowd);
	keep(&s->event, crowd_first_got(crowd));
	crowd_close(crowd);
	responder_close(&s->responder);
	bytes_release(&request);
}

static const char *open_limit(struct stand *s)
{
	const char *socket = folder_new_path("limit");

	record(s);
	s->limit = limit_open(socket, s->clients, RESPONDER_SEND_BUFFER / 2);
	s->sender = tree_find(s->limit.pid, TREE_ROOT);
	return socket;
}

static void start_lighttpd_ideal(struct stand *s)
{
	s->web = open_lighttpd(s, open_limit(s));
}

static void start_nginx_ideal(struct stand *s)
{
	s->web = web_open_nginx(s->clients, open_limit(s));
}

static void stop_limit(struct stand *s)
{
	web_close(&s->web);
	limit_close(&s->limit);
}

static void send_events(struct stand *s, size_t events)
{
	struct bytes pass = BYTES_INIT;

	for (size_t i = 0; i < events; i++)
		keep(&pass, &s->event);
	sequence_renumber(pass.data, pass.len, s->written);
	limit_send(&s->limit, &pass);
	bytes_release(&pass);
}

const struct stand_kind lighttpd_ideal = {
	.server = "lighttpd",
	.sender = "ideal",
	.start = start_lighttpd_ideal,
	.stop = stop_limit,
	.append = send_events,
	.is_ideal = true,
};

const struct stand_kind nginx_ideal = {
	.server = "nginx",
	.sender = "ideal",
	.start = start_nginx_ideal,
	.stop = stop_limit,
	.append = send_events,
	.is_ideal = true,
};
