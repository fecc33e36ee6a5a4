/* From a request to its sources, or to an answer. */
#include "common/hub_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/head.h"

enum access_decision hub_decide(
	const struct hub_view *v, const struct source *s)
{
	if (!s)
		return ACCESS_HIDDEN;
	if (v->hub->is_by_hand)
		return ACCESS_GRANTED;
	return access_decide(&s->config->access, &v->visitor);
}

/* The bare MOUNT streams the source named default, or the only one. */
static struct source *default_source(const struct hub_view *v)
{
	struct source *only = NULL;
	size_t count = 0;

	for (size_t i = 0; i < v->hub->source_count; i++) {
		struct source *s = v->hub->sources[i];

		if (hub_decide(v, s) == ACCESS_HIDDEN)
			continue;
		if (strcmp(s->config->name, "default") == 0)
			return s;
		only = s;
		count++;
	}
	return count == 1 ? only : NULL;
}

/* All or none: the worst that is decided about any of them. */
static enum access_decision take_named(const struct hub_view *v,
	const struct request *request, struct route *route)
{
	enum access_decision worst = ACCESS_GRANTED;

	route->count = 0;
	for (size_t i = 0; i < request->source_count; i++) {
		struct source *s = hub_find(v->hub, request->source[i]);
		enum access_decision decision = hub_decide(v, s);

		if (decision > worst)
			worst = decision;
		route->sources[route->count++] = s;
	}
	return worst;
}

enum access_decision hub_take_script_name(const struct hub_view *v,
	const struct request *request, struct route *route)
{
	struct request other = *request;

	return request_take_script_name(&other) ? take_named(v, &other, route)
						: ACCESS_HIDDEN;
}

static enum access_decision take_sources(const struct hub_view *v,
	const struct request *request, struct route *route)
{
	enum access_decision decision;

	if (request->source_count > 0)
		return take_named(v, request, route);
	decision = hub_take_script_name(v, request, route);
	if (decision != ACCESS_HIDDEN)
		return decision;
	route->count = 1;
	route->sources[0] = default_source(v);
	return hub_decide(v, route->sources[0]);
}

/* A finite clock that is followed alone and was seen to its end; or what was
 * before, of any clock: it has no past. */
static bool has_ended(const struct route *route, const struct request *request)
{
	const struct source *s = route->sources[0];
	char *end;

	if (route->count != 1 || s->config->type != SOURCE_CLOCK)
		return false;
	if (request->before_given)
		return true;
	if (s->config->count == 0 || !request->id_given ||
		request->id[0] < '0' || request->id[0] > '9')
		return false;
	return strtoull(request->id, &end, 10) >= s->config->count && !*end;
}

bool hub_asks_for_no_source(const struct request *request)
{
	return request->wants_metrics || request->doctor;
}

/* ---- other origins */

/* A source's own rules come in place of those of the whole. */
static const struct cors_rules *cors_of(
	const struct hub *h, const struct source *s)
{
	return s->config->has_cors ? &s->config->cors : &h->config->cors;
}

static struct cors_grant grant(const struct hub *h,
	const struct cors_rules *const *rules, size_t count,
	const struct request *request)
{
	return cors_decide(
		rules, count, request->origin, h->config->cors_credentials);
}

static struct cors_grant grant_whole(
	const struct hub *h, const struct request *request)
{
	const struct cors_rules *rules = &h->config->cors;

	return grant(h, &rules, 1, request);
}

static struct cors_grant grant_sources(const struct hub *h,
	const struct route *route, const struct request *request)
{
	const struct cors_rules *rules[REQUEST_SOURCES_MAX];

	for (size_t i = 0; i < route->count; i++)
		rules[i] = cors_of(h, route->sources[i]);
	return grant(h, rules, route->count, request);
}

static struct cors_grant grant_preflight(
	const struct hub_view *v, const struct request *request)
{
	struct cors_grant all = grant_whole(v->hub, request);

	for (size_t i = 0; i < v->hub->source_count && !all.origin; i++) {
		const struct source *s = v->hub->sources[i];
		const struct cors_rules *rules = cors_of(v->hub, s);
		struct cors_grant one;

		if (!access_is_allowed_from(
			    &s->config->access, &v->visitor.address))
			continue;
		one = grant(v->hub, &rules, 1, request);
		one.varies |= all.varies;
		all = one;
	}
	return all;
}

/* ---- streams and answers */

/* Does a source have ids that are not ours? Those of others cannot be joined
 * with them. */
static bool has_writer_ids(const struct route *route)
{
	for (size_t i = 0; i < route->count; i++)
		if (route->sources[i]->config->ids != IDS_POSITION)
			return true;
	return false;
}

/* One of the doctor's streams; NULL with ENOMEM. */
static struct source *beat_source(struct hub *h, enum beat beat)
{
	static char name[] = "doctor";

	h->beat_configs[beat] = (struct source_config){
		.name = name,
		.type = SOURCE_CLOCK,
		.show = CLOCK_BEAT,
		.interval_ms = beat_interval_ms(beat, h->config->heartbeat_s),
		.count = beat_events(beat),
		.is_padded = beat == BEAT_PACE,
	};
	if (!h->beats[beat])
		h->beats[beat] = source_new(&h->beat_configs[beat], NULL, NULL,
			h->config->ring_bytes);
	return h->beats[beat];
}

/* One of the doctor's streams. As status_of. */
static int take_beat(
	struct hub *h, const struct request *request, struct route *route)
{
	struct source *s;

	if (!h->config->doctor)
		return 404;
	s = beat_source(h, request->beat);
	if (!s)
		return 500;
	route->count = 1;
	route->sources[0] = s;
	return has_ended(route, request) ? 204 : 0;
}

/* Of the answer to what opens no stream; 0: it opens one. */
static int status_of(const struct hub_view *v, enum request_outcome outcome,
	const struct request *request, struct route *route)
{
	enum access_decision decision = ACCESS_HIDDEN;

	if (request->method == REQUEST_OTHER)
		return 405;
	if (outcome == REQUEST_MALFORMED)
		return 400;
	if (outcome == REQUEST_OK && !hub_asks_for_no_source(request)) {
		decision = take_sources(v, request, route);
		if (request->before_given && route->count > 1)
			return 400;
	}
	if (outcome == REQUEST_OK && request->doctor)
		return take_beat(v->hub, request, route);
	if (decision == ACCESS_HIDDEN)
		return 404;
	route->cors = grant_sources(v->hub, route, request);
	if (decision == ACCESS_FORBIDDEN)
		return 403;
	if (route->count > 1 && has_writer_ids(route))
		return 400;
	return has_ended(route, request) ? 204 : 0;
}

bool hub_route(struct hub *h, enum request_outcome outcome,
	const struct request *request, struct route *route,
	struct buffer *answer)
{
	bool head = request->method == REQUEST_HEAD;
	struct hub_view view = { .hub = h };
	const char *why = NULL;
	int status;

	access_visitor_init(&view.visitor, request->remote_address,
		request->remote_user, request->has_auth_type,
		h->config->trust_remote_user);
	route->cors = grant_whole(h, request);
	route->incremental = h->config->incremental && !request->is_plain;
	if (request->method == REQUEST_OPTIONS) {
		if (request->is_preflight)
			route->cors = grant_preflight(&view, request);
		head_add_options(answer, request->is_preflight, &route->cors);
		return false;
	}
	if (hub_answer_viewer(&view, outcome, request, answer) ||
		hub_answer_doctor(h, outcome, request, answer))
		return false;
	status = status_of(&view, outcome, request, route);
	if (request->method == REQUEST_NO_METHOD)
		why = "There is no REQUEST_METHOD, which a web server has to "
		      "set (RFC 3875, 4.1.12).\n";
	if (status)
		head_add_answer(answer, status, why, !head, &route->cors);
	else if (head)
		head_add_stream(answer, route->incremental, &route->cors);
	return !status && !head;
}

bool hub_shows_metrics(const struct hub *h, enum request_outcome outcome,
	const struct request *request)
{
	const struct access_rules *rules = &h->config->metrics;
	struct access_address address;

	if (outcome != REQUEST_OK || !request->wants_metrics ||
		(request->method != REQUEST_GET &&
			request->method != REQUEST_HEAD))
		return false;
	access_read_address(&address, request->remote_address);
	return rules->allow_count > 0 &&
	       access_is_allowed_from(rules, &address);
}
