#include "common/hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cure.h"
#include "common/doctor.h"
#include "common/head.h"
#include "common/log.h"
#include "common/page.h"
#include "common/place.h"
#include "common/spool.h"
#include "common/viewer.h"

struct hub_config {
	struct hub_config *next;
	struct config *config;
};

static void free_config(struct hub_config **at)
{
	struct hub_config *one = *at;

	*at = one->next;
	config_free(one->config);
	free(one);
}

int hub_init(struct hub *h, const struct config *config)
{
	*h = (struct hub){ .config = config, .version = 1 };
	h->sources = calloc(config->source_count, sizeof(*h->sources));
	if (!h->sources)
		return -1;
	h->watch = watch_new();
	if (!h->watch)
		log_warning("inotify: not to be had: %s: "
			    "files are looked at once a second",
			strerror(errno));
	for (size_t i = 0; i < config->source_count; i++) {
		struct source *s = source_new(&config->sources[i], &h->scratch,
			h->watch, config->ring_bytes);

		if (!s)
			return -1;
		h->sources[h->source_count++] = s;
	}
	return 0;
}

/* Those that no stream has, or all; returns whether there was one. */
static bool free_retired(struct hub *h, bool all)
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

void hub_release(struct hub *h)
{
	free_retired(h, true);
	for (size_t i = 0; i < h->source_count; i++)
		source_free(h->sources[i]);
	for (size_t i = 0; i < BEATS; i++)
		source_free(h->beats[i]);
	pump_free(h->pump);
	free(h->sources);
	while (h->owned)
		free_config(&h->owned);
	watch_free(h->watch);
	buffer_release(&h->scratch.window);
	buffer_release(&h->scratch.text);
	*h = (struct hub){ 0 };
}

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

static int open_pipe(struct hub *h, struct source *s)
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
		if (have_pump(h) < 0 || open_pipe(h, s) < 0)
			return -1;
	}
	return h->pump ? start_pump(h) : 0;
}

static struct source *find(const struct hub *h, const char *name)
{
	for (size_t i = 0; i < h->source_count; i++)
		if (strcmp(h->sources[i]->config->name, name) == 0)
			return h->sources[i];
	return NULL;
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

size_t hub_clocks(const struct hub *h)
{
	return h->source_count + BEATS;
}

struct clock *hub_clock(const struct hub *h, size_t number)
{
	struct source *s = number < h->source_count
				   ? h->sources[number]
				   : h->beats[number - h->source_count];

	return s && s->config->type == SOURCE_CLOCK ? &s->clock : NULL;
}

/* The sources as one visitor sees them. */
struct view {
	struct hub *hub;
	struct access_visitor visitor;
};

/* NULL is as good as hidden, and the other way round. */
static enum access_decision decide(const struct view *v, const struct source *s)
{
	if (!s)
		return ACCESS_HIDDEN;
	if (v->hub->is_by_hand)
		return ACCESS_GRANTED;
	return access_decide(&s->config->access, &v->visitor);
}

/* The bare MOUNT streams the source named default, or the only one. */
static struct source *default_source(const struct view *v)
{
	struct source *only = NULL;
	size_t count = 0;

	for (size_t i = 0; i < v->hub->source_count; i++) {
		struct source *s = v->hub->sources[i];

		if (decide(v, s) == ACCESS_HIDDEN)
			continue;
		if (strcmp(s->config->name, "default") == 0)
			return s;
		only = s;
		count++;
	}
	return count == 1 ? only : NULL;
}

/* All or none: the worst that is decided about any of them. */
static enum access_decision take_named(const struct view *v,
	const struct request *request, struct route *route)
{
	enum access_decision worst = ACCESS_GRANTED;

	route->count = 0;
	for (size_t i = 0; i < request->source_count; i++) {
		struct source *s = find(v->hub, request->source[i]);
		enum access_decision decision = decide(v, s);

		if (decision > worst)
			worst = decision;
		route->sources[route->count++] = s;
	}
	return worst;
}

/* The script's name may hold what another server has in PATH_INFO. */
static enum access_decision take_script_name(const struct view *v,
	const struct request *request, struct route *route)
{
	struct request other = *request;

	return request_take_script_name(&other) ? take_named(v, &other, route)
						: ACCESS_HIDDEN;
}

static enum access_decision take_sources(const struct view *v,
	const struct request *request, struct route *route)
{
	enum access_decision decision;

	if (request->source_count > 0)
		return take_named(v, request, route);
	decision = take_script_name(v, request, route);
	if (decision != ACCESS_HIDDEN)
		return decision;
	route->count = 1;
	route->sources[0] = default_source(v);
	return decide(v, route->sources[0]);
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

static bool asks_for_no_source(const struct request *request)
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
	const struct view *v, const struct request *request)
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

/* ---- answers */

/* Does a source have ids that are not ours? Those of others cannot be joined
 * with them. */
static bool has_writer_ids(const struct route *route)
{
	for (size_t i = 0; i < route->count; i++)
		if (route->sources[i]->config->ids != IDS_POSITION)
			return true;
	return false;
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
static int status_of(const struct view *v, enum request_outcome outcome,
	const struct request *request, struct route *route)
{
	enum access_decision decision = ACCESS_HIDDEN;

	if (request->method == REQUEST_OTHER)
		return 405;
	if (outcome == REQUEST_MALFORMED)
		return 400;
	if (outcome == REQUEST_OK && !asks_for_no_source(request)) {
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

/* ---- the viewer */

/* Is the bare MOUNT asked for, to be looked at? */
static bool is_for_page(const struct view *v, const struct request *request)
{
	struct route route;

	return request->wants_html && !asks_for_no_source(request) &&
	       request->source_count == 0 &&
	       take_script_name(v, request, &route) == ACCESS_HIDDEN;
}

static void list_source(struct buffer *list, const struct source_config *config)
{
	static const char *const types[] = {
		[SOURCE_FILE] = "file",
		[SOURCE_FIFO] = "fifo",
		[SOURCE_CLOCK] = "clock",
	};
	/* A clock has no past. */
	bool has_past = config->type != SOURCE_CLOCK;

	viewer_list_source(list, config->name, place_source_tag(config->name),
		types[config->type], has_past ? config->history : 0,
		has_past ? config->history_max : 0);
}

/* Also for a visitor who may read nothing: a page without sources says no
 * more than that this program is here, as the 404 does. */
static void add_page(
	const struct view *v, struct buffer *answer, bool with_body)
{
	struct buffer list = BUFFER_INIT;
	char nonce[PAGE_NONCE_LEN + 1];

	for (size_t i = 0; i < v->hub->source_count; i++)
		if (decide(v, v->hub->sources[i]) == ACCESS_GRANTED)
			list_source(&list, v->hub->sources[i]->config);
	page_make_nonce(nonce);
	viewer_add_page(
		answer, &list, nonce, v->hub->config->doctor, with_body);
	buffer_release(&list);
}

/* Answers what belongs to the viewer; false: nothing of it. */
static bool answer_viewer(const struct view *v, enum request_outcome outcome,
	const struct request *request, struct buffer *answer)
{
	bool with_body = request->method == REQUEST_GET;

	if (outcome != REQUEST_OK || request->method == REQUEST_OTHER)
		return false;
	if (request->wants_worker && request->source_count == 0 &&
		!asks_for_no_source(request))
		viewer_add_worker(answer, with_body);
	else if (is_for_page(v, request))
		add_page(v, answer, with_body);
	else
		return false;
	return true;
}

/* Answers what is asked of the doctor, but for streams; false: nothing is. */
static bool answer_doctor(const struct hub *h, enum request_outcome outcome,
	const struct request *request, struct buffer *answer)
{
	const struct doctor_host host = {
		.software = cure_software(request->server_software),
		.is_cgi = h->is_cgi,
		.is_forwarded = request->is_forwarded,
		.heartbeat_s = h->config->heartbeat_s,
	};
	bool with_body = request->method == REQUEST_GET;
	char nonce[PAGE_NONCE_LEN + 1];

	if (outcome != REQUEST_OK || request->method == REQUEST_OTHER ||
		!h->config->doctor)
		return false;
	if (request->doctor == REQUEST_DOCTOR_PAGE) {
		page_make_nonce(nonce);
		doctor_add_page(
			answer, h->config->heartbeat_s, nonce, with_body);
		return true;
	}
	if (request->doctor != REQUEST_DOCTOR_JUDGE)
		return false;
	doctor_add_judgement(answer, &request->measurement, &host, with_body);
	return true;
}

bool hub_route(struct hub *h, enum request_outcome outcome,
	const struct request *request, struct route *route,
	struct buffer *answer)
{
	bool head = request->method == REQUEST_HEAD;
	struct view view = { .hub = h };
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
	if (answer_viewer(&view, outcome, request, answer) ||
		answer_doctor(h, outcome, request, answer))
		return false;
	status = status_of(&view, outcome, request, route);
	if (status)
		head_add_answer(answer, status, NULL, !head, &route->cors);
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

static void look(struct hub *h, struct source *s, bool timer, hub_news *news,
	void *context)
{
	enum feed_outcome outcome = feed_look(&s->feed, timer);

	if (outcome == FEED_NOTHING)
		return;
	h->version++;
	news(context, s, outcome);
}

static void mark(void *context, int wd)
{
	const struct hub *h = context;

	for (size_t i = 0; i < h->source_count; i++)
		if (wd < 0 || feed_has_watch(&h->sources[i]->feed, wd))
			h->sources[i]->is_touched = true;
}

void hub_read_watch(struct hub *h, hub_news *news, void *context)
{
	if (!h->watch)
		return;
	watch_drain(h->watch, mark, h);
	for (size_t i = 0; i < h->source_count; i++) {
		struct source *s = h->sources[i];

		if (s->is_touched && source_has_feed(s))
			look(h, s, false, news, context);
		s->is_touched = false;
	}
}

void hub_look(struct hub *h, bool timer, hub_news *news, void *context)
{
	for (size_t i = 0; i < h->source_count; i++)
		if (h->sources[i]->feed.is_open)
			look(h, h->sources[i], timer, news, context);
}

int64_t hub_due_ms(const struct hub *h)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < h->source_count; i++) {
		int64_t due = feed_due_ms(&h->sources[i]->feed);

		if (h->sources[i]->feed.is_open && due < first)
			first = due;
	}
	return first;
}

void hub_look_due(struct hub *h, int64_t now_ms, hub_news *news, void *context)
{
	for (size_t i = 0; i < h->source_count; i++)
		if (h->sources[i]->feed.is_open &&
			feed_due_ms(&h->sources[i]->feed) <= now_ms)
			look(h, h->sources[i], false, news, context);
}

bool hub_needs_timer(const struct hub *h)
{
	for (size_t i = 0; i < h->source_count; i++)
		if (h->sources[i]->feed.is_open)
			return true;
	return false;
}

/* ---- another configuration */

/* The source that goes on as `config`, or NULL. */
static struct source *kept(struct hub *h, const struct config *next,
	const struct source_config *config)
{
	struct source *s = find(h, config->name);

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
		if (is_pipe(s) && !s->pipe && open_pipe(h, s) < 0) {
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
		const struct source *old = find(h, name);

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

static bool has_pipes(const struct config *config)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (config->sources[i].type == SOURCE_FIFO)
			return true;
	return false;
}

/* With a pump that runs and is held, when there are pipes. */
static int hold_pump(struct hub *h, const struct config *next)
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
			free_config(at);
	}
}

void hub_sweep(struct hub *h)
{
	if (h->retired && free_retired(h, false))
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
	if (hold_pump(h, config) < 0) {
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
	free_retired(h, false);
	free_configs(h);
	return list ? 0 : -1;
}
